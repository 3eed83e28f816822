"""Units of measure in the rows of an order both ways: an edit of a unit travels, a unit that the portal
cannot hold does not come back to 1C as an edit (`transform.orders.units`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from etl import tables
from etl.flows.orders import rows as orders_rows
from etl.flows.orders.edits import SCOPE, is_agreed
from etl.flows.orders.rows import ROWS
from etl.flows.orders.sides import Compared, Sides
from etl.flows.run import Record, Run
from etl.records import Line
from etl.transform.orders import units as rules
from etl.transform.orders.sending import DEAL
from etl.transform.orders.units import Judged, Seen
from etl.values.changes import change

#: entity of store.fields: deal -> units that each side showed last
ENTITY = "deal-units"
_SIDES = ("portal", "onec", "sent")


def compare(
    both: Sides, compared: Compared, rows: Sequence[Line], known: Collection[str]
) -> dict[str, Judged]:
    """Add edited units to what 1C must be told and the portal must hold. `rows` = product rows of the deals,
    `known` = deals whose order 1C has. Out: deal -> verdict.
    """
    deals = _deals(both)
    ids = _named(both, orders_rows.products_of_1c(both.run, both.lines))
    told = {deals[order]: units for order, units in rules.units(both.lines, ids).items()}
    portal = rules.units(rows, _named(both, orders_rows.products_of_portal(both.run, rows)))
    seen = _seen(both.run, known)
    changed = {row["key"] for row in compared.changes if row["field"] == ROWS}
    judged: dict[str, Judged] = {}
    for deal in known:
        if deal not in told:
            continue
        owner = both.settings.composition_owner
        verdict = rules.judge(seen.get(deal, Seen()), portal.get(deal, {}), told[deal], owner)
        if deal in changed:  # the rows are written in the units of 1C, the portal shows what it makes of them
            verdict = Judged(verdict.to_1c, {}, verdict.asked, Seen({}, verdict.seen.onec, verdict.seen.sent))
        if verdict.to_1c:
            reasons = compared.due.setdefault((DEAL, deal), {})
            reasons.setdefault(ROWS, "единица измерения изменена на портале")
        if not verdict.to_portal or _take(both, compared, deal):
            judged[deal] = verdict
    both.run.journal.note([_asked(deal) for deal, one in judged.items() if one.asked], SCOPE)
    return judged


def _deals(both: Sides) -> dict[str, str]:
    """Order of 1C -> its deal."""
    return {order["id"]: deal for deal, order in both.orders.items()}


def _named(both: Sides, products: Iterable[str]) -> list[str]:
    """Products by their ids in 1C, where they have one by now."""
    return [both.names.get(product, product) for product in products]


def _take(both: Sides, compared: Compared, deal: str) -> bool:
    """The rows of 1C with their units go to the portal, unless anything else of them is still under way."""
    said, held = both.onec.get((DEAL, deal), {}).get(ROWS), both.portal[DEAL, deal].get(ROWS)
    if said is None or not is_agreed(both, compared.memory, deal, said):
        return False
    if both.form(ROWS, said) != both.form(ROWS, held):
        return False
    compared.changes.append(dict(change(deal, "update", ROWS, held, said, "единица измерения")))
    return True


def _asked(deal: str) -> Record:
    return tables.issue(
        f"Сделка {deal}: единицу измерения одного товара изменили с обеих сторон по-разному, ничего не "
        "записано. Сделайте её одинаковой в сделке и в заказе 1С.",
        severity="warn",
        entity=DEAL,
        key=deal,
        field="unit",
    )


# ---- as they go to 1C ----
def as_1c_knows(both: Sides, rows: Sequence[Line], judged: Mapping[str, Judged]) -> list[Line]:
    """Product rows in the units of 1C, but for units that people edited on the portal."""
    told: dict[tuple[str, str], Line] = {}
    deals = _deals(both)
    ids = _named(both, orders_rows.products_of_1c(both.run, both.lines))
    for line, product in zip(both.lines, ids, strict=True):
        told[deals[line["document"]], product] = line
    found: list[Line] = []
    for line, product in zip(rows, _named(both, orders_rows.products_of_portal(both.run, rows)), strict=True):
        deal = line["document"]
        one = None if _is_ours(judged.get(deal), product) else told.get((deal, product))
        found.append({**line, "unit": one["unit"], "unit_code": one["unit_code"]} if one else line)
    return found


def _is_ours(judged: Judged | None, product: str) -> bool:
    """Whether the unit of a product was edited on the portal and 1C has not shown it yet."""
    return judged is not None and product in judged.seen.sent


# ---- remembered ----
def _seen(run: Run, deals: Collection[str]) -> dict[str, Seen]:
    found: dict[str, dict[str, Any]] = {}
    for row in run.state.fields.read(ENTITY, list(deals)):
        found.setdefault(row["key"], {})[row["field"]] = row["base"]
    return {deal: Seen(**values) for deal, values in found.items()}


def remember(run: Run, judged: Mapping[str, Judged], deals: Iterable[str]) -> None:
    """What both sides of these deals show now; called where all that follows from it has been written."""
    rows: list[Record] = []
    for deal in deals:
        for side in _SIDES:
            value = dict(getattr(judged[deal].seen, side))
            rows.append({"entity": ENTITY, "key": deal, "field": side, "known": True, "base": value})
    run.state.fields.write(rows)
