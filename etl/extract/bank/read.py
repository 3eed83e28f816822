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
from etl.extract.bank import turnovers, values
from etl.extract.bank.receipts import BOOKED, receipt
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
    for a file that is no statement, is cut or too large.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    name = name or (source.name if isinstance(source, Path) else "выписка")
    text, encoding = decoded(data, name)
    parts = list(sections(text, name))
    info = _info(parts, encoding, accounts)
    issues: list[tables.Record] = []
    rows = _receipts(parts, info, name, issues)
    info.turnovers = _turnovers(parts, name, issues)
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
        if row["booked_on"] is None:
            issues.append(_not_booked(row, part, name, place))
        rows.append(row | {"file": name, "place": place})
    return identity.numbered(rows)


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
