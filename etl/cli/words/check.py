"""The findings of `obmen24 check`: Russian lines, or an object for a program."""

from __future__ import annotations

from typing import Any, assert_never

from etl.commands.check import Away, Check, Coverage, Folder, Portal, Release, Told
from etl.errors import EXIT_CLEAN, EXIT_CONFIG, EXIT_LATER


def exit_code(found: Check) -> int:
    """2 the profile cannot work, 75 the portal or folder is away, 0 it can."""
    if found.wrong:
        return EXIT_CONFIG
    return EXIT_LATER if found.is_away else EXIT_CLEAN


def record(found: Check) -> dict[str, Any]:
    """For a program: {wrong, gaps, told, exit}."""
    return {
        "wrong": found.wrong,
        "gaps": found.gaps,
        "told": [_told(one) for one in found.told],
        "exit": exit_code(found),
    }


def text(found: Check) -> str:
    """What is in order, what is wrong, what this 1C cannot feed, and what to do."""
    lines = ["Проверка профиля:"]
    lines += [f"  {_told(one)}" for one in found.told]
    lines += [f"  ОШИБКА: {problem}" for problem in found.wrong]
    lines += [f"  ПРОБЕЛ: {gap}" for gap in found.gaps]
    return "\n".join([*lines, _advice(found)])


def _advice(found: Check) -> str:
    if found.wrong:
        return "Исправьте профиль и повторите obmen24 check."
    if found.is_away:
        return "Повторите obmen24 check, когда портал и папка будут доступны."
    if found.gaps:
        return "Профиль годится с оговорками выше. Посмотрите obmen24 plan."
    return "Профиль годится. Посмотрите obmen24 plan."


def _told(one: Told) -> str:
    match one:
        case Release():
            return _release(one)
        case Folder():
            return f"Папка обмена: {one.path}"
        case Portal():
            return _portal(one)
        case Coverage():
            return _coverage(one)
        case Away():
            return one.message
    assert_never(one)


def _portal(portal: Portal) -> str:
    said = f"Портал {portal.name}: все названия профиля найдены, сделок в воронке: {portal.deals}."
    if portal.unnamed:
        said += (
            f" В {portal.unnamed} из них не указано, от какой нашей организации они ведутся: "
            "пока её не выберут, в 1С они не уйдут."
        )
    return said


def _release(release: Release) -> str:
    if release.named is None:
        return (
            f"Укажите релиз 1С в onec.release. Рекомендуется {release.advised}: "
            "на более старых обмен может ломаться."
        )
    if release.is_old:
        return (
            f"Релиз 1С {release.named}: рекомендуется обновить до {release.advised}, "
            "на старых обмен может ломаться."
        )
    return f"Релиз 1С {release.named}."


def _coverage(found: Coverage) -> str:
    counted = (
        f"Контрагенты: связаны по GUID или ответу: {found.by_guid}, предложены по ИНН: {found.by_inn}, "
        f"сомнительны: {found.doubtful}, есть только в 1С: {found.unmatched_1c}, "
        f"есть только на портале: {found.unmatched_portal}."
    )
    if found.by_inn + found.doubtful == 0:
        return counted
    return f"{counted} Сомнительные пары подтвердит человек: obmen24 run, затем obmen24 ask."
