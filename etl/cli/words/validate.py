"""The verdicts of `obmen24 validate`."""

from __future__ import annotations

from collections.abc import Sequence

from etl.cli.words.inspect import located
from etl.commands.validate import Verdict

_SHOWN = 100  # the checks of CommerceML say no more problems of one kind than this
_UNNAMED = "2.04"  # by the rules of which version a file is checked that names none


def text(verdicts: Sequence[Verdict]) -> str:
    """The account of the files, ending with what to do."""
    lines: list[str] = []
    for verdict in verdicts:
        lines += _file(verdict)
    return "\n".join([*lines, _advice(verdicts)])


def _advice(verdicts: Sequence[Verdict]) -> str:
    if all(verdict.is_clean for verdict in verdicts):
        return "Делать ничего не нужно."
    if any(verdict.unusable or verdict.issues or verdict.schema for verdict in verdicts):
        return "Исправьте файл или спросите программиста 1С (docs/contract-1c.ru.md)."
    return "Программа эти файлы прочитает. Если файл пишете вы сами, исправьте отступления."


def _file(verdict: Verdict) -> list[str]:
    if verdict.issues:
        return [located(verdict.path, issue["message"]) for issue in verdict.issues]
    judged = "замечаний нет" if verdict.is_clean else "есть замечания"
    return [
        f"{verdict.path}: {judged}. {_checked(verdict)}",
        *_problems("Программа не сможет использовать:", verdict.unusable),
        *_problems(_deviations(verdict), verdict.deviations),
        *_problems(
            f"Не по нашей схеме {verdict.dialect} (такого файла ждёт от нас 1С или договор обмена):",
            verdict.schema,
        ),
    ]


def _problems(title: str, problems: Sequence[str]) -> list[str]:
    """Problems of one part of a file; a list that was cut says so."""
    if not problems:
        return []
    lines = [f"  {title}", *(f"  - {problem}" for problem in problems)]
    if len(problems) >= _SHOWN:
        lines.append("  … и, возможно, другие: исправьте эти и повторите.")
    return lines


def _deviations(verdict: Verdict) -> str:
    version = verdict.version or _UNNAMED
    if verdict.is_meant:
        return (
            f"Отступления от схемы {version}, которые допускает наша схема {verdict.dialect} "
            "(исправлять не нужно):"
        )
    return f"Отступления от схемы {version} (программа это прочитает, чужие элементы пропустит):"


def _checked(verdict: Verdict) -> str:
    rules = f"правила версии {verdict.version or _UNNAMED}"
    if not verdict.version:
        rules += " (файл версию не называет)"
    if not verdict.dialect:
        return (
            f"Проверены только {rules}; если файл написан для 1С, проверьте его и по нашей схеме: --dialect."
        )
    told = " (определена по файлу)" if verdict.told else ""
    return f"Проверены {rules} и наша схема {verdict.dialect}{told}."
