"""Evaluate a condition: three-valued, with memory for hysteresis and `lasting`, and a trace for people.

Silence is not a number: a missing or stale reading makes its condition UNKNOWN.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from godkaiser.model.instant import Instant
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.truth import Truth, conjunction, disjunction
from godkaiser.model.view import ReadingView
from godkaiser.model.window import TimeWindow, inside, next_change
from godkaiser.rules.rule import Condition, Every, Hysteresis, Threshold

Path = tuple[int, ...]
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_USABLE: Final = (Freshness.FRESH, Freshness.LATE)


@dataclass(frozen=True, slots=True)
class Trace:
    """One condition's part in a decision: what it looked at and what it found."""

    condition: Condition
    truth: Truth
    reading: Reading | None = None
    note: str = ""
    parts: tuple[Trace, ...] = ()


@dataclass(slots=True)
class Memory:
    """What a rule remembers between evaluations: latches of hystereses, since when conditions hold."""

    latched: dict[Path, bool] = field(default_factory=dict)
    since: dict[Path, Instant] = field(default_factory=dict)


@dataclass(slots=True)
class Evaluation:
    """Truth, trace, and when to look again even if nothing arrives."""

    truth: Truth
    trace: Trace
    look_again: Instant | None


@dataclass(slots=True)
class _Look:
    """One evaluation under way: what it may see and remember, and when to look again."""

    memory: Memory
    view: ReadingView
    now: Instant
    again: list[Instant] = field(default_factory=list)


def evaluate(condition: Condition, memory: Memory, view: ReadingView, now: Instant) -> Evaluation:
    """Evaluate the whole condition. `memory` is updated in place."""
    look = _Look(memory, view, now)
    trace = _judge(condition, (), look)
    return Evaluation(trace.truth, trace, min(look.again, default=None))


def _judge(condition: Condition, path: Path, look: _Look) -> Trace:
    if isinstance(condition, Every):
        parts = tuple(_judge(part, (*path, i), look) for i, part in enumerate(condition.parts))
        join = conjunction if condition.every else disjunction
        return Trace(condition, join(part.truth for part in parts), parts=parts)
    if isinstance(condition, TimeWindow):
        look.again.append(next_change(condition, look.now))
        return Trace(condition, Truth.of(inside(condition, look.now)))
    reading, note = _reading(condition, look)
    if reading is None:
        held = None
    elif isinstance(condition, Threshold):
        held = _compare(condition, _value(reading))
    else:
        held = _latch(condition, _value(reading), path, look.memory)
        note = "" if held is not None else "between the two limits, and not decided before"
    truth, young = _lasting(condition, held, path, look)
    return Trace(condition, truth, reading, young or note)


def _reading(condition: Threshold | Hysteresis, look: _Look) -> tuple[Reading | None, str]:
    series, least = condition.series, condition.least
    reading = look.view.latest(series, least)
    freshness = look.view.freshness(series, look.now, least)
    if reading is None or reading.value is None:
        return None, "no reading yet" if least is None else f"no reading yet that is {_or_better(least)}"
    return (reading, "") if freshness in _USABLE else (None, f"last reading is {freshness.value}")


def _or_better(least: Quality) -> str:
    return least.value if least is Quality.GOOD else f"{least.value} or better"


def _value(reading: Reading) -> float:
    return cast("float", reading.value)  # `_reading` let only values pass


def _compare(condition: Threshold, value: float) -> bool:
    if condition.operator == "between":
        return condition.value <= value <= cast("float", condition.upper)  # no document without it
    return _COMPARE[condition.operator](value, condition.value)


def _latch(condition: Hysteresis, value: float, path: Path, memory: Memory) -> bool | None:
    """Strict comparisons. In the band: as before; never decided: unknown, as either could be right."""
    beyond_on = value > condition.on_at if condition.cooling else value < condition.on_at
    beyond_off = value < condition.off_at if condition.cooling else value > condition.off_at
    if beyond_on or beyond_off:
        memory.latched[path] = beyond_on
    return memory.latched.get(path)


def _lasting(
    condition: Threshold | Hysteresis, held: bool | None, path: Path, look: _Look
) -> tuple[Truth, str]:
    """`lasting`: true only after the condition has held that long without a break (unknown breaks it)."""
    if held is not True:
        look.memory.since.pop(path, None)
        return Truth.of(held), ""
    since = look.memory.since.setdefault(path, look.now)
    if look.now - since >= condition.lasting:
        return Truth.TRUE, ""
    look.again.append(since + condition.lasting)
    return Truth.FALSE, "true, but not for long enough yet"
