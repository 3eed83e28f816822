"""The attack table of hostile and broken workbooks: each is refused in one Russian sentence, quickly, and nothing is lost."""

from __future__ import annotations

import io
import resource
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from etl.errors import Rejected
from etl.extract.spreadsheet import archive, guard
from etl.extract.spreadsheet.deal_export import read_deals
from etl.load.spreadsheet import imports
from tests.support.books import charges

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
CAPTION = '<row r="1"><c r="A1" t="inlineStr"><is><t>ID</t></is></c><c r="B1" t="inlineStr"><is><t>Сумма</t></is></c></row>'


def workbook(sheet: str, *, replace: Mapping[str, str | bytes] | None = None, drop: str = "") -> bytes:
    """A minimal XLSX around the rows of one sheet; `replace` adds or replaces parts."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": HEAD
        + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
        "_rels/.rels": HEAD
        + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": HEAD
        + f'<workbook {MAIN} xmlns:r="{office}"><sheets><sheet name="Лист1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": HEAD
        + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": HEAD
        + f"<worksheet {MAIN}><sheetData>{CAPTION}{sheet}</sheetData></worksheet>",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **(replace or {})}.items():
            if name != drop:
                archive.writestr(name, content)
    return stream.getvalue()


def cell(reference: str, value: str = "1") -> str:
    row = "".join(letter for letter in reference if letter.isdigit())
    return f'<row r="{row}"><c r="{reference}"><v>{value}</v></c></row>'


def sheet_with(body: str) -> dict[str, str]:
    return {"xl/worksheets/sheet1.xml": body}


def doubled() -> bytes:
    stream = io.BytesIO(workbook(""))
    with zipfile.ZipFile(stream, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("xl/worksheets/sheet1.xml", HEAD + f"<worksheet {MAIN}><sheetData/></worksheet>")
    return stream.getvalue()


def encrypted() -> bytes:
    data = bytearray(workbook(""))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{("&" + a + ";") * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
GOOD = workbook(cell("A2", "17"))

ATTACKS = {
    "a gigabyte of blanks": (
        workbook("", replace={"xl/sharedStrings.xml": b" " * (8 << 20)}),
        "велика после распаковки",
    ),
    "too many parts": (
        workbook("", replace={f"xl/media/{number}.bin": b"" for number in range(2_001)}),
        "слишком много частей",
    ),
    "two parts of one name": (None, "части повторяются"),
    "encrypted part": (encrypted(), "паролем"),
    "macros": (workbook("", replace={"xl/vbaProject.bin": b"x"}), "макросы"),
    "external links": (workbook("", replace={"xl/externalLinks/externalLink1.xml": HEAD}), "макросы, связи"),
    "embedded object": (workbook("", replace={"xl/embeddings/oleObject1.bin": b"x"}), "вложенные объекты"),
    "billion laughs": (
        workbook(
            "", replace=sheet_with(f"{HEAD}{LAUGHS}<worksheet {MAIN}><sheetData>&i;</sheetData></worksheet>")
        ),
        "объявления XML",
    ),
    "external entity": (
        workbook(
            "",
            replace={
                "xl/sharedStrings.xml": f'{HEAD}<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><sst {MAIN}><si><t>&x;</t></si></sst>'
            },
        ),
        "объявления XML",
    ),
    "entity in UTF-16": (
        workbook(
            "",
            replace={
                "xl/sharedStrings.xml": f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE s [<!ENTITY x "y">]><sst {MAIN}/>'.encode(
                    "utf-16"
                )
            },
        ),
        "объявления XML",
    ),
    "cell at the end of the sheet": (workbook(cell("XFD1048576")), "за пределами таблицы"),
    "row 2^31": (
        workbook('<row r="2147483648"><c r="A2147483648"><v>1</v></c></row>'),
        "за пределами таблицы",
    ),
    "cell far but allowed": (workbook(cell("ZZ999998")), "столбцов больше|повреждена"),
    "tall and wide within the caps": (workbook(cell("KM999998")), "строк больше|повреждена"),
    "formula without a value": (
        workbook('<row r="2"><c r="A2"><f>SUM(B1:B9)</f></c></row>'),
        "формулы без сохранённых",
    ),
    "broken style and string": (
        workbook('<row r="2"><c r="A2" t="s"><v>99</v></c></row>'),
        "повреждена|нет столбца|не прочитан",
    ),
    "not a number": (workbook(cell("A2", "NaN")), "не число|повреждена"),
    "too large a number": (workbook(cell("A2", "1e999")), "не число|повреждена"),
    "part missing": (workbook("", drop="xl/workbook.xml"), "повреждена"),
    "cut": (GOOD[:-200], "повреждена|не до конца"),
    "flipped byte": (GOOD[:900] + bytes([GOOD[900] ^ 255]) + GOOD[901:], "повреждена|не до конца"),
    "archive of something": (None, "архив"),
    "empty": (b"", "файл пуст"),
    "blanks only": (b" \r\n \n", "файл пуст"),
    "old or protected xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), "повреждена"),
    "pdf": (b"%PDF-1.7\n%....", "не таблица"),
    "binary": (b"\x00\x01\x02\x03" * 100, "не текст"),
    "CommerceML": ('<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация/>'.encode(), "это XML"),
    "html without a table": ("<html><body>Сделок нет</body></html>".encode(), "нет таблицы"),
    "text line of an empty selection": ("Список сделок пуст".encode(), "нет столбца «ID»"),
    "quote without end": ('"ID";"Сумма"\n"17";"1'.encode(), "кавычки"),
    "endless cell": (b"ID;A\n17;" + b"x" * 50_000, "40 000"),
    "too wide": (";".join(f"c{number}" for number in range(400)).encode(), "столбцов больше"),
}


def bytes_of(name: str) -> bytes:
    if name == "two parts of one name":
        return doubled()
    if name == "archive of something":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("deals.csv", "ID\n17\n")
        return stream.getvalue()
    data = ATTACKS[name][0]
    assert data is not None
    return data


@pytest.mark.parametrize("name", ATTACKS)
def test_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(Rejected, match=ATTACKS[name][1]) as refusal:
        read_deals(bytes_of(name), name="выгрузка.xlsx")
    assert refusal.value.message.startswith(
        "Файл выгрузка.xlsx не прочитан: "
    ) and refusal.value.advice.endswith(".")
    assert "\n" not in str(refusal.value) and "Traceback" not in str(refusal.value)


def test_the_yardstick_is_accepted() -> None:
    """The same builder without an attack reads well, so each refusal above is due to its attack."""
    assert list(read_deals(GOOD, name="a.xlsx").deals["id"]) == ["17"]


def test_a_lying_dimension_is_harmless() -> None:
    lie = (
        HEAD
        + f'<worksheet {MAIN}><dimension ref="A1:XFD1048576"/><sheetData>{CAPTION}{cell("A2", "17")}</sheetData></worksheet>'
    )
    assert list(read_deals(workbook("", replace=sheet_with(lie)), name="a.xlsx").deals["id"]) == ["17"]


def test_a_far_cell_across_a_chunk_border_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_CHUNK", 64)
    with pytest.raises(Rejected, match="за пределами"):
        archive.check(workbook(cell("B3") * 50 + cell("XFD1048576")), "a.xlsx")


def test_the_parent_keeps_its_memory() -> None:
    """The child takes the blow: after the worst file that passes the counters our own peak has grown by little."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Rejected):
        read_deals(workbook(cell("ZZ999998")), name="a.xlsx")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_our_own_books_pass_the_guard(tmp_path: Path) -> None:
    imports.write_import(tmp_path / "i.xlsx", charges(), "charge")
    pages = guard.pages((tmp_path / "i.xlsx").read_bytes(), "i.xlsx")
    assert [len(page.rows) for page in pages] == [13]
