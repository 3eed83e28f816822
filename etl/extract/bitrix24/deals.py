"""Deals, their product rows and smart invoices of a Bitrix24 portal -> tables.

Ids of the portal are texts. A party is `company_<id>` or `contact_<id>`, so that both live in one table.
Facts: reference bitrix24 §4.2, §5, §6, §7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from etl import tables
from etl.bitrix24 import directory, values
from etl.bitrix24.calls import grouped
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, INVOICE, PortalField
from etl.bitrix24.lists import rowlists
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import every, ids, of_owners
from etl.bitrix24.names import Names
from etl.config.profile import Profile
from etl.extract.bitrix24 import ourselves
from etl.records import Deal, Document, Line
from etl.values import clean

if TYPE_CHECKING:
    import pandas as pd

_DEAL_FIELDS = (
    "id",
    "title",
    "categoryId",
    "stageId",
    "opportunity",
    "currencyId",
    "companyId",
    "contactId",
    "assignedById",
    "sourceId",
    "originatorId",
    "originId",
    "closed",
    "updatedTime",
)
_INVOICE_FIELDS = (
    "id",
    "xmlId",
    "title",
    "accountNumber",
    "begindate",
    "closedate",
    "categoryId",
    "stageId",
    "companyId",
    "contactId",
    "mycompanyId",
    "opportunity",
    "taxValue",
    "currencyId",
    "assignedById",
    "parentId2",
    "updatedTime",
    "comments",
)
#: Fields of a smart invoice that are kept as the portal gives them.
_KEPT = ("xmlId", "stageId", "categoryId", "mycompanyId", "title")
#: `type` of a product row (bitrix24 §7.1).
_SERVICE = "7"
_ZERO = Decimal(0)
#: What the portal writes where a field holds nothing (bitrix24 §3.4).
_EMPTY: tuple[Any, ...] = (None, "", [], False, 0, "0")
#: Key of `deals.fields` under which the names of fields stand that hold something unreadable.
UNREADABLE = "?"


def deals(client: Client, names: Names, profile: Profile, since: datetime | None = None) -> pd.DataFrame:
    """Deals of the profile's pipeline (all pipelines without one) as the table `deals`, ascending by id.

    `since`: moment of the last complete read; the profile's overlap is taken off here, so some deals come
    again. `stage` is the profile's name of the stage, amounts are roubles or the deal's currency as Decimal.
    Columns named in `[deals.fields]` are read from their fields; `fields` holds every field the profile names
    by the profile's own text. Raises TryLater, ConfigError.
    """
    import pandas as pd

    condition = _of_pipeline(names)
    if since is not None:
        condition[">=updatedTime"] = names.moment(since - timedelta(minutes=profile.bitrix24.overlap_minutes))
    reading = _reading(names, profile)
    asked = {field.name for field in reading.named.values()}
    listing = directory.items(DEAL, condition, sorted(asked | set(_DEAL_FIELDS)))
    # each answer becomes rows of the table as it comes: what the portal says weighs more than what we keep of
    # it
    found = tables.frame("deals", (_deal(row, reading) for row in every(client, listing)))
    ascending = found["id"].map(int).argsort(kind="stable")
    found = found.iloc[ascending].reset_index(drop=True)
    numbers, said = found["id"].tolist(), found["organisation"].tolist()
    own = ourselves.organisations(client, names, profile, numbers, said)
    found["organisation"] = pd.Series(own, dtype=object)
    return found


def deal_ids(client: Client, names: Names) -> set[str]:
    """Ids of all deals of the pipeline: a deal known to us and missing here was deleted or hidden."""
    listing = directory.items(DEAL, _of_pipeline(names), ["id"])
    numbers = ids(client, listing)
    return set(map(str, numbers))


def _of_pipeline(names: Names) -> dict[str, Any]:
    """The condition of the profile's pipeline; none where it names none."""
    if names.category is None:
        return {}
    return {"=categoryId": names.category}


def lines(client: Client, deal_ids: Sequence[str], owner: str = "D") -> pd.DataFrame:
    """Product rows of deals (`owner` "SI": of smart invoices) as the table `lines`; `document` is the owner's
    id.

    `price` is the final unit price with tax after the discount, `amount` = price × quantity, `discount` the
    discount of the whole line with tax, `vat_amount` the tax inside `amount`; «без НДС» has no `vat_rate` and
    is `vat_exempt`.
    """
    rows = rowlists.product_rows(client, deal_ids, owner)
    by_owner = grouped(rows, "ownerId", "id")
    return tables.frame("lines", _lines(by_owner, deal_ids))


def _lines(by_owner: Mapping[str, list[Row]], deal_ids: Sequence[str]) -> Iterator[Line]:
    """Rows in the order of the deals, those of one deal in the order people see."""
    for number in dict.fromkeys(deal_ids):
        rows = by_owner.get(number, [])
        shown = sorted(rows, key=_place)
        for position, row in enumerate(shown, 1):
            yield _line(row, position)


def invoices(client: Client, names: Names, deal_ids: Iterable[str]) -> pd.DataFrame:
    """Smart invoices of deals as the table `documents`: kind invoice, `id` and `deal` of the portal, `status`
    = stage name.

    `requisites` holds xmlId, stageId, categoryId and mycompanyId as the portal gives them.
    """
    listing = directory.items(INVOICE, select=_INVOICE_FIELDS)
    found = list(of_owners(client, listing, "@parentId2", deal_ids))
    found.sort(key=lambda row: int(row["id"]))
    return tables.frame("documents", (_invoice(row, names) for row in found))


# ---- one deal


@dataclass(frozen=True)
class _Reading:
    """What all deals of one read have in common.

    `named`: the profile's text -> field of deals; `columns`: column -> (the profile's text, kind of the
    column); `agreed`: the text of the field that holds the commission agreed.
    """

    names: Names
    named: Mapping[str, PortalField]
    columns: Mapping[str, tuple[str, str]]
    agreed: str | None


def _reading(names: Names, profile: Profile) -> _Reading:
    """What the profile says of deals; a key of [deals.fields] that is no column is kept in `fields` only."""
    declared = tables.TABLES["deals"].columns
    columns: dict[str, tuple[str, str]] = {}
    for column, text in profile.deals.fields.items():
        if column in declared:
            kind_of_column = declared[column].kind
            columns[column] = text, kind_of_column
    named: dict[str, PortalField] = {}
    for (kind, text), field in names.fields.items():
        if kind == DEAL:
            named[text] = field
    agreed = profile.commission.agreed if profile.commission else None
    return _Reading(names, named, columns, agreed)


def _deal(row: Row, reading: _Reading) -> Deal:
    """A deal with what the profile reads from fields of its own portal."""
    fields = _fields(row, reading)
    mapped = _mapped(fields, reading)
    deal = _card(row, reading.names)
    deal["fields"] = fields
    deal.update(cast(Deal, mapped))
    if reading.agreed and deal.get("commission") is None:
        deal["commission"] = mapped["commission"] = values.as_kind("money", fields[reading.agreed])
    unread = _unreadable(row, reading, mapped)
    if unread:
        deal["fields"] = fields | {UNREADABLE: unread}
    return deal


def _fields(row: Row, reading: _Reading) -> dict[str, Any]:
    """The profile's text -> value of every field of deals that it names."""
    fields: dict[str, Any] = {}
    for text, field in reading.named.items():
        raw = row.get(field.name)
        fields[text] = values.read(field, raw, reading.names)
    return fields


def _card(row: Row, names: Names) -> Deal:
    """What every portal has (bitrix24 §4.2)."""
    manager = values.identifier(row.get("assignedById"))
    pipeline = int(row.get("categoryId") or 0)
    source = str(row.get("sourceId") or "")
    return {
        "id": str(row["id"]),
        "title": values.words(row.get("title")),
        "category": names.categories.get(pipeline),
        "stage": names.stage(row.get("stageId")),
        "amount": values.money(row.get("opportunity")),
        "currency": values.words(row.get("currencyId")),
        "party": party_id(row),
        "contact": _contact(row),
        "manager": manager,
        "manager_name": names.user(manager),
        "originator": values.words(row.get("originatorId")),
        "origin": values.words(row.get("originId")),
        "closed": values.flag(row.get("closed")),
        "lead_source": names.sources.get(source),
        "modified": values.moment(row.get("updatedTime")),
        "place": f"deal {row['id']}",
    }


def _mapped(fields: Mapping[str, Any], reading: _Reading) -> dict[str, Any]:
    """Columns that the profile reads from fields of its own portal."""
    found: dict[str, Any] = {}
    for column, (text, kind) in reading.columns.items():
        value = fields[text]
        found[column] = values.as_kind(kind, value)
    return found


def _unreadable(row: Row, reading: _Reading, mapped: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields that hold something we cannot read, or a sum that is not in roubles: absence would be a lie."""
    found: list[str] = []
    for column, (text, _) in reading.columns.items():
        field = reading.named[text]
        raw = row.get(field.name)
        value = mapped[column]
        if value is None and raw not in _EMPTY:
            found.append(text)
    return tuple(found)


def party_id(row: Mapping[str, Any]) -> str | None:
    """The buyer of a deal or invoice: its company, else its contact."""
    company = values.identifier(row.get("companyId"))
    if company is None:
        return _contact(row)
    return f"company_{company}"


def _contact(row: Mapping[str, Any]) -> str | None:
    """The first contact of a deal or invoice."""
    number = values.identifier(row.get("contactId"))
    if number is None:
        return None
    return f"contact_{number}"


# ---- rows and invoices


def _place(row: Row) -> int:
    """Where a row stands in its deal; those of one place stay in the order of ids."""
    return int(row.get("sort") or 0)


def _line(row: Row, position: int) -> Line:
    """A product row.

    PRICE holds the tax whatever TAX_INCLUDED says: that flag is about how the portal shows it (bitrix24
    §7.3).
    """
    price = values.money(row.get("price")) or _ZERO
    quantity = values.number(row.get("quantity")) or _ZERO
    before = values.money(row.get("priceBrutto")) or price
    exclusive = values.money(row.get("priceExclusive"))
    rate = values.number(row.get("taxRate"))
    tax = _ZERO if exclusive is None else price - exclusive
    return {
        "document": str(row["ownerId"]),
        "position": position,
        "product": values.identifier(row.get("productId")),
        "name": values.words(row.get("productName")),
        "kind": "service" if str(row.get("type")) == _SERVICE else "goods",
        "quantity": quantity,
        "unit": values.words(row.get("measureName")),
        "unit_code": values.words(row.get("measureCode")),
        "price": price,
        "discount": clean.kopecks((before - price) * quantity) if before > price else None,
        "vat_rate": rate,
        "vat_exempt": rate is None,
        "vat_amount": None if rate is None else clean.kopecks(tax * quantity),
        "vat_included": True,
        "amount": clean.kopecks(price * quantity),
        "place": f"row {row['id']}",
    }


def _invoice(row: Row, names: Names) -> Document:
    """A smart invoice (bitrix24 §6); its deal is its parent of type 2."""
    stage = str(row.get("stageId") or "")
    kept = {key: values.words(row.get(key)) for key in _KEPT}
    return {
        "id": str(row["id"]),
        "kind": "invoice",
        "number": values.words(row.get("accountNumber")),
        "date": values.day(row.get("begindate")),
        "party": party_id(row),
        "manager": names.user(row.get("assignedById")),
        "amount": values.money(row.get("opportunity")),
        "currency": values.words(row.get("currencyId")),
        "vat_amount": values.money(row.get("taxValue")),
        "status": names.invoice_stages.get(stage, stage),
        "comment": values.words(row.get("comments")),
        "deal": values.identifier(row.get("parentId2")),
        "place": f"invoice {row['id']}",
        "requisites": kept,
    }
