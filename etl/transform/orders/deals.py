"""Orders between deals and 1C (specifications 001, 002/004, 003): what a deal learns from documents, what
becomes a deal, which invoice belongs to an order, which edits 1C will not take.

Towards 1C the documents themselves are made by `documents.deal_documents`; money, goods and closings are
`facts`; stages follow from facts (`stages`). Here stands what lies between: documents of 1C as fields, rows
and new deals of the portal."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from etl.config.profile import Orders, Organisation
from etl.tables import Record, frame, issue, records
from etl.transform.money.paid import TOLERANCE, Paid
from etl.values import clean, keys

if TYPE_CHECKING:
    import pandas as pd

Told = dict[str, dict[str, Any]]

#: what a document of 1C can tell about its deal: keys of [orders.fields], with their meaning for `check`
FIELDS: Final[dict[str, str]] = {
    "order_number": "номер заказа в 1С",
    "order_date": "дата заказа",
    "order_status": "статус (состояние) заказа",
    "order_amount": "сумма заказа",
    "order_comment": "комментарий заказа",
    "organisation": "наша организация",
    "manager": "ответственный менеджер в 1С",
    "invoice_number": "номер счёта",
    "invoice_date": "дата счёта",
    "invoice_amount": "сумма счёта",
    "paid_on": "дата оплаты",
    "paid_amount": "оплаченная сумма",
    "shipped_number": "номер реализации",
    "shipped_on": "дата реализации",
    "shipped_amount": "сумма реализации",
    "shipped_organisation": "юр. лицо реализации",
}


# ---- our own organisation, the responsible manager ----


def organisation(
    document: Record, organisations: Sequence[Organisation], by: str = "inn"
) -> Organisation | None:
    """Which of our organisations a document of 1C is of: by its ИНН where told (`by` = inn), else by name as
    1C writes it."""
    inn = (document["requisites"] or {}).get("Организация ИНН") if by == "inn" else None
    name = clean.fold(document["organisation"])
    return next(
        (own for own in organisations if (own.inn == inn if inn else name and clean.fold(own.name) == name)),
        None,
    )


def manager_email(name: str | None, managers: Mapping[str, str]) -> str | None:
    """E-mail of the portal's employee for a manager of 1C: [orders.managers], else the name itself if it is
    an e-mail."""
    known = {clean.fold(said): mail for said, mail in managers.items()}
    return known.get(clean.fold(name)) or (name if name and "@" in name else None)


def unmapped(
    documents: pd.DataFrame, settings: Orders, organisations: Sequence[Organisation]
) -> pd.DataFrame:
    """Issues: managers and organisations of 1C's orders that the profile does not know, each once."""
    issues: dict[tuple[str, str], Record] = {}
    for row in records(documents):
        name, own = clean.text(row["manager"]), clean.text(row["organisation"])
        if name and settings.managers and manager_email(name, settings.managers) is None:
            issues.setdefault(
                ("manager", name),
                _unmapped(
                    row,
                    "manager",
                    name,
                    f"Менеджер 1С «{name}» не сопоставлен с сотрудником портала, ответственный не изменён. "
                    "Добавьте его в [orders.managers] профиля.",
                ),
            )
        if own and organisation(row, organisations, settings.organisations_by) is None:
            issues.setdefault(
                ("organisation", own),
                _unmapped(
                    row,
                    "organisation",
                    own,
                    f"Организация 1С «{own}» не описана в профиле, поле сделки не изменено. "
                    "Добавьте её в [[organisations]] с ИНН.",
                ),
            )
    return frame("issues", list(issues.values()))


def _unmapped(row: Record, field: str, value: str, message: str) -> Record:
    return issue(
        message,
        severity="warn",
        file=row["file"],
        place=row["place"],
        entity="documents",
        key=row["number"] or row["id"],
        field=field,
        value=value,
    )


def doubtful(
    documents: pd.DataFrame, facts: Mapping[str, Mapping[str, Any]], settings: Orders
) -> pd.DataFrame:
    """Issues: orders (with `deal`) whose status says what their facts do not (onec §1.5), and orders that 1C
    gave up.

    A deal is neither moved by such a status nor closed by a deletion: both are shown to a person.
    """
    proofs = {clean.fold(status): words for status, words in settings.statuses.items()}
    issues = []
    for row in records(documents):
        known = facts.get(row["deal"], {})
        claimed = [
            word.strip() for word in proofs.get(clean.fold(row["status"]), "").split(",") if word.strip()
        ]
        missing = ", ".join(_CLAIMS.get(word, word) for word in claimed if word in known and not known[word])
        common = {
            "severity": "warn",
            "file": row["file"],
            "place": row["place"],
            "entity": "deal",
            "key": row["deal"],
        }
        if row["kind"] == "order" and (row["deleted"] or row["cancelled"]):
            issues.append(
                issue(
                    f"Заказ {_number(row) or row['number']} в 1С {'помечен на удаление' if row['deleted'] else 'отменён'}. Сделка не "
                    "изменена: закройте её вручную, если она больше не нужна.",
                    field="stage",
                    **common,
                )
            )
        elif row["kind"] == "order" and missing:
            issues.append(
                issue(
                    f"Статус заказа «{row['status']}» означает «{missing}», но документы 1С этого не подтверждают. Сделка не "
                    "перемещена. Проверьте оплату и отгрузку в 1С.",
                    field="status",
                    value=row["status"],
                    **common,
                )
            )
    return frame("issues", issues)


_CLAIMS = {"paid": "оплачено", "shipped": "отгружено", "closed": "закрыто", "prepaid": "есть предоплата"}


# ---- what documents tell their deals ----


def attached(documents: pd.DataFrame, roles: pd.DataFrame) -> pd.DataFrame:
    """Documents that fill deals, with `deal` set: those whose role is `content`
    (`identity.document_deals`)."""
    deals = {identifier: deal for identifier, deal, role in roles.to_numpy().tolist() if role == "content"}
    return frame(
        "documents", [row | {"deal": deals[row["id"]]} for row in records(documents) if row["id"] in deals]
    )


def told(
    documents: pd.DataFrame,
    facts: Mapping[str, Mapping[str, Any]],
    settings: Orders,
    organisations: Sequence[Organisation],
) -> Told:
    """{deal: values by the names of FIELDS} from its documents (`attached`) and its facts
    (`facts.order_facts`).

    A value None says nothing and is left out, except payment fields after a payment was taken back: they are
    cleared. Several invoices or shipments: numbers joined, latest date, sums added."""
    groups: dict[str, list[Record]] = {deal: [] for deal in facts}
    for row in records(documents):
        if row["deal"] and not (row["deleted"] or row["cancelled"]):
            groups.setdefault(row["deal"], []).append(row)
    found: Told = {}
    for deal, rows in groups.items():
        known = facts.get(deal, {})
        values = {
            **_order_told(rows, settings, organisations),
            **_invoices_told(rows),
            **_goods_told(rows, known),
        }
        found[deal] = {
            name: clean.kopecks(value) if isinstance(value, Decimal) else value
            for name, value in (values | _money_told(known)).items()
            if value is not None or name in _money_told(known)
        }
    return found


def _order_told(
    rows: Sequence[Record], settings: Orders, organisations: Sequence[Organisation]
) -> dict[str, Any]:
    order = next((row for row in reversed(rows) if row["kind"] == "order"), None)
    if order is None:
        return {}
    own = organisation(order, organisations, settings.organisations_by)
    return {
        "order_number": _number(order),
        "order_date": order["date_1c"] or order["date"],
        "order_status": order["status"],
        "order_amount": order["amount"],
        "order_comment": order["comment"],
        "organisation": own.name if own else None,
        "manager": manager_email(order["manager"], settings.managers),
    }


def _number(row: Record) -> str | None:
    """The number 1C gave; a number of ours is not news to the portal."""
    return clean.text(row["number_1c"]) or (None if keys.decode(row["number"]) else clean.text(row["number"]))


def _invoices_told(rows: Iterable[Record]) -> dict[str, Any]:
    invoices = [row for row in rows if row["kind"] == "invoice"]
    return {
        "invoice_number": ", ".join(dict.fromkeys(number for row in invoices if (number := _number(row))))
        or None,
        "invoice_date": max(
            (day for row in invoices if (day := row["date_1c"] or row["date"])), default=None
        ),
        "invoice_amount": sum((row["amount"] or Decimal(0) for row in invoices), Decimal(0))
        if invoices
        else None,
    }


def _goods_told(rows: Iterable[Record], known: Mapping[str, Any]) -> dict[str, Any]:
    owners = dict.fromkeys(
        clean.text(row["organisation"]) for row in rows if row["kind"] == "shipment" and row["organisation"]
    )
    return {
        "shipped_number": known.get("shipped_number"),
        "shipped_on": known.get("shipped_on"),
        "shipped_amount": known.get("shipped_amount"),
        "shipped_organisation": ", ".join(filter(None, owners)) or None,
    }


def _money_told(known: Mapping[str, Any]) -> dict[str, Any]:
    amount = known.get("paid_amount")
    if amount is None:
        return {}
    return (
        {"paid_on": known.get("paid_on"), "paid_amount": amount}
        if amount > 0
        else {"paid_on": None, "paid_amount": None}
    )


def field_changes(values: Told, deals: pd.DataFrame, fields: Mapping[str, str]) -> pd.DataFrame:
    """Changes of deal fields (action update) where 1C tells something else than the portal holds.

    `fields` = name of FIELDS -> field of the portal ([orders.fields]); the present value stands in
    `deals.fields`."""
    rows = []
    for deal in records(deals):
        said, held = values.get(deal["id"], {}), deal["fields"] or {}
        rows += [
            _change(deal["id"], "update", field, held.get(field), said[name], FIELDS[name])
            for name, field in fields.items()
            if name in said and not _same(held.get(field), said[name])
        ]
    return _numbered(rows)


def amount_changes(values: Told, deals: pd.DataFrame, with_rows: Collection[str]) -> pd.DataFrame:
    """Changes of the deal's own sum to the invoice's (else the order's), only where no rows carry it
    (`with_rows` = other deals)."""
    rows = []
    for deal in records(deals):
        said = values.get(deal["id"], {})
        amount = said.get("invoice_amount", said.get("order_amount"))
        if amount is not None and deal["id"] not in with_rows and amount != deal["amount"]:
            rows.append(
                _change(
                    deal["id"], "update", "opportunity", deal["amount"], amount, "сумма счёта или заказа 1С"
                )
            )
    return _numbered(rows)


def _same(held: Any, said: Any) -> bool:
    """Whether a field already shows the value, whatever its type on the portal."""
    if held == said or (held in (None, "", ()) and said is None):
        return True
    if isinstance(said, dt.date):
        return str(held) in (said.isoformat(), clean.day_name(said))
    return isinstance(said, Decimal) and str(held) in (f"{said:f}", f"{said:.2f}")


def _change(
    key: str, action: str, field: str, before: Any, after: Any, why: str, entity: str = "deal"
) -> Record:
    return {
        "side": "portal",
        "entity": entity,
        "key": key,
        "action": action,
        "field": field,
        "before": before,
        "after": after,
        "reason": f"из 1С: {why}",
    }


def _numbered(rows: Iterable[Record]) -> pd.DataFrame:
    return frame("changes", [row | {"seq": number} for number, row in enumerate(rows, 1)])


# ---- rows ----


def deal_lines(documents: pd.DataFrame, lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The documents (one per deal, `id` = deal) and lines (`document` = deal) that make the composition of
    each deal.

    In: `attached` documents and their lines. The only invoice of a deal wins over its order («сумма
    выставленного счета»); of several invoices, each for a part, the order tells the whole, and without an
    order they are one after another."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for row in records(documents):
        if row["kind"] in ("order", "invoice") and not (row["deleted"] or row["cancelled"]):
            groups[row["deal"]].append(row)
    bodies: dict[str, list[Record]] = defaultdict(list)
    for line in records(lines):
        bodies[line["document"]].append(line)
    heads, kept = [], []
    for deal, rows in groups.items():
        chosen = [row for row in _composed(rows) if bodies[row["id"]]]
        if not chosen:
            continue
        heads.append(
            chosen[-1]
            | {"id": deal, "amount": sum((row["amount"] or Decimal(0) for row in chosen), Decimal(0))}
        )
        listed = [
            line for row in chosen for line in sorted(bodies[row["id"]], key=lambda line: line["position"])
        ]
        kept += [line | {"document": deal, "position": position} for position, line in enumerate(listed, 1)]
    return frame("documents", heads), frame("lines", kept)


def _composed(rows: Sequence[Record]) -> list[Record]:
    invoices, orders = ([row for row in rows if row["kind"] == kind] for kind in ("invoice", "order"))
    if len(invoices) == 1 or not orders:
        return invoices
    return orders[-1:]


def row_changes(
    ours: Mapping[str, tuple[Any, ...]], theirs: Mapping[str, tuple[Any, ...]], deals: Collection[str]
) -> pd.DataFrame:
    """Changes of compositions (action rows) led by 1C: `after` replaces the rows of the deal as a whole.

    In: `composition.positions` of both sides by deal; only `deals` known to the portal. An empty list never
    replaces rows."""
    return _numbered(
        _change(deal, "rows", "rows", ours.get(deal, ()), rows, "состав заказа")
        for deal, rows in theirs.items()
        if deal in deals and rows and rows != ours.get(deal, ())
    )


# ---- orders born in 1C ----


def new_deals(
    documents: pd.DataFrame,
    roles: pd.DataFrame,
    parties: Mapping[str, str],
    settings: Orders,
    organisations: Sequence[Organisation],
    *,
    originator: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deals to be created from orders that 1C made (role `born`), and issues for those that cannot be.

    `parties` = party of 1C -> party of the portal. Out: table `deals`, `id` and `origin` = id of the order
    (the portal is asked for this origin before anything is created), `manager` = e-mail. Deleted and
    cancelled orders, and all of them without `create_deals`, make nothing."""
    born = {identifier for identifier, _, role in roles.to_numpy().tolist() if role == "born"}
    deals, issues = [], []
    for row in records(documents):
        if row["id"] not in born or not settings.create_deals or row["deleted"] or row["cancelled"]:
            continue
        party = parties.get(row["party"] or "")
        if party is None:
            issues.append(
                issue(
                    f"Заказ 1С {_number(row) or row['id']}: покупатель не найден на портале, сделка не создана. "
                    "Свяжите контрагента командой obmen24 link или дождитесь его выгрузки.",
                    severity="ask",
                    file=row["file"],
                    place=row["place"],
                    entity="documents",
                    key=row["id"],
                    field="party",
                    value=row["party"],
                )
            )
            continue
        deals.append(_new_deal(row, party, settings, organisations, originator))
    return frame("deals", deals), frame("issues", issues)


def _new_deal(
    row: Record, party: str, settings: Orders, organisations: Sequence[Organisation], originator: str
) -> Record:
    own, said = (
        organisation(row, organisations, settings.organisations_by),
        _order_told([row], settings, organisations),
    )
    buyer = {"contact": party} if party.startswith("contact_") else {}
    return {
        "id": row["id"],
        "title": f"Заказ {_number(row) or ''} от {clean.day_name(row['date_1c'] or row['date'])}".replace(
            "  ", " "
        ),
        "stage": settings.first_stage,
        "amount": row["amount"],
        "currency": row["currency"],
        "party": party,
        **buyer,
        "manager": said["manager"],
        "organisation": own.name if own else None,
        "originator": originator,
        "origin": row["id"],
        "fields": {
            field: said[name] for name, field in settings.fields.items() if said.get(name) is not None
        },
        "file": row["file"],
        "place": row["place"],
    }


def accepted_edits(
    changes: pd.DataFrame, born: Mapping[str, str], *, extended: bool, referred: Collection[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Changes towards 1C that it will take, and issues «1С не примет правку» for the rest.

    `born` = deal -> its order in 1C (Ид): such an order is found by Ид under the extended contract only.
    `referred` = deals whose order other documents already lean on: stock 1C passes them over in silence
    (commerceml §0, fact 9)."""
    kept, issues = [], []
    for change in records(changes):
        why = (
            None
            if change["side"] != "1c" or change["entity"] != "deal" or extended
            else _refusal(change["key"], born, referred)
        )
        if why is None:
            kept.append(change)
            continue
        issues.append(
            issue(
                f"1С не примет правку сделки {change['key']} («{change['field']}»): {why}. Внесите её в 1С вручную.",
                severity="warn",
                entity="deal",
                key=change["key"],
                field=change["field"],
                value=change["after"],
            )
        )
    return frame("changes", kept), frame("issues", issues)


def _refusal(deal: str, born: Mapping[str, str], referred: Collection[str]) -> str | None:
    if deal in born:
        return "заказ создан в 1С, а типовой обмен обновляет только заказы, пришедшие с портала"
    return "в 1С по заказу уже есть другие документы" if deal in referred else None


# ---- smart invoices (specification 001) ----


class Choice(NamedTuple):
    """`invoices`: one per deal, for `documents.Sources`; `held`: deals that wait for an answer; `create`:
    deals that need one made."""

    invoices: pd.DataFrame
    held: frozenset[str]
    create: tuple[str, ...]
    issues: pd.DataFrame


def is_prepaid(deal: Record, settings: Orders) -> bool:
    """The variant of a deal: by the field the profile names, else by its pipeline."""
    variant = (
        (deal["fields"] or {}).get(settings.variant_field) if settings.variant_field else deal["category"]
    )
    return variant in settings.prepaid_values


def choose_invoices(
    deals: pd.DataFrame,
    invoices: pd.DataFrame,
    settings: Orders,
    *,
    final: Collection[str],
    sent: Collection[str],
) -> Choice:
    """The smart invoice of each prepaid deal in an invoice or order stage: the one sent before, else the only
    one not final.

    `invoices`: table `documents` (id = smart invoice, deal, status = its stage), `final` = its final stages,
    `sent` = numbers 1C has. None or several are a question to a person; with `create_invoices` a deal without
    any gets one. Postpaid deals need none; an invoice that 1C has stays in exchange whatever the stage.
    `status` of a chosen invoice is a stage that sends it where its deal stands in an invoice or order stage,
    else its own."""
    own: dict[str, list[Record]] = defaultdict(list)
    for row in records(invoices):
        own[row["deal"]].append(row)
    chosen, create, issues = [], [], []
    for deal in records(deals):
        before = [row for row in own[deal["id"]] if keys.invoice(row["id"]) in sent]
        due = is_prepaid(deal, settings) and deal["stage"] in (
            *settings.invoice_stages,
            *settings.send_stages,
        )
        if not before and not due:
            continue
        fitting = before[-1:] or [row for row in own[deal["id"]] if row["status"] not in final]
        if len(fitting) == 1:
            # a prepaid deal that skipped the invoice stage sends its invoice with the order
            chosen.append(
                fitting[0]
                | ({"status": settings.invoice_stages[0]} if due and settings.invoice_stages else {})
            )
        elif not fitting and settings.create_invoices and not own[deal["id"]]:
            create.append(deal["id"])
        else:
            issues.append(_which_invoice(deal, fitting))
    held = frozenset(row["key"] for row in issues) | frozenset(create)
    return Choice(frame("documents", chosen), held, tuple(create), frame("issues", issues))


def _which_invoice(deal: Record, fitting: Collection[Record]) -> Record:
    if fitting:
        message = f"У сделки {deal['id']} несколько незакрытых счетов ({', '.join(row['id'] for row in fitting)}). Закройте лишние."
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


def invoice_moves(
    invoices: pd.DataFrame, paid: Mapping[str, Paid], settings: Orders, *, final: Collection[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Smart invoices paid up to their sum move to `invoice_paid_stage`; a smaller payment moves nothing and
    shows the remainder.

    `paid` = number -> what is paid (`facts.paid`). An invoice in a final stage stays, its payments are still
    counted elsewhere."""
    rows, issues = [], []
    for row in records(invoices):
        number = keys.invoice(row["id"])
        got = paid.get(number)
        if (
            got is None
            or not got.amount
            or row["status"] in final
            or settings.invoice_paid_stage is None
            or row["amount"] is None
        ):
            continue
        if row["amount"] - got.amount <= TOLERANCE:
            why = f"счёт {number} оплачен"
            rows.append(
                _change(
                    row["id"], "stage", "stage", row["status"], settings.invoice_paid_stage, why, "invoice"
                )
            )
        else:
            issues.append(_partly(row, number, got.amount))
    return _numbered(rows), frame("issues", issues)


def _partly(row: Record, number: str, got: Decimal) -> Record:
    rest = row["amount"] - got
    return issue(
        f"Счёт {number}: оплачено {got:.2f} из {row['amount']:.2f}, осталось {rest:.2f}. Счёт не переведён; он перейдёт сам, "
        "когда оплата дойдёт до суммы.",
        severity="warn",
        entity="invoice",
        key=row["id"],
        field="amount",
        value=rest,
    )
