"""Hostile XML (reference/reliability §2.3): refused, in bounded time and memory, before anything is read from it."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from etl.errors import Rejected
from etl.extract.commerceml import read as reader
from etl.extract.commerceml.inspect import inspect

ROOT = "КоммерческаяИнформация"


def wrap(inner: str, doctype: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<{ROOT} ВерсияСхемы="2.05">{inner}</{ROOT}>'.encode()
    )


def entities(levels: int, width: int) -> str:
    body = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * width}">' for number in range(1, levels))
    return f'<!DOCTYPE {ROOT} [<!ENTITY e0 "х">{body}]>'


BIG = 11_000_000
ATTACKS: dict[str, bytes] = {
    "billion laughs": wrap("&e9;", entities(10, 10)),
    "small laughs": wrap("&e4;", entities(5, 8)),
    "laughs in an attribute": wrap('<Документ Статус="&e9;"/>', entities(10, 10)),
    "quadratic blowup": wrap("&a;" * 2000, f'<!DOCTYPE {ROOT} [<!ENTITY a "{"х" * 100_000}">]>'),
    "external file": wrap("&x;", f'<!DOCTYPE {ROOT} [<!ENTITY x SYSTEM "file:///etc/hostname">]>'),
    "external device": wrap("&x;", f'<!DOCTYPE {ROOT} [<!ENTITY x SYSTEM "file:///dev/zero">]>'),
    "external address": wrap("&x;", f'<!DOCTYPE {ROOT} [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>'),
    "external DTD": wrap("", f'<!DOCTYPE {ROOT} SYSTEM "file:///etc/hostname">'),
    "parameter entity": wrap("", f'<!DOCTYPE {ROOT} [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>'),
    "harmless DOCTYPE": wrap("", f"<!DOCTYPE {ROOT}>"),
    "depth 70": wrap("<а>" * 70 + "</а>" * 70),
    "depth 300": wrap("<а>" * 300 + "</а>" * 300),
    "depth 100000": wrap("<а>" * 100_000 + "</а>" * 100_000),
    "depth after CDATA": wrap("<![CDATA[<b>]]>" + "<а>" * 70 + "</а>" * 70),
    "depth after a comment": wrap("<!-- </x></x> -->" + "<а>" * 70 + "</а>" * 70),
    "depth hidden by text": wrap("/&gt;" + "<а>/></а>" * 3 + "<а>/>" * 70 + "</а>" * 70),
    "long text": wrap("<Документ><Ид>" + "x" * BIG + "</Ид></Документ>"),
    "long CDATA": wrap("<Документ><Ид><![CDATA[" + "x" * BIG + "]]></Ид></Документ>"),
    "long attribute": wrap(f'<Документ Статус="{"x" * BIG}"/>'),
    "long comment": wrap(f"<!--{'x' * BIG}-->"),
    "long instruction": wrap(f"<?x {'x' * BIG}?>"),
    "gzip named xml": gzip.compress(wrap("<а/>" * 100_000)),
    "UTF-7": b'<?xml version="1.0" encoding="utf-7"?><a/>',
    "EBCDIC": '<?xml version="1.0" encoding="cp037"?><a/>'.encode("cp037"),
    "UTF-32": '<?xml version="1.0"?><a/>'.encode("utf-32"),
    "koi8-r": '<?xml version="1.0" encoding="koi8-r"?><а/>'.encode("koi8-r"),
    "cp1251 without declaration": f"<{ROOT}/>".encode("cp1251"),
    "UTF-8 that is cp1251": f'<?xml version="1.0" encoding="UTF-8"?><{ROOT}><Ид>имя</Ид></{ROOT}>'.encode(
        "cp1251"
    ),
    "only a BOM": b"\xef\xbb\xbf",
    "zero bytes": b"",
    "NUL tail": wrap("") + b"\0" * 4096,
    "NUL only": b"\0" * 4096,
    "cut off": wrap("<Документ><Ид>1</Ид></Документ>")[:-20],
    "junk after the end": wrap("") + b"<a/>",
    "control character": wrap("\x0b"),
    "control reference": wrap("&#11;"),
    "undefined entity": wrap("&nope;"),
    "two roots": wrap("") + wrap(""),
    "mojibake": wrap("").decode().encode("utf-8").decode("cp1251", errors="replace").encode("utf-8"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_and_broken_files_are_refused(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        reader.verify(io.BytesIO(ATTACKS[name]), name="orders.xml")
    assert "orders.xml" in caught.value.message
    assert caught.value.advice


@pytest.mark.parametrize("name", ["harmless DOCTYPE", "billion laughs", "external file"])
def test_the_second_pass_refuses_a_doctype_by_itself(name: str) -> None:
    with pytest.raises(Rejected):
        list(reader.read(io.BytesIO(ATTACKS[name]), name="orders.xml"))


def test_a_secret_file_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("канарейка", encoding="utf-8")
    data = wrap(
        "<Документ><Номер>&x;</Номер></Документ>",
        f'<!DOCTYPE {ROOT} [<!ENTITY x SYSTEM "{secret.as_uri()}">]>',
    )
    path = tmp_path / "orders.xml"
    path.write_bytes(data)
    assert "канарейка" not in str(inspect(path))


def test_inclusion_and_schema_hints_are_only_text(tmp_path: Path) -> None:
    data = wrap(
        '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname"/>'
        '<Документ xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a http://127.0.0.1:9/a.xsd"><Номер>1</Номер>'
        "<ХозОперация>Заказ товара</ХозОперация></Документ>"
    ).replace(b"?><", b'?><?xml-stylesheet href="http://127.0.0.1:9/a.xsl"?><', 1)
    path = tmp_path / "orders.xml"
    path.write_bytes(data)
    assert inspect(path)["counts"]["documents"] == {"order": 1}


def test_an_input_output_error_is_not_a_bad_file() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        reader.verify(Broken(wrap("")), name="orders.xml")


BOUNDED = {
    "2 million empty elements": 'b"<a/>" * 2_000_000',
    "1 million comments": 'b"<!---->" * 1_000_000',
    "100 thousand attributes": 'b"<a " + b" ".join(b"x%d=\'1\'" % n for n in range(100_000)) + b"/>"',
    "junk in a catalogue": '"<Каталог><Товары>".encode() + b"<a/>" * 2_000_000 + "</Товары></Каталог>".encode()',
    "long CDATA": '("<Документ><Комментарий><![CDATA[" + "x" * 9_000_000 + "]]></Комментарий></Документ>").encode() * 4',
    "one value of many CDATA": '("<Документ><Комментарий>" + ("<![CDATA[" + "x" * 60_000 + "]]>") * 150 + "</Комментарий></Документ>").encode() * 4',
    "long comments": '("<!--" + "x" * 9_000_000 + "--><Документ/>").encode() * 4',
    "bare brackets": '("<Документ><Комментарий>" + ">" * 9_000_000 + "</Комментарий></Документ>").encode() * 4',
    "references": '("<Документ><Комментарий>" + "&#62;" * 1_800_000 + "&gt;" * 20_000 + "</Комментарий></Документ>").encode() * 4',
    "children with a remark each": '("<Документ><Номер>0</Номер><ХозОперация>Заказ товара</ХозОперация><ПодчиненныеДокументы>" + '
    '"<ПодчиненныйДокумент><Номер>1</Номер><ХозОперация>Заказ товара</ХозОперация></ПодчиненныйДокумент>" * 30_000 + '
    '"</ПодчиненныеДокументы></Документ>").encode()',
    "records with a remark each": '"<Документ><Номер>1</Номер><ХозОперация>Заказ товара</ХозОперация><Сумма>x</Сумма><Курс>y</Курс></Документ>".encode() * 60_000',
    "records of a shape of their own": 'b"".join(b"<a>1</a>".join(["<Документ><Номер>1</Номер>".encode(), *[b"<b/>"] * (n % 300), "</Документ>".encode()]) for n in range(3_000))',
    "one endless record": '"<Документ>".encode() + b"<a>1</a>" * 3_500_000 + "</Документ>".encode()',
}
#: well-formed files that differ only in length: memory must not know how long they are
FLAT = {
    "many containers": '"<Контейнер><Документ><Ид>1</Ид><Номер>1</Номер><Дата>2026-11-02</Дата><ХозОперация>Заказ товара</ХозОперация></Документ></Контейнер>".encode() * 60_000',
    "many products": '"<Каталог><Товары>".encode() + "<Товар><Ид>1</Ид><Наименование>Насос</Наименование></Товар>".encode() * 100_000 + "</Товары></Каталог>".encode()',
}


@pytest.mark.parametrize("name", [*BOUNDED, *FLAT])
def test_floods_are_read_or_refused_in_bounded_memory(name: str) -> None:
    """Each in a process of its own: at most 700 MiB above the interpreter, whatever the file says; honest files far less."""
    script = textwrap.dedent(f"""
        import io
        from pathlib import Path
        from etl.errors import Rejected
        from etl.extract.commerceml import read as reader
        data = "<{ROOT} ВерсияСхемы='2.05'>".encode() + {(BOUNDED | FLAT)[name]} + "</{ROOT}>".encode()
        def peak():     # not ru_maxrss: a child inherits the peak of the process that started it
            return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
        before = peak()
        try:
            reader.verify(io.BytesIO(data), name="x")
            for _ in reader.read(io.BytesIO(data), name="x"):
                pass
        except Rejected:
            pass
        print((peak() - before) // 1024)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < (700 if name in BOUNDED else 40)
