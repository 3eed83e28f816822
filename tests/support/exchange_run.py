"""One small but whole run over the real store and the real exchange folder, and the ways to break it at any step.

    exchange_run.py run ROOT            one run; the campaign with strace kills it from outside
    exchange_run.py campaign BASE STRIDE once|twice    every failpoint, in forked children; prints what went wrong as JSON

The portal is a folder of files, one per deal made, so it survives its client. A failpoint stands before each mutating call of
the file system and around each commit and each call of the portal: the child ends there as by kill -9, or the call fails as on
a full disk. Then the run is repeated without faults, and the end must be that of a run nobody disturbed (reliability §6, I11).
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from etl import tables
from etl.errors import Rejected, TryLater
from etl.exchange.folder import Exchange, Taken, sources
from etl.state.store import Store
from etl.values import keys

MONTH = "2026-11"
NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
KILLED = 137
CAN_FAIL = ("replace", "link", "fsync", "create")


class Portal:
    """Deals by origin. `add` makes one more each time it is called: only asking first keeps them single."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def find(self, origin: str) -> str | None:
        return next((name for name in sorted(os.listdir(self.folder)) if name.endswith(f"-{origin}")), None)

    def add(self, origin: str) -> str:
        name = f"{len(os.listdir(self.folder)) + 1}-{origin}"
        os.mknod(self.folder / name)  # a disk of its own: no failpoint stands before it
        return name


def verify(path: Path, _name: str) -> None:
    if not path.read_bytes().endswith(b"."):
        raise Rejected("Файл обрезан.", "Выгрузите его ещё раз.")


def run(root: Path) -> None:
    """Take files, make a deal of every word in them, bill the deals, publish the register for 1C."""
    exchange = Exchange(
        root / "share",
        root / "state" / "spool",
        sources(["from_1c/*.xml", "1cbitrix*.xml"]),
        settle_seconds=0,
        now=lambda: NOON,
        reserve=0,
    )
    with (
        Store.open(f"sqlite:///{root / 'state' / 'state.sqlite'}", portal="p", clock=lambda: NOON) as store,
        store.lock(),
    ):
        exchange.prepare()
        number = store.runs.begin("test", ["documents-in", "billing"])
        for file in store.files.listed("parsed"):
            if place := exchange.find_archived(file.hash):
                store.files.mark("in", file.hash, "archived", stored_as=place)
        store.outbox.recover()
        look = exchange.take(verify)
        for taken in look.taken:
            read(store, taken, number)
        deliver(store, Portal(root / "portal"))
        for taken in look.taken:
            store.files.mark("in", taken.sha256, "archived", stored_as=exchange.archive(taken))
        for bad in look.bad:
            store.files.take("in", bad.taken.sha256, bad.taken.name, run=number)
            store.files.mark("in", bad.taken.sha256, "bad", reason=bad.error.message)
            exchange.quarantine(bad.taken, bad.error)
        bill(store, exchange, number)
        store.runs.finish(number, "clean")


def read(store: Store, taken: Taken, number: int) -> None:
    seen = store.files.seen("in", taken.sha256)
    if seen and seen.state in ("parsed", "archived"):
        return
    words = taken.path.read_text().rstrip(".").split()
    with store.transaction():
        store.files.take("in", taken.sha256, taken.name, run=number)
        store.facts.record(
            "payment",
            [{"source": "1c", "id": word, "target": word, "amount": Decimal("1.00")} for word in words],
        )
        store.outbox.put(
            [
                {"key": f"add|{word}", "entity": "deal", "entity_key": word, "method": "crm.deal.add"}
                for word in words
            ],
            number,
        )
        store.files.mark("in", taken.sha256, "parsed")


def deliver(store: Store, portal: Portal) -> None:
    for intent in store.outbox.pending():
        if intent["doubt"]:
            if found := portal.find(intent["entity_key"]):
                store.outbox.mark([intent["id"]], "done", result=found)
                continue
            store.outbox.mark([intent["id"]], "new")
        store.outbox.mark([intent["id"]], "sending")
        store.outbox.mark([intent["id"]], "done", result=portal.add(intent["entity_key"]))


def bill(store: Store, exchange: Exchange, number: int) -> None:
    charged = set(store.charges.current(MONTH)["deal"])
    paid = sorted(set(store.facts.rows("payment")["target"]) - charged, key=int)
    version = store.charges.open_version(MONTH)
    if paid:
        store.charges.plan(
            MONTH,
            [
                {
                    "deal": deal,
                    "month": MONTH,
                    "kind": "fee",
                    "version": version,
                    "number": keys.charge(deal, MONTH, version),
                    "payer": "П",
                    "payer_key": "п",
                    "amount": Decimal("1.00"),
                    "action": "new",
                }
                for deal in paid
            ],
            number,
        )
    planned = [row["version"] for row in store.charges.versions(MONTH) if row["state"] == "planned"]
    text = "\n".join(row["number"] for row in tables.records(store.charges.rows(MONTH))).encode()

    def write(stream: BinaryIO) -> None:
        stream.write(text)

    store.publications.put(
        [{"path": "to_1c/order.xml", "document": MONTH, "hash": hashlib.sha256(text).hexdigest()}], number
    )
    exchange.publish("to_1c/order.xml", write)
    with store.transaction():
        store.publications.published("to_1c/order.xml")
        for open_version in planned:
            store.charges.export(MONTH, open_version)


# ---- the world and its end state
def fresh(base: Path) -> Path:
    """A new world: two files to consume, one bad, one that stays, and a state that exists already."""
    root, state = base / f"world-{os.urandom(4).hex()}", base / "state"
    if not state.exists():
        Store.open(f"sqlite:///{state / 'state.sqlite'}", portal="p").close()
    folder = root / "share" / "from_1c"
    folder.mkdir(parents=True)
    (folder / "a.xml").write_text("1 2 3.")
    (folder / "b.xml").write_text("3 4.")
    (folder / "bad.xml").write_text("5 6")
    (root / "share" / "1cbitrix-x.xml").write_text("7.")
    shutil.copytree(state, root / "state")
    return root


def end_state(root: Path) -> dict[str, Any]:
    """Everything a person or a system can see afterwards; times and attempt counts apart."""
    share = root / "share"
    with Store.open(f"sqlite:///{root / 'state' / 'state.sqlite'}", portal="p") as store:
        inside = {
            "charges": store.charges.current()[["deal", "number"]].values.tolist(),
            "versions": [(row["version"], row["state"]) for row in store.charges.versions()],
            "outbox": sorted(
                (row["key"], row["state"])
                for row in store.outbox.listed("new", "sending", "doubt", "done", "failed")
            ),
            "files": sorted((file.name, file.state) for file in store.files.listed()),
            "publications": [
                (row["document"], row["state"]) for row in store.publications.listed("planned", "published")
            ],
            "payments": sorted(store.facts.rows("payment")["id"]),
        }
    files = {
        path.relative_to(share).as_posix(): path.read_text(encoding="utf-8-sig")
        for path in sorted(share.rglob("*"))
        if path.is_file()
    }
    plain: dict[str, Any] = json.loads(
        json.dumps(
            inside
            | {
                "share": files,
                "portal": sorted(name.partition("-")[2] for name in os.listdir(root / "portal")),
                "spool": sorted(path.name for path in (root / "state" / "spool").iterdir()),
            }
        )
    )
    return plain


# ---- failpoints
class Failpoints:
    """Counts the mutating steps of a run and breaks the n-th: `kill` ends the process, `full` makes the call fail with ENOSPC."""

    def __init__(self, at: int = 0, how: str = "kill") -> None:
        self.count, self.at, self.how = 0, at, how
        self.names: list[str] = []

    def step(self, name: str, can_fail: bool) -> None:
        self.count += 1
        self.names.append(name)
        if self.count == self.at:
            if self.how == "kill":
                os._exit(KILLED)
            if can_fail:
                raise OSError(errno.ENOSPC, "No space left on device")

    def install(self) -> None:
        """Stand before every mutating call of `os`, before and after every commit, before and after the portal."""
        for name in ("replace", "unlink", "link", "fsync", "mkdir", "fchmod"):
            setattr(os, name, self._guard(name, getattr(os, name), name in CAN_FAIL))
        opener = os.open
        guarded = self._guard("create", opener, "create" in CAN_FAIL)

        def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
            chosen = guarded if flags & os.O_CREAT else opener
            found: int = chosen(path, flags, *more, **named)
            return found

        os.open = opened
        sa.event.listen(sa.engine.Engine, "commit", lambda _connection: self.step("commit", False))
        sa.event.listen(
            sa.engine.Engine, "begin", lambda _connection: self.step("begin", False)
        )  # = after the commit before
        Portal.add = self._guard("portal", self._guard_after("portal answered", Portal.add), False)  # type: ignore[method-assign]

    def _guard(self, name: str, call: Callable[..., Any], can_fail: bool) -> Callable[..., Any]:
        def guarded(*given: Any, **named: Any) -> Any:
            self.step(name, can_fail)
            return call(*given, **named)

        return guarded

    def _guard_after(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*given: Any, **named: Any) -> Any:
            result = call(*given, **named)
            self.step(name, False)
            return result

        return guarded


def child(work: Callable[[], None]) -> int:
    """Run `work` in a forked child; its exit code: 0, 75 for TryLater, 137 killed, 1 for anything else."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except TryLater:
            code = 75
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def steps_of(base: Path) -> tuple[list[str], dict[str, Any]]:
    """The names of all steps of an undisturbed run and the end state it leaves."""
    root, noted = fresh(base), base / "steps.json"

    def work() -> None:
        points = Failpoints()
        points.install()
        run(root)
        names = list(points.names)
        noted.write_text(json.dumps(names))

    if child(work):
        raise SystemExit("the undisturbed run failed")
    return json.loads(noted.read_text()), end_state(root)


def campaign(base: Path, stride: int = 1, twice: bool = False) -> dict[str, Any]:
    """Break every step (every `stride`-th) in both ways, repeat, compare. `twice`: the repetition is killed too, somewhere else."""
    names, reference = steps_of(base)
    wrong: list[str] = []
    total = 0
    for how in ("kill", "full"):
        for at, name in enumerate(names, 1):
            if (how == "full" and name not in CAN_FAIL) or at % stride:
                continue
            root = fresh(base)

            def broken(root: Path = root, at: int = at, how: str = how) -> None:
                Failpoints(at, how).install()
                run(root)

            total += 1
            expected = KILLED if how == "kill" else 75
            if (code := child(broken)) != expected:
                wrong.append(f"{how} at {at} ({name}): exit {code}, expected {expected}")
            if twice:
                child(lambda root=root, at=at: broken(root, at * 7 % len(names) + 1, "kill"))  # type: ignore[misc]
            if (code := child(lambda root=root: run(root))) != 0:  # type: ignore[misc]
                wrong.append(f"{how} at {at} ({name}): the next run ended with {code}")
            elif (found := end_state(root)) != reference:
                wrong.append(
                    f"{how} at {at} ({name}): "
                    + "; ".join(
                        f"{key}: {found[key]} instead of {reference[key]}"
                        for key in reference
                        if found[key] != reference[key]
                    )
                )
            shutil.rmtree(root)
    return {"total": total, "steps": sorted(set(names)), "wrong": wrong, "reference": reference}


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(Path(sys.argv[2]))
    else:
        print(
            json.dumps(
                campaign(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "twice"), ensure_ascii=False
            )
        )
