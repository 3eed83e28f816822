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
        self.sheet = sheet
        self.columns = sheet.columns
        self.plain = sheet.plain
        self.page = book.add_worksheet(sheet.title)
        self.row = 0  # the next one to be written
        self.header = 0  # the one with the captions
        self.filled = Filled(sheet.title, first=0)
        self.widths = [0] * len(self.columns)
        self.styles = styles(book, sheet)
        targets = map(self._target, range(len(self.columns)))
        self.writers = list(map(writer, targets))
        self.wrapped = [] if self.plain else _wrapped(self.columns)

    def _target(self, index: int) -> Target:
        """What the writer of a column's cells is told. Texts are in one line where 1C reads them."""
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
        self._finish()
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
        """A row with one text at its beginning."""
        words = one_line(text)
        self.page.write_string(self.row, 0, words, style)
        self.row += 1

    def _captions(self) -> None:
        """The row of captions; it stays in sight when people scroll."""
        for index, column in enumerate(self.columns):
            caption = column.caption
            self.page.write_string(self.row, index, caption, self.styles.head)
            if self.plain:
                self.widths[index] = max(self.widths[index], len(caption))
        if not self.plain:
            self._raise_captions()
        self.header = self.row
        self.row += 1
        if not self.sheet.hidden:
            self.page.freeze_panes(self.row, 0)

    def _raise_captions(self) -> None:
        """Room for the caption of most words, one on each line."""
        most_words = 0
        for column in self.columns:
            words = column.caption.split()
            most_words = max(most_words, len(words))
        height = _LINE_HEIGHT * most_words + 4
        self.page.set_row(self.row, height)

    # ---- rows ----

    def _block(self, block: Block) -> None:
        """The rows of a block, one with a title between a subheading and a subtotal."""
        if block.title is not None:
            self._band(block.title)
        first = self.row
        before = dict(self.filled.sums)
        for values in block.rows:
            self._row(values)
        self.filled.rows += self.row - first
        if block.title is not None:
            own = {index: total - before[index] for index, total in self.filled.sums.items()}
            self._totals("Итого", first, own)

    def _row(self, values: Sequence[Any]) -> None:
        """A row of data, as high as its longest text needs; a register has 100,000 of them."""
        row, writers = self.row, self.writers
        lines = 1
        for index, width in self.wrapped:
            lines = max(lines, _lines(values[index], width))
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
        style = self.styles.band
        words = one_line(text)
        self.page.write_string(self.row, 0, words, style)
        for index in range(1, len(self.columns)):
            self.page.write_blank(self.row, index, None, style)
        self.row += 1

    def _totals(self, label: str, first: int, sums: dict[int, Decimal]) -> None:
        """A totals row below the rows that begin with `first`."""
        style = self.styles.band
        self.page.write_string(self.row, 0, label, style)
        has_rows = self.row > first
        for index in range(1, len(self.columns)):
            if index in sums and has_rows:
                self._sum(index, first, sums[index])
            else:
                self.page.write_blank(self.row, index, None, style)
        self.row += 1

    def _sum(self, index: int, first: int, amount: Decimal) -> None:
        """A sum that follows the filter (SUBTOTAL 109); the stored result is the sum of the written cells."""
        letter = xl_col_to_name(index)
        top = f"{letter}{first + 1}"
        bottom = f"{letter}{self.row}"
        formula = f"=SUBTOTAL(109,{top}:{bottom})"
        self.page.write_formula(self.row, index, formula, self.styles.sum, amount)

    # ---- below the rows ----

    def _ending(self) -> None:
        """Totals, or the words for an empty sheet; then the lines under the table."""
        filled = self.filled
        self.page.repeat_rows(self.header)
        if filled.rows:
            self._whole()
        else:
            self._line(self.sheet.empty, self.styles.note)
        if self.sheet.below is None:
            return
        self.row += 1
        for line in self.sheet.below(filled.totals, filled.rows):
            self._line(line, self.styles.note)

    def _whole(self) -> None:
        """The totals of all rows. Those without subheadings can be filtered."""
        filled = self.filled
        is_grouped = any(block.title is not None for block in self.sheet.blocks)
        if not is_grouped:
            last_column = len(self.columns) - 1
            self.page.autofilter(self.header, 0, filled.last - 1, last_column)
        if filled.sums:
            label = "Всего" if is_grouped else "Итого"
            self._totals(label, filled.first, filled.sums)

    def _finish(self) -> None:
        """The widths, known only in the end; Excel is not to warn of identifiers like numbers."""
        for index, column in enumerate(self.columns):
            width = self._width(index, column)
            self.page.set_column(index, index, width)
        if self.sheet.hidden:
            self.page.very_hidden()
        kinds = {column.kind for column in self.columns}
        if "id" in kinds:
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
        allowed = min(widest, column.limit)
        return _SHRINK * max(_NARROW, longest_word, allowed)


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
    count = 0
    for part in text[:_MEASURED].split("\n"):
        wrapped = textwrap.wrap(part, width)
        count += max(1, len(wrapped))  # an empty part takes a line, too
    return min(_MOST_LINES, count)
