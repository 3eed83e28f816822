"""What a profile takes from its exchange folder: the files its 1C leaves for us, and those that people put
there.

The part of a dialect that a run asks for every minute, apart from the rest because `etl.config.dialects`
costs more than half an interpreter's start. Sources as there.
"""

from __future__ import annotations

from collections.abc import Iterable

#: flows that read files of 1C, and those that read what people put there
FROM_1C = frozenset({"documents-in", "parties", "products"})
FROM_PEOPLE = frozenset({"bank", "spreadsheet-in"})

_FROM_1C = "from_1c/*.xml"
SHEETS = ("spreadsheets/in/*",)
#: dialect -> globs of the files it leaves, relative to the exchange folder
INTAKE: dict[str, tuple[str, ...]] = {
    "ut103": ("1cbitrix-*.xml", "1cbitrix/*.xml", _FROM_1C),
    "ut11": ("webdata/*.xml", _FROM_1C),
    "unf3": ("webdata*/*.xml", _FROM_1C),
    "bp3": (_FROM_1C,),
    "bitrix3": (_FROM_1C,),
}


def globs(dialect: str, flows: Iterable[str], *, extended: bool) -> tuple[str, ...]:
    """What a profile with these flows takes: files of its 1C and of the extended contract, spreadsheets
    and statements.

    Nothing is taken that no flow of the profile reads: taken means archived.
    """
    wanted = set(flows)
    taken: list[str] = []
    if wanted & FROM_1C:
        taken += INTAKE[dialect]
    if wanted & FROM_1C and extended:
        taken += INTAKE["bitrix3"]
    if wanted & FROM_PEOPLE:
        taken += SHEETS
    return tuple(dict.fromkeys(taken))
