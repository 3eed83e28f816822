import pytest

from etl.values import checked


def test_inn_warns_and_never_refuses():
    assert checked.inn("7707083893") == ("7707083893", None)
    assert checked.inn(" 77-0708 3893 ").value == "7707083893"
    assert checked.inn("500100732259") == ("500100732259", None)
    assert checked.inn(None) == (None, None)
    assert "контрольная" in checked.inn("7707083894").warning
    assert "00" in checked.inn("0000000018").warning, "no tax office begins with 00"
    assert "потерян ноль" in checked.inn("770708389").warning
    assert "10 или 12" in checked.inn("77070838931234").warning
    assert checked.inn("abc").warning and checked.inn("7707083893.0").value == "7707083893"


def test_kpp():
    assert checked.kpp("770701001", "7707083893") == ("770701001", None)
    assert checked.kpp("7707AA001").warning is None
    assert "9 знаков" in checked.kpp("77070100").warning
    assert "12 цифр" in checked.kpp("770701001", "500100732259").warning


def test_phones_in_a_text():
    assert [phone.value for phone in checked.phones("8 (495) 123-45-67 доб. 12, 8-916-123-45-67")] == [
        "+74951234567 доб. 12",
        "+79161234567",
    ]
    assert [phone.value for phone in checked.phones("89161234567; +7 916 123 45 67")] == ["+79161234567"]
    assert checked.phones("+7 701 123 45 67")[0].value == "+77011234567"
    assert checked.phones(None) == ()
    (typed,) = checked.phones("123-45-67")
    assert typed.value == "123-45-67" and "код города" in typed.warning


def test_emails():
    assert checked.email("Petr.Ivanov@EXAMPLE.com ") == ("Petr.Ivanov@example.com", None)
    assert checked.email("mailto:<a@b.ru>").value == "a@b.ru"
    assert checked.email("нет").warning
    assert checked.email("a@пример.рф").warning is None
    assert [item.value for item in checked.emails("a@b.ru; c@d.ru, a@b.ru")] == ["a@b.ru", "c@d.ru"]


@pytest.mark.parametrize(
    "filler",
    [
        "0",
        "00",
        "0000000000",
        " 0 ",
        "-",
        "--",
        "—",
        "–",
        "0-0",
        ".",
        "0.0",
        " ",
        "",
        None,
        0,
        "нет",
        "Н/Д",
        "не указан",
    ],
)
def test_a_filler_is_absence(filler: object) -> None:
    assert checked.code(filler) is None
    assert checked.inn(filler) == checked.kpp(filler) == checked.Checked(None)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("0000000018", "0000000018"),
        (7707083893.0, "7707083893"),
        ("770 701-001", "770701001"),
        ("SABRRUMMXXX", "SABRRUMMXXX"),
        ("00000001", "00000001"),
    ],
)
def test_a_code_stays_whole(said: object, code: str) -> None:
    assert checked.code(said) == code
