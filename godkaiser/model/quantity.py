"""Quality of a signal and freshness of a value. Quality never speaks about the plant."""

from __future__ import annotations

import enum


class Quality(enum.Enum):
    """What a reading's signal is worth; stored with it. (Stale is not here: it is a property of now.)"""

    rank: int  # 0 is best

    GOOD = "good"
    UNCALIBRATED = "uncalibrated"
    SUSPECT = "suspect"
    ERROR = "error"


for _rank, _quality in enumerate(Quality):
    _quality.rank = _rank


class Freshness(enum.Enum):
    """How old a value is now, against how often it should come."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    OFFLINE = "offline"
    PAUSED = "paused"
    NEVER = "never"

    @property
    def usable(self) -> bool:
        """May rules act on it?"""
        return self in (Freshness.FRESH, Freshness.LATE)
