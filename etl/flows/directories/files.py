"""Records of a directory towards 1C (extended contract): noted, written into their file, followed until 1C
shows them.

Life cycle as for documents (`etl.flows.publication.answers`): a record stays in its file until 1C returns it
or for `resend` sessions. A file holds only what was changed: what it does not name, 1C keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etl import tables
from etl.flows.agreement import Key, Memory
from etl.flows.directories import fields as directory_fields
from etl.flows.directories.records import TITLES, Card
from etl.flows.publication.file import write_file
from etl.flows.run import Record, Run
from etl.load.commerceml import write
from etl.state.schema import encode
from etl.transform.merge import ABSENT

#: Tables a record may put into its file, with what makes a row of each unique there.
TABLES = {
    "parties": ("id",),
    "accounts": ("party", "number"),
    "contacts": ("id",),
    "products": ("id",),
    "prices": ("product", "price_type"),
    "price_types": ("id",),
}


def enqueue(run: Run, path: str, payloads: Mapping[str, Record]) -> None:
    """Note records to be published. In: id in 1C -> {tables, carries: [(entity, key, [fields])]}."""
    rows = [
        {
            "path": path,
            "document": origin,
            "hash": hashlib.sha256(encode(payload).encode()).hexdigest(),
            "payload": payload,
        }
        for origin, payload in payloads.items()
    ]
    run.state.publications.put(rows, run.number)


def publish(run: Run, path: str) -> None:
    """Write the file if what it must hold has changed."""
    assume(run, path)
    _set_aside(run, [row for row in run.state.publications.outgoing(path) if row["state"] == "planned"])
    rows = run.state.publications.outgoing(path)
    write_file(
        run,
        path,
        rows,
        lambda target, at: write.write(
            target,
            _frames(rows),
            run.profile.contract,
            generated_at=at,
            currency=run.profile.onec.currency,
        ),
    )
    run.journal.counts["published"] += sum(row["state"] == "planned" for row in rows)
    run.state.publications.published(path)


def _set_aside(run: Run, rows: Sequence[Record]) -> None:
    """A record that cannot stand in the file costs only itself: it is refused until somebody edits it."""
    if not rows or not _fault(run, rows):
        return
    faults = [(row, fault) for row in rows if (fault := _fault(run, [row]))]
    run.state.publications.mark([row["id"] for row, _ in faults], "refused")
    run.journal.note(
        [
            tables.issue(
                f"Карточку нельзя передать в 1С: {fault}. Исправьте её на портале.", entity=entity, key=key
            )
            for row, fault in faults
            for (entity, key), _ in _carried(row)
        ],
        "outgoing",
    )


def _fault(run: Run, rows: Sequence[Record]) -> str | None:
    return write.unfit(_frames(rows), run.profile.contract, currency=run.profile.onec.currency)


def _frames(rows: Sequence[Record]) -> dict[str, Any]:
    return {
        name: tables.frame(
            name, _unique((one for row in rows for one in row["payload"]["tables"].get(name, ())), key)
        )
        for name, key in TABLES.items()
    }


def assume(run: Run, path: str) -> None:
    """Records 1C has had `resend` sessions for leave the file; nothing counts as agreed by that."""
    silent = run.state.publications.silent(run.profile.onec.resend, path)
    run.state.publications.mark(silent, "assumed")
    run.journal.counts["assumed"] += len(silent)


def judge(
    run: Run, path: str, memory: Memory, told: Mapping[Key, Card], pairs: Mapping[str, str]
) -> list[Record]:
    """Compare what 1C shows now with what was published: confirmed, or not accepted. Out: issues.

    `told`: records read in this run; memory is that after the merge, so a value still waiting in `sent` was
    not confirmed."""
    issues = []
    for origin, rows in run.state.publications.find({key for _, key in told}).items():
        for row in (one for one in rows if one["path"] == path and one["state"] in ("published", "assumed")):
            shown = [(key, told[key]) for key, _ in _carried(row) if key in told and key[1] == origin]
            if not shown or shown[0][1].seq <= int(row["published_at"].timestamp()):
                continue
            refused = [
                (key, field)
                for key, fields in _carried(row)
                if key in told
                for field in fields
                if _differs(memory, key, field, told[key].values.get(field))
            ]
            state = "refused" if refused else "echoed"
            run.state.publications.mark([row["id"]], state)
            run.journal.counts[state] += 1
            run.journal.tell(
                [
                    {
                        "entity": shown[0][0][0],
                        "key": pairs.get(origin, origin).partition("_")[2] or origin,
                        "action": state,
                        "file": shown[0][1].file,
                        "document": origin,
                        "reason": "сравнение с переданным",
                        "message": "1С не приняла правку" if refused else "1С вернула запись",
                    }
                ]
            )
            issues += [_refusal(memory, key, field, told[key]) for key, field in refused]
    return issues


def _carried(row: Record) -> list[tuple[Key, Sequence[str]]]:
    return [((entity, key), fields) for entity, key, fields in row["payload"]["carries"]]


def _differs(memory: Memory, key: Key, field: str, shown: Any) -> bool:
    known = memory.get(key, field)
    return (
        shown is not None
        and bool(known.sent)
        and known.tail is not None
        and not directory_fields.same(field, shown, known.tail)
    )


def _refusal(memory: Memory, key: Key, field: str, card: Card) -> Record:
    ours, theirs = (
        directory_fields.shown(value) for value in (memory.get(key, field).tail, card.values[field])
    )
    return tables.issue(
        f"1С не приняла правку ({TITLES.get(field, field)}): у нас «{ours}», в 1С «{theirs}». Исправьте её в 1С вручную.",
        severity="warn",
        file=card.file,
        entity=key[0],
        key=key[1],
        field=field,
        value=theirs,
    )


def _unique(rows: Iterable[Record], key: tuple[str, ...]) -> list[Record]:
    return list({tuple(row.get(name) for name in key): row for row in rows}.values())


def known_fields(memory: Memory, key: Key, fields: Iterable[str]) -> list[str]:
    """Fields that were handed to 1C and not yet seen back: every new publication of the record carries them
    again."""
    return [
        field
        for field in fields
        if memory.get(key, field).sent and memory.get(key, field).tail not in (None, ABSENT)
    ]
