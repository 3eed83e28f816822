"""Bank statements in the text format 1CClientBankExchange, versions 1.00-1.03, to the table `receipts`.

Written against real files and other parsers' bugs (onec §3.1, §3.2): the encoding in the header is no
proof, a number is text, a purpose contains «=» and may run over lines. A file without «КонецФайла» is cut
and refused whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from etl import tables
from etl.errors import Rejected
from etl.extract.bank import turnovers, values
from etl.extract.bank.receipts import BOOKED, concerns, receipt
from etl.extract.bank.sections import ACCOUNT, HEADER, Section, decoded, sections
from etl.extract.bank.turnovers import Turnover, turnover
from etl.records import Receipt
from etl.values import receipts as identity


@dataclass(slots=True)
class Info:
    """The statement itself; `internal` counts transfers between our own accounts: they are no receipts."""

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


def read(source: Path | bytes, name: str = "", *, accounts: Collection[str] = ()) -> Statement:
    """Read one statement.

    In: the file, and our accounts where the profile names them (else those of the file). Out: `receipts`
    with `direction` in or out, `payer_*` = the other side, amounts in roubles, `booked_on` None while the
    money has not moved; issues for documents that cannot be read and for sums that do not add up. Rejected
    for a file that is no statement, is cut or too large, or is of none of our accounts.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    name = name or (source.name if isinstance(source, Path) else "выписка")
    text, encoding = decoded(data, name)
    parts = list(sections(text, name))
    info = _info(parts, encoding, accounts)
    _refuse_foreign(parts, info, name)
    issues: list[tables.Record] = []
    info.turnovers = _turnovers(parts, name, issues)
    rows = _receipts(parts, info, name, issues)
    issues += [_doubt(message, name) for message in turnovers.unbalanced(info.turnovers)]
    if (
        not info.internal
    ):  # a transfer between our accounts stands in the turnovers of both and in no row of ours
        issues += [_doubt(message, name) for message in turnovers.differing(info.turnovers, rows)]
    return Statement(tables.frame("receipts", rows), tables.frame("issues", issues), info)


def _info(parts: Sequence[Section], encoding: str, accounts: Collection[str]) -> Info:
    header = parts[0]
    listed = [values.digits(account) for account in accounts or _listed_accounts(parts)]
    ours = [account for account in listed if account]
    return Info(
        header.fields.get("ВерсияФормата", ""),
        encoding,
        tuple(dict.fromkeys(ours)),
        _period(header, "ДатаНачала"),
        _period(header, "ДатаКонца"),
    )


def _refuse_foreign(parts: Sequence[Section], info: Info, name: str) -> None:
    """Accounts that the profile names are ours, and no others. Rejected for a statement of none of them."""
    listed = [values.digits(account) for account in _listed_accounts(parts)]
    if not listed or not {*listed}.isdisjoint(info.accounts):
        return
    if any(concerns(part.fields, info.accounts) for part in parts):
        return  # the header is wrong
    owners = [values.party_name(part.fields, "Получатель") for part in parts if _is_of(part, listed)]
    owner = next(filter(None, owners), None)
    whose = f" («{owner}»)" if owner else ""
    ours = ", ".join(info.accounts)
    raise Rejected(
        f"Выписка {name} не прочитана: она по счёту {listed[0]}{whose}, а счета профиля: {ours}.",
        "Положите выписку своего счёта или добавьте этот счёт в [bank] accounts профиля.",
        file=name,
    )


def _is_of(part: Section, accounts: Collection[str]) -> bool:
    """Is it a document whose receiver holds one of the accounts?"""
    fields = part.fields
    return values.digits(fields.get("ПолучательСчет") or fields.get("ПолучательРасчСчет") or "") in accounts


def _listed_accounts(parts: Iterable[Section]) -> list[str]:
    """Our accounts as the file names them, in its header and its sections of accounts."""
    found = []
    for part in parts:
        if part.kind in (HEADER, ACCOUNT):
            found += part.lists.get("РасчСчет", [])
    return found


def _period(header: Section, key: str) -> dt.date | None:
    """A bound of the period; it only informs, so nonsense is absence."""
    try:
        return values.day(header.fields.get(key))
    except ValueError:
        return None


# ---- documents ----


def _receipts(parts: Iterable[Section], info: Info, name: str, issues: list[tables.Record]) -> list[Receipt]:
    """The rows of all documents, counted in `info`; what is wrong or not yet booked goes to `issues`."""
    rows: list[Receipt] = []
    open_rows: list[tuple[Receipt, Section]] = []
    for part in parts:
        if part.kind in (HEADER, ACCOUNT):
            continue
        info.documents += 1
        place = f"строка {part.line}"
        try:
            row = receipt(part, info.accounts)
        except ValueError as error:
            issues.append(_skipped(part, error, name, place))
            continue
        if row is None:
            info.internal += 1
            continue
        rows.append(row | {"file": name, "place": place})
        if row["booked_on"] is None:
            open_rows.append((rows[-1], part))
    proven = _proven_by_turnovers(info, rows)
    for row, part in open_rows:
        day = _other_day(row, part) if proven else None
        row["booked_on"] = day
        if day is None:
            issues.append(_not_booked(row, part, name, row["place"] or ""))
    return identity.numbered(rows)


def _proven_by_turnovers(info: Info, rows: Sequence[Receipt]) -> bool:
    """Do the bank's own sums count every document as moved?"""
    stated = [one for one in info.turnovers if one.received is not None and one.spent is not None]
    return bool(stated) and not info.internal and not [*turnovers.differing(stated, rows)]


def _other_day(row: Receipt, part: Section) -> dt.date | None:
    """The day of a document in a file that leaves the key of its side out: that of the other side, else its
    own. An empty key says that the money has not moved.
    """
    direction = row["direction"] or ""
    if BOOKED[direction] in part.fields:
        return None
    other = BOOKED["out" if direction == "in" else "in"]
    return _period(part, other) or row["date"]


def _skipped(part: Section, error: ValueError, name: str, place: str) -> tables.Record:
    return tables.issue(
        f"Документ выписки пропущен: {error}. Запросите в банке правильную выписку.",
        file=name,
        place=place,
        entity="receipt",
        key=part.fields.get("Номер"),
    )


def _not_booked(row: Receipt, part: Section, name: str, place: str) -> tables.Record:
    key = BOOKED[row["direction"] or ""]
    return tables.issue(
        f"Платёж ещё не проведён банком: «{key}» пуста. Он учтётся, когда придёт выписка с этой датой.",
        severity="warn",
        file=name,
        place=place,
        entity="receipt",
        key=part.fields.get("Номер"),
        field=key,
    )


# ---- control sums ----


def _turnovers(parts: Iterable[Section], name: str, issues: list[tables.Record]) -> list[Turnover]:
    found = []
    for part in parts:
        if part.kind != ACCOUNT:
            continue
        try:
            found.append(turnover(part))
        except ValueError as error:
            issues.append(_doubt(f"Остатки счёта не прочитаны: {error}.", name, f"строка {part.line}"))
    return found


def _doubt(message: str, name: str, place: str | None = None) -> tables.Record:
    return tables.issue(
        f"{message} Выгрузите выписку за этот период ещё раз.",
        severity="warn",
        file=name,
        place=place,
        entity="statement",
    )
