"""What 1C tells of its контрагенты: cards of the directory and of the buyers of orders that were born
there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from etl import tables
from etl.flows.directories.comparison import Comparison
from etl.flows.directories.records import Card, onec_id
from etl.flows.run import Record
from etl.records import Account, Contact, Document, Party
from etl.transform import cards
from etl.values import checked, keys, money

ACCOUNT = ("number", "bank_name", "bik", "corr_account", "currency")
PLACES = ("city", "legal_city", "legal_address", "actual_address")
REACHED = ("phones", "emails", *PLACES)
PERSON = ("last_name", "first_name", "middle_name")

Told = tuple[Card, Record]


def heard(found: Comparison) -> Iterator[Told]:
    """Cards with their table rows (file, version); a stock base tells its buyers with their orders only."""
    parties = _directory(found)
    contacts = tables.records(found.reading.table("contacts"), Contact)
    rows: dict[str, Record] = {row["id"]: dict(row) for row in (*parties, *contacts)}
    accounts = _accounts(found)
    for card in cards.cards(parties, contacts):
        yield _told(found, card, rows, accounts)
    for row in rows.values():
        if row.get("deleted"):
            yield _deleted(found, row), {"file": row["file"], "version": row["version"]}


def _told(
    found: Comparison, card: cards.Card, rows: dict[str, Record], accounts: dict[str, tuple[Any, ...]]
) -> Told:
    """A card with tidy values. A contact person stands in the row of its company."""
    row = rows.get(card.origin) or rows[card.owner or ""]
    holder = rows.get(card.owner or card.origin, row)
    values = _cleaned(found, dict(card.values), row, card.origin)
    if card.origin in accounts:
        values["accounts"] = accounts[card.origin]
    if row.get("deleted") is False:
        values["deleted"] = False
    entity = "contact" if card.contact else "company"
    return (
        Card(entity, card.origin, values, card.owner),
        {"file": holder["file"], "version": holder.get("version")},
    )


def _directory(found: Comparison) -> list[Party]:
    """The directory itself, before it the buyers of orders born in 1C that it does not hold."""
    rows = tables.records(found.reading.table("parties"), Party)
    told = {row["id"] for row in rows if row["document"] is None}
    born = _born(found.reading.documents)
    sent = _other_persons(found) if told else set()
    directory = [row for row in rows if row["document"] is None and row["id"] not in sent]
    buyers: list[Party] = []
    for row in rows:
        is_born = (row["document"], row["id"]) in born
        if is_born and row["id"] not in told:
            row["document"] = None
            buyers.append(row)
    return [*buyers, *directory]


def _other_persons(found: Comparison) -> set[str]:
    """Ids under which 1C was told other legal persons of our cards: they have no cards of their own."""
    others = found.run.portal.directory["requisites"]
    return {onec_id(found.run, party) for party in others["id"]}


def _born(documents: Iterable[Document]) -> set[tuple[str | None, str]]:
    """(order, buyer) of orders that people made in 1C: their numbers are none of ours."""
    born: set[tuple[str | None, str]] = set()
    for row in documents:
        is_theirs = keys.decode(row["number"]) is None
        buyer = row["party"]
        if row["kind"] == "order" and is_theirs and buyer:
            born.add((row["id"], buyer))
    return born


def _accounts(found: Comparison) -> dict[str, tuple[Any, ...]]:
    """Accounts by party, in the order of numbers."""
    accounts: defaultdict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for row in tables.each(found.reading.table("accounts"), Account):
        said = (row["number"], row["bank_name"], row["bik"], row["corr_account"], _currency(row))
        accounts[row["party"]][row["number"]] = said
    ordered: dict[str, tuple[Any, ...]] = {}
    for party, rows in accounts.items():
        ordered[party] = tuple(rows[number] for number in sorted(rows))
    return ordered


def _currency(account: Account) -> str | None:
    """A currency 1C does not name is the one that stands in the number."""
    return account["currency"] or money.of_account(account["number"])


def _cleaned(found: Comparison, values: Record, row: Record, origin: str) -> Record:
    """Phones and e-mails one by one, requisites tidied. An e-mail that the portal would refuse, with the
    whole card, is left out.
    """
    values.pop("version", None)
    phones = [one.value for text in values.pop("phones", ()) for one in checked.phones(text)]
    emails = [one for text in values.pop("emails", ()) for one in checked.emails(text)]
    found.issues += [_bad_email(one.value, row, origin) for one in emails if one.warning]
    tidy = {
        "phones": tuple(dict.fromkeys(phones)),
        "emails": tuple(dict.fromkeys(one.value for one in emails if not one.warning)),
        "inn": checked.inn(values.get("inn")).value,
        "kpp": checked.kpp(values.get("kpp")).value,
    }
    return values | {column: value for column, value in tidy.items() if value}


def _bad_email(value: str | None, row: Record, origin: str) -> Record:
    return tables.issue(
        "Адрес почты написан неверно и не передан. Исправьте его в 1С.",
        severity="warn",
        entity="party",
        key=origin,
        field="emails",
        value=value,
        file=row["file"],
        place=row["place"],
    )


def _deleted(found: Comparison, row: Record) -> Card:
    """A deletion mark hides a card where the profile has a field for it, and never deletes (DESIGN §5)."""
    entity = "company" if cards.is_company(row["kind"], row["inn"]) else "contact"
    if "deleted" not in found.kind.one_way[entity]:
        found.issues.append(
            tables.issue(
                "1С пометила контрагента на удаление. Карточка на портале не удаляется: закройте её сами "
                "или укажите в профиле поле для пометки (entities.*.fields.deleted).",
                severity="warn",
                entity=entity,
                key=row["id"],
                file=row["file"],
            )
        )
    values = {"deleted": True, "name": row["name"], "inn": row["inn"], "kpp": row["kpp"]}
    return Card(entity, row["id"], values, deleted=True)
