"""The exchange folder: nothing half-written is read, nothing is lost, nothing is published by halves."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import Rejected, TryLater
from etl.exchange import archive, spool
from etl.exchange.files import safe_name, shown
from etl.exchange.folder import Exchange, Look, Taken, sources

GOOD = "<КоммерческаяИнформация>…</КоммерческаяИнформация>".encode()
GLOBS = ("1cbitrix*.xml", "webdata*/*.xml", "from_1c/*.xml", "spreadsheets/in/*.xlsx")
NOVEMBER = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)


class Clock:
    """A clock of our own: `sleep` moves it, and may let the world act meanwhile."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.meanwhile()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Callable[..., Exchange]:
    def build(**more: Any) -> Exchange:
        settings: dict[str, Any] = {
            "settle_seconds": 2.0,
            "clock": clock,
            "sleep": clock.sleep,
            "now": lambda: NOVEMBER,
            "reserve": 0,
        }
        exchange = Exchange(tmp_path / "share", tmp_path / "spool", sources(GLOBS), **settings | more)
        if not more.get("sentinel"):
            exchange.prepare()
        return exchange

    return build


@pytest.fixture
def exchange(make: Callable[..., Exchange]) -> Exchange:
    return make()


def closed(path: Path, _name: str) -> None:
    """Stands for pass 1 of a reader: the closing tag must be there."""
    if not path.read_bytes().endswith(GOOD[-20:]):
        raise Rejected("Файл обрезан.", "Выгрузите его из 1С ещё раз.", place="строка 7")


def names(look: Look) -> list[str]:
    return [taken.name for taken in look.taken]


def put(exchange: Exchange, name: str, data: bytes = GOOD) -> Path:
    path = exchange.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# ---- taking
def test_a_settled_file_is_copied_hashed_and_archived(exchange: Exchange) -> None:
    put(exchange, "from_1c/orders.xml")
    (taken,) = exchange.take(closed).taken
    assert (taken.name, taken.sha256, taken.path.read_bytes()) == (
        "from_1c/orders.xml",
        hashlib.sha256(GOOD).hexdigest(),
        GOOD,
    )
    assert exchange.archive(taken) == f"archive/2026-11/20261122T093000Z-{taken.sha256[:12]}-orders.xml"
    assert (
        tree(exchange.folder) == {exchange.archive(taken): GOOD} and list(exchange.spool.glob("*.xml")) == []
    )


def test_a_young_file_waits_and_a_changing_one_is_never_taken(exchange: Exchange, clock: Clock) -> None:
    path = put(exchange, "from_1c/orders.xml", b"<")
    assert [(item.name, item.reason) for item in exchange.take(closed, wait=False).waiting] == [
        ("from_1c/orders.xml", "файл ещё записывается")
    ]
    clock.meanwhile = lambda: path.open("ab").write(b"x")
    assert names(exchange.take(closed)) == []
    clock.meanwhile = lambda: None
    path.write_bytes(GOOD)
    assert names(exchange.take(closed)) == ["from_1c/orders.xml"]


def test_a_one_shot_run_accepts_what_an_earlier_one_saw(make: Callable[..., Exchange], clock: Clock) -> None:
    put(make(), "from_1c/orders.xml")
    assert names(make().take(closed, wait=False)) == []
    clock.time += 60
    assert names(make().take(closed, wait=False)) == ["from_1c/orders.xml"]


def test_after_a_boot_the_clock_starts_anew_and_so_does_settling(
    make: Callable[..., Exchange], clock: Clock
) -> None:
    put(make(), "from_1c/orders.xml")
    make().take(closed, wait=False)
    clock.time = 5.0
    assert names(make().take(closed, wait=False)) == []
    clock.time = 8.0
    assert names(make().take(closed, wait=False)) == ["from_1c/orders.xml"]


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_writer_is_never_cut(tmp_path: Path, seed: int) -> None:
    exchange = Exchange(tmp_path / "share", tmp_path / "spool", sources(GLOBS), settle_seconds=0.15)
    exchange.prepare()
    text = GOOD[:-20] + os.urandom(3000).hex().encode() + GOOD[-20:]
    pauses = random.Random(seed)

    def write() -> None:
        with (exchange.folder / "from_1c" / "orders.xml").open("wb", buffering=0) as stream:
            for start in range(0, len(text), 600):
                stream.write(text[start : start + 600])
                time.sleep(min(0.1, pauses.paretovariate(1.2) * 0.005))

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[Taken] = []
    while not seen:
        look = exchange.take(lambda _path, _name: None, wait=False)
        seen += look.taken
        time.sleep(0.02)
    writer.join()
    assert seen[0].path.read_bytes() == text


def test_a_file_changed_after_the_listing_is_not_copied(exchange: Exchange, clock: Clock) -> None:
    path = put(exchange, "from_1c/orders.xml")
    (seen,) = exchange.scan()
    path.write_bytes(GOOD + b" ")
    assert spool.copy(seen, exchange.folder, exchange.spool, reserve=0) is None
    path.unlink()
    assert spool.copy(seen, exchange.folder, exchange.spool, reserve=0) is None
    assert list(exchange.spool.iterdir()) == []


def test_the_same_name_twice_is_two_files_and_two_names_with_the_same_bytes_are_too(
    exchange: Exchange,
) -> None:
    put(exchange, "from_1c/a.xml")
    put(exchange, "from_1c/b.xml")
    first = exchange.take(closed).taken
    assert len({taken.path for taken in first}) == 2 and len({taken.sha256 for taken in first}) == 1
    for taken in first:
        exchange.archive(taken)
    put(exchange, "from_1c/a.xml", b"2" + GOOD)
    exchange.archive(exchange.take(closed).taken[0])
    assert sorted(tree(exchange.folder).values()) == sorted([GOOD, GOOD, b"2" + GOOD])


def test_files_come_oldest_first(exchange: Exchange) -> None:
    for age, name in enumerate(("b", "a", "c")):
        os.utime(put(exchange, f"from_1c/{name}.xml", GOOD), (1000 + age, 1000 + age))
    assert names(exchange.take(closed)) == ["from_1c/b.xml", "from_1c/a.xml", "from_1c/c.xml"]


def test_an_empty_file_waits_for_ever_and_delays_nobody(exchange: Exchange, clock: Clock) -> None:
    put(exchange, "from_1c/empty.xml", b"")
    put(exchange, "from_1c/good.xml")
    exchange.take(closed, wait=False)
    clock.time += 1000
    look = exchange.take(closed)
    assert names(look) == ["from_1c/good.xml"]
    assert [(item.name, item.reason, item.seconds) for item in look.waiting] == [
        ("from_1c/empty.xml", "файл пустой", 1000.0)
    ]


def test_special_files_are_refused_and_not_followed(exchange: Exchange, tmp_path: Path) -> None:
    folder = exchange.folder / "from_1c"
    (tmp_path / "secret.xml").write_bytes(GOOD)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.xml").write_bytes(GOOD)
    os.mkfifo(folder / "pipe.xml")
    (folder / "link.xml").symlink_to(tmp_path / "secret.xml")
    (folder / "loop.xml").symlink_to("loop.xml")
    (folder / "folder.xml").mkdir()
    (exchange.folder / "webdata1").symlink_to(tmp_path / "elsewhere")
    put(exchange, "webdata2/orders.xml")
    look = exchange.take(closed)
    assert names(look) == ["webdata2/orders.xml"]
    assert sorted(name for name, _ in look.refused) == [
        "from_1c/link.xml",
        "from_1c/loop.xml",
        "from_1c/pipe.xml",
    ]


def test_temporary_names_of_others_are_left_alone(exchange: Exchange) -> None:
    for name in (
        "from_1c/.hidden.xml",
        "from_1c/orders.xml.tmp",
        "from_1c/orders.xml.part",
        "spreadsheets/in/~$book.xlsx",
        "other.xml",
    ):
        put(exchange, name)
    put(exchange, "from_1c/ORDERS.XML")
    assert names(exchange.take(closed)) == ["from_1c/ORDERS.XML"]


def test_a_name_that_is_not_utf8_is_taken_and_printable(exchange: Exchange) -> None:
    with open(os.fsencode(exchange.folder / "from_1c") + b"/\xc7\xe0\xea\xe0\xe7.xml", "wb") as stream:
        stream.write(GOOD)
    (taken,) = exchange.take(closed).taken
    taken.name.encode("utf-8")
    exchange.archive(taken)
    assert list(tree(exchange.folder).values()) == [GOOD] and next(iter(tree(exchange.folder))).startswith(
        "archive/"
    )


def test_a_too_large_file_is_refused_before_it_is_read(make: Callable[..., Exchange]) -> None:
    exchange = make(max_bytes=10)
    put(exchange, "from_1c/orders.xml")
    look = exchange.take(closed)
    assert (names(look), [name for name, _ in look.refused]) == ([], ["from_1c/orders.xml"])


def test_no_space_is_tried_later_and_leaves_the_file(make: Callable[..., Exchange]) -> None:
    exchange = make(reserve=1 << 60)
    path = put(exchange, "from_1c/orders.xml")
    with pytest.raises(TryLater, match="мало места"):
        exchange.take(closed)
    with pytest.raises(TryLater, match="мало места"):
        exchange.publish("to_1c/order.xml", lambda stream: None)
    assert path.read_bytes() == GOOD and not (exchange.folder / "to_1c" / "order.xml").exists()


# ---- 1C's own fixed files
def test_a_file_that_1c_rewrites_stays_and_is_read_once_per_version(exchange: Exchange) -> None:
    path = put(exchange, "1cbitrix-import.xml")
    first = exchange.take(closed).taken[0]
    place = exchange.archive(first)
    assert path.exists() and (exchange.folder / place).read_bytes() == GOOD
    assert names(exchange.take(closed)) == []
    (again,) = exchange.take(closed, rescan=True).taken
    assert exchange.archive(again) == place, "the same content is archived once a month"
    path.write_bytes(b"2" + GOOD)
    exchange.archive(exchange.take(closed).taken[0])
    assert sorted(tree(exchange.folder / "archive").values()) == sorted([GOOD, b"2" + GOOD])


def test_a_version_that_came_during_the_reading_stays_to_be_read(exchange: Exchange) -> None:
    path = put(exchange, "from_1c/orders.xml")
    (taken,) = exchange.take(closed).taken
    path.write_bytes(b"2" + GOOD)
    assert (exchange.folder / exchange.archive(taken)).read_bytes() == GOOD
    assert path.read_bytes() == b"2" + GOOD
    assert names(exchange.take(closed)) == ["from_1c/orders.xml"]


def test_a_file_that_1c_wiped_during_the_reading_is_still_archived(exchange: Exchange) -> None:
    path = put(exchange, "from_1c/orders.xml")
    (taken,) = exchange.take(closed).taken
    path.unlink()
    assert (exchange.folder / exchange.archive(taken)).read_bytes() == GOOD


def test_a_newer_file_that_slips_in_is_put_back(exchange: Exchange) -> None:
    path = put(exchange, "from_1c/orders.xml")
    moved = put(exchange, "archive/x.xml", b"newer")
    archive.put_back(moved, path)
    assert (path.read_bytes(), path.with_name("orders-2.xml").read_bytes(), moved.exists()) == (
        GOOD,
        b"newer",
        False,
    )


# ---- bad files
def test_a_bad_file_is_explained_in_russian_and_disturbs_nobody(exchange: Exchange) -> None:
    put(exchange, "from_1c/bad.xml", GOOD[:-5])
    put(exchange, "from_1c/good.xml")
    look = exchange.take(closed)
    assert names(look) == ["from_1c/good.xml"]
    (bad,) = look.bad
    place = exchange.quarantine(bad.taken, bad.error)
    assert (
        place == f"quarantine/bad-{bad.taken.sha256[:12]}.xml"
        and (exchange.folder / place).read_bytes() == GOOD[:-5]
    )
    said = (exchange.folder / f"{place}.error.txt").read_text(encoding="utf-8-sig")
    for part in (
        "Файл: from_1c/bad.xml",
        "Что не так: Файл обрезан.",
        "Где: строка 7",
        "Что делать: Выгрузите",
    ):
        assert part in said
    exchange.requeue(place, bad.taken.name)
    assert sorted(tree(exchange.folder)) == ["from_1c/bad.xml", "from_1c/good.xml"]
    with pytest.raises(Rejected, match="нельзя вернуть"):
        exchange.requeue(place, bad.taken.name)


def test_an_unreadable_file_gets_time_to_be_finished(exchange: Exchange, clock: Clock) -> None:
    path = put(exchange, "from_1c/orders.xml", GOOD[:-5])
    exchange.take(closed, wait=False)
    clock.time += 3
    look = exchange.take(closed, wait=False)
    assert (look.bad, [item.reason for item in look.waiting]) == (
        [],
        ["файл пока не читается, возможно ещё записывается"],
    )
    clock.meanwhile = lambda: path.write_bytes(GOOD)
    assert exchange.take(closed).bad == []
    clock.meanwhile = lambda: None
    assert names(exchange.take(closed)) == ["from_1c/orders.xml"]


def test_a_bad_file_of_1c_itself_is_copied_aside_once(exchange: Exchange) -> None:
    path = put(exchange, "1cbitrix-orders.xml", GOOD[:-5])
    (bad,) = exchange.take(closed).bad
    exchange.quarantine(bad.taken, bad.error)
    assert path.exists() and exchange.take(closed).bad == []


# ---- the folder itself
def test_an_unmounted_share_is_not_touched(make: Callable[..., Exchange], tmp_path: Path) -> None:
    exchange = make(sentinel=".obmen24-here")
    for call in (
        exchange.prepare,
        exchange.scan,
        lambda: exchange.publish("to_1c/order.xml", lambda stream: None),
    ):
        with pytest.raises(TryLater, match="не подключена"):
            call()
    assert not (tmp_path / "share").exists()
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / ".obmen24-here").touch()
    exchange.prepare()
    assert (tmp_path / "share" / "from_1c").is_dir()


def test_leftovers_of_a_killed_run_are_cleared(make: Callable[..., Exchange]) -> None:
    exchange = make()
    left = [
        exchange.spool / "abc.tmp",
        exchange.spool / "0123-x.xml",
        put(exchange, "to_1c/.obmen24-aa.tmp"),
        put(exchange, "archive/2026-11/.obmen24-bb.tmp"),
    ]
    left[0].touch()
    left[1].touch()
    kept = put(exchange, "to_1c/order.xml")
    make()
    assert [path.exists() for path in left] == [False] * 4 and kept.exists()


def test_a_damaged_memory_only_costs_time(make: Callable[..., Exchange]) -> None:
    exchange = make()
    put(exchange, "from_1c/orders.xml")
    (exchange.spool / "seen.json").write_text("{broken")
    assert names(make().take(closed)) == ["from_1c/orders.xml"]


def test_a_folder_that_vanishes_in_the_middle_is_tried_later(exchange: Exchange) -> None:
    put(exchange, "from_1c/orders.xml")
    (taken,) = exchange.take(closed).taken
    exchange.folder.rename(exchange.folder.with_name("gone"))
    exchange.folder.mkdir()
    exchange.folder.chmod(0o700)
    (exchange.folder / "archive").touch()
    with pytest.raises(TryLater, match="изменилась"):
        exchange.archive(taken)
    with pytest.raises(TryLater, match="изменилась"):
        exchange.prepare()


# ---- publishing
def writer(data: bytes) -> Callable[[BinaryIO], None]:
    def write(stream: BinaryIO) -> None:
        stream.write(data)

    return write


def test_a_file_is_published_whole_and_the_same_bytes_are_not_written_again(exchange: Exchange) -> None:
    first = exchange.publish("to_1c/order.xml", writer(b"one"))
    before = first.path.stat()
    again = exchange.publish("to_1c/order.xml", writer(b"one"))
    assert (first.changed, again.changed, again.sha256) == (True, False, hashlib.sha256(b"one").hexdigest())
    assert (first.path.stat().st_ino, first.path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert exchange.publish("to_1c/order.xml", writer(b"two")).changed and first.path.read_bytes() == b"two"
    assert os.listdir(exchange.folder / "to_1c") == ["order.xml"]


def test_a_failed_writing_or_validation_changes_nothing(exchange: Exchange) -> None:
    exchange.publish("to_1c/order.xml", writer(b"one"))

    def refuse(_path: Path) -> None:
        raise Rejected("Не по схеме.")

    def break_off(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(Rejected):
        exchange.publish("to_1c/order.xml", writer(b"two"), refuse)
    with pytest.raises(ZeroDivisionError):
        exchange.publish("to_1c/order.xml", break_off)
    assert tree(exchange.folder / "to_1c") == {"order.xml": b"one"}


def test_published_files_can_be_read_by_whoever_may_read_the_folder(exchange: Exchange) -> None:
    (exchange.folder / "to_1c").chmod(0o770)
    before = os.umask(0o077)
    try:
        path = exchange.publish("to_1c/order.xml", writer(b"one")).path
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o660


def test_a_workbook_open_in_excel_gets_a_second_name(exchange: Exchange) -> None:
    name = "spreadsheets/out/Реестр.xlsx"
    exchange.publish_for_person(name, writer(b"one"))
    put(exchange, "spreadsheets/out/~$Реестр.xlsx")
    assert not exchange.publish_for_person(name, writer(b"one")).changed
    second = exchange.publish_for_person(name, writer(b"two"))
    assert (second.path.name, second.changed) == ("Реестр (2).xlsx", True) and "открыт в Excel" in second.note
    assert not exchange.publish_for_person(name, writer(b"two")).changed
    put(exchange, "spreadsheets/out/~$Реестр (2).xlsx")
    assert exchange.publish_for_person(name, writer(b"three")).path.name == "Реестр (3).xlsx"
    for count in range(3, 9):
        put(exchange, f"spreadsheets/out/~$Реестр ({count}).xlsx")
    with pytest.raises(TryLater, match="открыты в Excel"):
        exchange.publish_for_person(name, writer(b"four"))


# ---- names
@given(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["CON", "nul.xml", "a/../b.xml", "..", "x" * 300 + ".xlsx", "й" * 200])
)
def test_a_safe_name_is_safe_everywhere(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 101 and safe not in (".", "..")
    assert not set(safe) & set('/\\:*?"<>|\0') and safe == safe.strip(" ") and not safe.endswith(".")
    assert safe.split(".")[0].lower() not in {"con", "prn", "aux", "nul"}


def test_a_name_keeps_its_words_and_extension() -> None:
    assert safe_name("from_1c/Заказы за ноябрь (2).xlsx") == "Заказы за ноябрь (2).xlsx"
    assert safe_name("ы" * 200 + ".xlsx").endswith("ы.xlsx")
    assert shown("a\udcc7.xml") == "a\\udcc7.xml"
