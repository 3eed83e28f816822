"""What the store promises on every database it supports."""

from __future__ import annotations

import datetime as dt
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import count, permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import tables
from etl.errors import ConfigError, NeedsPerson, TryLater
from etl.state import schema
from etl.state.columns import decode, encode
from etl.state.files import newer
from etl.state.opening import migrations
from etl.state.quick import quick_status
from etl.state.store import Busy, Store
from tests.support.paths import ROOT

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture
def store(url: str, portal: str) -> Iterator[Store]:
    ticks = count()
    with Store.open(url, portal=portal, clock=lambda: NOON + dt.timedelta(seconds=next(ticks))) as opened:
        yield opened


def intent(key: str, deal: str = "1", **payload: Any) -> dict[str, Any]:
    return {"key": key, "entity": "deal", "entity_key": deal, "method": "crm.deal.update", "payload": payload}


# ---- opening
def test_migrations_end_at_the_declared_tables(store: Store) -> None:
    connection = store._database.connection
    assert compare_metadata(MigrationContext.configure(connection), schema.METADATA) == []
    assert ScriptDirectory.from_config(migrations(connection)).get_current_head() == schema.REVISION


INDEXES = sorted(
    (index for table in schema.METADATA.sorted_tables for index in table.indexes),
    key=lambda index: str(index.name),
)


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: str(index.name))
def test_sqlite_uses_every_index_it_keeps(index: sa.Index, tmp_path: Path) -> None:
    """A fresh file has no statistics, and SQLite then reads all rows of a portal instead: unnoticed until the
    history is long.
    """
    with Store.open(f"sqlite:///{tmp_path}/state.sqlite", portal="p") as store:
        asked = " AND ".join(f"{column.name} = 'x'" for column in index.columns)
        partial = index.dialect_options["sqlite"]["where"]
        condition = asked if partial is None else f"{asked} AND {partial.text}"
        question = f"EXPLAIN QUERY PLAN SELECT * FROM {index.table.name} WHERE {condition}"
        plan = store._database.connection.execute(sa.text(question)).all()
    assert str(index.name) in str(plan)


def test_a_state_of_the_release_before_gets_the_newest_indexes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.sqlite"
    with Store.open(url, portal="p") as store, store.transaction():
        connection = store._database.connection
        connection.execute(sa.text("DROP INDEX ix_publication_document"))
        connection.execute(sa.text("DELETE FROM sqlite_stat1"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))
    with Store.open(url, portal="p") as store:
        question = (
            "EXPLAIN QUERY PLAN SELECT * FROM publication WHERE portal = 'p' AND document IN ('a', 'b')"
        )
        assert "ix_publication_document" in str(store._database.connection.execute(sa.text(question)).all())


def test_a_state_of_a_newer_programme_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.sqlite"
    with Store.open(url, portal="p") as store, store.transaction():
        store._database.connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NeedsPerson, match="более новой версией"):
        Store.open(url, portal="p")


def test_the_file_and_its_folder_are_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.sqlite"
    with Store.open(f"sqlite:///{path}", portal="p") as store, store.lock():
        modes = {
            item.name: stat.S_IMODE(item.stat().st_mode) for item in (path.parent, *path.parent.iterdir())
        }
    assert modes.pop("new") == 0o700
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("bad", ["mysql://x/y", "nonsense", "sqlite:////proc/nowhere/state.sqlite"])
def test_an_unusable_address_is_a_configuration_error(bad: str) -> None:
    with pytest.raises(ConfigError):
        Store.open(bad, portal="p")


def test_an_absent_server_is_tried_later(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(TryLater):
        Store.open(f"postgresql://test@/none?host={tmp_path}", portal="p")


def test_a_damaged_file_needs_a_person(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(NeedsPerson, match="повреждён"):
        Store.open(f"sqlite:///{path}", portal="p")


def test_a_full_disk_is_tried_later_and_loses_nothing(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/state.sqlite", portal="p") as store:
        store.files.set_cursor("a", "kept")
        pages = store._database.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        store._database.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        store._database.connection.rollback()
        with pytest.raises(TryLater, match="нет места"), store.transaction():
            store.files.set_cursor("a", "lost")
            store.files.set_cursor("b", "x" * 100_000)
        assert store.files.cursor("a") == "kept"


# ---- transactions, portals, the lock
def test_a_transaction_is_all_or_nothing_and_nested_ones_join(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.files.set_cursor("outer", "1")
        with store.transaction():
            store.files.set_cursor("inner", "1")
        raise RuntimeError
    assert (store.files.cursor("outer"), store.files.cursor("inner")) == (None, None)
    store.files.set_cursor("after", "1")
    assert store.files.cursor("after") == "1"


def test_portals_do_not_see_each_other(store: Store, url: str, portal: str) -> None:
    store.files.set_cursor("a", "1")
    store.outbox.put([intent("k")])
    with Store.open(url, portal=portal + "2") as other:
        assert (other.files.cursor("a"), other.outbox.pending(), other.runs.last()) == (None, [], [])
        assert other.outbox.put([intent("k")]) == 1


HOLDER = """
import sys, time
from etl.state.store import Store
with Store.open(sys.argv[1], portal=sys.argv[2]) as store, store.lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_keeps_others_out_and_dies_with_its_process(store: Store, url: str, portal: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, portal], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(Busy, match="другим процессом"), store.lock():
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    for _ in range(100):  # PostgreSQL notices the closed connection a moment later
        try:
            with store.lock():
                return
        except Busy:
            subprocess.run(["sleep", "0.05"], check=True)
    pytest.fail("the lock outlived its process")


# ---- runs, journal, issues
def test_an_open_run_of_a_dead_process_is_interrupted(store: Store) -> None:
    first = store.runs.begin("cron", ["billing"])
    with store.lock():
        assert store.runs.last()[0]["status"] == "running"
    assert store.runs.last()[0]["status"] == "interrupted"
    second = store.runs.begin("hand", ["parties"])
    store.runs.finish(second, "clean", {"read": 3})
    assert [(row["id"], row["status"]) for row in store.runs.last()] == [
        (second, "clean"),
        (first, "interrupted"),
    ]
    assert store.runs.last(1)[0]["counts"] == {"read": 3}


def test_the_journal_tells_what_happened_in_order_and_in_its_own_types(store: Store) -> None:
    run = store.runs.begin("cron", [])
    store.runs.journal(
        run,
        [
            {
                "entity": "deal",
                "key": "1",
                "action": "stage",
                "before": Decimal("10.00"),
                "after": dt.date(2026, 1, 2),
            },
            {"entity": "deal", "key": "2"},
        ],
    )
    store.runs.journal(
        run,
        tables.frame(
            "changes",
            [{"entity": "deal", "key": "1", "action": "update", "after": ("a", None), "reason": "r"}],
        ),
    )
    told = store.runs.why("deal", "1")
    assert [(row["seq"], row["action"], row["before"], row["after"], row["rule"]) for row in told] == [
        (1, "stage", Decimal("10.00"), dt.date(2026, 1, 2), None),
        (3, "update", None, ("a", None), "r"),
    ]
    assert str(told[0]["before"]) == "10.00"


def test_an_issue_met_again_is_one_issue_and_closes_when_it_is_gone(store: Store) -> None:
    bad, other = (
        tables.issue("Нет суммы.", entity="deal", key="1"),
        tables.issue("Нет номера.", entity="deal", key="2"),
    )
    first = store.runs.begin("cron", [])
    store.runs.add_issues(first, [bad, bad, other], "billing")
    store.runs.add_issues(first, [bad], "parties")
    second = store.runs.begin("cron", [])
    store.runs.add_issues(second, tables.frame("issues", [bad]), "billing")
    assert store.runs.close_issues(second, ["billing"]) == 1
    assert store.runs.open_issues("billing")["key"].tolist() == ["1"]
    assert len(store.runs.open_issues()) == 2
    third = store.runs.begin("cron", [])
    assert store.runs.close_issues(third, ["billing", "parties"]) == 2
    assert len(store.runs.open_issues()) == 0


def test_the_journal_is_forgotten_after_its_time_once_a_day_and_money_is_not(url: str, portal: str) -> None:
    clock = [NOON]
    with Store.open(url, portal=portal, clock=lambda: clock[0]) as store:
        other = Store.open(url, portal=portal + "2", clock=lambda: NOON)
        for one in (store, other):
            run = one.runs.begin("cron", [])
            one.runs.journal(
                run, [{"entity": "deal", "key": "1", "action": "update"}, {"entity": "deal", "key": "1"}]
            )
            one.runs.journal(run, [{"entity": "deal", "key": "1", "action": "payment", "after": Decimal(5)}])
        fact = {"source": "bank", "id": "f", "target": "1", "date": NOON.date(), "amount": Decimal(5)}
        store.facts.record("payment", [fact])
        clock[0] = NOON + dt.timedelta(days=365 * 3)
        store.runs.journal(store.runs.begin("cron", []), [{"entity": "deal", "key": "2"}])
        assert store.runs.forget(36) == 0, "the whole month is kept"
        clock[0] += dt.timedelta(days=31)
        assert store.runs.forget(36) == 2
        store.runs.journal(store.runs.begin("cron", []), [{"entity": "deal", "key": "3"}])
        clock[0] += dt.timedelta(hours=1)
        assert store.runs.forget(1) == 0, "it has looked today already"
        assert [row["action"] for row in store.runs.why("deal", "1")] == ["payment"], "it proves money"
        assert len(store.runs.why("deal", "2")) == 1
        assert len(other.runs.why("deal", "1")) == 3, "another portal keeps its own"
        assert (len(store.facts.rows("payment")), len(store.runs.last())) == (1, 3)
        other.close()


# ---- files and documents
def test_content_is_claimed_once_and_going_back_is_noticed(store: Store) -> None:
    first = store.files.take("in", "A", "order.xml", raw_hash="ra")
    store.files.mark("in", "A", "parsed")
    assert store.files.seen("in", "A").state == "parsed" and store.files.seen("in", "A").latest
    store.files.take("in", "B", "order.xml", raw_hash="rb")
    assert not store.files.seen("in", "A").latest, "1C went back to an older text: it must be read again"
    again = store.files.take("in", "A", "order.xml", raw_hash="ra2")
    assert (first.seq, again.seq, again.state) == (1, 3, "spooled")
    store.files.mark("in", "A", "bad", reason="обрезан", stored_as="quarantine/x")
    assert store.files.listed("bad")[0].reason == "обрезан"
    assert [found.hash for found in store.files.listed("bad")] == ["A"]
    assert store.files.seen("out", "A") is None


LATER = NOON + dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("known", "row", "expected"),
    [
        (None, {}, True),
        ({"version": "AAB=", "generated_at": NOON}, {"version": "AAB=", "generated_at": LATER}, False),
        ({"version": "AAC=", "generated_at": NOON}, {"version": "AAB=", "generated_at": LATER}, True),
        ({"version": "AAB=", "generated_at": LATER}, {"version": "AAC=", "generated_at": NOON}, False),
        ({"version": "9", "generated_at": LATER}, {"version": "10", "generated_at": NOON}, True),
        ({"version": "10", "generated_at": NOON}, {"version": "9", "generated_at": LATER}, False),
        ({"generated_at": NOON, "seq": 1}, {"generated_at": NOON, "seq": 2}, True),
        ({"generated_at": LATER, "seq": 1}, {"generated_at": NOON, "seq": 2}, False),
        ({"generated_at": NOON, "hash": "h"}, {"generated_at": LATER, "hash": "h"}, False),
        ({"version": "5", "generated_at": NOON, "hash": "h"}, {"generated_at": LATER, "hash": "i"}, True),
    ],
)
def test_staleness_is_judged_per_document(
    known: dict[str, Any] | None, row: dict[str, Any], expected: bool
) -> None:
    empty = {"id": "d", "version": None, "generated_at": None, "seq": None, "hash": None}
    assert newer(empty | row, None if known is None else empty | known) is expected


def test_documents_end_the_same_in_whatever_order_files_come(store: Store) -> None:
    texts = [
        {"id": "d", "generated_at": NOON + dt.timedelta(minutes=minute), "seq": 1, "hash": str(minute)}
        for minute in range(3)
    ]
    for place, order in enumerate(permutations(texts)):
        for text in order:
            store.files.remember_documents([{**text, "id": f"d{place}"}])
    assert {
        row["hash"] for row in store.files.document_versions(f"d{place}" for place in range(6)).values()
    } == {"2"}


def test_what_was_told_of_a_document_comes_back(store: Store) -> None:
    text = {
        "id": "d1",
        "version": None,
        "generated_at": NOON,
        "seq": 1,
        "hash": "a",
        "payload": {"row": {"amount": Decimal("1.10"), "date": NOON.date()}},
    }
    store.files.remember_documents([text, {**text, "id": "d2", "payload": None}])
    (held,) = store.files.told_documents()
    assert (held["id"], held["payload"], held["generated_at"]) == ("d1", text["payload"], NOON)
    newer = {**text, "generated_at": NOON + dt.timedelta(hours=1), "hash": "b", "payload": {"row": {}}}
    store.files.remember_documents([newer])
    store.files.remember_documents([text])
    assert [row["payload"] for row in store.files.told_documents()] == [{"row": {}}], (
        "a late text changes nothing"
    )


def test_only_changed_documents_are_written(store: Store) -> None:
    rows = [
        {"id": str(number), "generated_at": NOON, "seq": 1, "hash": str(number)} for number in range(3000)
    ]
    assert store.files.remember_documents(rows) == 3000
    rows[7] |= {"hash": "new", "seq": 2}
    assert store.files.fresh_documents(rows) == [rows[7]]
    assert store.files.remember_documents(rows) == 1
    assert store.files.document_versions(["7"])["7"]["hash"] == "new"


# ---- identity
def test_a_portal_record_is_linked_to_one_id_of_1c(store: Store) -> None:
    store.links.put([{"entity": "party", "foreign_id": "g1", "portal_id": "7", "number": "000001"}])
    with pytest.raises(NeedsPerson, match="двумя записями 1С"):
        store.links.put([{"entity": "party", "foreign_id": "g2", "portal_id": "7"}])
    store.links.put(
        [
            {"entity": "party", "foreign_id": "g2", "portal_id": "7", "state": "proposed"},
            {"entity": "deal", "foreign_id": "g1", "portal_id": "7", "state": "linked"},
        ]
    )
    assert store.links.by_portal("party", ["7", "8"])["7"]["foreign_id"] == "g1"
    assert store.links.by_foreign("party", ["g2"])["g2"]["state"] == "proposed"
    assert [row["foreign_id"] for row in store.links.by_number("party", ["000001"])["000001"]] == ["g1"]
    store.links.put([{"entity": "party", "foreign_id": "g1", "portal_id": "7", "state": "gone"}])
    store.links.put([{"entity": "party", "foreign_id": "g2", "portal_id": "7", "state": "linked"}])
    store.links.forget("party", ["g1"])
    assert [row["foreign_id"] for row in store.links.all("party", "linked", "gone")] == ["g2"]


def test_links_are_found_in_any_number(store: Store) -> None:
    store.links.put(
        [{"entity": "party", "foreign_id": f"g{number}", "portal_id": str(number)} for number in range(2500)]
    )
    assert len(store.links.by_foreign("party", [f"g{number}" for number in range(5000)])) == 2500


def test_an_answer_outlives_the_question_asked_again(store: Store) -> None:
    question = {
        "key": "party|g1",
        "entity": "party",
        "text": "Какая компания?",
        "candidates": [{"id": "1"}, {"id": "2"}],
    }
    store.questions.ask([question, {**question, "key": "party|g2"}])
    assert not store.questions.answer("party|g9", "1")
    assert store.questions.answer("party|g1", {"portal_id": "2"})
    store.questions.ask([{**question, "candidates": []}])
    assert store.questions.answers("party") == {"party|g1": {"portal_id": "2"}}
    assert [row["key"] for row in store.questions.open()] == ["party|g2"]
    store.questions.withdraw(["party|g1", "party|g2"])
    assert (store.questions.open(), len(store.questions.answers())) == ([], 1)


def test_merge_memory_keeps_types_and_tells_no_base_from_an_empty_base(store: Store) -> None:
    rows = [
        {
            "entity": "party",
            "key": "1",
            "field": "name",
            "known": True,
            "base": None,
            "sent": (),
            "wanting": False,
            "want": None,
        },
        {
            "entity": "party",
            "key": "1",
            "field": "fee",
            "known": True,
            "base": Decimal("1.50"),
            "sent": ((4, Decimal("2.00")), (5, None)),
            "wanting": True,
            "want": Decimal("3.00"),
        },
        {
            "entity": "party",
            "key": "2",
            "field": "name",
            "known": False,
            "base": None,
            "sent": ((6, "x"),),
            "wanting": False,
            "want": None,
        },
    ]
    assert store.fields.write(rows) == 3
    assert store.fields.write(rows) == 0
    read = store.fields.read("party")
    assert sorted(read, key=lambda row: (row["key"], row["field"])) == sorted(
        rows, key=lambda row: (row["key"], row["field"])
    )
    assert store.fields.write([{**rows[2], "sent": ()}]) == 1
    assert store.fields.read("party", ["2"]) == []
    store.fields.forget("party", ["1"])
    assert store.fields.read("party") == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates(),
    lambda inner: st.lists(inner).map(tuple) | st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_value_comes_back_as_it_went_in(value: Any) -> None:
    back = decode(encode(value))
    assert back == value and encode(back) == encode(value)


def test_derived_stages_are_remembered(store: Store) -> None:
    store.stages.write({"1": "NEW", "2": "WON"})
    store.stages.write({"1": "PAID"})
    assert store.stages.read() == {"1": "PAID", "2": "WON"}
    assert store.stages.read(["2", "3"]) == {"2": "WON"}


# ---- outbox
def test_the_same_action_is_put_once(store: Store) -> None:
    assert store.outbox.put([intent("a", x=1), intent("b", deal="2")]) == 2
    assert store.outbox.put([intent("a", x=1)]) == 0
    first, second = store.outbox.pending()
    store.outbox.put([intent("a", x=2)])
    assert store.outbox.find("a")["payload"] == {"x": 2}, "nobody has sent it: the newer payload counts"
    store.outbox.mark([first["id"]], "sending")
    with pytest.raises(ValueError, match="another payload"):
        store.outbox.put([intent("a", x=3)])
    store.outbox.mark([first["id"]], "done", result="77")
    assert (store.outbox.find("a")["result"], store.outbox.find("a")["attempts"]) == ("77", 1)
    assert [row["id"] for row in store.outbox.pending()] == [second["id"]]
    assert store.outbox.pending("crm.deal.add") == []


def test_a_lost_answer_marks_the_entity_also_for_newer_intents(store: Store) -> None:
    store.outbox.put([intent("add|1")])
    store.outbox.mark([store.outbox.pending()[0]["id"]], "sending")
    assert store.outbox.recover() == 1, "the process that was sending is dead"
    store.outbox.put([intent("update|1", x=2), intent("update|2", deal="2")])
    assert [(row["key"], row["state"], row["doubt"]) for row in store.outbox.pending()] == [
        ("add|1", "doubt", True),
        ("update|1", "new", True),
        ("update|2", "new", False),
    ]
    unsure = store.outbox.pending()[0]["id"]
    with pytest.raises(ValueError, match="cannot become sending"):
        store.outbox.mark([unsure], "sending")
    store.outbox.mark([unsure], "new")
    assert not any(row["doubt"] for row in store.outbox.pending())
    store.outbox.mark([unsure], "sending")
    store.outbox.mark([unsure], "failed", error="нет прав")
    assert [row["key"] for row in store.outbox.listed("failed")] == ["add|1"]


# ---- publications
def test_questions_about_publications_need_no_payloads(store: Store) -> None:
    store.publications.put(
        [
            {"path": path, "document": number, "hash": "h"}
            for path, number in (
                ("to_1c/order.xml", "B24-1"),
                ("to_1c/order.xml", "B24-2"),
                ("to_1c/parties.xml", "guid"),
            )
        ]
    )
    assert store.publications.published("to_1c/order.xml") == 2
    assert store.publications.paths("planned") == {"to_1c/parties.xml"}
    assert store.publications.documents() == {"B24-1", "B24-2", "guid"}
    assert store.publications.silent(1) == []
    store.publications.count_session("s1")
    both = [row["id"] for row in store.publications.listed("published", sessions=1)]
    assert store.publications.silent(1) == store.publications.silent(1, "to_1c/order.xml") == both
    assert len(both) == 2
    assert store.publications.silent(1, "to_1c/parties.xml") == store.publications.silent(2) == []


def test_a_document_is_published_until_it_is_seen_back(store: Store) -> None:
    order = {
        "path": "to_1c/order.xml",
        "document": "B24-1",
        "hash": "h1",
        "payload": {"amount": Decimal("5.00")},
    }
    place = (order["path"], "B24-1")
    first = store.publications.put([order])[place]
    store.publications.count_session("s0")
    assert store.publications.published("to_1c/order.xml") == 1
    for session in ("s1", "s1", "s2"):
        store.publications.count_session(session)
    store.publications.count_session("s3", before=NOON - dt.timedelta(days=1))
    row = store.publications.outgoing("to_1c/order.xml")[0]
    assert (row["sessions"], row["state"], row["payload"]) == (2, "published", {"amount": Decimal("5.00")})
    assert store.publications.put([order])[place] == first
    second = store.publications.put([{**order, "hash": "h2"}])[place]
    assert second > first
    assert [
        (row["id"], row["sessions"], row["state"]) for row in store.publications.find(["B24-1"])["B24-1"]
    ] == [(second, 0, "planned")]
    store.publications.mark([second], "echoed")
    assert store.publications.outgoing("to_1c/order.xml") == []
    assert store.publications.put([{**order, "hash": "h1"}])[place] > second, "numbers are never used again"
    assert len(store.publications.listed("planned")) == 1


# ---- the short account
def test_status_needs_no_database_library(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.sqlite"
    assert quick_status(url) is None
    assert not (tmp_path / "state.sqlite").exists()
    with Store.open(url, portal="p", clock=lambda: NOON) as store:
        assert quick_status(url) is None
        run = store.runs.begin("cron", [])
        store.runs.add_issues(run, [tables.issue("Нет суммы.")])
        store.outbox.put([intent("a")])
        store.questions.ask([{"key": "q", "text": "?"}])
        with store.lock():
            assert quick_status(url)["last_run"]["status"] == "running"  # type: ignore[index]
        assert quick_status(url)["last_run"]["status"] == "interrupted"  # type: ignore[index]
        store.runs.finish(run, "attention")
    account = quick_status(url, now=NOON + dt.timedelta(minutes=30))
    assert account is not None
    assert {
        name: account[name]
        for name in ("age_minutes", "open_issues", "outbox_waiting", "unconfirmed", "questions")
    } == {"age_minutes": 30.0, "open_issues": 1, "outbox_waiting": 1, "unconfirmed": 0, "questions": 1}
    code = f"import sys; from etl.state.quick import quick_status; quick_status({url!r}); print('sqlalchemy' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        == "False\n"
    )


def test_status_asks_any_database(store: Store, url: str, portal: str) -> None:
    run = store.runs.begin("cron", [])
    store.runs.finish(run, "clean")
    assert quick_status(url, "another") is None
    account = quick_status(url, portal, now=NOON + dt.timedelta(days=1))
    assert account is not None and account["last_run"]["status"] == "clean"
