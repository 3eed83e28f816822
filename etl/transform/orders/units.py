"""Units of measure in the rows of an order: which side has edited one.

A portal without «кг» shows kilograms of 1C as pieces, and that is nobody's edit. So the unit of a product is
never compared with the other side's, but with what the same side showed before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from etl.records import Line
from etl.values import clean

#: product -> code of its unit; codes joined where rows of one product have several
Units = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What each side showed last, and what was sent to 1C and not seen back."""

    portal: Units = field(default_factory=dict)
    onec: Units = field(default_factory=dict)
    sent: Units = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """`to_1c`, `to_portal`: edited units that the other side is to hold; `asked`: products whose unit both
    sides have edited, with nobody who decides; `seen`: what is remembered once all of it has been written.
    """

    to_1c: Units
    to_portal: Units
    asked: frozenset[str]
    seen: Seen


def units(lines: Iterable[Line], products: Iterable[str]) -> dict[str, dict[str, str]]:
    """Document -> units of its products; `products` = that of each line, as in `composition.positions`."""
    found: dict[str, dict[str, set[str]]] = {}
    for line, product in zip(lines, products, strict=True):
        codes = found.setdefault(line["document"], {}).setdefault(product, set())
        codes.add(code(line))
    return {
        document: {product: ",".join(sorted(codes)) for product, codes in products.items()}
        for document, products in found.items()
    }


def code(line: Line) -> str:
    """The code of a row's unit, its name where no code is known; no unit at all is a piece."""
    name, number = clean.unit(line["unit"], line["unit_code"])
    return number or clean.fold(name) or "796"


def judge(seen: Seen, portal: Units, onec: Units, owner: str) -> Judged:
    """Who has edited what. A product that a side shows for the first time is not edited there. `owner` =
    portal, 1c or ask: who is right where both sides have edited one unit.
    """
    ours = _edited(seen.portal, portal)
    theirs = _but_echoes(_edited(seen.onec, onec), seen.sent)
    both = {product for product in ours.keys() & theirs.keys() if ours[product] != theirs[product]}
    asked = frozenset(both) if owner == "ask" else frozenset[str]()
    to_portal = _lacking(_without(theirs, both if owner == "portal" else asked), portal)
    to_1c = _lacking(_without(ours, both if owner == "1c" else asked), onec)
    kept = {product: seen.portal[product] for product in asked}
    # what is written there is learnt anew from what the portal shows of it
    shown = _without(portal, {*to_portal, *asked}) | kept
    told = _without(onec, asked) | {product: seen.onec[product] for product in asked}
    waiting = _without(_lacking(seen.sent, onec), to_portal) | to_1c
    return Judged(to_1c, to_portal, asked, Seen(shown, told, waiting))


def _but_echoes(told: Units, sent: Units) -> dict[str, str]:
    """A unit that 1C shows because we sent it is no edit."""
    return {product: unit for product, unit in told.items() if sent.get(product) != unit}


def _without(units: Units, products: Collection[str]) -> dict[str, str]:
    return {product: unit for product, unit in units.items() if product not in products}


def _edited(before: Units, now: Units) -> dict[str, str]:
    return {product: told for product, told in now.items() if before.get(product) not in (None, told)}


def _lacking(edited: Units, other: Units) -> dict[str, str]:
    """Edits of products that the other side has in another unit."""
    return {product: told for product, told in edited.items() if other.get(product) not in (None, told)}
