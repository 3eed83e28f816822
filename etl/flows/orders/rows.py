"""The composition of a deal where 1C leads it: the rows of its only invoice, else of its order, to the
kopeck.

«Сумма сделки = сумма счета» although the portal multiplies: `composition.portal_rows` splits, `set_rows`
reads back. In a two-way profile 1C leads only until the rows of an order born there stand in the deal; from
then on edits meet in `edits`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from etl import tables
from etl.config.profile import Orders
from etl.extract.bitrix24 import deals as extract
from etl.flows.agreement import Memory
from etl.flows.directories import records
from etl.flows.orders.told import Told
from etl.flows.run import Record, Run
from etl.records import Document, Line
from etl.transform.agreed import Agreed
from etl.transform.orders import composition
from etl.transform.orders import lines as order_lines
from etl.transform.orders.composition import Position

SCOPE = "orders"
#: entity of store.fields under which a deal's merged fields stand
ENTITY, ROWS = "deal", "rows"
Compositions = Mapping[str, tuple[Position, ...]]


def two_way(run: Run) -> bool:
    """True where deals go to 1C too, so that a composition may be edited on both sides."""
    return "orders-out" in run.profile.flows


def led(run: Run, told: Told) -> set[str]:
    """Deals whose composition 1C leads now: all of them one way, in a two-way profile those born in 1C and
    not yet filled.
    """
    deals = {row["deal"] or "" for row in told.content}
    if not two_way(run):
        return deals
    born = deals & told.born.keys()
    if not born:
        return set()
    filled = {deal for _, deal in Memory(run.state, [ENTITY])}
    return born - filled


def led_by_1c(run: Run, settings: Orders, told: Told) -> tuple[list[Record], Compositions]:
    """Changes (action rows) of deals whose rows are not those of 1C, and the compositions that stand there
    already; documents whose sums contradict themselves change nothing.

    The portal's rows are asked only where 1C told something new or our last writing is not known to stand.
    """
    if not settings.rows:
        return [], {}
    deals = led(run, told) & set(run.portal.deals["id"])
    if not deals:
        return [], {}
    content = _of_deals(told, deals)
    checked = sound(run, told, content)
    heads, lines = composition.deal_lines(checked, told.lines)
    theirs = positions_of_1c(run, heads, lines)
    wanted = _asked(run, told, checked, theirs)
    if not wanted:
        return [], {}
    rows = read(run, wanted)
    ours = positions_of_portal(run, rows)
    changes = composition.row_changes(ours, wanted, deals)
    changed = {row["key"] for row in changes}
    standing = {deal: value for deal, value in wanted.items() if deal not in changed}
    return written(run, changes, heads, lines), standing


def _of_deals(told: Told, deals: Collection[str]) -> list[Document]:
    """What 1C told that fills these deals."""
    return [row for row in told.content if row["deal"] in deals]


def _asked(
    run: Run, told: Told, content: Sequence[Document], theirs: Compositions
) -> dict[str, tuple[Position, ...]]:
    """Compositions of 1C that the portal may not hold: told anew, or not known to stand."""
    memory = Memory(run.state, [ENTITY])
    touched = {row["deal"] for row in content if row["id"] in told.fresh}
    return {
        deal: value
        for deal, value in theirs.items()
        if deal in touched or memory.get((ENTITY, deal), ROWS).base != value
    }


def sound(run: Run, told: Told, content: Sequence[Document]) -> Sequence[Document]:
    """Content of deals none of whose documents contradicts its own lines; the others are shown with both
    computations.
    """
    wrong = order_lines.wrong_totals(content, told.lines)
    if not wrong:
        return content
    run.journal.note(wrong, SCOPE)
    named = {row["key"] for row in wrong}
    stopped = {row["deal"] for row in content if not named.isdisjoint((row["number"], row["id"]))}
    return [row for row in content if row["deal"] not in stopped]


def written(
    run: Run, changes: Sequence[Mapping[str, Any]], heads: Sequence[Document], lines: Sequence[Line]
) -> list[Record]:
    """Changes with the rows the portal is to hold; `before` and `after` become readable. What cannot be a row
    becomes an issue.
    """
    if not changes:
        return []
    changed = {row["key"] for row in changes}
    body = [line for line in lines if line["document"] in changed]
    origins = _products(body)
    rows, issues = composition.portal_rows(heads, body, records.portal_ids(run, "product", origins))
    run.journal.note(issues, SCOPE)
    by_deal: dict[str, list[Line]] = defaultdict(list)
    for row in rows:
        by_deal[row["document"]].append(row)
    emptied = {row["key"] for row in changes if not row["after"]}
    going = by_deal.keys() | emptied
    return [_readable(row, by_deal[row["key"]]) for row in changes if row["key"] in going]


def _emptied(change: Mapping[str, Any]) -> Record:
    deal = change["key"]
    return tables.issue(
        f"Заказ сделки {deal} в 1С остался без товаров и с суммой 0: товары удалены и из сделки. "
        "Если это ошибка, верните строки в заказ 1С.",
        severity="warn",
        entity="deal",
        key=deal,
        field=ROWS,
    )


def _readable(change: Mapping[str, Any], lines: Sequence[Line]) -> Record:
    before = change["before"]
    return {
        **change,
        "lines": lines,
        "position": change["after"],
        "after": shown(lines),
        "before": composition.summary([Position(*row) for row in before]) if before else None,
    }


def remember(run: Run, applied: Sequence[Record], standing: Compositions) -> None:
    """Compositions that stand on the portal now (`standing`: without a write) are what both sides agree on.
    A deal whose organisation was refused is not filled yet: compared with 1C now, it would send an
    organisation there that nobody chose (DESIGN §4, «Complete before compare»).
    """
    unfinished = {row["key"] for row in applied if row["action"] == "link" and row["outcome"] != "done"}
    done = [row for row in applied if row["action"] == "rows" and row["outcome"] == "done"]
    agreed = {**standing, **{row["key"]: row["position"] for row in done}}
    settle(run, {deal: value for deal, value in agreed.items() if deal not in unfinished})
    note_emptied(run, done)


def note_emptied(run: Run, done: Iterable[Record]) -> None:
    """Goods may leave an order by mistake: whoever looks at the deal is told why it is empty."""
    run.journal.note([_emptied(row) for row in done if row["action"] == "rows" and not row["lines"]], SCOPE)


def settle(run: Run, agreed: Compositions) -> None:
    """Note agreed compositions; unchanged ones cost nothing."""
    if not agreed:
        return
    memory = Memory(run.state, [ENTITY])
    for deal, value in agreed.items():
        memory.set((ENTITY, deal), ROWS, Agreed(value))
    memory.commit()


# ---- compositions of both sides in one form ----
def read(run: Run, deals: Iterable[str], owner: str = "D") -> list[Line]:
    """Product rows of deals or smart invoices; a deal that only a plan has made has none."""
    lines = extract.lines(run.portal.client, [deal for deal in deals if deal.isdigit()], owner)
    return tables.records(lines, Line)


def positions_of_portal(run: Run, lines: Sequence[Line]) -> Compositions:
    """Owner -> composition; products of the portal go by their id in 1C."""
    return composition.positions(_kept(run, lines), _known_portal(run, lines))


def positions_of_1c(run: Run, documents: Collection[Document], lines: Sequence[Line]) -> Compositions:
    """Document -> composition; products without a pair go by name, as they do on the portal. An emptied
    document has none, one that tells no lines says nothing.
    """
    included = {row["id"]: row["vat_included"] for row in documents}
    told = composition.positions(_kept(run, lines), _known_1c(run, lines), included)
    emptied = {row["id"]: () for row in documents if composition.is_worth_nothing(row)}
    return emptied | told


def products_of_portal(run: Run, lines: Sequence[Line]) -> list[str]:
    """The product of each row, named as in a composition."""
    known = _known_portal(run, lines)
    return [composition.product(line, known) for line in lines]


def products_of_1c(run: Run, lines: Sequence[Line]) -> list[str]:
    """The same of lines of 1C."""
    known = _known_1c(run, lines)
    return [composition.product(line, known) for line in lines]


def _known_portal(run: Run, lines: Sequence[Line]) -> dict[str, str]:
    linked = run.state.links.by_portal("product", _products(lines))
    return {number: row["foreign_id"] for number, row in linked.items()}


def _known_1c(run: Run, lines: Sequence[Line]) -> dict[str, str]:
    paired = records.portal_ids(run, "product", _products(lines))
    return {origin: origin for origin in paired}


def aliases(run: Run, onec: Sequence[Line]) -> dict[str, str]:
    """Name form of a product (`composition.positions`) -> its id in 1C, of products of 1C's lines that have a
    pair by now.
    """
    paired = records.portal_ids(run, "product", _products(onec))
    return _names(onec, {origin: origin for origin in paired})


def portal_aliases(run: Run, portal: Iterable[Sequence[Line]]) -> dict[str, str]:
    """The same of products in rows of the portal."""
    found: dict[str, str] = {}
    for lines in portal:
        linked = run.state.links.by_portal("product", _products(lines))
        found |= _names(lines, {number: row["foreign_id"] for number, row in linked.items()})
    return found


def _products(lines: Iterable[Line]) -> set[str]:
    """Products that the lines name."""
    return {line["product"] for line in lines if line["product"]}


def _names(lines: Iterable[Line], known: Mapping[str, str]) -> dict[str, str]:
    """Name form -> id in 1C of the known products among the lines."""
    found: dict[str, str] = {}
    for line in lines:
        origin = known.get(line["product"] or "")
        if origin:
            found[composition.named(line["name"])] = origin
    return found


def _kept(run: Run, lines: Sequence[Line]) -> Sequence[Line]:
    """Lines as this 1C keeps them: stock УТ 10.3 turns a service into one piece at the whole sum (reference
    commerceml).
    """
    if run.profile.onec.dialect != "ut103" or run.profile.onec.extended:
        return lines
    return [{**line, "quantity": Decimal(1)} if line["kind"] == "service" else line for line in lines]


def shown(lines: Iterable[Line]) -> str:
    """A composition for people: «Болт × 2 = 100.00; …»."""
    return "; ".join(_line(line) for line in lines) or "товаров нет"


def _line(line: Line) -> str:
    quantity = line["quantity"] or Decimal(0)
    return f"{line['name']} × {quantity.normalize():f} = {line['amount']:.2f}"
