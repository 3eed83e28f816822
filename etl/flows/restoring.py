"""`obmen24 restore`: registers from the archived workbooks, payment facts from the archived files of 1C and of the bank.

Nothing is written to the portal or to 1C. Stages are taken as they follow from the restored facts, so that no deal moves because of
the loss; what was sent counts as assumed, so that nothing is sent twice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from etl import tables
from etl.errors import NeedsPerson, Rejected
from etl.exchange import ARCHIVE
from etl.extract import commerceml, spreadsheet
from etl.flows import contracts, documents_in, intake, outgoing, registers
from etl.flows.context import Context, Record
from etl.transform import facts, stages

SCOPE = "restore"


def restore(context: Context) -> None:
    """Fill the empty registers. Raises NeedsPerson when they are not empty."""
    context.report.title = "Восстановление выполнено"
    books = registers.archived_books(context.exchange.folder)
    charges = _unique(books, registers.REGISTER, spreadsheet.read_register, ("deal", "month", "kind", "version", "action"))
    accruals = _unique(books, registers.ACTS, spreadsheet.read_acts, ("number",))
    context.store.restore({"charges": charges, "accruals": accruals})
    legacy = [] if books else _legacy(context)
    context.store.files.set_cursor(registers.RESTORED, json.dumps({"at": context.local.isoformat(), "legacy": legacy}))
    read = _facts(context)
    context.store.accruals.mark([row["number"] for row in accruals], "confirmed")
    _settle_stages(context)
    context.report.notes += [f"Восстановлено из архива: начислений {len(charges)}, актов {len(accruals)}, файлов 1С и банка {read}.",
                             *_legacy_note(legacy)]


def _unique(books: list[Path], kind: str, read: Any, key: tuple[str, ...]) -> list[Record]:
    found: dict[tuple[Any, ...], Record] = {}
    for path in (book for book in books if book.name.startswith(f"{kind}-")):
        try:
            rows = tables.records(read(path))
        except Rejected as error:
            raise NeedsPerson(f"Реестр в архиве повреждён: {path.name}. {error.message}",
                              "Верните файл из резервной копии и повторите obmen24 restore: без него часть начислений удвоится.") from error
        for row in rows:
            found.setdefault(tuple(row[name] for name in key), row)
    return list(found.values())


def _legacy(context: Context) -> list[str]:
    """With an empty archive the exchange is new here: deals already beyond the first stage keep their history outside of it."""
    reached = {rule.to for rule in context.profile.rules}
    return [row["id"] for row in tables.records(context.deals) if row["stage"] in reached]


def _legacy_note(legacy: list[str]) -> list[str]:
    if not legacy:
        return []
    return [f"Архив пуст, значит, обмен здесь новый. Сделки, которые уже прошли первую оплату ({len(legacy)}), двигайте и вознаграждайте "
            "вручную; остальные обмен ведёт сам."]


def _facts(context: Context) -> int:
    """Read the archived files again in the order they came, for their facts only."""
    files = sorted((context.exchange.folder / ARCHIVE).glob("*/*"), key=lambda path: path.name)
    count = 0
    for path in files:
        count += _read(context, path)
    return count


def _read(context: Context, path: Path) -> int:
    if path.name.startswith(outgoing.SENT):
        return 0
    if path.suffix == ".xml":
        found = commerceml.read_tables(path, name=path.name)
        targets, _ = facts.targets(found["documents"], portal=context.profile.bitrix24.name, known=documents_in.known_numbers(context))
        recorded = {kind: context.store.facts.rows(kind) for kind in ("payment", "shipment")}
        payments = facts.payment_facts(found["documents"], targets, context.profile.dialect, recorded["payment"])
        context.store.facts.record("payment", payments, context.run)
        context.store.facts.record("shipment", facts.shipment_facts(found["documents"], targets, recorded["shipment"]), context.run)
        return 1
    with path.open("rb") as stream:
        if intake.BANK_MARK not in stream.read(64):
            return 0
    from etl.extract import bank
    from etl.flows import bank as bank_flow

    receipts, _, _ = bank.read(path, name=path.name)
    bank_flow.match(context, receipts)
    return 1


def _settle_stages(context: Context) -> None:
    known = contracts.facts(context)
    derived = {deal: rule.to for deal, told in known.items() if (rule := stages.derive(told, context.profile.rules))}
    context.store.stages.write(derived)
