"""Kinds of columns: what a value of a canonical table may be, for the type checker and at run time."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

#: kind of a column -> Python type of a present value. A list column holds a tuple of texts.
KINDS: dict[str, type] = {
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
    """One column: its kind (see `KINDS`), whether a row without it is rejected, and the closed list of its
    values.
    """

    kind: str
    required: bool = False
    values: tuple[str, ...] = ()


PARTY_KINDS = ("legal", "sole_trader", "person")
DOCUMENT_KINDS = ("order", "invoice", "payment", "refund", "shipment", "return", "act", "closing", "other")
SEVERITIES = ("reject", "warn", "ask")

Text = Annotated[str | None, Column("text")]
Key = Annotated[str, Column("text", required=True)]
Money = Annotated[Decimal | None, Column("money")]
Sum = Annotated[Decimal, Column("money", required=True)]
Number = Annotated[Decimal | None, Column("number")]
Day = Annotated[dt.date | None, Column("date")]
Moment = Annotated[dt.datetime | None, Column("moment")]
Flag = Annotated[bool | None, Column("flag")]
Integer = Annotated[int | None, Column("integer")]
Position = Annotated[int, Column("integer", required=True)]
Texts = Annotated[tuple[Any, ...] | None, Column("list")]
Fields = Annotated[dict[str, Any] | None, Column("map")]
Anything = Annotated[Any, Column("any")]

PartyKind = Annotated[str | None, Column("text", values=PARTY_KINDS)]
ProductKind = Annotated[str | None, Column("text", values=("goods", "service"))]
DocumentKind = Annotated[str, Column("text", required=True, values=DOCUMENT_KINDS)]
Direction = Annotated[str | None, Column("text", values=("in", "out"))]
ChargeAction = Annotated[str | None, Column("text", values=("new", "amend", "resend"))]
Side = Annotated[str | None, Column("text", values=("portal", "1c"))]
Severity = Annotated[str, Column("text", required=True, values=SEVERITIES)]
