"""CommerceML by property: what is written is read back equal in every dialect; disorder and noise never change or break a reading."""

from __future__ import annotations

import datetime as dt
import io
import random
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from etl import tables, xml_safe
from etl.config.dialects import DIALECTS
from etl.errors import Rejected
from etl.extract.commerceml import read as reader
from etl.extract.commerceml import values
from etl.load.commerceml import write as writer
from etl.transform.orders.lines import gross
from etl.values import clean

NAMES = ("ut103", "ut11", "unf3", "bitrix3")
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_LETTERS = st.characters(
    codec="utf-8",
    exclude_categories=("Cc", "Cs", "Cn", "Zs", "Zl", "Zp"),
    exclude_characters="\ufffe\uffff\ufeff",
)
#: text as 1C keeps it: no blanks around it, any sign inside
words = (
    st.text(_LETTERS | st.sampled_from(" &<>\"'«»№;:/-"), min_size=1, max_size=30).map(str.strip).filter(bool)
)
money = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999999.99"), places=2)
guids = st.uuids().map(str)
days = st.dates(dt.date(2010, 1, 1), dt.date(2035, 12, 31))
numbers = st.integers(1, 9_999_999).map(lambda number: f"B24-{number}")
rates = st.sampled_from([(Decimal(20), False), (Decimal(10), False), (Decimal(0), False), (None, True)])


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def parties(draw: st.DrawFn, document: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(tables.PARTY_KINDS))
    full = ("ИП " if kind == "sole_trader" else "ЧЛ ") + draw(words)
    legal = kind == "legal"
    cities = {name: draw(optional(words)) for name in ("legal_city", "city")}
    return {
        "id": draw(guids),
        "document": document,
        "role": "Покупатель",
        "kind": kind,
        "name": draw(words),
        "full_name": full,
        "inn": draw(
            optional(st.from_regex(r"[1-9][0-9]{9}" if legal else r"[1-9][0-9]{11}", fullmatch=True))
        ),
        "kpp": draw(optional(st.from_regex(r"[1-9][0-9]{8}", fullmatch=True))) if legal else None,
        **cities,
        "phones": draw(optional(st.lists(words, min_size=1, max_size=2, unique=True).map(tuple))),
        "emails": draw(optional(st.lists(words, min_size=1, max_size=2, unique=True).map(tuple))),
        "legal_address": draw(optional(words.map("ул. {}".format))),
        "actual_address": draw(optional(words.map("ул. {}".format))),
    }


@st.composite
def lines(draw: st.DrawFn, document: str, position: int, included: bool, extended: bool) -> dict[str, Any]:
    rate, exempt = draw(rates)
    amount = draw(money)
    whole = 100 + (rate or 0) if included else Decimal(100)
    unit, code = draw(st.sampled_from([("шт", "796"), ("мес", "362"), ("кг", "166"), ("компл", "839")]))
    return {
        "document": document,
        "position": position,
        "product": draw(optional(guids)),
        "name": draw(words),
        "article": draw(optional(words)),
        "kind": draw(st.sampled_from(("goods", "service"))),
        "quantity": draw(st.decimals(Decimal("0.001"), Decimal(9999), places=3)),
        "unit": unit,
        "unit_code": code,
        "price": draw(money),
        "discount": draw(optional(money)) if extended else None,
        "vat_rate": rate,
        "vat_exempt": exempt,
        "vat_included": included,
        "vat_amount": (amount * (rate or 0) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP),
        "amount": amount,
        "requisites": draw(optional(st.dictionaries(words.map("я".__add__), words, min_size=1, max_size=2))),
    }


@st.composite
def documents(draw: st.DrawFn, extended: bool) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    identifier, included = draw(guids), draw(st.booleans())
    held = [
        draw(lines(identifier, position, included, extended))
        for position in range(1, draw(st.integers(1, 3)) + 1)
    ]
    party = draw(parties(identifier))
    row = {
        "id": identifier,
        "kind": "order",
        "number": draw(numbers),
        "date": draw(days),
        "time": draw(optional(st.times().map(lambda time: f"{time:%H:%M:%S}"))),
        "party": party["id"],
        "amount": draw(money),
        "currency": "RUB",
        "rate": Decimal(1),
        "vat_included": included,
        "vat_amount": sum((line["vat_amount"] for line in held), Decimal(0)),
        "cancelled": draw(optional(st.booleans())),
        "status": draw(optional(words)),
        "comment": draw(optional(words)),
        "manager": draw(optional(words)),
        "organisation": draw(optional(words)),
        "deal": draw(optional(words)),
        "requisites": draw(optional(st.dictionaries(words.map("ю".__add__), words, min_size=1, max_size=3))),
    }
    if extended:
        row |= draw(facts(row["kind"]))
    return row, held, party


@st.composite
def facts(draw: st.DrawFn, _order: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(DIALECTS["bitrix3"].kinds)))
    shipped_on = draw(optional(days))
    return {
        "kind": kind,
        "version": draw(optional(st.just("AAAAAQAAAAc="))),
        "deleted": draw(optional(st.booleans())),
        "number_1c": draw(optional(words)),
        "date_1c": draw(optional(days)),
        "posted": draw(optional(st.booleans())),
        "paid": draw(optional(st.booleans())),
        "paid_on": draw(optional(days)),
        "paid_number": draw(optional(st.just("77"))),
        "paid_amount": draw(optional(money)),
        "shipped": draw(st.booleans()),
        "shipped_on": shipped_on,
        "shipped_number": draw(optional(st.just("88"))),
        "shipped_amount": draw(optional(money)),
        "closed": draw(optional(st.booleans())),
    }


def frames(drawn: list[Any]) -> dict[str, pd.DataFrame]:
    return {
        "documents": tables.frame("documents", [row for row, _, _ in drawn]),
        "lines": tables.frame("lines", [line for _, held, _ in drawn for line in held]),
        "parties": tables.frame("parties", [party for _, _, party in drawn]),
    }


def compared(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row.items() if key not in ("file", "place")}
        for row in tables.records(frame)
    ]


def read(data: bytes) -> dict[str, pd.DataFrame]:
    reader.verify(io.BytesIO(data), name="x")
    held: dict[str, list[pd.DataFrame]] = {}
    for name, frame in reader.read(io.BytesIO(data), name="x", chunk=7):
        held.setdefault(name, []).append(frame)
    return {name: tables.concat(name, held.get(name, [])) for name in reader.READS}


def written(source: dict[str, pd.DataFrame], name: str) -> bytes:
    target = io.BytesIO()
    writer.write(target, source, DIALECTS[name], generated_at=dt.datetime(2026, 11, 2))
    return target.getvalue()


def as_taken(party: dict[str, Any], name: str) -> dict[str, Any]:
    """What each stock 1C is given of a party (onec-code D2, D4, D11): what it would misread stays out."""
    if name == "ut103":
        phones, emails = (party[column] and party[column][:1] for column in ("phones", "emails"))
        return party | {"actual_address": None, "city": None, "phones": phones, "emails": emails}
    if name == "ut11" and party["kind"] == "person":
        return party | {"inn": None}
    return party | {"kpp": None} if name == "unf3" else party


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(data=st.data())
def test_what_is_written_is_read_back_equal(name: str, data: st.DataObject) -> None:
    drawn = data.draw(
        st.lists(documents(DIALECTS[name].extended), max_size=4, unique_by=lambda item: item[0]["id"])
    )
    source = frames(drawn)
    back = read(written(source, name))
    for table in ("documents", "lines"):
        assert compared(back[table]) == compared(source[table])
    assert compared(back["parties"]) == [as_taken(row, name) for row in compared(source["parties"])]
    assert set(back["issues"]["severity"]) <= {"warn"}
    assert writer.validate(io.BytesIO(written(source, name)), name) == []


# ---- what people really type: problems() keeps it out, or 1C gets exactly it ----

_UNITS = (
    ("шт", "796"),
    ("ШТ.", None),
    ("рулон", None),
    ("м²", "055"),
    ("Кг", None),
    ("пог. м", None),
    ("ведро", "9998"),
    ("м", "6"),
    (None, None),
    (None, "166"),
)
_ODD_UNITS = (
    ("ведро", None),
    ("шт", "12345"),
    ("единица с названием длиннее пятидесяти знаков, каких не бывает", "9999"),
)
_ODD_RATES = (*((Decimal(rate), False) for rate in ("0", "5", "7", "22", "5.5", "5.125")), (None, None))
_KOPECK = Decimal("0.01")


@st.composite
def odd_lines(draw: st.DrawFn, document: str, position: int) -> dict[str, Any]:
    """A row with at most one oddity."""
    odd = draw(
        st.sampled_from(("", "", "", "unit", "rate", "price", "quantity", "discount", "factor", "flag"))
    )
    unit, code = draw(st.sampled_from(_ODD_UNITS if odd == "unit" else _UNITS))
    rate, exempt = draw(
        st.sampled_from(
            _ODD_RATES
            if odd == "rate"
            else ((Decimal(10), False), (Decimal("20.00"), False), (Decimal(18), False), (None, True))
        )
    )
    discount = draw(optional(st.decimals(Decimal("0.01"), Decimal(50), places=4 if odd == "discount" else 2)))
    apart = {"СкидкаУчтенаВСумме": "false"} if discount and draw(st.booleans()) else {}
    factor = {"Коэффициент": draw(st.sampled_from(("10", "0.5", "много")))} if odd == "factor" else {}
    return {
        "document": document,
        "position": position,
        "name": draw(words),
        "kind": "goods",
        "unit": unit,
        "unit_code": code,
        "discount": discount,
        "quantity": draw(
            st.decimals(Decimal("0.0001"), Decimal(9999), places=4)
            if odd == "quantity"
            else st.decimals(Decimal("0.001"), Decimal(9999), places=3)
        ),
        "price": draw(st.decimals(Decimal("0.01"), Decimal(99999), places=4 if odd == "price" else 2)),
        "vat_rate": rate,
        "vat_exempt": exempt,
        "amount": draw(st.decimals(Decimal(51), Decimal(99999), places=2)),
        "vat_included": draw(st.booleans()) if odd == "flag" else None,
        "requisites": {**apart, **factor} or None,
    }


@st.composite
def odd_documents(
    draw: st.DrawFn, extended: bool
) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    row, _, party = draw(documents(extended))
    held = [
        draw(odd_lines(row["id"], position))
        for position in range(1, draw(st.sampled_from((1, 1, 2, 2, 0))) + 1)
    ]
    included = draw(st.sampled_from((True, True, False)))
    if draw(st.booleans()):
        held = [line | {"vat_included": included} for line in held]
    sums = sum((gross({"vat_amount": None, **line}, vat_included=included) for line in held), Decimal(0))
    return (
        row
        | {
            "vat_included": included,
            "vat_amount": None,
            "amount": draw(st.sampled_from((sums, sums, sums, sums + 1))),
            "comment": draw(optional(st.sampled_from(("раз\r\nдва", "раз\rдва", "раз\nдва")))),
        },
        held,
        party,
    )


def expected(line: dict[str, Any], extended: bool) -> dict[str, Any]:
    """The row as 1C is to see it: unit with its code, and in stock 1C the sums after the discount."""
    name, code = clean.unit(line["unit"], line["unit_code"])
    requisites = dict(line["requisites"] or {})
    factor = requisites.pop("Коэффициент", None)
    seen = line | {"unit": name or "шт", "unit_code": code or "796"}
    if factor and not extended:  # packs go as pieces
        seen |= {"quantity": line["quantity"] * Decimal(factor), "price": line["price"] / Decimal(factor)}
    if line["discount"] and not extended:
        amount = line["amount"] - (line["discount"] if requisites.pop("СкидкаУчтенаВСумме", None) else 0)
        seen |= {
            "amount": amount,
            "price": (amount / seen["quantity"]).quantize(_KOPECK, ROUND_HALF_UP),
            "discount": None,
        }
    seen["price"] = seen["price"].quantize(_KOPECK, ROUND_HALF_UP)
    del seen["vat_included"]  # told by the document where the line tells nothing
    if factor:  # what the reader makes of a pack is its own matter
        return {
            key: seen[key]
            for key in ("name", "quantity", "price", "amount", "discount", "vat_rate", "vat_exempt")
        }
    return seen | {"requisites": requisites or None}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_1c_would_misread_is_kept_out_and_the_rest_comes_back(name: str, data: st.DataObject) -> None:
    extended = DIALECTS[name].extended
    drawn = data.draw(
        st.lists(odd_documents(extended), min_size=1, max_size=3, unique_by=lambda item: item[0]["id"])
    )
    found = writer.problems(frames(drawn), DIALECTS[name], day=dt.date(2026, 11, 2))
    bad = set(found[found["severity"] == "reject"]["key"])
    good = [item for item in drawn if item[0]["id"] not in bad]
    back = read(written(frames(good), name))  # never refused: every reason was said before
    lines_back = tables.records(back["lines"])
    sent = [expected(line, extended) for _, held, _ in good for line in held]
    assert [{key: line[key] for key in want} for want, line in zip(sent, lines_back, strict=True)] == sent
    for (row, held, _), told in zip(good, tables.records(back["documents"]), strict=True):
        booked = sum(
            (
                gross(line, vat_included=told["vat_included"])
                for line in lines_back
                if line["document"] == row["id"]
            ),
            Decimal(0),
        )
        assert not held or abs(booked - row["amount"]) <= _KOPECK * len(held)
        assert (told["amount"], told["comment"]) == (
            row["amount"],
            row["comment"] and row["comment"].replace("\r\n", "\n").replace("\r", "\n"),
        )


@QUICK
@given(
    drawn=st.lists(documents(extended=True), min_size=1, max_size=3, unique_by=lambda item: item[0]["id"]),
    seed=st.integers(0, 9999),
)
def test_the_order_of_elements_carries_no_meaning(drawn: list[Any], seed: int) -> None:
    data = written(frames(drawn), "bitrix3")
    root = etree.fromstring(data)
    shuffled = random.Random(seed)
    for element in root.iter():
        if xml_safe.local(element.tag) not in (
            "КоммерческаяИнформация",
            "Контейнер",
            "Товары",
            "Контакты",
            "ЗначенияРеквизитов",
            "Налоги",
        ):
            children = list(element)
            shuffled.shuffle(children)
            element[:] = children
    again, first = read(etree.tostring(root, encoding="utf-8", xml_declaration=True)), read(data)
    for table in ("documents", "lines", "parties"):
        assert compared(again[table]) == compared(first[table])


@QUICK
@given(data=st.binary(max_size=400))
def test_noise_is_refused_and_never_breaks_the_reader(data: bytes) -> None:
    with pytest.raises(Rejected):
        reader.verify(io.BytesIO(data), name="x")


_SEED = written(frames([]), "ut11").replace(
    b"</",
    "<Документ><Номер>1</Номер><ХозОперация>Заказ товара</ХозОперация><Сумма>1</Сумма></Документ></".encode(),
    1,
)


@settings(max_examples=100, deadline=None)
@given(cuts=st.lists(st.tuples(st.integers(0, len(_SEED)), st.binary(max_size=8)), min_size=1, max_size=4))
def test_a_damaged_file_is_refused_or_read_with_issues(cuts: list[tuple[int, bytes]]) -> None:
    data = _SEED
    for position, piece in cuts:
        data = data[:position] + piece + data[position + len(piece) :]
    try:
        read(data)
    except Rejected as refused:
        assert refused.file == "x"


@given(text=st.text(max_size=40))
def test_a_text_is_a_plain_number_or_refused(text: str) -> None:
    try:
        found = values.number(text)
    except ValueError:
        return
    assert found.is_finite()
    assert abs(found) < Decimal(10) ** 15


@QUICK
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="&<>\r"), max_size=60))
def test_a_repaired_file_is_read(text: str) -> None:
    dirty = f"<КоммерческаяИнформация ВерсияСхемы='2.05'><Документ><Номер>1</Номер><Комментарий>{text}&#8;</Комментарий></Документ></КоммерческаяИнформация>"
    repaired = io.BytesIO()
    removed = xml_safe.repair(io.BytesIO(dirty.encode()), repaired, "x")
    assert removed >= 1
    reader.verify(repaired, name="x")
    assert xml_safe.repair(repaired, io.BytesIO(), "x") == 0
