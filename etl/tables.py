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
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args, overload

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
    """Columns of a TypedDict of `etl.records`: the second argument of each `Annotated`.

    A TypedDict lists what it inherits first; a table reads better with the place of origin last.
    """
    declared: dict[str, Column] = {}
    for name, annotation in record.__annotations__.items():
        _, declared[name] = get_args(annotation)
    if list(declared)[:2] == ["file", "place"]:
        for name in ("file", "place"):
            declared[name] = declared.pop(name)
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
    columns = blocks[0]
    if len(blocks) > 1:
        for name in columns:
            columns[name] = np.concatenate([block[name] for block in blocks])
    return pd.DataFrame(columns, dtype=object)


def whole(table: str, row: R) -> R:
    """A record with every column of its table, absent ones None: what the state keeps without them, and what
    a rule makes with the columns it fills.
    """
    held = cast(Mapping[str, Any], row)
    return cast(R, {name: held.get(name) for name in TABLES[table].columns})


def _columns(table: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Name -> array of values, of every declared column. Raises KeyError for a key that is none of them."""
    import numpy as np

    declared = TABLES[table].columns
    unknown = set().union(*rows) - declared.keys()
    if unknown:
        raise KeyError(f"{table}: unknown columns {sorted(unknown)}")
    columns: dict[str, Any] = {}
    for name in declared:
        values = (row.get(name) for row in rows)
        columns[name] = np.fromiter(values, dtype=object, count=len(rows))
    return columns


def _blocks(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Rows, at most BLOCK at a time: records weigh many times what a frame makes of them."""
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
    """Values with None for each missing mark of pandas.

    NaN and NaT are the only values not equal to themselves; pd.NA has no truth value and is caught by
    identity.
    """
    import pandas as pd

    return [None if value is pd.NA or value != value else value for value in values]


def concat(table: str, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of one table, one under another, with a fresh index; no frame gives the empty table."""
    import pandas as pd

    full = [part for part in frames if len(part)]
    if not full:
        return frame(table)
    return pd.concat(full, ignore_index=True)


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
    columns: dict[str, Any] = {}
    for name, column in declared.columns.items():
        checks = [_typed(column)]
        columns[name] = pa.Column(object, checks, nullable=not column.required, coerce=False)
    unique = list(declared.key) if declared.unique else None
    return pa.DataFrameSchema(columns, unique=unique, strict=True, name=table)


def _typed(column: Column) -> Any:
    """The check of a column's type and values, named by what it expects.

    Whether absence is allowed is the column's own `nullable`.
    """
    import pandera.pandas as pa

    def good(value: Any) -> bool:
        if value is None:
            return True
        if column.values and value not in column.values:
            return False
        return _is_kind(value, column.kind)

    allowed = list(column.values) if column.values else ""
    return pa.Check(good, element_wise=True, ignore_na=False, name=f"{column.kind}{allowed}")


def _is_kind(value: object, kind: str) -> bool:
    """Whether a value is of this kind of column: Python takes a moment for a date and True for a number."""
    if not isinstance(value, KINDS[kind]):
        return False
    if kind == "date":
        return not isinstance(value, dt.datetime)
    if kind == "integer":
        return not isinstance(value, bool)
    if isinstance(value, Decimal):
        return value.is_finite()
    return True


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
    """Good rows and issues by the failures that pandera found. Raises KeyError when columns are missing."""
    of_frame = failures[failures["index"].isna()]
    if len(of_frame):
        missing = set(of_frame["failure_case"].astype(str))
        raise KeyError(f"{table}: {sorted(missing)}")
    repeated = _repeated(table, table_frame, keep="first")
    doubled = _repeated(table, table_frame, keep=False)
    rows: list[Record] = []
    bad = set(repeated)
    for case in failures.drop_duplicates(["index", "column", "check"]).to_dict("records"):
        index, column, check_name = case["index"], str(case["column"]), str(case["check"])
        if "unique" in check_name and index in doubled:
            continue
        bad.add(index)
        rows.append(_failure(table, table_frame, index, column, check_name))
    key = "+".join(TABLES[table].key)
    for index in sorted(repeated):
        rows.append(_failure(table, table_frame, index, key, "unique"))
    good = table_frame.drop(index=sorted(bad))
    return good.reset_index(drop=True), frame("issues", rows)


def _repeated(table: str, table_frame: pd.DataFrame, *, keep: Literal["first", False]) -> set[Any]:
    """Index of rows whose key stands in another row; with `keep` "first" the first of them is left out."""
    declared = TABLES[table]
    if not declared.unique:
        return set()
    is_repeated = table_frame.duplicated(list(declared.key), keep=keep)
    return set(table_frame.index[is_repeated])


def _failure(table: str, table_frame: pd.DataFrame, index: Any, column: str, check_name: str) -> Record:
    """The issue of one row that fails one check of a column (or of the key, `a+b`)."""
    row = table_frame.loc[index]
    words = {
        "not_nullable": "нет обязательного значения",
        "unique": "ключ повторяется, оставлена первая запись",
    }
    said = words.get(check_name, f"значение не подходит (ожидается {check_name})")
    parts = [row[name] for name in TABLES[table].key]
    key = " ".join(str(part) for part in parts if part is not None)
    value = row[column] if column in table_frame.columns else None
    return issue(
        f"Запись отклонена: поле «{column}»: {said}. Исправьте её в источнике.",
        entity=table,
        key=key,
        file=row.get("file"),
        place=row.get("place"),
        field=column,
        value=value,
    )
