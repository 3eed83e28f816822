"""The files each 1C configuration leaves for us: globs relative to the exchange folder. The part of a dialect that a run asks for
every minute, apart from the rest because `etl.config.dialects` costs more than half an interpreter's start. Sources as there."""

from __future__ import annotations

_FROM_1C = "from_1c/*.xml"

INTAKE: dict[str, tuple[str, ...]] = {
    "ut103": ("1cbitrix-*.xml", "1cbitrix/*.xml", _FROM_1C),
    "ut11": ("webdata/*.xml", _FROM_1C),
    "unf3": ("webdata*/*.xml", _FROM_1C),
    "bp3": (_FROM_1C,),
    "bitrix3": (_FROM_1C,),
}
