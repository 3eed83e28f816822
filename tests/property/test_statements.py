"""Whatever way a month's payments are cut into statements, each counts once and none is lost: real reading, real registers."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables
from etl.config.profile import Profile
from etl.exchange.folder import Exchange
from etl.extract.bank import read as bank
from etl.flows import bank as flow
from etl.flows import facts
from etl.flows.reading import Reading
from etl.flows.run import Clock, Journal, Options, Run
from etl.flows.side import PortalSide
from etl.records import Receipt
from etl.report import RunReport
from etl.state.store import Store
from etl.transform.money.paid import ZERO
from etl.values import clean, keys
from etl.values import receipts as identity
from tests.support.statements import document, statement

FEE, CONTRACTS, MONTHS = Decimal("100.00"), ("15", "16"), 12
NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)

#: a payment as the bank knows it: through the transit account of a bank everything may be equal but the payer and the purpose
payments = st.builds(
    document,
    Номер=st.sampled_from(["1", "2", ""]),
    Плательщик1=st.sampled_from(["Кузнецов Пётр Ильич", "ПАО БАНК//КУЗНЕЦОВ ПЁТР ИЛЬИЧ//"]),
    ПлательщикИНН=st.just(""),
    Плательщик=st.just("Кузнецов Пётр Ильич"),
    Сумма=st.just(str(FEE)),
    НазначениеПлатежа=st.sampled_from([f"Оплата по договору № {number}" for number in CONTRACTS]),
)


def charges(contract: str) -> list[dict[str, Any]]:
    """More charges of a contract than there are payments."""
    found = []
    for number in range(MONTHS):
        month = f"{2024 + number // 12}-{number % 12 + 1:02}"
        row = {
            "deal": contract,
            "month": month,
            "kind": "fee",
            "version": 1,
            "number": keys.charge(contract, month, 1),
            "contract_number": contract,
            "payer": "Кузнецов Пётр Ильич",
            "payer_key": "p",
            "date": clean.month_bounds(month)[0],
            "amount": FEE,
            "action": "new",
        }
        found.append(row)
    return found


def opened(base: Path) -> Store:
    return Store.open(f"sqlite:///{base / 'state.sqlite'}", portal="test", clock=lambda: NOW)


@cache
def charged() -> bytes:
    """A state with the charges of all months, made once and copied."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
        for rows in zip(*(charges(contract) for contract in CONTRACTS), strict=True):
            store.charges.plan(rows[0]["month"], list(rows))
            store.charges.export(rows[0]["month"], 1)
        store.close()
        return (Path(folder) / "state.sqlite").read_bytes()


class Books:
    """The registers of two contracts, and runs of the flow over statements."""

    def __init__(self, base: Path) -> None:
        (base / "state.sqlite").write_bytes(charged())
        self.store = opened(base)
        self.profile = Profile.model_validate(
            {
                "path": base / "model.toml",
                "flows": ["bank"],
                "bitrix24": {"name": "test", "webhook_file": "webhook"},
                "onec": {"dialect": "bp3", "folder": "exchange"},
                "delivery": {"payment": "commerceml"},
                "organisations": [{"name": "ООО «Пример»"}],
            }
        )
        self.folder = Exchange(base / "exchange", base / "spool", ())
        self.folder.prepare()

    def read(self, files: Sequence[Sequence[dict[str, str]]]) -> None:
        """One run over some statements."""
        number = self.store.runs.begin("test", ["bank"])
        journal = Journal(self.store, number, RunReport(run=str(number)))
        clock, portal = Clock(NOW, self.profile.onec.time_zone), PortalSide(self.profile)
        run = Run(self.profile, Options(), self.store, self.folder, clock, portal, journal)
        received: list[Receipt] = []
        for place, file in enumerate(files):
            told = bank.read(statement(file).encode("cp1251"), f"{place}.txt")
            assert {row["field"] for row in tables.records(told.issues)} <= {"ДатаПоступило"}
            received += tables.records(told.receipts, Receipt)
        flow.flow(run, Reading(receipts=received))
        self.run = run

    def paid(self) -> Counter[str]:
        """Contract -> payments counted."""
        found: Counter[str] = Counter()
        for fact in facts.payments(self.run):
            key = keys.decode(fact["target"])
            assert key and fact["amount"] == FEE
            found[key.id] += 1
        return found

    def all(self) -> list[Any]:
        """Every fact, and what waits or is asked."""
        waiting = self.store.files.cursor(flow.WAITING)
        return [*facts.payments(self.run), waiting, *self.store.questions.open()]


def said(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(sorted(row.items()))


def counted(files: Sequence[Sequence[dict[str, str]]]) -> Counter[str]:
    """Contract -> payments there were: equal documents as often as one file holds them."""
    most: Counter[tuple[str, ...]] = Counter()
    for file in files:
        most |= Counter(said(row) for row in file)
    found: Counter[str] = Counter()
    for row, times in most.items():
        found[dict(row)["НазначениеПлатежа"].rpartition(" ")[2]] += times
    return found


@settings(max_examples=35, deadline=None)
@given(st.lists(payments, min_size=1, max_size=9), st.data())
def test_splits_overlaps_and_repeats_change_nothing(month: list[dict[str, str]], data: st.DataObject) -> None:
    places = st.lists(st.sampled_from(range(len(month))), unique=True)
    files = [[month[at] for at in cut] for cut in data.draw(st.lists(places, min_size=1, max_size=4))]
    runs = data.draw(st.lists(st.integers(0, 1), min_size=len(files), max_size=len(files)))
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        batch: list[list[dict[str, str]]] = []
        for file, is_last in zip(files, runs, strict=True):
            batch.append(file)
            if is_last:
                books.read(batch)
                batch = []
        books.read(batch)
        assert books.paid() == counted(files)
        before = books.all()
        again = data.draw(st.permutations(files))
        books.read([data.draw(st.permutations(file)) for file in again])
        assert books.all() == before


@settings(max_examples=15, deadline=None)
@given(st.lists(payments, min_size=1, max_size=6), st.data())
def test_what_the_bank_books_later_is_the_same_payment(
    month: list[dict[str, str]], data: st.DataObject
) -> None:
    """A statement of the day shows documents the bank has not booked yet; the next one, in any order, has the day of booking."""
    pending = data.draw(st.lists(st.booleans(), min_size=len(month), max_size=len(month)))
    morning = [row | {"ДатаПоступило": ""} if late else row for row, late in zip(month, pending, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        books.read([morning])
        assert books.paid() == counted([[row for row in morning if row["ДатаПоступило"]]])
        books.read([data.draw(st.permutations(month))])
        assert books.paid() == counted([month])
        assert sum((fact["amount"] or ZERO for fact in facts.payments(books.run)), ZERO) == FEE * len(month)


def test_what_version_0_1_counted_is_not_counted_again(tmp_path: Path) -> None:
    """Its facts are kept under keys that knew neither payer nor purpose; a second payment alike is a new one."""
    row, other = document(Сумма=str(FEE)), document(Сумма=str(FEE), Плательщик1="Ёлкин Илья Олегович")
    books = Books(tmp_path)
    (first,) = tables.records(bank.read(statement([row]).encode("cp1251"), "kl.txt").receipts, Receipt)
    target = keys.charge(CONTRACTS[0], "2024-01", 1)
    fact = {
        "source": "bank",
        "id": f"{identity.former_key(first)}:{target}",
        "target": target,
        "date": first["date"],
        "amount": FEE,
        "number": first["number"],
        "party": first["payer_name"],
    }
    books.store.facts.record("payment", [fact])
    books.read([[row]])
    assert books.paid() == {"15": 1}
    books.read([[row, row, other]])
    waiting = books.store.files.cursor(flow.WAITING) or ""
    assert books.paid() == {"15": 2} and "Ёлкин" in waiting, (
        "the equal one is counted, the stranger's is asked"
    )
