"""A small scene for the directories: an own portal seed, a 1C model with the extended contract, a profile written here."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from etl import pipeline
from etl.config import profile
from etl.config.profile import Profile
from etl.report import RunReport
from etl.sandbox.onec.base import OneC, Session
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene import people

ZONE = ZoneInfo("Europe/Moscow")
TWO_WAY = 'direction = "both"\n'
FIELDS = 'fields = { folder_path = "Папка 1С", code = "Код 1С" }\n'
PROFILE = """
flows = ["documents-in", "parties", "products"]
[bitrix24]
name = "directories"
webhook_file = "webhook"
rate = 1000.0
burst = 1000
[onec]
dialect = "bitrix3"
extended = true
folder = "exchange"
settle_seconds = 0.02
[[organisations]]
name = "ООО «Пример»"
"""


def captions(field: str) -> dict[str, Any]:
    return {label: {"ru": field} for label in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")}


def seed(**more: Any) -> dict[str, Any]:
    """A portal with the two fields of specification 001 on companies and nothing else."""
    fields = [
        {
            "ID": number,
            "ENTITY_ID": "CRM_COMPANY",
            "FIELD_NAME": name,
            "USER_TYPE_ID": "string",
            **captions(caption),
        }
        for number, (name, caption) in enumerate(
            [("UF_CRM_1C_FOLDER", "Папка 1С"), ("UF_CRM_1C_CODE", "Код 1С")], 1
        )
    ]
    return {"userfields": fields, **more}


def company(
    number: int, title: str, inn: str | None = None, kpp: str | None = None, **card: Any
) -> dict[str, list[dict[str, Any]]]:
    """A company of the portal with its requisites."""
    made: dict[str, list[dict[str, Any]]] = {"companies": [{"ID": number, "TITLE": title, **card}]}
    if inn:
        made["requisites"] = [
            {
                "ID": number,
                "ENTITY_TYPE_ID": 4,
                "ENTITY_ID": number,
                "PRESET_ID": 1,
                "NAME": title,
                "RQ_COMPANY_NAME": title,
                "RQ_INN": inn,
                "RQ_KPP": kpp,
            }
        ]
    return made


INN = people.inn_company(77)
INN_SOLE = people.inn_person(78)


class Scene:
    """Portal, 1C and the product, a minute apart whatever they do."""

    def __init__(self, loaded: Profile, portal: Portal, data: Path) -> None:
        self.profile, self.portal = loaded, portal
        # long ago by the client's own clock: what a lost answer leaves open is looked up without waiting
        self.moment = dt.datetime(2025, 11, 3, 6, tzinfo=dt.UTC)
        self.onec = OneC(
            loaded.onec.dialect,
            loaded.folder,
            data=data,
            extended=loaded.onec.extended,
            now=lambda: self.moment.astimezone(ZONE).replace(tzinfo=None, microsecond=0),
        )
        self.reports: list[RunReport] = []

    def run(self, **options: Any) -> RunReport:
        self.moment += dt.timedelta(minutes=1)
        self.reports.append(pipeline.run(self.profile, now=self.moment, **options))
        return self.reports[-1]

    def session(self) -> Session:
        self.moment += dt.timedelta(minutes=1)
        done = self.onec.session()
        assert not done.errors, done.errors
        return done

    def exchange(self) -> RunReport:
        """1C says what is new and the product takes it."""
        self.session()
        return self.run()

    def settle(self) -> None:
        """Sessions and runs until nothing is new; then once more nothing may happen."""
        for _ in range(6):
            self.session()
            if self.run().quiet:
                before = self.writes
                assert self.run().quiet
                assert self.writes == before
                return
        raise AssertionError(f"the exchange does not come to rest: {self.reports[-1].text()}")

    @property
    def writes(self) -> int:
        """How many commands have changed something on the portal."""
        return sum(
            len(re.findall(r"\.(?:add|update)\b", json.dumps(row.params) + row.method))
            for row in self.portal.requests
        )

    def companies(self) -> dict[str, dict[str, Any]]:
        """Companies by title, with phones and e-mails as lists of texts."""
        return {
            row["title"]: row
            | {
                kind: [one["value"] for one in row.get("fm") or () if one["typeId"] == kind]
                for kind in ("PHONE", "EMAIL")
            }
            for row in self.items(4)
        }

    def items(self, kind: int) -> list[dict[str, Any]]:
        found = self.portal.call(
            "crm.item.list", {"entityTypeId": kind, "select": ["*", "UF_*"], "order": {"id": "ASC"}}
        )
        return list((found.rows if hasattr(found, "rows") else found)["items"])

    def edit(self, number: int, **fields: Any) -> None:
        """A person edits a company's card."""
        self.portal.call("crm.item.update", {"entityTypeId": 4, "id": number, "fields": fields})

    def rows(self, method: str, **condition: Any) -> list[dict[str, Any]]:
        found = self.portal.call(method, {"filter": condition, "select": ["*"]})
        return list(found.rows if hasattr(found, "rows") else found)

    def products(self) -> dict[str, dict[str, Any]]:
        """Products by name with the sale price under `price`."""
        found = self.portal.call(
            "catalog.product.list", {"filter": {"iblockId": 23}, "select": ["*"], "order": {"id": "ASC"}}
        )
        rows = (found.rows if hasattr(found, "rows") else found)["products"]
        listed = self.portal.call("catalog.price.list", {})
        prices = {
            row["productId"]: row["price"]
            for row in (listed.rows if hasattr(listed, "rows") else listed)["prices"]
        }
        return {row["name"]: row | {"price": prices.get(row["id"])} for row in rows}


@contextmanager
def opened(
    tmp: Path,
    entities: str,
    *,
    portal: dict[str, Any] | None = None,
    faults: list[dict[str, Any]] | None = None,
    more: str = "",
    dialect: str = "bitrix3",
) -> Iterator[Scene]:
    """A scene in a scratch folder. `entities`: the [entities.*] tables of the profile; a stock dialect goes without the handler."""
    tmp.mkdir(parents=True, exist_ok=True)
    path = tmp / "directories.toml"
    written = PROFILE.replace("bitrix3", dialect).replace(
        "extended = true", f"extended = {str(dialect == 'bitrix3').lower()}"
    )
    path.write_text(written + more + entities, encoding="utf-8")
    (tmp / "exchange" / "from_1c").mkdir(parents=True)
    with Portal(seed=portal or seed(), rate=1000.0, burst=1000, faults=faults) as running:
        with os.fdopen(os.open(tmp / "webhook", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(running.webhook)
        scene = Scene(profile.load(path), running, tmp / "onec")
        try:
            yield scene
        finally:
            scene.onec.release()
