"""Click speaks Russian: its words stand in a message catalogue beside this module.

Click marks each text with gettext for the process's own domain, and gettext asks the environment for the
language. That of cron is empty, that of an administrator may be English: so domain and language are set here,
for this process. A text the catalogue does not hold, also one of a later click, stays English.
"""

from __future__ import annotations

import gettext
import os

_DOMAIN = "click"


def speak() -> None:
    """From here on, in this process."""
    gettext.bindtextdomain(_DOMAIN, os.path.join(os.path.dirname(__file__), "locale"))
    gettext.textdomain(_DOMAIN)
    os.environ["LANGUAGE"] = "ru"
