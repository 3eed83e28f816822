"""Records of a directory towards 1C (extended contract): noted, written into their file, followed until 1C
shows them.

Life cycle as for documents (`etl.flows.publication`): a record stays in its file until 1C returns it or for
`resend` sessions. A file holds only what was changed: what it does not name, 1C keeps.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from etl import tables
from etl.flows.agreement import Key, Memory
from etl.flows.directories.comparison import Comparison
from etl.flows.directories.records import TITLES, Card
from etl.flows.publication import file as outgoing
from etl.flows.run import Record, Run
from etl.load.commerceml import write
from etl.state.columns import encode
from etl.transform import agreed
from etl.transform.comparison import is_refused, shown

#: Tables a record may put into its file, with what makes a row of each unique there.
TABLES = {
    "parties": ("id",),
    "accounts": ("party", "number"),
    "contacts": ("id",),
    "products": ("id",),
    "prices": ("product", "price_type"),
    "price_types": ("id",),
}
_WAITING = ("published", "assumed")


# ---- what a publication says
def value_for_1c(found: Comparison, key: Key, field: str) -> Any:
    """The value that a publication of a record says, see `agreed.for_1c`."""
    held = found.held[found.pairs[key[1]]].get(field)
    return agreed.for_1c(found.memory.get(key, field), held)


def known_fields(memory: Memory, key: Key, fields: Iterable[str]) -> list[str]:
    """Fields that were handed to 1C and not yet seen back: every new publication of the record carries them
    again.
    """
    return [field for field in fields if agreed.is_on_its_way(memory.get(key, field))]


def enqueue(run: Run, path: str, payloads: Mapping[str, Record]) -> None:
    """Note records to be published. In: id in 1C -> {tables, carries: [(entity, key, [fields])]}.

    Each has a value that 1C does not hold: also the same record as before goes out anew, where a value was
    put back that 1C had held once.
    """
    rows = [_row(path, *one) for one in payloads.items()]
    run.state.publications.put(rows, run.number, again=True)


def _row(path: str, origin: str, payload: Record) -> Record:
    """A publication: its hash says whether the file must be written again."""
    digest = hashlib.sha256(encode(payload).encode()).hexdigest()
    return {"path": path, "document": origin, "hash": digest, "payload": payload}


# ---- the file
def publish(run: Run, path: str) -> None:
    """Write the file if what it must hold has changed."""
    assume(run, path)
    _set_aside(run, [row for row in run.state.publications.outgoing(path) if row["state"] == "planned"])
    rows = run.state.publications.outgoing(path)
    currency = run.profile.onec.currency

    def content(target: BinaryIO, moment: dt.datetime) -> None:
        write.write(target, _frames(rows), run.profile.contract, generated_at=moment, currency=currency)

    outgoing.write_file(run, path, rows, content)
    run.journal.counts["published"] += sum(row["state"] == "planned" for row in rows)
    run.state.publications.published(path)


def _set_aside(run: Run, rows: Sequence[Record]) -> None:
    """A record that cannot stand in the file costs only itself: it is refused until somebody edits it."""
    if not rows or not _fault(run, rows):
        return
    for row in rows:
        if fault := _fault(run, [row]):
            run.state.publications.mark([row["id"]], "refused")
            run.journal.note([_unfit(fault, key) for key, _ in _carried(row)], "outgoing")


def _unfit(fault: str, key: Key) -> Record:
    """An issue about a card that the file cannot hold."""
    text = f"Карточку нельзя передать в 1С: {fault}. Исправьте её на портале."
    return tables.issue(text, entity=key[0], key=key[1])


def _fault(run: Run, rows: Sequence[Record]) -> str | None:
    """Why these records cannot stand in a file of 1C, in Russian; None when they can."""
    return write.unfit(_frames(rows), run.profile.contract, currency=run.profile.onec.currency)


def _frames(rows: Sequence[Record]) -> dict[str, Any]:
    """The tables of a file: a row that several publications hold stands there once, as the last one says."""
    frames: dict[str, Any] = {}
    for name, key in TABLES.items():
        told = _unique(_told(rows, name), key)
        if told:
            frames[name] = tables.frame(name, told)
    return frames


def _told(rows: Iterable[Record], table: str) -> Iterator[Record]:
    """Rows of one table that the publications hold."""
    for row in rows:
        yield from row["payload"]["tables"].get(table, ())


def _unique(rows: Iterable[Record], key: tuple[str, ...]) -> list[Record]:
    """The last row of each key, in the order of the first."""
    return list({tuple(row.get(name) for name in key): row for row in rows}.values())


def assume(run: Run, path: str) -> None:
    """Records 1C has had `resend` sessions for leave the file; nothing counts as agreed by that."""
    silent = run.state.publications.silent(run.profile.onec.resend, path)
    run.state.publications.mark(silent, "assumed")
    run.journal.counts["assumed"] += len(silent)


# ---- what 1C made of it
def judge(
    run: Run, path: str, memory: Memory, told: Mapping[Key, Card], pairs: Mapping[str, str]
) -> list[Record]:
    """Compare what 1C shows now with what was published: confirmed, or not accepted. Out: issues.

    `told`: records read in this run; memory is that after the merge, so a value still waiting in `sent` was
    not confirmed.
    """
    issues: list[Record] = []
    for origin, rows in run.state.publications.find({key for _, key in told}).items():
        waiting = [row for row in rows if row["path"] == path and row["state"] in _WAITING]
        for row in waiting:
            card = _shown(row, origin, told)
            if card is None:
                continue
            refused = list(_refused(row, memory, told))
            run.state.publications.mark([row["id"]], "refused" if refused else "echoed")
            _tell(run, origin, card, pairs, "refused" if refused else "echoed")
            issues += [_refusal(memory, key, field, told[key]) for key, field in refused]
    return issues


def _shown(row: Record, origin: str, told: Mapping[Key, Card]) -> Card | None:
    """The published record as a file made after the publication shows it; an older file proves nothing."""
    cards = [told[key] for key, _ in _carried(row) if key in told and key[1] == origin]
    if not cards or cards[0].seq <= int(row["published_at"].timestamp()):
        return None
    return cards[0]


def _refused(row: Record, memory: Memory, told: Mapping[Key, Card]) -> Iterator[tuple[Key, str]]:
    """Fields that 1C shows otherwise than we handed them over."""
    for key, fields in _carried(row):
        if key in told:
            values = told[key].values
            for field in fields:
                if is_refused(field, memory.get(key, field), values.get(field)):
                    yield key, field


def _tell(run: Run, origin: str, card: Card, pairs: Mapping[str, str], state: str) -> None:
    """The verdict on a publication as a step of the journal."""
    run.journal.counts[state] += 1
    words = {"refused": "1С не приняла правку", "echoed": "1С вернула запись"}
    row = {
        "entity": card.entity,
        "key": pairs.get(origin, origin).partition("_")[2] or origin,
        "action": state,
        "file": card.file,
        "document": origin,
        "reason": "сравнение с переданным",
        "message": words[state],
    }
    run.journal.tell([row])


def _refusal(memory: Memory, key: Key, field: str, card: Card) -> Record:
    """An issue about an edit that 1C did not take: it is not repeated, a person must look."""
    ours, theirs = shown(memory.get(key, field).tail), shown(card.values[field])
    return tables.issue(
        f"1С не приняла правку ({TITLES.get(field, field)}): у нас «{ours}», в 1С «{theirs}». "
        "Исправьте её в 1С вручную.",
        severity="warn",
        file=card.file,
        entity=key[0],
        key=key[1],
        field=field,
        value=theirs,
    )


def _carried(row: Record) -> list[tuple[Key, Sequence[str]]]:
    """Records of a publication with the fields that it hands over."""
    return [((entity, key), fields) for entity, key, fields in row["payload"]["carries"]]
