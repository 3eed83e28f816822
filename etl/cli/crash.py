"""A bug's traceback goes to a private file beside the profile.

It never goes to the terminal or into the mail of cron: it may hold a portal's data.
"""

from __future__ import annotations

import os
import re
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

#: The webhook's path is a password (reference: reliability §5).
_SECRET = re.compile(r"/rest/\d+/[0-9A-Za-z_]{4,}")


def report(error: BaseException, profile_path: str | None) -> Path:
    """Write the traceback of `error` and give the file's path.

    Secrets of the form /rest/<user>/<code> are blotted out. Where nothing can be written beside the profile
    (its folder is absent or not ours), a new private folder for temporary files is taken.
    """
    text = _SECRET.sub("/rest/***", "".join(traceback.format_exception(error)))
    folder = Path(profile_path or "obmen24.toml").resolve().parent / ".obmen24"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return _write(folder, text)
    except OSError:
        return _write(Path(tempfile.mkdtemp(prefix="obmen24-")), text)


def _write(folder: Path, text: str) -> Path:
    """The file is its owner's alone from its first byte on; what is no character is written as its code."""
    path = folder / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path
