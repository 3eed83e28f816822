"""The tags and texts of a file that `verify` has proven well formed: pass 2 at the speed of `re`, with flat memory.

XML without a DTD is regular at this level: one expression finds each tag and the text behind it (a shallow parse; R. Cameron,
REX, 1998). What is rare is first rewritten into plain `<tag attributes>text</tag>`: comments, CDATA, `<tag/>`, a bare `>`,
line ends. Why not a tree per record: docs/architecture.md. That nothing differs from libxml2 is a property test.

A token is (tag, text, leaf): `("Ид", "1", "/")` an element without children, `("Товары", …, "")` the start of one with
children, `("/Товары", …, "")` its end. `tag` holds the attributes as written: see `local` and `attributes`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import length_hint
from typing import BinaryIO

from etl import xml_safe

Token = tuple[str, str, str]
#: the end of an element that is over
END: Token = ("/", "", "")

_TOKENS = re.compile(r"<([^>]++)>([^<]*+)(?:<(/)\1>\s*+(?=<))?")
_HIDDEN = re.compile(r"<!--.*?-->|<!\[CDATA\[(.*?)\]\]>|<\?.*?\?>", re.DOTALL)
_BARE = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)|>""")
_ATTRIBUTE = re.compile(r"""\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|([^;]*));?")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_BLANK = " >\t\n"
_NUMBERED = 12                   # names of tags with a line; each costs a search of the text


def local(tag: str) -> str:
    """The name in a tag, without prefix and attributes."""
    return tag.split(None, 1)[0].rpartition(":")[2]


@lru_cache(maxsize=1000)
def attributes(tag: str) -> dict[str, str]:
    """The attributes in a tag by name, prefix included."""
    return {name: _plain(one or other) for name, one, other in _ATTRIBUTE.findall(tag)}


def _plain(text: str) -> str:
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return chr(int(found[2])) if found[2] else _ENTITIES[found[3]]


@dataclass(slots=True)
class Part:
    """An element set aside, to be read after its owner: its tag, the index of its first inner token, its tokens to the end."""

    tag: str
    base: int
    items: list[Token]


@dataclass(slots=True)
class _Piece:
    """A stretch of the file: index of its first token, number of its first line, its plain text."""

    base: int
    line: int
    text: str


class Tokens:
    """The tokens of one file, in `self.all`. Iterate once.

    The reader calls `begin` at each record: what stands before it is forgotten. Raises Rejected for a DOCTYPE, a file that breaks off
    and a record longer than `xml_safe.MAX_RECORD`. `position` is the number of bytes read, for progress bars.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream, self.name = stream, name
        self.encoding = xml_safe.root(stream, name).encoding             # refuses a DOCTYPE even of a file that was not checked
        self.position = self.mark = self.encoding.bom
        self.all: Iterator[Token] = chain.from_iterable(self._lists())
        self.items: list[Token] = []
        self.rest = iter(self.items)
        self.base, self.line = 0, 1
        self.pieces: dict[int, _Piece] = {}                              # since the record at hand began
        self.numbered: set[str] = set()                                  # names whose tags are given their line at once
        self._finder = _Finder(self, 0)

    def here(self) -> int:
        """The index of the token handed out last."""
        return self.base + len(self.items) - length_hint(self.rest) - 1

    def begin(self) -> int:
        """A record starts with the token handed out last: its index."""
        self.mark = self.position
        if len(self.pieces) > 1:
            number, piece = self.pieces.popitem()
            self.pieces, self._finder = {number: piece}, _Finder(self, number)
        return self.here()

    def line_of(self, tag: str, index: int) -> int:
        """The line of the start tag with this index. Names that are asked for come with their line in the next stretches."""
        name, _, rest = tag.partition(" @")
        if rest:
            return int(rest.partition(" ")[0])
        if len(self.numbered) < _NUMBERED:
            self.numbered.add(name.split(None, 1)[0])
        return self.find(index, index)[1]

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        """(names from the token `start` down to the token `index`, its line). Slow: for issues only."""
        finder = self._finder
        if index < finder.index or (start != finder.start and start <= finder.index):
            self._finder = _Finder(self, min(self.pieces))
        return self._finder.find(start, index)

    def _lists(self) -> Iterator[Iterator[Token]]:
        for number, text in enumerate(self._plain_texts()):
            self.base += len(self.items)
            self.pieces[number] = _Piece(self.base, self.line, text)
            marked = self._with_lines(text)
            self.line += text.count("\n")
            self.items = _TOKENS.findall(marked)
            if "&" in marked:
                self.items = self._without_references()
            self.rest = iter(self.items)
            yield self.rest

    def _without_references(self) -> list[Token]:
        with xml_safe.refusing(self.name):
            return [(tag, _plain(text), leaf) if "&" in text else (tag, text, leaf) for tag, text, leaf in self.items]

    def _with_lines(self, text: str) -> str:
        """`<Товар>` becomes `<Товар @12>`: counting lines of tags costs less than finding where a token stood."""
        for name in self.numbered:
            line, before, *parts = self.line, *text.split(f"<{name}")
            marked = [before]
            for part in parts:
                line += before.count("\n")
                marked.append(f"<{name} @{line}{part}" if part[0] in _BLANK else f"<{name}{part}")
                before = part
            text = "".join(marked)
        return text

    def _plain_texts(self) -> Iterator[str]:
        """Stretches of whole elements' tags and texts in plain form; each ends with the `<` of the next."""
        rest = ""
        for text in self._texts():
            rest += text
            hidden = _hidden(rest)
            if hidden < len(rest):
                rest = _HIDDEN.sub(_uncovered, rest)
                hidden = _hidden(rest)
            end = _cut(rest, hidden)
            if end:
                yield _in_plain_form(rest[:end], self.name)
                rest = rest[end:]
            if self.position - self.mark > xml_safe.MAX_RECORD:
                raise xml_safe.refused(f"одна запись длиннее {xml_safe.MAX_RECORD >> 20} МБ.", self.name)
        yield _in_plain_form(rest, self.name)

    def _texts(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding.name)()
        for chunk in xml_safe.chunks(self.stream, self.encoding):
            self.position += len(chunk)
            with xml_safe.refusing(self.name):
                text = decoder.decode(chunk)
            yield text


def _hidden(text: str) -> int:
    """Where the first comment, CDATA or instruction begins, or the length of the text."""
    found = [at for mark in "!?" if mark in text and (at := text.find(f"<{mark}")) >= 0]
    return min(found, default=len(text))


def _cut(text: str, end: int) -> int:
    """Where the last start tag before `end` begins: what stands before it is complete. 0: nothing is."""
    cut = text.rfind("<", 0, end)
    while cut > 0 and text[cut + 1:cut + 2] in ("", "/"):
        cut = text.rfind("<", 0, cut)
    return max(cut, 0)


def _uncovered(found: re.Match[str]) -> str:
    """CDATA as escaped text; comments and instructions leave their line ends, unless they stand inside a value."""
    inside = found[1]
    if inside is not None:
        return inside.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    before = found.string[found.start() - 1:found.start()]
    return "\n" * found[0].count("\n") if not before or before in _BLANK else ""


def _in_plain_form(text: str, name: str) -> str:
    if _hidden(text) < len(text):
        raise xml_safe.refused("файл обрывается.", name)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("<") != text.count(">"):
        text = _BARE.sub(lambda found: f"<{found[1][1:-1].replace('>', '&gt;')}>" if found[1] else "&gt;", text)
    if "/>" in text:
        text = text.replace("/>", " ></>")
    return text + "<"


class _Finder:
    """Walks over the stretches kept, to tell the path and the line of a token."""

    def __init__(self, tokens: Tokens, number: int) -> None:
        self.steps = self._walk(tokens, number)
        self.start = self.index = -1
        self.path: list[str] = []
        self.line = 0
        self.leaf = False

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        if start != self.start:
            self.start, self.path, self.leaf = start, [], False
        while self.index < index:
            self.index, tag, self.line, leaf = next(self.steps)
            if self.index >= start:
                self._step(tag, leaf)
        return list(self.path), self.line

    def _step(self, tag: str, leaf: bool) -> None:
        if self.leaf:
            self.path.pop()
        if tag[0] != "/":
            self.path.append(local(tag))
        elif self.path:
            self.path.pop()
        self.leaf = leaf

    @staticmethod
    def _walk(tokens: Tokens, number: int) -> Iterator[tuple[int, str, int, bool]]:
        while True:
            piece = tokens.pieces[number]
            line, before = piece.line, 0
            for index, found in enumerate(_TOKENS.finditer(piece.text), piece.base):
                line += piece.text.count("\n", before, found.start())
                before = found.start()
                yield index, found[1], line, bool(found[3])
            number += 1
