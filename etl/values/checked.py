"""What a party is known and reached by: ИНН, КПП, e-mail, telephone.

Each function gives `Checked`, the tidied value with a warning: they warn and never refuse, as 1C itself
does (onec §4.1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from stdnum.ru import inn as inn_rule

from etl.values.clean import text

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


class Checked(NamedTuple):
    """A tidied value (None = absent) and what is doubtful about it, in Russian (None = nothing)."""

    value: str | None
    warning: str | None = None


#: What people write where they have nothing to say.
_UNSAID = frozenset(
    {"", "НЕТ", "НД", "НЕУКАЗАН", "НЕУКАЗАНО", "НЕУКАЗАНА", "ОТСУТСТВУЕТ", "БЕЗИНН", "БЕЗКПП"}
)


def code(value: object) -> str | None:
    """ИНН, КПП, ОГРН, ОКПО, БИК or a number of an account without blanks, dashes and the «.0» of a
    spreadsheet. Zeros, dashes and «нет» fill a field that a program demands: they are absence.
    """
    written = text(value) or ""
    line = re.sub(r"[\s–—−-]", "", written)
    line = re.sub(r"\.0+$", "", line)
    signs = filter(str.isalnum, line.upper())
    said = "".join(signs).replace("0", "")
    return None if said in _UNSAID else line


# ---- identifiers ----


def inn(value: object) -> Checked:
    """ИНН: 10 digits (legal entity) or 12 (person, ИП), not beginning with 00, with its check digits.

    ФНС order ЕД-7-14/559@.
    """
    digits = code(value)
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
    signs = (code(value) or "").upper()
    if not signs:
        return Checked(None)
    if not re.fullmatch(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}", signs):
        return Checked(signs, "КПП: должно быть 9 знаков")
    if len(party_inn or "") == 12:
        return Checked(signs, "КПП указан при ИНН из 12 цифр: у ИП и физических лиц КПП нет")
    return Checked(signs)


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

    Text in which no number is recognised («123-45-67» without a city code) comes back as typed, warned of.
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
