import pytest

from etl.values import keys


def test_numbers_as_agreed_with_1c():
    assert keys.order("123") == "B24-123"
    assert keys.invoice("7") == "S24-7"
    assert keys.charge("123", "2026-11", 1) == "M26111" + "0003F"
    assert keys.act("123", 1) == "A1-123"
    assert keys.act("123", 2) == "A2-123"
    assert keys.act("123", 1, 2) == "A12123"
    assert keys.act("123", 1, 2, reversal=True) == "R12123"


def test_the_version_in_a_number_saturates():
    """Deal and month are unique already: the 36th version of a month charges like the first."""
    assert keys.charge("123", "2026-11", 35) == keys.charge("123", "2026-11", 99) == "M2611Z0003F"
    assert keys.decode("M2611Z0003F") == keys.Key("charge", "123", month="2026-11", version=35)


def test_numbers_are_read_back():
    assert keys.decode("M261110003F") == keys.Key("charge", "123", month="2026-11", version=1)
    assert keys.decode("B24-123        ") == keys.Key("order", "123"), "1C pads numbers with blanks"
    assert keys.decode("A1A99") == keys.Key("act", "99", part=1, turn=10)


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        "",
        "5",
        "УТ-000123",
        "00БП-000015",
        "B24-0123",
        "B24-",
        "M261300003F",
        "M2611100000",
        "A3-5",
        "A1-05",
        "A115",
        "В24-123",
        "B24-١٢",
        "M261110003F1",
        "b24-123",
    ],
)
def test_other_numbers_are_not_ours(foreign):
    assert keys.decode(foreign) is None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: keys.order("12345678"), "длиннее 11"),
        (lambda: keys.charge("60466176", "2026-11", 1), "не помещается"),
        (lambda: keys.charge("123", "2026-11", 0), "не помещается"),
        (lambda: keys.charge("123", "2026-13", 1), "не месяц"),
        (lambda: keys.charge("123", "1999-12", 1), "не месяц"),
        (lambda: keys.act("123456789", 1), "длиннее"),
        (lambda: keys.act("123", 3), "1 или 2"),
        (lambda: keys.act("123", 1, 36), "не помещается"),
        (lambda: keys.order("0"), "не целое"),
        (lambda: keys.order("12a"), "не целое"),
        (lambda: keys.order("١٢"), "не целое"),
    ],
)
def test_what_does_not_fit_is_refused_never_cut(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_document_id_differs_by_portal_kind_and_number():
    one = keys.document_id("video", "order", "B24-1")
    assert one == keys.document_id("video", "order", "B24-1")
    assert (
        len(
            {
                one,
                keys.document_id("office", "order", "B24-1"),
                keys.document_id("video", "invoice", "B24-1"),
                keys.document_id("video", "order", "B24-2"),
            }
        )
        == 4
    )
    assert len(one) == 36
