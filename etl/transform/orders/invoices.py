"""Smart invoices of deals (specification 001): which one belongs to the order, which one is paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from etl.config.profile import Orders
from etl.records import Change, Deal, Document
from etl.tables import Record, issue
from etl.transform.money.currency import Due, Dues
from etl.transform.money.paid import TOLERANCE, Paid
from etl.values import keys, money
from etl.values.changes import change, numbered


@dataclass(frozen=True, slots=True)
class Choice:
    """`invoices`: one per deal, for `documents.Sources`; `held`: deals that wait for an answer; `create`:
    deals that need one made.
    """

    invoices: Sequence[Document]
    held: frozenset[str]
    create: tuple[str, ...]
    issues: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Unpaid:
    """A smart invoice on the stage of paid ones, its sum and what is paid of it now."""

    invoice: Document
    amount: Decimal
    got: Decimal

    def told(self, stage: str) -> str:
        """What a person is told of it; the sentence that says what to do is the caller's."""
        number = keys.invoice(self.invoice["id"])
        return (
            f"Счёт {number} сделки {self.invoice['deal']} стоит на «{stage}», а 1С больше не подтверждает "
            f"оплату: оплачено {self.got:.2f} из {self.amount:.2f}."
        )


def is_prepaid(deal: Deal, settings: Orders) -> bool:
    """The variant of a deal: by the field the profile names, else by its pipeline."""
    if settings.variant_field:
        return (deal["fields"] or {}).get(settings.variant_field) in settings.prepaid_values
    return deal["category"] in settings.prepaid_values


def choose_invoices(
    deals: Iterable[Deal],
    invoices: Iterable[Document],
    settings: Orders,
    *,
    final: Collection[str],
    sent: Collection[str],
) -> Choice:
    """The smart invoice of each prepaid deal in an invoice or order stage: the one sent before, else the only
    one not final.

    `invoices`: records of `documents` (id = smart invoice, deal, status = its stage), `final` = its final
    stages, `sent` = numbers 1C has. None or several are a question to a person; with `create_invoices` a deal
    without any gets one. Postpaid deals need none; an invoice that 1C has stays in exchange whatever the
    stage. `status` of a chosen invoice is a stage that sends it where its deal stands in an invoice or order
    stage, else its own.
    """
    own: dict[str | None, list[Document]] = defaultdict(list)
    for row in invoices:
        own[row["deal"]].append(row)
    chosen: list[Document] = []
    create: list[str] = []
    issues: list[Record] = []
    for deal in deals:
        before = [row for row in own[deal["id"]] if keys.invoice(row["id"]) in sent]
        due = _needs_invoice(deal, settings)
        if not before and not due:
            continue
        fitting = before[-1:] or [row for row in own[deal["id"]] if row["status"] not in final]
        if len(fitting) == 1:
            chosen.append(_sending(fitting[0], settings) if due else fitting[0])
        elif not fitting and settings.create_invoices and not own[deal["id"]]:
            create.append(deal["id"])
        else:
            issues.append(_which_invoice(deal, fitting))
    held = frozenset([*(row["key"] for row in issues), *create])
    return Choice(chosen, held, tuple(create), issues)


def without(choice: Choice, deals: Collection[str]) -> Choice:
    """A choice in which these deals wait: their invoice is not ready."""
    ready = [row for row in choice.invoices if row["deal"] not in deals]
    return replace(choice, invoices=ready, held=choice.held | frozenset(deals))


def _needs_invoice(deal: Deal, settings: Orders) -> bool:
    """A prepaid deal in an invoice or order stage needs its smart invoice."""
    return is_prepaid(deal, settings) and deal["stage"] in (*settings.invoice_stages, *settings.send_stages)


def _sending(row: Document, settings: Orders) -> Document:
    """A prepaid deal that skipped the invoice stage sends its invoice with the order."""
    return {**row, "status": settings.invoice_stages[0]} if settings.invoice_stages else row


def _which_invoice(deal: Deal, fitting: Sequence[Document]) -> Record:
    if fitting:
        listed = ", ".join(row["id"] for row in fitting)
        message = f"У сделки {deal['id']} несколько незакрытых счетов ({listed}). Закройте лишние."
    else:
        message = (
            f"У сделки {deal['id']} нет незакрытого счёта, а она по предоплате. Выставьте счёт в сделке."
        )
    return issue(
        f"{message} До этого её документы в 1С не уходят.",
        severity="ask",
        entity="deal",
        key=deal["id"],
        field="invoice",
    )


def leads_to(
    targets: Iterable[str],
    invoices: Mapping[str, str],
    above: Mapping[str, Sequence[str]],
    owners: Mapping[str, str],
) -> dict[str, str]:
    """Target of a payment -> the smart invoice that it pays: itself, or the one its order stands upon.

    In: `invoices` = number of a smart invoice -> deal, `above` = order -> what it stands upon
    (`targets.bases`), `owners` = target -> deal. Where 1C does not say upon what an order stands, the only
    invoice of its deal is meant («Заказ покупателя (связанный со Счетом на оплату)», specification 001).
    """
    of_deal: dict[str, list[str]] = defaultdict(list)
    for number, deal in invoices.items():
        of_deal[deal].append(number)
    found: dict[str, str] = {}
    for target in targets:
        chain = [number for number in (target, *above.get(target, ())) if number in invoices]
        own = of_deal.get(owners.get(target, ""), [])
        if chain:
            found[target] = chain[0]
        elif len(own) == 1:
            found[target] = own[0]
    return found


def unpaid(invoices: Iterable[Document], paid: Mapping[str, Paid], settings: Orders) -> list[Unpaid]:
    """Smart invoices that stand on `invoice_paid_stage` though the money was taken back."""
    found: list[Unpaid] = []
    for row in invoices:
        got = paid[keys.invoice(row["id"])].amount
        amount = row["amount"]
        stands = row["status"] == settings.invoice_paid_stage
        if stands and got is not None and amount is not None and amount - got > TOLERANCE:
            found.append(Unpaid(row, amount, got))
    return found


def invoice_moves(
    invoices: Iterable[Document],
    paid: Mapping[str, Paid],
    settings: Orders,
    *,
    final: Collection[str],
    dues: Dues | None = None,
) -> tuple[list[Change], list[Record]]:
    """Smart invoices paid up to their sum move to `invoice_paid_stage`; a smaller payment moves nothing and
    shows the remainder.

    `paid` = number -> what is paid (`facts.paid`), in the currency that `dues` tells. An invoice in a final
    stage stays, its payments are still counted elsewhere.
    """
    stage = settings.invoice_paid_stage
    if stage is None:
        return [], []
    rows: list[Change] = []
    issues: list[Record] = []
    for row in invoices:
        number = keys.invoice(row["id"])
        got = paid[number].amount if number in paid else None
        amount = row["amount"]
        if not got or amount is None or row["status"] in final:
            continue
        own = money.measure(row["currency"], None)
        received = money.converted(got, (dues or {}).get(number, Due()).measure, own, amount)
        if received is None:
            issues.append(_unlike(row["id"], number, own.currency))
        elif amount - received <= TOLERANCE:
            why = f"счёт {number} оплачен"
            rows.append(change(row["id"], "stage", "stage", row["status"], stage, why, "invoice"))
        else:
            issues.append(_partly(row["id"], number, amount, received))
    return numbered(rows), issues


def _unlike(invoice: str, number: str, currency: str) -> Record:
    return issue(
        f"Счёт {number} в валюте {currency}, а его заказ в 1С в другой, и курса для пересчёта нет. Счёт не "
        "переведён. Выставьте счёт в валюте сделки или переведите его вручную.",
        severity="warn",
        entity="invoice",
        key=invoice,
        field="currency",
        value=currency,
    )


def _partly(invoice: str, number: str, amount: Decimal, got: Decimal) -> Record:
    rest = amount - got
    return issue(
        f"Счёт {number}: оплачено {got:.2f} из {amount:.2f}, осталось {rest:.2f}. Счёт не переведён; "
        "он перейдёт сам, когда оплата дойдёт до суммы.",
        severity="warn",
        entity="invoice",
        key=invoice,
        field="amount",
        value=rest,
    )
