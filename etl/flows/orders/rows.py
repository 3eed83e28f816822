"""The composition of a deal where 1C leads it: the rows of its only invoice, else of its order, to the
kopeck.

«Сумма сделки = сумма счета» although the portal multiplies: `composition.portal_rows` splits, `load.set_rows`
reads back. In a two-way profile 1C leads only until the rows of an order born there stand in the deal; from
then on edits meet in `orders_merge`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

import pandas as pd

from etl import tables
from etl.config.profile import Orders
from etl.extract.bitrix24 import deals as extract
from etl.flows.agreement import Agreed, Memory
from etl.flows.directories import records
from etl.flows.orders.told import Told
from etl.flows.run import Record, Run
from etl.transform.orders import composition
from etl.transform.orders import deals as orders

SCOPE = "orders"
#: entity of store.fields under which a deal's merged fields stand
ENTITY, ROWS = "deal", "rows"
Compositions = Mapping[str, tuple[composition.Position, ...]]


def two_way(run: Run) -> bool:
    """True where deals go to 1C too, so that a composition may be edited on both sides."""
    return "orders-out" in run.profile.flows


def led(run: Run, told: Told) -> set[str]:
    """Deals whose composition 1C leads now: all of them one way, in a two-way profile those born in 1C and
    not yet filled."""
    deals = set(told.content["deal"])
    if not two_way(run):
        return deals
    memory = Memory(run.state, [ENTITY])
    return {deal for deal in deals & told.born.keys() if not memory.of((ENTITY, deal))}


def led_by_1c(run: Run, settings: Orders, told: Told) -> list[Record]:
    """Changes (action rows) of deals whose rows are not those of 1C; documents whose sums contradict
    themselves change nothing.

    The portal's rows are asked only where 1C told something new or our last writing is not known to stand.
    """
    if not settings.rows:
        return []
    deals = led(run, told) & set(run.portal.deals["id"])
    content = sound(
        run,
        told,
        tables.frame("documents", [row for row in tables.records(told.content) if row["deal"] in deals]),
    )
    heads, lines = orders.deal_lines(content, told.lines)
    theirs = positions_of_1c(run, heads, lines)
    memory = Memory(run.state, [ENTITY])
    touched = {row["deal"] for row in tables.records(content) if row["id"] in told.fresh}
    asked = [
        deal
        for deal, value in theirs.items()
        if deal in touched or memory.get((ENTITY, deal), ROWS).base != value
    ]
    ours = positions_of_portal(run, read(run, asked)) if asked else {}
    wanted = {deal: theirs[deal] for deal in asked}
    changes = tables.records(orders.row_changes(ours, wanted, deals))
    changed = {row["key"] for row in changes}
    settle(run, {deal: value for deal, value in wanted.items() if deal not in changed})
    return written(run, changes, heads, lines)


def sound(run: Run, told: Told, content: pd.DataFrame) -> pd.DataFrame:
    """Content of deals none of whose documents contradicts its own lines; the others are shown with both
    computations."""
    wrong = composition.wrong_totals(content, told.lines)
    run.journal.note(wrong, SCOPE)
    named = set(wrong["key"])
    stopped = {row["deal"] for row in tables.records(content) if row["number"] in named or row["id"] in named}
    return tables.frame("documents", [row for row in tables.records(content) if row["deal"] not in stopped])


def written(run: Run, changes: Sequence[Record], heads: pd.DataFrame, lines: pd.DataFrame) -> list[Record]:
    """Changes with the rows the portal is to hold; `before` and `after` become readable. What cannot be a row
    becomes an issue."""
    wanted = {row["key"] for row in changes}
    body = tables.frame("lines", [line for line in tables.records(lines) if line["document"] in wanted])
    origins = {line["product"] for line in tables.records(body) if line["product"]}
    rows, issues = composition.portal_rows(heads, body, records.portal_ids(run, "product", origins))
    run.journal.note(issues, SCOPE)
    by_deal: dict[str, list[Record]] = {}
    for row in tables.records(rows):
        by_deal.setdefault(row["document"], []).append(row)
    return [
        row
        | {
            "lines": by_deal[row["key"]],
            "position": row["after"],
            "after": shown(by_deal[row["key"]]),
            "before": _summary(row["before"]),
        }
        for row in changes
        if row["key"] in by_deal
    ]


def remember(run: Run, applied: Iterable[Record]) -> None:
    """Compositions that stand on the portal now are what both sides agree on."""
    settle(
        run,
        {
            row["key"]: row["position"]
            for row in applied
            if row["action"] == "rows" and row["outcome"] == "done"
        },
    )


def settle(run: Run, agreed: Compositions) -> None:
    """Note agreed compositions; unchanged ones cost nothing."""
    memory = Memory(run.state, [ENTITY])
    for deal, value in agreed.items():
        memory.set((ENTITY, deal), ROWS, Agreed(value))
    memory.commit()


# ---- compositions of both sides in one form ----
def read(run: Run, deals: Collection[str], owner: str = "D") -> pd.DataFrame:
    """Product rows of deals or smart invoices; a deal that only a plan has made has none."""
    return extract.lines(run.portal.client, [deal for deal in deals if deal.isdigit()], owner)


def positions_of_portal(run: Run, lines: pd.DataFrame) -> Compositions:
    """Owner -> composition; products of the portal go by their id in 1C."""
    numbers = {line["product"] for line in tables.records(lines) if line["product"]}
    linked = run.state.links.by_portal("product", numbers)
    return composition.positions(
        _kept(run, lines), {number: row["foreign_id"] for number, row in linked.items()}
    )


def positions_of_1c(run: Run, documents: pd.DataFrame, lines: pd.DataFrame) -> Compositions:
    """Document -> composition; products without a pair go by name, as they do on the portal."""
    origins = {line["product"] for line in tables.records(lines) if line["product"]}
    paired = records.portal_ids(run, "product", origins)
    included = dict(documents[["id", "vat_included"]].to_numpy().tolist())
    return composition.positions(_kept(run, lines), {origin: origin for origin in paired}, included)


def aliases(run: Run, onec: pd.DataFrame, *portal: pd.DataFrame) -> dict[str, str]:
    """Name form of a product (`composition.positions`) -> its id in 1C, of products that have a pair by
    now."""
    theirs = [line for line in tables.records(onec) if line["product"]]
    paired = records.portal_ids(run, "product", {line["product"] for line in theirs})
    found = {composition.named(line["name"]): line["product"] for line in theirs if line["product"] in paired}
    ours = [line for part in portal for line in tables.records(part) if line["product"]]
    linked = run.state.links.by_portal("product", {line["product"] for line in ours})
    return found | {
        composition.named(line["name"]): linked[line["product"]]["foreign_id"]
        for line in ours
        if line["product"] in linked
    }


def _kept(run: Run, lines: pd.DataFrame) -> pd.DataFrame:
    """Lines as this 1C keeps them: stock УТ 10.3 turns a service into one piece at the whole sum."""
    if run.profile.onec.dialect != "ut103" or run.profile.onec.extended:
        return lines
    return tables.frame(
        "lines",
        [
            line | ({"quantity": Decimal(1)} if line["kind"] == "service" else {})
            for line in tables.records(lines)
        ],
    )


def shown(lines: Iterable[Record]) -> str:
    """A composition for people: «Болт × 2 = 100.00; …»."""
    return "; ".join(
        f"{line['name']} × {line['quantity'].normalize():f} = {line['amount']:.2f}" for line in lines
    )


def _summary(before: Sequence[composition.Position] | None) -> str | None:
    if not before:
        return None
    return f"позиций {len(before)} на {sum(row[2] for row in before):.2f}"
