"""A workbook reaches its folder verified and whole, or not at all (reference reliability §4: atomic save)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, BinaryIO
from xml.parsers import expat

import xlsxwriter.utility

from etl.errors import Rejected
from etl.load.spreadsheet.book import Filled, Sheet, build
from etl.load.spreadsheet.texts import CENT

_ROW = re.compile(rb'<row r="(\d+)"')


def verify(path: Path, filled: Sequence[Filled]) -> None:
    """Re-read a written workbook as a stream; Rejected unless rows and sums are those that were written, to the kopeck.

    ZIP checks the CRC of every member, expat that the sheet is well-formed; memory stays flat whatever the size.
    """
    with zipfile.ZipFile(path) as archive:
        for number, sheet in enumerate(filled, start=1):
            with archive.open(f"xl/worksheets/sheet{number}.xml") as stream:
                rows, sums = _reread(stream, sheet)
            if rows != sheet.last - sheet.first or sums != sheet.sums:
                raise Rejected(
                    f"Проверка записанной книги не прошла: лист «{sheet.title}» прочитался не так, как был записан.",
                    "Файл не выдан. Проверьте место на диске и повторите команду.",
                )


def _reread(stream: IO[bytes], sheet: Filled) -> tuple[int, dict[int, Decimal]]:
    """(data rows found, sums of the totalled columns)."""
    letters = {xlsxwriter.utility.xl_col_to_name(index).encode(): index for index in sheet.sums}
    cells = re.compile(rb'<c r="(%s)(\d+)"[^>]*><v>([^<]*)</v>' % b"|".join(letters)) if letters else None
    sums, rows, tail, parser = dict.fromkeys(sheet.sums, Decimal(0)), 0, b"", expat.ParserCreate()
    while chunk := stream.read(1 << 18):
        parser.Parse(chunk)
        whole, _, rest = (tail + chunk).rpartition(b"</row>")
        tail = rest
        rows += sum(sheet.first < int(number) <= sheet.last for number in _ROW.findall(whole))
        for letter, number, value in cells.findall(whole) if cells else ():
            if sheet.first < int(number) <= sheet.last:
                sums[letters[letter]] += Decimal(value.decode()).quantize(CENT)
    parser.Parse(b"", True)
    return rows, sums


def save(target: Path | BinaryIO, sheets: Sequence[Sheet]) -> tuple[Path | None, list[Filled], str]:
    """Build, verify, then publish in one step: (path actually written, what it holds, sha256).

    A file that is open in Excel is never touched: the new one becomes «name (2).xlsx». Rejected when verification fails.
    """
    folder = target.parent if isinstance(target, Path) else None
    with _scratch(folder) as scratch:
        filled = build(str(scratch), sheets)
        verify(scratch, filled)
        digest = _sha256(scratch)
        if isinstance(target, Path):
            return publish(scratch, target), filled, digest
        with scratch.open("rb") as stream:
            shutil.copyfileobj(stream, target)
    return None, filled, digest


def save_bytes(target: Path | BinaryIO, content: bytes) -> tuple[Path | None, str]:
    """Publish ready bytes the same way: (path actually written, sha256)."""
    digest = hashlib.sha256(content).hexdigest()
    if not isinstance(target, Path):
        target.write(content)
        return None, digest
    with _scratch(target.parent) as scratch:
        scratch.write_bytes(content)
        return publish(scratch, target), digest


def publish(scratch: Path, target: Path) -> Path:
    """Rename a finished file over `target`, or beside it as «name (2)» when a person has `target` open."""
    with scratch.open("rb") as stream:
        os.fsync(stream.fileno())
    for candidate in _names(target):
        if (candidate.parent / f"~${candidate.name}").exists():
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


def _names(target: Path) -> Iterator[Path]:
    yield target
    for number in range(2, 100):
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")


@contextlib.contextmanager
def _scratch(folder: Path | None) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=".obmen24-", suffix=".part", dir=folder)
    os.close(handle)
    path = Path(name)
    try:
        path.chmod(0o644)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(
        OSError
    ):  # Windows and some shares cannot open a folder; the rename itself is done
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
