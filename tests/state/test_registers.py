"""The registers that cannot be rebuilt: nothing is charged, accrued or counted twice, and what was exported never changes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from etl import tables
from etl.errors import NeedsPerson
from etl.state.schema import ACCRUAL, CHARGE, FACT
from etl.state.store import Store
from etl.values import keys

MONTH = "2026-11"


@pytest.fixture
def store(url: str, portal: str) -> Iterator[Store]:
    with Store.open(url, portal=portal) as opened:
        yield opened


def charge(
    deal: str = "1",
    version: int = 1,
    action: str = "new",
    amount: str = "1500.00",
    month: str = MONTH,
    **more: Any,
) -> dict[str, Any]:
    first = 1 if action != "new" else version
    return {
        "deal": deal,
        "month": month,
        "kind": "fee",
        "version": version,
        "number": keys.charge(deal, month, first),
        "payer": "Плательщик",
        "payer_key": "p",
        "amount": Decimal(amount),
        "action": action,
        "contract_date": dt.date(2026, 1, 15),
        "vat_exempt": True,
        **more,
    }


def accrual(deal: str, part: str, turn: int = 1) -> dict[str, Any]:
    number = keys.act(deal, 2 if part.endswith("second") else 1, turn, reversal=part.startswith("reversal"))
    return {
        "deal": deal,
        "part": part,
        "number": number,
        "agreed": Decimal("1000.01"),
        "amount": Decimal("500.01"),
    }


# ---- charges
def test_a_register_comes_back_as_it_was_planned(store: Store) -> None:
    rows = tables.frame("charges", [charge("2"), charge("1", delta=Decimal("0.10"))])
    assert store.charges.open_version(MONTH) == 1
    store.charges.plan(MONTH, rows)
    assert store.charges.rows(MONTH, 1).equals(rows), "the order of the rows and every type stay"
    store.charges.export(MONTH, 1, {"sha256": "x"})
    version = store.charges.versions(MONTH)[0]
    assert (version["state"], version["facts"], store.charges.open_version(MONTH)) == (
        "exported",
        {"sha256": "x"},
        2,
    )


def test_a_planned_version_is_planned_anew_and_an_exported_one_is_frozen(store: Store) -> None:
    store.charges.plan(MONTH, [charge("1"), charge("2")])
    store.charges.plan(MONTH, [charge("1", amount="10.00")])
    assert store.charges.current(MONTH)["amount"].tolist() == [Decimal("10.00")]
    store.charges.export(MONTH, 1)
    with pytest.raises(ValueError, match="not planned"):
        store.charges.export(MONTH, 1)
    with pytest.raises(ValueError, match="version 2"):
        store.charges.plan(MONTH, [charge("3", version=1)])
    with pytest.raises(ValueError, match="cannot new"):
        store.charges.plan(MONTH, [charge("1", version=2)])
    with pytest.raises(ValueError, match="cannot amend"):
        store.charges.plan(MONTH, [charge("3", version=2, action="amend")])
    store.charges.plan(MONTH, [charge("1", version=2, action="amend", amount="12.00", delta=Decimal("2.00"))])
    assert store.charges.current()["amount"].tolist() == [Decimal("12.00")]
    assert store.charges.rows(MONTH, 1)["amount"].tolist() == [Decimal("10.00")]
    store.charges.plan(MONTH, [])
    assert [row["version"] for row in store.charges.versions()] == [1]


def test_the_database_itself_refuses_a_second_charge(store: Store) -> None:
    store.charges.plan(MONTH, [charge("1")])
    row = {"deal": "1", "month": MONTH, "kind": "fee", "number": "other", "version": 9}
    with pytest.raises(sa.exc.IntegrityError):
        store._database.add(CHARGE, [row])
    with pytest.raises(sa.exc.IntegrityError):
        store._database.add(CHARGE, [{**row, "deal": "2", "number": keys.charge("1", MONTH, 1)}])


def test_money_is_never_stored_from_a_float(store: Store) -> None:
    with pytest.raises((TypeError, sa.exc.StatementError)):
        store.charges.plan(MONTH, [{**charge("1"), "amount": 0.1}])


class Billing(RuleBasedStateMachine):
    """Any mixture of planning, re-planning and exporting against a plain model of the register."""

    versions = Bundle("versions")
    names = count()

    @initialize()
    def open(self) -> None:
        self.store = Store.open("sqlite://", portal="p")
        self.frozen: dict[int, list[dict[str, Any]]] = {}
        self.planned: list[dict[str, Any]] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    @rule(wanted=st.dictionaries(st.sampled_from("123"), st.sampled_from(["10.00", "20.00"])))
    def bill(self, wanted: dict[str, str]) -> None:
        version = self.store.charges.open_version(MONTH)
        known = {row["deal"]: row for rows in self.frozen.values() for row in rows}
        rows = []
        for deal, amount in sorted(wanted.items()):
            if deal not in known:
                rows.append(charge(deal, version, amount=amount))
            elif known[deal]["amount"] != Decimal(amount):
                rows.append(
                    {**charge(deal, version, action="amend", amount=amount), "number": known[deal]["number"]}
                )
        self.store.charges.plan(MONTH, rows)
        self.planned = rows

    @rule()
    def export(self) -> None:
        if self.planned:
            version = self.store.charges.open_version(MONTH)
            self.store.charges.export(MONTH, version)
            self.frozen[version] = self.planned
            self.planned = []

    @invariant()
    def each_charge_is_there_once(self) -> None:
        rows = tables.records(self.store.charges.rows(MONTH))
        assert [
            count
            for count in Counter(row["deal"] for row in rows if row["action"] == "new").values()
            if count > 1
        ] == []
        current = {row["deal"]: row["amount"] for row in tables.records(self.store.charges.current())}
        assert current == {
            row["deal"]: row["amount"] for rows in (*self.frozen.values(), self.planned) for row in rows
        }

    @invariant()
    def what_was_exported_stays(self) -> None:
        for version, rows in self.frozen.items():
            assert self.store.charges.rows(MONTH, version).equals(tables.frame("charges", rows))


TestBilling = Billing.TestCase
TestBilling.settings = settings(
    max_examples=12, stateful_step_count=10, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


# ---- accruals
def test_each_half_once_until_it_is_reversed(store: Store) -> None:
    assert [row["turn"] for row in store.accruals.plan([accrual("1", "first"), accrual("1", "second")])] == [
        1,
        1,
    ]
    assert store.accruals.plan(tables.frame("accruals", [accrual("1", "first")])) == [], (
        "the same act again is the same act"
    )
    with pytest.raises(ValueError, match="was accrued"):
        store.accruals.plan([accrual("1", "first", 2)])
    with pytest.raises(ValueError, match="was accrued"):
        store.accruals.plan([accrual("2", "reversal-first")])
    assert [
        row["turn"] for row in store.accruals.plan([accrual("1", "reversal-first"), accrual("1", "first", 2)])
    ] == [1, 2]
    store.accruals.mark(["A1-1"], "published")
    store.accruals.mark(["A1-1"], "confirmed")
    assert store.accruals.states() == {
        "A1-1": "confirmed",
        "R1-1": "planned",
        "A2-1": "planned",
        "A121": "planned",
    }
    assert store.accruals.rows("confirmed")["number"].tolist() == ["A1-1"]
    with pytest.raises(ValueError, match="no accrual"):
        store.accruals.mark(["A1-9"], "published")
    with pytest.raises(sa.exc.IntegrityError):
        store._database.add(
            ACCRUAL,
            [
                {
                    "deal": "1",
                    "part": "first",
                    "turn": 1,
                    "number": "X",
                    "state": "planned",
                    "amount": Decimal(1),
                    "payload": {},
                }
            ],
        )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["first", "second", "reversal-first", "reversal-second"]),
            st.sampled_from([1, 2, 3]),
        ),
        max_size=14,
    )
)
@settings(max_examples=30, deadline=None)
def test_no_order_of_accruals_pays_a_half_twice(tried: list[tuple[str, int]]) -> None:
    with Store.open("sqlite://", portal="p") as store:
        for part, turn in tried:
            try:
                store.accruals.plan([accrual("1", part, turn)])
            except ValueError:
                continue
        paid = Counter(store.accruals.rows()["part"])
    for half in ("first", "second"):
        assert paid[half] - paid[f"reversal-{half}"] in (0, 1)


# ---- facts
def payment(fact: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "source": "1c",
        "id": fact,
        "target": "B24-1",
        "date": dt.date(2026, 11, 3),
        "amount": Decimal("100.00"),
        **more,
    }


def test_a_fact_is_kept_once_and_changes(store: Store) -> None:
    first = store.facts.record("payment", [payment(), payment("b"), payment(source="bank")])
    assert [change["action"] for change in first] == ["new"] * 3
    assert store.facts.record("payment", tables.frame("payments", [payment(file="again.xml")])) == []
    changed = store.facts.record("payment", [payment(amount=Decimal("90.00"))])
    assert [
        (change["action"], change["before"]["amount"], change["after"]["amount"]) for change in changed
    ] == [("changed", Decimal("100.00"), Decimal("90.00"))]
    assert len(store.facts.rows("payment")) == 3
    assert store.facts.rows("shipment").empty
    with pytest.raises(sa.exc.IntegrityError):
        store._database.add(FACT, [{"kind": "payment", **payment(), "gone": False}])


def test_the_register_knows_the_first_version_of_a_charge_whose_number_does_not(store: Store) -> None:
    """A correction goes the way its charge went, also where the version in the number is saturated."""
    for version in range(1, 38):
        store.charges.plan(MONTH, [charge(str(version), version=version)])
        store.charges.export(MONTH, version)
    numbers = store.charges.current(MONTH)["number"].tolist()
    assert list(store.charges.firsts(numbers[-3:]).values()) == [(MONTH, 35), (MONTH, 36), (MONTH, 37)]


# ---- restore
def test_registers_come_back_from_the_archive_and_bill_nothing_again(
    store: Store, url: str, portal: str
) -> None:
    assert store.registers_empty()
    store.charges.plan(MONTH, [charge("1"), charge("2")])
    store.charges.export(MONTH, 1)
    store.charges.plan(MONTH, [charge("1", 2, "amend", "1.00"), charge("3", 2)])
    store.charges.export(MONTH, 2)
    store.accruals.plan([accrual("1", "first"), accrual("1", "reversal-first"), accrual("1", "first", 2)])
    store.facts.record("payment", [payment()])
    frames = {
        "charges": store.charges.rows(),
        "accruals": store.accruals.rows(),
        "payments": store.facts.rows("payment"),
    }
    with Store.open(url, portal=portal + "-new") as empty:
        assert empty.restore(frames) == {"charges": 4, "accruals": 3, "payments": 1}
        assert empty.charges.rows().equals(frames["charges"]) and empty.charges.current().equals(
            store.charges.current()
        )
        assert empty.accruals.rows().equals(frames["accruals"]) and set(empty.accruals.states().values()) == {
            "published"
        }
        assert [row["state"] for row in empty.charges.versions()] == ["exported", "exported"]
        with pytest.raises(NeedsPerson, match="не пусты"):
            empty.restore(frames)
    assert not store.registers_empty()


def test_a_bad_archive_restores_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="cannot new"):
        store.restore({"charges": [charge("1"), {**charge("1", 2), "version": 2}]})
    assert store.registers_empty()
