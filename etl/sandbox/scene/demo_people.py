"""Invented people, companies and places for demonstration portals; nobody of them exists.

ИНН start with the region 00, which no tax office has, and banks have made-up codes; check digits are right.
"""

from __future__ import annotations

from random import Random
from typing import Any

MEN = ("Андреев Павел Сергеевич", "Белов Игорь Олегович", "Воронин Денис Петрович", "Громов Антон Ильич",
       "Дёмин Роман Юрьевич", "Ершов Кирилл Львович", "Зуев Максим Андреевич", "Исаев Глеб Романович",
       "Карпов Олег Фёдорович", "Лапин Егор Николаевич", "Мухин Артём Борисович", "Носов Тимур Русланович")  # fmt: skip
WOMEN = ("Агапова Елена Викторовна", "Боброва Ольга Павловна", "Викулова Нина Андреевна", "Горина Дарья Ильинична",
         "Дроздова Анна Юрьевна", "Ежова Светлана Игоревна", "Жилина Вера Максимовна", "Зимина Юлия Олеговна",
         "Ильина Ксения Романовна", "Крылова Тамара Львовна", "Лосева Полина Денисовна", "Мохова Инна Егоровна")  # fmt: skip
MANAGERS = ("Соколов Илья Андреевич", "Тихонова Алина Игоревна", "Уваров Степан Павлович",
            "Фомина Лидия Олеговна", "Хохлов Виктор Денисович")  # fmt: skip
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
    last, first, middle = full.split()
    return last, first, middle


def person(index: int) -> str:
    """The n-th invented person; the names repeat only after a few thousand."""
    group = MEN if index % 2 else WOMEN
    step = index // 2
    last = split_name(group[step % len(group)])[0]
    first = split_name(group[(step // len(group) + step) % len(group)])[1]
    middle = split_name(group[(step // len(group) ** 2 + step * 5 + step // len(group)) % len(group)])[2]
    return f"{last} {first} {middle}"


def company(index: int) -> tuple[str, str]:
    """Short form and name of the n-th invented company."""
    form = FORMS[index % len(FORMS)]
    turn = index // len(TRADES)
    return form, f"{TRADES[index % len(TRADES)]}{f'-{turn + 1}' if turn else ''}"


def address(random: Random) -> str:
    city, street = random.choice(CITIES), random.choice(STREETS)
    flat = f", кв. {random.randint(1, 120)}" if random.random() < 0.6 else ""
    return f"г. {city}, ул. {street}, д. {random.randint(1, 99)}{flat}"


def _digit(digits: str, weights: tuple[int, ...]) -> str:
    return str(sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 % 10)


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
    head = f"1{number:011d}"
    return head + str(int(head) % 11 % 10)


def account(number: int) -> str:
    """A settlement account whose key fits BIK."""
    draft = f"407028100{number:011d}"
    weights = (7, 1, 3)
    total = sum(int(d) * weights[i % 3] for i, d in enumerate(BIK[-3:] + draft))
    return f"{draft[:8]}{total * 3 % 10}{draft[9:]}"


def phone(number: int) -> str:
    return f"+7000{number:07d}"


def users() -> list[Record]:
    """An administrator, an office manager and the managers, all at example.ru."""
    people = ["Орлова Ирина Сергеевна", "Лебедева Мария Павловна", *MANAGERS]
    posts = ["Администратор", "Офис-менеджер", *["Менеджер по продажам"] * len(MANAGERS)]
    mails = ["admin", "office", "sokolov", "tihonova", "uvarov", "fomina", "hohlov"]
    rows = []
    for number, (full, post, mail) in enumerate(zip(people, posts, mails, strict=True), 1):
        last, first, middle = split_name(full)
        rows.append({"ID": number, "ACTIVE": "Y", "LAST_NAME": last, "NAME": first, "SECOND_NAME": middle,
                     "EMAIL": f"{mail}@example.ru", "WORK_POSITION": post, "TIME_ZONE": "Europe/Moscow"})  # fmt: skip
    return rows


def company_records(
    number: int, form: str, name: str, *, own: bool = False, manager: int = 1
) -> dict[str, list[Record]]:
    """A company with requisites, a bank account and a legal address; all ids equal `number`."""
    title = f"{form} «{name}»"
    requisite = {
        "ID": number, "ENTITY_TYPE_ID": 4, "ENTITY_ID": number, "PRESET_ID": 1, "NAME": title, "RQ_COMPANY_NAME": title,
        "RQ_COMPANY_FULL_NAME": title, "RQ_INN": inn_company(number), "RQ_KPP": f"00{number % 100:02d}01001",
        "RQ_OGRN": ogrn(number), "RQ_DIRECTOR": person(number),
    }  # fmt: skip
    bank = {"ID": number, "ENTITY_ID": number, "ENTITY_TYPE_ID": 8, "NAME": "Основной счёт", "RQ_BIK": BIK,
            "RQ_BANK_NAME": "АО «Вымышленный банк»", "RQ_ACC_NUM": account(number), "RQ_ACC_CURRENCY": "RUB",
            "RQ_COR_ACC_NUM": "30101810000000000901"}  # fmt: skip
    place = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": number, "CITY": f"г. {CITIES[number % len(CITIES)]}",
             "ADDRESS_1": f"ул. {STREETS[number % len(STREETS)]}, д. {number % 90 + 1}", "POSTAL_CODE": "000000",
             "COUNTRY": "Россия"}  # fmt: skip
    card = {"ID": number, "TITLE": title, "COMPANY_TYPE": "CUSTOMER", "ASSIGNED_BY_ID": manager,
            "IS_MY_COMPANY": "Y" if own else "N", "PHONE": [phone(number)],
            "EMAIL": [f"company{number}@example.ru"]}  # fmt: skip
    return {"companies": [card], "requisites": [requisite], "bankdetails": [bank], "addresses": [place]}
