"""The months that a purpose of a payment names, in the wordings of people and of banks.

Each wording is one row of `_WORDINGS`, tried in this order; what one has read no other reads again. What may
be a month and is read by none is `unclear`: such a receipt is never booked to just any charge.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from etl.values import clean

#: (year or None, month)
Month = tuple[int | None, int]

_ENDS = "[ьяюеи]?"
_STEMS = (
    f"янв(?:ар{_ENDS})?|january|jan",
    f"фев(?:рал{_ENDS})?|февр|february|feb",
    "март?[ауе]?|march|mar",
    f"апр(?:ел{_ENDS})?|april|apr",
    "ма[йяюе]|may",
    "июн[ьяюе]?|june?",
    "июл[ьяюе]?|july?",
    "авг(?:уст[ауе]?)?|august|aug",
    f"сент?(?:ябр{_ENDS})?|september|sept?",
    f"окт(?:ябр{_ENDS})?|october|oct",
    f"ноя(?:б(?:р{_ENDS})?)?|november|nov",
    f"дек(?:абр{_ENDS})?|december|dec",
)
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_QUARTER, _HALF, _YEAR = 3, 6, 12
#: how like a month a word must be to be taken for a misspelt one
_LIKE = 0.75

_WORD = rf"(?<![а-яa-z])(?:{'|'.join(_STEMS)})(?![а-яa-z])\.?"
_AFTER = r"(?:\s*(20\d\d)(?!\d)|[\s/.-]*(\d\d)(?=\s*г(?:\.|од|\b))|\s*[/-]\s*(\d\d)(?!\d))?"
_M, _D = r"(0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_Y = r"(20\d\d|\d\d)(?!\d)"
_SURE = r"(20\d\d|1[3-9]|[2-9]\d)(?!\d)"  # a year that cannot be a month: «за 10.11» is a day or a month
_TO = r"\s*(?:-|–|—|\bпо\b|\bдо\b)\s*"
_FOR = r"(?<![а-я])(?:за|период|с|мес\w*)\.?:?\s*"
_R = r"(XII|XI|X|IX|VIII|VII|VI|V|IV|III|II|I)(?![A-Z])"


@dataclass(frozen=True, slots=True)
class Period:
    """What is paid for: months in the order in which they are named; `unclear`: one was named that could not
    be read.
    """

    months: tuple[Month, ...] = ()
    unclear: bool = False


def read(line: str) -> Period:
    """The months of a purpose that stands on one line, with е for ё."""
    rest = _PAPERS.sub(" · ", line)
    found: list[tuple[int, Month]] = []
    for wording, months in _WORDINGS:
        for match in wording.finditer(rest):
            found += [(match.start(), month) for month in months(match)]
        rest = wording.sub(lambda match: "·" * len(match[0]), rest)
    found.sort(key=lambda place: place[0])
    named = tuple(dict.fromkeys(month for _, month in found))
    return Period(named, unclear=_is_unclear(rest))


# ---- wordings ----------------------------------------------------------------------------------------------


def _year(said: str | None) -> int | None:
    """2026 or 26; None where no year is said."""
    if not said:
        return None
    return int(said) + (2000 if len(said) == 2 else 0)


def _number(word: str) -> int:
    """Which of the twelve a word is."""
    for number, stem in enumerate(_STEMS, start=1):
        if re.fullmatch(rf"(?:{stem})\.?", word, re.I):
            return number
    raise ValueError(word)


def _from_to(start: Month, end: Month) -> Iterator[Month]:
    """All months between two, both included. A year is said of the end, or of both."""
    year, month = start
    last_year, last = end
    if year is None and last_year is not None:
        is_same = month <= last
        year = last_year if is_same else last_year - 1
    for _ in range(_YEAR):
        yield year, month
        is_last_year = year in (None, last_year)
        if month == last and is_last_year:
            return
        month = month % _YEAR + 1
        if month == 1 and year is not None:
            year += 1


def _words(match: re.Match[str]) -> Iterator[Month]:
    """«ноябрь 2026», «нояб. 26 г.»."""
    yield _year(match[2] or match[3] or match[4]), _number(match[1])


def _range_of_words(match: re.Match[str]) -> Iterator[Month]:
    """«сентябрь - ноябрь 2026», «с августа по октябрь»."""
    first, second = match[1], match[5]
    start = _year(match[2] or match[3] or match[4]), _number(first)
    end = _year(match[6] or match[7] or match[8]), _number(second)
    return _from_to(start, end)


def _range_of_days(match: re.Match[str]) -> Iterator[Month]:
    """«с 01.11.2026 по 30.11.2026», «01.09-30.11.2026»."""
    end = _year(match[4]), int(match[3])
    return _from_to((_year(match[2]), int(match[1])), end)


def _range_of_numbers(match: re.Match[str]) -> Iterator[Month]:
    """«с 09.2026 по 11.2026», «09-11.2026», «9-11 мес. 2026»."""
    end = _year(match[4]), int(match[3])
    return _from_to((_year(match[2]), int(match[1])), end)


def _parts_of_year(size: int) -> Callable[[re.Match[str]], Iterator[Month]]:
    """Quarters and halves: «4 квартал 2026», «IV кв.», «2-е полугодие»."""

    def months(match: re.Match[str]) -> Iterator[Month]:
        part = int(match[1]) if match[1].isdigit() else _ROMAN.index(match[1]) + 1
        for month in range((part - 1) * size + 1, part * size + 1):
            yield _year(match[2]), month

    return months


def _number_of_month(match: re.Match[str]) -> Iterator[Month]:
    """«за 11.2026», «за 11/26», «11 месяц», «XI 2026»."""
    said = match["m"]
    month = int(said) if said.isdigit() else _ROMAN.index(said) + 1
    yield _year(match["y"]), month


def _whole_year(match: re.Match[str]) -> Iterator[Month]:
    """«за 2026 год»."""
    for month in range(1, _YEAR + 1):
        yield _year(match[1]), month


def _nothing(_match: re.Match[str]) -> Sequence[Month]:
    """A count of months names none."""
    return ()


def _as(form: str, *, case: bool = False) -> re.Pattern[str]:
    return re.compile(form, 0 if case else re.I)


#: dates of papers: «от 05.11.2026», «от 5 ноября 2026 г.»
_PAPERS = _as(rf"(?<![а-я])от\s*{_D}(?:[./-]\d{{1,2}}[./-]\d{{2,4}}|\s+{_WORD}{_AFTER})(?:\s*г(?:ода|\.)?)?")
_COUNT = r"(?:\d{1,2}|два|две|три|четыре|пять|шесть|несколько)(?:-?х)?"
_WORDINGS: tuple[
    tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Month] | Sequence[Month]]], ...
] = (
    (_as(rf"(?<![\d.]){_D}\.{_M}(?:\.{_Y})?{_TO}{_D}\.{_M}\.{_Y}"), _range_of_days),
    (_as(rf"({_WORD}){_AFTER}{_TO}({_WORD}){_AFTER}"), _range_of_words),
    (_as(rf"(?<![\d.]){_M}[./](20\d\d|\d\d){_TO}{_M}[./]{_Y}"), _range_of_numbers),
    (_as(rf"{_FOR}{_M}(){_TO}{_M}(?:\s*мес\w*\.?|[./])\s*{_Y}"), _range_of_numbers),
    (
        _as(rf"(?<!\d)([1-4])(?:-?\s*[йиеое]{{1,2}})?\s*кв(?:артал\w*)?\.?(?:\s*{_Y})?"),
        _parts_of_year(_QUARTER),
    ),
    (
        _as(rf"(?<![A-Z])(IV|III|II|I)\s*(?i:кв(?:артал\w*)?)\.?(?:\s*{_Y})?", case=True),
        _parts_of_year(_QUARTER),
    ),
    (_as(rf"(?<!\d)([12])(?:-?\s*[йиеое]{{1,2}})?\s*полугоди\w*(?:\s*{_Y})?"), _parts_of_year(_HALF)),
    (_as(rf"({_WORD}){_AFTER}"), _words),
    (_as(rf"{_FOR}{_D}\.(?P<m>{_M})\.(?P<y>{_Y})"), _number_of_month),
    (_as(rf"{_FOR}(?P<m>{_M})\s*[./-]\s*(?P<y>{_SURE})(?![./-]\d)"), _number_of_month),
    (_as(rf"{_FOR}(?P<y>20\d\d)[./-](?P<m>{_M})(?![\d./-])"), _number_of_month),
    (_as(rf"(?<![\d./-])(?P<m>{_M})[./](?P<y>20\d\d)(?!\d)"), _number_of_month),
    (_as(rf"(?<!\d)(?P<m>{_M})(?:-?[йы]{{1,2}})?\s*месяц(?![а-я])(?:\s*(?P<y>{_Y}))?"), _number_of_month),
    (_as(rf"(?<!\d)(?P<m>{_M})\s*мес\.?\s*(?P<y>20\d\d)(?!\d)"), _number_of_month),
    (
        _as(rf"(?i:{_FOR})(?P<m>{_R})(?:\s*(?i:мес\w*)\.?)?(?:[\s./-]*(?P<y>{_Y}))?", case=True),
        _number_of_month,
    ),
    (_as(r"(?<![а-я])за\s+(20\d\d)\s*г(?:од\w*|\.)?"), _whole_year),
    (_as(rf"(?<!\d){_COUNT}\s*месяц(?:а|ев)(?![а-я])"), _nothing),
)

#: what may be a month though no wording has read it
_HINTS = _as(
    r"(?<![а-я])(?:"
    r"за\s+\d{1,2}(?:[./-]\d{1,4})*\s*(?:мес\w*|г\b|[.,;·]|$)"
    r"|\d{1,2}\s*(?:-?й\s*)?мес(?![а-я]*(?:а|ев)\b)"
    r"|(?:текущ|тек\.|прошл|прошедш|предыдущ|следующ|отчетн|расчетн)\w*\.?\s+(?:мес|период|кварт|год)"
    r"|за\s+(?:указанный\s+)?(?:период|квартал|полугодие|год)(?![а-я])(?!\s*[с:]?\s*·)"
    r"|(?:месяц|период)\w*\s*[:№]?\s*\d"
    r")|(?<![a-z])za\s"
)
_SPOKEN = _as(r"(?<![а-я])за\s+(?:мес\w*\.?\s+)?([а-я]{3,})")


def _is_unclear(rest: str) -> bool:
    """May something that is left be a month?"""
    if _HINTS.search(rest):
        return True
    return any(_is_misspelt(match[1].lower()) for match in _SPOKEN.finditer(rest))


def _is_misspelt(word: str) -> bool:
    return bool(difflib.get_close_matches(word, clean.MONTHS, n=1, cutoff=_LIKE))
