"""A bug's traceback goes to a file beside the profile, readable by its owner only, never to the terminal or
the mail of cron.
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
    """Write the traceback of `error` and give the file's path. Secrets of the form /rest/<user>/<code> are
    blotted out.

    Where nothing can be written beside the profile (its folder is absent or not ours), a new private folder
    for temporary files is taken.
    """
    text = _SECRET.sub("/rest/***", "".join(traceback.format_exception(error)))
    beside = Path(profile_path or "obmen24.toml").resolve().parent
    try:
        folder = beside / ".obmen24"
        folder.mkdir(mode=0o700, exist_ok=True)
        return _write(folder, text)
    except OSError:
        return _write(Path(tempfile.mkdtemp(prefix="obmen24-")), text)


def _write(folder: Path, text: str) -> Path:
    path = folder / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        "w",
        encoding="utf-8",
        errors="backslashreplace",
    ) as file:
        file.write(text)
    return path
