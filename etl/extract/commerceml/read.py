"""CommerceML 2.03-2.10 and 3.x, whatever 1C or a site wrote, to the canonical tables.

Where an element goes is written in the tables below, and nowhere else: find the tag, read the column. A `_name` is a note
that `commerceml_records` turns into columns. Elements are known by local name; any namespace, version and order will do.

Two passes: `verify` proves the file before anything is done with it, `read` streams it in chunks with flat memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from etl import tables, xml_safe
from etl.extract.commerceml import parts, records
from etl.extract.commerceml.engine import units
from etl.extract.commerceml.engine.columns import (
    currency,
    date,
    deletion,
    factor,
    flag,
    guid,
    note,
    number,
    reference,
    text,
    time,
)
from etl.extract.commerceml.engine.fields import Fields, aside, each, lines, listed, nested, one
from etl.extract.commerceml.engine.fields import read as read_values
from etl.extract.commerceml.engine.pairs import pairs, requisites
from etl.extract.commerceml.engine.scope import Row, Scope
from etl.extract.commerceml.engine.tokens import Tokens, TooLong, attributes, is_empty, is_end, local
from etl.extract.commerceml.engine.units import Series, Uneven
from etl.extract.commerceml.verify import FileInfo, content_hash, verify

__all__ = ["READS", "FileInfo", "content_hash", "read", "read_tables", "verify", "walk"]

# ---- where each element goes ---------------------------------------------------------------------------------------

BANK = Fields(
    {
        "Наименование": text("bank_name"),
        "БИК": text("bik"),
        "SWIFT": text("bik"),
        "СчетКорреспондентский": text("corr_account"),
    }
)
ACCOUNT = Fields({"НомерСчета": text("number"), "Банк": nested(BANK), "Валюта": currency("currency")})
CONTACTS = pairs("_contacts")
NAMES = {
    "Наименование": text("name"),
    "ОфициальноеНаименование": text("_official"),
    "ПолноеНаименование": text("_person"),
    "Фамилия": text("_last_name"),
    "Имя": text("_first_name"),
    "Отчество": text("_middle_name"),
}
PERSON = Fields({"Ид": guid("id"), "Контакты": CONTACTS, "Адрес": parts.address("actual_address"), **NAMES})
PERSON.add("Контрагент", nested(PERSON))  # 2.x nests it, 3.x does not

PARTY = Fields(
    {
        "Ид": guid("id"),
        "НомерВерсии": text("version"),
        **NAMES,
        "Роль": text("role"),
        "ИНН": text("inn"),
        "КПП": text("kpp"),
        "ОГРН": text("ogrn"),
        "ОКПО": text("okpo"),
        "КодПоОКПО": text("okpo"),
        "ПометкаУдаления": deletion,
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
                "ОГРН": text("ogrn"),
                "ПометкаУдаления": deletion,
            },
            rest="extra",
        ),
    }
)

VAT_RATES = each(parts.tax(parts.RATES))

PRICE = Fields(
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

PRODUCT = Fields(
    {
        "Ид": guid("id"),
        "НомерВерсии": text("version"),
        "Наименование": text("name"),
        "Артикул": text("article"),
        "Штрихкод": text("barcode"),
        "ШтрихКод": text("barcode"),
        "БазоваяЕдиница": parts.base_unit,
        "Код": note("requisites", "Код"),
        "ПометкаУдаления": deletion,
        "Статус": parts.status,
        "ХарактеристикиТовара": requisites({}),
        "Группы": parts.group_ids,
        "СтавкиНалогов": VAT_RATES,
        "ЗначенияСвойств": each(parts.product_property),
        "ЗначенияРеквизитов": requisites({"ТипНоменклатуры": text("_type"), "ПометкаУдаления": deletion}),
        "Цены": listed("_prices", PRICE),
    }
)

OFFER = Fields(
    {
        "Ид": guid("id"),
        "ИдХарактеристики": guid("_characteristic"),
        "Наименование": text("name"),
        "Количество": number("_quantity"),
        "ПометкаУдаления": deletion,
        "Статус": parts.status,
        "Цены": listed("_prices", PRICE),
        "Склад": parts.store,
        "Склады": parts.store,
        "Остатки": each(parts.store),
    }
)

PRICE_TYPE = Fields(
    {
        "Ид": guid("id"),
        "Наименование": text("name"),
        "Валюта": currency("currency"),
        "Налог": nested(Fields({"УчтеноВСумме": flag("vat_included")})),
    }
)

LINE = Fields(
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
        "Налоги": each(parts.tax(parts.TAX)),
        "Скидки": each(parts.discount),
        "ЗначенияРеквизитов": requisites({"ТипНоменклатуры": text("_type")}),
    }
)

HEADER = requisites(
    {
        "Номер по 1С": text("number_1c"),
        "Дата по 1С": date("date_1c"),
        "ПометкаУдаления": deletion,
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


DOCUMENT = Fields(
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
        "ПометкаУдаления": deletion,
        "Статус": parts.status,
        "Контрагенты": listed("_parties", PARTY),
        "Скидки": each(parts.outside),
        "ДопРасходы": each(parts.outside),
        "Оплаты": each(parts.outside),
        "Склады": each(nested(Fields({"Наименование": note("requisites", "Склад")}))),
        "Налоги": each(parts.tax(parts.DOCUMENT_TAX)),
        "Товары": lines("_lines", LINE),
        "ЗначенияРеквизитов": HEADER,
        "ПодчиненныеДокументы": each(aside("_children")),
    }
)


# ---- one record each ------------------------------------------------------------------------------------------------


def _read_documents(scope: Scope, last: int) -> None:
    heads, lines = units.documents(scope.source, last, DOCUMENT, LINE, scope.most)
    scope.begin("documents", heads)
    _documents(_with_lines(lines, scope, _rows(heads, scope)), scope, None)


def _with_lines(lines: Series, scope: Scope, rows: list[Row]) -> list[Row]:
    for owner, line in zip(lines.owners, read_values(lines, scope, [{} for _ in lines.starts]), strict=True):
        rows[owner].setdefault("_lines", []).append(line)
    return rows


def _documents(rows: list[Row], scope: Scope, basis: str | None) -> None:
    """Each Документ and, each on its own, the documents nested in it: a bad one does not cost the others."""
    for row in scope.each(rows):
        number, children = row.get("number"), row.pop("_children", ())
        scope.counts["lines"] += len(row.get("_lines", ()))
        finished = records.document(row, scope, basis)
        scope.kinds[row["kind"]] += 1
        scope.settle(number or row.get("id"))
        top = scope.top()
        for first, last in children:
            scope.begin("documents", inner := units.single(scope.source, first, last, DOCUMENT), top)
            _documents(_rows(inner, scope), scope, finished["id"] if finished else row.get("id") or basis)


def _rows(series: Series, scope: Scope) -> list[Row]:
    """Rows of the records at hand."""
    rows = read_values(series, scope, [{"place": place} for place in scope.places()])
    for row, start in zip(rows, series.starts, strict=True):
        if b"=" in (tag := scope.source.tags[start]):
            parts.status.handle(row, attributes(tag).get("Статус", ""))
    return rows


def _read_products(scope: Scope, last: int) -> None:
    series = units.records(scope.source, last, PRODUCT, scope.most)
    scope.begin("products", series)
    scope.counts["products"] += len(series.starts)
    for row in scope.each(_rows(series, scope)):
        scope.counts["prices"] += len(row.get("_prices", ()))
        if not scope.rejected:
            records.product(row, scope)
        scope.settle(row.get("id") or row.get("article"))


def _read_offers(scope: Scope, last: int) -> None:
    series = units.records(scope.source, last, OFFER, scope.most)
    scope.begin("prices", series)
    scope.counts["offers"] += len(series.starts)
    for row in scope.each(_rows(series, scope)):
        scope.counts["prices"] += len(row.get("_prices", ()))
        if not scope.rejected and not row.get("deleted"):
            records.offer(row, scope)
        scope.settle(row.get("id"))


def _read_parties(scope: Scope, last: int) -> None:
    first = scope.source.at
    series = units.records(scope.source, last, PARTY, scope.most)
    scope.begin("parties", series)
    scope.counts["parties"] += sum(
        local(tag) == "Контрагент" for tag in scope.source.tags[first : scope.source.at] if not is_end(tag)
    )
    for row in scope.each(_rows(series, scope)):
        if not scope.rejected:
            records.party(row, scope)
        scope.settle(row.get("id") or row.get("name"))


def _read_price_types(scope: Scope, last: int) -> None:
    series = units.records(scope.source, last, PRICE_TYPE, scope.most)
    scope.begin("price_types", series)
    for row in scope.each(_rows(series, scope)):
        records.price_type(row, scope)
        scope.settle(None)


def _read_groups(scope: Scope, last: int) -> None:
    """Группы with all groups below them: paths of the classifier."""
    _groups(units.records(scope.source, last, GROUP, scope.most), scope, "")


def _groups(series: Series, scope: Scope, above: str) -> None:
    scope.begin("groups", series)
    for row in scope.each(read_values(series, scope, [{} for _ in series.starts])):
        path = "/".join(part for part in (above, row.get("name", "").replace("/", "∕")) if part)
        if row.get("id"):
            scope.groups[row["id"]] = path
        for first, last in row.get("_children", ()):
            _groups(units.single(scope.source, first, last, GROUP), scope, path)


GROUP = Fields({"Ид": guid("id"), "Наименование": text("name"), "Группы": each(aside("_children"))})


def _read_properties(scope: Scope, last: int) -> None:
    """Свойства of the classifier: their names and the words of their values."""
    series = units.records(scope.source, last, PROPERTY, scope.most)
    scope.begin("properties", series)
    for row in scope.each(read_values(series, scope, [{} for _ in series.starts])):
        if row.get("id"):
            variants = {
                item["id"]: item["value"]
                for item in row.get("_variants", ())
                if item.get("id") and item.get("value")
            }
            scope.properties[row["id"]] = (row.get("name") or row["id"], variants)


VARIANT = Fields({"ИдЗначения": guid("id"), "Значение": text("value")})
PROPERTY = Fields(
    {"Ид": guid("id"), "Наименование": text("name"), "ВариантыЗначений": listed("_variants", VARIANT)}
)

#: record element -> reader of it and its like behind it; gets the token where it ends. Raises Uneven, and does nothing, if it does not.
RECORDS: dict[str, Callable[[Scope, int], None]] = {
    "Документ": _read_documents,
    "Товар": _read_products,
    "Предложение": _read_offers,
    "Контрагент": _read_parties,
    "ТипЦены": _read_price_types,
    "Группа": _read_groups,
    "Свойство": _read_properties,
}
#: containers of records; some say that they hold changes only
CONTAINERS = (
    "Классификатор",
    "Каталог",
    "ПакетПредложений",
    "ИзмененияПакетаПредложений",
    "Контрагенты",
    "Контейнер",
    "Скидки",
)
_CHANGES = "СодержитТолькоИзменения"
#: a record inside one of these belongs to it
_OWNERS = frozenset({"Документ", "Товар", "Предложение", "Контрагент", "Группа", "Скидки"})


def _records_in(path: list[str]) -> frozenset[str]:
    """The records that count at this place: an inner one is read with its owner, a Товар is a product only in a Каталог."""
    if not path or _OWNERS.intersection(path):
        return frozenset()
    return frozenset(RECORDS) if "Каталог" in path else frozenset(RECORDS.keys() - {"Товар"})


# ---- the two passes ------------------------------------------------------------------------------------------------


def read(stream: BinaryIO, *, name: str, chunk: int = 2000) -> Iterator[tuple[str, pd.DataFrame]]:
    """Pass 2: (table, frame) in chunks of about `chunk` rows; a document comes with its lines and parties in one chunk.

    Tables: parties, accounts, contacts, products, price_types, prices, stock, documents, lines, issues. Amounts are
    Decimal in the currency of the row. A record that cannot be read is an issue (severity reject) and nothing else.
    `documents.basis_number` is resolved when the basis stands before within the last 10,000 documents.
    Memory does not grow with the file. Raises Rejected if the file is broken after all.
    """
    scope = Scope(Tokens(stream, name), chunk)
    for _ in walk(scope):
        if scope.size >= chunk:
            yield from _frames(scope)
    yield from _frames(scope)


def _frames(scope: Scope) -> Iterator[tuple[str, pd.DataFrame]]:
    for table, rows in scope.take().items():
        yield table, tables.frame(table, rows)


def walk(scope: Scope) -> Iterator[None]:
    """Read record after record into the scope; yields after each series of one name. Raises Rejected."""
    source, path, wanted = scope.source, list[str](), frozenset[str]()
    while source.at < len(source.tags) or source.ready():
        tag = source.tags[source.at]
        if is_end(tag):
            path.pop()
            wanted = _records_in(path)
        elif (name := local(tag)) in wanted:
            scope.above = path
            _read_records(name, scope)
            yield
            continue
        else:
            if wanted and name in CONTAINERS:
                scope.counts["changes_only"] += _changes_only(name, tag)
            elif name == _CHANGES and path and path[-1] in CONTAINERS:
                scope.counts["changes_only"] += _yes(source.decoded_one(source.texts[source.at]))
            if not is_empty(tag):
                path.append(name)
                wanted = _records_in(path)
        source.at += 1
    if path:
        raise xml_safe.refused("файл обрывается.", scope.file)


def _read_records(name: str, scope: Scope) -> None:
    reader, source = RECORDS[name], scope.source
    try:
        try:
            reader(scope, source.first_end())
        except Uneven:  # its like is nested in it
            reader(scope, source.end())
    except TooLong:
        _leave_out(name, scope)


#: record element -> what it counts as
_COUNTED = {"Товар": "products", "Предложение": "offers", "Контрагент": "parties"}


def _leave_out(name: str, scope: Scope) -> None:
    line, limit = scope.source.lines([scope.source.at])[0], xml_safe.MAX_RECORD >> 20
    scope.counts[_COUNTED.get(name, "too_long")] += 1
    scope.add(
        "issues",
        tables.issue(
            f"Запись длиннее {limit} МБ пропущена. Сократите её в 1С и выгрузите файл заново.",
            file=scope.file,
            field=name,
            place=f"{'/'.join([*scope.above, name])}, строка {line}",
            entity=_COUNTED.get(name, "documents"),
        ),
    )
    scope.source.skip()


def _changes_only(name: str, tag: bytes) -> bool:
    return name.startswith("Изменения") or _yes(attributes(tag).get(_CHANGES, ""))


def _yes(text: str) -> bool:
    return text.strip().lower() in ("true", "1")


def read_tables(path: Path, *, name: str | None = None) -> dict[str, pd.DataFrame]:
    """Both passes over one file, all tables whole: for files that fit into memory. Raises Rejected."""
    name = name or path.name
    with path.open("rb") as stream:
        verify(stream, name=name)
        parts: dict[str, list[pd.DataFrame]] = {}
        for table, part in read(stream, name=name):
            parts.setdefault(table, []).append(part)
    return {table: tables.concat(table, parts.get(table, [])) for table in READS}


#: the tables that this reader fills
READS = (
    "parties",
    "accounts",
    "contacts",
    "products",
    "price_types",
    "prices",
    "stock",
    "documents",
    "lines",
    "issues",
)
