"""Random histories of two systems, an exchange folder, crashes, lost and late files: nothing doubled, nothing lost, all converges.

The model is small but hostile in the ways the real parts are: 1C never acknowledges, loads the same file every session
before it exports, leaves out of an export what it has just loaded, and forgets a change as soon as a file holds it; the
portal loses answers and refuses calls; our process dies at any commit. `etl.transform.merge` decides everything.

Each seeded fault (`Model.fault`) breaks one rule of DESIGN §5, and the campaign must find it.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from etl.transform import merge
from etl.transform.merge import ABSENT, MEMORY, Sent
from etl.values import keys

FIELDS = ("x", "y")
OWNERS = {("deal", "x"): "portal", ("deal", "y"): "1c"}
RESEND = 2
FEW = 2  # records of each side: faults meet on the same record more often

FAULTS = (
    "tail_rule",
    "sessions_counted_from_intent",
    "only_last_sent",
    "base_moved_at_send",
    "want_not_noted",
    "one_side_adopted",
    "resend_for_ever",
    "stale_per_file",
    "version_guard_off",
    "look_up_skipped",
    "newer_version_clears_in_doubt",
    "dedupe_by_name",
    "done_before_send",
    "born_in_1c_sent_as_new",
    "matched_by_name",
)


class Lost(Exception):
    """The answer did not come: the call may have been carried out."""


class Crash(BaseException):
    """kill -9."""


class Portal:
    def __init__(self) -> None:
        self.deals: dict[int, dict[str, Any]] = {}
        self.faults: list[str] = []
        self.writes = 0

    def _call(self, work: Callable[[], Any], write: int) -> Any:
        fault = self.faults.pop() if self.faults else "ok"
        if fault == "before":
            raise Lost
        answer = work()
        self.writes += write
        if fault == "after":
            raise Lost
        return answer

    def add(self, origin: str | None, values: dict[str, Any]) -> int:
        def work() -> int:
            number = len(self.deals) + 1
            self.deals[number] = {"origin": origin, "name": "Ромашка", **values}
            return number

        return self._call(work, 1)

    def update(self, number: int, values: dict[str, Any]) -> None:
        self._call(lambda: self.deals[number].update(values), 1)

    def find(self, origin: str) -> list[int]:
        return self._call(
            lambda: [number for number, deal in self.deals.items() if deal["origin"] == origin], 0
        )


class OneC:
    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.overwritten: set[str] = set()  # values that 1C replaced by loading our file, for the oracle

    def create(self, number: str | None, values: dict[str, Any], *, dirty: bool) -> str:
        guid = f"guid-{len(self.records) + 1}"
        self.records[guid] = {"number": number, "version": 1, "dirty": dirty, **values}
        return guid

    def load(self, file: dict[str, dict[str, Any]]) -> set[str]:
        loaded = set()
        for key, values in file.items():
            guid = (
                key
                if key in self.records
                else next((guid for guid, record in self.records.items() if record["number"] == key), None)
            )
            if guid is None:
                guid = self.create(key, values, dirty=False)
            record = self.records[guid]
            self.overwritten |= {record[field] for field in FIELDS if record[field] != values[field]}
            record.update(values, dirty=False, version=record["version"] + 1)
            loaded.add(guid)
        return loaded

    def session(self, file: dict[str, dict[str, Any]], *, full: bool) -> dict[str, dict[str, Any]]:
        loaded = self.load(file)
        told = {
            guid: record
            for guid, record in self.records.items()
            if guid not in loaded and (full or record["dirty"])
        }
        for record in told.values():
            record["dirty"] = False
        return copy.deepcopy(told)


class Sync:
    """Our side: the state changes only in `commit`, like a database."""

    def __init__(self, portal: Portal, fault: str) -> None:
        self.portal, self.fault = portal, fault
        self.db: dict[str, Any] = {
            "files": set(),
            "made": set(),
            "newest": {},
            "inbox": {},
            "links": {},
            "doubt": set(),
            "memory": {},
            "outgoing": {},
            "journal": set(),
        }
        self.published: dict[str, dict[str, Any]] = {}
        self.publications = 0
        self.taken: set[str] = set()  # values of 1C that we have read, for the oracle
        self.unnoted: dict[tuple[str, str], Any] = {}
        self.steps, self.crash_at = 0, None

    def point(self) -> None:
        self.steps += 1
        if self.crash_at is not None and self.steps >= self.crash_at:
            self.crash_at = None
            raise Crash

    def commit(self, state: dict[str, Any]) -> None:
        self.point()
        self.db = state
        self.point()

    def state(self) -> dict[str, Any]:
        return {name: set(part) if isinstance(part, set) else dict(part) for name, part in self.db.items()}

    def run(self, folder: dict[str, dict[str, Any]], seq: int) -> None:
        self.steps, self.unnoted = 0, {}
        for name in sorted(folder, key=lambda name: folder[name]["made"]):
            self.take(name, folder[name])
        for guid in sorted(self.db["inbox"]):
            self.link(guid)
        self.offer(seq)
        self.merge(seq)
        self.write()
        self.publish(seq)

    def take(self, name: str, file: dict[str, Any]) -> None:
        mark = name if self.fault == "dedupe_by_name" else file["made"]
        if mark in self.db["files"]:
            return
        state, made = self.state(), file["made"]
        state["files"].add(mark)
        late = self.fault == "stale_per_file" and made < max(state["made"], default=0)
        state["made"].add(made)
        documents = pd.DataFrame(
            [[guid, record["said"]] for guid, record in file["documents"].items()],
            columns=["id", "version"],
            dtype=object,
        )
        if self.fault != "version_guard_off":
            documents = merge.fresh(documents, state["newest"], seq=made)
        told = [] if late else documents["id"].tolist()
        for guid in told:
            record = file["documents"][guid]
            state["inbox"][guid] = {**record, "made": made}
            state["newest"][guid] = (record["said"], made)
            if self.fault == "newer_version_clears_in_doubt":
                state["doubt"].discard(guid)
        self.commit(state)
        self.taken |= {file["documents"][guid][field] for guid in told for field in FIELDS}

    def link(self, guid: str) -> None:
        """Find or create the deal of a 1C record; the foreign id is looked up before every creation."""
        record, links = self.db["inbox"][guid], self.db["links"]
        if guid in links:
            return
        ours = keys.decode(record["number"])
        if ours is not None:
            state = self.state()
            state["links"][guid] = (record["number"], int(ours.id))
            self.commit(state)
            return
        try:
            found = self.found(guid)
            if not found:
                found = [self.create(guid, {field: record[field] for field in FIELDS})]
        except Lost:
            return
        if found[0]:
            state = self.state()
            state["links"][guid] = (guid, found[0])
            self.commit(state)

    def found(self, guid: str) -> list[int]:
        if self.fault == "matched_by_name":
            return [number for number, deal in self.portal.deals.items() if deal["name"] == "Ромашка"][:1]
        skipped = self.fault == "look_up_skipped" or (
            self.fault == "newer_version_clears_in_doubt" and guid not in self.db["doubt"]
        )
        return [] if skipped else self.portal.find(guid)

    def create(self, guid: str, values: dict[str, Any]) -> int:
        state = self.state()
        state["doubt"].add(guid)
        self.remember(state, merge.adopted("deal", guid, values))
        if self.fault == "done_before_send":
            del state["inbox"][guid]
        self.commit(state)
        number = self.portal.add(guid, values)
        self.point()
        return number

    def offer(self, seq: int) -> None:
        """Deals that 1C has not seen yet become documents; one born in 1C never does."""
        linked = {
            number
            for key, number in self.db["links"].values()
            if keys.decode(key) or self.fault != "born_in_1c_sent_as_new"
        }
        for number, deal in self.portal.deals.items():
            born = deal["origin"] is not None and self.fault != "born_in_1c_sent_as_new"
            key = keys.order(str(number))
            if born or number in linked or ("x", key) in self.db["memory"]:
                continue
            state = self.state()
            self.remember(state, merge.published("deal", key, {field: deal[field] for field in FIELDS}, seq))
            state["outgoing"][key] = (seq, None)
            state["links"][key] = (key, number)
            self.commit(state)

    def remember(self, state: dict[str, Any], rows: pd.DataFrame) -> None:
        for _, key, field, *values in rows.to_numpy().tolist():
            state["memory"][field, key] = tuple(values)

    def memory(self) -> pd.DataFrame:
        return pd.DataFrame(
            [["deal", key, field, *values] for (field, key), values in self.db["memory"].items()],
            columns=MEMORY,
            dtype=object,
        )

    def merge(self, seq: int) -> None:
        deals = dict(sorted(self.db["links"].values()))
        portal = pd.DataFrame(
            [
                ["deal", key, field, self.portal.deals[number][field]]
                for key, number in deals.items()
                for field in FIELDS
            ],
            columns=[*merge.KEY, "value"],
            dtype=object,
        )
        told = {
            self.db["links"][guid][0]: record
            for guid, record in self.db["inbox"].items()
            if guid in self.db["links"]
        }
        onec = pd.DataFrame(
            [
                ["deal", key, field, record[field], record["made"]]
                for key, record in told.items()
                for field in FIELDS
            ],
            columns=[*merge.KEY, "value", "seq"],
            dtype=object,
        )
        merged = merge.merge(self.seen_memory(onec), portal, onec, owners=OWNERS, seq=seq, whole={"deal"})
        state = self.state()
        self.remember(state, merged.memory)
        state["inbox"] = {
            guid: record for guid, record in state["inbox"].items() if guid not in state["links"]
        }
        for side, key, before, reason in (
            merged.changes[["side", "key", "before", "reason"]].to_numpy().tolist()
        ):
            if side == "1c":
                state["outgoing"][key] = (seq, None)
            if "с обеих" in reason or "сопоставлении" in reason:
                state["journal"].add(before)
        self.spoil(state, portal, seq)
        if state != self.db:
            self.commit(state)

    def seen_memory(self, onec: pd.DataFrame) -> pd.DataFrame:
        memory = self.memory()
        if self.fault == "only_last_sent":
            memory["sent"] = memory["sent"].map(lambda sent: sent[-1:])
        if self.fault == "one_side_adopted" and len(memory):
            told = {(row.field, row.key): row.value for row in onec.itertuples()}
            taken = [row.base is ABSENT and (row.field, row.key) in told for row in memory.itertuples()]
            memory["base"] = [
                told[row.field, row.key] if new else row.base
                for row, new in zip(memory.itertuples(), taken, strict=True)
            ]
            memory["want"] = [
                ABSENT if new else want for want, new in zip(memory["want"], taken, strict=True)
            ]
        return memory

    def spoil(self, state: dict[str, Any], portal: pd.DataFrame, seq: int) -> None:
        for place, (base, sent, want) in list(state["memory"].items()):
            if self.fault == "base_moved_at_send" and sent:
                state["memory"][place] = (sent[-1].value, (), want)
            if self.fault == "want_not_noted":
                self.unnoted |= {} if want is ABSENT else {place: want}
                state["memory"][place] = (base, sent, ABSENT)
        if self.fault == "tail_rule":
            for row in portal.itertuples():
                base, sent, want = state["memory"].get((row.field, row.key), (ABSENT, (), ABSENT))
                if sent and row.value != base and sent[-1].seq != seq:
                    state["memory"][row.field, row.key] = (base, (*sent, Sent(row.value, seq)), want)
                    state["outgoing"][row.key] = (seq, None)

    def write(self) -> None:
        numbers = dict(self.db["links"].values())
        wanted: dict[str, dict[str, Any]] = {}
        noted = {
            place: want for place, (_, _, want) in self.db["memory"].items() if want is not ABSENT
        } | self.unnoted
        self.unnoted = {}
        for (field, key), want in noted.items():
            if key in numbers:
                wanted.setdefault(key, {})[field] = want
        for key, values in wanted.items():
            try:
                self.point()
                self.portal.update(numbers[key], values)
                self.point()
            except Lost:
                continue
            state = self.state()
            rows = pd.DataFrame(
                [
                    ["deal", key, field, *state["memory"][field, key][:2], value]
                    for field, value in values.items()
                ],
                columns=MEMORY,
                dtype=object,
            )
            self.remember(state, merge.written(rows))
            self.commit(state)

    def publish(self, seq: int) -> None:
        """A document stays in the file until it is seen back, or for RESEND sessions of 1C after it really lay there."""
        state = self.state()
        for key, (intended, lay) in self.db["outgoing"].items():
            since = intended if self.fault == "sessions_counted_from_intent" else lay
            seen_back = not any(state["memory"][field, key][1] for field in FIELDS)
            sessions = 0 if since is None else len([made for made in self.db["made"] if made > since])
            if seen_back or (sessions >= RESEND and self.fault != "resend_for_ever"):
                del state["outgoing"][key]
        if state != self.db:
            self.commit(state)
        file = {
            key: {field: self.said(field, key) for field in FIELDS} for key in sorted(self.db["outgoing"])
        }
        if file != self.published:
            self.point()
            self.published = file
            self.publications += 1
            self.point()
        state = self.state()
        state["outgoing"] = {
            key: (intended, seq if lay is None else lay) for key, (intended, lay) in state["outgoing"].items()
        }
        if state != self.db:
            self.commit(state)

    def said(self, field: str, key: str) -> Any:
        base, sent, want = self.db["memory"][field, key]
        return sent[-1].value if sent else want if want is not ABSENT else base


class Model(RuleBasedStateMachine):
    """People, 1C sessions and runs of ours in any order. An edit writes a value never used before, so it can be followed."""

    fault = ""

    def __init__(self) -> None:
        super().__init__()
        self.portal, self.onec = Portal(), OneC()
        self.sync = Sync(self.portal, self.fault)
        self.folder: dict[str, dict[str, Any]] = {}
        self.late: list[dict[str, Any]] = []
        self.lost = False
        self.clock = itertools.count(1)
        self.values = (f"v{number}" for number in itertools.count(1))
        self.last: dict[tuple[str, str, str], str] = {}  # (side, record, field) -> last edit
        self.author: dict[str, str] = {}
        self.known: dict[str, set[str]] = {}  # edit -> values its author could have seen
        self.held: dict[tuple[str, str, str], set[str]] = {}  # (side, record, field) -> values held so far

    # ---- people ----

    def edited(self, side: str, record: str, field: str, value: str) -> None:
        held = self.held.setdefault((side, record, field), set())
        self.known[value], self.author[value] = set(held), side
        held.add(value)
        self.last[side, record, field] = value

    def look(self) -> None:
        """Both systems show what they hold: a later editor of that system has seen it."""
        for number, deal in self.portal.deals.items():
            for field in FIELDS:
                self.held.setdefault(("portal", deal["origin"] or keys.order(str(number)), field), set()).add(
                    deal[field]
                )
        for guid, record in self.onec.records.items():
            for field in FIELDS:
                self.held.setdefault(("1c", record["number"] or guid, field), set()).add(record[field])

    @precondition(lambda self: len(self.portal.deals) < FEW)
    @rule()
    def manager_makes_a_deal(self) -> None:
        number = len(self.portal.deals) + 1
        self.portal.deals[number] = {"origin": None, "name": "Ромашка"}
        for field in FIELDS:
            self.portal.deals[number][field] = value = next(self.values)
            self.edited("portal", keys.order(str(number)), field, value)

    @precondition(lambda self: len(self.onec.records) < FEW)
    @rule()
    def accountant_makes_an_order(self) -> None:
        values = {field: next(self.values) for field in FIELDS}
        guid = self.onec.create(None, values, dirty=True)
        for field, value in values.items():
            self.edited("1c", guid, field, value)

    @precondition(lambda self: self.portal.deals)
    @rule(pick=st.integers(0, 5), field=st.sampled_from(FIELDS))
    def manager_edits(self, pick: int, field: str) -> None:
        self.look()
        number = sorted(self.portal.deals)[pick % len(self.portal.deals)]
        deal = self.portal.deals[number]
        deal[field] = next(self.values)
        self.edited("portal", deal["origin"] or keys.order(str(number)), field, deal[field])

    @precondition(lambda self: self.onec.records)
    @rule(pick=st.integers(0, 5), field=st.sampled_from(FIELDS))
    def accountant_edits(self, pick: int, field: str) -> None:
        self.look()
        guid = sorted(self.onec.records)[pick % len(self.onec.records)]
        record = self.onec.records[guid]
        record.update({field: next(self.values), "dirty": True, "version": record["version"] + 1})
        self.edited("1c", record["number"] or guid, field, record[field])

    # ---- 1C and the folder ----

    @rule(
        full=st.booleans(),
        fate=st.sampled_from(["now", "now", "late", "lost"]),
        same_name=st.booleans(),
        versions=st.booleans(),
    )
    def session(
        self, full: bool = True, fate: str = "now", same_name: bool = False, versions: bool = True
    ) -> None:
        self.look()
        told = self.onec.session(self.sync.published, full=full)
        self.look()
        made = next(self.clock)
        for record in told.values():
            record["said"] = str(record["version"]) if versions else None
        file = {"made": made, "name": "orders.xml" if same_name else f"orders-{made}.xml", "documents": told}
        if fate == "late":
            self.late.append(file)
        elif fate == "now":
            self.deliver(file)
        else:
            self.lost = True

    def deliver(self, file: dict[str, Any]) -> None:
        unread = self.folder.get(file["name"])
        self.lost |= unread is not None and unread["made"] not in self.sync.db["made"]
        self.folder[file["name"]] = file

    @precondition(lambda self: self.late)
    @rule(pick=st.integers(0, 3))
    def late_file_arrives(self, pick: int) -> None:
        self.deliver(self.late.pop(pick % len(self.late)))

    # ---- we ----

    @rule(
        faults=st.lists(st.sampled_from(["ok", "before", "after"]), max_size=5),
        crash=st.none() | st.none() | st.integers(1, 12),
    )
    def run(self, faults: list[str] | None = None, crash: int | None = None) -> None:
        self.portal.faults, self.sync.crash_at = list(faults or ()), crash
        with contextlib.suppress(Crash):
            self.sync.run(self.folder, next(self.clock))
        self.portal.faults, self.sync.crash_at = [], None
        self.look()

    @invariant()
    def nothing_is_doubled(self) -> None:
        origins = [deal["origin"] for deal in self.portal.deals.values() if deal["origin"]]
        assert len(origins) == len(set(origins)), "DOUBLED on the portal"
        numbers = [record["number"] for record in self.onec.records.values() if record["number"]]
        assert len(numbers) == len(set(numbers)), "DOUBLED in 1C"
        born = {number for number in numbers if self.portal.deals[int(keys.decode(number).id)]["origin"]}
        assert not born, "an order of 1C went back as a second order"

    @rule()
    def settle(self) -> None:
        """Nobody edits, nothing fails: both sides must come to the same, keep every edit, and then stay quiet."""
        for file in self.late:
            self.deliver(file)
        self.late.clear()
        for _ in range(9):
            before = self.sides()
            self.run()
            self.session(full=self.lost, same_name=True)
            if self.sides() == before and not self.sync.published:
                break
        assert not self.sync.published, "NEVER QUIET: the outgoing file is still full"
        self.run()
        writes, publications = self.portal.writes, self.sync.publications
        self.session(full=self.lost, same_name=True)
        self.run()
        assert (self.portal.writes, self.sync.publications) == (writes, publications), "NOT IDEMPOTENT"
        self.lost = False
        self.both_sides_agree()

    def sides(self) -> Any:
        return copy.deepcopy((self.portal.deals, self.onec.records, self.sync.db["memory"]))

    def both_sides_agree(self) -> None:
        deals = {
            deal["origin"] or keys.order(str(number)): deal for number, deal in self.portal.deals.items()
        }
        records = {record["number"] or guid: record for guid, record in self.onec.records.items()}
        assert deals.keys() == records.keys(), "LOST record"
        for key, deal in deals.items():
            for field in FIELDS:
                assert deal[field] == records[key][field], (
                    f"NOT CONVERGED {key}.{field}: {deal[field]} / {records[key][field]}"
                )
                self.no_edit_is_lost(key, field, deal[field])

    def no_edit_is_lost(self, key: str, field: str, final: str) -> None:
        """The last edit of each side survived, or was seen by the one who replaced it, or stands in the journal of conflicts.

        What 1C overwrote by loading before we could read the edit was never known to us.
        """
        edits = {self.last[side, key, field] for side in ("portal", "1c") if (side, key, field) in self.last}
        for edit in edits - {final}:
            overruled = edit in self.sync.db["journal"] and self.author[edit] != self.author[final]
            excused = (
                edit in self.known[final] or overruled or edit in self.onec.overwritten - self.sync.taken
            )
            assert excused, f"LOST EDIT {key}.{field}: {edit} by {final}"


# ---- one history per seeded fault: short, so that a failure explains itself ----


def _tail_rule(model: Model) -> None:
    model.manager_makes_a_deal()
    model.settle()
    model.manager_edits(pick=0, field="x")


def _only_last_sent(model: Model) -> None:
    """1C answers with the first of two edits while the second is on its way: an echo, not an edit of 1C."""
    model.manager_makes_a_deal()
    model.settle()
    model.manager_edits(pick=0, field="y")
    for _ in range(RESEND):
        model.run()
        model.session(full=False)
    model.run()
    model.accountant_edits(pick=0, field="x")
    model.session(full=False, fate="late")
    model.manager_edits(pick=0, field="y")
    model.run()
    model.late_file_arrives(pick=0)


def _base_moved_at_send(model: Model) -> None:
    """A file made before the publication still shows the old value: it proves nothing."""
    model.accountant_makes_an_order()
    model.settle()
    model.manager_edits(pick=0, field="x")
    model.run()
    model.accountant_edits(pick=0, field="y")
    model.session(full=False)


def _want_not_noted(model: Model) -> None:
    """Killed between taking the file and writing to the portal: the file will not be read again."""
    model.accountant_makes_an_order()
    model.settle()
    model.accountant_edits(pick=0, field="y")
    model.session(full=False)
    model.run(crash=4)


def _one_side_adopted(model: Model) -> None:
    """Created, answer lost, edited in 1C, adopted: the values of 1C are newer than those agreed on."""
    model.accountant_makes_an_order()
    model.session(full=False)
    model.run(faults=["after", "ok"])
    model.accountant_edits(pick=0, field="y")
    model.session(full=False)


def _resend_for_ever(model: Model) -> None:
    model.manager_makes_a_deal()


def _sessions_counted_from_intent(model: Model) -> None:
    """Killed between the commit and the file: sessions of 1C until the next run have not seen it."""
    model.accountant_makes_an_order()
    model.settle()
    model.manager_edits(pick=0, field="x")
    model.run(crash=2)
    for _ in range(RESEND):
        model.session(full=True)


def _stale_per_file(model: Model) -> None:
    """A late file is the only one that tells of a record."""
    model.accountant_makes_an_order()
    model.session(full=False, fate="late")
    model.accountant_makes_an_order()
    model.session(full=False)
    model.run()
    model.late_file_arrives(pick=0)


def _version_guard_off(model: Model) -> None:
    """A late file is older than what is already known of the record."""
    model.accountant_makes_an_order()
    model.settle()
    model.accountant_edits(pick=0, field="y")
    model.session(full=False, fate="late")
    model.accountant_edits(pick=0, field="y")
    model.session(full=False)
    model.run()
    model.late_file_arrives(pick=0)


def _look_up_skipped(model: Model) -> None:
    model.accountant_makes_an_order()
    model.session(full=False)
    model.run(faults=["after", *["ok"] * (model.fault == "")])


def _newer_version_clears_in_doubt(model: Model) -> None:
    _look_up_skipped(model)
    model.accountant_edits(pick=0, field="x")
    model.session(full=False)


def _dedupe_by_name(model: Model) -> None:
    model.accountant_makes_an_order()
    model.session(full=False, same_name=True)
    model.run()
    model.accountant_edits(pick=0, field="x")
    model.session(full=False, same_name=True)


def _done_before_send(model: Model) -> None:
    model.accountant_makes_an_order()
    model.session(full=False)
    model.run(faults=["before", "ok"])


def _born_in_1c_sent_as_new(model: Model) -> None:
    model.accountant_makes_an_order()
    model.session(full=False)
    model.run()
    model.session(full=False)


def _matched_by_name(model: Model) -> None:
    model.accountant_makes_an_order()
    model.accountant_makes_an_order()
    model.session(full=False)


FOUND = r"LOST|DOUBLED|NOT CONVERGED|NEVER QUIET|NOT IDEMPOTENT|second order"


def play(fault: str, history: Callable[[Model], None]) -> None:
    model = type("Played", (Model,), {"fault": fault})()
    history(model)
    model.nothing_is_doubled()
    model.settle()
    model.nothing_is_doubled()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_seeded_fault_is_found(fault: str) -> None:
    history = globals()[f"_{fault}"]
    play("", history)
    with pytest.raises(AssertionError, match=FOUND):
        play(fault, history)


def campaign(fault: str, examples: int, *, seed: bool = True) -> None:
    machine = type("Campaign", (Model,), {"fault": fault})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=seed,
            print_blob=False,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_history_loses_or_doubles_anything() -> None:
    campaign("", 80)


@pytest.mark.slow
def test_a_long_campaign_of_random_histories() -> None:
    campaign("", 20_000, seed=False)


#: found by chance within a few hundred histories; the others need a rarer meeting of events and are played above
OFTEN = (
    "tail_rule",
    "base_moved_at_send",
    "one_side_adopted",
    "resend_for_ever",
    "look_up_skipped",
    "dedupe_by_name",
    "born_in_1c_sent_as_new",
    "matched_by_name",
)


@pytest.mark.slow
@pytest.mark.parametrize("fault", OFTEN)
def test_random_histories_find_the_common_faults_by_themselves(fault: str) -> None:
    with pytest.raises(BaseException, match=FOUND):
        campaign(fault, 5_000)
