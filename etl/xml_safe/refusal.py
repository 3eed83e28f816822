"""The one way a file of XML is refused: Rejected, with a Russian reason, the line, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lxml import etree

from etl.errors import Rejected

#: more attempts to write the file again are the usual cure, so the advice is one for all
SEND_AGAIN = "Выгрузите файл из 1С заново; если ошибка повторится, перешлите файл программисту 1С."


_BAD_CHARACTER = {etree.ErrorTypes.ERR_INVALID_CHAR, etree.ErrorTypes.ERR_INVALID_CHARREF}
_REASONS = {
    etree.ErrorTypes.ERR_DOCUMENT_EMPTY: "файл начинается не с XML",
    etree.ErrorTypes.ERR_DOCUMENT_END: "после конца XML есть лишнее",
    etree.ErrorTypes.ERR_TAG_NAME_MISMATCH: "элементы закрыты не в том порядке",
    etree.ErrorTypes.ERR_INVALID_ENCODING: "байты не соответствуют кодировке файла",
}


@contextmanager
def refusing(name: str, *, end: bool = False) -> Iterator[None]:
    """Whatever the parser raises (also its OSError) becomes Rejected. Nothing but the parser may run inside.

    `end`: the parser is told that the file is over, so its complaint means that the file breaks off.
    """
    try:
        yield
    except etree.XMLSyntaxError as error:
        raise _syntax(error, name, end) from None
    except (LookupError, ValueError, OSError) as error:
        raise refused(f"файл не читается как XML ({type(error).__name__}).", name) from None


def _syntax(error: Any, name: str, end: bool) -> Rejected:
    line = error.lineno or 1
    place = f"строка {line}"
    if error.code in _BAD_CHARACTER:
        return Rejected(
            f"Файл {name}: в строке {line} есть управляющий символ, запрещённый в XML.",
            "Уберите его в 1С (обычно это скопированный комментарий) "
            "или разрешите исправление: obmen24 inspect --repair.",
            file=name,
            place=place,
        )
    reason = "файл обрывается" if end else _REASONS.get(error.code, "нарушена разметка XML")
    return refused(f"{reason} ({place}).", name, place)


def refused(reason: str, name: str, place: str = "") -> Rejected:
    """The error of a file that is not taken: the reason in Russian, ending with what to do."""
    return Rejected(f"Файл {name}: {reason}", SEND_AGAIN, file=name, place=place)
