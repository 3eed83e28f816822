"""A copy of a file without the code points that XML forbids: a comment pasted into 1C may bring them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from etl.errors import Rejected
from etl.xml_safe.encoding import Encoding, chunks, sniff
from etl.xml_safe.refusal import refused

#: code points that XML 1.0 cannot hold, as characters and as numeric references
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,10}));")
_LONGEST_REFERENCE = 14
#: what XML 1.0 §2.2 allows beside tab, line feed and carriage return
_LEGAL = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))


def repair(source: BinaryIO, target: BinaryIO, name: str) -> int:
    """Copy a file without the code points that XML forbids; returns how many were left out.

    Encoding and BOM stay.

    Opt-in only: the removal is journalled by the caller, since it changes what 1C has written. Bytes that
    are not in the encoding of the file are text that nobody can guess: they raise Rejected with the line,
    and what was copied is of no use.
    """
    encoding = sniff(source, name)
    target.write(source.read(encoding.bom))
    removed, tail = 0, ""
    for decoded, is_last in _decoded(source, encoding, name):
        text = tail + decoded
        whole = len(text) if is_last else _whole(text)
        tail = text[whole:]
        legal, count = _legal(text[:whole])
        target.write(legal.encode(encoding.name, errors="xmlcharrefreplace"))
        removed += count
    return removed


def _whole(text: str) -> int:
    """Length of the part in which no reference is cut: one may go on in the next chunk."""
    cut = text.rfind("&", max(0, len(text) - _LONGEST_REFERENCE))
    return len(text) if cut < 0 else cut


def _decoded(source: BinaryIO, encoding: Encoding, name: str) -> Iterator[tuple[str, bool]]:
    """The text of the file a piece at a time, and whether it is the last one (which may be empty)."""
    decoder = codecs.getincrementaldecoder(encoding.name)()
    line = 1
    for chunk in chain(chunks(source, encoding), (b"",)):
        is_last = not chunk
        try:
            text = decoder.decode(chunk, final=is_last)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding.name, errors="ignore")
            raise _undecodable(encoding, line + before.count("\n"), name) from None
        line += text.count("\n")
        yield text, is_last


def _undecodable(encoding: Encoding, line: int, name: str) -> Rejected:
    place = f"строка {line}"
    return refused(
        f"в строке {line} байты не в кодировке файла ({encoding.name}). "
        "Убрать их нельзя, пропал бы текст; копия не записана.",
        name,
        place,
    )


def _legal(text: str) -> tuple[str, int]:
    """The text without what XML forbids, and how many code points were left out."""
    text, characters = _ILLEGAL.subn("", text)
    references = 0

    def keep(reference: re.Match[str]) -> str:
        nonlocal references
        if _is_legal(reference):
            return reference[0]
        references += 1
        return ""

    return _REFERENCE.sub(keep, text), characters + references


def _is_legal(reference: re.Match[str]) -> bool:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    return code in (9, 10, 13) or any(code in allowed for allowed in _LEGAL)
