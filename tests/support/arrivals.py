"""Documents of many deals on their way from 1C to us: whatever file brings which, in whatever run.

Each history is played by twins, two deals of one world with the same documents: those of the first twin arrive at once and
in the order in which they were made, those of the second one apart. The files are what the model of 1C wrote, cut up by
document.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from tests.support import scenario

#: runs over which the documents of a second twin are spread
RUNS = 3
TOTAL = Decimal("600.00")
ROWS = [
    {"name": "Замок", "quantity": "2", "price": "150.00"},
    {"name": "Петля", "quantity": "3", "price": "100.00"},
]
DAY = dt.date(2026, 11, 2)


@dataclass(frozen=True)
class Act:
    """Something people do in 1C upon an order: what, upon which document, for which part of the sum, on which day."""

    do: str
    amount: Decimal
    upon: str
    day: int


@dataclass(frozen=True)
class History:
    """What happens to a deal; `places`: run and place in its file of each document of the second twin; `edited`: the order
    changes after it was first told.
    """

    acts: tuple[Act, ...]
    places: tuple[tuple[int, int], ...]
    edited: bool

    @property
    def goes_back(self) -> bool:
        """Whether something is taken back: then the stage depends on what was seen before."""
        return any(act.do in ("refund", "return") for act in self.acts)

    @property
    def may_close(self) -> bool:
        """Whether the deal may reach its final stage on the way: paid and shipped."""
        return {"pay", "ship"} <= {act.do for act in self.acts}


def _acts(kinds: Sequence[str]) -> st.SearchStrategy[Act]:
    sums = st.sampled_from([TOTAL, TOTAL / 2, TOTAL / 4, Decimal("150.01")])
    return st.builds(
        Act, st.sampled_from(kinds), sums, st.sampled_from(["order", "invoice"]), st.integers(2, 20)
    )


def histories(kinds: Sequence[str], *, edits: bool) -> st.SearchStrategy[History]:
    """Histories of one deal: up to five documents beside the order (and its invoice)."""
    places = st.tuples(st.integers(0, RUNS - 1), st.integers(0, 9))
    return st.builds(
        History,
        st.lists(_acts(kinds), min_size=1, max_size=5).map(tuple),
        st.lists(places, min_size=12, max_size=12).map(tuple),
        st.booleans() if edits else st.just(value=False),
    )


@dataclass
class Twin:
    """A deal with its documents: `papers` = Ид of each in the order of making."""

    number: str
    history: History
    is_first: bool
    papers: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)


def play_contract(running: scenario.Scenario, twin: Twin, charges: dict[str, str]) -> None:
    """Clients pay the charges of two months: `charges` = what an act is upon -> number."""
    for act in twin.history.acts:
        number = charges[act.upon]
        day = dt.date(2026, 12, act.day)
        made = running.stage.onec.pay(number, act.amount, on=day, refund=act.do == "refund")
        twin.papers.append(made.guid)
        twin.made[made.number] = f"{act.do} {len(twin.papers)}"


def play(running: scenario.Scenario, twin: Twin, invoice: str | None) -> None:
    """People do in 1C what the history says; `invoice`: number of the invoice there is already."""
    onec, numbers = running.stage.onec, {"order": twin.number, "invoice": invoice}
    twin.papers.append(onec.document(twin.number, "order").guid)
    for act in twin.history.acts:
        upon = numbers[act.upon] or twin.number
        day = dt.date(2026, 11, act.day)
        if act.do == "invoice":
            made = onec.new_invoice(twin.number, TOTAL, on=day)
            numbers["invoice"] = made.number
        elif act.do in ("pay", "refund"):
            made = onec.pay(upon, act.amount, on=day, refund=act.do == "refund")
        elif act.do in ("ship", "return"):
            move = onec.ship if act.do == "ship" else onec.take_back
            made = move(twin.number, act.amount, on=day)
        else:
            made = onec.close(twin.number, on=day)
        twin.papers.append(made.guid)
        twin.made[made.number] = f"{act.do} {len(twin.papers)}"


# ---- files
Papers = dict[str, etree._Element]


def told(folder: Path) -> tuple[etree._Element, Papers]:
    """What 1C wrote: the empty file and each document by its Ид; the file is taken away."""
    (path,) = (folder / "from_1c").glob("documents-*.xml")
    root = etree.parse(path).getroot()
    path.unlink()
    papers = {element.findtext("{*}Ид") or "": element for element in root.iter("{*}Документ")}
    empty = copy.copy(root)
    for child in list(empty):
        empty.remove(child)
    return empty, papers


def deliveries(
    twins: Sequence[Twin], first: Papers, last: Papers
) -> dict[tuple[int, int], list[etree._Element]]:
    """(run, generation) -> documents of its file. A first twin comes in the last run with its newest documents only."""
    files: defaultdict[tuple[int, int], list[tuple[int, etree._Element]]] = defaultdict(list)
    for twin in twins:
        for place, paper in enumerate(twin.papers):
            newest = last.get(paper, first[paper])
            if twin.is_first:
                files[RUNS - 1, 1].append((place, newest))
                continue
            run, order = twin.history.places[place]
            files[run, 1 if paper in last else 0].append((order, newest))
            if paper in last:
                early, order = twin.history.places[-1 - place]
                files[early, 0].append((order, first[paper]))
    ordered = {key: sorted(rows, key=lambda row: row[0]) for key, rows in files.items()}
    return {key: [element for _, element in rows] for key, rows in ordered.items()}


def put(folder: Path, empty: etree._Element, name: str, made: str, papers: Sequence[etree._Element]) -> None:
    """A file of 1C with these documents."""
    root = copy.deepcopy(empty)
    root.set("ДатаФормирования", made)
    for paper in papers:
        box = etree.SubElement(root, etree.QName(paper).text.replace("Документ", "Контейнер"))
        box.append(copy.deepcopy(paper))
    (folder / "from_1c" / name).write_bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def arrive(running: scenario.Scenario, twins: Sequence[Twin]) -> None:
    """Let every document arrive, run after run, until there is nothing new."""
    running.stage.session()
    empty, first = told(running.folder)
    for twin in twins:
        if twin.history.edited:
            rows = [ROWS[0] | {"quantity": "3"}, ROWS[1] | {"quantity": "1.5"}]
            running.stage.onec.edit_order(twin.number, lines=rows)
            running.stage.onec.edit_order(twin.number, comment="исправлен")
    last: Papers = {}
    if any(twin.history.edited for twin in twins):
        running.stage.session()
        _, last = told(running.folder)
    moments = [empty.get("ДатаФормирования"), "2026-11-25T12:00:00"]
    files = deliveries(twins, first, last)
    for run in range(RUNS):
        for (when, generation), papers in sorted(files.items()):
            if when == run:
                # the later generation bears the earlier name: names say nothing
                name = f"documents-9{run}{1 - generation}.xml"
                put(running.folder, empty, name, moments[generation] or "", papers)
        running.run()
    for _ in range(4):
        if running.run().quiet:
            return
    raise AssertionError(f"the exchange does not come to rest: {running.reports[-1].text()}")


# ---- what is left
def end(running: scenario.Scenario, twin: Twin, deal: str, shown: dict[str, Any]) -> dict[str, Any]:
    """What stands in the deal, numbers of 1C replaced by what they are."""
    order = running.stage.onec.document(twin.number, "order")
    names = {**twin.made, order.number: "order", order.number_1c.strip(): "order"}
    values: dict[str, Any] = {}
    for name, value in shown.items():
        if name.startswith("UF_"):
            values[name] = sorted(_renamed(str(value or ""), names))
    return {
        "fields": values,
        "stage": None if twin.history.goes_back else shown["stage"],
        "amount": shown["OPPORTUNITY"],
        "rows": running.composition(deal),
        "buyer": shown["COMPANY_ID"],
    }


def _renamed(value: str, names: dict[str, str]) -> Iterator[str]:
    for part in value.split(", "):
        yield names.get(part, part)
