"""What an answer of the portal means for the caller: tables of facts, no code per case.

    OK         the call worked
    RETRY      surely not executed, or a read: repeat after a pause
    UNKNOWN    a write that may or may not have happened: look it up before repeating
    PERMANENT  this record is refused: set it aside, go on
    STOP       nothing will work until a person acts: end the run

A read never becomes UNKNOWN. Codes are compared in lower case; the portal mixes cases and statuses. The
tables are those of bitrix24 §1.3 and reliability §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from etl.errors import ConfigError, NeedsPerson

Failure = Literal["unreached", "lost", "certificate", "too_big"]


class Verdict(StrEnum):
    """What the caller does next; the words are explained at the top of this module."""

    OK = "ok"
    RETRY = "retry"
    UNKNOWN = "unknown"
    PERMANENT = "permanent"
    STOP = "stop"


#: Last words of methods that change nothing.
READS = frozenset({"list", "get", "fields", "types", "current", "time", "profile", "scope", "findbycomm"})

_ANY = "*"
_AMBIGUOUS = "ambiguous"  # UNKNOWN for a write, RETRY for a read

#: (HTTP status or *, code or *) -> verdict; first match wins.
BY_CODE: tuple[tuple[int | str, str, str], ...] = (
    (_ANY, "query_limit_exceeded", Verdict.RETRY),
    (_ANY, "operation_time_limit", Verdict.RETRY),
    (_ANY, "overload_limit", Verdict.STOP),
    (_ANY, "expired_token", Verdict.STOP),
    (_ANY, "invalid_grant", Verdict.STOP),
    (_ANY, "no_auth_found", Verdict.STOP),
    (_ANY, "invalid_credentials", Verdict.STOP),
    (_ANY, "insufficient_scope", Verdict.STOP),
    (_ANY, "error_method_not_found", Verdict.STOP),
    (_ANY, "portal_deleted", Verdict.STOP),
    (_ANY, "payment_required", Verdict.STOP),
    (_ANY, "user_access_error", Verdict.STOP),
    (_ANY, "allowed_only_intranet_user", Verdict.STOP),
    (_ANY, "authorization_error", Verdict.STOP),
    (_ANY, "application_not_found", Verdict.STOP),
    (_ANY, "invalid_token", Verdict.STOP),
    (_ANY, "invalid_request", Verdict.STOP),
    (401, _ANY, Verdict.STOP),
    (403, "access_denied", Verdict.STOP),  # crm.item.* say the same with 400: then it is one record
    (410, _ANY, Verdict.STOP),
    (_ANY, "internal_server_error", _AMBIGUOUS),
    (_ANY, "error_unexpected_answer", _AMBIGUOUS),
    (429, _ANY, Verdict.RETRY),
)

BY_FAILURE: dict[Failure, str] = {
    "unreached": Verdict.RETRY,  # nothing was sent: no connection, no name, refused
    "lost": _AMBIGUOUS,  # sent, and the answer did not come whole
    "too_big": _AMBIGUOUS,
    "certificate": Verdict.STOP,
}


_SCOPES = "Отметьте в вебхуке права crm, catalog, user, im, userfieldconfig."
_BAD_CODE = (
    "Портал «{name}» не принимает вебхук: код неверен или отозван.",
    "Создайте вебхук заново и запишите его адрес.",
)
#: code of a STOP -> what a person reads: (what happened, what to do)
_STOPS = {
    "overload_limit": (
        "REST портала «{name}» заблокирован поставщиком из-за нагрузки.",
        "Обратитесь в поддержку Битрикс24.",
    ),
    "payment_required": (
        "На портале «{name}» REST недоступен по тарифу.",
        "Оплатите тариф или подписку на приложения.",
    ),
    "portal_deleted": ("Портал «{name}» закрыт или удалён.", "Проверьте портал в браузере."),
    "insufficient_scope": ("Вебхуку портала «{name}» не хватает прав.", _SCOPES),
    "error_method_not_found": ("Портал «{name}» не знает нужного метода: нет права или модуля.", _SCOPES),
    "no_auth_found": _BAD_CODE,
    "invalid_credentials": _BAD_CODE,
}
#: A STOP that the settings of a profile cannot mend.
_FOR_PERSON = frozenset({"overload_limit", "payment_required", "portal_deleted"})


def is_write(method: str) -> bool:
    """Whether a method changes the portal, by its last word."""
    word = method.lower().rsplit(".", 1)[-1]
    return word not in READS


def classify(method: str, status: int | None, body: Any, exc: Failure | None = None) -> Verdict:
    """The meaning of one answer (reliability §3: the table of faults).

    `method`: what was called (for a batch: one of its writing commands if it has any); `status`: HTTP status,
    None where there was none (a command inside a batch, or no answer); `body`: parsed JSON or None; `exc`:
    how the exchange broke.
    """
    if exc is not None:
        return _settled(BY_FAILURE[exc], method)
    if status is not None and 300 <= status < 400:
        return Verdict.STOP
    if isinstance(body, Mapping) and "error" in body:
        return _settled(_by_code(status, str(body["error"]).lower()), method)
    if status is not None and status >= 400:
        return _settled(_by_code(status, ""), method)
    if isinstance(body, Mapping) and "result" in body:
        return Verdict.OK
    return _settled(_AMBIGUOUS, method)


def stopped(
    name: str, code: str, status: int | None, failure: Failure | None = None, moved: str | None = None
) -> ConfigError | NeedsPerson:
    """The error that a STOP of the portal `name` is: NeedsPerson where no setting helps, else ConfigError.

    `code`: the portal's code in lower case; `failure`, `moved`: of the answer (a renamed portal answers 302
    with its new host, bitrix24 §1.3). No secret may stand in any of them.
    """
    if failure == "certificate":
        return ConfigError(
            f"Сертификат портала «{name}» не проходит проверку.",
            "Проверьте адрес, часы компьютера и корневые сертификаты; проверку отключить нельзя.",
        )
    if moved is not None:
        return ConfigError(
            f"Портал «{name}» переехал на {moved}.", "Запишите новый адрес вебхука и повторите."
        )
    if code not in _STOPS:
        return ConfigError(
            f"Портал «{name}» отказал в доступе ({code or status}).",
            "Проверьте вебхук в разделе «Разработчикам» портала и его права.",
        )
    message, advice = _STOPS[code]
    kind = NeedsPerson if code in _FOR_PERSON else ConfigError
    return kind(message.format(name=name), advice)


def _by_code(status: int | None, code: str) -> str:
    """The first line of the table that fits; a fault of the server that it does not know is ambiguous."""
    for known_status, known_code, verdict in BY_CODE:
        if known_status in (_ANY, status) and known_code in (_ANY, code):
            return verdict
    if status is not None and status >= 500:
        return _AMBIGUOUS
    return Verdict.PERMANENT


def _settled(verdict: str, method: str) -> Verdict:
    """A write whose effect is unclear is UNKNOWN; a read is simply repeated."""
    if verdict != _AMBIGUOUS:
        return Verdict(verdict)
    return Verdict.UNKNOWN if is_write(method) else Verdict.RETRY
