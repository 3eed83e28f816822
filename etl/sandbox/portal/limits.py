"""What a portal allows: requests by a leaky bucket, execution time by method, and the `time` block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from etl.sandbox.portal.wire import RestError

MINUTE = 60
MINUTES = 10


@dataclass
class Bucket:
    """Every request adds 1, `rate` flows out each second, above `burst` it is refused (bitrix24 §2.1)."""

    rate: float
    burst: int
    clock: Callable[[], float]
    level: float = 0.0
    seen: float | None = None

    def take(self) -> None:
        """One more request. Raises RestError where the bucket is full."""
        now = self.clock()
        passed = 0.0 if self.seen is None else now - self.seen
        self.level = max(0.0, self.level - passed * self.rate)
        self.seen = now
        if self.level + 1 > self.burst:
            raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
        self.level += 1


@dataclass
class Operating:
    """Execution time per method over ten one-minute buckets (bitrix24 §2.2).

    limit: seconds a method may take in ten minutes (0: no limit); floor: the least one call counts;
    style: what replies say about it: `real` numbers, `zero`, or `absent`.
    """

    limit: float
    floor: float
    style: str
    clock: Callable[[], float]
    spent: dict[str, dict[int, float]] = field(default_factory=dict)

    def _minute(self) -> int:
        return int(self.clock() // MINUTE)

    def _current(self, method: str) -> dict[int, float]:
        """Minute -> seconds spent; minutes that no longer count are forgotten."""
        oldest = self._minute() - MINUTES
        buckets = self.spent.setdefault(method.lower(), {})
        for old in [minute for minute in buckets if minute <= oldest]:
            del buckets[old]
        return buckets

    def check(self, method: str) -> None:
        """Raises RestError where the method has used up its time."""
        if not self.limit:
            return
        spent = sum(self._current(method).values())
        if round(spent, 6) >= self.limit:
            raise RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")

    def bill(self, method: str, seconds: float) -> None:
        """The method has taken so long."""
        buckets = self._current(method)
        minute = self._minute()
        buckets[minute] = buckets.get(minute, 0.0) + max(seconds, self.floor)

    def shown(self, method: str) -> dict[str, Any]:
        """The two keys of the `time` block that tell a client how much is left."""
        if self.style == "absent":
            return {}
        buckets = self._current(method)
        oldest = min(buckets, default=self._minute())
        total = sum(buckets.values()) if self.style == "real" else 0
        return {"operating_reset_at": (oldest + MINUTES) * MINUTE, "operating": round(total, 6)}


def time_block(
    start: float, finish: float, processing: float, zone: timezone, operating: dict[str, Any]
) -> dict[str, Any]:
    """`time` as replies carry it (bitrix24 §2.5); all instants in seconds since 1970."""
    return {
        "start": round(start, 6),
        "finish": round(finish, 6),
        "duration": round(finish - start, 6),
        "processing": round(processing, 6),
        "date_start": datetime.fromtimestamp(start, zone).isoformat(timespec="seconds"),
        "date_finish": datetime.fromtimestamp(finish, zone).isoformat(timespec="seconds"),
        **operating,
    }
