"""Does a file keep the rules of the CommerceML version it names, and can our reader use it?

Advice only, nothing is refused by it.

Most files that 1C and sites write do not keep their schema (commerceml §0.17), so every remark says which of
the two it is. The rules are the tables of `lint_rules`. One pass over a proven file, one path in
memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from lxml import etree

from etl import xml_safe
from etl.extract.commerceml import lint_rules as rules
from etl.extract.commerceml import versions
from etl.extract.commerceml.verify import verify

_LONGEST = 20_000  # characters kept of a text
_MOST = 100  # remarks
_SHOWN = 60  # characters of a foreign name
_PEEKED = 16  # chunks in which the first record must come
_DOCUMENTS = ("Документ", "ПодчиненныйДокумент")
_OF_DOCUMENTS = ("Товар", "Налог", "Контрагент")


class Remark(NamedTuple):
    """One sentence without values, with the number of places.

    `usable` = only the schema is not kept, our reader takes it all the same.
    """

    text: str
    usable: bool


def lint(path: Path) -> list[Remark]:
    """What in a file breaks the rules of its own version: what our reader cannot use first, at most 100
    remarks.

    Raises Rejected for a file that is no CommerceML at all.
    """
    with path.open("rb") as stream:
        return lint_stream(stream, path.name)[1]


def lint_stream(stream: BinaryIO, name: str) -> tuple[str | None, list[Remark]]:
    """The same of an open file, with the version it names."""
    version = verify(stream, name=name).version
    reading = _Reading(version or "2.04")
    _walk(stream, name, reading)
    remarks = [Remark(said, usable=True) for said in _root(stream, name, version)]
    found = sorted(reading.found.items(), key=_importance)
    for remark, count in found[:_MOST]:
        if count > 1:
            remarks.append(remark._replace(text=f"{remark.text} ({count} раз)"))
        else:
            remarks.append(remark)
    return version, remarks


def _importance(found: tuple[Remark, int]) -> tuple[bool, int]:
    """What our reader cannot use goes first, then what is there most often."""
    remark, count = found
    return remark.usable, -count


def first_child(stream: BinaryIO, name: str) -> str | None:
    """Name of the first element below the root; None if there is none, or none within a megabyte."""
    encoding = xml_safe.sniff(stream, name)
    parser = etree.XMLPullParser(events=("start",), encoding=encoding.name, **xml_safe.PARSER)
    names: list[str] = []
    for _, chunk in zip(range(_PEEKED), xml_safe.chunks(stream, encoding), strict=False):
        with xml_safe.refusing(name):
            parser.feed(chunk)
        names += [xml_safe.local(cast(Any, element).tag) for _, element in parser.read_events()]
        if len(names) > 1:
            return names[1]
    return None


def _number(version: str) -> float:
    """2.021 of МойСклад is 2.02; an unreadable version has the structure of 2.04."""
    found = re.match(r"\d\.\d{1,2}", version)
    return float(found[0]) if found else 2.04


def _root(stream: BinaryIO, name: str, version: str | None) -> Iterator[str]:
    if version is None or len(version) > 5:
        yield "атрибут «ВерсияСхемы» отсутствует или длиннее пяти знаков"
    if not rules.MOMENT.fullmatch(xml_safe.root(stream, name).attributes.get("ДатаФормирования", "")):
        yield "атрибут «ДатаФормирования» отсутствует или не вида ГГГГ-ММ-ДДTЧЧ:ММ:СС"


def _walk(stream: BinaryIO, name: str, reading: _Reading) -> None:
    encoding = xml_safe.sniff(stream, name)
    parser = etree.XMLParser(target=cast(Any, reading), encoding=encoding.name, **xml_safe.PARSER)
    for chunk in xml_safe.chunks(stream, encoding):
        with xml_safe.refusing(name):
            parser.feed(chunk)
    with xml_safe.refusing(name, end=True):
        parser.close()


class _Open:
    """An element that is not closed yet: its record in the tables, and its children so far."""

    __slots__ = ("filled", "foreign", "leaf", "name", "record", "seen")

    def __init__(self, name: str, record: str, *, foreign: bool = False) -> None:
        self.name = name
        self.record = record
        self.leaf = True
        self.foreign = foreign
        self.seen: set[str] = set()
        self.filled: set[str] = set()


class _Reading:
    """A parser target that holds one path and one text at a time."""

    def __init__(self, version: str) -> None:
        self.named = version
        self.rules = versions.of(_number(version))
        self.path = [_Open("", "")]
        self.documents = 0  # how many of these are open
        self.changes = 0
        self.text = ""
        self.found: Counter[Remark] = Counter()

    def _say(self, text: str, *, usable: bool = True) -> None:
        """A remark is told once, with how often it was met."""
        self.found[Remark(text, usable)] += 1

    def start(self, tag: str, _attributes: object) -> None:
        name = xml_safe.local(tag)
        parent = self.path[-1]
        parent.leaf = False
        self.text = ""
        if parent.foreign:
            self.path.append(_Open(name, "", foreign=True))
            return
        parent.seen.add(name)
        allowed = self.rules.children.get(parent.record)
        if allowed is not None and name not in allowed:
            self._misplaced(name, parent.record)
            if name not in rules.NAMES:
                self.path.append(_Open(name, "", foreign=True))
                return
        self.documents += name in _DOCUMENTS
        self.changes += name == "ИзмененияПакетаПредложений"
        self.path.append(_Open(name, self._record(name, parent.name)))

    def _misplaced(self, name: str, record: str) -> None:
        if name in self.rules.known:
            self._say(f"элементу «{name}» не место в «{record}» по схеме {self.named}")
        else:
            self._say(f"элемента «{name[:_SHOWN]}» нет в версии {self.named}")

    def _record(self, name: str, parent: str) -> str:
        """The record of the tables, which know some of a document or of changes apart from the others."""
        if name == "Контрагент" and parent == "Представитель":
            return f"Представитель/{name}"
        if self.documents and name in _OF_DOCUMENTS:
            return f"Документ/{name}"
        if self.documents and name == "Цена" and parent == "Товар":
            return f"Документ/{name}"
        if self.changes and name == "Предложение":
            return f"Изменения/{name}"
        return name

    def data(self, text: str) -> None:
        if len(self.text) < _LONGEST:
            self.text += text

    def end(self, _tag: str) -> None:
        """An element is closed: its value is looked at, and whether what it must have was there."""
        closed = self.path.pop()
        parent = self.path[-1]
        if closed.foreign:
            return
        self.documents -= closed.name in _DOCUMENTS
        self.changes -= closed.name == "ИзмененияПакетаПредложений"
        text = self.text.strip()
        self.text = ""
        if text or not closed.leaf:
            parent.filled.add(closed.name)
        if closed.leaf:
            self._value(f"{_alike(parent.record)}/{closed.name}", closed.name, text)
        if not (closed.leaf and text):  # a bare reference is no record
            self._complete(closed)

    def _complete(self, closed: _Open) -> None:
        """Whether a record has what it must have."""
        told: set[str] = set()
        for names in rules.NEEDED.get(closed.record, ()):
            if closed.filled.isdisjoint(names.split("|")):
                lacking = _either(closed.record, names)
                self._say(f"не хватает элемента «{lacking}»: без него запись не принимается", usable=False)
                told.update(names.split("|"))
        for names in self.rules.required.get(closed.record, ()):
            if closed.seen.isdisjoint(names.split("|")) and names not in told:
                self._say(f"не хватает элемента «{_either(closed.record, names)}»")

    def _value(self, place: str, name: str, text: str) -> None:
        for rule in (*self.rules.texts.get(place, ()), *self.rules.texts.get(name, ())):
            if text and not _readable(rule, text):
                self._say(f"элемент «{place}»: значение не читается ({rule.what})", usable=False)
            elif rule.form and not re.fullmatch(rule.form, text):
                said = ": значение не того вида или не из списка" if text else " пуст"
                self._say(f"элемент «{place}»{said}")
            elif rule.longest and len(text) > rule.longest:
                self._say(f"элемент «{place}» длиннее {rule.longest} знаков")

    def close(self) -> None:
        return None


def _alike(record: str) -> str:
    return "Документ" if record == "ПодчиненныйДокумент" else record


def _either(record: str, names: str) -> str:
    """«Документ/Ид» or «Документ/Ид» or «Номер»: the places where a value may stand."""
    return f"{record}/{names.replace('|', '» или «')}"


def _readable(rule: rules.Text, text: str) -> bool:
    if rule.reads is None:
        return True
    try:
        rule.reads(text)
    except ValueError:
        return False
    return True
