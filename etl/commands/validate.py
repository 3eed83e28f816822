"""`obmen24 validate`: does a file keep the rules of its CommerceML version, and our schema of a dialect? In Russian or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from etl.commands.inspect import Tell, Watched, named, readable, size_of

Verdict = dict[str, Any]
_SHOWN = 100  # `commerceml.validate` and `lint` say no more


def validate(path: Path, dialect: str | None, *, tell: Tell | None = None) -> Verdict:
    """What is wrong with one file, in Russian sentences without values: {file, path, version, dialect, told, unusable, deviations, schema}.

    `unusable`: our reader cannot use it; `deviations`: the schema of the named version does not allow it, our reader takes it; `schema`:
    our own schema of `dialect` does not allow it. `told` = the dialect was told by the file; without one only the version is checked.
    """
    from etl.errors import Rejected

    verdict: Verdict = {
        "file": path.name,
        "path": str(path),
        "version": None,
        "dialect": dialect,
        "told": False,
        "unusable": [],
        "deviations": [],
        "schema": [],
        "issues": [],
    }
    try:
        size = size_of(path)
        whole = size * (4 if dialect else 2)  # proven and read, and the same again for a schema
        watched = Watched(path, tell and (lambda read: tell(min(1.0, read / whole))))
        with readable(path), watched.open() as stream:
            _check(cast(BinaryIO, stream), verdict)
    except Rejected as error:
        verdict["issues"] = [_issue(str(error), path)]
    return verdict


def _check(stream: BinaryIO, verdict: Verdict) -> None:
    from etl.extract.commerceml import lint
    from etl.load.commerceml import write

    verdict["version"], remarks = lint.lint_stream(stream, verdict["file"])
    verdict["unusable"] = [remark.text for remark in remarks if not remark.usable]
    verdict["deviations"] = [remark.text for remark in remarks if remark.usable]
    if verdict["dialect"]:
        verdict["schema"] = write.validate(stream, verdict["dialect"])
    else:
        verdict.update(_told(stream, verdict["file"]))


def _told(stream: BinaryIO, name: str) -> Verdict:
    """The dialect a file shows by version, namespace and first element, and its schema.

    Only the extended contract is written alike in both directions. What stock 1C exports looks like what we write for it and need not keep
    our schema: a file that does not is left to the rules of its version.
    """
    from etl import xml_safe
    from etl.config.dialects import DIALECTS
    from etl.extract.commerceml import lint
    from etl.load.commerceml import write

    root, first = xml_safe.root(stream, name), lint.first_child(stream, name)
    for dialect in DIALECTS.values():
        if (
            dialect.kinds
            and (dialect.version, dialect.namespace) == (root.attributes.get("ВерсияСхемы"), root.namespace)
            and first == ("Контейнер" if dialect.extended else "Документ")
        ):
            problems = write.validate(stream, dialect.name)
            return (
                {"dialect": dialect.name, "told": True, "schema": problems}
                if dialect.extended or not problems
                else {}
            )
    return {}


def _issue(message: str, path: Path) -> dict[str, Any]:
    from etl import tables

    return dict(tables.issue(message, file=path.name, entity="file"))


def clean(verdict: Mapping[str, Any]) -> bool:
    """Whether nothing was said against the file. What a dialect departs in from its version («ТелефонРабочий» of УТ 10.3) is as it must be."""
    return not any(verdict[part] for part in ("issues", "unusable", "schema")) and (
        not verdict["deviations"] or _meant(verdict)
    )


def _meant(verdict: Mapping[str, Any]) -> bool:
    return bool(verdict["dialect"]) and not verdict["schema"]


def text(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Russian account of the files, ending with what to do."""
    lines = [line for verdict in verdicts for line in _one(verdict)]
    if all(map(clean, verdicts)):
        return "\n".join([*lines, "Делать ничего не нужно."])
    if any(verdict["unusable"] or verdict["issues"] or verdict["schema"] for verdict in verdicts):
        return "\n".join([*lines, "Исправьте файл или спросите программиста 1С (docs/contract-1c.ru.md)."])
    return "\n".join(
        [*lines, "Программа эти файлы прочитает. Если файл пишете вы сами, исправьте отступления."]
    )


def _one(verdict: Mapping[str, Any]) -> list[str]:
    if verdict["issues"]:
        return [named(Path(verdict["path"]), issue["message"]) for issue in verdict["issues"]]
    departs = f"Отступления от схемы {_version(verdict)}" + (
        f", которые допускает наша схема {verdict['dialect']} (исправлять не нужно):"
        if _meant(verdict)
        else " (программа это прочитает, чужие элементы пропустит):"
    )
    lines = [
        f"{verdict['path']}: {'замечаний нет' if clean(verdict) else 'есть замечания'}. {_checked(verdict)}"
    ]
    for part, words in (
        ("unusable", "Программа не сможет использовать:"),
        ("deviations", departs),
        (
            "schema",
            f"Не по нашей схеме {verdict['dialect']} (такого файла ждёт от нас 1С или договор обмена):",
        ),
    ):
        if verdict[part]:
            lines += [f"  {words}", *(f"  - {problem}" for problem in verdict[part])]
            lines += (
                ["  … и, возможно, другие: исправьте эти и повторите."]
                if len(verdict[part]) >= _SHOWN
                else []
            )
    return lines


def _version(verdict: Mapping[str, Any]) -> str:
    return str(verdict["version"] or "2.04")


def _checked(verdict: Mapping[str, Any]) -> str:
    rules = f"правила версии {_version(verdict)}" + (
        "" if verdict["version"] else " (файл версию не называет)"
    )
    if not verdict["dialect"]:
        return (
            f"Проверены только {rules}; если файл написан для 1С, проверьте его и по нашей схеме: --dialect."
        )
    return f"Проверены {rules} и наша схема {verdict['dialect']}" + (
        " (определена по файлу)." if verdict["told"] else "."
    )
