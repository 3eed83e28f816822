"""Rules that a document must keep to be written.

What breaks one is left out and its neighbours go: in stock 1C one bad document fails the file (commerceml
§0.10).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from etl.config import dialects
from etl.config.dialects import Dialect
from etl.load.commerceml import lines as rows
from etl.load.commerceml import parties, sums
from etl.load.commerceml.findings import GRAM, KOPECK, LIMIT, Finding, Findings, fits
from etl.load.commerceml.text import ILLEGAL
from etl.records import Document, Line, Party
from etl.values import clean, money

#: kinds that are nothing without rows; a payment has none, an act and a closing may do without
_WITH_ROWS = frozenset({"order", "invoice", "shipment", "return"})
#: the extended contract takes these by their sum, where the profile has [orders] rows = false
_BY_SUM = frozenset({"order", "invoice"})
_ID_LIMIT, _PRODUCT_ID_LIMIT = 40, 80


@dataclass(frozen=True, slots=True)
class Base:
    """The base of 1C that will read the file, as far as the rules ask about it."""

    dialect: Dialect
    currency: str  # its name of the rouble
    rates: Collection[str] | None  # VAT rates it knows, as Ставка spells them; None: any
    ambiguous: Collection[str]  # folded names of parties that it would take for one
    shared: Collection[str]  # phones and mails by which it would take one party for another
    organisation: str | None  # to which it books every order; None: to that of the document


def of_document(document: Document, lines: Sequence[Line], people: Sequence[Party], base: Base) -> Findings:
    """Everything for which the document is left out; `people` are its parties."""
    if not base.dialect.extended:
        lines = [rows.in_pieces(line) for line in lines]
    yield from _header(document, base)
    yield from _organisation(document, base)
    yield from _money(document, base)
    yield from _parties(people, base)
    for line in lines:
        yield from _line(line, base)
    yield from _gifts(document, lines, base.dialect)
    yield from _sums(document, lines, base.dialect)
    yield from _characters("documents", document)
    for line in lines:
        yield from _characters("lines", line)
    for party in people:
        yield from _characters("parties", party)


# ---- header ----


def _header(document: Document, base: Base) -> Findings:
    dialect, number = base.dialect, document["number"]
    if document["kind"] not in dialect.kinds:
        yield Finding(
            "kind",
            f"{dialect.title} не примет документ этого вида в файле заказов. "
            "Передайте его по расширенному договору (docs/contract-1c.ru.md).",
            document["kind"],
        )
    if not number:
        yield Finding(
            "number", "У документа нет номера, 1С не сможет его сопоставить. Документ не отправлен."
        )
    elif len(number) > dialect.number_limit:
        yield Finding(
            "number",
            f"Номер длиннее {dialect.number_limit} знаков, 1С его обрежет. Документ не отправлен.",
            number,
        )
    if len(document["id"]) > _ID_LIMIT:
        yield Finding(
            "id",
            f"Ид документа длиннее {_ID_LIMIT} знаков. Документ не отправлен, сообщите разработчику.",
            document["id"],
        )
    if document["date"] is None:
        yield Finding("date", "У документа нет даты. Укажите дату на портале.")


def _organisation(document: Document, base: Base) -> Findings:
    """Stock 1C books an order to the organisation of its exchange node, whatever ours is (onec-code D1)."""
    own = document["organisation"]
    if base.organisation is None or not own or clean.fold(own) == clean.fold(base.organisation):
        return
    yield Finding(
        "organisation",
        f"{base.dialect.title} запишет документ на организацию узла обмена «{base.organisation}», а в сделке "
        f"«{own}». Документ не отправлен: заведите его в 1С вручную или настройте для этой организации "
        "отдельный узел и профиль ([onec] organisation).",
        own,
    )


def _money(document: Document, base: Base) -> Findings:
    """The sum in kopecks, a currency that the base knows by this name (commerceml §0.10, §3.1)."""
    amount, code = document["amount"], document["currency"]
    if amount is None or not fits(amount):
        yield Finding(
            "amount",
            "Сумма документа не указана или не кратна копейке. Исправьте сумму на портале.",
            amount,
        )
    if code is not None and not _is_exchanged(code, base):
        yield Finding(
            "currency",
            f"Валюты {code} нет в обмене с этой базой. "
            "Пересчитайте сделку в рубли или заведите её в 1С вручную.",
            code,
        )
    elif code is not None and _lacks_rate(document, base):
        yield Finding(
            "rate",
            f"У документа в валюте {code} нет курса: 1С приняла бы его за рубли. Документ не отправлен.",
            document["rate"],
        )
    if len(base.currency) != 3:
        yield Finding(
            "currency",
            f"Название валюты «{base.currency}» не из трёх знаков. Исправьте [onec] currency в профиле.",
            base.currency,
        )


def _lacks_rate(document: Document, base: Base) -> bool:
    """Курс 1 of a foreign currency is none (`money.measure`)."""
    is_own = document["currency"] == dialects.currency_code(base.currency)
    return not is_own and money.measure(document["currency"], document["rate"]).rate is None


def _is_exchanged(code: str, base: Base) -> bool:
    """Stock exchange is in roubles; the extended contract takes any ISO code."""
    if code == dialects.currency_code(base.currency):
        return True
    return base.dialect.extended and len(code) == 3


# ---- parties ----


def _parties(people: Sequence[Party], base: Base) -> Findings:
    """A named Контрагент in each document, no name for two clients (commerceml §0.16, §6)."""
    if not people:
        yield Finding(
            "party",
            "У документа нет контрагента, 1С откажется читать весь файл. Укажите клиента в сделке.",
        )
    for party in people:
        yield from _name(party, base)
        yield from _party_id(party, base.dialect)
        yield from _identifiers(party)
        yield from _shared(party, base)


def _name(party: Party, base: Base) -> Findings:
    name = party["name"]
    if not name or not name.strip():
        yield Finding("party", "У контрагента нет наименования. Заполните его на портале.", party["id"])
    elif clean.fold(name) in base.ambiguous:
        yield Finding(
            "party",
            "Два разных клиента названы одинаково, 1С примет их за одного. "
            "Уточните наименование одного из них.",
            party["id"],
        )


def _shared(party: Party, base: Base) -> Findings:
    for said in (*(party["phones"] or ()), *(party["emails"] or ())):
        if parties.reached(said) in base.shared:
            yield Finding(
                "party",
                f"«{said}» указан у двух разных клиентов: {base.dialect.title} ищет клиента и по нему "
                "и примет их за одного. Оставьте его у одного клиента.",
                party["id"],
            )
            return


def _party_id(party: Party, dialect: Dialect) -> Findings:
    if len(party["id"] or "") > dialect.party_id_limit:
        yield Finding(
            "party",
            f"Ид контрагента длиннее {dialect.party_id_limit} знаков. "
            "Документ не отправлен, сообщите разработчику.",
            party["id"],
        )


def _identifiers(party: Party) -> Findings:
    """ИНН of 10 or 12 digits, 10 for legal entities only, КПП of 9 signs (commerceml §3.3, onec §4.1)."""
    inn, kpp = party["inn"], party["kpp"]
    if inn and not _is_inn(inn):
        yield Finding("inn", "ИНН должен состоять из 10 или 12 цифр. Исправьте реквизиты на портале.")
    elif inn and len(inn) == 10 and parties.kind_of(party) != "legal":
        yield Finding(
            "inn",
            "ИНН из 10 цифр бывает только у юридического лица, 1С заведёт клиента не тем видом. "
            "Исправьте ИНН или вид реквизитов на портале.",
        )
    if kpp and len(kpp) != 9:
        yield Finding("kpp", "КПП должен состоять из 9 знаков. Исправьте реквизиты на портале.")


def _is_inn(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in (10, 12)


# ---- rows ----


def _line(line: Line, base: Base) -> Findings:
    """What keeps a line from being loaded: goods, quantity, price, rate."""
    where = f"lines[{line['position']}]"
    yield from _goods(line, where)
    yield from _quantity(line, where)
    yield from _price(line, where)
    yield from _rate(line, where, base)


def _goods(line: Line, where: str) -> Findings:
    if not line["name"] or not line["name"].strip():
        yield Finding(f"{where}.name", "В строке нет наименования. Заполните товар в сделке.")
    if line["product"] and len(line["product"]) > _PRODUCT_ID_LIMIT:
        yield Finding(
            f"{where}.product",
            f"Ид товара длиннее {_PRODUCT_ID_LIMIT} знаков. Документ не отправлен, сообщите разработчику.",
            line["product"],
        )
    _, unit_code = rows.unit_of(line)
    if not unit_code:
        yield Finding(
            f"{where}.unit",
            "Код единицы измерения неизвестен, 1С запишет вместо неё штуки. "
            "Укажите код ОКЕИ единицы в справочнике портала (CRM, Настройки, Единицы измерения).",
            line["unit"],
        )


def _quantity(line: Line, where: str) -> Findings:
    """A row without a quantity is dropped by УТ 11 without a word (commerceml §6)."""
    count = line["quantity"]
    if count is None or count <= 0:
        yield Finding(
            f"{where}.quantity",
            "Количество не указано или не больше нуля: 1С молча отбросит строку. Исправьте состав сделки.",
            count,
        )
    elif not fits(count, GRAM):
        yield Finding(
            f"{where}.quantity",
            "Количество точнее трёх знаков после запятой, 1С округлит его. Исправьте состав сделки.",
            count,
        )


def _price(line: Line, where: str) -> Findings:
    amount, price, discount = line["amount"], line["price"], line["discount"]
    if amount is None or not fits(amount) or price is None:
        yield Finding(
            f"{where}.amount",
            "Цена или сумма строки не указана или не кратна копейке. Исправьте состав сделки.",
            amount,
        )
    elif not price.is_finite() or abs(price) >= LIMIT:
        yield Finding(f"{where}.price", "Цена строки не число. Исправьте состав сделки.")
    if discount is not None and not fits(discount):
        yield Finding(
            f"{where}.discount",
            "Скидка строки не кратна копейке. Исправьте скидку в сделке.",
            discount,
        )


def _rate(line: Line, where: str, base: Base) -> Findings:
    """A rate in each row, and one that the base knows.

    УТ 11 gives a row without a rate that of the row before, and an unknown rate becomes 0 (commerceml §0.13,
    §0.14).
    """
    rate = dialects.rate_text(base.dialect, line["vat_rate"], line["vat_exempt"])
    if rate is None:
        yield Finding(
            f"{where}.vat_rate",
            "Ставка НДС строки не указана, 1С подставит ставку соседней строки. "
            "Укажите ставку или «Без НДС».",
        )
    elif line["vat_rate"] is not None and base.rates is not None and rate not in base.rates:
        yield Finding(
            f"{where}.vat_rate",
            f"Обмен этой базы 1С не знает ставку {rate} % и молча запишет другую (0 или «Без НДС»). "
            "Добавьте ставку в 1С и в настройку [onec] vat_rates профиля.",
            rate,
        )


# ---- what 1C makes of the rows ----


def _gifts(document: Document, lines: Sequence[Line], dialect: Dialect) -> Findings:
    """УНФ gives a row at 0 the price of the node's price type (onec-code D5)."""
    if not dialect.prices_gifts or document["cancelled"]:
        return
    for line in lines:
        if line["amount"] == 0 and (line["quantity"] or 0) > 0:
            yield Finding(
                f"lines[{line['position']}].price",
                f"Строка «{line['name']}» по цене 0: {dialect.title} поставит в неё цену из вида цен, "
                "и заказ станет дороже. Уберите строку из сделки и отразите подарок в 1С.",
                line["amount"],
            )


def _sums(document: Document, lines: Sequence[Line], dialect: Dialect) -> Findings:
    """The rows make the sum of the document.

    1C computes it anew, with one answer to whether VAT is inside (commerceml §0.14, §3.4).
    """
    if not lines:
        if _needs_rows(document, dialect):
            yield Finding(
                "lines",
                "В документе нет ни одной строки: 1С запишет его без товаров и без суммы. "
                "Добавьте товары в сделку и проверьте, что в профиле [orders] rows = true.",
            )
        return
    answers = {document["vat_included"], *(line["vat_included"] for line in lines)} - {None}
    if len(answers) > 1:
        yield Finding(
            "vat_included",
            "В одних строках НДС в сумме, в других сверху, а 1С знает один ответ на весь документ. "
            "Сделайте строки одинаковыми.",
        )
        return
    amount = document["amount"]
    if amount is None or not all(_is_countable(line) for line in lines):
        return
    total = sums.total(lines, sums.included_in(document, lines))
    if abs(total - amount) > KOPECK * len(lines):
        yield Finding(
            "amount",
            f"Сумма документа {amount}, а строки дают в 1С {total}. Исправьте сумму или состав сделки.",
            amount,
        )


def _needs_rows(document: Document, dialect: Dialect) -> bool:
    """1C does not post an order without rows; a cancelled one needs none, nor do kinds that the extended
    contract takes by their sum.
    """
    if document["cancelled"] or document["deleted"]:
        return False
    kinds = _WITH_ROWS - _BY_SUM if dialect.extended else _WITH_ROWS
    return document["kind"] in kinds


def _is_countable(line: Line) -> bool:
    """Whether the sum of a row can be computed: what else is wrong with its numbers is said elsewhere."""
    numbers = (line["amount"], line["discount"], line["vat_rate"], line["vat_amount"])
    return line["amount"] is not None and all(_is_number(number) for number in numbers)


def _is_number(value: Decimal | None) -> bool:
    return value is None or (value.is_finite() and abs(value) < LIMIT)


# ---- characters ----


def _characters(table: str, record: Document | Line | Party) -> Findings:
    """Text in which a character stands that XML 1.0 cannot hold."""
    for column, value in record.items():
        if _has_illegal(value):
            yield Finding(
                f"{table}.{column}",
                "В тексте есть управляющий символ, запрещённый в XML. Уберите его из карточки на портале.",
            )


def _has_illegal(value: Any) -> bool:
    if isinstance(value, str):
        return ILLEGAL.search(value) is not None
    if isinstance(value, dict):
        return _has_illegal(tuple(value)) or _has_illegal(tuple(value.values()))
    return isinstance(value, tuple) and any(_has_illegal(part) for part in value)
