"""Writing XLSX: sheets described as data and styled for print.

XlsxWriter in constant-memory mode writes: the least memory of the libraries measured (reference performance §3). The same
input gives the same bytes: the creation date is fixed and ZIP members carry a fixed time. Every text is a string cell with a
quote prefix, so no text can become a formula. Rules: reference reliability §4, onec §2.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO, Literal

import xlsxwriter
import xlsxwriter.utility

from etl.load.spreadsheet.texts import cleaned, one_line, rounded, shortened

Kind = Literal["text", "id", "money", "integer", "date"]

_CREATED = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_EPOCH = dt.date(1899, 12, 30)
_FONT = {"font_name": "Arial", "font_size": 9, "valign": "top"}
_LINE = {"border": 1, "border_color": "#A6A6A6"}
_FORMATS: dict[Kind, dict[str, Any]] = {
    "text": {"quote_prefix": True},
    "id": {"num_format": "@", "quote_prefix": True},
    "money": {"num_format": "#,##0.00"},
    "integer": {"num_format": "0", "align": "center"},
    "date": {"num_format": "dd.mm.yyyy", "align": "center"},
}
_CENTRED = {"text_wrap": True, "align": "center"}
_WRAPPED: dict[Kind, dict[str, Any]] = {
    "text": {"text_wrap": True, "align": "left", "indent": 1},
    "id": _CENTRED,
}
_NARROW, _PADDING, _LINE_HEIGHT = 4, 3, 12
#: widths are measured in digits of the default font, Arial 9 is narrower: column width and characters a line takes
_SHRINK, _FITS = 0.9, 1.08


@dataclass(frozen=True, slots=True)
class Column:
    """One column: caption, kind of its values, widest width in characters (people's sheets), whether it is totalled."""

    caption: str
    kind: Kind = "text"
    limit: int = 30
    total: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Rows under a subheading with their own subtotal; a block without a title is just rows."""

    rows: Iterable[Sequence[Any]]
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet. `plain` = for a machine: captions in row 1, rows, nothing else. `hidden` = not shown to people."""

    title: str
    columns: Sequence[Column]
    blocks: Sequence[Block]
    above: Sequence[str] = ()
    below: Callable[[dict[str, Decimal], int], Sequence[str]] | None = None
    plain: bool = False
    hidden: bool = False
    empty: str = "Строк нет."


@dataclass(slots=True)
class Filled:
    """What was written on one sheet: number of data rows, sums by caption, where the data start, texts that were cut."""

    title: str
    first: int
    last: int = 0
    rows: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    sums: dict[int, Decimal] = field(default_factory=dict)


def build(target: BinaryIO | str, sheets: Sequence[Sheet]) -> list[Filled]:
    """Write the sheets as one workbook into a file or stream. Returns what stands in it, sheet by sheet."""
    book = xlsxwriter.Workbook(
        target,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"created": _CREATED, "author": "obmen24"})
    book.set_calc_mode("auto")
    filled = [_SheetWriter(book, sheet).write() for sheet in sheets]
    book.close()
    return filled


def _lines(text: str | None, width: int) -> int:
    """How many lines a wrapped text takes in a column of so many characters."""
    if not text or (len(text) <= width and "\n" not in text):
        return 1
    return min(20, sum(max(1, len(textwrap.wrap(line, width))) for line in text[:2000].split("\n")))


class _SheetWriter:
    """State of one sheet being written: next row, widths, sums."""

    def __init__(self, book: Any, sheet: Sheet) -> None:
        self.sheet, self.page = sheet, book.add_worksheet(sheet.title)
        self.row = 0
        self.filled = Filled(sheet.title, first=0)
        self.widths = [0] * len(sheet.columns)
        self.styles = [self._style(book, column.kind) for column in sheet.columns]
        self.writers = [
            self._writer(index, column, self.styles[index]) for index, column in enumerate(sheet.columns)
        ]
        people = not sheet.plain
        self.head = book.add_format(
            {
                **_FONT,
                "bold": True,
                **(
                    {
                        **_LINE,
                        "text_wrap": True,
                        "bg_color": "#E7ECF3",
                        "align": "center",
                        "valign": "vcenter",
                    }
                    if people
                    else {}
                ),
            }
        )
        self.title = book.add_format(
            {**_FONT, "bold": True, "font_size": 13, "valign": "vcenter", "quote_prefix": True}
        )
        self.note = book.add_format({**_FONT, "quote_prefix": True})
        self.band = book.add_format(
            {**_FONT, **_LINE, "bold": True, "bg_color": "#F3F3F3", "quote_prefix": True}
        )
        self.sum = book.add_format(
            {**_FONT, **_LINE, "bold": True, "bg_color": "#F3F3F3", **_FORMATS["money"]}
        )

    def _style(self, book: Any, kind: Kind) -> Any:
        look = dict(_FORMATS[kind])
        if self.sheet.plain:
            return book.add_format({**_FONT, **look, **({"num_format": "0.00"} if kind == "money" else {})})
        return book.add_format({**_FONT, **_LINE, **look, **_WRAPPED.get(kind, {})})

    def write(self) -> Filled:
        if not self.sheet.plain:
            self._set_up_page()
            self.page.set_row(0, 2 * _LINE_HEIGHT)
            for line in self.sheet.above:
                self.page.write_string(self.row, 0, one_line(line), self.note if self.row else self.title)
                self.row += 1
            self.row += bool(self.sheet.above)
        self._header()
        self.filled.first = self.row
        for block in self.sheet.blocks:
            self._block(block)
        self.filled.last = self.row
        self.filled.totals = {
            column.caption: self.filled.sums[index]
            for index, column in enumerate(self.sheet.columns)
            if index in self.filled.sums
        }
        if not self.sheet.plain:
            self._ending()
        self._set_widths()
        return self.filled

    def _header(self) -> None:
        for index, column in enumerate(self.sheet.columns):
            self.page.write_string(self.row, index, column.caption, self.head)
            if self.sheet.plain:
                self.widths[index] = max(self.widths[index], len(column.caption))
        if not self.sheet.plain:
            self.page.set_row(
                self.row, _LINE_HEIGHT * max(len(column.caption.split()) for column in self.sheet.columns) + 4
            )
        self.header = self.row
        self.row += 1
        if not self.sheet.hidden:
            self.page.freeze_panes(self.row, 0)

    def _block(self, block: Block) -> None:
        if block.title is not None:
            self._band(block.title)
        first, before = self.row, dict(self.filled.sums)
        writers, row, wrapped = self.writers, self.row, self._wrapped()
        for values in block.rows:
            if lines := max((_lines(values[index], limit) for index, limit in wrapped), default=1) - 1:
                self.page.set_row(row, _LINE_HEIGHT * (lines + 1) + 2)
            for index, value in enumerate(values):
                if value is not None:
                    writers[index](row, index, value)
                elif not self.sheet.plain:
                    self.page.write_blank(row, index, None, self.styles[index])
            row += 1
        self.filled.rows += row - first
        self.row = row
        if block.title is not None:
            self._totals(
                "Итого", first, {index: total - before[index] for index, total in self.filled.sums.items()}
            )

    def _wrapped(self) -> list[tuple[int, int]]:
        """Columns whose text may wrap: office suites do not measure rows of a file they did not write, so we do."""
        return (
            []
            if self.sheet.plain
            else [
                (index, int(column.limit * _FITS))
                for index, column in enumerate(self.sheet.columns)
                if column.kind in ("text", "id")
            ]
        )

    def _band(self, text: str) -> None:
        self.page.write_string(self.row, 0, one_line(text), self.band)
        for index in range(1, len(self.sheet.columns)):
            self.page.write_blank(self.row, index, None, self.band)
        self.row += 1

    def _totals(self, label: str, first: int, sums: dict[int, Decimal]) -> None:
        """A totals row whose formulas follow the filter (SUBTOTAL 109); stored results are the sums of written cells."""
        self.page.write_string(self.row, 0, label, self.band)
        for index in range(1, len(self.sheet.columns)):
            if index in sums and self.row > first:
                letter = xlsxwriter.utility.xl_col_to_name(index)
                self.page.write_formula(
                    self.row,
                    index,
                    f"=SUBTOTAL(109,{letter}{first + 1}:{letter}{self.row})",
                    self.sum,
                    sums[index],
                )
            else:
                self.page.write_blank(self.row, index, None, self.band)
        self.row += 1

    def _ending(self) -> None:
        columns, filled = len(self.sheet.columns), self.filled
        self.page.repeat_rows(self.header)
        grouped = any(block.title is not None for block in self.sheet.blocks)
        if filled.rows and not grouped:
            self.page.autofilter(self.header, 0, self.filled.last - 1, columns - 1)
        if not filled.rows:
            self.page.write_string(self.row, 0, self.sheet.empty, self.note)
            self.row += 1
        if filled.rows and filled.sums:
            self._totals("Всего" if grouped else "Итого", filled.first, filled.sums)
        if self.sheet.below:
            self.row += 1
            for line in self.sheet.below(filled.totals, filled.rows):
                self.page.write_string(self.row, 0, one_line(line), self.note)
                self.row += 1

    def _set_up_page(self) -> None:
        page = self.page
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.set_margins(left=0.5, right=0.4, top=0.6, bottom=0.6)
        page.set_footer("&L&8&A&R&8Стр. &P из &N")

    def _set_widths(self) -> None:
        for index, column in enumerate(self.sheet.columns):
            widest = self.widths[index] + _PADDING
            word = max(map(len, column.caption.split())) + _PADDING
            width = widest if self.sheet.plain else _SHRINK * max(_NARROW, word, min(widest, column.limit))
            self.page.set_column(index, index, width)
        if self.sheet.hidden:
            self.page.very_hidden()
        if any(column.kind == "id" for column in self.sheet.columns):
            self.page.ignore_errors(
                {
                    "number_stored_as_text": f"A1:{xlsxwriter.utility.xl_col_to_name(len(self.sheet.columns))}1048576"
                }
            )

    def _writer(self, index: int, column: Column, style: Any) -> Callable[[int, int, Any], None]:
        if column.kind == "integer":
            return self._integer(index, style)
        if column.kind == "date":
            return self._date(index, style)
        return (
            self._money(index, column, style) if column.kind == "money" else self._text(index, column, style)
        )

    def _text(self, index: int, column: Column, style: Any) -> Callable[[int, int, Any], None]:
        put, widths, cut = self.page.write_string, self.widths, self.filled.cut
        flat = self.sheet.plain and not self.sheet.hidden

        def write(row: int, at: int, value: str) -> None:
            text = one_line(value) if flat else cleaned(value)
            text, was_cut = shortened(text)
            if was_cut:
                cut.append(f"{column.caption}, строка {row + 1}")
            if len(text) > widths[index]:
                widths[index] = min(len(text), 250)
            put(row, at, text, style)

        return write

    def _money(self, index: int, column: Column, style: Any) -> Callable[[int, int, Any], None]:
        put, widths, sums = self.page.write_number, self.widths, self.filled.sums
        if column.total:
            sums[index] = Decimal(0)

        def write(row: int, at: int, value: Decimal) -> None:
            amount = rounded(value)
            if column.total:
                sums[index] += amount
            digits = len(str(amount))
            widths[index] = max(widths[index], digits + digits // 3)
            put(row, at, amount, style)

        return write

    def _integer(self, index: int, style: Any) -> Callable[[int, int, Any], None]:
        put, widths = self.page.write_number, self.widths

        def write(row: int, at: int, value: int) -> None:
            widths[index] = max(widths[index], len(str(value)))
            put(row, at, value, style)

        return write

    def _date(self, index: int, style: Any) -> Callable[[int, int, Any], None]:
        put = self.page.write_number
        self.widths[index] = len("дд.мм.гггг")

        def write(row: int, at: int, value: dt.date) -> None:
            put(row, at, (value - _EPOCH).days, style)

        return write
