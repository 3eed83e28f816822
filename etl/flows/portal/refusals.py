"""What the portal did not take: one remark per record and kind of write, with the portal's own words.

A remark stands from run to run, also in runs that would otherwise do nothing, until the write succeeds or the
flow that wanted it has looked at everything and wants it no more. It is an open issue in a scope of its
owner, so `status`, `why` and `plan` know it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from etl import tables
from etl.bitrix24.writes import LATER, UNSURE
from etl.flows.run import Record, Run

#: who wants a write and derives it anew in each run; `WORDS`: what people are told, which waits in the outbox
ORDERS, ORDERS_OUT, STAGES, WORDS = "orders", "orders-out", "stages", "words"
OWNERS: Final = (ORDERS, ORDERS_OUT, STAGES, WORDS, "parties", "products")
_ADVICE = "Устраните причину на портале: следующий обмен повторит запись."
_FIELDS = {"opportunity": "Сумма сделки", "assignedById": "Ответственный"}


class Subject(NamedTuple):
    """What a remark is about: one record, and what is written of it."""

    owner: str
    entity: str
    key: str
    part: str


def is_unwritten(row: Mapping[str, Any]) -> bool:
    """Whether a change did not come about, or nobody knows: refused, without an answer, put off."""
    return row["outcome"] in ("failed", "doubt") or row["detail"] == LATER


def settle(run: Run, owner: str, applied: Iterable[Record]) -> set[Subject]:
    """Remarks of changes that were refused; those of changes that were taken are closed. A plan writes
    nothing, so what it would try again stands. Out: subjects that were refused before in the same words.
    """
    groups: dict[Subject, list[Record]] = {}
    for row in applied:
        groups.setdefault(subject(owner, row), []).append(row)
    issues: dict[Subject, Record | None] = {}
    for about, rows in groups.items():
        refused = [row for row in rows if is_unwritten(row)]
        issues[about] = _issue(about, refused) if refused else None
    return remember(run, issues)


def remember(run: Run, issues: Mapping[Subject, Record | None]) -> set[Subject]:
    """The remark of each subject that was tried, None where it was taken. Out: as `settle`."""
    standing = _standing(run, {about.owner for about in issues})
    known: set[Subject] = set()
    for about, issue in issues.items():
        before = standing.get(about)
        now = before if run.options.dry else issue
        if before and now and before["message"] == now["message"]:
            now = before  # told by another file, it is the same remark
            known.add(about)
        elif before:
            run.state.runs.settle_issue(run.number, _scope(about.owner), before)
        if now:
            run.state.runs.add_issues(run.number, [now], _scope(about.owner))
    return known


def looked(run: Run, owner: str) -> None:
    """The flow of this owner has looked at everything: what it did not try again is wanted no more."""
    run.state.runs.close_issues(run.number, [_scope(owner)])


def stand(run: Run) -> None:
    """Every remark that stands goes into the account, also of flows that this run did not ask for."""
    rows = [row for owner in OWNERS for row in _open(run, owner)]
    run.journal.report.issues[:0] = rows


def subject(owner: str, row: Record) -> Subject:
    """What a change is about. What people are told stands by itself, and is nobody's but the outbox's."""
    if row["action"] in ("notify", "comment"):
        return Subject(WORDS, row["entity"], row["key"], f"{row['action']}: {row['after']}")
    return Subject(owner, row["entity"], row["key"], row["action"])


def _standing(run: Run, owners: Iterable[str]) -> dict[Subject, Record]:
    """Remarks that stand, by their subjects."""
    found: dict[Subject, Record] = {}
    for owner in owners:
        for row in _open(run, owner):
            found[Subject(owner, row["entity"], row["key"], row["field"])] = row
    return found


def _open(run: Run, owner: str) -> list[Record]:
    return tables.records(run.state.runs.open_issues(_scope(owner)))


def _scope(owner: str) -> str:
    return f"refused:{owner}"


# ---- in words
def remark(about: Subject, what: str, reason: str, file: str | None = None, value: Any = None) -> Record:
    """The issue of a refused write: `what` did not come about, and why, in the portal's words."""
    passing = reason in (LATER, UNSURE)  # the next run does what is to be done
    return tables.issue(
        f"{what}: {reason}." if passing else f"{what}: {reason}. {_ADVICE}",
        severity="warn",
        entity=about.entity,
        key=about.key,
        field=about.part,
        value=value,
        file=file,
    )


def _issue(about: Subject, rows: Sequence[Record]) -> Record:
    """One remark for the rows of one write: the fields of a deal are written together."""
    reasons = dict.fromkeys(row["detail"] for row in rows)
    first = rows[0]
    return remark(about, _what(rows), "; ".join(reasons), first.get("file"), first.get("document"))


def _what(rows: Sequence[Record]) -> str:
    """What did not come about, in Russian."""
    row = rows[0]
    match row["action"]:
        case "create" if row["entity"] == "deal":
            deal = row["deal"]
            sum_of = (
                ""
                if deal["amount"] is None
                else f" на {deal['amount']:.2f} {deal['currency'] or ''}".rstrip()
            )
            return f"Сделка по заказу 1С № {row.get('document') or row['key']}{sum_of} не создана"
        case "create":
            return f"Смарт-счёт «{row['after']}» не создан"
        case "rows":
            return f"Состав не записан ({row['after']})"
        case "link":
            return f"Наша организация «{row['after']}» не указана"
        case "stage":
            return f"Стадия «{row['after']}» не поставлена"
        case "comment":
            return f"Комментарий «{row['after']}» не добавлен"
        case "notify":
            return f"Уведомление ответственному «{row['after']}» не отправлено"
    names = [_FIELDS.get(row["field"], f"«{row['field']}»") for row in rows]
    return f"Не записано в поля: {', '.join(names)}"
