"""The spool: a local copy of each file of the exchange folder, made before anything is read (reliability
§2.1).

The copy is hashed while it is made and is good only when the original's stamp was the same before, after
and in the listing: else somebody wrote meanwhile.
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from etl.exchange import files
from etl.exchange.files import Stamp, safe_name, shown

MEMORY = "seen.json"
#: the file is held, gone, or no longer a plain file: it is looked at again next time
_NOT_NOW = files.BUSY_ERRORS | {errno.ENOENT, errno.ELOOP, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Seen:
    """A file in a listing. `consume`: it is moved away once it was read."""

    name: str
    stamp: Stamp
    regular: bool
    consume: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A complete copy in the spool.

    `name` is printable and relative to the exchange folder, `original` the file it came from.
    """

    path: Path
    name: str
    sha256: str
    original: Path
    stamp: Stamp
    consume: bool


def make(spool: Path) -> None:
    """Make the spool, for our own eyes only."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)


def clear(spool: Path) -> None:
    """Remove the copies that a killed run has left; the memory of looks stays."""
    for left in spool.iterdir():
        if left.name != MEMORY and left.is_file():
            left.unlink(missing_ok=True)


def copy(seen: Seen, folder: Path, spool: Path, *, reserve: int) -> Taken | None:
    """Copy a file of the exchange folder into the spool; None when it is busy, gone or changed meanwhile.

    Raises TryLater unless twice its size and `reserve` bytes stay free.
    """
    files.need_space(spool, seen.stamp.size, reserve)
    temp = spool / f"{os.urandom(6).hex()}.tmp"
    try:
        digest = _copied(seen, folder, temp)
        if digest is None:
            temp.unlink()
            return None
        suffix = PurePosixPath(safe_name(seen.name)).suffix
        path = spool / f"{digest}-{_short(seen.name)}{suffix}"
        files.replace_durably(temp, path)
    except OSError as error:
        temp.unlink(missing_ok=True)
        if error.errno in _NOT_NOW:
            return None
        raise
    return Taken(path, shown(seen.name), digest, folder / seen.name, seen.stamp, seen.consume)


def _copied(seen: Seen, folder: Path, temp: Path) -> str | None:
    """Copy to `temp` and hash; None when the original is no longer what was seen."""
    with files.safe_open(folder, seen.name) as stream:
        before = Stamp.of(os.fstat(stream.fileno()))
        private = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(private, "wb") as target:
            digest = files.sha256(stream, target)
        after = Stamp.of(os.fstat(stream.fileno()))
    in_place = files.stamp(folder / seen.name)
    unchanged = before == after == seen.stamp == in_place
    return digest if unchanged else None


def release(taken: Taken) -> None:
    """Drop the copy; the original is not touched."""
    taken.path.unlink(missing_ok=True)


def _short(name: str) -> str:
    """Two files with the same bytes lie in the spool at once: their names part them."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
