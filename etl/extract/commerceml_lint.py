"""Does a file keep the rules of the CommerceML version it names? Advice only: most files that 1C writes do not (commerceml §0.17).

The rules are tables; the values come from reference/commerceml §1, §3 and stand here in our own words. Nothing is refused by them.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO, cast

from lxml import etree

from etl import xml_safe
from etl.extract.commerceml_file import verify

#: element -> (first version, last version) that has it
VERSIONS: dict[str, tuple[float, float]] = {
    "ИзмененияПакетаПредложений": (2.07, 2.10), "ПодчиненныеДокументы": (2.10, 2.10), "Оплаты": (2.09, 2.09), "Подписанты": (2.06, 9),
    "Контейнер": (3.0, 9), "НомерВерсии": (3.0, 9), "ПометкаУдаления": (3.0, 9), "Номер1С": (3.0, 9), "Дата1С": (3.0, 9),
    "Основание": (3.0, 9), "Остатки": (3.0, 9), "ПользовательскиеСправочники": (3.0, 9)}
#: parent/element -> longest text; before 3.0
LENGTHS: dict[str, int] = {
    "Документ/Ид": 40, "Документ/Номер": 50, "Контрагент/Ид": 40, "Товар/Ид": 80, "Товар/Наименование": 250, "Контрагент/Наименование": 250,
    "Документ/Комментарий": 3000, "ЗначениеРеквизита/Значение": 1000}
#: parent/element -> the same since 3.0
LENGTHS_3: dict[str, int] = {**LENGTHS, "Документ/Номер": 255, "Контрагент/Ид": 80, "ЗначениеРеквизита/Значение": 10000}
_MONEY, _DATE = re.compile(r"-?\d{1,16}(\.\d{1,2})?"), re.compile(r"\d{4}-\d\d-\d\d(Z|[+-]\d\d:\d\d)?")
_ROLES = "Продавец|Покупатель|Плательщик|Получатель|Комитент|Комиссионер|Лицензиар|Лицензиат"
#: element or parent/element -> form of its text
FORMS: dict[str, re.Pattern[str]] = {
    "Валюта": re.compile(r".{3}"), "ИНН": re.compile(r".{10,12}"), "КПП": re.compile(r".{9}"), "БИК": re.compile(r"\d{9}"),
    "НомерСчета": re.compile(r"\d{20}"), "Документ/Дата": _DATE, "Документ/Сумма": _MONEY, "Товар/Сумма": _MONEY, "ЦенаЗаЕдиницу": _MONEY,
    "Документ/Время": re.compile(r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"), "Роль": re.compile(_ROLES),
    "УчтеноВСумме": re.compile("true|false|0|1"), "Контакт/Тип": re.compile(
        "Телефон (внутренний|рабочий|мобильный|домашний)|Пейджер|Факс|Почта|Электронная почта|ICQ|ВебСайт|Координаты на карте|Прочее"),
    "ХозОперация": re.compile(
        "Заказ товара|Счет на оплату|Отпуск товара|Счет-фактура|(Возврат|Переоценка) товар(а|ов)|Передача товара на комиссию|"
        "Возврат комиссионного товара|Отчет о (продажах|списании) комиссионного товара|(Выплата|Возврат) (без)?наличных денег|"
        "Эквайринговая операция|Передача прав|Прочие")}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_LONGEST = 20_000


def lint(path: Path) -> list[str]:
    """What in the file breaks the rules of its own version: Russian sentences with the number of places, at most 100.

    Values are not repeated. Raises Rejected for a file that is no CommerceML at all.
    """
    with path.open("rb") as stream:
        info = verify(stream, name=path.name)
        rules = _Rules(info.version or "2.04")
        _walk(stream, path.name, rules)
    return [*_root(info.version, path), *(f"{said} ({count} раз)" if count > 1 else said for said, count in rules.found.most_common(100))]


def _number(version: str) -> float:
    """2.021 of МойСклад is 2.02; an unreadable version has the structure of 2.04."""
    found = re.match(r"\d\.\d{1,2}", version)
    return float(found[0]) if found else 2.04


def _root(version: str | None, path: Path) -> list[str]:
    with path.open("rb") as stream:
        attributes = xml_safe.root(stream, path.name).attributes
    said = []
    if version is None or len(version) > 5:
        said.append("атрибут «ВерсияСхемы» отсутствует или длиннее пяти знаков")
    if not _MOMENT.fullmatch(attributes.get("ДатаФормирования", "")):
        said.append("атрибут «ДатаФормирования» отсутствует или не вида ГГГГ-ММ-ДДTЧЧ:ММ:СС")
    return said


def _walk(stream: BinaryIO, name: str, rules: _Rules) -> None:
    encoding = xml_safe.sniff(stream, name)
    parser = etree.XMLParser(target=cast(Any, rules), encoding=encoding.name, **xml_safe.PARSER)
    stream.seek(encoding.bom)
    while chunk := stream.read(xml_safe.CHUNK):
        with xml_safe.refusing(name):
            parser.feed(chunk)
    with xml_safe.refusing(name, end=True):
        parser.close()


class _Rules:
    """A parser target that holds one path and one text at a time."""

    def __init__(self, version: str) -> None:
        self.named, self.version = version, _number(version)
        self.lengths = LENGTHS_3 if self.version >= 3 else LENGTHS
        self.path: list[str] = []
        self.text = ""
        self.found: Counter[str] = Counter()

    def start(self, tag: str, _attributes: object) -> None:
        name = xml_safe.local(tag)
        self.path.append(name)
        self.text = ""
        first, last = VERSIONS.get(name, (0, 9))
        if not first <= self.version <= last:
            self.found[f"элемента «{name}» нет в версии {self.named}"] += 1

    def data(self, text: str) -> None:
        if len(self.text) < _LONGEST:
            self.text += text

    def end(self, _tag: str) -> None:
        name = self.path.pop()
        parent = self.path[-1] if self.path else ""
        parent = "Документ" if parent == "ПодчиненныйДокумент" else parent
        key, text = f"{parent}/{name}", self.text.strip()
        self.text = ""
        if len(text) > self.lengths.get(key, _LONGEST):
            self.found[f"элемент «{key}» длиннее {self.lengths[key]} знаков"] += 1
        form = FORMS.get(key) or FORMS.get(name)
        if form and text and not form.fullmatch(text):
            self.found[f"элемент «{key}»: значение не того вида или не из списка"] += 1

    def close(self) -> None:
        return None
