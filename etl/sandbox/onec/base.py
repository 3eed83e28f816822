"""A model of a 1C base that exchanges files with us: the opponent that finds our mistakes.

It never imports `etl.extract` or `etl.load`: it reads and writes CommerceML with code of its own, by the facts of
`docs/contract-1c.ru.md` and of what each configuration is known to do. Read in this order: `onec_records` (what the base
holds), `onec_books` (memory and registers), `onec_load` (stock loading), `onec_handler` and `onec_answer` (the extended
contract), `onec_export` (stock answers), `onec_sheet` (the accountant's spreadsheets), `onec_office` (people at work).

A session loads what lies in the folder, then exports: the same file is read again every session and never removed.
  * stock exchanges drop the registration of what they have just loaded, so it is not exported in the same session;
  * the handler of the extended contract echoes everything it has just loaded, with the values the base now holds;
  * an unchanged file overwrites people's edits: УТ 10.3 and УНФ until another document refers to the order, УТ 11 while it
    is «Ожидается согласование», the handler until its group has payments, shipments or a closing; later changes are
    skipped silently.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from etl.errors import Rejected
from etl.sandbox.onec import answer, export, handler, sheet, xml
from etl.sandbox.onec.books import Books
from etl.sandbox.onec.incoming import Outcome, Settings
from etl.sandbox.onec.load import load_stock
from etl.sandbox.onec.office import Office
from etl.sandbox.onec.records import Contract, Debt, Document, Line, Party, Product
from etl.sandbox.onec.xml import Refusal

__all__ = ["Contract", "Debt", "Document", "Line", "OneC", "Party", "Product", "Session"]

ORDER_FILES = {"ut103": "order.xml", "ut11": "to_1c/orders.xml", "unf3": "to_1c/orders.xml"}
_HANDLER_FILES = (
    ("to_1c/catalog.xml", handler.load_catalog),
    ("to_1c/parties.xml", handler.load_parties),
    ("to_1c/documents.xml", handler.load_documents),
)
_EVERY_RATE = frozenset(
    ["0", "5", "7", "10", "18", "20", "22", "5/105", "7/107", "10/110", "18/118", "20/120", "22/122"]
)
_RATES_11 = frozenset(("0", "10", "18", "20"))
_NODE = "3f0e5b52-9d1c-5c7e-9b33-0c1b24000001"
Loader = Callable[[Books, Settings, Path, dt.datetime], Outcome]


@dataclass(frozen=True)
class Session:
    """What one session did: numbers of loaded documents (names of parties and items) by fate, numbers told back, files written.

    `skipped` are silent refusals of 1C: no error is shown to anybody. `errors` name files that failed as a whole.
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

    `dialect` is ut103, ut11, unf3, bp3 or bitrix3 (the extended contract alone); `extended` adds the customer's handler to
    a stock configuration. State lives in `data`/onec.sqlite and survives. `now` gives the time; without it every session
    is one minute later than the one before. `currencies` are the names in the base's catalogue, the first is the
    accounting one. `vat_rates` replaces the rates the base knows. `match_key` = spreadsheets are matched by «Ключ».
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
        self.folder, self.data = Path(folder), Path(data)
        self.extended = extended or dialect == "bitrix3"
        rates = frozenset(vat_rates) if vat_rates is not None else _EVERY_RATE
        settings = Settings(
            dialect, organisation, currencies, rates, changes_only=changes_only, match_key=match_key
        )
        super().__init__(Books(self.data / "onec.sqlite"), settings, now)
        # the site exchange of УТ 11 has a table of rates of its own (commerceml, fact 13)
        self._stock = Settings(
            dialect,
            organisation,
            currencies,
            _RATES_11 if dialect == "ut11" and vat_rates is None else rates,
            changes_only=changes_only,
        )

    # ---- the exchange ----
    def session(self) -> Session:
        """One exchange session: load what lies in the folder, then export what changed."""
        return self._session(self.folder)

    def session_delayed(self) -> Session:
        """A session whose files reach the folder only with `deliver`: a slow share, an e-mail, a holiday."""
        return self._session(self.data / "delayed")

    def deliver(self) -> tuple[str, ...]:
        """Bring the delayed files into the folder; paths relative to it."""
        late = self.data / "delayed"
        found = [path.relative_to(late) for path in sorted(late.rglob("*.xml"))]
        for path in found:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(late / path, self.folder / path)
        return tuple(path.as_posix() for path in found)

    def full_export(self) -> Session:
        """Register everything and export it, without loading."""
        self.books.refresh()
        for shelf in ("document", "party", "product"):
            self.books.changed |= self.books.records[shelf].keys()
        return self._session(self.folder, load=())

    def export_stale(self, number: str) -> str:
        """Write again how a document looked at an earlier export, with the ДатаФормирования of that time. Returns the file.

        Rejected when it was never exported.
        """
        self.books.refresh()
        root = self.books.root(self.document(number))
        past = self.books.snapshots(root)
        if not past:
            raise Rejected(f"Документ № {number} ещё не выгружался.", "Сначала проведите сеанс обмена.")
        moment, documents = next((old for old in past if old[1] != self.books.group(root)), past[0])
        then, run = self.books.then(documents), self.books.count("session")
        if self.extended:
            name, top = f"from_1c/documents-{run}.xml", answer.documents_file(then, [documents], moment)
        else:
            name = self._stock_names(run)[0]
            top = export.orders_file(
                then, self.settings.dialect, [part for part in documents if part.kind == "order"], moment
            )
        xml.save(self.folder / name, top)
        self.books.commit()
        return name

    def load_spreadsheet(self, path: Path) -> Session:
        """The accountant loads an import file (.xlsx or its .txt twin): a document per row. A refused file is in `errors`."""
        self.books.refresh()
        outcome = self._load(Path(path), sheet.load_sheet, self.settings, self.time())
        return _report(int(self.books.setting("counter.session", "0")), [outcome])

    def export_single(self, number: str, kind: str = "shipment") -> str:
        """УТ 10.3: «Выгрузка данных CommerceML» of one invoice, shipment or return into from_1c/. Returns the file."""
        self.books.refresh()
        name, top = export.single_file(self.books, self.document(number, kind), self.time())
        xml.save(self.folder / "from_1c" / name, top)
        return f"from_1c/{name}"

    def _session(self, target: Path, load: tuple[tuple[str, Loader, Settings], ...] | None = None) -> Session:
        self.books.refresh()
        number, moment = self.books.count("session"), self.time()
        self.books.commit()
        outcomes = []
        for name, loader, settings in self._inbox() if load is None else load:
            outcomes.append(self._load(self.folder / name, loader, settings, moment))
        loaded = {guid for outcome in outcomes for guid in outcome.loaded}
        files, told = self._export(target, number, moment, loaded)
        self.books.commit()
        said = Outcome(log=[f"Сеанс {number}: выгружено документов {len(told)}, файлов {len(files)}"])
        return _report(number, [*outcomes, said], files, told)

    def _inbox(self) -> tuple[tuple[str, Loader, Settings], ...]:
        """Files this base looks for. Two of them are allowed to be absent: order.xml of 10.3 and any file of the handler."""
        found: list[tuple[str, Loader, Settings]] = []
        if self.extended:
            found += [
                (name, loader, self.settings)
                for name, loader in _HANDLER_FILES
                if (self.folder / name).exists()
            ]
        name = ORDER_FILES.get(self.settings.dialect)
        if name and (
            (self.folder / name).exists() or (self.settings.dialect != "ut103" and not self.extended)
        ):
            found.append((name, load_stock, self._stock))
        return tuple(found)

    def _load(self, path: Path, loader: Loader, settings: Settings, moment: dt.datetime) -> Outcome:
        try:
            outcome = loader(self.books, settings, path, moment)
        except FileNotFoundError:
            return Outcome(errors=[f"Файл {path.name} не найден. Проверьте путь в настройке обмена."])
        except Refusal as refusal:
            self.books.rollback()
            return Outcome(errors=[f"Файл {path.name} не загружен целиком: {refusal}. Исправьте файл."])
        self.books.commit()
        outcome.log.append(
            f"Файл {path.name}: новых {len(outcome.created)}, изменено {len(outcome.updated)}, "
            f"без изменений {len(outcome.same)}, пропущено {len(outcome.skipped)}"
        )
        return outcome

    def _export(
        self, target: Path, number: int, moment: dt.datetime, loaded: set[str]
    ) -> tuple[list[str], list[str]]:
        files: dict[str, xml.Element] = {}
        told: list[str] = []
        if self.settings.dialect in ORDER_FILES:
            files |= self._stock_export(target, number, moment, loaded, told)
        if self.extended:
            files |= self._contract_export(number, moment, told)
            self.books.changed.clear()
        for name, top in files.items():
            xml.save(target / name, top)
        return list(files), told

    def _stock_names(self, number: int) -> tuple[str, str, str]:
        guid = self.books.new_guid(f"session.{number}")
        names = export.file_names(self.settings.dialect, guid)
        return (
            tuple(name.replace("webdata/", f"webdata - {_NODE}/") for name in names)
            if self.settings.dialect == "unf3"
            else names
        )  # type: ignore[return-value]

    def _stock_export(
        self, target: Path, number: int, moment: dt.datetime, loaded: set[str], told: list[str]
    ) -> dict[str, xml.Element]:
        every = not self.settings.changes_only
        orders = [
            order
            for order in export.exportable(self.books, self.settings.dialect, extended=self.extended)
            if order.guid not in loaded and (every or order.guid in self.books.changed)
        ]
        always = self.settings.dialect == "ut103"
        products = [
            product
            for product in self.books.records["product"].values()
            if always or product.guid in self.books.changed
        ]
        names, files = self._stock_names(number), {}
        if orders or always:
            files[names[0]] = export.orders_file(self.books, self.settings.dialect, orders, moment)
        if products or always:
            export.wipe(target)
            files[names[1]], files[names[2]] = export.catalogue_files(self.settings.dialect, products, moment)
        for order in orders:
            self.books.snapshot(order, moment)
            told.append(order.number)
        if not self.extended:
            self.books.changed -= {record.guid for record in (*orders, *products)}
        return files

    def _contract_export(self, number: int, moment: dt.datetime, told: list[str]) -> dict[str, xml.Element]:
        changed = self.books.changed
        roots: dict[str, Document] = {}
        for document in self.books.records["document"].values():
            if document.guid in changed:
                root = self.books.root(document)
                roots.setdefault(root.guid, root)
        files: dict[str, xml.Element] = {}
        if roots:
            groups = [self.books.group(root) for root in roots.values()]
            files[f"from_1c/documents-{number}.xml"] = answer.documents_file(self.books, groups, moment)
            told += [document.number for group in groups for document in group]
            for root in roots.values():
                self.books.snapshot(root, moment)
        if parties := [party for party in self.books.records["party"].values() if party.guid in changed]:
            files[f"from_1c/parties-{number}.xml"] = answer.parties_file(parties, moment)
        if products := [
            product for product in self.books.records["product"].values() if product.guid in changed
        ]:
            files[f"from_1c/catalog-{number}.xml"] = answer.catalog_file(products, moment)
        return files


def _report(
    number: int, outcomes: list[Outcome], files: Sequence[str] = (), told: Sequence[str] = ()
) -> Session:
    parts: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        for name in ("created", "updated", "same", "skipped", "errors", "warnings"):
            parts[name] += getattr(outcome, name)
        parts["log"] += [*outcome.log, *outcome.errors, *outcome.warnings]
    return Session(
        number,
        exported=tuple(told),
        files=tuple(files),
        **{name: tuple(value) for name, value in parts.items()},
    )
