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
    """Where the captions stand: file, sheet, row from 0, captions as written, our column -> position."""

    file: str
    page: Page
    row: int
    captions: list[str]
    positions: dict[str, int]

    def data_rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """(row number as a person counts, cells) of every row below the captions that is not empty."""
        below = self.page.rows[self.row + 1 :]
        first = self.row + 2  # a person counts from 1
        for number, row in enumerate(below, start=first):
            if any(cell != "" for cell in row):
                yield number, row


def with_own(defaults: Captions, own: Captions | None) -> Captions:
    """The captions to look for, the profile's own first; its own columns must be those of a deal."""
    if own is None:
        return defaults
    allowed = {*defaults, *tables.TABLES["deals"].columns}
    found: dict[str, Sequence[str]] = dict(defaults)
    for column, captions in own.items():
        if column in allowed:
            known = defaults.get(column, ())
            found[column] = (*captions, *known)
    return found


def find_header(pages: Sequence[Page], known: Captions, required: Sequence[str], name: str) -> Header:
    """The row with the most known captions.

    Rejected when a required one is absent or a used one stands twice.
    """
    best = max(_candidates(pages, known, name), key=_known_captions, default=None)
    if best is None:
        raise _missing([], required, known, name)
    absent = [column for column in required if column not in best.positions]
    if absent:
        raise _missing(best.captions, absent, known, name)
    _check_doubles(best)
    return best


def _known_captions(candidate: Header) -> int:
    """How many of our columns a row names."""
    return len(candidate.positions)


def _candidates(pages: Sequence[Page], known: Captions, name: str) -> Iterator[Header]:
    """Every row at the top of a sheet, read as if it were the one with the captions."""
    for page in pages:
        for number, row in enumerate(page.rows[:_TOP]):
            captions = [str(cell).strip() for cell in row]
            positions = _positions(captions, known)
            yield Header(name, page, number, captions, positions)


def _positions(captions: Sequence[str], known: Captions) -> dict[str, int]:
    """Our column -> position of its first caption that the row has; of equal captions the first counts."""
    places: dict[str, int] = {}
    for position, caption in enumerate(captions):
        if caption:
            places.setdefault(folded(caption), position)
    found: dict[str, int] = {}
    for column, aliases in known.items():
        for alias in map(folded, aliases):
            if alias in places:
                found[column] = places[alias]
                break
    return found


def _check_doubles(header: Header) -> None:
    """Rejected where a caption of ours stands twice: which of the two a person means nobody can tell."""
    counted = Counter(folded(caption) for caption in header.captions if caption)
    for position in header.positions.values():
        caption = header.captions[position]
        if counted[folded(caption)] > 1:
            raise Rejected(
                f"Файл {header.file} не прочитан: столбец «{caption}» встречается дважды.",
                "Уберите лишний столбец из списка сделок или переименуйте поле портала и выгрузите заново.",
                file=header.file,
            )


def _missing(found: Sequence[str], absent: Sequence[str], known: Captions, name: str) -> Rejected:
    """The refusal that names the first caption of each absent column, and the captions there are."""
    seen = _quoted([caption for caption in found if caption])[:_SHOWN]
    wanted = _quoted([known[column][0] for column in absent])
    return Rejected(
        f"Файл {name} не прочитан: нет столбца {wanted}. Найдены подписи: {seen or 'ни одной'}.",
        "Добавьте столбец в список сделок портала (язык интерфейса русский) или укажите его подпись "
        "в разделе [columns] профиля и выгрузите заново.",
        file=name,
    )


def _quoted(words: Sequence[str]) -> str:
    """Words as a Russian sentence lists them: «a», «b»."""
    quoted = [f"«{word}»" for word in words]
    return ", ".join(quoted)
