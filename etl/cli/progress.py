"""A progress bar over large files, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

#: gets a file and the part of it that is done, 0 to 1
Tell = Callable[[Path, float], None]
_LARGE = 20_000_000  # bytes together; less is read before a bar could be looked at


@contextmanager
def bar(files: Sequence[Path]) -> Iterator[Tell | None]:
    """To be called with a file and its share done; None for small files or without a terminal."""
    sizes = {path: _size(path) for path in files}
    whole = sum(sizes.values())
    if not sys.stderr.isatty() or whole < _LARGE:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    done = dict.fromkeys(sizes, 0.0)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("Чтение", total=whole)

        def tell(path: Path, part: float) -> None:
            done[path] = max(done[path], part)
            read = sum(size * done[each] for each, size in sizes.items())
            bars.update(task, completed=read, description=path.name)

        yield tell


def _size(path: Path) -> int:
    """Bytes of a file; 0 for what cannot be asked, its command says why."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
