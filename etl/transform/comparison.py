"""Values of directory fields: when two are the same, what a list becomes, and what a field with one owner
does (DESIGN §5).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from etl.transform import merge
from etl.transform.agreed import ABSENT, Agreed

#: fields that hold a list: 1C adds to what stands on the portal and takes away only what both sides had
LISTS = ("phones", "emails")
_TOLD = {"inn": "ИНН", "kpp": "КПП", "folder_path": "папка", "code": "код", "article": "артикул"}
_PERSON = ("last_name", "first_name", "middle_name")

Owner = Literal["portal", "1c", "ask"]


# ---- comparison
def canonical(field: str, value: Any) -> Hashable:
    """The form in which a field is compared: phones by their last ten digits, accounts by number and bank,
    texts without extra blanks.
    """
    if field in LISTS:
        return tuple(sorted({comparable(item) for item in value or ()})) or None
    if field == "deleted":
        return bool(value)
    if field == "accounts":
        # the name of a bank changes with its licence; number, БИК and correspondent account do not
        return tuple(sorted((row[0], row[2], row[3]) for row in value or ())) or None
    return merge.canonical(field, value)


def comparable(value: str) -> str:
    """A phone by its last ten digits (8 and +7 are one), an e-mail in lower case."""
    digits = "".join(sign for sign in value if sign.isdigit())
    is_phone = bool(digits) and "@" not in value
    if not is_phone:
        return value.strip().lower()
    return digits[-10:]


def same(field: str, left: Any, right: Any) -> bool:
    """Whether both sides mean one value."""
    return canonical(field, left) == canonical(field, right)


def is_refused(field: str, known: Agreed, shown: Any) -> bool:
    """Whether 1C, which shows the record in a file made after our publication, shows another value than it
    was handed (DESIGN §7, `published -> echoed | refused`). `known`: the memory after the merge, so what
    still stands in `sent` was not confirmed; `shown`: None where 1C does not tell the field.
    """
    if shown is None or not known.sent or known.tail is None:
        return False
    return not same(field, shown, known.tail)


# ---- lists
def joined(field: str, held: Any, given: Any) -> Any:
    """What the portal will hold once 1C's list is added to its own."""
    if field in LISTS:
        own = held or ()
        present = {comparable(item) for item in own}
        return (*own, *(item for item in given if comparable(item) not in present))
    if field == "accounts":
        numbers = {row[0] for row in given}
        kept = [row for row in held or () if row[0] not in numbers]
        return (*kept, *given)
    return given


def dropped(field: str, base: Any, after: Any) -> tuple[str, ...]:
    """List values that both sides had and 1C has no more."""
    if field not in LISTS or base in (None, ABSENT):
        return ()
    kept = {comparable(item) for item in after or ()}
    return tuple(item for item in base if comparable(item) not in kept)


# ---- fields with one owner
@dataclass(frozen=True, slots=True)
class Assigned:
    """What a value of 1C does to a field that does not travel back. `keep` it is remembered until the portal
    holds it or a person has answered; `after` is what to write, `reason` why (None: nothing is written);
    `asks`: a person must decide.
    """

    keep: bool
    after: Any = None
    reason: str | None = None
    asks: bool = False


def assigned(field: str, held: Any, given: Any, owner: Owner, answer: Owner | None) -> Assigned:
    """The rule of a field with one owner: 1C's value is written where 1C leads or the portal holds nothing.

    `held`, `given`: the values of the portal and of 1C; `owner` as the profile says; `answer`: what a person
    said about just these two values.
    """
    after = joined(field, held, given)
    if same(field, held, after):
        return Assigned(keep=False)
    if held is None:
        return Assigned(True, after, "поле ведёт 1С" if owner == "1c" else "на портале было пусто")
    decided = answer if owner == "ask" and answer else owner
    if decided == "1c":
        return Assigned(True, after, "поле ведёт 1С")
    return Assigned(keep=decided == "ask", asks=decided == "ask")


# ---- words
def told(values: Mapping[str, Any], origin: str) -> str:
    """How people recognise a record of 1C: name, ИНН, folder, code."""
    name = values.get("name") or " ".join(values[part] for part in _PERSON if values.get(part))
    marks = [f"{words} {values[field]}" for field, words in _TOLD.items() if values.get(field)]
    return f"{', '.join([f'«{name}»', *marks])} ({origin})"


def shown(value: Any) -> Any:
    """A value as the journal tells it: lists in one line."""
    if not isinstance(value, tuple):
        return value
    return "; ".join(_item(item) for item in value)


def _item(item: Any) -> str:
    """One value of a list in one line."""
    return _parts(item) if isinstance(item, tuple) else str(item)


def _parts(parts: Iterable[Any]) -> str:
    """What is known of a value of several parts."""
    return " ".join(str(part) for part in parts if part)
