"""The tags and texts of a file that `verify` has proven well formed: pass 2 with flat memory.

In XML without a DTD tags and texts alternate, so to split at `<` and `>` finds them (a shallow parse; R.
Cameron, REX, 1998). Why not a tree per record: docs/architecture.md. That nothing differs from libxml2 is a
property test.

Both stay bytes in UTF-8 as written, since most are never looked at: `tags` and `Tokens.decoded` are for those
that are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, BinaryIO

import numpy

from etl import xml_safe
from etl.errors import Rejected
from etl.extract.commerceml.engine.plain import Stretches, escaped
from etl.extract.commerceml.engine.tags import is_empty, is_end, local, qualified, resolved


class TooLong(Exception):
    """The record at `at` is longer than `xml_safe.MAX_RECORD`; `Tokens.skip` leaves it out."""


@dataclass(slots=True)
class _Piece:
    """A stretch of the file: its first token and line, its text, where in it tags open and lines end."""

    base: int
    line: int
    text: bytes
    opened: Any
    breaks: Any

    @property
    def end(self) -> int:
        """The index behind its last token: the last `<` is the next stretch's."""
        return self.base + len(self.opened) - 1

    def lines(self, tokens: Any) -> Any:
        """The lines of some of its tokens, by their index in the file."""
        return self.line + numpy.searchsorted(self.breaks, self.opened[tokens - self.base])


_base = attrgetter("base")


class Tokens:
    """A window on the tokens of one file: `tags` and `texts`, of which the one at `at` is next.

    What stands before `at` is forgotten. Raises Rejected for a DOCTYPE and a file that breaks off, TooLong
    for a record that must not stand in memory.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.tags: list[bytes] = []
        self.texts: list[bytes] = []
        self.at = 0
        self.base = 0  # index in the file of the first token here
        self.line = 1
        self.pieces: list[_Piece] = []  # those that tokens here are from
        self._stretches = Stretches(stream, name)
        self._coming = iter(self._stretches)
        self._finder = _Finder(self.pieces)

    @property
    def position(self) -> int:
        """The number of bytes read, for progress bars."""
        return self._stretches.position

    def more(self) -> bool:
        """The next stretch of the file into the window, whose first token is then the one at `at`.

        False: there is none.
        """
        text = next(self._coming, None)
        if text is None:
            return False
        del self.tags[: self.at], self.texts[: self.at]
        self.base += self.at
        self.at = 0
        while len(self.pieces) > 1 and self.pieces[1].base <= self.base:
            del self.pieces[0]
        if not self._take_in(text) and not self._take_in(escaped(text)):
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
        """Where the element at `at` ends, unless its like is nested in it: the first end tag of its name.

        Raises TooLong.
        """
        tag = self.tags[self.at]
        if is_empty(tag):
            return self.at
        close = b"/" + qualified(tag)
        behind = self.at + 1
        while True:
            found = self._index(close, behind)
            if found:
                return found
            behind = len(self.tags) - self.at
            self._go_on()

    def _index(self, close: bytes, behind: int) -> int:
        """Where an end tag stands, also one with a blank in it (`</Ид >`); or 0."""
        try:
            return self.tags.index(close, behind)
        except ValueError:
            pass
        for index in range(behind, len(self.tags)):
            if self.tags[index].rstrip() == close:
                return index
        return 0

    def end(self) -> int:
        """Where the element at `at` ends, by counting. Raises TooLong."""
        behind = self.at
        depth = 0
        while True:
            for index in range(behind, len(self.tags)):
                depth += _step(self.tags[index])
                if not depth:
                    return index
            behind = len(self.tags) - self.at
            self._go_on()

    def _go_on(self) -> None:
        """More of the element at `at`."""
        held = 0
        for piece in self._pieces(self.base + self.at, self.base + len(self.tags)):
            held += len(piece.text)
        if held > xml_safe.MAX_RECORD:
            raise TooLong
        if not self.more():
            raise xml_safe.refused("файл обрывается.", self.name)

    def skip(self) -> None:
        """Leave out the element at `at`, however long it is."""
        depth = 0
        while self.ready():
            depth += _step(self.tags[self.at])
            self.at += 1
            if not depth:
                return
        raise xml_safe.refused("файл обрывается.", self.name)

    def decoded(self, texts: list[bytes]) -> list[str]:
        """Texts with their references resolved."""
        joined = b"<".join(texts)  # no text holds that character
        try:
            found = joined.decode().split("<")
        except UnicodeDecodeError:
            raise self._undecodable() from None
        if b"&" not in joined:
            return found
        return [resolved(text) for text in found]

    def decoded_one(self, text: bytes) -> str:
        """One of them. In a file of ever new shapes every text comes by here: no call that can be spared."""
        try:
            found = text.decode()
        except UnicodeDecodeError:
            raise self._undecodable() from None
        return resolved(found) if "&" in found else found

    def _undecodable(self) -> Rejected:
        return xml_safe.refused("байты не соответствуют кодировке файла.", self.name)

    def lines(self, starts: list[int]) -> list[int]:
        """The lines of tags of the records at hand, which are in ascending order."""
        tokens = numpy.array(starts, dtype=numpy.int64) + self.base
        found = list[int]()
        for piece in self._pieces(int(tokens[0]), int(tokens[-1])):
            inside = (tokens >= piece.base) & (tokens < piece.end)
            found += piece.lines(tokens[inside]).tolist()
        return found

    def _pieces(self, first: int, last: int) -> list[_Piece]:
        """Those that two tokens and what is between them are from."""
        start = bisect_right(self.pieces, first, key=_base) - 1
        return self.pieces[start : bisect_right(self.pieces, last, key=_base)]

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        """(names from the token `start` down to the token `index`, its line). Slow: for issues only."""
        if not self._finder.reaches(start, index, self.pieces):
            self._finder = _Finder(self.pieces)
        return self._finder.find(start, index)


def _step(tag: bytes) -> int:
    """What a tag does to the depth."""
    if is_empty(tag):
        return 0
    return -1 if is_end(tag) else 1


class _Finder:
    """Walks over the stretches kept, to tell the path and the line of a token."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self.pieces = pieces
        self.first = pieces[0] if pieces else None
        self.steps = self._walk()
        self.start = -1
        self.index = -1
        self.path: list[str] = []
        self.line = 0
        self.inside = True  # not inside an empty element

    def reaches(self, start: int, index: int, pieces: list[_Piece]) -> bool:
        """Does it stand before that token, in stretches that are still there?"""
        if self.first is None or pieces[0] is not self.first:
            return False
        return index >= self.index and (start == self.start or start > self.index)

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        if start != self.start:
            self.start = start
            self.path = []
            self.inside = True
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
        """(index, tag, line) of each token; more stretches may come in meanwhile."""
        number = 0
        while True:
            piece = self.pieces[number]
            tags = piece.text.replace(b">", b"<").split(b"<")[1:-1:2]
            tokens = numpy.arange(piece.base, piece.base + len(tags))
            lines = piece.lines(tokens).tolist()
            yield from zip(tokens.tolist(), tags, lines, strict=True)
            number += 1
