"""The rows of the merge table (DESIGN §5), one test each, and the rules around it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from etl import tables
from etl.transform import merge
from etl.transform.agreed import ABSENT, NOTHING, Agreed, Sent, noted, published, written
from etl.transform.alignment import MEMORY
from etl.transform.merge import Merged

OWNERS = {("deal", "amount"): "1c", ("deal", "comment"): "portal", ("deal", "title"): "ask"}
NOW = 100


def memory(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows: field, base, sent, want."""
    return pd.DataFrame([["deal", "1", *row] for row in rows], columns=MEMORY, dtype=object)


def side(values: dict[str, Any], seq: int | None = None) -> pd.DataFrame:
    rows = [
        ["deal", "1", field, value] + ([seq] if seq is not None else []) for field, value in values.items()
    ]
    return pd.DataFrame(
        rows, columns=["entity", "key", "field", "value"] + (["seq"] if seq is not None else []), dtype=object
    )


def run(
    field: str,
    a: Any,
    b: Any = ABSENT,
    *,
    base: Any = ABSENT,
    sent: Iterable[Sent] = (),
    want: Any = ABSENT,
    made: int = 90,
) -> Merged:
    known = memory((field, base, tuple(sent), want))
    onec = side({} if b is ABSENT else {field: b}, made)
    return merge.merge(known, side({field: a}), onec, owners=OWNERS, seq=NOW)


def stored(merged: Merged) -> tuple[Any, Any, Any]:
    (row,) = merged.memory.itertuples(index=False)
    return row.base, row.sent, row.want


def told(merged: Merged) -> list[tuple[str, Any, Any]]:
    return [(row.side, row.before, row.after) for row in merged.changes.itertuples()]


def nothing(merged: Merged) -> bool:
    return merged.changes.empty and merged.memory.empty and merged.issues.empty and not merged.overruled


def test_confirmation_forgets_the_value_and_all_sent_before_it() -> None:
    merged = run("amount", "3", "2", base="1", sent=[Sent("0", 10), Sent("2", 20), Sent("3", 30)], made=25)
    assert stored(merged) == ("2", (Sent("3", 30),), ABSENT)
    assert told(merged) == []


def test_old_value_seen_again_confirms_only_in_a_file_made_later() -> None:
    history = {"base": "1", "sent": [Sent("2", 10), Sent("1", 20)]}
    assert nothing(run("amount", "1", "1", **history, made=15))
    assert stored(run("amount", "1", "1", **history, made=25)) == ("1", (), ABSENT)


def test_a_value_sent_twice_is_confirmed_up_to_what_the_file_could_know() -> None:
    history = [Sent("2", 10), Sent("1", 20), Sent("2", 30)]
    assert stored(run("amount", "2", "2", base="1", sent=history, made=15))[1] == (
        Sent("1", 20),
        Sent("2", 30),
    )
    assert stored(run("amount", "2", "2", base="1", sent=history, made=40))[1] == ()


@pytest.mark.parametrize("b", [ABSENT, "1"])
def test_silence_of_1c_proves_nothing(b: Any) -> None:
    assert nothing(run("amount", "1", b, base="1"))


@pytest.mark.parametrize("b", [ABSENT, "1"])
def test_a_portal_edit_is_sent_once_and_the_base_does_not_move(b: Any) -> None:
    merged = run("amount", "2", b, base="1")
    assert stored(merged) == ("1", (Sent("2", NOW),), ABSENT)
    assert told(merged) == [("1c", "1", "2")]
    assert nothing(run("amount", "2", b, base="1", sent=[Sent("2", NOW)]))


def test_a_portal_edit_put_back_is_sent_too() -> None:
    assert told(run("amount", "1", base="1", sent=[Sent("2", 10)])) == [("1c", "2", "1")]


def test_an_edit_of_1c_goes_to_the_portal_and_is_noted_first() -> None:
    merged = run("comment", "1", "5", base="1")
    assert told(merged) == [("portal", "1", "5")]
    assert merged.changes["reason"].tolist() == ["изменено в 1С"]
    assert stored(merged) == ("1", (), "5")
    assert written(Agreed(*stored(merged))) == Agreed("5")


def test_an_edit_of_1c_replaces_an_older_value_of_ours_still_on_its_way() -> None:
    merged = run("amount", "1", "5", base="1", sent=[Sent("2", 10), Sent("1", 20)])
    assert sorted(told(merged)) == [("1c", "5", "5"), ("portal", "1", "5")]
    assert stored(merged)[1][-1] == Sent("5", NOW)


def test_the_same_edit_on_both_sides_is_agreement() -> None:
    assert stored(run("title", "7", "7", base="1")) == ("7", (), ABSENT)


@pytest.mark.parametrize(
    ("field", "changes", "state"),
    [
        ("amount", [("portal", "2", "3")], ("1", (), "3")),
        ("comment", [("1c", "3", "2")], ("3", (Sent("2", NOW),), ABSENT)),
    ],
)
def test_conflict_goes_to_the_owner_and_is_journalled(field: str, changes: list[Any], state: Any) -> None:
    merged = run(field, "2", "3", base="1")
    assert told(merged) == changes
    assert stored(merged) == state
    assert merged.changes["reason"].str.contains("с обеих сторон").all()


def test_conflict_without_owner_touches_neither_side_until_a_person_answers() -> None:
    merged = run("title", "2", "3", base="1")
    assert merged.changes.empty
    assert merged.issues["message"].str.contains("obmen24 ask").all()
    base, sent, want = stored(merged)
    assert (base, sent, want) == ("1", (), "3")
    later = run("title", "2", base=base, sent=sent, want=want)
    assert later.changes.empty
    assert len(later.issues) == 1
    assert stored(run("title", "3", base=base, sent=sent, want=want)) == ("3", (), ABSENT)

    def answered(said: str) -> list[tuple[str, Any, Any]]:
        return told(
            merge.merge(
                memory(("title", base, sent, want)),
                side({"title": "2"}),
                side({}, 1),
                owners=OWNERS,
                seq=NOW,
                answers={("deal", "1", "title"): said},
            )
        )

    assert answered("portal") == [("1c", "3", "2")]
    assert answered("1c") == [("portal", "2", "3")]


def test_a_portal_owner_sends_again_only_after_a_file_that_could_know_the_value() -> None:
    early = run("comment", "2", "3", base="1", sent=[Sent("2", 50)], made=40)
    assert told(early) == []
    assert [(row["before"], row["after"]) for row in early.overruled] == [("3", "2")], "the journal has it"
    assert "с обеих сторон" in early.overruled[0]["reason"]
    assert told(run("comment", "2", "3", base="1", sent=[Sent("2", 50)], made=60)) == [("1c", "3", "2")]


@pytest.mark.parametrize(
    ("field", "a", "b", "changes", "base"),
    [
        ("title", "4", "4", [], "4"),
        ("amount", "4", "5", [("portal", "4", "5")], ABSENT),
        ("comment", "4", "5", [("1c", "5", "4")], "5"),
        ("title", "4", "5", [], ABSENT),
    ],
)
def test_a_record_just_adopted_agrees_or_asks_the_owner(
    field: str, a: str, b: str, changes: list[Any], base: Any
) -> None:
    merged = merge.merge(memory(), side({field: a}), side({field: b}, 90), owners=OWNERS, seq=NOW)
    assert told(merged) == changes
    assert stored(merged)[0] == base
    assert not merged.changes["reason"].str.contains("с обеих сторон").any()


def test_an_adopted_record_of_which_1c_is_silent_stays_undecided() -> None:
    assert nothing(merge.merge(memory(), side({"amount": "1"}), side({}, 90), owners=OWNERS, seq=NOW))


def test_our_own_write_is_recognised_after_a_crash() -> None:
    assert stored(run("amount", "5", base="1", want="5")) == ("5", (), ABSENT)


def test_an_unfinished_write_is_repeated_after_a_crash() -> None:
    assert told(run("amount", "1", base="1", want="5")) == [("portal", "1", "5")]


def test_an_edit_made_over_an_unfinished_write_is_a_conflict() -> None:
    assert told(run("comment", "9", base="1", want="5")) == [("1c", "5", "9")]


def test_none_is_a_value_and_differs_from_the_unknown() -> None:
    assert told(run("comment", "1", None, base="1")) == [("portal", "1", None)]
    assert told(run("comment", None, base="1")) == [("1c", "1", None)]


def test_comparison_forms_and_composition_as_one_value() -> None:
    rows = (("p1", Decimal(2), Decimal("10.50")),)
    assert nothing(run("amount", "ООО  Ромашка ", "ООО Ромашка", base="ООО Ромашка"))
    assert nothing(run("rows", (("p1", Decimal("2.000"), Decimal("10.5")),), rows, base=rows))
    assert told(run("rows", rows, (*rows, ("p2", Decimal(1), Decimal(1))), base=rows))[0][0] == "portal"
    assert nothing(run("date", date(2026, 11, 1), date(2026, 11, 1), base=date(2026, 11, 1)))
    narrow = merge.merge(
        memory(("name", "a" * 50, (), ABSENT)),
        side({"name": "a" * 50}),
        side({"name": "a" * 25}, 9),
        owners={},
        seq=NOW,
        canonical=lambda _field, value: value[:25],
    )
    assert nothing(narrow)


def test_a_field_of_1c_whose_portal_value_was_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="not read"):
        merge.merge(memory(), side({"amount": "1"}), side({"comment": "1"}, 9), owners={}, seq=NOW)


def test_records_do_not_touch_each_other() -> None:
    portal, onec = side({"amount": "1"}), side({"amount": "1"}, 9)
    other_portal, other_onec = portal.assign(key="2", value="9"), onec.assign(key="3")
    known = pd.concat(
        [memory(("amount", "1", (), ABSENT)), memory(("amount", "1", (), ABSENT)).assign(key="2")],
        ignore_index=True,
    )
    merged = merge.merge(
        known,
        pd.concat([portal, other_portal, other_onec[portal.columns]], ignore_index=True),
        pd.concat([onec, other_onec], ignore_index=True),
        owners=OWNERS,
        seq=NOW,
    )
    assert merged.changes[["side", "key", "after"]].to_numpy().tolist() == [["1c", "2", "9"]]
    assert merged.memory["key"].tolist() == ["2", "3"]


def test_changes_and_issues_are_canonical_tables() -> None:
    merged = run("amount", "2", "3", base="1")
    assert tables.check("changes", merged.changes)[1].empty
    asked = run("title", "2", "3", base="1")
    assert tables.check("issues", asked.issues)[1].empty


def test_a_new_record_is_sent_whole_and_a_created_one_agreed_after_the_write() -> None:
    sent = published("1", 5)
    assert told(run("amount", "2", base=sent.base, sent=sent.sent)) == [("1c", "1", "2")]
    assert stored(run("amount", "1", "1", base=sent.base, sent=sent.sent, made=9))[0] == "1"
    created = written(noted(NOTHING, "1"))
    assert nothing(run("amount", "1", "1", base=created.base, sent=created.sent, want=created.want, made=9))


def test_a_whole_document_hands_over_all_its_fields() -> None:
    """1C reads an order as a whole: an edit of 1C that our document overwrites comes back as our own value, not as an edit."""
    known = memory(("comment", "1", (), ABSENT), ("amount", "7", (), ABSENT), ("title", "t", (), "u"))
    portal, silent = side({"comment": "2", "amount": "7", "title": "v"}), side({}, 9)
    merged = merge.merge(known, portal, silent, owners=OWNERS, seq=NOW, whole={"deal"})
    assert told(merged) == [("1c", "1", "2")]
    sent = dict(zip(merged.memory["field"], merged.memory["sent"], strict=True))
    assert sent == {"comment": (Sent("2", NOW),), "amount": (Sent("7", NOW),)}
    late = merge.merge(
        merged.memory, portal, side({"amount": "9"}, NOW - 1), owners=OWNERS, seq=NOW + 5, whole={"deal"}
    )
    assert sorted(told(late)) == [("1c", "9", "9"), ("portal", "7", "9")]
    again = merge.merge(
        merged.memory, portal, side({"amount": "7"}, NOW + 1), owners=OWNERS, seq=NOW + 5, whole={"deal"}
    )
    assert again.changes.empty
    assert {row.field: row.sent for row in again.memory.itertuples()}["amount"] == ()
    parts = merge.merge(known, portal, silent, owners=OWNERS, seq=NOW)
    assert {row.field: row.sent for row in parts.memory.itertuples()}.get("amount") is None


def test_a_whole_record_untouched_by_a_send_is_left_alone() -> None:
    known = memory(("comment", "1", (), ABSENT), ("amount", "7", (), ABSENT))
    merged = merge.merge(
        known,
        side({"comment": "1", "amount": "7"}),
        side({"amount": "8"}, 9),
        owners=OWNERS,
        seq=NOW,
        whole={"deal"},
    )
    assert told(merged) == [("portal", "7", "8")]
    assert merged.memory["field"].tolist() == ["amount"]
