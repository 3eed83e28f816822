"""What documents for 1C are made of in one run, and the ids that 1C knows their buyers by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from etl.config.profile import Orders
from etl.flows.directories import records
from etl.flows.run import Run
from etl.records import Deal, Document, Line

_CARDS = ("company", "contact")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Deals and smart invoices in the exchange, product rows of both, and the `numbers` that must go now."""

    settings: Orders
    deals: Sequence[Deal]
    invoices: Sequence[Document]
    deal_rows: Sequence[Line]
    invoice_rows: Sequence[Line]
    numbers: frozenset[str]


def origins(run: Run, parties: Iterable[str | None]) -> dict[str, str]:
    """Party of the portal (company_7) -> its id in 1C, or the one it is sent under; another legal person of
    a card (requisite_9) has an id of its own.
    """
    known = list(parties)
    found = {party: records.onec_id(run, party) for party in known if party and _is_requisite(party)}
    for entity, numbers in by_entity(known).items():
        for number, origin in records.onec_ids(run, entity, numbers).items():
            found[f"{entity}_{number}"] = origin
    return found


def _is_requisite(party: str) -> bool:
    """Whether a party is one of several legal persons of a card."""
    return party.startswith("requisite_")


def by_entity(parties: Iterable[str | None]) -> dict[str, list[str]]:
    """Company or contact -> numbers of the parties of that kind."""
    found: dict[str, list[str]] = {entity: [] for entity in _CARDS}
    for party in parties:
        entity, _, number = (party or "").partition("_")
        if entity in found:
            found[entity].append(number)
    return found
