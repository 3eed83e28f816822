"""How parties lie on the portal: companies and contacts, their requisites, bank details and addresses.

Shared by reading and writing. Facts: reference bitrix24 §3.5, §4.4, §4.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from etl.bitrix24.client import Client
from etl.bitrix24.fields import COMPANY, CONTACT, normal
from etl.bitrix24.lists import Listing, Row, every, of_owners, paged
from etl.config.profile import Profile
from etl.errors import ConfigError

REQUISITE = 8
#: Kind of party -> mark inside XML_ID of the portal's own preset, and its usual Russian name.
_PRESETS = {
    "legal": ("RU_COMPANY", "организация"),
    "sole_trader": ("RU_INDIVIDUAL", "ип"),
    "person": ("RU_PERSON", "физ. лицо"),
}
#: Column of `parties` -> TYPE_ID of an address: 6 legal, 1 actual.
ADDRESSES = {"legal_address": "6", "actual_address": "1"}
#: Parts of an address around its text, in the order people read them.
ADDRESS_PARTS = ("POSTAL_CODE", "COUNTRY", "PROVINCE", "REGION", "CITY", "ADDRESS_2")
#: Column of `parties` -> field of a requisite.
REQUISITE_FIELDS = {
    "inn": "RQ_INN",
    "kpp": "RQ_KPP",
    "okpo": "RQ_OKPO",
    "name": "RQ_COMPANY_NAME",
    "full_name": "RQ_COMPANY_FULL_NAME",
}
#: Column of `accounts` -> field of a bank detail.
BANK_FIELDS = {
    "number": "RQ_ACC_NUM",
    "bank_name": "RQ_BANK_NAME",
    "bik": "RQ_BIK",
    "corr_account": "RQ_COR_ACC_NUM",
    "currency": "RQ_ACC_CURRENCY",
}
#: Column of `parties` and `contacts` -> kind of multifield.
MULTIFIELDS = {"phones": "PHONE", "emails": "EMAIL"}


def split(identifier: str) -> tuple[int, str]:
    """`company_5` -> (4, "5"), `contact_7` -> (3, "7"). ValueError for anything else."""
    word, _, number = identifier.partition("_")
    kinds = {"company": COMPANY, "contact": CONTACT}
    if word not in kinds or not number.isdigit():
        raise ValueError(f"«{identifier}» не компания и не контакт портала")
    return kinds[word], number


def joined(kind: int, number: Any) -> str:
    """(4, 5) -> `company_5`."""
    return f"{'company' if kind == COMPANY else 'contact'}_{number}"


def items(kind: int, condition: Mapping[str, Any] | None = None) -> Listing:
    """Companies or contacts with all fields: multifields come with `*` only."""
    return Listing("crm.item.list", "id", "items", {"entityTypeId": kind}, condition or {}, ["*"])


def requisites(kind: int) -> Listing:
    return Listing("crm.requisite.list", filter={"=ENTITY_TYPE_ID": kind}, select=["*", "UF_*"])


def banks() -> Listing:
    return Listing("crm.requisite.bankdetail.list", select=["*"])


def addresses(type_id: str) -> Listing:
    """Addresses of one type: a requisite has one at most, so its id is the key (an address has none of its own)."""
    return Listing(
        "crm.address.list", "ENTITY_ID", filter={"=ENTITY_TYPE_ID": REQUISITE, "=TYPE_ID": type_id}
    )


def grouped(client: Client, listing: Listing, owner: str, owners: Iterable[str]) -> dict[str, list[Row]]:
    """Rows of a list by their owner (`owner` is its field), each owner's in the order of ids."""
    found: dict[str, list[Row]] = {}
    for row in sorted(of_owners(client, listing, f"@{owner}", owners), key=lambda row: int(row[listing.id])):
        found.setdefault(str(row[owner]), []).append(row)
    return found


def multifields(row: Row, kind: str) -> list[Row]:
    """Elements of a multifield of an item: id, value, valueType."""
    elements = row.get("fm") or []
    listed = elements.values() if isinstance(elements, Mapping) else elements
    return [element for element in listed if str(element.get("typeId")) == kind and element.get("value")]


def own_requisites(client: Client, profile: Profile) -> dict[str, str]:
    """Requisite of one of our own companies -> the organisation's name in the profile (by ИНН, else by name)."""
    own = Listing(
        "crm.item.list", "id", "items", {"entityTypeId": COMPANY}, {"=isMyCompany": "Y"}, ["id", "title"]
    )
    companies = {str(row["id"]): str(row.get("title") or "") for row in every(client, own)}
    by_inn = {one.inn: one.name for one in profile.organisations if one.inn}
    by_name = {normal(one.name): one.name for one in profile.organisations}
    found = {}
    for row in of_owners(client, requisites(COMPANY), "@ENTITY_ID", companies):
        title = str(row.get("RQ_COMPANY_NAME") or companies[str(row["ENTITY_ID"])])
        found[str(row["ID"])] = by_inn.get(str(row.get("RQ_INN") or "")) or by_name.get(normal(title), title)
    return found


def presets(client: Client) -> dict[str, str]:
    """Kind of party -> id of the requisite preset. The portal checks no preset, so a missing one is refused here.

    Raises ConfigError with the presets there are.
    """
    rows = list(
        paged(
            client,
            "crm.requisite.preset.list",
            {"order": {"ID": "ASC"}, "select": ["ID", "NAME", "XML_ID", "ACTIVE"]},
        )
    )
    found = {}
    for kind, (mark, name) in _PRESETS.items():
        own = [row for row in rows if mark in str(row.get("XML_ID") or "")]
        named = [row for row in rows if str(row.get("NAME") or "").strip().lower() == name]
        if own or named:
            found[kind] = str((own or named)[0]["ID"])
    if "legal" not in found:
        listed = ", ".join(f"«{row.get('NAME')}»" for row in rows)
        raise ConfigError(
            f"На портале нет шаблона реквизитов «Организация»; есть: {listed}.",
            "Создайте его: CRM, Настройки, Реквизиты и услуги, Реквизиты.",
        )
    return {kind: found.get(kind, found["legal"]) for kind in _PRESETS}
