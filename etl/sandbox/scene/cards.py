"""Records that demonstration portals are made of: user fields, goods, people, stages, product rows, links."""

from __future__ import annotations

from typing import Any

from etl.sandbox.portal.seeds.defaults import DEFAULTS
from etl.sandbox.scene import people

Record = dict[str, Any]
Seed = dict[str, Any]
Stages = tuple[tuple[str, str, str | None], ...]  # (code, name, meaning)
Goods = tuple[tuple[str, str], ...]  # (name, price in roubles)

INVOICES = 31
LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")


def add(seed: Seed, records: dict[str, list[Record]]) -> None:
    """More records of some parts of a seed."""
    for name, rows in records.items():
        seed.setdefault(name, []).extend(rows)


def user_field(number: int, entity: str, name: str, kind: str, caption: str) -> Record:
    """A user field with one Russian caption everywhere."""
    labels = {label: {"ru": caption} for label in LABELS}
    return {
        "ID": number,
        "ENTITY_ID": entity,
        "FIELD_NAME": name,
        "USER_TYPE_ID": kind,
        "SORT": number * 10,
        **labels,
    }


def goods(offered: Goods) -> dict[str, list[Record]]:
    """Products and their base prices; a product's number is its place."""
    products = []
    prices = []
    for number, (name, price) in enumerate(offered, 1):
        products.append({"id": number, "name": name})
        prices.append(
            {"id": number, "productId": number, "catalogGroupId": 1, "price": price, "currency": "RUB"}
        )
    return {"products": products, "prices": prices}


def contact(number: int, company: int | None = None) -> Record:
    """The n-th invented person, of a company or alone."""
    last, first, middle = people.split_name(people.person(number))
    card: Record = {"ID": number, "LAST_NAME": last, "NAME": first, "SECOND_NAME": middle}
    card |= {
        "ASSIGNED_BY_ID": manager(number),
        "PHONE": [people.phone(5_000_000 + number)],
        "EMAIL": [f"person{number}@example.ru"],
    }
    if company:
        card["COMPANY_ID"] = company
    return card


def manager(number: int) -> int:
    """One of the five managers."""
    return 3 + number % 5


def invoice_pipeline() -> Record:
    """The pipeline of smart invoices that every portal has."""
    return next(row for row in DEFAULTS["categories"] if row["entityTypeId"] == INVOICES)


def stage_records(dictionary: str, stages: Stages) -> list[Record]:
    """The stages of one pipeline."""
    rows = []
    for position, (code, name, meaning) in enumerate(stages, 1):
        row = {
            "ENTITY_ID": dictionary,
            "STATUS_ID": code,
            "NAME": name,
            "SORT": 10 * position,
            "SEMANTICS": meaning,
        }
        rows.append(row)
    return rows


def requisite_link(deal: int, own: int) -> Record:
    """The deal uses the requisites of our company `own`; the client's are left open."""
    return {
        "ENTITY_TYPE_ID": 2,
        "ENTITY_ID": deal,
        "REQUISITE_ID": 0,
        "BANK_DETAIL_ID": 0,
        "MC_REQUISITE_ID": own,
        "MC_BANK_DETAIL_ID": own,
    }
