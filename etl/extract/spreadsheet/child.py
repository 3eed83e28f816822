"""The only place where a foreign workbook meets a parser: a child process of limited memory and time.

Run by `guard` as `python -I child.py xlsx|html`; the file comes on stdin, JSON lines go to stdout:
`{"sheet": name}`, then rows as lists. A date is `{"d": iso}`, a moment `{"t": iso}`, anything else text,
number or flag. A refusal is `{"error": code}`. Reference reliability §4: libraries abort or take gigabytes on
hostile workbooks.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

MEMORY, SECONDS = 1 << 30, 60
ROWS, COLUMNS, TEXT, SHEETS = 300_000, 300, 40_000, 64
#: after so many empty rows the rest of a sheet is not read
EMPTY_ROWS = 1_000

#: name of a sheet and its rows
Sheet = tuple[str, Iterable[list[Any]]]
_PLAIN = (str, float, int, bool)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class _Refused(Exception):
    """The file breaks a cap; the code is told to the parent."""


def main(kind: str) -> int:
    """Parse stdin and print its rows; exit code 0, or 3 with an error line."""
    _limit()
    data = sys.stdin.buffer.read()
    try:
        for line in _lines(_workbook(data) if kind == "xlsx" else _html(data)):
            sys.stdout.write(line)
    except _Refused as refusal:
        print(json.dumps({"error": str(refusal)}))  # noqa: T201 - stdout is the pipe to the parent
        return 3
    return 0


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows has no limits of this kind; the parent's clock still stops the child
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# ---- sheets ----


def _workbook(data: bytes) -> Iterator[Sheet]:
    """The sheets of XLSX and of real .xls, one after the other."""
    import python_calamine as calamine

    try:
        book = calamine.load_workbook(io.BytesIO(data))
        if len(book.sheet_names) > SHEETS:
            raise _Refused("sheets")
        for name in book.sheet_names:
            yield name, _rows(book.get_sheet_by_name(name))
    except calamine.PasswordError:
        raise _Refused("password") from None
    except calamine.CalamineError as error:
        raise _Refused(f"broken: {type(error).__name__}") from None


def _rows(page: Any) -> list[list[Any]]:
    """All rows of a sheet; what the parser leaves out above and on the left comes back as empty cells."""
    skipped_rows, skipped_columns = page.start or (0, 0)
    if skipped_columns > COLUMNS or page.total_width > COLUMNS:
        raise _Refused("columns")
    above = min(skipped_rows, EMPTY_ROWS)
    rows: list[list[Any]] = [[] for _ in range(above)]
    if not skipped_columns:
        rows.extend(page.iter_rows())
        return rows
    before = [""] * skipped_columns
    for row in page.iter_rows():
        rows.append([*before, *row])
    return rows


def _html(data: bytes) -> Iterator[Sheet]:
    """The first table of a page: what the portal saves as .xls (reference bitrix24 §8.3)."""
    from lxml import html

    content, encoding = _decoded(data)
    parser = html.HTMLParser(encoding=encoding, huge_tree=False, no_network=True)
    page = html.document_fromstring(content, parser=parser)
    table = next(page.iter("table"), None)
    if table is None:
        raise _Refused("no table")
    for line_break in list(table.iter("br")):
        behind = line_break.tail or ""
        line_break.tail = f"\n{behind}"
    rows: Any = table.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr")
    yield "HTML", (_texts(row) for row in rows)


def _decoded(data: bytes) -> tuple[bytes, str]:
    """(bytes without a byte order mark, their encoding)."""
    try:
        return data.decode("utf-8-sig").encode(), "utf-8"
    except UnicodeDecodeError:
        return data, "cp1251"


def _texts(row: Any) -> list[str]:
    """The texts of the cells of a row, whatever else a page puts into it."""
    texts = []
    for cell in row:
        if cell.tag in ("td", "th"):
            texts.append(cell.text_content().strip())
    return texts


# ---- lines ----


def _lines(sheets: Iterable[Sheet]) -> Iterator[str]:
    """What the parent reads: the name of a sheet, then its rows."""
    for name, rows in sheets:
        title = _encode({"sheet": name})
        yield f"{title}\n"
        for row in _within_caps(rows):
            yield _line(row)


def _within_caps(rows: Iterable[list[Any]]) -> Iterator[list[Any]]:
    """Rows up to the end of the sheet or a long empty stretch; _Refused beyond a cap."""
    empty = 0
    for number, row in enumerate(rows):
        if number >= ROWS:
            raise _Refused("rows")
        if len(row) > COLUMNS:
            raise _Refused("columns")
        is_empty = all(value == "" for value in row)
        empty = empty + 1 if is_empty else 0
        if empty > EMPTY_ROWS:
            return
        yield row


def _line(row: list[Any]) -> str:
    """A row as JSON, which knows no dates; _Refused for a number that it does not know either."""
    values = [value if type(value) in _PLAIN else _tagged(value) for value in row]
    try:
        line = _encode(values)
    except (ValueError, UnicodeEncodeError):
        raise _Refused("number") from None
    return f"{line}\n"


def _tagged(value: Any) -> dict[str, str]:
    """A value that JSON does not know, with the mark of its kind."""
    if isinstance(value, dt.datetime):
        return {"t": value.isoformat()}
    if isinstance(value, dt.date):
        return {"d": value.isoformat()}
    return {"s": str(value)}


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="\n")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1]))
