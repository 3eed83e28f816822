"""The two parties of a deal. Who buys: a card of the portal may stand for several legal persons, each with a
requisite of its own, and the order is made out to the one that the deal names. Which of our organisations
sells: what 1C says of it goes into the place that the profile names, the requisite link or a field.

«Компания и контакт … при создании заказа по сделке из б24», «С какой нашей организацией ведется сделка»
(specification 003): the requisite that the deal's link names, else the only one in use, else a person says
which.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from etl import tables
from etl.bitrix24 import directory
from etl.bitrix24.fields import PortalField
from etl.extract.bitrix24 import ourselves
from etl.flows.orders.wanted import by_entity
from etl.flows.portal.writers import change
from etl.flows.run import Record, Run
from etl.records import Deal, Document
from etl.transform.orders import ours
from etl.values.organisations import own_organisation

FIELD = "organisation"
SCOPE = "orders-out"
QUESTION = "requisite"
Requisites = Sequence[Record]


def of_deals(run: Run, deals: Sequence[Deal]) -> list[Deal]:
    """The deals whose buyer is known; `party` is the card, or `requisite_<id>` for another legal person of
    it. The others are asked about.
    """
    cards = _several(run, {deal["party"] for deal in deals if deal["party"]})
    concerned = [deal for deal in deals if deal["party"] in cards]
    linked = ourselves.buyers_requisites(run.portal.client, [deal["id"] for deal in concerned])
    answers = run.state.questions.answers(QUESTION) if concerned else {}
    questions: list[Record] = []
    found: list[Deal] = []
    for deal in deals:
        held = cards.get(deal["party"] or "")
        if held is None:
            found.append(deal)
            continue
        mark = _mark(deal, held)
        chosen = _chosen(held, linked.get(deal["id"]), answers.get(mark))
        if chosen is None:
            question = _question(mark, deal, held)
            questions.append(question)
            continue
        is_card = chosen is held[0]
        party = deal["party"] if is_card else f"requisite_{chosen['ID']}"
        found.append({**deal, "party": party})
    _ask(run, questions)
    return found


def _several(run: Run, parties: set[str]) -> dict[str, Requisites]:
    """Card -> its requisites, the main one first, of cards with more than one."""
    found: dict[str, Requisites] = {}
    for entity, numbers in by_entity(parties).items():
        kind, _ = directory.split(f"{entity}_0")
        held = directory.grouped(run.portal.client, directory.requisites(kind), "ENTITY_ID", numbers)
        for number, rows in held.items():
            if len(rows) > 1:
                found[f"{entity}_{number}"] = rows
    return {card: _main_first(run, card, rows) for card, rows in found.items()}


def _main_first(run: Run, card: str, rows: Requisites) -> Requisites:
    """The requisite that stands for the card itself before the others."""
    cards = run.portal.directory["parties"]
    extra = cards.loc[cards["id"] == card, "extra"].tolist()
    main = extra[0]["requisite"] if extra else None
    return sorted(rows, key=lambda row: str(row["ID"]) != main)


def _chosen(held: Requisites, linked: str | None, answer: Record | None) -> Record | None:
    """The requisite that a deal is made out to; None where only a person knows."""
    by_id = {str(row["ID"]): row for row in held}
    if linked in by_id:
        return by_id[linked]
    in_use = [row for row in held if directory.is_in_use(row)]
    if len(in_use) == 1:
        return in_use[0]
    return by_id.get(str(answer["id"])) if answer else None


# ---- the question
def _mark(deal: Deal, held: Requisites) -> str:
    """A question is about these requisites: another choice is another question."""
    ids = ",".join(sorted(str(row["ID"]) for row in held))
    return f"{QUESTION}:{deal['id']}:{hashlib.sha256(ids.encode()).hexdigest()[:8]}"


def _question(mark: str, deal: Deal, held: Requisites) -> Record:
    """Which legal person a deal is with."""
    offered = [row for row in held if directory.is_in_use(row)] or held
    text = (
        f"Сделка {deal['id']} «{deal['title'] or ''}»: у клиента несколько реквизитов, а в сделке они не "
        "выбраны. На какие оформить заказ? Можно и выбрать их в самой сделке."
    )
    return {
        "key": mark,
        "entity": QUESTION,
        "text": text,
        "candidates": [{"id": str(row["ID"]), "text": _told(row)} for row in offered],
        "deal": deal["id"],
    }


def _told(row: Mapping[str, object]) -> str:
    """A requisite as people know it."""
    parts = [str(row.get("RQ_COMPANY_NAME") or row.get("NAME") or "")]
    for words, field in (("ИНН", "RQ_INN"), ("КПП", "RQ_KPP")):
        if row.get(field):
            parts.append(f"{words} {row[field]}")
    return ", ".join(parts)


def _ask(run: Run, questions: Sequence[Record]) -> None:
    """Open questions stand in the account of each run; settled ones are withdrawn."""
    asked = {row["key"] for row in questions}
    mine = [row["key"] for row in run.state.questions.open() if row["entity"] == QUESTION]
    run.state.questions.withdraw(key for key in mine if key not in asked)
    run.state.questions.ask(questions, run.number)
    for row in questions:
        issue = tables.issue(row["text"], severity="ask", entity="deal", key=row["deal"], field="party")
        run.journal.note([issue], SCOPE)


# ---- our organisation
def said_by(run: Run, order: Document) -> str | None:
    """Our organisation that an order of 1C names, as the profile calls it; None for one it does not know."""
    settings = run.profile.orders
    by = settings.organisations_by if settings else "inn"
    own = ours.organisation(order, run.profile.organisations, by)
    return own.name if own else None


def change_of(run: Run, deal: Deal, name: str | None, reason: str, scope: str) -> list[Record]:
    """The change that makes a deal one of our organisation of this name, where it shows another one. What
    cannot be written is a remark of `scope`.
    """
    if name is None or name == deal["organisation"] or len(run.profile.organisations) == 1:
        return []
    field = ourselves.field(run.portal.names, run.profile)
    place = _linked(run, name) if field is None else _in_field(run, field, name)
    if place is None:
        run.journal.note([_homeless(deal, name, field)], scope)
        return []
    return [change("deal", deal["id"], reason=reason, before=deal["organisation"], **place)]


def _linked(run: Run, name: str) -> Record | None:
    """Our requisite for the link of a deal."""
    for requisite, known in run.portal.own_requisites.items():
        if known == name:
            return {"action": "link", "field": FIELD, "after": name, "requisite": requisite}
    return None


def _in_field(run: Run, field: PortalField, name: str) -> Record | None:
    """The value of the field that says this organisation: its card, its line of a list, else its name."""
    value: Any = name
    if ourselves.is_card(field):
        own = run.portal.own_companies.items()
        value = next((company for company, known in own if known == name), None)
    elif field.options:
        value = next((caption for caption in field.options.values() if _means(run, caption, name)), None)
    if value is None:
        return None
    text = run.profile.deals.fields[FIELD]
    return {"action": "update", "field": text, "after": value, FIELD: name}


def _means(run: Run, caption: str, name: str) -> bool:
    """Whether a line of a list is our organisation of this name."""
    own = own_organisation(caption, run.profile.organisations)
    return own is not None and own.name == name


def _homeless(deal: Deal, name: str, field: PortalField | None) -> Record:
    """An organisation of 1C for which the portal has no place."""
    where = "среди реквизитов «моих компаний»" if field is None else f"в поле «{field.title}»"
    return tables.issue(
        f"По данным 1С сделка {deal['id']} ведётся от организации «{name}», а {where} портала её нет. "
        "Добавьте её на портал.",
        severity="warn",
        entity="deal",
        key=deal["id"],
        field=FIELD,
        value=name,
    )
