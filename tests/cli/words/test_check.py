"""What `obmen24 check` says about its findings, and which exit code they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.cli.words import check as words
from etl.commands.check import Away, Check, Coverage, Folder, Portal, Release, Told

IN_ORDER = (Folder(Path("/обмен")), Portal("demo", deals=144))
AWAY = Away("Портал не отвечает. Повторите позже.")


def found(*told: Told, wrong: tuple[str, ...] = (), gaps: tuple[str, ...] = ()) -> Check:
    return Check(wrong, gaps, told)


def test_everything_is_told_and_the_last_line_says_what_to_do() -> None:
    assert words.text(found(*IN_ORDER)) == (
        "Проверка профиля:\n"
        "  Папка обмена: /обмен\n"
        "  Портал demo: все названия профиля найдены, сделок в воронке: 144.\n"
        "Профиль годится. Посмотрите obmen24 plan."
    )
    assert words.text(found(AWAY, wrong=("onec.folder: беда",), gaps=("правило 1: пробел",))) == (
        "Проверка профиля:\n"
        "  Портал не отвечает. Повторите позже.\n"
        "  ОШИБКА: onec.folder: беда\n"
        "  ПРОБЕЛ: правило 1: пробел\n"
        "Исправьте профиль и повторите obmen24 check."
    )


@pytest.mark.parametrize(
    ("check", "code", "advice"),
    [
        (found(), 0, "Профиль годится. Посмотрите obmen24 plan."),
        (found(gaps=("пробел",)), 0, "Профиль годится с оговорками выше. Посмотрите obmen24 plan."),
        (found(AWAY), 75, "Повторите obmen24 check, когда портал и папка будут доступны."),
        (found(AWAY, wrong=("беда",)), 2, "Исправьте профиль и повторите obmen24 check."),
    ],
)
def test_the_exit_code_and_the_advice_say_the_same(check: Check, code: int, advice: str) -> None:
    assert words.exit_code(check) == code
    assert words.text(check).endswith(f"\n{advice}")
    assert words.record(check)["exit"] == code


def test_a_program_reads_the_same_sentences() -> None:
    assert words.record(found(*IN_ORDER, wrong=("беда",), gaps=("пробел",))) == {
        "wrong": ("беда",),
        "gaps": ("пробел",),
        "told": [
            "Папка обмена: /обмен",
            "Портал demo: все названия профиля найдены, сделок в воронке: 144.",
        ],
        "exit": 2,
    }


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (
            Release(None, "10.3.52.2", is_old=False),
            "Укажите релиз 1С в onec.release. Рекомендуется 10.3.52.2: на более старых обмен может ломаться.",
        ),
        (
            Release("10.3.19.4", "10.3.52.2", is_old=True),
            "Релиз 1С 10.3.19.4: рекомендуется обновить до 10.3.52.2, на старых обмен может ломаться.",
        ),
        (Release("10.3.60.1", "10.3.52.2", is_old=False), "Релиз 1С 10.3.60.1."),
    ],
)
def test_the_release_of_ut_10_3(release: Release, expected: str) -> None:
    assert words.record(found(release))["told"] == [expected]


def test_coverage_names_the_command_only_where_a_person_is_needed() -> None:
    settled = Coverage(by_guid=2, by_inn=0, doubtful=0, unmatched_1c=1, unmatched_portal=3)
    counted = (
        "Контрагенты: связаны по GUID или ответу: 2, предложены по ИНН: {}, сомнительны: 0, "
        "есть только в 1С: 1, есть только на портале: 3."
    )
    assert words.record(found(settled))["told"] == [counted.format(0)]
    proposed = Coverage(by_guid=2, by_inn=4, doubtful=0, unmatched_1c=1, unmatched_portal=3)
    assert words.record(found(proposed))["told"] == [
        counted.format(4) + " Сомнительные пары подтвердит человек: obmen24 run, затем obmen24 ask."
    ]
