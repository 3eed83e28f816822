"""The method `batch`: up to 50 commands in one request, with references to earlier results."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from etl.sandbox.portal.wire import Page, RestError, as_map, is_yes, parse_query

MAX_COMMANDS = 50
REFERENCE = re.compile(r"\$(result|total|next|error|time)((?:\[[^\[\]]*\])+)")
NOT_IN_BATCH = ("batch",)

Run = Callable[[str, dict[str, Any]], tuple[Page, dict[str, Any]]]


def commands_of(params: dict[str, Any]) -> dict[str, str]:
    """The commands that count: a command that is not text is passed over."""
    commands = next((value for key, value in params.items() if key.lower() == "cmd"), None)
    return {key: value for key, value in as_map(commands).items() if isinstance(value, str)}


def split_command(command: str) -> tuple[str, str]:
    """`crm.deal.get?id=1` -> method and query; like PHP's parse_url it stops at a raw `#`."""
    method, _, query = command.split("#", 1)[0].partition("?")
    method = method.strip().lstrip("/")
    return method.removesuffix(".json"), query


def run_batch(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Executes the commands one after another; nothing is taken back when one fails.

    `run` executes one method and answers its page and `time` block, or raises RestError.
    """
    halt = is_yes(next((value for key, value in params.items() if key.lower() == "halt"), "0"))
    results: dict[str, dict[str, Any]] = {name: {} for name in ("result", "error", "total", "next", "time")}
    for position, (key, command) in enumerate(commands_of(params).items()):
        try:
            page, time = _run_command(position, command, results, run)
        except RestError as refusal:
            results["error"][key] = refusal.body()
            if halt:
                break
            continue
        results["result"][key], results["time"][key] = page.result, time
        if page.total is not None:
            results["total"][key] = page.total
        if page.next is not None:
            results["next"][key] = page.next
    return {
        "result": results["result"],
        **{f"result_{name}": results[name] for name in ("error", "total", "next", "time")},
    }


def _run_command(
    position: int, command: str, results: dict[str, dict[str, Any]], run: Run
) -> tuple[Page, dict[str, Any]]:
    if position >= MAX_COMMANDS:
        raise RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    method, query = split_command(command)
    if method.lower() in NOT_IN_BATCH:
        raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
    return run(method, resolve(parse_query(query), results))


def resolve(value: Any, results: dict[str, dict[str, Any]]) -> Any:
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
        return _follow(results[whole[1]], whole[2])[0]

    def fill(match: re.Match[str]) -> str:
        node, complete = _follow(results[match[1]], match[2])
        return match[0] if not complete or isinstance(node, (dict, list)) else str(node)

    return REFERENCE.sub(fill, value)


def _follow(node: Any, path: str) -> tuple[Any, bool]:
    for part in re.findall(r"\[([^\[\]]*)\]", path):
        children = as_map(node)
        if part not in children:
            return node, False
        node = children[part]
    return node, True
