"""What a person must look at in orders of 1C: names the profile does not know, statuses without proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from etl.config.ends import Organisation
from etl.config.profile import Orders
from etl.records import Document
from etl.tables import Record, issue
from etl.transform.documents import given_up
from etl.transform.orders.ours import manager_email, organisation
from etl.transform.orders.told import number_1c
from etl.values import clean
from etl.values.money import ROUBLE

_CLAIMS = {"paid": "оплачено", "shipped": "отгружено", "closed": "закрыто", "prepaid": "есть предоплата"}


def unmapped(
    documents: Iterable[Document], settings: Orders, organisations: Sequence[Organisation]
) -> list[Record]:
    """Issues: managers and organisations of 1C's orders that the profile does not know, each once."""
    issues: dict[tuple[str, str], Record] = {}
    for row in documents:
        name, own = clean.text(row["manager"]), clean.text(row["organisation"])
        if name and settings.managers and manager_email(name, settings.managers) is None:
            issues.setdefault(("manager", name), _unknown_manager(row, name))
        if own and organisation(row, organisations, settings.organisations_by) is None:
            issues.setdefault(("organisation", own), _unknown_organisation(row, own))
    return list(issues.values())


def _unknown_manager(row: Document, name: str) -> Record:
    message = (
        f"Менеджер 1С «{name}» не сопоставлен с сотрудником портала, ответственный не изменён. "
        "Добавьте его в [orders.managers] профиля."
    )
    return _unmapped(row, "manager", name, message)


def _unknown_organisation(row: Document, name: str) -> Record:
    message = (
        f"Организация 1С «{name}» не описана в профиле, поле сделки не изменено. "
        "Добавьте её в [[organisations]] с ИНН."
    )
    return _unmapped(row, "organisation", name, message)


def _unmapped(row: Document, field: str, value: str, message: str) -> Record:
    return issue(
        message,
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["number"] or row["id"],
        field=field,
        value=value,
    )


def doubtful(
    documents: Iterable[Document], facts: Mapping[str, Mapping[str, Any]], settings: Orders
) -> list[Record]:
    """Issues: orders (with `deal`) whose status says what their facts do not (onec §1.5), and orders that 1C
    gave up.

    A deal is neither moved by such a status nor closed by a deletion: both are shown to a person.
    """
    proofs = {clean.fold(status): words for status, words in settings.statuses.items()}
    issues = []
    for row in documents:
        if row["kind"] != "order":
            continue
        if given_up(row):
            issues.append(_given_up(row))
            continue
        missing = ", ".join(_unproven(row, facts.get(row["deal"] or "", {}), proofs))
        if missing:
            issues.append(_without_proof(row, missing))
    return issues


def in_another_currency(documents: Iterable[Document], currencies: Mapping[str, str]) -> list[Record]:
    """Issues: orders and invoices (with `deal`) in another currency than their deal; `currencies` = deal ->
    its own. Prices of one are no prices of the other, so neither rows nor the sum of the deal follow them.
    """
    return [_in_another_currency(row, currencies) for row in documents if is_foreign(row, currencies)]


def is_foreign(row: Document, currencies: Mapping[str, str]) -> bool:
    """Whether an order or invoice is in another currency than its deal."""
    if row["kind"] not in ("order", "invoice") or given_up(row):
        return False
    own = currencies.get(row["deal"] or "")
    return own is not None and own != (row["currency"] or ROUBLE)


def _in_another_currency(row: Document, currencies: Mapping[str, str]) -> Record:
    own, other = currencies[row["deal"] or ""], row["currency"] or ROUBLE
    message = (
        f"Документ 1С {number_1c(row) or row['number']} в валюте {other}, а сделка {row['deal']} в валюте "
        f"{own}. Состав и сумма сделки по нему не изменены. Укажите в сделке валюту {other} или исправьте "
        "документ в 1С."
    )
    return _of_deal(row, message, "currency", other)


def _unproven(row: Document, known: Mapping[str, Any], proofs: Mapping[str, str]) -> Iterator[str]:
    """What the status of an order claims and its facts deny, in words."""
    for said in proofs.get(clean.fold(row["status"]), "").split(","):
        claim = said.strip()
        if claim in known and not known[claim]:
            yield _CLAIMS.get(claim, claim)


def _given_up(row: Document) -> Record:
    how = "помечен на удаление" if row["deleted"] else "отменён"
    message = (
        f"Заказ {number_1c(row) or row['number']} в 1С {how}. Сделка не "
        "изменена: закройте её вручную, если она больше не нужна."
    )
    return _of_deal(row, message, "stage", None)


def _without_proof(row: Document, missing: str) -> Record:
    message = (
        f"Статус заказа «{row['status']}» означает «{missing}», но документы 1С этого не "
        "подтверждают. Сделка не перемещена. Проверьте оплату и отгрузку в 1С."
    )
    return _of_deal(row, message, "status", row["status"])


def _of_deal(row: Document, message: str, field: str, value: str | None) -> Record:
    return issue(
        message,
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="deal",
        key=row["deal"],
        field=field,
        value=value,
    )
