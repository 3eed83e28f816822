"""Which record of the portal is which record of 1C (DESIGN §5).

Identity is carried by the records themselves: ORIGIN_ID / XML_ID on the portal, Ид in 1C; what the store
remembers (`links`) is a cache of it. ИНН+КПП (for products the article) only *proposes* a pair, equal
candidates are a question to a person, and a name proves nothing: 1C keeps one buyer in several folders, and
two buyers under one name.

A party of the portal is `company_5` or `contact_7`, its foreign id stands in `extra` (originator, origin,
xml_id)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

import pandas as pd

from etl import tables
from etl.tables import Record, issue, records
from etl.values import clean, keys

LINK: Final = ["portal", "onec"]


class Matches(NamedTuple):
    """What is known of the pairs. Ids only; the rows stay in the caller's tables.

    linked (portal, onec, by: guid | link | answer) · proposed (portal, onec, reason): one candidate, a person
    confirms · ask (onec, portal, reason): one row per candidate · new_for_portal, new_for_1c: ids without any
    candidate · issues."""

    linked: pd.DataFrame
    proposed: pd.DataFrame
    ask: pd.DataFrame
    new_for_portal: list[str]
    new_for_1c: list[str]
    issues: pd.DataFrame


def match(
    portal_parties: pd.DataFrame,
    onec_parties: pd.DataFrame,
    links: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    originator: str,
) -> Matches:
    """Pairs of parties: by a person's answer, by GUID, by the remembered link; ИНН+КПП proposes; a name
    never.

    In: two tables `parties` (rows inside documents are not looked at), `links` and `answers` (columns portal,
    onec; an answer with portal None = "a record of its own, create it"), `originator` = ORIGINATOR_ID of this
    1C base."""
    return _Desk(_directory(portal_parties), _directory(onec_parties), originator, _PARTIES).run(
        links, answers
    )


def match_products(
    portal: pd.DataFrame, onec: pd.DataFrame, links: pd.DataFrame, answers: pd.DataFrame, *, originator: str
) -> Matches:
    """Pairs of products: xmlId of the portal (`extra`) is Ид of 1C; an equal article only proposes. Else as
    `match`."""
    return _Desk(portal, onec, originator, _PRODUCTS).run(links, answers)


def coverage(matches: Matches) -> dict[str, int]:
    """Counts for `obmen24 check`: records of 1C matched by GUID (or an answer), by ИНН, doubtful, unmatched;
    of the portal unmatched."""
    return {
        "by_guid": len(matches.linked),
        "by_inn": len(matches.proposed),
        "doubtful": matches.ask["onec"].nunique(),
        "unmatched_1c": len(matches.new_for_portal),
        "unmatched_portal": len(matches.new_for_1c),
    }


def is_company(kind: str | None, inn: str | None = None) -> bool:
    """Whether a party is a company of the portal: legal entities and ИП are, a person is a contact
    (specification 002)."""
    return kind in ("legal", "sole_trader") or (kind is None and bool(inn))


class Card(NamedTuple):
    """A card of the portal for a record of 1C: `origin` = its foreign id, `owner` = origin of the company a
    contact belongs to."""

    origin: str
    contact: bool
    owner: str | None
    values: Record


def cards(parties: pd.DataFrame, contacts: pd.DataFrame) -> list[Card]:
    """Cards that the directory of 1C becomes (specification 002): a company for legal entities and ИП, a
    contact for a person and for each contact person of a company. Only what 1C has is given.

    In: tables `parties` and `contacts` of 1C. An ИП without contact persons is its own contact. Deleted
    records make no card."""
    people: dict[str, list[Record]] = defaultdict(list)
    for row in records(contacts):
        people[row["party"]].append(row)
    made = []
    for party in _unique(_directory(parties)):
        if party["deleted"]:
            continue
        company = is_company(party["kind"], party["inn"])
        made.append(
            Card(party["id"], not company, None, _told(party) if company else _told(party) | _person(party))
        )
        if company:
            made += [
                Card(row["id"], True, party["id"], _told(row) | ({} if row["last_name"] else _person(row)))
                for row in people[party["id"]] or _own_person(party)
            ]
    return made


def _told(row: Record) -> Record:
    unsaid = ("id", "document", "role", "party", "extra", "deleted", "file", "place")
    return {name: value for name, value in row.items() if value is not None and name not in unsaid}


def _person(party: Record) -> Record:
    name = clean.person(party.get("full_name") or party["name"])
    return _told({"last_name": name.last, "first_name": name.first, "middle_name": name.middle})


def _own_person(party: Record) -> list[Record]:
    parts = _person(party)
    if party["kind"] != "sole_trader" or not parts:
        return []
    reached = {name: party[name] for name in ("phones", "emails", "city")}
    return [{"id": f"{party['id']}#contact", "name": " ".join(parts.values()), **parts, **reached}]


def same_name(parties: pd.DataFrame) -> pd.DataFrame:
    """Issues for parties that stock 1C would take for another one: it knows a buyer without ИНН by
    Наименование only.

    In: table `parties` of everybody who may be sent. Of two without ИНН under one name neither is sent; a
    party without ИНН whose name a party with ИНН bears is not sent either. `key` of an issue is the party.
    """
    groups: dict[str, list[Record]] = defaultdict(list)
    for row in _unique(parties):
        groups[clean.fold(row["name"])].append(row)
    return tables.frame(
        "issues",
        [
            _namesake(row, rows)
            for name, rows in groups.items()
            if name and len(rows) > 1
            for row in rows
            if not row["inn"]
        ],
    )


def document_deals(
    documents: pd.DataFrame,
    found: Mapping[str, str],
    *,
    links: Mapping[str, str],
    invoices: Mapping[str, str],
) -> pd.DataFrame:
    """What each document of 1C is to the portal: columns id, deal, role.

    In: table `documents`; `found` = document -> number or id it speaks about (`facts.targets`); `links` =
    order born in 1C -> deal; `invoices` = smart invoice -> deal. Roles: `content` the document fills the deal
    (its order, an invoice of 1C for it) · `facts` only its payments and shipments count: its number is a
    charge, act or invoice of ours, or it stands under one · `born` an order that 1C made and no deal has."""
    rows = []
    for row in records(documents):
        own, target = keys.decode(row["number"]) if row["kind"] in _NUMBERED else None, found.get(row["id"])
        key = own or keys.decode(target)
        deal = links.get(row["id"]) or _deal(key, target, links, invoices)
        ours = key is None or key.kind == "order"
        role = (
            "born"
            if deal is None and row["kind"] == "order" and own is None
            else "content"
            if deal and ours
            else "facts"
        )
        rows.append([row["id"], deal, role])
    return pd.DataFrame(rows, columns=["id", "deal", "role"], dtype=object)


#: the number of any other document is 1C's own, even where it looks like one of ours
_NUMBERED = ("order", "invoice", "act", "return")


def _deal(
    key: keys.Key | None, target: str | None, links: Mapping[str, str], invoices: Mapping[str, str]
) -> str | None:
    if key is None:
        return links.get(target) if target else None
    return invoices.get(key.id) if key.kind == "invoice" else key.id


# ---- matching ----


class _Side(NamedTuple):
    """How one kind of record proposes a pair: `key` (None = cannot), `fits` (may these two be one), `told`
    for people."""

    key: Callable[[Record], str | None]
    fits: Callable[[Record, Record], bool]
    sure: Callable[[Record, Record], bool]
    told: Callable[[Record], str]
    by: str


class _Desk:
    """One matching: pairs made so far and what is left on each side."""

    def __init__(self, portal: pd.DataFrame, onec: pd.DataFrame, originator: str, side: _Side) -> None:
        self.portal = {row["id"]: row for row in _unique(portal)}
        self.onec = {row["id"]: row for row in _unique(onec)}
        self.side = side
        self.guids = {
            key: guid for key, row in self.portal.items() if (guid := _foreign(row, originator, self.onec))
        }
        self.pairs: dict[str, tuple[str, str]] = {}  # 1C -> (portal, by)
        self.paired: dict[str, str] = {}  # portal -> 1C
        self.apart: set[str] = set()  # told by a person to be records of their own
        self.held: set[str] = set()  # waiting for an answer: neither matched nor new
        self.asked: list[list[str]] = []
        self.proposed: list[list[str]] = []
        self.issues: list[Record] = []

    def run(self, links: pd.DataFrame, answers: pd.DataFrame) -> Matches:
        self._answered(answers)
        self._by_guid()
        self._linked(links)
        self._propose()
        self._twins()
        linked = [[portal, onec, by] for onec, (portal, by) in self.pairs.items()]
        return Matches(
            _frame(linked, [*LINK, "by"]),
            _frame(self.proposed, [*LINK, "reason"]),
            _frame(self.asked, [*LINK, "reason"]),
            self._left(self.onec, self.pairs),
            self._left(self.portal, self.paired),
            tables.frame("issues", self.issues),
        )

    def _left(self, rows: Mapping[str, Record], done: Collection[str]) -> list[str]:
        return [
            key
            for key, row in rows.items()
            if key not in done and key not in self.held and not row["deleted"]
        ]

    def _pair(self, portal: str, onec: str, by: str) -> None:
        self.pairs[onec], self.paired[portal] = (portal, by), onec

    def _ask(self, portal: str, onec: str, reason: str) -> None:
        self.asked.append([portal, onec, reason])
        self.held |= {portal, onec}

    def _answered(self, answers: pd.DataFrame) -> None:
        for portal, onec in answers[LINK].to_numpy().tolist():
            self.apart |= {
                key for key in (portal, onec) if (portal is None) != (onec is None) and key is not None
            }
            if (
                portal in self.portal
                and onec in self.onec
                and portal not in self.paired
                and onec not in self.pairs
            ):
                self._pair(portal, onec, "answer")

    def _by_guid(self) -> None:
        holders: dict[str, list[str]] = defaultdict(list)
        for portal, guid in self.guids.items():
            if guid in self.onec and guid not in self.pairs and portal not in self.paired:
                holders[guid].append(portal)
        for guid, portals in holders.items():
            if len(portals) == 1:
                self._pair(portals[0], guid, "guid")
                continue
            for portal in portals:
                self._ask(
                    portal,
                    guid,
                    f"На портале {len(portals)} записи с одним идентификатором 1С: {', '.join(portals)}. "
                    "Объедините их или укажите верную: obmen24 link.",
                )

    def _linked(self, links: pd.DataFrame) -> None:
        for portal, onec in links[LINK].to_numpy().tolist():
            if (
                portal not in self.portal
                or onec not in self.onec
                or self.pairs.get(onec, ("",))[0] == portal
                or {portal, onec} & self.held
            ):
                continue
            rival = self.paired.get(portal) or self.pairs.get(onec, (None,))[0]
            if rival is None:
                self._pair(portal, onec, "link")
                continue
            self.held |= {key for key in (portal, onec) if key not in self.paired and key not in self.pairs}
            self.issues.append(
                issue(
                    f"Память связывает {portal} с {onec}, а сами записи с {rival}: связь не использована. "
                    "Проверьте обе карточки и ответьте командой obmen24 link.",
                    severity="ask",
                    key=onec,
                    value=portal,
                )
            )

    def _propose(self) -> None:
        """One candidate on both sides is a proposal; several, or doubtful ones, are a question."""
        free = {
            key: self.portal[key] for key in self._left(self.portal, self.paired) if key not in self.apart
        }
        wanted = {key: self.onec[key] for key in self._left(self.onec, self.pairs) if key not in self.apart}
        by_key = self._grouped(free.values())
        candidates = {
            key: [row["id"] for row in by_key.get(self.side.key(own) or "", ()) if self.side.fits(row, own)]
            for key, own in wanted.items()
        }
        rivals: dict[str, list[str]] = defaultdict(list)
        for onec, found in candidates.items():
            for portal in found:
                rivals[portal].append(onec)
        for onec, found in candidates.items():
            for portal in found:
                self._judge(portal, onec, alone=len(found) == 1 and len(rivals[portal]) == 1)

    def _judge(self, portal: str, onec: str, *, alone: bool) -> None:
        mine, theirs = self.portal[portal], self.onec[onec]
        told = f"на портале {self.side.told(mine)}, в 1С {self.side.told(theirs)}"
        if alone and self.side.sure(mine, theirs):
            self.proposed.append(
                [
                    portal,
                    onec,
                    f"Совпадает {self.side.by}: {told}. Подтвердите: obmen24 link {_words(portal)} {onec}.",
                ]
            )
            self.held |= {portal, onec}
            return
        why = "несколько равных кандидатов" if not alone else "вид записи различается"
        self._ask(
            portal,
            onec,
            f"Совпадает {self.side.by}, но {why}: {told}. Укажите верную пару: obmen24 link {_words(portal)} {onec}.",
        )

    def _twins(self) -> None:
        """A portal record whose key belongs to a matched record of 1C may be a double: sent, it would double
        or join there."""
        by_key = self._grouped(self.onec[key] for key in self.pairs)
        for portal in self._left(self.portal, self.paired):
            mine = self.portal[portal]
            for theirs in by_key.get(self.side.key(mine) or "", ()):
                if portal not in self.apart and self.side.fits(mine, theirs):
                    self._ask(portal, theirs["id"], self._twin(mine, theirs))

    def _twin(self, mine: Record, theirs: Record) -> str:
        return (
            f"Совпадает {self.side.by}, но у записи 1С уже есть пара {self.pairs[theirs['id']][0]}: на портале {self.side.told(mine)}, "
            f"в 1С {self.side.told(theirs)}. Объедините карточки портала, если это одна и та же запись."
        )

    def _grouped(self, rows: Iterable[Record]) -> dict[str, list[Record]]:
        groups: dict[str, list[Record]] = defaultdict(list)
        for row in rows:
            if key := self.side.key(row):
                groups[key].append(row)
        return groups


def _words(portal: str) -> str:
    """`company_5` as the command line takes it: entity and number."""
    return portal.replace("_", " ", 1)


def _foreign(row: Record, originator: str, onec: Collection[str]) -> str | None:
    """Ид of 1C that a portal record carries: ORIGIN_ID under our ORIGINATOR_ID, else an XML_ID that 1C
    knows."""
    extra = row["extra"] or {}
    if extra.get("origin") and extra.get("originator") == originator:
        return str(extra["origin"])
    return str(extra["xml_id"]) if extra.get("xml_id") in onec else None


def _party_fits(mine: Record, theirs: Record) -> bool:
    return not (mine["kpp"] and theirs["kpp"] and mine["kpp"] != theirs["kpp"])


def _party_sure(mine: Record, theirs: Record) -> bool:
    return is_company(mine["kind"], mine["inn"]) == is_company(theirs["kind"], theirs["inn"])


def _party_told(row: Record) -> str:
    parts = (
        row["name"],
        row["inn"] and f"ИНН {row['inn']}",
        row["kpp"] and f"КПП {row['kpp']}",
        row["folder_path"] and f"папка «{row['folder_path']}»",
        row["code"] and f"код {row['code']}",
    )
    return f"«{', '.join(part for part in parts if part)}» ({row['id']})"


def _product_told(row: Record) -> str:
    parts = (
        row["name"],
        row["article"] and f"артикул {row['article']}",
        row["group_path"] and f"группа «{row['group_path']}»",
    )
    return f"«{', '.join(part for part in parts if part)}» ({row['id']})"


_PARTIES = _Side(lambda row: row["inn"], _party_fits, _party_sure, _party_told, "ИНН")
_PRODUCTS = _Side(
    lambda row: clean.fold(row["article"]) or None, lambda *_: True, lambda *_: True, _product_told, "артикул"
)


def _namesake(row: Record, rows: Iterable[Record]) -> Record:
    others = ", ".join(other["id"] for other in rows if other is not row)
    return issue(
        f"Контрагент «{row['name']}» без ИНН называется так же, как {others}: 1С сложит их в одного, документы не отправлены. "
        "Укажите ИНН или уточните наименование.",
        entity="parties",
        key=row["id"],
        field="name",
        value=row["name"],
        file=row["file"],
        place=row["place"],
    )


def _unique(rows: pd.DataFrame) -> list[Record]:
    return list({row["id"]: row for row in records(rows)}.values())


def _directory(parties: pd.DataFrame) -> pd.DataFrame:
    return parties[parties["document"].isna()]


def _frame(rows: list[list[str]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns, dtype=object)
