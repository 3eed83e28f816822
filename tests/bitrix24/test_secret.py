"""Where the webhook comes from and that it does not come out again."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import sys
import traceback
from pathlib import Path

import pytest

from etl.bitrix24.secret import Scrub, Secret, guard_logging, host, webhook
from etl.config.ends import Portal
from etl.errors import ConfigError

CODE = "k9f3zq7w1m5x8c2v"
URL = f"https://company.bitrix24.ru/rest/17/{CODE}/"


def portal(**source: str) -> Portal:
    return Portal.model_validate({"name": "main", **source})


def secret_file(folder: Path, text: str = URL, mode: int = 0o600) -> Path:
    path = folder / "webhook.txt"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_private_file_beside_the_profile(tmp_path: Path) -> None:
    secret_file(tmp_path, f"\ufeff{URL}\n")
    assert webhook(portal(webhook_file="webhook.txt"), tmp_path, {}).reveal() == URL


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    secret_file(tmp_path, mode=mode)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        webhook(portal(webhook_file="webhook.txt"), tmp_path, {})
    assert CODE not in str(caught.value)


def test_the_environment(tmp_path: Path) -> None:
    assert webhook(portal(webhook_env="B24"), tmp_path, {"B24": URL.rstrip("/")}).reveal() == URL
    with pytest.raises(ConfigError, match="B24"):
        webhook(portal(webhook_env="B24"), tmp_path, {})


def test_a_command(tmp_path: Path) -> None:
    path = secret_file(tmp_path)
    assert webhook(portal(webhook_command=f"cat {path}"), tmp_path, {}).reveal() == URL
    for broken in ("false", "no-such-programme-here", "'unclosed"):
        with pytest.raises(ConfigError, match="webhook_command"):
            webhook(portal(webhook_command=broken), tmp_path, {})


def test_a_systemd_credential_comes_first(tmp_path: Path) -> None:
    (tmp_path / "main").write_text(URL)
    environ = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "B24": "https://other.bitrix24.ru/rest/1/otherothercode/",
    }
    assert webhook(portal(webhook_env="B24"), tmp_path, environ).reveal() == URL
    assert webhook(portal(), tmp_path, environ).reveal() == URL


def test_two_sources_and_none_are_errors(tmp_path: Path) -> None:
    both = Portal.model_construct(name="main", webhook_file=Path("a"), webhook_env="B", webhook_command=None)
    with pytest.raises(ConfigError, match="сразу несколько"):
        webhook(both, tmp_path, {})
    with pytest.raises(ConfigError, match="Не указано"):
        webhook(portal(), tmp_path, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "https://company.bitrix24.ru/",
        f"http://company.bitrix24.ru/rest/1/{CODE}/",
        f"https://company.bitrix24.ru/rest/1/{CODE}/crm.deal.list",
        f"https://user@evil.ru/rest/1/{CODE}/",
    ],
)
def test_what_is_not_a_webhook_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        webhook(portal(webhook_env="B24"), tmp_path, {"B24": text})
    assert CODE not in str(caught.value)


def test_plain_http_is_for_this_computer_only(tmp_path: Path) -> None:
    local = f"http://127.0.0.1:8080/rest/1/{CODE}/"
    assert webhook(portal(webhook_env="B24"), tmp_path, {"B24": local}).reveal() == local


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(URL)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        "%s" % secret,  # noqa: UP031
        repr([secret]),
        repr({"a": secret}),
    ):
        assert CODE not in shown
    for forbidden in (
        lambda: pickle.dumps(secret),
        lambda: json.dumps(secret),
        lambda: copy.deepcopy(secret),
    ):
        with pytest.raises(TypeError):
            forbidden()
    assert host(secret) == "company.bitrix24.ru, пользователь 17"


def test_log_records_and_tracebacks_are_scrubbed(caplog: pytest.LogCaptureFixture) -> None:
    Secret(URL)
    caplog.handler.addFilter(Scrub())
    try:
        int(URL)
    except ValueError:
        logging.getLogger("some.child").exception("failed for %s", URL)
    logging.getLogger("some.child").warning(
        "an unknown one: https://x.bitrix24.ru/rest/5/zzzzzzzzzzzz/crm.deal.list"
    )
    text = caplog.text + "".join(record.exc_text or "" for record in caplog.records)
    assert CODE not in text and "zzzzzzzzzzzz" not in text
    assert "/rest/***" in text


def test_handlers_are_guarded_once() -> None:
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    try:
        guard_logging()
        guard_logging()
        assert sum(isinstance(item, Scrub) for item in handler.filters) == 1
        assert any(isinstance(item, Scrub) for item in logging.getLogger("urllib3.connectionpool").filters)
    finally:
        logging.getLogger().removeHandler(handler)


def test_a_traceback_of_locals_holds_no_secret() -> None:
    secret = Secret(URL)

    def fail(held: Secret) -> None:
        raise ValueError("x")

    try:
        fail(secret)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert os.path.basename(__file__) in shown and CODE not in shown.replace(f"CODE = '{CODE}'", "")
