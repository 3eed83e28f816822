"""The canonical tables: the language every step speaks.

A table is a pandas frame with the columns declared here, all of dtype `object`, and absence is `None` everywhere (never
NaN): so money stays `Decimal`, an ИНН keeps its leading zeros, and «без НДС» (`vat_rate` is None) never becomes 0 %.
`frame` and `records` (one by one: `each`) are the only doors between plain records and frames; `check` splits good rows from issues.

pandas and pandera are imported inside the functions: reading a profile or printing help must not pay for them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]
#: rows turned into a frame or into records at a time
BLOCK = 1000

#: kind of a column -> Python type of a present value. A list column holds a tuple of texts.
KINDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "integer": int,
    "money": Decimal,
    "number": Decimal,
    "date": dt.date,
    "moment": dt.datetime,
    "flag": bool,
    "list": tuple,
    "map": dict,
    "any": object,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its kind (see `KINDS`), whether a row without it is rejected, and the closed list of its values."""

    kind: str
    required: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table: name, key columns (unique together when `unique`), columns in order."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    unique: bool = True


_T, _T1, _M, _N, _D, _F = (
    Column("text"),
    Column("text", required=True),
    Column("money"),
    Column("number"),
    Column("date"),
    Column("flag"),
)
_I, _L, _MAP, _AT, _ANY = Column("integer"), Column("list"), Column("map"), Column("moment"), Column("any")

PARTY_KINDS = ("legal", "sole_trader", "person")
DOCUMENT_KINDS = ("order", "invoice", "payment", "refund", "shipment", "return", "act", "closing", "other")
SEVERITIES = ("reject", "warn", "ask")

#: Where a record came from; every table read from a source carries it, so that an Issue can name the place.
_ORIGIN = {"file": _T, "place": _T}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "parties",
            ("id", "document"),
            {
                # `document` and `role` are set where the party stands inside a document; absent = the directory itself
                "id": _T1,
                "document": _T,
                "role": _T,
                "kind": Column("text", values=PARTY_KINDS),
                "name": _T,
                "full_name": _T,
                "inn": _T,
                "kpp": _T,
                "ogrn": _T,
                "okpo": _T,
                "folder_path": _T,
                "code": _T,
                "phones": _L,
                "emails": _L,
                "city": _T,
                "legal_address": _T,
                "actual_address": _T,
                "version": _T,
                "deleted": _F,
                "extra": _MAP,
                **_ORIGIN,
            },
        ),
        Table(
            "accounts",
            ("party", "number"),
            {
                "party": _T1,
                "number": _T1,
                "bank_name": _T,
                "bik": _T,
                "corr_account": _T,
                "currency": _T,
                **_ORIGIN,
            },
        ),
        Table(
            "contacts",
            ("id",),
            {
                "id": _T1,
                "party": _T,
                "last_name": _T,
                "first_name": _T,
                "middle_name": _T,
                "name": _T,
                "phones": _L,
                "emails": _L,
                "city": _T,
                **_ORIGIN,
            },
        ),
        Table(
            "products",
            ("id",),
            {
                "id": _T1,
                "name": _T,
                "article": _T,
                "barcode": _T,
                "unit_code": _T,
                "unit": _T,
                "vat_rate": _N,
                "vat_exempt": _F,
                "group_path": _T,
                "kind": Column("text", values=("goods", "service")),
                "version": _T,
                "deleted": _F,
                "extra": _MAP,
                **_ORIGIN,
            },
        ),
        Table(
            "price_types",
            ("id",),
            {"id": _T1, "name": _T, "currency": _T, "purchasing": _F, "vat_included": _F, **_ORIGIN},
        ),
        Table(
            "prices",
            ("product", "price_type"),
            {
                "product": _T1,
                "price_type": _T1,
                "price": _M,
                "currency": _T,
                "unit": _T,
                "purchasing": _F,
                **_ORIGIN,
            },
            unique=False,
        ),
        Table(
            "stock",
            ("product", "warehouse"),
            {"product": _T1, "warehouse": _T, "quantity": _N, **_ORIGIN},
            unique=False,
        ),
        Table(
            "documents",
            ("id",),
            {
                # `id` is Ид or, where absent or zero, kind + number + year; `number` is the number both sides match on,
                # `number_1c` what 1C printed; `party`/`organisation` point into `parties` of the same source.
                "id": _T1,
                "kind": Column("text", required=True, values=DOCUMENT_KINDS),
                "number": _T,
                "number_1c": _T,
                "date": _D,
                "date_1c": _D,
                "time": _T,
                "basis": _T,
                "basis_number": _T,
                "party": _T,
                "organisation": _T,
                "manager": _T,
                "amount": _M,
                "currency": _T,
                "rate": _N,
                "vat_included": _F,
                "vat_amount": _M,
                "posted": _F,
                "deleted": _F,
                "cancelled": _F,
                "status": _T,
                "comment": _T,
                # facts as the dialect tells them; amounts only where 1C gives them
                "paid": _F,
                "paid_number": _T,
                "paid_on": _D,
                "paid_amount": _M,
                "shipped": _F,
                "shipped_number": _T,
                "shipped_on": _D,
                "shipped_amount": _M,
                "closed": _F,
                "version": _T,
                "deal": _T,
                "requisites": _MAP,
                **_ORIGIN,
            },
        ),
        Table(
            "lines",
            ("document", "position"),
            {
                "document": _T1,
                "position": Column("integer", required=True),
                "product": _T,
                "name": _T,
                "article": _T,
                "kind": Column("text", values=("goods", "service")),
                "quantity": _N,
                "unit": _T,
                "unit_code": _T,
                "price": _M,
                "discount": _M,
                "vat_rate": _N,
                "vat_exempt": _F,
                "vat_amount": _M,
                "vat_included": _F,
                "amount": _M,
                "requisites": _MAP,
                **_ORIGIN,
            },
        ),
        Table(
            "deals",
            ("id",),
            {
                "id": _T1,
                "title": _T,
                "category": _T,
                "stage": _T,
                "amount": _M,
                "currency": _T,
                "party": _T,
                "contact": _T,
                "manager": _T,
                "manager_name": _T,
                "organisation": _T,
                "originator": _T,
                "origin": _T,
                "contract_number": _T,
                "contract_date": _D,
                "payer": _T,
                "payer_inn": _T,
                "address": _T,
                "terminated_on": _D,
                "monthly_fee": _M,
                "commission": _M,
                "lead_source": _T,
                "closed": _F,
                "modified": _AT,
                "fields": _MAP,
                **_ORIGIN,
            },
        ),
        Table(
            "receipts",
            ("account", "number", "date", "amount", "payer_inn"),
            {
                "account": _T1,
                "number": _T,
                "date": _D,
                "amount": Column("money", required=True),
                "payer_inn": _T,
                "payer_kpp": _T,
                "payer_name": _T,
                "payer_account": _T,
                "purpose": _T,
                "direction": Column("text", values=("in", "out")),
                "booked_on": _D,
                "hash": _T,
                **_ORIGIN,
            },
            unique=False,
        ),
        # ---- derived tables of the monthly billing (specification 000) ----
        Table(
            "charges",
            ("deal", "month", "kind", "version"),
            {
                # one charge per (portal, deal, month, kind); `number` is the key towards 1C; amounts in roubles with VAT
                "deal": _T1,
                "month": _T1,
                "kind": _T1,
                "version": Column("integer", required=True),
                "number": _T1,
                "payer": _T1,
                "payer_key": _T1,
                "payer_inn": _T,
                "address": _T,
                "contract_number": _T,
                "contract_date": _D,
                "amount": Column("money", required=True),
                "vat_rate": _N,
                "vat_exempt": _F,
                "vat_amount": _M,
                "date": _D,
                "terminated_on": _D,
                "manager": _T,
                "manager_name": _T,
                "organisation": _T,
                "service": _T,
                "note": _T,
                "action": Column("text", values=("new", "amend", "resend")),
                "delta": _M,
            },
        ),
        Table(
            "exceptions",
            ("deal", "reason"),
            {
                "deal": _T1,
                "title": _T,
                "stage": _T,
                "payer": _T,
                "contract_number": _T,
                "amount": _M,
                "manager_name": _T,
                "reason": _T1,
                "advice": _T,
            },
        ),
        Table(
            "accruals",
            ("deal", "part", "number"),
            {
                # part: first | second | reversal-first | reversal-second; money in roubles, reversal negative
                "deal": _T1,
                "part": _T1,
                "number": _T1,
                "date": _D,
                "manager": _T,
                "manager_name": _T,
                "organisation": _T,
                "agreed": Column("money", required=True),
                "amount": Column("money", required=True),
                "contract_number": _T,
                "contract_date": _D,
                "payer": _T,
                "paid_on": _D,
                "paid_amount": _M,
                "basis": _T,
                "service": _T,
            },
        ),
        Table(
            "payments",
            ("source", "id"),
            {
                # one payment fact of one source about one document (`target` = its number towards 1C); refunds negative
                "source": _T1,
                "id": _T1,
                "target": _T1,
                "date": _D,
                "amount": _M,
                "number": _T,
                "party": _T,
                **_ORIGIN,
            },
        ),
        Table(
            "changes",
            ("seq",),
            {
                "seq": _I,
                "side": Column("text", values=("portal", "1c")),
                "entity": _T,
                "key": _T,
                "action": _T,
                "field": _T,
                "before": _ANY,
                "after": _ANY,
                "reason": _T,
                "run": _T,
            },
        ),
        Table(
            "issues",
            ("seq",),
            {
                "seq": _I,
                "severity": Column("text", required=True, values=SEVERITIES),
                "file": _T,
                "place": _T,
                "entity": _T,
                "key": _T,
                "field": _T,
                "value": _T,
                "message": Column("text", required=True),
            },
            unique=False,
        ),
    )
}


def frame(table: str, rows: Iterable[Mapping[str, Any]] = ()) -> pd.DataFrame:
    """Records to a frame with every declared column, dtype object, absence None. Unknown keys raise KeyError."""
    import numpy as np
    import pandas as pd

    # arrays, not Series: aligning forty indexes costs more than all values of a small frame
    blocks = [_columns(table, part) for part in _blocks(rows)] or [_columns(table, [])]
    columns = {
        name: blocks[0][name] if len(blocks) == 1 else np.concatenate([block[name] for block in blocks])
        for name in blocks[0]
    }
    return pd.DataFrame(columns, dtype=object)


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


def records(table_frame: pd.DataFrame) -> list[Record]:
    """A frame to records; pandas' own missing marks become None again."""
    return list(each(table_frame))


def each(table_frame: pd.DataFrame) -> Iterator[Record]:
    """`records` one by one: a record weighs many times its row, so long frames are walked rather than listed."""
    names = list(table_frame.columns)
    for start in range(0, len(table_frame), BLOCK):
        block = table_frame if len(table_frame) <= BLOCK else table_frame.iloc[start : start + BLOCK]
        for values in block.to_numpy(dtype=object).tolist():
            yield dict(zip(names, _present(values), strict=True))


def _present(values: list[Any]) -> list[Any]:
    # NaN and NaT are the only values not equal to themselves; pd.NA has no truth value and is caught by identity
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

    A row with a missing required value, a wrong type, a value outside its list or a repeated key is rejected and named
    in `issues`; its neighbours stay. Of rows with one key the first stays.
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
