"""Users, messages, timeline, duplicates, workflows, and what a portal tells about itself."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import METHODS, Core, rest
from etl.sandbox.portal.entities import BY_TABLE
from etl.sandbox.portal.methods.crm_items import required
from etl.sandbox.portal.query import PLAIN, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, is_yes, old_error, php_int

USER = {
    "ID": "integer", "XML_ID": "string", "ACTIVE": "char", "NAME": "string", "LAST_NAME": "string",
    "SECOND_NAME": "string", "EMAIL": "string", "WORK_POSITION": "string", "UF_DEPARTMENT": "integer",
    "TIME_ZONE": "string", "DATE_REGISTER": "datetime", "USER_TYPE": "string", "WORK_PHONE": "string",
    "PERSONAL_MOBILE": "string", "PERSONAL_GENDER": "string",
}  # fmt: skip
OWNERS = {"deal": "deal", "lead": "lead", "contact": "contact", "company": "company", "dynamic_31": "invoice"}
DOCUMENTS = {
    "CCrmDocumentDeal": ("DEAL", "deal"),
    "CCrmDocumentLead": ("LEAD", "lead"),
    "CCrmDocumentContact": ("CONTACT", "contact"),
    "CCrmDocumentCompany": ("COMPANY", "company"),
    "Bitrix\\Crm\\Integration\\BizProc\\Document\\SmartInvoice": ("SMART_INVOICE", "invoice"),
}
MAX_DUPLICATES = 20


def show_user(row: Record) -> Record:
    shown: Record = {name: row[name] for name in USER if row.get(name) not in (None, "")}
    shown |= {"ID": str(row["ID"]), "ACTIVE": is_yes(row.get("ACTIVE", "Y"))}
    return {**shown, "UF_DEPARTMENT": row.get("UF_DEPARTMENT") or [1]}


@rest("user.get", scope="user", case="upper")
def user_get(core: Core, params: dict[str, Any]) -> Page:
    condition = as_map(params.get("FILTER"))
    if not condition:
        condition = {name: params[name] for name in ("ID", "EMAIL", "ACTIVE") if name in params}
    order = {str(params.get("SORT") or "ID"): str(params.get("ORDER") or "ASC")}
    page = select_rows(
        core, "user", USER, {"filter": condition, "order": order, "start": params.get("START")}, PLAIN
    )
    return Page([show_user(row) for row in page.result], page.total, page.next)


@rest("user.current", scope="user")
def user_current(core: Core, params: dict[str, Any]) -> Record:
    return show_user(core.store.get("user", core.user_id) or {"ID": core.user_id})


@rest("profile", scope="basic")
def profile(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("user", core.user_id) or {}
    return {
        "ID": str(core.user_id), "ADMIN": True, "NAME": row.get("NAME", ""), "LAST_NAME": row.get("LAST_NAME", ""),
        "PERSONAL_GENDER": row.get("PERSONAL_GENDER", ""), "TIME_ZONE": core.settings["time_zone"],
        "TIME_ZONE_OFFSET": core.settings["utc_offset"] - core.settings["server_offset"],
    }  # fmt: skip


@rest("scope", scope="basic")
def scope(core: Core, params: dict[str, Any]) -> list[str]:
    return list(core.settings["scope"])


@rest("methods", scope="basic")
def methods(core: Core, params: dict[str, Any]) -> list[str]:
    return sorted(method.name for method in METHODS.values())


@rest("method.get", scope="basic")
def method_get(core: Core, params: dict[str, Any]) -> Record:
    method = METHODS.get(str(params.get("name", "")).lower())
    allowed = method is not None and (method.scope == "basic" or method.scope in core.settings["scope"])
    return {"isExisting": method is not None, "isAvailable": allowed}


@rest("server.time", scope="basic")
def server_time(core: Core, params: dict[str, Any]) -> str:
    return core.stamp()


@rest("feature.get", scope="basic", case="upper")
def feature_get(core: Core, params: dict[str, Any]) -> Record:
    return {"value": "N"}


@rest("crm.settings.mode.get")
def settings_mode(core: Core, params: dict[str, Any]) -> int:
    return int(core.settings["crm_mode"])


def _application_only(core: Core, params: dict[str, Any]) -> Any:
    raise RestError(403, "ACCESS_DENIED", "Application context required")


for _name in ("app.info", "event.bind", "event.unbind", "event.get", "event.offline.get", "placement.bind"):
    rest(_name, scope="basic")(_application_only)


@rest("im.notify", scope="im", case="upper")
@rest("im.notify.personal.add", scope="im", case="upper")
@rest("im.notify.system.add", scope="im", case="upper")
def notify(core: Core, params: dict[str, Any]) -> int:
    """A newer notification with the same TAG replaces the older one; the portal wants CLIENT_ID with it."""
    user_id = php_int(params.get("USER_ID", params.get("TO")))
    if user_id <= 0:
        raise RestError(400, "USER_ID_EMPTY", "User ID can't be empty")
    if not params.get("MESSAGE"):
        raise RestError(400, "MESSAGE_EMPTY", "Message can't be empty")
    tag = str(params.get("TAG") or "")
    for old in core.store.find("notification", "TAG", tag) if tag else []:
        if old["USER_ID"] == user_id:
            core.store.drop("notification", old["ID"])
    number = core.store.new_id("notification")
    record = {
        "ID": number,
        "USER_ID": user_id,
        "MESSAGE": str(params["MESSAGE"]),
        "TAG": tag,
        "DATE": core.stamp(),
    }
    core.store.put("notification", number, record)
    return number


COMMENT = {"ID": "integer", "ENTITY_ID": "integer", "ENTITY_TYPE": "string", "AUTHOR_ID": "integer",
           "COMMENT": "string", "CREATED": "datetime"}  # fmt: skip


def _show_comment(row: Record) -> Record:
    return {name: str(row[name]) for name in COMMENT} | {"FILES": row.get("FILES") or []}


@rest("crm.timeline.comment.add", case="exact")
def comment_add(core: Core, params: dict[str, Any]) -> int:
    fields = as_map(required(params, "fields"))
    kind = str(fields.get("ENTITY_TYPE") or "").lower()
    number = php_int(fields.get("ENTITY_ID"))
    if kind not in OWNERS or core.store.get(OWNERS[kind], number) is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Owner was not found")
    if not fields.get("COMMENT") and not fields.get("FILES"):
        raise RestError(400, "INVALID_ARG_VALUE", "Empty comment message")
    comment_id = core.store.new_id("comment")
    record = {"ID": comment_id, "ENTITY_ID": number, "ENTITY_TYPE": kind, "AUTHOR_ID": core.user_id,
              "COMMENT": str(fields.get("COMMENT") or ""), "CREATED": core.stamp()}  # fmt: skip
    if fields.get("FILES"):
        record["FILES"] = [{"name": str(as_list(item)[0])} for item in as_list(fields["FILES"])]
    core.store.put("comment", comment_id, record)
    return comment_id


@rest("crm.timeline.comment.list", case="exact")
def comment_list(core: Core, params: dict[str, Any]) -> Page:
    page = select_rows(core, "comment", COMMENT, params, PLAIN)
    return Page([_show_comment(row) for row in page.result], page.total, page.next)


def _comment(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("comment", php_int(required(params, "id")))
    if row is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return row


@rest("crm.timeline.comment.get", case="exact")
def comment_get(core: Core, params: dict[str, Any]) -> Record:
    return _show_comment(_comment(core, params))


@rest("crm.timeline.comment.delete", case="exact")
def comment_delete(core: Core, params: dict[str, Any]) -> bool:
    core.store.drop("comment", _comment(core, params)["ID"])
    return True


@rest("crm.timeline.comment.update", case="exact")
def comment_update(core: Core, params: dict[str, Any]) -> bool:
    row = _comment(core, params)
    text = as_map(required(params, "fields")).get("COMMENT")
    core.store.put("comment", row["ID"], {**row, "COMMENT": str(text or "")})
    return True


@rest("crm.duplicate.findbycomm")
def find_duplicates(core: Core, params: dict[str, Any]) -> dict[str, list[int]]:
    """Leads, contacts and companies by telephone or e-mail; telephones compare by their digits."""
    kind = str(params.get("type") or "").upper()
    if kind not in ("PHONE", "EMAIL"):
        raise RestError(400, "Communication type is not defined", "Communication type is not defined")
    values = [_communication(kind, value) for value in as_list(params.get("values"))][:MAX_DUPLICATES]
    if not values:
        raise RestError(400, "Communication values is not defined", "Communication values is not defined")
    asked = str(params.get("entity_type") or "").upper()
    found: dict[str, list[int]] = {}
    for table in ("lead", "contact", "company"):
        if asked and asked != table.upper():
            continue
        ids = [row["ID"] for row in core.store.all(table) if _has(row, kind, values)]
        if ids:
            found[table.upper()] = ids[:MAX_DUPLICATES]
    return found


def _communication(kind: str, value: Any) -> str:
    text = str(value).strip().casefold()
    if kind == "EMAIL":
        return text
    digits = "".join(char for char in text if char.isdigit())
    return f"7{digits[1:]}" if len(digits) == 11 and digits.startswith("8") else digits


def _has(row: Record, kind: str, values: list[str]) -> bool:
    return any(
        one["TYPE_ID"] == kind and _communication(kind, one["VALUE"]) in values for one in row.get("FM") or ()
    )


@rest("bizproc.workflow.start", scope="bizproc", case="upper")
def workflow_start(core: Core, params: dict[str, Any]) -> str:
    document = as_list(params.get("DOCUMENT_ID"))
    if len(document) != 3 or document[0] != "crm":
        raise old_error("Wrong DOCUMENT_ID!")
    prefix, table = DOCUMENTS.get(str(document[1]), ("", ""))
    if not table:
        raise old_error("Incorrect document type!")
    if php_int(params.get("TEMPLATE_ID")) <= 0:
        raise RestError(400, "ERROR_WRONG_WORKFLOW_ID", "Empty TEMPLATE_ID")
    number = php_int(str(document[2]).removeprefix(f"{prefix}_"))
    if core.store.get(BY_TABLE[table].table, number) is None:
        raise old_error("Wrong DOCUMENT_ID!")
    workflow = core.store.new_id("workflow")
    record = {"ID": workflow, "TEMPLATE_ID": php_int(params["TEMPLATE_ID"]), "DOCUMENT_ID": document,
              "PARAMETERS": as_map(params.get("PARAMETERS"))}  # fmt: skip
    core.store.put("workflow", workflow, record)
    return f"{workflow:012x}.{workflow:08d}"
