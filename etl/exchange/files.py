"""Low-level file work for the exchange folder: safe opening, listing, durable writing, names. Standard library only.

Every rule here answers a measured failure (reference: reliability §2): a FIFO named orders.xml hangs a plain open, a symlink
reads any file of the machine, a rename without fsync can leave an empty file after a power cut.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import re
import shutil
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from etl.errors import TryLater

BLOCK = 1 << 20
TEMP_PREFIX = ".obmen24-"
#: another program holds the file (Windows share) or the share hiccuped: not an error of the file
BUSY_ERRORS = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ESTALE, errno.ETXTBSY, errno.EAGAIN}
#: the disk is full, read-only or broken
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
#: the share was unmounted, the folder removed under our hands, or a file lies where a folder must be
GONE_ERRORS = {errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN}
_READ = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_UNSAFE = re.compile(r"[^\w.() -]+")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What must not change while a file is taken."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@contextmanager
def folder_fd(path: Path) -> Iterator[int]:
    """A descriptor of a folder: names below it cannot be led elsewhere while it is open."""
    fd = os.open(path, _FOLDER)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def safe_open(root: Path, name: str) -> Iterator[BinaryIO]:
    """Open a regular file below `root` for reading, following no symlink at any level below it.

    Raises OSError: ELOOP for a symlink, EINVAL for anything that is not a regular file.
    """
    *folders, last = name.split("/")
    with folder_fd(root) as top:
        opened: list[int] = []
        try:
            here = top
            for part in folders:
                here = os.open(part, _FOLDER | getattr(os, "O_NOFOLLOW", 0), dir_fd=here)
                opened.append(here)
            stream = os.fdopen(os.open(last, _READ, dir_fd=here), "rb", buffering=0)
        finally:
            for fd in opened:
                os.close(fd)
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        yield stream


def listing(root: Path, pattern: str) -> Iterator[tuple[str, os.stat_result]]:
    """(name relative to `root`, its own stat) of what matches a glob of `/`-separated parts, case ignored; never descends a symlink.

    A missing folder on the way is an empty listing; a missing or unreadable `root` raises OSError.
    """
    with folder_fd(root) as fd:
        yield from _listing(fd, "", pattern.split("/"))


def _listing(fd: int, prefix: str, parts: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(fd) as entries:
        found = [entry for entry in entries if fnmatch.fnmatchcase(entry.name.lower(), parts[0].lower())]
    for entry in sorted(found, key=lambda entry: entry.name):
        try:
            if len(parts) == 1:
                yield prefix + entry.name, os.stat(entry.name, dir_fd=fd, follow_symlinks=False)
            elif entry.is_dir(follow_symlinks=False):
                below = os.open(entry.name, _FOLDER | getattr(os, "O_NOFOLLOW", 0), dir_fd=fd)
                try:
                    yield from _listing(below, f"{prefix}{entry.name}/", parts[1:])
                finally:
                    os.close(below)
        except FileNotFoundError:
            continue  # gone between the listing and the look


def sha256(stream: BinaryIO, copy_to: BinaryIO | None = None) -> str:
    """Hash a stream to its end, copying it on the way when asked."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK):
        digest.update(block)
        if copy_to is not None:
            copy_to.write(block)
    return digest.hexdigest()


def sync_folder(path: Path) -> None:
    """Make renames inside a folder durable."""
    with folder_fd(path) as fd:
        os.fsync(fd)


def replace_durably(temp: Path, target: Path) -> None:
    """Give a written temporary file its name: fsync of the file, rename, fsync of the folder."""
    with temp.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(temp, target)
    sync_folder(target.parent)


def write_temp(folder: Path, write: Callable[[BinaryIO], None]) -> Path:
    """A new temporary file in `folder` with what `write` wrote; removed again when `write` fails.

    Its mode follows the folder (1C runs as another user and must be able to read it).
    """
    temp = folder / f"{TEMP_PREFIX}{os.urandom(6).hex()}.tmp"
    mode = 0o666 & stat.S_IMODE(folder.stat().st_mode)
    try:
        with os.fdopen(
            os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode), "wb"
        ) as stream:
            os.fchmod(stream.fileno(), mode)
            write(stream)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    return temp


def remove_temps(folder: Path) -> None:
    """Remove temporary files that a killed process left."""
    for temp in folder.glob(f"{TEMP_PREFIX}*.tmp"):
        temp.unlink(missing_ok=True)


def need_space(folder: Path, size: int, reserve: int) -> None:
    """Raise TryLater unless twice `size` and `reserve` bytes are free."""
    if shutil.disk_usage(folder).free < 2 * size + reserve:
        raise TryLater(
            f"На диске с папкой «{folder.name}» мало места.", "Освободите место; следующий запуск повторит."
        )


@contextmanager
def disk_trouble() -> Iterator[None]:
    """A full, read-only or broken disk and a folder that vanishes meanwhile are nobody's bug: they become TryLater, in Russian."""
    try:
        yield
    except OSError as error:
        if error.errno in GONE_ERRORS:
            raise TryLater(
                f"Папка обмена изменилась во время работы: {error.strerror}.",
                "Проверьте её; следующий запуск повторит.",
            ) from error
        if error.errno not in DISK_ERRORS:
            raise
        raise TryLater(
            f"Запись на диск не удалась: {error.strerror}.",
            "Освободите место или проверьте диск; следующий запуск повторит.",
        ) from error


def shown(name: str) -> str:
    """A file name as printable text: names that are not UTF-8 arrive with surrogates that neither logs nor databases accept."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode("utf-8"))


def safe_name(name: str, limit: int = 100) -> str:
    """The last part of a name, safe on Linux and Windows: letters, digits, `._-() `, at most `limit` bytes, extension kept."""
    text = _UNSAFE.sub("_", shown(name).rpartition("/")[2]).strip(" .") or "file"
    stem, dot, suffix = text.rpartition(".")
    stem, suffix = (stem, dot + suffix[:10]) if stem else (text, "")
    stem = stem.encode()[: limit - len(suffix.encode())].decode("utf-8", "ignore").rstrip(" .")
    return f"_{stem}{suffix}" if _RESERVED.fullmatch(stem) else stem + suffix
