"""The canonical tables: two doors, absence, checks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from etl import tables


def test_frame_and_records_are_inverse_and_keep_types() -> None:
    rows = [
        {"document": "d1", "position": 1, "amount": Decimal("10.10"), "name": None},
        {"document": "d1", "position": 2},
    ]
    back = tables.records(tables.frame("lines", rows))
    assert [(row["document"], row["position"], row["amount"]) for row in back] == [
        ("d1", 1, Decimal("10.10")),
        ("d1", 2, None),
    ]
    assert set(back[0]) == set(tables.TABLES["lines"].columns)
    assert str(back[0]["amount"]) == "10.10"


@pytest.mark.parametrize("table", sorted(tables.TABLES))
def test_an_empty_frame_has_all_columns_and_passes(table: str) -> None:
    good, issues = tables.check(table, tables.frame(table))
    assert list(good.columns) == list(tables.TABLES[table].columns)
    assert len(good) == len(issues) == 0


def test_a_long_table_is_whole_and_in_order() -> None:
    rows = [
        {"document": "d", "position": number, "amount": Decimal(number) if number % 3 else None}
        for number in range(2 * tables.BLOCK + 1)
    ]
    frame = tables.frame("lines", iter(rows))
    assert list(frame.index) == list(range(len(rows)))
    assert [(row["position"], row["amount"]) for row in tables.each(frame)] == [
        (row["position"], row["amount"]) for row in rows
    ]
    assert list(tables.each(frame)) == tables.records(frame)
    with pytest.raises(KeyError, match="colour"):
        tables.frame("lines", [*rows, {"colour": "red"}])


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(KeyError, match="colour"):
        tables.frame("deals", [{"id": "1", "colour": "red"}])


def test_a_bad_row_is_an_issue_and_its_neighbours_stay() -> None:
    rows = [
        {"party": "a", "number": "1"},
        {"party": "a", "number": "1"},
        {"party": None, "number": "2"},
        {"party": "b", "number": 5},
        {"party": "c", "number": "7"},
    ]
    good, issues = tables.check("accounts", tables.frame("accounts", rows))
    assert [row["party"] for row in tables.records(good)] == ["a", "c"]
    assert len(issues) == 3
    assert all(row["message"].endswith("источнике.") for row in tables.records(issues))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount", 10.5),
        ("amount", Decimal("NaN")),
        ("date", "2026-11-01"),
        ("date", dt.datetime(2026, 11, 1)),
        ("kind", "letter"),
        ("posted", "true"),
    ],
)
def test_wrong_types_do_not_pass(column: str, value: object) -> None:
    rows = [{"id": "1", "kind": "order", column: value}]
    good, issues = tables.check("documents", tables.frame("documents", rows))
    assert len(good) == 0
    assert tables.records(issues)[0]["field"] == column


def test_missing_marks_of_pandas_become_none() -> None:
    frame = tables.frame("deals", [{"id": "1"}])
    frame["title"] = float("nan")
    assert tables.records(frame)[0]["title"] is None
