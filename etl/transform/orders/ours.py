"""Who of us a document of 1C names: our own organisation, the responsible manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etl.config.ends import Organisation
from etl.records import Document
from etl.values import checked, clean

_INN = "Организация ИНН"


def organisation(
    document: Document, organisations: Sequence[Organisation], by: str = "inn"
) -> Organisation | None:
    """Which of our organisations a document of 1C is of: by its ИНН where told (`by` = inn), else by name as
    1C writes it. Which of the two counts says [orders] organisations_by.
    """
    inn = checked.code((document["requisites"] or {}).get(_INN)) if by == "inn" else None
    if inn:
        return next((own for own in organisations if own.inn == inn), None)
    name = clean.fold(document["organisation"])
    if not name:
        return None
    return next((own for own in organisations if clean.fold(own.name) == name), None)


def manager_email(name: str | None, managers: Mapping[str, str]) -> str | None:
    """E-mail of the portal's employee for a manager of 1C: [orders.managers], else the name itself if it is
    an e-mail.
    """
    known = {clean.fold(said): mail for said, mail in managers.items()}
    mail = known.get(clean.fold(name))
    if mail:
        return mail
    is_mail = "@" in (name or "")
    return name if is_mail else None
