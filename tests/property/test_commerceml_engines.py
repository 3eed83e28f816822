"""The fast reading and the plain one give the same rows, issues and counts, of files that we write and of files that others wrote."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables, xml_safe
from etl.errors import Rejected
from etl.extract.commerceml.elements import COMMERCEML
from etl.extract.commerceml.engine import fast, tree
from etl.extract.commerceml.engine.entries import Vocabulary
from etl.extract.commerceml.engine.scope import Scope
from etl.extract.commerceml.read import Engine, verify, walk
from tests.property.test_commerceml_shapes import documents, offers
from tests.support.paths import SHARED

REPOSITORY = Path(__file__).parents[2]
FOLDERS = (REPOSITORY / "samples", SHARED / "commerceml" / "samples", SHARED / "cases")

Reading = tuple[dict[str, list[tables.Record]], dict[str, int], dict[str, int], str]


def reading(data: bytes, engine: Engine, most: int = 2000) -> Reading:
    """Rows by table, counts, kinds, and what was said if the file was refused."""
    scope = Scope(io.BytesIO(data), "x.xml", most)
    refused = ""
    try:
        for _ in engine(scope, COMMERCEML):
            pass
    except Rejected as error:
        refused = error.message
    rows = {table: found for table, found in scope.take().items() if found}
    return rows, +scope.counts, +scope.kinds, refused


def assert_equal(data: bytes, most: int = 2000) -> None:
    assert reading(data, fast.walk, most) == reading(data, tree.walk, most)


_SPACES = st.sampled_from(("", "\n", "\r\n\t", "<!-- Товар\n<Ид> -->\n", "\n<?note <Ид>?>"))
_PROPERTIES = (
    "<ЗначенияСвойств><ЗначенияСвойства><Ид>c</Ид><Значение>v</Значение></ЗначенияСвойства></ЗначенияСвойств>",
    "<ЗначенияСвойств><ЗначенияСвойства><Ид>d</Ид><ИдЗначения>w</ИдЗначения></ЗначенияСвойства></ЗначенияСвойств>",
    "<ЗначенияСвойств><ЗначенияСвойства><Ид>c</Ид><Значение/><Значение>x</Значение></ЗначенияСвойства></ЗначенияСвойств>",
)
_GOODS = (
    "<Наименование>Насос &amp; <![CDATA[<b>]]></Наименование>",
    "<Наименование/>",
    "<Артикул> 7<!-- x -->8 </Артикул>",
    "<Группы><Ид>g</Ид><Ид>h</Ид></Группы>",
    '<БазоваяЕдиница Код="796" НаименованиеПолное="Штука">шт</БазоваяЕдиница>',
    "<БазоваяЕдиница><Пересчет><Единица>кг</Единица></Пересчет>796</БазоваяЕдиница>",
    "<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>странная</Ставка></СтавкаНалога></СтавкиНалогов>",
    "<Статус>Удален</Статус>",
    "<ПометкаУдаления>может быть</ПометкаУдаления>",
    "<Код>5</Код>",
    *_PROPERTIES,
)
_CLASSIFIER = (
    "<Классификатор><Группы><Группа><Ид>g</Ид><Наименование>A/B</Наименование><Группы><Группа><Ид>h</Ид>"
    "<Наименование>C</Наименование></Группа></Группы></Группа></Группы><Свойства><Свойство><Ид>c</Ид>"
    "<Наименование>Цвет</Наименование><ВариантыЗначений><Справочник><ИдЗначения>v</ИдЗначения>"
    "<Значение>красный</Значение></Справочник></ВариантыЗначений></Свойство></Свойства></Классификатор>"
)


@st.composite
def products(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(_GOODS), max_size=5))
    spaces = [draw(_SPACES) for _ in parts]
    inner = "".join(part + space for part, space in zip(parts, spaces, strict=True))
    mark = draw(st.sampled_from(("", ' Статус="Удален"', "\n x='1'")))
    identifier = draw(st.sampled_from(("<Ид>1</Ид>", "<Ид/>", "")))
    return f"<Товар{mark}>{identifier}{inner}</Товар>{draw(_SPACES)}"


@st.composite
def parties(draw: st.DrawFn) -> str:
    inner = draw(
        st.lists(
            st.sampled_from(
                (
                    "<Ид>P</Ид>",
                    "<Наименование>ООО</Наименование>",
                    "<ИНН>7701234567</ИНН>",
                    "<Комментарий>Папка: A/B; Код: 1</Комментарий>",
                    "<Контакты><Контакт><Тип>Почта</Тип><Значение>a@b.ru</Значение></Контакт></Контакты>",
                    "<Представители><Представитель><Контрагент><Ид>R</Ид><Наименование>Ким</Наименование></Контрагент>"
                    "</Представитель></Представители>",
                    "<РасчетныеСчета><РасчетныйСчет><НомерСчета>4</НомерСчета><Банк><БИК>5</БИК></Банк></РасчетныйСчет>"
                    "</РасчетныеСчета>",
                    "<Адрес><Представление>М</Представление><АдресноеПоле><Тип>Город</Тип><Значение>М</Значение>"
                    "</АдресноеПоле></Адрес>",
                )
            ),
            max_size=5,
        )
    )
    return f"<Контрагент>{''.join(inner)}</Контрагент>"


def whole(*parts: str) -> bytes:
    return f"<КоммерческаяИнформация ВерсияСхемы='2.05'>{''.join(parts)}</КоммерческаяИнформация>".encode()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(products(), max_size=5),
    st.lists(offers(), max_size=5),
    st.lists(parties(), max_size=4),
    st.lists(documents(), max_size=4),
    st.sampled_from((1, 3, 2000)),
)
def test_both_engines_read_the_same(
    goods: list[str], offered: list[str], people: list[str], papers: list[str], most: int
) -> None:
    catalogue = f"<Каталог СодержитТолькоИзменения='true'>\n<Товары>{''.join(goods)}</Товары></Каталог>"
    package = f"<ПакетПредложений><СодержитТолькоИзменения>true</СодержитТолькоИзменения><Предложения>{''.join(offered)}</Предложения></ПакетПредложений>"
    directory = f"<Контрагенты>{''.join(people)}</Контрагенты>"
    assert_equal(whole(_CLASSIFIER, catalogue, package, directory, *papers), most)


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted(folder.rglob("*.xml"))


def _name(path: Path) -> str:
    return "/".join(path.parts[-3:])


def read_by_both(path: Path) -> None:
    data = path.read_bytes()
    try:
        verify(io.BytesIO(data), name=path.name)
    except Rejected:
        return  # a broken file is read by neither
    assert_equal(data)


@pytest.mark.parametrize("path", sorted(FOLDERS[0].rglob("*.xml")), ids=_name)
def test_our_samples_are_read_the_same(path: Path) -> None:
    read_by_both(path)


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=lambda folder: folder.name)
def test_what_others_wrote_is_read_the_same(folder: Path) -> None:
    if not folder.exists():
        pytest.skip(f"{folder.name}: the collected files are not on this machine")
    for path in sorted(folder.rglob("*.xml")):
        read_by_both(path)


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "windows-1251"])
def test_both_engines_know_the_encodings(name: str) -> None:
    declared = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "windows-1251": "windows-1251"}[name]
    text = f'<?xml version="1.0" encoding="{declared}"?>\r\n{whole(_CLASSIFIER).decode()}'
    assert_equal(text.encode(name))


def test_a_record_too_long_for_memory_is_left_out_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_safe, "MAX_RECORD", 300_000)
    long = "<Документ><Номер>2</Номер>" + "<Прочее>нет</Прочее>\n" * 60_000 + "</Документ>"
    short = "<Документ><Номер>{}</Номер><Дата>2026-11-02</Дата><ХозОперация>Заказ товара</ХозОперация></Документ>\n"
    data = whole(short.format(1), long, short.format(3))
    rows, *_ = reading(data, tree.walk)
    assert [row["number"] for row in rows["documents"]] == ["1", "3"]
    assert [row["place"] for row in rows["issues"]] == ["КоммерческаяИнформация/Документ, строка 2"]
    assert_equal(data)


# ---- one engine goes on where the other stumbled -------------------------------------------------------------------

_ORDER = (
    "<Документ><Номер>{}</Номер><Дата>2026-11-02</Дата><ХозОперация>Заказ товара</ХозОперация></Документ>"
)
_MANY = whole(*[_ORDER.format(number) for number in range(20)])


def stumbling(after: int) -> Engine:
    """An engine that raises what a bug raises."""

    def engine(scope: Scope, vocabulary: Vocabulary) -> Iterator[None]:
        for number, _ in enumerate(fast.walk(scope, vocabulary), start=1):
            yield
            if number == after:
                raise KeyError("bug")

    return engine


@pytest.mark.parametrize("after", [1, 5, 10])
@pytest.mark.parametrize("taken", [1, 2, 100])
def test_a_file_is_not_lost_when_the_fast_engine_stumbles(after: int, taken: int) -> None:
    scope = Scope(io.BytesIO(_MANY), "x.xml", 2)
    found: list[Any] = []
    for number, _ in enumerate(walk(scope, (stumbling(after), tree.walk))):
        if number % taken == 0:
            found += scope.take()["documents"]
    found += scope.take().get("documents", [])
    rows, counts, kinds, _ = reading(_MANY, fast.walk)
    assert found == rows["documents"]
    assert (scope.counts, scope.kinds) == (counts, kinds)


def test_a_refusal_is_not_a_stumble() -> None:
    with pytest.raises(Rejected):
        list(walk(Scope(io.BytesIO(_MANY[:-30]), "x.xml")))
