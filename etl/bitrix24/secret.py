"""The webhook URL is a password: where it comes from, how it is held, how it is kept out of logs.

Sources in order (one of them must be set): systemd credential `$CREDENTIALS_DIRECTORY/<portal name>`,
`webhook_file`, `webhook_command`, `webhook_env`. Two forms named in one profile are an error: nobody could
tell which one is in force. Facts: reference bitrix24 §1.1, reliability §5.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import stat
import subprocess
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from etl.config.ends import Portal
from etl.errors import ConfigError

_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/\s@?#]+)/rest/(?P<user>\d+)/(?P<code>[0-9A-Za-z_-]{6,})/?"
)
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_IN_TEXT = re.compile(r"/rest/\d+/[0-9A-Za-z_-]{6,}")
_SOURCES = ("webhook_file", "webhook_env", "webhook_command")
_COMMAND_SECONDS = 30
#: A shorter piece of a secret is an ordinary word and stays in the text.
_SHORTEST = 6
MASK = "***"
#: Loggers of the HTTP library that print addresses.
_LIBRARY = ("urllib3.connectionpool", "urllib3.util.retry", "urllib3.connection")


class Secret:
    """A text that cannot be printed, formatted, compared by accident, pickled or turned into JSON.

    Only the transport calls `reveal`. Every new secret is made known to `Scrub`, so that logs lose it even if
    a library prints it.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value
        Scrub.learn(value)

    def reveal(self) -> str:
        """The text itself."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Scrub(logging.Filter):
    """Removes known secrets and anything shaped like a webhook from log records, tracebacks included.

    Put it on handlers (`guard_logging`): a filter on a logger does not see records of its children.
    """

    _known: tuple[str, ...] = ()

    @classmethod
    def learn(cls, secret: str) -> None:
        """Add a secret to what every scrubber removes: as it is and percent-encoded, whole and in parts."""
        path = urlsplit(secret).path.rstrip("/")
        code = path.rsplit("/", 1)[-1]
        forms = {secret, quote(secret, safe=""), path, quote(path, safe=""), code}
        known = set(cls._known)
        known |= {form for form in forms if len(form) >= _SHORTEST}
        cls._known = tuple(sorted(known, key=len, reverse=True))  # the whole before its parts

    @classmethod
    def clean(cls, text: str) -> str:
        """The text without secrets."""
        for known in cls._known:
            text = text.replace(known, MASK)
        return _IN_TEXT.sub(f"/rest/{MASK}", text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record in place; every record passes."""
        message = record.getMessage()
        cleaned = self.clean(message)
        if cleaned != message:
            record.msg, record.args = cleaned, ()
        if record.exc_info and record.exc_info[0] is not None:
            trace = "".join(traceback.format_exception(*record.exc_info))
            record.exc_text = self.clean(trace.rstrip())
            record.exc_info = None
        return True


def guard_logging() -> None:
    """Put the scrubber on all handlers of the root logger and on the loggers of the HTTP library itself."""
    targets: list[logging.Filterer] = [*logging.getLogger().handlers]
    targets += map(logging.getLogger, _LIBRARY)
    for target in targets:
        guarded = any(isinstance(item, Scrub) for item in target.filters)
        if not guarded:
            target.addFilter(Scrub())


def webhook(portal: Portal, folder: Path, environ: Mapping[str, str] | None = None) -> Secret:
    """The webhook of a portal as a Secret ending with `/`.

    `folder` is where relative paths of the profile count from. Raises ConfigError (without the value) when no
    source or more than one is named, the file can be read by others, or the text is not an inbound webhook
    over HTTPS.
    """
    environ = os.environ if environ is None else environ
    _single_source(portal)
    credential = _credential(portal, environ)
    if credential is not None:
        return _checked(_read(credential), "systemd-секрет " + portal.name)
    if portal.webhook_file is not None:
        return _checked(_private(folder / portal.webhook_file), "файл из webhook_file")
    if portal.webhook_command is not None:
        return _checked(_output(portal.webhook_command), "ответ команды из webhook_command")
    if portal.webhook_env is not None:
        return _checked(environ.get(portal.webhook_env, ""), f"переменная окружения {portal.webhook_env}")
    raise ConfigError(
        "Не указано, где лежит адрес входящего вебхука портала.",
        'Добавьте в раздел [bitrix24] строку webhook_file = "webhook.txt" '
        "и положите адрес в этот файл (права 0600).",
    )


def _single_source(portal: Portal) -> None:
    named = [name for name in _SOURCES if getattr(portal, name) is not None]
    if len(named) > 1:
        raise ConfigError(
            f"В профиле указано сразу несколько источников вебхука: {', '.join(named)}.",
            "Оставьте один из них в разделе [bitrix24].",
        )


def _credential(portal: Portal, environ: Mapping[str, str]) -> Path | None:
    """The credential that systemd has laid out for this portal, if it has."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    file = Path(folder) / portal.name
    return file if file.is_file() else None


def host(secret: Secret) -> str:
    """Host and user of a webhook, for messages and logs: not secret."""
    found = _SHAPE.fullmatch(secret.reveal())
    if found is None:
        return MASK
    return f"{found['host']}, пользователь {found['user']}"


def _private(path: Path) -> str:
    """Text of a file that nobody else may read."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise ConfigError(
            f"Файл с вебхуком не читается: {path.name} ({error.strerror}).",
            "Проверьте webhook_file в разделе [bitrix24].",
        ) from None
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(
            f"Файл с вебхуком {path.name} доступен другим пользователям (права {mode:04o}).",
            f"Выполните: chmod 600 {path.name}",
        )
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"Файл с вебхуком {path.name} не читается.", "Проверьте права и содержимое файла."
        ) from None


def _output(command: str) -> str:
    """What a command of the profile prints; its own words are not shown, the secret may be in them."""
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode != 0:
        raise ConfigError("Команда из webhook_command не выполнилась.", "Запустите её вручную и исправьте.")
    return done.stdout


def _checked(text: str, source: str) -> Secret:
    """A webhook as it should look (bitrix24 §1.1); plain http goes to this computer only."""
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"Вебхук ({source}) не похож на адрес входящего вебхука.",
            "Нужен адрес вида https://портал.bitrix24.ru/rest/1/код/ из раздела «Разработчикам».",
        )
    if found["scheme"] == "http" and found["host"].rsplit(":", 1)[0] not in _LOOPBACK:
        raise ConfigError(
            f"Вебхук ({source}) начинается с http: пароль ушёл бы по сети открытым.", "Укажите адрес с https."
        )
    return Secret(found[0].rstrip("/") + "/")


def scrubbed(value: Any) -> str:
    """Text of any value without secrets: for messages built from what the portal said."""
    return Scrub.clean(str(value))
