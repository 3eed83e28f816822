"""One sheet being written, row by row and once only: heading, captions, blocks, totals, then the widths."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.workbook import Workbook

from etl.load.spreadsheet.cells import Target, writer
from etl.load.spreadsheet.layout import Block, Column, Filled, Sheet
from etl.load.spreadsheet.styles import styles
from etl.load.spreadsheet.texts import one_line

_NARROW, _PADDING, _LINE_HEIGHT = 4, 3, 12
#: widths are measured in digits of the default font, Arial 9 is narrower: width, characters a line takes
_SHRINK, _FITS = 0.9, 1.08
_A4 = 9
_LAST_ROW = 1048576
#: a row grows to at most so many lines, measured on the beginning of its texts
_MOST_LINES, _MEASURED = 20, 2000


class PageWriter:
    """State of one sheet being written: next row, widths, sums."""

    def __init__(self, book: Workbook, sheet: Sheet) -> None:
        self.sheet, self.columns, self.plain = sheet, sheet.columns, sheet.plain
        self.page = book.add_worksheet(sheet.title)
        self.row = self.header = 0
        self.filled = Filled(sheet.title, first=0)
        self.widths = [0] * len(sheet.columns)
        self.styles = styles(book, sheet)
        self.writers = [writer(self._target(index)) for index in range(len(sheet.columns))]
        self.wrapped = [] if sheet.plain else _wrapped(sheet.columns)

    def _target(self, index: int) -> Target:
        return Target(
            self.page,
            index,
            self.columns[index],
            self.styles.cells[index],
            self.widths,
            self.filled,
            one_line=self.plain and not self.sheet.hidden,
        )

    def write(self) -> Filled:
        """Write the sheet; what stands on it now."""
        if not self.plain:
            self._set_up_page()
            self._heading()
        self._captions()
        self.filled.first = self.row
        for block in self.sheet.blocks:
            self._block(block)
        self.filled.last = self.row
        for index, total in self.filled.sums.items():
            self.filled.totals[self.columns[index].caption] = total
        if not self.plain:
            self._ending()
        self._set_widths()
        return self.filled

    # ---- above the rows ----

    def _set_up_page(self) -> None:
        """A4 landscape, fit to one page in width, numbered (onec §2.3)."""
        page = self.page
        page.set_landscape()
        page.set_paper(_A4)
        page.fit_to_pages(1, 0)
        page.set_margins(left=0.5, right=0.4, top=0.6, bottom=0.6)
        page.set_footer("&L&8&A&R&8Стр. &P из &N")

    def _heading(self) -> None:
        """The title and the lines under it, then an empty row."""
        self.page.set_row(0, 2 * _LINE_HEIGHT)
        for line in self.sheet.above:
            style = self.styles.note if self.row else self.styles.title
            self._line(line, style)
        if self.sheet.above:
            self.row += 1

    def _line(self, text: str, style: Any) -> None:
        """One line of text, and on to the next row."""
        self.page.write_string(self.row, 0, one_line(text), style)
        self.row += 1

    def _captions(self) -> None:
        captions = [column.caption for column in self.columns]
        for index, caption in enumerate(captions):
            self.page.write_string(self.row, index, caption, self.styles.head)
            if self.plain:
                self.widths[index] = max(self.widths[index], len(caption))
        if not self.plain:
            most_words = max(len(caption.split()) for caption in captions)
            self.page.set_row(self.row, _LINE_HEIGHT * most_words + 4)
        self.header = self.row
        self.row += 1
        if not self.sheet.hidden:
            self.page.freeze_panes(self.row, 0)

    # ---- rows ----

    def _block(self, block: Block) -> None:
        if block.title is not None:
            self._band(block.title)
        first, before = self.row, dict(self.filled.sums)
        for values in block.rows:
            self._row(values)
        self.filled.rows += self.row - first
        if block.title is not None:
            own = {index: total - before[index] for index, total in self.filled.sums.items()}
            self._totals("Итого", first, own)

    def _row(self, values: Sequence[Any]) -> None:
        row, writers = self.row, self.writers
        lines = max([_lines(values[index], width) for index, width in self.wrapped], default=1)
        if lines > 1:
            self.page.set_row(row, _LINE_HEIGHT * lines + 2)
        for index, value in enumerate(values):
            if value is not None:
                writers[index](row, index, value)
            elif not self.plain:
                self.page.write_blank(row, index, None, self.styles.cells[index])
        self.row = row + 1

    def _band(self, text: str) -> None:
        """A subheading over the whole width."""
        self.page.write_string(self.row, 0, one_line(text), self.styles.band)
        for index in range(1, len(self.columns)):
            self.page.write_blank(self.row, index, None, self.styles.band)
        self.row += 1

    def _totals(self, label: str, first: int, sums: dict[int, Decimal]) -> None:
        """A totals row below the rows that begin with `first`."""
        self.page.write_string(self.row, 0, label, self.styles.band)
        has_rows = self.row > first
        for index in range(1, len(self.columns)):
            if index in sums and has_rows:
                self._sum(index, first, sums[index])
            else:
                self.page.write_blank(self.row, index, None, self.styles.band)
        self.row += 1

    def _sum(self, index: int, first: int, amount: Decimal) -> None:
        """A sum that follows the filter (SUBTOTAL 109); the stored result is the sum of the written cells."""
        letter = xl_col_to_name(index)
        formula = f"=SUBTOTAL(109,{letter}{first + 1}:{letter}{self.row})"
        self.page.write_formula(self.row, index, formula, self.styles.sum, amount)

    # ---- below the rows ----

    def _ending(self) -> None:
        filled = self.filled
        self.page.repeat_rows(self.header)
        is_grouped = any(block.title is not None for block in self.sheet.blocks)
        if filled.rows and not is_grouped:
            self.page.autofilter(self.header, 0, filled.last - 1, len(self.columns) - 1)
        if not filled.rows:
            self._line(self.sheet.empty, self.styles.note)
        elif filled.sums:
            self._totals("Всего" if is_grouped else "Итого", filled.first, filled.sums)
        if self.sheet.below:
            self.row += 1
            for line in self.sheet.below(filled.totals, filled.rows):
                self._line(line, self.styles.note)

    def _set_widths(self) -> None:
        for index, column in enumerate(self.columns):
            self.page.set_column(index, index, self._width(index, column))
        if self.sheet.hidden:
            self.page.very_hidden()
        if any(column.kind == "id" for column in self.columns):
            last = xl_col_to_name(len(self.columns))
            self.page.ignore_errors({"number_stored_as_text": f"A1:{last}{_LAST_ROW}"})

    def _width(self, index: int, column: Column) -> float:
        """For 1C as wide as the longest value, for people limited.

        1C reads a cell as it is displayed, and that of a narrow column is «########» (onec §0.1).
        """
        widest = self.widths[index] + _PADDING
        if self.plain:
            return widest
        longest_word = max(map(len, column.caption.split())) + _PADDING
        return _SHRINK * max(_NARROW, longest_word, min(widest, column.limit))


def _wrapped(columns: Sequence[Column]) -> list[tuple[int, int]]:
    """(position, characters in a line) of the columns whose text may wrap.

    Office suites do not measure the rows of a file they did not write, so we do.
    """
    return [
        (index, int(column.limit * _FITS))
        for index, column in enumerate(columns)
        if column.kind in ("text", "id")
    ]


def _lines(text: str | None, width: int) -> int:
    """How many lines a wrapped text takes in a column of so many characters."""
    if not text or (len(text) <= width and "\n" not in text):
        return 1
    parts = text[:_MEASURED].split("\n")
    count = sum(max(1, len(textwrap.wrap(part, width))) for part in parts)
    return min(_MOST_LINES, count)
