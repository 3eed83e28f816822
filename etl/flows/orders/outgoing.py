"""Flow `orders-out`: deals and smart invoices -> orders and invoices for 1C (specifications 001, 003).

A deal in a sending stage makes an order once; later edits follow while the deal stands in a stage the profile
names, so a stage it does not name («поступил заказ») never reaches 1C. What is sent, and that it is sent, is
committed together; the file follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from etl import tables
from etl.config.profile import Orders
from etl.flows import stages
from etl.flows.agreement import Memory
from etl.flows.directories import records
from etl.flows.orders import (
    edits,
    incoming,
    prices,
)
from etl.flows.orders import (
    invoices as orders_invoices,
)
from etl.flows.orders import (
    rows as orders_rows,
)
from etl.flows.orders import (
    told as orders_told,
)
from etl.flows.orders.edits import INVOICE, MANAGER, ORGANISATION, Compared, Sides
from etl.flows.orders.rows import ENTITY, ROWS
from etl.flows.orders.told import Told
from etl.flows.portal import delivery
from etl.flows.publication import queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.transform import documents
from etl.transform.money import facts
from etl.transform.orders import deals as rules
from etl.values import clean, keys

SCOPE = "orders-out"
#: entity of store.fields: buyer without ИНН -> the name he was first sent with
PARTY = "sent-party"
Key = tuple[str, str]


def flow(run: Run, reading: Reading) -> None:
    """Send what is new and what was edited; take what 1C edited."""
    settings = run.profile.orders
    if settings is None or queue.dialect_of(run).order_path is None:
        return
    told = orders_told.read(run, reading)
    deals = in_exchange(run, settings, told)
    choice = _invoices(run, settings, told, deals)
    deals = [deal for deal in deals if deal["id"] not in choice.held]
    if deals:
        _exchange(run, settings, told, deals, tables.records(choice.invoices))
    run.state.runs.close_issues(run.number, [SCOPE, orders_invoices.SCOPE])


def in_exchange(run: Run, settings: Orders, told: Told) -> list[Record]:
    """Open deals that 1C may hear of: in a sending stage, sent before, or born there; with `origin` of
    foreign systems blanked.

    A deal that only a plan has made has no number yet.
    """
    named = {
        *settings.send_stages,
        *settings.invoice_stages,
        *(rule.to for rule in run.profile.rules),
        *(stage for rule in run.profile.rules for stage in rule.from_),
    }
    starting, theirs = {*settings.send_stages, *settings.invoice_stages}, told.born
    told_before = {row["deal"] for row in told.sent.values()} | told.orders.keys()
    ours = run.profile.bitrix24.originator
    return [
        deal | {"origin": deal["origin"] if deal["originator"] == ours or deal["id"] in theirs else None}
        for deal in tables.records(run.portal.deals)
        if deal["stage"] in named
        and not deal["closed"]
        and deal["id"].isdigit()
        and (deal["stage"] in starting or deal["id"] in told_before)
    ]


def _invoices(run: Run, settings: Orders, told: Told, deals: Sequence[Record]) -> rules.Choice:
    if "invoice" not in queue.dialect_of(run).kinds or not settings.invoice_stages or not deals:
        return rules.Choice(tables.frame("documents"), frozenset(), (), tables.frame("issues"))
    return orders_invoices.choose(run, settings, told, deals)


# ---- one exchange ----
def _exchange(
    run: Run, settings: Orders, told: Told, deals: Sequence[Record], invoices: Sequence[Record]
) -> None:
    rows, invoice_rows = (
        orders_rows.read(run, [row["id"] for row in owners] if settings.rows else [], code)
        for owners, code in ((deals, "D"), (invoices, "SI"))
    )
    sides = Sides(run, settings, told, deals, invoices, rows, invoice_rows)
    new = _new(settings, deals, invoices, told)
    compared = edits.compare(sides, sides.portal.keys() - new - _unfilled(run, told, deals))
    due = _accepted(run, told, compared)
    for key in new:
        edits.first_sending(sides, compared.memory, key)
    numbers = {_number(key, told): key for key in (*due, *new)}
    made = (
        _documents(run, settings, told, deals, invoices, (rows, invoice_rows), set(numbers))
        if numbers
        else {}
    )
    with run.state.transaction():
        published = _enqueue(run, made)
        edits.undo(run, compared.memory, {key for number, key in numbers.items() if number not in published})
        compared.memory.commit()
        orders_told.freeze(run, _published(made, published), told.sent)
        _introduce(
            run,
            [deal for deal in deals if deal["id"] in {row["deal"] for row in _published(made, published)}],
        )
    _journal(run, _published(made, published), {number: due.get(key, {}) for number, key in numbers.items()})
    _take(run, told, compared)


def _new(settings: Orders, deals: Sequence[Record], invoices: Sequence[Record], told: Told) -> set[Key]:
    """What goes for the first time: orders of deals in a sending stage, invoices whose deal calls for them.
    What 1C shows is not new."""
    found = {
        (ENTITY, deal["id"])
        for deal in deals
        if deal["stage"] in settings.send_stages
        and not deal["origin"]
        and keys.order(deal["id"]) not in told.dates
    }
    return found | {
        (INVOICE, row["id"])
        for row in invoices
        if row["status"] in settings.invoice_stages and keys.invoice(row["id"]) not in told.dates
    }


def _unfilled(run: Run, told: Told, deals: Sequence[Record]) -> set[Key]:
    """Records with nothing to compare: deals that only have an invoice in 1C, deals born there whose rows do
    not stand yet."""
    born, filled = told.born, Memory(run.state, [ENTITY])
    return {
        (ENTITY, deal["id"])
        for deal in deals
        if (deal["id"] in born and not filled.of((ENTITY, deal["id"])))
        or (deal["id"] not in born and keys.order(deal["id"]) not in told.dates)
    }


def _accepted(run: Run, told: Told, compared: Compared) -> dict[Key, dict[str, str]]:
    """Edits that 1C will take; the others are shown as «1С не примет правку» and are not remembered as
    sent."""
    rows = [
        {
            "side": "1c",
            "entity": entity,
            "key": key,
            "field": field,
            "after": _plain(compared.memory.get((entity, key), field).tail),
        }
        for (entity, key), fields in compared.due.items()
        for field in fields
    ]
    born = {deal: row["id"] for deal, row in told.born.items()}
    kept, issues = rules.accepted_edits(
        tables.frame("changes", rows),
        born,
        extended=run.profile.onec.extended,
        referred=_referred(run, told),
    )
    run.journal.note(issues, SCOPE)
    accepted = {(row["entity"], row["key"]) for row in tables.records(kept)}
    edits.undo(run, compared.memory, compared.due.keys() - accepted)
    return {key: fields for key, fields in compared.due.items() if key in accepted}


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return f"позиций {len(value)} на {sum(row[2] for row in value):.2f}"
    return "пусто" if value is None else str(value)


def _referred(run: Run, told: Told) -> set[str]:
    """Deals whose order payments or shipments lean on."""
    targets = facts.referred(run.state.facts.rows("payment"), run.state.facts.rows("shipment"))
    return {told.owners[target] for target in targets if target in told.owners}


def _number(key: Key, told: Told) -> str:
    """The number both sides match on."""
    entity, identifier = key
    if entity == INVOICE:
        return keys.invoice(identifier)
    born = told.born.get(identifier)
    return str(born["number"]) if born else keys.order(identifier)


# ---- documents ----
def _documents(
    run: Run,
    settings: Orders,
    told: Told,
    deals: Sequence[Record],
    invoices: Sequence[Record],
    rows: tuple[pd.DataFrame, pd.DataFrame],
    numbers: set[str],
) -> documents.Tables:
    """The documents with these numbers, their lines and buyers."""
    wanted = {_deal_of(number, invoices, told): number for number in numbers}
    chosen = [deal for deal in deals if deal["id"] in wanted]
    born = {deal: documents.Born(row["id"], row["number"], row["date"]) for deal, row in told.born.items()}
    lines, issues = prices.lines(run, settings, told, chosen, invoices, rows)
    run.journal.note(issues, SCOPE)
    sources = documents.Sources(
        tables.frame("deals", [_with_email(run, deal) for deal in chosen]),
        lines,
        run.portal.directory["parties"],
        run.portal.directory["contacts"],
        tables.frame("documents", invoices),
    )
    made = documents.deal_documents(
        sources,
        portal=run.profile.bitrix24.name,
        settings=settings,
        organisations=run.profile.organisations,
        today=run.clock.today,
        dates=told.dates,
        born=born,
        extended=run.profile.onec.extended,
    )
    run.journal.note(made.pop("issues"), SCOPE)
    stopped = {row["key"] for row in tables.records(issues)}
    return _named(run, _addressed(run, told, dict(made), numbers - stopped))


def _deal_of(number: str, invoices: Sequence[Record], told: Told) -> str:
    key = keys.decode(number)
    if key and key.kind == "invoice":
        return str(next(row["deal"] for row in invoices if row["id"] == key.id))
    return key.id if key else next(deal for deal, row in told.born.items() if row["number"] == number)


def _with_email(run: Run, deal: Record) -> Record:
    """A deal whose manager stands as an e-mail, as the table of managers names them."""
    mails = {user: mail for mail, user in run.portal.names.emails.items()}
    return deal | {"manager": mails.get(deal["manager"])}


def _addressed(run: Run, told: Told, made: documents.Tables, numbers: set[str]) -> documents.Tables:
    """Only the wanted documents, buyers under their id in 1C; an order born there keeps its own buyer,
    comment and posting."""
    born = {row["id"]: row for row in told.born.values()}
    rows = [row for row in tables.records(made["documents"]) if row["number"] in numbers]
    kept = {row["id"] for row in rows}
    names = _onec_ids(run, {row["party"] for row in rows})
    heads = [
        _as_born(row, born[row["id"]]) if row["id"] in born else row | {"party": names[row["party"]]}
        for row in rows
    ]
    parties = [
        told.buyers.get(row["document"], row) | {"document": row["document"], "role": "Покупатель"}
        if row["document"] in born
        else row | {"id": names[row["id"]]}
        for row in tables.records(made["parties"])
        if row["document"] in kept
    ]
    return {
        "documents": tables.frame("documents", heads),
        "parties": tables.frame("parties", parties),
        "lines": tables.frame(
            "lines", [row for row in tables.records(made["lines"]) if row["document"] in kept]
        ),
    }


def _named(run: Run, made: documents.Tables) -> documents.Tables:
    """Stock 1C knows a buyer without ИНН by name only: he goes under the name he was first sent with, and a
    name that is another buyer's stops his documents. The extended contract knows buyers by Ид."""
    if run.profile.onec.extended:
        return made
    names = {row["key"]: row["base"] for row in tables.records(run.state.fields.read(PARTY))}
    owners = {clean.fold(name): party for party, name in names.items()}
    parties = [
        row if row["inn"] else row | {"name": names.get(row["id"], row["name"])}
        for row in tables.records(made["parties"])
    ]
    taken = [
        row
        for row in parties
        if not row["inn"] and owners.get(clean.fold(row["name"]), row["id"]) != row["id"]
    ]
    run.journal.note(
        [
            tables.issue(
                f"Контрагент без ИНН называется «{row['name']}», а в 1С под этим именем уже отправлен другой: документ не отправлен. "
                "Укажите ИНН или уточните название.",
                entity="parties",
                key=row["id"],
                field="name",
            )
            for row in taken
        ],
        SCOPE,
    )
    stopped = {row["document"] for row in taken}
    run.state.fields.write(
        [
            {"entity": PARTY, "key": row["id"], "field": "name", "known": True, "base": row["name"]}
            for row in parties
            if not row["inn"] and row["document"] not in stopped
        ]
    )
    return {
        "documents": tables.frame(
            "documents", [row for row in tables.records(made["documents"]) if row["id"] not in stopped]
        ),
        "parties": tables.frame("parties", [row for row in parties if row["document"] not in stopped]),
        "lines": tables.frame(
            "lines", [row for row in tables.records(made["lines"]) if row["document"] not in stopped]
        ),
    }


def _as_born(row: Record, told: Record) -> Record:
    own = {name: told[name] for name in ("party", "comment", "posted")}
    return row | own | {"requisites": (told["requisites"] or {}) | (row["requisites"] or {})}


def _onec_ids(run: Run, parties: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entity in ("company", "contact"):
        numbers = [party.partition("_")[2] for party in parties if party.startswith(f"{entity}_")]
        found |= {
            f"{entity}_{number}": origin for number, origin in records.onec_ids(run, entity, numbers).items()
        }
    return found


def _introduce(run: Run, deals: Sequence[Record]) -> None:
    """Buyers that 1C learns of from an order: the id they were sent under is theirs until 1C shows another
    one."""
    for party in {deal["party"] for deal in deals if deal["party"]}:
        entity, _, number = party.partition("_")
        if not any(row["portal_id"] == number for row in run.state.links.all(entity, "linked", "proposed")):
            origin = records.onec_id(run, party)
            run.state.links.put(
                [{"entity": entity, "foreign_id": origin, "portal_id": number, "state": "proposed"}]
            )


def _enqueue(run: Run, made: documents.Tables) -> set[str]:
    """Note every document by itself: an order and the invoice it is based on live lives of their own. Returns
    the accepted numbers."""
    accepted: set[str] = set()
    for kind in ("order", "invoice") if made else ():
        heads = [row for row in tables.records(made["documents"]) if row["kind"] == kind]
        ids = {row["id"] for row in heads}
        parts = {
            name: tables.frame(name, [row for row in tables.records(made[name]) if row["document"] in ids])
            for name in ("lines", "parties")
        }
        accepted |= queue.enqueue(run, {"documents": tables.frame("documents", heads), **parts}).keys()
    return accepted


def _published(made: documents.Tables, numbers: set[str]) -> list[Record]:
    return [row for row in tables.records(made["documents"]) if row["number"] in numbers] if made else []


_KIND = {"order": "Заказ", "invoice": "Счёт"}
_RULE = {
    "order": "orders.send_stages: сделка на стадии заказа",
    "invoice": "orders.invoice_stages: сделка на стадии счёта",
}


def _journal(run: Run, rows: Sequence[Record], edited: Mapping[str, Mapping[str, str]]) -> None:
    path = queue.dialect_of(run).order_path
    run.journal.tell(
        [
            {
                "entity": "deal",
                "key": row["deal"],
                "action": "to-1c",
                "field": ", ".join(edited[row["number"]]) or None,
                "after": row["amount"],
                "file": path,
                "document": row["number"],
                "rule": ", ".join(dict.fromkeys(edited[row["number"]].values())) or _RULE[row["kind"]],
                "message": f"{_KIND[row['kind']]} {row['number']} для 1С: {row['amount']} руб.",
            }
            for row in rows
        ]
    )


# ---- edits of 1C ----
def _take(run: Run, told: Told, compared: Compared) -> None:
    """Edits made in 1C into the deals; what the portal has confirmed is agreed."""
    deals = {deal["id"]: deal for deal in tables.records(run.portal.deals)}
    rows, others = [], []
    for change in compared.changes:
        order = told.orders[change["key"]]
        change |= {"file": order["file"], "document": order["number_1c"] or order["number"]}
        if change["field"] == ROWS:
            rows.append(change | {"action": "rows"})
        elif change["field"] == MANAGER:
            others.append(change | {"field": "assignedById"})
        elif change["field"] == ORGANISATION:
            others += [
                row | change | {"action": "link"}
                for row in incoming.organisation_change(
                    run, deals[change["key"]], change["after"], change["reason"]
                )
            ]
    applied = delivery.apply(run, [*_composed(run, told, rows), *others])
    stages.count(run, applied)
    _settle(compared.memory, applied)


def _composed(run: Run, told: Told, rows: Sequence[Record]) -> list[Record]:
    """Changes of compositions with the rows the portal is to hold."""
    named = {change["key"]: told.orders[change["key"]] for change in rows}
    content = orders_rows.sound(
        run, told, tables.frame("documents", [row | {"deal": deal} for deal, row in named.items()])
    )
    heads, lines = rules.deal_lines(content, told.lines)
    good = set(heads["id"])
    return orders_rows.written(run, [change for change in rows if change["key"] in good], heads, lines)


_FIELD = {"rows": ROWS, "update": MANAGER, "link": ORGANISATION}


def _settle(memory: Memory, applied: Sequence[Record]) -> None:
    for row in applied:
        if row["outcome"] == "done":
            memory.settle((ENTITY, row["key"]), _FIELD[row["action"]], keep=True)
    memory.commit()
