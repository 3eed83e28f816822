"""A record is read the same whatever shapes were read before it: plans are remembered, and must not be mistaken for one another."""

from __future__ import annotations

import io
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables
from etl.extract.commerceml import read as reader
from etl.extract.commerceml.engine.plan import plans_of
from etl.values import keys

_UNITS = (
    "<Единица>шт</Единица>",
    "<Единица><Код>796</Код><НаименованиеКраткое>шт</НаименованиеКраткое></Единица>",
    "<Единица/>",
    '<БазоваяЕдиница Код="796">шт</БазоваяЕдиница>',
    "<БазоваяЕдиница><Пересчет><Единица>кг</Единица></Пересчет>шт</БазоваяЕдиница>",
)
_FIELDS = (
    "<Ид>A1</Ид>",
    "<Ид> </Ид>",
    "<Артикул>7</Артикул>",
    "<Количество>2</Количество>",
    "<Сумма>20</Сумма>",
    "<Сумма/>",
    "<Сумма>нет</Сумма>",
    "<Налоги><Налог><Наименование>НДС</Наименование><Сумма>3</Сумма></Налог></Налоги>",
    "<Налоги><Налог/></Налоги>",
    "<Скидки><Скидка><Сумма>1</Сумма></Скидка><Скидка><Сумма>2</Сумма></Скидка></Скидки>",
    "<Прочее><Ид>B</Ид><Ид>C</Ид></Прочее>",
    "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>a</Наименование><Значение>1</Значение></ЗначениеРеквизита></ЗначенияРеквизитов>",
    "<ЗначенияРеквизитов><ЗначениеРеквизита><Значение>1</Значение><Наименование>b</Наименование></ЗначениеРеквизита></ЗначенияРеквизитов>",
)
_LINES = st.lists(st.sampled_from((*_FIELDS, *_UNITS)), max_size=5).map("".join)
_ITEMS = st.one_of(
    _LINES.map(lambda inner: f"<Товар>{inner}</Товар>"),
    st.just("<Товар/>"),
    st.just('<Товар Статус="x"><Ид>Q</Ид></Товар>'),
    st.just("<Комплект><Ид>K</Ид></Комплект>"),
    st.just("<Товар><Товар><Ид>1</Ид></Товар></Товар>"),
)
_HEADS = (
    "<Комментарий>к</Комментарий>",
    "<Номер1С>5</Номер1С>",
    "<Валюта>руб</Валюта>",
    "<Товары/>",
    "<Чужое><Товары><Товар><Ид>Z</Ид></Товар></Товары></Чужое>",
    "<Контрагенты><Контрагент><Ид>P</Ид><Наименование>ООО</Наименование></Контрагент></Контрагенты>",
    "<Контрагенты><Контрагент><Ид>P</Ид><Представители><Контрагент><Ид>R</Ид><Наименование>Ким</Наименование></Контрагент></Представители></Контрагент></Контрагенты>",
)


@st.composite
def documents(draw: st.DrawFn, depth: int = 1) -> str:
    parts = draw(st.lists(st.sampled_from(_HEADS), max_size=3))
    if draw(st.booleans()):
        parts.append(f"<Товары>{''.join(draw(st.lists(_ITEMS, max_size=4)))}</Товары>")
    if depth and draw(st.booleans()):
        parts.append(f"<ПодчиненныеДокументы>{draw(documents(depth - 1))}</ПодчиненныеДокументы>")
    body = "".join(draw(st.permutations(parts)))
    name = draw(st.sampled_from(("Документ", "ПодчиненныйДокумент"))) if not depth else "Документ"
    return f"<{name}><Ид>D{draw(st.integers(1, 10**9))}</Ид><Номер>1</Номер><Дата>2026-11-02</Дата><ХозОперация>Заказ товара</ХозОперация>{body}</{name}>"


def _read(inner: str) -> dict[str, list[tables.Record]]:
    found: dict[str, list[tables.Record]] = {}
    text = f"<КоммерческаяИнформация>{inner}</КоммерческаяИнформация>"
    for name, frame in reader.read(io.BytesIO(text.encode()), name="x"):
        found.setdefault(name, []).extend(tables.records(frame))
    return found


_PRICES = (
    "<Цена><ИдТипаЦены>a</ИдТипаЦены><ЦенаЗаЕдиницу>1.5</ЦенаЗаЕдиницу></Цена>",
    "<Цена><ЦенаЗаЕдиницу>нет</ЦенаЗаЕдиницу></Цена>",
    "<Цена/>",
    "<Цена><ИдТипаЦены>b</ИдТипаЦены><ЦенаЗаЕдиницу>90</ЦенаЗаЕдиницу><Единица>упак</Единица><Коэффициент>10</Коэффициент></Цена>",
)
_STOCK = (
    '<Склад ИдСклада="s" КоличествоНаСкладе="5"/>',
    '<Склад ИдСклада="t" КоличествоНаСкладе="7"/>',
    '<Склад ИдСклада="u" КоличествоНаСкладе="x"/>',
    "<Остатки><Остаток><Склад><Ид>s</Ид><Количество>2</Количество></Склад></Остаток></Остатки>",
    "<Количество>3</Количество>",
)


@st.composite
def offers(draw: st.DrawFn) -> str:
    prices = "".join(draw(st.lists(st.sampled_from(_PRICES), max_size=3)))
    inner = "".join(
        draw(
            st.lists(
                st.sampled_from(
                    (*_STOCK, *_UNITS, f"<Цены>{prices}</Цены>", "<Статус>Удален</Статус>", "<Прочее/>")
                ),
                max_size=5,
            )
        )
    )
    mark = draw(st.sampled_from(("", ' Статус="Новый"', ' Статус="Удален"')))
    return f"<Предложение{mark}><Ид>{draw(st.integers(1, 10**9))}</Ид>{inner}</Предложение>"


@settings(max_examples=120, deadline=None)
@given(st.lists(documents(), min_size=1, max_size=5))
def test_a_record_is_read_the_same_in_any_company(written: list[str]) -> None:
    _company(written, "{}")


@settings(max_examples=120, deadline=None)
@given(st.lists(offers(), min_size=1, max_size=8))
def test_an_offer_is_read_the_same_in_any_company(written: list[str]) -> None:
    _company(written, "<ПакетПредложений><Предложения>{}</Предложения></ПакетПредложений>")


def _company(written: list[str], around: str) -> None:
    together = _read(around.format("".join(written)))
    alone: dict[str, list[tables.Record]] = {}
    for one in written:
        _forget()
        for name, rows in _read(around.format(one)).items():
            alone.setdefault(name, []).extend(rows)
    for name in together.keys() | alone.keys():
        mine, right = together.get(name, []), alone.get(name, [])
        if name in ("accounts", "contacts"):  # handed out once per file
            continue
        assert [_plain(row) for row in mine] == [_plain(row) for row in right], name


def _forget() -> None:
    plans_of.cache_clear()


def _plain(row: tables.Record) -> tables.Record:
    """Without what only the company gives: places, numbers of bases, and the mark of a repeated Ид."""
    plain = {key: value for key, value in row.items() if key not in ("place", "basis_number")}
    marked = {key: keys.unrepeated(str(row[key])) for key in ("id", "document") if row.get(key)}
    return plain | marked


def test_equal_tags_of_different_nesting_are_different_shapes() -> None:
    """«a(a, a)» and «a, a(a)» have the same tags in the same order."""
    nested = "<Ид>D{}</Ид><Номер>1</Номер><Дата>2026-11-02</Дата><ХозОперация>Заказ товара</ХозОперация>"
    shapes = (
        "<Комментарий><Комментарий>a</Комментарий><Комментарий>b</Комментарий></Комментарий>",
        "<Комментарий>c</Комментарий><Комментарий><Комментарий>d</Комментарий></Комментарий>",
    )
    expected = {0: None, 1: "c"}
    for order in itertools.permutations(range(2)):
        _forget()
        rows = _read(
            "".join(f"<Документ>{nested.format(number)}{shapes[number]}</Документ>" for number in order)
        )["documents"]
        assert [row["comment"] for row in rows] == [expected[number] for number in order]


_HEAD = "<Ид>{0}</Ид><Номер>{0}</Номер><Дата>2026-11-02</Дата><ХозОперация>Заказ товара</ХозОперация>"


def test_lines_are_those_of_the_document_itself() -> None:
    """Lines are cut out before the header is read: not those of a nested document, nor of an element nobody knows."""
    goods = "<Товары><Товар><Ид>{}</Ид></Товар></Товары>".format
    child = f"<ПодчиненныеДокументы><ПодчиненныйДокумент>{_HEAD.format('D2')}{goods('b')}</ПодчиненныйДокумент></ПодчиненныеДокументы>"
    foreign = f"<Чужое>{goods('z')}</Чужое>"
    for parts in itertools.permutations((goods("a"), child, foreign)):
        found = _read(
            f"<Документ>{_HEAD.format('D1')}{''.join(parts)}</Документ><Документ>{_HEAD.format('D3')}{foreign}</Документ>"
        )
        assert [(row["document"], row["product"]) for row in found["lines"]] == [("D1", "a"), ("D2", "b")]
        assert [row["id"] for row in found["documents"]] == ["D1", "D2", "D3"]


def test_a_document_in_a_document_of_the_same_name_ends_where_it_ends() -> None:
    inner = f"<ПодчиненныеДокументы><Документ>{_HEAD.format('D2')}</Документ></ПодчиненныеДокументы>"
    found = _read(
        f"<Документ>{_HEAD.format('D1')}{inner}<Сумма>5</Сумма></Документ><Документ>{_HEAD.format('D3')}</Документ>"
    )
    assert [(row["id"], row["basis"], row["amount"]) for row in found["documents"]] == [
        ("D1", None, 5),
        ("D2", "D1", None),
        ("D3", None, None),
    ]
