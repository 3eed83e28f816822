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
from etl.sandbox.portal.store import StoredRow
from etl.sandbox.portal.wire import Page, Params, RestError, encode, php_shape

SUMMARY = 2000  # characters of the parameters kept in the stored journal


@dataclass(frozen=True)
class JournalRow:
    """One request as tests and people see it; `status` 0 means that no answer was given."""

    seq: int
    at: float
    method: str
    status: int
    params: Params
    commands: int
    methods: tuple[str, ...]
    fault: str


@dataclass(frozen=True)
class Answer:
    """What to reply; the network side may still spoil it as `fault` wants."""

    status: int
    body: bytes
    fault: Fault | None = None


@dataclass(frozen=True)
class Late:
    """A request whose caller has given up: it takes effect when its time has come."""

    due: float
    method: str
    params: Params


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
    late: list[Late] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, uid: str, code: str, method: str, params: Params) -> Answer:
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
                payload = self._execute(method, params, fault)
                status = 200
            except RestError as refusal:
                payload = refusal.body()
                status = refusal.status
            self._note(methods, params, status, fault)
            self.core.store.flush()
            return Answer(status, encode(payload), fault)

    def call(self, method: str, params: Params) -> Any:
        """A person at the portal: no credentials, no limits, no journal. Raises RestError."""
        with self.lock:
            self._apply_late()
            copied = json.loads(json.dumps(params, default=str))
            page = self.core.execute(method, copied)
            self.core.store.flush()
            return php_shape({"result": page.result})["result"]

    def _methods(self, method: str, params: Params) -> list[str]:
        """The outer method and, for a batch, those of its commands."""
        methods = [method]
        if method.lower() == "batch":
            for command in commands_of(params).values():
                inner, _ = split_command(command)
                methods.append(inner)
        return methods

    def _authorise(self, uid: str, code: str) -> None:
        """A wrong code or the code of another user: 401 (bitrix24 §10.3, 1)."""
        if not hmac.compare_digest(code.encode(), self.code.encode()):
            raise RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
        if uid and uid != str(self.user_id):
            raise RestError(401, "INVALID_CREDENTIALS", "Invalid request credentials")

    def _execute(self, method: str, params: Params, fault: Fault | None) -> Params:
        """The body of a success, the request having taken effect as the fault allows. Raises RestError."""
        if fault is None:
            return self._run(method, params)
        for name, given in fault.call:
            self.core.execute(name, given)
        payload = self._take_effect(method, params, fault)
        if fault.view == "refusal":
            raise REFUSALS[fault.kind]
        return payload

    def _take_effect(self, method: str, params: Params, fault: Fault) -> Params:
        """Not at all, at once, later, twice, or the first commands of a batch only (bitrix24 §10.3, 12)."""
        effect = fault.effect
        if effect == LATE:
            self.late.append(Late(self.core.clock() + fault.seconds, method, params))
            return {}
        if effect not in (YES, TWICE, PART):
            return {}
        if effect == TWICE:
            self._run(method, params)
        if effect == PART:
            params = self._cut_batch(params, fault.commands)
        return self._run(method, params)

    def _cut_batch(self, params: Params, commands: int) -> Params:
        """What was done of a batch before it was cut off."""
        given = list(commands_of(params).items())
        kept = {key: value for key, value in params.items() if key.lower() != "cmd"}
        return {**kept, "cmd": dict(given[:commands])}

    def _apply_late(self) -> None:
        """Requests whose caller has long given up take effect once their time has come."""
        now = self.core.clock()
        due = [entry for entry in self.late if entry.due <= now]
        self.late = [entry for entry in self.late if entry.due > now]
        for entry in due:
            try:
                self._run(entry.method, entry.params)
            except RestError:
                continue  # refused as it would have been in time; nobody is there to hear it

    def _run(self, method: str, params: Params) -> Params:
        """The body of a success; raises RestError."""
        if method.lower() == "batch":
            page, block = self._batch(params)
        else:
            page, block = self._command(method, params)
        body = {"result": page.result}
        if page.next is not None:
            body["next"] = page.next
        if page.total is not None:
            body["total"] = page.total
        return {**php_shape(body), "time": block}

    def _batch(self, params: Params) -> tuple[Page, Params]:
        """All commands of a batch; whether the batch itself costs execution time too differs by portal."""
        start = self.core.clock()
        began = time.perf_counter()
        page = Page(run_batch(params, self._command))
        spent = time.perf_counter() - began
        if self.operating and self.bill_batch:
            self.operating.bill("batch", spent)
        return page, self._time("batch", start, spent)

    def _command(self, method: str, params: Params) -> tuple[Page, Params]:
        """One method with its budget of execution time (bitrix24 §2.2)."""
        is_denied = self.plan.is_denied(method)
        if self.operating:
            self.operating.check(method)
        start = self.core.clock()
        began = time.perf_counter()
        page = Page(False) if is_denied else self.core.execute(method, params)
        spent = time.perf_counter() - began
        if self.operating:
            self.operating.bill(method, spent)
        return page, self._time(method, start, spent)

    def _time(self, method: str, start: float, spent: float) -> Params:
        """The `time` block of a reply that took `spent` seconds from the moment `start` on."""
        operating = self.operating.shown(method) if self.operating else {}
        return time_block(start, start + spent, spent, self.core.zone, operating)

    def _note(self, methods: list[str], params: Params, status: int, fault: Fault | None) -> None:
        """One row of both journals, without the credential (bitrix24 §10.3, 14)."""
        method, *inner = methods
        shown = {key: value for key, value in params.items() if key.lower() != "auth"}
        unanswered = fault is not None and fault.view in ("cut", "hang")
        row = JournalRow(
            seq=len(self.journal) + 1,
            at=self.core.clock(),
            method=method,
            status=0 if unanswered else status,
            params=shown,
            commands=len(inner),
            methods=tuple(inner),
            fault=fault.kind if fault else "",
        )
        self.journal.append(row)
        summary = json.dumps(shown, ensure_ascii=False, default=str)[:SUMMARY]
        stored = StoredRow(
            row.seq + self.first_seq, row.at, method, row.status, row.commands, row.fault, summary
        )
        self.core.store.write_journal(stored)
