"""Files that real 1C systems wrote, and bad files, through the flow `documents-in`: issues and quarantine, never a wrong deal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from etl.sandbox.portal.app import JournalRow
from tests.support import scenario
from tests.support.paths import SHARED, needs_shared

CASE = "video/three-months"
SAMPLES = SHARED / "commerceml" / "samples"
ORDERS = [
    *sorted(SAMPLES.glob("RBDI__epc/*.xml")),
    *sorted(SAMPLES.glob("irpsv__commerceml/*documents*.xml")),
    *sorted(SAMPLES.glob("irpsv__commerceml/*orders*.xml")),
    *sorted(SAMPLES.glob("alexander-rakov*/*.xml")),
]


def writes(rows: list[JournalRow]) -> list[str]:
    """Methods of the portal that change something."""
    called = [method for row in rows for method in (row.methods or [row.method])]
    return [
        method
        for method in called
        if method.rsplit(".", 1)[-1] in ("add", "update", "set", "delete", "register")
    ]


@needs_shared
@pytest.mark.parametrize("path", ORDERS, ids=lambda path: path.name)
def test_orders_of_other_people_become_issues_and_create_nothing(path: Path, tmp_path: Path) -> None:
    """000 creates no deals from 1C files: an unknown number is an Issue."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.run(flows=("documents-in",))
        shutil.copy(path, running.folder / "from_1c" / path.name)
        before = running.deals()
        report = running.run(flows=("documents-in",))
        assert report.counts["files_read"] == 1
        assert report.counts["documents_read"] > 0
        assert report.issues, "somebody must be told that these documents mean nothing here"
        assert report.counts["payments"] == report.counts["moved"] == 0
        assert running.deals() == before
        assert writes(running.stage.portal.requests) == []
        assert list((running.folder / "archive").rglob(f"*{path.name}"))
        assert not list((running.folder / "from_1c").iterdir())


GOOD = '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.04" ДатаФормирования="2026-11-02T10:00:00"></КоммерческаяИнформация>'
BAD = {
    "cut.xml": GOOD[:60].encode(),
    "not-xml.xml": b"PK\x03\x04 not xml at all",
    "foreign.xml": b"<?xml version='1.0'?><invoice/>",
    "encoding.xml": GOOD.replace("UTF-8", "UTF-7").encode("utf-7"),
    "cp1251-undeclared.xml": GOOD.replace(' encoding="UTF-8"', "").encode("cp1251") + b"\xff\xfe",
    "entity.xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "laughs.xml": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>',
    "deep.xml": b"<a>" * 5000 + b"</a>" * 5000,
    "padded.xml": GOOD.encode() + b"\0" * 512,
}


def test_bad_files_go_to_quarantine_with_a_russian_reason_and_the_run_goes_on(tmp_path: Path) -> None:
    """A bad file never disappears and never stops its neighbours."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.run(flows=("documents-in",))
        for name, data in BAD.items():
            (running.folder / "from_1c" / name).write_bytes(data)
        (running.folder / "from_1c" / "good.xml").write_bytes(GOOD.encode())
        report = running.run(flows=("documents-in",))
        quarantine = running.folder / "quarantine"
        assert report.counts["files_bad"] == len(BAD)
        assert report.counts["files_read"] == 1
        assert report.exit_code == 1
        for name, data in BAD.items():
            stem = Path(name).stem
            kept = [path for path in quarantine.glob(f"{stem}-*") if not path.name.endswith(".error.txt")]
            assert [path.read_bytes() for path in kept] == [data], name
            text = Path(f"{kept[0]}.error.txt").read_text(encoding="utf-8-sig")
            assert "Что не так:" in text
            assert "Что делать:" in text
            assert "root:" not in text
        assert not list((running.folder / "from_1c").iterdir())
        assert running.run(flows=("documents-in",)).counts["files_bad"] == 0


def test_an_empty_file_waits_for_its_writer(tmp_path: Path) -> None:
    """1C creates the file first and writes later: zero bytes are never taken and never lost."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.run(flows=("documents-in",))
        path = running.folder / "from_1c" / "empty.xml"
        path.write_bytes(b"")
        assert running.run(flows=("documents-in",)).counts["files_bad"] == 0
        assert path.exists()
        path.write_bytes(GOOD.encode())
        running.run(flows=("documents-in",))
        assert not path.exists()


def test_retry_brings_a_quarantined_file_back(tmp_path: Path) -> None:
    """After the cause is mended `obmen24 retry` lets the same bytes in again."""
    from etl.commands import people

    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.run(flows=("documents-in",))
        (running.folder / "from_1c" / "cut.xml").write_bytes(BAD["cut.xml"])
        running.run(flows=("documents-in",))
        assert people.retry(running.stage.profile, ("cut.xml",)).files == ("from_1c/cut.xml",)
        assert (running.folder / "from_1c" / "cut.xml").read_bytes() == BAD["cut.xml"]
        assert running.run(flows=("documents-in",)).counts["files_bad"] == 1


def test_the_same_file_under_many_names_counts_once(tmp_path: Path) -> None:
    """Outgoing order files of 1C accumulate with equal content: they are known by content, not by name."""
    with scenario.opened(tmp_path, "video", case=CASE) as running:
        running.run()
        running.stage.session()
        running.run()
        number = running.charge("101 2026-11")
        running.stage.onec.pay(number, running.stage.onec.orders[0].amount)
        running.stage.session()
        source = next((running.folder / "from_1c").glob("documents-*.xml"))
        for copy in range(5):
            text = source.read_text(encoding="utf-8-sig").replace("T09:", f"T1{copy}:")
            (running.folder / "from_1c" / f"orders-{copy}.xml").write_text(text, encoding="utf-8")
        report = running.run()
        assert report.counts["payments"] == 1
        assert running.stages()["101"] == "1-ая оплата клиента"
