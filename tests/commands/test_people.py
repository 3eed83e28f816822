"""What a person decides, as data: answers, links, confirmed acts; what cannot be decided says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.commands import journal, people
from etl.config import profile as profiles
from etl.config.profile import Profile
from etl.errors import ConfigError
from etl.state.store import Store
from tests.support import scenario


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A profile with two open questions and nothing else in its state."""
    loaded = profiles.load(scenario.copied(tmp_path, "video"))
    with Store.open(loaded.state_url, portal=loaded.bitrix24.name) as store:
        candidates = [{"id": "9", "text": "ООО «А»"}, {"id": "10", "text": "ООО «Б»"}]
        store.questions.ask(
            [
                {"key": "record:7", "entity": "parties", "text": "Кто это?", "candidates": candidates},
                {"key": "receipt:1", "entity": "bank", "text": "За что?", "candidates": ["В-101/26"]},
            ]
        )
    return loaded


def answers(profile: Profile) -> dict[str, object]:
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store:
        return store.questions.answers()


def test_questions_have_numbers_and_texts_of_candidates(profile: Profile) -> None:
    found = {question.key: question for question in people.questions(profile)}
    assert sorted(question.number for question in found.values()) == [1, 2]
    assert found["record:7"].candidates == ("ООО «А»", "ООО «Б»")
    assert found["receipt:1"].candidates == ("В-101/26",)


def test_an_answer_is_a_candidate_or_none_of_them(profile: Profile) -> None:
    number = next(one.number for one in people.questions(profile) if one.key == "record:7")
    assert people.answer(profile, str(number), "2") == people.Answered("record:7", 2)
    assert people.answer(profile, "receipt:1", "0") == people.Answered("receipt:1", 0)
    assert answers(profile) == {"record:7": {"id": "10", "text": "ООО «Б»"}, "receipt:1": {"id": None}}
    assert people.questions(profile) == []


@pytest.mark.parametrize(
    ("question", "given", "said"),
    [
        ("99", "1", "Вопроса 99 нет. Список вопросов: obmen24 ask."),
        ("record:7", None, "Не указан вариант ответа. Пример: obmen24 ask 1 2. Вопросы: obmen24 ask."),
        ("record:7", "3", "Варианта 3 нет, их 2. Посмотрите варианты: obmen24 ask."),
        ("record:7", "x", "Варианта x нет, их 2. Посмотрите варианты: obmen24 ask."),
    ],
)
def test_what_is_no_answer_changes_nothing(
    profile: Profile, question: str, given: str | None, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        people.answer(profile, question, given)
    assert str(refused.value).replace("\n", " ") == said
    assert answers(profile) == {}


def test_an_unknown_act_is_named(profile: Profile) -> None:
    with pytest.raises(ConfigError, match=r"Таких актов нет: A1-7, A1-8\."):
        people.confirm(profile, ("A1-7", "A1-8"))


def test_an_empty_quarantine_returns_nothing(profile: Profile) -> None:
    assert people.retry(profile, ()) == people.Returned(())


def test_the_journal_and_the_open_remarks_are_data(profile: Profile) -> None:
    with Store.open(profile.state_url, portal=profile.bitrix24.name) as store, store.lock():
        run = store.runs.begin("test", ())
        store.runs.journal(
            run, [{"entity": "deal", "key": "5", "action": "stage", "before": "А", "after": "Б"}]
        )
        store.runs.add_issues(run, [{"severity": "warn", "file": "a.xml", "message": "Смотрите."}])
        store.runs.finish(run, "attention")
    (step,) = journal.why(profile, "deal", "5")
    assert (step.run, step.action, step.before, step.after, step.message) == (run, "stage", "А", "Б", None)
    assert journal.why(profile, "deal", "6") == []
    (remark,) = journal.remarks(profile)
    assert (remark.level, remark.file, remark.message) == ("warn", "a.xml", "Смотрите.")
