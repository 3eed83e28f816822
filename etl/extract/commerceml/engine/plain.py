"""A file in plain form, in UTF-8, a stretch at a time: no comments, CDATA, instructions; line ends are `\\n`.

In XML without a DTD tags and texts alternate, so once what is rare is rewritten, to split at the brackets
finds them.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from etl import xml_safe

_HIDDEN = re.compile(rb"<!--.*?-->|<!\[CDATA\[(.*?)\]\]>|<\?.*?\?>", re.DOTALL)
_CLOSINGS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_TAG = re.compile(rb"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
#: bytes: the more records stand together, the more of them are alike; more than this, and they leave the
#: cache
_STRETCH = 3 << 16


class Stretches:
    """The stretches of a file: tags and texts of whole elements, each ending with the `<` of the next.

    Raises Rejected for a DOCTYPE, even of a file that was not checked, and for a file that breaks off.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream = stream
        self.name = name
        self.encoding = xml_safe.root(stream, name).encoding
        self.position = self.encoding.bom

    def __iter__(self) -> Iterator[bytes]:
        held: list[bytes] = []
        for text in self._visible():
            cut = _cut(text)
            if cut or (held and _begins(text)):
                yield _line_ends(b"".join([*held, text[: cut + 1]]))
                held = []
            held.append(text[cut:])
        yield _line_ends(b"".join([*held, b"<"]))

    def _visible(self) -> Iterator[bytes]:
        """The file without comments, CDATA and instructions, in pieces."""
        held = list[bytes]()
        closing = b""
        last = b" "
        for text in self._utf8():
            overlap = held[-1][-2:] if held else b""
            held.append(text)
            if closing and closing not in overlap + text:  # a long one is not looked through again and again
                continue
            shown = _uncovered(b"".join(held), last)
            at = _hidden(shown)
            rest = shown[at:]
            held = [rest] if rest else []
            closing = _closing(rest)
            if at:
                last = shown[at - 1 : at]
                yield shown[:at]
        if held:
            raise xml_safe.refused("файл обрывается.", self.name)

    def _utf8(self) -> Iterator[bytes]:
        decoder = None
        if self.encoding.name != "utf-8":
            decoder = codecs.getincrementaldecoder(self.encoding.name)()
        for chunk in xml_safe.chunks(self.stream, self.encoding, _STRETCH):
            self.position += len(chunk)
            if decoder is None:
                yield chunk
                continue
            with xml_safe.refusing(self.name):
                text = decoder.decode(chunk).encode()
            yield text


def tags(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The file as it is but for line ends, a tag and what stands behind it at a time. Refuses a DOCTYPE."""
    encoding = xml_safe.root(stream, name).encoding
    decoder = codecs.getincrementaldecoder(encoding.name)()
    lines = io.IncrementalNewlineDecoder(decoder, translate=True)
    for chunk in xml_safe.chunks(stream, encoding):
        with xml_safe.refusing(name):
            text = lines.decode(chunk)
        before, *others = text.encode().split(b"<")
        yield before
        for other in others:
            yield b"<" + other


def _line_ends(text: bytes) -> bytes:
    """As XML 1.0 §2.11 has them."""
    if b"\r" not in text:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _hidden(text: bytes) -> int:
    """Where the first comment, CDATA or instruction begins, or may begin behind a last `<`; or the length."""
    first = len(text) - text.endswith(b"<")
    for mark in (b"!", b"?"):
        if mark not in text:
            continue
        at = text.find(b"<" + mark)
        if 0 <= at < first:
            first = at
    return first


def _closing(text: bytes) -> bytes:
    """What ends the one that begins there, as far as that can be told."""
    for opening, closing in _CLOSINGS:
        if text.startswith(opening):
            return closing
    return b""


def _cut(text: bytes) -> int:
    """Where the last start tag begins, for what stands before it is complete; 0 if nothing does."""
    cut = text.rfind(b"<")
    while cut > 0 and text.startswith(b"/", cut + 1):
        cut = text.rfind(b"<", 0, cut)
    return max(cut, 0)


def _begins(text: bytes) -> bool:
    """Does a start tag stand there?"""
    return text.startswith(b"<") and not text.startswith(b"/", 1)


def _uncovered(text: bytes, last: bytes) -> bytes:
    """The text with what was hidden in it; `last` is what stood before it."""
    if _hidden(text) == len(text):
        return text
    return _HIDDEN.sub(partial(_replacement, last), text)


def _replacement(last: bytes, found: re.Match[bytes]) -> bytes:
    """CDATA as escaped text; comments and instructions leave their line ends, except inside a value."""
    inside = found[1]
    if inside is not None:
        return inside.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    before = found.string[found.start() - 1 : found.start()] or last
    if before not in b" >\t\n":
        return b""
    return b"\n" * found[0].count(b"\n")


def escaped(text: bytes) -> bytes:
    """A stretch without the bare `>` that XML allows in values and attributes."""
    return b"<".join([_without_bare(part) for part in text.split(b"<")])


def _without_bare(part: bytes) -> bytes:
    """What stands behind a `<`: the rest of a tag, and a text."""
    found = _TAG.match(part)
    end = found.end() - 1 if found else 0
    inside = part[:end].replace(b">", b"&gt;")
    behind = part[end + 1 :].replace(b">", b"&gt;")
    return inside + part[end : end + 1] + behind
