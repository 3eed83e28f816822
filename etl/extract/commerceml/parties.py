"""A Контрагент as it was read becomes rows of parties, accounts and contacts.

A row becomes the canonical row in place. Keys that start with `_` are notes of `elements`: each is taken out
here. Nothing of a record is added before all its values are read. Rules: reference/commerceml §3, §4.
"""

from __future__ import annotations

from etl import tables
from etl.config import dialects
from etl.extract.commerceml.engine.scope import Problem, Row, Scope
from etl.values import clean

_MOST_SEEN = 200_000
_LEGAL_INN, _PERSON_INN = 10, 12  # digits
_SOLE_OGRN = 15  # ОГРНИП; that of a legal entity has 13
_PHONES = frozenset({"телефонвнутренний", "телефонрабочий", "телефонмобильный", "телефондомашний", "телефон"})
_EMAILS = frozenset({"почта", "электроннаяпочта", "email", "e-mail"})
_NAME_NOTES = ("_last_name", "_first_name", "_middle_name")
_ADDRESSES = (
    ("legal_address", "legal_city", "_legal_address"),
    ("actual_address", "city", "_actual_address"),
)
_TOWNS = frozenset({"город", "населенныйпункт"})


def finish(row: Row, scope: Scope, _told: str | None) -> None:
    """A Контрагент outside documents; without Ид it is refused."""
    if not scope.rejected and row.get("id") is None:
        said = "Контрагент без Ид пропущен. Выгрузите его из 1С с идентификатором."
        scope.problem(Problem(said, row.get("name")))
    if not scope.rejected:
        add(row, scope)
    scope.settle(row.get("id") or row.get("name"))


def add(row: Row, scope: Scope, document: str | None = None) -> None:
    """A party with an `id`, its accounts and people, to the tables; `document`: the Ид of its document."""
    row["document"] = document
    row["file"] = scope.file
    _contacts(row)
    _addresses(row)
    official = row.pop("_official", None)
    person = row.pop("_person", None)
    row["kind"] = _kind(row, official, person)
    full = official or person
    row["full_name"] = full
    row.setdefault("name", full or _name_of_parts(row))
    _accounts(row, scope)
    _representatives(row, scope)
    for note in _NAME_NOTES:
        row.pop(note, None)
    scope.add("parties", row)


def _kind(row: Row, official: str | None, person: str | None) -> str | None:
    """Only a legal entity has an ИНН of ten digits or a КПП, only legal ones and sole traders
    ОфициальноеНаименование (§3.2).
    """
    if len(row.get("inn") or "") == _LEGAL_INN:
        return "legal"
    if _is_sole_trader(row, official, person):
        return "sole_trader"
    if official or row.get("kpp"):
        return "legal"
    if person or row.get("_last_name"):
        return "person"
    return None


def _is_sole_trader(row: Row, official: str | None, person: str | None) -> bool:
    """Told by ОГРНИП, by ОфициальноеНаименование with an ИНН of twelve digits, or by «ИП» in a name."""
    inn, ogrn = row.get("inn") or "", row.get("ogrn") or ""
    has_twelve = len(inn) == _PERSON_INN
    if len(ogrn) == _SOLE_OGRN:
        return True
    if has_twelve and official:
        return True
    has_kpp = bool(row.get("kpp"))
    if has_kpp and not has_twelve:
        return False
    return clean.is_sole_trader(official or person) or clean.is_sole_trader(row.get("name"))


def _contacts(row: Row) -> None:
    """Контакты by their Тип: phones, addresses of mail, and the rest as extra."""
    phones = []
    emails = []
    rest = {}
    for kind, value in row.pop("_contacts", ()):
        word = dialects.plain(kind)
        if word in _PHONES:
            phones.append(value)
        elif word in _EMAILS:
            emails.append(value)
        else:
            rest[kind] = value
    if phones:
        row["phones"] = tuple(dict.fromkeys(phones))
    if emails:
        row["emails"] = tuple(dict.fromkeys(emails))
    if rest:
        row.setdefault("extra", {}).update(rest)


def _name_of_parts(row: Row) -> str | None:
    """Фамилия Имя Отчество."""
    parts = [row[note] for note in _NAME_NOTES if row.get(note)]
    return " ".join(parts) or None


def _addresses(row: Row) -> None:
    """Представление, else the fields as they stand; each address has its own city, and a city alone is no
    address.
    """
    for column, city, note in _ADDRESSES:
        address = row.pop(note, None)
        if not address:
            continue
        fields = dict(address.get("_fields", ()))
        shown = address.get("_shown") or ", ".join(fields.values())
        row[city] = _city(fields)
        row[column] = shown if shown != row[city] else None


def _city(fields: Row) -> str | None:
    """The town or village that the fields of an address name."""
    for name, value in fields.items():
        if dialects.plain(name) in _TOWNS:
            return str(value)
    return None


def _accounts(row: Row, scope: Scope) -> None:
    for account in row.pop("_accounts", ()):
        number = account.get("number")
        if number and _is_first(scope, ("account", row["id"], number)):
            account["party"] = row["id"]
            account["file"] = scope.file
            account["place"] = row["place"]
            scope.add("accounts", account)


def _representatives(row: Row, scope: Scope) -> None:
    for order, person in enumerate(row.pop("_people", ()), start=1):
        _contacts(person)
        _addresses(person)
        name = (
            person.get("name") or person.get("_official") or person.get("_person") or _name_of_parts(person)
        )
        key = person.get("id") or f"{row['id']}/{order}"
        if name and _is_first(scope, ("contact", key)):
            scope.add("contacts", _contact(key, name, person, row, scope.file))


def _contact(key: str, name: str, person: Row, party: Row, file: str) -> tables.Record:
    return {
        "id": key,
        "party": party["id"],
        "name": name,
        "last_name": person.get("_last_name"),
        "first_name": person.get("_first_name"),
        "middle_name": person.get("_middle_name"),
        "phones": person.get("phones"),
        "emails": person.get("emails"),
        "city": person.get("city"),
        "file": file,
        "place": party["place"],
    }


def _is_first(scope: Scope, key: tuple[str, ...]) -> bool:
    """Accounts and people of one party come with each of its documents: handed out once per file."""
    mark = hash(key)
    seen = scope.facts.seen
    if mark in seen:
        return False
    if len(seen) < _MOST_SEEN:
        seen.add(mark)
    return True
