"""How many histories a campaign plays: few in the suite, as many as asked with `make campaign HISTORIES=…`."""

from __future__ import annotations

import os

COUNT = int(os.environ.get("OBMEN24_HISTORIES", "500"))
