"""Templates and numerators of the document generator: crm.documentgenerator.template.* and numerator.*.

Shapes are those of the REST documentation: a list is a map by id, rights are a list there and a map in a single template,
a deleted template stays in the table with isDeleted=Y and no longer answers to its id.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.methods.crm_items import required
from etl.sandbox.portal.methods.dictionaries import categories
from etl.sandbox.portal.query import PLAIN, select_rows
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, RestError, as_list, as_map, is_yes, php_int

TEMPLATE = {
    "id": "integer", "name": "string", "region": "string", "code": "string", "active": "char", "moduleId": "string",
    "numeratorId": "integer", "withStamps": "char", "isDeleted": "char", "sort": "integer", "createTime": "datetime",
    "updateTime": "datetime",
}  # fmt: skip
EXTRA = ("entityTypeId", "users")
OWNERS = {"1", "2", "3", "4", "5", "7", "31"}
PAGE = 50
SEQUENT = "Bitrix_Main_Numerator_Generator_SequentNumberGenerator"


def _refused(text: str) -> RestError:
    return RestError(400, "0", text)


def _show(row: Record) -> Record:
    shown = {name: None if row.get(name) is None else str(row[name]) for name in TEMPLATE}
    link = f"https://sandbox/bitrix/services/main/ajax.php?action=crm.documentgenerator.template.download&SITE_ID=s1&id={row['id']}"
    machine = "https://sandbox/rest/crm.documentgenerator.template.download.json?auth=***&token=***"
    rights = {code: code for code in row["users"]}
    return shown | {
        "download": link,
        "downloadMachine": machine,
        "users": rights,
        "entityTypeId": row["entityTypeId"],
    }


def _file(value: Any) -> str:
    """Base64 of the file, given bare or as [name, base64]. The portal wants a zip with word/document.xml in it."""
    text = str(as_list(value)[-1]) if as_list(value) else ""
    if not text:
        raise _refused("Missing file content")
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(text, validate=True))) as archive:
            archive.getinfo("word/document.xml")
    except (binascii.Error, zipfile.BadZipFile, KeyError):
        raise _refused("Could not save file") from None
    return text


def _bindings(core: Core, value: Any) -> list[str]:
    """Owners of a template; pipelines that do not exist are passed over without a word."""
    known = set(OWNERS)
    known |= {f"2_category_{row['id']}" for row in categories(core, 2)} | {
        f"31_{row['id']}" for row in categories(core, 31)
    }
    return [code for code in dict.fromkeys(map(str, as_list(value))) if code in known]


def _fields(params: dict[str, Any]) -> Record:
    value = required(params, "fields")
    if not isinstance(value, (dict, list)):
        raise RestError(
            400,
            "100",
            f"Invalid value {{{value}}} to match with parameter {{fields}}. Should be value of type array.",
        )
    return as_map(value)


def _template(core: Core, params: dict[str, Any]) -> Record:
    row = core.store.get("doctemplate", php_int(required(params, "id")))
    if row is None or row["isDeleted"] == "Y":
        raise _refused("Template not found")
    return row


@rest("crm.documentgenerator.template.add", case="exact")
def template_add(core: Core, params: dict[str, Any]) -> Record:
    fields = _fields(params)
    if empty := [name for name in ("name", "numeratorId", "region", "entityTypeId") if not fields.get(name)]:
        raise _refused(f"Empty required fields: {', '.join(empty)}")
    number = core.store.new_id("doctemplate")
    row = {
        "id": number, "name": str(fields["name"]), "region": str(fields["region"]), "code": None, "moduleId": "crm", "isDeleted": "N",
        "active": "Y" if is_yes(fields.get("active", "Y")) else "N", "numeratorId": php_int(fields["numeratorId"]),
        "withStamps": "Y" if is_yes(fields.get("withStamps")) else "N", "sort": php_int(fields.get("sort")) or 500,
        "users": [str(code) for code in as_list(fields.get("users"))] or [f"U{core.user_id}"],
        "entityTypeId": _bindings(core, fields["entityTypeId"]), "file": _file(fields.get("file")),
        "createTime": core.stamp(), "updateTime": core.stamp(),
    }  # fmt: skip
    core.store.put("doctemplate", number, row)
    return {"template": _show(row)}


@rest("crm.documentgenerator.template.update", case="exact")
def template_update(core: Core, params: dict[str, Any]) -> Record:
    """What is not named stays, rights and owners too."""
    row, fields = _template(core, params), _fields(params)
    changed = {
        name: fields[name]
        for name in ("name", "region", "active", "withStamps", "sort", "numeratorId")
        if fields.get(name)
    }
    if fields.get("users"):
        changed["users"] = [str(code) for code in as_list(fields["users"])]
    if fields.get("entityTypeId"):
        changed["entityTypeId"] = _bindings(core, fields["entityTypeId"])
    if fields.get("file"):
        changed["file"] = _file(fields["file"])
    row = {**row, **changed, "updateTime": core.stamp()}
    core.store.put("doctemplate", row["id"], row)
    return {"template": _show(row)}


@rest("crm.documentgenerator.template.get", case="exact")
def template_get(core: Core, params: dict[str, Any]) -> Record:
    return {"template": _show(_template(core, params))}


@rest("crm.documentgenerator.template.delete", case="exact")
def template_delete(core: Core, params: dict[str, Any]) -> None:
    row = _template(core, params)
    core.store.put("doctemplate", row["id"], {**row, "isDeleted": "Y"})


@rest("crm.documentgenerator.template.list", case="exact")
def template_list(core: Core, params: dict[str, Any]) -> Page:
    condition = as_map(params.get("filter"))
    if not any(key.lstrip("@!=<>") == "isDeleted" for key in condition):
        condition = {**condition, "isDeleted": "N"}
    asked = {"filter": condition, "order": params.get("order"), "start": params.get("start")}
    page = select_rows(core, "doctemplate", TEMPLATE, asked, PLAIN, id_field="id")
    chosen = [str(name) for name in as_list(params.get("select"))] or ["*"]
    names = {*TEMPLATE} if "*" in chosen else {"id", *chosen} & {*TEMPLATE, *EXTRA}
    names |= {"download", "downloadMachine"} | ({*EXTRA} & {*chosen})
    shown = {str(row["id"]): _listed(row, names) for row in page.result}
    return Page({"templates": shown}, page.total, page.next)


def _listed(row: Record, names: set[str]) -> Record:
    shown = _show(row) | {"users": row["users"]}
    return {name: value for name, value in shown.items() if name in names}


@rest("crm.documentgenerator.numerator.add", case="exact")
def numerator_add(core: Core, params: dict[str, Any]) -> Record:
    fields = _fields(params)
    if empty := [name for name in ("name", "template") if not fields.get(name)]:
        raise _refused(f"Empty required fields: {', '.join(empty)}")
    number = core.store.new_id("numerator")
    given = as_map(as_map(fields.get("settings")).get(SEQUENT))
    settings = {"start": php_int(given.get("start", 1)), "step": php_int(given.get("step", 1)), "length": 0, "padString": "0",
                "periodicBy": None, "timezone": None, "isDirectNumeration": False}  # fmt: skip
    row = {
        "id": number,
        "name": str(fields["name"]),
        "template": str(fields["template"]),
        "settings": {SEQUENT: settings},
    }
    core.store.put("numerator", number, row)
    return {"numerator": {**row, "code": None}}


@rest("crm.documentgenerator.numerator.list", case="exact")
def numerator_list(core: Core, params: dict[str, Any]) -> Page:
    listed = [{**row, "id": str(row["id"])} for row in core.store.all("numerator")]
    start = max(0, php_int(params.get("start")))
    following = start + PAGE
    return Page(
        {"numerators": listed[start:following]}, len(listed), following if following < len(listed) else None
    )
