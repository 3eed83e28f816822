"""Both ends of an exchange as a profile names them: the portal, the base of 1C, our own organisations."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _exact(value: object) -> object:
    """TOML numbers with a point are binary floats: read through its text, an amount of 99.99 stays 99.99."""
    return str(value) if isinstance(value, float) else value


def _zone(name: str) -> str:
    """A zone of the tz database; its names are files, so what is no name raises anything."""
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        raise ValueError(f"«{name}» не часовой пояс, напишите, например, Europe/Moscow") from None
    return name


Money = Annotated[Decimal, BeforeValidator(_exact)]
Zone = Annotated[str, AfterValidator(_zone)]


class Model(BaseModel):
    """Base of all tables of the profile: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Portal(Model):
    """[bitrix24]: the portal.

    `name` keys the registers and must never change; the webhook is only *named* here.
    """

    name: str = Field(
        min_length=1, description="Имя портала; по нему ведутся реестры начислений, не меняйте его"
    )
    webhook_file: Path | None = Field(None, description="Файл с адресом входящего вебхука (права 0600)")
    webhook_env: str | None = Field(None, description="Имя переменной окружения с адресом вебхука")
    webhook_command: str | None = Field(None, description="Команда, которая печатает адрес вебхука")
    sandbox: Literal["video", "prepaid", "leads", "twoway"] | None = Field(
        None, description="Репетиция: вместо портала и базы 1С встроенная песочница с этими данными"
    )
    rate: float = Field(2.0, gt=0, description="Запросов в секунду по тарифу (Enterprise: 5)")
    burst: int = Field(50, gt=0, description="Запас запросов по тарифу (Enterprise: 250)")
    time_zone: Zone | None = Field(
        None,
        description="Часовой пояс сотрудников портала: чей день стоит в полях «дата и время»; "
        "без настройки onec.time_zone",
    )
    originator: str = Field("obmen24", min_length=1, description="ORIGINATOR_ID наших записей")
    overlap_minutes: int = Field(
        10, ge=0, description="На сколько минут назад перечитываются изменения портала"
    )

    @model_validator(mode="after")
    def _one_webhook(self) -> Portal:
        """The webhook is a password: one place holds it, or an old one would be used unseen."""
        given = [self.webhook_file, self.webhook_env, self.webhook_command, self.sandbox]
        sources = len(given) - given.count(None)
        if sources > 1:
            raise ValueError("укажите один источник: webhook_file, webhook_env, webhook_command или sandbox")
        return self


class OneC(Model):
    """[onec]: the 1C base and its exchange folder."""

    dialect: Literal["ut103", "ut11", "unf3", "bp3", "bitrix3"]
    extended: bool = Field(False, description="Расширенный договор обмена (docs/contract-1c.ru.md)")
    folder: Path = Field(Path("exchange_dir"), description="Папка обмена")
    sentinel: str | None = Field(None, description="Файл, без которого папка считается неподключённой")
    settle_seconds: float = Field(2.0, ge=0, description="Сколько секунд файл должен не меняться")
    resend: int = Field(
        2, ge=1, description="Сколько сеансов 1С документ остаётся в исходящем файле без ответа"
    )
    time_zone: Zone = Field("Europe/Moscow", description="Часовой пояс базы 1С")
    organisation: str | None = Field(
        None, description="Организация узла обмена: УТ 10.3 и УТ 11 записывают на неё все заказы"
    )
    release: str | None = Field(None, description="Релиз конфигурации 1С, например 10.3.52.2")
    currency: str = Field("руб", description="Название рубля в справочнике валют базы 1С")
    vat_rates: tuple[str, ...] | None = Field(
        None, description="Ставки НДС, которые знает база, если отличаются от типовых"
    )


class Organisation(Model):
    """[[organisations]]: our own legal entities, as 1C names them."""

    name: str
    inn: str | None = None
    kpp: str | None = None
    vat: Literal["general", "exempt", "5", "7"] = Field(
        "exempt", description="НДС: general (общая ставка по дате), exempt (без НДС), 5 или 7 (УСН)"
    )
