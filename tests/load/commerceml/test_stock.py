"""What 1C's own exchange code makes of our stock files (onec-code §1): what it would misread is not written, or is held."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from etl.config import profile
from etl.config.dialects import DIALECTS
from etl.errors import ConfigError
from etl.load.commerceml import write as writer
from tests.load.commerceml.test_write import DAY, STOCK, back, dated, line, made, party, rejected, written
from tests.support import scenario

TWO_ADDRESSES = {
    "legal_address": "г. Тверь, ул. Новая, д. 5",
    "actual_address": "г. Клин, склад 3",
    "phones": ("+7 495 000-11-22", "+7 495 000-33-44"),
    "emails": ("a@mail.example", "b@mail.example"),
}


def test_ut103_gets_the_legal_address_one_phone_and_one_mail() -> None:
    """D2: «all written as kind ЮрАдресКонтрагента with a replacing record set, … the last stands»."""
    text = written(made([dated()], None, [party(**TWO_ADDRESSES)]), "ut103").decode()
    assert "Тверь" in text
    assert "Клин" not in text
    assert text.count("<Контакт>") == 2
    others = written(made([dated()], None, [party(**TWO_ADDRESSES)]), "ut11").decode()
    assert "Клин" in others
    assert others.count("<Контакт>") == 4


def test_an_actual_address_alone_does_not_become_the_legal_one_of_ut103() -> None:
    text = written(
        made([dated()], None, [party(legal_address=None, actual_address="г. Клин")]), "ut103"
    ).decode()
    assert "Клин" not in text


@pytest.mark.parametrize("name", ["ut103", "ut11"])
def test_an_order_of_another_organisation_is_held(name: str) -> None:
    """D1: УТ books every order to the organisation of its node."""
    source = made([dated(organisation="ООО «Южный склад»")])
    found = writer.problems(source, DIALECTS[name], day=DAY, organisation="ООО «Пример»")
    assert list(found["field"]) == ["organisation"]
    assert writer.problems(source, DIALECTS[name], day=DAY, organisation="ООО «ЮЖНЫЙ СКЛАД»").empty


@pytest.mark.parametrize("name", ["unf3", "bitrix3"])
def test_who_reads_the_organisation_gets_all_orders(name: str) -> None:
    source = made([dated(organisation="ООО «Южный склад»")])
    assert writer.problems(source, DIALECTS[name], day=DAY, organisation="ООО «Пример»").empty


@pytest.mark.parametrize("shared", [{"phones": ("8 (495) 000-55-66",)}, {"emails": ("KASSA@mail.example",)}])
def test_unf_does_not_get_two_clients_with_one_phone_or_mail(shared: dict[str, object]) -> None:
    """D4: «Ид -> ИНН -> КПП alone -> phone -> mail -> name»: the order would go to another firm."""
    own = {"phones": ("+74950005566",), "emails": ("kassa@mail.example",)}
    people = [
        party(**own),
        party(
            id="p2",
            document="2",
            name="ООО «Второй»",
            inn="7701000002",
            **{"phones": None, "emails": None, **shared},
        ),
    ]
    source = made([dated(), dated(id="2", number="B24-2")], [line(), line(document="2")], people)
    assert len(rejected(source, "unf3")) == 1
    assert rejected(source, "ut11") == set()


def test_one_client_of_two_orders_keeps_its_phone() -> None:
    people = [party(phones=("+74950005566",)), party(document="2", phones=("+74950005566",))]
    source = made([dated(), dated(id="2", number="B24-2")], [line(), line(document="2")], people)
    assert rejected(source, "unf3") == set()


def test_a_gift_is_held_for_unf() -> None:
    """D5: «empty Цена and filled ВидЦен -> price of the type»: the order would become dearer."""
    gift = line(position=2, name="Наклейка", price=Decimal(0), amount=Decimal(0), vat_amount=Decimal(0))
    source = made([dated()], [line(), gift])
    assert rejected(source, "unf3") == {"lines[2].price"}
    assert rejected(source, "ut103") == rejected(source, "ut11") == set()


def test_a_cancelled_charge_of_0_goes_to_unf() -> None:
    nothing = line(price=Decimal(0), amount=Decimal(0), vat_amount=Decimal(0))
    source = made([dated(amount=Decimal(0), cancelled=True)], [nothing])
    assert rejected(source, "unf3") == set()


@pytest.mark.parametrize("name", STOCK)
def test_a_sole_trader_is_one_for_each_of_them(name: str) -> None:
    """D11: УНФ knows him by ОфициальноеНаименование and an ИНН of 12 digits, the others by the full name."""
    trader = party(kind="sole_trader", full_name="ИП Иванов Иван", inn="770123456789", kpp=None)
    text = written(made([dated()], None, [trader]), name).decode()
    assert ("ОфициальноеНаименование" in text) == (name == "unf3")
    assert "770123456789" in text


def test_a_person_with_an_inn_is_no_sole_trader_for_ut11() -> None:
    person = party(kind="person", full_name="Иванов Иван", inn="770123456789", kpp=None)
    assert "770123456789" not in written(made([dated()], None, [person]), "ut11").decode()
    assert back(made([dated()], None, [person]), "ut103", "parties")[0]["inn"] == "770123456789"


def test_two_organisations_of_stock_ut_need_the_one_of_the_node(tmp_path: Path) -> None:
    path = scenario.copied(tmp_path, "twoway")
    stock = path.read_text(encoding="utf-8").replace("extended = true", "extended = false")
    path.write_text(stock, encoding="utf-8")
    with pytest.raises(ConfigError, match="укажите её в \\[onec\\] organisation"):
        profile.load(path)
    name = (
        next(row for row in stock.splitlines() if row.startswith('name = "ООО'))
        .partition('"')[2]
        .rpartition('"')[0]
    )
    path.write_text(stock.replace("[onec]", f'[onec]\norganisation = "{name}"'), encoding="utf-8")
    assert profile.load(path).onec.organisation == name
    path.write_text(stock.replace("[onec]", '[onec]\norganisation = "ООО «Нет такой»"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="нет среди"):
        profile.load(path)
