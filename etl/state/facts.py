"""Payment and shipment facts, as each source tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from etl import tables
from etl.records import Payment
from etl.state.database import Database, Record, Rows, by_pair, walked
from etl.state.schema import FACT

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("source", "id", "target", "date", "amount", "number", "party", "file", "place")
#: a fact is the same while these are: a file renamed or a row moved in it changes nothing
_SAME = ("target", "date", "amount", "number", "party")
Place: TypeAlias = tuple[str, str]  # source, id


class Facts:
    """Payment and shipment facts of each source, keyed by (kind, source, id), with the columns of the
    table `payments`.

    A fact that its source changed or took back (amount 0) is overwritten. A `gone` one, which older versions
    left, counts nowhere and can come back (DESIGN §4, «What becomes untrue is told»).
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def record(self, kind: str, rows: Rows, run: int | None = None) -> list[Record]:
        """Write facts of a `kind` (payment, shipment); the same again changes nothing.

        Returns what changed: {action: new | changed, before, after}.
        """
        given = by_pair("source", "id", map(_fact, walked(rows)))
        changes: list[Record] = []
        with self._db.transaction():
            known = self._known(kind, given)
            for place, after in given.items():
                before = known.get(place)
                if before is None:
                    changes.append(_change("new", None, after))
                elif before["gone"] or _differ(before, after):
                    changes.append(_change("changed", before, after))
            told = {"kind": kind, "gone": False, "run": run}
            written = [change["after"] | told for change in changes]
            self._db.put(FACT, written)
        return changes

    def rows(self, kind: str) -> pd.DataFrame:
        """Living facts of a kind as the table `payments`, by target, date, source and id."""
        return tables.frame("payments", self.listed(kind))

    def listed(self, kind: str) -> list[Payment]:
        """`rows` as records."""
        columns = (FACT.c[name] for name in _COLUMNS)
        living = self._db.columns(columns, FACT.c.kind == kind, FACT.c.gone.is_(False))
        ordered = living.order_by(FACT.c.target, FACT.c.date, FACT.c.source, FACT.c.id)
        found: list[Any] = self._db.rows(ordered)
        return found

    def since(self, run: int) -> list[Record]:
        """Living facts of documents that were told or changed after a run, of all kinds."""
        is_document = FACT.c.source.in_(("1c", "bank", "xlsx"))
        return self._db.listed(FACT, FACT.c.gone.is_(False), is_document, FACT.c.run > run)

    def _known(self, kind: str, places: Iterable[Place]) -> dict[Place, Record]:
        """Facts told before, also those gone; two sources may number theirs alike, so both are compared."""
        wanted = set(places)
        numbers = {fact for _, fact in wanted}
        alike = by_pair("source", "id", self._db.many(FACT, "id", numbers, FACT.c.kind == kind))
        known: dict[Place, Record] = {}
        for place, row in alike.items():
            if place in wanted:
                known[place] = row
        return known


def _fact(row: Mapping[str, Any]) -> Record:
    """The columns of a fact; what its source does not tell is None."""
    return {name: row.get(name) for name in _COLUMNS}


def _change(action: str, before: Record | None, after: Record | None) -> Record:
    """What became of a fact, for the journal."""
    return {"action": action, "before": before, "after": after}


def _differ(before: Record, after: Record) -> bool:
    """Whether a source tells a fact otherwise than before (see _SAME)."""
    return any(before[name] != after[name] for name in _SAME)
