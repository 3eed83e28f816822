"""What a dialect cannot tell, in plain words, and what closes the gap."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from pathlib import Path

import pytest

from etl.config import capabilities, profile, vocabulary
from etl.errors import ConfigError
from etl.transform.contracts.facts import ContractFacts
from etl.transform.orders import told
from etl.transform.orders.facts import OrderFacts
from tests.support.paths import ROOT

DAY = dt.date(2026, 11, 20)
PROFILES = ROOT / "samples" / "profiles"


def changed(tmp_path: Path, name: str, *replacements: tuple[str, str]) -> profile.Profile:
    text = (PROFILES / f"{name}.toml").read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return profile.load(path)


@pytest.mark.parametrize("name", ["video", "video-bp", "prepaid", "leads", "twoway"])
def test_the_samples_contradict_nothing(name: str) -> None:
    assert capabilities.contradictions(profile.load(PROFILES / f"{name}.toml")) == []


def test_what_stock_ut103_cannot_tell_is_said_in_plain_words(tmp_path: Path) -> None:
    """Orders born in 1C, invoices, partials, closings, a contractor directory: the extended contract or the manual export."""
    stock = changed(tmp_path, "leads", ("extended = true", "extended = false"))
    found = "\n".join(capabilities.gaps(stock, DAY))
    for expected in (
        "не сообщает «счета на оплату»",
        "заказы, созданные в самой 1С",
        "справочник контрагентов 1С отдельно не выгружает",
        "расширенным договором",
        "ручной выгрузкой «Выгрузка данных CommerceML»",
        "только признак без суммы",
    ):
        assert expected in found, expected


def test_documents_a_stock_file_cannot_hold_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    """Any other kind in a stock file fails the whole file, so `check` refuses the profile."""
    wrong = capabilities.contradictions(changed(tmp_path, "video", ("extended = true", "extended = false")))
    assert any(problem.startswith("delivery.act") for problem in wrong)
    assert any(problem.startswith("commission.confirm") for problem in wrong)


def test_the_general_vat_rate_is_that_of_the_day(tmp_path: Path) -> None:
    """УТ 10.3 has no 22 %, the general rate since 2026; what the base was taught is listed in the profile."""
    stock = changed(
        tmp_path,
        "prepaid",
        ("extended = true", "extended = false"),
        ('vat = "exempt"', 'vat = "general"'),
    )
    assert not [gap for gap in capabilities.gaps(stock, dt.date(2025, 12, 31)) if "НДС" in gap]
    told = [gap for gap in capabilities.gaps(stock, DAY) if "НДС" in gap]
    assert len(told) == 1
    assert "не знает ставку НДС 22 % и молча запишет другую" in told[0]
    taught = stock.model_copy(update={"onec": stock.onec.model_copy(update={"vat_rates": ("20", "22")})})
    assert not [gap for gap in capabilities.gaps(taught, DAY) if "НДС" in gap]


def test_a_profile_that_contradicts_its_1c_is_refused_with_every_contradiction(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        capabilities.refuse(changed(tmp_path, "video", ("extended = true", "extended = false")))
    assert len(refused.value.problems) >= 2
    capabilities.refuse(profile.load(PROFILES / "video.toml"))


STOCK = ("extended = true", "extended = false")
#: stock УТ books all orders to one of the two organisations of the sample
NODE = ("extended = true", 'extended = false\norganisation = "ООО «Северный склад»"')


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("invoice_stages", ("Счет в 1с",)),
        ("invoice_paid_stage", "Оплачен"),
        ("create_invoices", True),
        ("prepaid_values", ("Предоплата",)),
    ],
)
@pytest.mark.parametrize("dialect", ["ut103", "ut11", "unf3"])
def test_what_rests_on_an_invoice_is_refused_without_the_extended_contract(
    tmp_path: Path, dialect: str, setting: str, value: object
) -> None:
    """Stock 1C reads orders only: such a deal would wait for ever, and `check` would call it fit."""
    whole = changed(tmp_path, "twoway", NODE)
    orders = whole.orders.model_copy(update={setting: value})
    onec = whole.onec.model_copy(update={"dialect": dialect})
    (wrong,) = capabilities.contradictions(whole.model_copy(update={"orders": orders, "onec": onec}))
    assert wrong.startswith(
        f"orders.{setting}: {whole.model_copy(update={'onec': onec}).dialect.title} не читает счета"
    )
    extended = onec.model_copy(update={"extended": True})
    assert not capabilities.contradictions(whole.model_copy(update={"orders": orders, "onec": extended}))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "prepaid",
            "{ shipped = true }",
            "{ shiped = true }",
            "факта «shiped» нет. Исправьте: возможно, «shipped»",
        ),
        ("prepaid", "{ shipped = true }", "{ paid_charges = 1 }", "факта «paid_charges» нет"),
        ("video", "{ paid_charges = 1 }", "{ paid = true }", "факта «paid» нет"),
        ("leads", "invoice_date =", "invoise_date =", "значения «invoise_date» нет"),
        ("leads", '"Оплачен" = "paid"', '"Оплачен" = "payed"', "возможно, «paid»"),
        ("video", "paid_total =", "payed_total =", "итога «payed_total» нет"),
    ],
)
def test_a_name_that_would_wait_for_ever_is_refused(
    tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    wrong = changed(tmp_path, name, (old, new))
    assert said in "\n".join(capabilities.contradictions(wrong))


def test_a_flow_without_its_section_is_named() -> None:
    whole = profile.load(PROFILES / "twoway.toml")
    without = whole.model_copy(update={"entities": {"parties": whole.entities["parties"]}})
    assert "flows: поток products без раздела [entities.products]" in "\n".join(
        capabilities.gaps(without, DAY)
    )
    without = whole.model_copy(update={"orders": None, "rules": (), "flows": ("orders-out",)})
    assert "flows: поток orders-out без раздела [orders]" in "\n".join(capabilities.gaps(without, DAY))


def test_the_names_of_a_profile_are_those_that_are_computed() -> None:
    contract = {field.name for field in fields(ContractFacts)} - {"paid"}
    assert set(vocabulary.CONTRACT_FACTS) == contract
    assert set(vocabulary.ORDER_FACTS) == set(OrderFacts.__annotations__)
    assert set(vocabulary.DOCUMENT_FIELDS) == set(told.FIELDS)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "twoway",
            (
                "orders.statuses",
                "orders.managers",
                "orders.fields.order_status",
                "entities.products: direction",
            ),
        ),
        (
            "leads",
            (
                "orders.fields.invoice_number",
                "orders.fields.paid_amount",
                "orders.fields.shipped_organisation",
            ),
        ),
    ],
)
def test_settings_that_stock_1c_does_not_feed_are_named(
    tmp_path: Path, name: str, said: tuple[str, ...]
) -> None:
    found = capabilities.gaps(changed(tmp_path, name, NODE if name == "twoway" else STOCK), DAY)
    for place in said:
        assert [gap for gap in found if gap.startswith(place)], (place, found)
    assert "выпиской банка" not in "\n".join(found), "statements are matched to charges, not to orders"


def test_settings_that_no_flow_does_are_named() -> None:
    whole = profile.load(PROFILES / "prepaid.toml")
    found = "\n".join(capabilities.gaps(whole.model_copy(update={"flows": ("parties", "bank")}), DAY))
    for said in ("поток orders-out", "поток documents-in", "заказам он их не относит"):
        assert said in found
    assert not capabilities.gaps(whole, DAY)
