"""`obmen24 check`: the profile against the portal, the exchange folder and what this 1C can tell, all findings at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.config import dialects
from etl.config.dialects import FACTS
from etl.config.profile import Profile
from etl.errors import EXIT_CLEAN, EXIT_CONFIG, EXIT_LATER, ConfigError, EtlError, TryLater

if TYPE_CHECKING:
    from etl.bitrix24.client import Client
    from etl.bitrix24.names import Names

#: fact of a rule -> capabilities of 1C any of which feeds it (reference commerceml §5)
NEEDS: dict[str, tuple[str, ...]] = {
    "paid_charges": ("paid_partial", "paid_full"),
    "paid": ("paid_partial", "paid_full"),
    "prepaid": ("paid_partial",),
    "shipped": ("shipments", "shipped_full"),
    "shipped_amount": ("shipments", "shipped_full"),
    "closed": ("closing",),
    "invoiced": ("invoices",),
    "status": ("status",),
}
_MONEY = ("paid_charges", "paid", "prepaid")
_ADVISED = "10.3.52.2"


@dataclass
class Check:
    """Findings: `wrong` stops the exchange, `gaps` are rules this 1C cannot feed, `told` is what was found in order."""

    wrong: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    later: bool = False

    @property
    def exit_code(self) -> int:
        """2 the profile cannot work, 75 the portal or folder is away, 0 it can."""
        return EXIT_CONFIG if self.wrong else EXIT_LATER if self.later else EXIT_CLEAN

    def json(self) -> str:
        """For a program."""
        return json.dumps(
            {"wrong": self.wrong, "gaps": self.gaps, "told": self.told, "exit": self.exit_code},
            ensure_ascii=False,
            indent=1,
        )

    def text(self) -> str:
        """Russian; the last line says what to do."""
        lines = [
            *(f"  {text}" for text in self.told),
            *(f"  ОШИБКА: {text}" for text in self.wrong),
            *(f"  ПРОБЕЛ: {text}" for text in self.gaps),
        ]
        if self.wrong:
            last = "Исправьте профиль и повторите obmen24 check."
        elif self.later:
            last = "Повторите obmen24 check, когда портал и папка будут доступны."
        else:
            last = (
                "Профиль годится. Посмотрите obmen24 plan."
                if not self.gaps
                else "Профиль годится с оговорками выше. Посмотрите obmen24 plan."
            )
        return "\n".join(["Проверка профиля:", *lines, last])


def check(profile: Profile) -> Check:
    """Look at everything that can be looked at; nothing is changed."""
    result = Check()
    result.wrong += contradictions(profile)
    result.gaps += gaps(profile)
    result.told += _release(profile)
    _look(result, lambda: _folder(profile, result))
    _look(result, lambda: _portal(profile, result))
    if not result.wrong and not result.later and "parties" in profile.flows:
        _look(result, lambda: result.told.append(_coverage_text(coverage(profile))))
    return result


def refuse(profile: Profile) -> None:
    """Raise ConfigError for a profile that would double documents or make a file 1C refuses whole."""
    if found := contradictions(profile):
        raise ConfigError(
            f"Профиль {profile.name} противоречит возможностям 1С:",
            "Исправьте профиль, затем obmen24 check.",
            found,
        )


def contradictions(profile: Profile) -> list[str]:
    """What cannot work at all, as «place: what is wrong and what to do»."""
    writes = profile.contract if profile.onec.extended else profile.dialect
    kinds = {"charge": {"order"}, "act": {"act"}, "payment": {"payment"}}
    used = {
        "charge": profile.billing is not None,
        "act": profile.commission is not None,
        "payment": "bank" in profile.flows,
    }
    found = [
        f'delivery.{name}: {writes.title} не читает такие документы из файла обмена. Укажите "spreadsheet" или onec.extended = true'
        for name, needed in kinds.items()
        if used[name] and getattr(profile.delivery, name) == "commerceml" and not needed <= writes.kinds
    ]
    if profile.commission and profile.commission.confirm == "seen" and "acts" not in writes.tells:
        found.append('commission.confirm: эта 1С об актах не сообщает. Укажите "published" или "person"')
    if profile.orders and profile.orders.send_stages and writes.order_path is None:
        found.append(
            f"orders.send_stages: {writes.title} не читает заказы из файла обмена. Уберите настройку или укажите onec.extended = true"
        )
    found += [
        f"flows: поток {flow} требует раздела [{flow}]"
        for flow in ("billing", "commission")
        if flow in profile.flows and getattr(profile, flow) is None
    ]
    return found


def gaps(profile: Profile) -> list[str]:
    """Rules this 1C cannot feed, in plain words, and what closes each gap."""
    tells = profile.dialect.tells | (profile.contract.tells if profile.onec.extended else frozenset())
    closed_by_bank = "bank" in profile.flows
    found = []
    for number, rule in enumerate(profile.rules, 1):
        for fact in rule.when:
            feeds = NEEDS.get(fact, ())
            if not feeds or tells & set(feeds) or (fact in _MONEY and closed_by_bank):
                continue
            words = " или ".join(f"«{FACTS[name]}»" for name in feeds)
            found.append(
                f"правило {number} («{rule.to}»): {profile.dialect.title} не сообщает {words}. {_closing(fact)}"
            )
    return [*found, *_directories(profile, tells), *_weak(profile, tells), *_rates(profile)]


def _closing(fact: str) -> str:
    if fact in _MONEY:
        return "Закрывается выпиской банка (поток bank) или расширенным договором обмена (onec.extended)."
    return "Закрывается расширенным договором обмена (onec.extended) или ручной выгрузкой «Выгрузка данных CommerceML»."


def _directories(profile: Profile, tells: frozenset[str]) -> Iterator[str]:
    wanted = {
        "parties": (
            "contractors",
            "справочник контрагентов 1С отдельно не выгружает: контрагенты приходят только внутри заказов",
        ),
        "products": ("catalogue", "номенклатуру 1С не выгружает"),
    }
    for name, (fact, said) in wanted.items():
        entity = profile.entities.get(name)  # type: ignore[call-overload]
        if entity and entity.direction != "to-1c" and fact not in tells:
            yield f"entities.{name}: {said}. Закрывается расширенным договором обмена (onec.extended)."
    if profile.orders and profile.orders.create_deals and "orders_born" not in tells:
        yield (
            f"orders.create_deals: {profile.dialect.title} не выгружает заказы, созданные в самой 1С. Закрывается расширенным договором "
            "обмена или ручной выгрузкой «Выгрузка данных CommerceML»."
        )


def _weak(profile: Profile, tells: frozenset[str]) -> Iterator[str]:
    if "paid_weak" in tells and not tells & {"paid_full", "paid_partial"} and "bank" not in profile.flows:
        yield (
            "оплата: УТ 10.3 сообщает только признак без суммы, и он стоит уже при частичной предоплате. Деньги по нему не считаются, "
            "пока сумму не подтвердит выписка банка (поток bank)."
        )


def _rates(profile: Profile) -> Iterator[str]:
    known = profile.onec.vat_rates or (profile.dialect.vat_rates if not profile.onec.extended else None)
    for own in profile.organisations:
        rate = own.vat if own.vat != "general" else f"{dialects.standard_vat(_today()):f}"
        if own.vat != "exempt" and known is not None and rate not in known:
            yield (
                f"organisations «{own.name}»: типовая {profile.dialect.title} не знает ставку НДС {rate} % и молча запишет другую. Доработайте "
                "обмен в 1С и перечислите ставки в onec.vat_rates; до этого такие документы не отправляются."
            )


def _today() -> Any:
    import datetime as dt

    return dt.datetime.now(dt.UTC).date()


def _release(profile: Profile) -> list[str]:
    if profile.onec.dialect != "ut103":
        return []
    if profile.onec.release is None:
        return [
            f"Укажите релиз 1С в onec.release. Рекомендуется {_ADVISED}: на более старых обмен может ломаться."
        ]
    older = _version(profile.onec.release) < _version(_ADVISED)
    return [
        f"Релиз 1С {profile.onec.release}"
        + (f": рекомендуется обновить до {_ADVISED}, на старых обмен может ломаться." if older else ".")
    ]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in text.split("."))


def _look(result: Check, step: Any) -> None:
    try:
        step()
    except TryLater as error:
        result.later = True
        result.told.append(str(error))
    except ConfigError as error:
        result.wrong += error.problems or [str(error)]
    except EtlError as error:
        result.wrong.append(str(error))


def _folder(profile: Profile, result: Check) -> None:
    folder = profile.folder
    if not folder.is_dir():
        raise ConfigError("", problems=[f"onec.folder: папки {folder} нет. Создайте её или исправьте путь"])
    if profile.onec.sentinel and not (folder / profile.onec.sentinel).exists():
        raise TryLater(f"Папка обмена не подключена: в ней нет файла {profile.onec.sentinel}.")
    if not os.access(folder, os.W_OK):
        raise ConfigError(
            "", problems=[f"onec.folder: в папку {folder} нельзя писать. Дайте права пользователю обмена"]
        )
    result.told.append(f"Папка обмена: {folder}")


@contextmanager
def portal(profile: Profile) -> Iterator[tuple[Client, Names]]:
    """The profile's portal with its names resolved; for a sandbox profile the embedded one. Raises ConfigError, TryLater."""
    from etl.bitrix24 import client as rest
    from etl.bitrix24 import names

    if profile.bitrix24.sandbox:
        from etl.sandbox.scene.stage import staged

        with staged(profile) as stage, portal(stage.profile) as found:
            yield found
        return
    with rest.connect(profile.bitrix24, profile.path.parent, None) as client:
        yield client, names.load(client, profile)


def _portal(profile: Profile, result: Check) -> None:
    from etl.extract.bitrix24 import deals as extract

    with portal(profile) as (client, names):
        count = len(extract.deal_ids(client, names))
        result.told.append(
            f"Портал {profile.bitrix24.name}: все названия профиля найдены, сделок в воронке: {count}."
        )


def coverage(profile: Profile) -> dict[str, int]:
    """Parties of 1C that were told so far or wait in the exchange folder, by how they are tied to the portal: by_guid, by_inn, doubtful,
    unmatched_1c; unmatched_portal = cards that 1C is not known to have. Counted on copies, nothing is changed; {} where not exchanged.
    """
    from etl import pipeline
    from etl.flows import intake
    from etl.flows.directories import parties
    from etl.flows.run import Options

    if profile.bitrix24.sandbox:
        from etl.sandbox.scene.stage import staged

        with staged(profile) as stage:
            return coverage(stage.profile)
    with pipeline.opened(profile, ("parties",), trigger="check", options=Options(dry=True)) as run:
        return parties.coverage(run, intake.take(run))


def _coverage_text(found: dict[str, int]) -> str:
    words = {
        "by_guid": "связаны по GUID или ответу",
        "by_inn": "предложены по ИНН",
        "doubtful": "сомнительны",
        "unmatched_1c": "есть только в 1С",
        "unmatched_portal": "есть только на портале",
    }
    counted = ", ".join(f"{words[name]}: {count}" for name, count in found.items())
    doubtful = found.get("by_inn", 0) + found.get("doubtful", 0)
    return f"Контрагенты: {counted}." + (
        " Сомнительные пары подтвердит человек: obmen24 run, затем obmen24 ask." if doubtful else ""
    )
