"""Writing so that nothing is lost and nothing is doubled, whatever becomes of an answer.

A create is looked up by its external id before it is sent and again, once the portal's time limit has passed,
after an unknown outcome; what is found is adopted (reference reliability §3, "Idempotent create"). An
absolute write may simply be repeated (bitrix24 §2.3). Every intent goes through the caller's `Outbox` before
the request leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from etl.bitrix24.calls import Command, Outcome, groups
from etl.bitrix24.classify import Verdict
from etl.bitrix24.client import SETTLE_SECONDS, Client
from etl.errors import ConfigError, EtlError, NeedsPerson, TryLater

#: Commands in a batch that creates: a cut batch leaves an unknown part done, so it is kept short.
CREATES = 25
_TURNS = 3
LATER = "не выполнено: портал занят, повторит следующий запуск"
DENIED = "портал отклонил запись без объяснения (ответил «нет»)"
UNSURE = "ответ портала потерян, исход выяснит следующий запуск"

Status = Literal["done", "skipped", "doubt", "failed"]
#: Status of the worst part first.
_WORST: tuple[Status, ...] = ("failed", "doubt", "skipped")


class Outbox(Protocol):
    """The memory of intents. Called from the caller's thread only; each call is durable when it returns."""

    def sending(self, *keys: str) -> None:
        """These are about to leave."""

    def done(self, key: str, identifier: str | None) -> None:
        """Done; `identifier` is the portal's id."""

    def doubt(self, key: str) -> None:
        """The outcome is unknown."""

    def failed(self, key: str, reason: str) -> None:
        """Refused by the portal for good."""

    def again(self, key: str) -> None:
        """Surely not done: refused before execution, or looked up and absent."""

    def unsure(self, key: str) -> float | None:
        """Moment (seconds of the clock) of an earlier attempt whose outcome nobody knows, else None."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change: `id` of the portal's record, `reason` in Russian unless plainly done."""

    key: str
    status: Status
    id: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Write:
    """One write towards a state that has just been compared with the portal's.

    `id`: the portal's record, "" for one to be created, whose id `identify` then takes out of the answer;
    `accepted` judges the answer ("" = as wanted, else a complaint in Russian).
    """

    key: str
    id: str
    command: Command
    identify: Callable[[Any], str] | None = None
    accepted: Callable[[Any], str] = field(default=lambda _: "")


@dataclass(frozen=True)
class New:
    """A record to create once: `origin` is its external id, `identify` takes the id out of the answer."""

    key: str
    origin: str
    command: Command
    identify: Callable[[Any], str] = str


class Keyed(Protocol):
    """A change by the key of its intent."""

    @property
    def key(self) -> str: ...


Task = TypeVar("Task", bound=Keyed)
#: What is left to do for a change: a write, or a Result where nothing is.
Planned = Write | Result
#: Reads the portal and says for each change what is left to do.
Plan = Callable[[Sequence[Task]], Sequence[Planned]]
Find = Callable[[Sequence[str]], Mapping[str, list[str]]]


def converge(
    client: Client, outbox: Outbox, tasks: Iterable[Task], plan: Plan[Task], size: int = CREATES
) -> Iterator[Result]:
    """Bring records to the wanted state; of several tasks with one key the last counts.

    `plan` compares, what differs is written, what stays unknown is compared again. Because nothing is sent
    without a fresh look, a write that took effect although its answer was lost is found, not repeated
    (reliability §3, "Idempotent create"). Raises TryLater, ConfigError, NeedsPerson; what was noted in the
    outbox by then is right.
    """
    known = {task.key: task for task in tasks}
    for group in groups(known, min(size, client.batch_size)):
        left = group
        for turn in range(_TURNS):
            settle(client, list(_attempts(outbox, left).values()))
            planned = plan([known[key] for key in left])
            yield from _closed(outbox, [one for one in planned if isinstance(one, Result)])
            writes = [one for one in planned if isinstance(one, Write)]
            left = []
            for result in absolute(client, outbox, writes, turns=1):
                if result.status == "doubt" and turn + 1 < _TURNS:
                    left.append(result.key)
                else:
                    yield result
            if not left:
                break


def create(client: Client, outbox: Outbox, news: Sequence[New], find: Find) -> list[Result]:
    """Create what is not there yet; results in the order of `news`.

    `find` gives, for external ids, the ids of the portal's records that carry them, oldest first. The portal
    keeps no external id unique (bitrix24 §5): of several the oldest is adopted, and the reason names them
    all. Errors as `converge`.
    """

    def plan(asked: Sequence[New]) -> list[Planned]:
        origins = [new.origin for new in asked]
        present = find(origins)
        planned: list[Planned] = []
        for new in asked:
            numbers = present.get(new.origin, [])
            planned.append(_adopted(new, numbers))
        return planned

    results: dict[str, Result] = {}
    for result in converge(client, outbox, news, plan):
        results[result.key] = result
    return [results[new.key] for new in news]


def absolute(client: Client, outbox: Outbox, items: Iterable[Write], turns: int = _TURNS) -> Iterator[Result]:
    """Send writes that set values, fifty to a request, several requests at once; results come as they arrive.

    An unknown outcome is sent again, `turns` times in all. Raises, after the last result, what stopped the
    portal (TryLater, ConfigError, NeedsPerson).
    """
    stopped: list[EtlError] = []

    def announced() -> Iterator[list[Write]]:
        for group in groups(items, client.batch_size):
            if stopped:
                return
            _announce(client, outbox, [write.key for write in group])
            yield group

    for group, outcomes, error in client.map(lambda group: _sent(client, group, turns), announced()):
        if error is not None:
            stopped.append(error)
        for write in group:
            yield noted(outbox, write, outcomes[write.key])
    if stopped:
        raise stopped[0]


def once(client: Client, outbox: Outbox, key: str, command: Command) -> Outcome:
    """One repeatable write by itself, as JSON: nested rows must not go through a query string.

    The caller notes the outcome. Errors as `converge`.
    """
    _announce(client, outbox, [key])
    try:
        for _ in range(_TURNS):
            outcome = client.write(command.method, command.params)
            if outcome.verdict is not Verdict.UNKNOWN:
                break
    except (TryLater, ConfigError, NeedsPerson):
        outbox.again(key)
        raise
    return outcome


def _announce(client: Client, outbox: Outbox, keys: Sequence[str]) -> None:
    """Intents before the request; one whose earlier attempt may still be applied waits that time out
    first.
    """
    attempts = _attempts(outbox, keys)
    settle(client, list(attempts.values()))
    for key in attempts:
        outbox.again(key)
    outbox.sending(*keys)


def _attempts(outbox: Outbox, keys: Sequence[str]) -> dict[str, float]:
    """Moments of attempts of unknown outcome."""
    found: dict[str, float] = {}
    for key in keys:
        moment = outbox.unsure(key)
        if moment is not None:
            found[key] = moment
    return found


def settle(client: Client, moments: Sequence[float]) -> None:
    """Wait until a write sent at these moments can no longer be applied (reliability §3: 60 s and a
    margin).
    """
    if not moments:
        return
    wait = max(moments) + SETTLE_SECONDS - client.clock()
    if wait > 0:
        client.sleep(min(wait, SETTLE_SECONDS))


def _adopted(new: New, found: list[str]) -> Planned:
    """What is there under this external id is taken, the oldest of several (bitrix24 §5)."""
    if not found:
        return Write(new.key, "", new.command, new.identify)
    if len(found) == 1:
        return Result(new.key, "done", found[0])
    listed = ", ".join(found)
    reason = f"на портале несколько записей с одним внешним кодом: {listed}; взята первая, удалите лишние"
    return Result(new.key, "done", found[0], reason)


def _closed(outbox: Outbox, results: Sequence[Result]) -> Iterator[Result]:
    """Intents that need no write leave the outbox too."""
    for result in results:
        if result.status == "done":
            outbox.done(result.key, result.id)
        elif result.status == "failed":
            outbox.failed(result.key, result.reason)
        elif outbox.unsure(result.key) is not None:
            outbox.again(result.key)
        yield result


def _sent(
    client: Client, group: Sequence[Write], turns: int
) -> tuple[Sequence[Write], dict[str, Outcome], EtlError | None]:
    """Outcomes of one batch by key, and what stopped it."""
    outcomes = {write.key: Outcome(Verdict.RETRY) for write in group}
    left = list(group)
    for _ in range(turns):
        named = {f"w{index:02d}": write for index, write in enumerate(left)}
        try:
            answers = client.write_batch({name: write.command for name, write in named.items()})
            for name, write in named.items():
                outcomes[write.key] = answers[name]
            client.stop_on(answers)
        except (TryLater, ConfigError, NeedsPerson) as problem:
            return group, outcomes, problem
        left = [write for write in left if outcomes[write.key].verdict is Verdict.UNKNOWN]
        if not left:
            break
    return group, outcomes, None


def noted(outbox: Outbox, write: Write, outcome: Outcome) -> Result:
    """The result of a write by its outcome, told to the outbox."""
    if outcome.ok:
        return _taken(outbox, write, outcome.result)
    if outcome.verdict is Verdict.PERMANENT:
        said = outcome.text or outcome.code or "без объяснения"
        reason = f"портал отклонил запись: «{said.strip()}»"
        outbox.failed(write.key, reason)
        return Result(write.key, "failed", write.id or None, reason)
    if outcome.verdict is Verdict.UNKNOWN:
        outbox.doubt(write.key)
        return Result(write.key, "doubt", write.id or None, UNSURE)
    outbox.again(write.key)
    return Result(write.key, "skipped", write.id or None, LATER)


def _taken(outbox: Outbox, write: Write, answer: Any) -> Result:
    """The portal answered without an error: whether what it says is what was wanted.

    `result: false` is documented as «not done» (im.notify.personal.add, crm.requisite.link.register,
    crm.address.*). A creation without an id is looked up again.
    """
    if answer is False:
        return _denied(outbox, write)
    identifier = _identified(write, answer)
    if identifier is None:
        outbox.doubt(write.key)
        return Result(write.key, "doubt", None, UNSURE)
    complaint = write.accepted(answer)
    if complaint:
        outbox.failed(write.key, complaint)
        return Result(write.key, "failed", identifier, complaint)
    outbox.done(write.key, identifier)
    return Result(write.key, "done", identifier)


def _denied(outbox: Outbox, write: Write) -> Result:
    outbox.failed(write.key, DENIED)
    return Result(write.key, "failed", write.id or None, DENIED)


def _identified(write: Write, answer: Any) -> str | None:
    """The id of the portal's record; None where the answer to a creation holds none."""
    if write.identify is None:
        return write.id
    try:
        identifier = write.identify(answer)
    except (KeyError, TypeError, AttributeError):
        return None
    return identifier if identifier.isdigit() and identifier != "0" else None


def merged(key: str, results: Sequence[Result], identifier: str | None) -> Result:
    """One result for a change that took several writes: the worst of them, all reasons."""
    statuses = {result.status for result in results}
    worst: Status = "done"
    for status in _WORST:
        if status in statuses:
            worst = status
            break
    reasons = dict.fromkeys(result.reason for result in results if result.reason)
    reason = "; ".join(reasons)
    return Result(key, worst, identifier, reason)
