"""The books of the model: an SQLite file that remembers records, their changes and what was exported.

Registers (paid, shipped, debt) are computed from documents, as 1C computes them from movements. Nothing here
knows CommerceML. Two processes may use one file in turn: memory is read again when another connection wrote.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from etl.sandbox.onec.records import MOVING, PREFIXES, ZERO, Contract, Debt, Document, Party, Product

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (guid TEXT PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS changed (guid TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS exported (
    seq INTEGER PRIMARY KEY, guid TEXT NOT NULL, moment TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS exported_guid ON exported (guid);
"""


_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:obmen24:1c-model")
_TYPES: dict[str, type] = {"document": Document, "party": Party, "contract": Contract, "product": Product}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in _TYPES.items()}
_GROUP: TypeAdapter[list[Document]] = TypeAdapter(list[Document])
_NAMES = {kind: name for name, kind in _TYPES.items()}
#: requisite (or column of an import file) that holds our number where 1C numbers the document itself
KEY = "Ключ"
#: contract of an order whose file names no contract: УТ 10.3 creates it itself (commerceml §7)
WEB_CONTRACT = "Договор WEB - сайт"

Record = Document | Party | Contract | Product


class Books:
    """Records by guid, indexes by number and name, and the marks «changed since the last export»."""

    def __init__(self, file: Path | None) -> None:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(file or ":memory:")
        # a rehearsal base may be lost with the machine, not with the process
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.executescript(SCHEMA)
        self._seen = -1
        self._dirty: dict[str, Record] = {}
        self.refresh()

    # ---- storage ----
    def close(self) -> None:
        """Close the file; what is not committed is lost."""
        self._base.close()

    def then(self, documents: list[Document]) -> Books:
        """Books in memory with these documents (an earlier state of a group) and today's counterparties."""
        past = Books(None)
        for record in (*self.records["party"].values(), *documents):
            past.put(record, register=False)
        return past

    def refresh(self) -> None:
        """Read everything again when another process has written since."""
        (version,) = self._base.execute("PRAGMA data_version").fetchone()
        if version == self._seen:
            return
        self._seen = version
        self.records: dict[str, dict[str, Any]] = {}
        for name in _TYPES:
            self.records[name] = {}
        self._numbers: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._children: dict[str, list[str]] = defaultdict(list)
        self._parties: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._keys: dict[str, list[tuple[str, str]]] = {}
        self._basis: dict[str, str] = {}
        self._products: dict[tuple[str, str | None], list[str]] = defaultdict(list)
        for name, body in self._base.execute("SELECT name, body FROM record ORDER BY rowid"):
            record = _ADAPTERS[name].validate_json(body)
            self._index(record)
        self.changed = {guid for (guid,) in self._base.execute("SELECT guid FROM changed")}

    def commit(self) -> None:
        """Make everything done since the last commit lasting."""
        rows: list[tuple[str, str, str]] = []
        for guid, record in self._dirty.items():
            name = _NAMES[type(record)]
            rows.append((guid, name, _body(record)))
        self._base.executemany(
            "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT (guid) DO UPDATE SET body = excluded.body", rows
        )
        changed = [(guid,) for guid in sorted(self.changed)]
        self._base.execute("DELETE FROM changed")
        self._base.executemany("INSERT INTO changed VALUES (?)", changed)
        self._base.commit()
        self._dirty.clear()

    def rollback(self) -> None:
        """Forget everything done since the last commit."""
        self._base.rollback()
        self._dirty.clear()
        self._seen = -1
        self.refresh()

    def setting(self, name: str, default: str = "") -> str:
        """A remembered text."""
        found = self._base.execute("SELECT value FROM setting WHERE name = ?", (name,))
        row = found.fetchone()
        return row[0] if row else default

    def remember(self, name: str, value: str) -> None:
        """Remember a text until the next `remember`."""
        self._base.execute(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def count(self, name: str) -> int:
        """The next number of a counter, from 1."""
        counter = f"counter.{name}"
        value = int(self.setting(counter, "0")) + 1
        self.remember(counter, str(value))
        return value

    def new_guid(self, name: str) -> str:
        """A reference of 1C, the same for the same history."""
        number = self.count(f"guid.{name}")
        return str(uuid.uuid5(_NAMESPACE, f"{name}|{number}"))

    def new_number(self, kind: str, year: int) -> str:
        """A document number of 1C's own: prefix and eight digits, from 1 every January (11 characters)."""
        number = self.count(f"number.{kind}.{year}")
        return f"{PREFIXES[kind]}-{number:08d}"

    def snapshot(self, root: Document, moment: dt.datetime) -> None:
        """Keep how a group of documents looked when it was exported."""
        parts = [_body(part) for part in self.group(root)]
        self._base.execute(
            "INSERT INTO exported (guid, moment, body) VALUES (?, ?, ?)",
            (root.guid, moment.isoformat(), f"[{','.join(parts)}]"),
        )

    def snapshots(self, root: Document) -> list[tuple[dt.datetime, list[Document]]]:
        """Earlier exports of a group, oldest first."""
        rows = self._base.execute(
            "SELECT moment, body FROM exported WHERE guid = ? ORDER BY seq", (root.guid,)
        )
        found: list[tuple[dt.datetime, list[Document]]] = []
        for moment, body in rows:
            group = _GROUP.validate_json(body)
            found.append((dt.datetime.fromisoformat(moment), group))
        return found

    def give_code(self, party: Party) -> None:
        """The code of a new card, unless it brings one."""
        if not party.code:
            number = self.count("party.code")
            party.code = f"{number:09d}"

    # ---- records ----
    def put(self, record: Record, *, register: bool = True) -> None:
        """Write a new or changed record; `register` marks it for the next export."""
        self._dirty[record.guid] = record
        self._index(record)
        if register and not isinstance(record, Contract):
            self.changed.add(record.guid)

    def touch(self, document: Document) -> None:
        """A document was changed: new version, registered together with the documents it is based on."""
        document.version += 1
        self.put(document)
        basis = self.get(document.basis)
        if basis is not None:
            self.touch(basis)

    def _index(self, record: Record) -> None:
        """Where a record is looked for; a product by what it was ever called, too."""
        name = _NAMES[type(record)]
        self.records[name][record.guid] = record
        if isinstance(record, Document):
            self._index_document(record)
        elif isinstance(record, Party):
            self._index_party(record)
        elif isinstance(record, Product):
            _append(self._products["article", record.article], record.guid)
            _append(self._products["product", record.name], record.guid)

    def _index_document(self, document: Document) -> None:
        """By the number of either side and by our key; under the document it was entered upon."""
        numbers = {document.number, document.number_1c, document.requisites.get(KEY, document.number)}
        for number in numbers:
            _append(self._numbers[(document.kind, number)], document.guid)
        before = self._basis.get(document.guid)
        if before and before != document.basis:
            self._children[before].remove(document.guid)
        if document.basis:
            self._basis[document.guid] = document.basis
            _append(self._children[document.basis], document.guid)

    def _index_party(self, party: Party) -> None:
        """By name and ИНН; a card that was renamed is no longer found by its old name."""
        keys = [("name", party.name)]
        if party.inn:
            keys.append(("inn", party.inn))
        for key in self._keys.get(party.guid, []):
            if key not in keys:
                self._parties[key].remove(party.guid)
        self._keys[party.guid] = keys
        for key in keys:
            _append(self._parties[key], party.guid)

    def all(self, kind: str) -> list[Document]:
        """Documents of one kind in the order they were entered."""
        documents: dict[str, Document] = self.records["document"]
        return [document for document in documents.values() if document.kind == kind]

    def get(self, guid: str | None) -> Document | None:
        """A document by reference."""
        found: Document | None = self.records["document"].get(guid or "")
        return found

    def party(self, guid: str | None) -> Party | None:
        """A counterparty by reference."""
        found: Party | None = self.records["party"].get(guid or "")
        return found

    def numbered(self, kind: str, number: str) -> list[Document]:
        """Documents of a kind by the number of either side or by «Ключ», oldest first.

        Blanks around the number are ignored.
        """
        guids = self._numbers.get((kind, number.strip()), [])
        return [self.records["document"][guid] for guid in guids]

    def find_product(self, *, guid: str | None, name: str, article: str | None = None) -> Product | None:
        """By reference, else by Артикул, else by exact Наименование."""
        products: dict[str, Product] = self.records["product"]
        if guid in products:
            return products[guid]
        for key in (("article", article), ("product", name)):
            _, told = key
            guids = self._products.get(key)
            if told and guids:
                return products[guids[0]]
        return None

    def find_party(self, *, inn: str | None, name: str, kpp: str | None = None) -> Party | None:
        """By ИНН when it is given (КПП prefers among equals), else by exact Наименование.

        The first match, as 1C takes it.
        """
        key = ("inn", inn) if inn else ("name", name)
        guids = self._parties.get(key, [])
        found: list[Party] = [self.records["party"][guid] for guid in guids]
        for party in found:
            if kpp and party.kpp == kpp:
                return party
        return found[0] if found else None

    def contract(self, party: Party, number: str, date: dt.date | None = None) -> Contract:
        """The contract of a counterparty with this number; created when there is none."""
        guid = str(uuid.uuid5(_NAMESPACE, f"contract|{party.guid}|{number}"))
        found: Contract = self.records["contract"].get(guid) or Contract(guid, party.guid, number)
        if date:
            found.date = date
        self.put(found)
        return found

    # ---- links and registers ----
    def children(self, document: Document) -> list[Document]:
        """Documents entered upon this one."""
        guids = self._children.get(document.guid, [])
        return [self.records["document"][guid] for guid in guids]

    def dependents(self, document: Document) -> Iterator[Document]:
        """Documents entered upon this one, directly or through others."""
        for child in self.children(document):
            yield child
            yield from self.dependents(child)

    def root(self, document: Document) -> Document:
        """The document everything in its business group stands upon."""
        basis = self.get(document.basis)
        return self.root(basis) if basis else document

    def group(self, document: Document) -> list[Document]:
        """The whole business group, root first."""
        root = self.root(document)
        return [root, *self.dependents(root)]

    def in_use(self, document: Document) -> bool:
        """True when money or goods were moved.

        For orders and invoices in the whole group, else upon the document itself.
        """
        around = list(self.dependents(document))
        if document.kind in ("order", "invoice"):
            around = self.group(document)
        moving = [other for other in around if other.kind in MOVING and not other.deleted]
        return any(other is not document for other in moving)

    def referenced(self, document: Document) -> bool:
        """True when any other document refers to this one."""
        return any(not child.deleted for child in self.children(document))

    def moved(self, document: Document, plus: str, minus: str) -> Decimal:
        """Sum of one kind of documents upon this one less the sum of their reversals."""
        numbers = {document.number, *(part.number for part in self.dependents(document))}
        moved = self._shared(plus, numbers) - self._shared(minus, numbers)
        for part in self.dependents(document):
            if not part.counts or part.shares:
                continue
            if part.kind == plus:
                moved += part.worth(document)
            if part.kind == minus:
                moved -= part.worth(document)
        return moved

    def _shared(self, kind: str, numbers: set[str]) -> Decimal:
        """What documents that are shared among several give to those with these numbers."""
        found = [part.shares for part in self.all(kind) if part.counts]
        return sum((one[number] for one in found for number in numbers & one.keys()), ZERO)

    def paid(self, document: Document) -> Decimal:
        """Payments less refunds upon the document and upon what is based on it."""
        return self.moved(document, "payment", "refund")

    def shipped(self, document: Document) -> Decimal:
        """Shipments less returns."""
        return self.moved(document, "shipment", "return")

    def closed(self, document: Document) -> bool:
        """True when a closing document stands upon the order."""
        return self._has(document, "closing")

    def _has(self, document: Document, kind: str) -> bool:
        """Whether a document of this kind that counts stands upon this one."""
        return any(part.kind == kind and part.counts for part in self.dependents(document))

    def debts(self) -> list[Debt]:
        """Debt per counterparty and contract: posted invoices (orders without an invoice) less payments."""
        charged: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        paid: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for document in self.records["document"].values():
            if not document.counts or document.party is None:
                continue
            key = (document.party, self._contract_number(document))
            if document.kind == "payment":
                paid[key] += document.amount
            elif document.kind == "refund":
                paid[key] -= document.amount
            elif document.kind in ("order", "invoice"):
                charged[key] += self._charge(document)
        debts: list[Debt] = []
        for key in sorted(charged.keys() | paid.keys()):
            party, contract = key
            debts.append(Debt(party, contract, charged[key], paid[key]))
        return debts

    def _charge(self, document: Document) -> Decimal:
        """What an order or an invoice adds to the debt; an order with an invoice adds nothing of its own."""
        if document.kind == "invoice":
            return document.amount
        basis = self.get(document.basis)
        upon_invoice = basis is not None and basis.kind == "invoice" and basis.counts
        if upon_invoice or self._has(document, "invoice"):
            return ZERO
        if self.closed(document):
            return self.shipped(document)
        return document.amount

    def _contract_number(self, document: Document) -> str:
        """The contract a document is settled by.

        УТ 10.3 settles web orders by one contract, but keeps our requisite as a property of the order.
        """
        contract: Contract | None = self.records["contract"].get(document.contract or "")
        if contract is not None:
            return contract.number
        return document.requisites.get("Номер договора", WEB_CONTRACT)


def _body(record: Record) -> str:
    """A record as it is stored."""
    adapter = _ADAPTERS[_NAMES[type(record)]]
    return adapter.dump_json(record).decode()


def _append(guids: list[str], guid: str) -> None:
    """Each once, in the order they were entered."""
    if guid not in guids:
        guids.append(guid)
