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
from etl.transform.money import facts
from etl.values import keys

_WORDS = {"payment": "Оплата", "shipment": "Отгрузка"}


def payments(run: Run) -> list[Payment]:
    """Every fact of payment, of all sources."""
    return run.state.facts.listed("payment")


def shipments(run: Run) -> list[Payment]:
    """Every fact of shipment, in the layout of payments."""
    return run.state.facts.listed("shipment")


def record_facts(
    run: Run, documents: Sequence[Document], found: Mapping[str, str], deals: Mapping[str, str] | None = None
) -> None:
    """Payments and shipments told by documents into the state. `found` = document -> target, `deals` = target
    -> deal.

    A document that 1C has moved away from its target no longer counts there.
    """
    paid, shipped = payments(run), shipments(run)
    money = facts.payment_facts(documents, found, run.profile.dialect, paid)
    goods = facts.shipment_facts(documents, found, shipped)
    record(run, "payment", [*facts.left_behind(documents, found, paid), *money], deals)
    record(run, "shipment", [*facts.left_behind(documents, found, shipped), *goods], deals)


def known_numbers(run: Run) -> set[str]:
    """Every number we have sent: charges, acts, and whatever documents else are in the publications."""
    dialect = queue.dialect_of(run)
    directories = [path for path in (dialect.party_path, dialect.catalogue_path) if path]
    charges = run.state.charges.numbers()
    acts = set(run.state.accruals.states())
    linked = {link["foreign_id"] for link in run.state.links.all("document", "linked")}
    return charges | acts | run.state.publications.documents(besides=directories) | linked


def record(run: Run, kind: str, found: Iterable[Payment], deals: Mapping[str, str] | None = None) -> None:
    """Facts into the state; what is new or changed goes into the journal of the deal: that of a charge, or by
    `deals`.
    """
    changes = run.state.facts.record(kind, list(found), run.number)
    # a flag repeats what a document tells, so only documents are counted
    told = [(change["after"] or change["before"])["source"] for change in changes]
    run.journal.counts[f"{kind}s"] += sum(source in ("1c", "bank", "xlsx") for source in told)
    run.journal.tell([_told(kind, change, deals or {}) for change in changes])


def _told(kind: str, change: Record, deals: Mapping[str, str]) -> dict[str, Any]:
    """A change of facts as the journal tells it: under its deal where one is known, else under its
    document.
    """
    after = change["after"] or change["before"]
    target = after["target"]
    deal = deals.get(target) or _deal(target)
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
        "message": f"{_WORDS[kind]}{number} по документу {target}: {_money(after['amount'])}",
    }


def _deal(target: str) -> str | None:
    """The deal that a number of ours names; a smart invoice's number names the invoice."""
    key = keys.decode(target)
    return key.id if key and key.kind != "invoice" else None


def _money(amount: Decimal | None) -> str:
    """A sum of the journal; 1C may tell a payment without one."""
    return "без суммы" if amount is None else f"{amount:.2f} руб."
