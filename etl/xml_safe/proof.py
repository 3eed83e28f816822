"""The proof of a file before it is read: well formed to its end and within the limits (reliability §2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy
from lxml import etree

from etl.errors import Rejected
from etl.xml_safe.encoding import Encoding, chunks, sniff
from etl.xml_safe.refusal import refused, refusing

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
MAX_BYTES = 2 << 30
MAX_DEPTH = 64
MAX_ELEMENTS = 50_000_000
MAX_TEXT = 10_000_000  # one value
_FIRST = 1 << 10  # the root element stands at the beginning
MAX_RECORD = 20 << 20  # bytes of one record: what may stand in memory at once


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


def root(stream: BinaryIO, name: str) -> Root:
    """The root element of the file, read from its beginning only.

    Raises Rejected. Leaves the stream at its start.
    """
    encoding = sniff(stream, name)
    parser = etree.XMLPullParser(events=("start",), encoding=encoding.name, **PARSER)
    for number, chunk in enumerate(chunks(stream, encoding, _FIRST)):
        with refusing(name):
            parser.feed(chunk)
        started = next(iter(parser.read_events()), None)
        if started is not None:
            stream.seek(0)
            return _root(started[1], encoding, name)
        if number * _FIRST > MAX_TEXT:
            break
    raise refused("в файле нет ни одного элемента XML.", name)


def _root(element: Any, encoding: Encoding, name: str) -> Root:
    _no_doctype(element, name)
    namespace, _, _ = element.tag.removeprefix("{").rpartition("}")
    return Root(local(element.tag), namespace or None, dict(element.attrib), encoding)


def _no_doctype(element: Any, name: str) -> None:
    if element.getroottree().docinfo.doctype:
        raise _doctype(name)


def _doctype(name: str) -> Rejected:
    return refused(
        "файл содержит DOCTYPE. Такие файлы не принимаются: через него подставляют чужие данные.", name
    )


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
        """Text counts up to the next tag, in however many pieces it comes."""
        self.text += len(text)
        _within(self.depth, self.elements, self.text, self.name)


def _within(depth: int, elements: int, text: int, name: str) -> None:
    """Limits that no file of an exchange reaches and every bomb does. Rejected beyond them."""
    if depth > MAX_DEPTH:
        raise refused(f"элементы вложены глубже {MAX_DEPTH} уровней.", name)
    if elements > MAX_ELEMENTS:
        raise refused(f"в файле больше {MAX_ELEMENTS} элементов.", name)
    if text > MAX_TEXT:
        raise refused(f"значение длиннее {MAX_TEXT} знаков.", name)


class _Shape:
    """Depth and number of elements counted from the angle brackets, at the speed of numpy.

    The count is exact while `<` and `>` alternate strictly and no `<!` occurs: in well-formed XML every `<`
    outside comments and CDATA starts a tag. Anything else makes the file `doubtful` and it is counted by
    `_Counting`.
    """

    def __init__(self, name: str, *, doubtful: bool) -> None:
        self.name = name
        self.doubtful = doubtful
        self.depth = 0
        self.elements = 0
        self.rest = b""

    def feed(self, chunk: bytes) -> None:
        """Count what the next bytes open and close; a tag may be cut by the end of a piece."""
        if self.doubtful:
            return
        data = self.rest + chunk
        cut = data.rfind(b">") + 1
        self.rest = data[cut:]
        self.doubtful = len(self.rest) > MAX_TEXT
        if cut:
            self._count(numpy.frombuffer(data, dtype=numpy.uint8, count=cut))

    def _count(self, data: numpy.ndarray[Any, Any]) -> None:
        opened = numpy.flatnonzero(data == ord("<"))
        closed = numpy.flatnonzero(data == ord(">"))
        if not _alternate(opened, closed):
            self.doubtful = True
            return
        first, last = data[opened + 1], data[closed - 1]
        if (first == ord("!")).any():
            self.doubtful = True
            return
        ends, instructions = first == ord("/"), first == ord("?")
        starts = ~(ends | instructions)
        empty = starts & (last == ord("/"))
        levels = numpy.cumsum(starts.astype(numpy.int32) - ends - empty)
        self.elements += int(starts.sum())
        deepest = self.depth + int(levels.max()) + 1  # an empty element stands one deeper than its level says
        _within(deepest, self.elements, 0, self.name)
        self.depth += int(levels[-1])


def _alternate(opened: numpy.ndarray[Any, Any], closed: numpy.ndarray[Any, Any]) -> bool:
    """Each `<` is closed before the next one opens."""
    if len(opened) != len(closed):
        return False
    return bool((opened < closed).all() and (opened[1:] > closed[:-1]).all())


def check(stream: BinaryIO, name: str) -> tuple[Encoding, int]:
    """Pass 1: (encoding, size in bytes) of a file that is well formed to its end and within the limits.

    Raises Rejected with the reason and the line. Builds no tree. Leaves the stream at its start.
    """
    encoding = sniff(stream, name)
    shape = _Shape(name, doubtful=encoding.name.startswith("utf-16"))
    parser = _target_parser(_Silent(name), encoding)
    size = encoding.bom
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
    parser = _target_parser(_Counting(name), encoding)
    for chunk in chunks(stream, encoding):
        with refusing(name):
            parser.feed(chunk)
    with refusing(name):
        parser.close()


def _target_parser(target: _Silent, encoding: Encoding) -> etree.XMLParser:
    return etree.XMLParser(target=cast(Any, target), encoding=encoding.name, **PARSER)
