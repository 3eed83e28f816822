"""The tags and texts that the engine finds are those that libxml2 finds, however a file is written and cut into pieces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from etl import xml_safe
from etl.extract.commerceml.engine.tags import attributes, is_empty, is_end, local
from etl.extract.commerceml.engine.tokens import Tokens

NAMES = ("Документ", "Товар", "Товары", "Ид", "Контрагент", "a", "c:Группа")
WORDS = st.text(alphabet="аБ1 .&<>\"'/!?=@\n\t\r;-]", max_size=8)
SPACES = st.sampled_from(("", " ", "\n", "\r\n", "\r", "\n\t\t", "\u00a0"))


def _value(draw: st.DrawFn) -> str:
    words = draw(WORDS)
    how = draw(st.sampled_from(("escaped", "bare", "cdata", "numbers", "comment")))
    if how == "cdata":
        return f"<![CDATA[{words.replace(']]>', '')}]]>"
    if how == "numbers":
        return "".join(
            f"&#{ord(sign)};" if number % 2 else f"&#x{ord(sign):X};" for number, sign in enumerate(words)
        )
    text = escape(words)
    if how == "bare":
        text = text.replace("&gt;", ">").replace("]]>", "")
    return (
        text + f"<!--{words.replace('-', '').replace(chr(10), '').replace(chr(13), '')}-->"
        if how == "comment"
        else text
    )


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(st.sampled_from(NAMES))
    pairs = draw(st.dictionaries(st.sampled_from(("Код", "x", "xml:lang")), WORDS, max_size=2))
    written = "".join(
        f"{draw(st.sampled_from((' ', chr(10), '  ')))}{key}={quoteattr(value).replace('&gt;', '>')}"
        for key, value in pairs.items()
    )
    children = draw(st.lists(elements(depth - 1), max_size=3)) if depth else []
    inner = "".join(part + draw(SPACES) for part in children) if children else _value(draw)
    if not inner and draw(st.booleans()):
        return f"<{name}{written}/>"
    before = draw(st.sampled_from(("", "<!-- Товар\n<Ид> -->", "<?note <Ид>?>"))) if children else ""
    return f"<{name}{written}>{before}{inner}</{name}{draw(st.sampled_from(('', ' ')))}>"


@st.composite
def files(draw: st.DrawFn) -> bytes:
    body = "".join(draw(st.lists(elements(), max_size=4)))
    mark, declared, encoding = draw(
        st.sampled_from(
            (
                (b"", "UTF-8", "utf-8"),
                (b"\xef\xbb\xbf", "UTF-8", "utf-8"),
                (b"\xff\xfe", "UTF-16", "utf-16-le"),
                (b"", "windows-1251", "cp1251"),
            )
        )
    )
    text = f'<?xml version="1.0" encoding="{declared}"?>\n<К xmlns:c="urn:x"\n>{body}</К>{draw(SPACES).strip(chr(0xA0))}'
    return mark + text.encode(encoding)


class Short(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    step = 5

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.step if size is None or size < 0 else min(size, self.step))


def expected(data: bytes) -> Iterator[tuple[str, str, dict[str, str], int]]:
    """(name, text before the first child, attributes, line) of each element; `/name` of each end."""
    encoding = xml_safe.sniff(io.BytesIO(data), "x")
    tree = etree.fromstring(
        data[encoding.bom :],
        etree.XMLParser(
            encoding=encoding.name, remove_comments=True, remove_pis=True, resolve_entities=False
        ),
    )
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        name = xml_safe.local(element.tag)
        if event == "start":
            told = {
                key.replace("{http://www.w3.org/XML/1998/namespace}", "xml:"): value
                for key, value in element.attrib.items()
            }
            yield name, element.text or "", told, element.sourceline or 0
        else:
            yield f"/{name}", "", {}, 0


def found(data: bytes, step: int) -> Iterator[tuple[str, str, dict[str, str], int]]:
    stream = Short(data)
    stream.step = step
    tokens = Tokens(stream, "x.xml")
    while tokens.ready():
        tag = tokens.tags[tokens.at]
        start, text = tokens.base + tokens.at, tokens.texts[tokens.at]
        tokens.at += 1
        if is_end(tag):
            opened = open_names.pop()
            assert tag.decode().strip() in ("/", f"/{opened}")
            yield f"/{opened.rpartition(':')[2]}", "", {}, 0
            continue
        told = {key: value for key, value in attributes(tag).items() if not key.startswith("xmlns")}
        line = tokens.find(start, start)[1] + tag.count(b"\n")  # libxml2 counts to the end of the start tag
        yield local(tag), "" if is_empty(tag) else tokens.decoded([text])[0], told, line
        if is_empty(tag):
            yield f"/{local(tag)}", "", {}, 0
            continue
        open_names.append(tag.decode().split(None, 1)[0])


open_names: list[str] = []


@settings(max_examples=150, deadline=None)
@given(files(), st.sampled_from((64, 201, 100_000)))
def test_tokens_are_what_libxml2_finds(data: bytes, step: int) -> None:
    open_names.clear()
    xml_safe.check(io.BytesIO(data), "x.xml")
    ours, theirs = list(found(data, step)), list(expected(data))
    assert [item[0] for item in ours] == [item[0] for item in theirs]
    encoding = xml_safe.sniff(io.BytesIO(data), "x")
    bare_returns = "\r" in data[encoding.bom :].decode(encoding.name).replace("\r\n", "")
    for mine, right in zip(ours, theirs, strict=True):
        assert mine[1].strip() == right[1].strip()
        assert mine[2] == right[2]
        assert mine[3] == right[3] or bare_returns  # libxml2 does not count them as line ends
