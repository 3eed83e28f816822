"""What 1C and people left in the exchange folder since the last run: taken, verified, read, and put away
after the commit.

A killed run leaves the file where it was; the next one reads it again, and every consumer writes facts that
are the same the second time. Staleness is judged per document: a late file is read, only documents already
seen newer are left out."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from etl import tables
from etl.config.profile import Profile
from etl.errors import Rejected
from etl.exchange.folder import SHEETS_IN, Taken
from etl.flows.publication import answers
from etl.flows.run import Context, Record
from etl.state.files import StoredFile, newer
from etl.state.schema import encode

_PATIENCE = 15 * 60
BANK_MARK = b"1CClientBankExchange"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of 1C in this run."""

    taken: Taken
    file: StoredFile
    generated_at: dt.datetime | None


def take(context: Context) -> list[Item]:
    """Take what has settled and read it into `context.read` and `context.receipts`. Files are put away by
    `finish`.

    Raises TryLater when the folder is not there.
    """
    for file in context.store.files.listed(
        "parsed", direction="in"
    ):  # a kill came between the move and its mark
        if place := context.exchange.find_archived(file.raw_hash or ""):
            context.store.files.mark("in", file.hash, "archived", stored_as=place)
    told: dict[str, Any] = {}
    look = context.exchange.take(lambda path, name: told.update({name: verify(path, name, context.profile)}))
    for bad in look.bad:
        _set_aside(context, bad.taken, bad.error)
    context.note(
        [
            tables.issue(f"Файл не взят: {reason}. Проверьте, кто его положил.", file=name)
            for name, reason in look.refused
        ],
        "intake",
    )
    context.note(
        [
            tables.issue(
                f"Файл не взят: {waiting.reason} уже {int(waiting.seconds // 60)} мин. Проверьте, кто его пишет.",
                severity="warn",
                file=waiting.name,
            )
            for waiting in look.waiting
            if waiting.seconds > _PATIENCE
        ],
        "intake",
    )
    items = [
        item for taken in look.taken if (item := _claim(context, taken, told.get(taken.name))) is not None
    ]
    items.sort(key=lambda item: (item.generated_at is None, item.generated_at or context.now, item.file.seq))
    newest: dict[str, Record] = {}
    for item in list(items):
        try:
            _read(context, item, newest)
        except Rejected as error:  # well-formed, and yet unreadable: a record of many megabytes
            items.remove(item)
            context.store.files.mark("in", item.file.hash, "bad", reason=str(error))
            _set_aside(context, item.taken, error)
    context.seen = [held["seen"] for held in newest.values()]
    context.read["documents"] = [tables.frame("documents", [held["row"] for held in newest.values()])]
    context.read["lines"] = [
        tables.frame("lines", [line for held in newest.values() for line in held["lines"]])
    ]
    return items


def finish(context: Context, items: list[Item]) -> None:
    """After the facts are committed: remember the documents, mark the files, move them into the archive."""
    with context.store.transaction():
        context.store.files.remember_documents(context.seen)
        for item in items:
            context.store.files.mark("in", item.file.hash, "parsed")
    for item in items:
        place = context.exchange.archive(item.taken)
        if place:
            context.store.files.mark("in", item.file.hash, "archived", stored_as=place)


def verify(path: Path, name: str, profile: Profile) -> Any:
    """Raise Rejected for a file that cannot be what its place says; what CommerceML says of itself is
    returned (FileInfo). Detection is by content, never by the ending."""
    if name.startswith(SHEETS_IN + "/"):
        with path.open("rb") as stream:
            head = stream.read(64)
        if BANK_MARK in head:
            from etl.extract.bank import read as bank

            bank.read(path, name=name)
            return None
        from etl.extract.spreadsheet import deal_export

        if (
            "spreadsheet-in" in profile.flows
        ):  # a table that is no deal export must not be archived as if it had been read
            deal_export.read_deals(
                path, name=name, columns=deal_export.columns(profile), required=deal_export.REQUIRED
            )
        return None
    from etl.extract.commerceml import read

    with path.open("rb") as stream:
        return read.verify(stream, name=name)


def _claim(context: Context, taken: Taken, info: Any) -> Item | None:
    """Note the file in the state. Content that is known and still the latest under its name is put away
    unread."""
    kind = _kind(taken)
    if kind not in ("1c", *context.profile.flows):
        context.note(
            [
                tables.issue(
                    f"В профиле нет потока {kind}: файл оставлен на месте. Добавьте поток в flows или уберите файл.",
                    file=taken.name,
                )
            ],
            "intake",
        )
        return None
    digest, moment = _identity(context, taken, info) if kind == "1c" else (taken.sha256, None)
    known = context.store.files.seen("in", digest)
    if kind == "1c" and moment is not None:
        answers.count_session(context, moment)
    if known and known.state in ("parsed", "archived") and known.latest:
        context.report.counts["files_known"] += 1
        context.exchange.archive(taken)
        return None
    context.report.counts["files_read"] += 1
    stored = context.store.files.take(
        "in", digest, taken.name, raw_hash=taken.sha256, run=context.run, generated_at=moment
    )
    return Item(taken, stored, moment)


def _kind(taken: Taken) -> str:
    """What the file is: `1c`, or the flow that reads what people put into spreadsheets/in."""
    if not taken.name.startswith(SHEETS_IN + "/"):
        return "1c"
    with taken.path.open("rb") as stream:
        return "bank" if BANK_MARK in stream.read(64) else "spreadsheet-in"


def _identity(context: Context, taken: Taken, info: Any) -> tuple[str, dt.datetime | None]:
    from etl.extract.commerceml import read

    with taken.path.open("rb") as stream:
        return read.content_hash(stream), aware(context, info.generated_at)


def aware(context: Context, moment: dt.datetime | None) -> dt.datetime | None:
    """1C writes local times without a zone."""
    if moment is None or moment.tzinfo:
        return moment
    return moment.replace(tzinfo=ZoneInfo(context.profile.onec.time_zone))


def _read(context: Context, item: Item, newest: dict[str, Record]) -> None:
    name = item.taken.name
    if _kind(item.taken) != "1c":
        _read_sheet(context, item)
        return
    found = _tables(context, item)
    context.note(found.pop("issues"), f"file:{name}")
    documents, lines = found.pop("documents"), found.pop("lines")
    context.report.counts["documents_read"] += len(documents)
    context.walked.append(documents)
    context.moments[name] = item.generated_at
    for table, part in found.items():
        context.read.setdefault(table, []).append(part)
    parties = found["parties"][found["parties"]["document"].notna()]
    _note_versions(
        context, item, documents, {"lines": _by_document(lines), "parties": _by_document(parties)}, newest
    )


_OF_DOCUMENTS = ("documents", "lines", "parties", "issues")
_OF_DIRECTORIES = ("accounts", "contacts", "products", "price_types", "prices")


def _tables(context: Context, item: Item) -> dict[str, Any]:
    """The tables some flow of the profile wants, whole; the rest is dropped chunk by chunk, so a catalogue
    nobody asked for costs no memory. Raises Rejected."""
    from etl.extract.commerceml import read

    directories = context.profile.orders or {"parties", "products"} & set(context.profile.flows)
    wanted = (*_OF_DOCUMENTS, *(_OF_DIRECTORIES if directories else ()))
    parts: dict[str, list[Any]] = {name: [] for name in wanted}
    with item.taken.path.open("rb") as stream:
        for table, part in read.read(stream, name=item.taken.name):
            if table in parts:
                parts[table].append(
                    part if directories or table != "parties" else part[part["document"].notna()]
                )
    return {name: tables.concat(name, found) for name, found in parts.items()}


def _read_sheet(context: Context, item: Item) -> None:
    if _kind(item.taken) == "spreadsheet-in":
        context.spreadsheets.append(item.taken.path)
        return
    from etl.extract.bank import read as bank

    receipts, issues, _ = bank.read(item.taken.path, name=item.taken.name)
    context.note(issues, f"file:{item.taken.name}")
    context.receipts.append(receipts)
    context.report.counts["receipts_read"] += len(receipts)


def _note_versions(
    context: Context,
    item: Item,
    documents: Any,
    parts: dict[str, dict[str, list[Record]]],
    newest: dict[str, Record],
) -> None:
    rows = tables.records(documents)
    known = context.store.files.document_versions(row["id"] for row in rows)
    for row in rows:
        lines, parties = (parts[name].get(row["id"], []) for name in ("lines", "parties"))
        # orders are compared and waited for in later runs, charges are not: their register is ours
        payload = {"row": row, "lines": lines, "parties": parties} if context.profile.orders else None
        seen = {
            "id": row["id"],
            "version": row["version"],
            "generated_at": item.generated_at,
            "seq": item.file.seq,
            "hash": _hash(row, lines),
            "payload": payload,
        }
        before = newest.get(row["id"], {}).get("seen") or known.get(row["id"])
        if newer(seen, before):
            newest[row["id"]] = {"seen": seen, "row": row, "lines": lines}


def _by_document(found: Any) -> dict[str, list[Record]]:
    held: dict[str, list[Record]] = {}
    for row in tables.records(found):
        held.setdefault(row["document"], []).append(row)
    return held


def _hash(row: Record, lines: list[Record]) -> str:
    plain = [
        {name: value for name, value in one.items() if name not in ("file", "place")} for one in (row, *lines)
    ]
    return hashlib.sha256(encode(plain).encode()).hexdigest()


def _set_aside(context: Context, taken: Taken, error: Rejected) -> None:
    place = context.exchange.quarantine(taken, error)
    if place is None:
        return  # it changed meanwhile: the new version is looked at next time
    context.report.counts["files_bad"] += 1
    stored = context.store.files.take("in", taken.sha256, taken.name, raw_hash=taken.sha256, run=context.run)
    context.store.files.mark("in", stored.hash, "bad", reason=str(error), stored_as=place)
    context.note(
        [tables.issue(f"Файл отложен в {place}: {error}", file=taken.name, place=error.place or None)],
        "intake",
    )
