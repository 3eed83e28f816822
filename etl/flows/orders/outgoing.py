"""Flow `orders-out`: deals and smart invoices -> orders and invoices for 1C (specifications 001, 003).

A deal in a sending stage makes an order once; later edits follow while the deal stands in a stage the profile
names, so a stage it does not name («поступил заказ») never reaches 1C. What is sent, and that it is sent, is
committed together; the file follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from etl import tables
from etl.config.profile import Orders
from etl.flows import facts as recording
from etl.flows.agreement import Memory
from etl.flows.orders import documents, edits, invoices, parties, prices, rows, sides, taking, units
from etl.flows.orders import told as telling
from etl.flows.orders.sides import Compared
from etl.flows.orders.told import Told
from etl.flows.orders.wanted import Wanted
from etl.flows.portal import refusals
from etl.flows.publication import queue
from etl.flows.reading import Reading
from etl.flows.run import Record, Run
from etl.records import Change, Deal, Document, Line
from etl.transform.money.paid import referred
from etl.transform.orders import composition, sending, totals
from etl.transform.orders.invoices import Choice
from etl.transform.orders.sending import DEAL, INVOICE, Key
from etl.transform.orders.units import Judged
from etl.values import keys, money

SCOPE = "orders-out"
#: deals compared and sent at a time
_PART = 1000
_KIND = {"order": "Заказ", "invoice": "Счёт"}
_RULE = {
    "order": "orders.send_stages: сделка на стадии заказа",
    "invoice": "orders.invoice_stages: сделка на стадии счёта",
}


def flow(run: Run, reading: Reading) -> None:
    """Send what is new and what was edited; take what 1C edited."""
    settings = run.profile.orders
    if settings is None or queue.dialect_of(run).order_path is None:
        return
    told = telling.read(run, reading)
    deals = in_exchange(run, settings, told)
    choice = _invoices(run, settings, told, deals)
    deals = parties.of_deals(run, [deal for deal in deals if deal["id"] not in choice.held])
    asked: set[str] = set()
    changes: list[Record] = []
    judged: dict[str, Judged] = {}
    names = rows.aliases(run, told.lines) if deals else {}
    for part, own in _parts(run, deals, choice.invoices):
        compared = _exchange(run, settings, told, part, own, names)
        changes += compared.changes
        judged |= compared.units
        asked |= compared.asked
    if deals:
        edits.withdraw(run, asked)
        composed = taking.take(run, told, changes)
        units.remember(run, judged, composed & judged.keys())
    refusals.looked(run, refusals.ORDERS_OUT)
    run.state.runs.close_issues(run.number, [SCOPE, invoices.SCOPE])


def _parts(
    run: Run, deals: Sequence[Deal], bills: Sequence[Document]
) -> Iterator[tuple[Sequence[Deal], Sequence[Document]]]:
    """Deals with their smart invoices, so many at a time that the memory of a run does not grow with them.
    Stock 1C knows buyers by name, so there all are looked at together (`documents.deal_documents`).
    """
    size = _PART if run.profile.onec.extended else max(len(deals), 1)
    for start in range(0, len(deals), size):
        part = deals[start : start + size]
        ids = {deal["id"] for deal in part}
        yield part, [row for row in bills if row["deal"] in ids]


def in_exchange(run: Run, settings: Orders, told: Told) -> list[Deal]:
    """Deals that 1C may hear of (`sending.in_exchange`)."""
    sent = {row["deal"] for row in told.sent.values()}
    deals = tables.each(run.portal.deals, Deal)
    return sending.in_exchange(
        deals,
        sending.exchange(settings, run.profile.rules),
        told_before=sent | told.orders.keys(),
        born=told.born,
        originator=run.profile.bitrix24.originator,
    )


def _invoices(run: Run, settings: Orders, told: Told, deals: Sequence[Deal]) -> Choice:
    if "invoice" not in queue.dialect_of(run).kinds or not settings.invoice_stages or not deals:
        return Choice((), frozenset(), (), ())
    return invoices.choose(run, settings, told, deals)


# ---- one exchange ----
def _exchange(
    run: Run,
    settings: Orders,
    told: Told,
    deals: Sequence[Deal],
    bills: Sequence[Document],
    names: Mapping[str, str],
) -> Compared:
    """Compare both sides, hand over what is new and what was edited. What the portal must hold is in the
    result. `names`: see `sides.sides`.
    """
    added = totals.added_up(deals, bills, *_product_rows(run, settings, deals, bills), settings)
    run.journal.note(list(added.issues), SCOPE)
    deals = [deal for deal in deals if deal["id"] not in added.held]
    bills = [row for row in bills if row["deal"] not in added.held]
    deal_rows, bill_rows = added.deals, added.invoices
    priced = prices.as_sent(run, told, Wanted(settings, deals, bills, deal_rows, bill_rows, frozenset()))
    both = sides.sides(run, settings, told, deals, bills, priced, names)
    new = sending.first_sent(deals, bills, settings, told.dates.keys())
    known = both.portal.keys() - new - _unfilled(run, told, deals)
    compared = edits.compare(both, known)
    compared.changes += edits.repriced(both, compared, deal_rows)
    judged = units.compare(both, compared, deal_rows, {key for entity, key in known if entity == DEAL})
    edits.defer(both, compared)
    due = _accepted(run, told, compared)
    edits.first_sending(both, compared.memory, new)
    going = {_number(key, told): key for key in (*due, *new)}
    made = documents.Made((), (), ())
    if going:
        rows_for_1c = units.as_1c_knows(both, deal_rows, judged)
        wanted = Wanted(settings, deals, bills, rows_for_1c, bill_rows, frozenset(going))
        made = documents.make(run, told, wanted)
    published = _commit(run, told, compared.memory, going, made, deals)
    _settle_units(run, compared, judged, published)
    run.journal.tell(_steps(run, published, {number: due.get(key, {}) for number, key in going.items()}))
    return compared


def _settle_units(
    run: Run, compared: Compared, judged: Mapping[str, Judged], published: Sequence[Document]
) -> None:
    """Units are remembered where nothing is to be written, or 1C was told; the others after the writing."""
    sent = {row["deal"] for row in published}
    waiting = {row["key"] for row in compared.changes if row["field"] == rows.ROWS}
    settled = [deal for deal, one in judged.items() if deal in sent or not one.to_1c]
    units.remember(run, judged, [deal for deal in settled if deal not in waiting])
    compared.units.update({deal: judged[deal] for deal in settled if deal in waiting})


def _product_rows(
    run: Run, settings: Orders, deals: Sequence[Deal], bills: Sequence[Document]
) -> tuple[list[Line], list[Line]]:
    """Product rows of the deals and of the smart invoices; none where the profile does not exchange them."""
    if not settings.rows:
        return [], []
    ours = rows.read(run, [deal["id"] for deal in deals])
    return ours, rows.read(run, [row["id"] for row in bills], "SI")


def _commit(
    run: Run,
    told: Told,
    memory: Memory,
    going: Mapping[str, Key],
    made: documents.Made,
    deals: Sequence[Deal],
) -> list[Document]:
    """What is sent, and that it is sent, in one transaction; `going` = number -> its record. Out: the
    documents that wait for their file now. Of the others nothing was handed over.
    """
    with run.state.transaction():
        published = _enqueue(run, made)
        numbers = {row["number"] for row in published}
        edits.undo(run, memory, [key for number, key in going.items() if number not in numbers])
        memory.commit()
        telling.freeze(run, published, told.sent)
        documents.introduce(run, _buyers(deals, published))
    return published


def _unfilled(run: Run, told: Told, deals: Sequence[Deal]) -> set[Key]:
    """Records with nothing to compare (`sending.unfilled`)."""
    filled = {identifier for _, identifier in Memory(run.state, [DEAL], [deal["id"] for deal in deals])}
    return sending.unfilled(deals, told.born, filled, told.dates.keys())


def _accepted(run: Run, told: Told, compared: Compared) -> dict[Key, dict[str, str]]:
    """Edits that 1C will take; the others are shown as «1С не примет правку» and are not remembered as
    sent.
    """
    if not compared.due:
        return {}
    kept, issues = sending.accepted_edits(
        _edits(compared),
        told.born,
        extended=run.profile.onec.extended,
        referred=_referred(run, told),
    )
    run.journal.note(issues, SCOPE)
    accepted = {(row["entity"], row["key"]) for row in kept}
    edits.undo(run, compared.memory, compared.due.keys() - accepted)
    return {key: fields for key, fields in compared.due.items() if key in accepted}


def _edits(compared: Compared) -> list[Change]:
    """What 1C must be told, as changes with readable values."""
    found: list[Change] = []
    for (entity, key), fields in compared.due.items():
        for field in fields:
            value = _plain(compared.memory.get((entity, key), field).tail)
            found.append({"side": "1c", "entity": entity, "key": key, "field": field, "after": value})
    return found


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return composition.summary([composition.Position(*row) for row in value])
    return "пусто" if value is None else str(value)


def _referred(run: Run, told: Told) -> set[str]:
    """Deals whose order payments or shipments lean on."""
    targets = referred([*recording.payments(run), *recording.shipments(run)])
    return {told.owners[target] for target in targets if target in told.owners}


def _number(key: Key, told: Told) -> str:
    """The number both sides match on."""
    entity, identifier = key
    if entity == INVOICE:
        return keys.invoice(identifier)
    born = told.born.get(identifier)
    if born:
        return str(born["number"])
    return keys.order(identifier)


# ---- sent ----
def _enqueue(run: Run, made: documents.Made) -> list[Document]:
    """Note every document by itself: an order and the invoice it is based on live lives of their own. Returns
    the accepted ones.
    """
    accepted: set[str] = set()
    for kind in _KIND:
        part = made.of_kind(kind)
        if part.documents:
            accepted |= queue.enqueue(run, part.frames()).keys()
    return [row for row in made.documents if row["number"] in accepted]


def _buyers(deals: Sequence[Deal], published: Sequence[Document]) -> set[str]:
    """Cards that these documents were made out to; another legal person of a card is not the card."""
    sent = {row["deal"] for row in published}
    return {deal["party"] for deal in deals if deal["party"] and deal["id"] in sent}


def _steps(
    run: Run, published: Sequence[Document], edited: Mapping[str, Mapping[str, str]]
) -> Iterator[Record]:
    """Documents on their way to 1C as steps of the journal; `edited` = number -> changed field and why."""
    path = queue.dialect_of(run).order_path
    for row in published:
        reasons = edited[row["number"] or ""]
        yield {
            "entity": "deal",
            "key": row["deal"],
            "action": "to-1c",
            "field": ", ".join(reasons) or None,
            "after": row["amount"],
            "file": path,
            "document": row["number"],
            "rule": ", ".join(dict.fromkeys(reasons.values())) or _RULE[row["kind"]],
            "message": f"{_KIND[row['kind']]} {row['number']} для 1С: {_sum(row)}",
        }


def _sum(row: Document) -> str:
    """The sum of a document for people, in its currency."""
    return "без суммы" if row["amount"] is None else money.shown(money.of(row["amount"], row["currency"]))
