"""What a 1C configuration would choke on or silently misread, said before a byte is written.

In stock 1C one bad document fails the whole file or becomes something else without a word (reference/commerceml §0, §6,
§7), so a document is either fit for its dialect or left out with an Issue.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from etl import tables as canonical
from etl.config import dialects
from etl.config.dialects import Dialect
from etl.load.commerceml import nodes
from etl.load.commerceml.text import ILLEGAL
from etl.tables import Record
from etl.values import clean

Found = tuple[str, str, object]  # field, message, value
_KOPECK, _GRAM, _LIMIT = Decimal("0.01"), Decimal("0.001"), Decimal(10) ** 16
#: kinds that are nothing without rows; a payment has none, an act and a closing may do without
_WITH_ROWS = frozenset({"order", "invoice", "shipment", "return"})
#: the extended contract takes these by their sum, where the profile has [orders] rows = false
_BY_SUM = frozenset({"order", "invoice"})


def problems(
    tables: Mapping[str, pd.DataFrame],
    dialect: Dialect,
    *,
    day: dt.date,
    vat_rates: Collection[str] | None = None,
    currency: str = "руб",
) -> pd.DataFrame:
    """`issues` by the rules below, one document after another; arguments as in `commerceml.problems`, which adds the proof."""
    documents = canonical.records(tables.get("documents", canonical.frame("documents")))
    lines, parties = (_by_document(tables.get(name, canonical.frame(name))) for name in ("lines", "parties"))
    known = dialect.vat_rates if vat_rates is None else {_plain_rate(rate) for rate in vat_rates}
    doubles, ids = (
        Counter((row["kind"], row["number"]) for row in documents),
        Counter(row["id"] for row in documents),
    )
    ambiguous = set() if dialect.extended else _ambiguous(parties)
    found = []
    for row in documents:
        own, people = lines.get(row["id"], []), parties.get(row["id"], [])
        rejects = [
            *_header(row, dialect, currency),
            *_parties(people, ambiguous, dialect),
            *_lines(own, known, dialect),
            *_sums(row, own, dialect),
            *_characters(row, own, people),
        ]
        if ids[row["id"]] > 1:
            rejects.append(
                ("id", "Ид есть у двух документов. Документ не отправлен, сообщите разработчику.", row["id"])
            )
        if doubles[row["kind"], row["number"]] > 1:
            rejects.append(
                (
                    "number",
                    "Номер есть у двух документов: 1С запишет один поверх другого. Документ не отправлен.",
                    row["number"],
                )
            )
        found += [_issue(row, "reject", *problem) for problem in rejects]
        found += [_issue(row, "warn", *problem) for problem in _doubts(row, own, people, dialect, day)]
    return canonical.frame("issues", found)


def unprovable(document: Record, fault: str) -> Record:
    """The issue of a document that the proof refuses: `fault` says which element, values are not repeated."""
    return _issue(
        document,
        "reject",
        "xml",
        f"Документ нельзя записать в файл для 1С: {fault}. Исправьте это значение на портале; "
        "если оно верно, сообщите разработчику.",
        None,
    )


def _issue(document: Record, severity: str, field: str, message: str, value: object) -> Record:
    return canonical.issue(
        message,
        severity=severity,
        entity="documents",
        key=document["id"],
        field=field,
        value=value,
        place=f"Документ № {document['number'] or document['id']}",
    )


def _by_document(frame: pd.DataFrame) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = {}
    for row in canonical.records(frame):
        if row["document"] is not None:
            grouped.setdefault(row["document"], []).append(row)
    return grouped


def _plain_rate(rate: str) -> str:
    return rate.strip().rstrip("%").strip()


def _header(row: Record, dialect: Dialect, currency: str) -> Iterator[Found]:
    number, amount = row["number"], row["amount"]
    if row["kind"] not in dialect.kinds:
        yield (
            "kind",
            f"{dialect.title} не примет документ этого вида в файле заказов. "
            "Передайте его по расширенному договору (docs/contract-1c.ru.md).",
            row["kind"],
        )
    if not number:
        yield "number", "У документа нет номера, 1С не сможет его сопоставить. Документ не отправлен.", None
    elif len(number) > dialect.number_limit:
        yield (
            "number",
            f"Номер длиннее {dialect.number_limit} знаков, 1С его обрежет. Документ не отправлен.",
            number,
        )
    if len(row["id"]) > 40:
        yield "id", "Ид документа длиннее 40 знаков. Документ не отправлен, сообщите разработчику.", row["id"]
    if row["date"] is None:
        yield "date", "У документа нет даты. Укажите дату на портале.", None
    if amount is None or not _fits(amount):
        yield (
            "amount",
            "Сумма документа не указана или не кратна копейке. Исправьте сумму на портале.",
            amount,
        )
    code = row["currency"]
    if (
        code is not None
        and code != dialects.currency_code(currency)
        and (not dialect.extended or len(code) != 3)
    ):
        yield (
            "currency",
            f"Валюты {code} нет в обмене с этой базой. Пересчитайте сделку в рубли или заведите её в 1С вручную.",
            code,
        )
    if len(currency) != 3:
        yield (
            "currency",
            f"Название валюты «{currency}» не из трёх знаков. Исправьте [onec] currency в профиле.",
            currency,
        )


def _fits(value: Decimal, unit: Decimal = _KOPECK) -> bool:
    """Whether a number is written as it is: no finer than `unit`, not longer than the format holds."""
    return value.is_finite() and abs(value) < _LIMIT and value == value.quantize(unit)


def _ambiguous(parties: Mapping[str, list[Record]]) -> set[str]:
    """Names that mean several parties: stock 1C takes them for one.

    It matches by ИНН only where its setting says so and the file has one, otherwise by Наименование (reference/commerceml
    §0.16, §6, §7), and nothing tells us the setting: so an ИНН does not help. Two cards with the same ИНН and КПП are one party.
    """
    owners: dict[str, set[tuple[str, str | None]]] = {}
    for rows in parties.values():
        for row in rows:
            owners.setdefault(clean.fold(row["name"]), set()).add(
                (row["inn"], row["kpp"]) if row["inn"] else (row["id"], None)
            )
    return {name for name, found in owners.items() if name and len(found) > 1}


def _parties(people: list[Record], ambiguous: set[str], dialect: Dialect) -> Iterator[Found]:
    if not people:
        yield (
            "party",
            "У документа нет контрагента, 1С откажется читать весь файл. Укажите клиента в сделке.",
            None,
        )
    for party in people:
        name = party["name"]
        if not name or not name.strip():
            yield "party", "У контрагента нет наименования. Заполните его на портале.", party["id"]
        elif clean.fold(name) in ambiguous:
            yield (
                "party",
                "Два разных клиента названы одинаково, 1С примет их за одного. Уточните наименование одного из них.",
                party["id"],
            )
        if len(party["id"] or "") > dialect.party_id_limit:
            yield (
                "party",
                f"Ид контрагента длиннее {dialect.party_id_limit} знаков. Документ не отправлен, сообщите разработчику.",
                party["id"],
            )
        yield from _requisites(party)


def _requisites(party: Record) -> Iterator[Found]:
    inn, kpp = party["inn"], party["kpp"]
    if inn and not (inn.isascii() and inn.isdigit() and len(inn) in (10, 12)):
        yield "inn", "ИНН должен состоять из 10 или 12 цифр. Исправьте реквизиты на портале.", None
    elif inn and len(inn) == 10 and nodes.kind_of(party) != "legal":
        yield (
            "inn",
            "ИНН из 10 цифр бывает только у юридического лица, 1С заведёт клиента не тем видом. "
            "Исправьте ИНН или вид реквизитов на портале.",
            None,
        )
    if kpp and len(kpp) != 9:
        yield "kpp", "КПП должен состоять из 9 знаков. Исправьте реквизиты на портале.", None


def _lines(lines: list[Record], known: Collection[str] | None, dialect: Dialect) -> Iterator[Found]:
    for line in lines:
        where = f"lines[{line['position']}]"
        if not line["name"] or not line["name"].strip():
            yield f"{where}.name", "В строке нет наименования. Заполните товар в сделке.", None
        if line["product"] and len(line["product"]) > 80:
            yield (
                f"{where}.product",
                "Ид товара длиннее 80 знаков. Документ не отправлен, сообщите разработчику.",
                line["product"],
            )
        if not nodes.unit_of(line)[1]:
            yield (
                f"{where}.unit",
                "Код единицы измерения неизвестен, 1С запишет вместо неё штуки. "
                "Укажите код ОКЕИ единицы в справочнике портала (CRM, Настройки, Единицы измерения).",
                line["unit"],
            )
        yield from _numbers(line, where)
        yield from _rate(line, where, known, dialect)


def _numbers(line: Record, where: str) -> Iterator[Found]:
    count, amount, price = line["quantity"], line["amount"], line["price"]
    if count is None or count <= 0:
        yield (
            f"{where}.quantity",
            "Количество не указано или не больше нуля: 1С молча отбросит строку. Исправьте состав сделки.",
            count,
        )
    elif not _fits(count, _GRAM):
        yield (
            f"{where}.quantity",
            "Количество точнее трёх знаков после запятой, 1С округлит его. Исправьте состав сделки.",
            count,
        )
    if amount is None or not _fits(amount) or price is None:
        yield (
            f"{where}.amount",
            "Цена или сумма строки не указана или не кратна копейке. Исправьте состав сделки.",
            amount,
        )
    elif not price.is_finite() or abs(price) >= _LIMIT:
        yield f"{where}.price", "Цена строки не число. Исправьте состав сделки.", None
    if line["discount"] is not None and not _fits(line["discount"]):
        yield (
            f"{where}.discount",
            "Скидка строки не кратна копейке. Исправьте скидку в сделке.",
            line["discount"],
        )


def _sums(row: Record, lines: list[Record], dialect: Dialect) -> Iterator[Found]:
    """What 1C makes of the rows: it computes the sum of a document anew, with one answer to whether VAT is inside."""
    if not lines:
        if (
            row["kind"] in (_WITH_ROWS - _BY_SUM if dialect.extended else _WITH_ROWS)
            and not row["cancelled"]
            and not row["deleted"]
        ):
            yield (
                "lines",
                "В документе нет ни одной строки: 1С запишет его без товаров и без суммы. Добавьте товары в сделку "
                "и проверьте, что в профиле [orders] rows = true.",
                None,
            )
        return
    if (
        len(
            {
                flag
                for flag in (row["vat_included"], *(line["vat_included"] for line in lines))
                if flag is not None
            }
        )
        > 1
    ):
        yield (
            "vat_included",
            "В одних строках НДС в сумме, в других сверху, а 1С знает один ответ на весь документ. "
            "Сделайте строки одинаковыми.",
            None,
        )
    elif row["amount"] is not None and all(_counts(line) for line in lines):
        total = nodes.total(lines, nodes.included_in(row, lines))
        if abs(total - row["amount"]) > _KOPECK * len(lines):
            yield (
                "amount",
                f"Сумма документа {row['amount']}, а строки дают в 1С {total}. Исправьте сумму или состав сделки.",
                row["amount"],
            )


def _counts(line: Record) -> bool:
    numbers = [
        line[name] for name in ("amount", "discount", "vat_rate", "vat_amount") if line[name] is not None
    ]
    return line["amount"] is not None and all(
        number.is_finite() and abs(number) < _LIMIT for number in numbers
    )


def _rate(line: Record, where: str, known: Collection[str] | None, dialect: Dialect) -> Iterator[Found]:
    text = dialects.rate_text(dialect, line["vat_rate"], line["vat_exempt"])
    if text is None:
        yield (
            f"{where}.vat_rate",
            "Ставка НДС строки не указана, 1С подставит ставку соседней строки. "
            "Укажите ставку или «Без НДС».",
            None,
        )
    elif line["vat_rate"] is not None and known is not None and text not in known:
        yield (
            f"{where}.vat_rate",
            f"Обмен этой базы 1С не знает ставку {text} % и молча запишет другую (0 или «Без НДС»). "
            "Добавьте ставку в 1С и в настройку [onec] vat_rates профиля.",
            text,
        )


def _characters(row: Record, lines: list[Record], people: list[Record]) -> Iterator[Found]:
    for table, records in (("documents", [row]), ("lines", lines), ("parties", people)):
        for record in records:
            for column, value in record.items():
                if _has_illegal(value):
                    yield (
                        f"{table}.{column}",
                        "В тексте есть управляющий символ, запрещённый в XML. "
                        "Уберите его из карточки на портале.",
                        None,
                    )


def _has_illegal(value: Any) -> bool:
    if isinstance(value, str):
        return ILLEGAL.search(value) is not None
    if isinstance(value, dict):
        return any(_has_illegal(part) for pair in value.items() for part in pair)
    return isinstance(value, tuple) and any(_has_illegal(part) for part in value)


def _doubts(
    row: Record, lines: list[Record], people: list[Record], dialect: Dialect, day: dt.date
) -> Iterator[Found]:
    """Rates that the law did not have on the document's date (onec §5), and what will be cut or left out."""
    right = dialects.standard_vat(row["date"] or day)
    standards = {rate for _, rate in dialects.VAT_STANDARD}
    wrong = next(
        (line["vat_rate"] for line in lines if line["vat_rate"] in standards and line["vat_rate"] != right),
        None,
    )
    if wrong is not None:
        yield (
            "vat_rate",
            f"Ставка НДС {wrong} % не подходит к дате документа (действует {right} %). Проверьте ставку в сделке.",
            wrong,
        )
    limit = nodes.VALUE if dialect.comment_requisite else nodes.COMMENT  # УТ 11 takes it from a requisite
    if len(row["comment"] or "") > limit:
        yield (
            "comment",
            f"Комментарий длиннее {limit} знаков, 1С получит его начало. Сократите комментарий.",
            None,
        )
    if any(len(line["name"] or "") > nodes.NAME for line in lines):
        yield (
            "lines.name",
            "Наименование товара длиннее 250 знаков, 1С получит его начало. Сократите название.",
            None,
        )
    if any(
        len(party[name] or "") > nodes.NAME
        for party in people
        for name in ("name", "full_name", "legal_address", "actual_address")
    ):
        yield (
            "party",
            "Наименование или адрес клиента длиннее 250 знаков, 1С получит начало. Сократите его на портале.",
            None,
        )
    if any(len(value or "") > nodes.VALUE for value in (row["requisites"] or {}).values()):
        yield (
            "requisites",
            f"Реквизит длиннее {nodes.VALUE} знаков, 1С получит его начало. Сократите его.",
            None,
        )
    if fine := [line["price"] for line in lines if line["price"] is not None and not _fits(line["price"])]:
        # the sum of a row counts, and the price need not multiply to it (commerceml §3.4)
        yield (
            "lines.price",
            "Цена точнее копейки: 1С получит округлённую, сумма строки останется верной. Проверьте цену в сделке.",
            fine[0],
        )
    if any(party["kpp"] and nodes.kind_of(party) != "legal" for party in people):
        yield (
            "kpp",
            "КПП бывает только у юридического лица и в 1С не передан. Исправьте реквизиты клиента на портале.",
            None,
        )
