"""Counting every member of a workbook before any library sees it (reference reliability §4).

Claimed sizes are not trusted: each member is streamed through a counter. The table of attacks is
tests/attacks/test_workbooks.py.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from etl.errors import Rejected

MEMBERS, MEMBER_BYTES, BOOK_BYTES, RATIO = 2_000, 100 << 20, 200 << 20, 200
#: small members may be packed as tightly as they like
_RATIO_FROM = 1 << 20
_CHUNK = 1 << 18

#: macros, links and embedded objects by the names of their parts
_ACTIVE = ("vbaproject.bin", "externallinks/", "embeddings/", "activex/", "oleobject")
_FAR = re.compile(rb"""\br=["'](?:[A-Za-z]{3,}[0-9]|[A-Za-z]*[0-9]{7,})""")
_UNCOUNTED = re.compile(rb"</f></c>|<f[^>]*/></c>|</f><v\s*/>|</f><v></v>")
#: what `_FAR` and `_UNCOUNTED` find is shorter than this
_OVERLAP = 256
_ENTITIES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.I)


def refused(name: str, why: str, advice: str) -> Rejected:
    """The refusal of a spreadsheet file: what is wrong with it, what to do."""
    message = f"Файл {name} не прочитан: {why}."
    return Rejected(message, advice, file=name)


def check(data: bytes, name: str) -> None:
    """Rejected for bombs, macros, links, entities, cells far away and formulas without values."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_names(archive, name)
            total = 0
            for member in archive.infolist():
                total += _check_member(archive, member, name, BOOK_BYTES - total)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
        raise refused(
            name, "книга повреждена или скопирована не до конца", "Сохраните её заново и скопируйте ещё раз."
        ) from None


def _check_names(archive: zipfile.ZipFile, name: str) -> None:
    """Rejected for what the list of members already shows: their number, doubles, passwords, macros."""
    members = archive.infolist()
    names = archive.namelist()
    folded = [one.casefold() for one in names]
    if len(members) > MEMBERS or len(set(folded)) != len(folded):
        raise refused(
            name, "в книге слишком много частей или части повторяются", "Сохраните её заново в Excel."
        )
    if any(member.flag_bits & 1 for member in members):
        raise refused(name, "книга защищена паролем", "Снимите пароль и сохраните её заново.")
    if any(_is_active(one) for one in folded):
        raise refused(
            name,
            "в книге макросы, связи или вложенные объекты",
            "Сохраните её как обычную книгу .xlsx без них.",
        )
    if "[Content_Types].xml" not in names:
        raise refused(name, "это архив, а не книга Excel", "Распакуйте его и положите сами файлы.")


def _is_active(member: str) -> bool:
    """Whether a member, its name in small letters, could run something or fetch it from elsewhere."""
    return any(mark in member for mark in _ACTIVE)


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, left: int) -> int:
    """Stream one member through the counter, of which `left` bytes are left; returns its real size."""
    is_sheet = member.filename.startswith("xl/worksheets/")
    allowed = min(MEMBER_BYTES, left)
    size = 0
    tail = b""
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            if not size:
                _check_head(chunk, member.filename, name)
            size += len(chunk)
            if size > allowed or _is_bomb(size, member.compress_size):
                raise refused(name, "книга слишком велика после распаковки", "Разделите выгрузку на части.")
            if is_sheet:
                _check_cells(tail + chunk, name)
                tail = chunk[-_OVERLAP:]
    return size


def _is_bomb(size: int, packed: int) -> bool:
    """Whether a large member unpacks into more than any honest sheet does; nothing counts as one byte."""
    honest = RATIO * max(1, packed)
    return size > _RATIO_FROM and size > honest


def _check_head(head: bytes, member: str, name: str) -> None:
    """XML in one of the encodings of XLSX, without declarations of entities."""
    if not member.endswith((".xml", ".rels")):
        return
    is_wide = b"\0" in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if is_wide or _ENTITIES.search(head):
        raise refused(name, "в книге недопустимые объявления XML", "Сохраните её заново в Excel.")


def _check_cells(part: bytes, name: str) -> None:
    """Rejected for cells whose place alone costs memory, and for formulas that were never counted."""
    if _FAR.search(part):
        raise refused(
            name,
            "в книге ячейки за пределами таблицы (далёкая строка или столбец)",
            "Скопируйте таблицу в новую книгу и сохраните её.",
        )
    if _UNCOUNTED.search(part):
        raise refused(
            name,
            "в книге формулы без сохранённых значений",
            "Откройте её в Excel, сохраните и пришлите ещё раз.",
        )
