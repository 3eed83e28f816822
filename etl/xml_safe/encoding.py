"""What the bytes of a file are in, and the bytes behind their mark a piece at a time."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from etl.xml_safe.refusal import refused

CHUNK = 1 << 16
_HEAD = 1 << 16

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_WITHOUT_BOM = ((b"<\0", "utf-16le"), (b"\0<", "utf-16be"))
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
#: declared name -> the parser's
_ALLOWED = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "windows-1251": "windows-1251",
    "cp1251": "windows-1251",
    "win-1251": "windows-1251",
    "utf-16": "utf-8",  # a file that is UTF-16 is known by its first bytes: the declaration lies
    "utf-16le": "utf-16le",
    "utf-16be": "utf-16be",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the bytes are in: `name` for the parser, `bom` = length of the mark to skip."""

    name: str
    bom: int


def sniff(stream: BinaryIO, name: str) -> Encoding:
    """Encoding by BOM, then valid UTF-8, then the declaration: the last lies most often (reliability §2.3).

    Encodings that 1C does not write are refused (Rejected). Leaves the stream at its start.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(_UTF32):
        raise refused("файл в кодировке UTF-32, она не поддерживается.", name)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return Encoding(encoding, len(mark))
    for start, encoding in _WITHOUT_BOM:
        if head.startswith(start):
            return Encoding(encoding, 0)
    declared = _declared(head, name)
    if declared == "windows-1251" and _is_utf8(head) and not head.isascii():
        return Encoding("utf-8", 0)
    return Encoding(declared, 0)


def _declared(head: bytes, name: str) -> str:
    """The encoding of the XML declaration, UTF-8 without one."""
    found = _DECLARED.match(head)
    said = found[1].decode().lower() if found else "utf-8"
    if said not in _ALLOWED:
        raise refused(f"объявлена кодировка {said}, поддерживаются UTF-8, windows-1251 и UTF-16.", name)
    return _ALLOWED[said]


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def chunks(stream: BinaryIO, encoding: Encoding, size: int = CHUNK) -> Iterator[bytes]:
    """The bytes behind the mark, a piece at a time."""
    stream.seek(encoding.bom)
    while chunk := stream.read(size):
        yield chunk
