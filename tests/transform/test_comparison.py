"""Values of directory fields: what is the same, what a list becomes, what one owner decides."""

from __future__ import annotations

from typing import Any

import pytest

from etl.transform import comparison
from etl.transform.agreed import ABSENT, EMPTY, NOTHING, Agreed, Sent, published
from etl.transform.comparison import Assigned

ACCOUNT = ("40702810900000000001", "Банк", "044525225", "30101810400000000225", "RUB")


@pytest.mark.parametrize(
    ("field", "left", "right", "same"),
    [
        ("name", " ООО  Ромашка", "ООО Ромашка", True),
        ("name", "", None, True),
        ("phones", ("+7 (912) 000-11-22",), ("89120001122",), True),
        ("emails", ("A@b.ru",), ("a@b.ru ",), True),
        ("phones", (), None, True),
        ("phones", ("1", "2"), ("2", "1"), True),
        ("phones", ("1",), ("1", "2"), False),
        ("accounts", (ACCOUNT,), ((ACCOUNT[0], "Банк ПАО", *ACCOUNT[2:]),), True),
        ("accounts", (ACCOUNT,), ((ACCOUNT[0], ACCOUNT[1], "044525226", *ACCOUNT[3:]),), False),
        ("deleted", None, False, True),
    ],
)
def test_two_spellings_of_one_value_are_the_same(field: str, left: Any, right: Any, same: bool) -> None:
    assert comparison.same(field, left, right) is same


def test_a_list_of_1c_is_added_and_takes_away_only_what_both_had() -> None:
    held, given = ("+79120001122", "+79120003344"), ("8 912 000-11-22", "+79120005566")
    after = comparison.joined("phones", held, given)
    assert after == (*held, "+79120005566")
    assert comparison.dropped("phones", ("+79120003344", "+79120007788"), after) == ("+79120007788",)
    assert comparison.dropped("phones", ABSENT, after) == ()
    assert comparison.joined("name", "a", "b") == "b"


def test_an_account_of_1c_replaces_the_one_of_its_number() -> None:
    other, renamed = ("2", *ACCOUNT[1:]), (ACCOUNT[0], "Банк ПАО", *ACCOUNT[2:])
    assert comparison.joined("accounts", (ACCOUNT, other), (renamed,)) == (other, renamed)


WRITTEN = Assigned(True, "1c's", "поле ведёт 1С")


@pytest.mark.parametrize(
    ("held", "owner", "answer", "found"),
    [
        ("portal's", "1c", None, WRITTEN),
        ("portal's", "portal", None, Assigned(False)),
        ("portal's", "ask", None, Assigned(True, asks=True)),
        ("portal's", "ask", "1c", WRITTEN),
        ("portal's", "ask", "portal", Assigned(False)),
        (None, "portal", None, Assigned(True, "1c's", "на портале было пусто")),
        (None, "ask", None, Assigned(True, "1c's", "на портале было пусто")),
        (" 1c's", "1c", None, Assigned(False)),
    ],
)
def test_a_field_with_one_owner_is_written_where_it_differs(
    held: str | None, owner: comparison.Owner, answer: comparison.Owner | None, found: Assigned
) -> None:
    assert comparison.assigned("name", held, "1c's", owner, answer) == found


@pytest.mark.parametrize(
    ("known", "shown", "refused"),
    [
        (published("a", 5), "b", True),
        (published("a", 5), " a", False),
        (published("a", 5), None, False),
        (Agreed("x", (Sent("a", 5), Sent("b", 6))), "a", True),
        (Agreed("a"), "b", False),
        (published(None, 5), "b", False),
        (NOTHING, "b", False),
        (EMPTY, "b", False),
    ],
)
def test_1c_has_refused_what_it_shows_otherwise(known: Agreed, shown: Any, refused: bool) -> None:
    assert comparison.is_refused("name", known, shown) is refused
