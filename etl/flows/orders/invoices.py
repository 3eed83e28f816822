"""Smart invoices of deals: which one belongs to the order, which one has to be made, which one is paid
(specification 001)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from etl import tables
from etl.config.profile import Orders
from etl.extract.bitrix24 import deals as extract
from etl.flows import facts as recording
from etl.flows import stages
from etl.flows.orders import told as orders_told
from etl.flows.orders.told import Told
from etl.flows.portal import delivery, writers
from etl.flows.portal.writers import change
from etl.flows.run import Record, Run
from etl.load.bitrix24.items import NewItem
from etl.transform.money import paid as law
from etl.transform.orders import deals as orders
from etl.values import keys

SCOPE = "invoices"
#: entity of questions and prefix of their keys
QUESTION = "invoice"
_SETTLED = "settled"


# ---- towards 1C ----
def choose(run: Run, settings: Orders, told: Told, deals: Sequence[Record]) -> orders.Choice:
    """The smart invoice of each deal that needs one. Missing ones are made where the profile says so;
    doubtful ones are asked."""
    listed, sent = tables.frame("deals", deals), told.sent.keys()
    choice = orders.choose_invoices(listed, _read(run, deals), settings, final=final_stages(run), sent=sent)
    if choice.create:
        _create(run, [deal for deal in deals if deal["id"] in choice.create])
        choice = orders.choose_invoices(
            listed, _read(run, deals), settings, final=final_stages(run), sent=sent
        )
    _ask(run, choice.issues, _read(run, [deal for deal in deals if deal["id"] in choice.held]))
    return choice


def final_stages(run: Run) -> set[str]:
    """Names of the final stages of smart invoices."""
    names = run.portal.names
    return {names.invoice_stages[stage] for stage in names.invoice_closed}


def _read(run: Run, deals: Sequence[Record]) -> pd.DataFrame:
    """Smart invoices of deals; of a deal that a person has answered for only the chosen one."""
    answers = {
        key.partition(":")[2]: answer.get("id")
        for key, answer in run.state.questions.answers(QUESTION).items()
    }
    rows = tables.records(
        extract.invoices(run.portal.client, run.portal.names, [deal["id"] for deal in deals])
    )
    return tables.frame("documents", [row for row in rows if answers.get(row["deal"]) in (None, row["id"])])


def _ask(run: Run, issues: pd.DataFrame, invoices: pd.DataFrame) -> None:
    """None: the manager makes one in the deal. Several: whoever knows answers, or closes the others."""
    run.journal.note(issues, SCOPE)
    final, rows, asked = final_stages(run), [], set()
    for row in tables.records(issues):
        fitting = [
            one
            for one in tables.records(invoices)
            if one["deal"] == row["key"] and one["status"] not in final
        ]
        if len(fitting) > 1:
            asked.add(f"{QUESTION}:{row['key']}")
            rows.append(
                {
                    "key": f"{QUESTION}:{row['key']}",
                    "entity": QUESTION,
                    "text": row["message"],
                    "candidates": [_candidate(one) for one in fitting],
                }
            )
    run.state.questions.ask(rows, run.number)
    run.state.questions.withdraw(
        {row["key"] for row in run.state.questions.open() if row["entity"] == QUESTION} - asked
    )


def _candidate(row: Record) -> dict[str, str]:
    return {
        "id": row["id"],
        "text": f"счёт {row['number'] or row['id']} на {row['amount']} руб., стадия «{row['status']}»",
    }


def _create(run: Run, deals: Sequence[Record]) -> None:
    """Smart invoices of deals that have none, with the buyer and the rows of the deal."""
    portal = run.profile.bitrix24.name
    rows: dict[str, list[Record]] = {}
    for line in tables.records(extract.lines(run.portal.client, [deal["id"] for deal in deals])):
        rows.setdefault(line["document"], []).append(line)
    origins = {keys.document_id(portal, "smart-invoice", deal["id"]): deal for deal in deals}
    made = delivery.apply(run, [_creation(origin, deal) for origin, deal in origins.items()])
    done = {row["id"]: rows.get(origins[row["key"]]["id"], []) for row in made if row["outcome"] == "done"}
    delivery.apply(
        run,
        [
            change(
                "invoice",
                invoice,
                "rows",
                f"строк: {len(lines)}",
                "orders.create_invoices: строки сделки",
                field="rows",
                lines=lines,
            )
            for invoice, lines in done.items()
            if lines
        ],
    )


def _creation(origin: str, deal: Record) -> Record:
    values = {
        "title": f"Счёт по сделке {deal['id']}",
        "parentId2": deal["id"],
        "currencyId": deal["currency"] or "RUB",
    }
    item = NewItem(writers.creation_key("invoice", origin), origin, values, party=deal["party"])
    return change(
        "invoice",
        origin,
        "create",
        values["title"],
        "orders.create_invoices: у сделки по предоплате нет счёта",
        item=item,
    )


# ---- from 1C ----
def move(run: Run, settings: Orders, told: Told, sources: dict[str, Record]) -> None:
    """Paid smart invoices to their stage; of a part payment the remainder is shown in the deal and in the
    account."""
    if settings.invoice_paid_stage is None:
        return
    waiting = {
        number: (invoice, deal)
        for invoice, deal in told.invoices.items()
        if not told.sent[number := keys.invoice(invoice)].get(_SETTLED)
    }
    payments = [row for row in recording.payments(run) if row["target"] in waiting]
    paying = {waiting[row["target"]][1] for row in payments}
    if not paying:
        return
    numbers = {invoice for invoice, _ in waiting.values()}
    found = tables.records(extract.invoices(run.portal.client, run.portal.names, sorted(paying)))
    rows = [row for row in found if row["id"] in numbers]
    paid = law.paid(payments, {keys.invoice(row["id"]): row["amount"] for row in rows})
    changes, issues = orders.invoice_moves(
        tables.frame("documents", rows), paid, settings, final=final_stages(run)
    )
    deals = {row["id"]: row["deal"] for row in rows}
    applied = delivery.apply(
        run,
        [
            *(row | sources.get(deals[row["key"]], {}) for row in tables.records(changes)),
            *_remainders(run, told, issues, deals),
        ],
    )
    stages.count(run, applied)
    done = {row["key"] for row in applied if row["entity"] == "invoice" and row["outcome"] == "done"}
    closed = {row["id"] for row in rows if row["status"] in final_stages(run)}
    run.state.fields.write(
        [
            {
                "entity": orders_told.SENT,
                "key": keys.invoice(invoice),
                "field": _SETTLED,
                "known": True,
                "base": True,
            }
            for invoice in done | closed
        ]
    )


def _remainders(run: Run, told: Told, issues: pd.DataFrame, deals: dict[str, str]) -> list[Record]:
    """Part payments that this run has learnt of: an issue, and a comment in the deal's timeline."""
    fresh = {told.found.get(document) for document in told.fresh}
    rows = [row for row in tables.records(issues) if keys.invoice(row["key"]) in fresh]
    run.journal.note(rows, SCOPE)
    return [
        change(
            "deal",
            deals[row["key"]],
            "comment",
            row["message"],
            "orders.invoice_paid_stage: оплата меньше суммы счёта",
        )
        for row in rows
    ]
