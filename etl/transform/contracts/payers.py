"""How 1C is told a payer. 1C matches a payer without ИНН by exact Наименование (DESIGN §5), so the name must
be unique and must stay as first sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from etl.records import Charge, Deal
from etl.transform.contracts.register import Register, by_inn, known_names, party, rank
from etl.values import checked, clean


@dataclass(frozen=True, slots=True)
class Payer:
    """`name` is the ФИО, `key` the Наименование by which 1C finds the counterparty, `notes` what the register
    says of it.
    """

    name: str | None
    key: str
    inn: str | None
    notes: tuple[str, ...]


def payer(deal: Deal, register: Register) -> Payer:
    """The payer of a deal. A party that 1C knows already, by an earlier charge of the deal or of its ИНН,
    keeps the name as first exported; else a payer without a good ИНН carries the number of the contract in
    the name.
    """
    oldest = register.oldest(deal["id"])
    name, said = clean.text(deal["payer"]), checked.inn(deal["payer_inn"])
    inn: str | None = said.value
    notes: list[str] = []
    if said.warning:
        inn = None
        notes.append(f"{said.warning} ({said.value})")
    if oldest and (inn is None or oldest["payer_inn"] in (None, inn)):
        if inn and not oldest["payer_inn"]:
            notes.append(f"1С знает плательщика без ИНН, внесите ИНН {inn} в его карточку в 1С")
        return Payer(name, oldest["payer_key"], oldest["payer_inn"], tuple(notes))
    key = register.names.get(by_inn(inn), name) if inn else _by_contract(name, deal["contract_number"])
    return Payer(name, key or "", inn, tuple(notes))


def _by_contract(name: str | None, contract: str | None) -> str:
    """A name made unique by the number of the contract."""
    return f"{name} (дог. № {clean.text(contract)})"


def told_apart(fresh: Iterable[Charge], register: Register) -> None:
    """Payers of one ФИО and different ИНН are different people, and 1C may look for them by name: who is new
    to it goes with the number of his first contract in the name, whom it knows keeps his name. Changes the
    rows.
    """
    for name, rows in known_names(fresh).items():
        known = register.parties.get(name, ())
        people = {*known, *map(party, rows)}
        if len(people) == 1:
            continue
        new = [row for row in rows if row["payer_inn"] and party(row) not in known]
        _renamed(new)


def _renamed(rows: Iterable[Charge]) -> None:
    """Charges of payers who are new to 1C, all of one payer under one name."""
    names: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: rank(row["deal"])):
        name = names.setdefault(party(row), _by_contract(row["payer_key"], row["contract_number"]))
        row["payer_key"] = name
        said = f"так же зовут другого плательщика, в 1С: «{name}»"
        row["note"] = f"{row['note']}; {said}" if row["note"] else said


def clashing(fresh: Iterable[Charge], register: Register) -> list[Charge]:
    """Charges whose payer would share the name in 1C with another party: neither is sent, or 1C would add up
    the debts of different people (DESIGN §5).
    """
    bad: list[Charge] = []
    for name, rows in known_names(fresh).items():
        known = register.parties.get(name, ())
        taken = register.deals.get(name, ())
        several = len({party(row) for row in rows}) > 1
        bad += [row for row in rows if _clashes(row, known, taken, several)]
    return bad


def _clashes(row: Charge, known: Collection[str], taken: Collection[str], several: bool) -> bool:
    """A deal charged under this name before keeps it, even if its contract was renumbered since. A name that
    1C knows belongs to the party it knows; one that it does not know must not be given to several.
    """
    if row["deal"] in taken:
        return False
    return party(row) not in known if known else several
