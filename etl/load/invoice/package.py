"""The DOCX around a document: its parts, their types and the relations between them.

The same input gives the same bytes: parts are stored in a fixed order, uncompressed (a deflate stream
differs between versions of zlib) and with a fixed date.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping

from lxml import etree
from lxml.builder import ElementMaker

from etl.load.invoice.docx import NAMES, Element, tag

_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_DATE = (1980, 1, 1, 0, 0, 0)
_PAGE_WIDTH, _PAGE_HEIGHT = 11906, 16838  # A4
#: kind and target of a relation
Relation = tuple[str, str]


def package(body: Iterable[Element], pictures: int, *, margins: int, title: str) -> bytes:
    """A DOCX of one A4 section. `pictures`: how many were made with `docx.picture`, numbered from 1.

    Each picture has a part of its own: the generator deletes the part of a picture it replaces.
    """
    files = [f"media/picture{number}.png" for number in range(1, pictures + 1)]
    parts = {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _package_relations(),
        "docProps/core.xml": _core(title),
        "word/document.xml": _xml(_document(body, margins)),
        "word/_rels/document.xml.rels": _document_relations(files),
        "word/styles.xml": _xml(_styles()),
    }
    for file in files:
        parts[f"word/{file}"] = _frame()
    return _stored(parts)


def _stored(parts: Mapping[str, bytes]) -> bytes:
    """A ZIP of the parts in their order, of the same bytes on any machine."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name, _DATE)
            archive.writestr(member, content)
    return made.getvalue()


def _xml(root: Element) -> bytes:
    """A part of the package as it is stored: UTF-8 with a declaration."""
    written = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return bytes(written)


def _document(body: Iterable[Element], margins: int) -> Element:
    """The main part: the body, and behind it the section, that is the paper and its margins."""
    size = tag("pgSz", w=_PAGE_WIDTH, h=_PAGE_HEIGHT)
    edges = tag(
        "pgMar",
        top=margins,
        right=margins,
        bottom=margins,
        left=margins,
        header=0,
        footer=0,
        gutter=0,
    )
    section = tag("sectPr", size, edges)
    whole = tag("body", *body, section)
    return tag("document", whole)


def _styles() -> Element:
    """Arial 9 for everything, no space around paragraphs."""
    name = tag("name", val="Normal")
    normal = tag("style", name, type="paragraph", default=1, styleId="Normal")
    return tag("styles", _defaults(), normal)


def _defaults() -> Element:
    """What holds for runs and paragraphs that say nothing else."""
    look = tag(
        "rPr",
        tag("rFonts", ascii="Arial", hAnsi="Arial", cs="Arial", eastAsia="Arial"),
        tag("sz", val=18),
        tag("szCs", val=18),
        tag("lang", val="ru-RU"),
    )
    close = tag("pPr", tag("spacing", before=0, after=0))
    runs = tag("rPrDefault", look)
    paragraphs = tag("pPrDefault", close)
    return tag("docDefaults", runs, paragraphs)


def _content_types() -> bytes:
    """The type of each part: by its extension, or by its own name where the extension does not tell it."""
    space = f"{_PACKAGE}/content-types"
    make = ElementMaker(namespace=space, nsmap={None: space})
    types = make.Types()
    for extension, kind in {
        "rels": "application/vnd.openxmlformats-package.relationships+xml",
        "xml": "application/xml",
        "png": "image/png",
    }.items():
        types.append(make.Default(Extension=extension, ContentType=kind))
    for part, kind in {
        "/word/document.xml": f"{_TYPES}.document.main+xml",
        "/word/styles.xml": f"{_TYPES}.styles+xml",
        "/docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
    }.items():
        types.append(make.Override(PartName=part, ContentType=kind))
    return _xml(types)


def _package_relations() -> bytes:
    """Where the package keeps its main part and its title."""
    office = f"{NAMES['r']}/officeDocument"
    core = f"{_PACKAGE}/relationships/metadata/core-properties"
    return _relations([(office, "word/document.xml"), (core, "docProps/core.xml")])


def _document_relations(files: Iterable[str]) -> bytes:
    """Pictures by their number, then the styles."""
    image = f"{NAMES['r']}/image"
    styles = f"{NAMES['r']}/styles"
    pictures = [(image, file) for file in files]
    return _relations([*pictures, (styles, "styles.xml")])


def _relations(listed: Iterable[Relation]) -> bytes:
    """A part with relations, which are numbered in their order from rId1."""
    space = f"{_PACKAGE}/relationships"
    make = ElementMaker(namespace=space, nsmap={None: space})
    relations = make.Relationships()
    for number, (kind, target) in enumerate(listed, start=1):
        relation = make.Relationship(Id=f"rId{number}", Type=kind, Target=target)
        relations.append(relation)
    return _xml(relations)


def _core(title: str) -> bytes:
    """The properties that a file manager shows: title and author."""
    core_space = f"{_PACKAGE}/metadata/core-properties"
    dublin_space = "http://purl.org/dc/elements/1.1/"
    core = ElementMaker(namespace=core_space, nsmap={"cp": core_space, "dc": dublin_space})
    dublin = ElementMaker(namespace=dublin_space)
    named = dublin("title", title)
    made_by = dublin("creator", "obmen24")
    return _xml(core.coreProperties(named, made_by))


# ---- the picture of the template ----


def _frame(side: int = 120) -> bytes:
    """A grey square frame as PNG of two bits a pixel: it stands where the portal puts its picture.

    A line begins with the number of its filter (0: none); a byte holds four pixels.
    """
    width = side // 4
    edge = b"\x00" + b"\xaa" * width
    inside = b"\x00\xbf" + b"\xff" * (width - 2) + b"\xfe"
    pixels = edge + inside * (side - 2) + edge
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 2, 0, 0, 0, 0))
    image = _chunk(b"IDAT", zlib.compress(pixels, 0))
    end = _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + image + end


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG: length of the data, kind, data, checksum of kind and data."""
    length = struct.pack(">I", len(data))
    body = kind + data
    checksum = struct.pack(">I", zlib.crc32(body))
    return length + body + checksum
