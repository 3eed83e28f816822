"""Pacing: never above the portal's bucket, whoever shares it; pauses of single methods."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.bitrix24.bucket import BUDGET_SECONDS, SPARE, Bucket
from tests.support.bitrix24_bench import Clock


def bucket(clock: Clock, file: Path | None = None, rate: float = 2.0, burst: int = 50) -> Bucket:
    return Bucket(rate, burst, file, clock=clock.time, sleep=clock.sleep)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 30), max_size=60), st.integers(5, 60), st.sampled_from([1.0, 2.0, 5.0]))
def test_the_portal_never_overflows(pauses: list[float], burst: int, rate: float) -> None:
    clock = Clock()
    paced = bucket(clock, rate=rate, burst=burst)
    level, last = 0.0, clock.time()
    for pause in [*pauses, *[0.0] * (burst + 20)]:
        clock.now += pause
        paced.acquire()
        level = max(0.0, level - (clock.time() - last) * rate) + 1
        last = clock.time()
        assert level <= burst + 1e-3


def test_a_burst_is_free_and_then_the_rate_holds() -> None:
    clock = Clock()
    paced = bucket(clock)
    for _ in range(50 - SPARE):
        paced.acquire()
    assert not clock.slept
    started = clock.time()
    for _ in range(20):
        paced.acquire()
    assert clock.time() - started == pytest.approx(10.0, abs=0.01)


def test_after_the_clock_is_set_back_refusals_and_pauses_still_count(tmp_path: Path) -> None:
    """A moment of the future clock in the shared file must not swallow what the portal says now."""
    clock = Clock()
    paced = bucket(clock, tmp_path / "pace.json")
    paced.refused()
    paced.pause("crm.item.add", clock.time() + 60)
    clock.now -= 100_000
    paced.refused()
    paced.acquire()
    assert clock.slept
    paced.pause("crm.item.add", clock.time() + 60)
    started = clock.time()
    paced.acquire(["crm.item.add"])
    assert clock.time() - started == pytest.approx(60.0, abs=0.01)


def test_processes_and_threads_share_one_pace(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "state" / "pace.json"
    waits: list[float] = []  # nobody's sleep moves the clock: all come at the same moment
    buckets = [Bucket(2.0, 50, file, clock=clock.time, sleep=waits.append) for _ in range(2)]

    def thirty(one: Bucket) -> None:
        for _ in range(30):
            one.acquire()

    threads = [threading.Thread(target=thirty, args=(one,)) for one in buckets for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waits) == 120 - (50 - SPARE)
    assert len({round(wait, 3) for wait in waits}) == len(waits), "everybody has a place of his own"
    assert file.stat().st_mode & 0o077 == 0


def test_a_refusal_means_that_others_use_the_bucket() -> None:
    clock = Clock()
    paced = bucket(clock)
    paced.refused()
    paced.acquire()
    assert clock.slept == [pytest.approx(0.5, abs=0.01)]


def test_a_clock_set_back_does_not_stop_us(tmp_path: Path) -> None:
    clock = Clock()
    paced = bucket(clock, tmp_path / "pace.json")
    for _ in range(60):
        paced.acquire()
    paced.pause("crm.item.list", clock.time() + 30)
    clock.now -= 1_000_000
    clock.slept.clear()
    paced.acquire(["crm.item.list"])
    assert sum(clock.slept) < 1.0


def test_a_torn_file_is_a_fresh_start(tmp_path: Path) -> None:
    file = tmp_path / "pace.json"
    file.write_bytes(b'{"empty": 17')
    clock = Clock()
    bucket(clock, file).acquire()
    assert not clock.slept


def test_a_paused_method_waits_and_the_others_do_not(tmp_path: Path) -> None:
    clock = Clock()
    bucket(clock, tmp_path / "pace.json").pause("crm.item.update", clock.time() + 40)
    paced = bucket(clock, tmp_path / "pace.json")
    paced.acquire(["crm.item.list"])
    assert not clock.slept
    paced.acquire(["crm.item.update", "batch"])
    assert clock.slept == [pytest.approx(40)]


@pytest.mark.parametrize(
    ("operating", "waits"),
    [(100.0, False), (BUDGET_SECONDS * 0.8, True), (0, False), (None, False), ("x", False)],
)
def test_the_operating_budget_slows_a_method_down(operating: object, waits: bool) -> None:
    clock = Clock()
    paced = bucket(clock)
    paced.spent("batch", {"operating": operating, "operating_reset_at": int(clock.time()) + 55})
    paced.spent("batch", None)
    paced.acquire(["batch"])
    assert bool(clock.slept) is waits
