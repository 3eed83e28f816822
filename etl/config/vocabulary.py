"""Names that a person types into a profile and that nothing would miss: facts of rules, results, values of
documents.

A misspelt one would wait for ever for something that never comes, so it is refused with the names there are.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator

from etl.config.profile import Profile

#: facts of the contracts of specification 000 ([billing])
CONTRACT_FACTS = (
    "paid_charges",
    "act1",
    "act2",
    "paid_total",
    "paid_on",
    "number",
    "amount",
    "date",
    "terminated",
    "terminated_on",
)
#: facts of orders ([orders])
ORDER_FACTS = (
    "ordered",
    "invoiced",
    "amount",
    "currency",
    "paid",
    "prepaid",
    "seen",
    "paid_amount",
    "paid_on",
    "shipped",
    "closed",
    "shipped_amount",
    "shipped_on",
    "shipped_number",
    "status",
    "number",
    "number_1c",
    "date",
)
#: what the status of an order may prove ([orders.statuses])
PROOFS = ("paid", "prepaid", "shipped", "closed")
#: what a document of 1C tells its deal ([orders.fields])
DOCUMENT_FIELDS = (
    "order_number",
    "order_date",
    "order_status",
    "order_amount",
    "order_comment",
    "organisation",
    "manager",
    "invoice_number",
    "invoice_date",
    "invoice_amount",
    "paid_on",
    "paid_amount",
    "shipped_number",
    "shipped_on",
    "shipped_amount",
    "shipped_organisation",
)


def unknown_names(profile: Profile) -> Iterator[str]:
    """Each misspelt name with its place, as a Russian sentence."""
    facts: list[str] = []
    if profile.billing is not None:
        facts += CONTRACT_FACTS
    if profile.orders is not None:
        facts += ORDER_FACTS
    for number, rule in enumerate(profile.rules, 1):
        yield from _unknown(f"правило {number} («{rule.to}»), when", rule.when, facts, "факта")
    yield from _unknown("results", profile.results, CONTRACT_FACTS, "итога")
    if profile.orders is None:
        return
    yield from _unknown("orders.fields", profile.orders.fields, DOCUMENT_FIELDS, "значения")
    for status, said in profile.orders.statuses.items():
        words = [word.strip() for word in said.split(",")]
        yield from _unknown(f"orders.statuses «{status}»", words, PROOFS, "факта")


def _unknown(place: str, names: Iterable[str], known: Collection[str], what: str) -> Iterator[str]:
    """Names of one place that mean nothing to a profile of this kind."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"возможно, «{near[0]}»; " if near else ""
            listed = ", ".join(dict.fromkeys(known)) or "никаких"
            yield f"{place}: {what} «{name}» нет. Исправьте: {hint}есть {listed}"
