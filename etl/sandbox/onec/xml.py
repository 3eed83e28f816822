"""XML helpers of the 1C model: reading by local name, building in document order, writing as 1C writes.

Deliberately separate from `etl.extract` and `etl.load`: the model must not share their mistakes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

BOM = b"\xef\xbb\xbf"
Element = etree._Element
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d:\d\d")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Refusal(Exception):
    """1C refuses the whole file; the text is what its user sees in the exchange log (Russian)."""


# ---- reading ----
def parse(raw: bytes) -> Element:
    """Root of a CommerceML file. Raises Refusal on broken XML, a DTD or a foreign root."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise Refusal(f"ошибка разбора XML: строка {error.lineno}") from None
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise Refusal("в файле есть DOCTYPE, 1С такой файл не читает")
    name = local(root)
    if name != "КоммерческаяИнформация":
        raise Refusal(f"корень файла «{name}», ожидается «КоммерческаяИнформация»")
    return root


def local(element: Element) -> str:
    """Name without namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: Element) -> str | None:
    """Namespace or None."""
    space, brace, _ = str(element.tag).rpartition("}")
    return space.removeprefix("{") if brace else None


def inside(element: Element | None, box: str, name: str) -> Iterator[Element]:
    """Elements of this name in a box of theirs: the Товар of Товары."""
    return children(child(element, box), name)


def children(element: Element | None, name: str) -> Iterator[Element]:
    """Direct children with this local name."""
    if element is not None:
        yield from element.iterchildren(f"{{*}}{name}")


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant along a path of local names."""
    for name in path:
        if element is None:
            return None
        element = next(element.iterchildren(f"{{*}}{name}"), None)
    return element


def text(element: Element | None, *path: str) -> str | None:
    """Stripped text along a path; an empty element counts as absent."""
    found = child(element, *path)
    if found is None:
        return None
    return (found.text or "").strip() or None


def requisites(element: Element) -> dict[str, str]:
    """ЗначенияРеквизитов as name -> value; an empty value is the empty text."""
    values = {}
    for item in inside(element, "ЗначенияРеквизитов", "ЗначениеРеквизита"):
        name = text(item, "Наименование") or ""
        values[name] = text(item, "Значение") or ""
    return values


def number(value: str | None, where: str) -> Decimal:
    """A number the way `Число()` takes it: dot, no grouping. Raises Refusal."""
    if value is None or not _NUMBER.fullmatch(value):
        raise Refusal(f"{where}: «{value or ''}» не число")
    return Decimal(value)


def loose_number(value: str | None) -> Decimal:
    """A number the way УТ 11 casts it: what is not a number becomes 0 without a word (commerceml §6)."""
    if not value or not _NUMBER.fullmatch(value):
        return Decimal(0)
    return Decimal(value)


def date(value: str | None, where: str) -> dt.date:
    """Exactly yyyy-MM-dd. Raises Refusal."""
    if value is None or not _DATE.fullmatch(value):
        raise Refusal(f"{where}: дата «{value or ''}» не в виде ГГГГ-ММ-ДД")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise Refusal(f"{where}: даты «{value}» не бывает") from None


def time(value: str | None, where: str) -> str:
    """Exactly HH:mm:ss; absent is midnight. Raises Refusal."""
    if value is None:
        return "00:00:00"
    if not _TIME.fullmatch(value):
        raise Refusal(f"{where}: время «{value}» не в виде ЧЧ:ММ:СС")
    return value


def boolean(value: str | None) -> bool:
    """true/false as XDTO knows them; anything else is false."""
    return (value or "").lower() in ("true", "1", "да")


def guid(value: str | None) -> str | None:
    """The text if it has the form of a reference of 1C and is not the empty reference."""
    found = (value or "").lower()
    if not _GUID.fullmatch(found):
        return None
    return found if found.strip("0-") else None


def nest(parent: Element, *names: str) -> Element:
    """Children one in another; gives the innermost."""
    for name in names:
        parent = add(parent, name)
    return parent


def add_all(parent: Element, values: Mapping[str, str | None]) -> None:
    """A child for each name, in this order."""
    for name, value in values.items():
        add(parent, name, value)


# ---- writing ----
def root(version: str, space: str | None, moment: dt.datetime, **attributes: str) -> Element:
    """A new КоммерческаяИнформация."""
    name = f"{{{space}}}КоммерческаяИнформация" if space else "КоммерческаяИнформация"
    spaces: Any = {None: space} if space else None
    made = etree.Element(name, nsmap=spaces)
    made.set("ВерсияСхемы", version)
    made.set("ДатаФормирования", moment.isoformat(timespec="seconds"))
    for key, value in attributes.items():
        made.set(key, value)
    return made


def add(parent: Element, name: str, value: str | None = None, /, **attributes: str) -> Element:
    """A child in the namespace of its parent."""
    space, brace, _ = str(parent.tag).rpartition("}")
    made = etree.SubElement(parent, f"{space}{brace}{name}")
    made.text = value
    for key, content in attributes.items():
        made.set(key, content)
    return made


def add_some(parent: Element, name: str, value: str | None) -> None:
    """A child only when there is something to say: 10.3 leaves out empty text nodes."""
    if value:
        add(parent, name, value)


def add_requisites(parent: Element, values: dict[str, str]) -> None:
    """ЗначенияРеквизитов in the given order; nothing when there is none."""
    if not values:
        return
    box = add(parent, "ЗначенияРеквизитов")
    for name, value in values.items():
        item = add(box, "ЗначениеРеквизита")
        add_all(item, {"Наименование": name, "Значение": value})


def plain(value: Decimal) -> str:
    """A number as 1C prints it: no padding, no exponent («9900», «0.5»)."""
    shown = f"{value:f}"
    if "." not in shown:
        return shown
    return shown.rstrip("0").rstrip(".")


def flag(value: bool) -> str:
    """A boolean as XDTO prints it."""
    return "true" if value else "false"


def moment_1c(value: dt.datetime) -> str:
    """«Дата по 1С» of УТ 11 and УНФ: the hour may have one digit (commerceml §4)."""
    return f"{value:%Y-%m-%d}T{value.hour}:{value:%M:%S}"


def save(path: Path, top: Element) -> None:
    """Write in place with BOM, as 1C does: no temporary name, the folder sees the file grow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = etree.tostring(top, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    path.write_bytes(BOM + body)
