"""What a person asks or answers: the journal, the ask-list, links, confirmations, files put back from quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from etl.config.profile import Profile
from etl.errors import ConfigError

if TYPE_CHECKING:
    from etl.state.store import Store

ENTITIES = {
    "сделка": "deal",
    "документ": "document",
    "компания": "company",
    "контакт": "contact",
    "товар": "product",
}


@contextmanager
def _state(profile: Profile, *, write: bool = False) -> Iterator[Store]:
    from etl.state.store import Store

    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store:
        if write:
            with store.lock():
                yield store
        else:
            yield store


def why(profile: Profile, entity: str, key: str, *, as_json: bool = False) -> str:
    """The journal of one record: each step with file, document and rule."""
    with _state(profile) as store:
        if entity == "issues":
            rows = [
                {
                    "level": row["severity"],
                    **{name: row[name] for name in ("file", "place", "entity", "key", "message")},
                }
                for row in _records(store.runs.open_issues())
            ]
        else:
            rows = store.runs.why(ENTITIES.get(entity, entity), key)
    if as_json:
        return json.dumps(rows, ensure_ascii=False, default=str, indent=1)
    if not rows:
        return f"В журнале ничего нет о {entity} {key}. Проверьте номер; записи появляются после obmen24 run."
    return "\n".join(_line(row) for row in rows)


def _records(frame: Any) -> list[dict[str, Any]]:
    from etl import tables

    return tables.records(frame)


def _line(row: dict[str, Any]) -> str:
    when = f"{row['at'].astimezone():%d.%m.%Y %H:%M} " if row.get("at") else ""
    change = (
        f" {_shown(row.get('before'))} → {_shown(row.get('after'))}" if row.get("after") is not None else ""
    )
    source = ", ".join(
        f"{word} {row[name]}"
        for name, word in (("file", "файл"), ("document", "документ"), ("rule", "правило:"))
        if row.get(name)
    )
    return f"{when}{row.get('message') or row.get('action')}{change}" + (f" [{source}]" if source else "")


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


def questions(profile: Profile) -> str:
    """Open questions with numbered candidates."""
    with _state(profile) as store:
        found = store.questions.open()
    if not found:
        return "Вопросов нет."
    lines = []
    for number, row in enumerate(found, 1):
        lines.append(f"{number}. [{row['key']}] {row['text']}")
        lines += [
            f"     {choice}) {candidate.get('text', candidate) if isinstance(candidate, dict) else candidate}"
            for choice, candidate in enumerate(row["candidates"] or [], 1)
        ]
    return "\n".join([*lines, "Ответьте: obmen24 ask НОМЕР ВАРИАНТ (вариант 0 = ни один из них)."])


def answer(profile: Profile, question: str, given: str | None) -> str:
    """Remember an answer: the number of a candidate, or 0 for none of them."""
    with _state(profile, write=True) as store:
        found = store.questions.open()
        row = _chosen(found, question)
        if given is None:
            raise ConfigError("Не указан вариант ответа.", "Пример: obmen24 ask 1 2. Вопросы: obmen24 ask.")
        candidates = row["candidates"] or []
        if not given.isdigit() or int(given) > len(candidates):
            raise ConfigError(
                f"Варианта {given} нет, их {len(candidates)}.", "Посмотрите варианты: obmen24 ask."
            )
        choice = candidates[int(given) - 1] if int(given) else {"id": None}
        store.questions.answer(row["key"], choice)
    return "Ответ записан. Он подействует при следующем обмене: obmen24 run."


def _chosen(found: Sequence[dict[str, Any]], question: str) -> dict[str, Any]:
    if question.isdigit() and 0 < int(question) <= len(found):
        return found[int(question) - 1]
    for row in found:
        if row["key"] == question:
            return row
    raise ConfigError(f"Вопроса {question} нет.", "Список вопросов: obmen24 ask.")


def link(profile: Profile, entity: str, portal_id: str, onec_id: str) -> str:
    """Tie a record of the portal to a record of 1C by hand."""
    with _state(profile, write=True) as store:
        store.links.put(
            [{"entity": ENTITIES.get(entity, entity), "foreign_id": onec_id, "portal_id": portal_id}]
        )
    return f"Связано: {entity} {portal_id} и запись 1С {onec_id}. Проверьте: obmen24 plan."


def confirm(profile: Profile, numbers: Sequence[str]) -> str:
    """A person says that acts were accepted by 1C."""
    with _state(profile, write=True) as store:
        known = store.accruals.states()
        if unknown := [number for number in numbers if number not in known]:
            raise ConfigError(
                f"Таких актов нет: {', '.join(unknown)}.",
                "Номера актов стоят в файлах akty-*.xlsx, столбец «Ключ».",
            )
        store.accruals.mark(numbers, "confirmed")
    return f"Подтверждено актов: {len(numbers)}. Стадии сделок изменит следующий обмен: obmen24 run."


def retry(profile: Profile, files: Sequence[str]) -> str:
    """Put quarantined files back to be read once more."""
    import datetime as dt

    from etl import pipeline
    from etl.exchange.folder import QUARANTINE

    with _state(profile, write=True) as store:
        exchange = pipeline.folder(profile, dt.datetime.now(dt.UTC))
        bad = [
            row
            for row in store.files.listed("bad", direction="in")
            if row.stored_as and row.stored_as.startswith(QUARANTINE)
        ]
        chosen = [
            row
            for row in bad
            if not files
            or any(f"/{place}".endswith(f"/{name}") for name in files for place in (row.name, row.stored_as))
        ]
        for row in chosen:
            exchange.requeue(row.stored_as or "", row.name)
            store.files.mark("in", row.hash, "republished")
    if not chosen:
        return "В карантине нет таких файлов. Имена файлов: папка quarantine."
    return f"Возвращено файлов: {len(chosen)}. Выполните obmen24 run."
