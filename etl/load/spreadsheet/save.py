"""A workbook reaches its folder verified and whole, or not at all (reference reliability §4: atomic save)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple
from xml.parsers import expat

from xlsxwriter.utility import xl_col_to_name

from etl.errors import Rejected
from etl.load.spreadsheet.book import build
from etl.load.spreadsheet.layout import Filled, Sheet
from etl.load.spreadsheet.texts import CENT

_ROW = re.compile(rb'<row r="(\d+)"')
_CHUNK = 1 << 18


class Saved(NamedTuple):
    """A published file: the path actually written (None for a stream), what it holds, its sha256."""

    path: Path | None
    filled: list[Filled]
    sha256: str


def save(target: Path | BinaryIO, sheets: Sequence[Sheet]) -> Saved:
    """Build, verify, then publish in one step.

    A file that is open in Excel is never touched: the new one becomes «name (2).xlsx». Rejected when
    verification fails.
    """
    folder = target.parent if isinstance(target, Path) else None
    with _scratch(folder) as scratch:
        filled = build(str(scratch), sheets)
        verify(scratch, filled)
        digest = _sha256(scratch)
        if isinstance(target, Path):
            return Saved(publish(scratch, target), filled, digest)
        with scratch.open("rb") as stream:
            shutil.copyfileobj(stream, target)
    return Saved(None, filled, digest)


def save_bytes(target: Path | BinaryIO, content: bytes) -> Saved:
    """Publish ready bytes the same way."""
    digest = hashlib.sha256(content).hexdigest()
    if not isinstance(target, Path):
        target.write(content)
        return Saved(None, [], digest)
    with _scratch(target.parent) as scratch:
        scratch.write_bytes(content)
        return Saved(publish(scratch, target), [], digest)


# ---- verification ----


def verify(path: Path, filled: Sequence[Filled]) -> None:
    """Re-read a written workbook as a stream. Rejected unless rows and sums are those written, to the kopeck.

    ZIP checks the CRC of every member, expat that the sheet is well-formed; memory stays flat whatever the
    size.
    """
    with zipfile.ZipFile(path) as archive:
        for number, sheet in enumerate(filled, start=1):
            with archive.open(f"xl/worksheets/sheet{number}.xml") as stream:
                rows, sums = _reread(stream, sheet)
            if rows != sheet.last - sheet.first or sums != sheet.sums:
                raise Rejected(
                    f"Проверка записанной книги не прошла: лист «{sheet.title}» "
                    "прочитался не так, как был записан.",
                    "Файл не выдан. Проверьте место на диске и повторите команду.",
                )


def _reread(stream: IO[bytes], sheet: Filled) -> tuple[int, dict[int, Decimal]]:
    """(data rows found, sums of the totalled columns by position)."""
    columns = {xl_col_to_name(index).encode(): index for index in sheet.sums}
    numbers = _number_cells(columns)
    rows = 0
    sums = dict.fromkeys(sheet.sums, Decimal(0))
    for part in _whole_rows(stream):
        rows += sum(_is_data(number, sheet) for number in _ROW.findall(part))
        if numbers is None:
            continue
        for letter, number, value in numbers.findall(part):
            if _is_data(number, sheet):
                amount = Decimal(value.decode())
                sums[columns[letter]] += amount.quantize(CENT)
    return rows, sums


def _whole_rows(stream: IO[bytes]) -> Iterator[bytes]:
    """The XML of a sheet in parts that end behind a row; an error of expat where it is not well-formed."""
    parser = expat.ParserCreate()
    rest = b""
    while chunk := stream.read(_CHUNK):
        parser.Parse(chunk)
        whole, _, rest = (rest + chunk).rpartition(b"</row>")
        yield whole
    parser.Parse(b"", True)


def _number_cells(letters: Collection[bytes]) -> re.Pattern[bytes] | None:
    """What finds (column, row, value) of the number cells of these columns."""
    if not letters:
        return None
    return re.compile(rb'<c r="(%s)(\d+)"[^>]*><v>([^<]*)</v>' % b"|".join(letters))


def _is_data(number: bytes, sheet: Filled) -> bool:
    """Whether a row, numbered from 1, is one of data; `first` and `last` are numbered from 0."""
    return sheet.first < int(number) <= sheet.last


# ---- publication ----


def publish(scratch: Path, target: Path) -> Path:
    """Rename a finished file over `target`, or beside it as «name (2)» when a person has `target` open."""
    with scratch.open("rb") as stream:
        os.fsync(stream.fileno())
    for candidate in _names(target):
        if _is_open(candidate):
            continue
        try:
            scratch.replace(candidate)
        except PermissionError:
            continue
        _sync_folder(candidate.parent)
        return candidate
    raise Rejected(
        f"Файл {target.name} и его копии открыты в другой программе.", "Закройте их и повторите команду."
    )


def _is_open(path: Path) -> bool:
    """Excel lays «~$name» beside a file that it has open."""
    return (path.parent / f"~${path.name}").exists()


def _names(target: Path) -> Iterator[Path]:
    """The asked path, then those beside it: «name (2)», «name (3)» and so on."""
    yield target
    for number in range(2, 100):
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")


@contextlib.contextmanager
def _scratch(folder: Path | None) -> Iterator[Path]:
    """An empty file in a folder (where renaming is one step), gone in the end unless it was published."""
    handle, name = tempfile.mkstemp(prefix=".obmen24-", suffix=".part", dir=folder)
    os.close(handle)
    path = Path(name)
    try:
        path.chmod(0o644)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # Windows and some shares cannot open a folder; the rename itself is done
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sha256(path: Path) -> str:
    """The digest of a file, read in parts."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return digest.hexdigest()
