"""Deals, their product rows and smart invoices of a Bitrix24 portal -> tables.

Ids of the portal are texts. A party is `company_<id>` or `contact_<id>`, so that both live in one table.
Facts: reference bitrix24 §4.2, §5, §6, §7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, cast

from etl import tables
from etl.bitrix24 import directory, rowlists, values
from etl.bitrix24.calls import grouped
from etl.bitrix24.client import Client
from etl.bitrix24.fields import COMPANY, CONTACT, DEAL, INVOICE, PortalField
from etl.bitrix24.lists import Listing, Row, every, ids, of_owners
from etl.bitrix24.names import Names
from etl.config.profile import Profile
from etl.records import Deal, Document, Line

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
#: Key of `deals.fields` under which the names of fields stand that hold something unreadable.
UNREADABLE = "?"
_ENTITIES = {DEAL: "deal", CONTACT: "contact", COMPANY: "company"}
#: Up to here the links of single deals are asked; above, the whole list is cheaper.
_MANY = 1000


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
    listing = _items(DEAL, sorted(asked | set(_DEAL_FIELDS)), condition)
    # each answer becomes rows of the table as it comes: what the portal says weighs more than what we keep of
    # it
    found = tables.frame("deals", (_deal(row, reading) for row in every(client, listing)))
    ascending = found["id"].map(int).argsort(kind="stable")
    found = found.iloc[ascending].reset_index(drop=True)
    if "organisation" not in profile.deals.fields:
        numbers = found["id"].tolist()
        organisation = _organisations(client, profile, numbers)
        found["organisation"] = pd.Series([organisation(number) for number in numbers], dtype=object)
    return found


def deal_ids(client: Client, names: Names) -> set[str]:
    """Ids of all deals of the pipeline: a deal known to us and missing here was deleted or hidden."""
    return {str(number) for number in ids(client, _items(DEAL, ["id"], _of_pipeline(names)))}


def _of_pipeline(names: Names) -> dict[str, Any]:
    return {} if names.category is None else {"=categoryId": names.category}


def current_stages(client: Client, names: Names, deal_ids: Iterable[str]) -> dict[str, str]:
    """Deal id -> name of its stage right now; a deal that is gone is absent."""
    listing = _items(DEAL, ["id", "stageId"], {})
    rows = of_owners(client, listing, "@id", deal_ids)
    return {str(row["id"]): names.stage(row["stageId"]) or "" for row in rows}


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
        rows = sorted(by_owner.get(number, ()), key=_place)
        for position, row in enumerate(rows, 1):
            yield _line(row, position)


def invoices(client: Client, names: Names, deal_ids: Iterable[str]) -> pd.DataFrame:
    """Smart invoices of deals as the table `documents`: kind invoice, `id` and `deal` of the portal, `status`
    = stage name.

    `requisites` holds xmlId, stageId, categoryId and mycompanyId as the portal gives them.
    """
    listing = _items(INVOICE, _INVOICE_FIELDS, {})
    found = sorted(of_owners(client, listing, "@parentId2", deal_ids), key=lambda row: int(row["id"]))
    return tables.frame("documents", (_invoice(row, names) for row in found))


def doubles(client: Client, originator: str) -> pd.DataFrame:
    """Issues for records that carry one external id of ours twice.

    No external id is unique on the server (bitrix24 §5): a repeated request makes doubles.
    """
    found: list[tables.Record] = []
    for kind, entity in _ENTITIES.items():
        rows = every(client, _items(kind, ["id", "originId"], {"=originatorId": originator}))
        for origin, same in sorted(grouped(rows, "originId", "id").items()):
            if origin and len(same) > 1:
                found.append(_double(entity, origin, same))
    return tables.frame("issues", found)


def _double(entity: str, origin: str, same: Sequence[Row]) -> tables.Record:
    listed = ", ".join(str(row["id"]) for row in same)
    return tables.issue(
        f"На портале несколько записей с одним внешним кодом: {listed}. Оставьте первую, остальные удалите.",
        severity="ask",
        entity=entity,
        key=origin,
        field="originId",
        value=listed,
    )


def _items(kind: int, select: Sequence[str], condition: Mapping[str, Any]) -> Listing:
    return Listing("crm.item.list", "id", "items", {"entityTypeId": kind}, condition, list(select))


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
    declared = tables.TABLES["deals"].columns
    columns = {
        column: (text, declared[column].kind)
        for column, text in profile.deals.fields.items()
        if column in declared
    }
    named = {text: field for (kind, text), field in names.fields.items() if kind == DEAL}
    return _Reading(names, named, columns, profile.commission.agreed if profile.commission else None)


def _deal(row: Row, reading: _Reading) -> Deal:
    names = reading.names
    manager = values.identifier(row.get("assignedById"))
    fields = {text: values.read(field, row.get(field.name), names) for text, field in reading.named.items()}
    deal: Deal = {
        "id": str(row["id"]),
        "title": values.words(row.get("title")),
        "category": names.categories.get(int(row.get("categoryId") or 0)),
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
        "lead_source": names.sources.get(str(row.get("sourceId") or "")),
        "modified": values.moment(row.get("updatedTime")),
        "fields": fields,
        "place": f"deal {row['id']}",
    }
    mapped = _mapped(fields, reading)
    deal.update(cast(Deal, mapped))
    if reading.agreed and deal.get("commission") is None:
        deal["commission"] = mapped["commission"] = values.money(fields[reading.agreed])
    unread = _unreadable(row, reading, mapped)
    if unread:
        deal["fields"] = fields | {UNREADABLE: unread}
    return deal


def _mapped(fields: Mapping[str, Any], reading: _Reading) -> dict[str, Any]:
    """Columns that the profile reads from fields of its own portal."""
    return {column: values.as_kind(kind, fields[text]) for column, (text, kind) in reading.columns.items()}


def _unreadable(row: Row, reading: _Reading, mapped: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields that hold something we cannot read, or a sum that is not in roubles: absence would be a lie."""
    found: list[str] = []
    for column, (text, _) in reading.columns.items():
        raw, value = row.get(reading.named[text].name), mapped[column]
        currency = str(raw or "").partition("|")[2]
        foreign = currency not in ("", "RUB") and isinstance(value, Decimal)
        lost = value is None and raw not in (None, "", [], False, 0, "0")
        if foreign or lost:
            found.append(text)
    return tuple(found)


def party_id(row: Mapping[str, Any]) -> str | None:
    """The buyer of a deal or invoice: its company, else its contact."""
    company = values.identifier(row.get("companyId"))
    return f"company_{company}" if company else _contact(row)


def _contact(row: Mapping[str, Any]) -> str | None:
    contact = values.identifier(row.get("contactId"))
    return f"contact_{contact}" if contact else None


# ---- our own organisation of a deal


def _organisations(client: Client, profile: Profile, deal_ids: list[str]) -> Callable[[str], str | None]:
    """Deal id -> name of our own organisation, from the requisite link (bitrix24 §4.5).

    With one organisation nothing is asked.
    """
    if len(profile.organisations) == 1:
        return lambda _: profile.organisation.name
    own = directory.own_requisites(client, profile)
    linked: dict[str, str | None] = {}
    for row in _links(client, deal_ids):
        linked[str(row["ENTITY_ID"])] = own.get(str(row.get("MC_REQUISITE_ID")))
    return linked.get


def _links(client: Client, deal_ids: list[str]) -> Iterator[Row]:
    listing = Listing(
        "crm.requisite.link.list",
        "ENTITY_ID",
        filter={"=ENTITY_TYPE_ID": DEAL},
        select=["ENTITY_ID", "MC_REQUISITE_ID"],
    )
    if len(deal_ids) > _MANY:
        return every(client, listing)
    return of_owners(client, listing, "@ENTITY_ID", deal_ids)


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
        "discount": _kopecks((before - price) * quantity) if before > price else None,
        "vat_rate": rate,
        "vat_exempt": rate is None,
        "vat_amount": None if rate is None else _kopecks(tax * quantity),
        "vat_included": True,
        "amount": _kopecks(price * quantity),
        "place": f"row {row['id']}",
    }


def _invoice(row: Row, names: Names) -> Document:
    stage = str(row.get("stageId") or "")
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
        "requisites": {key: values.words(row.get(key)) for key in _KEPT},
    }


def _kopecks(amount: Decimal) -> Decimal:
    return amount.quantize(values.KOPECK, ROUND_HALF_UP)
