"""The text of the payment QR code of an invoice, by ГОСТ Р 56042-2014.

A service block `ST` + version `0001` + encoding `2` (UTF-8), then `key=value` pairs. The separator is the character that
follows the service block; the standard prefers «|» and asks for another one when a value holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from etl.errors import Rejected

_SERVICE = "ST00012"
_SEPARATORS = "|~_#$^&*/`@%"
#: field -> key, longest value, what people call it; the standard requires the first five
_KEYS = {
    "name": ("Name", 160, "наименование получателя"),
    "account": ("PersonalAcc", 20, "расчётный счёт"),
    "bank": ("BankName", 45, "название банка"),
    "bik": ("BIC", 9, "БИК"),
    "corr_account": ("CorrespAcc", 20, "корр. счёт"),
    "inn": ("PayeeINN", 12, "ИНН"),
    "kpp": ("KPP", 9, "КПП"),  # may hold Latin letters
}
_REQUIRED = ("name", "account", "bank", "bik", "corr_account")
_DIGITS = {"account": (20,), "bik": (9,), "corr_account": (20,), "inn": (10, 12)}
_PURPOSE_LENGTH = 210


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid: the recipient and his bank account. None is what is not known; a sole trader has no КПП."""

    name: str | None
    account: str | None
    bank: str | None
    bik: str | None
    corr_account: str | None
    inn: str | None = None
    kpp: str | None = None


def payment_qr(payee: Payee, purpose: str | None = None, amount: Decimal | None = None) -> str:
    """The text to be drawn as a QR code. `amount` in roubles becomes whole kopecks; what is None is left out.

    The name of the bank is cut at the 45 characters of the standard: the БИК tells which bank it is. Anything else that
    does not fit is refused. Raises Rejected naming every fault.
    """
    values = {name: " ".join((getattr(payee, name) or "").split()) for name in _KEYS}
    values["bank"] = values["bank"][: _KEYS["bank"][1]].rstrip()
    purpose = " ".join((purpose or "").split())
    problems = _problems(values)
    if len(purpose) > _PURPOSE_LENGTH:
        problems.append(f"назначение платежа длиннее {_PURPOSE_LENGTH} знаков")
    if amount is not None and (amount <= 0 or amount != amount.quantize(Decimal("0.01"))):
        problems.append(f"сумма {amount} не положительное число рублей и копеек")
    if problems:
        raise Rejected(
            f"QR-код для оплаты не составить: {', '.join(problems)}.",
            "Дополните реквизиты «Вашей компании» в портале.",
        )
    pairs = {_KEYS[name][0]: value for name, value in values.items() if value}
    pairs |= {"Purpose": purpose} if purpose else {}
    pairs |= {"Sum": format((amount * 100).quantize(Decimal(1)), "f")} if amount is not None else {}
    said = "".join(pairs.values())
    separator = next((mark for mark in _SEPARATORS if mark not in said), None)
    if separator is None:
        raise Rejected(
            "QR-код для оплаты не составить: в реквизитах все знаки, годные в разделители.",
            "Уберите из названий лишние знаки.",
        )
    return separator.join([_SERVICE, *(f"{key}={value}" for key, value in pairs.items())])


def _problems(values: dict[str, str]) -> list[str]:
    """What is missing, too long or not a number of the right length, in the words of people."""
    problems = [f"не заполнено: {_KEYS[name][2]}" for name in _REQUIRED if not values[name]]
    for name, (_, longest, title) in _KEYS.items():
        value, lengths = values[name], _DIGITS.get(name)
        if value and lengths and not (value.isascii() and value.isdigit() and len(value) in lengths):
            problems.append(f"{title} «{value}» не из {' или '.join(map(str, lengths))} цифр")
        elif len(value) > longest:
            problems.append(f"{title} длиннее {longest} знаков")
    return problems
