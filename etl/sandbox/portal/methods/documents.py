"""Templates and numerators of the document generator: crm.documentgenerator.template.* and numerator.*.

Shapes are those of the REST documentation: a list is a map by id, rights are a list there and a map in a
single template, a deleted template stays in the table with isDeleted=Y and no longer answers to its id.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from typing import Any

from etl.sandbox.portal.core import Core, rest
from etl.sandbox.portal.lists.conditions import PLAIN
from etl.sandbox.portal.lists.query import select_rows
from etl.sandbox.portal.methods.crm_items import required
from etl.sandbox.portal.pipelines import categories
from etl.sandbox.portal.store import Record
from etl.sandbox.portal.wire import Page, Params, RestError, as_list, as_map, is_yes, php_int

TEMPLATE = {
    "id": "integer",
    "name": "string",
    "region": "string",
    "code": "string",
    "active": "char",
    "moduleId": "string",
    "numeratorId": "integer",
    "withStamps": "char",
    "isDeleted": "char",
    "sort": "integer",
    "createTime": "datetime",
    "updateTime": "datetime",
}
#: fields that a list shows only where they are named
EXTRA = ("entityTypeId", "users")
OWNERS = {"1", "2", "3", "4", "5", "7", "31"}
PAGE = 50
SEQUENT = "Bitrix_Main_Numerator_Generator_SequentNumberGenerator"
DOWNLOAD = (
    "https://sandbox/bitrix/services/main/ajax.php"
    "?action=crm.documentgenerator.template.download&SITE_ID=s1&id={id}"
)
MACHINE_DOWNLOAD = "https://sandbox/rest/crm.documentgenerator.template.download.json?auth=***&token=***"


def _refused(text: str) -> RestError:
    return RestError(400, "0", text)


def _show(row: Record) -> Record:
    """A single template."""
    shown: Record = {}
    for name in TEMPLATE:
        value = row.get(name)
        shown[name] = None if value is None else str(value)
    shown["download"] = DOWNLOAD.format(id=row["id"])
    shown["downloadMachine"] = MACHINE_DOWNLOAD
    shown["users"] = {code: code for code in row["users"]}
    shown["entityTypeId"] = row["entityTypeId"]
    return shown


def _file(value: Any) -> str:
    """Base64 of the file, given bare or as [name, base64].

    The portal wants a zip with word/document.xml in it. Raises RestError.
    """
    given = as_list(value)
    text = str(given[-1]) if given else ""
    if not text:
        raise _refused("Missing file content")
    try:
        content = base64.b64decode(text, validate=True)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.getinfo("word/document.xml")
    except (binascii.Error, zipfile.BadZipFile, KeyError):
        raise _refused("Could not save file") from None
    return text


def _bindings(core: Core, value: Any) -> list[str]:
    """Owners of a template; pipelines that do not exist are passed over without a word."""
    known = set(OWNERS)
    # a pipeline of deals is spelt `2_category_<id>`, one of smart invoices `31_<id>`
    known |= {f"2_category_{row['id']}" for row in categories(core, 2)}
    known |= {f"31_{row['id']}" for row in categories(core, 31)}
    given = dict.fromkeys(_texts(value))
    return [code for code in given if code in known]


def _texts(value: Any) -> list[str]:
    """A list of texts in any of its spellings."""
    return [str(item) for item in as_list(value)]


def _flag(value: Any) -> str:
    """Y or N."""
    return "Y" if is_yes(value) else "N"


def _fields(params: Params) -> Record:
    """The parameter `fields`. Raises RestError where it is no map."""
    value = required(params, "fields")
    if not isinstance(value, (dict, list)):
        text = f"Invalid value {{{value}}} to match with parameter {{fields}}. Should be value of type array."
        raise RestError(400, "100", text)
    return as_map(value)


def _check_given(fields: Params, names: tuple[str, ...]) -> None:
    """Raises RestError naming all fields that are empty."""
    empty = [name for name in names if not fields.get(name)]
    if empty:
        raise _refused(f"Empty required fields: {', '.join(empty)}")


def _template(core: Core, params: Params) -> Record:
    """The template that `id` names, unless it was deleted. Raises RestError."""
    row = core.store.get("doctemplate", php_int(required(params, "id")))
    if row is None or row["isDeleted"] == "Y":
        raise _refused("Template not found")
    return row


@rest("crm.documentgenerator.template.add", case="exact")
def template_add(core: Core, params: Params) -> Record:
    """A new template; without rights it is its author's."""
    fields = _fields(params)
    _check_given(fields, ("name", "numeratorId", "region", "entityTypeId"))
    number = core.store.new_id("doctemplate")
    row = {
        "id": number,
        "name": str(fields["name"]),
        "region": str(fields["region"]),
        "code": None,
        "moduleId": "crm",
        "isDeleted": "N",
        "active": _flag(fields.get("active", "Y")),
        "numeratorId": php_int(fields["numeratorId"]),
        "withStamps": _flag(fields.get("withStamps")),
        "sort": php_int(fields.get("sort")) or 500,
        "users": _texts(fields.get("users")) or [f"U{core.user_id}"],
        "entityTypeId": _bindings(core, fields["entityTypeId"]),
        "file": _file(fields.get("file")),
        "createTime": core.stamp(),
        "updateTime": core.stamp(),
    }
    core.store.put("doctemplate", number, row)
    return {"template": _show(row)}


@rest("crm.documentgenerator.template.update", case="exact")
def template_update(core: Core, params: Params) -> Record:
    """What is not named stays, rights and owners too."""
    row = dict(_template(core, params))
    fields = _fields(params)
    for name in ("name", "region", "active", "withStamps", "sort", "numeratorId"):
        if fields.get(name):
            row[name] = fields[name]
    if fields.get("users"):
        row["users"] = _texts(fields["users"])
    if fields.get("entityTypeId"):
        row["entityTypeId"] = _bindings(core, fields["entityTypeId"])
    if fields.get("file"):
        row["file"] = _file(fields["file"])
    row["updateTime"] = core.stamp()
    core.store.put("doctemplate", row["id"], row)
    return {"template": _show(row)}


@rest("crm.documentgenerator.template.get", case="exact")
def template_get(core: Core, params: Params) -> Record:
    """One template that was not deleted."""
    return {"template": _show(_template(core, params))}


@rest("crm.documentgenerator.template.delete", case="exact")
def template_delete(core: Core, params: Params) -> None:
    """Marks a template as deleted."""
    row = _template(core, params)
    core.store.put("doctemplate", row["id"], {**row, "isDeleted": "Y"})


@rest("crm.documentgenerator.template.list", case="exact")
def template_list(core: Core, params: Params) -> Page:
    """One page of templates, deleted ones only where the filter asks for them."""
    condition = as_map(params.get("filter"))
    if "isDeleted" not in {key.lstrip("@!=<>") for key in condition}:
        condition = {**condition, "isDeleted": "N"}
    asked = {"filter": condition, "order": params.get("order"), "start": params.get("start")}
    page = select_rows(core, "doctemplate", TEMPLATE, asked, PLAIN, id_field="id")
    names = _names(params.get("select"))
    shown = {str(row["id"]): _listed(row, names) for row in page.result}
    return Page({"templates": shown}, page.total, page.next)


def _names(select: Any) -> set[str]:
    """The fields of a list: all simple ones or those selected, and always where to download the file."""
    chosen = set(_texts(select)) or {"*"}
    names = {"id", "download", "downloadMachine"}
    names |= chosen & {*TEMPLATE, *EXTRA}
    if "*" in chosen:
        names |= set(TEMPLATE)
    return names


def _listed(row: Record, names: set[str]) -> Record:
    """A template in a list: only these fields, rights as a list."""
    shown = {**_show(row), "users": row["users"]}
    return {name: value for name, value in shown.items() if name in names}


@rest("crm.documentgenerator.numerator.add", case="exact")
def numerator_add(core: Core, params: Params) -> Record:
    """A new numerator with the settings of its sequence."""
    fields = _fields(params)
    _check_given(fields, ("name", "template"))
    number = core.store.new_id("numerator")
    given = as_map(as_map(fields.get("settings")).get(SEQUENT))
    settings = {
        "start": php_int(given.get("start", 1)),
        "step": php_int(given.get("step", 1)),
        "length": 0,
        "padString": "0",
        "periodicBy": None,
        "timezone": None,
        "isDirectNumeration": False,
    }
    row = {
        "id": number,
        "name": str(fields["name"]),
        "template": str(fields["template"]),
        "settings": {SEQUENT: settings},
    }
    core.store.put("numerator", number, row)
    return {"numerator": {**row, "code": None}}


@rest("crm.documentgenerator.numerator.list", case="exact")
def numerator_list(core: Core, params: Params) -> Page:
    """One page of numerators."""
    listed = [{**row, "id": str(row["id"])} for row in core.store.all("numerator")]
    start = max(0, php_int(params.get("start")))
    following = start + PAGE
    rows = listed[start:following]
    return Page({"numerators": rows}, len(listed), following if following < len(listed) else None)
