"""Edits of one order from both sides (DESIGN §5): composition, manager, organisation; and what only the
portal says of it.

The memory stands under the deal (`store.fields`, entity `deal`), that of a smart invoice under the invoice.
1C tells whole documents, so what it told last stands in for every run; a deal is compared only while its
stage is one of the exchange.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from etl import tables
from etl.flows.agreement import Memory
from etl.flows.orders import invoices
from etl.flows.orders import rows as orders_rows
from etl.flows.orders.rows import ROWS
from etl.flows.orders.sides import FIELDS, MANAGER, ORGANISATION, Compared, Sides
from etl.flows.run import Record, Run
from etl.records import Issue, Line
from etl.state.columns import encode
from etl.transform import agreed, merge
from etl.transform.agreed import ABSENT
from etl.transform.alignment import KEY
from etl.transform.orders import composition
from etl.transform.orders.composition import Position
from etl.transform.orders.sending import DEAL, INVOICE, Key
from etl.values.changes import change

SCOPE = "orders-out"
_CAPTIONS = {ROWS: "состав", MANAGER: "ответственный", ORGANISATION: "наша организация"}
_QUESTION = "order"
_CANDIDATES = ({"id": "portal", "text": "оставить как на портале"}, {"id": "1c", "text": "взять из 1С"})


def _unnamed(both: Sides, judged: Iterable[Key]) -> Iterator[Record]:
    """Deals to be completed with the organisation that 1C holds."""
    deals = both.run.portal.deals
    blank = set(deals.loc[deals["organisation"].isna(), "id"])
    for key in judged:
        name = both.onec.get(key, {}).get(ORGANISATION)
        if name is not None and key[1] in blank:
            yield {
                "side": "portal",
                "entity": key[0],
                "key": key[1],
                "field": ORGANISATION,
                "before": None,
                "after": name,
                "reason": "в сделке не указана наша организация, в 1С она известна",
            }


def compare(both: Sides, known: Collection[Key]) -> Compared:
    """The three-way comparison. `known`: records that 1C has been told of or made itself; the others are new
    to it.
    """
    run, settings = both.run, both.settings
    memory = Memory(run.state, [DEAL, INVOICE], [identifier for _, identifier in both.portal])
    judged = [key for key in both.portal if key in known]
    result = merge.merge(
        memory.frame(judged, FIELDS),
        _portal_frame(both, judged),
        _onec_frame(both, judged),
        owners={},
        owner=settings.composition_owner,
        seq=_moment(run),
        answers=_priced_by_1c(both, judged) | _answers(both, judged),
        whole={DEAL, INVOICE},
        canonical=both.form,
    )
    memory.take(result.memory)
    asked = _ask(both, result.issues)
    _note_decided(both, result.conflicts, result.overruled)
    due: dict[Key, dict[str, str]] = {}
    changes: list[Record] = []
    for row in tables.each(result.changes):
        if row["side"] == "1c":
            due.setdefault((row["entity"], row["key"]), {})[row["field"]] = row["reason"]
        else:
            changes.append(row)
    changes += _unnamed(both, judged)
    _note_untaken(both, memory, judged, due)
    return Compared(memory, due, changes, asked)


def first_sending(both: Sides, memory: Memory, keys: Iterable[Key]) -> None:
    """Everything about records that 1C is told for the first time: sent, nothing agreed."""
    moment = _moment(both.run)
    for key in keys:
        for field, value in both.portal[key].items():
            memory.set(key, field, agreed.published(value, moment))


def defer(both: Sides, compared: Compared) -> None:
    """A deal that takes something of 1C in this run tells 1C the rest in the next one: its document would
    still say what the portal is about to give up.
    """
    moment = _moment(both.run)
    for key in {(row["entity"], row["key"]) for row in compared.changes} & compared.due.keys():
        del compared.due[key]
        for name, known in dict(compared.memory.of(key)).items():
            earlier = tuple(item for item in known.sent if item.seq != moment)
            compared.memory.set(key, name, dataclasses.replace(known, sent=earlier))


def undo(run: Run, memory: Memory, keys: Collection[Key]) -> None:
    """Documents that could not be sent: nothing of them was handed over, the memory stays as it was."""
    if not keys:
        return
    before = Memory(run.state, [DEAL, INVOICE], [identifier for _, identifier in keys])
    for key in keys:
        for field in memory.of(key):
            memory.set(key, field, before.get(key, field))


def _moment(run: Run) -> int:
    """The moment of the run in seconds: the order of events in the memory."""
    return int(run.clock.now.timestamp())


def _portal_frame(both: Sides, judged: Sequence[Key]) -> pd.DataFrame:
    rows = []
    for key in judged:
        rows += [[*key, field, value] for field, value in both.portal[key].items()]
    return pd.DataFrame(rows, columns=[*KEY, "value"], dtype=object)


def _onec_frame(both: Sides, judged: Sequence[Key]) -> pd.DataFrame:
    """What 1C shows, each value with the moment its document was told."""
    rows = []
    for key in judged:
        for field, value in both.onec.get(key, {}).items():
            made = both.told.made[both.orders[key[1]]["id"]]
            rows.append([*key, field, value, made])
    return pd.DataFrame(rows, columns=[*KEY, "value", "seq"], dtype=object)


# ---- prices that 1C owns ----
def repriced(both: Sides, compared: Compared, rows: Sequence[Line]) -> list[Record]:
    """Changes of deals whose `rows` (product rows as they stand there) are not at the prices that both sides
    agree on: 1C owns the discounts, so the deal becomes what 1C made of it, and the client is invoiced that.
    """
    if both.settings.discounts == "portal":
        return []
    changed = {row["key"] for row in compared.changes if row["field"] == ROWS}
    found: list[Record] = []
    for deal, held in orders_rows.positions_of_portal(both.run, rows).items():
        said = both.onec.get((DEAL, deal), {}).get(ROWS)
        if said is None or deal in changed or not is_agreed(both, compared.memory, deal, said):
            continue
        if both.form(ROWS, held) != both.form(ROWS, said):
            row = change(deal, "update", ROWS, held, said, "цены и скидки ведёт 1С (orders.discounts)")
            found.append(dict(row))
    return found


def is_agreed(both: Sides, memory: Memory, deal: str, said: Any) -> bool:
    """Whether what 1C shows is what both sides agree on, and nothing is on its way there."""
    known = memory.get((DEAL, deal), ROWS)
    return (
        known.base is not ABSENT and not known.sent and both.form(ROWS, known.base) == both.form(ROWS, said)
    )


def _priced_by_1c(both: Sides, judged: Iterable[Key]) -> dict[tuple[str, str, str], str]:
    """Where 1C owns the discounts it is right about sums of the same goods, whoever owns the composition."""
    if both.settings.discounts == "portal":
        return {}
    found: dict[tuple[str, str, str], str] = {}
    for key in judged:
        ours, theirs = both.portal[key].get(ROWS), both.onec.get(key, {}).get(ROWS)
        if theirs and composition.goods(both.form(ROWS, ours)) == composition.goods(both.form(ROWS, theirs)):
            found[*key, ROWS] = "1c"
    return found


# ---- what gave way ----
def _note_decided(both: Sides, conflicts: Sequence[Record], overruled: Sequence[Record]) -> None:
    """«the field's owner wins and it is journalled» (DESIGN §5), and both persons are told of it."""
    standing = [row for row in conflicts if row["after"] is not None]  # an emptiness is nobody's edit
    both.run.journal.note([_decided(both, row) for row in standing], SCOPE)
    both.run.journal.tell([_kept(both, row) for row in overruled])


def _decided(both: Sides, row: Record) -> Record:
    lost, kept = _said(both, row["field"], row["before"]), _said(both, row["field"], row["after"])
    where = ("в сделке", "в 1С") if row["side"] == "portal" else ("в 1С", "в сделке")
    return tables.issue(
        f"Сделка {row['key']}, {_CAPTIONS.get(row['field'], row['field'])}: {row['reason']}. "
        f"Не взято {where[0]}: «{lost}», остаётся {where[1]}: «{kept}». "
        "Если верно первое, внесите эту правку ещё раз.",
        severity="warn",
        entity=row["entity"],
        key=row["key"],
        field=row["field"],
        value=lost,
    )


def _kept(both: Sides, row: Record) -> Record:
    """An edit of 1C that gave way to one of the portal that is on its way to 1C already."""
    return {
        "entity": row["entity"],
        "key": row["key"],
        "action": "kept",
        "field": row["field"],
        "before": _said(both, row["field"], row["before"]),
        "after": _said(both, row["field"], row["after"]),
        "rule": row["reason"],
    }


def _said(both: Sides, field: str, value: Any) -> str:
    """A value in words for people."""
    if value is None or value is ABSENT:
        return "пусто"
    if field == ROWS:
        return composition.summary([Position(*row) for row in value])
    mails = {user: mail for mail, user in both.run.portal.names.emails.items()}
    return str(mails.get(value, value)) if field == MANAGER else str(value)


def _note_untaken(both: Sides, memory: Memory, judged: Iterable[Key], due: Collection[Key]) -> None:
    """1C has read our edit and still shows another composition: told for as long as it stands."""
    issues: list[Record] = []
    for key in judged:
        known, said = memory.get(key, ROWS), both.onec.get(key, {}).get(ROWS)
        if said is None or key in due or not known.sent:
            continue
        last = known.sent[-1]
        made = both.told.made[both.orders[key[1]]["id"]]
        if made > last.seq and both.form(ROWS, said) != both.form(ROWS, last.value):
            issues.append(_untaken(both, key, last.value, said))
    both.run.journal.note(issues, SCOPE)


def _untaken(both: Sides, key: Key, ours: Any, theirs: Any) -> Record:
    return tables.issue(
        f"1С не взяла состав сделки {key[1]}: в сделке «{_said(both, ROWS, ours)}», в заказе 1С "
        f"«{_said(both, ROWS, theirs)}». Внесите правку в заказ 1С вручную или верните состав сделки.",
        severity="warn",
        entity=key[0],
        key=key[1],
        field=ROWS,
        value=_said(both, ROWS, theirs),
    )


# ---- conflicts that only a person decides ----
def _mark(both: Sides, key: Key, field: str) -> str:
    """A question is about two values: another conflict of the same field is another question."""
    values = encode([both.portal[key].get(field), both.onec.get(key, {}).get(field)])
    return f"{_QUESTION}:{key[1]}:{field}:{hashlib.sha256(values.encode()).hexdigest()[:8]}"


def _answers(both: Sides, judged: Sequence[Key]) -> dict[tuple[str, str, str], str]:
    """(entity, key, field) -> the side that a person has chosen."""
    given = both.run.state.questions.answers(_QUESTION)
    if not given:
        return {}
    found: dict[tuple[str, str, str], str] = {}
    for key in judged:
        for field in both.onec.get(key, {}):
            answer = given.get(_mark(both, key, field), {}).get("id")
            if answer:
                found[*key, field] = answer
    return found


def _ask(both: Sides, issues: pd.DataFrame) -> set[str]:
    run = both.run
    told = [_asked(both, row) for row in tables.each(issues, Issue)]
    rows = [_question(both, row) for row in told]
    run.journal.note(told, SCOPE)
    run.state.questions.ask(rows, run.number)
    return {row["key"] for row in rows}


def withdraw(run: Run, asked: Collection[str]) -> None:
    """Conflicts that are not asked about any more have settled themselves."""
    invoices.withdraw(run, _QUESTION, asked)


def _asked(both: Sides, row: Issue) -> Record:
    """The conflict in the words of an order."""
    key, field = (row["entity"] or "", row["key"] or ""), row["field"] or ""
    ours = _said(both, field, both.portal[key].get(field))
    theirs = _said(both, field, both.onec[key][field])
    message = (
        f"Сделка {key[1]}, {_CAPTIONS.get(field, field)}: изменено с обеих сторон, в сделке «{ours}», в 1С "
        f"«{theirs}». Ничего не записано. Сделайте значения одинаковыми или ответьте командой obmen24 ask."
    )
    return {**row, "message": message, "value": theirs}


def _question(both: Sides, row: Record) -> Record:
    key = (row["entity"] or "", row["key"] or "")
    return {
        "key": _mark(both, key, row["field"] or ""),
        "entity": _QUESTION,
        "text": row["message"],
        "candidates": list(_CANDIDATES),
    }
