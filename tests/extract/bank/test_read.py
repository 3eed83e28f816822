"""Statements 1CClientBankExchange: encodings, sections, directions, check sums, bad files (onec §3.1, §3.2)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl import tables
from etl.errors import Rejected
from etl.extract.bank import read as bank
from tests.support.statements import FOREIGN, OUR, document, outgoing, statement

D = Decimal


def read(text: str, encoding: str = "cp1251", **options: Any) -> bank.Statement:
    return bank.read(text.encode(encoding), "kl_to_1c.txt", **options)


def only(text: str, **options: Any) -> dict[str, Any]:
    found = read(text, **options)
    assert list(found.issues["message"]) == [] and len(found.receipts) == 1
    return tables.records(found.receipts)[0]


def test_one_receipt() -> None:
    found = read(statement([document()]))
    row = tables.records(found.receipts)[0]
    assert {
        key: row[key]
        for key in (
            "account",
            "number",
            "date",
            "amount",
            "payer_inn",
            "payer_name",
            "payer_account",
            "purpose",
            "direction",
            "booked_on",
        )
    } == {
        "account": OUR,
        "number": "17",
        "date": dt.date(2026, 11, 18),
        "amount": D("1500.00"),
        "payer_inn": "500100732259",
        "payer_name": "Кузнецов Пётр Ильич",
        "payer_account": FOREIGN,
        "purpose": "Оплата по договору № 15",
        "direction": "in",
        "booked_on": dt.date(2026, 11, 18),
    }
    assert row["file"] == "kl_to_1c.txt" and row["place"].startswith("строка ") and len(row["hash"]) == 64
    assert (found.info.version, found.info.accounts, found.info.documents, found.info.start) == (
        "1.03",
        (OUR,),
        1,
        dt.date(2026, 11, 18),
    )
    assert found.info.turnovers[0].closing == D("1600.00") and not len(found.issues)


@pytest.mark.parametrize(
    ("encoding", "stated", "detected"),
    [
        ("cp1251", "Windows", "cp1251"),
        ("cp1251", "windows", "cp1251"),
        ("cp866", "DOS", "cp866"),
        ("utf-8", "Windows", "utf-8"),
        ("utf-8-sig", "UTF-8", "utf-8"),
    ],
)
def test_the_encoding_is_detected_not_believed(encoding: str, stated: str, detected: str) -> None:
    found = read(statement([document()], header={"Кодировка": stated}), encoding)
    assert found.info.encoding == detected and found.receipts["payer_name"][0] == "Кузнецов Пётр Ильич"


def test_purposes_with_equals_signs_and_several_lines() -> None:
    text = statement([document(НазначениеПлатежа="НДС=22% a=b\r\nпродолжение = ещё\r\nи конец")])
    assert only(text)["purpose"] == "НДС=22% a=b продолжение = ещё и конец"
    assert (
        only(
            statement(
                [document(НазначениеПлатежа=None, НазначениеПлатежа1="часть 1", НазначениеПлатежа2="часть 2")]
            )
        )["purpose"]
        == "часть 1 часть 2"
    )


@pytest.mark.parametrize(
    ("fields", "inn", "name"),
    [
        (
            {"Плательщик": '7707083893, ООО "Ромашка"', "Плательщик1": None, "ПлательщикИНН": None},
            "7707083893",
            'ООО "Ромашка"',
        ),
        (
            {
                "Плательщик": "ИНН 7707083893/770701001 ООО Ромашка",
                "Плательщик1": "",
                "ПлательщикИНН": "7707083893",
            },
            "7707083893",
            "ООО Ромашка",
        ),
        ({"Плательщик": "Кузнецов П. И.", "Плательщик1": None, "ПлательщикИНН": "0"}, None, "Кузнецов П. И."),
        (
            {"Плательщик": None, "Плательщик1": "Банк//Кузнецов Пётр//", "ПлательщикИНН": ""},
            None,
            "Банк//Кузнецов Пётр//",
        ),
    ],
)
def test_forms_of_the_payer(fields: dict[str, Any], inn: str | None, name: str) -> None:
    row = only(statement([document(**fields)]))
    assert (row["payer_inn"], row["payer_name"]) == (inn, name)


def test_the_account_that_counts_behind_a_correspondent_bank() -> None:
    assert only(statement([document(ПлательщикСчет="30101810000000000000")]))["payer_account"] == FOREIGN


def test_outgoing_internal_and_foreign_documents() -> None:
    other = "40702810900000000002"
    internal = document(ПлательщикСчет=other, ПлательщикРасчСчет=other)
    found = read(
        statement([outgoing(), internal], header={"РасчСчет": f"{OUR}\r\nРасчСчет={other}"}, turnover=False)
    )
    row = tables.records(found.receipts)[0]
    assert (row["direction"], row["payer_inn"], row["payer_name"]) == (
        "out",
        "500100732259",
        "Кузнецов Пётр Ильич",
    ) and found.info.internal == 1
    stranger = read(statement([document(ПолучательСчет=other, ПолучательРасчСчет=other)], turnover=False))
    assert not len(stranger.receipts) and "не наш счёт" in stranger.issues["message"][0]


def test_accounts_of_the_profile_win_over_the_header() -> None:
    assert (
        only(statement([document()], header={"РасчСчет": "1"}, turnover=False), accounts=[OUR])["account"]
        == OUR
    )


def test_money_moves_only_when_the_bank_says_so() -> None:
    found = read(statement([document(ДатаПоступило="")]))
    assert found.receipts["booked_on"][0] is None and "ещё не проведён" in found.issues["message"][0]


def test_a_bad_document_does_not_stop_its_neighbours() -> None:
    rows = [
        document(Сумма="много"),
        document(Дата="32.11.2026"),
        document(Сумма="1500.005"),
        document(Сумма=None),
        document(Номер="18"),
    ]
    found = read(statement([row for row in rows if row.get("Сумма") != "много"][3:], turnover=False))
    assert list(found.receipts["number"]) == ["18"]
    for bad in rows[:4]:
        text = statement([document(Номер="18")], turnover=False).replace(
            "КонецФайла",
            "\r\n".join([*(f"{key}={value}" for key, value in bad.items()), "КонецДокумента", "КонецФайла"]),
        )
        found = read(text)
        assert list(found.receipts["number"]) == ["18"] and "пропущен" in found.issues["message"][0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("КонечныйОстаток=1600.00", "КонечныйОстаток=1600.01", "не сходятся с оборотами"),
        ("ВсегоПоступило=1500.00", "ВсегоПоступило=1400.00", "поступило 1400.00"),
        ("ВсегоСписано=0.00", "ВсегоСписано=5.00", "списано 5.00"),
        ("НачальныйОстаток=100.00", "НачальныйОстаток=сто", "не прочитаны"),
    ],
)
def test_check_sums_of_the_bank(old: str, new: str, said: str) -> None:
    found = read(statement([document()]).replace(old, new))
    assert (
        any(said in message for message in found.issues["message"])
        and set(found.issues["severity"]) == {"warn"}
        and len(found.receipts) == 1
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "не выписка"),
        ("просто текст".encode(), "не выписка"),
        (statement([document()], end="").encode("cp1251"), "обрезан"),
        (statement([document()]).replace("КонецДокумента", "").encode("cp1251"), "не закончен"),
        (
            statement([document(), document()]).replace("КонецДокумента", "", 1).encode("cp1251"),
            "не закончен",
        ),
        (statement([document(НазначениеПлатежа="я" * 30_000)]).encode("cp1251"), "длиннее"),
        (b"1CClientBankExchange\r\n" + b"x" * (21 << 20), "больше 20 МБ"),
    ],
    ids=["empty", "text", "cut", "open at the end", "open inside", "long line", "large"],
)
def test_bad_files_are_refused_in_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(Rejected, match=said) as refusal:
        bank.read(data, "kl.txt")
    assert refusal.value.message.startswith("Выписка kl.txt не прочитана") and refusal.value.advice.endswith(
        "."
    )


def test_every_cut_of_a_statement_is_noticed() -> None:
    whole = statement([document()]).encode("cp1251")
    for end in range(1, len(whole) - len("КонецФайла\r\n"), 37):
        with pytest.raises(Rejected):
            bank.read(whole[:end], "kl.txt")


def test_small_liberties_of_banks(tmp_path: Path) -> None:
    text = (
        statement([document()])
        .replace("РасчСчет=", "РасчСчёт=")
        .replace("КонецФайла", "\r\nКонецФайла")
        .replace("\r\n", "\n")
    )
    (tmp_path / "kl.txt").write_bytes(text.encode("utf-8"))
    assert len(bank.read(tmp_path / "kl.txt").receipts) == 1
    assert (
        only(statement([document(Номер="000А-17")]))["number"] == "000А-17"
        and only(statement([document(Номер="")]))["number"] is None
    )
    assert only(statement([document(СекцияДокумент="Мемориальный ордер")]))["amount"] == D("1500.00")


def test_a_file_without_the_day_of_receipt_is_proven_by_the_turnovers() -> None:
    """Some banks write only the day the payer was charged; their own sums say that the money came."""
    found = read(statement([document(ДатаПоступило=None), document(Номер="18", ДатаПоступило=None)]))
    assert list(found.receipts["booked_on"]) == [dt.date(2026, 11, 18)] * 2
    assert not len(found.issues)


def test_without_turnovers_or_against_them_nothing_is_proven() -> None:
    for text in (
        statement([document(ДатаПоступило=None)], turnover=False),
        statement([document(ДатаПоступило=None)]).replace("ВсегоПоступило=1500.00", "ВсегоПоступило=0.00"),
    ):
        assert read(text).receipts["booked_on"][0] is None


def test_a_statement_of_another_account_is_refused_with_its_owner() -> None:
    text = statement([document()])
    with pytest.raises(Rejected) as caught:
        read(text, accounts=("40702810500000099999",))
    assert OUR in str(caught.value)
    assert "Видеоконтроль" in str(caught.value)
    assert len(read(text, accounts=("40702810500000099999", OUR)).receipts) == 1


def test_an_account_may_be_written_with_blanks_in_the_profile() -> None:
    spaced = f"{OUR[:5]} {OUR[5:8]}.{OUR[8:]}"
    assert len(read(statement([document()]), accounts=(spaced,)).receipts) == 1
