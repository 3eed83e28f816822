"""Big lists over real HTTP: all rows once, few requests, no count, whatever the ids look like and whatever changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from random import Random
from typing import Any

import pytest

from etl.bitrix24.calls import Command, Outcome
from etl.bitrix24.client import Client
from etl.bitrix24.lists import reading, rowlists
from etl.bitrix24.lists.listing import Listing
from etl.errors import ConfigError
from etl.sandbox.portal.app import Portal
from etl.sandbox.scene.demo import generate
from tests.support import bitrix24_bench as bench

DEALS = Listing("crm.item.list", "id", "items", {"entityTypeId": 2}, select=["id", "title"])


def portal_of(ids: list[int], **options: Any) -> Portal:
    return Portal(
        seed={"deals": [{"ID": number, "TITLE": f"Сделка {number}"} for number in ids]},
        enforce_limits=False,
        **options,
    )


def dense(count: int) -> list[int]:
    return list(range(1, count + 1))


def gaps(count: int) -> list[int]:
    random = Random(7)
    number, found = 0, []
    for _ in range(count):
        number += random.randint(1, 5)
        found.append(number)
    return found


def clustered(count: int) -> list[int]:
    third = count // 3
    return [
        *range(1, third + 1),
        *range(10_000_000, 10_000_000 + third),
        *range(90_000_000, 90_000_000 + 7 * (count - 2 * third), 7),
    ]


@pytest.mark.parametrize("shape", [dense, gaps, clustered])
@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 999, 6_000])
def test_every_row_once(shape: Callable[[int], list[int]], count: int) -> None:
    wanted = shape(count)
    with portal_of(wanted) as portal, bench.client(portal.webhook, rate=500) as client:
        found = [int(row["id"]) for row in reading.every(client, DEALS)]
        assert sorted(found) == wanted
        counted = [
            command
            for row in portal.requests
            for command in row.params["cmd"].values()
            if "start=-1" not in command
        ]
        assert not counted, "the portal is never made to count"
        if shape is not clustered:
            assert client.requests <= ceil(count / 2500) + 2


def test_a_small_batch_size_still_reads_everything() -> None:
    with portal_of(gaps(1_500)) as portal, bench.client(portal.webhook, rate=500) as client:
        client.batch_size = 7
        assert sorted(int(row["id"]) for row in reading.every(client, DEALS)) == gaps(1_500)
        assert max(row.commands for row in portal.requests) <= 7


def test_rows_that_come_and_go_are_neither_doubled_nor_do_they_hide_others() -> None:
    wanted = gaps(4_000)
    doomed = wanted[1000:3000:10]
    calls = [["crm.deal.delete", {"id": number}] for number in doomed] + [
        ["crm.deal.add", {"fields": {"TITLE": "новая"}}]
    ] * 60
    with portal_of(wanted, faults=[{"kind": "mutate", "method": "batch", "nth": 2, "call": calls}]) as portal:
        with bench.client(portal.webhook, rate=500, workers=2) as client:
            found = [int(row["id"]) for row in reading.every(client, DEALS)]
        assert len(found) == len(set(found))
        assert set(wanted) - set(doomed) <= set(found)


class Deaf(Client):
    """A portal that drops filters silently."""

    def chain(self, commands: Any) -> dict[str, Outcome]:
        deaf = {
            key: Command(command.method, {**command.params, "filter": {}})
            for key, command in commands.items()
        }
        return super().chain(deaf)


def test_a_portal_that_ignores_filters_is_refused_instead_of_read_for_ever() -> None:
    with portal_of(dense(500)) as portal, bench.client(portal.webhook, rate=500) as client:
        client.__class__ = Deaf
        with pytest.raises(ConfigError, match="не применил отбор"):
            list(reading.every(client, DEALS))


def test_set_of_ids() -> None:
    with portal_of(gaps(120)) as portal, bench.client(portal.webhook) as client:
        assert reading.ids(client, DEALS) == set(gaps(120))


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    return generate(1_200)


def rows_of(seed: dict[str, Any]) -> list[int]:
    return sorted(row["ID"] for row in seed["productrows"])


def test_product_rows_by_arrays_of_owners(shop: dict[str, Any]) -> None:
    with Portal(seed=shop, enforce_limits=False) as portal, bench.client(portal.webhook, rate=500) as client:
        owners = [str(deal["ID"]) for deal in shop["deals"]]
        assert sorted(int(row["id"]) for row in rowlists.product_rows(client, owners)) == rows_of(shop)
        assert client.facts == {"owner_arrays": True}
        assert client.requests <= ceil(len(shop["productrows"]) / 2500) + len(owners) / 10_000 + 2


def test_product_rows_where_arrays_do_not_work(shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal answers an array of owners with nothing: single owners are asked."""
    encode = Listing.command

    def one_owner_only(self: Listing, condition: Any, **options: Any) -> Command:
        broken = {
            key: 0 if isinstance(value, list) and key == "=ownerId" else value
            for key, value in condition.items()
        }
        return encode(self, broken, **options)

    monkeypatch.setattr(Listing, "command", one_owner_only)
    with Portal(seed=shop, enforce_limits=False) as portal, bench.client(portal.webhook, rate=500) as client:
        owners = [str(deal["ID"]) for deal in shop["deals"]]
        assert sorted(int(row["id"]) for row in rowlists.product_rows(client, owners)) == rows_of(shop)
        assert client.facts == {"owner_arrays": False}
        assert client.requests <= len(owners) / 50 + 2


@pytest.mark.parametrize("arrays", [True, False])
def test_owners_with_more_than_a_page_of_rows(arrays: bool) -> None:
    rows = [
        {
            "ID": n,
            "OWNER_ID": 1 + n % 2,
            "OWNER_TYPE": "D",
            "PRODUCT_NAME": "x",
            "PRICE": "1.00",
            "QUANTITY": "1",
        }
        for n in range(1, 301)
    ]
    seed = {"deals": [{"ID": 1}, {"ID": 2}, {"ID": 3}], "productrows": rows}
    with Portal(seed=seed, enforce_limits=False) as portal, bench.client(portal.webhook, rate=500) as client:
        client.facts["owner_arrays"] = arrays
        assert sorted(int(row["id"]) for row in rowlists.product_rows(client, ["1", "2", "3"])) == list(
            range(1, 301)
        )


def test_paging_by_next() -> None:
    seed = {"companies": [{"ID": n, "TITLE": f"К{n}"} for n in range(1, 131)]}
    with Portal(seed=seed, enforce_limits=False) as portal, bench.client(portal.webhook) as client:
        found = [
            int(row["ID"]) for row in reading.paged(client, "crm.company.list", {"order": {"ID": "ASC"}})
        ]
        assert found == list(range(1, 131))
