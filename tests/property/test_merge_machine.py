"""Random histories of two systems, an exchange folder, crashes, lost and late files: nothing doubled, nothing lost, all converges.

The running exchange of a directory stands between a hostile portal and a hostile 1C (`tests.support.two_sides`): memory,
links, outbox, publications and documents on SQLite, the file that 1C reads, the protocol of writes. Only the two systems
and the taking of files are modelled.

Each seeded fault breaks one rule of DESIGN §5 in the running code, and the campaign must find it.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from etl.bitrix24 import writes
from etl.errors import TryLater
from etl.flows import agreement
from etl.flows.agreement import Memory
from etl.flows.directories import files, hearing, pairing, writing
from etl.flows.publication import file as publication
from etl.state.outgoing import Publications
from etl.transform import agreed, decisions, identity
from etl.transform.agreed import ABSENT, Agreed
from tests.support.two_sides import FIELDS, RESEND, Crash, OneC, Portal, Sync, our_id

FEW = 2  # records of each side: faults meet on the same record more often


# ---- one rule of the running code broken, each ----
def _tail_rule(patch: pytest.MonkeyPatch) -> None:
    """What was sent is compared with the base, not with what was sent last."""
    patch.setattr(decisions, "_tails", lambda rows: rows.form["base"])


def _only_last_sent(patch: pytest.MonkeyPatch) -> None:
    frame = Memory.frame

    def last(memory: Memory, *told: Any) -> Any:
        rows = frame(memory, *told)
        rows["sent"] = [sent[-1:] for sent in rows["sent"]]
        return rows

    patch.setattr(Memory, "frame", last)


def _base_moved_at_send(patch: pytest.MonkeyPatch) -> None:
    put = Memory.set

    def moved(memory: Memory, key: Any, field: str, value: Agreed) -> None:
        put(memory, key, field, Agreed(value.tail, (), value.want) if value.sent else value)

    patch.setattr(Memory, "set", moved)


def _want_not_noted(patch: pytest.MonkeyPatch) -> None:
    stored = agreement._stored
    patch.setattr(agreement, "_stored", lambda *told: {**stored(*told), "wanting": False, "want": None})


def _one_side_adopted(patch: pytest.MonkeyPatch) -> None:
    """A new pair takes what 1C says as agreed."""

    def taken(known: Agreed, held: Any, told: Any) -> Agreed:
        return dataclasses.replace(known, base=told, want=ABSENT) if known.base is ABSENT else known

    patch.setattr(agreed, "paired", taken)


def _resend_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Publications, "silent", lambda *_: [])


def _sessions_counted_from_intent(patch: pytest.MonkeyPatch) -> None:
    """A publication counts as published before its file is in place."""
    write = publication.write_file

    def early(run: Any, path: str, *told: Any) -> None:
        run.state.publications.published(path)
        write(run, path, *told)

    patch.setattr(files.outgoing, "write_file", early)


def _version_guard_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hearing, "newer", lambda *_: False)


def _look_up_skipped(patch: pytest.MonkeyPatch) -> None:
    adopted = writes._adopted
    patch.setattr(writes, "_adopted", lambda new, _found: adopted(new, []))


def _settled_before_write(patch: pytest.MonkeyPatch) -> None:
    """What the portal is to hold counts as written when it leaves."""
    results = writing._results

    def settled(found: Any, known: Any) -> Any:
        for save in known.values():
            writing._agree(found, save)
        found.memory.commit()
        return results(found, known)

    patch.setattr(writing, "_results", settled)


def _born_in_1c_sent_as_new(patch: pytest.MonkeyPatch) -> None:
    """The portal's own word that a card is a record of 1C is not listened to."""
    patch.setattr(pairing, "_known", lambda _: iter(()))


def _matched_by_name(patch: pytest.MonkeyPatch) -> None:
    """All bear one name, and a proposal ties."""

    def tied(found: Any, portal: str, onec: str, *, is_alone: bool) -> None:
        if portal not in found.paired and onec not in found.pairs:
            identity._pair(found, portal, onec, "name")

    alike = dataclasses.replace(identity.PARTIES, key=lambda _: "Ромашка")
    patch.setattr(identity, "PARTIES", alike)
    patch.setattr(identity, "_judge", tied)


def _in_the_intake(_patch: pytest.MonkeyPatch) -> None:
    """A rule of the taking of files, see `Sync`."""


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "tail_rule": _tail_rule,
    "sessions_counted_from_intent": _sessions_counted_from_intent,
    "only_last_sent": _only_last_sent,
    "base_moved_at_send": _base_moved_at_send,
    "want_not_noted": _want_not_noted,
    "one_side_adopted": _one_side_adopted,
    "resend_for_ever": _resend_for_ever,
    "stale_per_file": _in_the_intake,
    "version_guard_off": _version_guard_off,
    "look_up_skipped": _look_up_skipped,
    "dedupe_by_name": _in_the_intake,
    "settled_before_write": _settled_before_write,
    "born_in_1c_sent_as_new": _born_in_1c_sent_as_new,
    "matched_by_name": _matched_by_name,
}


@contextlib.contextmanager
def broken(fault: str) -> Iterator[None]:
    """The running code with one rule broken; with no fault, as it is."""
    with pytest.MonkeyPatch.context() as patch:
        if fault:
            FAULTS[fault](patch)
        yield


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
        self.unseen: set[str] = set()  # edits that 1C overwrote before we could read them
        self.made = 0  # records that people made, on either side
        self.clock = itertools.count(1)
        self.values = (f"v{number}" for number in itertools.count(1))
        self.last: dict[tuple[str, str, str], str] = {}  # (side, record, field) -> last edit
        self.author: dict[str, str] = {}
        self.known: dict[str, set[str]] = {}  # edit -> values its author could have seen
        self.held: dict[tuple[str, str, str], set[str]] = {}  # (side, record, field) -> values held so far

    def teardown(self) -> None:
        self.sync.close()

    # ---- people ----

    def edited(self, side: str, record: str, field: str, value: str) -> None:
        held = self.held.setdefault((side, record, field), set())
        self.known[value], self.author[value] = set(held), side
        held.add(value)
        self.last[side, record, field] = value

    def cards(self) -> dict[str, dict[str, Any]]:
        """Cards of the portal by the Ид that their record has in 1C."""
        return {card["origin"] or our_id(number): card for number, card in self.portal.cards.items()}

    def look(self) -> None:
        """Both systems show what they hold: a later editor of that system has seen it."""
        for side, records in (("portal", self.cards()), ("1c", self.onec.records)):
            for key, record in records.items():
                for field in FIELDS:
                    self.held.setdefault((side, key, field), set()).add(record[field])

    @precondition(lambda self: len(self.portal.cards) < FEW)
    @rule()
    def manager_makes_a_card(self) -> None:
        number = len(self.portal.cards) + 1
        values = {field: next(self.values) for field in FIELDS}
        self.portal.cards[number] = {"origin": None, **values}
        self.made += 1
        for field, value in values.items():
            self.edited("portal", our_id(number), field, value)

    @precondition(lambda self: len(self.onec.records) < FEW)
    @rule()
    def accountant_makes_a_record(self) -> None:
        values = {field: next(self.values) for field in FIELDS}
        guid = self.onec.create(None, values, dirty=True)
        self.made += 1
        for field, value in values.items():
            self.edited("1c", guid, field, value)

    @precondition(lambda self: self.portal.cards)
    @rule(pick=st.integers(0, 5), field=st.sampled_from(FIELDS))
    def manager_edits(self, pick: int, field: str) -> None:
        self.look()
        key, card = sorted(self.cards().items())[pick % len(self.portal.cards)]
        card[field] = next(self.values)
        self.edited("portal", key, field, card[field])

    @precondition(lambda self: self.onec.records)
    @rule(pick=st.integers(0, 5), field=st.sampled_from(FIELDS))
    def accountant_edits(self, pick: int, field: str) -> None:
        self.look()
        guid = sorted(self.onec.records)[pick % len(self.onec.records)]
        record = self.onec.records[guid]
        record.update({field: next(self.values), "dirty": True, "version": record["version"] + 1})
        self.edited("1c", guid, field, record[field])

    # ---- 1C and the folder ----

    @rule(
        full=st.booleans(),
        fate=st.sampled_from(["now", "now", "late", "lost"]),
        same_name=st.booleans(),
        versions=st.booleans(),
        echo=st.booleans(),
    )
    def session(
        self,
        full: bool = True,
        fate: str = "now",
        same_name: bool = False,
        versions: bool = True,
        echo: bool = False,
    ) -> None:
        self.look()
        told = self.onec.session(self.sync.file(), full=full, echo=echo)
        self.unseen |= self.onec.overwritten - self.sync.taken
        self.onec.overwritten.clear()
        self.look()
        made = next(self.clock)
        for record in told.values():
            record["said"] = str(record["version"]) if versions else None
        file = {"made": made, "name": "import.xml" if same_name else f"import-{made}.xml", "documents": told}
        if fate == "late":
            self.late.append(file)
        elif fate == "now":
            self.deliver(file)
        else:
            self.lost = True

    def deliver(self, file: dict[str, Any]) -> None:
        unread = self.folder.get(file["name"])
        self.lost |= unread is not None and not self.sync.has_read(unread["made"])
        self.folder[file["name"]] = file

    @precondition(lambda self: self.late)
    @rule(pick=st.integers(0, 3))
    def late_file_arrives(self, pick: int) -> None:
        self.deliver(self.late.pop(pick % len(self.late)))

    # ---- we ----

    @rule(
        faults=st.lists(st.sampled_from(["ok", "before", "after"]), max_size=5),
        crash=st.none() | st.none() | st.integers(1, 30),
    )
    def run(self, faults: list[str] | None = None, crash: int | str | None = None) -> None:
        self.portal.faults, self.sync.crash_at = list(faults or ()), crash or 0
        with contextlib.suppress(Crash, TryLater):
            self.sync.run(self.folder, next(self.clock))
        self.portal.faults, self.sync.crash_at = [], 0
        self.look()

    @invariant()
    def nothing_is_doubled(self) -> None:
        origins = [card["origin"] for card in self.portal.cards.values() if card["origin"]]
        assert len(origins) == len(set(origins)), "DOUBLED on the portal"
        twice = [
            number
            for number, card in self.portal.cards.items()
            if card["origin"] not in (None, our_id(number)) and our_id(number) in self.onec.records
        ]
        assert not twice, "DOUBLED in 1C: a record of 1C went back as a second one"

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
            if self.sides() == before and not self.sync.file():
                break
        assert not self.sync.file(), "NEVER QUIET: the outgoing file is still full"
        self.run()
        written, published = self.portal.writes, self.sync.published()
        self.session(full=self.lost, same_name=True)
        self.run()
        assert (self.portal.writes, self.sync.published()) == (written, published), "NOT IDEMPOTENT"
        self.lost = False
        self.both_sides_agree()

    def sides(self) -> Any:
        return copy.deepcopy((self.portal.cards, self.onec.records, self.sync.remembered()))

    def both_sides_agree(self) -> None:
        cards = self.cards()
        assert cards.keys() == self.onec.records.keys(), "LOST record"
        assert len(cards) == self.made, "LOST record: two became one"
        for key, card in cards.items():
            for field in FIELDS:
                theirs = self.onec.records[key][field]
                assert card[field] == theirs, f"NOT CONVERGED {key}.{field}: {card[field]} / {theirs}"
                self.no_edit_is_lost(key, field, card[field])

    def no_edit_is_lost(self, key: str, field: str, final: str) -> None:
        """The last edit of each side survived, or was seen by the one who replaced it, or stands in the journal of conflicts.

        What 1C overwrote by loading before we could read the edit was never known to us.
        """
        edits = {self.last[side, key, field] for side in ("portal", "1c") if (side, key, field) in self.last}
        for edit in edits - {final}:
            overruled = edit in self.sync.overruled and self.author[edit] != self.author[final]
            excused = edit in self.known[final] or overruled or edit in self.unseen
            assert excused, f"LOST EDIT {key}.{field}: {edit} by {final}"


# ---- one history per seeded fault: short, so that a failure explains itself ----


def _history_of_tail_rule(model: Model) -> None:
    model.manager_makes_a_card()
    model.settle()
    model.manager_edits(pick=0, field="name")


def _history_of_only_last_sent(model: Model) -> None:
    """1C answers with the first of two edits while the second is on its way: an echo, not an edit of 1C."""
    model.manager_makes_a_card()
    model.settle()
    model.manager_edits(pick=0, field="okpo")
    for _ in range(RESEND):
        model.run()
        model.session(full=False)
    model.run()
    model.accountant_edits(pick=0, field="name")
    model.session(full=False, fate="late")
    model.manager_edits(pick=0, field="okpo")
    model.run()
    model.late_file_arrives(pick=0)


def _history_of_base_moved_at_send(model: Model) -> None:
    """A file made before the publication still shows the old value: it proves nothing."""
    model.accountant_makes_a_record()
    model.settle()
    model.accountant_edits(pick=0, field="okpo")
    model.session(full=False, fate="late")
    model.manager_edits(pick=0, field="name")
    model.run()
    model.late_file_arrives(pick=0)


def _history_of_want_not_noted(model: Model) -> None:
    """The portal did not take the value: the file will not be read again."""
    model.accountant_makes_a_record()
    model.settle()
    model.accountant_edits(pick=0, field="okpo")
    model.session(full=False)
    model.run(faults=["before"] * 5)


_history_of_settled_before_write = _history_of_want_not_noted


def _history_of_one_side_adopted(model: Model) -> None:
    """Created, answer lost, edited in 1C, adopted: the values of 1C are newer than those agreed on."""
    model.accountant_makes_a_record()
    model.session(full=False)
    model.run(faults=[*["before"] * 9, "after", "ok"])
    model.accountant_edits(pick=0, field="okpo")
    model.session(full=False)


def _history_of_resend_for_ever(model: Model) -> None:
    model.manager_makes_a_card()


def _history_of_sessions_counted_from_intent(model: Model) -> None:
    """Killed between the commit and the file: sessions of 1C until the next run have not seen it."""
    model.accountant_makes_a_record()
    model.settle()
    model.manager_edits(pick=0, field="name")
    model.run(crash="file")
    for _ in range(RESEND):
        model.session(full=True)


def _history_of_stale_per_file(model: Model) -> None:
    """A late file is the only one that tells of a record."""
    model.accountant_makes_a_record()
    model.session(full=False, fate="late")
    model.accountant_makes_a_record()
    model.session(full=False)
    model.run()
    model.late_file_arrives(pick=0)


def _history_of_version_guard_off(model: Model) -> None:
    """A late file is older than what is already known of the record."""
    model.accountant_makes_a_record()
    model.settle()
    model.accountant_edits(pick=0, field="okpo")
    model.session(full=False, fate="late")
    model.accountant_edits(pick=0, field="okpo")
    model.session(full=False)
    model.run()
    model.late_file_arrives(pick=0)


def _history_of_look_up_skipped(model: Model) -> None:
    """The answer to a creation is lost; the next attempt of the same run must find it."""
    model.accountant_makes_a_record()
    model.session(full=False)
    model.run(faults=["after", "ok"])


def _history_of_dedupe_by_name(model: Model) -> None:
    model.accountant_makes_a_record()
    model.session(full=False, same_name=True)
    model.run()
    model.accountant_edits(pick=0, field="name")
    model.session(full=False, same_name=True)


def _history_of_born_in_1c_sent_as_new(model: Model) -> None:
    """The state is lost: only the card says whose it is."""
    model.accountant_makes_a_record()
    model.settle()
    model.sync.forget()
    model.folder.clear()


def _history_of_matched_by_name(model: Model) -> None:
    model.manager_makes_a_card()
    model.accountant_makes_a_record()
    model.session(full=False)


FOUND = r"LOST|DOUBLED|NOT CONVERGED|NEVER QUIET|NOT IDEMPOTENT"


def play(fault: str, history: Callable[[Model], None]) -> None:
    model = type("Played", (Model,), {"fault": fault})()
    with contextlib.closing(model.sync), broken(fault):
        history(model)
        model.nothing_is_doubled()
        model.settle()
        model.nothing_is_doubled()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_seeded_fault_is_found(fault: str) -> None:
    history = globals()[f"_history_of_{fault}"]
    play("", history)
    with pytest.raises(AssertionError, match=FOUND):
        play(fault, history)


def campaign(fault: str, examples: int, *, seed: bool = True) -> None:
    machine = type("Campaign", (Model,), {"fault": fault})
    with broken(fault):
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
    campaign("", 50)


@pytest.mark.slow
def test_a_long_campaign_of_random_histories() -> None:
    campaign("", 5_000, seed=False)


#: found by chance within a few hundred histories; the others need a rarer meeting of events and are played above
OFTEN = (
    "tail_rule",
    "base_moved_at_send",
    "resend_for_ever",
    "look_up_skipped",
    "dedupe_by_name",
    "matched_by_name",
)


@pytest.mark.slow
@pytest.mark.parametrize("fault", OFTEN)
def test_random_histories_find_the_common_faults_by_themselves(fault: str) -> None:
    with pytest.raises(BaseException, match=FOUND):
        campaign(fault, 1_000)
