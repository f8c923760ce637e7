"""A rule: a condition, what to do while it holds, what when it is no longer true, what when nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import Duration
from godkaiser.rules.condition import (
    Condition,
    Every,
    Hysteresis,
    Input,
    Offset,
    Operator,
    Opposite,
    Presence,
    Rested,
    Silence,
    Slope,
    Threshold,
    inputs_of,
    nodes_of,
    series_of,
)

__all__ = [
    "Condition",
    "Every",
    "Hysteresis",
    "Input",
    "Offset",
    "Operator",
    "Opposite",
    "Presence",
    "Rested",
    "Rule",
    "Silence",
    "Slope",
    "Threshold",
    "Turn",
    "WhenUnknown",
    "inputs_of",
    "nodes_of",
    "series_of",
]


@dataclass(frozen=True, slots=True)
class Turn:
    """Bring an actuator to a value, for at most `duration` (None: its maximum on-time)."""

    actuator: ActuatorId
    value: float
    duration: Duration | None = None


@dataclass(frozen=True, slots=True)
class WhenUnknown:
    """What a rule does when its inputs are stale or missing: go `safe`, `hold` for a time, or `keep`."""

    policy: Literal["safe", "hold", "keep"] = "safe"
    lasting: Duration = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule. `priority` 1 is the strongest. `document` is what it was read from, for export."""

    id: RuleId
    name: str
    when: Condition
    actions: tuple[Turn, ...]
    enabled: bool = True
    priority: int = 50
    cooldown: Duration = 0
    hourly_limit: int | None = None
    when_unknown: WhenUnknown = WhenUnknown()
    description: str = ""
