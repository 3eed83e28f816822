"""The only place where a foreign workbook meets a parser: a child process with limits on memory and processor time.

Run by `spreadsheet_guard` as `python -I spreadsheet_child.py xlsx|html`; the file comes on stdin, JSON lines go to stdout:
`{"sheet": name}`, then rows as lists. A date is `{"d": iso}`, a moment `{"t": iso}`, anything else text, number or flag.
A refusal is `{"error": code}`. Reference reliability §4: libraries abort or take gigabytes on hostile workbooks.
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

_PLAIN = (str, float, int, bool)


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


def _workbook(data: bytes) -> Iterator[tuple[str, Iterable[list[Any]]]]:
    import python_calamine as calamine

    try:
        book = calamine.load_workbook(io.BytesIO(data))
        if len(book.sheet_names) > SHEETS:
            raise _Refused("sheets")
        for name in book.sheet_names:
            page = book.get_sheet_by_name(name)
            skipped = page.start[0] if page.start else 0
            yield name, [*([] for _ in range(min(skipped, EMPTY_ROWS))), *_padded(page)]
    except calamine.PasswordError:
        raise _Refused("password") from None
    except calamine.CalamineError as error:
        raise _Refused(f"broken: {type(error).__name__}") from None


def _padded(page: Any) -> Iterator[list[Any]]:
    before = [""] * (page.start[1] if page.start else 0)
    if len(before) > COLUMNS or page.total_width > COLUMNS:
        raise _Refused("columns")
    return ([*before, *row] if before else row for row in page.iter_rows())


def _html(data: bytes) -> Iterator[tuple[str, Iterable[list[Any]]]]:
    from lxml import html

    try:
        text, encoding = data.decode("utf-8-sig"), "utf-8"
        data = text.encode()
    except UnicodeDecodeError:
        encoding = "cp1251"
    root = html.document_fromstring(
        data, parser=html.HTMLParser(encoding=encoding, huge_tree=False, no_network=True)
    )
    table = next(root.iter("table"), None)
    if table is None:
        raise _Refused("no table")
    for line_break in list(table.iter("br")):
        line_break.tail = "\n" + (line_break.tail or "")
    rows: Any = table.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr")
    yield "HTML", ([cell.text_content().strip() for cell in row if cell.tag in ("td", "th")] for row in rows)


def _lines(sheets: Iterable[tuple[str, Iterable[list[Any]]]]) -> Iterator[str]:
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    for name, rows in sheets:
        yield encode({"sheet": name}) + "\n"
        empty = 0
        for number, row in enumerate(rows):
            if number >= ROWS or len(row) > COLUMNS:
                raise _Refused("rows" if number >= ROWS else "columns")
            empty = 0 if any(value != "" for value in row) else empty + 1
            if empty > EMPTY_ROWS:
                break
            try:
                yield encode([value if type(value) in _PLAIN else _tagged(value) for value in row]) + "\n"
            except (ValueError, UnicodeEncodeError):
                raise _Refused("number") from None


def _tagged(value: Any) -> dict[str, str]:
    if isinstance(value, dt.datetime):
        return {"t": value.isoformat()}
    if isinstance(value, dt.date):
        return {"d": value.isoformat()}
    return {"s": str(value)}


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass", newline="\n")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1]))
