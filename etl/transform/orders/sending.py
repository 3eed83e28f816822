"""Which deals and invoices go to 1C, what 1C will not take, and under which name a buyer goes (specifications
001, 003).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from etl.config.profile import Orders, Rule
from etl.records import Change, Deal, Document, Party
from etl.tables import Record, issue
from etl.values import clean, keys, money

#: (entity, id): a deal or a smart invoice
Key = tuple[str, str]
DEAL, INVOICE = "deal", "invoice"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Stages of deals: `named` = 1C may hear of deals there at all, `starting` = a deal there begins its
    exchange.
    """

    named: frozenset[str]
    starting: frozenset[str]


def exchange(settings: Orders, rules: Iterable[Rule]) -> Exchange:
    """The stages that the profile names in [orders] and in its rules. A stage that nothing names («поступил
    заказ», specification 003) never reaches 1C.
    """
    starting = frozenset([*settings.send_stages, *settings.invoice_stages])
    moved: set[str] = set()
    for rule in rules:
        moved |= {rule.to, *rule.from_}
    return Exchange(starting | moved, starting)


def in_exchange(
    deals: Iterable[Deal],
    stages: Exchange,
    *,
    told_before: Collection[str],
    born: Collection[str],
    originator: str,
) -> list[Deal]:
    """Open deals that 1C may hear of: in a sending stage, sent before, or born there; with `origin` of
    foreign systems blanked.

    `told_before` = deals 1C knows an order or invoice of, `born` = those whose order was made in 1C. A deal
    that only a plan has made has no number yet.
    """
    return [
        _with_our_origin(deal, born, originator)
        for deal in deals
        if _is_open(deal, stages) and (deal["stage"] in stages.starting or deal["id"] in told_before)
    ]


def _is_open(deal: Deal, stages: Exchange) -> bool:
    return deal["stage"] in stages.named and not deal["closed"] and deal["id"].isdigit()


def _with_our_origin(deal: Deal, born: Collection[str], originator: str) -> Deal:
    """The origin of another system says nothing about 1C."""
    if deal["originator"] == originator or deal["id"] in born:
        return deal
    return {**deal, "origin": None}


def first_sent(
    deals: Iterable[Deal], invoices: Iterable[Document], settings: Orders, known: Collection[str]
) -> set[Key]:
    """What goes for the first time: orders of deals in a sending stage («при перемещении сделки в эту стадию
    в 1с создается заказ», 003), invoices whose deal calls for them. `known` = numbers that 1C has: what it
    shows is not new.
    """
    orders = {
        (DEAL, deal["id"])
        for deal in deals
        if deal["stage"] in settings.send_stages
        and not deal["origin"]
        and keys.order(deal["id"]) not in known
    }
    bills = {
        (INVOICE, row["id"])
        for row in invoices
        if row["status"] in settings.invoice_stages and keys.invoice(row["id"]) not in known
    }
    return orders | bills


def unfilled(
    deals: Iterable[Deal], born: Collection[str], filled: Collection[str], known: Collection[str]
) -> set[Key]:
    """Deals with nothing to compare: those that only have an invoice in 1C, those born there whose rows do
    not stand in the deal yet (`filled` = deals of which something is agreed).
    """
    ids = [deal["id"] for deal in deals]
    return {(DEAL, deal) for deal in ids if _is_unfilled(deal, born, filled, known)}


def _is_unfilled(deal: str, born: Collection[str], filled: Collection[str], known: Collection[str]) -> bool:
    if deal in born:
        return deal not in filled
    return keys.order(deal) not in known


# ---- what 1C will not take ----
def accepted_edits(
    changes: Iterable[Change], born: Collection[str], *, extended: bool, referred: Collection[str] = ()
) -> tuple[list[Change], list[Record]]:
    """Changes towards 1C that it will take, and issues «1С не примет правку» for the rest.

    `born` = deals whose order was made in 1C: such an order is found by Ид under the extended contract only.
    `referred` = deals whose order other documents already lean on: stock 1C passes them over in silence
    (commerceml §0, fact 9).
    """
    kept: list[Change] = []
    issues: list[Record] = []
    for change in changes:
        stock = change["side"] == "1c" and change["entity"] == DEAL and not extended
        why = _refusal(change["key"] or "", born, referred) if stock else None
        if why is None:
            kept.append(change)
        else:
            issues.append(_not_accepted(change, why))
    return kept, issues


def _refusal(deal: str, born: Collection[str], referred: Collection[str]) -> str | None:
    """Why 1C will not take an edit of this deal; None where it will."""
    if deal in born:
        return "заказ создан в 1С, а типовой обмен обновляет только заказы, пришедшие с портала"
    return "в 1С по заказу уже есть другие документы" if deal in referred else None


def _not_accepted(change: Change, why: str) -> Record:
    return issue(
        f"1С не примет правку сделки {change['key']} («{change['field']}»): {why}. Внесите её в 1С вручную.",
        severity="warn",
        entity="deal",
        key=change["key"],
        field=change["field"],
        value=change["after"],
    )


# ---- the name of a buyer ----
@dataclass(frozen=True, slots=True)
class Named:
    """Buyers under the names they go with; `stopped` = documents that cannot go, each with its issue."""

    parties: Sequence[Party]
    stopped: frozenset[str]
    issues: Sequence[Record]

    def first_names(self) -> Iterator[tuple[str, str | None]]:
        """Buyer without ИНН -> the name he goes under, of those who go."""
        for row in self.parties:
            if not row["inn"]:
                yield row["id"], row["name"]


def named(parties: Iterable[Party], names: Mapping[str, str | None]) -> Named:
    """Stock 1C knows a buyer without ИНН by name only (commerceml §0): he goes under the name he was first
    sent with, and a name that is another buyer's stops his documents.

    `names` = buyer without ИНН -> the name he was first sent with.
    """
    owners = {clean.fold(name): party for party, name in names.items()}
    kept: list[Party] = []
    taken: list[Party] = []
    for row in parties:
        if row["inn"]:
            kept.append(row)
            continue
        known: Party = {**row, "name": names.get(row["id"], row["name"])}
        owner = owners.get(clean.fold(known["name"]), known["id"])
        (kept if owner == known["id"] else taken).append(known)
    stopped = frozenset(row["document"] or "" for row in taken)
    going = [row for row in kept if row["document"] not in stopped]
    return Named(going, stopped, [_taken_name(row) for row in taken])


def _taken_name(row: Party) -> Record:
    return issue(
        f"Контрагент без ИНН называется «{row['name']}», а в 1С под этим именем уже отправлен другой: "
        "документ не отправлен. Укажите ИНН или уточните название.",
        entity="parties",
        key=row["id"],
        field="name",
    )


# ---- what 1C holds ----
_INN = "Организация ИНН"


def under_theirs(row: Document, shown: Document) -> Document:
    """A document of a deal whose order stands in 1C under an organisation that the profile does not know: it
    stays there (DESIGN §4: «a value that we only defaulted never overwrites one that 1C holds»).
    """
    held = shown["requisites"] or {}
    own = {name: value for name, value in (row["requisites"] or {}).items() if name != _INN}
    theirs = {_INN: held[_INN]} if _INN in held else {}
    return {**row, "organisation": shown["organisation"], "requisites": own | theirs}


def as_born(row: Document, told: Document) -> Document:
    """The order of a deal born in 1C goes back with its own buyer, rate, comment and posting (DESIGN §4,
    «Complete before compare»: what we only defaulted never overwrites what 1C holds).
    """
    requisites = (told["requisites"] or {}) | (row["requisites"] or {})
    own = money.measure(told["currency"], told["rate"])
    return {
        **row,
        "rate": own.rate if own.rate and own.currency == row["currency"] else row["rate"],
        "party": told["party"],
        "comment": told["comment"],
        "posted": told["posted"],
        "requisites": requisites,
    }
