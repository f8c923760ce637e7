"""Quality of a signal and freshness of a value. Quality never speaks about the plant."""

from __future__ import annotations

import enum
from typing import Final


class Quality(enum.Enum):
    """What a reading's signal is worth; stored with it. (Stale is not here: it is a property of now.)"""

    GOOD = "good"
    UNCALIBRATED = "uncalibrated"
    SUSPECT = "suspect"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 is best."""
        return _RANK[self]


_RANK: Final = {Quality.GOOD: 0, Quality.UNCALIBRATED: 1, Quality.SUSPECT: 2, Quality.ERROR: 3}


class Freshness(enum.Enum):
    """How old a value is now, against how often it should come."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    OFFLINE = "offline"
    PAUSED = "paused"
    NEVER = "never"
