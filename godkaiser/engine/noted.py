"""What was written down last of each actuator, so that a change is written down once."""

from __future__ import annotations

from dataclasses import dataclass, field

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant


@dataclass(frozen=True, slots=True)
class Noted:
    """What was known of an actuator from `at` on: 0..1 by its node's word, None when nobody knew."""

    value: float | None
    at: Instant


@dataclass(slots=True)
class Chronicle:
    """The last note of each actuator, and when it was last written down that somebody looks."""

    noted: dict[ActuatorId, Noted] = field(default_factory=dict)
    watched_at: Instant | None = None
