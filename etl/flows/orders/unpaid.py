"""Smart invoices that were moved as paid, and those of them whose payment 1C took back (DESIGN §4, «What
becomes untrue is told»).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from etl import tables
from etl.config.profile import Orders
from etl.extract.bitrix24 import deals as extract
from etl.flows import stages
from etl.flows.orders import told as orders_told
from etl.flows.portal import delivery, refusals
from etl.flows.portal.writers import change
from etl.flows.run import Record, Run
from etl.records import Document, Payment
from etl.transform.money import paid as law
from etl.transform.orders import invoices as rules
from etl.transform.orders.invoices import Unpaid
from etl.values import keys

SCOPE = "invoices-unpaid"
#: entity of questions and prefix of their keys
QUESTION = "invoice-paid"


def settle(run: Run, invoices: Iterable[str], *, through: bool = True) -> None:
    """Smart invoices that are through are not asked for again; one that a person moved back waits again."""
    run.state.fields.write(
        {
            "entity": orders_told.SENT,
            "key": keys.invoice(invoice),
            "field": "settled",
            "known": True,
            "base": through,
        }
        for invoice in invoices
    )


def ask(run: Run, settings: Orders, facts: Sequence[Payment], invoices: Mapping[str, str]) -> None:
    """Ask about invoices that stand as paid though their money is gone, and do what a person has answered.

    In: facts of payment of settled invoices, `invoices` = number -> deal.
    """
    suspects = {fact["target"] for fact in facts if fact["amount"] is not None and fact["amount"] <= 0}
    told: dict[str, list[Payment]] = defaultdict(list)
    for fact in facts:
        if fact["target"] in suspects:
            told[fact["target"]].append(fact)
    found = _found(run, settings, told, {invoices[number] for number in suspects}) if suspects else []
    asked = {_key(one, told): one for one in found}
    answers = run.state.questions.answers(QUESTION)
    _return(run, {one.invoice["id"]: (one, answers[key]) for key, one in asked.items() if key in answers})
    waiting = {key: one for key, one in asked.items() if key not in answers}
    run.journal.note([_remark(one) for one in waiting.values()], SCOPE)
    run.state.runs.close_issues(run.number, [SCOPE])
    run.state.questions.ask([_question(run, key, one) for key, one in waiting.items()], run.number)
    standing = {row["key"] for row in run.state.questions.open() if row["entity"] == QUESTION}
    run.state.questions.forget(standing.union(answers) - asked.keys())


def _found(
    run: Run, settings: Orders, told: Mapping[str, Sequence[Payment]], deals: Iterable[str]
) -> list[Unpaid]:
    """Of the suspected invoices those that stand as paid and are not."""
    listed = extract.invoices(run.portal.client, run.portal.names, sorted(deals))
    rows = [row for row in tables.each(listed, Document) if keys.invoice(row["id"]) in told]
    paid = law.paid(fact for facts in told.values() for fact in facts)
    return rules.unpaid(rows, paid, settings)


def _key(one: Unpaid, told: Mapping[str, Sequence[Payment]]) -> str:
    """Another sum or another document is another question."""
    facts = told[keys.invoice(one.invoice["id"])]
    return f"{QUESTION}:{one.invoice['id']}:{one.got:.2f}:{len(facts)}"


def _return(run: Run, answered: Mapping[str, tuple[Unpaid, Record]]) -> None:
    """Invoices that a person wants back go to the stage of the answer and wait for their money again."""
    moves: list[Record] = []
    for invoice, (one, answer) in answered.items():
        if answer.get("id"):
            reason = f"ответ человека: оплачено {one.got:.2f} из {one.amount:.2f}"
            before = one.invoice["status"]
            moves.append(
                change("invoice", invoice, "stage", answer["id"], reason, field="stage", before=before)
            )
    applied = delivery.apply(run, moves, refusals.ORDERS)
    stages.count(run, applied)
    settle(run, [row["key"] for row in applied if row["outcome"] == "done"], through=False)


def _remark(one: Unpaid) -> Record:
    return tables.issue(
        f"{one.told(one.invoice['status'] or '')} Верните счёт или оставьте: obmen24 ask.",
        severity="ask",
        entity="invoice",
        key=one.invoice["id"],
        field="stage",
        value=one.invoice["status"],
    )


def _question(run: Run, key: str, one: Unpaid) -> Record:
    names = run.portal.names
    still_open = [name for stage, name in names.invoice_stages.items() if stage not in names.invoice_closed]
    ways: list[Record] = [{"id": name, "text": f"вернуть на «{name}»"} for name in dict.fromkeys(still_open)]
    stay = {"id": None, "text": f"оставить на «{one.invoice['status']}»"}
    text = one.told(one.invoice["status"] or "")
    return {"key": key, "entity": QUESTION, "text": text, "candidates": [*ways, stay]}
