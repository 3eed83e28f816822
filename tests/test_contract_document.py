"""docs/contract-1c.ru.md: every example is valid, is read, shows every kind of document, and a 1C by the contract takes it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from etl import tables
from etl.config.dialects import DIALECTS, OPERATIONS, OTHER_KINDS
from etl.extract.commerceml import read as reader
from etl.load.commerceml import write as writer
from etl.sandbox.onec.base import OneC
from tests.support.paths import ROOT

TEXT = (ROOT / "docs" / "contract-1c.ru.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```xml\n(.*?)```", TEXT, re.DOTALL)


def read(example: str) -> dict[str, list[tables.Record]]:
    return {
        name: tables.records(frame)
        for name, frame in reader.read(io.BytesIO(example.encode()), name="contract")
    }


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_is_valid_and_read_without_issues(number: int) -> None:
    data = io.BytesIO(EXAMPLES[number].encode())
    version = reader.verify(data, name="contract").version
    dialect = next(name for name, dialect in DIALECTS.items() if dialect.version == version)
    assert writer.validate(data, dialect) == []
    assert "issues" not in read(EXAMPLES[number])


def test_the_examples_show_every_kind_of_the_contract() -> None:
    shown = [row["kind"] for example in EXAMPLES for row in read(example).get("documents", [])]
    assert set(shown) == set(DIALECTS["bitrix3"].kinds) - {"return"}
    assert (shown.count("payment"), shown.count("shipment")) == (2, 2)
    assert {"parties", "accounts", "contacts", "products", "prices", "price_types"} <= {
        name for example in EXAMPLES for name in read(example)
    }


def test_every_word_of_the_contract_is_explained() -> None:
    for word in (
        *(operation for operation in OPERATIONS if "Акт" not in operation and "Закрытие" not in operation),
        *OTHER_KINDS,
    ):
        assert word in TEXT, word
    for dialect in DIALECTS.values():
        for path in (dialect.order_path, dialect.party_path, dialect.catalogue_path):
            assert path is None or f"`{path}`" in TEXT, path


def test_amounts_of_the_example_add_up() -> None:
    found = read(EXAMPLES[2])["documents"]
    order = next(row for row in found if row["kind"] == "order")
    money = {
        kind: sum(row["amount"] for row in found if row["kind"] == kind)
        for kind in ("payment", "refund", "shipment")
    }
    assert money["payment"] - money["refund"] == money["shipment"] == order["amount"]
    assert {row["basis_number"] for row in found if row["kind"] != "order"} == {"B24-124"}


def test_a_1c_by_the_contract_takes_what_we_send(tmp_path: Path) -> None:
    base = OneC("bitrix3", tmp_path / "folder", data=tmp_path / "data")
    target = base.folder / "to_1c" / "documents.xml"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\ufeff" + EXAMPLES[1], encoding="utf-8")
    session = base.session()
    assert session.errors == ()
    assert {document.number for document in (*base.orders, *base.invoices, *base.acts)} == {
        "M261110003F",
        "A1-123",
    }
    assert base.session().created == ()
