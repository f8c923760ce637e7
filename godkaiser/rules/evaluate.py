"""Evaluate a condition: three-valued, with memory for hysteresis and `lasting`, and a trace for people.

Silence is not a number: a missing or stale reading makes its condition UNKNOWN.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.quantity import Freshness
from godkaiser.model.reading import Reading
from godkaiser.model.truth import Truth, conjunction, disjunction
from godkaiser.model.view import ReadingView
from godkaiser.rules.rule import Condition, Every, Hysteresis, Threshold, TimeWindow
from godkaiser.rules.window import inside, next_change

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


def evaluate(condition: Condition, memory: Memory, view: ReadingView, now: Instant) -> Evaluation:
    """Evaluate the whole condition. `memory` is updated in place."""
    again: list[Instant] = []
    trace = _judge(condition, (), memory, view, now, again)
    return Evaluation(trace.truth, trace, min(again, default=None))


def _judge(
    condition: Condition, path: Path, memory: Memory, view: ReadingView, now: Instant, again: list[Instant]
) -> Trace:
    match condition:
        case Every():
            parts = tuple(
                _judge(part, (*path, i), memory, view, now, again) for i, part in enumerate(condition.parts)
            )
            join = conjunction if condition.every else disjunction
            return Trace(condition, join(part.truth for part in parts), parts=parts)
        case TimeWindow():
            again.append(next_change(condition, now))
            return Trace(condition, Truth.of(inside(condition, now)))
        case Threshold():
            reading, note = _reading(condition.series, view, now)
            held = None if reading is None else _compare(condition, _value(reading))
            return _lasting(condition, held, path, memory, now, again, reading, note)
        case Hysteresis():
            reading, note = _reading(condition.series, view, now)
            held = _latch(condition, reading, path, memory)
            return _lasting(condition, held, path, memory, now, again, reading, note)


def _reading(series: SeriesId, view: ReadingView, now: Instant) -> tuple[Reading | None, str]:
    reading = view.latest(series)
    freshness = view.freshness(series, now)
    if reading is None or reading.value is None:
        return None, "no reading yet"
    return (reading, "") if freshness in _USABLE else (None, f"last reading is {freshness.value}")


def _value(reading: Reading) -> float:
    assert reading.value is not None  # `_reading` let only values pass
    return reading.value


def _compare(condition: Threshold, value: float) -> bool:
    if condition.operator == "between":
        assert condition.upper is not None  # the document refuses `between` without it
        return condition.value <= value <= condition.upper
    return _COMPARE[condition.operator](value, condition.value)


def _latch(condition: Hysteresis, reading: Reading | None, path: Path, memory: Memory) -> bool | None:
    """Strict comparisons. In the band: as before; never decided: unknown, as either could be right."""
    if reading is None:
        return None
    value = _value(reading)
    beyond_on = value > condition.on_at if condition.cooling else value < condition.on_at
    beyond_off = value < condition.off_at if condition.cooling else value > condition.off_at
    if beyond_on or beyond_off:
        memory.latched[path] = beyond_on
    return memory.latched.get(path)


def _lasting(
    condition: Threshold | Hysteresis,
    held: bool | None,
    path: Path,
    memory: Memory,
    now: Instant,
    again: list[Instant],
    reading: Reading | None,
    note: str,
) -> Trace:
    """`lasting`: true only after the condition has held that long without a break (unknown breaks it)."""
    if held is not True:
        memory.since.pop(path, None)
        if held is None and not note:
            note = "between the two limits, and not decided before"
        return Trace(condition, Truth.of(held), reading, note)
    since = memory.since.setdefault(path, now)
    if now - since >= condition.lasting:
        return Trace(condition, Truth.TRUE, reading, note)
    again.append(since + condition.lasting)
    return Trace(condition, Truth.FALSE, reading, "true, but not for long enough yet")
