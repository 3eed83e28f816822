"""The tags and texts of a file that `verify` has proven well formed: pass 2 with flat memory.

In XML without a DTD tags and texts alternate, so to split at `<` and `>` finds them (a shallow parse; R. Cameron, REX, 1998).
What is rare is first rewritten into plain form: comments, CDATA, a bare `>`, line ends. Why not a tree per record:
docs/architecture.md. That nothing differs from libxml2 is a property test.

A token is a tag and the text behind it: `("Ид", "1"), ("/Ид", …)`. A tag holds the attributes as written: see `local` and
`attributes`. An empty element, `("Ид/", …)`, has no end tag: see `is_empty`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from etl import xml_safe

_HIDDEN = re.compile(r"<!--.*?-->|<!\[CDATA\[(.*?)\]\]>|<\?.*?\?>", re.DOTALL)
_BARE = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)|>""")
_ATTRIBUTE = re.compile(r"""\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|([^;]*));?")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_BLANKS = str.maketrans("\t\n", "  ")
_NUMBERED = 12                   # names of tags that get their line; each costs a search of the text


def local(tag: str) -> str:
    """The name in a tag, without prefix and attributes."""
    return tag if tag.isalpha() else tag.split(None, 1)[0].rpartition(":")[2].rstrip("/")


def qualified(tag: str) -> str:
    """The name in a start tag as its end tag repeats it."""
    return tag if tag.isalpha() else tag.split(None, 1)[0]


def is_empty(tag: str) -> bool:
    """Is it the tag of an empty element, `<Ид/>`?"""
    return tag[-1] == "/"


@lru_cache(maxsize=1000)
def attributes(tag: str) -> dict[str, str]:
    """The attributes in a tag by name, prefix included."""
    return {name: _plain((one or other).translate(_BLANKS)) for name, one, other in _ATTRIBUTE.findall(tag)}


def _plain(text: str) -> str:
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return chr(int(found[2])) if found[2] else _ENTITIES[found[3]]


@dataclass(slots=True)
class _Piece:
    """A stretch of the file: index of its first token, number of its first line, its plain text."""

    base: int
    line: int
    text: str


class Tokens:
    """A window on the tokens of one file: `tags` and `texts`, of which the one at `at` is next.

    What stands before `at` is forgotten. Raises Rejected for a DOCTYPE, a file that breaks off and a record longer than
    `xml_safe.MAX_RECORD`. `position` is the number of bytes read, for progress bars.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream, self.name = stream, name
        self.encoding = xml_safe.root(stream, name).encoding             # refuses a DOCTYPE even of a file that was not checked
        self.position = self.mark = self.encoding.bom
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.at = self.base = 0                                          # base: index in the file of the first token here
        self.line = 1
        self.pieces: list[_Piece] = []                                   # since the record at hand began
        self.numbered: set[str] = set()                                  # names whose tags are given their line at once
        self._stretches = self._plain_texts()
        self._finder = _Finder(self.pieces)

    def more(self) -> bool:
        """The next stretch of the file into the window, whose first token is then the one at `at`. False: there is none."""
        text = next(self._stretches, None)
        if text is None:
            return False
        del self.tags[:self.at], self.texts[:self.at]
        self.base, self.at = self.base + self.at, 0
        found = self._tokens(text) or self._tokens(_escaped(text))
        if found is None:
            raise xml_safe.refused("нарушена разметка XML.", self.name)
        self.tags += found[0]
        self.texts += found[1]
        return True

    def _tokens(self, text: str) -> tuple[list[str], list[str]] | None:
        """Tags and texts of a stretch, which is kept; None if a bare `>` stands in it."""
        marked, behind = self._with_lines(text)
        parts = marked.replace(">", "<").split("<")
        if len(parts) != 2 * marked.count("<"):
            return None
        self.pieces.append(_Piece(self.base + len(self.tags), self.line, text))
        self.line = behind
        return parts[1:-1:2], self._without_references(parts[2::2]) if "&" in marked else parts[2::2]

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
        close, behind = f"/{qualified(tag)}", self.at + 1
        while True:
            try:
                return self.tags.index(close, behind)
            except ValueError:
                behind = len(self.tags) - self.at
                self._go_on()

    def end(self) -> int:
        """Where the element at `at` ends, by counting."""
        behind, depth = self.at, 0
        while True:
            for index in range(behind, len(self.tags)):
                if not is_empty(self.tags[index]):
                    depth += -1 if self.tags[index][0] == "/" else 1
                if not depth:
                    return index
            behind = len(self.tags) - self.at
            self._go_on()

    def _go_on(self) -> None:
        if not self.more():
            raise xml_safe.refused("файл обрывается.", self.name)

    def take(self, end: int) -> None:
        """The records at `at` are the ones at hand; `at` moves behind them."""
        start = self.base + self.at
        self.at, self.mark = end, self.position
        while len(self.pieces) > 1 and self.pieces[1].base <= start:
            del self.pieces[0]

    def lines(self, starts: list[int]) -> list[str]:
        """The lines of start tags. Names that are asked for come with their line in the next stretches."""
        return [self._line(start) for start in starts]

    def _line(self, start: int) -> str:
        text = self.texts[start]
        if text[:1] == "@" and (mark := text[1:text.find(" ")]).isdecimal():
            return mark
        if len(self.numbered) < _NUMBERED:
            self.numbered.add(qualified(self.tags[start]).rstrip("/"))
        return str(self.find(self.base + start, self.base + start)[1])

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        """(names from the token `start` down to the token `index`, its line). Slow: for issues only."""
        if not self._finder.reaches(start, index, self.pieces):
            self._finder = _Finder(self.pieces)
        return self._finder.find(start, index)

    def _without_references(self, texts: list[str]) -> list[str]:
        with xml_safe.refusing(self.name):
            return [_plain(text) if "&" in text else text for text in texts]

    def _with_lines(self, text: str) -> tuple[str, int]:
        """`<Товар>` becomes `<Товар>@12 `: its own text is blank, and counting lines costs less than finding where a token stood.

        Returns also the line behind the stretch.
        """
        line = 0
        for name in self.numbered:
            line, before, *parts = self.line, *text.split(f"<{name}>")
            marked = [before]
            for part in parts:
                line += before.count("\n")
                marked.append(f"<{name}>@{line} {part}")
                before = part
            line += before.count("\n")
            text = "".join(marked)
        return text, line or self.line + text.count("\n")

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
                yield _line_ends(rest[:end + 1])
                rest = rest[end:]
            if self.position - self.mark > xml_safe.MAX_RECORD:
                raise xml_safe.refused(f"одна запись длиннее {xml_safe.MAX_RECORD >> 20} МБ.", self.name)
        if _hidden(rest) < len(rest):
            raise xml_safe.refused("файл обрывается.", self.name)
        yield _line_ends(rest + "<")

    def _texts(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding.name)()
        for chunk in xml_safe.chunks(self.stream, self.encoding):
            self.position += len(chunk)
            with xml_safe.refusing(self.name):
                text = decoder.decode(chunk)
            yield text


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _split(text: str) -> tuple[list[str], list[str]]:
    parts = text.replace(">", "<").split("<")
    return parts[1:-1:2], parts[2::2]


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
    return "\n" * found[0].count("\n") if not before or before in " >\t\n" else ""


def _escaped(text: str) -> str:
    """XML allows a bare `>` in values and attributes."""
    return _BARE.sub(lambda found: f"<{found[1][1:-1].replace('>', '&gt;')}>" if found[1] else "&gt;", text)


class _Finder:
    """Walks over the stretches kept, to tell the path and the line of a token."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self.pieces, self.first = pieces, pieces[0] if pieces else None
        self.steps = self._walk()
        self.start = self.index = -1
        self.path: list[str] = []
        self.line, self.inside = 0, True                                     # not inside an empty element

    def reaches(self, start: int, index: int, pieces: list[_Piece]) -> bool:
        """Does it stand before that token, in stretches that are still there?"""
        return self.first is not None and pieces[0] is self.first and index >= self.index and (start == self.start or start > self.index)

    def find(self, start: int, index: int) -> tuple[list[str], int]:
        if start != self.start:
            self.start, self.path, self.inside = start, [], True
        while self.index < index:
            self.index, tag, self.line = next(self.steps)
            if self.index >= start:
                self._step(tag)
        return list(self.path), self.line

    def _step(self, tag: str) -> None:
        if not self.inside:
            self.path.pop()
        if tag[0] != "/":
            self.path.append(local(tag))
        elif self.path:
            self.path.pop()
        self.inside = not is_empty(tag)

    def _walk(self) -> Iterator[tuple[int, str, int]]:
        number = 0
        while True:
            piece = self.pieces[number]
            line = piece.line + piece.text.count("\n", 0, piece.text.find("<"))
            for index, (tag, text) in enumerate(zip(*_split(piece.text), strict=True), piece.base):
                yield index, tag, line
                line += tag.count("\n") + text.count("\n")
            number += 1
