"""Facts of payment and shipment into the state: what documents tell, what no longer counts, and the words of
the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from etl.flows.publication import queue
from etl.flows.run import Record, Run
from etl.records import Document, Payment
from etl.transform.money import doubts, facts
from etl.transform.money.currency import Due, Dues
from etl.transform.money.paid import by_target, settle
from etl.transform.money.targets import GOODS_KINDS, MONEY_KINDS
from etl.values import keys, money

#: kind of fact -> kinds of documents that tell it
_MOVING = {"payment": MONEY_KINDS, "shipment": GOODS_KINDS}
_WORDS = {"payment": "Оплата", "shipment": "Отгрузка"}


def payments(run: Run) -> list[Payment]:
    """Every fact of payment, of all sources."""
    return run.state.facts.listed("payment")


def shipments(run: Run) -> list[Payment]:
    """Every fact of shipment, in the layout of payments."""
    return run.state.facts.listed("shipment")


def record_facts(
    run: Run,
    documents: Sequence[Document],
    found: Mapping[str, str],
    scope: str,
    deals: Mapping[str, str] | None = None,
    dues: Dues | None = None,
) -> None:
    """Payments and shipments told by documents into the state. `found` = document -> target, `deals` = target
    -> deal, `dues` = target -> its currency (roubles where it names none). What does not count is told under
    `scope`.

    A document that 1C has moved away from its target no longer counts there.
    """
    owed = dues or {}
    known = {"payment": payments(run), "shipment": shipments(run)}
    told = facts.payment_facts(documents, found, run.profile.dialect, known["payment"], owed)
    goods = facts.shipment_facts(documents, found, known["shipment"], owed)
    for kind, kinds in _MOVING.items():
        moving = [row for row in documents if row["kind"] in kinds]
        run.journal.note(doubts.doubtful(moving, found, known[kind], owed), scope)
    for kind, fresh in (("payment", told), ("shipment", goods)):
        left = facts.left_behind(documents, found, known[kind])
        record(run, kind, [*left, *fresh], deals, owed)


def known_numbers(run: Run) -> set[str]:
    """Every number we have sent: charges, acts, and whatever documents else are in the publications."""
    dialect = queue.dialect_of(run)
    directories = [path for path in (dialect.party_path, dialect.catalogue_path) if path]
    charges = run.state.charges.numbers()
    acts = set(run.state.accruals.states())
    linked = {link["foreign_id"] for link in run.state.links.all("document", "linked")}
    return charges | acts | run.state.publications.documents(besides=directories) | linked


def overdrawn(run: Run, targets: Iterable[str], scope: str) -> None:
    """Documents of ours for which more was given back than received: shown to a person, whatever the portal
    shows.
    """
    told = payments(run)
    paying = by_target(told)
    got: dict[str, Decimal | None] = {}
    for target in targets:
        known = settle(paying.get(target, ()), None)
        got[target] = known.amount
    run.journal.note(doubts.overdrawn(got, "документ"), scope)


def record(
    run: Run,
    kind: str,
    found: Iterable[Payment],
    deals: Mapping[str, str] | None = None,
    dues: Dues | None = None,
) -> None:
    """Facts into the state; what is new or changed goes into the journal of the deal: that of a charge, or by
    `deals`.
    """
    changes = run.state.facts.record(kind, list(found), run.number)
    # a flag repeats what a document tells, so only documents are counted
    told = [(change["after"] or change["before"])["source"] for change in changes]
    run.journal.counts[f"{kind}s"] += sum(source in ("1c", "bank", "xlsx") for source in told)
    run.journal.tell([_told(kind, change, deals or {}, dues) for change in changes])


def _told(kind: str, change: Record, deals: Mapping[str, str], dues: Dues | None = None) -> dict[str, Any]:
    """A change of facts as the journal tells it: under its deal where one is known, else under its
    document.
    """
    after = change["after"] or change["before"]
    target = after["target"]
    deal = deal_of(target, deals)
    number = f" № {after['number']}" if after["number"] else ""
    return {
        "entity": "deal" if deal else "document",
        "key": deal or target,
        "action": kind,
        "field": after["source"],
        "before": change["before"] and change["before"]["amount"],
        "after": after["amount"],
        "file": after["file"],
        "document": target,
        "rule": "facts: максимум по источникам, не сумма",
        "message": f"{_WORDS[kind]}{number} по документу {target}: {_money(after, dues or {})}",
    }


def deal_of(target: str, deals: Mapping[str, str]) -> str | None:
    """The deal of a target: by `deals`, else that which a number of ours names; a smart invoice's number
    names the invoice.
    """
    key = keys.decode(target)
    named = key.id if key and key.kind != "invoice" else None
    return deals.get(target) or named


def _money(fact: Record, dues: Dues) -> str:
    """The sum of a fact for the journal; 1C may tell a payment without one."""
    if fact["amount"] is None:
        return "без суммы"
    currency = dues.get(fact["target"], Due()).measure.currency
    return money.shown(money.of(fact["amount"], currency))
