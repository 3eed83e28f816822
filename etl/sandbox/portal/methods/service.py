"""Users, messages, timeline, duplicates, workflows; what a portal tells of itself (bitrix24 §4.9, §4.10)."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.core import METHODS, Core, rest
from etl.sandbox.portal.lists.conditions import PLAIN
from etl.sandbox.portal.lists.query import select_rows, show_page
from etl.sandbox.portal.methods.crm_items import required, required_map
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, RestError, as_list, as_map, is_yes, old_error, php_int

USER = {
    "ID": "integer",
    "XML_ID": "string",
    "ACTIVE": "char",
    "NAME": "string",
    "LAST_NAME": "string",
    "SECOND_NAME": "string",
    "EMAIL": "string",
    "WORK_POSITION": "string",
    "UF_DEPARTMENT": "integer",
    "TIME_ZONE": "string",
    "DATE_REGISTER": "datetime",
    "USER_TYPE": "string",
    "WORK_PHONE": "string",
    "PERSONAL_MOBILE": "string",
    "PERSONAL_GENDER": "string",
}
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
    """A user as user.get shows him: fields without a value are left out."""
    shown: Record = {name: row[name] for name in USER if row.get(name) not in (None, "")}
    shown["ID"] = str(row["ID"])
    shown["ACTIVE"] = is_yes(row.get("ACTIVE", "Y"))
    shown["UF_DEPARTMENT"] = row.get("UF_DEPARTMENT") or [1]
    return shown


@rest("user.get", scope="user", case="upper")
def user_get(core: Core, params: Params) -> Page:
    """One page of users; ID, EMAIL and ACTIVE may also be asked for outside of the filter (bitrix24 §4.9)."""
    condition = as_map(params.get("FILTER"))
    if not condition:
        condition = {name: params[name] for name in ("ID", "EMAIL", "ACTIVE") if name in params}
    field = str(params.get("SORT") or "ID")
    direction = str(params.get("ORDER") or "ASC")
    asked = {"filter": condition, "order": {field: direction}, "start": params.get("START")}
    return show_page(select_rows(core, "user", USER, asked, PLAIN), show_user)


@rest("user.current", scope="user")
def user_current(core: Core, params: Params) -> Record:
    """The user of the webhook."""
    row = core.store.get("user", core.user_id)
    return show_user(row or {"ID": core.user_id})


@rest("profile", scope="basic")
def profile(core: Core, params: Params) -> Record:
    """The same in short, with his time zone."""
    row = core.store.get("user", core.user_id) or {}
    settings = core.settings
    return {
        "ID": str(core.user_id),
        "ADMIN": True,
        "NAME": row.get("NAME", ""),
        "LAST_NAME": row.get("LAST_NAME", ""),
        "PERSONAL_GENDER": row.get("PERSONAL_GENDER", ""),
        "TIME_ZONE": settings["time_zone"],
        "TIME_ZONE_OFFSET": settings["utc_offset"] - settings["server_offset"],
    }


@rest("scope", scope="basic")
def scope(core: Core, params: Params) -> list[str]:
    """What the webhook may use."""
    return list(core.settings["scope"])


@rest("methods", scope="basic")
def methods(core: Core, params: Params) -> list[str]:
    """The methods the portal has."""
    return sorted(method.name for method in METHODS.values())


@rest("method.get", scope="basic")
def method_get(core: Core, params: Params) -> Record:
    """Whether a method exists and whether the webhook may call it."""
    method = METHODS.get(str(params.get("name", "")).lower())
    if method is None:
        return {"isExisting": False, "isAvailable": False}
    allowed = method.scope == "basic" or method.scope in core.settings["scope"]
    return {"isExisting": True, "isAvailable": allowed}


@rest("server.time", scope="basic")
def server_time(core: Core, params: Params) -> str:
    """The moment at the portal."""
    return core.stamp()


@rest("feature.get", scope="basic", case="upper")
def feature_get(core: Core, params: Params) -> Record:
    """No feature of the tariff is bought."""
    return {"value": "N"}


@rest("crm.settings.mode.get")
def settings_mode(core: Core, params: Params) -> int:
    """1 with leads, 2 without."""
    return int(core.settings["crm_mode"])


def _application_only(core: Core, params: Params) -> Any:
    """What a webhook may not do (bitrix24 §4.11)."""
    raise RestError(403, "ACCESS_DENIED", "Application context required")


for _name in ("app.info", "event.bind", "event.unbind", "event.get", "event.offline.get", "placement.bind"):
    rest(_name, scope="basic")(_application_only)


@rest("im.notify", scope="im", case="upper")
@rest("im.notify.personal.add", scope="im", case="upper")
@rest("im.notify.system.add", scope="im", case="upper")
def notify(core: Core, params: Params) -> int:
    """A newer notification with the same TAG replaces the older one; the portal wants CLIENT_ID with it."""
    user_id = php_int(params.get("USER_ID", params.get("TO")))
    if user_id <= 0:
        raise RestError(400, "USER_ID_EMPTY", "User ID can't be empty")
    if not params.get("MESSAGE"):
        raise RestError(400, "MESSAGE_EMPTY", "Message can't be empty")
    tag = str(params.get("TAG") or "")
    if tag:
        _drop_notifications(core, user_id, tag)
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


def _drop_notifications(core: Core, user_id: int, tag: str) -> None:
    """Older notifications of this user with the same tag go."""
    for old in core.store.find("notification", "TAG", tag):
        if old["USER_ID"] == user_id:
            core.store.drop("notification", old["ID"])


COMMENT = {
    "ID": "integer",
    "ENTITY_ID": "integer",
    "ENTITY_TYPE": "string",
    "AUTHOR_ID": "integer",
    "COMMENT": "string",
    "CREATED": "datetime",
}


def _show_comment(row: Record) -> Record:
    """A comment as text, with the names of its files."""
    shown: Record = {name: str(row[name]) for name in COMMENT}
    shown["FILES"] = row.get("FILES") or []
    return shown


@rest("crm.timeline.comment.add", case="exact")
def comment_add(core: Core, params: Params) -> int:
    """A new comment in the timeline of an item that exists; of a file only its name is kept."""
    fields = required_map(params, "fields")
    kind = str(fields.get("ENTITY_TYPE") or "").lower()
    number = php_int(fields.get("ENTITY_ID"))
    if kind not in OWNERS or core.store.get(OWNERS[kind], number) is None:
        raise RestError(400, "OWNER_NOT_FOUND", "Owner was not found")
    text = fields.get("COMMENT")
    files = fields.get("FILES")
    if not text and not files:
        raise RestError(400, "INVALID_ARG_VALUE", "Empty comment message")
    comment_id = core.store.new_id("comment")
    record = {
        "ID": comment_id,
        "ENTITY_ID": number,
        "ENTITY_TYPE": kind,
        "AUTHOR_ID": core.user_id,
        "COMMENT": str(text or ""),
        "CREATED": core.stamp(),
    }
    if files:
        record["FILES"] = [{"name": str(as_list(item)[0])} for item in as_list(files)]
    core.store.put("comment", comment_id, record)
    return comment_id


@rest("crm.timeline.comment.list", case="exact")
def comment_list(core: Core, params: Params) -> Page:
    """One page of comments."""
    return show_page(select_rows(core, "comment", COMMENT, params, PLAIN), _show_comment)


def _comment(core: Core, params: Params) -> Record:
    """The comment that `id` names. Raises RestError."""
    row = core.store.get("comment", php_int(required(params, "id")))
    if row is None:
        raise RestError(400, "NOT_FOUND", "Element not found")
    return row


@rest("crm.timeline.comment.get", case="exact")
def comment_get(core: Core, params: Params) -> Record:
    """One comment."""
    return _show_comment(_comment(core, params))


@rest("crm.timeline.comment.delete", case="exact")
def comment_delete(core: Core, params: Params) -> bool:
    """A comment goes."""
    row = _comment(core, params)
    core.store.drop("comment", row["ID"])
    return True


@rest("crm.timeline.comment.update", case="exact")
def comment_update(core: Core, params: Params) -> bool:
    """Changes the text of a comment."""
    row = _comment(core, params)
    text = required_map(params, "fields").get("COMMENT")
    core.store.put("comment", row["ID"], {**row, "COMMENT": str(text or "")})
    return True


@rest("crm.duplicate.findbycomm")
def find_duplicates(core: Core, params: Params) -> dict[str, list[int]]:
    """Leads, contacts and companies by telephone or e-mail; telephones compare by their digits."""
    kind = str(params.get("type") or "").upper()
    if kind not in ("PHONE", "EMAIL"):
        raise _undefined("Communication type")
    values = [_communication(kind, value) for value in as_list(params.get("values"))][:MAX_DUPLICATES]
    if not values:
        raise _undefined("Communication values")
    asked = str(params.get("entity_type") or "").lower()
    found: dict[str, list[int]] = {}
    for table in ("lead", "contact", "company"):
        if asked not in ("", table):
            continue
        ids = [row["ID"] for row in core.store.all(table) if _has(row, kind, values)]
        if ids:
            found[table.upper()] = ids[:MAX_DUPLICATES]
    return found


def _undefined(what: str) -> RestError:
    """This method's refusal has its text for a code."""
    return RestError(400, f"{what} is not defined", f"{what} is not defined")


def _communication(kind: str, value: Any) -> str:
    """A telephone or an e-mail as they are compared: 8 916… is 7916…"""
    text = str(value).strip().casefold()
    if kind == "EMAIL":
        return text
    digits = "".join(filter(str.isdigit, text))
    if len(digits) == 11 and digits.startswith("8"):
        return f"7{digits[1:]}"
    return digits


def _has(row: Record, kind: str, values: list[str]) -> bool:
    """Whether the card has one of these telephones or e-mails."""
    for element in row.get("FM") or ():
        if element["TYPE_ID"] == kind and _communication(kind, element["VALUE"]) in values:
            return True
    return False


@rest("bizproc.workflow.start", scope="bizproc", case="upper")
def workflow_start(core: Core, params: Params) -> str:
    """Remembers that a workflow was started on an item that exists; gives the workflow's id."""
    document = as_list(params.get("DOCUMENT_ID"))
    if len(document) != 3 or document[0] != "crm":
        raise old_error("Wrong DOCUMENT_ID!")
    _, kind, document_id = document
    prefix, table = DOCUMENTS.get(str(kind), ("", ""))
    if not table:
        raise old_error("Incorrect document type!")
    template = php_int(params.get("TEMPLATE_ID"))
    if template <= 0:
        raise RestError(400, "ERROR_WRONG_WORKFLOW_ID", "Empty TEMPLATE_ID")
    number = php_int(str(document_id).removeprefix(f"{prefix}_"))
    if core.store.get(table, number) is None:
        raise old_error("Wrong DOCUMENT_ID!")
    workflow = core.store.new_id("workflow")
    record = {
        "ID": workflow,
        "TEMPLATE_ID": template,
        "DOCUMENT_ID": document,
        "PARAMETERS": as_map(params.get("PARAMETERS")),
    }
    core.store.put("workflow", workflow, record)
    return f"{workflow:012x}.{workflow:08d}"
