"""The exception tree, named by what the reader must do.

    EtlError          exit code   who acts
    ├── ConfigError       2       the administrator corrects the profile; every problem is listed
    ├── Rejected          1       nobody now: one file or record is set aside with a reason, the run goes on
    ├── TryLater         75       nobody: the next run repeats (portal down, limit reached, share absent)
    └── NeedsPerson       3       a person answers or accepts (guard, lost register, contradictory links)

Any other exception is a bug: the traceback goes to the log, the person reads one sentence, exit code 4.
Texts are Russian, end with what to do, and hold no personal data and no secret.
"""

from __future__ import annotations

from collections.abc import Iterable

EXIT_CLEAN, EXIT_ATTENTION, EXIT_CONFIG, EXIT_PERSON, EXIT_BUG, EXIT_LATER = 0, 1, 2, 3, 4, 75


class EtlError(Exception):
    """Base of all expected failures. `message` says what happened, `advice` what to do (both Russian)."""

    exit_code = EXIT_ATTENTION

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        """What happened, then what to do."""
        return f"{self.message} {self.advice}".rstrip()


class ConfigError(EtlError):
    """The profile or the command line cannot work. `problems` lists every fault as «path: what is wrong»."""

    exit_code = EXIT_CONFIG

    def __init__(self, message: str, advice: str = "", problems: Iterable[str] = ()) -> None:
        super().__init__(message, advice)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        problems = [f"  - {problem}" for problem in self.problems]
        return "\n".join([self.message, *problems, self.advice]).rstrip()


class Rejected(EtlError):
    """One file or one record is refused. `file` and `place` (element path, line or cell) locate it."""

    exit_code = EXIT_ATTENTION

    def __init__(self, message: str, advice: str = "", *, file: str = "", place: str = "") -> None:
        super().__init__(message, advice)
        self.file = file
        self.place = place


class TryLater(EtlError):
    """Nothing is wrong with the data: the other side cannot be reached or asked us to wait."""

    exit_code = EXIT_LATER


class NeedsPerson(EtlError):
    """The programme must not decide alone. `advice` names the command that answers."""

    exit_code = EXIT_PERSON
