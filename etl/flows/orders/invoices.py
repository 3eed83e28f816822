"""Smart invoices of deals: which one belongs to the order, which one has to be made, which one is paid
(specification 001).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from decimal import Decimal

from etl import tables
from etl.config.profile import Orders
from etl.extract.bitrix24 import deals as extract
from etl.flows import facts as recording
from etl.flows import stages
from etl.flows.orders import unpaid
from etl.flows.orders.told import Told
from etl.flows.portal import delivery, refusals, writers
from etl.flows.portal.writers import change
from etl.flows.run import Record, Run
from etl.load.bitrix24.items import NewItem
from etl.records import Deal, Document, Line, Payment
from etl.transform.money import paid as law
from etl.transform.orders import invoices as rules
from etl.transform.orders.invoices import Choice
from etl.values import keys, money

SCOPE = "invoices"
#: entity of questions and prefix of their keys
QUESTION = "invoice"


# ---- towards 1C ----
def choose(run: Run, settings: Orders, told: Told, deals: Sequence[Deal]) -> Choice:
    """The smart invoice of each deal that needs one. Missing ones are made where the profile says so, those
    of ours that got no rows are filled; one that stays empty waits. Doubtful ones are asked.
    """
    sent, final = told.sent.keys(), final_stages(run)
    read = _read(run, deals)
    choice = rules.choose_invoices(deals, read, settings, final=final, sent=sent)
    if choice.create:
        _create(run, [deal for deal in deals if deal["id"] in choice.create])
        read = _read(run, deals)
        choice = rules.choose_invoices(deals, read, settings, final=final, sent=sent)
    if settings.create_invoices:
        choice = rules.without(choice, _fill(run, choice.invoices, sent))
    held = [row for row in read if row["deal"] in choice.held]
    _ask(run, choice.issues, held)
    return choice


def final_stages(run: Run) -> set[str]:
    """Names of the final stages of smart invoices."""
    names = run.portal.names
    return {names.invoice_stages[stage] for stage in names.invoice_closed}


def _read(run: Run, deals: Sequence[Deal]) -> list[Document]:
    """Smart invoices of deals; of a deal that a person has answered for only the chosen one."""
    chosen: dict[str | None, str] = {}
    for key, answer in run.state.questions.answers(QUESTION).items():
        chosen[key.partition(":")[2]] = answer.get("id")
    found = extract.invoices(run.portal.client, run.portal.names, [deal["id"] for deal in deals])
    rows = tables.each(found, Document)
    return [row for row in rows if chosen.get(row["deal"]) in (None, row["id"])]


def _ask(run: Run, issues: Sequence[Record], invoices: Sequence[Document]) -> None:
    """None: the manager makes one in the deal. Several: whoever knows answers, or closes the others."""
    run.journal.note(list(issues), SCOPE)
    final = final_stages(run)
    fitting: dict[str | None, list[Document]] = defaultdict(list)
    for row in invoices:
        if row["status"] not in final:
            fitting[row["deal"]].append(row)
    rows = []
    for issue in issues:
        several = fitting[issue["key"]]
        if len(several) > 1:
            rows.append(_question(issue, several))
    run.state.questions.ask(rows, run.number)
    withdraw(run, QUESTION, [row["key"] for row in rows])


def withdraw(run: Run, entity: str, asked: Iterable[str]) -> None:
    """Open questions about an entity that are not asked any more have settled themselves."""
    standing = {row["key"] for row in run.state.questions.open() if row["entity"] == entity}
    run.state.questions.withdraw(standing.difference(asked))


def _question(issue: Record, fitting: Sequence[Document]) -> Record:
    return {
        "key": f"{QUESTION}:{issue['key']}",
        "entity": QUESTION,
        "text": issue["message"],
        "candidates": [_candidate(row) for row in fitting],
    }


def _candidate(row: Document) -> dict[str, str]:
    """A smart invoice as an answer of the question which one belongs to the order."""
    amount = money.shown(money.of(row["amount"] or Decimal(0), row["currency"]))
    return {
        "id": row["id"],
        "text": f"счёт {row['number'] or row['id']} на {amount}, стадия «{row['status']}»",
    }


def _create(run: Run, deals: Sequence[Deal]) -> None:
    """Smart invoices of deals that have none, with the buyer of the deal."""
    creations = [_creation(_origin(run, deal["id"]), deal) for deal in deals]
    delivery.apply(run, creations, refusals.ORDERS_OUT)


def _origin(run: Run, deal: str) -> str:
    """The external id of the smart invoice that we make for a deal."""
    return keys.document_id(run.profile.bitrix24.name, "smart-invoice", deal)


def _fill(run: Run, invoices: Sequence[Document], sent: Container[str]) -> set[str]:
    """The rows of the deal into the smart invoices of ours that hold nothing and 1C does not know: just made,
    or refused and cut off in an earlier run. Out: deals whose invoice is still without them.
    """
    bare: dict[str, str] = {}
    for row in invoices:
        deal = row["deal"] or ""
        is_ours = (row["requisites"] or {}).get("xmlId") == _origin(run, deal)
        if is_ours and not row["amount"] and keys.invoice(row["id"]) not in sent:
            bare[row["id"]] = deal
    if not bare:
        return set()
    rows: dict[str, list[Line]] = defaultdict(list)
    for line in tables.each(extract.lines(run.portal.client, list(bare.values())), Line):
        rows[line["document"]].append(line)
    bodies = [_composition(invoice, rows[deal]) for invoice, deal in bare.items() if rows[deal]]
    applied = delivery.apply(run, bodies, refusals.ORDERS_OUT)
    return {bare[row["key"]] for row in applied if row["outcome"] != "done"}


def _creation(origin: str, deal: Deal) -> Record:
    values = {
        "title": f"Счёт по сделке {deal['id']}",
        "parentId2": deal["id"],
        "currencyId": deal["currency"] or "RUB",
    }
    item = NewItem(writers.creation_key("invoice", origin), origin, values, party=deal["party"])
    reason = "orders.create_invoices: у сделки по предоплате нет счёта"
    return change("invoice", origin, "create", values["title"], reason, item=item)


def _composition(invoice: str, lines: Sequence[Line]) -> Record:
    reason = "orders.create_invoices: строки сделки"
    return change("invoice", invoice, "rows", f"строк: {len(lines)}", reason, field="rows", lines=lines)


# ---- from 1C ----
def move(run: Run, settings: Orders, told: Told, sources: Mapping[str, Record]) -> None:
    """Paid smart invoices to their stage; of a part payment the remainder is shown in the deal and in the
    account («Счет переводится в статус «Оплачен»», specification 001).
    """
    if settings.invoice_paid_stage is None or not told.invoices:
        return
    facts = _facts(run, told)
    waiting = _waiting(told)
    paying = [fact for fact in facts if fact["target"] in waiting]
    unpaid.ask(run, settings, [fact for fact in facts if fact["target"] not in waiting], _numbers(told))
    if paying:
        _move(run, settings, told, sources, paying)


def _move(
    run: Run, settings: Orders, told: Told, sources: Mapping[str, Record], paying: Sequence[Payment]
) -> None:
    """The invoices that these facts are about, to their stage where the facts reach their sum."""
    waiting, final = _waiting(told), final_stages(run)
    deals = sorted({waiting[fact["target"]] for fact in paying})
    found = tables.records(extract.invoices(run.portal.client, run.portal.names, deals), Document)
    read = [row for row in found if keys.invoice(row["id"]) in waiting]
    due = {keys.invoice(row["id"]): row["amount"] for row in found if row["amount"] is not None}
    paid = law.paid(paying, due)
    final = final_stages(run)
    changes, issues = rules.invoice_moves(read, paid, settings, final=final, dues=told.dues)
    owners = {row["id"]: row["deal"] or "" for row in read}
    moves = [{**row, **sources.get(owners[row["key"] or ""], {})} for row in changes]
    applied = delivery.apply(run, [*moves, *_remainders(run, told, issues, owners)], refusals.ORDERS)
    stages.count(run, applied)
    done = {row["key"] for row in applied if row["entity"] == "invoice" and row["outcome"] == "done"}
    unpaid.settle(run, done.union(row["id"] for row in read if row["status"] in final))


def _facts(run: Run, told: Told) -> list[Payment]:
    """Facts of payment that smart invoices are about, those of the orders upon them too."""
    payments = recording.payments(run)
    leads = _leads(told, {fact["target"] for fact in payments})
    return [{**fact, "target": leads[fact["target"]]} for fact in payments if fact["target"] in leads]


def _leads(told: Told, targets: Iterable[str]) -> dict[str, str]:
    return rules.leads_to(targets, _numbers(told), told.above, told.owners)


def _numbers(told: Told) -> dict[str, str]:
    """Number of every smart invoice that was sent -> its deal."""
    return {keys.invoice(invoice): deal for invoice, deal in told.invoices.items()}


def _waiting(told: Told) -> dict[str, str]:
    """Number -> deal of the smart invoices sent and not yet moved to their final stage."""
    numbers = _numbers(told)
    return {number: deal for number, deal in numbers.items() if not told.sent[number].get("settled")}


def _remainders(run: Run, told: Told, issues: Sequence[Record], deals: Mapping[str, str]) -> list[Record]:
    """Part payments that this run has learnt of: an issue, and a comment in the deal's timeline."""
    fresh = {told.found[document] for document in told.fresh if document in told.found}
    numbers = _leads(told, fresh).values()
    rows = [row for row in issues if keys.invoice(row["key"]) in numbers]
    run.journal.note(rows, SCOPE)
    reason = "orders.invoice_paid_stage: оплата меньше суммы счёта"
    return [change("deal", deals[row["key"]], "comment", row["message"], reason) for row in rows]
