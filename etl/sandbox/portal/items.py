"""Leads, deals, contacts, companies and smart invoices: what a write does to a record.

Shared by the old methods (crm.deal.*) and the new ones (crm.item.*): defaults, stages and their semantics,
multifields by element id, stamps that move only when something changed, sums that follow product rows
(bitrix24 §10.3, 8).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.entities import Entity
from etl.sandbox.portal.multifields import changed_multifields
from etl.sandbox.portal.pipelines import (
    CREATED,
    MOVED,
    default_category,
    first_stage,
    remember_stage,
    settle_stage,
)
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Params, RestError, is_yes, old_error

CENT = Decimal("0.01")
REQUISITE_TYPE = 8
IMPORTED = ("DATE_CREATE", "DATE_MODIFY", "CREATED_BY_ID", "MODIFY_BY_ID", "MOVED_TIME", "MOVED_BY_ID")
FRESH_DEAL = {
    "IS_NEW": "Y",
    "CLOSED": "N",
    "IS_RECURRING": "N",
    "IS_RETURN_CUSTOMER": "N",
    "IS_REPEATED_APPROACH": "N",
}
#: table -> (field of the primary client, field of all of them)
CLIENTS = {
    "deal": ("CONTACT_ID", "CONTACT_IDS"),
    "invoice": ("CONTACT_ID", "CONTACT_IDS"),
    "lead": ("CONTACT_ID", "CONTACT_IDS"),
    "contact": ("COMPANY_ID", "COMPANY_IDS"),
}


def create(core: Core, entity: Entity, fields: Params, *, imported: bool = False) -> int:
    """Stores a new item and returns its id; unknown names in `fields` are dropped without a word.

    `imported` lets stamps and authors be given. Raises RestError for an unknown currency or a bad e-mail.
    """
    values = _clean(core, entity, fields, keep=IMPORTED if imported else ())
    check_currency(core, values)
    elements = changed_multifields(core, [], fields) if entity.multifields else []
    number = core.store.new_id(entity.table)
    given = {name: value for name, value in values.items() if value is not None}
    record = {**_defaults(core, entity, number, values), **given, "ID": number}
    if elements:
        record["FM"] = elements
    _bind(entity.table, record, values)
    settle_stage(core, entity, record)
    core.store.put(entity.table, number, filled(record))
    if entity.stage:
        remember_stage(core, entity, record, CREATED)
    return number


def update(core: Core, entity: Entity, number: int, fields: Params, *, move: bool = False) -> None:
    """Changes the given fields only; a write that changes nothing leaves the stamps alone.

    `move` lets the pipeline (category) change: crm.item.update does, crm.deal.update does not
    (bitrix24 §10.3, 9).
    """
    old = core.store.get(entity.table, number)
    if old is None:
        raise RestError(400, "NOT_FOUND", "Not found")
    values = _clean(core, entity, fields)
    if not move:
        values.pop("CATEGORY_ID", None)
    check_currency(core, values)
    record = {**old, **values}
    _bind(entity.table, record, values)
    if entity.multifields:
        record["FM"] = changed_multifields(core, old.get("FM") or [], fields)
    if move:
        _move(core, entity, old, record, values)
    if filled(record) == old:
        return
    _touch(core, entity, old, record)
    core.store.put(entity.table, number, filled(record))
    if _stage_moved(entity, old, record):
        remember_stage(core, entity, record, MOVED)
    if not is_yes(record.get("IS_MANUAL_OPPORTUNITY")):
        recount(core, entity, number)


def _move(core: Core, entity: Entity, old: Record, record: Record, values: Record) -> None:
    """An item that goes to another pipeline begins at its first stage unless a stage is given."""
    before = old.get("CATEGORY_ID")
    if values.get("CATEGORY_ID", before) == before:
        return
    record.setdefault("CATEGORY_ID", 0)
    if entity.stage and not values.get(entity.stage):
        record[entity.stage] = first_stage(core, entity, record["CATEGORY_ID"])


def _stage_moved(entity: Entity, old: Record, record: Record) -> bool:
    """Whether the write took the item to another stage."""
    return entity.stage is not None and record.get(entity.stage) != old.get(entity.stage)


def delete(core: Core, entity: Entity, number: int) -> None:
    """Removes the item with its product rows, requisites and links."""
    for row in product_rows(core, entity.code, number):
        core.store.drop("productrow", row["ID"])
    for row in core.store.find("requisite", "ENTITY_ID", number):
        if row["ENTITY_TYPE_ID"] == entity.type_id:
            delete_requisite(core, row["ID"])
    core.store.drop("requisite_link", f"{entity.type_id}:{number}")
    core.store.drop(entity.table, number)


def product_rows(core: Core, code: str, number: int) -> list[Record]:
    """The product rows of one item, by the code of its kind (`D`) and its id."""
    rows = core.store.find("productrow", "OWNER_ID", number)
    return [row for row in rows if row["OWNER_TYPE"] == code]


def delete_requisite(core: Core, number: int) -> None:
    """Removes a requisite with its bank details and addresses."""
    for bank in core.store.find("bankdetail", "ENTITY_ID", number):
        core.store.drop("bankdetail", bank["ID"])
    for address in core.store.find("address", "ENTITY_ID", number):
        if address["ENTITY_TYPE_ID"] == REQUISITE_TYPE:
            core.store.drop("address", address_key(address))
    core.store.drop("requisite", number)


def address_key(address: Record) -> str:
    """An owner has at most one address of each type: this triple is its key (bitrix24 §4.5)."""
    return f"{address['TYPE_ID']}:{address['ENTITY_TYPE_ID']}:{address['ENTITY_ID']}"


def check_currency(core: Core, values: Record) -> None:
    """Raises RestError for a currency that the portal does not have."""
    if not knows_currency(core, values.get("CURRENCY_ID")):
        raise old_error("Specified currency is not found.")


def knows_currency(core: Core, currency: str | None) -> bool:
    """Whether the portal has the currency; no currency at all is no mistake."""
    if not currency:
        return True
    return bool(core.store.find("currency", "CURRENCY", currency))


def _clean(core: Core, entity: Entity, fields: Params, keep: tuple[str, ...] = ()) -> Record:
    """The writable fields in their stored form; of the read-only ones those to `keep`."""
    schema = core.schema(entity)
    cleaned = {}
    for name, value in fields.items():
        field = schema.fields.get(name)
        if field is None:
            continue
        if not field.read_only or name in keep:
            cleaned[name] = field.clean(value, core.zone)
    return cleaned


def filled(record: Record) -> Record:
    """Absence is not stored, so that records compare and dump the same way whoever wrote them."""
    return {name: value for name, value in record.items() if value not in (None, "", [])}


def _defaults(core: Core, entity: Entity, number: int, values: Record) -> Record:
    """What a new item has that nobody gave."""
    stamp = core.stamp()
    record: Record = {
        "TITLE": f"{entity.title} #{number}",
        "ASSIGNED_BY_ID": core.user_id,
        "CREATED_BY_ID": core.user_id,
        "MODIFY_BY_ID": core.user_id,
        "DATE_CREATE": stamp,
        "DATE_MODIFY": stamp,
        "OPENED": "Y",
        "LAST_ACTIVITY_TIME": stamp,
    }
    if entity.table == "contact":
        del record["TITLE"]
        return {**record, "TYPE_ID": "CLIENT", "EXPORT": "Y"}
    if entity.table == "company":
        return {**record, "COMPANY_TYPE": "CUSTOMER", "IS_MY_COMPANY": "N"}
    record |= {
        "CURRENCY_ID": base_currency(core),
        "OPPORTUNITY": "0.00",
        "IS_MANUAL_OPPORTUNITY": "N",
        "TAX_VALUE": "0.00",
        "MOVED_BY_ID": core.user_id,
        "MOVED_TIME": stamp,
    }
    if entity.table == "lead":
        return {**record, "STATUS_ID": first_stage(core, entity, 0)}
    return {**record, **_dated_defaults(core, entity, number, values)}


def _dated_defaults(core: Core, entity: Entity, number: int, values: Record) -> Record:
    """Deals and invoices begin today, are due in a week and start at the first stage of their pipeline."""
    category = values.get("CATEGORY_ID")
    if category is None:
        category = default_category(core, entity)
    today = core.now().date()
    due = today + timedelta(days=7)
    record: Record = {
        "CATEGORY_ID": category,
        "STAGE_ID": first_stage(core, entity, category),
        "BEGINDATE": today.isoformat(),
        "CLOSEDATE": due.isoformat(),
    }
    if entity.table == "deal":
        return {**record, "TYPE_ID": "SALE", **FRESH_DEAL}
    return {**record, "ACCOUNT_NUMBER": str(number), "MYCOMPANY_ID": _own_company(core)}


def _own_company(core: Core) -> int | None:
    """The first company of ours."""
    for row in core.store.all("company"):
        if row.get("IS_MY_COMPANY") == "Y":
            return int(row["ID"])
    return None


def base_currency(core: Core) -> str:
    """The portal's own currency."""
    for row in core.store.all("currency"):
        if row.get("BASE") == "Y":
            return str(row["CURRENCY"])
    return "RUB"


def _touch(core: Core, entity: Entity, old: Record, record: Record) -> None:
    """Stamps of a real change; a moved stage has its own."""
    stamp = core.stamp()
    record["DATE_MODIFY"] = stamp
    record["LAST_ACTIVITY_TIME"] = stamp
    record["MODIFY_BY_ID"] = core.user_id
    if not _stage_moved(entity, old, record):
        return
    record["MOVED_TIME"] = stamp
    record["MOVED_BY_ID"] = core.user_id
    if entity.table == "invoice":
        record["PREVIOUS_STAGE_ID"] = old.get("STAGE_ID")
    settle_stage(core, entity, record)
    if entity.table == "deal":
        record["IS_NEW"] = "N"
        if record["CLOSED"] == "Y" and old.get("CLOSED") != "Y":
            record["CLOSEDATE"] = core.now().date().isoformat()


def _bind(table: str, record: Record, given: Record) -> None:
    """Keeps the primary client and the list of clients of one record in step."""
    if table not in CLIENTS:
        return
    one, many = CLIENTS[table]
    if many in given:
        record[one] = given[many][0] if given[many] else None
    elif one in given:
        record[many] = [given[one]] if given[one] else []
    else:
        return
    record.pop("BINDINGS", None)


def recount(core: Core, entity: Entity, number: int, *, emptied: bool = False) -> None:
    """The sum and tax of an item follow its product rows unless the sum is typed by hand (bitrix24 §7.3)."""
    record = core.store.get(entity.table, number)
    if record is None or "OPPORTUNITY" not in core.schema(entity).fields:
        return
    if is_yes(record.get("IS_MANUAL_OPPORTUNITY")):
        return
    rows = product_rows(core, entity.code, number)
    if not rows and not emptied:
        return
    changed = {**record, **row_sums(rows)}
    if changed != record:
        changed["DATE_MODIFY"] = core.stamp()
        core.store.put(entity.table, number, changed)


def row_sums(rows: list[Record]) -> Record:
    """Sum with tax and tax of an item with these product rows, in roubles."""
    total = Decimal(0)
    net = Decimal(0)
    for row in rows:
        quantity = Decimal(row["QUANTITY"])
        total += line_sum(quantity, Decimal(row["PRICE"]))
        net += line_sum(quantity, Decimal(row["PRICE_EXCLUSIVE"]))
    return {"OPPORTUNITY": f"{total:.2f}", "TAX_VALUE": f"{total - net:.2f}"}


def line_sum(quantity: Decimal, price: Decimal) -> Decimal:
    """The sum of one product row in kopecks."""
    return (price * quantity).quantize(CENT, ROUND_HALF_UP)
