"""Specification 000: 1C or the accountant loads the charges, clients pay them, the bank sends a statement."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from etl.sandbox.scene.plays.common import habit, half, once
from etl.sandbox.scene.stage import Stage

_IMPORTS = ("nachisleniya-*.xlsx", "*-zagruzka.xlsx")


@dataclass(frozen=True)
class Receipt:
    """Money that came to our account, in roubles: the payer as the bank writes him, the contract he names."""

    contract: str
    payer: str
    amount: Decimal


def video(stage: Stage, turn: int) -> list[str]:
    """1C loads the charges.

    Most clients pay at once, some in two parts, some only a part, some not at all.
    """
    if stage.profile.delivery.charge == "spreadsheet":
        return _accountant(stage)
    log = []
    session = stage.session()
    if session.created or session.updated or session.exported:
        log.append(
            f"1С, сеанс {session.number}: загружено документов {session.loaded}, "
            f"выгружено {len(session.exported)}."
        )
    invoices = stage.onec.invoices
    paid = sum(_pay(stage, invoice.number, invoice.amount) for invoice in invoices)
    if paid:
        stage.session()
        log.append(f"Клиенты оплатили счетов: {paid}; 1С сообщила об оплатах.")
    return log


def _pay(stage: Stage, number: str, amount: Decimal) -> bool:
    """Each invoice meets its client once; whether he paid anything."""
    if not amount or not once(stage, "invoices", number):
        return False
    parts = shares(number, amount)
    for part in parts:
        stage.onec.pay(number, part)
    return bool(parts)


def shares(number: str, amount: Decimal) -> list[Decimal]:
    """How a client pays: all (most), in two parts, a part only, nothing.

    Decided by the number, so every rehearsal is the same.
    """
    first = half(amount)
    habits = {7: [first, amount - first], 8: [first], 9: []}
    return habits.get(habit(number), [amount])


def _accountant(stage: Stage) -> list[str]:
    """БП 3.0: the accountant loads every new import file; the bank's statement comes as a text file."""
    folder = stage.profile.folder / "spreadsheets"
    log = []
    for path in _imports(folder / "out"):
        if once(stage, "loaded", path.name):
            session = stage.onec.load_spreadsheet(path)
            log.append(f"Бухгалтер загрузил {path.name}: документов {session.loaded}.")
    receipts = _receipts(stage)
    if receipts:
        stage.clock.tick()
        number = len(stage.memory.get("loaded", []))
        target = folder / "in" / f"kl_to_1c-{number}.txt"
        target.write_bytes(statement(stage, receipts))
        log.append(f"Банк прислал выписку: поступлений {len(receipts)}.")
    return log


def _imports(folder: Path) -> list[Path]:
    """The files meant for 1C, by name."""
    found: list[Path] = []
    for pattern in _IMPORTS:
        found += folder.glob(pattern)
    return sorted(found)


def _receipts(stage: Stage) -> list[Receipt]:
    """What clients paid for new documents: 1C numbers its invoices itself, so people quote their contract."""
    payers = {party.guid: party.name.partition(" (дог.")[0] for party in stage.onec.parties}
    contracts = {contract.guid: contract.number for contract in stage.onec.contracts}
    receipts = []
    for invoice in stage.onec.orders or stage.onec.invoices:
        if not once(stage, "invoices", invoice.number):
            continue
        contract = contracts.get(invoice.contract or "", "")
        payer = payers.get(invoice.party or "", "")
        for amount in shares(invoice.number, invoice.amount):
            receipts.append(Receipt(contract, payer, amount))
    return receipts


def statement(stage: Stage, receipts: list[Receipt]) -> bytes:
    """A bank statement in the format 1CClientBankExchange (onec §3.1), cp1251."""
    day = f"{stage.clock.moment:%d.%m.%Y}"
    accounts = stage.profile.bank.accounts
    account = accounts[0] if accounts else "40702810900000000001"
    lines = _head(day, account, receipts)
    for number, receipt in enumerate(receipts, 1):
        lines += _order(day, account, number, receipt)
    return "\r\n".join([*lines, "КонецФайла", ""]).encode("cp1251")


def _head(day: str, account: str, receipts: list[Receipt]) -> list[str]:
    """The file and its one account."""
    total = sum((receipt.amount for receipt in receipts), Decimal(0))
    return [
        "1CClientBankExchange",
        "ВерсияФормата=1.03",
        "Кодировка=Windows",
        "Получатель=obmen24",
        f"ДатаСоздания={day}",
        f"ДатаНачала={day}",
        f"ДатаКонца={day}",
        f"РасчСчет={account}",
        "СекцияРасчСчет",
        f"ДатаНачала={day}",
        f"ДатаКонца={day}",
        f"РасчСчет={account}",
        "НачальныйОстаток=0.00",
        f"ВсегоПоступило={total:.2f}",
        "ВсегоСписано=0.00",
        f"КонечныйОстаток={total:.2f}",
        "КонецРасчСчет",
    ]


def _order(day: str, account: str, number: int, receipt: Receipt) -> list[str]:
    """One payment order."""
    return [
        "СекцияДокумент=Платежное поручение",
        f"Номер={number}",
        f"Дата={day}",
        f"Сумма={receipt.amount:.2f}",
        "ПлательщикСчет=40817810000000000000",
        f"Плательщик1={receipt.payer}",
        f"ПолучательСчет={account}",
        f"ДатаПоступило={day}",
        f"НазначениеПлатежа=Оплата по договору № {receipt.contract} за видеонаблюдение",
        "КонецДокумента",
    ]
