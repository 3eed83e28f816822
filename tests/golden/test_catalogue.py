"""What a catalogue of 1C may say in other words than usual: units, marks, currencies, characteristics, VAT."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from etl.report import RunReport
from tests.support.directories import TWO_WAY, Scene, opened, seed

PRODUCTS = "[entities.products]\n"
ITEM = "08c0f80f-0a3f-5329-985c-4d30cd72885b"
RETAIL, COST = "87f586c9-41ff-5776-80dc-9363a4b1c837", "2518dab0-ba12-5a88-96f6-eea4843108a1"
RED, BLUE = f"{ITEM}#88df279d-f492-5972-bdae-4fbe79cb6dd0", f"{ITEM}#d697d79f-1ead-5742-bfa6-a31b0e5f8e75"
PIECE = '<БазоваяЕдиница Код="796">шт</БазоваяЕдиница>'


def price(kind: str, amount: str, more: str = "") -> str:
    return f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{amount}</ЦенаЗаЕдиницу>{more}</Цена>"


def catalogue(
    item: str = PIECE,
    offers: Sequence[tuple[str, str]] = (),
    *,
    retail: str = "",
    mark: str = "",
    version: str = "2.07",
) -> str:
    """A file of 1C with one item. `offers`: Ид and prices; `retail`: more of the sale price type."""
    told = "".join(
        f"<Предложение><Ид>{key}</Ид><Наименование>Товар</Наименование><Цены>{prices}</Цены></Предложение>"
        for key, prices in offers
    )
    types = (
        f"<ТипЦены><Ид>{RETAIL}</Ид><Наименование>Розничная</Наименование><Валюта>руб</Валюта>{retail}</ТипЦены>"
        f"<ТипЦены><Ид>{COST}</Ид><Наименование>Закупочная</Наименование><Валюта>руб</Валюта></ТипЦены>"
    )
    goods = f"<Товар><Ид>{ITEM}</Ид><Наименование>Товар</Наименование>{item}{mark}</Товар>" if item else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="{version}">'
        f'<Каталог СодержитТолькоИзменения="true"><Ид>к</Ид><Товары>{goods}</Товары></Каталог>'
        f'<ПакетПредложений СодержитТолькоИзменения="true"><Ид>к#</Ид><ТипыЦен>{types}</ТипыЦен>'
        f"<Предложения>{told}</Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )


def tell(scene: Scene, text: str) -> RunReport:
    """1C writes the file and the product takes it."""
    path = scene.profile.folder / "from_1c" / f"catalog-{scene.moment:%H%M}.xml"
    made = f'ДатаФормирования="2025-11-03T{scene.moment:%H:%M:%S}"'
    path.write_text(
        text.replace("<КоммерческаяИнформация ", f"<КоммерческаяИнформация {made} "), encoding="utf-8"
    )
    return scene.run()


@pytest.mark.parametrize(
    "unit",
    [
        '<БазоваяЕдиница Код="006" НаименованиеПолное="Метр">м</БазоваяЕдиница>',
        '<БазоваяЕдиница Код="6" НаименованиеПолное="Метр">м</БазоваяЕдиница>',
        '<БазоваяЕдиница Код="6 ">м</БазоваяЕдиница>',
        "<БазоваяЕдиница>006 </БазоваяЕдиница>",
        "<БазоваяЕдиница>6</БазоваяЕдиница>",
    ],
)
def test_a_metre_is_a_metre_in_every_spelling(tmp_path: Path, unit: str) -> None:
    with opened(tmp_path, PRODUCTS) as scene:
        report = tell(scene, catalogue(unit))
        assert scene.products()["Товар"]["measure"] == 1
        assert not report.issues


def test_a_unit_that_the_portal_lacks_is_said(tmp_path: Path) -> None:
    with opened(tmp_path, PRODUCTS) as scene:
        report = tell(scene, catalogue('<БазоваяЕдиница Код="018">пог. м</БазоваяЕдиница>'))
        (issue,) = report.issues
        assert "«пог. м» (код 018) нет на портале" in issue["message"]
        assert scene.products()["Товар"]["measure"] == 9


@pytest.mark.parametrize("direction", ["", TWO_WAY], ids=["to the portal", "both ways"])
@pytest.mark.parametrize("mark", ["<Статус>Удален</Статус>", "<ПометкаУдаления>true</ПометкаУдаления>"])
def test_an_item_told_again_without_its_mark_is_on_sale_again(
    tmp_path: Path, mark: str, direction: str
) -> None:
    with opened(tmp_path, PRODUCTS + direction) as scene:
        tell(scene, catalogue())
        tell(scene, catalogue(mark=mark))
        assert scene.products()["Товар"]["active"] == "N"
        tell(scene, catalogue("", [(ITEM, price(RETAIL, "10"))]))
        assert scene.products()["Товар"]["active"] == "N", "its price alone says nothing of the mark"
        tell(scene, catalogue())
        assert scene.products()["Товар"]["active"] == "Y"


def test_an_item_that_people_hid_stays_hidden(tmp_path: Path) -> None:
    with opened(tmp_path, PRODUCTS) as scene:
        tell(scene, catalogue())
        number = scene.products()["Товар"]["id"]
        scene.portal.call("catalog.product.update", {"id": number, "fields": {"active": "N"}})
        tell(scene, catalogue())
        assert scene.products()["Товар"]["active"] == "N"


@pytest.mark.parametrize(("kind", "words"), [(COST, "Закупочная цена"), (RETAIL, "Цена продажи")])
@pytest.mark.parametrize("currency", ["USD", "EUR", "KZT"])
def test_a_price_in_another_currency_is_said(tmp_path: Path, kind: str, words: str, currency: str) -> None:
    with opened(tmp_path, PRODUCTS) as scene:
        told = price(kind, "10", f"<Валюта>{currency}</Валюта>")
        report = tell(scene, catalogue(offers=[(ITEM, told)]))
        (issue,) = report.issues
        assert f"{words} в валюте {currency}" in issue["message"]
        held = scene.products()["Товар"]
        assert (held["price"], held["purchasingPrice"]) == (None, None)


def test_prices_by_characteristics_give_the_lowest_and_a_remark(tmp_path: Path) -> None:
    with opened(tmp_path, PRODUCTS) as scene:
        report = tell(scene, catalogue(offers=[(RED, price(RETAIL, "600")), (BLUE, price(RETAIL, "500"))]))
        assert Decimal(str(scene.products()["Товар"]["price"])) == 500
        (issue,) = report.issues
        assert "наименьшая" in issue["message"]


def test_equal_prices_of_all_characteristics_need_no_remark(tmp_path: Path) -> None:
    with opened(tmp_path, PRODUCTS) as scene:
        report = tell(scene, catalogue(offers=[(RED, price(RETAIL, "500")), (BLUE, price(RETAIL, "500.00"))]))
        assert Decimal(str(scene.products()["Товар"]["price"])) == 500
        assert not report.issues


def test_the_price_of_the_item_itself_goes_before_those_of_its_characteristics(tmp_path: Path) -> None:
    with opened(tmp_path, PRODUCTS) as scene:
        offers = [(RED, price(RETAIL, "400")), (ITEM, price(RETAIL, "700"))]
        report = tell(scene, catalogue(offers=offers))
        assert Decimal(str(scene.products()["Товар"]["price"])) == 700
        assert not report.issues


@pytest.mark.parametrize(("said", "held"), [("true", "Y"), ("false", "N")])
def test_whether_vat_is_inside_the_price_comes_with_the_price_type(
    tmp_path: Path, said: str, held: str
) -> None:
    tax = f"<Налог><Наименование>НДС</Наименование><УчтеноВСумме>{said}</УчтеноВСумме></Налог>"
    with opened(tmp_path, PRODUCTS) as scene:
        offers = [(ITEM, price(RETAIL, "122"))]
        tell(scene, catalogue(offers=offers, retail=tax))
        assert scene.products()["Товар"]["vatIncluded"] == held
        before = scene.writes
        tell(scene, catalogue(offers=offers, retail=tax))
        assert scene.writes == before


def test_the_stock_of_the_portal_keeps_its_purchasing_prices(tmp_path: Path) -> None:
    with opened(tmp_path, PRODUCTS, portal=seed(settings={"inventory": "Y"})) as scene:
        offers = [(ITEM, price(RETAIL, "100") + price(COST, "70"))]
        report = tell(scene, catalogue(offers=offers))
        (issue,) = report.issues
        assert "складской учёт" in issue["message"]
        assert Decimal(str(scene.products()["Товар"]["price"])) == 100
        before = scene.writes
        tell(scene, catalogue(offers=offers))
        assert scene.writes == before


def test_a_price_that_went_up_and_down_again_is_down_again(tmp_path: Path) -> None:
    """The third file says what the first said, under a name of its own: 1C went back."""
    with opened(tmp_path, PRODUCTS) as scene:
        for amount in ("10", "12", "10", "12"):
            tell(scene, catalogue(offers=[(ITEM, price(RETAIL, amount))]))
            assert Decimal(str(scene.products()["Товар"]["price"])) == Decimal(amount)


def test_an_item_without_vat_is_made_without_vat(tmp_path: Path) -> None:
    tax = "<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>{}</Ставка></СтавкаНалога></СтавкиНалогов>"
    with opened(tmp_path, PRODUCTS) as scene:
        tell(scene, catalogue(PIECE + tax.format("Без налога")))
        assert scene.products()["Товар"]["vatId"] == 1
