"""The portal that a profile means: the customer's, or for a sandbox profile the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from etl.config.profile import Profile


@contextmanager
def reachable(profile: Profile) -> Iterator[Profile]:
    """The profile with a portal to talk to; an embedded one is started, and runs as long as the context.

    Raises ConfigError where a sandbox profile has already worked with a real portal.
    """
    if profile.bitrix24.sandbox is None:
        yield profile
        return
    from etl.sandbox.scene.stage import staged  # what works with a real portal never loads it

    with staged(profile) as stage:
        yield stage.profile
