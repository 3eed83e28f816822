from datetime import date, timedelta
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from etl import tables
from etl.transform.contracts import fees
from etl.transform.contracts import register as register_rules
from etl.values import clean
from tests.support.deals000 import CONFIRMED, TERMINATED, bill, deal, deals

MONTHS = [f"2026-{number:02}" for number in range(1, 5)]
CENT = Decimal("0.01")
quick = settings(max_examples=15, deadline=None)

days = st.dates(date(2025, 11, 1), date(2026, 8, 31))
money = st.decimals("0.01", "99999.99", places=2)
shares = st.sampled_from(["full", "prorate", "none"])


@st.composite
def contracts(draw, number):
    return deal(
        number,
        stage=draw(st.sampled_from([CONFIRMED, CONFIRMED, TERMINATED, "Переговоры"])),
        monthly_fee=draw(st.none() | money),
        contract_date=draw(st.none() | days),
        terminated_on=draw(st.none() | days),
        payer=draw(st.sampled_from(["Иванов Иван", "Иванов  иван", "Пётр", None])),
        contract_number=draw(st.sampled_from(["1", "2", f"ВН-{number}"])),
        payer_inn=draw(st.sampled_from([None, None, "7707083893", "7736050003", "12"])),
    )


portals = st.integers(1, 5).flatmap(
    lambda count: st.tuples(*[contracts(number) for number in range(1, count + 1)])
)


def exported(register, plan):
    return tables.concat("charges", [register, plan.charges])


@quick
@given(portals, st.sampled_from(MONTHS), shares, shares)
def test_a_plan_after_its_export_is_empty(rows, month, first, last):
    options = {"first_month": first, "termination_month": last, "month": month}
    plan = bill(deals(*rows), **options)
    again = bill(deals(*rows), exported(tables.frame("charges"), plan), **options)
    assert not len(again.charges) and not len(again.hand)


@quick
@given(portals, portals, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, later, random):
    first = bill(deals(*rows), month="2026-03")
    register = exported(tables.frame("charges"), first)
    shuffled, mixed = (
        list(later),
        register.sample(frac=1, random_state=random.randrange(1000)) if len(register) else register,
    )
    random.shuffle(shuffled)
    straight, other = (
        bill(deals(*later), register, month="2026-04"),
        bill(deals(*shuffled), mixed, month="2026-04"),
    )
    for name in ("charges", "terminated"):
        assert tables.records(getattr(straight, name)) == tables.records(getattr(other, name))
    assert sorted(straight.exceptions["deal"]) == sorted(other.exceptions["deal"])


@quick
@given(portals, st.sampled_from(MONTHS))
def test_every_deal_under_contract_is_in_exactly_one_list(rows, month):
    plan = bill(deals(*rows), month=month)
    named = [*plan.charges["deal"], *plan.exceptions["deal"], *plan.skipped["deal"]]
    assert sorted(named) == sorted(row["id"] for row in rows if row["stage"] != "Переговоры")
    debtors = {}
    for row in tables.records(plan.charges):
        who = row["payer_inn"] or (row["contract_number"], row["contract_date"])
        assert debtors.setdefault(clean.fold(row["payer_key"]), who) == who, "two parties under one name"


@quick
@given(portals, st.lists(st.tuples(st.integers(0, 5), st.none() | days, money), max_size=5))
def test_every_version_adds_up_and_the_register_follows_the_termination_dates(rows, events):
    """Each month is billed, a date or a fee changes, the month is billed again: a frozen fee or nothing, to the kopeck."""
    now, register, frozen = list(rows), tables.frame("charges"), {}
    for month, event in zip(MONTHS, [*events, *[None] * len(MONTHS)], strict=False):
        for _ in range(2):
            register = exported(register, bill(deals(*now), register, month=month))
            for row in tables.records(register):
                frozen.setdefault(row["number"], row["amount"])
            if event:
                who = event[0] % len(now)
                now[who] = now[who] | {"terminated_on": event[1], "monthly_fee": event[2]}
    register = exported(register, bill(deals(*now), register, month=MONTHS[-1]))
    ended = {row["id"]: row for row in now}
    state = tables.records(register_rules.current(register))
    for row in state:
        terms = ended[row["deal"]]
        if terms["stage"] == TERMINATED and terms["terminated_on"] is None:
            continue
        if (
            terms["terminated_on"]
            and terms["contract_date"]
            and terms["terminated_on"] < terms["contract_date"]
        ):
            continue
        over = terms["terminated_on"] is not None and clean.month_of(terms["terminated_on"]) < row["month"]
        assert row["amount"] == (0 if over else frozen[row["number"]])
    assert (
        sum((row["delta"] for row in tables.records(register)), Decimal(0))
        == register_rules.totals(register_rules.current(register)).amount
    )
    assert all(
        row["amount"] >= 0 and row["amount"] == row["amount"].quantize(CENT)
        for row in tables.records(register)
    )
    assert len({row["number"] for row in state}) == len(state)


@given(money, st.sampled_from(MONTHS), st.data())
def test_the_days_of_a_month_cost_about_the_month_and_all_of_them_exactly(fee, month, data):
    _, last = clean.month_bounds(month)
    cut = data.draw(st.integers(0, last.day))
    parts = fees.part(fee, cut, month) + fees.part(fee, last.day - cut, month)
    assert fees.part(fee, last.day, month) == fee and abs(parts - fee) <= CENT


@given(money, st.sampled_from([Decimal(rate) for rate in (0, 5, 7, 10, 18, 20, 22)]))
def test_included_vat_is_the_nearest_kopeck(total, rate):
    vat = fees.vat_included(total, rate)
    assert abs(vat * (100 + rate) - total * rate) <= (100 + rate) * CENT / 2
    assert 0 <= vat <= total


@quick
@given(days, days, shares, shares, st.sampled_from(MONTHS))
def test_served_days_are_days_of_the_month_between_the_dates(signed, ended, first, last, month):
    assume(signed <= ended)
    from tests.support.deals000 import settings as terms

    begin, finish = clean.month_bounds(month)
    count = fees.served(signed, ended, month, terms(first_month=first, termination_month=last))
    inside = sum(signed <= begin + timedelta(days=step) <= ended for step in range(finish.day))
    assert 0 <= count <= finish.day
    if first == last == "prorate":
        assert count == inside
    if first == last == "full":
        assert count == (finish.day if inside else 0)
    if not inside:
        assert count == 0
