"""What a profile asks of its 1C and what that 1C cannot give: pure over profile, dialect and day.

A dialect says which facts it tells and which documents its file may hold (reference commerceml §0, §5). A
*contradiction* would double documents or make a file 1C refuses whole: such a profile never runs. A *gap* is
a rule that will simply never hold. Each is one Russian sentence «place: what is wrong» that ends with what to
do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from etl.config.dialects import FACTS, Dialect, standard_vat
from etl.config.ends import Organisation
from etl.config.profile import Profile
from etl.config.vocabulary import unknown_names
from etl.errors import ConfigError

#: fact of a rule -> capabilities of 1C any of which feeds it (reference commerceml §5)
NEEDS: dict[str, tuple[str, ...]] = {
    "paid_charges": ("paid_partial", "paid_full"),
    "paid": ("paid_partial", "paid_full"),
    "prepaid": ("paid_partial",),
    "shipped": ("shipments", "shipped_full"),
    "shipped_amount": ("shipments", "shipped_full"),
    "closed": ("closing",),
    "invoiced": ("invoices",),
    "status": ("status",),
}
#: value of [orders.fields] -> capabilities any of which feeds it
VALUES: dict[str, tuple[str, ...]] = {
    "order_status": ("status",),
    "manager": ("managers",),
    "invoice_number": ("invoices",),
    "invoice_date": ("invoices",),
    "invoice_amount": ("invoices",),
    "paid_on": ("paid_partial", "paid_full", "paid_weak"),
    "paid_amount": ("paid_partial", "paid_full"),
    "shipped_number": ("shipments", "shipped_full"),
    "shipped_on": ("shipments", "shipped_full"),
    "shipped_amount": ("shipments", "shipped_full"),
    "shipped_organisation": ("shipments",),
}
#: facts of rules that a bank statement feeds too
_MONEY = ("paid_charges", "paid", "prepaid")
_BY_BANK = "Закрывается выпиской банка (поток bank) или расширенным договором обмена (onec.extended)."
_BY_HAND = (
    "Закрывается расширенным договором обмена (onec.extended) "
    "или ручной выгрузкой «Выгрузка данных CommerceML»."
)


def refuse(profile: Profile) -> None:
    """Raise ConfigError for a profile that would double documents or make a file 1C refuses whole."""
    found = contradictions(profile)
    if found:
        raise ConfigError(
            f"Профиль {profile.name} противоречит возможностям 1С:",
            "Исправьте профиль, затем obmen24 check.",
            found,
        )


def contradictions(profile: Profile) -> list[str]:
    """What cannot work at all; empty for a profile that can run.

    Stock 1C refuses a file whole for one document of a kind it does not know (reference commerceml §0).
    """
    writes = profile.contract if profile.onec.extended else profile.dialect
    return [
        *_unreadable_documents(profile, writes),
        *_unseen_acts(profile, writes),
        *_unreadable_orders(profile, writes),
        *_unreadable_invoices(profile, writes),
        *unknown_names(profile),
    ]


def gaps(profile: Profile, day: dt.date) -> list[str]:
    """Rules and settings this 1C cannot feed, and what closes each. `day` decides the general VAT rate."""
    tells = _told(profile)
    return [
        *_unfed_rules(profile, tells),
        *_untold_directories(profile, tells),
        *_unborn_orders(profile, tells),
        *_untold_values(profile, tells),
        *_unsent(profile),
        *_flows_without_section(profile),
        *_sections_without_flow(profile),
        *_weak_payment(profile, tells),
        *_unknown_rates(profile, day),
    ]


def _told(profile: Profile) -> frozenset[str]:
    """The facts (keys of `FACTS`) that reach us from this profile's 1C."""
    if profile.onec.extended:
        return profile.dialect.tells | profile.contract.tells
    return profile.dialect.tells


# ---- contradictions


def _unreadable_documents(profile: Profile, writes: Dialect) -> Iterator[str]:
    """Documents that go out as CommerceML although 1C reads no such kind from its file."""
    for name, kind in _documents_made(profile):
        carrier = getattr(profile.delivery, name)
        if carrier == "commerceml" and kind not in writes.kinds:
            yield (
                f"delivery.{name}: {writes.title} не читает такие документы из файла обмена. "
                'Укажите "spreadsheet" или onec.extended = true'
            )


def _documents_made(profile: Profile) -> Iterator[tuple[str, str]]:
    """(setting of [delivery], kind of document in the file) of what this profile makes for 1C.

    A monthly charge is an order of 1C (specification 000).
    """
    if profile.billing is not None:
        yield "charge", "order"
    if profile.commission is not None:
        yield "act", "act"
    if "bank" in profile.flows:
        yield "payment", "payment"


def _unseen_acts(profile: Profile, writes: Dialect) -> Iterator[str]:
    if profile.commission is None or profile.commission.confirm != "seen":
        return
    if "acts" not in writes.tells:
        yield 'commission.confirm: эта 1С об актах не сообщает. Укажите "published" или "person"'


def _unreadable_orders(profile: Profile, writes: Dialect) -> Iterator[str]:
    if profile.orders is None or not profile.orders.send_stages:
        return
    if writes.order_path is None:
        yield (
            f"orders.send_stages: {writes.title} не читает заказы из файла обмена. "
            "Уберите настройку или укажите onec.extended = true"
        )


def _unreadable_invoices(profile: Profile, writes: Dialect) -> Iterator[str]:
    """Whatever of specification 001 rests on an invoice in 1C: stock 1C reads none, the deal would wait for
    ever.
    """
    orders = profile.orders
    if orders is None or writes.order_path is None or "invoice" in writes.kinds:
        return
    resting = {
        "invoice_stages": orders.invoice_stages,
        "invoice_paid_stage": orders.invoice_paid_stage,
        "create_invoices": orders.create_invoices,
        "prepaid_values": orders.prepaid_values,
    }
    for name, value in resting.items():
        if value:
            yield (
                f"orders.{name}: {writes.title} не читает счета на оплату из файла обмена и не сообщает "
                "о них, сделки по предоплате остались бы ждать. "
                "Уберите настройку или укажите onec.extended = true"
            )


# ---- gaps


def _flows_without_section(profile: Profile) -> Iterator[str]:
    """Flows that do nothing, because the profile does not say what."""
    entities = profile.entities
    sections = {
        "billing": ("[billing]", profile.billing),
        "commission": ("[commission]", profile.commission),
        "orders-out": ("[orders]", profile.orders),
        "parties": ("[entities.parties]", entities.get("parties") or entities.get("contacts")),
        "products": ("[entities.products]", entities.get("products")),
    }
    for flow, (name, section) in sections.items():
        if flow in profile.flows and section is None:
            yield f"flows: поток {flow} без раздела {name} ничего не делает. Добавьте его или уберите поток"


def _unfed_rules(profile: Profile, tells: frozenset[str]) -> Iterator[str]:
    """Rules of the profile with a fact that neither 1C nor the bank tells."""
    by_bank = _is_matched(profile)
    for number, rule in enumerate(profile.rules, 1):
        for fact in rule.when:
            feeds = NEEDS.get(fact, ())
            fed = not feeds or not tells.isdisjoint(feeds)
            if fed or (by_bank and fact in _MONEY):
                continue
            wanted = " или ".join(f"«{FACTS[name]}»" for name in feeds)
            closing = _BY_BANK if fact in _MONEY and profile.billing else _BY_HAND
            yield f"правило {number} («{rule.to}»): {profile.dialect.title} не сообщает {wanted}. {closing}"


def _untold_directories(profile: Profile, tells: frozenset[str]) -> Iterator[str]:
    """Directories wanted from 1C although it exports none."""
    closing = "Закрывается расширенным договором обмена (onec.extended)."
    parties, products = profile.entities.get("parties"), profile.entities.get("products")
    if parties and parties.direction != "to-1c" and "contractors" not in tells:
        yield (
            "entities.parties: справочник контрагентов 1С отдельно не выгружает: "
            f"контрагенты приходят только внутри заказов. {closing}"
        )
    if products and products.direction != "to-1c" and "catalogue" not in tells:
        yield f"entities.products: номенклатуру 1С не выгружает. {closing}"


def _unborn_orders(profile: Profile, tells: frozenset[str]) -> Iterator[str]:
    if profile.orders and profile.orders.create_deals and "orders_born" not in tells:
        yield (
            f"orders.create_deals: {profile.dialect.title} не выгружает заказы, созданные в самой 1С. "
            "Закрывается расширенным договором обмена или ручной выгрузкой «Выгрузка данных CommerceML»."
        )


def _untold_values(profile: Profile, tells: frozenset[str]) -> Iterator[str]:
    """Fields and settings of [orders] that wait for something this 1C does not tell."""
    orders = profile.orders
    if orders is None:
        return
    wanted = {f"orders.fields.{name}": VALUES.get(name, ()) for name in orders.fields}
    if orders.statuses:
        wanted["orders.statuses"] = ("status",)
    if orders.managers:
        wanted["orders.managers"] = ("managers",)
    for place, feeds in wanted.items():
        if feeds and tells.isdisjoint(feeds):
            told = " или ".join(f"«{FACTS[name]}»" for name in feeds)
            yield f"{place}: {profile.dialect.title} не сообщает {told}. {_BY_HAND}"


def _unsent(profile: Profile) -> Iterator[str]:
    """What goes to 1C by the extended contract only and is left out without it."""
    if profile.onec.extended:
        return
    closing = "Закрывается расширенным договором обмена (onec.extended)."
    for name, entity in profile.entities.items():
        if entity.direction != "to-portal":
            yield (
                f'entities.{name}: direction = "{entity.direction}", а типовая {profile.dialect.title} '
                f"справочник от портала не читает: записи попадают в неё только внутри заказов. {closing}"
            )
    billing = profile.billing
    if billing and billing.invoice and profile.delivery.charge == "commerceml":
        yield (
            f"billing.invoice: типовая {profile.dialect.title} не читает счетов, к начислению счёт "
            f"не прилагается, и проводит документы человек. {closing}"
        )


def _sections_without_flow(profile: Profile) -> Iterator[str]:
    """What the profile sets and none of its flows does."""
    orders, flows = profile.orders, profile.flows
    if orders is not None:
        leaves = orders.send_stages or orders.invoice_stages
        if leaves and "orders-out" not in flows:
            yield "orders.send_stages: заказы в 1С не уходят. Добавьте в flows поток orders-out."
        if "documents-in" not in flows:
            yield "orders: документы 1С не читаются, сделки не движутся. Добавьте в flows поток documents-in."
        if "bank" in flows and profile.billing is None:
            yield (
                "flows: поток bank сопоставляет оплаты начислениям [billing], заказам он их не относит. "
                "Уберите поток: оплату заказов сообщает 1С."
            )
    if profile.commission is not None and "commission" not in flows:
        yield "commission: вознаграждение не начисляется. Добавьте в flows поток commission."


def _weak_payment(profile: Profile, tells: frozenset[str]) -> Iterator[str]:
    """УТ 10.3 sets «оплачено» at the first part already: no money by it (reference commerceml §5)."""
    has_sums = _is_matched(profile) or not tells.isdisjoint(("paid_full", "paid_partial"))
    if "paid_weak" in tells and not has_sums:
        closing = "выписка банка (поток bank)" if profile.billing else "расширенный договор (onec.extended)"
        yield (
            "оплата: УТ 10.3 сообщает только признак без суммы, и он стоит уже при частичной предоплате. "
            f"Деньги по нему не считаются, пока сумму не подтвердит {closing}."
        )


def _is_matched(profile: Profile) -> bool:
    """Whether bank statements tell what is paid: receipts are matched to charges, not to orders."""
    return "bank" in profile.flows and profile.billing is not None


def _unknown_rates(profile: Profile, day: dt.date) -> Iterator[str]:
    """Stock 1C has a fixed table of VAT rates and books an unknown one as another, without a word."""
    known = _known_rates(profile)
    if known is None:
        return
    for own in profile.organisations:
        rate = _rate(own, day)
        if rate is not None and rate not in known:
            yield (
                f"organisations «{own.name}»: типовая {profile.dialect.title} не знает ставку НДС {rate} % "
                "и молча запишет другую. Доработайте обмен в 1С и перечислите ставки в onec.vat_rates; "
                "до этого такие документы не отправляются."
            )


def _known_rates(profile: Profile) -> frozenset[str] | None:
    """VAT rates in percent that the base can book; None = any."""
    if profile.onec.vat_rates:
        return frozenset(profile.onec.vat_rates)
    return None if profile.onec.extended else profile.dialect.vat_rates


def _rate(own: Organisation, day: dt.date) -> str | None:
    """The VAT rate in percent our organisation sells with; None = without VAT."""
    if own.vat == "exempt":
        return None
    return f"{standard_vat(day):f}" if own.vat == "general" else own.vat
