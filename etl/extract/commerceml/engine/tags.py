"""What stands in a tag, and in a text: names, attributes, references.

A token is a tag and the text behind it: `(b"Ид", b"1"), (b"/Ид", …)`, both in UTF-8 as they are written. An
empty element, `(b"Ид/", …)`, has no end tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_ATTRIBUTE = re.compile(r"""\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_NUMERIC = re.compile(r"&#(?:x([0-9A-Fa-f]+)|([0-9]+));")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_BLANKS = str.maketrans("\t\n", "  ")
_REMEMBERED = 1000
_USUAL = 300  # longer tags are not remembered: a file must not fill the memory


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
    """A tag without attributes and blanks."""
    name = qualified(tag)
    if is_empty(tag) and not is_empty(name):
        return name + b"/"
    return name


def is_end(tag: bytes) -> bool:
    """Is it an end tag, `</Ид>`?"""
    return tag[:1] == b"/"


def is_empty(tag: bytes) -> bool:
    """Is it the tag of an empty element, `<Ид/>`?"""
    return tag[-1:] == b"/"


def attributes(tag: bytes) -> dict[str, str]:
    """The attributes in a tag by name, prefix included."""
    if b"=" not in tag:
        return {}
    found = {}
    for name, quoted, single_quoted in _ATTRIBUTE.findall(tag.decode()):
        found[name] = resolved((quoted or single_quoted).translate(_BLANKS))
    return found


def usual_attributes(tag: bytes) -> Mapping[str, str]:
    """The same of a tag that comes again and again; not to be changed."""
    return _known_attributes(tag) if len(tag) < _USUAL else attributes(tag)


_known_attributes = lru_cache(maxsize=_REMEMBERED)(attributes)


def resolved(text: str) -> str:
    """A text with its references resolved."""
    if "&" not in text:
        return text
    if "&#" in text:
        text = _NUMERIC.sub(_character, text)
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text


def _character(found: re.Match[str]) -> str:
    """A character by its number; an ampersand waits for the entities, of which it is the last."""
    code = int(found[1], 16) if found[1] else int(found[2])
    character = chr(code)
    return "&amp;" if character == "&" else character
