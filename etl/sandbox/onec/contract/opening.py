"""What all files of the extended contract have in common: namespace, version, and how they are opened."""

from __future__ import annotations

import base64
from pathlib import Path

from etl.sandbox.onec import xml
from etl.sandbox.onec.incoming import mail, phone
from etl.sandbox.onec.xml import Refusal

NAMESPACE = "urn:1C.ru:commerceml_3"
VERSION = "3.1"
CONTACTS = {
    "телефонрабочий": phone,
    "телефонмобильный": phone,
    "телефондомашний": phone,
    "почта": mail,
    "электроннаяпочта": mail,
}


def opened(path: Path) -> xml.Element:
    """Root of a file of the extended contract. Raises Refusal on another namespace or version."""
    top = xml.parse(path.read_bytes())
    space = xml.namespace(top)
    if space != NAMESPACE:
        raise Refusal(f"пространство имён «{space or ''}», по договору обмена «{NAMESPACE}»")
    version = top.get("ВерсияСхемы")
    if version != VERSION:
        raise Refusal(f"ВерсияСхемы «{version}», по договору обмена «{VERSION}»")
    return top


def shown_version(number: int) -> str:
    """НомерВерсии as 1C prints the version of an object: eight bytes in base64."""
    return base64.b64encode(number.to_bytes(8, "little")).decode()


def vat_text(rate: str | None) -> str:
    """A rate as the handler prints it."""
    return "Без НДС" if rate is None else rate
