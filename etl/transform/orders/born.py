"""Orders that people made in 1C become deals (specifications 002/004, 003)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from etl.config.ends import Organisation
from etl.config.profile import Orders
from etl.records import Deal, Document
from etl.tables import Record, issue, whole
from etl.transform.documents import given_up, is_reversal
from etl.transform.orders.owners import Belongings
from etl.transform.orders.told import number_1c, of_order
from etl.values import clean

_UNKNOWN = "покупатель не найден на портале"
_CARDS = {"company": "компания", "contact": "контакт"}


def new_deals(
    documents: Iterable[Document],
    roles: Belongings,
    parties: Mapping[str, str],
    settings: Orders,
    organisations: Sequence[Organisation],
    *,
    originator: str,
    gone: Mapping[str, str] = MappingProxyType({}),
) -> tuple[list[Deal], list[Record]]:
    """Deals to be created from orders that 1C made (role `born`), and issues for those that cannot be.

    `parties` = party of 1C -> party of the portal; `gone` = the same of cards that were deleted there. Out:
    records of `deals`, `id` and `origin` = id of the order (the portal is asked for this origin before
    anything is created), `manager` = e-mail. Deleted and cancelled orders, and all of them without
    `create_deals`, make nothing.
    """
    if not settings.create_deals:
        return [], []
    deals: list[Deal] = []
    issues: list[Record] = []
    for row in documents:
        if roles[row["id"]].role != "born" or given_up(row):
            continue
        party = parties.get(row["party"] or "")
        if is_reversal(row):
            issues.append(_reversal(row))
        elif party is None:
            issues.append(_without_buyer(row, gone.get(row["party"] or "")))
        else:
            deal = _new_deal(row, party, settings, organisations, originator)
            deals.append(whole("deals", deal))
    return deals, issues


def _reversal(row: Document) -> Record:
    """An order with a minus takes back another one: which, 1C must say."""
    return issue(
        f"Заказ 1С {number_1c(row) or row['id']} с минусом ({row['amount']:.2f}): это отмена другого заказа, "
        "сделка не создана. Укажите в 1С отменяемый заказ его основанием или исправьте знак суммы.",
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["id"],
        field="amount",
        value=row["amount"],
    )


def _without_buyer(row: Document, card: str | None) -> Record:
    """The order waits: nobody but a person knows whose it is now. `card`: the one that was deleted."""
    entity, _, number = (card or "company").partition("_")
    why = f"карточку покупателя ({_CARDS[entity]} {number}) на портале удалили" if card else _UNKNOWN
    return issue(
        f"Заказ 1С {number_1c(row) or row['id']}: {why}, сделка не создана. Верните карточку, дождитесь "
        f"выгрузки контрагента или свяжите его с другой: obmen24 link {entity} НОМЕР {row['party']}.",
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["id"],
        field="party",
        value=row["party"],
    )


def _new_deal(
    row: Document, party: str, settings: Orders, organisations: Sequence[Organisation], originator: str
) -> Deal:
    """«в CRM Битрикс24 создается Сделка … на стадии “Заявка получена, подготовка счета”» (002): its first
    stage, buyer and what the order tells.
    """
    said = of_order([row], settings, organisations)
    told = {field: said[name] for name, field in settings.fields.items() if said.get(name) is not None}
    deal: Deal = {
        "id": row["id"],
        "title": _title(row),
        "stage": settings.first_stage,
        "amount": row["amount"],
        "currency": row["currency"],
        "party": party,
        "manager": said["manager"],
        "organisation": said["organisation"],
        "originator": originator,
        "origin": row["id"],
        "fields": told,
        "file": row["file"],
        "place": row["place"],
    }
    if party.startswith("contact_"):
        deal["contact"] = party
    return deal


def _title(row: Document) -> str:
    day = clean.day_name(row["date_1c"] or row["date"])
    return f"Заказ {number_1c(row) or ''} от {day}".replace("  ", " ")
