"""A model of a 1C base that exchanges files with us: the opponent that finds our mistakes.

It never imports `etl.extract` or `etl.load`: it reads and writes CommerceML with code of its own, by the
facts of `docs/contract-1c.ru.md` and of what each configuration is known to do. Read in this order: `records`
(what the base holds), `books` (memory and registers), `stock.load` (stock loading), `contract.documents` and
`contract.answer` (the extended contract), `stock.orders` (stock answers), `sheet` (the accountant's
spreadsheets), `office` (people at work).

A session loads what lies in the folder, then exports: the same file is read again every session and never
removed.
  * stock exchanges drop the registration of what they have just loaded: the session does not export it;
  * the handler of the extended contract echoes all it has just loaded, with the values the base now holds;
  * an unchanged file overwrites people's edits: УТ 10.3 and УНФ until another document refers to the order,
    УТ 11 while it is «Ожидается согласование», the handler until its group has payments, shipments or a
    closing; later changes are skipped silently.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from etl.errors import Rejected
from etl.sandbox.onec import sheet, xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.contract import answer, cards, directories
from etl.sandbox.onec.contract import documents as contract_documents
from etl.sandbox.onec.incoming import Outcome, Settings
from etl.sandbox.onec.office import Office
from etl.sandbox.onec.records import Contract, Debt, Document, Line, Party, Product
from etl.sandbox.onec.stock import goods
from etl.sandbox.onec.stock import orders as stock_orders
from etl.sandbox.onec.stock.load import load_stock
from etl.sandbox.onec.xml import Refusal

__all__ = ["Contract", "Debt", "Document", "Line", "OneC", "Party", "Product", "Session"]

ORDER_FILES = {"ut103": "order.xml", "ut11": "to_1c/orders.xml", "unf3": "to_1c/orders.xml"}
Loader = Callable[[Books, Settings, Path, dt.datetime], Outcome]
_HANDLER_FILES: tuple[tuple[str, Loader], ...] = (
    ("to_1c/catalog.xml", directories.load_catalog),
    ("to_1c/parties.xml", directories.load_parties),
    ("to_1c/documents.xml", contract_documents.load_documents),
)
_EVERY_RATE = frozenset(
    ["0", "5", "7", "10", "18", "20", "22", "5/105", "7/107", "10/110", "18/118", "20/120", "22/122"]
)
#: the site exchange of УТ 11 has a table of rates of its own (commerceml, fact 13)
_RATES_11 = frozenset(("0", "10", "18", "20"))
_NODE = "3f0e5b52-9d1c-5c7e-9b33-0c1b24000001"


@dataclass(frozen=True)
class Task:
    """A file that a session looks for and how it is loaded."""

    name: str
    load: Loader
    settings: Settings


@dataclass
class Exported:
    """What one session writes: files by their paths, and the numbers of the documents told in them."""

    files: dict[str, xml.Element] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Session:
    """What one session did.

    Numbers of loaded documents (names of parties and items) by fate, numbers told back, files written.
    `skipped` are silent refusals of 1C: no error is shown to anybody. `errors` name files that failed as a
    whole.
    """

    number: int
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    exported: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    log: tuple[str, ...] = ()

    @property
    def loaded(self) -> int:
        """How many records of our files took effect or were the same."""
        return len(self.created) + len(self.updated) + len(self.same)


class OneC(Office):
    """One base of one configuration, its exchange folder and the people who work in it.

    `dialect` is ut103, ut11, unf3, bp3 or bitrix3 (the extended contract alone); `extended` adds the
    customer's handler to a stock configuration. State lives in `data`/onec.sqlite and survives. `now` gives
    the time; without it every session is one minute later than the one before. `currencies` are the names in
    the base's catalogue, the first is the accounting one. `vat_rates` replaces the rates the base knows.
    `match_key` = spreadsheets are matched by «Ключ».
    """

    def __init__(
        self,
        dialect: str,
        folder: Path,
        *,
        data: Path,
        extended: bool = False,
        now: Callable[[], dt.datetime] | None = None,
        organisation: str = "ООО «Пример»",
        currencies: tuple[str, ...] = ("руб", "USD", "EUR"),
        vat_rates: Iterable[str] | None = None,
        changes_only: bool = True,
        match_key: bool = False,
    ) -> None:
        rates = _EVERY_RATE if vat_rates is None else frozenset(vat_rates)
        stock_rates = _RATES_11 if vat_rates is None and dialect == "ut11" else rates
        settings = Settings(
            dialect, organisation, currencies, rates, changes_only=changes_only, match_key=match_key
        )
        self.folder = Path(folder)
        self.data = Path(data)
        self.extended = extended or dialect == "bitrix3"
        self._stock = replace(settings, vat_rates=stock_rates, match_key=False)
        super().__init__(Books(self.data / "onec.sqlite"), settings, now)

    def session(self) -> Session:
        """One exchange session: load what lies in the folder, then export what changed."""
        return self._session(self.folder, self._inbox())

    def session_delayed(self) -> Session:
        """A session whose files reach the folder only with `deliver`: a slow share, an e-mail, a holiday."""
        return self._session(self.data / "delayed", self._inbox())

    def deliver(self) -> tuple[str, ...]:
        """Bring the delayed files into the folder; paths relative to it."""
        late = self.data / "delayed"
        found = [path.relative_to(late) for path in sorted(late.rglob("*.xml"))]
        for path in found:
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(late / path, target)
        return tuple(path.as_posix() for path in found)

    def full_export(self) -> Session:
        """Register everything and export it, without loading."""
        self.books.refresh()
        for shelf in ("document", "party", "product"):
            self.books.changed |= self.books.records[shelf].keys()
        return self._session(self.folder, [])

    def export_stale(self, number: str) -> str:
        """Write again how a document looked at an earlier export, with the ДатаФормирования of that time.

        Returns the file. Rejected when it was never exported.
        """
        self.books.refresh()
        root = self.books.root(self.document(number))
        moment, documents = self._earlier(root, number)
        then = self.books.then(documents)
        run = self.books.count("session")
        if self.extended:
            name = f"from_1c/documents-{run}.xml"
            top = answer.documents_file(then, [documents], moment)
        else:
            name, _, _ = self._stock_names(run)
            orders = [part for part in documents if part.kind == "order"]
            top = stock_orders.orders_file(then, self.settings.dialect, orders, moment)
        xml.save(self.folder / name, top)
        self.books.commit()
        return name

    def _earlier(self, root: Document, number: str) -> tuple[dt.datetime, list[Document]]:
        """The first export that differs from what the group is now, else the first one at all."""
        past = self.books.snapshots(root)
        if not past:
            raise Rejected(f"Документ № {number} ещё не выгружался.", "Сначала проведите сеанс обмена.")
        now = self.books.group(root)
        for moment, documents in past:
            if documents != now:
                return moment, documents
        return past[0]

    def load_spreadsheet(self, path: Path) -> Session:
        """The accountant loads an import file (.xlsx or its .txt twin): a document per row.

        A refused file is in `errors`.
        """
        self.books.refresh()
        outcome = self._load(Path(path), sheet.load_sheet, self.settings, self.time())
        number = int(self.books.setting("counter.session", "0"))
        return _report(number, [outcome])

    def export_single(self, number: str, kind: str = "shipment") -> str:
        """УТ 10.3: «Выгрузка данных CommerceML» of one invoice, shipment or return into from_1c/.

        Returns the file.
        """
        self.books.refresh()
        document = self.document(number, kind)
        name, top = stock_orders.single_file(self.books, document, self.time())
        xml.save(self.folder / "from_1c" / name, top)
        return f"from_1c/{name}"

    def _session(self, target: Path, tasks: Sequence[Task]) -> Session:
        """Load these files, then write what changed under `target`."""
        self.books.refresh()
        number = self.books.count("session")
        moment = self.time()
        self.books.commit()
        outcomes = []
        loaded: set[str] = set()
        for task in tasks:
            outcome = self._load(self.folder / task.name, task.load, task.settings, moment)
            outcomes.append(outcome)
            loaded.update(outcome.loaded)
        exported = self._export(target, number, moment, loaded)
        self.books.commit()
        said = f"Сеанс {number}: выгружено документов {len(exported.told)}, файлов {len(exported.files)}"
        return _report(number, [*outcomes, Outcome(log=[said])], exported)

    def _inbox(self) -> list[Task]:
        """Files this base looks for.

        Two of them are allowed to be absent: order.xml of 10.3 and any file of the handler (commerceml, fact
        2).
        """
        tasks = []
        if self.extended:
            for name, loader in _HANDLER_FILES:
                if (self.folder / name).exists():
                    tasks.append(Task(name, loader, self.settings))
        name = ORDER_FILES.get(self.settings.dialect, "")
        insists = self.settings.dialect != "ut103" and not self.extended
        if name and (insists or (self.folder / name).exists()):
            tasks.append(Task(name, load_stock, self._stock))
        return tasks

    def _load(self, path: Path, loader: Loader, settings: Settings, moment: dt.datetime) -> Outcome:
        """One file, all of it or nothing; what stops 1C is in the outcome."""
        try:
            outcome = loader(self.books, settings, path, moment)
        except FileNotFoundError:
            return Outcome(errors=[f"Файл {path.name} не найден. Проверьте путь в настройке обмена."])
        except Refusal as refusal:
            self.books.rollback()
            return Outcome(errors=[f"Файл {path.name} не загружен целиком: {refusal}. Исправьте файл."])
        self.books.commit()
        created, updated = len(outcome.created), len(outcome.updated)
        same, skipped = len(outcome.same), len(outcome.skipped)
        outcome.log.append(
            f"Файл {path.name}: новых {created}, изменено {updated}, "
            f"без изменений {same}, пропущено {skipped}"
        )
        return outcome

    def _export(self, target: Path, number: int, moment: dt.datetime, loaded: set[str]) -> Exported:
        """Write what changed; whatever was written is no longer registered (commerceml, fact 20)."""
        exported = Exported()
        if self.settings.dialect in ORDER_FILES:
            self._stock_export(target, number, moment, loaded, exported)
        if self.extended:
            self._contract_export(number, moment, exported)
            self.books.changed.clear()
        for name, top in exported.files.items():
            xml.save(target / name, top)
        return exported

    def _stock_names(self, number: int) -> tuple[str, str, str]:
        """Paths of the orders, the catalogue and the offers; УНФ has the node in the name of its folder."""
        guid = self.books.new_guid(f"session.{number}")
        orders, catalogue, offers = goods.file_names(self.settings.dialect, guid)
        if self.settings.dialect != "unf3":
            return orders, catalogue, offers
        return _in_node(orders), _in_node(catalogue), _in_node(offers)

    def _stock_export(
        self, target: Path, number: int, moment: dt.datetime, loaded: set[str], exported: Exported
    ) -> None:
        """Orders of the site exchange and the catalogue.

        УТ 10.3 writes its files even when there is nothing to say.
        """
        dialect = self.settings.dialect
        always = dialect == "ut103"
        orders = self._stock_orders(loaded)
        products = self._changed("product", every=always)
        orders_name, catalogue_name, offers_name = self._stock_names(number)
        if orders or always:
            exported.files[orders_name] = stock_orders.orders_file(self.books, dialect, orders, moment)
        if products or always:
            goods.wipe(target)
            exported.files[catalogue_name] = goods.catalogue_file(dialect, products, moment)
            exported.files[offers_name] = goods.offers_file(dialect, products, moment)
        for order in orders:
            self.books.snapshot(order, moment)
            exported.told.append(order.number)
        if not self.extended:
            self.books.changed -= {record.guid for record in (*orders, *products)}

    def _stock_orders(self, loaded: set[str]) -> list[Document]:
        """Changed orders, or all where the node is set up so.

        None that was just loaded (commerceml, fact 8).
        """
        orders = stock_orders.exportable(self.books, self.settings.dialect, extended=self.extended)
        fresh = [order for order in orders if order.guid not in loaded]
        if not self.settings.changes_only:
            return fresh
        return [order for order in fresh if order.guid in self.books.changed]

    def _changed(self, shelf: str, *, every: bool = False) -> list[Any]:
        """Records of one shelf that are registered for export."""
        records = self.books.records[shelf].values()
        return [record for record in records if every or record.guid in self.books.changed]

    def _contract_export(self, number: int, moment: dt.datetime, exported: Exported) -> None:
        """Whole business groups of changed documents, changed cards of counterparties and items."""
        roots: dict[str, Document] = {}
        for document in self._changed("document"):
            root = self.books.root(document)
            roots[root.guid] = root
        if roots:
            groups = [self.books.group(root) for root in roots.values()]
            name = f"from_1c/documents-{number}.xml"
            exported.files[name] = answer.documents_file(self.books, groups, moment)
            for root, group in zip(roots.values(), groups, strict=True):
                exported.told += [document.number for document in group]
                self.books.snapshot(root, moment)
        parties = self._changed("party")
        if parties:
            exported.files[f"from_1c/parties-{number}.xml"] = cards.parties_file(parties, moment)
        products = self._changed("product")
        if products:
            exported.files[f"from_1c/catalog-{number}.xml"] = cards.catalog_file(products, moment)


def _in_node(path: str) -> str:
    """УНФ writes into a folder that is named by its node."""
    return path.replace("webdata/", f"webdata - {_NODE}/")


def _report(number: int, outcomes: list[Outcome], exported: Exported | None = None) -> Session:
    """The outcomes of all files as one session; errors and warnings also stand in the log."""
    whole = Outcome()
    for outcome in outcomes:
        whole.add(outcome)
    exported = exported or Exported()
    return Session(
        number,
        created=tuple(whole.created),
        updated=tuple(whole.updated),
        same=tuple(whole.same),
        skipped=tuple(whole.skipped),
        exported=tuple(exported.told),
        files=tuple(exported.files),
        errors=tuple(whole.errors),
        warnings=tuple(whole.warnings),
        log=tuple(whole.log),
    )
