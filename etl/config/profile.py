"""The profile: one integration of one portal with one 1C base, as TOML that a person writes.

What differs between customers stands here and nowhere else. Unknown keys are refused, every problem is
listed with its path. Names of stages, fields and pipelines are those a person sees in the portal;
`etl.bitrix24.fields` resolves them.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from etl.config import dialects, source
from etl.config.ends import Model, Money, OneC, Organisation, Portal
from etl.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Flow = Literal[
    "parties", "products", "orders-out", "documents-in", "bank", "spreadsheet-in", "billing", "commission"
]
Owner = Literal["portal", "1c", "ask"]
Delivery = Literal["commerceml", "spreadsheet"]
Share = Literal["full", "prorate", "none"]


class Deals(Model):
    """[deals]: which deals we look at and where their values stand.

    Keys of `fields` are columns of the table deals.
    """

    pipeline: str | None = Field(None, description="Воронка; без неё берутся сделки всех воронок")
    fields: dict[str, str] = Field(
        default_factory=dict,
        description="Наш столбец = поле портала (название или код). organisation: поле, в котором стоит наша "
        "организация (название, ИНН или карточка «моей компании»); без него берётся из реквизитов сделки. "
        "Если организаций несколько, сделка без организации в 1С не уходит",
    )
    aliases: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Другие названия той же стадии"
    )


class Rule(Model):
    """[[rules]]: a deal moves to `to` when the facts say so, from the stages listed only.

    `when`: fact = true/false, or a number meaning «at least». Facts of contracts: paid_charges, act1, act2,
    terminated; of orders: ordered, invoiced, paid, prepaid, shipped, closed, status. The last rule that
    holds gives the derived stage.
    """

    to: str
    when: dict[str, bool | int | str] = Field(min_length=1)
    from_: tuple[str, ...] = Field(alias="from", min_length=1)
    notify: str | None = Field(
        None, description="Текст уведомления ответственному; {deal}, {number}, {amount}, {date}"
    )
    notify_by: Literal["anyone", "exchange"] = Field(
        "anyone",
        description="О чьём переносе уведомлять: чьём угодно или только обмена (вручную уведомляет робот)",
    )


class Billing(Model):
    """[billing]: monthly charges of contracts (specification 000)."""

    stages: tuple[str, ...] = Field(min_length=1, description="Стадии, сделки которых начисляются")
    terminated_stage: str = Field(description="Стадия расторгнутого договора")
    service: str = Field(
        "Услуги видеонаблюдения", description="Наименование услуги в заказе; {month} = месяц словами"
    )
    day: int | None = Field(None, ge=1, le=28, description="С какого числа месяца sync начисляет сам")
    date: Literal["first", "last"] = Field(
        "first", description="Дата начисления: первый или последний день месяца"
    )
    termination_month: Share = "full"
    first_month: Share = "full"
    keep: Literal["gross", "net"] = Field(
        "gross", description="Что сохраняется при смене ставки НДС: сумма с налогом или без"
    )
    kind: str = Field("fee", pattern=r"^[a-z]+$", description="Вид начисления в ключе реестра")
    invoice: bool = Field(True, description="К начислению прилагается Счет на оплату (расширенный договор)")
    exclude: tuple[str, ...] = Field((), description="ID сделок, которые не начисляются")


class Commission(Model):
    """[commission]: the manager's remuneration in two halves (specification 000)."""

    agreed: str | None = Field(None, description="Поле сделки с согласованной суммой")
    percent: Money | None = Field(None, gt=0, le=100)
    base: str | None = Field(None, description="Поле сделки, от которого считается процент")
    confirm: Literal["seen", "published", "person"] | None = Field(
        None,
        description="Когда акт считается принятым; "
        "без настройки seen, если 1С сообщает об актах, иначе published",
    )
    after_termination: Literal["accrue", "ask", "none"] = Field(
        "ask",
        description="Вторая половина, если начисленное до расторжения клиент оплатил после него: "
        "accrue начислить, ask спросить человека, none не начислять",
    )
    service: str = "Вознаграждение за заключение договора, часть {part} из 2"
    reversal: str = "Возврат вознаграждения, часть {part} из 2"

    @model_validator(mode="after")
    def _one_source(self) -> Commission:
        if (self.agreed is None) == (self.percent is None):
            raise ValueError("укажите либо agreed (поле с суммой), либо percent и base")
        if self.percent is not None and self.base is None:
            raise ValueError("к percent укажите base: от какого поля считается процент")
        return self


class DeliveryChoice(Model):
    """[delivery]: exactly one loadable artefact per kind of document, never both, or the books double."""

    charge: Delivery = "commerceml"
    act: Delivery = "commerceml"
    payment: Delivery = "spreadsheet"


class Bank(Model):
    """[bank]: matching of receipts (onec.md §3.3)."""

    accounts: tuple[str, ...] = Field((), description="Наши расчётные счета; без списка берутся из выписки")
    accept: Money = Field(Decimal("1.00"), description="С какой оценки платёж сопоставляется без человека")
    lead: Money = Field(Decimal("0.05"), description="Отрыв лучшего варианта от следующего")
    masks: tuple[str, ...] = Field((), description="Маски наших номеров в назначении платежа, например СЧ-d+")
    other: tuple[str, ...] = Field(
        (
            "пени",
            "пеня",
            "пеню",
            "пеней",
            "неустойк",
            "штраф",
            "монтаж",
            "установк",
            "обеспечительн",
            "депозит",
            "залог",
        ),
        description="Начала слов, с которыми платёж может быть не за начисление: о нём спрашивается",
    )
    payers: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="ИНН договора = ИНН тех, кто платит за него"
    )


class Entity(Model):
    """[entities.<table>]: how one directory is exchanged. Absent entity = not exchanged."""

    direction: Literal["both", "to-portal", "to-1c"] = "to-portal"
    create: bool = Field(True, description="Создавать записи, которых нет на другой стороне")
    owner: Owner = "1c"
    owners: dict[str, Owner] = Field(default_factory=dict, description="Поле = кто прав при расхождении")
    fields: dict[str, str] = Field(default_factory=dict, description="Наш столбец = поле портала")


class Orders(Model):
    """[orders]: documents between deals and 1C (specifications 001, 002/004, 003)."""

    send_stages: tuple[str, ...] = Field((), description="Стадии, на которых сделка создаёт заказ в 1С")
    invoice_stages: tuple[str, ...] = Field((), description="Стадии, на которых смарт-счёт создаёт счёт в 1С")
    variant_field: str | None = Field(None, description="Поле сделки: предоплата или постоплата")
    prepaid_values: tuple[str, ...] = ()
    create_deals: bool = Field(False, description="Заказы, созданные в 1С, становятся сделками")
    first_stage: str | None = Field(None, description="Стадия сделки, созданной из заказа 1С")
    create_invoices: bool = Field(False, description="Создавать смарт-счёт, если у сделки его нет")
    invoice_paid_stage: str | None = Field(None, description="Стадия смарт-счёта после оплаты")
    rows: bool = Field(True, description="Передавать состав заказа")
    composition_owner: Owner = "1c"
    discounts: Literal["portal", "1c"] = "portal"
    typed_sum: Literal["hold", "line"] = Field(
        "hold",
        description="Сумма сделки введена вручную и не равна строкам: hold (не отправлять, показать "
        "обе суммы) или line (сумма сделки уходит одной строкой)",
    )
    typed_sum_line: str = Field(
        "Товары и услуги по договорённости",
        min_length=1,
        description="Наименование такой строки; под ним 1С заведёт одну номенклатуру",
    )
    trust: Literal["facts", "status"] = Field(
        "facts",
        description="Чему верить, если статус заказа говорит больше, чем суммы: facts = суммам и признакам, "
        "status = статусу дословно",
    )
    statuses: dict[str, str] = Field(
        default_factory=dict, description="Статус (состояние) заказа 1С = факт: paid, shipped, closed, ..."
    )
    fields: dict[str, str] = Field(default_factory=dict, description="Факт документа = поле сделки")
    managers: dict[str, str] = Field(
        default_factory=dict, description="Менеджер 1С = e-mail сотрудника портала"
    )
    organisations_by: Literal["inn", "name"] = "inn"


class Guard(Model):
    """[guard]: brakes. More overwrites in one run stop before the first write."""

    overwrites: int = Field(200, ge=0)


class State(Model):
    """[state]: where the memory lies."""

    url: str | None = None
    folder: Path | None = None
    keep_months: int = Field(
        36, ge=1, description="Сколько месяцев хранится журнал; реестры и оплаты хранятся всегда"
    )


class Profile(Model):
    """One integration. `path` is where it was read from; relative paths inside count from there."""

    path: Path = Field(exclude=True)
    title: str = Field("", description="Название для людей")
    flows: tuple[Flow, ...] = Field(
        min_length=1, description="Какие потоки выполняет obmen24 run, по порядку"
    )
    bitrix24: Portal
    onec: OneC
    organisations: tuple[Organisation, ...] = Field(min_length=1)
    deals: Deals = Deals()
    rules: tuple[Rule, ...] = ()
    results: dict[str, str] = Field(
        default_factory=dict, description="Итог = поле сделки: paid_on, paid_total, paid_charges, act1, act2"
    )
    billing: Billing | None = None
    commission: Commission | None = None
    delivery: DeliveryChoice = DeliveryChoice()
    entities: dict[Literal["parties", "contacts", "products"], Entity] = Field(default_factory=dict)
    orders: Orders | None = None
    bank: Bank = Bank()
    columns: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Столбец = подписи в выгрузке Excel"
    )
    guard: Guard = Guard()
    state: State = State()

    @model_validator(mode="after")
    def _one_seller(self) -> Profile:
        """Stock УТ 10.3 and УТ 11 book every order to one organisation, whatever the order names."""
        names = [own.name for own in self.organisations]
        said = self.onec.organisation
        if said and said not in names:
            raise ValueError(f"onec.organisation: организации «{said}» нет среди [[organisations]]")
        if len(names) > 1 and not said and not self.onec.extended and self.dialect.one_organisation:
            raise ValueError(
                f"{self.dialect.title} записывает все заказы на организацию узла обмена: укажите её в [onec] "
                "organisation, документы других организаций не отправляются"
            )
        return self

    @property
    def name(self) -> str:
        """Short name: the file's stem."""
        return self.path.stem

    @property
    def folder(self) -> Path:
        """The exchange folder."""
        return (self.path.parent / self.onec.folder).resolve()

    @property
    def state_folder(self) -> Path:
        """Folder of state, spool and demo data."""
        return Path(source.state_folder(self.path, self.model_dump(include={"state"})))

    @property
    def state_url(self) -> str:
        """SQLAlchemy URL of the state."""
        return source.state_url(self.path, self.model_dump(include={"state"}))

    @property
    def portal_zone(self) -> ZoneInfo:
        """The zone of the people at the portal: whose day a moment of a field is."""
        return ZoneInfo(self.bitrix24.time_zone or self.onec.time_zone)

    @property
    def organisation(self) -> Organisation:
        """The first of our organisations: whose name stands above the books; no deal is given it by default
        where there are several.
        """
        return self.organisations[0]

    @property
    def contract(self) -> dialects.Dialect:
        """The dialect of files that stock 1C cannot read: the extended contract."""
        return dialects.DIALECTS["bitrix3"]

    @property
    def dialect(self) -> dialects.Dialect:
        """What this 1C base itself writes and accepts."""
        return dialects.DIALECTS[self.onec.dialect]


def load(path: Path) -> Profile:
    """Read and validate a profile. Raises ConfigError with every problem as «path: what is wrong»."""
    path = path.resolve()
    raw = source.read(path)
    try:
        return Profile.model_validate({**raw, "path": path})
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = [f"{_place(item['loc'])}: {_said(item)}" for item in found]
        raise ConfigError(
            f"Профиль {path.name} не подходит:", "Исправьте эти строки и повторите obmen24 check.", problems
        ) from None


def json_schema() -> dict[str, Any]:
    """JSON Schema of the profile (`schemas/profile.schema.json` is generated from it)."""
    return Profile.model_json_schema()


def _place(where: tuple[int | str, ...]) -> str:
    """Where a setting stands, as a person counts: `rules[0].to`."""
    place = ""
    for part in where:
        if isinstance(part, int):
            place += f"[{part}]"
        else:
            place += f".{part}" if place else part
    return place


_WORDS = {
    "missing": "обязательная настройка не указана",
    "extra_forbidden": "такой настройки нет (опечатка?)",
    "too_short": "список пуст",
}


def _said(item: ErrorDetails) -> str:
    """What is wrong with a setting, in Russian where pydantic's own sentence would not help."""
    context = item.get("ctx", {})
    if item["type"] == "literal_error":
        allowed = context["expected"].replace(" or ", ", ").replace("'", "")
        return f"«{item['input']}» не подходит, допустимо: {allowed}"
    if item["type"] == "value_error":
        return str(context["error"])
    return _WORDS.get(item["type"], f"{item['msg']} (получено: {item['input']!r:.60})")
