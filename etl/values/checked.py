"""What a party is known and reached by: ИНН, КПП, ОГРН, bank account, e-mail, telephone.

Each function gives `Checked`, the tidied value with a warning: they warn and never refuse, as 1C itself
does (onec §4.1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from stdnum.ru import inn as inn_rule
from stdnum.ru import ogrn as ogrn_rule

from etl.values.clean import text

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


class Checked(NamedTuple):
    """A tidied value (None = absent) and what is doubtful about it, in Russian (None = nothing)."""

    value: str | None
    warning: str | None = None


def _tidied(value: object) -> str | None:
    """An identifier typed with blanks, dashes or as a number by a spreadsheet («7707083893.0»)."""
    line = re.sub(r"[\s-]", "", text(value) or "")
    return re.sub(r"\.0+$", "", line).upper() or None


# ---- identifiers ----


def inn(value: object) -> Checked:
    """ИНН: 10 digits (legal entity) or 12 (person, ИП), not beginning with 00, with its check digits.

    ФНС order ЕД-7-14/559@.
    """
    digits = _tidied(value)
    if digits is None:
        return Checked(None)
    if re.fullmatch(r"[0-9]{9}|[0-9]{11}", digits):
        return Checked(digits, "ИНН: не хватает цифры, возможно, потерян ноль в начале")
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", digits):
        return Checked(digits, "ИНН: должно быть 10 или 12 цифр")
    if digits.startswith("00"):
        return Checked(digits, "ИНН не может начинаться с 00")
    if not inn_rule.is_valid(digits):
        return Checked(digits, "ИНН: контрольная цифра не сходится, проверьте набор")
    return Checked(digits)


def kpp(value: object, party_inn: str | None = None) -> Checked:
    """КПП: 9 characters, no check digit; ИП and persons (ИНН of 12 digits) have none (onec §4.1)."""
    code = _tidied(value)
    if code is None:
        return Checked(None)
    if not re.fullmatch(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}", code):
        return Checked(code, "КПП: должно быть 9 знаков")
    if len(party_inn or "") == 12:
        return Checked(code, "КПП указан при ИНН из 12 цифр: у ИП и физических лиц КПП нет")
    return Checked(code)


def ogrn(value: object) -> Checked:
    """ОГРН (13 digits) or ОГРНИП (15) with its check digit (Минфин 165н)."""
    digits = _tidied(value)
    if digits is None:
        return Checked(None)
    if not re.fullmatch(r"[0-9]{13}|[0-9]{15}", digits):
        return Checked(digits, "ОГРН: должно быть 13 цифр, ОГРНИП: 15")
    if not ogrn_rule.is_valid(digits):
        return Checked(digits, "ОГРН: контрольная цифра не сходится, проверьте набор")
    return Checked(digits)


def bik(value: object) -> Checked:
    """БИК: 9 digits, beginning with 04, or 01/02 for the treasury."""
    digits = _tidied(value)
    if digits is None or re.fullmatch(r"0[124][0-9]{7}", digits):
        return Checked(digits)
    return Checked(digits, "БИК: должно быть 9 цифр, начиная с 04 (казначейство: 01, 02)")


_LETTERS = str.maketrans("АВСЕНКМРТХABCEHKMPTX", "01234567890123456789")


def account(value: object, bank_bik: str | None = None) -> Checked:
    """A bank account: 20 characters and, where the БИК is known, its key; treasury accounts (0…) have none."""
    code = _tidied(value)
    if code is None:
        return Checked(None)
    if not re.fullmatch(r"[0-9]{5}[0-9АВСЕНКМРТХABCEHKMPTX][0-9]{14}", code):
        return Checked(code, "Счёт: должно быть 20 цифр")
    if bank_bik is None or code.startswith("0") or not re.fullmatch(r"[0-9]{9}", bank_bik):
        return Checked(code)
    if _account_key(code, bank_bik) != 0:
        return Checked(code, "Счёт: контрольный ключ не сходится с БИК, проверьте оба")
    return Checked(code)


def _account_key(code: str, bank_bik: str) -> int:
    """The key of an account by ЦБ order 515, 0 when it is right.

    The account stands behind three digits of the bank: the last of its БИК, or 0 and digits 5-6 where the
    account is one of the Central Bank's (correspondent accounts, settlement centres).
    """
    central = code.startswith("301") or bank_bik[6:] in ("000", "001", "002")
    bank = "0" + bank_bik[4:6] if central else bank_bik[6:]
    digits = bank + code.translate(_LETTERS)
    weights = (7, 1, 3) * 8
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % 10


# ---- contacts ----


def emails(value: object) -> tuple[Checked, ...]:
    """Every address of a text, divided by commas, semicolons or blanks; each once."""
    parts = re.split(r"[,;\s]+", text(value) or "")
    found = [email(part) for part in parts if part]
    return tuple(dict.fromkeys(found))


def email(value: object) -> Checked:
    """One e-mail address; the domain in small letters."""
    line = text(value)
    if line is None:
        return Checked(None)
    line = re.sub(r"^mailto:", "", line, flags=re.I).strip("<>;, ")
    if not re.fullmatch(r"[^\s@<>,;]+@(?:[^\s@<>,;.]+\.)+[^\s@<>,;.]{2,}", line):
        return Checked(line, "Адрес почты написан неверно")
    local, _, domain = line.rpartition("@")
    return Checked(f"{local}@{domain.lower()}")


def phones(value: object, region: str = "RU") -> tuple[Checked, ...]:
    """Every number of a text as «+74951234567» or «+74951234567 доб. 12»; each once.

    Text in which no number is recognised («123-45-67» without a city code) comes back as typed, and warned of.
    """
    from phonenumbers import PhoneNumberMatcher  # loads the plans of all countries: only who needs them pays

    line = text(value)
    if line is None:
        return ()
    found = [_international(match.number) for match in PhoneNumberMatcher(line, region)]
    if not found:
        return (Checked(line, "Телефон не распознан: укажите код города или оператора"),)
    return tuple(Checked(number) for number in dict.fromkeys(found))


def _international(phone: PhoneNumber) -> str:
    from phonenumbers import PhoneNumberFormat, format_number

    number = format_number(phone, PhoneNumberFormat.E164)
    return f"{number} доб. {phone.extension}" if phone.extension else number
