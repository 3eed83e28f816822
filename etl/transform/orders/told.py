"""What documents of 1C tell their deals: the values of [orders.fields], the deal's own sum."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from etl.config.ends import Organisation
from etl.config.profile import Orders
from etl.records import Change, Deal, Document
from etl.tables import Record, issue
from etl.transform.documents import given_up, is_reversal, is_void
from etl.transform.orders.ours import manager_email, organisation
from etl.values import clean, keys, money
from etl.values.changes import change, numbered
from etl.values.money import Amount, Foreign

#: values by the names of `FIELDS`, of one deal
Values = dict[str, Any]
Told = dict[str, Values]

#: what a document of 1C can tell about its deal: keys of [orders.fields], with their meaning for `check`
FIELDS: Final[dict[str, str]] = {
    "order_number": "номер заказа в 1С",
    "order_date": "дата заказа",
    "order_status": "статус (состояние) заказа",
    "order_amount": "сумма заказа",
    "order_comment": "комментарий заказа",
    "organisation": "наша организация",
    "manager": "ответственный менеджер в 1С",
    "invoice_number": "номер счёта",
    "invoice_date": "дата счёта",
    "invoice_amount": "сумма счёта",
    "paid_on": "дата оплаты",
    "paid_amount": "оплаченная сумма",
    "shipped_number": "номер реализации",
    "shipped_on": "дата реализации",
    "shipped_amount": "сумма реализации",
    "shipped_organisation": "юр. лицо реализации",
}

#: fields that are filled and emptied all together
_INVOICE = ("invoice_number", "invoice_date", "invoice_amount")
_MONEY = ("paid_on", "paid_amount")
_GOODS = ("shipped_number", "shipped_on", "shipped_amount", "shipped_organisation")


def told(
    documents: Iterable[Document],
    facts: Mapping[str, Mapping[str, Any]],
    settings: Orders,
    organisations: Sequence[Organisation],
) -> Told:
    """{deal: values by the names of FIELDS} from its documents (`attached`) and its facts
    (`facts.order_facts`).

    A value None says nothing and is left out, except the fields of a payment, shipment or invoice that was
    taken back: they are emptied all together. Several invoices or shipments: numbers joined, latest date,
    sums added.
    """
    groups: dict[str, list[Document]] = {deal: [] for deal in facts}
    for row in documents:
        if row["deal"]:
            groups.setdefault(row["deal"], []).append(row)
    return {
        deal: _of_deal(rows, facts.get(deal, {}), settings, organisations) for deal, rows in groups.items()
    }


def _of_deal(
    rows: Sequence[Document],
    known: Mapping[str, Any],
    settings: Orders,
    organisations: Sequence[Organisation],
) -> Values:
    standing = [row for row in rows if not given_up(row)]
    values = of_order(standing, settings, organisations) | _of_invoices(standing)
    values |= _of_goods(rows, known) | _of_money(known)
    said = {name: _rounded(value) for name, value in values.items() if value is not None}
    return _emptied(rows, known) | said


def _emptied(rows: Iterable[Document], known: Mapping[str, Any]) -> Values:
    """Fields of what 1C took back, each None (DESIGN §4: «the fields are cleared whole»)."""
    names: list[str] = []
    if known.get("paid_amount") is not None:
        names += _MONEY
    shipped = known.get("shipped_amount")
    if _is_taken_back(shipped):
        names += _GOODS
    kinds = {row["kind"] for row in rows}
    if "invoice" in kinds:
        names += _INVOICE
    return dict.fromkeys(names)


def _is_taken_back(amount: Decimal | None) -> bool:
    """Whether 1C gave a sum and nothing of it is left."""
    return amount is not None and amount <= 0


def _rounded(value: Any) -> Any:
    """Money of fields is whole kopecks."""
    if isinstance(value, Foreign):
        return Foreign(clean.kopecks(value.amount), value.currency)
    return clean.kopecks(value) if isinstance(value, Decimal) else value


def _amount(row: Document) -> Amount | None:
    """The sum of a document in its own currency."""
    return None if row["amount"] is None else money.of(row["amount"], row["currency"])


def of_order(rows: Sequence[Document], settings: Orders, organisations: Sequence[Organisation]) -> Values:
    """What the last order among the documents of a deal tells; {} without one. The reversal of an order tells
    only of money (`facts.order_facts`).
    """
    orders = [row for row in rows if row["kind"] == "order" and not is_reversal(row)]
    order = orders[-1] if orders else None
    if order is None:
        return {}
    own = organisation(order, organisations, settings.organisations_by)
    return {
        "order_number": number_1c(order),
        "order_date": order["date_1c"] or order["date"],
        "order_status": order["status"],
        "order_amount": _amount(order),
        "order_comment": order["comment"],
        "organisation": own.name if own else None,
        "manager": manager_email(order["manager"], settings.managers),
    }


def number_1c(row: Document) -> str | None:
    """The number 1C gave; a number of ours is not news to the portal."""
    printed = clean.text(row["number_1c"])
    if printed or keys.decode(row["number"]):
        return printed
    return clean.text(row["number"])


def _of_invoices(rows: Iterable[Document]) -> Values:
    invoices = [row for row in rows if row["kind"] == "invoice"]
    if not invoices:
        return {}
    amount, latest = Decimal(0), None
    currencies = {row["currency"] or money.ROUBLE for row in invoices}
    for row in invoices:
        amount += row["amount"] or Decimal(0)
        day = row["date_1c"] or row["date"]
        if day and (latest is None or day > latest):
            latest = day
    return {
        "invoice_number": _joined(map(number_1c, invoices)),
        "invoice_date": latest,
        "invoice_amount": money.of(amount, currencies.pop()) if len(currencies) == 1 else None,
    }


def _of_goods(rows: Iterable[Document], known: Mapping[str, Any]) -> Values:
    """What shipments tell («Дата формирования, Номер реализации, Сумма по реализации, Юр.Лицо», 002); nothing
    where all of them were taken back.
    """
    amount = known.get("shipped_amount")
    if _is_taken_back(amount):
        return {}
    shipments = [row for row in rows if row["kind"] == "shipment" and not is_void(row)]
    organisations = (clean.text(row["organisation"]) for row in shipments)
    return {
        "shipped_number": known.get("shipped_number"),
        "shipped_on": known.get("shipped_on"),
        "shipped_amount": _counted(known, "shipped_amount"),
        "shipped_organisation": _joined(organisations),
    }


def _counted(known: Mapping[str, Any], name: str) -> Amount | None:
    """A sum of the facts, in their currency."""
    amount = known.get(name)
    return None if amount is None else money.of(amount, known.get("currency"))


def _joined(texts: Iterable[str | None]) -> str | None:
    """Different texts one after another; None where there are none."""
    return ", ".join(dict.fromkeys(text for text in texts if text)) or None


def _of_money(known: Mapping[str, Any]) -> Values:
    """Payment fields; nothing where no sum is known or all of it was taken back."""
    amount = known.get("paid_amount")
    if amount is None or _is_taken_back(amount):
        return {}
    return {"paid_on": known.get("paid_on"), "paid_amount": _counted(known, "paid_amount")}


# ---- what the portal shows otherwise ----
def field_changes(
    values: Told, deals: Iterable[Deal], fields: Mapping[str, str], bare: Collection[str] = ()
) -> list[Change]:
    """Changes of deal fields (action update) where 1C tells something else than the portal holds.

    `fields` = name of FIELDS -> field of the portal ([orders.fields]); the present value stands in
    `deals.fields`. `bare` = fields that hold a number without a currency, where no foreign sum
    stands (`unfit`).
    """
    rows: list[Change] = []
    for deal in deals:
        if deal["id"] in values:
            rows += _differing(deal, _fitting(values[deal["id"]], fields, bare), fields)
    return numbered(rows)


def _fitting(said: Values, fields: Mapping[str, str], bare: Collection[str]) -> Values:
    return {name: value for name, value in said.items() if not _is_unfit(value, fields.get(name), bare)}


def _is_unfit(value: Any, field: str | None, bare: Collection[str]) -> bool:
    return isinstance(value, Foreign) and field in bare


def unfit(values: Told, fields: Mapping[str, str], bare: Collection[str]) -> list[Record]:
    """Issues: foreign sums for fields that would show them as roubles."""
    issues: list[Record] = []
    for deal, said in values.items():
        for name, value in said.items():
            if _is_unfit(value, fields.get(name), bare):
                issues.append(_unfit(deal, fields[name], value))
    return issues


def _unfit(deal: str, field: str, value: Foreign) -> Record:
    return issue(
        f"Поле «{field}» хранит число без валюты, сумма {value} в сделку {deal} не записана. Укажите в "
        "[orders.fields] поле типа «Деньги».",
        severity="warn",
        entity="deal",
        key=deal,
        field=field,
        value=str(value),
    )


def _differing(deal: Deal, said: Values, fields: Mapping[str, str]) -> Iterable[Change]:
    held = deal["fields"] or {}
    for name, field in fields.items():
        if name in said and not _same(held.get(field), said[name]):
            yield change(deal["id"], "update", field, held.get(field), said[name], FIELDS[name])


def amount_changes(values: Told, deals: Iterable[Deal], with_rows: Collection[str]) -> list[Change]:
    """Changes of the deal's own sum to the invoice's (else the order's), only where no rows carry it
    (`with_rows` = other deals).
    """
    rows: list[Change] = []
    for deal in deals:
        if deal["id"] not in values or deal["id"] in with_rows:
            continue
        said = values[deal["id"]]
        amount = said.get("invoice_amount") or said.get("order_amount")
        if amount is not None and _is_new_sum(amount, deal):
            why = "сумма счёта или заказа 1С"
            plain = amount.amount if isinstance(amount, Foreign) else amount
            rows.append(change(deal["id"], "update", "opportunity", deal["amount"], plain, why))
    return numbered(rows)


def _is_new_sum(amount: Amount, deal: Deal) -> bool:
    """Whether 1C tells another sum in the currency of the deal; one in another currency is no sum of it."""
    currency = amount.currency if isinstance(amount, Foreign) else money.ROUBLE
    if currency != (deal["currency"] or money.ROUBLE):
        return False
    return deal["amount"] is None or amount != money.of(deal["amount"], deal["currency"])


def _same(held: Any, said: Any) -> bool:
    """Whether a field already shows the value, whatever its type on the portal."""
    if held == said or (held in (None, "", ()) and said is None):
        return True
    if isinstance(said, dt.date):
        if isinstance(held, dt.datetime):
            return held.date() == said
        return str(held) in (said.isoformat(), clean.day_name(said))
    if isinstance(said, Foreign):
        return str(held) == str(said)
    return isinstance(said, Decimal) and str(held) in (f"{said:f}", f"{said:.2f}")
