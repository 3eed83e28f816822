"""What 1C and people left in the exchange folder since the last run: taken, verified, read, and put away
after the commit.

A killed run leaves the file where it was; the next one reads it again, and every consumer writes facts that
are the same the second time. Staleness is judged per document: a late file is read, only documents already
seen newer are left out.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from etl import tables
from etl.config.profile import Profile
from etl.errors import Rejected
from etl.exchange.folder import SHEETS_IN, Taken
from etl.flows import versions
from etl.flows.publication import answers
from etl.flows.reading import Item, Reading
from etl.flows.run import Run
from etl.flows.versions import Origin, Versions
from etl.records import Document, Receipt

SCOPE = "intake"
BANK_MARK = b"1CClientBankExchange"
_PATIENCE = 15 * 60
_OF_DOCUMENTS = ("documents", "lines", "parties", "issues")
_OF_DIRECTORIES = ("accounts", "contacts", "products", "price_types", "prices")


@dataclass(slots=True)
class _Read:
    """What has been read so far, file by file."""

    versions: Versions = field(default_factory=Versions)
    parts: defaultdict[str, list[pd.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    moments: dict[str, dt.datetime | None] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    spreadsheets: list[Path] = field(default_factory=list)

    def whole(self, items: Sequence[Item]) -> Reading:
        """The reading of all files: of each document its newest text only."""
        newest = self.versions.newest.values()
        found = {name: tables.concat(name, parts) for name, parts in self.parts.items()}
        return Reading(
            documents=self.versions.documents,
            lines=[line for one in newest for line in one.lines],
            met=self.versions.met,
            tables=found,
            seen=[one.seen for one in newest],
            moments=self.moments,
            receipts=self.receipts,
            spreadsheets=self.spreadsheets,
            items=items,
        )


def take(run: Run) -> Reading:
    """Take what has settled and read it. The files are put away by `finish`.

    Raises TryLater when the folder is not there.
    """
    _mark_moved(run)
    told: dict[str, Any] = {}

    def check(path: Path, name: str) -> None:
        """What a file says of itself is kept: it is claimed after all files have been looked at."""
        told[name] = verify(path, name, run.profile)

    look = run.folder.take(check)
    for bad in look.bad:
        _set_aside(run, bad.taken, bad.error)
    for name, reason in look.refused:
        _note(run, f"Файл не взят: {reason}. Проверьте, кто его положил.", name)
    for waiting in look.waiting:
        if waiting.seconds > _PATIENCE:
            minutes = int(waiting.seconds // 60)
            text = f"Файл не взят: {waiting.reason} уже {minutes} мин. Проверьте, кто его пишет."
            _note(run, text, waiting.name, severity="warn")
    claimed = [_claim(run, taken, told.get(taken.name)) for taken in look.taken]
    items = sorted((item for item in claimed if item), key=_moment_of(run))
    return _read_all(run, items)


def _mark_moved(run: Run) -> None:
    """A kill may come between the move of a file into the archive and its mark in the state."""
    for file in run.state.files.listed("parsed", direction="in"):
        if place := run.folder.find_archived(file.raw_hash or ""):
            run.state.files.mark("in", file.hash, "archived", stored_as=place)


def _moment_of(run: Run) -> Any:
    """Files in the order in which 1C wrote them; those that do not say when come last, in the order of
    intake.
    """
    return lambda item: (item.generated_at is None, item.generated_at or run.clock.now, item.file.seq)


def _read_all(run: Run, items: Sequence[Item]) -> Reading:
    read, good = _Read(), []
    for item in items:
        try:
            _read_file(run, item, read)
        except Rejected as error:  # well-formed, and yet unreadable: a record of many megabytes
            run.state.files.mark("in", item.file.hash, "bad", reason=str(error))
            _set_aside(run, item.taken, error)
        else:
            good.append(item)
    return read.whole(good)


def finish(run: Run, reading: Reading) -> None:
    """After the facts are committed: remember the documents, mark the files, move them into the archive."""
    with run.state.transaction():
        run.state.files.remember_documents(reading.seen)
        for item in reading.items:
            run.state.files.mark("in", item.file.hash, "parsed")
    for item in reading.items:
        place = run.folder.archive(item.taken)
        if place:
            run.state.files.mark("in", item.file.hash, "archived", stored_as=place)


# ---- what a file is
def verify(path: Path, name: str, profile: Profile) -> Any:
    """Raise Rejected for a file that cannot be what its place says; what CommerceML says of itself is
    returned (FileInfo). Detection is by content, never by the ending.
    """
    if not name.startswith(SHEETS_IN + "/"):
        from etl.extract.commerceml import read

        with path.open("rb") as stream:
            return read.verify(stream, name=name)
    if is_statement(path):
        from etl.extract.bank import read as bank

        bank.read(path, name=name, accounts=profile.bank.accounts)
    elif "spreadsheet-in" in profile.flows:
        # a table that is no deal export must not be archived as if it had been read
        from etl.extract.spreadsheet import deal_export

        columns = deal_export.columns(profile)
        deal_export.read_deals(path, name=name, columns=columns, required=deal_export.REQUIRED)
    return None


def is_statement(path: Path) -> bool:
    """A bank statement by its first bytes, whatever its name."""
    with path.open("rb") as stream:
        return BANK_MARK in stream.read(64)


def _kind(taken: Taken) -> str:
    """What the file is: `1c`, or the flow that reads what people put into spreadsheets/in."""
    if not taken.name.startswith(SHEETS_IN + "/"):
        return "1c"
    return "bank" if is_statement(taken.path) else "spreadsheet-in"


def _claim(run: Run, taken: Taken, info: Any) -> Item | None:
    """Note the file in the state. Content that is known and still the latest under its name is put away
    unread.
    """
    kind = _kind(taken)
    if kind not in ("1c", *run.profile.flows):
        text = (
            f"В профиле нет потока {kind}: файл оставлен на месте. Добавьте поток в flows или уберите файл."
        )
        _note(run, text, taken.name)
        return None
    digest, moment = taken.sha256, None
    if kind == "1c":
        digest, moment = _content_hash(taken), aware(run, info.generated_at)
    if moment is not None:
        answers.count_session(run, moment)
    known = run.state.files.seen("in", digest)
    if known and known.state in ("parsed", "archived") and known.latest:
        run.journal.counts["files_known"] += 1
        run.folder.archive(taken)
        return None
    run.journal.counts["files_read"] += 1
    stored = run.state.files.take(
        "in", digest, taken.name, raw_hash=taken.sha256, run=run.number, generated_at=moment
    )
    return Item(taken, stored, moment)


def _content_hash(taken: Taken) -> str:
    """The hash of what a file of 1C says, without the moment it was written at."""
    from etl.extract.commerceml import read

    with taken.path.open("rb") as stream:
        return read.content_hash(stream)


def aware(run: Run, moment: dt.datetime | None) -> dt.datetime | None:
    """1C writes local times without a zone."""
    if moment is None or moment.tzinfo:
        return moment
    return moment.replace(tzinfo=ZoneInfo(run.profile.onec.time_zone))


# ---- what it holds
def _read_file(run: Run, item: Item, read: _Read) -> None:
    kind = _kind(item.taken)
    if kind == "1c":
        _read_commerceml(run, item, read)
    elif kind == "bank":
        _read_statement(run, item, read)
    else:
        read.spreadsheets.append(item.taken.path)


def _read_statement(run: Run, item: Item, read: _Read) -> None:
    """Receipts of a bank statement; what is wrong in it is told under the name of the file."""
    from etl.extract.bank import read as bank

    receipts, issues, _ = bank.read(item.taken.path, name=item.taken.name, accounts=run.profile.bank.accounts)
    run.journal.note(issues, f"file:{item.taken.name}")
    run.journal.counts["receipts_read"] += len(receipts)
    read.receipts += tables.records(receipts, Receipt)


def _read_commerceml(run: Run, item: Item, read: _Read) -> None:
    """Tables of a file of 1C; of its documents those that are newer than what is known."""
    found = _tables(run.profile, item)
    run.journal.note(found.pop("issues"), f"file:{item.taken.name}")
    documents = tables.records(found.pop("documents"), Document)
    run.journal.counts["documents_read"] += len(documents)
    read.moments[item.taken.name] = item.generated_at
    if documents:
        versions.note(run, _origin(item), documents, found, read.versions)
    del found["lines"]  # of each document the lines of its newest text are kept, and no others
    for table, part in found.items():
        read.parts[table].append(part)


def _origin(item: Item) -> Origin:
    return Origin(item.taken.name, item.file.seq, item.generated_at)


def _tables(profile: Profile, item: Item) -> dict[str, pd.DataFrame]:
    """The tables some flow of the profile wants, whole; the rest is dropped chunk by chunk, so a catalogue
    nobody asked for costs no memory. Raises Rejected.
    """
    from etl.extract.commerceml import read

    directories = bool(profile.orders or {"parties", "products"} & set(profile.flows))
    wanted = (*_OF_DOCUMENTS, *_OF_DIRECTORIES) if directories else _OF_DOCUMENTS
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in wanted}
    with item.taken.path.open("rb") as stream:
        for table, part in read.read(stream, name=item.taken.name):
            if table == "parties" and not directories:
                parts[table].append(part[part["document"].notna()])
            elif table in parts:
                parts[table].append(part)
    return {name: tables.concat(name, found) for name, found in parts.items()}


# ---- what is wrong
def _note(run: Run, text: str, file: str, *, severity: str = "reject", place: str | None = None) -> None:
    """One issue about a file."""
    run.journal.note([tables.issue(text, severity=severity, file=file, place=place)], SCOPE)


def _set_aside(run: Run, taken: Taken, error: Rejected) -> None:
    """Put a bad file into quarantine and say so, in the state and in the account."""
    place = run.folder.quarantine(taken, error)
    if place is None:
        return  # it changed meanwhile: the new version is looked at next time
    run.journal.counts["files_bad"] += 1
    stored = run.state.files.take("in", taken.sha256, taken.name, raw_hash=taken.sha256, run=run.number)
    run.state.files.mark("in", stored.hash, "bad", reason=str(error), stored_as=place)
    _note(run, f"Файл отложен в {place}: {error}", taken.name, place=error.place or None)
