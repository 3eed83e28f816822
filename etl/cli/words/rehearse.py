"""The account of a rehearsal and the first line of the embedded portal."""

from __future__ import annotations

from collections.abc import Mapping

from etl.commands.rehearse import Rehearsal

#: folder below the exchange folder -> what lies in it
_PLACES = {
    "to_1c": "файл, который сейчас читает 1С (документы, которые она уже вернула, из него убраны)",
    "spreadsheets/out": "реестр для бухгалтера, акты, файлы загрузки",
    "archive": "всё прочитанное, копии отправленного (sent-…) и реестров",
    "quarantine": "плохие файлы с объяснением",
}
_HELD = {
    "deals": "сделок",
    "companies": "компаний",
    "contacts": "контактов",
    "products": "товаров",
    "users": "сотрудников",
}


def text(done: Rehearsal) -> str:
    """What happened on both sides, and where the files lie."""
    head = (
        "Репетиция: учебный портал Битрикс24 и модель базы 1С на этом компьютере, "
        "все люди и организации вымышлены."
    )
    lines = [head, *done.acted, done.report.text(), f"Папка обмена {done.folder}:"]
    for name, words in _PLACES.items():
        lines.append(f"  {name:<20}{words}")
    return "\n".join(lines)


def portal(webhook: str, counts: Mapping[str, int]) -> str:
    """Address (with the code: it is a password) and what the portal holds."""
    held = [f"{counts[name]} {words}" for name, words in _HELD.items() if counts.get(name)]
    return f"Учебный портал: {', '.join(held)}. Адрес вебхука: {webhook} (остановить: Ctrl+C)"
