"""Proof of what is written: no forbidden character, well formed, valid against our XSD of the dialect."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from lxml import etree

from etl import xml_safe
from etl.config.dialects import DIALECTS, Dialect
from etl.errors import Rejected
from etl.load.commerceml.text import ILLEGAL

_TOLD = 100  # sentences about one file


class Proof:
    """Writes the bytes and proves the same bytes.

    Raises Rejected; a breach of the schema is said when all is put, by `close`.
    """

    def __init__(self, target: BinaryIO, dialect: Dialect) -> None:
        self.target, self.dialect, self.before = target, dialect, ""
        self.parser = _parser(dialect)

    def put(self, text: str) -> None:
        """Prove a portion of the file, then write it."""
        try:
            with xml_safe.refusing("для 1С"):
                data = text.encode("utf-8")
                self.parser.feed(data)
        except Rejected:
            _say_character(self.before + text)  # the parser may be a text behind
            raise
        self.target.write(data)
        self.before = text

    def close(self) -> None:
        """The end of the file: say what in it breaks the schema."""
        with xml_safe.refusing("для 1С"):
            self.parser.close()
        faults = _sentences(self.parser.feed_error_log)
        if faults:
            raise Rejected(
                f"Файл для 1С не прошёл проверку по схеме {self.dialect.schema}: {'; '.join(faults[:5])}.",
                "Исправьте эти значения на портале; если они верны, сообщите разработчику.",
                place=faults[0],
            )


def _say_character(text: str) -> None:
    """Raise Rejected that names the forbidden character of a text and its document, if there is one."""
    found = ILLEGAL.search(text)
    if found:
        raise Rejected(
            f"Файл для 1С не записан: в данных есть запрещённый в XML символ U+{ord(found[0]):04X}.",
            "Уберите его из карточки на портале.",
            place=_place(text, found.start()),
        )


def _place(text: str, position: int) -> str:
    """«Документ 7» of the last number before a position, or ''."""
    start = text.rfind("<Номер>", 0, position)
    if start < 0:
        return ""
    start += len("<Номер>")
    return f"Документ {text[start : text.find('<', start)]}"


# ---- our schemas ----


class _Nothing:
    """A target of the parser that builds no tree: validation needs none."""

    def close(self) -> None:
        return None


def _parser(dialect: Dialect, encoding: str | None = None) -> Any:
    return etree.XMLParser(
        target=cast(Any, _Nothing()),
        schema=_schema(dialect.schema),
        encoding=encoding,
        **xml_safe.PARSER,
    )


def schema_path(name: str) -> Path:
    """A file of `schemas/`: beside the package in the repository, inside it when installed."""
    package = Path(__file__).resolve().parents[2]
    beside = package.parent / "schemas" / name
    return beside if beside.exists() else package / "schemas" / name


@lru_cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(schema_path(name).read_bytes()))


def validate(path_or_stream: Path | BinaryIO, dialect_name: str) -> list[str]:
    """What in a file breaks our schema of the dialect, as Russian sentences (at most 100); empty = valid.

    Values are not repeated: a log must not hold personal data. Raises Rejected for a broken file.
    """
    if isinstance(path_or_stream, Path):
        with path_or_stream.open("rb") as stream:
            return _validate(stream, path_or_stream.name, DIALECTS[dialect_name])
    return _validate(path_or_stream, "из потока", DIALECTS[dialect_name])


def _validate(stream: BinaryIO, name: str, dialect: Dialect) -> list[str]:
    """Sentences of the schema about a file, which is read once and piece by piece."""
    xml_safe.check(stream, name)
    encoding = xml_safe.sniff(stream, name)
    parser = _parser(dialect, encoding.name)
    stream.seek(encoding.bom)
    while chunk := stream.read(xml_safe.CHUNK):
        with xml_safe.refusing(name):
            parser.feed(chunk)
    with xml_safe.refusing(name):
        parser.close()
    return _sentences(parser.feed_error_log)


#: mark in the type of an error of libxml2 -> what it means
_KINDS = {
    "ELEMENT_CONTENT": "стоит не на месте или не хватает соседних элементов",
    "CVC_ELT_1": "корневой элемент не тот (или другое пространство имён)",
    "ATTRIBUTE": "атрибут отсутствует или не подходит",
    "COMPLEX_TYPE": "содержимое элемента или его атрибуты не подходят",
}


def _sentences(log: Any) -> list[str]:
    counted = Counter(_sentence(entry) for entry in log)
    return [
        f"{sentence} ({count} раз)" if count > 1 else sentence
        for sentence, count in list(counted.items())[:_TOLD]
    ]


def _sentence(entry: Any) -> str:
    """An entry of libxml2's error log in Russian: which element, and what is wrong with it."""
    _, _, tail = entry.message.partition("'")
    tag = xml_safe.local(tail.partition("'")[0])
    for mark, words in _KINDS.items():
        if mark in entry.type_name:
            return f"элемент «{tag}»: {words}"
    return f"элемент «{tag}»: значение не подходит по длине или виду"
