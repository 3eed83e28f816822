"""What a person decides: answers to the ask-list, links, confirmed acts, files put back from quarantine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from etl import pipeline
from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.exchange.folder import QUARANTINE
from etl.state.store import Store


@dataclass(frozen=True)
class Question:
    """What the programme must not decide alone. `candidates` are texts; the first is answered with 1."""

    number: int
    key: str
    text: str
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """A question that got its answer: the number of a candidate, 0 for none of them."""

    key: str
    choice: int


@dataclass(frozen=True)
class Confirmed:
    """Acts that a person says 1C has accepted."""

    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Returned:
    """Files that left the quarantine and will be read once more, by the names they came under."""

    files: tuple[str, ...]


def questions(profile: Profile) -> list[Question]:
    """Open questions, oldest first, numbered as `answer` takes them."""
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store:
        found = store.questions.open()
    return [_question(number, row) for number, row in enumerate(found, start=1)]


def _question(number: int, row: Mapping[str, Any]) -> Question:
    """A question of the state; one without candidates is answered with 0 alone."""
    candidates = row["candidates"] or ()
    return Question(
        number,
        key=row["key"],
        text=row["text"],
        candidates=tuple(map(_candidate, candidates)),
    )


def _candidate(one: Any) -> str:
    """The text of a candidate: some are texts, some records with a `text`."""
    if isinstance(one, dict):
        return str(one.get("text", one))
    return str(one)


def answer(profile: Profile, question: str, given: str | None) -> Answered:
    """Remember an answer: the number of a candidate, or 0 for none of them. The next run acts on it.

    `question` is the number `questions` gave or the question's key. Raises ConfigError for a question or a
    candidate that is not there.
    """
    with _written(profile) as store:
        row = _chosen(store.questions.open(), question)
        candidates = row["candidates"] or []
        choice = _choice(given, len(candidates))
        value = candidates[choice - 1] if choice else {"id": None}
        store.questions.answer(row["key"], value)
    return Answered(row["key"], choice)


def _chosen(found: Sequence[dict[str, Any]], question: str) -> dict[str, Any]:
    """The open question a person named by its number or key. Raises ConfigError where there is none."""
    number = int(question) if question.isdigit() else 0
    if 0 < number <= len(found):
        return found[number - 1]
    for row in found:
        if row["key"] == question:
            return row
    raise ConfigError(f"Вопроса {question} нет.", "Список вопросов: obmen24 ask.")


def _choice(given: str | None, count: int) -> int:
    """The number of one of `count` candidates, or 0, as a person gave it."""
    if given is None:
        raise ConfigError("Не указан вариант ответа.", "Пример: obmen24 ask 1 2. Вопросы: obmen24 ask.")
    if not given.isdigit() or int(given) > count:
        raise ConfigError(f"Варианта {given} нет, их {count}.", "Посмотрите варианты: obmen24 ask.")
    return int(given)


def confirm(profile: Profile, numbers: Sequence[str]) -> Confirmed:
    """A person says that 1C accepted acts. Raises ConfigError, confirming none, where one is unknown."""
    with _written(profile) as store:
        known = store.accruals.states()
        unknown = [number for number in numbers if number not in known]
        if unknown:
            raise ConfigError(
                f"Таких актов нет: {', '.join(unknown)}.",
                "Номера актов стоят в файлах akty-*.xlsx, столбец «Ключ».",
            )
        store.accruals.mark(numbers, "confirmed")
    return Confirmed(tuple(numbers))


def retry(profile: Profile, files: Sequence[str]) -> Returned:
    """Put quarantined files back to be read once more: all, or those whose path ends with one of `files`."""
    returned = []
    with _written(profile) as store:
        now = dt.datetime.now(dt.UTC)
        exchange = pipeline.folder(profile, now)
        for row in store.files.listed("bad", direction="in"):
            place = row.stored_as or ""
            is_quarantined = place.startswith(QUARANTINE)
            if is_quarantined and _is_meant(row.name, place, files):
                exchange.requeue(place, row.name)
                store.files.mark("in", row.hash, "republished")
                returned.append(row.name)
    return Returned(tuple(returned))


def _is_meant(name: str, place: str, files: Sequence[str]) -> bool:
    """Whether `files` mean a file: by the name it came under or its place in quarantine, or their ends."""
    if not files:
        return True
    endings = tuple(f"/{one}" for one in files)
    known_as = (f"/{name}", f"/{place}")
    return any(path.endswith(endings) for path in known_as)


@contextmanager
def _written(profile: Profile) -> Iterator[Store]:
    """The state with its lock held: no run is under way while a person changes it. Raises TryLater."""
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store, store.lock():
        yield store
