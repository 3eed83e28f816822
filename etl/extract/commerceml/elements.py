"""CommerceML 2.03-2.10 and 3.x, whatever 1C or a site wrote: where each element goes.

Find the tag, read the column.

A column with a `_` before it is a note, of which `parties`, `goods` and `documents` make columns. Elements
are known by local name; any namespace, version and order will do. Sources: reference/commerceml §1-§5.
"""

from __future__ import annotations

from collections.abc import Sequence

from etl.extract.commerceml import documents, goods, parties, parts
from etl.extract.commerceml.columns import (
    code,
    currency,
    date,
    factor,
    flag,
    guid,
    note,
    number,
    pairs,
    reference,
    requisites,
    text,
    time,
)
from etl.extract.commerceml.engine.entries import (
    Aside,
    Attributes,
    Each,
    Kind,
    Nested,
    Table,
    Vocabulary,
    lines,
    listed,
    one,
)
from etl.extract.commerceml.engine.scope import Scope

# ---- inside a record ---------------------------------------------------------------------------------------

BANK = Table(
    {
        "Наименование": text("bank_name"),
        "БИК": code("bik"),
        "SWIFT": code("bik"),
        "СчетКорреспондентский": code("corr_account"),
    }
)
ACCOUNT = Table({"НомерСчета": code("number"), "Банк": Nested(BANK), "Валюта": currency("currency")})
CONTACTS = pairs("_contacts")
NAMES = {
    "Наименование": text("name"),
    "ОфициальноеНаименование": text("_official"),
    "ПолноеНаименование": text("_person"),
    "Фамилия": text("_last_name"),
    "Имя": text("_first_name"),
    "Отчество": text("_middle_name"),
}
PERSON = Table({"Ид": guid("id"), "Контакты": CONTACTS, "Адрес": parts.address("actual_address"), **NAMES})
PERSON.add("Контрагент", Nested(PERSON))  # 2.x nests it, 3.x does not

PARTY = Table(
    {
        "Ид": guid("id"),
        "НомерВерсии": text("version"),
        **NAMES,
        "Роль": text("role"),
        "ИНН": code("inn"),
        "КПП": code("kpp"),
        "ОГРН": code("ogrn"),
        "ОГРНИП": code("ogrn"),
        "ОКПО": code("okpo"),
        "КодПоОКПО": code("okpo"),
        "ПометкаУдаления": parts.deletion,
        "Статус": parts.status,
        "Комментарий": parts.party_note,
        "ЮридическийАдрес": parts.address("legal_address"),
        "АдресРегистрации": parts.address("legal_address"),
        "Адрес": parts.address("actual_address"),
        "Контакты": CONTACTS,
        "РасчетныеСчета": listed("_accounts", ACCOUNT),
        "РасчетныйСчет": one("_accounts", ACCOUNT),
        "Представители": listed("_people", PERSON),
        "Папка": text("folder_path"),
        "Код": text("code"),
        "ЗначенияРеквизитов": requisites(
            {
                "Папка": text("folder_path"),
                "Группа": text("folder_path"),
                "Код": text("code"),
                "ОГРН": code("ogrn"),
                "ОГРНИП": code("ogrn"),
                "ПометкаУдаления": parts.deletion,
            },
            rest="extra",
        ),
    }
)

VAT_RATES = Each(parts.tax(parts.RATES))

PRICE = Table(
    {
        "ИдТипаЦены": reference("price_type"),
        "ЦенаЗаЕдиницу": number("price", "warn"),
        "Валюта": currency("currency"),
        "Единица": parts.own_unit,
        "ИдЕдиницыИзмерения": parts.own_unit,
        "Коэффициент": factor("_factor"),
        "МинКоличество": number("_from", "warn"),
    }
)

PRODUCT = Table(
    {
        "Ид": guid("id"),
        "НомерВерсии": text("version"),
        "Наименование": text("name"),
        "Артикул": text("article"),
        "Штрихкод": text("barcode"),
        "ШтрихКод": text("barcode"),
        "БазоваяЕдиница": parts.base_unit,
        "Код": note("requisites", "Код"),
        "ПометкаУдаления": parts.deletion,
        "Статус": parts.status,
        "ХарактеристикиТовара": requisites({}),
        "Группы": parts.group_ids,
        "СтавкиНалогов": VAT_RATES,
        "ЗначенияСвойств": Each(parts.product_property),
        "ЗначенияРеквизитов": requisites(
            {"ТипНоменклатуры": text("_type"), "ПометкаУдаления": parts.deletion}
        ),
        "Цены": listed("_prices", PRICE),
    }
)

OFFER = Table(
    {
        "Ид": guid("id"),
        "ИдХарактеристики": guid("_characteristic"),
        "Наименование": text("name"),
        "Количество": number("_quantity"),
        "ПометкаУдаления": parts.deletion,
        "Статус": parts.status,
        "Цены": listed("_prices", PRICE),
        "Склад": parts.store,
        "Склады": parts.store,
        "Остатки": Each(parts.store),
    }
)

PRICE_TYPE = Table(
    {
        "Ид": guid("id"),
        "Наименование": text("name"),
        "Валюта": currency("currency"),
        "Налог": Nested(Table({"УчтеноВСумме": flag("vat_included")})),
    }
)

LINE = Table(
    {
        "Ид": guid("product"),
        "Артикул": text("article"),
        "Наименование": text("name"),
        "Количество": number("quantity"),
        "ЦенаЗаЕдиницу": number("price"),
        "Цена": number("_price"),
        "Сумма": number("amount"),
        "БазоваяЕдиница": parts.base_unit,
        "Единица": parts.own_unit,
        "СтавкиНалогов": VAT_RATES,
        "Коэффициент": factor("_factor"),
        "ХарактеристикиТовара": requisites({}),
        "Налоги": Each(parts.tax(parts.TAX)),
        "Скидки": Each(parts.discount),
        "ЗначенияРеквизитов": requisites({"ТипНоменклатуры": text("_type")}),
    }
)

HEADER = requisites(
    {
        "Номер по 1С": text("number_1c"),
        "Дата по 1С": date("date_1c"),
        "ПометкаУдаления": parts.deletion,
        "Проведен": flag("posted"),
        "Отменен": flag("cancelled"),
        "Статус заказа": text("status"),
        "Менеджер": text("manager"),
        "Организация": text("organisation"),
        "Сделка": text("deal"),
        "НомерДокументаОснования": text("basis_number"),
        "Номер оплаты по 1С": parts.told("paid", text("_paid_number")),
        "Дата оплаты по 1С": parts.told("paid", date("_paid_on")),
        "Номер отгрузки по 1С": parts.told("shipped", text("_shipped_number")),
        "Дата отгрузки по 1С": parts.told("shipped", date("_shipped_on")),
        "Оплачен": flag("paid"),
        "Оплачено": flag("paid"),
        "Заказ оплачен": flag("paid"),
        "Номер платежного документа": text("paid_number"),
        "Дата оплаты": date("paid_on"),
        "Сумма оплаты": number("paid_amount"),
        "Отгружен": flag("shipped"),
        "Отгружено": flag("shipped"),
        "Номер документа отгрузки": text("shipped_number"),
        "Дата документа отгрузки": date("shipped_on"),
        "Сумма отгрузки": number("shipped_amount"),
        "Закрыт": flag("closed"),
        "Финальный статус": flag("_final"),
        "Признак возврата": flag("_returned"),
        "Комментарии покупателя": text("_comment"),
    }
)

LINES = lines("_lines", "Товары", "Товар", LINE)

DOCUMENT = Table(
    {
        "Ид": guid("id"),
        "НомерВерсии": text("version"),
        "Номер": text("number"),
        "Номер1С": text("number_1c"),
        "Дата": date("date"),
        "Дата1С": date("date_1c"),
        "Время": time("time"),
        "ХозОперация": text("_operation"),
        "Роль": text("_role"),
        "Валюта": currency("currency"),
        "Курс": number("rate", "warn"),
        "Сумма": number("amount"),
        "Основание": guid("basis"),
        "Комментарий": text("comment"),
        "СрокПлатежа": parts.due,
        "ПометкаУдаления": parts.deletion,
        "Статус": parts.status,
        "Контрагенты": listed("_parties", PARTY),
        "Скидки": Each(parts.outside),
        "ДопРасходы": Each(parts.outside),
        "Оплаты": Each(parts.outside),
        "Склады": Each(Nested(Table({"Наименование": note("requisites", "Склад")}))),
        "Налоги": Each(parts.tax(parts.DOCUMENT_TAX)),
        "Товары": LINES,
        "ЗначенияРеквизитов": HEADER,
        "ПодчиненныеДокументы": Each(Aside()),
    }
)

GROUP = Table({"Ид": guid("id"), "Наименование": text("name"), "Группы": Each(Aside())})

VARIANT = Table({"ИдЗначения": guid("id"), "Значение": text("value")})
PROPERTY = Table(
    {"Ид": guid("id"), "Наименование": text("name"), "ВариантыЗначений": listed("_variants", VARIANT)}
)

# ---- records, and where they stand -------------------------------------------------------------------------

_MARKED = {"Статус": parts.status}

RECORDS = {
    "Документ": Kind(DOCUMENT, "documents", documents.finish, attributes=_MARKED, lines=LINES),
    "Товар": Kind(PRODUCT, "products", goods.finish_product, "products", attributes=_MARKED),
    "Предложение": Kind(OFFER, "prices", goods.finish_offer, "offers", attributes=_MARKED),
    "Контрагент": Kind(PARTY, "parties", parties.finish, "parties", deep=True, attributes=_MARKED),
    "ТипЦены": Kind(PRICE_TYPE, "price_types", goods.finish_price_type, attributes=_MARKED),
    "Группа": Kind(GROUP, "groups", goods.finish_group),
    "Свойство": Kind(PROPERTY, "properties", goods.finish_property),
}
_ALL = frozenset(RECORDS)
_OUTSIDE_A_CATALOGUE = _ALL - {"Товар"}
_NONE: frozenset[str] = frozenset()
#: containers of records; some say that they hold changes only
CONTAINERS = frozenset(
    {
        "Классификатор",
        "Каталог",
        "ПакетПредложений",
        "ИзмененияПакетаПредложений",
        "Контрагенты",
        "Контейнер",
        "Скидки",
    }
)
_CHANGES = "СодержитТолькоИзменения"
#: a record inside one of these belongs to it
_OWNERS = frozenset({"Документ", "Товар", "Предложение", "Контрагент", "Группа", "Скидки"})


def _wanted(path: Sequence[str]) -> frozenset[str]:
    """The records that count at this place.

    One inside another is read with its owner, and a Товар is a product only in a Каталог.
    """
    if not path or not _OWNERS.isdisjoint(path):
        return _NONE
    return _ALL if "Каталог" in path else _OUTSIDE_A_CATALOGUE


def _container(name: str, attributes: Attributes, scope: Scope) -> None:
    """Does a container say that it holds changes only?"""
    if name.startswith("Изменения"):
        scope.counts["changes_only"] += 1
    else:
        _changes_only(attributes.get(_CHANGES, ""), scope)


def _changes_only(words: str, scope: Scope) -> None:
    scope.counts["changes_only"] += words.strip().lower() in ("true", "1")


COMMERCEML = Vocabulary(RECORDS, _wanted, CONTAINERS, _container, {_CHANGES: _changes_only})
