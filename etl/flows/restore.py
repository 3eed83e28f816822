"""`obmen24 restore`: registers from the archived workbooks, payment facts from the archived files of 1C and
of the bank.

Everything is read and checked first and written in one transaction: a half-restored register would reverse
acts or charge again. Nothing is written to the portal. Stages are taken as they follow from the restored
facts, so that no deal moves because of the loss; what 1C never showed back is put into the outgoing file
again under the same Ид and number.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from etl import tables
from etl.errors import NeedsPerson, Rejected
from etl.exchange.folder import ARCHIVE
from etl.extract.bank import read as bank
from etl.extract.commerceml import read as commerceml
from etl.extract.spreadsheet import exact
from etl.flows import bank as bank_flow
from etl.flows import facts as recording
from etl.flows import intake, registers, stages, versions
from etl.flows.contracts import billing, commission
from etl.flows.documents import SCOPE, remember
from etl.flows.publication import queue
from etl.flows.publication.file import SENT
from etl.flows.run import Record, Run
from etl.flows.versions import Origin, Versions
from etl.records import Accrual, Document, Receipt
from etl.transform.contracts import restoring
from etl.transform.money import targets
from etl.transform.orders.facts import dues
from etl.transform.stages import derive, named

_BACKUP = "Верните недостающие файлы в архив из резервной копии и повторите obmen24 restore."
_CHARGE_KEY = ("deal", "month", "kind", "version", "action")


@dataclass(slots=True)
class _Archived:
    """What the archive holds: documents of 1C, the newest text of each with what proves it, and receipts of
    all statements.
    """

    versions: Versions = field(default_factory=Versions)
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def documents(self) -> list[Document]:
        """The newest text of each document."""
        return self.versions.documents


def restore(run: Run) -> None:
    """Fill the empty registers. Raises NeedsPerson when they are not empty, or the archive is damaged or
    incomplete (the last can be accepted by a person), TryLater when the portal is away.
    """
    run.journal.report.title = "Восстановление выполнено"
    books = registers.archived_books(run.folder.folder)
    charges = _rows(books, registers.REGISTER, exact.read_register, _CHARGE_KEY)
    accruals = _in_turn(_rows(books, registers.ACTS, exact.read_acts, ("number",)))
    _refuse_gaps(charges)
    archived = _archived(run)
    # with an empty archive the exchange is new here: deals beyond the first stage keep their history outside
    # of it
    legacy = [] if books else registers.deals_beyond(run, run.portal)
    with run.state.transaction():
        run.state.restore({"charges": charges, "accruals": accruals})
        run.state.accruals.mark([row["number"] for row in accruals], "confirmed")
        mark = {"at": run.clock.local.isoformat(), "legacy": legacy}
        run.state.files.set_cursor(registers.RESTORED, json.dumps(mark))
        _record_facts(run, archived)
        if books and not run.options.accept:
            _refuse_doubts(run, accruals)
        _settle_stages(run)
        again = _send_again(run, {row["number"] for row in archived.documents})
    notes = run.journal.report.notes
    notes.append(
        f"Восстановлено из архива: начислений {len(charges)}, актов {len(accruals)}, "
        f"документов 1С {len(archived.versions.newest)}, поступлений {len(archived.receipts)}; "
        f"1С не возвращала и получит снова: {again}."
    )
    if legacy:
        notes.append(
            "Архив пуст, значит, обмен здесь новый. Сделки, которые уже прошли первую оплату "
            f"({len(legacy)}), двигайте и вознаграждайте вручную; остальные обмен ведёт сам."
        )


# ---- workbooks
def _rows(
    books: Iterable[Path], kind: str, read: Callable[[Path], pd.DataFrame], key: Sequence[str]
) -> list[Any]:
    """Rows of all archived workbooks of one kind, each once. Raises NeedsPerson for a damaged one."""
    found: dict[tuple[Any, ...], Record] = {}
    for path in books:
        if not path.name.startswith(f"{kind}-"):
            continue
        try:
            rows = tables.records(read(path))
        except Rejected as error:
            raise NeedsPerson(f"Реестр в архиве повреждён: {path.name}. {error.message}", _BACKUP) from error
        for row in rows:
            found.setdefault(tuple(row[name] for name in key), row)
    return list(found.values())


def _in_turn(accruals: Iterable[Accrual]) -> list[Accrual]:
    """Acts in the order in which they were made. Raises NeedsPerson where one is missing."""
    try:
        return restoring.in_turn(accruals)
    except ValueError as error:
        raise NeedsPerson(f"В архиве не хватает акта вознаграждения рядом с {error}.", _BACKUP) from None


def _refuse_gaps(charges: Iterable[Mapping[str, Any]]) -> None:
    """A version that is missing was charged all the same: without it those deals would be charged again."""
    held: defaultdict[str, set[int]] = defaultdict(set)
    for row in charges:
        held[row["month"]].add(row["version"])
    gaps: list[str] = []
    for month, numbers in sorted(held.items()):
        missing = sorted(set(range(1, max(numbers))) - numbers)
        gaps += [f"{month}: нет версии {number}" for number in missing]
    if gaps:
        raise NeedsPerson(f"В архиве не хватает реестров ({'; '.join(gaps)}).", _BACKUP)


# ---- files of 1C and of the bank
def _archived(run: Run) -> _Archived:
    """Everything that was read once, from the archive in the order it came. Raises NeedsPerson for a damaged
    file.
    """
    archived = _Archived()
    paths = sorted((run.folder.folder / ARCHIVE).glob("*/*"), key=_by_name)
    for seq, path in enumerate(paths, 1):
        if path.name.startswith(SENT) or path.suffix == ".xlsx":
            continue
        try:
            if path.suffix == ".xml":
                _read_documents(run, path, seq, archived)
            elif intake.is_statement(path):
                archived.receipts += tables.records(bank.read(path, name=path.name).receipts, Receipt)
        except Rejected as error:
            raise NeedsPerson(f"Файл в архиве повреждён: {path.name}. {error.message}", _BACKUP) from error
    return archived


def _by_name(path: Path) -> str:
    """The name of an archived file begins with the moment it was taken."""
    return path.name


def _read_documents(run: Run, path: Path, seq: int, archived: _Archived) -> None:
    """Documents of one archived file, where they are newer than what was read before."""
    with path.open("rb") as stream:
        info = commerceml.verify(stream, name=path.name)
    moment = intake.aware(run, info.generated_at)
    found = commerceml.read_tables(path, name=path.name)
    documents = tables.records(found["documents"], Document)
    versions.note(run, Origin(path.name, seq, moment), documents, found, archived.versions)


def _record_facts(run: Run, archived: _Archived) -> None:
    """Payments and shipments that the archived documents and statements prove."""
    known = recording.known_numbers(run)
    found, _ = targets.targets(archived.documents, portal=run.profile.bitrix24.name, known=known)
    recording.record_facts(run, archived.documents, found, SCOPE, dues=dues(archived.documents, {}, {}))
    remember(run, found)
    if archived.receipts:
        bank_flow.match(run, archived.receipts)


# ---- what the archive explains
def _refuse_doubts(run: Run, accruals: Iterable[Accrual]) -> None:
    """Raise NeedsPerson when the archive does not explain what was done: an act without its payment, a stage
    without its act.
    """
    known = stages.contracts(run)
    deals = run.portal.deals
    placed = dict(zip(deals["id"], deals["stage"], strict=True))
    unpaid = restoring.unpaid_acts(accruals, known)
    bare = restoring.stages_without_acts(placed, known, run.profile.rules)
    said: list[str] = []
    if unpaid:
        said.append(f"акты без оплаты: {', '.join(unpaid[:10])}")
    if bare:
        said.append(f"сделки на стадии акта, а акта нет: {', '.join(bare[:10])}")
    if said:
        raise NeedsPerson(
            f"Архив неполон ({'; '.join(said)}): "
            "по нему обмен сторнировал бы акты или начислил их второй раз.",
            f"{_BACKUP} Если всё верно и так, выполните obmen24 restore --accept.",
        )


def _send_again(run: Run, shown: set[str | None]) -> int:
    """Charges and acts no file of 1C has shown: it may never have read them. The same Ид and number cannot
    double them.
    """
    profile, sent = run.profile, 0
    charges = _unshown(run.state.charges.current(), shown)
    if profile.billing and profile.delivery.charge == "commerceml" and len(charges):
        sent += len(queue.enqueue(run, billing.charge_documents(run, profile.billing, charges)))
    acts = _unshown(run.state.accruals.rows(), shown)
    if profile.commission and profile.delivery.act == "commerceml" and len(acts):
        sent += len(queue.enqueue(run, commission.act_documents(run, acts)))
    return sent


def _unshown(rows: pd.DataFrame, shown: set[str | None]) -> pd.DataFrame:
    """Rows whose number no file of 1C has shown."""
    return rows[~rows["number"].isin(shown)].reset_index(drop=True)


def _settle_stages(run: Run) -> None:
    """The stages that follow from the restored facts count as derived before: nothing moves because of the
    loss.
    """
    derived: dict[str, str] = {}
    for deal, known in stages.contracts(run).items():
        if rule := derive(named(known), run.profile.rules):
            derived[deal] = rule.to
    run.state.stages.write(derived)
