"""Bank statements in the text format 1CClientBankExchange (kl_to_1c.txt), versions 1.00-1.03, to the table `receipts`.

Written against real files and other parsers' bugs (reference onec §3.1, §3.2): the encoding in the header is no proof, a
number is text, a purpose contains «=» and may run over lines. A file without «КонецФайла» is cut and refused whole.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from etl import tables
from etl.errors import Rejected
from etl.values import clean

FILE_BYTES, LINE_CHARS, DOCUMENTS = 20 << 20, 20_000, 200_000
_FIRST = "1CClientBankExchange"
#: a continued purpose may contain «=» too, but a key is one word with a capital and stands right before it
_KEY = re.compile(r"[А-ЯЁ][А-Яа-яЁё]{2,40}[0-9]{0,2}")
_ENCODINGS = {"windows": "cp1251", "dos": "cp866"}

Fields = dict[str, str]


@dataclass(slots=True)
class Turnover:
    """A section of one of our accounts: balances and turnovers as the bank states them (roubles, None = not stated)."""

    account: str
    start: dt.date | None = None
    end: dt.date | None = None
    opening: Decimal | None = None
    received: Decimal | None = None
    spent: Decimal | None = None
    closing: Decimal | None = None


@dataclass(slots=True)
class Info:
    """The statement itself: format version, encoding found, period, our accounts, turnovers, documents between our own accounts."""

    version: str
    encoding: str
    accounts: tuple[str, ...]
    start: dt.date | None
    end: dt.date | None
    documents: int = 0
    internal: int = 0
    turnovers: list[Turnover] = field(default_factory=list)


class Statement(NamedTuple):
    """Tables `receipts` and `issues`, and `Info` of the file."""

    receipts: pd.DataFrame
    issues: pd.DataFrame
    info: Info


@dataclass(slots=True)
class _Section:
    kind: str
    line: int
    fields: Fields = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)


def read(source: Path | bytes, name: str = "", *, accounts: Collection[str] = ()) -> Statement:
    """Read one statement.

    In: the file, and our accounts where the profile names them (else those of the file). Out: `receipts` with `direction` in or
    out, `payer_*` = the other side, amounts in roubles, `booked_on` None while the money has not moved; issues for documents that
    cannot be read and for sums that do not add up. Rejected for a file that is no statement, is cut or too large.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    name = name or (source.name if isinstance(source, Path) else "выписка")
    text, encoding = _decoded(data, name)
    sections = list(_sections(text, name))
    header = sections[0]
    listed = [
        account
        for section in sections
        if section.kind in ("", "account")
        for account in section.lists.get("РасчСчет", [])
    ]
    ours = tuple(dict.fromkeys(_digits(account) for account in (accounts or listed)))
    info = Info(
        header.fields.get("ВерсияФормата", ""),
        encoding,
        ours,
        _period(header, "ДатаНачала"),
        _period(header, "ДатаКонца"),
    )
    issues: list[tables.Record] = []
    rows = [
        row
        for section in sections
        if section.kind not in ("", "account")
        for row in _receipt(section, info, name, issues)
    ]
    info.turnovers = [
        turnover
        for section in sections
        if section.kind == "account"
        if (turnover := _turnover(section, name, issues)) is not None
    ]
    _check(info, rows, name, issues)
    return Statement(tables.frame("receipts", rows), tables.frame("issues", issues), info)


# ---- text to sections ----


def _decoded(data: bytes, name: str) -> tuple[str, str]:
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


def _sections(text: str, name: str) -> Iterator[_Section]:
    """The header (kind ''), then account sections (kind 'account') and documents (kind = Вид документа)."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != _FIRST:
        raise _refused(
            name, "это не выписка в формате 1CClientBankExchange", "Выгрузите её из банка в формате «1С»."
        )
    header = current = _Section("", 1)
    yield header
    last, documents = "", 0
    for number, line in enumerate(lines[1:], start=2):
        if len(line) > LINE_CHARS:
            raise _refused(
                name, f"строка {number} длиннее {LINE_CHARS} знаков", "Выгрузите выписку заново.", number
            )
        before, divider, value = (part.lstrip() for part in line.partition("="))
        key, value = before.rstrip(), value.rstrip()
        if key == "КонецФайла":
            if current is not header:
                raise _refused(
                    name,
                    f"документ со строки {current.line} не закончен",
                    "Выгрузите выписку заново.",
                    number,
                )
            return
        if key in ("СекцияДокумент", "СекцияРасчСчет"):
            if current is not header:
                raise _refused(
                    name,
                    f"документ со строки {current.line} не закончен",
                    "Выгрузите выписку заново.",
                    number,
                )
            current, last = (
                _Section("account" if key == "СекцияРасчСчет" else value or "документ", number),
                "",
            )
            documents += 1
            if documents > DOCUMENTS:
                raise _refused(
                    name, f"документов больше {DOCUMENTS}", "Выгрузите выписку за меньший период.", number
                )
        elif key in ("КонецДокумента", "КонецРасчСчет") and not divider:
            if current is not header:
                yield current
            current, last = header, ""
        elif divider and _KEY.fullmatch(before):
            current.fields.setdefault(key.replace("ё", "е"), value)
            current.lists.setdefault(key.replace("ё", "е"), []).append(value)
            last = key.replace("ё", "е")
        elif last and line.strip():
            current.fields[last] = f"{current.fields[last]} {line.strip()}".strip()
    raise _refused(
        name, "файл обрезан: нет строки «КонецФайла»", "Скопируйте или выгрузите выписку ещё раз.", len(lines)
    )


# ---- sections to rows ----


def _receipt(section: _Section, info: Info, name: str, issues: list[tables.Record]) -> list[tables.Record]:
    """[row] of one document; [] for a refused one and for a transfer between our own accounts."""
    fields, place = section.fields, f"строка {section.line}"
    info.documents += 1
    try:
        on, amount = (
            _present(_day(fields.get("Дата")), "даты"),
            _present(_money(fields.get("Сумма")), "суммы"),
        )
        direction = _direction(fields, info.accounts)
    except ValueError as error:
        issues.append(
            tables.issue(
                f"Документ выписки пропущен: {error}. Запросите в банке правильную выписку.",
                file=name,
                place=place,
                entity="receipt",
                key=fields.get("Номер"),
            )
        )
        return []
    if direction == "internal":
        info.internal += 1
        return []
    other, our, moved = (
        ("Плательщик", "Получатель", "ДатаПоступило")
        if direction == "in"
        else ("Получатель", "Плательщик", "ДатаСписано")
    )
    return [
        {
            "account": _ours(fields, our, info.accounts),
            "number": fields.get("Номер") or None,
            "date": on,
            "amount": amount,
            "payer_inn": _inn(fields, other),
            "payer_kpp": fields.get(f"{other}КПП") or None,
            "payer_name": _party_name(fields, other),
            "payer_account": _account(fields, other) or None,
            "purpose": _purpose(fields),
            "direction": direction,
            "booked_on": _booked(fields, moved, name, place, issues),
            "hash": _hash(section),
            "file": name,
            "place": place,
        }
    ]


def _present(value: Any, what: str) -> Any:
    if value is None:
        raise ValueError(f"нет {what}")
    return value


def _direction(fields: Fields, ours: Collection[str]) -> str:
    payer, receiver = (_ours(fields, side, ours) is not None for side in ("Плательщик", "Получатель"))
    if payer and receiver:
        return "internal"
    if not payer and not receiver:
        raise ValueError("ни плательщик, ни получатель не наш счёт")
    return "in" if receiver else "out"


def _ours(fields: Fields, side: str, ours: Collection[str]) -> str | None:
    return next(
        (one for key in ("Счет", "РасчСчет") if (one := _digits(fields.get(f"{side}{key}", ""))) in ours),
        None,
    )


def _account(fields: Fields, side: str) -> str:
    """The account that counts: the one of the party itself when its bank settles through another bank."""
    return _digits(fields.get(f"{side}РасчСчет") or fields.get(f"{side}Счет") or "")


def _inn(fields: Fields, side: str) -> str | None:
    digits = _digits(fields.get(f"{side}ИНН") or "")
    if not digits.strip("0"):
        found = re.match(r"(?:ИНН\s*)?(\d{12}|\d{10})\b", fields.get(side, ""))
        return found[1] if found else None
    return digits


def _party_name(fields: Fields, side: str) -> str | None:
    said = fields.get(f"{side}1") or re.sub(
        r"^(?:ИНН\s*)?(?:\d{10}|\d{12})(?:[/\\]\d{9})?[\s,]*", "", fields.get(side, "")
    )
    return " ".join(said.split()) or None


def _purpose(fields: Fields) -> str | None:
    said = fields.get("НазначениеПлатежа") or " ".join(
        filter(None, (fields.get(f"НазначениеПлатежа{number}") for number in range(1, 7)))
    )
    return " ".join(said.split()) or None


def _booked(fields: Fields, key: str, name: str, place: str, issues: list[tables.Record]) -> dt.date | None:
    try:
        booked = _day(fields.get(key))
    except ValueError:
        booked = None
    if booked is None:
        issues.append(
            tables.issue(
                f"Платёж ещё не проведён банком: «{key}» пуста. Он учтётся, когда придёт выписка с этой датой.",
                severity="warn",
                file=name,
                place=place,
                entity="receipt",
                key=fields.get("Номер"),
                field=key,
            )
        )
    return booked


def _hash(section: _Section) -> str:
    """Fingerprint of all values: tells documents without a number apart."""
    joined = "\n".join(f"{key}={value}" for key, value in sorted(section.fields.items()))
    return hashlib.sha256(f"{section.kind}\n{joined}".encode()).hexdigest()


# ---- control sums ----


def _turnover(section: _Section, name: str, issues: list[tables.Record]) -> Turnover | None:
    fields = section.fields
    try:
        return Turnover(
            _digits(fields.get("РасчСчет", "")),
            _day(fields.get("ДатаНачала")),
            _day(fields.get("ДатаКонца")),
            _money(fields.get("НачальныйОстаток")),
            _money(fields.get("ВсегоПоступило")),
            _money(fields.get("ВсегоСписано")),
            _money(fields.get("КонечныйОстаток")),
        )
    except ValueError as error:
        issues.append(_doubt(f"Остатки счёта не прочитаны: {error}.", name, f"строка {section.line}"))
        return None


def _check(info: Info, rows: list[tables.Record], name: str, issues: list[tables.Record]) -> None:
    """The bank's own check sums: opening + received - spent = closing, and documents add up to the turnovers."""
    for one in info.turnovers:
        if (
            None not in (one.opening, one.received, one.spent, one.closing)
            and one.opening + one.received - one.spent != one.closing
        ):  # type: ignore[operator]
            issues.append(_doubt(f"Остатки счёта …{one.account[-4:]} не сходятся с оборотами.", name))
    if info.internal:
        return  # a transfer between our accounts stands in the turnovers of both and in no row of ours
    for account in {one.account for one in info.turnovers}:
        for side, words, stated in (("in", "поступило", "received"), ("out", "списано", "spent")):
            said = [getattr(one, stated) for one in info.turnovers if one.account == account]
            found = sum(
                (row["amount"] for row in rows if row["account"] == account and row["direction"] == side),
                Decimal(0),
            )
            if None not in said and sum(said) != found:
                issues.append(
                    _doubt(
                        f"По счёту …{account[-4:]} {words} {sum(said):.2f}, а документов в файле на {found:.2f}.",
                        name,
                    )
                )


def _doubt(message: str, name: str, place: str | None = None) -> tables.Record:
    return tables.issue(
        f"{message} Выгрузите выписку за этот период ещё раз.",
        severity="warn",
        file=name,
        place=place,
        entity="statement",
    )


# ---- values ----


def _digits(text: str) -> str:
    return re.sub(r"[\s.\-]", "", text)


def _period(header: _Section, key: str) -> dt.date | None:
    try:
        return _day(header.fields.get(key))
    except ValueError:
        return None


def _day(text: str | None) -> dt.date | None:
    return clean.date(text)


def _money(text: str | None) -> Decimal | None:
    amount = clean.money(text)
    if amount is not None and (amount.as_tuple().exponent < -2 or abs(amount) >= Decimal(10) ** 13):  # type: ignore[operator]
        raise ValueError(f"«{text}» не сумма в рублях и копейках")
    return amount


def _refused(name: str, why: str, advice: str, line: int | None = None) -> Rejected:
    return Rejected(
        f"Выписка {name} не прочитана: {why}.", advice, file=name, place=f"строка {line}" if line else ""
    )
