"""What each 1C configuration writes and accepts: file names, encoding, vocabulary, limits, capabilities.

Sources: reference/commerceml §0, §5-§9, §15 and onec §5. What differs between configurations stands here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One configuration of 1C. Paths are relative to the exchange folder, always with `/`."""

    name: str
    title: str                              # Russian, for people
    version: str                            # ВерсияСхемы of what we write
    namespace: str | None
    bom: bool
    intake: tuple[str, ...]                 # globs of files that this 1C leaves for us
    order_path: str | None                  # the file of orders this 1C reads
    kinds: frozenset[str]                   # document kinds (tables.DOCUMENT_KINDS) that file may hold
    tells: frozenset[str]                   # facts this 1C reports: see `FACTS`
    number_limit: int = 11


#: fact -> what it means, in Russian, for `obmen24 check`
FACTS: dict[str, str] = {
    "orders_from_us": "изменения заказов, которые пришли с портала",
    "orders_born": "заказы, созданные в 1С",
    "paid_weak": "признак «оплачено» без суммы (УТ 10.3: и при частичной предоплате)",
    "paid_full": "полная оплата заказа",
    "paid_partial": "каждая оплата с суммой",
    "shipped_full": "полная отгрузка заказа",
    "shipments": "каждая реализация с суммой",
    "closing": "закрытие заказа",
    "invoices": "счета на оплату",
    "acts": "акты выполненных работ",
    "contractors": "справочник контрагентов",
    "catalogue": "номенклатура и цены",
    "managers": "ответственный менеджер",
    "status": "статус или состояние заказа",
}
_STOCK = frozenset({"order"})
_ALL = frozenset({"order", "invoice", "payment", "refund", "shipment", "return", "act", "closing"})
_FROM_1C = "from_1c/*.xml"

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (
    Dialect(name="ut103", title="1С:Управление торговлей 10.3", version="2.04", namespace=None, bom=True,
            intake=("1cbitrix-*.xml", "1cbitrix/*.xml", _FROM_1C), order_path="order.xml", kinds=_STOCK,
            tells=frozenset({"orders_from_us", "paid_weak", "shipped_full", "catalogue"})),
    Dialect(name="ut11", title="1С:Управление торговлей 11", version="2.05", namespace=None, bom=True,
            intake=("webdata/*.xml", _FROM_1C), order_path="to_1c/orders.xml", kinds=_STOCK,
            tells=frozenset({"orders_from_us", "paid_full", "shipped_full", "catalogue"})),
    Dialect(name="unf3", title="1С:Управление нашей фирмой 3", version="2.08", namespace="urn:1C.ru:commerceml_210", bom=True,
            intake=("webdata*/*.xml", _FROM_1C), order_path="to_1c/orders.xml", kinds=_STOCK,
            tells=frozenset({"orders_from_us", "orders_born", "paid_full", "paid_partial", "shipped_full", "shipments", "status", "catalogue"})),
    Dialect(name="bp3", title="1С:Бухгалтерия 3.0", version="2.05", namespace=None, bom=True,
            intake=(_FROM_1C,), order_path=None, kinds=frozenset(), tells=frozenset()),
    Dialect(name="bitrix3", title="расширенный договор обмена", version="3.1", namespace="urn:1C.ru:commerceml_3", bom=True,
            intake=(_FROM_1C,), order_path="to_1c/documents.xml", kinds=_ALL,
            tells=frozenset(FACTS) - {"paid_weak"}),
)}
