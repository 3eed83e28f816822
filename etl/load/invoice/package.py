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
#: id, kind and target of a relation
Relation = tuple[str, str, str]


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
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return made.getvalue()


def _xml(root: Element) -> bytes:
    """A part of the package as bytes."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _document(body: Iterable[Element], margins: int) -> Element:
    size = tag("pgSz", w=_PAGE_WIDTH, h=_PAGE_HEIGHT)
    edges = tag(
        "pgMar", top=margins, right=margins, bottom=margins, left=margins, header=0, footer=0, gutter=0
    )
    return tag("document", tag("body", *body, tag("sectPr", size, edges)))


def _styles() -> Element:
    """Arial 9 for everything, no space around paragraphs."""
    fonts = tag("rFonts", ascii="Arial", hAnsi="Arial", cs="Arial", eastAsia="Arial")
    look = tag("rPr", fonts, tag("sz", val=18), tag("szCs", val=18), tag("lang", val="ru-RU"))
    spacing = tag("pPr", tag("spacing", before=0, after=0))
    defaults = tag("docDefaults", tag("rPrDefault", look), tag("pPrDefault", spacing))
    normal = tag("style", tag("name", val="Normal"), type="paragraph", default=1, styleId="Normal")
    return tag("styles", defaults, normal)


def _content_types() -> bytes:
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
    """Where a reader finds the document and its properties."""
    office = f"{NAMES['r']}/officeDocument"
    core = f"{_PACKAGE}/relationships/metadata/core-properties"
    return _relations([("rId1", office, "word/document.xml"), ("rId2", core, "docProps/core.xml")])


def _document_relations(files: Iterable[str]) -> bytes:
    """Pictures by their number, then the styles."""
    listed = [(f"{NAMES['r']}/image", file) for file in files]
    listed.append((f"{NAMES['r']}/styles", "styles.xml"))
    return _relations((f"rId{number}", *one) for number, one in enumerate(listed, start=1))


def _relations(listed: Iterable[Relation]) -> bytes:
    space = f"{_PACKAGE}/relationships"
    make = ElementMaker(namespace=space, nsmap={None: space})
    relations = make.Relationships()
    for identifier, kind, target in listed:
        relations.append(make.Relationship(Id=identifier, Type=kind, Target=target))
    return _xml(relations)


def _core(title: str) -> bytes:
    names = {"cp": f"{_PACKAGE}/metadata/core-properties", "dc": "http://purl.org/dc/elements/1.1/"}
    core = ElementMaker(namespace=names["cp"], nsmap=names)
    dublin = ElementMaker(namespace=names["dc"])
    return _xml(core.coreProperties(dublin("title", title), dublin("creator", "obmen24")))


# ---- the picture of the template ----


def _frame(side: int = 120) -> bytes:
    """A grey square frame as PNG of two bits a pixel: it stands where the portal puts its picture."""
    edge = b"\xaa" * (side // 4)
    inside = b"\xbf" + b"\xff" * (side // 4 - 2) + b"\xfe"
    lines = [edge, *[inside] * (side - 2), edge]
    pixels = b"".join(b"\x00" + line for line in lines)
    header = struct.pack(">IIBBBBB", side, side, 2, 0, 0, 0, 0)
    stored = zlib.compress(pixels, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", stored) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
