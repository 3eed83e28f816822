"""What is said about the journal, the ask-list and what a person has decided."""

from __future__ import annotations

import datetime as dt
from typing import Any

from etl.cli.words import people as words
from etl.commands.journal import Remark, Step
from etl.commands.linking import Linked
from etl.commands.people import Answered, Confirmed, Question, Returned

AT = dt.datetime(2026, 11, 2, 10, 5).astimezone()


def step(**said: Any) -> Step:
    nothing = dict.fromkeys(
        ("entity", "key", "action", "field", "before", "after", "file", "document", "rule", "message")
    )
    return Step(**{"run": 1, "seq": 1, "at": AT, "level": "info", **nothing, **said})


def test_a_step_names_what_it_rests_on() -> None:
    full = step(
        message="Стадия",
        before=None,
        after="Оплачен",
        file="from_1c/a.xml",
        document="M2611",
        rule="paid = да",
    )
    assert words.journal([full, step(action="charge")], "deal", "101") == (
        "02.11.2026 10:05 Стадия – → Оплачен [файл from_1c/a.xml, документ M2611, правило: paid = да]\n"
        "02.11.2026 10:05 charge"
    )


def test_a_remark_names_its_file() -> None:
    told = Remark("reject", "a.xml", "строка 1", None, None, "Файл отложен.")
    other = Remark("warn", None, None, "deal", "5", "Сделка не вошла.")
    assert words.journal([told, other], "issues", "1") == "Файл отложен. [файл a.xml]\nСделка не вошла."


def test_an_empty_journal_names_what_was_asked_for() -> None:
    assert words.journal([], "сделка", "5") == (
        "В журнале ничего нет о сделка 5. Проверьте номер; записи появляются после obmen24 run."
    )
    assert (words.entity("сделка"), words.entity("deal")) == ("deal", "deal")


def test_questions_are_numbered_as_they_are_answered() -> None:
    assert words.questions([]) == "Вопросов нет."
    asked = [
        Question(1, "record:7", "Кто это?", ("ООО «А»", "ООО «Б»")),
        Question(2, "deal:9", "Как быть?", ()),
    ]
    assert words.questions(asked) == (
        "1. [record:7] Кто это?\n"
        "     1) ООО «А»\n"
        "     2) ООО «Б»\n"
        "2. [deal:9] Как быть?\n"
        "Ответьте: obmen24 ask НОМЕР ВАРИАНТ (вариант 0 = ни один из них)."
    )


def test_what_was_decided_is_said_with_the_next_step() -> None:
    assert words.answered(Answered("record:7", 1)) == (
        "Ответ записан. Он подействует при следующем обмене: obmen24 run."
    )
    assert words.linked(Linked("company", "15", "abc"), "компания") == (
        "Связано: компания 15 и запись 1С abc. Проверьте: obmen24 plan."
    )
    assert words.confirmed(Confirmed(("A1-1", "A1-2"))) == (
        "Подтверждено актов: 2. Стадии сделок изменит следующий обмен: obmen24 run."
    )
    assert words.returned(Returned(("from_1c/a.xml",))) == "Возвращено файлов: 1. Выполните obmen24 run."
    assert words.returned(Returned(())) == ("В карантине нет таких файлов. Имена файлов: папка quarantine.")
