"""Which column is which: the row of captions of a table, and the rows below it.

Captions are the customer's (the profile's `columns`) first, then those that each kind of table knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from etl import tables
from etl.errors import Rejected
from etl.extract.spreadsheet.cells import folded
from etl.extract.spreadsheet.guard import Cell, Page

#: our column -> its captions, the first that the file has counts
Captions = Mapping[str, Sequence[str]]
#: rows at the top among which the captions are looked for
_TOP = 30
#: characters of found captions that a refusal repeats
_SHOWN = 600


class Header(NamedTuple):
    """Where the captions stand: file, sheet, row number from 0, captions as written, our column -> position."""

    file: str
    page: Page
    row: int
    captions: list[str]
    positions: dict[str, int]

    def data_rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """(row number as a person counts, cells) of every row below the captions that is not empty."""
        below = self.page.rows[self.row + 1 :]
        for number, row in enumerate(below, start=self.row + 2):
            if any(cell != "" for cell in row):
                yield number, row


def known(defaults: Captions, own: Captions | None) -> dict[str, tuple[str, ...]]:
    """The captions to look for: the profile's own before the defaults; own columns must be those of a deal."""
    own = own or {}
    columns = [*defaults, *(column for column in own if column in tables.TABLES["deals"].columns)]
    return {column: (*own.get(column, ()), *defaults.get(column, ())) for column in columns}


def find_header(pages: Sequence[Page], known: Captions, required: Sequence[str], name: str) -> Header:
    """The row with the most known captions. Rejected when a required one is absent or a used one stands
    twice.
    """
    best: Header | None = None
    for candidate in _candidates(pages, known, name):
        if best is None or len(candidate.positions) > len(best.positions):
            best = candidate
    absent = [column for column in required if best is None or column not in best.positions]
    if best is None or absent:
        raise _missing(best.captions if best else [], [known[column][0] for column in absent], name)
    _check_doubles(best)
    return best


def _candidates(pages: Sequence[Page], known: Captions, name: str) -> Iterator[Header]:
    for page in pages:
        for number, row in enumerate(page.rows[:_TOP]):
            captions = [str(cell).strip() for cell in row]
            yield Header(name, page, number, captions, _positions(captions, known))


def _positions(captions: Sequence[str], known: Captions) -> dict[str, int]:
    """Our column -> position of the first of its captions that the row has; of equal captions the first
    counts.
    """
    places: dict[str, int] = {}
    for position, caption in enumerate(captions):
        if caption:
            places.setdefault(folded(caption), position)
    found: dict[str, int] = {}
    for column, aliases in known.items():
        for alias in aliases:
            if folded(alias) in places:
                found[column] = places[folded(alias)]
                break
    return found


def _check_doubles(header: Header) -> None:
    counted = Counter(folded(caption) for caption in header.captions if caption)
    for position in header.positions.values():
        caption = header.captions[position]
        if counted[folded(caption)] > 1:
            raise Rejected(
                f"Файл {header.file} не прочитан: столбец «{caption}» встречается дважды.",
                "Уберите лишний столбец из списка сделок или переименуйте поле портала и выгрузите заново.",
                file=header.file,
            )


def _missing(found: Sequence[str], absent: Sequence[str], name: str) -> Rejected:
    """The refusal that names the absent captions and those there are."""
    seen = _quoted([caption for caption in found if caption])[:_SHOWN]
    return Rejected(
        f"Файл {name} не прочитан: нет столбца {_quoted(absent)}. Найдены подписи: {seen or 'ни одной'}.",
        "Добавьте столбец в список сделок портала (язык интерфейса русский) или укажите его подпись "
        "в разделе [columns] профиля и выгрузите заново.",
        file=name,
    )


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"«{word}»" for word in words)
