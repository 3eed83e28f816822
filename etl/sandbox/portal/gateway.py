"""One request from the door to the answer: credentials, limits, planned faults, batch, journal.

The gateway knows nothing of sockets: it takes a decoded request and says what to answer.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from etl.sandbox.portal.batch import commands_of, run_batch, split_command
from etl.sandbox.portal.core import Core
from etl.sandbox.portal.faults import LATE, PART, REFUSALS, TWICE, YES, Fault, FaultPlan
from etl.sandbox.portal.limits import Bucket, Operating, time_block
from etl.sandbox.portal.wire import Page, RestError, encode, php_shape

SUMMARY = 2000  # characters of the parameters kept in the stored journal


@dataclass(frozen=True)
class JournalRow:
    """One request as tests and people see it; `status` 0 means that no answer was given."""

    seq: int
    at: float
    method: str
    status: int
    params: dict[str, Any]
    commands: int
    methods: tuple[str, ...]
    fault: str


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    fault: Fault | None = None


@dataclass
class Gateway:
    """State of one running portal. All entry points take the lock: one request at a time changes records."""

    core: Core
    code: str
    user_id: int
    bucket: Bucket | None
    operating: Operating | None
    plan: FaultPlan
    bill_batch: bool = False
    first_seq: int = 0  # rows of the stored journal that are older than this run
    journal: list[JournalRow] = field(default_factory=list)
    late: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, uid: str, code: str, method: str, params: dict[str, Any]) -> Answer:
        """Everything a request does, and what to reply."""
        with self.lock:
            self._apply_late()
            method = method.removesuffix(".json")
            methods = self._methods(method, params)
            fault: Fault | None = None
            try:
                self._authorise(uid, code)
                if self.bucket:
                    self.bucket.take()
                fault = self.plan.for_request(methods)
                status, payload = self._execute(method, params, fault)
            except RestError as refusal:
                status, payload = refusal.status, refusal.body()
            self._note(method, methods, params, status, fault)
            self.core.store.flush()
            return Answer(status, encode(payload), fault)

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """A person at the portal: no credentials, no limits, no journal."""
        with self.lock:
            self._apply_late()
            page = self.core.execute(method, json.loads(json.dumps(params, default=str)))
            self.core.store.flush()
            return php_shape({"result": page.result})["result"]

    def _methods(self, method: str, params: dict[str, Any]) -> list[str]:
        """The outer method and, for a batch, those of its commands."""
        inner = commands_of(params).values() if method.lower() == "batch" else ()
        return [method, *(split_command(command)[0] for command in inner)]

    def _authorise(self, uid: str, code: str) -> None:
        if not hmac.compare_digest(code.encode(), self.code.encode()):
            raise RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
        if uid and uid != str(self.user_id):
            raise RestError(401, "INVALID_CREDENTIALS", "Invalid request credentials")

    def _execute(
        self, method: str, params: dict[str, Any], fault: Fault | None
    ) -> tuple[int, dict[str, Any]]:
        if fault is None:
            return 200, self._run(method, params)
        for call in fault.call:
            self.core.execute(call[0], call[1])
        effect = fault.effect
        if effect == LATE:
            self.late.append((self.core.clock() + fault.seconds, method, params))
        if effect == TWICE:
            self._run(method, params)
        if effect == PART:
            params = self._cut_batch(params, fault.commands)
        payload = self._run(method, params) if effect in (YES, TWICE, PART) else {}
        if fault.view == "refusal":
            raise REFUSALS[fault.kind]
        return 200, payload

    def _cut_batch(self, params: dict[str, Any], commands: int) -> dict[str, Any]:
        """What was done of a batch before it was cut off."""
        kept = dict(list(commands_of(params).items())[:commands])
        return {**{key: value for key, value in params.items() if key.lower() != "cmd"}, "cmd": kept}

    def _apply_late(self) -> None:
        """Requests whose caller has long given up take effect once their time has come."""
        now = self.core.clock()
        due = [entry for entry in self.late if entry[0] <= now]
        self.late = [entry for entry in self.late if entry[0] > now]
        for _, method, params in due:
            try:
                self._run(method, params)
            except RestError:
                continue  # refused as it would have been in time; nobody is there to hear it

    def _run(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The body of a success; raises RestError."""
        start = self.core.clock()
        if method.lower() == "batch":
            began = time.perf_counter()
            result: Any = run_batch(params, self._command)
            page = Page(result)
            spent = time.perf_counter() - began
            if self.operating and self.bill_batch:
                self.operating.bill("batch", spent)
            block = self._time("batch", start, spent)
        else:
            page, block = self._command(method, params)
        body = {"result": page.result}
        if page.next is not None:
            body["next"] = page.next
        if page.total is not None:
            body["total"] = page.total
        return {**php_shape(body), "time": block}

    def _command(self, method: str, params: dict[str, Any]) -> tuple[Page, dict[str, Any]]:
        """One method with its budget of execution time."""
        self.plan.check_command(method)
        if self.operating:
            self.operating.check(method)
        start, began = self.core.clock(), time.perf_counter()
        page = self.core.execute(method, params)
        spent = time.perf_counter() - began
        if self.operating:
            self.operating.bill(method, spent)
        return page, self._time(method, start, spent)

    def _time(self, method: str, start: float, spent: float) -> dict[str, Any]:
        operating = self.operating.shown(method) if self.operating else {}
        return time_block(start, start + spent, spent, self.core.zone, operating)

    def _note(
        self, method: str, methods: list[str], params: dict[str, Any], status: int, fault: Fault | None
    ) -> None:
        shown = {key: value for key, value in params.items() if key.lower() != "auth"}
        if fault and fault.view in ("cut", "hang"):
            status = 0
        row = JournalRow(
            len(self.journal) + 1, self.core.clock(), method, status, shown, len(methods) - 1, tuple(methods[1:]),
            fault.kind if fault else "",
        )  # fmt: skip
        self.journal.append(row)
        summary = json.dumps(shown, ensure_ascii=False, default=str)[:SUMMARY]
        seq = len(self.journal) + self.first_seq
        self.core.store.write_journal((seq, row.at, method, status, row.commands, row.fault, summary))
