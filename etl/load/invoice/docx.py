"""WordprocessingML for the invoice template: paragraphs, tables, pictures with a placeholder, and the package around them.

The same input gives the same bytes: parts are stored in a fixed order, uncompressed (a deflate stream differs between
versions of zlib) and with a fixed date. Sizes: twips (1/1440 inch) for the page, half points for type, EMU for pictures.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

_NAMES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture",
}
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_MAKERS = {prefix: ElementMaker(namespace=uri, nsmap=_NAMES) for prefix, uri in _NAMES.items()}
_DATE = (1980, 1, 1, 0, 0, 0)
EMU_PER_MM = 36000
THIN, THICK = 4, 12
Element = Any
Sides = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture the document generator replaces: `placeholder` is its alternative text; size in mm.

    `float_at`: (right, down) in mm from its paragraph for a picture that floats over the text.
    """

    placeholder: str
    width: int
    height: int
    float_at: tuple[int, int] | None = None


def _tag(name: str, *children: Element, **attributes: Any) -> Element:
    """An element of the main namespace with attributes of the same namespace."""
    made = _MAKERS["w"](name, *children)
    for key, value in attributes.items():
        made.set(f"{{{_NAMES['w']}}}{key}", str(value))
    return made


def run(text: str, *, size: int = 18, bold: bool = False) -> Element:
    """Text of one look. A placeholder must lie in one run: Word would split it otherwise and the generator would not see it."""
    properties = _tag("rPr", *([_tag("b")] if bold else []), _tag("sz", val=size), _tag("szCs", val=size))
    words = _tag("t", text)
    words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return _tag("r", properties, words)


def paragraph(
    *runs: Element, align: str = "left", before: int = 0, after: int = 0, rule: int = 0, keep: bool = False
) -> Element:
    """A paragraph; `rule`: width of a line under it, eighths of a point; `keep`: on one page with what follows."""
    properties = _tag("pPr", *([_tag("keepNext")] if keep else []))
    if rule:
        properties.append(_tag("pBdr", _tag("bottom", val="single", sz=rule, space=1, color="000000")))
    properties.extend([_tag("spacing", before=before, after=after), _tag("jc", val=align)])
    return _tag("p", properties, *runs)


def cell(
    width: int,
    *content: Element,
    span: int = 1,
    merge: str | None = None,
    borders: Sides | None = None,
    vertical: str = "top",
) -> Element:
    """A cell of a table. `merge`: "restart" begins a cell over several rows, "continue" goes on; `borders`: side -> width, 0 for none;
    `vertical`: top, center or bottom.
    """
    properties = _tag("tcPr", _tag("tcW", w=width, type="dxa"))
    if span > 1:
        properties.append(_tag("gridSpan", val=span))
    if merge:
        properties.append(_tag("vMerge", val=merge))
    if borders is not None:
        properties.append(_tag("tcBorders", *_sides(borders, ("top", "left", "bottom", "right"))))
    properties.append(_tag("vAlign", val=vertical))
    return _tag("tc", properties, *(content or (paragraph(),)))


def row(*cells: Element, heading: bool = False, height: int = 0) -> Element:
    """A row that is never torn between pages; a heading is repeated on each page."""
    properties = _tag("trPr", _tag("cantSplit"))
    if height:
        properties.append(_tag("trHeight", val=height, hRule="atLeast"))
    if heading:
        properties.append(_tag("tblHeader"))
    return _tag("tr", properties, *cells)


def table(widths: Sequence[int], *rows: Element, borders: Sides | None = None) -> Element:
    """A table of fixed columns."""
    properties = _tag("tblPr", _tag("tblW", w=sum(widths), type="dxa"))
    if borders:
        properties.append(
            _tag("tblBorders", *_sides(borders, ("top", "left", "bottom", "right", "insideH", "insideV")))
        )
    margins = _tag("tblCellMar", *(_tag(side, w=57, type="dxa") for side in ("left", "right")))
    properties.extend([_tag("tblLayout", type="fixed"), margins])
    return _tag("tbl", properties, _tag("tblGrid", *(_tag("gridCol", w=width) for width in widths)), *rows)


def _sides(widths: Sides, order: Sequence[str]) -> Iterable[Element]:
    for side in order:
        if side in widths:
            width = widths[side]
            yield (
                _tag(side, val="single", sz=width, space=0, color="000000")
                if width
                else _tag(side, val="nil")
            )


def picture(one: Picture, number: int) -> Element:
    """A run with a picture. The generator finds it by the alternative text (`descr` of wp:docPr, child of the inline or anchor)."""
    cx, cy = str(one.width * EMU_PER_MM), str(one.height * EMU_PER_MM)
    wp = _MAKERS["wp"]
    common = [
        wp.docPr(id=str(number), name=f"Рисунок {number}", descr=one.placeholder),
        wp.cNvGraphicFramePr(),
        _graphic(number, cx, cy),
    ]
    if one.float_at is None:
        return _tag(
            "r",
            _tag(
                "drawing",
                wp.inline(wp.extent(cx=cx, cy=cy), *common, distT="0", distB="0", distL="0", distR="0"),
            ),
        )
    right, down = (str(value * EMU_PER_MM) for value in one.float_at)
    anchor = wp.anchor(
        wp.simplePos(x="0", y="0"),
        wp.positionH(wp.posOffset(right), relativeFrom="column"),
        wp.positionV(wp.posOffset(down), relativeFrom="paragraph"),
        wp.extent(cx=cx, cy=cy),
        wp.effectExtent(l="0", t="0", r="0", b="0"),
        wp.wrapNone(),
        *common,
        distT="0",
        distB="0",
        distL="0",
        distR="0",
        simplePos="0",
        relativeHeight=str(number),
        behindDoc="1",
        locked="0",
        layoutInCell="1",
        allowOverlap="1",
    )
    return _tag("r", _tag("drawing", anchor))


def _graphic(number: int, cx: str, cy: str) -> Element:
    a, pic = _MAKERS["a"], _MAKERS["pic"]
    blip = a.blip()
    blip.set(f"{{{_NAMES['r']}}}embed", f"rId{number}")
    return a.graphic(
        a.graphicData(
            pic.pic(
                pic.nvPicPr(pic.cNvPr(id=str(number), name=f"picture{number}.png"), pic.cNvPicPr()),
                pic.blipFill(blip, a.stretch(a.fillRect())),
                pic.spPr(
                    a.xfrm(a.off(x="0", y="0"), a.ext(cx=cx, cy=cy)), a.prstGeom(a.avLst(), prst="rect")
                ),
            ),
            uri=_NAMES["pic"],
        )
    )


def package(body: Iterable[Element], pictures: int, *, margins: int, title: str) -> bytes:
    """A DOCX of one A4 section. `pictures`: how many were made with `picture`, numbered from 1.

    Each picture has a part of its own: the generator deletes the part of a picture it replaces.
    """
    page = _tag(
        "sectPr",
        _tag("pgSz", w=11906, h=16838),
        _tag("pgMar", top=margins, right=margins, bottom=margins, left=margins, header=0, footer=0, gutter=0),
    )
    numbers = range(1, pictures + 1)
    styles_id = f"rId{pictures + 1}"
    parts = {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relationships(
            [("rId1", "officeDocument", "word/document.xml"), ("rId2", "core", "docProps/core.xml")]
        ),
        "docProps/core.xml": _core(title),
        "word/document.xml": _xml(_tag("document", _tag("body", *body, page))),
        "word/_rels/document.xml.rels": _relationships(
            [
                *((f"rId{number}", "image", f"media/picture{number}.png") for number in numbers),
                (styles_id, "styles", "styles.xml"),
            ]
        ),
        "word/styles.xml": _xml(_styles()),
    } | {f"word/media/picture{number}.png": _frame() for number in numbers}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return made.getvalue()


def _xml(root: Element) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _styles() -> Element:
    fonts = _tag("rFonts", **dict.fromkeys(("ascii", "hAnsi", "cs", "eastAsia"), "Arial"))
    look = _tag("rPr", fonts, _tag("sz", val=18), _tag("szCs", val=18), _tag("lang", val="ru-RU"))
    defaults = _tag(
        "docDefaults",
        _tag("rPrDefault", look),
        _tag("pPrDefault", _tag("pPr", _tag("spacing", before=0, after=0))),
    )
    return _tag(
        "styles",
        defaults,
        _tag("style", _tag("name", val="Normal"), type="paragraph", default=1, styleId="Normal"),
    )


def _content_types() -> bytes:
    make = ElementMaker(namespace=f"{_PACKAGE}/content-types", nsmap={None: f"{_PACKAGE}/content-types"})
    defaults = {
        "rels": "application/vnd.openxmlformats-package.relationships+xml",
        "xml": "application/xml",
        "png": "image/png",
    }
    overrides = {
        "/word/document.xml": f"{_TYPES}.document.main+xml",
        "/word/styles.xml": f"{_TYPES}.styles+xml",
        "/docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
    }
    return _xml(
        make.Types(
            *(make.Default(Extension=key, ContentType=value) for key, value in defaults.items()),
            *(make.Override(PartName=key, ContentType=value) for key, value in overrides.items()),
        )
    )


def _relationships(listed: Iterable[tuple[str, str, str]]) -> bytes:
    make = ElementMaker(namespace=f"{_PACKAGE}/relationships", nsmap={None: f"{_PACKAGE}/relationships"})
    kinds = {"core": f"{_PACKAGE}/relationships/metadata/core-properties"}
    return _xml(
        make.Relationships(
            *(
                make.Relationship(Id=number, Type=kinds.get(kind, f"{_NAMES['r']}/{kind}"), Target=target)
                for number, kind, target in listed
            )
        )
    )


def _core(title: str) -> bytes:
    names = {"cp": f"{_PACKAGE}/metadata/core-properties", "dc": "http://purl.org/dc/elements/1.1/"}
    return _xml(
        ElementMaker(namespace=names["cp"], nsmap=names).coreProperties(
            ElementMaker(namespace=names["dc"])("title", title),
            ElementMaker(namespace=names["dc"])("creator", "obmen24"),
        )
    )


def _frame(side: int = 120) -> bytes:
    """A grey square frame as PNG: what stands in the template where the portal puts its picture (stored, not deflated)."""
    edge = b"\xaa" * (side // 4)
    inside = b"\xbf" + b"\xff" * (side // 4 - 2) + b"\xfe"
    lines = b"".join(b"\x00" + (edge if number in (0, side - 1) else inside) for number in range(side))
    blocks = [
        ("IHDR", struct.pack(">IIBBBBB", side, side, 2, 0, 0, 0, 0)),
        ("IDAT", zlib.compress(lines, 0)),
        ("IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind.encode()
        + data
        + struct.pack(">I", zlib.crc32(kind.encode() + data))
        for kind, data in blocks
    )
