"""`obmen24 restore`: registers from the archived workbooks, payment facts from the archived files of 1C and
of the bank.

Everything is read and checked first and written in one transaction: a half-restored register would reverse
acts or charge again. Nothing is written to the portal. Stages are taken as they follow from the restored
facts, so that no deal moves because of the loss; what 1C never showed back is put into the outgoing file
again under the same Ид and number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from etl import tables
from etl.errors import NeedsPerson, Rejected
from etl.exchange.folder import ARCHIVE
from etl.extract import bank
from etl.extract.commerceml import read as commerceml
from etl.extract.spreadsheet import read as spreadsheet
from etl.flows import bank as bank_flow
from etl.flows import facts as recording
from etl.flows import intake, registers
from etl.flows import stages as contracts
from etl.flows.documents import BASIS
from etl.flows.publication import queue
from etl.flows.publication.file import SENT
from etl.flows.run import Record, Run
from etl.state.files import newer
from etl.transform import documents, stages
from etl.transform.money import facts

_BACKUP = "Верните недостающие файлы в архив из резервной копии и повторите obmen24 restore."


def restore(run: Run) -> None:
    """Fill the empty registers. Raises NeedsPerson when they are not empty, or the archive is damaged or
    incomplete (the last can be accepted by a person), TryLater when the portal is away."""
    run.journal.report.title = "Восстановление выполнено"
    books = registers.archived_books(run.folder.folder)
    charges = _unique(
        books, registers.REGISTER, spreadsheet.read_register, ("deal", "month", "kind", "version", "action")
    )
    accruals = _unique(books, registers.ACTS, spreadsheet.read_acts, ("number",))
    _refuse_gaps(charges)
    told, receipts = _archived(run)
    legacy = [] if books else _legacy(run)
    with run.state.transaction():
        run.state.restore({"charges": charges, "accruals": accruals})
        run.state.accruals.mark([row["number"] for row in accruals], "confirmed")
        run.state.files.set_cursor(
            registers.RESTORED, json.dumps({"at": run.clock.local.isoformat(), "legacy": legacy})
        )
        _facts(run, told, receipts)
        if books and not run.options.accept:
            _refuse_doubts(run, accruals)
        _settle_stages(run)
        again = _send_again(run, told)
    run.journal.report.notes += [
        f"Восстановлено из архива: начислений {len(charges)}, актов {len(accruals)}, документов 1С {len(told)}, "
        f"поступлений {len(receipts)}; 1С не возвращала и получит снова: {again}.",
        *_legacy_note(legacy),
    ]


def _unique(
    books: list[Path], kind: str, read: Callable[[Path], pd.DataFrame], key: tuple[str, ...]
) -> list[Record]:
    found: dict[tuple[Any, ...], Record] = {}
    for path in (book for book in books if book.name.startswith(f"{kind}-")):
        try:
            rows = tables.records(read(path))
        except Rejected as error:
            raise NeedsPerson(f"Реестр в архиве повреждён: {path.name}. {error.message}", _BACKUP) from error
        for row in rows:
            found.setdefault(tuple(row[name] for name in key), row)
    return list(found.values())


def _refuse_gaps(charges: list[Record]) -> None:
    """A version that is missing was charged all the same: without it those deals would be charged again."""
    held: dict[str, set[int]] = {}
    for row in charges:
        held.setdefault(row["month"], set()).add(row["version"])
    gaps = [
        f"{month}: нет версии {number}"
        for month, versions in sorted(held.items())
        for number in range(1, max(versions))
        if number not in versions
    ]
    if gaps:
        raise NeedsPerson(f"В архиве не хватает реестров ({'; '.join(gaps)}).", _BACKUP)


def _archived(run: Run) -> tuple[list[Record], pd.DataFrame]:
    """Documents of 1C, the newest text of each, and receipts of all statements, from the archive in the order
    they came."""
    newest: dict[str, tuple[Record, Record]] = {}
    statements = []
    for seq, path in enumerate(
        sorted((run.folder.folder / ARCHIVE).glob("*/*"), key=lambda path: path.name), 1
    ):
        if path.name.startswith(SENT) or path.suffix == ".xlsx":
            continue
        try:
            if path.suffix == ".xml":
                _documents(run, path, seq, newest)
            elif _is_statement(path):
                statements.append(bank.read(path, name=path.name).receipts)
        except Rejected as error:
            raise NeedsPerson(f"Файл в архиве повреждён: {path.name}. {error.message}", _BACKUP) from error
    return [row for _, row in newest.values()], tables.concat("receipts", statements)


def _documents(run: Run, path: Path, seq: int, newest: dict[str, tuple[Record, Record]]) -> None:
    with path.open("rb") as stream:
        info = commerceml.verify(stream, name=path.name)
    for row in tables.records(commerceml.read_tables(path, name=path.name)["documents"]):
        seen = {
            "version": row["version"],
            "generated_at": intake.aware(run, info.generated_at),
            "seq": seq,
            "hash": None,
        }
        if newer(seen, newest[row["id"]][0] if row["id"] in newest else None):
            newest[row["id"]] = (seen, row)


def _is_statement(path: Path) -> bool:
    with path.open("rb") as stream:
        return intake.BANK_MARK in stream.read(64)


def _facts(run: Run, told: list[Record], receipts: pd.DataFrame) -> None:
    frame = tables.frame("documents", told)
    found, _ = facts.targets(frame, portal=run.profile.bitrix24.name, known=recording.known_numbers(run))
    recording.record_facts(run, frame, found)
    run.state.links.put(
        [
            {"entity": BASIS, "foreign_id": document, "number": target, "state": "gone"}
            for document, target in found.items()
        ]
    )
    if len(receipts):
        bank_flow.match(run, receipts)


def _refuse_doubts(run: Run, accruals: list[Record]) -> None:
    """Raise NeedsPerson when the archive does not explain what was done: an act without its payment, a stage
    without its act."""
    known = contracts.facts(run)
    standing = facts.standing_acts(tables.frame("accruals", accruals))
    unpaid = [
        act["number"]
        for deal, acts in standing.items()
        for part, act in acts.items()
        if known[deal]["paid_charges"] < part
    ]
    proves = {rule.to: rule.when for rule in run.profile.rules}
    bare = [
        row["id"]
        for row in tables.records(run.portal.deals)
        for fact in ("act1", "act2")
        if proves.get(row["stage"] or "", {}).get(fact) is True and not known.get(row["id"], {}).get(fact)
    ]
    said = [f"акты без оплаты: {', '.join(unpaid[:10])}"] if unpaid else []
    said += [f"сделки на стадии акта, а акта нет: {', '.join(bare[:10])}"] if bare else []
    if said:
        raise NeedsPerson(
            f"Архив неполон ({'; '.join(said)}): по нему обмен сторнировал бы акты или начислил их второй раз.",
            f"{_BACKUP} Если всё верно и так, выполните obmen24 restore --accept.",
        )


def _send_again(run: Run, told: list[Record]) -> int:
    """Charges and acts no file of 1C has shown: it may never have read them. The same Ид and number cannot
    double them."""
    shown = {row["number"] for row in told}
    profile, sent = run.profile, 0
    charges = tables.frame(
        "charges",
        [row for row in tables.records(run.state.charges.current()) if row["number"] not in shown],
    )
    if profile.billing and profile.delivery.charge == "commerceml" and len(charges):
        sent += len(
            queue.enqueue(
                run,
                documents.charge_documents(
                    charges,
                    portal=profile.bitrix24.name,
                    settings=profile.billing,
                    organisations=profile.organisations,
                    extended=profile.onec.extended,
                ),
            )
        )
    acts = tables.frame(
        "accruals",
        [row for row in tables.records(run.state.accruals.rows()) if row["number"] not in shown],
    )
    if profile.commission and profile.delivery.act == "commerceml" and len(acts):
        sent += len(
            queue.enqueue(
                run,
                documents.act_documents(
                    acts, portal=profile.bitrix24.name, organisations=profile.organisations
                ),
            )
        )
    return sent


def _legacy(run: Run) -> list[str]:
    """With an empty archive the exchange is new here: deals already beyond the first stage keep their history
    outside of it."""
    reached = {rule.to for rule in run.profile.rules}
    return [row["id"] for row in tables.records(run.portal.deals) if row["stage"] in reached]


def _legacy_note(legacy: list[str]) -> list[str]:
    if not legacy:
        return []
    return [
        f"Архив пуст, значит, обмен здесь новый. Сделки, которые уже прошли первую оплату ({len(legacy)}), двигайте и вознаграждайте "
        "вручную; остальные обмен ведёт сам."
    ]


def _settle_stages(run: Run) -> None:
    known = contracts.facts(run)
    derived = {
        deal: rule.to for deal, told in known.items() if (rule := stages.derive(told, run.profile.rules))
    }
    run.state.stages.write(derived)
