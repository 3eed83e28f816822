"""What one run did, for the person who started it: counts, files, issues, moves; as Russian text or JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from etl.errors import EXIT_ATTENTION, EXIT_CLEAN, EXIT_PERSON

#: counter -> how a person reads it; only those that are not zero are printed
WORDS: dict[str, str] = {
    "files_read": "прочитано файлов 1С",
    "files_known": "из них уже известных",
    "files_bad": "файлов в карантине",
    "documents_read": "документов в них",
    "deals_read": "сделок портала просмотрено",
    "receipts_read": "банковских операций",
    "payments": "новых оплат",
    "shipments": "новых отгрузок",
    "charges": "начислений",
    "amended": "исправленных начислений",
    "resent": "повторно отправлено с датой расторжения",
    "accruals": "актов вознаграждения",
    "published": "документов отправлено в 1С",
    "echoed": "подтверждено 1С",
    "assumed": "без ответа 1С (считаем принятыми)",
    "refused": "1С не приняла",
    "moved": "сделок перемещено",
    "fields": "полей сделок записано",
    "composed": "составов сделок записано",
    "created": "записей создано в портале",
    "updated": "записей изменено в портале",
    "notified": "уведомлений отправлено",
    "not_billed": "сделок не вошло в начисление",
    "matched": "оплат банка сопоставлено",
    "unmatched": "оплат банка без пары",
}
#: Counters that mean something changed somewhere.
EFFECTS = (
    "files_bad",
    "payments",
    "shipments",
    "charges",
    "amended",
    "resent",
    "accruals",
    "published",
    "echoed",
    "assumed",
    "refused",
    "moved",
    "fields",
    "composed",
    "created",
    "updated",
    "notified",
    "matched",
)
_RUN = "Обмен выполнен"
_SHOWN_ISSUES = 15
_FOR_A_PERSON = "Нужен ответ человека: obmen24 ask."
_BY_HAND = "Нужно решение человека: сделайте то, что сказано в замечаниях, следующий обмен это увидит."


@dataclass
class RunReport:
    """Counters, files written, issues and changes of one run. `dry` marks a plan: nothing was written.
    `asked`: questions that `obmen24 ask` shows after it.
    """

    run: str = ""
    dry: bool = False
    asked: int = 0
    title: str = _RUN
    counts: Counter[str] = field(default_factory=Counter)
    sums: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """True when the run found nothing to do."""
        return not any(self.counts[name] for name in EFFECTS)

    @property
    def exit_code(self) -> int:
        """0 clean, 1 look at the journal, 3 a person is asked."""
        if any(issue["severity"] == "ask" for issue in self.issues):
            return EXIT_PERSON
        if self.issues or self.counts["files_bad"]:
            return EXIT_ATTENTION
        return EXIT_CLEAN

    def json(self) -> str:
        """For a program."""
        account = {
            "run": self.run,
            "dry": self.dry,
            "exit": self.exit_code,
            "counts": dict(self.counts),
            "sums": self.sums,
            "files": self.files,
            "issues": self.issues,
            "changes": self.changes,
            "notes": self.notes,
        }
        return json.dumps(account, ensure_ascii=False, default=str, indent=1)

    def text(self) -> str:
        """Russian summary; its last line says what to do."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self._headline()
        for name, words in WORDS.items():
            if self.counts[name]:
                yield f"  {words}: {self.counts[name]}"
        for words, amount in self.sums.items():
            yield f"  {words}: {amount:.2f} руб."
        if self.dry:
            yield from map(_change, self.changes)
        for path in self.files:
            yield f"  записан {path}"
        yield from self.notes
        yield from self._issue_lines()
        yield self._advice()

    def _headline(self) -> str:
        if self.quiet and self.title == _RUN:
            return (
                "План: делать нечего."
                if self.dry
                else "Обмен выполнен: нового нет, ни один исходящий файл не изменён."
            )
        return "План (ничего не записано):" if self.dry else f"{self.title}."

    def _issue_lines(self) -> Iterator[str]:
        if not self.issues:
            return
        yield f"Замечания ({len(self.issues)}):"
        for issue in self.issues[:_SHOWN_ISSUES]:
            yield f"  - {_issue(issue)}"
        hidden = len(self.issues) - _SHOWN_ISSUES
        if hidden > 0:
            yield f"  … и ещё {hidden}: obmen24 why issues {self.run}"

    def _advice(self) -> str:
        if self.exit_code == EXIT_PERSON:
            return _FOR_A_PERSON if self.asked else _BY_HAND
        if self.exit_code == EXIT_ATTENTION:
            return (
                "Просмотрите замечания и исправьте данные в источнике: следующий обмен возьмёт исправленное."
            )
        if self.dry and not self.quiet:
            return "Проверьте план и выполните obmen24 run."
        return "Делать ничего не нужно."


def _issue(issue: dict[str, Any]) -> str:
    """«file, place, entity, key: message» with what of it is known."""
    known = [str(issue[name]) for name in ("file", "place", "entity", "key") if issue.get(name)]
    message = str(issue["message"])
    return f"{', '.join(known)}: {message}" if known else message


def _change(change: dict[str, Any]) -> str:
    """«entity key: field: before → after (reason)»."""
    what = change.get("field") or change.get("action")
    before, reason = change.get("before"), change.get("rule") or change.get("reason")
    was = "" if before is None else f"{before} → "
    why = f" ({reason})" if reason else ""
    return f"  {change['entity']} {change['key']}: {what}: {was}{change['after']}{why}"
