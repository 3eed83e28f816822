"""Pass 1: what a file is, proven before anything of it is used; and its hash, by which the same content is
known again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO

from etl import xml_safe
from etl.errors import Rejected
from etl.extract.commerceml import values

ROOT = "КоммерческаяИнформация"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What is known of a file after pass 1.

    `generated_at` is local time of that 1C, None if absent or unreadable.
    """

    name: str
    size: int
    encoding: str
    bom: bool
    version: str | None
    namespace: str | None
    generated_at: dt.datetime | None


_FIRST_VERSION = re.compile(
    r"<ТоварнаяПозиция|\sИдентификаторВКаталоге\s*=|<(?:Каталог|Документ|Контрагент)\s[^>]*\bИдентификатор\s*="
)


def verify(stream: BinaryIO, *, name: str) -> FileInfo:
    """Pass 1: the file is CommerceML 2 or 3, well formed to its end and within the limits of `xml_safe`.

    Bounded time and memory. Leaves the stream at its start. Raises Rejected with a Russian reason and the
    place.
    """
    encoding, size = xml_safe.check(stream, name)
    root = xml_safe.root(stream, name)
    if root.tag != ROOT:
        raise Rejected(
            f"Файл {name}: это не CommerceML, корневой элемент «{root.tag[:60]}».",
            "Положите в папку обмена файл, который выгрузила 1С.",
            file=name,
        )
    version = (root.attributes.get("ВерсияСхемы") or "").strip() or None
    head = stream.read(xml_safe.CHUNK)[encoding.bom :].decode(encoding.name, errors="replace")
    stream.seek(0)
    if (version or "").startswith("1") or _FIRST_VERSION.search(head):
        raise Rejected(
            f"Файл {name}: CommerceML 1, эта версия не поддерживается.",
            "Выгрузите данные из 1С в CommerceML 2.03 или новее.",
            file=name,
        )
    return FileInfo(name, size, encoding.name, encoding.bom > 0, version, root.namespace, _generated(root))


def _generated(root: xml_safe.Root) -> dt.datetime | None:
    try:
        return values.moment((root.attributes.get("ДатаФормирования") or "").strip())
    except ValueError:
        return None


_GENERATED = re.compile(r"""\sДатаФормирования\s*=\s*(?:"[^"]*"|'[^']*')""")


def content_hash(stream: BinaryIO) -> str:
    """sha256 of the file without the value of ДатаФормирования: 1C writes the same file again and again with
    a new one.

    Leaves the stream at its start.
    """
    encoding = xml_safe.sniff(stream, "")
    digest = hashlib.sha256()
    head = stream.read(xml_safe.CHUNK)
    text_head = head[encoding.bom :].decode(encoding.name, errors="ignore")
    found = _GENERATED.search(text_head)
    if found:
        start = encoding.bom + len(text_head[: found.start()].encode(encoding.name))
        head = head[:start] + head[start + len(found[0].encode(encoding.name)) :]
    digest.update(head)
    while block := stream.read(1 << 20):
        digest.update(block)
    stream.seek(0)
    return digest.hexdigest()
