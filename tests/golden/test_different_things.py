"""Different things are never taken for one, and one never for two: documents with one key, receipts that look alike, cards with one id."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.commands import people
from etl.state.store import Store
from etl.transform.money.paid import paid
from tests.golden.test_accountant_route import IVANOV, drop, paid_by
from tests.support import directories, scenario
from tests.support.directories import FIELDS, INN, TWO_WAY

DAY = dt.date(2026, 11, 2)
A, B, C = (f"{letter * 8}-{letter * 4}-4{letter * 3}-8{letter * 3}-{letter * 12}" for letter in "abc")
D = C.replace("c", "d")
ORDERS = {A: "ТР-1", B: "ТР-2", D: "ТР-3"}  # a fact names its order by Ид or by number
PAYMENT, CASH, SHIPMENT = "Выплата безналичных денег", "Выплата наличных денег", "Отпуск товара"
BUYER = (
    "<Контрагенты><Контрагент><Ид>979f9e77-c397-559a-b0f4-834efa947c49</Ид><Наименование>ООО Ромашка</Наименование>"
    "<ОфициальноеНаименование>ООО Ромашка</ОфициальноеНаименование><ИНН>7700000007</ИНН><Роль>Покупатель</Роль></Контрагент></Контрагенты>"
)


def said(
    operation: str,
    number: str,
    amount: str,
    *,
    guid: str | None = None,
    basis: str | None = None,
    day: str = "2026-11-02",
    version: str | None = None,
    **requisites: str,
) -> str:
    """A document as a handler writes it."""
    more = "".join(
        f"<ЗначениеРеквизита><Наименование>{name.replace('_', ' ')}</Наименование><Значение>{value}</Значение></ЗначениеРеквизита>"
        for name, value in {"Проведен": "true", **requisites}.items()
    )
    goods = ""
    if operation in ("Заказ товара", SHIPMENT):
        goods = (
            "<Товары><Товар><Ид>d59c04f2-3532-54b9-b09f-068d93989303</Ид><Наименование>Дверь</Наименование><Единица>"
            "<НаименованиеКраткое>шт</НаименованиеКраткое><Код>796</Код></Единица><Количество>1</Количество>"
            f"<ЦенаЗаЕдиницу>{amount}</ЦенаЗаЕдиницу><Сумма>{amount}</Сумма><СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование>"
            "<Ставка>Без НДС</Ставка></СтавкаНалога></СтавкиНалогов></Товар></Товары>"
        )
    named = {"Ид": guid, "НомерВерсии": version}
    head = "".join(f"<{name}>{value}</{name}>" for name, value in named.items() if value is not None)
    about = f"<Основание>{basis}</Основание>" if basis else ""
    return (
        f"<Документ>{head}<Номер>{number}</Номер><Дата>{day}</Дата><Время>10:00:00</Время><ХозОперация>{operation}</ХозОперация>"
        f"{BUYER}<Валюта>руб</Валюта><Курс>1</Курс><Сумма>{amount}</Сумма>{about}<Роль>Продавец</Роль>"
        f"<ЗначенияРеквизитов>{more}</ЗначенияРеквизитов>{goods}</Документ>"
    )


class Story:
    """Files of 1C, one after another, in a profile where both sides lead."""

    def __init__(self, running: scenario.Scenario) -> None:
        self.running = running
        self.files = itertools.count(1)
        self.tell(
            said("Заказ товара", "ТР-1", "100.00", guid=A), said("Заказ товара", "ТР-2", "50.00", guid=B)
        )

    def tell(self, *documents: str, moment: str | None = None) -> list[str]:
        """One file and one run; its remarks."""
        number = next(self.files)
        folder = self.running.stage.profile.folder / "from_1c"
        folder.mkdir(exist_ok=True)
        made = moment or f"2026-11-02T10:{number:02}:00"
        (folder / f"{number}.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" ВерсияСхемы="3.1" '
            f'ДатаФормирования="{made}"><Контейнер>{"".join(documents)}</Контейнер></КоммерческаяИнформация>'
        )
        time.sleep(self.running.stage.profile.onec.settle_seconds + 0.1)
        report = self.running.run()
        assert report.counts["files_read"] == 1
        return [row["message"] for row in report.issues if "ключом" in row["message"]]

    def moved(self, kind: str = "payment") -> dict[str, Any]:
        """Number of an order -> what is paid for it or shipped."""
        profile = self.running.stage.profile
        with Store.open(profile.state_url, portal=profile.bitrix24.name) as store:
            facts = store.facts.listed(kind)
        found: Counter[str] = Counter()
        for target, one in paid(facts).items():
            found[ORDERS.get(target, target)] += one.amount or 0  # type: ignore[assignment]
        return {target: amount for target, amount in found.items() if amount}


@contextmanager
def told(tmp: Path) -> Iterator[Story]:
    with scenario.opened(tmp, "twoway", case="twoway/both-sides") as running:
        running.at(DAY)
        running.run()
        yield Story(running)


def both(first: str, second: str) -> dict[str, Decimal]:
    return {"ТР-1": Decimal(first), "ТР-2": Decimal(second)}


# ---- one receipt of 1C for two orders
@pytest.mark.parametrize("guid", [C, None, "0", "00000000-0000-0000-0000-000000000000"])
def test_one_receipt_for_two_orders_counts_for_both(guid: str | None, tmp_path: Path) -> None:
    """«один платёж покрывает несколько заказов» (onec §1.3): two Документ with one Ид, without Ид, or with a zero for one."""
    parts = [
        said(PAYMENT, "П-1", "100.00", guid=guid, basis=A),
        said(PAYMENT, "П-1", "50.00", guid=guid, basis=B),
    ]
    with told(tmp_path) as story:
        assert story.tell(*parts) == []
        assert story.moved() == both("100.00", "50.00")
        assert story.tell(*reversed(parts)) == [], "the other way round nothing changes"
        assert story.moved() == both("100.00", "50.00")
        assert story.tell(parts[1]) == [], "a part told alone says nothing of the other"
        assert story.moved() == both("100.00", "50.00")
        assert story.tell(*parts, *parts) == [], "equal content is the same"
        assert story.moved() == both("100.00", "50.00")


def test_a_receipt_divided_later_and_put_together_again(tmp_path: Path) -> None:
    """A bookkeeper divides a payment among orders, moves a part, and takes it all back."""
    with told(tmp_path) as story:
        story.tell(said(PAYMENT, "П-1", "150.00", guid=C, basis=A))
        assert story.moved() == {"ТР-1": Decimal("150.00")}
        story.tell(
            said(PAYMENT, "П-1", "100.00", guid=C, basis=A), said(PAYMENT, "П-1", "50.00", guid=C, basis=B)
        )
        assert story.moved() == both("100.00", "50.00")
        late = "2026-11-02T10:00:30"
        story.tell(said(PAYMENT, "П-1", "149.00", guid=C, basis=A), moment=late)
        assert story.moved() == both("100.00", "50.00"), "a late file changes nothing"
        third = said("Заказ товара", "ТР-3", "50.00", guid=D)
        moved = said(PAYMENT, "П-1", "50.00", guid=C, basis=D)
        story.tell(third, said(PAYMENT, "П-1", "100.00", guid=C, basis=A), moved)
        assert story.moved() == {"ТР-1": Decimal("100.00"), "ТР-3": Decimal("50.00")}
        story.tell(said(PAYMENT, "П-1", "150.00", guid=C, basis=B))
        assert story.moved() == {"ТР-2": Decimal("150.00")}


def test_a_receipt_with_its_division_in_a_requisite(tmp_path: Path) -> None:
    division = {"Расшифровка_платежа": f"{A}: 100.00; {B}: 50.00"}
    with told(tmp_path) as story:
        story.tell(said(PAYMENT, "П-1", "150.00", guid=C, basis=A, **division))
        assert story.moved() == both("100.00", "50.00")
        story.tell(said(PAYMENT, "П-1", "150.00", guid=C, basis=A, Расшифровка_платежа=f"{A}: 1.00"))
        assert story.moved() == {"ТР-1": Decimal("150.00")}, "a division that does not add up is none"


def test_two_parts_upon_one_order_are_both_counted_and_told(tmp_path: Path) -> None:
    with told(tmp_path) as story:
        (remark,) = story.tell(
            said(PAYMENT, "П-1", "60.00", guid=C, basis=A), said(PAYMENT, "П-1", "40.00", guid=C, basis=A)
        )
        assert "на 60.00" in remark and "на 40.00" in remark and "учтены оба" in remark
        assert story.moved() == {"ТР-1": Decimal("100.00")}


def test_two_versions_of_one_document_in_a_file(tmp_path: Path) -> None:
    with told(tmp_path) as story:
        texts = [said(PAYMENT, "П-1", f"{n}0.00", guid=C, basis=A, version=str(n)) for n in (9, 10)]
        assert story.tell(*reversed(texts)) == []
        assert story.moved() == {"ТР-1": Decimal("100.00")}
        (remark,) = story.tell(*(text.replace("Версии>", "Версии>AAA") for text in texts))
        assert "учтён последний" in remark


# ---- documents without Ид
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"day": "2026-11-03"}),
        ({}, {"day": "2027-01-11"}),
        ({"Организация": "ООО Один"}, {"Организация": "ООО Два"}),
        ({"operation": CASH}, {"operation": PAYMENT}),
        ({"operation": SHIPMENT}, {"operation": SHIPMENT, "day": "2026-11-03"}),
    ],
)
def test_documents_that_1c_numbers_apart_are_different(
    first: dict[str, str], second: dict[str, str], tmp_path: Path
) -> None:
    """Without Ид the number counts within its operation, day, organisation and basis."""
    texts = []
    for amount, values in (("40.00", first), ("60.00", second)):
        more = {"operation": PAYMENT, **values}
        texts.append(said(more.pop("operation"), "1", amount, basis=A, **more))
    kind = "shipment" if first.get("operation") == SHIPMENT else "payment"
    with told(tmp_path) as story:
        assert story.tell(*texts) == []
        assert story.moved(kind) == {"ТР-1": Decimal("100.00")}
        assert story.tell(texts[1]) == []
        assert story.moved(kind) == {"ТР-1": Decimal("100.00")}


def test_one_key_and_different_content_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    with told(tmp_path) as story:
        (remark,) = story.tell(said(PAYMENT, "1", "40.00", basis=A), said(PAYMENT, "1", "60.00", basis=A))
        assert "на 40.00" in remark and "на 60.00" in remark and "Ид" in remark
        assert story.moved() == {"ТР-1": Decimal("100.00")}
        orders = [said("Заказ товара", "7", "10.00"), said("Заказ товара", "7", "20.00", day="2026-11-05")]
        (remark,) = story.tell(*orders)
        deals = [row for row in story.running.deals().values() if str(row["TITLE"]).startswith("Заказ 7 ")]
        assert sorted(row["OPPORTUNITY"] for row in deals) == ["10.00", "20.00"]
        rows = [
            story.running.stage.portal.call("crm.deal.productrows.get", {"id": row["ID"]}) for row in deals
        ]
        assert [len(getattr(found, "rows", found)) for found in rows] == [1, 1], (
            "lines are not glued together"
        )


def test_a_corrected_order_without_an_id_is_no_second_deal(tmp_path: Path) -> None:
    with told(tmp_path) as story:
        story.tell(said("Заказ товара", "7", "10.00"))
        story.tell(said("Заказ товара", "7", "30.00", day="2026-11-09"))
        deals = [row for row in story.running.deals().values() if str(row["TITLE"]).startswith("Заказ 7 ")]
        assert [row["OPPORTUNITY"] for row in deals] == ["30.00"]


# ---- the bank
def test_two_people_through_one_account_of_a_bank_both_pay(tmp_path: Path) -> None:
    """Number, day, sum, account and ИНН are the bank's own; only payer and purpose differ."""
    transit = {
        "ПлательщикСчет": "30233810000000000001",
        "ПлательщикРасчСчет": None,
        "ПлательщикИНН": "7700000007",
    }
    people_ = [
        ("Иванов Пётр Сергеевич", "В-101/26", "1500.00"),
        ("Петрова Анна Ильинична", "В-102/26", "1500.00"),
    ]
    rows = [
        paid_by("1", amount, contract, f"ПАО БАНК//{name}//1//", **transit)
        for name, contract, amount in people_
    ]
    with scenario.opened(tmp_path, "video-bp", case="video/three-months") as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        running.at(dt.date(2026, 11, 19))
        drop(running, "kl1.txt", *rows)
        report = running.run()
        assert report.counts["receipts_read"] == 2
        asked = people.questions(running.stage.profile)
        assert report.counts["matched"] + len(asked) + report.counts["unmatched"] == 2, "none is lost"


def test_one_receipt_for_two_months_goes_to_1c_as_one_document(tmp_path: Path) -> None:
    """1C meets it in its own statement as one document of the whole sum; its division says which month gets what."""
    with scenario.opened(tmp_path, "video", case="video/three-months") as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        running.stage.session()
        running.at(dt.date(2026, 12, 1))
        running.run()
        running.stage.session()
        running.run()
        running.at(dt.date(2026, 12, 10))
        day = "10.12.2026"
        drop(running, "kl1.txt", paid_by("1", "3000.00", "В-101/26", IVANOV, Дата=day, ДатаПоступило=day))
        assert running.run().counts["matched"] == 2
        for _ in range(4):
            running.stage.session()
            report = running.run()
        onec = running.stage.onec
        (payment,) = onec.payments
        assert payment.amount == Decimal("3000.00")
        assert sorted(payment.shares.values()) == [Decimal("1500.00"), Decimal("1500.00")]
        assert [onec.books.paid(order) for order in onec.orders if order.number in payment.shares] == [
            Decimal("1500.00")
        ] * 2
        assert onec.debts()["В-101/26"] == 0
        assert not [row for row in report.issues if "не приняла" in row["message"]]


# ---- cards of the portal
@pytest.mark.parametrize("direction", ["", TWO_WAY])
@pytest.mark.parametrize("told_again", [True, False])
def test_two_companies_with_one_id_are_a_question_and_the_rest_goes_on(
    direction: str, told_again: bool, tmp_path: Path
) -> None:
    with directories.opened(tmp_path, f"[entities.parties]\n{direction}{FIELDS}") as scene:
        party = scene.onec.new_party("ООО «Ромашка»", inn=INN, kpp="770701001")
        scene.exchange()
        scene.exchange()
        card = scene.companies()["ООО «Ромашка»"]
        copied = {name: card[name] for name in ("originatorId", "originId")}
        scene.portal.call("crm.item.add", {"entityTypeId": 4, "fields": {"title": "Копия", **copied}})
        if told_again:
            scene.onec.edit_party(party.guid, name="ООО «Ромашка плюс»")
        for number in range(3):
            scene.onec.new_party(f"ООО «Новое {number}»")
            scene.exchange()
            assert f"ООО «Новое {number}»" in scene.companies()
        if not (direction or told_again):
            return
        (question,) = people.questions(scene.profile)
        assert len(question.candidates) == 2 and any("Копия" in one for one in question.candidates)
        assert any(row["severity"] == "ask" for row in scene.reports[-1].issues)
        people.answer(scene.profile, question.key, "1")
        scene.exchange()
        name = "ООО «Ромашка плюс»" if told_again else "ООО «Ромашка»"
        assert name in scene.companies() and "Копия" in scene.companies()


def test_a_copy_of_a_deal_is_a_remark_and_the_first_deal_goes_on(tmp_path: Path) -> None:
    with told(tmp_path) as story:
        deals = story.running.deals()
        (first,) = [row for row in deals.values() if str(row["TITLE"]).startswith("Заказ ТР-1 ")]
        copied = {name: first[name] for name in ("ORIGINATOR_ID", "ORIGIN_ID")}
        story.running.call("crm.deal.add", fields={"TITLE": "Копия", **copied})
        story.tell(said(PAYMENT, "П-1", "100.00", guid=C, basis=A))
        story.running.run()
        remarks = [row["message"] for row in story.running.reports[-1].issues]
        assert any("несколько сделок" in one and "obmen24 link" in one for one in remarks), remarks
        after = story.running.deals()
        assert after[first["ID"]]["STAGE_ID"] != first["STAGE_ID"], "the payment moves the deal itself"


def test_a_document_kept_under_the_key_of_version_0_1_is_not_counted_twice(tmp_path: Path) -> None:
    former = "payment|1|2026"
    with told(tmp_path) as story:
        story.tell(said(PAYMENT, "1", "40.00", guid=former, basis=A))
        assert story.moved() == {"ТР-1": Decimal("40.00")}
        story.tell(said(PAYMENT, "1", "40.00", basis=A))
        assert story.moved() == {"ТР-1": Decimal("40.00")}
        story.tell(
            said(PAYMENT, "1", "40.00", basis=A), said(PAYMENT, "1", "60.00", basis=A, day="2026-11-03")
        )
        assert story.moved() == {"ТР-1": Decimal("100.00")}
