"""Documents of money and goods that do not count as they stand, and what a person must do about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from etl.records import Document, Payment
from etl.tables import Record, issue
from etl.transform.documents import is_void
from etl.transform.money.currency import Due, Dues, brought
from etl.transform.money.targets import MEANINGS, said
from etl.values import money

_ZERO = Decimal("0.00")


def unfounded(
    documents: Iterable[Document], found: Mapping[str, str], recorded: Iterable[Payment], dues: Dues
) -> set[str]:
    """Refunds (or returns, as `documents` are) with a minus that no refund of the same order stands for.

    A minus takes back what the document of its kind did. Where nothing is there to be taken back, somebody
    may have meant a plain refund: as a payment it would be money that nobody paid.
    """
    told = [row for row in documents if _gives_back(row) and row["id"] in found]
    amounts = {row["id"]: _counted(row, dues.get(found[row["id"]], Due())) for row in told}
    given = _given(amounts, found, recorded)
    refused: set[str] = set()
    for identifier, amount in amounts.items():
        target = found[identifier]
        taken = min(amount, _ZERO)
        left = given[target] + taken
        if left < 0:
            refused.add(identifier)
        else:
            given[target] = left
    return refused


def _given(
    amounts: Mapping[str, Decimal], found: Mapping[str, str], recorded: Iterable[Payment]
) -> defaultdict[str, Decimal]:
    """Target -> what was given back for it, by the documents told now and by those of earlier runs."""
    given: defaultdict[str, Decimal] = defaultdict(lambda: _ZERO)
    for identifier, amount in amounts.items():
        given[found[identifier]] += max(amount, _ZERO)
    for fact in recorded:
        if fact["source"] == "1c" and fact["id"] not in amounts:
            given[fact["target"]] -= min(fact["amount"] or _ZERO, _ZERO)
    return given


def _gives_back(row: Document) -> bool:
    """A refund or a return that counts."""
    return MEANINGS[row["kind"]].sign < 0 and not is_void(row)


def _counted(row: Document, due: Due) -> Decimal:
    return brought(row, row["amount"], due) or _ZERO


# ---- as a person reads them ----
def doubtful(
    documents: Iterable[Document], found: Mapping[str, str], recorded: Iterable[Payment], dues: Dues
) -> list[Record]:
    """Issues: documents of money (or of goods, as `recorded` are) that are not counted, with what to do."""
    told = [row for row in documents if row["id"] in found and not is_void(row)]
    refused = unfounded(told, found, recorded, dues)
    return [_issue(row, why) for row in told for why in _reasons(row, dues.get(found[row["id"]]), refused)]


def overdrawn(totals: Mapping[str, Decimal | None], word: str) -> list[Record]:
    """Issues: documents or deals (`word`) for which more was given back than received. `totals` = its number
    -> what is paid.
    """
    return [
        _overdrawn(key, amount, word) for key, amount in totals.items() if amount is not None and amount < 0
    ]


def _overdrawn(key: str, amount: Decimal, word: str) -> Record:
    return issue(
        f"По 1С за {word} {key} возвращено больше, чем оплачено: {amount:.2f}. Проверьте в 1С возвраты и "
        "документы с минусом и повторите выгрузку.",
        severity="warn",
        entity="deal" if word == "сделку" else "documents",
        key=key,
        field="paid",
        value=amount,
    )


def _reasons(row: Document, due: Due | None, refused: set[str]) -> Iterator[str]:
    if row["amount"] and brought(row, row["amount"], due or Due()) is None:
        yield (
            f"а оплачивается и отгружается {_order(due or Due())}: курса в документах 1С нет. Сумма не "
            "учтена. Укажите курс в документах 1С и повторите выгрузку."
        )
    if row["id"] in refused:
        yield (
            "с минусом означает отмену такого же документа, а его по этому заказу нет. Сумма не учтена. "
            "Если это сам возврат, исправьте в 1С знак суммы и повторите выгрузку."
        )


def _order(due: Due) -> str:
    """What is paid or shipped, by its sum where that is known."""
    if due.amount is None:
        return f"документ в валюте {due.measure.currency}"
    return f"документ на {money.shown(money.of(due.amount, due.measure.currency))}"


def _issue(row: Document, why: str) -> Record:
    amount = money.shown(money.of(row["amount"] or _ZERO, row["currency"]))
    return issue(
        f"{said(row)} на {amount}, {why}" if why.startswith("а ") else f"{said(row)} на {amount} {why}",
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["id"],
        field="amount",
        value=row["amount"],
    )
