"""Documents of 1C -> deals (specifications 001, 002/004, 003): creation, fields, composition, stage, smart
invoice, notification.

Everything is derived from what 1C has told so far (`told`) and compared with the portal, so a run that
was killed or met a portal that was away is simply repeated. What goes the other way is `outgoing`; edits of
one composition from both sides meet there.
"""

from __future__ import annotations

from collections.abc import Mapping

from etl import tables
from etl.bitrix24.fields import COMPANY, CONTACT
from etl.config.profile import Orders
from etl.flows import facts as recording
from etl.flows import stages
from etl.flows.directories import records
from etl.flows.orders import invoices, parties, prices
from etl.flows.orders import rows as orders_rows
from etl.flows.orders import told as telling
from etl.flows.orders.told import Told
from etl.flows.portal import delivery, refusals, writers
from etl.flows.portal.writers import change
from etl.flows.publication import answers
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.load.bitrix24.items import NewItem
from etl.records import Deal, Document
from etl.transform.money.doubts import overdrawn
from etl.transform.orders import composition, doubts, owners
from etl.transform.orders import told as rules
from etl.transform.orders.born import new_deals
from etl.transform.orders.facts import OrderFacts, order_facts
from etl.values import clean

SCOPE = "orders"


def apply_all(run: Run, reading: Reading) -> None:
    """Let everything 1C has told take effect on the portal."""
    settings = run.profile.orders
    assert settings is not None  # noqa: S101 documents-in has looked
    if settings.discounts == "1c":
        prices.remember(run, reading)
    told = adopt(run, reading, settings, telling.read(run, reading))
    waiting = _waiting(run, told) if settings.create_deals else {}
    unknown = owners.without_waiting(told.unknown, told.documents, waiting)
    run.journal.note([row for row in unknown if row["key"] in told.fresh], SCOPE)
    if told.documents:
        recording.record_facts(run, told.documents, told.found, SCOPE, told.owners, told.dues)
        apply(run, settings, told)
        answers.judge_silent(run, told.documents, told.lines)
        _note_doubles(run)
    refusals.looked(run, refusals.ORDERS)
    run.state.runs.close_issues(run.number, [SCOPE])


def apply(run: Run, settings: Orders, told: Told) -> None:
    """Fields, compositions, stages and smart invoices that follow from the documents and their facts."""
    payments, shipments = recording.payments(run), recording.shipments(run)
    known = order_facts(told.owned, payments, shipments, settings.statuses, settings.trust)
    values = rules.told(told.content, known, settings, run.profile.organisations)
    sources = _sources(told)
    _note_doubts(run, settings, told, known)
    composed, standing = orders_rows.led_by_1c(run, settings, told)
    changes = [*composed, *_fields(run, settings, values, told)]
    applied = delivery.apply(run, [row | sources.get(row["key"], {}) for row in changes], refusals.ORDERS)
    orders_rows.remember(run, applied, standing)
    stages.count(run, applied)
    stages.settle(run, known, [], owner=refusals.ORDERS, sources=sources)
    invoices.move(run, settings, told, sources)


# ---- orders born in 1C ----
def adopt(run: Run, reading: Reading, settings: Orders, told: Told) -> Told:
    """Orders that people made in 1C become deals, each once: known by its origin before anything is
    created.
    """
    if not settings.create_deals:
        return told
    waiting = _waiting(run, told)
    if not waiting:
        return told
    known = buyers(run, {row["party"] for row in waiting.values() if row["party"]})
    gone = _gone(run, known)
    found, issues = new_deals(
        waiting.values(),
        told.roles,
        {origin: party for origin, party in known.items() if party not in gone},
        settings,
        run.profile.organisations,
        originator=run.profile.bitrix24.originator,
        gone={origin: party for origin, party in known.items() if party in gone},
    )
    run.journal.note(issues, SCOPE)
    bodies = told.bodies
    changes = [_creation(run, deal, waiting[deal["id"]], rows=deal["id"] in bodies) for deal in found]
    applied = delivery.apply(run, changes, refusals.ORDERS)
    for row in applied:
        if row["outcome"] == "done":
            _accept(run, row, waiting[row["key"]])
    return telling.read(run, reading) if applied else told


def _waiting(run: Run, told: Told) -> dict[str, Document]:
    """Orders that people made in 1C and that may get a deal, by id."""
    born = [row for row in told.documents if told.roles[row["id"]].role == "born"]
    return {row["id"]: row for row in born if _creatable(run, row["id"])}


def _creatable(run: Run, origin: str) -> bool:
    """False for an order whose deal was made before: a deal that is gone was removed by a person and stays
    away.
    """
    known = run.state.outbox.find(writers.creation_key("deal", origin))
    return known is None or known["state"] != "done"


def buyers(run: Run, origins: set[str]) -> dict[str, str]:
    """Counterparty of 1C -> party of the portal: by the pairs of the flow `parties`, else by the origin the
    card carries.
    """
    found: dict[str, str] = {}
    for entity, kind in (("company", COMPANY), ("contact", CONTACT)):
        for origin, number in records.portal_ids(run, entity, origins).items():
            found.setdefault(origin, f"{entity}_{number}")
        missing = sorted(origins - found.keys())
        cards = run.portal.by_origin(kind, missing) if missing else {}
        for origin, numbers in cards.items():
            if len(numbers) == 1:
                found[origin] = f"{entity}_{numbers[0]}"
    if run.options.dry and "parties" in run.profile.flows:
        _foresee(run, found, origins)
    return found


def _gone(run: Run, known: Mapping[str, str]) -> set[str]:
    """Parties of the portal that a pair names and a person has deleted since: a deal with a dead buyer would
    be taken by the portal without a word.
    """
    if run.options.dry:
        known = {origin: party for origin, party in known.items() if party.rpartition("_")[2].isdigit()}
    gone: set[str] = set()
    for entity, kind in (("company", COMPANY), ("contact", CONTACT)):
        parties = {party for party in known.values() if party.startswith(f"{entity}_")}
        living = run.portal.living(kind, [party.partition("_")[2] for party in parties])
        gone |= {party for party in parties if party.partition("_")[2] not in living}
    return gone


def _foresee(run: Run, found: dict[str, str], origins: set[str]) -> None:
    """In a plan: the run itself creates the card before it comes here, unless a person is asked which one it
    is.
    """
    asked = {row["key"].partition(":")[2] for row in run.state.questions.open()}
    for origin in origins - asked:
        found.setdefault(origin, f"company_{origin}")


def _creation(run: Run, deal: Deal, row: Document, *, rows: bool) -> Record:
    """The change that makes a deal of an order; its sum follows its rows where there are any."""
    manager = run.portal.names.user_id(deal["manager"] or "")
    values = {
        "title": deal["title"],
        "currencyId": deal["currency"],
        "assignedById": manager,
        "opportunity": None if rows else deal["amount"],
    }
    given = {name: value for name, value in values.items() if value is not None}
    item = NewItem(writers.creation_key("deal", deal["id"]), deal["id"], given, deal["stage"], deal["party"])
    return change(
        "deal",
        deal["id"],
        "create",
        deal["stage"],
        "orders.create_deals: заказ создан в 1С",
        field="stage",
        item=item,
        deal={**deal, "manager": manager},
        file=row["file"],
        document=_number(row),
    )


def _accept(run: Run, row: Record, document: Document) -> None:
    """The new deal is linked with its order and counts from now on."""
    run.state.links.put(
        [
            {
                "entity": "document",
                "foreign_id": row["key"],
                "portal_id": row["id"],
                "number": document["number"],
            }
        ]
    )
    run.portal.add(
        row["deal"]
        | {
            "id": row["id"],
            "amount": None,
            "fields": {},
            "organisation": None,
            "closed": False,
            "category": run.profile.deals.pipeline,
            "file": None,
            "place": None,
        }
    )


def _number(row: Document) -> str | None:
    """The number that people find the document by in 1C."""
    return clean.text(row["number_1c"]) or row["number"]


# ---- fields ----
def _fields(run: Run, settings: Orders, values: rules.Told, told: Told) -> list[Record]:
    """Fields that show what 1C says, the sum of deals without rows, our organisation of deals that 1C
    leads.
    """
    deals = _told_of(run, values)
    bare = _bare_numbers(run, settings)
    run.journal.note(rules.unfit(values, settings.fields, bare), SCOPE)
    fields = rules.field_changes(values, deals, settings.fields, bare)
    amounts = rules.amount_changes(values, deals, _with_rows(run, told) if settings.rows else set())
    changes: list[Record] = [dict(row) for row in (*fields, *amounts)]
    led = orders_rows.led(run, told)
    names = {deal: values[deal].get("organisation") for deal in led if deal in values}
    for deal in deals if any(names.values()) else ():
        why = "из 1С: организация заказа"
        changes += parties.change_of(run, deal, names.get(deal["id"]), why, SCOPE)
    return changes


def _bare_numbers(run: Run, settings: Orders) -> set[str]:
    """Fields of the portal that hold a number without a currency."""
    known = {text: run.portal.names.field(text).type for text in settings.fields.values()}
    return {text for text, kind in known.items() if kind in ("double", "integer")}


def _told_of(run: Run, values: rules.Told) -> list[Deal]:
    """The deals that 1C tells something of."""
    deals = run.portal.deals
    return tables.records(deals[deals["id"].isin(values.keys())], Deal)


def _with_rows(run: Run, told: Told) -> set[str]:
    """Deals whose sum follows their rows: those of an order or invoice with lines, and in a two-way profile
    those of an emptied one, whose deal may keep its own.
    """
    found: set[str] = set()
    kept = orders_rows.two_way(run)
    for row in told.content:
        emptied = kept and composition.is_worth_nothing(row)
        if row["kind"] in ("order", "invoice") and (row["id"] in told.bodies or emptied):
            found.add(row["deal"] or "")
    return found


def _sources(told: Told) -> dict[str, Record]:
    """deal -> file and number of the document that was read last: what `obmen24 why` names."""
    rows = sorted(told.owned, key=lambda row: (row["id"] in told.fresh, told.made[row["id"]]))
    return {row["deal"] or "": {"file": row["file"], "document": _number(row)} for row in rows}


# ---- what a person must look at ----
def _note_doubles(run: Run) -> None:
    """Deals, companies and contacts that carry one id of 1C: a person says which of them it is, everything
    else goes on. Those about which a question is open are told by it.
    """
    from etl.extract.bitrix24.doubles import doubles

    asked = {row["key"].partition(":")[2] for row in run.state.questions.open()}
    originator = run.profile.bitrix24.originator
    found = doubles(run.portal.client, originator)
    untold = [row for row in tables.records(found) if row["key"] not in asked]
    run.journal.note(untold, SCOPE)


def _note_doubts(run: Run, settings: Orders, told: Told, known: Mapping[str, OrderFacts]) -> None:
    run.journal.note(overdrawn({deal: one["paid_amount"] for deal, one in known.items()}, "сделку"), SCOPE)
    run.journal.note(doubts.in_another_currency(told.content, told.currencies), SCOPE)
    fresh = [row for row in told.owned if row["id"] in told.fresh]
    if fresh:
        run.journal.note(doubts.unmapped(fresh, settings, run.profile.organisations), SCOPE)
        run.journal.note(doubts.doubtful(fresh, known, settings), SCOPE)
