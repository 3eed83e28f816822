"""The canonical tables: the language every step speaks.

A table is a pandas frame with the columns that `etl.records` declares, all of dtype `object`, and absence is
`None` everywhere (never NaN): so money stays `Decimal`, an ИНН keeps its leading zeros, and «без НДС»
(`vat_rate` is None) never becomes 0 %. `frame` and `records` (one by one: `each`) are the only doors between
plain records and frames; `check` splits good rows from issues. A rule that is one formula over all rows works
on frames, a rule about one record on the records; what goes through a door and back within one step is a
mistake of design.

pandas and pandera are imported inside the functions: reading a profile or printing help must not pay for
them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, overload

from etl import records as typed
from etl.columns import DOCUMENT_KINDS, KINDS, PARTY_KINDS, SEVERITIES, Column

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BLOCK",
    "DOCUMENT_KINDS",
    "KINDS",
    "PARTY_KINDS",
    "SEVERITIES",
    "TABLES",
    "Column",
    "Record",
    "Table",
    "check",
    "concat",
    "each",
    "frame",
    "issue",
    "records",
    "schema",
    "whole",
]


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table: its name, the type of its records, its key columns (unique together when
    `unique`).
    """

    name: str
    record: type
    key: tuple[str, ...]
    unique: bool = True

    @property
    def columns(self) -> Mapping[str, Column]:
        """Column by name, in the order of the table."""
        return _COLUMNS[self.name]


def _declared(record: type) -> dict[str, Column]:
    declared = {name: get_args(annotation)[1] for name, annotation in record.__annotations__.items()}
    # a TypedDict lists what it inherits first; a table reads better with the place of origin last
    if list(declared)[:2] == ["file", "place"]:
        declared |= {name: declared.pop(name) for name in ("file", "place")}
    return declared


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("parties", typed.Party, ("id", "document")),
        Table("accounts", typed.Account, ("party", "number")),
        Table("contacts", typed.Contact, ("id",)),
        Table("products", typed.Product, ("id",)),
        Table("price_types", typed.PriceType, ("id",)),
        Table("prices", typed.Price, ("product", "price_type"), unique=False),
        Table("stock", typed.Stock, ("product", "warehouse"), unique=False),
        Table("documents", typed.Document, ("id",)),
        Table("lines", typed.Line, ("document", "position")),
        Table("deals", typed.Deal, ("id",)),
        Table("receipts", typed.Receipt, ("account", "number", "date", "amount", "payer_inn"), unique=False),
        Table("charges", typed.Charge, ("deal", "month", "kind", "version")),
        Table("exceptions", typed.NotBilled, ("deal", "reason")),
        Table("accruals", typed.Accrual, ("deal", "part", "number")),
        Table("payments", typed.Payment, ("source", "id")),
        Table("changes", typed.Change, ("seq",)),
        Table("issues", typed.Issue, ("seq",), unique=False),
    )
}
_COLUMNS = {name: _declared(table.record) for name, table in TABLES.items()}


#: a record of a table that has no declaration of its own (rows of the state, mixed rows on their way to the
#: journal)
Record = dict[str, Any]
R = TypeVar("R")
#: rows turned into a frame or into records at a time
BLOCK = 1000


def frame(table: str, rows: Iterable[Mapping[str, Any]] = ()) -> pd.DataFrame:
    """Records to a frame with every declared column, dtype object, absence None. Unknown keys raise
    KeyError.
    """
    import numpy as np
    import pandas as pd

    # arrays, not Series: aligning forty indexes costs more than all values of a small frame
    blocks = [_columns(table, part) for part in _blocks(rows)] or [_columns(table, [])]
    columns = {
        name: blocks[0][name] if len(blocks) == 1 else np.concatenate([block[name] for block in blocks])
        for name in blocks[0]
    }
    return pd.DataFrame(columns, dtype=object)


def whole(table: str, row: R) -> R:
    """A record with every column of its table, absent ones None: what the state keeps without them, and what
    a rule makes with the columns it fills.
    """
    held = cast(Mapping[str, Any], row)
    return cast(R, {name: held.get(name) for name in TABLES[table].columns})


def _columns(table: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    import numpy as np

    declared = TABLES[table].columns
    unknown = {key for row in rows for key in row} - declared.keys()
    if unknown:
        raise KeyError(f"{table}: unknown columns {sorted(unknown)}")
    return {
        name: np.fromiter((row.get(name) for row in rows), dtype=object, count=len(rows)) for name in declared
    }


def _blocks(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    rest = iter(rows)
    while part := list(islice(rest, BLOCK)):
        yield part


@overload
def records(table_frame: pd.DataFrame) -> list[Record]: ...
@overload
def records(table_frame: pd.DataFrame, kind: type[R]) -> list[R]: ...
def records(table_frame: pd.DataFrame, kind: Any = None) -> Any:
    """A frame to records; pandas' own missing marks become None again. `kind` is their type (`etl.records`),
    for the type checker: `records(documents, Document)`.
    """
    return list(each(table_frame, kind))


@overload
def each(table_frame: pd.DataFrame) -> Iterator[Record]: ...
@overload
def each(table_frame: pd.DataFrame, _kind: type[R]) -> Iterator[R]: ...
def each(table_frame: pd.DataFrame, _kind: Any = None) -> Iterator[Any]:
    """`records` one by one: a record weighs many times its row, so long frames are walked rather than
    listed.
    """
    names = list(table_frame.columns)
    for start in range(0, len(table_frame), BLOCK):
        block = table_frame if len(table_frame) <= BLOCK else table_frame.iloc[start : start + BLOCK]
        for values in block.to_numpy(dtype=object).tolist():
            yield dict(zip(names, _present(values), strict=True))


def _present(values: list[Any]) -> list[Any]:
    # NaN and NaT are the only values not equal to themselves; pd.NA has no truth value and is caught by
    # identity
    import pandas as pd

    return [None if value is pd.NA or value != value else value for value in values]


def concat(table: str, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of one table, one under another, with a fresh index; no frame gives the empty table."""
    import pandas as pd

    full = [part for part in frames if len(part)]
    return pd.concat(full, ignore_index=True) if full else frame(table)


def issue(
    message: str,
    *,
    severity: str = "reject",
    file: str | None = None,
    place: str | None = None,
    entity: str | None = None,
    key: str | None = None,
    field: str | None = None,
    value: object = None,
) -> Record:
    """One row of `issues`: a rejected or doubtful record. `message` is Russian and ends with what to do."""
    return {
        "severity": severity,
        "file": file,
        "place": place,
        "entity": entity,
        "key": key,
        "field": field,
        "value": None if value is None else str(value)[:200],
        "message": message,
    }


def schema(table: str) -> Any:
    """The pandera schema of a table: presence, Python types, closed value lists, unique key."""
    import pandera.pandas as pa

    declared = TABLES[table]
    columns = {
        name: pa.Column(object, [_typed(column)], nullable=not column.required, coerce=False)
        for name, column in declared.columns.items()
    }
    return pa.DataFrameSchema(
        columns, unique=list(declared.key) if declared.unique else None, strict=True, name=table
    )


def _typed(column: Column) -> Any:
    import pandera.pandas as pa

    kind, allowed = KINDS[column.kind], column.values

    def good(value: Any) -> bool:
        if value is None:  # whether absence is allowed is the column's own `nullable`
            return True
        right = isinstance(value, kind) and not (column.kind == "date" and isinstance(value, dt.datetime))
        right = right and not (column.kind == "integer" and isinstance(value, bool))
        right = right and not (isinstance(value, Decimal) and not value.is_finite())
        return right and (not allowed or value in allowed)

    return pa.Check(
        good, element_wise=True, ignore_na=False, name=f"{column.kind}{list(allowed) if allowed else ''}"
    )


def check(table: str, table_frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a frame by its schema: (good rows, issues).

    A row with a missing required value, a wrong type, a value outside its list or a repeated key is rejected
    and named in `issues`; its neighbours stay. Of rows with one key the first stays.
    """
    import pandera.errors as pe

    try:
        schema(table).validate(table_frame, lazy=True)
    except pe.SchemaErrors as errors:
        return _split(table, table_frame, errors.failure_cases)
    return table_frame, frame("issues")


def _split(
    table: str, table_frame: pd.DataFrame, failures: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    declared = TABLES[table]
    whole = failures[failures["index"].isna()]
    if len(whole):
        raise KeyError(f"{table}: {sorted(set(whole['failure_case'].astype(str)))}")
    keys = list(declared.key)
    repeated = (
        set(table_frame.index[table_frame.duplicated(keys, keep="first")]) if declared.unique else set()
    )
    doubled = set(table_frame.index[table_frame.duplicated(keys, keep=False)]) if declared.unique else set()
    rows, bad = [], set(repeated)
    for case in failures.drop_duplicates(["index", "column", "check"]).to_dict("records"):
        index, unique_check = case["index"], "unique" in str(case["check"])
        if unique_check and index in doubled:
            continue
        bad.add(index)
        rows.append(_failure(table, table_frame, index, str(case["column"]), str(case["check"])))
    rows += [_failure(table, table_frame, index, "+".join(keys), "unique") for index in sorted(repeated)]
    return table_frame.drop(index=sorted(bad)).reset_index(drop=True), frame("issues", rows)


def _failure(table: str, table_frame: pd.DataFrame, index: Any, column: str, check_name: str) -> Record:
    row = table_frame.loc[index]
    words = {
        "not_nullable": "нет обязательного значения",
        "unique": "ключ повторяется, оставлена первая запись",
    }
    said = words.get(check_name, f"значение не подходит (ожидается {check_name})")
    key = " ".join(str(row[name]) for name in TABLES[table].key if row[name] is not None)
    return issue(
        f"Запись отклонена: поле «{column}»: {said}. Исправьте её в источнике.",
        entity=table,
        key=key,
        file=row.get("file"),
        place=row.get("place"),
        field=column,
        value=row[column] if column in table_frame.columns else None,
    )
