"""What is remembered of one field that both sides may edit, and what each event makes of it (DESIGN §5).

1C acknowledges nothing: what was handed over counts as agreed only when 1C shows it. Until then it stands in
`sent`; a value of 1C that the portal does not hold yet stands in `want`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple


class Absent(enum.Enum):
    """The mark of what is not known, as opposed to None, which is a known emptiness."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class Sent(NamedTuple):
    """A value handed to 1C and the moment of the publication that carried it."""

    value: Any
    seq: int


@dataclass(frozen=True, slots=True)
class Agreed:
    """Memory of one field.

    `base`: what both sides last agreed on, ABSENT while nothing is agreed; `sent`: values handed to 1C and
    not yet seen back, oldest first; `want`: the value of 1C that the portal does not hold yet, noted before
    it is written there, or waiting for a person.
    """

    base: Any = ABSENT
    sent: tuple[Sent, ...] = ()
    want: Any = ABSENT

    @property
    def tail(self) -> Any:
        """What 1C holds or will hold once it has read everything we handed over."""
        return self.sent[-1].value if self.sent else self.base


#: nothing is remembered
NOTHING: Final = Agreed()
#: both sides are known to hold nothing
EMPTY: Final = Agreed(base=None)


def published(value: Any, moment: int) -> Agreed:
    """A field of a record that 1C is told for the first time: sent, nothing agreed yet. `moment`: of the
    publication.
    """
    return Agreed(sent=(Sent(value, moment),))


def noted(known: Agreed, value: Any) -> Agreed:
    """A value of 1C that the portal is to hold: noted before it is written ("note `want`, commit, write")."""
    return replace(known, want=value)


def written(known: Agreed) -> Agreed:
    """The portal has confirmed `want`: both sides hold it now. What is on its way to 1C stays there."""
    base = known.base if known.want is ABSENT else known.want
    return Agreed(base, known.sent)


def paired(known: Agreed, held: Any, told: Any) -> Agreed:
    """A field of a pair made just now: where one side knows nothing there is nothing to contradict, so an
    emptiness is agreed and the other side's value is its edit. Two different values stay undecided ("never
    take one side as base").

    `held`, `told`: values of the portal and of 1C, None where it has none.
    """
    is_new = known.base is ABSENT and not known.sent
    is_lacking = held is None or told is None
    return replace(known, base=None) if is_new and is_lacking else known


def is_on_its_way(known: Agreed) -> bool:
    """A value was handed to 1C and not yet seen back: every new publication of the record carries it
    again.
    """
    return bool(known.sent) and known.tail not in (None, ABSENT)


def for_1c(known: Agreed, held: Any) -> Any:
    """The value that a publication says: our latest edit, else what 1C itself told last, so that repeating
    it changes nothing; else what the portal's record holds (`held`).
    """
    told = known.base if known.want is ABSENT else known.want
    if known.sent:
        told = known.tail
    return held if told in (None, ABSENT) else told
