"""Documents of one file that bear one key: the same, parts of one, or different ones (DESIGN §5).

1C tells a receipt that pays two orders under each of them: one Ид, another basis, another sum. Such parts are
documents of their own here, `Ид|basis`. A document without Ид is known by what its number is unique for.
Nothing is chosen between in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from etl.records import Document
from etl.tables import Record, issue
from etl.transform.money.targets import GOODS_KINDS, KIND_WORDS, MONEY_KINDS
from etl.values import clean, keys

#: kinds of documents that may be about several orders at once
DIVISIBLE = (*MONEY_KINDS, *GOODS_KINDS, "closing")
#: requisite of a payment document that pays several documents: «number: sum; number: sum»
SHARES = "Расшифровка платежа"


class Text(NamedTuple):
    """One telling of a document: the id it counts under, the id its lines were read under, and the row."""

    id: str
    read_as: str
    row: Document


@dataclass(slots=True)
class Apart:
    """`texts`: what the file tells, each under an id of its own; `divided`: Ид of the documents that are told
    in parts -> the whole as it was told; `issues`: what a person must look at.
    """

    texts: list[Text] = field(default_factory=list)
    divided: dict[str, Document] = field(default_factory=dict)
    issues: list[Record] = field(default_factory=list)


def apart(rows: Iterable[Document], content: Callable[[Document], str]) -> Apart:
    """Documents of a file, told apart. In: rows as they were read; `content`: what a document says without
    its id, equal for equal ones.
    """
    found = Apart()
    groups: dict[str, list[Document]] = {}
    for row in rows:
        base = keys.unrepeated(row["id"])
        group = groups.setdefault(base, [])
        group.append(row)
    for base, told in groups.items():
        is_alone = len(told) == 1
        different = told if is_alone else _different(told, content)
        _tell(found, base, different)
    return found


def _different(told: Iterable[Document], content: Callable[[Document], str]) -> list[Document]:
    """Documents of one key, each content once."""
    found: dict[str, Document] = {}
    for row in told:
        found.setdefault(content(row), row)
    return list(found.values())


def _tell(found: Apart, base: str, told: list[Document]) -> None:
    """The different texts of one key."""
    if len(told) == 1:
        row = told[0]
        shares = _shares(row)
        if len(shares) > 1:
            found.divided[base] = row
            found.texts += [Text(f"{base}|{one['basis_number']}", row["id"], one) for one in shares]
        else:
            found.texts.append(Text(base, row["id"], row))
    elif not has_id(told[0], base):
        found.texts += [Text(keys.repeated(base, place), row["id"], row) for place, row in _counted(told)]
        found.issues.append(_alike(told, "учтены оба. Добавьте в выгрузку 1С Ид документов"))
    elif len({row["version"] for row in told}) > 1 or told[0]["kind"] not in DIVISIBLE:
        newest = _newest(told)
        found.texts.append(Text(base, newest["id"], newest))
        if not _are_ordered(told):
            found.issues.append(_alike(told, "учтён последний. Выгрузите его из 1С заново"))
    else:
        _divide(found, base, told)


def _divide(found: Apart, base: str, told: Sequence[Document]) -> None:
    """Parts of one document, each with its basis; two parts with one basis are both counted, and told."""
    found.divided[base] = told[0]
    by_basis: dict[str, list[Document]] = {}
    for row in told:
        by_basis.setdefault(part_id(base, row), []).append(row)
    for name, parts in by_basis.items():
        found.texts += [Text(keys.repeated(name, place), row["id"], row) for place, row in _counted(parts)]
        if len(parts) > 1:
            found.issues.append(_alike(parts, "учтены оба. Проверьте документ в 1С"))


def _counted(rows: Iterable[Document]) -> Iterable[tuple[int, Document]]:
    return enumerate(rows, start=1)


def has_id(row: Document, base: str) -> bool:
    """Whether 1C gave the Ид; else the key begins with the kind."""
    return not base.startswith(f"{row['kind']}|")


def part_id(base: str, row: Document) -> str:
    """The id of a part: the document and what this part of it is about."""
    return f"{base}|{row['basis'] or row['basis_number'] or ''}"


def _shares(row: Document) -> list[Document]:
    """A payment of several documents as one row for each; [] where it does not say so, or not to the
    kopeck.
    """
    requisites = row["requisites"] or {}
    words = requisites.get(SHARES, "") if row["kind"] in MONEY_KINDS else ""
    shares: list[Document] = []
    for word in words.split(";"):
        number, _, amount = word.partition(":")
        number = number.strip()
        try:
            share = Decimal(amount.strip())
        except InvalidOperation:
            return []
        shares.append({**row, "basis": None, "basis_number": number, "amount": share})
    amounts = [share["amount"] or Decimal(0) for share in shares]
    is_whole = sum(amounts, Decimal(0)) == row["amount"]
    return shares if is_whole else []


# ---- versions
def _are_ordered(told: Sequence[Document]) -> bool:
    """Plain numbers of versions say which text is the newest."""
    versions = {row["version"] or "" for row in told}
    return len(versions) == len(told) and all(version.isdecimal() for version in versions)


def _newest(told: Sequence[Document]) -> Document:
    """By the version where that is a plain number, else the last one of the file."""
    if _are_ordered(told):
        return max(told, key=lambda row: int(row["version"] or 0))
    return told[-1]


# ---- earlier runs
def withdrawn(row: Document, identifier: str) -> Document:
    """A part that is told no more, or the whole where parts are told: it counts nothing."""
    return {**row, "id": identifier, "deleted": True}


def former_id(row: Document) -> str | None:
    """The key that version 0.1 gave to a document without Ид, where that is another one than now."""
    if has_id(row, row["id"]):
        return None
    day, number = row["date"], row["number"]
    year = day.year if day else ""
    kind = row["kind"]
    former = f"{kind}|{number}|{year}"
    return None if former == row["id"] else former


def is_same(row: Document, known: Document | None) -> bool:
    """Whether a document remembered under its former key may be this one."""
    if known is None:
        return True
    return all(row[name] == known[name] for name in ("date", "basis", "organisation"))


# ---- words
def _alike(told: Sequence[Document], done: str) -> Record:
    """The remark about documents with one key, naming them."""
    listed = "; ".join(map(_named, told))
    first = told[0]
    return issue(
        f"В файле {len(told)} разных документа с одним ключом: {listed}; {done}.",
        severity="warn",
        file=first["file"],
        place=first["place"],
        entity="documents",
        key=keys.unrepeated(first["id"]),
        value=clean.text(first["number"]),
    )


def _named(row: Document) -> str:
    """A document as a person finds it in 1C."""
    number = clean.text(row["number_1c"]) or clean.text(row["number"]) or "без номера"
    amount = "без суммы" if row["amount"] is None else f"на {row['amount']:.2f}"
    day = f" от {clean.day_name(row['date'])}" if row["date"] else ""
    basis = row["basis_number"] or row["basis"]
    about = f", основание {basis}" if basis else ""
    return f"{KIND_WORDS.get(row['kind'], 'Документ')} № {number}{day} {amount}{about}"
