"""WordprocessingML for the invoice template: paragraphs, tables, pictures with a placeholder.

Sizes: twips (1/1440 inch) for the page, half points for type, millimetres for pictures (in the file: EMU).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml.builder import ElementMaker

NAMES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture",
}
_MAKERS = {prefix: ElementMaker(namespace=uri, nsmap=NAMES) for prefix, uri in NAMES.items()}
_EMU_PER_MM = 36000
THIN, THICK = 4, 12
_CELL_MARGIN = 57  # 1 mm between the text of a cell and its side
#: order in which the schema wants the sides of a border
_OUTSIDE = ("top", "left", "bottom", "right")
_ALL_SIDES = (*_OUTSIDE, "insideH", "insideV")
#: an element of lxml, which names its class in no public module
Element = Any
#: side -> width of its line in eighths of a point, 0 for none
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


def tag(name: str, *children: Element, **attributes: Any) -> Element:
    """An element of the main namespace with attributes of the same namespace."""
    made = _MAKERS["w"](name, *children)
    space = NAMES["w"]
    for key, value in attributes.items():
        made.set(f"{{{space}}}{key}", str(value))
    return made


# ---- text ----


def run(text: str, *, size: int = 18, bold: bool = False) -> Element:
    """Text of one look.

    A placeholder must lie in one run: Word would split it otherwise and the generator would not see it.
    """
    properties = tag("rPr")
    if bold:
        properties.append(tag("b"))
    properties.extend([tag("sz", val=size), tag("szCs", val=size)])
    words = tag("t", text)
    words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return tag("r", properties, words)


def paragraph(
    *runs: Element, align: str = "left", before: int = 0, after: int = 0, rule: int = 0, keep: bool = False
) -> Element:
    """A paragraph; `rule`: eighths of a point of a line under it, `keep`: on one page with what follows."""
    properties = tag("pPr")
    if keep:
        properties.append(tag("keepNext"))
    if rule:
        line = tag("bottom", val="single", sz=rule, space=1, color="000000")
        properties.append(tag("pBdr", line))
    properties.extend([tag("spacing", before=before, after=after), tag("jc", val=align)])
    return tag("p", properties, *runs)


# ---- tables ----


def cell(
    width: int,
    *content: Element,
    span: int = 1,
    merge: str | None = None,
    borders: Sides | None = None,
    vertical: str = "top",
) -> Element:
    """A cell of a table.

    `merge`: "restart" begins a cell over several rows, "continue" goes on. `vertical`: top, center or bottom.
    """
    properties = tag("tcPr", tag("tcW", w=width, type="dxa"))
    if span > 1:
        properties.append(tag("gridSpan", val=span))
    if merge:
        properties.append(tag("vMerge", val=merge))
    if borders is not None:
        properties.append(tag("tcBorders", *_sides(borders, _OUTSIDE)))
    properties.append(tag("vAlign", val=vertical))
    return tag("tc", properties, *(content or (paragraph(),)))


def row(*cells: Element, heading: bool = False, height: int = 0) -> Element:
    """A row that is never torn between pages; a heading is repeated on each page."""
    properties = tag("trPr", tag("cantSplit"))
    if height:
        properties.append(tag("trHeight", val=height, hRule="atLeast"))
    if heading:
        properties.append(tag("tblHeader"))
    return tag("tr", properties, *cells)


def table(widths: Sequence[int], *rows: Element, borders: Sides | None = None) -> Element:
    """A table of fixed columns."""
    whole_width = tag("tblW", w=sum(widths), type="dxa")
    properties = tag("tblPr", whole_width)
    if borders:
        sides = _sides(borders, _ALL_SIDES)
        properties.append(tag("tblBorders", *sides))
    properties.append(tag("tblLayout", type="fixed"))
    left = tag("left", w=_CELL_MARGIN, type="dxa")
    right = tag("right", w=_CELL_MARGIN, type="dxa")
    properties.append(tag("tblCellMar", left, right))
    grid = tag("tblGrid")
    for width in widths:
        grid.append(tag("gridCol", w=width))
    return tag("tbl", properties, grid, *rows)


def _sides(widths: Sides, order: Sequence[str]) -> Iterable[Element]:
    for side in order:
        if side not in widths:
            continue
        if widths[side]:
            yield tag(side, val="single", sz=widths[side], space=0, color="000000")
        else:
            yield tag(side, val="nil")


# ---- pictures ----


def picture(one: Picture, number: int) -> Element:
    """A run with a picture, `number` of its document from 1.

    The generator finds it by the alternative text: `descr` of wp:docPr, child of the inline or anchor.
    """
    placed = _inline(one, number) if one.float_at is None else _anchored(one, one.float_at, number)
    return tag("r", tag("drawing", placed))


def _inline(one: Picture, number: int) -> Element:
    """A picture that stands in its line."""
    return _MAKERS["wp"].inline(
        _extent(one),
        *_named(one, number),
        distT="0",
        distB="0",
        distL="0",
        distR="0",
    )


def _anchored(one: Picture, at: tuple[int, int], number: int) -> Element:
    """A picture behind the text, `at` (right, down) mm from its paragraph."""
    wp = _MAKERS["wp"]
    right, down = _emu(at[0]), _emu(at[1])
    return wp.anchor(
        wp.simplePos(x="0", y="0"),
        wp.positionH(wp.posOffset(right), relativeFrom="column"),
        wp.positionV(wp.posOffset(down), relativeFrom="paragraph"),
        _extent(one),
        wp.effectExtent(l="0", t="0", r="0", b="0"),
        wp.wrapNone(),
        *_named(one, number),
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


def _named(one: Picture, number: int) -> list[Element]:
    """What an inline picture and an anchored one end with: the name, the lock of its frame, the picture."""
    wp = _MAKERS["wp"]
    name = wp.docPr(id=str(number), name=f"Рисунок {number}", descr=one.placeholder)
    frame = wp.cNvGraphicFramePr()
    shown = _graphic(one, number)
    return [name, frame, shown]


def _graphic(one: Picture, number: int) -> Element:
    """The picture itself: its name, its part of the package stretched over its frame, the frame."""
    pic = _MAKERS["pic"]
    name = pic.cNvPr(id=str(number), name=f"picture{number}.png")
    named = pic.nvPicPr(name, pic.cNvPicPr())
    shown = pic.pic(named, _fill(number), _frame(one))
    a = _MAKERS["a"]
    data = a.graphicData(shown, uri=NAMES["pic"])
    return a.graphic(data)


def _fill(number: int) -> Element:
    """The part of the package with the picture: relation `rId<number>` of the document."""
    a, relations = _MAKERS["a"], NAMES["r"]
    part = a.blip()
    part.set(f"{{{relations}}}embed", f"rId{number}")
    stretched = a.stretch(a.fillRect())
    return _MAKERS["pic"].blipFill(part, stretched)


def _frame(one: Picture) -> Element:
    """A rectangle of the picture's size."""
    a = _MAKERS["a"]
    corner = a.off(x="0", y="0")
    size = a.ext(**_size(one))
    place = a.xfrm(corner, size)
    shape = a.prstGeom(a.avLst(), prst="rect")
    return _MAKERS["pic"].spPr(place, shape)


def _extent(one: Picture) -> Element:
    """The room a picture takes on the page."""
    size = _size(one)
    return _MAKERS["wp"].extent(**size)


def _size(one: Picture) -> dict[str, str]:
    """The attributes DrawingML gives a size in."""
    width, height = _emu(one.width), _emu(one.height)
    return {"cx": width, "cy": height}


def _emu(millimetres: int) -> str:
    """Millimetres as DrawingML counts them: English metric units, 914,400 an inch."""
    return str(millimetres * _EMU_PER_MM)
