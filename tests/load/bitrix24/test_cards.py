"""Multifields of a card: an element goes by its id, and one without an id cannot go."""

from __future__ import annotations

from typing import Any

from etl.bitrix24.writes import Result, Write
from etl.load.bitrix24 import cards


def phone(value: str, number: int | None) -> dict[str, Any]:
    return {"typeId": "PHONE", "value": value} | ({} if number is None else {"id": number})


def planned(*elements: dict[str, Any], values: dict[str, Any] | None = None) -> Any:
    """The write for a card that is to lose +7 495 000-11-22."""
    party = cards.Party("k", "guid", values or {}, "company_5", dropped={"phones": ("+7 495 000-11-22",)})
    row = {"id": 5, "title": "ООО «Ромашка»", "originId": "guid", "fm": list(elements)}
    return cards.change("k", party, "5", row, {}, "obmen24")


def test_an_element_goes_by_its_id() -> None:
    write = planned(phone("84950001122", 71), phone("+74950003344", 72))
    assert isinstance(write, Write)
    assert write.command.params["fields"]["fm"] == {
        "71": {"typeId": "PHONE", "valueType": "WORK", "value": ""}
    }
    assert write.accepted({}) == ""


def test_an_element_without_id_is_a_refusal_that_names_it() -> None:
    result = planned(phone("84950001122", None))
    assert isinstance(result, Result)
    assert (result.status, result.reason) == (
        "failed",
        "портал не даёт убрать 84950001122, уберите в карточке сами",
    )


def test_the_rest_of_the_card_is_written_all_the_same() -> None:
    write = planned(phone("84950001122", None), values={"name": "ООО «Василёк»"})
    assert isinstance(write, Write)
    assert write.command.params["fields"] == {"title": "ООО «Василёк»"}
    assert "84950001122" in write.accepted({"item": {}})
