"""Leads, deals, contacts, companies and smart invoices: what a write does to a record.

Shared by the old methods (crm.deal.*) and the new ones (crm.item.*): defaults, stages and their semantics,
multifields by element id, stamps that move only when something changed, sums that follow product rows.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from etl.sandbox.portal.core import Core
from etl.sandbox.portal.entities import Entity
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import RestError, as_list, as_map, is_yes, old_error, php_int

MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
CENT = Decimal("0.01")
IMPORTED = ("DATE_CREATE", "DATE_MODIFY", "CREATED_BY_ID", "MODIFY_BY_ID", "MOVED_TIME", "MOVED_BY_ID")
FRESH_DEAL = {
    "IS_NEW": "Y",
    "CLOSED": "N",
    "IS_RECURRING": "N",
    "IS_RETURN_CUSTOMER": "N",
    "IS_REPEATED_APPROACH": "N",
}
CONTACT_PRIMARY = {"deal": "CONTACT", "invoice": "CONTACT", "lead": "CONTACT", "contact": "COMPANY"}


def create(core: Core, entity: Entity, fields: dict[str, Any], *, imported: bool = False) -> int:
    """Stores a new item and returns its id; unknown names in `fields` are dropped without a word."""
    values = _clean(core, entity, fields, keep=IMPORTED if imported else ())
    check_currency(core, values)
    multi = _new_multifields(core, fields) if entity.multifields else []
    number = core.store.new_id(entity.table)
    given = {name: value for name, value in values.items() if value is not None}
    record = {**_defaults(core, entity, number, values), **given, "ID": number}
    if multi:
        record["FM"] = multi
    _bind(entity.table, record, values)
    _settle_stage(core, entity, record)
    core.store.put(entity.table, number, _filled(record))
    if entity.stage:
        remember_stage(core, entity, record, 1)
    return number


def update(core: Core, entity: Entity, number: int, fields: dict[str, Any], *, move: bool = False) -> None:
    """Changes the given fields only; a write that changes nothing leaves the stamps alone.

    `move` lets the pipeline (category) change: crm.item.update does, crm.deal.update does not.
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
        record["FM"] = _changed_multifields(core, old.get("FM") or [], fields)
    if move and values.get("CATEGORY_ID", old.get("CATEGORY_ID")) != old.get("CATEGORY_ID"):
        record.setdefault("CATEGORY_ID", 0)
        if entity.stage and not values.get(entity.stage):
            record[entity.stage] = first_stage(core, entity, record["CATEGORY_ID"])
    if _filled(record) == old:
        return
    _touch(core, entity, old, record)
    core.store.put(entity.table, number, _filled(record))
    if entity.stage and record.get(entity.stage) != old.get(entity.stage):
        remember_stage(core, entity, record, 2)
    if not is_yes(record.get("IS_MANUAL_OPPORTUNITY")):
        recount(core, entity, number)


def delete(core: Core, entity: Entity, number: int) -> None:
    """Removes the item with its product rows, requisites, links and comments."""
    for row in core.store.find("productrow", "OWNER_ID", number):
        if row["OWNER_TYPE"] == entity.code:
            core.store.drop("productrow", row["ID"])
    for row in core.store.find("requisite", "ENTITY_ID", number):
        if row["ENTITY_TYPE_ID"] == entity.type_id:
            delete_requisite(core, row["ID"])
    core.store.drop("requisite_link", f"{entity.type_id}:{number}")
    core.store.drop(entity.table, number)


def delete_requisite(core: Core, number: int) -> None:
    for bank in core.store.find("bankdetail", "ENTITY_ID", number):
        core.store.drop("bankdetail", bank["ID"])
    for address in core.store.find("address", "ENTITY_ID", number):
        if address["ENTITY_TYPE_ID"] == 8:
            core.store.drop("address", address_key(address))
    core.store.drop("requisite", number)


def address_key(address: Record) -> str:
    return f"{address['TYPE_ID']}:{address['ENTITY_TYPE_ID']}:{address['ENTITY_ID']}"


def check_currency(core: Core, values: Record) -> None:
    currency = values.get("CURRENCY_ID")
    if currency and not core.store.find("currency", "CURRENCY", currency):
        raise old_error("Specified currency is not found.")


def _clean(core: Core, entity: Entity, fields: dict[str, Any], keep: tuple[str, ...] = ()) -> Record:
    schema = core.schema(entity)
    cleaned = {}
    for name, value in fields.items():
        field = schema.fields.get(name)
        if field is not None and (not field.read_only or name in keep):
            cleaned[name] = field.clean(value, core.zone)
    return cleaned


def _filled(record: Record) -> Record:
    """Absence is not stored, so that records compare and dump the same way whoever wrote them."""
    return {name: value for name, value in record.items() if value not in (None, "", [])}


def _defaults(core: Core, entity: Entity, number: int, values: Record) -> Record:
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
    record: Record = {
        "CATEGORY_ID": category,
        "STAGE_ID": first_stage(core, entity, category),
        "BEGINDATE": today.isoformat(),
        "CLOSEDATE": (today + timedelta(days=7)).isoformat(),
    }
    if entity.table == "deal":
        return {**record, "TYPE_ID": "SALE", **FRESH_DEAL}
    own = next((row["ID"] for row in core.store.all("company") if row.get("IS_MY_COMPANY") == "Y"), None)
    return {**record, "ACCOUNT_NUMBER": str(number), "MYCOMPANY_ID": own}


def base_currency(core: Core) -> str:
    return next((row["CURRENCY"] for row in core.store.all("currency") if row.get("BASE") == "Y"), "RUB")


def default_category(core: Core, entity: Entity) -> int:
    """Pipeline 0 for deals, the default pipeline of smart invoices for invoices."""
    rows = [row for row in core.store.all("category") if row["entityTypeId"] == entity.type_id]
    first = next((row for row in rows if row.get("isDefault") == "Y"), rows[0] if rows else None)
    return first["id"] if first else 0


def stage_dictionary(entity: Entity, category: int | None) -> str:
    """The `ENTITY_ID` under which crm.status.list keeps the stages of a pipeline."""
    if entity.table == "lead":
        return "STATUS"
    if entity.table == "invoice":
        return f"SMART_INVOICE_STAGE_{category}"
    return f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"


def stages(core: Core, entity: Entity, category: int | None) -> list[Record]:
    rows = core.store.find("status", "ENTITY_ID", stage_dictionary(entity, category))
    return sorted(rows, key=lambda row: (row["SORT"], row["ID"]))


def first_stage(core: Core, entity: Entity, category: int | None) -> str | None:
    found = stages(core, entity, category)
    return found[0]["STATUS_ID"] if found else None


def semantics(core: Core, entity: Entity, record: Record) -> str:
    """`P` in work, `S` success, `F` failure; a stage nobody knows counts as work."""
    stage = record.get(entity.stage or "")
    for row in stages(core, entity, record.get("CATEGORY_ID")):
        if row["STATUS_ID"] == stage:
            return row.get("SEMANTICS") or "P"
    return "P"


def _settle_stage(core: Core, entity: Entity, record: Record) -> None:
    if entity.stage is None:
        return
    meaning = semantics(core, entity, record)
    if entity.table == "deal":
        record["STAGE_SEMANTIC_ID"] = meaning
        record["CLOSED"] = "N" if meaning == "P" else "Y"
    if entity.table == "lead":
        record["STATUS_SEMANTIC_ID"] = meaning


def _touch(core: Core, entity: Entity, old: Record, record: Record) -> None:
    """Stamps of a real change; a moved stage has its own."""
    record["DATE_MODIFY"] = record["LAST_ACTIVITY_TIME"] = core.stamp()
    record["MODIFY_BY_ID"] = core.user_id
    if entity.stage is None or record.get(entity.stage) == old.get(entity.stage):
        return
    record["MOVED_TIME"], record["MOVED_BY_ID"] = core.stamp(), core.user_id
    if entity.table == "invoice":
        record["PREVIOUS_STAGE_ID"] = old.get("STAGE_ID")
    was_closed = old.get("CLOSED") == "Y"
    _settle_stage(core, entity, record)
    if entity.table == "deal":
        record["IS_NEW"] = "N"
        if record["CLOSED"] == "Y" and not was_closed:
            record["CLOSEDATE"] = core.now().date().isoformat()


def remember_stage(core: Core, entity: Entity, record: Record, kind: int) -> None:
    """One row of crm.stagehistory.list: kind 1 created, 2 moved, 3 finished."""
    meaning = semantics(core, entity, record)
    number = core.store.new_id("stagehistory")
    core.store.put(
        "stagehistory",
        number,
        {
            "ID": number,
            "TYPE_ID": 3 if kind == 2 and meaning != "P" else kind,
            "OWNER_ID": record["ID"],
            "ENTITY_TYPE_ID": entity.type_id,
            "CREATED_TIME": core.stamp(),
            "CATEGORY_ID": record.get("CATEGORY_ID", 0),
            "STAGE_SEMANTIC_ID": meaning,
            "STAGE_ID": record.get(entity.stage or ""),
        },
    )


def _bind(table: str, record: Record, given: Record) -> None:
    """Keeps the primary client and the list of clients of one record in step."""
    kind = CONTACT_PRIMARY.get(table)
    if kind is None:
        return
    one, many = f"{kind}_ID", f"{kind}_IDS"
    if many in given:
        record[one] = given[many][0] if given[many] else None
        record.pop("BINDINGS", None)
    elif one in given:
        record[many] = [given[one]] if given[one] else []
        record.pop("BINDINGS", None)


def recount(core: Core, entity: Entity, number: int, *, emptied: bool = False) -> None:
    """The sum and tax of an item follow its product rows unless the sum is typed by hand."""
    record = core.store.get(entity.table, number)
    if record is None or "OPPORTUNITY" not in {field.name for field in entity.fields}:
        return
    rows = [
        row for row in core.store.find("productrow", "OWNER_ID", number) if row["OWNER_TYPE"] == entity.code
    ]
    if is_yes(record.get("IS_MANUAL_OPPORTUNITY")) or (not rows and not emptied):
        return
    total = sum((line_sum(Decimal(row["QUANTITY"]), Decimal(row["PRICE"])) for row in rows), Decimal(0))
    net = sum(
        (line_sum(Decimal(row["QUANTITY"]), Decimal(row["PRICE_EXCLUSIVE"])) for row in rows), Decimal(0)
    )
    changed = {**record, "OPPORTUNITY": f"{total:.2f}", "TAX_VALUE": f"{total - net:.2f}"}
    if changed != record:
        changed["DATE_MODIFY"] = core.stamp()
        core.store.put(entity.table, number, changed)


def line_sum(quantity: Decimal, price: Decimal) -> Decimal:
    """The sum of one product row in kopecks."""
    return (price * quantity).quantize(CENT, ROUND_HALF_UP)


def _new_multifields(core: Core, fields: dict[str, Any]) -> list[Record]:
    return _changed_multifields(core, [], fields)


def _changed_multifields(core: Core, present: list[Record], fields: dict[str, Any]) -> list[Record]:
    """Elements without an id are added, with an id changed, with an id and no value removed."""
    elements = {item["ID"]: item for item in present}
    for change in _multifield_changes(fields):
        number, value = change["ID"], change["VALUE"]
        if number and number not in elements:
            continue
        if number and (change["DELETE"] or value == ""):
            del elements[number]
        elif value:
            _check_email(change["TYPE_ID"], value)
            number = number or core.store.new_id("multifield")
            old = elements.get(number, {"TYPE_ID": change["TYPE_ID"], "VALUE_TYPE": "WORK"})
            elements[number] = {
                "ID": number,
                "TYPE_ID": old["TYPE_ID"],
                "VALUE_TYPE": change["VALUE_TYPE"] or old["VALUE_TYPE"],
                "VALUE": value if value is not None else old["VALUE"],
            }
        elif number and change["VALUE_TYPE"]:
            elements[number] = {**elements[number], "VALUE_TYPE": change["VALUE_TYPE"]}
    return list(elements.values())


def _multifield_changes(fields: dict[str, Any]) -> list[Record]:
    """Old spelling (`PHONE: [{ID, VALUE}]`) and new one (`fm: {n0: {typeId, value}}`) as one list."""
    changes = []
    for kind in MULTIFIELDS:
        for item in as_list(fields.get(kind)):
            if isinstance(item, dict):
                changes.append(_change(kind, item.get("ID"), item.get("VALUE"), item.get("VALUE_TYPE"), item))
    given = fields.get("FM", fields.get("fm"))
    for key, item in as_map(given).items():
        kind = str(item.get("typeId", item.get("TYPE_ID", ""))).upper() if isinstance(item, dict) else ""
        if kind in MULTIFIELDS:  # an element without a kind is passed over and success is reported
            number = item.get("id") or (key if isinstance(given, dict) and key.isdigit() else None)
            changes.append(_change(kind, number, item.get("value"), item.get("valueType"), item))
    return changes


def _change(kind: str, number: Any, value: Any, value_type: Any, item: dict[str, Any]) -> Record:
    return {
        "TYPE_ID": kind,
        "ID": php_int(number),
        "VALUE": None if value is None else str(value).strip(),
        "VALUE_TYPE": value_type,
        "DELETE": is_yes(item.get("DELETE")),
    }


def _check_email(kind: str, value: str) -> None:
    if kind == "EMAIL" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", value):
        raise RestError(400, "ERROR_CORE", f"Invalid e-mail address: {value}")
