"""How stock УТ 10.3, УТ 11 and УНФ 3 read the file of orders (commerceml §0, §6, §7, §9).

`load_stock` reads one file and either loads all of it or raises `Refusal`: one bad document fails the file
(fact 10). What is loaded loses its registration, so a just loaded order is not exported in the same session
(fact 8, §12). Whatever the facts leave open is decided against us: the model is an opponent.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from etl.sandbox.onec.books import Books
from etl.sandbox.onec.incoming import Outcome, Settings
from etl.sandbox.onec.stock import ut103, xdto
from etl.sandbox.onec.stock.common import Loading, Reader, Writer

_CONFIGURATIONS: dict[str, tuple[Reader, Writer]] = {
    "ut103": (ut103.read, ut103.write),
    "ut11": (xdto.read, xdto.write_ut11),
    "unf3": (xdto.read, xdto.write_unf3),
}


def load_stock(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Load the file of orders into the books.

    Raises Refusal when 1C would stop; the books are then to be rolled back.
    """
    read, write = _CONFIGURATIONS[settings.dialect]
    loading = Loading(books, settings, now, Outcome())
    for incoming in read(path.read_bytes(), settings):
        write(loading, incoming)
    return loading.outcome
