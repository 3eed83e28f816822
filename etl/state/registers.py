"""Registers that cannot be rebuilt from the two systems: charges by month and version, and accruals by half.

Uniqueness stands in the database: one charge per (portal, deal, month, kind), one accrual per (portal,
deal, part, turn). An exported register version is frozen (onec §6).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from etl import tables
from etl.errors import NeedsPerson
from etl.records import Accrual, Charge
from etl.state.database import Condition, Database, Made, Record, Rows, among, by, equal, listed, walked
from etl.state.facts import Facts
from etl.state.schema import ACCRUAL, CHARGE, CHARGE_VERSION, REGISTER

if TYPE_CHECKING:
    import pandas as pd

PLANNED, EXPORTED = "planned", "exported"
_KEY = ("deal", "month", "kind")
_CHARGE = (*_KEY, "number", "version")
_VERSION = (*_KEY, "version", "action", "amount", "delta")
_ACCRUAL = ("deal", "part", "turn", "number", "amount")


class Version(TypedDict):
    """A version of a month's register; `facts` (of an exported one): paths, sha256, row count, total."""

    month: str
    version: int
    state: str
    facts: dict[str, Any] | None
    run: int | None
    planned_at: dt.datetime
    exported_at: dt.datetime | None


class Charges:
    """The register of charges.

    A month has versions 1, 2, …: the first holds everybody, later ones only differences.

    A version is `planned` (may be planned anew) until `export` freezes it. A crash between the two leaves a
    planned version: the next run finds it with `versions` and exports the same rows. DESIGN §4,
    specification 000.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def open_version(self, month: str) -> int:
        """The version a plan of this month must carry now: the planned one, else one after the last
        exported.
        """
        versions = self.versions(month)
        if versions and versions[-1]["state"] == PLANNED:
            return versions[-1]["version"]
        return len(versions) + 1

    def plan(self, month: str, rows: Rows, run: int | None = None) -> int:
        """Write the open version of a month and return its number.

        Rows of the table `charges`, all with this month and that version, in file order (a frame or a
        sequence: they are walked several times). A planned version is replaced as a whole; without rows it
        disappears. `new` needs a free (deal, month, kind), `amend` and `resend` an existing one, else
        ValueError: billing has the register as its input and must not get here.
        """
        with self._db.transaction():
            version = self.open_version(month)
            for row in walked(rows):
                _check(row, month, version)
            self._unplan(month, version)
            self._check_keys(month, rows)
            self._insert(month, version, rows, run)
        return version

    def _insert(self, month: str, version: int, rows: Rows, run: int | None) -> None:
        """Rows of a version in file order; the charge itself once, with the version that first held it."""
        charges = (_charge(row) for row in walked(rows) if row["action"] == "new")
        versions = (_version(row, seq) for seq, row in enumerate(walked(rows), 1))
        self._db.add(CHARGE, charges)
        added = self._db.add(CHARGE_VERSION, versions)
        if added:
            planned = {"state": PLANNED, "facts": None, "run": run, "planned_at": self._db.now()}
            register = {"month": month, "version": version, **planned}
            self._db.add(REGISTER, [register])

    def _check_keys(self, month: str, rows: Rows) -> None:
        """Only what was charged can be amended or sent again, and nothing is charged twice. ValueError."""
        of_month = self._db.columns([CHARGE.c.deal, CHARGE.c.kind], CHARGE.c.month == month)
        charged = {(row["deal"], row["kind"]) for row in self._db.rows(of_month)}
        for row in walked(rows):
            deal, kind, action = row["deal"], row["kind"], row["action"]
            is_charged = (deal, kind) in charged
            is_new = action == "new"
            if is_charged == is_new:
                raise ValueError(f"charge of deal {deal}, {month}, {kind}: cannot {action}")

    def _unplan(self, month: str, version: int) -> None:
        """A planned version leaves no trace: nobody has seen it."""
        for table in (CHARGE, CHARGE_VERSION, REGISTER):
            self._db.remove(table, table.c.month == month, table.c.version == version)

    def export(self, month: str, version: int, facts: Mapping[str, Any] | None = None) -> None:
        """Freeze a planned version after its files are durably in place.

        `facts`: paths, sha256, row count, total.
        """
        is_version = (REGISTER.c.month == month, REGISTER.c.version == version)
        is_planned = REGISTER.c.state == PLANNED
        told = dict(facts or {})
        now = self._db.now()
        frozen = self._db.change(
            REGISTER, [*is_version, is_planned], state=EXPORTED, facts=told, exported_at=now
        )
        if not frozen:
            raise ValueError(f"register {month} version {version} is not planned")

    def versions(self, month: str | None = None) -> list[Version]:
        """Register versions in order."""
        chosen = equal(REGISTER.c.month, month)
        return self._db.listed(REGISTER, *chosen, order=[REGISTER.c.month, REGISTER.c.version])

    def rows(self, month: str | None = None, version: int | None = None) -> pd.DataFrame:
        """Rows of the register as the table `charges`, as they were planned, in file order.

        All versions without a filter.
        """
        chosen = equal(CHARGE_VERSION.c.month, month) + equal(CHARGE_VERSION.c.version, version)
        return self._made(_frame, *chosen)

    def deals(self, month: str, version: int) -> set[str]:
        """Deals with a row in one version of a month."""
        is_month = CHARGE_VERSION.c.month == month
        is_version = CHARGE_VERSION.c.version == version
        return self._db.values(CHARGE_VERSION.c.deal, is_month, is_version)

    def current(self, month: str | None = None) -> pd.DataFrame:
        """One row per charge with its newest values (`amount` is what is owed now), as the table
        `charges`.
        """
        return tables.frame("charges", self.listed(month))

    def listed(self, month: str | None = None) -> list[Charge]:
        """`current` as records."""
        newest = self._made(_newest, *equal(CHARGE_VERSION.c.month, month))
        found: list[Any] = [tables.whole("charges", row) for row in newest]
        return found

    def numbers(self) -> set[str]:
        """Every number towards 1C that a charge has had."""
        return self._db.values(CHARGE.c.number)

    def firsts(self, numbers: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Number of a charge -> month and the version that first held it; its number may not say so (from the
        35th on).
        """
        found = self._db.many(CHARGE, "number", numbers)
        return {row["number"]: (row["month"], row["version"]) for row in found}

    def _made(self, make: Callable[[Iterable[Any]], Made], *conditions: Condition) -> Made:
        """What `make` makes of the rows (deal, month, kind, payload), by month, version and place in the
        file.
        """
        columns = [CHARGE_VERSION.c[name] for name in (*_KEY, "payload")]
        versions = self._db.columns(columns, *conditions)
        order = (CHARGE_VERSION.c.month, CHARGE_VERSION.c.version, CHARGE_VERSION.c.seq)
        return self._db.made(versions.order_by(*order), make)


def _check(row: Mapping[str, Any], month: str, version: int) -> None:
    """A row that was planned for another version than the open one is a bug. ValueError."""
    fits = row["month"] == month and row["version"] == version
    if not fits or row.get("action") is None:
        deal = row["deal"]
        raise ValueError(f"charge of deal {deal}: expected month {month}, version {version} and an action")


def _charge(row: Mapping[str, Any]) -> Record:
    """The charge itself: what never changes, whatever later versions say of it."""
    return {name: row[name] for name in _CHARGE}


def _version(row: Mapping[str, Any], seq: int) -> Record:
    """A row of a version: what is asked for has columns of its own, the whole row is the payload."""
    record = {name: row.get(name) for name in _VERSION}
    record["seq"] = seq
    record["payload"] = _present(row)
    return record


def _present(row: Mapping[str, Any]) -> Record:
    """A row without what is absent: most of a wide row is."""
    return {name: value for name, value in row.items() if value is not None}


def _frame(found: Iterable[Any]) -> pd.DataFrame:
    """The table `charges` out of payloads, a row at a time."""
    payloads = (row.payload for row in found)
    return tables.frame("charges", _shared(payloads))


def _newest(found: Iterable[Any]) -> Iterable[Record]:
    """The last payload of each charge, charges in the order of their first version."""
    newest = {(row.deal, row.month, row.kind): row.payload for row in found}
    return newest.values()


def _shared(payloads: Iterable[Record]) -> Iterator[Record]:
    """The same records with equal texts held once.

    A contract says the same every month, and all charges of one month share its name: memory of a long
    register.
    """
    texts: dict[str, str] = {}
    for payload in payloads:
        for name, value in payload.items():
            if isinstance(value, str):
                payload[name] = texts.setdefault(value, value)
        yield payload


_ACCRUAL_STATES = ("planned", "published", "confirmed")
_REVERSED = {"reversal-first": "first", "reversal-second": "second"}
#: (deal, part) -> how often it was accrued or reversed
Counts = dict[tuple[str, str], int]


class Accruals:
    """Halves of the remuneration: each once, and once more only after its reversal.

    `turn` counts these rounds from 1. Specification 000: the remuneration is paid in two halves.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def plan(self, rows: Rows, run: int | None = None) -> list[Record]:
        """Add rows of the table `accruals` in state `planned`; known numbers are skipped.

        Returns the added rows with their `turn`. A half that is accrued and not reversed, or a reversal of
        nothing, raises ValueError.
        """
        given = listed(rows)
        planned = {"state": "planned", "run": run, "changed_at": self._db.now()}
        with self._db.transaction():
            known = by("number", self._db.many(ACCRUAL, "number", by("number", given)))
            counts = self._counts(row["deal"] for row in given)
            added: list[Record] = []
            for row in given:
                if row["number"] not in known:
                    added.append({**row, "turn": _turn(row, counts)})
            self._db.add(ACCRUAL, [_accrual(row) | planned for row in added])
        return added

    def _counts(self, deals: Iterable[str]) -> Counts:
        """How often each part of these deals was accrued or reversed: its greatest turn."""
        counts: Counts = {}
        for row in self._db.many(ACCRUAL, "deal", deals):
            place = (row["deal"], row["part"])
            before = counts.get(place, 0)
            counts[place] = max(before, row["turn"])
        return counts

    def mark(self, numbers: Iterable[str], state: str) -> None:
        """Set the state of accruals by number.

        `published` after the file is durable, `confirmed` when the act counts as accepted.
        """
        if state not in _ACCRUAL_STATES:
            raise ValueError(f"unknown accrual state {state!r}")
        now = self._db.now()
        with self._db.transaction():
            for number in numbers:
                changed = self._db.change(ACCRUAL, [ACCRUAL.c.number == number], state=state, changed_at=now)
                if not changed:
                    raise ValueError(f"no accrual {number}")

    def rows(self, *states: str) -> pd.DataFrame:
        """Accruals as the table `accruals`, by deal, turn and part; in the given states only when there
        are any.
        """
        return tables.frame("accruals", self.listed(*states))

    def listed(self, *states: str) -> list[Accrual]:
        """`rows` as records."""
        found: list[Any] = []
        for row in self._listed(*states):
            accrual = tables.whole("accruals", row["payload"])
            found.append(accrual)
        return found

    def states(self) -> dict[str, str]:
        """number -> state of all accruals."""
        return {row["number"]: row["state"] for row in self._listed()}

    def _listed(self, *states: str) -> list[Record]:
        """By deal and turn, the parts of one turn together."""
        order = (ACCRUAL.c.deal, ACCRUAL.c.turn, ACCRUAL.c.part)
        return self._db.listed(ACCRUAL, *among(ACCRUAL.c.state, states), order=order)


def _accrual(row: Record) -> Record:
    """An accrual as it is stored: the turn is the register's own, not a column of the table `accruals`."""
    record = {name: row[name] for name in _ACCRUAL}
    payload = _present(row)
    del payload["turn"]
    record["payload"] = payload
    return record


def _turn(row: Record, counts: Counts) -> int:
    """The turn of one more accrual or reversal; notes it in `counts`."""
    deal, part = str(row["deal"]), str(row["part"])
    half = _REVERSED.get(part, part)
    accrued = counts.get((deal, half), 0)
    reverted = counts.get((deal, f"reversal-{half}"), 0)
    is_standing = accrued > reverted
    is_reversal = part in _REVERSED
    if is_standing != is_reversal:
        raise ValueError(
            f"accrual {row['number']}: part {half} of deal {deal} "
            f"was accrued {accrued} and reversed {reverted} times"
        )
    turn = counts.get((deal, part), 0) + 1
    counts[deal, part] = turn
    return turn


def empty(database: Database) -> bool:
    """True while neither a charge nor an accrual was ever recorded: the sign of a lost state (DESIGN §6)."""
    for table in (CHARGE, ACCRUAL):
        first = database.columns([table.c.portal]).limit(1)
        if database.value(first) is not None:
            return False
    return True


def restore(database: Database, frames: Mapping[str, Rows]) -> dict[str, int]:
    """Fill empty registers from archived data: `charges` (rows of all versions), `accruals` (oldest
    first), `payments`.

    Register versions come back frozen, accruals as published. Returns the number of rows per table. Raises
    NeedsPerson when the registers are not empty: mixing two histories would double charges (DESIGN §6).
    """
    if not empty(database):
        raise NeedsPerson(
            "Реестры начислений не пусты, восстановление остановлено.",
            "Восстанавливайте в пустую базу: уберите файл состояния в резервную копию "
            "и повторите obmen24 restore.",
        )
    given = {name: listed(rows) for name, rows in frames.items()}
    with database.transaction():
        _restore_charges(Charges(database), given.get("charges", []))
        _restore_accruals(Accruals(database), given.get("accruals", []))
        Facts(database).record("payment", given.get("payments", []))
    return {name: len(rows) for name, rows in given.items()}


def _restore_charges(charges: Charges, rows: list[Record]) -> None:
    """Version by version, as they were once exported: a later one amends an earlier one."""
    versions: dict[tuple[str, int], list[Record]] = {}
    for row in rows:
        place = (row["month"], row["version"])
        versions.setdefault(place, []).append(row)
    for month, version in sorted(versions):
        charges.plan(month, versions[month, version])
        charges.export(month, version, {"restored": True})


def _restore_accruals(accruals: Accruals, rows: list[Record]) -> None:
    """What the archive holds had been published."""
    added = accruals.plan(rows)
    numbers = [row["number"] for row in added]
    accruals.mark(numbers, "published")
