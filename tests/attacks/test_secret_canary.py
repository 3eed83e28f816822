"""A known webhook goes through everything that can happen; afterwards no byte we produced holds it."""

from __future__ import annotations

import base64
import gc
import io
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from etl.bitrix24 import names as portal_names
from etl.bitrix24.calls import Command
from etl.bitrix24.client import Client, connect
from etl.bitrix24.secret import Secret
from etl.bitrix24.transport import PUBLIC, Broken, SecretPath
from etl.config.ends import Portal as PortalSettings
from etl.errors import EtlError
from etl.extract.bitrix24 import deals as extract
from etl.flows.portal.outbox import StoreOutbox
from etl.load.bitrix24 import items as load
from etl.sandbox.portal.app import Portal
from tests.support import bitrix24_bench as bench
from tests.support.paths import ROOT

CANARY = "c4n4ry0f0bm3n24xq"
FAULTS = [
    "cut_before",
    "cut_after",
    "timeout",
    "half_json",
    "truncated",
    "html_200",
    "html_502",
    "empty_200",
    "redirect",
    "redirect_308",
    "503",
    "429",
    "500",
    "401",
    "403",
    "overload",
    "error_200",
]


def forms(secret: str) -> list[str]:
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return [secret, quote(secret, safe=""), encoded[:-2], secret[::-1], secret.upper()]


def assert_clean(text: str, where: str) -> None:
    for form in forms(CANARY):
        assert form not in text, f"the webhook shows in {where}"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged at the most talkative level, by whatever library."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def shown(error: BaseException) -> str:
    """An exception as an error tracker sees it: the whole chain, the locals of every frame, the attributes."""
    parts = []
    seen: BaseException | None = error
    while seen is not None:
        trace = traceback.TracebackException.from_exception(seen, capture_locals=True, compact=False)
        ours = [
            frame
            for frame in trace.stack
            if not frame.filename.startswith(str(ROOT / "tests")) and "/sandbox/" not in frame.filename
        ]
        parts += [
            repr(seen),
            str(seen),
            repr(vars(seen)),
            *(f"{frame.name} {frame.locals}" for frame in ours),
        ]
        seen = seen.__context__ or seen.__cause__
    return "\n".join(parts)


def work(client: Client, outbox: StoreOutbox) -> Iterator[str]:
    """A run of everything; gives out what a person or a report would see."""
    profile = bench.profile()
    try:
        names = portal_names.load(client, profile)
        yield str(names)
        yield extract.deals(client, names, profile).to_csv()
        yield str(
            list(
                load.move_stages(
                    client,
                    names,
                    [load.Move("m", "1", "1-ая оплата клиента", ("Договор подтвержден",))],
                    outbox,
                )
            )
        )
        yield str(
            load.create_deals(client, names, "obmen24", [load.NewItem("d", "g", {"TITLE": "x"})], outbox)
        )
        yield str(client.read("crm.item.get", {"entityTypeId": 2, "id": 999_999}))
    except EtlError as error:
        yield shown(error)


@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_we_say_or_keep_holds_the_webhook(
    kind: str, log: io.StringIO, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = bench.Clock()
    faults = [{"kind": kind, "method": "crm.*", "nth": nth, "times": 2, "seconds": 1} for nth in (1, 4, 7)]
    with (
        Portal(seed=bench.video(), clock=clock.time, code=CANARY, faults=faults) as portal,
        bench.client(portal.webhook, clock, tmp_path / "state", read_timeout=0.15) as client,
        bench.store(tmp_path, clock) as state,
    ):
        for number, said in enumerate(work(client, bench.outbox(state))):
            assert_clean(said, f"report {number}")
        assert_clean(repr(vars(client)) + repr(vars(client._transport)), "the client's attributes")
    assert_clean(log.getvalue(), "the log")
    assert_clean("".join(capfd.readouterr()), "standard output")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert_clean(path.read_bytes().decode("latin-1"), path.name)


def test_the_detector_detects_and_the_scrubber_scrubs(log: io.StringIO) -> None:
    with pytest.raises(AssertionError, match="shows in the log"):
        assert_clean(f"calling {CANARY}", "the log")
    with bench.client(f"http://127.0.0.1:9/rest/1/{CANARY}/"):
        logging.getLogger("careless").warning("calling %s", CANARY)
    assert "calling ***" in log.getvalue()


def test_an_unreachable_portal(log: io.StringIO) -> None:
    with (
        bench.client(f"http://127.0.0.1:9/rest/1/{CANARY}/", bench.Clock()) as client,
        pytest.raises(EtlError) as caught,
    ):
        client.read("profile")
    assert_clean(shown(caught.value) + log.getvalue(), "the error")


def test_the_adapter_itself_leaves_no_trace(log: io.StringIO) -> None:
    import requests

    session = requests.Session()
    session.mount(PUBLIC, SecretPath(Secret(f"http://127.0.0.1:9/rest/1/{CANARY}/")))
    with pytest.raises(Broken) as caught:
        session.post(PUBLIC + "profile", data=b"{}", timeout=1)
    assert caught.value.__context__ is None and caught.value.__cause__ is None
    assert_clean(shown(caught.value), "the exception")
    with Portal(code=CANARY) as portal:
        session.mount(PUBLIC, SecretPath(Secret(portal.webhook)))
        answer = session.post(PUBLIC + "profile", data=b"{}", timeout=5)
        assert_clean(
            f"{answer.url} {answer.request.url} {answer!r} {answer.request!r} {answer.headers}",
            "the response",
        )
    assert_clean(log.getvalue(), "the log")


def test_the_process_list(tmp_path: Path) -> None:
    """The webhook is in no argument of the process or of the commands it starts."""
    file = tmp_path / "webhook"
    file.write_text(f"https://x.bitrix24.ru/rest/1/{CANARY}/")
    file.chmod(0o600)
    script = (
        "import sys,pathlib;from etl.config.profile import Portal;from etl.bitrix24.client import connect;"
        "c=connect(Portal(name='x',webhook_file=sys.argv[1]),pathlib.Path('.'),None);"
        "print(pathlib.Path('/proc/self/cmdline').read_bytes(), c.name, c.host, vars(c))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "x.bitrix24.ru, пользователь 1" in done.stdout
    assert_clean(done.stdout + done.stderr, "the process list")


def test_a_client_from_a_profile_holds_no_plain_text(tmp_path: Path) -> None:
    client = connect(
        PortalSettings.model_validate(
            {"name": "x", "webhook_command": f"echo https://x.bitrix24.ru/rest/1/{CANARY}/"}
        ),
        tmp_path,
        None,
    )
    gc.collect()
    assert_clean(repr(client) + repr(vars(client)) + repr(Command("a", {})), "the client")


def test_the_repository_holds_no_webhook() -> None:
    """Nobody has committed a real one: sixteen characters or more of code after /rest/<user>/."""
    import re

    listed = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        .stdout.decode()
        .split("\0")
    )
    form = re.compile(rb"bitrix24\.(?:ru|com|by|kz)/rest/\d+/[a-z0-9]{16}/")
    found = [
        name
        for name in listed
        if name and (ROOT / name).is_file() and form.search((ROOT / name).read_bytes())
    ]
    assert not found
