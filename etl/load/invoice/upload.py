"""Putting the form «Счет на оплату» on the portal, and what keeps the portal from drawing its QR code."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from etl.bitrix24 import directory, fields
from etl.bitrix24.calls import Outcome, rows
from etl.bitrix24.classify import Verdict
from etl.bitrix24.client import Client
from etl.bitrix24.fields import DEAL, INVOICE
from etl.bitrix24.lists.listing import Listing
from etl.bitrix24.lists.reading import of_owners, paged
from etl.config.profile import Profile
from etl.errors import ConfigError, Rejected, TryLater
from etl.load.invoice.qr import Payee, payment_qr
from etl.load.invoice.template import build
from etl.values import keys

#: entity -> name of its template on the portal: by it the template is found again
NAMES = {INVOICE: "Счет на оплату (obmen24)", DEAL: "Счет на оплату по сделке (obmen24)"}
NUMERATOR = "Счет на оплату (obmen24)"
_FILE_NAME = "schet-na-oplatu.docx"
_CREATED = "{DocumentCreateTime~d.m.Y}"

Row = Mapping[str, Any]


def upload(client: Client, profile: Profile) -> str:
    """Put the form for smart invoices and the one for deals on the portal, over those of an earlier upload.

    A template is found by its name; what a person set beside the file (name, rights, order, stamps) stays.
    Returns a Russian account, which also says for which organisation the portal will draw no QR code. Raises
    ConfigError (the portal refuses, rights), TryLater (the portal does not answer).
    """
    said = []
    for entity in NAMES:
        number, date = _title(client, profile, entity)
        said.append(_upload(client, entity, build(number, date)))
    return " ".join([*said, *_without_qr(client, profile)])


# ---- number and date of the title ----


def _title(client: Client, profile: Profile, entity: int) -> tuple[str, str]:
    """Number and date as 1C knows them: bank receipts are matched by the number a payer copies from the form.

    1C numbers our documents by `values.keys`. A deal that the profile tells 1C's own numbers prints those.
    """
    if entity == INVOICE:
        return _own_number(keys.invoice("1")), "{Begindate~d.m.Y}"
    told = profile.orders.fields if profile.orders else {}
    known = _deal_fields(client) if told else {}
    for document in ("invoice", "order"):
        number = _field_code(known, told.get(f"{document}_number"))
        date = _field_code(known, told.get(f"{document}_date"))
        if number:
            dated = _placeholder(date, "d.m.Y") if date else _CREATED
            return _placeholder(number), dated
    return _own_number(keys.order("1")), _CREATED


def _deal_fields(client: Client) -> dict[str, fields.PortalField]:
    """The fields that the portal has for deals, by code."""
    return fields.portal_fields(client.read("crm.item.fields", {"entityTypeId": DEAL}))


def _own_number(example: str) -> str:
    """«B24-1» to «B24-{Id}»."""
    return example.removesuffix("1") + "{Id}"


def _field_code(known: dict[str, fields.PortalField], name: str | None) -> str | None:
    """Code of the portal's field that the profile names, if there is one."""
    if name is None:
        return None
    found = fields.find_field(known, name)
    return found[0].code if found else None


def _placeholder(code: str, modifier: str = "") -> str:
    """UF_CRM_17 -> {UfCrm17}, as the portal spells a field in templates."""
    name = ""
    for part in code.lower().split("_"):
        name += part[:1].upper() + part[1:]
    if modifier:
        name += f"~{modifier}"
    return f"{{{name}}}"


# ---- the template ----


def _upload(client: Client, entity: int, file: bytes) -> str:
    """Put one form on the portal; what became of it, in Russian."""
    name = NAMES[entity]
    wanted = _bindings(client, entity)
    found = _templates(client, name)
    encoded = base64.b64encode(file).decode("ascii")
    content = {"file": [_FILE_NAME, encoded]}
    if found:
        first = min(found, key=_number)
        wanted = sorted({*wanted, *_bound(first)})
        outcome = _update(client, first["id"], {**content, "entityTypeId": wanted})
        account = f"Шаблон «{name}» обновлён."
    else:
        outcome = _add(client, {**content, "name": name, "entityTypeId": wanted})
        account = f"Шаблон «{name}» загружен."
    held = _bound(_done(outcome, name)["template"])
    missing = [binding for binding in wanted if binding not in held]
    if missing:
        account += (
            f" Портал не привязал его к {', '.join(missing)}: "
            "отметьте эти воронки в шаблоне на портале (CRM, шаблоны документов)."
        )
    return account


def _number(template: Row) -> int:
    """The id of a template, which the portal counts up: the least one was made first."""
    return int(template["id"])


def _update(client: Client, identifier: object, values: Row) -> Outcome:
    """Only what we made is written: what a person set in the template is no part of `values`."""
    wanted = {"id": identifier, "fields": values}
    return client.write("crm.documentgenerator.template.update", wanted)


def _add(client: Client, values: Row) -> Outcome:
    """A template of our own for everybody («UA»), without stamps until a person wants them."""
    settings = {
        "numeratorId": _numerator(client),
        "region": "ru",
        "users": ["UA"],
        "active": "Y",
        "withStamps": "N",
    }
    return client.write("crm.documentgenerator.template.add", {"fields": {**values, **settings}})


def _templates(client: Client, name: str) -> list[Row]:
    """Templates of this very name that are not deleted."""
    asked = {
        "select": ["id", "name", "entityTypeId"],
        "filter": {"name": name},
        "order": {"id": "asc"},
    }
    listed = paged(client, "crm.documentgenerator.template.list", asked, "templates")
    return [one for one in listed if str(one.get("name")) == name]


def _bindings(client: Client, entity: int) -> list[str]:
    """All pipelines of deals (`2_category_0`) or of smart invoices (`31_5`), as templates name them."""
    listed = paged(client, "crm.category.list", {"entityTypeId": entity}, "categories")
    prefix = f"{entity}_category_" if entity == DEAL else f"{entity}_"
    return sorted(f"{prefix}{pipeline['id']}" for pipeline in listed)


def _bound(template: Row) -> set[str]:
    """What a template of the portal is bound to."""
    bindings = rows(template.get("entityTypeId"))
    return set(map(str, bindings))


def _numerator(client: Client) -> str:
    """The generator wants a numerator for its own journal of documents; the form prints the number of 1C."""
    listed = paged(client, "crm.documentgenerator.numerator.list", {}, "numerators")
    for one in listed:
        if str(one.get("name")) == NUMERATOR:
            return str(one["id"])
    wanted = {"fields": {"name": NUMERATOR, "template": "{NUMBER}"}}
    outcome = client.write("crm.documentgenerator.numerator.add", wanted)
    made = _done(outcome, NUMERATOR)
    return str(made["numerator"]["id"])


def _done(outcome: Outcome, name: str) -> Row:
    """What the portal answered to a write of `name`.

    Raises ConfigError when it refused, TryLater when it is not sure that it is done.
    """
    if outcome.ok:
        result: Row = outcome.result
        return result
    if outcome.verdict is Verdict.PERMANENT:
        raise ConfigError(
            f"Портал не принял «{name}»: {outcome.text or outcome.code or 'без объяснения'}.",
            "Владельцу вебхука нужно право изменять шаблоны документов CRM; дайте его и повторите.",
        )
    raise TryLater(
        f"Портал не подтвердил загрузку «{name}».",
        "Повторите obmen24 init --templates: второй копии не появится.",
    )


# ---- the QR code ----


def _without_qr(client: Client, profile: Profile) -> list[str]:
    """A sentence for each of our organisations whose requisites on the portal are not enough for a QR code.

    The portal prints none then, silently.
    """
    own = directory.own_requisites(client, profile)
    listing = Listing("crm.requisite.list", select=["*"])
    cards = of_owners(client, listing, "@ID", own)
    held = {str(card["ID"]): card for card in cards}
    banks = directory.grouped(client, directory.banks(), "ENTITY_ID", own)
    said = []
    for organisation in profile.organisations:
        name = organisation.name
        numbers = [number for number, owner in own.items() if owner == name]
        if not numbers:
            said.append(f"QR-кода в счетах «{name}» не будет: у «Ваших компаний» портала нет её реквизитов.")
            continue
        faults: list[str | None] = []
        for number in numbers:
            faults += _faults(held[number], banks.get(number))
        if all(faults):
            said.append(f"QR-кода в счетах «{name}» не будет. {faults[0]}")
    return said


def _faults(requisite: Row, accounts: Iterable[Row] | None) -> list[str | None]:
    """For each bank account of a requisite why there is no QR code, None where there is one.

    A requisite without an account is asked once: it has one fault.
    """
    asked = accounts or [{}]
    return [_fault(requisite, account) for account in asked]


def _fault(requisite: Row, bank: Row) -> str | None:
    """Why the portal cannot make a QR code of this requisite and bank account, if it cannot."""
    payee = Payee(
        _payee_name(requisite),
        bank.get("RQ_ACC_NUM"),
        bank.get("RQ_BANK_NAME"),
        bank.get("RQ_BIK"),
        bank.get("RQ_COR_ACC_NUM"),
        requisite.get("RQ_INN"),
        requisite.get("RQ_KPP"),
    )
    try:
        payment_qr(payee)
    except Rejected as refusal:
        return str(refusal)
    return None


def _payee_name(requisite: Row) -> str:
    """The name of a company, else that of a person."""
    for field in ("RQ_COMPANY_NAME", "RQ_COMPANY_FULL_NAME", "RQ_NAME"):
        if requisite.get(field):
            return str(requisite[field])
    parts = ("RQ_LAST_NAME", "RQ_FIRST_NAME", "RQ_SECOND_NAME")
    names = [str(requisite.get(part) or "") for part in parts]
    return " ".join(names)
