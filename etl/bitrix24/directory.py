"""How parties lie on the portal: companies and contacts, their requisites, bank details and addresses.

Shared by reading and writing. Facts: reference bitrix24 §3.5, §4.2, §4.4, §4.5, §5 (`§` below).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from etl.bitrix24 import calls
from etl.bitrix24.client import Client
from etl.bitrix24.fields import COMPANY, CONTACT, PortalField, normal
from etl.bitrix24.lists.listing import Listing, Row
from etl.bitrix24.lists.reading import every, of_owners, paged
from etl.bitrix24.names import Names
from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.values import checked

REQUISITE = 8
#: Kind of party -> mark inside XML_ID of the portal's own preset, and its usual Russian name.
_PRESETS = {
    "legal": ("RU_COMPANY", "организация"),
    "sole_trader": ("RU_INDIVIDUAL", "ип"),
    "person": ("RU_PERSON", "физ. лицо"),
}
#: Column of `parties` -> TYPE_ID of an address (§4.5): 6 legal, 1 actual.
ADDRESSES = {"legal_address": "6", "actual_address": "1"}
#: Column of an address -> that of its city.
CITIES = {"legal_address": "legal_city", "actual_address": "city"}
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
#: Columns of `accounts` that are numbers, in which zeros and dashes say nothing.
BANK_CODES = ("number", "bik", "corr_account")
#: What is said of a record that a write has not found.
GONE = "записи на портале нет: её удалили или объединили с другой"
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


def items(kind: int, condition: Mapping[str, Any] | None = None, select: Sequence[str] = ("*",)) -> Listing:
    """Records of one entity type (§4.2); by default all fields, multifields come with `*` only (§3.3)."""
    params = {"entityTypeId": kind}
    return Listing("crm.item.list", "id", "items", params, condition or {}, select)


def requisites(kind: int) -> Listing:
    """Requisites of companies or contacts: ИНН, КПП and the like are not fields of the company itself
    (§4.5).
    """
    return Listing("crm.requisite.list", filter={"=ENTITY_TYPE_ID": kind}, select=["*", "UF_*"])


def is_in_use(requisite: Row) -> bool:
    """Whether a requisite is active (§4.5: ACTIVE Y or N)."""
    return str(requisite.get("ACTIVE") or "Y").upper() != "N"


def banks() -> Listing:
    """Bank details of all requisites."""
    return Listing("crm.requisite.bankdetail.list", select=["*"])


def addresses(type_id: str) -> Listing:
    """Addresses of one type: a requisite has one at most, so its id is the key, an address has none
    (§4.5).
    """
    asked = {"=ENTITY_TYPE_ID": REQUISITE, "=TYPE_ID": type_id}
    return Listing("crm.address.list", "ENTITY_ID", filter=asked)


def grouped(client: Client, listing: Listing, owner: str, owners: Iterable[str]) -> dict[str, list[Row]]:
    """Rows of a list by their owner (`owner` is its field), each owner's in the order of ids."""
    rows = of_owners(client, listing, f"@{owner}", owners)
    return calls.grouped(rows, owner, listing.id)


def numbers_by(client: Client, listing: Listing, field: str, values: Iterable[str]) -> dict[str, list[str]]:
    """Value of a field -> ids of the records with it, oldest first (an external id is not unique, §5)."""
    numbers: dict[str, list[str]] = {}
    found = grouped(client, listing, field, values)
    for value, rows in found.items():
        numbers[value] = [str(row[listing.id]) for row in rows]
    return numbers


def by_origin(client: Client, kind: int, originator: str, origins: Iterable[str]) -> dict[str, list[str]]:
    """External id -> ids of the portal's deals, contacts or companies with it, oldest first (§5)."""
    ours = {"=originatorId": originator}
    listing = items(kind, ours, ["id", "originId"])
    return numbers_by(client, listing, "originId", origins)


def item_id(answer: Any) -> str:
    """Id out of the answer of crm.item.add (§4.2)."""
    return str(answer["item"]["id"])


def own_fields(names: Names, profile: Profile, kind: int) -> dict[str, PortalField]:
    """Column of `parties` or `contacts` -> field of this portal that the profile gives it."""
    entity = profile.entities.get("parties" if kind == COMPANY else "contacts")
    if entity is None:
        return {}
    found: dict[str, PortalField] = {}
    for column, text in entity.fields.items():
        found[column] = names.field(text, kind)
    return found


def different(row: Row, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of `wanted` the portal holds otherwise; absence is "" (§3.4)."""
    changed: dict[str, Any] = {}
    for name, value in wanted.items():
        held = row.get(name) or ""
        if str(held) != str(value):
            changed[name] = value
    return changed


def multifields(row: Row, kind: str) -> list[Row]:
    """Elements of a multifield of an item: id, value, valueType (§3.5)."""
    found: list[Row] = []
    for element in calls.rows(row.get("fm")):
        same_kind = str(element.get("typeId")) == kind
        is_filled = bool(element.get("value"))
        if same_kind and is_filled:
            found.append(element)
    return found


def own_requisites(client: Client, profile: Profile) -> dict[str, str]:
    """Requisite of one of our own companies -> the organisation's name in the profile (by ИНН, else by
    name).
    """
    return {requisite: name for requisite, _, name in _own(client, profile)}


def own_companies(client: Client, profile: Profile) -> dict[str, str]:
    """Our own companies of the portal -> the organisation's name in the profile; of a company with several
    requisites the first counts.
    """
    found = dict(_own_titles(client))
    for _, owner, name in reversed(list(_own(client, profile))):
        found[owner] = name
    return found


def _own(client: Client, profile: Profile) -> Iterator[tuple[str, str, str]]:
    """(requisite, company, name of the organisation) of our own companies, as the portal lists them."""
    titles = _own_titles(client)
    by_inn: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for one in profile.organisations:
        by_name[normal(one.name)] = one.name
        if one.inn:
            by_inn[one.inn] = one.name
    for row in of_owners(client, requisites(COMPANY), "@ENTITY_ID", titles):
        owner = str(row["ENTITY_ID"])
        inn = checked.code(row.get("RQ_INN")) or ""
        title = str(row.get("RQ_COMPANY_NAME") or titles[owner])
        yield str(row["ID"]), owner, by_inn.get(inn) or by_name.get(normal(title), title)


def _own_titles(client: Client) -> dict[str, str]:
    """Our own companies on the portal: id -> title (§4.4: they lie among the customers, marked)."""
    listing = items(COMPANY, {"=isMyCompany": "Y"}, ["id", "title"])
    titles: dict[str, str] = {}
    for row in every(client, listing):
        number = str(row["id"])
        titles[number] = str(row.get("title") or "")
    return titles


def presets(client: Client) -> dict[str, str]:
    """Kind of party -> id of the requisite preset: ids differ between portals, and the portal checks none
    (§4.5).

    Raises ConfigError with the presets there are when the one of legal entities is missing.
    """
    asked = {"order": {"ID": "ASC"}, "select": ["ID", "NAME", "XML_ID", "ACTIVE"]}
    held = list(paged(client, "crm.requisite.preset.list", asked))
    found: dict[str, str] = {}
    for kind in _PRESETS:
        number = _preset(held, kind)
        if number is not None:
            found[kind] = number
    if "legal" not in found:
        listed = ", ".join(f"«{row.get('NAME')}»" for row in held)
        raise ConfigError(
            f"На портале нет шаблона реквизитов «Организация»; есть: {listed}.",
            "Создайте его: CRM, Настройки, Реквизиты и услуги, Реквизиты.",
        )
    return {kind: found.get(kind, found["legal"]) for kind in _PRESETS}


def _preset(held: Sequence[Row], kind: str) -> str | None:
    """The system's own preset by its mark, else the one of that name."""
    mark, usual_name = _PRESETS[kind]
    named: str | None = None
    for row in held:
        number = str(row["ID"])
        marks = str(row.get("XML_ID") or "")
        if mark in marks:
            return number
        name = str(row.get("NAME") or "")
        is_usual = name.strip().lower() == usual_name
        if named is None and is_usual:
            named = number
    return named
