"""The questions of `obmen24 init` and what it says when it has written a profile or prepared a portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.commands.init import Created
    from etl.commands.portal import Prepared

SAMPLE = "Образец"
#: key of the profile -> question
QUESTIONS = {
    "bitrix24.name": "Имя портала (по нему ведутся реестры)",
    "bitrix24.webhook_file": "Файл с адресом вебхука",
    "onec.folder": "Папка обмена",
    "organisations.name": "Наша организация, точно как в 1С",
    "organisations.inn": "Её ИНН",
}


def created(done: Created) -> str:
    """After a profile was written."""
    return (
        f"Записан {done.profile}. Просмотрите строки с пометкой «ВАШЕ», положите адрес вебхука в файл "
        "с правами 0600 и выполните obmen24 check."
    )


def prepared(done: Prepared) -> str:
    """After fields and printed forms were made on the portal."""
    said = []
    if done.created is not None:
        said.append(f"Создано полей: {done.created}." if done.created else "Все поля уже есть.")
    if done.templates is not None:
        said.append(done.templates)
    return " ".join([*said, "Проверьте: obmen24 check."])
