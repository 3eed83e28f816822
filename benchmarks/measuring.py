"""What every benchmark measures with: processor seconds, ratios of works done in turn, a process of its own,
and the rows of the printed table.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

#: what was measured, the figure, its limit, whether it holds
Row = tuple[str, float, float, bool]
Work = Callable[[], object]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_ROUNDS = 9


def at_most(name: str, measured: float, limit: float) -> Row:
    """A figure that is good if it is small."""
    return name, measured, limit, measured <= limit


def at_least(name: str, measured: float, limit: float) -> Row:
    """A figure that is good if it is large."""
    return name, measured, limit, measured >= limit


def cpu() -> float:
    """Processor seconds of this process and of its ended children: a busy machine does not decide."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def seconds(work: Work) -> float:
    """What a work costs in processor seconds."""
    begun = cpu()
    work()
    return cpu() - begun


def ratios(base: Work, variants: Mapping[str, Work], rounds: int = _ROUNDS) -> dict[str, float]:
    """What each variant costs, in units of the base: the median of rounds in which all are done in turn."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        unit = seconds(base)
        for name, work in variants.items():
            found[name].append(seconds(work) / unit)
    return {name: statistics.median(values) for name, values in found.items()}


def ratio(base: Work, work: Work, rounds: int = _ROUNDS) -> float:
    """The same of one work."""
    return ratios(base, {"": work}, rounds)[""]


def apart(
    work: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
) -> _Result:
    """The result of a work in a fresh process: its imports and its memory are its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *arguments, **named).result()


def peak() -> float:
    """Peak memory of this process in MiB; not `ru_maxrss`, which a child inherits from who started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
