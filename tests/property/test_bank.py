"""Statements of any content read back what was written; any damage is refused or told, never guessed."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables
from etl.errors import Rejected
from etl.extract.bank import read as bank
from tests.support.statements import document, statement

CP1251 = "".join(bytes([code]).decode("cp1251") for code in [*range(33, 127), *range(192, 256)])
words = (
    st.text(st.sampled_from(CP1251 + "  ="), min_size=1, max_size=40)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
sums = st.decimals(Decimal("0.01"), Decimal("99999999.99"), places=2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(words, words, sums), max_size=8), st.sampled_from(["cp1251", "utf-8"]))
def test_round_trip(rows: list[tuple[str, str, Decimal]], encoding: str) -> None:
    documents = [
        document(Номер=str(number), Плательщик1=name, НазначениеПлатежа=purpose, Сумма=f"{amount:.2f}")
        for number, (name, purpose, amount) in enumerate(rows, start=1)
    ]
    found = bank.read(statement(documents).encode(encoding), "kl.txt")
    assert not len(found.issues)
    assert [
        (row["payer_name"], row["purpose"], row["amount"]) for row in tables.records(found.receipts)
    ] == rows


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 2_000), st.integers(0, 60))
def test_damage_never_surprises(junk: bytes, at: int, cut: int) -> None:
    whole = statement([document(), document(Номер="18")]).encode("cp1251")
    at = min(at, len(whole))
    try:
        found = bank.read(whole[:at] + junk + whole[at + cut :], "kl.txt")
    except Rejected:
        return
    tables.check("receipts", found.receipts)
    assert len(found.receipts) <= 3
