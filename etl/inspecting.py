"""`obmen24 inspect` and `validate`: what lies in an exchange file, in Russian or as JSON. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_COUNTS = {"parties": "контрагентов", "products": "товаров", "offers": "предложений", "prices": "цен", "lines": "строк документов"}
_KINDS = {"order": "заказов", "invoice": "счетов", "payment": "оплат", "refund": "возвратов денег", "shipment": "реализаций",
          "return": "возвратов товара", "act": "актов", "closing": "закрытий заказов", "other": "прочих документов"}


def inspect(path: Path, *, limit: int, progress: Callable[[int], None] | None = None) -> dict[str, Any]:
    """The account of one file, at most `limit` issues; `refused` is true for a file that is no usable CommerceML."""
    from etl.extract import commerceml

    found = commerceml.inspect(path, limit=limit, progress=progress)
    return {**found, "refused": any(issue["entity"] == "file" for issue in found["issues"])}


def repair(path: Path) -> str:
    """A copy without the characters XML forbids, beside the file. The original stays as 1C wrote it."""
    from etl import xml_safe

    target = path.with_name(f"{path.stem}.repaired{path.suffix}")
    with path.open("rb") as source, target.open("xb") as copy:
        removed = xml_safe.repair(source, copy, path.name)
    return f"{target}: убрано запрещённых знаков: {removed}. Проверьте файл (obmen24 inspect) и положите его в папку обмена вместо исходного."


def json_text(findings: Sequence[Mapping[str, Any]]) -> str:
    """An object for one file, a list for several."""
    shown = [dict(found) for found in findings]
    return json.dumps(shown[0] if len(shown) == 1 else shown, ensure_ascii=False, default=str, indent=1)


def text(findings: Sequence[Mapping[str, Any]]) -> str:
    """Russian account of the files."""
    return "\n\n".join(_one(found) for found in findings)


def _one(found: Mapping[str, Any]) -> str:
    lines = [f"{found['file']}"]
    if not found["refused"]:
        lines.append(f"  CommerceML {found['version'] or 'без версии'}, {found['encoding']}, пространство имён: {found['namespace'] or 'нет'}"
                     + (", только изменения" if found["changes_only"] else ""))
        lines += [f"  {words}: {found['counts'][name]}" for name, words in _COUNTS.items() if found["counts"].get(name)]
        lines += [f"  {_KINDS.get(kind, kind)}: {count}" for kind, count in found["counts"].get("documents", {}).items()]
        lines += [f"  сумма документов: {found['amount_total']}"] if found.get("amount_total") else []
    lines += [f"  - {_issue(issue)}" for issue in found["issues"]]
    hidden = found["issues_total"] - len(found["issues"])
    lines += [f"  … и ещё замечаний: {hidden}. Показать больше: --limit {found['issues_total']}"] if hidden else []
    return "\n".join([*lines, "  Замечаний нет." if not found["issues"] else "  Исправьте данные в 1С и выгрузите файл заново."])


def _issue(issue: Mapping[str, Any]) -> str:
    place = ", ".join(str(issue[name]) for name in ("key", "place") if issue.get(name))
    return f"{place}: {issue['message']}" if place else str(issue["message"])


def validate(path: Path, dialect: str | None) -> list[str]:
    """Problems of one file: against the rules of the version it names, and against our schema of a dialect when one is named."""
    from etl.errors import Rejected
    from etl.extract import commerceml_lint
    from etl.load import commerceml

    try:
        return commerceml.validate(path, dialect) if dialect else commerceml_lint.lint(path)
    except Rejected as error:
        return [str(error)]


def validation_text(findings: Mapping[Path, Sequence[str]]) -> str:
    """Russian list of problems per file."""
    lines = []
    for path, problems in findings.items():
        lines.append(f"{path}: " + ("соответствует схеме." if not problems else f"замечаний {len(problems)}:"))
        lines += [f"  - {problem}" for problem in problems]
    advice = "Исправьте файл или спросите программиста 1С (docs/contract-1c.ru.md)." if any(findings.values()) else "Делать ничего не нужно."
    return "\n".join([*lines, advice])
