"""A party as a Контрагент of CommerceML, in a document or in the directory.

`party_2` is the Контрагент of 2.04-2.08 that stock 1C reads, `party_3` that of 3.1, with people and bank
accounts (commerceml §3.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from etl.config.dialects import Dialect
from etl.load.commerceml.text import COMMENT, NAME, VALUE, Node, cut, flag
from etl.records import Account, Contact, Party
from etl.values import clean

_BUYER = "Покупатель"


def party_2(party: Party, dialect: Dialect) -> list[Node]:
    """A Контрагент of 2.x.

    Legal and personal elements exclude each other: by them 1C tells the two apart (commerceml §3.3).
    """
    return [
        ("Ид", party["id"]),
        ("Наименование", cut(party["name"], NAME)),
        *(_legal_2(party, dialect) if _is_official(party, dialect) else _personal_2(party, dialect)),
        ("Адрес", None if dialect.one_address else address(party["actual_address"], party["city"])),
        ("Контакты", contacts(party, dialect)),
        ("Роль", party["role"] or _BUYER),
    ]


def _is_official(party: Party, dialect: Dialect) -> bool:
    """Has it an ОфициальноеНаименование for this 1C?"""
    kind = kind_of(party)
    return kind == "legal" or (kind == "sole_trader" and dialect.official_traders)


def _legal_2(party: Party, dialect: Dialect) -> list[Node]:
    """УНФ would take a client for any other with the same КПП, which thousands of firms share."""
    has_kpp = kind_of(party) == "legal" and not dialect.finds_by_contacts
    return [
        ("ОфициальноеНаименование", _full_name(party)),
        ("ЮридическийАдрес", address(party["legal_address"], party["legal_city"])),
        ("ИНН", party["inn"]),
        ("КПП", party["kpp"] if has_kpp else None),
        ("ОКПО", party["okpo"]),
    ]


def _personal_2(party: Party, dialect: Dialect) -> list[Node]:
    """УТ 11 makes a sole trader of any person with an ИНН."""
    is_misread = dialect.traders_by_inn and kind_of(party) == "person"
    return [
        ("ПолноеНаименование", _full_name(party)),
        ("ИНН", None if is_misread else party["inn"]),
        ("АдресРегистрации", address(party["legal_address"], party["legal_city"])),
    ]


def party_3(
    party: Party, dialect: Dialect, accounts: Sequence[Account] = (), people: Sequence[Contact] = ()
) -> list[Node]:
    """A Контрагент of 3.1, with the bank accounts and the people of the directory.

    The schema has no place for folder and code: they stand in Комментарий (docs/contract-1c.ru.md).
    """
    legal = kind_of(party) == "legal"
    registered = address(party["legal_address"], party["legal_city"])
    kpp = party["kpp"] if legal else None
    bank_accounts: list[Node] = [("РасчетныйСчет", _account(account)) for account in accounts]
    representatives: list[Node] = [("Представитель", _person(person, dialect)) for person in people]
    return [
        ("Ид", party["id"]),
        ("НомерВерсии", party["version"]),
        ("ПометкаУдаления", flag(party["deleted"])),
        ("Наименование", cut(party["name"], NAME)),
        ("ОфициальноеНаименование" if legal else "ПолноеНаименование", _full_name(party)),
        ("ЮридическийАдрес" if legal else "АдресРегистрации", registered),
        ("ИНН", party["inn"]),
        ("КПП", kpp),
        ("КодПоОКПО", party["okpo"]),
        ("РасчетныеСчета", bank_accounts or None),
        ("Комментарий", cut(_note(party), COMMENT)),
        ("Адрес", address(party["actual_address"], party["city"])),
        ("Контакты", contacts(party, dialect)),
        ("Представители", representatives or None),
        ("Роль", party["role"] or _BUYER),
    ]


def kind_of(party: Party) -> str:
    """Kind of a party (tables.PARTY_KINDS); where nobody tells it, by its name, ИНН and КПП."""
    name = party["full_name"] or party["name"]
    return party["kind"] or clean.party_kind(name, party["inn"], party["kpp"])


def _full_name(party: Party) -> str | None:
    """The full name; in a document a sole trader's begins with «ИП».

    There only these letters tell him from a person (commerceml §3.3); in a directory the name is the portal's
    own.
    """
    full = party["full_name"] or party["name"]
    in_document = party["document"] is not None
    if in_document and party["kind"] == "sole_trader" and full and not clean.is_sole_trader(full):
        full = f"ИП {full}"
    return cut(full, NAME)


def _note(party: Party) -> str | None:
    """«Папка: А/Б; Код: 1; Комментарий: …», as docs/contract-1c.ru.md agrees it with the 1C programmer.

    A semicolon inside folder and code is doubled; the comment is the rest of the text.
    """
    parts = []
    if party["folder_path"]:
        parts.append(f"Папка: {_doubled(party['folder_path'])}")
    if party["code"]:
        parts.append(f"Код: {_doubled(party['code'])}")
    own = (party["extra"] or {}).get("Комментарий")
    if not own:
        return "; ".join(parts) or own
    if parts or own.startswith(("Папка:", "Код:", "Комментарий:")):
        parts.append(f"Комментарий: {own}")
        return "; ".join(parts)
    return own


def _doubled(text: str) -> str:
    return text.replace(";", ";;")


def address(shown: str | None, city: str | None) -> list[Node] | None:
    """An address as 1C shows it; the city is repeated as a field."""
    city = cut(city, VALUE)
    shown = cut(shown, NAME) or cut(city, NAME)
    if not shown:
        return None
    field: list[Node] | None = [("Тип", "Город"), ("Значение", city)] if city else None
    return [("Представление", shown), ("АдресноеПоле", field)]


def contacts(holder: Party | Contact, dialect: Dialect) -> list[Node] | None:
    """Phones and e-mails, their kinds in the words that this 1C knows (commerceml §3.3)."""
    most = 1 if dialect.one_address else None
    phones = _contacts(dialect.phone_type, holder["phones"])[:most]
    emails = _contacts(dialect.email_type, holder["emails"])[:most]
    return [*phones, *emails] or None


def _contacts(kind: str, values: Iterable[str] | None) -> list[Node]:
    """Контакт of each value that is not blank."""
    nodes: list[Node] = []
    for raw in values or ():
        value = cut(raw, VALUE)
        if value:
            nodes.append(("Контакт", [("Тип", kind), ("Значение", value)]))
    return nodes


def _account(account: Account) -> list[Node]:
    """A bank account with its bank, which 1C finds by БИК."""
    bank: list[Node] = [
        ("СчетКорреспондентский", account["corr_account"]),
        ("Наименование", cut(account["bank_name"], NAME)),
        ("БИК", account["bik"]),
    ]
    return [("НомерСчета", account["number"]), ("Банк", bank)]


def _person(person: Contact, dialect: Dialect) -> list[Node]:
    return [
        ("Ид", person["id"]),
        ("Наименование", cut(person["name"], NAME)),
        ("Фамилия", person["last_name"]),
        ("Имя", person["first_name"]),
        ("Отчество", person["middle_name"]),
        ("Контакты", contacts(person, dialect)),
    ]


def reached(said: str) -> str:
    """A phone by its last ten digits, an e-mail without case: as a client is looked for by it."""
    digits = "".join(sign for sign in said if sign.isdigit())
    return said.strip().lower() if "@" in said else digits[-10:]
