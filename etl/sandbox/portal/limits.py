"""What a portal allows: requests by a leaky bucket, execution time by method, and the `time` block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from etl.sandbox.portal.wire import RestError

MINUTE = 60
MINUTES = 10
STYLES = ("real", "zero", "absent")


@dataclass
class Bucket:
    """Every request adds 1, `rate` flows out each second, above `burst` the request is refused unseen."""

    rate: float
    burst: int
    clock: Callable[[], float]
    level: float = 0.0
    seen: float | None = None

    def take(self) -> None:
        now = self.clock()
        passed = now - self.seen if self.seen is not None else 0.0
        self.level, self.seen = max(0.0, self.level - passed * self.rate), now
        if self.level + 1 > self.burst:
            raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
        self.level += 1


@dataclass
class Operating:
    """Execution time per method over ten one-minute buckets.

    limit: seconds a method may take in ten minutes (0: no limit); floor: the least one call counts;
    style: what replies say about it: `real` numbers, `zero`, or `absent`.
    """

    limit: float
    floor: float
    style: str
    clock: Callable[[], float]
    spent: dict[str, dict[int, float]] = field(default_factory=dict)

    def _current(self, method: str) -> dict[int, float]:
        minute = int(self.clock() // MINUTE)
        buckets = self.spent.setdefault(method, {})
        for old in [key for key in buckets if key <= minute - MINUTES]:
            del buckets[old]
        return buckets

    def check(self, method: str) -> None:
        if self.limit and round(sum(self._current(method.lower()).values()), 6) >= self.limit:
            raise RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")

    def bill(self, method: str, seconds: float) -> None:
        buckets = self._current(method.lower())
        minute = int(self.clock() // MINUTE)
        buckets[minute] = buckets.get(minute, 0.0) + max(seconds, self.floor)

    def shown(self, method: str) -> dict[str, Any]:
        """The two keys of the `time` block that tell a client how much is left."""
        if self.style == "absent":
            return {}
        buckets = self._current(method.lower())
        oldest = min(buckets, default=int(self.clock() // MINUTE))
        total = sum(buckets.values()) if self.style == "real" else 0
        return {"operating_reset_at": (oldest + MINUTES) * MINUTE, "operating": round(total, 6)}


def time_block(
    start: float, finish: float, processing: float, zone: timezone, operating: dict[str, Any]
) -> dict[str, Any]:
    """`time` as replies carry it; all instants in seconds since 1970."""
    return {
        "start": round(start, 6),
        "finish": round(finish, 6),
        "duration": round(finish - start, 6),
        "processing": round(processing, 6),
        "date_start": datetime.fromtimestamp(start, zone).isoformat(timespec="seconds"),
        "date_finish": datetime.fromtimestamp(finish, zone).isoformat(timespec="seconds"),
        **operating,
    }
