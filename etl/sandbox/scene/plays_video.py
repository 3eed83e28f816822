"""What people do in 1C and at the bank during a rehearsal: one play per kind of demo data. Deterministic and remembered."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from etl.sandbox.scene import plays_orders
from etl.sandbox.scene.stage import Stage

Play = Callable[[Stage, int], list[str]]
_CENT = Decimal("0.01")


def video(stage: Stage, turn: int) -> list[str]:
    """1C loads the charges; most clients pay at once, some in two parts, some only a part, some not at all."""
    if stage.profile.delivery.charge == "spreadsheet":
        return _accountant(stage)
    session = stage.session()
    log = (
        [
            f"1С, сеанс {session.number}: загружено документов {session.loaded}, выгружено {len(session.exported)}."
        ]
        if session.created or session.updated or session.exported
        else []
    )
    paid = [
        line for invoice in stage.onec.invoices for line in _payment(stage, invoice.number, invoice.amount)
    ]
    if paid:
        stage.session()
        log.append(f"Клиенты оплатили счетов: {len(paid)}; 1С сообщила об оплатах.")
    return log


def _payment(stage: Stage, number: str, amount: Decimal) -> list[str]:
    """Each invoice meets its client once; the last digit of its number decides what he does."""
    handled = stage.memory.setdefault("invoices", [])
    if number in handled or not amount:
        return []
    handled.append(number)
    parts = shares(number, amount)
    for part in parts:
        stage.onec.pay(number, part)
    return [number] if parts else []


def shares(number: str, amount: Decimal) -> list[Decimal]:
    """How a client pays: all (most), in two parts, a part only, nothing; decided by the number, so every rehearsal is the same."""
    habit = sum(number.encode()) % 10
    half = (amount / 2).quantize(_CENT, ROUND_HALF_UP)
    return {7: [half, amount - half], 8: [half], 9: []}.get(habit, [amount])


def _accountant(stage: Stage) -> list[str]:
    """БП 3.0: the accountant loads every new import file; the bank's statement comes as a text file."""
    folder, loaded = stage.profile.folder / "spreadsheets" / "out", stage.memory.setdefault("loaded", [])
    log = []
    for path in sorted([*folder.glob("nachisleniya-*.xlsx"), *folder.glob("*-zagruzka.xlsx")]):
        if path.name not in loaded:
            loaded.append(path.name)
            session = stage.onec.load_spreadsheet(path)
            log.append(f"Бухгалтер загрузил {path.name}: документов {session.loaded}.")
    receipts = _statement_rows(stage)
    if receipts:
        stage.clock.tick()
        (stage.profile.folder / "spreadsheets" / "in" / f"kl_to_1c-{len(loaded)}.txt").write_bytes(
            statement(stage, receipts)
        )
        log.append(f"Банк прислал выписку: поступлений {len(receipts)}.")
    return log


def _statement_rows(stage: Stage) -> list[tuple[str, str, Decimal]]:
    """(contract, payer as the bank writes him, sum): 1C numbers its invoices itself, so people quote their contract."""
    handled, rows = stage.memory.setdefault("invoices", []), []
    names = {party.guid: party.name.partition(" (дог.")[0] for party in stage.onec.parties}
    contracts = {contract.guid: contract.number for contract in stage.onec.contracts}
    for invoice in stage.onec.orders or stage.onec.invoices:
        if invoice.number not in handled:
            handled.append(invoice.number)
            contract, payer = contracts.get(invoice.contract or "", ""), names.get(invoice.party or "", "")
            rows += [(contract, payer, part) for part in shares(invoice.number, invoice.amount)]
    return rows


def statement(stage: Stage, receipts: list[tuple[str, str, Decimal]]) -> bytes:
    """A bank statement in the format 1CClientBankExchange (reference onec §3.1), cp1251."""
    day = f"{stage.clock.moment:%d.%m.%Y}"
    account = stage.profile.bank.accounts[0] if stage.profile.bank.accounts else "40702810900000000001"
    total = sum((amount for _, _, amount in receipts), Decimal(0))
    lines = [
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
    for number, (contract, payer, amount) in enumerate(receipts, 1):
        lines += [
            "СекцияДокумент=Платежное поручение",
            f"Номер={number}",
            f"Дата={day}",
            f"Сумма={amount:.2f}",
            "ПлательщикСчет=40817810000000000000",
            f"Плательщик1={payer}",
            f"ПолучательСчет={account}",
            f"ДатаПоступило={day}",
            f"НазначениеПлатежа=Оплата по договору № {contract} за видеонаблюдение",
            "КонецДокумента",
        ]
    return "\r\n".join([*lines, "КонецФайла", ""]).encode("cp1251")


PLAYS: dict[str, Play] = {
    "video": video,
    "prepaid": plays_orders.prepaid,
    "leads": plays_orders.leads,
    "twoway": plays_orders.twoway,
}
