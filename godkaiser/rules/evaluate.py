"""Evaluate a condition: three-valued, with memory, and a trace for people.

Silence is not a number: a missing or stale reading makes its condition UNKNOWN. What grows too old is an event of its
own; every other change that time alone brings is announced by `look_again`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never, cast

from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, MINUTE, SECOND, Instant
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.sun import SunWindow, sun_inside, sun_next_change
from godkaiser.model.truth import Truth, conjunction, disjunction
from godkaiser.model.view import RuleView
from godkaiser.model.window import TimeWindow, inside, next_change
from godkaiser.rules.condition import (
    Condition,
    Diagnosis,
    Every,
    Hysteresis,
    Offset,
    Opposite,
    Presence,
    Rested,
    Silence,
    Slope,
    Threshold,
)
from godkaiser.rules.memory import Memory, Path, count, slope

__all__ = ["Evaluation", "Memory", "Path", "Trace", "evaluate"]

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}

_PACE: Final = {"minute": MINUTE // SECOND, "hour": HOUR // SECOND}


# Not frozen, as everything else of its kind is: several are made with every reading, which then takes three times as
# long. Nobody writes into one.
@dataclass(slots=True)
class Trace:
    """One condition's part in a decision: what it looked at and what it found.

    `value` is what it computed where that is not the reading itself.
    """

    condition: Condition
    truth: Truth
    reading: Reading | None = None
    note: str = ""
    parts: tuple[Trace, ...] = ()
    value: float | None = None


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
    view: RuleView
    now: Instant
    again: list[Instant] = field(default_factory=list)


def evaluate(condition: Condition, memory: Memory, view: RuleView, now: Instant) -> Evaluation:
    """Evaluate the whole condition. `memory` is updated in place."""
    look = _Look(memory, view, now)
    trace = _judge(condition, (), look)
    return Evaluation(trace.truth, trace, min(look.again, default=None))


def _judge(condition: Condition, path: Path, look: _Look) -> Trace:
    if isinstance(condition, (Threshold, Hysteresis, Slope)):
        return _of_series(condition, path, look)
    if isinstance(condition, Every):
        parts = tuple([_judge(part, (*path, i), look) for i, part in enumerate(condition.parts)])
        join = conjunction if condition.every else disjunction
        return Trace(condition, join([part.truth for part in parts]), parts=parts)
    if isinstance(condition, Opposite):
        part = _judge(condition.part, (*path, 0), look)
        return Trace(condition, ~part.truth, parts=(part,))
    if isinstance(condition, Offset):
        return _of_two(condition, path, look)
    return _of_time(condition, path, look)


def _of_time(
    condition: TimeWindow | SunWindow | Silence | Rested | Presence | Diagnosis, path: Path, look: _Look
) -> Trace:
    """What looks at no value."""
    if isinstance(condition, TimeWindow):
        look.again.append(next_change(condition, look.now))
        return Trace(condition, Truth.of(inside(condition, look.now)))
    if isinstance(condition, SunWindow):
        look.again.append(sun_next_change(condition, look.now))
        return Trace(condition, Truth.of(sun_inside(condition, look.now)))
    if isinstance(condition, Silence):
        return _silent(condition, path, look)
    if isinstance(condition, Rested):
        return _rested(condition, look)
    if isinstance(condition, Presence):
        node = look.view.node(condition.node)
        online = None if node is None else node.online
        note = "not heard of yet" if online is None else ""
        return Trace(condition, Truth.of(None if online is None else online is condition.online), note=note)
    if isinstance(condition, Diagnosis):
        found = look.view.check(condition.check, condition.asks, look.now)
        truth = Truth.of(None if found is None else found == condition.status)
        return Trace(condition, truth, note="nobody knows" if found is None else f"it is {found}")
    assert_never(condition)


def _silent(condition: Silence, path: Path, look: _Look) -> Trace:
    """Counted from the last value, or from when this was asked first: nobody listened before."""
    asked = look.memory.asked.setdefault(path, look.now)
    heard = look.view.heard_at(condition.series)
    return _after(condition, max(asked, heard or asked), condition.lasting, look)


def _rested(condition: Rested, look: _Look) -> Trace:
    if look.memory.acting or look.memory.started is None:
        return Trace(
            condition,
            Truth.TRUE,
            note="it acts" if look.memory.acting else "no start within that time is known",
        )
    return _after(condition, look.memory.started, condition.lasting, look)


def _after(condition: Silence | Rested, since: Instant, lasting: int, look: _Look) -> Trace:
    there = look.now >= since + lasting
    if not there:
        look.again.append(since + lasting)
    return Trace(condition, Truth.of(there))


# ── readings ───────────────────────────────────────────────────────────────────────────────────────────
def _of_series(condition: Threshold | Hysteresis | Slope, path: Path, look: _Look) -> Trace:
    reading, note = _reading(condition, look)
    held: bool | None
    computed: float | None = None
    if reading is None:
        held = None
    elif isinstance(condition, Threshold):
        held = _compare(condition, _value(reading))
    elif isinstance(condition, Hysteresis):
        held = _latch(condition, _value(reading), path, look.memory)
        note = "" if held is not None else "between the two limits, and not decided before"
    else:
        per_second = slope(look.memory, path, reading, condition.window)
        computed = None if per_second is None else per_second * _PACE[condition.pace]
        held = None if computed is None else _COMPARE[condition.operator](computed, condition.value)
        note = "" if held is not None else "too few readings yet"
    truth, young = _lasting(condition, held, path, look)
    return Trace(condition, truth, reading, young or note, value=computed)


def _of_two(condition: Offset, path: Path, look: _Look) -> Trace:
    """The streak is broken by not holding and by silence."""
    (base, why_base), (other, why_other) = (
        _usable(condition.base, None, look),
        _usable(condition.other, None, look),
    )
    bridged = look.memory.bridged(path, look.now)
    if base is None or other is None:
        if not bridged:
            look.memory.streaks.pop(path, None)
        silent, why = (condition.base, why_base) if base is None else (condition.other, why_other)
        return Trace(condition, Truth.UNKNOWN, note=f"{look.view.name_of(silent)}: {why}")
    look.memory.bridge.pop(path, None)
    value = _value(other) - _value(base)
    if not _COMPARE[condition.operator](value, condition.value):
        look.memory.streaks.pop(path, None)
        return Trace(condition, Truth.FALSE, other, value=value)
    times = count(look.memory, path, base, other)
    note = "" if times >= condition.count else f"true, but only {times} of {condition.count} times"
    return Trace(condition, Truth.of(not note), other, note, value=value)


def _reading(condition: Threshold | Hysteresis | Slope, look: _Look) -> tuple[Reading | None, str]:
    reading, note = _usable(condition.series, condition.least, look)
    zone = condition.zone if isinstance(condition, Threshold) else None
    if reading is not None and zone is not None and reading.zone not in (None, zone):
        return None, f"measured in zone {reading.zone}, not in {zone}"
    return reading, note


def _usable(series: SeriesId, least: Quality | None, look: _Look) -> tuple[Reading | None, str]:
    """The reading that counts, or why there is none."""
    reading = look.view.latest(series, least)
    if reading is None or reading.value is None:
        return None, "no reading yet" if least is None else f"no reading yet that is {_or_better(least)}"
    freshness = look.view.freshness(series, look.now, least)
    return (reading, "") if freshness.usable else (None, f"last reading is {freshness.value}")


def _or_better(least: Quality) -> str:
    return least.value if least is Quality.GOOD else f"{least.value} or better"


def _value(reading: Reading) -> float:
    return cast("float", reading.value)  # `_usable` let only values pass


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
    condition: Threshold | Hysteresis | Slope, held: bool | None, path: Path, look: _Look
) -> tuple[Truth, str]:
    """`lasting`: true only after the condition has held that long without a break (unknown breaks it)."""
    memory = look.memory
    if memory.bridge:
        if memory.bridged(path, look.now) and held is None:
            return Truth.UNKNOWN, ""
        memory.bridge.pop(path, None)
    if held is not True:
        if memory.since:
            memory.since.pop(path, None)
        return Truth.UNKNOWN if held is None else Truth.FALSE, ""
    since = memory.since.setdefault(path, look.now)
    if look.now - since >= condition.lasting:
        return Truth.TRUE, ""
    look.again.append(since + condition.lasting)
    return Truth.FALSE, "true, but not for long enough yet"
