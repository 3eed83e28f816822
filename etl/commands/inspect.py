"""`obmen24 inspect`: what lies in an exchange file, in Russian or as JSON. No file is changed, `--repair` writes a copy."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

Finding = dict[str, Any]
Tell = Callable[[float], None]  # gets the part of a file that is done, 0 to 1

_COUNTS = {
    "parties": "контрагентов",
    "products": "товаров",
    "offers": "предложений",
    "prices": "цен",
    "lines": "строк документов",
}
_KINDS = {
    "order": "заказов",
    "invoice": "счетов",
    "payment": "оплат",
    "refund": "возвратов денег",
    "shipment": "реализаций",
    "return": "возвратов товара",
    "act": "актов",
    "closing": "закрытий заказов",
    "other": "прочих документов",
}
_BUFFER = 1 << 20  # bytes between two reports of progress
_PROVING = 0.15  # part of the time that goes into hashing and proving a file before its records are read


def inspect(path: Path, *, limit: int, tell: Tell | None = None) -> Finding:
    """The account of one file, at most `limit` issues; `refused` is true for what is no usable CommerceML or no file at all.

    `file` is the name alone, `path` is as given.
    """
    from etl.errors import Rejected
    from etl.extract.commerceml import inspect as commerceml_inspect

    try:
        size = size_of(path)
        watched = Watched(path, tell and (lambda read: tell(min(_PROVING, _PROVING * read / (3 * size)))))
        with readable(path):
            found = commerceml_inspect.inspect(
                cast(Path, watched),
                limit=limit,
                progress=tell and (lambda position: tell(_PROVING + (1 - _PROVING) * position / size)),
            )
    except Rejected as error:
        found = _unread(path, str(error))
    return {
        **found,
        "path": str(path),
        "refused": any(issue["entity"] == "file" for issue in found["issues"]),
    }


def size_of(path: Path) -> int:
    """Bytes of a file that can be opened; raises Rejected, in words for the person who named it."""
    from etl.errors import Rejected

    with readable(path):
        if path.is_dir():
            raise Rejected(
                f"{path}: это папка, а не файл.", "Назовите файлы, которые в ней лежат.", file=path.name
            )
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise Rejected(
                f"{path}: это не обычный файл.", "Сохраните данные в файл и назовите его.", file=path.name
            )
        with path.open("rb") as file:
            return max(1, file.seek(0, io.SEEK_END))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever the system says against reading `path`, also in the middle of it, becomes Rejected."""
    from etl.errors import Rejected

    try:
        yield
    except FileNotFoundError:
        raise Rejected(f"{path}: файла нет.", "Проверьте имя и папку.", file=path.name) from None
    except PermissionError:
        raise Rejected(
            f"{path}: нет прав на чтение.",
            "Дайте права на файл пользователю, который запускает obmen24.",
            file=path.name,
        ) from None
    except OSError as error:
        raise Rejected(
            f"{path}: не читается (ошибка системы {error.errno}).",
            "Скопируйте файл на этот компьютер и повторите.",
            file=path.name,
        ) from None


def _unread(path: Path, message: str) -> Finding:
    """The account of what could not be opened: the same keys, nothing counted, one issue."""
    from etl import tables

    nothing = dict.fromkeys(
        ("sha256", "content_hash", "size", "version", "namespace", "encoding", "bom", "generated_at")
    )
    return {
        "file": path.name,
        **nothing,
        "changes_only": False,
        "counts": {"products": 0, "offers": 0, "prices": 0, "parties": 0, "documents": {}, "lines": 0},
        "amount_total": "0.00",
        "issues_total": 1,
        "issues": [tables.issue(message, file=path.name, entity="file")],
    }


class _Told(io.FileIO):
    """A file that tells how many bytes have been read from it, however often it was begun again."""

    def __init__(self, path: Path, tell: Callable[[int], None]) -> None:
        super().__init__(path)
        self._tell, self._read = tell, 0

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._read += count or 0
        self._tell(self._read)
        return count


class Watched:
    """The two things of a path that a reader uses; what it opens tells how many bytes have been read so far, all passes together."""

    def __init__(self, path: Path, tell: Callable[[int], None] | None) -> None:
        self.path, self.name, self.tell = path, path.name, tell

    def open(self, _mode: str = "rb") -> io.BufferedIOBase:
        return io.BufferedReader(_Told(self.path, self.tell), _BUFFER) if self.tell else self.path.open("rb")


def repair(paths: Iterable[Path]) -> tuple[list[str], bool]:
    """(sentences, whether all went well): a copy of each file without the characters XML forbids, beside it. Originals stay as they are."""
    from etl.errors import Rejected

    said, well = [], True
    for path in paths:
        try:
            size_of(path)
            with _copy_of(path) as target:
                said.append(
                    f"{target}: убрано запрещённых знаков: {_repair(path, target)}. "
                    "Проверьте файл (obmen24 inspect) и положите его в папку обмена вместо исходного."
                )
        except Rejected as error:
            said.append(named(path, str(error)))
            well = False
    return said, well


@contextmanager
def _copy_of(path: Path) -> Iterator[Path]:
    """A new empty file beside `path`; it is gone again if it could not be filled."""
    from etl.errors import Rejected

    target = path.with_name(f"{path.stem}.repaired{path.suffix}")
    try:
        target.touch(exist_ok=False)
    except FileExistsError:
        raise Rejected(
            f"{target}: исправленная копия уже есть.",
            "Уберите или переименуйте её и повторите.",
            file=path.name,
        ) from None
    except OSError:
        raise Rejected(
            f"{target}: копию записать нельзя.",
            "Скопируйте исходный файл в свою папку и исправьте его там.",
            file=path.name,
        ) from None
    try:
        yield target
    except BaseException:
        target.unlink()
        raise


def _repair(path: Path, target: Path) -> int:
    from etl import xml_safe

    with readable(path), path.open("rb") as source, target.open("wb") as copy:
        return xml_safe.repair(source, copy, path.name)


def named(path: Path, message: str) -> str:
    """A message with the path in front, unless it begins with it: of many import.xml the name alone tells nothing."""
    return message if message.startswith(str(path)) else f"{path}: {message}"


def json_text(findings: Sequence[Mapping[str, Any]]) -> str:
    """An object for one file, a list for several."""
    shown = [dict(found) for found in findings]
    return json.dumps(shown[0] if len(shown) == 1 else shown, ensure_ascii=False, default=str, indent=1)


def text(findings: Sequence[Mapping[str, Any]]) -> str:
    """Russian account of the files."""
    return "\n\n".join(_one(found) for found in findings)


def _one(found: Mapping[str, Any]) -> str:
    lines = [found["path"]]
    if not found["refused"]:
        lines.append(
            f"  CommerceML {found['version'] or 'без версии'}, {found['encoding']}, пространство имён: {found['namespace'] or 'нет'}"
            + (", только изменения" if found["changes_only"] else "")
        )
        lines += [
            f"  {words}: {found['counts'][name]}"
            for name, words in _COUNTS.items()
            if found["counts"].get(name)
        ]
        lines += [
            f"  {_KINDS.get(kind, kind)}: {count}"
            for kind, count in found["counts"].get("documents", {}).items()
        ]
        lines += [f"  сумма документов: {found['amount_total']}"] if found.get("amount_total") else []
    lines += [f"  - {_issue(issue)}" for issue in found["issues"]]
    hidden = found["issues_total"] - len(found["issues"])
    lines += (
        [f"  … и ещё замечаний: {hidden}. Показать больше: --limit {found['issues_total']}"] if hidden else []
    )
    if found["refused"]:
        return "\n".join(lines)
    return "\n".join(
        [
            *lines,
            "  Исправьте данные в 1С и выгрузите файл заново."
            if found["issues_total"]
            else "  Замечаний нет.",
        ]
    )


def _issue(issue: Mapping[str, Any]) -> str:
    place = ", ".join(str(issue[name]) for name in ("key", "place") if issue.get(name))
    return f"{place}: {issue['message']}" if place else str(issue["message"])
