"""A thousand receipts with known answers: nothing is matched wrongly, and what a person would find certain is found."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.ru import inn as inn_rule

from etl import tables
from etl.config.profile import Bank
from etl.transform.money import matching
from etl.values import clean, keys
from etl.values import receipts as identity
from tests.support.statements import receipt

D = Decimal
MONTHS = ("2026-08", "2026-09", "2026-10", "2026-11")
WORDS = {"2026-08": "август", "2026-09": "сентябрь", "2026-10": "октябрь", "2026-11": "ноябрь"}
LAST, FIRST, MIDDLE = (
    ("Кузнецов", "Лебедев", "Морозов", "Ёлкин", "Яхонтов"),
    ("Пётр", "Илья", "Семён"),
    ("Ильич", "Олегович", "Фёдорович"),
)


class Case(NamedTuple):
    """A receipt and the documents it truly pays; `certain` = a person with the papers before him would not hesitate."""

    row: dict[str, Any]
    truth: dict[str, Decimal]
    certain: bool


def valid_inn(dice: random.Random) -> str:
    body = f"{dice.randrange(10, 90):02}{dice.randrange(10**8):08}"
    return body + inn_rule.calc_personal_check_digits(body)


def world(dice: random.Random, clients: int) -> list[dict[str, Any]]:
    """Clients with one or two contracts and a charge for each of four months; namesakes and equal contract numbers of others occur."""
    rows = []
    for client in range(1, clients + 1):
        person = f"{dice.choice(LAST)} {dice.choice(FIRST)} {dice.choice(MIDDLE)}"
        inn = valid_inn(dice) if dice.random() < 0.6 else None
        fee = D(dice.choice((1000, 1200, 1500))) + D(dice.choice(("0.00", "0.50")))
        for contract in range(dice.choice((1, 1, 2))):
            deal = str(client * 10 + contract + 100)
            number = dice.choice(
                (f"{client}{contract}", f"ВН-{client}{contract}/26", f"{client}-{contract}/В")
            )
            for index, month in enumerate(MONTHS):
                key = keys.charge(deal, month, 1)
                rows.append(
                    {
                        "number": key,
                        "printed": (
                            clean.printed_number(f"00БП-{client:05}{contract}{index}", base_prefix=False),
                        ),
                        "contract_number": number,
                        "payer": person,
                        "inn": inn,
                        "date": clean.month_bounds(month)[0],
                        "month": month,
                        "amount": fee,
                        "remaining": fee,
                        "deal": deal,
                        "client": client,
                    }
                )
    return rows


def noisy(text: str, dice: random.Random) -> str:
    """What people and banks do to a text without changing its meaning."""
    for change in (
        str.upper,
        lambda one: one.replace(" ", "\u00a0", 1),
        lambda one: one.replace("е", "ё", 1) if "счет" in one else one,
        lambda one: f"{one}. НДС не облагается",
        lambda one: (
            one.translate(str.maketrans("АВЕКМНОРСТХ", "ABEKMHOPCTX"))
            if not any(word in one.lower() for word in ("сч", "дог", "за "))
            else one
        ),
    ):
        if dice.random() < 0.3:
            text = change(text)
    return text


def case(number: int, rows: list[dict[str, Any]], dice: random.Random) -> Case:
    """One receipt for the oldest unpaid charge of a contract, or something that must not be matched."""
    unpaid = [row for row in rows if row["remaining"] > 0]
    one = dice.choice(unpaid)
    mine = [row for row in unpaid if row["deal"] == one["deal"]]
    oldest, client = mine[0], [row for row in unpaid if row["client"] == one["client"]]
    payer = {
        "payer_inn": one["inn"],
        "payer_name": one["payer"]
        if dice.random() < 0.5
        else f"ПАО Банк//{one['payer'].upper()}//г. Тверь//",
    }
    day = dt.date(2026, 11, 10) + dt.timedelta(days=number // 100)

    def made(purpose: str, amount: Decimal, truth: dict[str, Decimal], certain: bool, **changes: Any) -> Case:
        return Case(
            receipt(str(number), amount, noisy(purpose, dice), day=day, **{**payer, **changes}),
            truth,
            certain,
        )

    kind = dice.choice(
        (
            "number",
            "printed",
            "contract",
            "month",
            "two",
            "part",
            "silent",
            "foreign",
            "wrong number",
            "too much",
            "stranger",
            "nonsense",
        )
    )
    fee = oldest["remaining"]
    if kind == "number":
        return made(
            f"Оплата по счету № {oldest['number']} от {oldest['date']:%d.%m.%Y}",
            fee,
            {oldest["number"]: fee},
            True,
        )
    if kind == "printed":
        return made(f"оплата счет {oldest['printed'][0]}", fee, {oldest["number"]: fee}, True)
    if kind == "contract":
        return made(f"Оплата по договору № {one['contract_number']}", fee, {oldest["number"]: fee}, True)
    if kind == "month":
        fresh = [row for row in mine if row["remaining"] == row["amount"]] or mine
        row = dice.choice(fresh)
        return made(
            f"дог. № {row['contract_number']} за {WORDS[row['month']]} 2026 г.",
            row["remaining"],
            {row["number"]: row["remaining"]},
            True,
        )
    if kind == "two" and len(mine) > 1:
        both = {row["number"]: row["remaining"] for row in mine[:2]}
        return made(
            f"счета {mine[0]['printed'][0]}, {mine[1]['printed'][0]}", sum(both.values(), D(0)), both, True
        )
    if kind == "part" and fee > 200:
        return made(f"аванс по счету {oldest['number']}", D("200.00"), {oldest["number"]: D("200.00")}, True)
    if kind == "foreign":
        return made(
            f"за соседа по договору {one['contract_number']}",
            fee,
            {},
            False,
            payer_inn=valid_inn(dice),
            payer_name="Соседов Сосед Соседович",
        )
    if kind == "wrong number":
        return made(f"по счету № {90000 + number}", fee, {}, False)
    if kind == "too much":
        return made(
            f"по договору № {one['contract_number']}",
            sum((row["remaining"] for row in mine), D("0.01")),
            {},
            False,
        )
    if kind == "stranger":
        return made(
            "поставка бумаги", D("1500.00"), {}, False, payer_inn=valid_inn(dice), payer_name="Бумагин Б. Б."
        )
    if kind == "nonsense":
        return made(
            dice.choice(("счет-фактура 15", "заработная плата за 2026", "возврат займа по договору 7")),
            D("77.77"),
            {},
            False,
        )
    lonely = len(client) == 1 and client[0]["remaining"] == fee
    return made("за видеонаблюдение", fee, {client[0]["number"]: fee}, lonely and one["inn"] is not None)


def told(rows: list[dict[str, Any]]) -> list[Any]:
    """Rows of the table `receipts` with every column."""
    return tables.records(tables.frame("receipts", rows))


def test_a_thousand_receipts_give_no_false_positive() -> None:
    dice = random.Random(20261101)
    wrong, missed, taken, number = [], [], 0, 0
    for _ in range(20):
        rows = world(dice, 25)
        for _ in range(2):
            cases = []
            for client in range(
                1, 26
            ):  # one receipt per client and statement: their truths cannot disturb each other
                cases.append(
                    case(number := number + 1, [row for row in rows if row["client"] == client], dice)
                )
            found = matching.match(told([one.row for one in cases]), rows, Bank())
            for one in cases:
                key = identity.key(one.row)
                got = {row["target"]: row["amount"] for row in found.payments if row["id"].startswith(key)}
                taken += bool(got)
                if got and got != one.truth:
                    wrong.append((one.row["purpose"], got, one.truth))
                if one.certain and got != one.truth and not _namesakes(rows, one):
                    missed.append((one.row["purpose"], one.truth))
            for row in found.payments:
                next(one for one in rows if one["number"] == row["target"])["remaining"] -= row["amount"]
    assert number == 1000 and wrong == []
    assert taken > 350 and len(missed) <= taken // 50, missed[:5]


def _namesakes(rows: list[dict[str, Any]], one: Case) -> bool:
    """Clients of one name without ИНН: only their own numbers tell them apart, asking is right."""
    target = next(iter(one.truth))
    mine = next(row for row in rows if row["number"] == target)
    return any(row["payer"] == mine["payer"] and row["client"] != mine["client"] for row in rows)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_order_repetition_and_overlap_of_receipts_do_not_matter(seed: int) -> None:
    dice = random.Random(seed)
    rows = world(dice, 6)
    receipts = [case(number, rows, dice).row for number in range(12)]
    docs, shuffled = rows, [*receipts, *dice.sample(receipts, 5)]
    dice.shuffle(shuffled)
    first, second = (matching.match(told(given), docs, Bank()) for given in (receipts, shuffled))
    assert first.payments == second.payments
    assert first.asks == second.asks and first.unmatched == second.unmatched
    owed = {row["number"]: row["amount"] for row in rows}
    for target, group in tables.frame("payments", first.payments).groupby("target"):
        assert sum(group["amount"]) <= owed[str(target)], "never more than a document owes"
    spent = tables.frame("payments", first.payments)
    for key, group in spent.groupby(spent["id"].str[:12]):
        assert sum(group["amount"]) == next(row["amount"] for row in receipts if identity.key(row) == key), (
            "a receipt is spent exactly once"
        )
