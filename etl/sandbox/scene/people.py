"""Invented people, companies and places for demonstration portals; nobody of them exists.

ИНН start with the region 00, which no tax office has, and banks have made-up codes; check digits are right.
"""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

MEN = (
    "Андреев Павел Сергеевич",
    "Белов Игорь Олегович",
    "Воронин Денис Петрович",
    "Громов Антон Ильич",
    "Дёмин Роман Юрьевич",
    "Ершов Кирилл Львович",
    "Зуев Максим Андреевич",
    "Исаев Глеб Романович",
    "Карпов Олег Фёдорович",
    "Лапин Егор Николаевич",
    "Мухин Артём Борисович",
    "Носов Тимур Русланович",
)
WOMEN = (
    "Агапова Елена Викторовна",
    "Боброва Ольга Павловна",
    "Викулова Нина Андреевна",
    "Горина Дарья Ильинична",
    "Дроздова Анна Юрьевна",
    "Ежова Светлана Игоревна",
    "Жилина Вера Максимовна",
    "Зимина Юлия Олеговна",
    "Ильина Ксения Романовна",
    "Крылова Тамара Львовна",
    "Лосева Полина Денисовна",
    "Мохова Инна Егоровна",
)


SALES = "Менеджер по продажам"


#: (full name, post, mailbox)
STAFF = (
    ("Орлова Ирина Сергеевна", "Администратор", "admin"),
    ("Лебедева Мария Павловна", "Офис-менеджер", "office"),
    ("Соколов Илья Андреевич", SALES, "sokolov"),
    ("Тихонова Алина Игоревна", SALES, "tihonova"),
    ("Уваров Степан Павлович", SALES, "uvarov"),
    ("Фомина Лидия Олеговна", SALES, "fomina"),
    ("Хохлов Виктор Денисович", SALES, "hohlov"),
)


STREETS = (
    "Садовая",
    "Полевая",
    "Лесная",
    "Заречная",
    "Школьная",
    "Речная",
    "Вишнёвая",
    "Сосновая",
    "Луговая",
)
CITIES = ("Светлогорск-на-Оке", "Новореченск", "Заозёрный Бор")
TRADES = (
    "Север",
    "Вектор",
    "Прибой",
    "Квартал",
    "Маяк",
    "Рубеж",
    "Элита-Двор",
    "Домовой",
    "Гарант-Сервис",
    "Оазис",
)
FORMS = ("ООО", "АО", "ТСЖ", "ООО")
BIK = "049999901"

Record = dict[str, Any]


def split_name(full: str) -> tuple[str, str, str]:
    """(last name, first name, patronymic)."""
    last, first, middle = full.split()
    return last, first, middle


def person(index: int) -> str:
    """The n-th invented person; the names repeat only after a few thousand."""
    group = MEN if index % 2 else WOMEN
    size = len(group)
    step = index // 2
    turn = step // size
    last, _, _ = split_name(group[step % size])
    _, first, _ = split_name(group[(turn + step) % size])
    _, _, middle = split_name(group[(turn // size + step * 5 + turn) % size])
    return f"{last} {first} {middle}"


def company(index: int) -> tuple[str, str]:
    """Short form and name of the n-th invented company."""
    form = FORMS[index % len(FORMS)]
    turn, place = divmod(index, len(TRADES))
    name = TRADES[place]
    return form, f"{name}-{turn + 1}" if turn else name


def address(random: Random) -> str:
    """Somewhere in the invented towns, mostly with a flat."""
    city = random.choice(CITIES)
    street = random.choice(STREETS)
    flat = f", кв. {random.randint(1, 120)}" if random.random() < 0.6 else ""
    return f"г. {city}, ул. {street}, д. {random.randint(1, 99)}{flat}"


def _digit(digits: str, weights: tuple[int, ...]) -> str:
    """Check digit of an ИНН (onec §4.1)."""
    total = 0
    for digit, weight in zip(digits, weights, strict=True):
        total += int(digit) * weight
    return str(total % 11 % 10)


def inn_company(number: int) -> str:
    """Ten digits with a right check digit."""
    head = f"00{number:07d}"
    return head + _digit(head, (2, 4, 10, 3, 5, 9, 4, 6, 8))


def inn_person(number: int) -> str:
    """Twelve digits with right check digits."""
    head = f"00{number:08d}"
    head += _digit(head, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
    return head + _digit(head, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))


def ogrn(number: int) -> str:
    """Thirteen digits with a right check digit."""
    head = f"1{number:011d}"
    check = int(head) % 11 % 10
    return f"{head}{check}"


def account(number: int) -> str:
    """A settlement account whose key fits BIK (onec §4.1)."""
    draft = f"407028100{number:011d}"
    weights = itertools.cycle((7, 1, 3))
    total = 0
    for digit, weight in zip(BIK[-3:] + draft, weights, strict=False):
        total += int(digit) * weight
    return f"{draft[:8]}{total * 3 % 10}{draft[9:]}"


def phone(number: int) -> str:
    """A number of a region that does not exist."""
    return f"+7000{number:07d}"


def users() -> list[Record]:
    """An administrator, an office manager and the managers, all at example.ru."""
    rows = []
    for number, (full, post, mail) in enumerate(STAFF, 1):
        last, first, middle = split_name(full)
        user = {
            "ID": number,
            "ACTIVE": "Y",
            "LAST_NAME": last,
            "NAME": first,
            "SECOND_NAME": middle,
            "EMAIL": f"{mail}@example.ru",
            "WORK_POSITION": post,
            "TIME_ZONE": "Europe/Moscow",
        }
        rows.append(user)
    return rows


def company_records(
    number: int, form: str, name: str, *, own: bool = False, manager: int = 1
) -> dict[str, list[Record]]:
    """A company with requisites, a bank account and a legal address; all ids equal `number`."""
    title = f"{form} «{name}»"
    card = {
        "ID": number,
        "TITLE": title,
        "COMPANY_TYPE": "CUSTOMER",
        "ASSIGNED_BY_ID": manager,
        "IS_MY_COMPANY": "Y" if own else "N",
        "PHONE": [phone(number)],
        "EMAIL": [f"company{number}@example.ru"],
    }
    return {
        "companies": [card],
        "requisites": [_requisite(number, title)],
        "bankdetails": [_bank(number)],
        "addresses": [_place(number)],
    }


def _requisite(number: int, title: str) -> Record:
    return {
        "ID": number,
        "ENTITY_TYPE_ID": 4,
        "ENTITY_ID": number,
        "PRESET_ID": 1,
        "NAME": title,
        "RQ_COMPANY_NAME": title,
        "RQ_COMPANY_FULL_NAME": title,
        "RQ_INN": inn_company(number),
        "RQ_KPP": f"00{number % 100:02d}01001",
        "RQ_OGRN": ogrn(number),
        "RQ_DIRECTOR": person(number),
    }


def _bank(number: int) -> Record:
    return {
        "ID": number,
        "ENTITY_ID": number,
        "ENTITY_TYPE_ID": 8,
        "NAME": "Основной счёт",
        "RQ_BIK": BIK,
        "RQ_BANK_NAME": "АО «Вымышленный банк»",
        "RQ_ACC_NUM": account(number),
        "RQ_ACC_CURRENCY": "RUB",
        "RQ_COR_ACC_NUM": "30101810000000000901",
    }


def _place(number: int) -> Record:
    city = CITIES[number % len(CITIES)]
    street = STREETS[number % len(STREETS)]
    return {
        "TYPE_ID": 6,
        "ENTITY_TYPE_ID": 8,
        "ENTITY_ID": number,
        "CITY": f"г. {city}",
        "ADDRESS_1": f"ул. {street}, д. {number % 90 + 1}",
        "POSTAL_CODE": "000000",
        "COUNTRY": "Россия",
    }
