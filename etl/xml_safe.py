"""Untrusted XML, read in bounded memory and time.

`check` proves that a file is well formed to its end and within the limits before anything is done with it. Bytes are read by us
and fed to libxml2: it opens no file, loads no DTD, resolves no entity, unpacks no gzip. Whatever the parser raises becomes
Rejected; an OSError of the stream itself stays one. Settings and limits: reference/reliability §2.3.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, cast

import numpy
from lxml import etree

from etl.errors import Rejected

#: more attempts to write the file again are the usual cure, so the advice is one for all
SEND_AGAIN = "Выгрузите файл из 1С заново; если ошибка повторится, перешлите файл программисту 1С."

PARSER: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "huge_tree": False,
    "recover": False,
    "remove_comments": True,
    "remove_pis": True,
}
MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS = 2 << 30, 64, 50_000_000
MAX_TEXT = 10_000_000  # one value
MAX_RECORD = 20 << 20  # bytes of one record: what may stand in memory at once
CHUNK = 1 << 16
_HEAD = 1 << 16
_FIRST = 1 << 10  # the root element stands at the beginning

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ALLOWED = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "windows-1251": "windows-1251",
    "cp1251": "windows-1251",
    "win-1251": "windows-1251",
    "utf-16": "utf-16",
    "utf-16le": "utf-16le",
    "utf-16be": "utf-16be",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the bytes are in: `name` for the parser, `bom` = length of the mark to skip."""

    name: str
    bom: int


@dataclass(frozen=True, slots=True)
class Root:
    """The root element: local name, namespace or None, attributes, and the encoding of the file."""

    tag: str
    namespace: str | None
    attributes: dict[str, str]
    encoding: Encoding


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def sniff(stream: BinaryIO, name: str) -> Encoding:
    """Encoding by BOM, then valid UTF-8, then the declaration: the last lies most often. Others are refused.

    Leaves the stream at its start.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    if head[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        raise refused("файл в кодировке UTF-32, она не поддерживается.", name)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return Encoding(encoding, len(mark))
    for start, encoding in ((b"<\0", "utf-16le"), (b"\0<", "utf-16be")):
        if head.startswith(start):
            return Encoding(encoding, 0)
    found = _DECLARED.match(head)
    declared = found[1].decode().lower() if found else "utf-8"
    if declared not in _ALLOWED:
        raise refused(f"объявлена кодировка {declared}, поддерживаются UTF-8, windows-1251 и UTF-16.", name)
    if _ALLOWED[declared] == "windows-1251" and _is_utf8(head) and not head.isascii():
        return Encoding("utf-8", 0)
    return Encoding("utf-8" if declared == "utf-16" else _ALLOWED[declared], 0)


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def root(stream: BinaryIO, name: str) -> Root:
    """The root element of the file, read from its beginning only. Leaves the stream at its start. Raises Rejected."""
    encoding = sniff(stream, name)
    parser = etree.XMLPullParser(events=("start",), encoding=encoding.name, **PARSER)
    for number, chunk in enumerate(chunks(stream, encoding, _FIRST)):
        with refusing(name):
            parser.feed(chunk)
        element: Any
        for _, element in parser.read_events():
            stream.seek(0)
            _no_doctype(element, name)
            space = element.tag[1:].partition("}")[0] if element.tag.startswith("{") else None
            return Root(local(element.tag), space, dict(element.attrib), encoding)
        if number * _FIRST > MAX_TEXT:
            break
    raise refused("в файле нет ни одного элемента XML.", name)


def _no_doctype(element: Any, name: str) -> None:
    if element.getroottree().docinfo.doctype:
        raise _doctype(name)


def _doctype(name: str) -> Rejected:
    return refused(
        "файл содержит DOCTYPE. Такие файлы не принимаются: через него подставляют чужие данные.", name
    )


@contextmanager
def refusing(name: str, *, end: bool = False) -> Iterator[None]:
    """Whatever the parser raises (also its OSError) becomes Rejected. Nothing but the parser may run inside.

    `end`: the parser is told that the file is over, so its complaint means that the file breaks off.
    """
    try:
        yield
    except etree.XMLSyntaxError as error:
        raise _syntax(error, name, end) from None
    except (LookupError, ValueError, OSError) as error:
        raise refused(f"файл не читается как XML ({type(error).__name__}).", name) from None


_BAD_CHARACTER = {etree.ErrorTypes.ERR_INVALID_CHAR, etree.ErrorTypes.ERR_INVALID_CHARREF}


_REASONS = {
    etree.ErrorTypes.ERR_DOCUMENT_EMPTY: "файл начинается не с XML",
    etree.ErrorTypes.ERR_DOCUMENT_END: "после конца XML есть лишнее",
    etree.ErrorTypes.ERR_TAG_NAME_MISMATCH: "элементы закрыты не в том порядке",
    etree.ErrorTypes.ERR_INVALID_ENCODING: "байты не соответствуют кодировке файла",
}


def _syntax(error: Any, name: str, end: bool) -> Rejected:
    line = error.lineno or 1
    place = f"строка {line}"
    if error.code in _BAD_CHARACTER:
        return Rejected(
            f"Файл {name}: в строке {line} есть управляющий символ, запрещённый в XML.",
            "Уберите его в 1С (обычно это скопированный комментарий) или разрешите исправление: obmen24 inspect --repair.",
            file=name,
            place=place,
        )
    reason = "файл обрывается" if end else _REASONS.get(error.code, "нарушена разметка XML")
    return refused(f"{reason} (строка {line}).", name, place)


def refused(reason: str, name: str, place: str = "") -> Rejected:
    """The error of a file that is not taken: the reason in Russian, ending with what to do."""
    return Rejected(f"Файл {name}: {reason}", SEND_AGAIN, file=name, place=place)


def chunks(stream: BinaryIO, encoding: Encoding, size: int = CHUNK) -> Iterator[bytes]:
    """The bytes behind the mark, a piece at a time."""
    stream.seek(encoding.bom)
    while chunk := stream.read(size):
        yield chunk


class _Silent:
    """A parser target that wants nothing but to refuse a DOCTYPE: libxml2 then builds no tree."""

    def __init__(self, name: str) -> None:
        self.name = name

    def doctype(self, *_: object) -> None:
        raise _doctype(self.name)

    def close(self) -> None:
        return None


class _Counting(_Silent):
    """The exact count of depth and elements, for files that `_Shape` cannot judge."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.depth = self.elements = self.text = 0

    def start(self, *_: object) -> None:
        self.depth += 1
        self.elements += 1
        self.text = 0
        _within(self.depth, self.elements, self.text, self.name)

    def end(self, *_: object) -> None:
        self.depth -= 1
        self.text = 0

    def data(self, text: str) -> None:
        self.text += len(text)
        _within(self.depth, self.elements, self.text, self.name)


def _within(depth: int, elements: int, text: int, name: str) -> None:
    if depth > MAX_DEPTH:
        raise refused(f"элементы вложены глубже {MAX_DEPTH} уровней.", name)
    if elements > MAX_ELEMENTS:
        raise refused(f"в файле больше {MAX_ELEMENTS} элементов.", name)
    if text > MAX_TEXT:
        raise refused(f"значение длиннее {MAX_TEXT} знаков.", name)


class _Shape:
    """Depth and number of elements counted from the angle brackets, at the speed of numpy.

    The count is exact while `<` and `>` alternate strictly and no `<!` occurs: in well-formed XML every `<` outside
    comments and CDATA starts a tag. Anything else makes the file `doubtful` and it is counted by `_Counting`.
    """

    def __init__(self, name: str) -> None:
        self.name, self.depth, self.elements, self.doubtful = name, 0, 0, False
        self.rest = b""

    def feed(self, chunk: bytes) -> None:
        if self.doubtful:
            return
        data = self.rest + chunk
        cut = data.rfind(b">") + 1
        self.rest = data[cut:]
        self.doubtful = len(self.rest) > MAX_TEXT
        if cut:
            self._count(numpy.frombuffer(data, dtype=numpy.uint8, count=cut))

    def _count(self, data: Any) -> None:
        opened, closed = numpy.flatnonzero(data == ord("<")), numpy.flatnonzero(data == ord(">"))
        if len(opened) != len(closed) or not (opened < closed).all() or not (opened[1:] > closed[:-1]).all():
            self.doubtful = True
            return
        first, last = data[opened + 1], data[closed - 1]
        ends, questions = first == ord("/"), first == ord("?")
        if (first == ord("!")).any():
            self.doubtful = True
            return
        starts = ~(ends | questions)
        steps = starts.astype(numpy.int32) - ends
        levels = numpy.cumsum(steps - (starts & (last == ord("/"))))
        self.elements += int(starts.sum())
        _within(self.depth + int(levels.max()) + 1, self.elements, 0, self.name)
        self.depth += int(levels[-1])


def check(stream: BinaryIO, name: str) -> tuple[Encoding, int]:
    """Pass 1: (encoding, size in bytes) of a file that is well formed to its end and within the limits.

    Raises Rejected with the reason and the line. Builds no tree. Leaves the stream at its start.
    """
    encoding = sniff(stream, name)
    shape, size = _Shape(name), encoding.bom
    shape.doubtful = encoding.name.startswith("utf-16")
    parser = etree.XMLParser(target=cast(Any, _Silent(name)), encoding=encoding.name, **PARSER)
    for chunk in chunks(stream, encoding):
        size += len(chunk)
        if size > MAX_BYTES:
            raise refused(f"файл больше {MAX_BYTES >> 20} МБ.", name)
        with refusing(name):
            parser.feed(chunk)
        shape.feed(chunk)
    if size == encoding.bom:
        raise refused("файл пуст.", name)
    with refusing(name, end=True):
        parser.close()
    if shape.doubtful:
        _count_exactly(stream, encoding, name)
    stream.seek(0)
    return encoding, size


def _count_exactly(stream: BinaryIO, encoding: Encoding, name: str) -> None:
    parser = etree.XMLParser(target=cast(Any, _Counting(name)), encoding=encoding.name, **PARSER)
    for chunk in chunks(stream, encoding):
        with refusing(name):
            parser.feed(chunk)
    with refusing(name):
        parser.close()


#: code points that XML 1.0 cannot hold, as characters and as numeric references
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,10}));")


def repair(source: BinaryIO, target: BinaryIO, name: str) -> int:
    """Copy a file without the code points that XML forbids; returns how many were left out. Encoding and BOM stay.

    Opt-in only: the removal is journalled by the caller, since it changes what 1C has written. Bytes that are not in the
    encoding of the file are text that nobody can guess: they raise Rejected with the line, and what was copied is of no use.
    """
    encoding = sniff(source, name)
    target.write(source.read(encoding.bom))
    decoder = codecs.getincrementaldecoder(encoding.name)()
    removed, tail, line = 0, "", 1
    for chunk in chain(chunks(source, encoding), (b"",)):
        decoded = _decoded(decoder, chunk, encoding.name, line, name)
        line += decoded.count("\n")
        text = tail + decoded
        cut = text.rfind("&", max(0, len(text) - 14)) if chunk else -1  # a reference may be cut by the chunk
        text, tail = (text[:cut], text[cut:]) if cut >= 0 else (text, "")
        removed += _copy_legal(text, target, encoding.name)
    return removed


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str, line: int, name: str) -> str:
    try:
        return decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].decode(encoding, errors="ignore").count("\n")
        raise refused(
            f"в строке {line} байты не в кодировке файла ({encoding}). Убрать их нельзя, пропал бы текст; копия не записана.",
            name,
            f"строка {line}",
        ) from None


def _copy_legal(text: str, target: BinaryIO, encoding: str) -> int:
    text, characters = _ILLEGAL.subn("", text)
    removed = 0

    def keep(reference: re.Match[str]) -> str:
        nonlocal removed
        code = int(reference[1], 16) if reference[1] else int(reference[2])
        legal = (
            code in (9, 10, 13)
            or 0x20 <= code <= 0xD7FF
            or 0xE000 <= code <= 0xFFFD
            or 0x10000 <= code <= 0x10FFFF
        )
        removed += not legal
        return reference[0] if legal else ""

    target.write(_REFERENCE.sub(keep, text).encode(encoding, errors="xmlcharrefreplace"))
    return characters + removed
