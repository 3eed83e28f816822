"""Registers that cannot be rebuilt from the two systems: charges by month and version, accruals by half, and payment facts.

Uniqueness stands in the database: one charge per (portal, deal, month, kind), one accrual per (portal, deal, part, turn), one
fact per (portal, kind, source, id). An exported register version is frozen (onec §6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from etl import tables
from etl.errors import NeedsPerson
from etl.state.database import Database, Made, Record, Rows, listed, walked
from etl.state.schema import ACCRUAL, CHARGE, CHARGE_VERSION, FACT, REGISTER

if TYPE_CHECKING:
    import pandas as pd

PLANNED, EXPORTED = "planned", "exported"


class Charges:
    """The register of charges. A month has versions 1, 2, …: the first holds everybody, later ones only differences.

    A version is `planned` (may be planned anew) until `export` freezes it. A crash between the two leaves a planned version:
    the next run finds it with `versions` and exports the same rows.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def open_version(self, month: str) -> int:
        """The version a plan of this month must carry now: the planned one, else one after the last exported."""
        versions = self.versions(month)
        if versions and versions[-1]["state"] == PLANNED:
            return int(versions[-1]["version"])
        return len(versions) + 1

    def plan(self, month: str, rows: Rows, run: int | None = None) -> int:
        """Write the open version of a month: rows of the table `charges`, all with this month and that version, in file order (a frame
        or a sequence: they are walked several times).

        A planned version is replaced as a whole; without rows it disappears. `new` needs a free (deal, month, kind), `amend` and
        `resend` an existing one, else ValueError: billing has the register as its input and must not get here. Returns the version.
        """
        with self._db.transaction():
            version = self.open_version(month)
            self._check(month, version, rows)
            self._unplan(month, version)
            self._check_keys(month, rows)
            if len(rows):
                self._db.add(
                    REGISTER,
                    [
                        {
                            "month": month,
                            "version": version,
                            "state": PLANNED,
                            "facts": None,
                            "run": run,
                            "planned_at": self._db.now(),
                        }
                    ],
                )
                self._insert(rows)
        return version

    def _insert(self, rows: Rows) -> None:
        key = ("deal", "month", "kind")
        self._db.add(
            CHARGE,
            (
                {name: row[name] for name in (*key, "number", "version")}
                for row in walked(rows)
                if row["action"] == "new"
            ),
        )
        self._db.add(
            CHARGE_VERSION,
            (
                {
                    **{name: row.get(name) for name in (*key, "version", "action", "amount", "delta")},
                    "seq": seq,
                    "payload": {name: value for name, value in row.items() if value is not None},
                }
                for seq, row in enumerate(walked(rows), 1)
            ),
        )

    @staticmethod
    def _check(month: str, version: int, rows: Rows) -> None:
        if wrong := [
            row
            for row in walked(rows)
            if row["month"] != month or row["version"] != version or row.get("action") is None
        ]:
            raise ValueError(
                f"charge of deal {wrong[0]['deal']}: expected month {month}, version {version} and an action"
            )

    def _check_keys(self, month: str, rows: Rows) -> None:
        found = self._db.tuples(
            sa.select(CHARGE.c.deal, CHARGE.c.kind).where(
                CHARGE.c.portal == self._db.portal, CHARGE.c.month == month
            )
        )
        known = {tuple(row) for row in found}
        for row in walked(rows):
            if ((row["deal"], row["kind"]) in known) == (row["action"] == "new"):
                raise ValueError(
                    f"charge of deal {row['deal']}, {month}, {row['kind']}: cannot {row['action']}"
                )

    def _unplan(self, month: str, version: int) -> None:
        for table in (CHARGE, CHARGE_VERSION, REGISTER):
            self._db.remove(table, table.c.month == month, table.c.version == version)

    def export(self, month: str, version: int, facts: Mapping[str, Any] | None = None) -> None:
        """Freeze a planned version after its files are durably in place. `facts`: paths, sha256, row count, total."""
        frozen = self._db.change(
            REGISTER,
            [REGISTER.c.month == month, REGISTER.c.version == version, REGISTER.c.state == PLANNED],
            state=EXPORTED,
            facts=dict(facts or {}),
            exported_at=self._db.now(),
        )
        if not frozen:
            raise ValueError(f"register {month} version {version} is not planned")

    def versions(self, month: str | None = None) -> list[Record]:
        """Register versions in order: month, version, state, facts, run, planned_at, exported_at."""
        only = [] if month is None else [REGISTER.c.month == month]
        return self._db.rows(self._db.mine(REGISTER, *only).order_by(REGISTER.c.month, REGISTER.c.version))

    def rows(self, month: str | None = None, version: int | None = None) -> pd.DataFrame:
        """Rows of the register as the table `charges`, as they were planned, in file order; all versions without a filter."""
        only = [] if month is None else [CHARGE_VERSION.c.month == month]
        only += [] if version is None else [CHARGE_VERSION.c.version == version]
        return self._made(lambda found: tables.frame("charges", _shared(row.payload for row in found)), *only)

    def deals(self, month: str, version: int) -> set[str]:
        """Deals with a row in one version of a month."""
        return {
            row[0]
            for row in self._db.tuples(
                sa.select(CHARGE_VERSION.c.deal).where(
                    CHARGE_VERSION.c.portal == self._db.portal,
                    CHARGE_VERSION.c.month == month,
                    CHARGE_VERSION.c.version == version,
                )
            )
        }

    def current(self, month: str | None = None) -> pd.DataFrame:
        """One row per charge with its newest values (`amount` is what is owed now), as the table `charges`."""
        only = [] if month is None else [CHARGE_VERSION.c.month == month]
        newest = self._made(
            lambda found: {(row.deal, row.month, row.kind): row.payload for row in found}, *only
        )
        return tables.frame("charges", newest.values())

    def _made(self, make: Callable[[Iterable[Any]], Made], *conditions: Any) -> Made:
        columns = (
            CHARGE_VERSION.c.deal,
            CHARGE_VERSION.c.month,
            CHARGE_VERSION.c.kind,
            CHARGE_VERSION.c.payload,
        )
        return self._db.made(
            sa.select(*columns)
            .where(CHARGE_VERSION.c.portal == self._db.portal, *conditions)
            .order_by(CHARGE_VERSION.c.month, CHARGE_VERSION.c.version, CHARGE_VERSION.c.seq),
            make,
        )


def _shared(payloads: Iterable[Record]) -> Iterator[Record]:
    """The same records with equal texts held once: a contract says the same every month, and all of one month share its name."""
    texts: dict[str, str] = {}
    for payload in payloads:
        yield {
            name: texts.setdefault(value, value) if isinstance(value, str) else value
            for name, value in payload.items()
        }


ACCRUAL_STATES = ("planned", "published", "confirmed")
_REVERSED = {"reversal-first": "first", "reversal-second": "second"}


class Accruals:
    """Halves of the remuneration: each once, and once more only after its reversal (`turn` counts these rounds from 1)."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def plan(self, rows: Rows, run: int | None = None) -> list[Record]:
        """Add rows of the table `accruals` in state `planned`; known numbers are skipped. Returns the added rows with their `turn`.

        A half that is accrued and not reversed, or a reversal of nothing, raises ValueError.
        """
        given = listed(rows)
        with self._db.transaction():
            numbers = {
                row["number"] for row in self._db.many(ACCRUAL, "number", (row["number"] for row in given))
            }
            counts = self._counts(row["deal"] for row in given)
            added = [{**row, "turn": _turn(row, counts)} for row in given if row["number"] not in numbers]
            self._db.add(
                ACCRUAL,
                [
                    {
                        **{name: row[name] for name in ("deal", "part", "turn", "number", "amount")},
                        "state": "planned",
                        "payload": {
                            name: value for name, value in row.items() if value is not None and name != "turn"
                        },
                        "run": run,
                        "changed_at": self._db.now(),
                    }
                    for row in added
                ],
            )
        return added

    def _counts(self, deals: Iterable[str]) -> dict[tuple[str, str], int]:
        counts: dict[tuple[str, str], int] = {}
        for row in self._db.many(ACCRUAL, "deal", deals):
            place = (row["deal"], row["part"])
            counts[place] = max(counts.get(place, 0), row["turn"])
        return counts

    def mark(self, numbers: Iterable[str], state: str) -> None:
        """Set the state of accruals by number: `published` after the file is durable, `confirmed` when the act counts as accepted."""
        if state not in ACCRUAL_STATES:
            raise ValueError(f"unknown accrual state {state!r}")
        with self._db.transaction():
            for number in numbers:
                if not self._db.change(
                    ACCRUAL, [ACCRUAL.c.number == number], state=state, changed_at=self._db.now()
                ):
                    raise ValueError(f"no accrual {number}")

    def rows(self, *states: str) -> pd.DataFrame:
        """Accruals as the table `accruals`, by deal, turn and part; in the given states only when there are any."""
        return tables.frame("accruals", (row["payload"] for row in self._listed(*states)))

    def states(self) -> dict[str, str]:
        """number -> state of all accruals."""
        return {row["number"]: row["state"] for row in self._listed()}

    def _listed(self, *states: str) -> list[Record]:
        only = [ACCRUAL.c.state.in_(states)] if states else []
        return self._db.rows(
            self._db.mine(ACCRUAL, *only).order_by(ACCRUAL.c.deal, ACCRUAL.c.turn, ACCRUAL.c.part)
        )


def _turn(row: Record, counts: dict[tuple[str, str], int]) -> int:
    """The turn of one more accrual or reversal; notes it in `counts`."""
    deal, part = str(row["deal"]), str(row["part"])
    half = _REVERSED.get(part, part)
    accrued, reverted = counts.get((deal, half), 0), counts.get((deal, f"reversal-{half}"), 0)
    if (accrued > reverted) != (part in _REVERSED):
        raise ValueError(
            f"accrual {row['number']}: part {half} of deal {deal} was accrued {accrued} and reversed {reverted} times"
        )
    counts[deal, part] = turn = counts.get((deal, part), 0) + 1
    return turn


_FACT = ("source", "id", "target", "date", "amount", "number", "party", "file", "place")
_SAME = ("target", "date", "amount", "number", "party")


class Facts:
    """Payment and shipment facts of each source, keyed by (kind, source, id), with the columns of the table `payments`.

    A fact that its source changed is overwritten, one that its source deleted is `gone`: it counts nowhere and can come back.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def record(self, kind: str, rows: Rows, run: int | None = None) -> list[Record]:
        """Write facts of a `kind` (payment, shipment). Returns what changed: {action: new | changed, before, after}; the same again
        changes nothing."""
        given = {(row["source"], row["id"]): {name: row.get(name) for name in _FACT} for row in listed(rows)}
        with self._db.transaction():
            known = self._known(kind, given)
            changes: list[Record] = [
                {"action": "changed" if place in known else "new", "before": known.get(place), "after": row}
                for place, row in given.items()
                if _differs(known.get(place), row)
            ]
            self._db.put(
                FACT, [{"kind": kind, **change["after"], "gone": False, "run": run} for change in changes]
            )
        return changes

    def remove(self, kind: str, source: str, ids: Iterable[str], run: int | None = None) -> list[Record]:
        """Their source deleted or unposted these facts. Returns what changed: {action: gone, before, after: None}."""
        with self._db.transaction():
            known = self._known(kind, [(source, fact) for fact in ids])
            live = [row for row in known.values() if not row["gone"]]
            for row in live:
                self._db.change(
                    FACT,
                    [FACT.c.kind == kind, FACT.c.source == source, FACT.c.id == row["id"]],
                    gone=True,
                    run=run,
                )
        return [{"action": "gone", "before": row, "after": None} for row in live]

    def rows(self, kind: str) -> pd.DataFrame:
        """Living facts of a kind as the table `payments`, by target, date, source and id."""
        found = self._db.rows(
            sa.select(*(FACT.c[name] for name in _FACT))
            .where(FACT.c.portal == self._db.portal, FACT.c.kind == kind, FACT.c.gone.is_(False))
            .order_by(FACT.c.target, FACT.c.date, FACT.c.source, FACT.c.id)
        )
        return tables.frame("payments", found)

    def _known(self, kind: str, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        wanted = set(places)
        found = self._db.many(FACT, "id", {fact for _, fact in wanted}, FACT.c.kind == kind)
        return {(row["source"], row["id"]): row for row in found if (row["source"], row["id"]) in wanted}


def _differs(before: Record | None, row: Record) -> bool:
    return before is None or before["gone"] or any(before[name] != row[name] for name in _SAME)


def empty(database: Database) -> bool:
    """True while neither a charge nor an accrual was ever recorded: the sign of a lost state (DESIGN §6)."""
    return all(
        database.value(sa.select(table.c.portal).where(table.c.portal == database.portal).limit(1)) is None
        for table in (CHARGE, ACCRUAL)
    )


def restore(database: Database, frames: Mapping[str, Rows]) -> dict[str, int]:
    """Fill empty registers from archived data: `charges` (rows of all versions), `accruals` (oldest first), `payments`.

    Register versions come back frozen, accruals as published. Returns the number of rows per table. Raises NeedsPerson when the
    registers are not empty: mixing two histories would double charges.
    """
    if not empty(database):
        raise NeedsPerson(
            "Реестры начислений не пусты, восстановление остановлено.",
            "Восстанавливайте в пустую базу: уберите файл состояния в резервную копию и повторите obmen24 restore.",
        )
    given = {name: listed(rows) for name, rows in frames.items()}
    with database.transaction():
        _restore_charges(Charges(database), given.get("charges", []))
        accruals = Accruals(database)
        accruals.mark([row["number"] for row in accruals.plan(given.get("accruals", []))], "published")
        Facts(database).record("payment", given.get("payments", []))
    return {name: len(rows) for name, rows in given.items()}


def _restore_charges(charges: Charges, rows: list[Record]) -> None:
    for month, version in sorted({(row["month"], row["version"]) for row in rows}):
        chosen = [row for row in rows if (row["month"], row["version"]) == (month, version)]
        charges.plan(month, chosen)
        charges.export(month, version, {"restored": True})
