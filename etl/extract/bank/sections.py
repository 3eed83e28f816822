"""The text of a statement to its sections: header, accounts, documents (onec §3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from etl.errors import Rejected

FILE_BYTES, LINE_CHARS, DOCUMENTS = 20 << 20, 20_000, 200_000
HEADER, ACCOUNT = "", "account"
_FIRST, _LAST = "1CClientBankExchange", "КонецФайла"
_OPENINGS = ("СекцияДокумент", "СекцияРасчСчет")
_ENDINGS = ("КонецДокумента", "КонецРасчСчет")
#: a continued purpose may contain «=» too, but a key is one word with a capital and stands right before it
_KEY = re.compile(r"[А-ЯЁ][А-Яа-яЁё]{2,40}[0-9]{0,2}")
_ENCODINGS = {"windows": "cp1251", "dos": "cp866"}

Fields = dict[str, str]


@dataclass(slots=True)
class Section:
    """A part of the file.

    `kind` is HEADER, ACCOUNT or what a document is (Вид документа), `line` where the section begins.
    """

    kind: str
    line: int
    fields: Fields = field(default_factory=dict)  # a key that is repeated: the first
    lists: dict[str, list[str]] = field(default_factory=dict)  # all values of a key; not of documents
    last: str = ""  # the key that a line without one goes on

    def add(self, key: str, value: str) -> None:
        """A line «Ключ=Значение»."""
        self.fields.setdefault(key, value)
        if self.kind in (HEADER, ACCOUNT):
            values = self.lists.setdefault(key, [])
            values.append(value)
        self.last = key

    def extend(self, text: str) -> None:
        """A line without a key: a purpose may run over lines (onec §3.2)."""
        if self.last and text:
            self.fields[self.last] = f"{self.fields[self.last]} {text}".strip()


def decoded(data: bytes, name: str) -> tuple[str, str]:
    """(text, its encoding): UTF-8 where the bytes are, else what the header names, else cp1251.

    The header is no proof: `Кодировка=Windows` stands in files that are UTF-8 (onec §0.8). Rejected when
    the file is too large.
    """
    if len(data) > FILE_BYTES:
        raise _refused(name, "файл больше 20 МБ", "Выгрузите выписку за меньший период.")
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    # the key «Кодировка=» itself is written in the encoding it names: its value is ASCII in both
    stated = re.search(rb"^[^\r\n=]{9}=[ \t]*(windows|dos)\b", data[:2048], re.I | re.M)
    encoding = _ENCODINGS[stated[1].decode().lower()] if stated else "cp1251"
    return data.decode(encoding, "replace"), encoding


def sections(text: str, name: str) -> Iterator[Section]:
    """The header first, then accounts and documents as they stand.

    Rejected for a text that is no statement, is too large or has no end: «КонецФайла» must come, outside of
    a document.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != _FIRST:
        why = "это не выписка в формате 1CClientBankExchange"
        raise _refused(name, why, "Выгрузите её из банка в формате «1С».")
    header = current = Section(HEADER, 1)
    yield header
    opened = 0
    keys: dict[str, str] = {}  # as written -> as it is called: a file repeats a few keys in every document
    for number, line in enumerate(lines[1:], start=2):
        before, divider, after = line.partition("=")
        if before in keys and len(line) <= LINE_CHARS and divider:
            current.add(keys[before], after.strip())
            continue
        written = before
        before = before.lstrip()
        key = before.rstrip()
        if len(line) > LINE_CHARS:
            why = f"строка {number} длиннее {LINE_CHARS} знаков"
            raise _refused(name, why, "Выгрузите выписку заново.", number)
        if key == _LAST:
            _refuse_open(current, number, name)
            return
        if key in _OPENINGS:
            _refuse_open(current, number, name)
            opened += 1
            _refuse_many(opened, number, name)
            current = _opened(key, after.strip(), number)
        elif key in _ENDINGS and not divider:
            if current is not header:
                yield current
            current, header.last = header, ""
        elif divider and _KEY.fullmatch(before):
            keys[written] = key.replace("ё", "е")  # banks write «РасчСчёт», too (onec §3.2)
            current.add(keys[written], after.strip())
        else:
            current.extend(line.strip())
    why = f"файл обрезан: нет строки «{_LAST}»"
    raise _refused(name, why, "Скопируйте или выгрузите выписку ещё раз.", len(lines))


def _opened(key: str, kind: str, number: int) -> Section:
    return Section(ACCOUNT if key == "СекцияРасчСчет" else kind or "документ", number)


def _refuse_open(current: Section, number: int, name: str) -> None:
    """A section cannot begin and the file cannot end inside another section."""
    if current.kind != HEADER:
        why = f"документ со строки {current.line} не закончен"
        raise _refused(name, why, "Выгрузите выписку заново.", number)


def _refuse_many(opened: int, number: int, name: str) -> None:
    if opened > DOCUMENTS:
        why = f"документов больше {DOCUMENTS}"
        raise _refused(name, why, "Выгрузите выписку за меньший период.", number)


def _refused(name: str, why: str, advice: str, line: int | None = None) -> Rejected:
    place = f"строка {line}" if line else ""
    return Rejected(f"Выписка {name} не прочитана: {why}.", advice, file=name, place=place)
