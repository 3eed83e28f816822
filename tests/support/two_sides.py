"""Two hostile systems around the running exchange of a directory: a portal that loses answers, a 1C that never
acknowledges, and our side on a real state, exchange folder, client and outbox, which dies at any commit.

1C loads the same file every session before it exports, may leave out of an export what it has just loaded, and
forgets a change as soon as a file holds it. What 1C exports is given to the exchange as records; what it reads
is the CommerceML file that the exchange has written.
"""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from etl import tables
from etl.bitrix24 import writes
from etl.bitrix24.calls import Command
from etl.bitrix24.client import Client
from etl.bitrix24.secret import Secret
from etl.bitrix24.transport import Answer, Transport
from etl.bitrix24.writes import New, Result, Write
from etl.config.profile import Entity, Profile
from etl.exchange.folder import Exchange
from etl.extract.commerceml import read as commerceml
from etl.flows.agreement import Key
from etl.flows.directories import comparison, exchange
from etl.flows.directories.comparison import Comparison, Kind
from etl.flows.directories.files import known_fields, value_for_1c
from etl.flows.directories.records import Card, Save, intent, outbox
from etl.flows.portal.outbox import recover
from etl.flows.publication.answers import count_session
from etl.flows.reading import Reading
from etl.flows.run import Clock, Journal, Options, Run
from etl.flows.side import PortalSide
from etl.report import RunReport
from etl.state.store import Store
from etl.transform import identity
from etl.values import keys

Record = dict[str, Any]

#: two-way fields, and who is right in a conflict
FIELDS = ("name", "okpo")
OWNERS: dict[str, Any] = {"name": "portal", "okpo": "1c"}
RESEND = 2
ENTITY, SCOPE = "company", "parties"
OURS, PORTAL = "obmen24", "test"
FILE = "to_1c/parties.xml"
_PUBLISHED = ("planned", "published", "echoed", "assumed", "refused")
_START = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
_TICK = dt.timedelta(minutes=10)
_SETTINGS = Entity(direction="both", owners=OWNERS)


class Crash(BaseException):
    """kill -9."""


def moment(tick: int) -> dt.datetime:
    """A tick of the common clock as a moment."""
    return _START + tick * _TICK


def our_id(number: int) -> str:
    """Ид under which a card of the portal is sent to 1C."""
    return keys.document_id(PORTAL, ENTITY, str(number))


# ---- the two systems
class Portal(Transport):
    """Cards of the portal behind the wire. `faults`: what becomes of the next requests: `before` the call is
    lost, `after` its answer is.
    """

    def __init__(self) -> None:
        super().__init__(Secret("https://portal.test/rest/1/model/"))
        self.cards: dict[int, Record] = {}
        self.faults: list[str] = []
        self.writes = 0

    def post(self, method: str, params: Any) -> Answer:
        """One batch, executed as far as the fault lets it."""
        assert method == "batch"
        fault = self.faults.pop() if self.faults else "ok"
        if fault == "before":
            return Answer(None, failure="lost")
        done = {name: self._executed(text) for name, text in params["cmd"].items()}
        if fault == "after":
            return Answer(None, failure="lost")
        return Answer(200, {"result": {"result": done}})

    def _executed(self, text: str) -> Any:
        called, _, query = text.partition("?")
        params = dict(parse_qsl(query, keep_blank_values=True))
        if called == "model.card.list":
            return [str(number) for number, card in self.cards.items() if card["origin"] == params["origin"]]
        self.writes += 1
        number = int(params.pop("id", 0)) or len(self.cards) + 1
        self.cards.setdefault(number, {"origin": None}).update(params)
        return str(number)


class OneC:
    """Records of 1C. `overwritten`: values that it replaced by loading our file, session by session."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.overwritten: set[str] = set()

    def create(self, guid: str | None, values: Mapping[str, str], *, dirty: bool) -> str:
        """A new record, under our Ид where it came with a file."""
        guid = guid or f"guid-{len(self.records) + 1}"
        self.records[guid] = {"version": 1, "dirty": dirty, **values}
        return guid

    def session(self, file: Mapping[str, Record], *, full: bool, echo: bool) -> dict[str, Record]:
        """Load our file, then export what people changed since, or everything; what was just loaded is told
        with the values that the base now holds (`echo`), or left for the next session.
        """
        for guid, values in file.items():
            self._load(guid, values)
        told: dict[str, Record] = {}
        for guid, record in self.records.items():
            is_due = echo if guid in file else full or record["dirty"]
            if is_due:
                record["dirty"] = False
                told[guid] = copy.deepcopy(record)
        return told

    def _load(self, guid: str, values: Record) -> None:
        if guid not in self.records:
            self.create(guid, values, dirty=False)
            return
        record = self.records[guid]
        self.overwritten |= {record[field] for field in values if record[field] != values[field]}
        record.update(values, version=record["version"] + 1)


# ---- our side
class Sync:
    """The running exchange of one directory, run after run on one state. Faults that break a rule of the intake
    are named in `fault`; the intake of files is the only part that is modelled here.
    """

    def __init__(self, portal: Portal, fault: str) -> None:
        self.portal, self.fault = portal, fault
        self._folder = _folder()
        self.base = Path(self._folder.name)
        self.profile = _profile(self.base)
        self.now = moment(0)
        self.steps = 0
        self.crash_at: int | str = 0
        self.store = self._opened()
        self.client = Client(
            Secret("https://portal.test/rest/1/model/"),
            transport=portal,
            workers=1,
            rate=1e9,
            clock=self._seconds,
            sleep=lambda _seconds: None,
        )
        self.taken: set[str] = set()
        self.overruled: set[str] = set()
        self._made: set[int] = set()

    def close(self) -> None:
        """Let go of the state and its folder."""
        self.store.close()
        self._folder.cleanup()

    def _seconds(self) -> float:
        return self.now.timestamp()

    def _opened(self) -> Store:
        state = self.base / "state.sqlite"
        state.write_bytes(_empty_state())
        store = Store.open(f"sqlite:///{state}", portal=PORTAL, clock=lambda: self.now)
        self._watch_commits(store)
        return store

    def forget(self) -> None:
        """The state is lost."""
        self.store.close()
        for file in self.base.glob("state.sqlite*"):
            file.unlink()
        self.store = self._opened()

    def has_read(self, made: int) -> bool:
        """Whether the file made at this tick has been read to its end."""
        return made in self._made

    def published(self) -> int:
        """How many publications there have been."""
        return len(self.store.publications.listed(*_PUBLISHED))

    def remembered(self) -> list[Any]:
        """What is remembered of all fields."""
        return sorted(self.store.fields.read(ENTITY), key=lambda row: (row["key"], row["field"]))

    def file(self) -> dict[str, Record]:
        """What 1C finds in our file: id -> the fields it names."""
        path = self.base / "exchange" / FILE
        if not path.exists():
            return {}
        rows = tables.records(commerceml.read_tables(path)["parties"])
        return {row["id"]: {name: row[name] for name in FIELDS if row[name] is not None} for row in rows}

    def run(self, folder: Mapping[str, Record], tick: int) -> None:
        """One run over the files that lie in the folder. Raises Crash, TryLater."""
        self.steps, self.now = 0, moment(tick)
        with self.store.lock():
            run = self._begun()
            recover(self.store)
            items = self._claimed(run, folder)
            told = [(name, file) for name, file in items if not self._is_stale(file)]
            found = comparison.opened(run, Reading(), self._kind(told), {ENTITY: _SETTINGS}, FILE)
            try:
                exchange.exchange(found)
            finally:
                self._look(run, [file for _, file in told])
            with self.store.transaction():
                for name, file in items:
                    self.store.files.mark("in", self._digest(name, file), "parsed")
            self._made |= {file["made"] for _, file in items}
            self.store.runs.finish(run.number, "clean")

    def _begun(self) -> Run:
        folder = Exchange(self.base / "exchange", self.base / "spool", ())
        folder.prepare()
        self._watch_files(folder)
        number = self.store.runs.begin("test", [SCOPE])
        journal = Journal(self.store, number, RunReport(run=str(number)))
        clock = Clock(self.now, self.profile.onec.time_zone)
        return Run(self.profile, Options(), self.store, folder, clock, PortalSide(self.profile), journal)

    # ---- files
    def _claimed(self, run: Run, folder: Mapping[str, Record]) -> list[tuple[str, Record]]:
        """Files that are not known by their content, in the order in which 1C made them."""
        items: list[tuple[str, Record]] = []
        for name, file in sorted(folder.items(), key=lambda item: item[1]["made"]):
            made, digest = moment(file["made"]), self._digest(name, file)
            count_session(run, made)
            known = self.store.files.seen("in", digest)
            if known is None or known.state != "parsed":
                self.store.files.take("in", digest, name, run=run.number, generated_at=made)
                items.append((name, file))
        return items

    def _digest(self, name: str, file: Record) -> str:
        content = name if self.fault == "dedupe_by_name" else json.dumps([file["made"], file["documents"]])
        return hashlib.sha256(content.encode()).hexdigest()

    def _is_stale(self, file: Record) -> bool:
        return self.fault == "stale_per_file" and file["made"] < max(self._made, default=0)

    def _look(self, run: Run, files: Sequence[Record]) -> None:
        """For the oracle: what has been taken of the files, and what conflicts stand in the journal."""
        for file in files:
            for guid, record in file["documents"].items():
                known = self.store.files.document_versions([f"{ENTITY}:{guid}:"])
                if any(row["generated_at"] == moment(file["made"]) for row in known.values()):
                    self.taken |= {record[field] for field in FIELDS}
        places = [*map(str, self.portal.cards), *(guid for file in files for guid in file["documents"])]
        for row in itertools.chain.from_iterable(self.store.runs.why(ENTITY, place) for place in places):
            if "с обеих" in (row["rule"] or "") or "сопоставлении" in (row["rule"] or ""):
                self.overruled.add(row["before"])

    # ---- the directory
    def _kind(self, told: Sequence[tuple[str, Record]]) -> Kind:
        def heard(_found: Comparison) -> Iterator[tuple[Card, Record]]:
            for name, file in told:
                for guid, record in file["documents"].items():
                    values = {field: record[field] for field in FIELDS}
                    yield Card(ENTITY, guid, values), {"file": name, "version": record["said"]}

        return Kind(
            scope=SCOPE,
            two_way={ENTITY: FIELDS},
            one_way={ENTITY: ()},
            kept={},
            heard=heard,
            read=self._read,
            matches=_matches,
            rivals=comparison.named_alike,
            is_sendable=comparison.has_name,
            save=self._save,
            payloads=_payloads,
        )

    def _read(self, _found: Comparison) -> dict[str, Record]:
        held: dict[str, Record] = {}
        for number, card in self.portal.cards.items():
            marks = {"origin": card["origin"], "originator": OURS if card["origin"] else None}
            held[f"{ENTITY}_{number}"] = {**card, **marks, "id": f"{ENTITY}_{number}", "extra": marks}
        return held

    def _save(self, found: Comparison, saves: Sequence[Save]) -> Iterator[Result]:
        """Creations are looked up and sent, other cards are brought to their values, by the running rules of
        `etl.bitrix24.writes`.
        """
        noted = outbox(found.run)
        news = [_new(save) for save in saves if save.id is None]
        results = [*writes.create(self.client, noted, news, self._find)]
        results += writes.absolute(self.client, noted, [_update(save) for save in saves if save.id])
        for result in results:
            portal = result.id and f"{ENTITY}_{result.id}"
            yield Result(result.key.rpartition("/")[0], result.status, portal, result.reason)

    def _find(self, origins: Sequence[str]) -> Mapping[str, list[str]]:
        asked = {f"f{place}": origin for place, origin in enumerate(origins)}
        commands = {name: Command("model.card.list", {"origin": origin}) for name, origin in asked.items()}
        answers = self.client.read_batch(commands)
        return {origin: answers[name].result for name, origin in asked.items()}

    # ---- dying
    def _watch_commits(self, store: Store) -> None:
        database: Any = store._database
        begun: Callable[..., Any] = database._begun

        @contextmanager
        def watched(*, write: bool) -> Iterator[None]:
            with begun(write=write):
                yield
                if write:
                    self._point("commit")
            if write:
                self._point("committed")

        database._begun = watched

    def _watch_files(self, folder: Any) -> None:
        publish: Callable[..., Any] = folder.publish

        def watched(name: str, write: Any) -> Any:
            self._point("file")
            published = publish(name, write)
            self._point("filed")
            return published

        folder.publish = watched

    def _point(self, place: str) -> None:
        """A place to die at: before and after each commit and each file."""
        self.steps += 1
        if self.crash_at in (self.steps, place):
            self.crash_at = 0
            raise Crash


def _new(save: Save) -> New:
    values = {"origin": save.key[1]} | {field: save.values[field] for field in FIELDS}
    return New(f"{intent(save.key)}/item", save.key[1], Command("model.card.add", values))


def _update(save: Save) -> Write:
    """The card's values; one that bears no Ид of 1C gets it."""
    number = (save.id or "").partition("_")[2]
    values = {"id": number, "origin": save.key[1]} | save.values
    return Write(f"{intent(save.key)}/fields", number, Command("model.card.update", values))


def _matches(
    found: Comparison,
    onec: Sequence[Any],
    links: Sequence[identity.Link],
    answers: Sequence[identity.Answer],
) -> identity.Matches:
    held: Any = found.held.values()
    return identity.match(held, onec, links, answers, originator=OURS)


def _payloads(found: Comparison, changed: Mapping[Key, set[str]]) -> dict[str, Record]:
    return {key[1]: _payload(found, key) for key in changed}


def _payload(found: Comparison, key: Key) -> Record:
    fields = known_fields(found.memory, key, FIELDS)
    row = {field: value_for_1c(found, key, field) for field in {"name", *fields}}
    party = {"id": key[1], "kind": "legal", **row}
    return {"tables": {"parties": [party]}, "carries": [[*key, fields]]}


# ---- the ground
def _profile(base: Path) -> Profile:
    return Profile.model_validate(
        {
            "path": base / "model.toml",
            "flows": [SCOPE],
            "bitrix24": {"name": PORTAL, "originator": OURS, "webhook_file": "webhook"},
            "onec": {"dialect": "bitrix3", "extended": True, "folder": "exchange", "resend": RESEND},
            "organisations": [{"name": "ООО «Пример»"}],
        }
    )


def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder in memory where there is one: the machine commits thousands of times."""
    shared = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None)


@cache
def _empty_state() -> bytes:
    """A migrated state, made once and copied."""
    with _folder() as folder:
        path = Path(folder) / "empty.sqlite"
        Store.open(f"sqlite:///{path}", portal=PORTAL).close()
        return path.read_bytes()
