"""The accounts of `obmen24 inspect` and of its repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from etl.commands.inspect import Finding
from etl.commands.repair import Repair

_KINDS = {
    "order": "заказов",
    "invoice": "счетов",
    "payment": "оплат",
    "refund": "возвратов денег",
    "shipment": "реализаций",
    "return": "возвратов товара",
    "act": "актов",
    "closing": "закрытий заказов",
    "other": "прочих документов",
}


def text(findings: Sequence[Finding]) -> str:
    """The accounts of the files, a blank line between them."""
    return "\n\n".join(_file(found) for found in findings)


def _file(found: Finding) -> str:
    """One file: what it holds, what is wrong in it, what to do."""
    lines = [found.path]
    if not found.refused:
        lines += _held(found)
    lines += [f"  - {_issue(issue)}" for issue in found.issues]
    total = found.issues_total
    hidden = total - len(found.issues)
    if hidden:
        lines.append(f"  … и ещё замечаний: {hidden}. Показать больше: --limit {total}")
    if not found.refused:
        lines.append(_advice(found))
    return "\n".join(lines)


def _held(found: Finding) -> list[str]:
    """What kind of file it is, and the counts that are not zero."""
    version, namespace = found.version or "без версии", found.namespace or "нет"
    partial = ", только изменения" if found.changes_only else ""
    lines = [f"  CommerceML {version}, {found.encoding}, пространство имён: {namespace}{partial}"]
    held = {
        "контрагентов": found.counts.parties,
        "товаров": found.counts.products,
        "предложений": found.counts.offers,
        "цен": found.counts.prices,
        "строк документов": found.counts.lines,
    }
    lines += [f"  {words}: {count}" for words, count in held.items() if count]
    for kind, count in found.counts.documents.items():
        lines.append(f"  {_KINDS.get(kind, kind)}: {count}")
    return [*lines, f"  сумма документов: {found.amount_total}"]


def _issue(issue: Mapping[str, Any]) -> str:
    named = [issue.get("key"), issue.get("place")]
    place = ", ".join(str(one) for one in named if one)
    message = str(issue["message"])
    return f"{place}: {message}" if place else message


def _advice(found: Finding) -> str:
    if found.issues_total:
        return "  Исправьте данные в 1С и выгрузите файл заново."
    return "  Замечаний нет."


def repaired(repairs: Sequence[Repair]) -> str:
    """A line for each file: its copy, or why there is none."""
    return "\n".join(_repair(one) for one in repairs)


def _repair(one: Repair) -> str:
    if one.refused is not None:
        return located(one.path, one.refused)
    return (
        f"{one.copy}: убрано запрещённых знаков: {one.removed}. "
        "Проверьте файл (obmen24 inspect) и положите его в папку обмена вместо исходного."
    )


def located(path: Path | str, message: str) -> str:
    """A message with the path in front, unless it begins with it.

    Of many files called import.xml the name alone tells nothing.
    """
    return message if message.startswith(str(path)) else f"{path}: {message}"
