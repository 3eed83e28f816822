"""Words around what a person asks and decides: the journal, the ask-list, links, acts, files put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from etl.commands.journal import Remark, Step
from etl.commands.linking import Linked
from etl.commands.people import Answered, Confirmed, Question, Returned

#: how a person may name a kind of record -> its name in the journal
_ENTITIES = {
    "сделка": "deal",
    "документ": "document",
    "компания": "company",
    "контакт": "contact",
    "товар": "product",
}


def entity(named: str) -> str:
    """The kind of record a person means, as the journal names it."""
    return _ENTITIES.get(named, named)


def journal(lines: Sequence[Step | Remark], named: str, key: str) -> str:
    """A line for each step or remark; `named` and `key` are what the person asked for."""
    if not lines:
        return f"В журнале ничего нет о {named} {key}. Проверьте номер; записи появляются после obmen24 run."
    title = "" if named == "issues" else "Замечание: "
    return "\n".join(_step(line) if isinstance(line, Step) else title + _remark(line) for line in lines)


def _step(step: Step) -> str:
    change = ""
    if step.after is not None:
        change = f" {_value(step.before)} → {_value(step.after)}"
    rests_on = {"файл": step.file, "документ": step.document, "правило:": step.rule}
    named = [f"{word} {value}" for word, value in rests_on.items() if value]
    sources = f" [{', '.join(named)}]" if named else ""
    return f"{step.at.astimezone():%d.%m.%Y %H:%M} {step.message or step.action}{change}{sources}"


def _remark(remark: Remark) -> str:
    return f"{remark.message} [файл {remark.file}]" if remark.file else remark.message


def _value(value: Any) -> str:
    """A value as it stands in a line; nothing is a dash, so that it is seen."""
    return "–" if value is None else str(value)


def questions(asked: Sequence[Question]) -> str:
    """Open questions with numbered candidates."""
    if not asked:
        return "Вопросов нет."
    lines = []
    for question in asked:
        lines.append(f"{question.number}. [{question.key}] {question.text}")
        for choice, candidate in enumerate(question.candidates, 1):
            lines.append(f"     {choice}) {candidate}")
    lines.append("Ответьте: obmen24 ask НОМЕР ВАРИАНТ (вариант 0 = ни один из них).")
    return "\n".join(lines)


def answered(_done: Answered) -> str:
    """After an answer."""
    return "Ответ записан. Он подействует при следующем обмене: obmen24 run."


def linked(done: Linked, named: str) -> str:
    """After a link; `named` is the person's word for the kind of record."""
    parted = f" Разорваны прежние пары: {', '.join(done.parted)}." if done.parted else ""
    return f"Связано: {named} {done.portal_id} и запись 1С {done.onec_id}.{parted} Проверьте: obmen24 plan."


def confirmed(done: Confirmed) -> str:
    """After acts were confirmed."""
    return f"Подтверждено актов: {len(done.numbers)}. Стадии сделок изменит следующий обмен: obmen24 run."


def returned(done: Returned) -> str:
    """After files were put back."""
    if not done.files:
        return "В карантине нет таких файлов. Имена файлов: папка quarantine."
    return f"Возвращено файлов: {len(done.files)}. Выполните obmen24 run."
