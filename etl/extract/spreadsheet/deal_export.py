"""The deal export that a person saved from the portal: the manual route of specification 000.

A file is judged by content (`guard`), a column by its caption (`captions`), and a doubtful row is an Issue
that names file, row and field and never stops its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

import pandas as pd

from etl import tables
from etl.config.profile import Profile
from etl.extract.spreadsheet import cells
from etl.extract.spreadsheet.captions import Captions, Header, find_header, with_own
from etl.extract.spreadsheet.cells import folded
from etl.extract.spreadsheet.guard import Cell, Source, name_of, pages_of
from etl.records import Deal
from etl.values import clean

#: what a charge cannot do without (specification 000); a file that lacks one of these columns is refused
REQUIRED = ("id", "stage", "payer", "contract_number", "contract_date", "monthly_fee", "terminated_on")

#: captions of the portal's Russian interface (reference bitrix24 §8.3)
DEALS: dict[str, tuple[str, ...]] = {
    "id": ("ID", "ID сделки"),
    "title": ("Название сделки", "Название", "Сделка"),
    "category": ("Воронка", "Направление"),
    "stage": ("Стадия сделки", "Стадия"),
    "amount": ("Сумма", "Сумма сделки"),
    "currency": ("Валюта",),
    "manager_name": ("Ответственный",),
    "contract_number": ("Номер договора", "Договор №", "№ договора"),
    "contract_date": ("Дата договора", "Дата заключения договора", "Дата заключения"),
    "payer": ("ФИО плательщика", "Плательщик"),
    "payer_inn": ("ИНН плательщика", "ИНН"),
    "address": ("Адрес объекта", "Адрес"),
    "terminated_on": ("Дата расторжения", "Дата расторжения договора"),
    "monthly_fee": ("Абонентская плата", "Ежемесячный платёж", "Сумма платежа"),
    "commission": ("Вознаграждение менеджера", "Вознаграждение"),
    "organisation": ("Организация", "Моя компания"),
    "lead_source": ("Источник",),
    "closed": ("Сделка закрыта",),
    "modified": ("Дата изменения",),
}
#: product columns: one line of the file is then one product row of a deal
_PRODUCTS = {"товар", "цена", "количество"}
#: readers by column of `deals`; any other column is text
_READERS: dict[str, Callable[[Cell], Any]] = {
    "amount": cells.money,
    "monthly_fee": cells.money,
    "commission": cells.money,
    "contract_date": clean.date,
    "terminated_on": clean.date,
    "modified": cells.moment,
    "closed": cells.flag,
    "payer_inn": cells.inn,
    "contract_number": cells.number,
}
_CURRENCIES = {"российский рубль": "RUB", "рубль": "RUB", "руб.": "RUB", "rub": "RUB"}


class Deals(NamedTuple):
    """Tables `deals` and `issues`."""

    deals: pd.DataFrame
    issues: pd.DataFrame


class _Skipped(Exception):
    """A row that is rejected; the arguments are those of its Issue."""

    def __init__(
        self, message: str, *, key: str | None = None, field: str | None = None, value: object = None
    ) -> None:
        super().__init__(message)
        self.key = key
        self.field = field
        self.value = value


def columns(profile: Profile) -> dict[str, tuple[str, ...]]:
    """Our column -> captions of a profile: the portal's own field names first, then the profile's aliases."""
    found: dict[str, tuple[str, ...]] = {}
    for ours, caption in profile.deals.fields.items():
        found[ours] = (caption,)
    for ours, aliases in profile.columns.items():
        named = found.get(ours, ())
        found[ours] = (*named, *aliases)
    return found


def read_deals(
    source: Source,
    *,
    name: str = "",
    columns: Captions | None = None,
    required: Sequence[str] = ("id",),
) -> Deals:
    """Deals of an export, whatever Excel did to it since.

    `columns` (profile): our column -> captions, tried before the built-in ones; `required`: columns the
    file must have. Every other caption goes to `fields` as text. An export with product rows has one line
    per product: its deal gets the sum of the lines. A row with a value that cannot be read is rejected
    whole: half a deal could be billed wrongly. Rejected for a file that is no such table.
    """
    name = name_of(source, name)
    header = find_header(pages_of(source, name), with_own(DEALS, columns), required, name)
    issues: list[tables.Record] = []
    by_id = _deals_by_id(header, issues)
    captions = {folded(caption) for caption in header.captions}
    joined = _added_up if captions >= _PRODUCTS else _only
    deals = []
    for same in by_id.values():
        try:
            deals.append(joined(same))
        except _Skipped as skipped:
            issues.append(_issue(skipped, name, same[0]["place"]))
    return Deals(tables.frame("deals", deals), tables.frame("issues", issues))


def _deals_by_id(header: Header, issues: list[tables.Record]) -> dict[str, list[Deal]]:
    """The deals of all rows that can be trusted, by ID; what is doubtful goes to `issues`."""
    found: dict[str, list[Deal]] = {}
    for number, row in header.data_rows():
        place = f"строка {number}"
        try:
            deal = _deal(header, row, place)
        except _Skipped as skipped:
            issues.append(_issue(skipped, header.file, place))
            continue
        issues += _restored_zero(header, row, deal)
        same = found.setdefault(deal["id"], [])
        same.append(deal)
    return found


def _issue(skipped: _Skipped, name: str, place: str | None) -> tables.Record:
    """The issue of a row or deal that is left out of `deals`."""
    return tables.issue(
        str(skipped),
        file=name,
        place=place,
        entity="deal",
        key=skipped.key,
        field=skipped.field,
        value=skipped.value,
    )


# ---- one row ----


def _deal(header: Header, row: list[Cell], place: str) -> Deal:
    """The deal of a row. Raises _Skipped for a row that cannot be trusted whole."""
    width = len(header.captions)
    beyond = row[width:]
    if len(row) < width or any(cell != "" for cell in beyond):
        raise _Skipped(
            "Строка пропущена: число ячеек не совпадает с заголовком. Выгрузите список сделок заново."
        )
    values: dict[str, Any] = {"file": header.file, "place": place}
    for column, position in header.positions.items():
        values[column] = _value(header, row, column, position)
    if not re.fullmatch(r"[1-9]\d*", values["id"] or ""):
        raise _Skipped(
            "Строка пропущена: в столбце ID не номер сделки. Выгрузите список сделок заново.",
            field="ID",
            value=values["id"],
        )
    values["currency"] = _currency(values.get("currency"))
    values["fields"] = _other_fields(header, row)
    return cast(Deal, values)


def _currency(said: str | None) -> str | None:
    """The code of a currency that the portal names in words; other words stay as they are."""
    if said is None:
        return None
    return _CURRENCIES.get(folded(said), said)


def _value(header: Header, row: list[Cell], column: str, position: int) -> Any:
    """The value of a cell. Raises _Skipped: a deal with a value that cannot be read is not billed."""
    read = _READERS.get(column, cells.text)
    try:
        return read(row[position])
    except ValueError as error:
        caption = header.captions[position]
        raise _Skipped(
            f"Сделка пропущена: {error}. Исправьте поле «{caption}» и выгрузите заново.",
            key=str(row[header.positions["id"]]),
            field=caption,
            value=row[position],
        ) from None


def _other_fields(header: Header, row: list[Cell]) -> dict[str, str]:
    """Caption -> text of what is no column of ours."""
    used = set(header.positions.values())
    found = {}
    for position, caption in enumerate(header.captions):
        cell = row[position]
        if not caption or position in used or cell == "":
            continue
        found[caption] = str(cell)
    return found


def _restored_zero(header: Header, row: list[Cell], deal: Deal) -> Iterable[tables.Record]:
    """A warning where the ИНН got back a zero that Excel had dropped (onec §2.1)."""
    position = header.positions.get("payer_inn")
    if position is None or not deal["payer_inn"]:
        return
    if cells.inn_padded(cells.text(row[position]) or ""):
        yield tables.issue(
            "В ИНН восстановлен ноль, потерянный Excel: контрольная цифра сошлась. Сверьте его с карточкой.",
            severity="warn",
            file=deal["file"],
            place=deal["place"],
            entity="deal",
            key=deal["id"],
            field=header.captions[position],
            value=deal["payer_inn"],
        )


# ---- rows of one deal ----


def _only(same: Sequence[Deal]) -> Deal:
    """The deal of lines that are all equal, other fields included."""
    _refuse_contradiction(same, ("place",))
    return same[0]


def _added_up(same: Sequence[Deal]) -> Deal:
    """The deal of product rows: all but place, sum and other fields is equal, the sums are added up."""
    _refuse_contradiction(same, ("place", "amount", "fields"))
    first = same[0]
    if first.get("amount") is None:
        return first
    total = Decimal(0)
    for row in same:
        total += row["amount"] or 0
    return {**first, "amount": total}


def _refuse_contradiction(same: Sequence[Deal], apart: Sequence[str]) -> None:
    """Raises _Skipped where lines of one deal differ in anything but the columns `apart`."""
    first = _without(same[0], apart)
    if any(_without(one, apart) != first for one in same):
        raise _Skipped(
            "Сделка пропущена: её строки в файле противоречат друг другу. Выгрузите список сделок заново.",
            key=same[0]["id"],
        )


def _without(deal: Deal, apart: Sequence[str]) -> Mapping[str, object]:
    """What lines of one deal are compared by."""
    kept: dict[str, object] = dict(deal)
    for column in apart:
        kept.pop(column, None)
    return kept
