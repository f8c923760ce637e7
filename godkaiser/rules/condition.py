"""What a rule may ask: conditions as values. How they are judged stands in `evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from godkaiser.model.check import Check, Status
from godkaiser.model.ids import NodeId, RuleId, SeriesId
from godkaiser.model.instant import Duration
from godkaiser.model.quantity import Quality
from godkaiser.model.sun import SunWindow
from godkaiser.model.window import TimeWindow

Operator = Literal[">", ">=", "<", "<=", "==", "!=", "between"]
Comparison = Literal[">", ">=", "<", "<=", "==", "!="]
Pace = Literal["minute", "hour"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A reading against a value; `between` uses `value`..`upper`. `lasting`: true only after that long.

    `least`: the worst quality it looks at; None: whatever rules may use of that type. `zone`: a reading that was
    measured elsewhere says nothing.
    """

    series: SeriesId
    operator: Operator
    value: float
    upper: float | None = None
    lasting: Duration = 0
    least: Quality | None = None
    zone: str | None = None


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
class Offset:
    """`other` minus `base` against a value, `count` times one after the other, each time with two new readings."""

    base: SeriesId
    other: SeriesId
    operator: Comparison
    value: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast a value changes per `pace`: the straight line through the readings of the last `window`.

    Unknown until they span half of it. The window ends with the newest reading, not with now.
    """

    series: SeriesId
    operator: Comparison
    value: float
    pace: Pace
    window: Duration
    lasting: Duration = 0
    least: Quality | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """No reading with a value for `lasting`, counted from when this was asked first. Never unknown."""

    series: SeriesId
    lasting: Duration


@dataclass(frozen=True, slots=True)
class Presence:
    """A node is (`online`) or is not there. Unknown before it was heard of."""

    node: NodeId
    online: bool = True


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A check finds just that. `asks`: the rule, whose own trouble must not show in what it is told."""

    check: Check
    status: Status
    asks: RuleId


@dataclass(frozen=True, slots=True)
class Rested:
    """The rule's last start is at least `lasting` ago. True while it acts: it delays a start and ends nothing."""

    lasting: Duration


@dataclass(frozen=True, slots=True)
class Every:
    """AND (`every` true) or OR of conditions."""

    parts: tuple[Condition, ...]
    every: bool = True


@dataclass(frozen=True, slots=True)
class Opposite:
    """NOT: unknown stays unknown."""

    part: Condition


Condition = (
    Threshold
    | Hysteresis
    | Offset
    | Slope
    | Silence
    | Presence
    | Diagnosis
    | Rested
    | TimeWindow
    | SunWindow
    | Every
    | Opposite
)
Input = tuple[SeriesId, Quality | None]


def leaves(condition: Condition) -> tuple[Condition, ...]:
    """Every condition in it that has none within."""
    if isinstance(condition, Every):
        return tuple(leaf for part in condition.parts for leaf in leaves(part))
    return leaves(condition.part) if isinstance(condition, Opposite) else (condition,)


def renamed(condition: Condition, name: Callable[[SeriesId], SeriesId]) -> Condition:
    """The same about other names: of a sensor that is written with and without its address, say."""
    match condition:
        case Every(parts=parts):
            return replace(condition, parts=tuple(renamed(part, name) for part in parts))
        case Opposite(part=part):
            return Opposite(renamed(part, name))
        case Offset(base=base, other=other):
            return replace(condition, base=name(base), other=name(other))
        case Threshold() | Hysteresis() | Slope() | Silence():
            return replace(condition, series=name(condition.series))
        case _:
            return condition


def inputs_of(condition: Condition) -> frozenset[Input]:
    """Every series whose values a condition reads, and how good its readings must be."""
    return frozenset(read for leaf in leaves(condition) for read in _read(leaf))


def _read(leaf: Condition) -> tuple[Input, ...]:
    if isinstance(leaf, (Threshold, Hysteresis, Slope)):
        return ((leaf.series, leaf.least),)
    return ((leaf.base, None), (leaf.other, None)) if isinstance(leaf, Offset) else ()


def series_of(condition: Condition) -> frozenset[SeriesId]:
    """Every series a condition watches: those it reads, and those whose silence it waits for."""
    silent = frozenset(leaf.series for leaf in leaves(condition) if isinstance(leaf, Silence))
    return silent.union(series for series, _ in inputs_of(condition))


def nodes_of(condition: Condition) -> frozenset[NodeId]:
    """Every node whose coming and going a condition watches, those of its series among them."""
    watched = frozenset(leaf.node for leaf in leaves(condition) if isinstance(leaf, Presence))
    return watched.union(series.node for series in series_of(condition))
