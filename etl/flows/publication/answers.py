"""Documents towards 1C: noted in the state, written into the file of their dialect, followed until they are
seen back.

1C never removes what it has read and never acknowledges, so a document stays in its file until 1C returns it,
or until `resend` sessions of 1C have passed. An unchanged set of documents gives the same bytes and is not
written again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pandas as pd

from etl import tables
from etl.config.dialects import DIALECTS, Dialect
from etl.exchange.folder import ARCHIVE
from etl.flows.run import Record, Run
from etl.load.commerceml import write as commerceml
from etl.state.schema import encode
from etl.values import keys

#: Prefix of archived copies of what was sent, so that nobody takes them for files of 1C.
SENT = "sent-"
_SESSION, _ONE_SESSION = "last-session", dt.timedelta(seconds=30)
#: Links of this entity remember 1C's own number of a document of ours; they bind nothing.
PRINTED = "printed"
_ORDER_FILES = {dialect.order_path: dialect for dialect in DIALECTS.values() if dialect.order_path}
_TABLES = ("documents", "lines", "parties")
#: Publications compared with what 1C returned at a time.
_PART = 400


def dialect_of(run: Run) -> Dialect:
    """The dialect of the files we write: the extended contract where the profile has it, else that of the
    configuration."""
    return run.profile.contract if run.profile.onec.extended else run.profile.dialect


def enqueue(run: Run, found: Mapping[str, Any]) -> dict[str, int]:
    """Note documents to be sent. In: frames `documents`, `lines`, `parties` of `transform.documents`, main
    documents without `basis` each with what is based on them. Out: number -> publication id. Documents the
    dialect cannot write become issues."""
    dialect = dialect_of(run)
    if dialect.order_path is None:
        return {}
    bad = refused(run, found)
    groups = {number: group for number, group in _groups(found).items() if number not in bad}
    rows = [
        {"path": dialect.order_path, "document": number, "hash": _hash(group), "payload": group}
        for number, group in groups.items()
    ]
    ids = run.state.publications.put(rows, run.number)
    return {document: publication for (_, document), publication in ids.items()}


def refused(run: Run, found: Mapping[str, Any]) -> set[str]:
    """Numbers of main documents the dialect's file cannot hold, they or what is based on them; each is an
    issue. Ask before anything about them is recorded."""
    issues = commerceml.problems(
        found,
        dialect_of(run),
        day=run.clock.today,
        vat_rates=run.profile.onec.vat_rates,
        currency=run.profile.onec.currency,
    )
    run.journal.note(issues, "outgoing")
    bad = {row["key"] for row in tables.records(issues) if row["severity"] == "reject"}
    return (
        {
            number
            for number, group in _groups(found).items()
            if bad & {row["id"] for row in group["documents"]}
        }
        if bad
        else set()
    )


def publish(run: Run) -> int:
    """Write the outgoing file if what it must hold has changed. Returns how many documents were published
    now."""
    dialect = dialect_of(run)
    path = dialect.order_path
    if path is None:
        return 0
    _change_route(run, path)
    rows = run.state.publications.listed_in(path)
    write_file(
        run,
        path,
        rows,
        lambda target, at: commerceml.write_parts(
            target, _parts(run, rows), dialect, generated_at=at, currency=run.profile.onec.currency
        ),
    )
    fresh = [row for row in rows if row["state"] == "planned"]
    run.state.publications.published(path)
    run.journal.counts["published"] += len(fresh)
    run.journal.tell(
        {
            "entity": "document",
            "key": row["document"],
            "action": "published",
            "file": path,
            "after": "published",
            "message": "Документ записан в файл для 1С",
        }
        for row in fresh
    )
    return len(fresh)


def _change_route(run: Run, path: str) -> None:
    """The profile now writes another file (another dialect or contract): what waits in the former one moves,
    and that file is emptied, or 1C would load both."""
    waiting = run.state.publications.paths("planned", "published")
    for former in sorted(waiting & _ORDER_FILES.keys() - {path}):
        rows = run.state.publications.listed_in(former)
        payloads = [
            payload for part in run.state.publications.payloads(row["id"] for row in rows) for payload in part
        ]
        with run.state.transaction():
            run.state.publications.put(
                [
                    {"path": path, "document": row["document"], "hash": row["hash"], "payload": payload}
                    for row, payload in zip(rows, payloads, strict=True)
                ],
                run.number,
            )
            run.state.publications.mark([row["id"] for row in rows], "assumed")
        dialect = _ORDER_FILES[former]
        write_file(run, former, [], partial(_empty, dialect))


def _empty(dialect: Dialect, target: BinaryIO, at: dt.datetime) -> None:
    commerceml.write(target, {}, dialect, generated_at=at)


def seen_back(
    run: Run,
    documents: list[Record],
    lines: pd.DataFrame,
    generated_at: Mapping[str, dt.datetime | None],
) -> None:
    """Compare documents of 1C with what was sent. In: records of `documents` read now, file -> its moment
    (aware).

    The same amount (or a cancellation we asked for) confirms; another amount in a file written after our
    publication means that 1C did not accept the change."""
    told, sums = {(row["number"], row["kind"]): row for row in documents}, _line_sums(lines)
    numbers = list(dict.fromkeys(row["number"] for row in documents if row["number"]))
    sent: set[str] = set()
    for start in range(
        0, len(numbers), _PART
    ):  # with their payloads, all of them would be many times the file
        found = run.state.publications.find(numbers[start : start + _PART])
        sent |= found.keys()
        for held in (
            one for rows in found.values() for one in rows if one["state"] in ("published", "assumed")
        ):
            if row := told.get((held["document"], held["payload"]["documents"][0]["kind"])):
                _judge(run, held, row, sums, generated_at.get(row["file"]))
    run.state.links.put(
        [
            {
                "entity": PRINTED,
                "foreign_id": f"{row['kind']}|{row['number']}",
                "number": row["number_1c"],
                "state": "gone",
            }
            for row in documents
            if row["number"] in sent and row["number_1c"]
        ]
    )


def printed_numbers(run: Run) -> dict[str, list[str]]:
    """Our number -> the numbers under which 1C prints that document: what people quote when they pay."""
    found: dict[str, list[str]] = {}
    for link in run.state.links.all(PRINTED):
        found.setdefault(link["foreign_id"].partition("|")[2], []).append(link["number"])
    return found


def count_session(run: Run, moment: dt.datetime) -> None:
    """1C has exported at `moment` (aware), so it has read what was published before. The files of one session
    carry moments seconds apart, and a file may be met twice: a session counts when it is later than the last
    one by more than that."""
    last = run.state.files.cursor(_SESSION)
    if last is None or moment - dt.datetime.fromisoformat(last) > _ONE_SESSION:
        run.state.publications.count_session(moment.isoformat(), before=moment)
        run.state.files.set_cursor(_SESSION, moment.isoformat())


def assume(run: Run) -> None:
    """Documents 1C has had `resend` sessions for are taken as accepted and leave the file; no money rests on
    it."""
    silent = run.state.publications.silent(run.profile.onec.resend)
    run.state.publications.mark(silent, "assumed")
    run.journal.counts["assumed"] += len(silent)


def judge_silent(run: Run, documents: Any, lines: Any) -> None:
    """Documents that 1C had its `resend` sessions for and did not tell anew: what it told last says whether
    it took them.

    In: what 1C has told so far (`documents`, `lines`). A document it never told stays for `assume`.
    """
    told, sums = {(row["number"], row["kind"]): row for row in tables.records(documents)}, _line_sums(lines)
    for held in run.state.publications.listed("published", sessions=run.profile.onec.resend):
        row = (
            told.get((held["document"], held["payload"]["documents"][0]["kind"]))
            if "documents" in held["payload"]
            else None
        )
        if row:
            _judge(run, held, row, sums, None)


def _judge(
    run: Run, held: Record, row: Record, sums: Mapping[str, Counter[Any]], written: dt.datetime | None
) -> None:
    main = held["payload"]["documents"][0]
    late = written is not None and held["published_at"] is not None and written < held["published_at"]
    same = row["amount"] == main.get("amount") or (
        bool(main.get("cancelled")) and bool(row["cancelled"] or row["deleted"])
    )
    same = same and (not _edited_again(main) or _same_lines(held, main, row, sums))
    if late and (not same or _edited_again(main) or _termination(main) != _termination(row)):
        return  # an older export proves nothing
    state = "echoed" if same else "refused"
    run.state.publications.mark([held["id"]], state)
    run.journal.counts[state] += 1
    run.journal.tell(
        [
            {
                "entity": "document",
                "key": held["document"],
                "action": state,
                "file": row["file"],
                "document": row["number_1c"],
                "before": held["state"],
                "after": state,
                "message": "1С вернула документ" if same else "1С не приняла правку",
            }
        ]
    )
    if not same:
        run.journal.note(
            [
                tables.issue(
                    f"1С не приняла правку: у нас {_money(main.get('amount'))}, в 1С {_money(row['amount'])}. "
                    "Исправьте документ в 1С вручную.",
                    severity="warn",
                    file=row["file"],
                    entity="document",
                    key=held["document"],
                    field="amount",
                    value=row["amount"],
                )
            ],
            "outgoing",
        )


def _termination(document: Mapping[str, Any]) -> str | None:
    """«Дата расторжения» of a charge: what a charge is sent again for with the same sum."""
    found: str | None = (document.get("requisites") or {}).get("Дата расторжения")
    return found


def _money(amount: Any) -> str:
    return "без суммы" if amount is None else f"{amount:.2f}"


def _edited_again(main: Record) -> bool:
    """True for an order or invoice of a deal: it goes again with any edit, so an export made before our
    publication may tell the former text of the same sum. Other documents go again with another sum only, and
    1C's clock may be behind ours."""
    key = keys.decode(main["number"])
    return key is None or key.kind in ("order", "invoice")


def _line_sums(lines: Any) -> dict[str, Counter[Any]]:
    """Id of a document -> the sums of its lines, each with how often it occurs; a line may be told without a
    sum."""
    found: dict[str, Counter[Any]] = {}
    for line in tables.each(lines):
        found.setdefault(line["document"], Counter())[line["amount"]] += 1
    return found


def _same_lines(held: Record, main: Record, row: Record, sums: Mapping[str, Counter[Any]]) -> bool:
    """Whether 1C shows the line sums we sent; a document told without lines says nothing about them."""
    told = sums.get(row["id"])
    return not told or told == Counter(
        line.get("amount") for line in held["payload"]["lines"] if line["document"] == main["id"]
    )


def _groups(found: Mapping[str, Any]) -> dict[str, Record]:
    """Documents with everything based on them, by the number of the main one."""
    rows = {name: tables.records(found[name]) for name in _TABLES}
    ids = {row["id"]: row for row in rows["documents"]}
    main = {row["id"]: row["basis"] if row["basis"] in ids else row["id"] for row in rows["documents"]}
    groups: dict[str, Record] = {}
    for row in rows["documents"]:
        groups.setdefault(ids[main[row["id"]]]["number"], {name: [] for name in _TABLES})["documents"].append(
            _present(row)
        )
    for name in ("lines", "parties"):
        for row in rows[name]:
            groups[ids[main[row["document"]]]["number"]][name].append(_present(row))
    return groups


def _present(row: Record) -> Record:
    return {name: value for name, value in row.items() if value is not None}


def _hash(group: Record) -> str:
    return hashlib.sha256(encode(group).encode()).hexdigest()


class _Stamp(NamedTuple):
    """ДатаФормирования of a file: the moment its set of documents last changed; `written` = the file with it
    lies there."""

    documents: str
    at: dt.datetime
    written: bool


def _stamp(run: Run, path: str, rows: Iterable[Record]) -> _Stamp | None:
    """None: there has never been anything to send."""
    listed = [[row["document"], row["hash"]] for row in rows]
    signature = hashlib.sha256(json.dumps(listed).encode()).hexdigest() if listed else "empty"
    known = json.loads(run.state.files.cursor(f"outgoing:{path}") or "null")
    if known and known["documents"] == signature:
        file = run.folder.folder / path
        return _Stamp(
            signature,
            dt.datetime.fromisoformat(known["at"]),
            file.is_file() and _digest(file) == known["sha256"],
        )
    return None if known is None and not listed else _Stamp(signature, run.clock.local, written=False)


def write_file(
    run: Run, path: str, rows: Sequence[Record], write: Callable[[BinaryIO, dt.datetime], None]
) -> None:
    """A file for 1C and a copy of it in the archive, unless the same set of records (document, hash) lies
    there already.

    `write(stream, moment)` writes it. The moment is noted first, so that a killed run repeats the same bytes;
    nothing is written while there has never been anything to send."""
    stamp = _stamp(run, path, rows)
    if stamp is None or stamp.written:
        return
    cursor = {"documents": stamp.documents, "at": stamp.at.isoformat(), "sha256": None}
    run.state.files.set_cursor(f"outgoing:{path}", json.dumps(cursor))
    published = run.folder.publish(path, lambda target: write(target, stamp.at))
    if published.changed:
        run.wrote(published.path)
    if rows:
        name = f"{SENT}{stamp.at:%Y%m%dT%H%M%S}-{published.path.name}"
        run.folder.publish(
            f"{ARCHIVE}/{stamp.at:%Y-%m}/{name}", lambda target: copied(published.path, target)
        )
    run.state.files.set_cursor(f"outgoing:{path}", json.dumps(cursor | {"sha256": published.sha256}))


def _parts(run: Run, rows: Sequence[Record]) -> Iterator[dict[str, Any]]:
    for payloads in run.state.publications.payloads(row["id"] for row in rows):
        yield {
            name: tables.frame(name, [row for payload in payloads for row in payload[name]])
            for name in _TABLES
        }


def copied(source: Path, target: BinaryIO) -> None:
    """The bytes of a file that was just published, for its copy in the archive."""
    with source.open("rb") as stream:
        shutil.copyfileobj(stream, target)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
