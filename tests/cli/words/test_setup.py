"""What `obmen24 init` asks and says, the account of a rehearsal, the first line of the embedded portal."""

from __future__ import annotations

from pathlib import Path

from etl.cli.words import init as init_words
from etl.cli.words import rehearse as rehearse_words
from etl.commands.init import ASKED, Created
from etl.commands.portal import Prepared
from etl.commands.rehearse import Rehearsal
from etl.report import RunReport


def test_every_answer_has_its_question() -> None:
    assert list(init_words.QUESTIONS) == list(ASKED)


def test_a_created_profile_is_said_with_the_next_steps() -> None:
    assert init_words.created(Created(Path("our.toml"))) == (
        "Записан our.toml. Просмотрите строки с пометкой «ВАШЕ», положите адрес вебхука в файл с правами 0600 "
        "и выполните obmen24 check."
    )


def test_a_prepared_portal_is_said_part_by_part() -> None:
    assert init_words.prepared(Prepared(3, None)) == "Создано полей: 3. Проверьте: obmen24 check."
    assert init_words.prepared(Prepared(0, "Шаблон загружен.")) == (
        "Все поля уже есть. Шаблон загружен. Проверьте: obmen24 check."
    )
    assert init_words.prepared(Prepared(None, "Шаблон загружен.")) == (
        "Шаблон загружен. Проверьте: obmen24 check."
    )


def test_a_rehearsal_tells_both_sides_and_where_the_files_lie() -> None:
    done = Rehearsal(RunReport(), ("1С, сеанс 1: загружено 0, выгружено 5.",), Path("/обмен"))
    assert rehearse_words.text(done) == (
        "Репетиция: учебный портал Битрикс24 и модель базы 1С на этом компьютере, "
        "все люди и организации вымышлены.\n"
        "1С, сеанс 1: загружено 0, выгружено 5.\n"
        "Обмен выполнен: нового нет, ни один исходящий файл не изменён.\n"
        "Делать ничего не нужно.\n"
        "Папка обмена /обмен:\n"
        "  to_1c               файл, который сейчас читает 1С (документы, которые она уже вернула, из него убраны)\n"
        "  spreadsheets/out    реестр для бухгалтера, акты, файлы загрузки\n"
        "  archive             всё прочитанное, копии отправленного (sent-…) и реестров\n"
        "  quarantine          плохие файлы с объяснением"
    )


def test_the_embedded_portal_says_its_address_and_what_it_holds() -> None:
    counts = {"deals": 20, "companies": 4, "contacts": 0, "products": 7, "users": 3}
    assert rehearse_words.portal("http://127.0.0.1:1/rest/1/code/", counts) == (
        "Учебный портал: 20 сделок, 4 компаний, 7 товаров, 3 сотрудников. "
        "Адрес вебхука: http://127.0.0.1:1/rest/1/code/ (остановить: Ctrl+C)"
    )
