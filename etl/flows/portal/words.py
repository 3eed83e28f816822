"""What people are told on the portal: a comment in a deal, a word to its responsible.

Each is said once for ever and waits in the outbox until it is: what it is about will not be derived again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from etl.bitrix24 import directory
from etl.bitrix24.calls import by_text
from etl.bitrix24.fields import DEAL
from etl.bitrix24.lists.listing import Row
from etl.bitrix24.lists.reading import of_owners
from etl.bitrix24.writes import Result
from etl.errors import ConfigError
from etl.flows.portal.desk import Desk, Keyed, note, outcome
from etl.flows.portal.writers import change
from etl.flows.run import Record, Run
from etl.load.bitrix24 import notes

#: under which a noted intent keeps its words
_TEXT = "say"
_NOBODY = "у сделки нет ответственного, назначьте его"
_GONE = "сделки на портале больше нет"


def commented(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """Comments in the timeline of deals; the same text stands there once."""
    keyed = _unsaid(desk, "comment", {f"comment:{row['key']}:{row['after']}": row for row in rows})
    comments = [notes.Comment(key, row["key"], row["after"]) for key, row in keyed.items()]
    for result in notes.comment(desk.client, comments, desk.outbox):
        yield outcome(keyed[result.key], result)


def notified(desk: Desk, rows: Sequence[Record]) -> Iterator[Record]:
    """A word to the employee whom the portal names as responsible now, once for each reason («сотруднику с
    ролью “Ответственный”», specification 002).
    """
    keyed = _unsaid(desk, "notify", {f"notify:{row['key']}:{row['reason']}": row for row in rows})
    deals = _deals(desk, {row["key"] for row in keyed.values()})
    notices: list[notes.Notice] = []
    for key, row in keyed.items():
        deal = deals.get(row["key"])
        person = str((deal or {}).get("assignedById") or "0")  # 0: nobody
        if deal is None:
            desk.outbox.done(key, None)
            yield outcome(row, Result(key, "skipped", None, _GONE))
        elif person == "0":
            yield outcome(row, Result(key, "failed", None, _NOBODY))
        else:
            notices.append(notes.Notice(key, person, row["after"]))
    to = {notice.key: notice.user for notice in notices}
    for result in _sent(desk, notices):
        yield outcome(keyed[result.key] | {"before": to[result.key]}, result)


def _sent(desk: Desk, notices: Sequence[notes.Notice]) -> Iterator[Result]:
    """Notifications sent. A webhook without the right to send any (scope `im`) stops no exchange: the remark
    says what the portal lacks.
    """
    results: list[Result] = []
    problem = ""
    try:
        for result in notes.notify(desk.client, notices, desk.outbox):
            results.append(result)
    except ConfigError as error:
        problem = str(error).rstrip(".")
    sent: dict[str, Result] = {}
    for result in results:
        if not problem or result.status != "skipped":
            sent[result.key] = result
    for notice in notices:
        unsent = Result(notice.key, "failed", None, problem)
        yield sent.get(notice.key, unsent)


def waiting(run: Run) -> Iterator[Record]:
    """Changes (action notify, comment) of earlier runs that were not said; one of this run was just tried."""
    unsaid = run.state.outbox.listed("new", "doubt", "failed", methods=("notify", "comment"))
    for row in unsaid:
        text = _text(row)
        tried = row["attempted_at"]
        if text is not None and (tried is None or tried < run.clock.now):
            deal, action = row["entity_key"], row["method"]
            reason = row["key"].removeprefix(f"{action}:{deal}:")
            yield change("deal", deal, action, text, reason)


def _unsaid(desk: Desk, method: str, keyed: Keyed) -> dict[str, Record]:
    """Words that were not said yet, noted. What waits already is said as it was noted first: the title of a
    deal may have changed since.
    """
    unsaid: dict[str, Record] = {}
    for key, row in keyed.items():
        before = desk.run.state.outbox.find(key)
        if before and before["state"] == "done":
            continue
        said, payload = row["after"], {_TEXT: row["after"]}
        if before:  # as it was noted first: older versions noted something else
            said = _text(before) or said
            payload = before["payload"]
        unsaid[key] = row | {"after": said, "payload": payload}
    note(desk, method, unsaid, lambda row: row["payload"])
    return unsaid


def _text(intent: Record) -> str | None:
    """The words of a noted intent; older versions kept none to be said later."""
    text: str | None = (intent["payload"] or {}).get(_TEXT)
    return text


def _deals(desk: Desk, numbers: Iterable[str]) -> Mapping[str, Row]:
    """The responsible of deals as they stand now: a deal made a moment ago got one from the portal."""
    listing = directory.items(DEAL, select=["id", "assignedById"])
    return by_text(of_owners(desk.client, listing, "@id", numbers), "id")
