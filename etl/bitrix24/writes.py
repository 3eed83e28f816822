"""Writing so that nothing is lost and nothing is doubled, whatever becomes of an answer.

A create is looked up by its external id before it is sent and again, once the portal's time limit has passed, after an
unknown outcome; what is found is adopted (reference reliability §3, "Idempotent create"). An absolute write may simply be
repeated. Every intent goes through the caller's `Outbox` before the request leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar

from etl.bitrix24.classify import Verdict
from etl.bitrix24.client import SETTLE_SECONDS, Client, Command, Outcome
from etl.errors import ConfigError, EtlError, NeedsPerson, TryLater

#: Commands in a batch that creates: a cut batch leaves an unknown part done, so it is kept short.
CREATES = 25
_TURNS = 3
LATER = "не выполнено: портал занят, повторит следующий запуск"
UNSURE = "ответ портала потерян, исход выяснит следующий запуск"

Status = Literal["done", "skipped", "doubt", "failed"]
Item = TypeVar("Item")


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

    `id`: the portal's record, "" for one to be created, whose id `identify` then takes out of the answer; `accepted`
    judges the answer ("" = as wanted, else a complaint in Russian).
    """

    key: str
    id: str
    command: Command
    identify: Callable[[Any], str] | None = None
    accepted: Callable[[Any], str] = field(default=lambda _: "")


@dataclass(frozen=True)
class New:
    """A record to create once: `origin` is its external id, `identify` takes the id out of the portal's answer."""

    key: str
    origin: str
    command: Command
    identify: Callable[[Any], str] = str


#: Reads the portal and says for each key what is left to do: a write, or a Result where nothing is.
Plan = Callable[[Sequence[str]], Sequence["Write | Result"]]
Find = Callable[[Sequence[str]], Mapping[str, list[str]]]


def groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items by `size`."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def converge(
    client: Client, outbox: Outbox, keys: Sequence[str], plan: Plan, size: int = CREATES
) -> Iterator[Result]:
    """Bring records to the wanted state: `plan` compares, what differs is written, what stays unknown is compared again.

    Because nothing is sent without a fresh look, a write that took effect although its answer was lost is found, not
    repeated. Raises TryLater, ConfigError, NeedsPerson; what was noted in the outbox by then is right.
    """
    for group in groups(keys, min(size, client.batch_size)):
        left = group
        for turn in range(_TURNS):
            settle(client, [moment for key in left if (moment := outbox.unsure(key)) is not None])
            planned = plan(left)
            yield from _closed(outbox, [one for one in planned if isinstance(one, Result)])
            left = []
            for result in absolute(
                client, outbox, [one for one in planned if isinstance(one, Write)], turns=1
            ):
                if result.status == "doubt" and turn + 1 < _TURNS:
                    left.append(result.key)
                else:
                    yield result
            if not left:
                break


def create(client: Client, outbox: Outbox, news: Sequence[New], find: Find) -> list[Result]:
    """Create what is not there yet.

    `find` gives, for external ids, the ids of the portal's records that carry them, oldest first. Several records with
    one external id are never chosen between silently: the oldest is adopted and the reason names them. Errors as `converge`.
    """
    known = {new.key: new for new in news}

    def plan(keys: Sequence[str]) -> list[Write | Result]:
        present = find([known[key].origin for key in keys])
        return [_adopted(known[key], present.get(known[key].origin, [])) for key in keys]

    results = {result.key: result for result in converge(client, outbox, list(known), plan)}
    return [results[new.key] for new in news]


def absolute(client: Client, outbox: Outbox, items: Iterable[Write], turns: int = _TURNS) -> Iterator[Result]:
    """Send writes that set values, fifty to a request, several requests at once; results come as they arrive.

    An unknown outcome is sent again, `turns` times in all. Raises, after the last result, what stopped the portal
    (TryLater, ConfigError, NeedsPerson).
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
    """One repeatable write by itself, as JSON (nested rows must not go through a query string). The caller notes the outcome."""
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
    """Intents before the request; one whose earlier attempt may still be applied waits that time out first."""
    moments = {key: moment for key in keys if (moment := outbox.unsure(key)) is not None}
    settle(client, list(moments.values()))
    for key in moments:
        outbox.again(key)
    outbox.sending(*keys)


def settle(client: Client, moments: Sequence[float]) -> None:
    """Wait until a write sent at these moments can no longer be applied."""
    wait = max((moment + SETTLE_SECONDS - client.clock() for moment in moments), default=0.0)
    if wait > 0:
        client.sleep(min(wait, SETTLE_SECONDS))


def _adopted(new: New, found: list[str]) -> Write | Result:
    if not found:
        return Write(new.key, "", new.command, new.identify)
    listed = ", ".join(found)
    doubled = (
        f"на портале несколько записей с одним внешним кодом: {listed}; взята первая, удалите лишние"
        if found[1:]
        else ""
    )
    return Result(new.key, "done", found[0], doubled)


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
    left, error = list(group), None
    for _ in range(turns):
        try:
            answers = client.write_batch({f"w{index:02d}": write.command for index, write in enumerate(left)})
            outcomes |= {write.key: answers[f"w{index:02d}"] for index, write in enumerate(left)}
            client.stop_on(answers)
        except (TryLater, ConfigError, NeedsPerson) as problem:
            error = problem
            break
        left = [write for write in left if outcomes[write.key].verdict is Verdict.UNKNOWN]
        if not left:
            break
    return group, outcomes, error


def noted(outbox: Outbox, write: Write, outcome: Outcome) -> Result:
    """The result of a write by its outcome, told to the outbox."""
    if outcome.ok:
        identifier = write.identify(outcome.result) if write.identify else write.id
        complaint = write.accepted(outcome.result)
        if complaint:
            outbox.failed(write.key, complaint)
            return Result(write.key, "failed", identifier, complaint)
        outbox.done(write.key, identifier)
        return Result(write.key, "done", identifier)
    if outcome.verdict is Verdict.PERMANENT:
        reason = f"портал отклонил запись: {outcome.text or outcome.code or 'без объяснения'}"
        outbox.failed(write.key, reason)
        return Result(write.key, "failed", write.id or None, reason)
    if outcome.verdict is Verdict.UNKNOWN:
        outbox.doubt(write.key)
        return Result(write.key, "doubt", write.id or None, UNSURE)
    outbox.again(write.key)
    return Result(write.key, "skipped", write.id or None, LATER)


def merged(key: str, results: Sequence[Result], identifier: str | None) -> Result:
    """One result for a change that took several writes: the worst of them, all reasons."""
    found = {result.status for result in results}
    worst: Status = next((status for status in _WORST if status in found), "done")
    reasons = "; ".join(dict.fromkeys(result.reason for result in results if result.reason))
    return Result(key, worst, identifier, reasons)


_WORST: tuple[Status, ...] = ("failed", "doubt", "skipped")
