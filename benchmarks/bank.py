"""Bank: a statement of 20,000 documents read, and its receipts matched with as many open charges.

Reading is measured against `str.splitlines` and `partition` of its text, the least that any reader of the
format does. Matching is measured against a quarter of both, for it must not grow faster than they do: when
every payer is a party of a contract, and when one receipt of five comes from somebody else, as on an account
that is not for contracts alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from benchmarks.measuring import Row, at_most, ratio
from etl import tables
from etl.config.profile import Bank
from etl.extract.bank.read import Statement, read
from etl.records import Receipt
from etl.transform.money import matching
from etl.transform.money.ledger import OpenDocument

DOCUMENTS = 20_000
READING, GROWTH = 12.0, 1.15
_ROUNDS = 3
_PART = 4
_FOREIGN = 5
_OUR, _THEIRS = "40702810900000000001", "40817810500000000777"


def run() -> list[Row]:
    text = statement(DOCUMENTS)
    data = text.encode("cp1251")
    found = read(data, "kl_to_1c.txt")
    _refuse_lost(found)
    receipts = tables.records(found.receipts, Receipt)
    reading = ratio(lambda: _split(text), lambda: read(data, "kl_to_1c.txt"), _ROUNDS)
    what = f"{DOCUMENTS:,} receipts with as many open charges"
    against = f"time per receipt against {DOCUMENTS // _PART:,}"
    foreign = _growth([_from_others(number, row) for number, row in enumerate(receipts)])
    return [
        at_most(f"bank statement of {DOCUMENTS:,} documents: × splitlines + partition", reading, READING),
        at_most(f"{what}: {against}", _growth(receipts), GROWTH),
        at_most(f"{what}, a fifth of foreign payers: {against}", foreign, GROWTH),
    ]


# ---- reading -----------------------------------------------------------------------------------------------


def statement(documents: int) -> str:
    """A statement of one day: every payer pays one charge and names it or its contract, or says nothing."""
    total = sum((_amount(number) for number in range(documents)), Decimal(0))
    lines = [
        "1CClientBankExchange",
        "ВерсияФормата=1.03",
        "Кодировка=Windows",
        "Отправитель=Банк",
        "ДатаНачала=18.11.2026",
        "ДатаКонца=18.11.2026",
        f"РасчСчет={_OUR}",
        "СекцияРасчСчет",
        "ДатаНачала=18.11.2026",
        "ДатаКонца=18.11.2026",
        f"РасчСчет={_OUR}",
        "НачальныйОстаток=0.00",
        f"ВсегоПоступило={total}",
        "ВсегоСписано=0.00",
        f"КонечныйОстаток={total}",
        "КонецРасчСчет",
    ]
    for number in range(documents):
        lines += _document(number)
    return "\r\n".join([*lines, "КонецФайла", ""])


def _document(number: int) -> tuple[str, ...]:
    purposes = (
        f"Оплата по счету № {_charge_number(number)} от 01.11.2026. НДС не облагается",
        f"Оплата по договору № ВН-{number} за ноябрь 2026 г. НДС не облагается",
        "Оплата за услуги видеонаблюдения. НДС не облагается",
    )
    return (
        "СекцияДокумент=Платежное поручение",
        f"Номер={number + 1}",
        "Дата=18.11.2026",
        f"Сумма={_amount(number)}",
        f"ПлательщикСчет={_THEIRS}",
        "ДатаСписано=18.11.2026",
        f"Плательщик=ИНН {_inn(number)} {_payer(number)}",
        f"ПлательщикИНН={_inn(number)}",
        f"Плательщик1={_payer(number)}",
        f"ПлательщикРасчСчет={_THEIRS}",
        'ПлательщикБанк1=АО "БАНК"',
        "ПлательщикБИК=044525000",
        f"ПолучательСчет={_OUR}",
        "ДатаПоступило=18.11.2026",
        'Получатель1=ООО "Светлый глаз"',
        "ПолучательИНН=0000000018",
        f"ПолучательРасчСчет={_OUR}",
        "ВидПлатежа=Электронно",
        "Очередность=5",
        f"НазначениеПлатежа={purposes[number % len(purposes)]}",
        "КонецДокумента",
    )


def _split(text: str) -> int:
    """Keys and values, and nothing done with them."""
    count = 0
    for line in text.splitlines():
        key, _, _ = line.partition("=")
        count += bool(key)
    return count


def _refuse_lost(found: Statement) -> None:
    """What is quick because it leaves something out is not measured."""
    if len(found.receipts) != DOCUMENTS or len(found.issues):
        raise RuntimeError(f"{len(found.receipts)} receipts, {len(found.issues)} issues")


# ---- matching ----------------------------------------------------------------------------------------------


def _growth(receipts: Sequence[Receipt]) -> float:
    """Time per receipt of all, in units of that of a part: 1 is linear."""
    part = receipts[: len(receipts) // _PART]
    return ratio(lambda: match(part), lambda: match(receipts), _ROUNDS) / _PART


def match(receipts: Sequence[Receipt]) -> None:
    """The receipts with one open charge for each of them; those that come from a party pay theirs."""
    charges = [_charge(number) for number in range(len(receipts))]
    found = matching.match(receipts, charges, Bank())
    if len(found.payments) + len(found.asks) + len(found.unmatched) != len(receipts):
        raise RuntimeError(f"{len(found.payments)} of {len(receipts)} receipts matched")


def _from_others(number: int, receipt: Receipt) -> Receipt:
    """One receipt of five as if it came from somebody who is no party, for something else."""
    if number % _FOREIGN:
        return receipt
    other = receipt.copy()
    other["payer_inn"] = "7707083893"
    other["payer_name"] = "ООО «Посторонний»"
    other["purpose"] = "Оплата за оборудование"
    return other


def _charge(number: int) -> OpenDocument:
    return {
        "number": _charge_number(number),
        "printed": (),
        "contract_number": f"ВН-{number}",
        "payer": _payer(number),
        "inn": _inn(number),
        "date": dt.date(2026, 11, 1),
        "month": "2026-11",
        "amount": _amount(number),
        "remaining": _amount(number),
        "deal": str(number),
    }


def _charge_number(number: int) -> str:
    return f"M2611{number:05d}"


def _amount(number: int) -> Decimal:
    return Decimal(f"{1000 + number % 500}.50")


def _payer(number: int) -> str:
    return f"Кузнецов Пётр Ильич {number}"


def _inn(number: int) -> str:
    return f"{500_000_000_000 + number}"
