"""The tags and texts of a file that `verify` has proven well formed: pass 2 with flat memory.

In XML without a DTD tags and texts alternate, so to split at `<` and `>` finds them (a shallow parse; R. Cameron, REX, 1998).
What is rare is first rewritten into plain form: comments, CDATA, a bare `>`, line ends. Why not a tree per record:
docs/architecture.md. That nothing differs from libxml2 is a property test.

A token is a tag and the text behind it: `(b"Ид", b"1"), (b"/Ид", …)`. Both are UTF-8, whatever the file is in, and as written: most
are never looked at, so `local`, `attributes` and `Tokens.decoded` are for those that are. An empty element, `(b"Ид/", …)`, has no end tag.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, BinaryIO

import numpy

from etl import xml_safe

_HIDDEN = re.compile(rb"<!--.*?-->|<!\[CDATA\[(.*?)\]\]>|<\?.*?\?>", re.DOTALL)
_TAG = re.compile(rb"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_CLOSINGS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_ATTRIBUTE = re.compile(r"""\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_NUMERIC = re.compile(r"&#(?:x([0-9A-Fa-f]+)|([0-9]+));")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_BLANKS = str.maketrans("\t\n", "  ")
_REMEMBERED = 1000
_STRETCH = (
    1 << 18
)  # bytes: the more records stand together, the more of them are alike; more than this, and they leave the cache


def local(tag: bytes) -> str:
    """The name in a tag, without prefix and attributes."""
    return _local(qualified(tag))


@lru_cache(maxsize=_REMEMBERED)
def _local(name: bytes) -> str:
    return name.rpartition(b":")[2].rstrip(b"/").decode()


def qualified(tag: bytes) -> bytes:
    """The name in a start tag as its end tag repeats it."""
    return tag.split(None, 1)[0]


def bare(tag: bytes) -> bytes:
    """A tag without attributes."""
    if b"=" not in tag:
        return tag
    return qualified(tag) + (b"/" if is_empty(tag) else b"")


def is_end(tag: bytes) -> bool:
    """Is it an end tag, `</Ид>`?"""
    return tag[:1] == b"/"


def is_empty(tag: bytes) -> bool:
    """Is it the tag of an empty element, `<Ид/>`?"""
    return tag[-1:] == b"/"


def attributes(tag: bytes) -> dict[str, str]:
    """The attributes in a tag by name, prefix included."""
    return {
        name: _plain((one or other).translate(_BLANKS))
        for name, one, other in _ATTRIBUTE.findall(tag.decode())
    }


def _plain(text: str) -> str:
    if "&" not in text:
        return text
    if "&#" in text:
        text = _NUMERIC.sub(_character, text)
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text


def _character(found: re.Match[str]) -> str:
    """A character by its number; an ampersand waits for the entities, of which it is the last."""
    character = chr(int(found[1], 16) if found[1] else int(found[2]))
    return "&amp;" if character == "&" else character


class TooLong(Exception):
    """The record at `at` is longer than `xml_safe.MAX_RECORD`; `Tokens.skip` leaves it out."""


@dataclass(slots=True)
class _Piece:
    """A stretch of the file: index of its first token, number of its first line, its plain text, where tags open and lines end in it."""

    base: int
    line: int
    text: bytes
    opened: Any
    breaks: Any

    def lines(self, tokens: Any) -> Any:
        """The lines of some of its tokens, by their index in the file."""
        return self.line + numpy.searchsorted(self.breaks, self.opened[tokens - self.base])


_base = attrgetter("base")


class Tokens:
    """A window on the tokens of one file: `tags` and `texts`, of which the one at `at` is next.

    What stands before `at` is forgotten. Raises Rejected for a DOCTYPE and a file that breaks off, TooLong for a record that must
    not stand in memory. `position` is the number of bytes read, for progress bars.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream, self.name = stream, name
        self.encoding = xml_safe.root(
            stream, name
        ).encoding  # refuses a DOCTYPE even of a file that was not checked
        self.position = self.encoding.bom
        self.tags: list[bytes] = []
        self.texts: list[bytes] = []
        self.at = self.base = 0  # base: index in the file of the first token here
        self.line = 1
        self.pieces: list[_Piece] = []  # those that tokens here are from
        self._stretches = self._plain_texts()
        self._finder = _Finder(self.pieces)

    def more(self) -> bool:
        """The next stretch of the file into the window, whose first token is then the one at `at`. False: there is none."""
        text = next(self._stretches, None)
        if text is None:
            return False
        del self.tags[: self.at], self.texts[: self.at]
        self.base, self.at = self.base + self.at, 0
        while len(self.pieces) > 1 and self.pieces[1].base <= self.base:
            del self.pieces[0]
        if not self._take_in(text) and not self._take_in(_escaped(text)):
            raise xml_safe.refused("нарушена разметка XML.", self.name)
        return True

    def _take_in(self, text: bytes) -> bool:
        """Tags and texts of a stretch. Nothing is done if a bare `>` stands in it."""
        signs = numpy.frombuffer(text, numpy.uint8)
        opened = numpy.flatnonzero(signs == ord("<"))
        parts = text.replace(b">", b"<").split(b"<")
        if len(parts) != 2 * len(opened):
            return False
        breaks = numpy.flatnonzero(signs == ord("\n"))
        self.pieces.append(_Piece(self.base + len(self.tags), self.line, text, opened, breaks))
        self.line += len(breaks)
        self.tags += parts[1:-1:2]
        self.texts += parts[2::2]
        return True

    def ready(self) -> bool:
        """Is there a token at `at`? Reads on where the window ends."""
        while self.at >= len(self.tags):
            if not self.more():
                return False
        return True

    def first_end(self) -> int:
        """Where the element at `at` ends, unless its like is nested in it: the first end tag of its name."""
        tag = self.tags[self.at]
        if is_empty(tag):
            return self.at
        close, behind = b"/" + qualified(tag), self.at + 1
        while True:
            try:
                return self.tags.index(close, behind)
            except ValueError:
                blank = (
                    index for index in range(behind, len(self.tags)) if self.tags[index].rstrip() == close
                )  # `</Ид >`
            if found := next(blank, 0):
                return found
            behind = len(self.tags) - self.at
            self._go_on()

    def end(self) -> int:
        """Where the element at `at` ends, by counting."""
        behind, depth = self.at, 0
        while True:
            for index in range(behind, len(self.tags)):
                if not is_empty(self.tags[index]):
                    depth += -1 if is_end(self.tags[index]) else 1
                if not depth:
                    return index
            behind = len(self.tags) - self.at
            self._go_on()

    def _go_on(self) -> None:
        if (
            sum(len(piece.text) for piece in self._pieces(self.base + self.at, self.base + len(self.tags)))
            > xml_safe.MAX_RECORD
        ):
            raise TooLong
        if not self.more():
            raise xml_safe.refused("файл обрывается.", self.name)

    def skip(self) -> None:
        """Leave out the element at `at`, however long it is."""
        depth = 0
        while self.ready():
            tag = self.tags[self.at]
            self.at += 1
            if not is_empty(tag):
                depth += -1 if is_end(tag) else 1
            if not depth:
                return
        raise xml_safe.refused("файл обрывается.", self.name)

    def decoded(self, texts: list[bytes]) -> list[str]:
        """Texts with their references resolved."""
        with_references = b"<".join(texts)  # no text holds that character
        found = self._utf8(with_references).split("<")
        return [_plain(text) for text in found] if b"&" in with_references else found

    def decoded_one(self, text: bytes) -> str:
        """One of them."""
        return _plain(self._utf8(text))

    def _utf8(self, text: bytes) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError:
            raise xml_safe.refused("байты не соответствуют кодировке файла.", self.name) from None

    def lines(self, starts: list[int]) -> list[int]:
        """The lines of tags of the records at hand, which are in ascending order."""
        tokens, found = numpy.array(starts, dtype=numpy.int64) + self.base, list[int]()
        for piece in self._pieces(int(tokens[0]), int(tokens[-1])):
            found += piece.lines(
                tokens[(tokens >= piece.base) & (tokens < piece.base + len(piece.opened) - 1)]
            ).tolist()
        return found

    def _pieces(self, first: int, last: int) -> list[_Piece]:
        """Those that two tokens and what is between them are from."""
        return self.pieces[
            bisect_right(self.pieces, first, key=_base) - 1 : bisect_right(self.pieces, last, key=_base)
        ]

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        """(names from the token `start` down to the token `index`, its line). Slow: for issues only."""
        if not self._finder.reaches(start, index, self.pieces):
            self._finder = _Finder(self.pieces)
        return self._finder.find(start, index)

    def _plain_texts(self) -> Iterator[bytes]:
        """Stretches of whole elements' tags and texts in plain form; each ends with the `<` of the next."""
        held: list[bytes] = []
        for text in self._visible():
            cut = _cut(text)
            if cut or (held and _begins(text)):
                yield _line_ends(b"".join([*held, text[: cut + 1]]))
                held = []
            held.append(text[cut:])
        yield _line_ends(b"".join([*held, b"<"]))

    def _visible(self) -> Iterator[bytes]:
        """The file without comments, CDATA and instructions, each piece from a `<` on or behind the one before."""
        held, closing, last = list[bytes](), b"", b" "
        for text in self._texts():
            overlap = held[-1][-2:] if held else b""
            held.append(text)
            if closing and closing not in overlap + text:  # a long one is not looked through again and again
                continue
            whole = b"".join(held)
            shown = _HIDDEN.sub(partial(_uncovered, last), whole) if _hidden(whole) < len(whole) else whole
            at = _hidden(shown)
            held, closing = [shown[at:]] if at < len(shown) else [], _closing(shown[at:])
            if at:
                last = shown[at - 1 : at]
                yield shown[:at]
        if held:
            raise xml_safe.refused("файл обрывается.", self.name)

    def _texts(self) -> Iterator[bytes]:
        """The file in UTF-8."""
        decoder = (
            None if self.encoding.name == "utf-8" else codecs.getincrementaldecoder(self.encoding.name)()
        )
        for chunk in xml_safe.chunks(self.stream, self.encoding, _STRETCH):
            self.position += len(chunk)
            if decoder is None:
                yield chunk
            else:
                with xml_safe.refusing(self.name):
                    text = decoder.decode(chunk).encode()
                yield text


def _line_ends(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _hidden(text: bytes) -> int:
    """Where the first comment, CDATA or instruction begins, or may begin behind a last `<`; or the length of the text."""
    found = [at for mark in (b"!", b"?") if mark in text and (at := text.find(b"<" + mark)) >= 0]
    return min(found, default=len(text) - text.endswith(b"<"))


def _closing(text: bytes) -> bytes:
    """What ends the one that begins there, as far as that can be told."""
    return next((closing for opening, closing in _CLOSINGS if text.startswith(opening)), b"")


def _cut(text: bytes) -> int:
    """Where the last start tag begins: what stands before it is complete. 0: there is none, or nothing before it."""
    cut = len(text)
    while (cut := text.rfind(b"<", 0, cut)) > 0:
        if not text.startswith(b"/", cut + 1):
            return cut
    return 0


def _begins(text: bytes) -> bool:
    return text.startswith(b"<") and not text.startswith(b"/", 1)


def _uncovered(start: bytes, found: re.Match[bytes]) -> bytes:
    """CDATA as escaped text; comments and instructions leave their line ends, unless they stand inside a value.

    `start`: what stood before the text.
    """
    inside = found[1]
    if inside is not None:
        return inside.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    before = found.string[found.start() - 1 : found.start()] or start
    return b"\n" * found[0].count(b"\n") if before in b" >\t\n" else b""


def _escaped(text: bytes) -> bytes:
    """XML allows a bare `>` in values and attributes."""
    return b"<".join(_without_bare(part) for part in text.split(b"<"))


def _without_bare(part: bytes) -> bytes:
    """What stands behind a `<`: the rest of a tag, and a text."""
    found = _TAG.match(part)
    end = found.end() - 1 if found else 0
    return part[:end].replace(b">", b"&gt;") + part[end : end + 1] + part[end + 1 :].replace(b">", b"&gt;")


class _Finder:
    """Walks over the stretches kept, to tell the path and the line of a token."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self.pieces, self.first = pieces, pieces[0] if pieces else None
        self.steps = self._walk()
        self.start = self.index = -1
        self.path: list[str] = []
        self.line, self.inside = 0, True  # not inside an empty element

    def reaches(self, start: int, index: int, pieces: list[_Piece]) -> bool:
        """Does it stand before that token, in stretches that are still there?"""
        return (
            self.first is not None
            and pieces[0] is self.first
            and index >= self.index
            and (start == self.start or start > self.index)
        )

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        if start != self.start:
            self.start, self.path, self.inside = start, [], True
        while self.index < index:
            self.index, tag, self.line = next(self.steps)
            if self.index >= start:
                self._step(tag)
        return list(self.path), self.line

    def _step(self, tag: bytes) -> None:
        if not self.inside:
            self.path.pop()
        if not is_end(tag):
            self.path.append(local(tag))
        elif self.path:
            self.path.pop()
        self.inside = not is_empty(tag)

    def _walk(self) -> Iterator[tuple[int, bytes, int]]:
        number = 0
        while True:
            piece = self.pieces[number]
            tags = piece.text.replace(b">", b"<").split(b"<")[1:-1:2]
            tokens = numpy.arange(piece.base, piece.base + len(tags))
            yield from zip(tokens.tolist(), tags, piece.lines(tokens).tolist(), strict=True)
            number += 1
