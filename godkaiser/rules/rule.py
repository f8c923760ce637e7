"""A rule: a condition, what to do while it holds, what when it is no longer true, what when nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from godkaiser.model.ids import ActuatorId, RuleId, SeriesId
from godkaiser.model.instant import Duration
from godkaiser.model.quantity import Quality
from godkaiser.model.window import TimeWindow

Operator = Literal[">", ">=", "<", "<=", "==", "!=", "between"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A reading against a value; `between` uses `value`..`upper`. `lasting`: true only after that long.

    `least`: the worst quality it looks at; None: whatever rules may use of that type.
    """

    series: SeriesId
    operator: Operator
    value: float
    upper: float | None = None
    lasting: Duration = 0
    least: Quality | None = None


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """On beyond `on_at`, off beyond `off_at`, in between as before. `cooling`: on is above, off is below."""

    series: SeriesId
    cooling: bool
    on_at: float
    off_at: float
    lasting: Duration = 0
    least: Quality | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """AND (`every` true) or OR of conditions."""

    parts: tuple[Condition, ...]
    every: bool = True


Condition = Threshold | Hysteresis | TimeWindow | Every


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


Input = tuple[SeriesId, Quality | None]


def inputs_of(condition: Condition) -> frozenset[Input]:
    """Every series a condition reads, and how good its readings must be."""
    if isinstance(condition, Every):
        return frozenset().union(*(inputs_of(part) for part in condition.parts))
    return (
        frozenset() if isinstance(condition, TimeWindow) else frozenset({(condition.series, condition.least)})
    )


def series_of(condition: Condition) -> frozenset[SeriesId]:
    """Every series a condition reads."""
    return frozenset(series for series, _ in inputs_of(condition))
