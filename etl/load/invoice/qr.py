"""The text of the payment QR code of an invoice, by ГОСТ Р 56042-2014.

A service block `ST` + version `0001` + encoding `2` (UTF-8), then `key=value` pairs. The separator is the
character that follows the service block; the standard prefers «|» and asks for another one when a value
holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from etl.errors import Rejected

_SERVICE = "ST00012"
_SEPARATORS = "|~_#$^&*/`@%"


class _Key(NamedTuple):
    """A field of the standard: its key, the longest value, what people call it."""

    key: str
    longest: int
    title: str


_KEYS = {
    "name": _Key("Name", 160, "наименование получателя"),
    "account": _Key("PersonalAcc", 20, "расчётный счёт"),
    "bank": _Key("BankName", 45, "название банка"),
    "bik": _Key("BIC", 9, "БИК"),
    "corr_account": _Key("CorrespAcc", 20, "корр. счёт"),
    "inn": _Key("PayeeINN", 12, "ИНН"),
    "kpp": _Key("KPP", 9, "КПП"),  # may hold Latin letters
}
_REQUIRED = ("name", "account", "bank", "bik", "corr_account")
_DIGITS = {"account": (20,), "bik": (9,), "corr_account": (20,), "inn": (10, 12)}
_PURPOSE_LENGTH = 210


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid: the recipient and his bank account; None: not known. A sole trader has no КПП."""

    name: str | None
    account: str | None
    bank: str | None
    bik: str | None
    corr_account: str | None
    inn: str | None = None
    kpp: str | None = None


def payment_qr(payee: Payee, purpose: str | None = None, amount: Decimal | None = None) -> str:
    """The text to be drawn as a QR code. `amount` in roubles becomes whole kopecks; what is None is left out.

    The name of the bank is cut at the 45 characters of the standard: the БИК tells which bank it is.
    Anything else that does not fit is refused. Raises Rejected naming every fault.
    """
    values = _values(payee)
    said = _one_line(purpose)
    problems = [*_missing(values), *_misfits(values), *_payment_problems(said, amount)]
    if problems:
        raise Rejected(
            f"QR-код для оплаты не составить: {', '.join(problems)}.",
            "Дополните реквизиты «Вашей компании» в портале.",
        )
    pairs = {_KEYS[name].key: value for name, value in values.items() if value}
    if said:
        pairs["Purpose"] = said
    if amount is not None:
        kopecks = (amount * 100).quantize(Decimal(1))
        pairs["Sum"] = format(kopecks, "f")
    separator = _separator("".join(pairs.values()))
    fields = [f"{key}={value}" for key, value in pairs.items()]
    return separator.join([_SERVICE, *fields])


def _one_line(text: str | None) -> str:
    """Single blanks and no line breaks; '' for what is not known."""
    words = text.split() if text else []
    return " ".join(words)


def _values(payee: Payee) -> dict[str, str]:
    """The fields of a payee, each one line, '' for what is not known; the bank's name cut to its limit."""
    values = {name: _one_line(getattr(payee, name)) for name in _KEYS}
    longest = _KEYS["bank"].longest
    values["bank"] = values["bank"][:longest].rstrip()
    return values


def _separator(said: str) -> str:
    """The first of the standard's separators that no value holds."""
    for mark in _SEPARATORS:
        if mark not in said:
            return mark
    raise Rejected(
        "QR-код для оплаты не составить: в реквизитах все знаки, годные в разделители.",
        "Уберите из названий лишние знаки.",
    )


# ---- what does not fit, in the words of people ----


def _missing(values: Mapping[str, str]) -> Iterator[str]:
    """Fields without which the standard has no payment."""
    for name in _REQUIRED:
        if not values[name]:
            yield f"не заполнено: {_KEYS[name].title}"


def _misfits(values: Mapping[str, str]) -> Iterator[str]:
    """Filled fields that the standard does not allow: another number of digits, a text too long."""
    for name, key in _KEYS.items():
        value = values[name]
        if not _has_its_digits(name, value):
            allowed = " или ".join(map(str, _DIGITS[name]))
            yield f"{key.title} «{value}» не из {allowed} цифр"
        elif len(value) > key.longest:
            yield f"{key.title} длиннее {key.longest} знаков"


def _has_its_digits(name: str, value: str) -> bool:
    """Whether a field that must be a number of so many digits is one; no other field, no empty one must."""
    lengths = _DIGITS.get(name)
    if not value or lengths is None:
        return True
    is_number = value.isascii() and value.isdigit()
    return is_number and len(value) in lengths


def _payment_problems(purpose: str, amount: Decimal | None) -> Iterator[str]:
    """What cannot be said of a payment: too long a purpose, a sum that is none."""
    if len(purpose) > _PURPOSE_LENGTH:
        yield f"назначение платежа длиннее {_PURPOSE_LENGTH} знаков"
    if amount is not None and not _is_payable(amount):
        yield f"сумма {amount} не положительное число рублей и копеек"


def _is_payable(amount: Decimal) -> bool:
    """A payment is more than nothing and of whole kopecks."""
    whole_kopecks = amount.quantize(Decimal("0.01"))
    return amount > 0 and amount == whole_kopecks
