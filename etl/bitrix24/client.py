"""The REST client: paced calls and batches whose every outcome is known by name.

Reads are repeated with growing pauses; writes never blindly. What a caller of a write gets is an `Outcome`: OK, PERMANENT
(refused), RETRY (surely not executed, the next run repeats) or UNKNOWN (look it up by an external id before anything
else). Facts: reference reliability §3, bitrix24 §2, §4.12.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from etl.bitrix24.bucket import Bucket
from etl.bitrix24.classify import Verdict, classify, is_write
from etl.bitrix24.secret import Secret, host, scrubbed, webhook
from etl.bitrix24.transport import Answer, Transport
from etl.config.profile import Portal
from etl.errors import ConfigError, NeedsPerson, Rejected, TryLater

BATCH = 50
#: A request that takes longer than this is cut in two next time: the portal kills it at 60 s.
_SLOW_SECONDS = 25.0
_SMALLEST_BATCH = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
#: How long a write with an unknown outcome may still be applied: the portal's own limit of 60 s and the wait for a place before it.
SETTLE_SECONDS = 75.0

Params = Mapping[str, Any]
Item = TypeVar("Item")
Out = TypeVar("Out")


class Refused(Rejected):
    """The portal refused one call. `code` and `text` are its own words, without secrets."""

    def __init__(self, method: str, code: str, text: str) -> None:
        super().__init__(
            f"Портал отклонил {method}: {scrubbed(text or code or 'без объяснения')}.",
            "Проверьте запись на портале и права вебхука.",
        )
        self.code, self.text = code, scrubbed(text)


@dataclass(frozen=True, slots=True)
class Command:
    """One method of a batch with its parameters (nested maps and lists; `Ref` for a result of an earlier command)."""

    method: str
    params: Params


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call: `result` when `verdict` is OK, else `code` and `text` of the portal."""

    verdict: Verdict
    result: Any = None
    code: str = ""
    text: str = ""
    next: int | None = None

    @property
    def ok(self) -> bool:
        return self.verdict is Verdict.OK


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
        self._attempts, self._patience = attempts, patience
        self._transport = transport or Transport(base)
        self._bucket = Bucket(
            rate, burst, state / "bitrix24-pace.json" if state else None, clock=clock, sleep=sleep
        )
        self._lock = threading.Lock()
        #: What has been found out about this portal, e.g. whether it takes arrays of owners.
        self.facts: dict[str, bool] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def read(self, method: str, params: Params | None = None) -> Any:
        """`result` of a reading method. Raises Refused, TryLater (portal away or busy), ConfigError or NeedsPerson (STOP)."""
        return self._opened(method, self._call(method, params or {}, method))

    def page(self, method: str, params: Params | None = None) -> Outcome:
        """A reading call with the start of its next page. Errors as `read`."""
        outcome = self._call(method, params or {}, method)
        self._opened(method, outcome)
        return outcome

    def write(self, method: str, params: Params) -> Outcome:
        """One changing call, sent again only when it surely was not executed. Raises ConfigError, NeedsPerson (STOP)."""
        return self._call(method, params, method)

    def read_batch(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """Reading commands, at most 50: every key is in the answer. Raises TryLater if some cannot be read now."""
        done: dict[str, Outcome] = {}
        for turn in range(self._attempts):
            left = {key: command for key, command in commands.items() if key not in done}
            outcomes = self._batch(left)
            self.stop_on(outcomes)
            done |= {
                key: outcome for key, outcome in outcomes.items() if outcome.verdict is not Verdict.RETRY
            }
            if len(done) == len(commands):
                return done
            self._back_off(turn)
        raise self._away()

    def write_batch(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """Changing commands, at most 50, each judged by its own key. None is sent twice unless surely not executed.

        Note what was done, then give the answer to `stop_on`.
        """
        outcomes = self._batch(commands)
        left = {key: commands[key] for key, outcome in outcomes.items() if outcome.verdict is Verdict.RETRY}
        for turn in range(self._attempts - 1):
            if not left:
                break
            self._back_off(turn)
            try:
                outcomes |= self._batch(left)
            except TryLater:
                break  # what the first answers said must not be lost
            left = {key: commands[key] for key in left if outcomes[key].verdict is Verdict.RETRY}
        return outcomes

    def chain(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        """Reading commands that refer to results of earlier ones, so the batch is sent again as a whole."""
        for turn in range(self._attempts):
            outcomes = self._batch(commands)
            self.stop_on(outcomes)
            if not any(outcome.verdict is Verdict.RETRY for outcome in outcomes.values()):
                return outcomes
            self._back_off(turn)
        raise self._away()

    def map(self, work: Callable[[Item], Out], items: Iterable[Item]) -> Iterator[Out]:
        """Results of `work` in a few threads, as they come. An error is raised only after what is under way has been given out."""
        waiting = iter(items)
        failed: BaseException | None = None
        with ThreadPoolExecutor(self.workers) as pool:
            running: set[Future[Out]] = set()
            while True:
                while (
                    failed is None
                    and len(running) < self.workers
                    and (item := next(waiting, _END)) is not _END
                ):
                    running.add(pool.submit(work, item))
                if not running:
                    break
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    if (error := future.exception()) is not None:
                        failed = failed or error
                    else:
                        yield future.result()
        if failed is not None:
            raise failed

    # ---- one call -------------------------------------------------------------------------------------------------

    def _call(self, method: str, params: Params, subject: str) -> Outcome:
        answer, verdict = self._exchange(method, params, subject, [method])
        body = answer.body if isinstance(answer.body, Mapping) else {}
        self._bucket.spent(method, body.get("time"))
        if verdict is Verdict.OK:
            return Outcome(verdict, body["result"], next=_whole(body.get("next")))
        return Outcome(
            verdict, code=str(body.get("error", "")), text=scrubbed(body.get("error_description", ""))
        )

    def _exchange(
        self, method: str, params: Params, subject: str, paused: Sequence[str]
    ) -> tuple[Answer, Verdict]:
        started = self.clock()
        for turn in range(self._attempts):
            self._bucket.acquire(paused)
            with self._lock:
                self.requests += 1
            answer = self._transport.post(method, params)
            verdict = classify(subject, answer.status, answer.body, answer.failure)
            if verdict is Verdict.STOP:
                self._stop(answer)
            if verdict is not Verdict.RETRY:
                return answer, verdict
            self._note(answer, subject)
            if self.clock() - started > self._patience:
                break
            if turn + 1 < self._attempts:
                self._back_off(turn)
        if answer.failure is None and answer.status is not None and not is_write(subject):
            raise self._busy()
        if not is_write(subject) or answer.failure == "unreached":
            raise self._away()
        return answer, verdict

    def _note(self, answer: Answer, method: str) -> None:
        code = _code(answer.body)
        if code == "query_limit_exceeded":
            with self._lock:
                self.refusals += 1
            self._bucket.refused()
        if code == "operation_time_limit":
            self._bucket.exhausted(method)

    def _back_off(self, turn: int) -> None:
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**turn)
        self.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def _opened(self, method: str, outcome: Outcome) -> Any:
        if outcome.ok:
            return outcome.result
        if outcome.verdict is Verdict.PERMANENT:
            raise Refused(method, outcome.code, outcome.text)
        raise self._away()

    # ---- batches --------------------------------------------------------------------------------------------------

    def _batch(self, commands: Mapping[str, Command]) -> dict[str, Outcome]:
        methods = sorted({command.method for command in commands.values()})
        subject = next((method for method in methods if is_write(method)), methods[0])
        params = {"halt": 0, "cmd": {key: encode(command) for key, command in commands.items()}}
        answer, verdict = self._exchange("batch", params, subject, [*methods, "batch"])
        body = answer.body if isinstance(answer.body, Mapping) else {}
        if verdict is not Verdict.OK:
            return {
                key: Outcome(verdict, code=_code(body), text=scrubbed(body.get("error_description", "")))
                for key in commands
            }
        self._pace(commands, body)
        return self._judged(commands, _map(body["result"]))

    def _judged(self, commands: Mapping[str, Command], result: dict[str, Any]) -> dict[str, Outcome]:
        good, bad, following = (
            _map(result.get("result")),
            _map(result.get("result_error")),
            _map(result.get("result_next")),
        )
        outcomes: dict[str, Outcome] = {}
        for key, command in commands.items():
            if key in bad:
                outcomes[key] = self._failed(command.method, bad[key])
            elif key in good:
                outcomes[key] = Outcome(Verdict.OK, good[key], next=_whole(following.get(key)))
            else:
                outcomes[key] = Outcome(Verdict.UNKNOWN if is_write(command.method) else Verdict.RETRY)
        return outcomes

    def _failed(self, method: str, error: Any) -> Outcome:
        body = error if isinstance(error, Mapping) else {"error": error}
        answer = Answer(
            None, {"error": body.get("error", ""), "error_description": body.get("error_description", "")}
        )
        verdict = classify(method, None, answer.body)
        if verdict is Verdict.RETRY:
            self._note(answer, method)
        return Outcome(verdict, code=_code(answer.body), text=scrubbed(answer.body["error_description"]))

    def _pace(self, commands: Mapping[str, Command], body: Mapping[str, Any]) -> None:
        timing = body.get("time")
        self._bucket.spent("batch", timing)
        for key, one in _map(_map(body["result"]).get("result_time")).items():
            if key in commands:
                self._bucket.spent(commands[key].method, one)
        duration = timing.get("duration") if isinstance(timing, Mapping) else None
        if isinstance(duration, int | float | Decimal) and duration > _SLOW_SECONDS:
            with self._lock:
                self.batch_size = max(_SMALLEST_BATCH, min(self.batch_size, len(commands)) // 2)

    # ---- endings --------------------------------------------------------------------------------------------------

    def stop_on(self, outcomes: Mapping[str, Outcome]) -> None:
        """Raise what the first STOP among the outcomes means, if there is one."""
        for outcome in outcomes.values():
            if outcome.verdict is Verdict.STOP:
                self._stop(Answer(None, {"error": outcome.code}))

    def _stop(self, answer: Answer) -> NoReturn:
        code = _code(answer.body)
        if answer.failure == "certificate":
            raise ConfigError(
                f"Сертификат портала «{self.name}» не проходит проверку.",
                "Проверьте адрес, часы компьютера и корневые сертификаты; проверку отключить нельзя.",
            )
        if answer.moved is not None:
            raise ConfigError(
                f"Портал «{self.name}» переехал на {scrubbed(answer.moved)}.",
                "Запишите новый адрес вебхука и повторите.",
            )
        message, advice = _STOPS.get(
            code,
            (
                f"Портал «{{name}}» отказал в доступе ({code or answer.status}).",
                "Проверьте вебхук в разделе «Разработчикам» портала и его права.",
            ),
        )
        kind = NeedsPerson if code in _FOR_PERSON else ConfigError
        raise kind(message.format(name=self.name), advice)

    def _away(self) -> TryLater:
        return TryLater(
            f"Портал «{self.name}» не отвечает.", "Проверьте интернет; следующий запуск повторит."
        )

    def _busy(self) -> TryLater:
        return TryLater(
            f"Портал «{self.name}» просит подождать: превышен предел запросов или он занят.",
            "Следующий запуск повторит.",
        )


_END: Any = object()
_FOR_PERSON = frozenset({"overload_limit", "payment_required", "portal_deleted"})
_BAD_CODE = (
    "Портал «{name}» не принимает вебхук: код неверен или отозван.",
    "Создайте вебхук заново и запишите его адрес.",
)
_STOPS = {
    "overload_limit": (
        "REST портала «{name}» заблокирован поставщиком из-за нагрузки.",
        "Обратитесь в поддержку Битрикс24.",
    ),
    "payment_required": (
        "На портале «{name}» REST недоступен по тарифу.",
        "Оплатите тариф или подписку на приложения.",
    ),
    "portal_deleted": ("Портал «{name}» закрыт или удалён.", "Проверьте портал в браузере."),
    "insufficient_scope": (
        "Вебхуку портала «{name}» не хватает прав.",
        "Отметьте в вебхуке права crm, catalog, user, im, userfieldconfig.",
    ),
    "error_method_not_found": (
        "Портал «{name}» не знает нужного метода: нет права или модуля.",
        "Отметьте в вебхуке права crm, catalog, user, im, userfieldconfig.",
    ),
    "no_auth_found": _BAD_CODE,
    "invalid_credentials": _BAD_CODE,
}


def connect(portal: Portal, folder: Path, state: Path | None, **options: Any) -> Client:
    """A client for the portal of a profile. `folder`: where the profile lies; `state`: its state folder (shared pace)."""
    return Client(
        webhook(portal, folder),
        name=portal.name,
        rate=portal.rate,
        burst=portal.burst,
        state=state,
        **options,
    )


def encode(command: Command) -> str:
    """A command of a batch: method and query string in PHP brackets, encoded once.

    A key with «=» must be encoded too, or PHP cuts the name there and the filter is gone (reference performance §4b).
    """
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in _flat("", command.params))
    return f"{command.method}?{pairs}"


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        yield prefix, text(value)
        return
    empty = True
    for key, inner in items:
        empty = False
        name = quote(str(key), safe="")
        yield from _flat(f"{prefix}[{name}]" if prefix else name, inner)
    if empty and prefix:
        yield prefix, ""


def text(value: Any) -> str:
    """A scalar as the portal takes it in a query string: Y/N, "" for absence, dot decimals, ISO dates."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def rows(value: Any) -> list[Any]:
    """A list of the portal: PHP gives a map with keys 0..n-1, or nothing, for the same thing."""
    return list(value.values()) if isinstance(value, Mapping) else list(value or [])


def _map(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {str(index): item for index, item in enumerate(value or [])} if isinstance(value, list) else {}


def _code(body: Any) -> str:
    return str(body.get("error", "")).lower() if isinstance(body, Mapping) else ""


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else None
