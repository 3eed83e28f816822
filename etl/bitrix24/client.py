"""The REST client: paced calls and batches whose every outcome is known by name.

Reads are repeated with growing pauses; writes never blindly. What a caller of a write gets is an `Outcome`:
OK, PERMANENT (refused), RETRY (surely not executed, the next run repeats) or UNKNOWN (look it up by an
external id before anything else). Facts: reference reliability §3, bitrix24 §2, §4.12.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from etl.bitrix24.bucket import Bucket
from etl.bitrix24.calls import BATCH, Command, Outcome, Params, Refused, encode, error_code, named, next_start
from etl.bitrix24.classify import Verdict, classify, is_write, stopped
from etl.bitrix24.secret import Secret, host, scrubbed, webhook
from etl.bitrix24.transport import Answer, Transport
from etl.config.ends import Portal
from etl.errors import TryLater

#: A request that takes longer than this is cut in two next time: the portal kills it at 60 s (§2.1).
_SLOW_SECONDS = 25.0
_SMALLEST_BATCH = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
#: How long a write with an unknown outcome may still be applied: the portal's own limit of 60 s and the wait
#: for a place before it (reliability §3).
SETTLE_SECONDS = 75.0

Item = TypeVar("Item")
Out = TypeVar("Out")


class Client:
    """Calls of one portal. Safe for threads; all processes with the same `state` folder share one pace.

    `requests` counts HTTP requests, `refusals` the portal's QUERY_LIMIT_EXCEEDED.
    """

    def __init__(
        self,
        base: Secret,
        *,
        name: str = "Битрикс24",
        rate: float = 2.0,
        burst: int = 50,
        state: Path | None = None,
        workers: int = 8,
        attempts: int = 6,
        patience: float = 900.0,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name, self.host, self.workers = name, host(base), workers
        self.clock, self.sleep = clock, sleep
        self.requests = self.refusals = 0
        self.batch_size = BATCH
        #: What has been found out about this portal, e.g. whether it takes arrays of owners.
        self.facts: dict[str, bool] = {}
        self._attempts, self._patience = attempts, patience
        self._transport = transport or Transport(base)
        pace = state / "bitrix24-pace.json" if state else None
        self._bucket = Bucket(rate, burst, pace, clock=clock, sleep=sleep)
        self._lock = threading.Lock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def read(self, method: str, params: Params | None = None) -> Any:
        """`result` of a reading method.

        Raises Refused, TryLater (portal away or busy), ConfigError or NeedsPerson (STOP).
        """
        return self.page(method, params).result

    def page(self, method: str, params: Params | None = None) -> Outcome:
        """A reading call with the start of its next page. Errors as `read`."""
        outcome = self._call(method, params or {})
        if outcome.verdict is Verdict.PERMANENT:
            raise Refused(method, outcome.code, outcome.text)
        if not outcome.ok:
            raise self._away()
        return outcome

    def write(self, method: str, params: Params) -> Outcome:
        """One changing call, sent again only when it surely was not executed (bitrix24 §2.3).

        Raises ConfigError, NeedsPerson (STOP).
        """
        return self._call(method, params)

    def read_batch(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """Reading commands, at most 50: every key is in the answer. Raises TryLater if some cannot be read
        now.
        """
        outcomes: dict[str, Outcome] = {}
        left = dict(commands)
        for turn in range(self._attempts):
            answered = self._batch(left)
            self.stop_on(answered)
            outcomes |= answered
            left = {key: commands[key] for key in _retried(answered)}
            if not left:
                return outcomes
            self._back_off(turn)
        raise self._away()

    def write_batch(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """Changing commands, at most 50, each judged by its own key. None is sent twice unless surely not
        executed.

        Note what was done, then give the answer to `stop_on`.
        """
        outcomes = self._batch(commands)
        for turn in range(self._attempts - 1):
            left = {key: commands[key] for key in _retried(outcomes)}
            if not left:
                break
            self._back_off(turn)
            try:
                outcomes |= self._batch(left)
            except TryLater:
                break  # what the first answers said must not be lost
        return outcomes

    def chain(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """Reading commands that refer to results of earlier ones, so the batch is sent again as a whole
        (§4.12).
        """
        for turn in range(self._attempts):
            outcomes = self._batch(commands)
            self.stop_on(outcomes)
            if not _retried(outcomes):
                return outcomes
            self._back_off(turn)
        raise self._away()

    def map(self, work: Callable[[Item], Out], items: Iterable[Item]) -> Iterator[Out]:
        """Results of `work` in a few threads, as they come; `items` is walked by the caller's thread.

        An error is raised only after what is under way has been given out.
        """
        waiting = iter(items)
        running: set[Future[Out]] = set()
        failed: BaseException | None = None
        with ThreadPoolExecutor(self.workers) as pool:
            while True:
                room = self.workers - len(running) if failed is None else 0
                for item in islice(waiting, room):
                    running.add(pool.submit(work, item))
                if not running:
                    break
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    error = future.exception()
                    if error is None:
                        yield future.result()
                    failed = failed or error
        if failed is not None:
            raise failed

    def stop_on(self, outcomes: Mapping[str, Outcome]) -> None:
        """Raise what the first STOP among the outcomes means, if there is one."""
        for outcome in outcomes.values():
            if outcome.verdict is Verdict.STOP:
                raise stopped(self.name, outcome.code.lower(), None)

    # ---- one call

    def _call(self, method: str, params: Params) -> Outcome:
        """One method by itself, and what it cost (§2.5)."""
        answer, verdict = self._exchange(method, params, method, [method])
        body = answer.body if isinstance(answer.body, Mapping) else {}
        self._bucket.spent(method, body.get("time"))
        if verdict is Verdict.OK:
            following = next_start(body.get("next"))
            return Outcome(verdict, body["result"], next=following)
        code = str(body.get("error", ""))
        said = scrubbed(body.get("error_description", ""))
        return Outcome(verdict, code=code, text=said)

    def _exchange(
        self, method: str, params: Params, subject: str, paused: Sequence[str]
    ) -> tuple[Answer, Verdict]:
        """The answer of one request, sent again while it surely was not executed (bitrix24 §2.3).

        `subject`: the method by which the answer is judged; `paused`: methods whose pause is waited for.
        """
        started = self.clock()
        for turn in range(self._attempts):
            answer = self._post(method, params, paused)
            verdict = classify(subject, answer.status, answer.body, answer.failure)
            code = error_code(answer.body)
            if verdict is Verdict.STOP:
                moved = None if answer.moved is None else scrubbed(answer.moved)
                raise stopped(self.name, code, answer.status, answer.failure, moved)
            if verdict is not Verdict.RETRY:
                return answer, verdict
            self._note(code, subject)
            if self.clock() - started > self._patience:
                break
            if turn + 1 < self._attempts:
                self._back_off(turn)
        return self._given_up(answer, subject)

    def _post(self, method: str, params: Params, paused: Sequence[str]) -> Answer:
        """One request, once the portal has room for it (§2.1)."""
        self._bucket.acquire(paused)
        with self._lock:
            self.requests += 1
        return self._transport.post(method, params)

    def _given_up(self, answer: Answer, subject: str) -> tuple[Answer, Verdict]:
        """After the last RETRY: a read, or a portal out of reach, ends in TryLater; a refused write is
        told.
        """
        answered = answer.failure is None and answer.status is not None
        if answer.failure == "unreached":
            raise self._away()
        if is_write(subject):
            return answer, Verdict.RETRY
        raise self._busy() if answered else self._away()

    def _note(self, code: str, method: str) -> None:
        """Learn from a refusal: the bucket is full (§2.1), or the method's time is used up (§2.2)."""
        if code == "query_limit_exceeded":
            with self._lock:
                self.refusals += 1
            self._bucket.refused()
        if code == "operation_time_limit":
            self._bucket.exhausted(method)

    def _back_off(self, turn: int) -> None:
        """Twice as long each turn, by chance up to a half shorter, so that clients do not come together."""
        longest = _FIRST_PAUSE * 2.0**turn
        share = random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self.sleep(share * min(_LONGEST_PAUSE, longest))

    # ---- batches

    def _batch(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """Outcomes of one batch request by key (bitrix24 §4.12); a batch that failed whole fails each
        command.
        """
        methods = sorted({command.method for command in commands.values()})
        subject = next(filter(is_write, methods), methods[0])
        encoded = {key: encode(command) for key, command in commands.items()}
        params = {"halt": 0, "cmd": encoded}
        answer, verdict = self._exchange("batch", params, subject, [*methods, "batch"])
        body = answer.body if isinstance(answer.body, Mapping) else {}
        if verdict is not Verdict.OK:
            said = scrubbed(body.get("error_description", ""))
            failed = Outcome(verdict, code=error_code(body), text=said)
            return dict.fromkeys(commands, failed)
        self._pace(commands, body)
        return self._judged(commands, named(body["result"]))

    def _judged(self, commands: Mapping[str, Command], result: Mapping[str, Any]) -> dict[str, Outcome]:
        """Each key by itself; one that is in neither map may or may not have been run (reliability §3)."""
        good = named(result.get("result"))
        bad = named(result.get("result_error"))
        following = named(result.get("result_next"))
        outcomes: dict[str, Outcome] = {}
        for key, command in commands.items():
            if key in bad:
                outcomes[key] = self._failed(command.method, bad[key])
            elif key in good:
                start = next_start(following.get(key))
                outcomes[key] = Outcome(Verdict.OK, good[key], next=start)
            elif is_write(command.method):
                outcomes[key] = Outcome(Verdict.UNKNOWN)
            else:
                outcomes[key] = Outcome(Verdict.RETRY)
        return outcomes

    def _failed(self, method: str, error: Any) -> Outcome:
        """The outcome of a command that the batch reports as failed; the error may be a bare text."""
        said = error if isinstance(error, Mapping) else {"error": error}
        body = {"error": said.get("error", "")}
        code = error_code(body)
        verdict = classify(method, None, body)
        if verdict is Verdict.RETRY:
            self._note(code, method)
        text = scrubbed(said.get("error_description", ""))
        return Outcome(verdict, code=code, text=text)

    def _pace(self, commands: Mapping[str, Command], body: Mapping[str, Any]) -> None:
        """Learn what a batch cost: time of each method and of `batch` itself (§2.2), and how long it took."""
        timing = body.get("time")
        times = named(named(body["result"]).get("result_time"))
        self._bucket.spent("batch", timing)
        for key, spent in times.items():
            if key in commands:
                self._bucket.spent(commands[key].method, spent)
        duration = timing.get("duration") if isinstance(timing, Mapping) else None
        if isinstance(duration, int | float | Decimal) and duration > _SLOW_SECONDS:
            with self._lock:
                halved = min(self.batch_size, len(commands)) // 2
                self.batch_size = max(_SMALLEST_BATCH, halved)

    # ---- endings

    def _away(self) -> TryLater:
        return TryLater(
            f"Портал «{self.name}» не отвечает.", "Проверьте интернет; следующий запуск повторит."
        )

    def _busy(self) -> TryLater:
        return TryLater(
            f"Портал «{self.name}» просит подождать: превышен предел запросов или он занят.",
            "Следующий запуск повторит.",
        )


def connect(portal: Portal, folder: Path, state: Path | None, **options: Any) -> Client:
    """A client for the portal of a profile. `folder`: where the profile lies; `state`: its state folder
    (shared pace).
    """
    return Client(
        webhook(portal, folder),
        name=portal.name,
        rate=portal.rate,
        burst=portal.burst,
        state=state,
        **options,
    )


def _retried(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Keys of what surely was not executed."""
    found: list[str] = []
    for key, outcome in outcomes.items():
        if outcome.verdict is Verdict.RETRY:
            found.append(key)
    return found
