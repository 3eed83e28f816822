"""By what two records without a common Ид may be recognised as one: parties by ИНН and КПП, products by the
article. Likeness proposes and never ties (DESIGN §5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from etl.transform.cards import is_company
from etl.values import clean

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How one kind of record proposes a pair. `key`: what both must share, None = cannot; `fits`: may a
    record of the portal and one of 1C with one key be the same; `sure`: is one such candidate a proposal, or
    a question; `told`: a record for people; `by`: the key in Russian.
    """

    key: Callable[[Row], str | None]
    fits: Callable[[Row, Row], bool]
    sure: Callable[[Row, Row], bool]
    told: Callable[[Row], str]
    by: str


# ---- parties
def _inn(row: Row) -> str | None:
    """ИНН of a party."""
    return row.get("inn")


def _is_same_branch(mine: Row, theirs: Row) -> bool:
    """Another КПП under one ИНН is another branch; an unknown one contradicts nothing."""
    ours, other = mine.get("kpp"), theirs.get("kpp")
    return not (ours and other) or ours == other


def _is_same_sort(mine: Row, theirs: Row) -> bool:
    """An ИП is a company, a person a contact: one ИНН for both is doubtful."""
    ours, other = (is_company(row.get("kind"), row.get("inn")) for row in (mine, theirs))
    return ours == other


def _party(row: Row) -> str:
    """A party as people tell it from its namesakes: by folder and code (specification 001)."""
    marks = {"ИНН {}": "inn", "КПП {}": "kpp", "папка «{}»": "folder_path", "код {}": "code"}
    return _shown(row, marks)


# ---- products
def _article(row: Row) -> str | None:
    """The article of a product, whatever its letters and blanks."""
    return clean.fold(row.get("article")) or None


def _always(_mine: Row, _theirs: Row) -> bool:
    """An article alone proposes."""
    return True


def _product(row: Row) -> str:
    """A product as people tell it from its namesakes."""
    return _shown(row, {"артикул {}": "article", "группа «{}»": "group_path"})


# ---- both
def _shown(row: Row, marks: Mapping[str, str]) -> str:
    """A record by its name and what tells it apart (`marks`: words -> column)."""
    parts = [row.get("name"), *_marks(row, marks)]
    return f"«{', '.join(part for part in parts if part)}» ({row['id']})"


def _marks(row: Row, marks: Mapping[str, str]) -> Iterable[str]:
    """What is known of the marks, in words."""
    for words, column in marks.items():
        value = row.get(column)
        if value:
            yield words.format(value)


PARTIES = Likeness(_inn, _is_same_branch, _is_same_sort, _party, "ИНН")
PRODUCTS = Likeness(_article, _always, _always, _product, "артикул")
