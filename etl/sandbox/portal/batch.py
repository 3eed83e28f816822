"""The method `batch`: up to 50 commands in one request, with references to earlier results."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from etl.sandbox.portal.wire import Page, Params, RestError, as_map, is_yes, parse_query

Time = dict[str, Any]  # the `time` block of a reply


MAX_COMMANDS = 50
REFERENCE = re.compile(r"\$(result|total|next|error|time)((?:\[[^\[\]]*\])+)")
STEP = re.compile(r"\[([^\[\]]*)\]")
NOT_IN_BATCH = ("batch",)

Run = Callable[[str, Params], tuple[Page, Time]]


@dataclass
class Results:
    """What the commands of one batch have given so far, by the key of the command."""

    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    next: dict[str, int] = field(default_factory=dict)
    time: dict[str, Time] = field(default_factory=dict)

    def note(self, key: str, page: Page, time: Time) -> None:
        """A command succeeded."""
        self.result[key] = page.result
        self.time[key] = time
        if page.total is not None:
            self.total[key] = page.total
        if page.next is not None:
            self.next[key] = page.next

    def body(self) -> Params:
        """The five maps of the reply."""
        return {
            "result": self.result,
            "result_error": self.error,
            "result_total": self.total,
            "result_next": self.next,
            "result_time": self.time,
        }


def commands_of(params: Params) -> dict[str, str]:
    """The commands that count: a command that is not text is passed over."""
    commands = as_map(_named(params, "cmd"))
    return {key: command for key, command in commands.items() if isinstance(command, str)}


def _named(params: Params, name: str) -> Any:
    """The parameter in whatever letter case it was given."""
    for key, value in params.items():
        if key.lower() == name:
            return value
    return None


def split_command(command: str) -> tuple[str, str]:
    """`crm.deal.get?id=1` -> method and query; like PHP's parse_url it stops at a raw `#`."""
    method, _, query = command.split("#", 1)[0].partition("?")
    method = method.strip().lstrip("/")
    return method.removesuffix(".json"), query


def run_batch(params: Params, run: Run) -> Params:
    """Executes the commands in turn; nothing is taken back when one fails (bitrix24 §4.12, §10.3, 10).

    `run` executes one method and answers its page and `time` block, or raises RestError.
    """
    halt = is_yes(_named(params, "halt"))
    results = Results()
    for position, (key, command) in enumerate(commands_of(params).items()):
        try:
            page, time = _run_command(position, command, results, run)
        except RestError as refusal:
            results.error[key] = refusal.body()
            if halt:
                break
        else:
            results.note(key, page, time)
    return results.body()


def _run_command(position: int, command: str, results: Results, run: Run) -> tuple[Page, Time]:
    """One command, its references to earlier results filled in. Raises RestError."""
    if position >= MAX_COMMANDS:
        raise RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    method, query = split_command(command)
    if method.lower() in NOT_IN_BATCH:
        raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
    return run(method, resolve(parse_query(query), results))


def resolve(value: Any, results: Results) -> Any:
    """Replaces `$result[key][0][ID]` and kin in all values.

    A value that is one reference becomes the deepest node its path reaches; inside a longer text only
    scalars are filled in and anything else stays as it was written.
    """
    if isinstance(value, dict):
        return {key: resolve(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, results) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        node, _ = _follow(whole, results)
        return node

    def fill(reference: re.Match[str]) -> str:
        """A reference that leads nowhere, or to no scalar, stays as it was written."""
        node, complete = _follow(reference, results)
        if not complete or isinstance(node, (dict, list)):
            return reference[0]
        return str(node)

    return REFERENCE.sub(fill, value)


def _follow(reference: re.Match[str], results: Results) -> tuple[Any, bool]:
    """The deepest node the reference's path reaches, and whether that is the whole path."""
    node = getattr(results, reference[1])
    for part in STEP.findall(reference[2]):
        children = as_map(node)
        if part not in children:
            return node, False
        node = children[part]
    return node, True
