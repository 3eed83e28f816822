"""Which play goes with which demo data."""

from __future__ import annotations

from etl.sandbox.scene.plays.common import Play
from etl.sandbox.scene.plays.leads import leads
from etl.sandbox.scene.plays.prepaid import prepaid
from etl.sandbox.scene.plays.twoway import twoway
from etl.sandbox.scene.plays.video import video

PLAYS: dict[str, Play] = {
    "video": video,
    "prepaid": prepaid,
    "leads": leads,
    "twoway": twoway,
}
