"""Low-level file work for the exchange folder: safe opening, listing, durable writing, names.

Standard library only.

Every rule here answers a measured failure (reference: reliability §2): a FIFO named orders.xml hangs a
plain open, a symlink reads any file of the machine, a rename without fsync can leave an empty file after a
power cut.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from etl.errors import TryLater

BLOCK = 1 << 20
_TEMP_PREFIX = ".obmen24-"
#: another program holds the file (Windows share) or the share hiccuped: not an error of the file
BUSY_ERRORS = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ESTALE, errno.ETXTBSY, errno.EAGAIN}
#: the disk is full, read-only or broken
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
#: the share was unmounted, the folder removed under our hands, or a file lies where a folder must be
GONE_ERRORS = {errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN}
# flags that not every system has are 0 there
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_NO_HEIR = getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | _NO_LINK | _NO_WAIT | _NO_HEIR
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NO_HEIR
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_HEIR
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
        """The stamp of what `stat` has told."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def stamp(path: Path) -> Stamp | None:
    """The stamp of what lies at `path` itself (of a link, not of its target); None where nothing can be
    seen.
    """
    try:
        return Stamp.of(path.lstat())
    except OSError:
        return None


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
    with ExitStack() as opened:
        here = opened.enter_context(folder_fd(root))
        for part in folders:
            here = opened.enter_context(_folder_below(here, part))
        stream = os.fdopen(os.open(last, _READ, dir_fd=here), "rb", buffering=0)
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        yield stream


@contextmanager
def _folder_below(parent: int, name: str) -> Iterator[int]:
    """A descriptor of a folder below an open one; a symlink is not followed."""
    fd = os.open(name, _FOLDER | _NO_LINK, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


def listing(root: Path, pattern: str) -> Iterator[tuple[str, os.stat_result]]:
    """(name relative to `root`, its own stat) of what matches a glob of `/`-separated parts, case ignored.

    Never descends a symlink. A missing folder on the way is an empty listing; a missing or unreadable
    `root` raises OSError.
    """
    with folder_fd(root) as fd:
        yield from _listing(fd, "", pattern.split("/"))


def _listing(folder: int, prefix: str, parts: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    first, *deeper = parts
    for entry in _matching(folder, first):
        try:
            if not deeper:
                yield prefix + entry.name, os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
            elif entry.is_dir(follow_symlinks=False):
                with _folder_below(folder, entry.name) as below:
                    yield from _listing(below, f"{prefix}{entry.name}/", deeper)
        except FileNotFoundError:
            continue  # gone between the listing and the look


def _matching(folder: int, pattern: str) -> list[os.DirEntry[str]]:
    lower = pattern.lower()
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if fnmatch.fnmatchcase(entry.name.lower(), lower)]
    return sorted(found, key=lambda entry: entry.name)


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
    temp = folder / f"{_TEMP_PREFIX}{os.urandom(6).hex()}.tmp"
    mode = 0o666 & stat.S_IMODE(folder.stat().st_mode)
    try:
        with os.fdopen(os.open(temp, _NEW, mode), "wb") as stream:
            os.fchmod(stream.fileno(), mode)  # whatever the umask says
            write(stream)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    return temp


def remove_temps(folder: Path) -> None:
    """Remove temporary files that a killed process left."""
    for temp in folder.glob(f"{_TEMP_PREFIX}*.tmp"):
        temp.unlink(missing_ok=True)


def need_space(folder: Path, size: int, reserve: int) -> None:
    """Raise TryLater unless twice `size` and `reserve` bytes are free."""
    if shutil.disk_usage(folder).free < 2 * size + reserve:
        raise TryLater(
            f"На диске с папкой «{folder.name}» мало места.", "Освободите место; следующий запуск повторит."
        )


@contextmanager
def disk_trouble() -> Iterator[None]:
    """A full, read-only or broken disk and a folder that vanishes meanwhile are nobody's bug: they become
    TryLater.
    """
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
    """A file name as printable text.

    Names that are not UTF-8 arrive with surrogates that neither logs nor databases accept.
    """
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return unicodedata.normalize("NFC", text)


def safe_name(name: str, limit: int = 100) -> str:
    """The last part of a name, safe on Linux and Windows.

    Letters, digits and `._-() `, at most `limit` bytes, extension kept; a device name of Windows gets a `_`
    in front.
    """
    last = shown(name).rpartition("/")[2]
    text = _UNSAFE.sub("_", last).strip(" .") or "file"
    stem, dot, extension = text.rpartition(".")
    suffix = dot + extension[:10]
    if not stem:
        stem, suffix = text, ""
    room = limit - len(suffix.encode())
    stem = _cut(stem, room).rstrip(" .")
    is_device = _RESERVED.fullmatch(stem)
    return f"_{stem}{suffix}" if is_device else stem + suffix


def _cut(text: str, size: int) -> str:
    """The beginning of a text, at most `size` bytes of UTF-8."""
    return text.encode()[:size].decode("utf-8", "ignore")
