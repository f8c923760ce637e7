"""Sentences a grower can read: what a rule says, and why it decided as it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Duration
from godkaiser.model.quantity import Quality
from godkaiser.model.truth import Truth
from godkaiser.model.window import TimeWindow
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.rule import Condition, Every, Hysteresis, Rule, Turn

Names = Callable[[str], str]
Units = Callable[[str], str]
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORDS = {">": "above", ">=": "at least", "<": "below", "<=": "at most", "==": "exactly", "!=": "not"}
_MARK = {Truth.TRUE: "✔", Truth.FALSE: "✘", Truth.UNKNOWN: "?"}


def sentence(rule: Rule, name: Names, unit: Units) -> str:
    """`When north bench air is above 28 °C (until below 25 °C), set fan to 80 %.`"""
    deeds = " and ".join(_deed(turn, name) for turn in rule.actions)
    return f"When {describe(rule.when, name, unit)}, {deeds}."


def _deed(turn: Turn, name: Names) -> str:
    how = "turn on" if turn.value == 1.0 else "turn off" if turn.value == 0.0 else "set"
    text = f"{how} {name(turn.actuator)}" + (f" to {turn.value * 100:g} %" if how == "set" else "")
    return text + (f" for at most {_span(turn.duration)}" if turn.duration is not None else "")


def _span(span: Duration) -> str:
    """In the largest unit that says it exactly, as a sentence must equal what the rule does."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if span % unit == 0:
            return f"{span // unit} {name}"
    return f"{span / SECOND:g} s"


def describe(condition: Condition, name: Names, unit: Units) -> str:
    """The condition in words."""
    if isinstance(condition, Every):
        parts = (_within(describe(part, name, unit), part) for part in condition.parts)
        return _joined(condition, parts)
    if isinstance(condition, TimeWindow):
        clock = f"{_clock(condition.start)}–{_clock(condition.end)} ({condition.timezone})"
        return f"it is {clock}{_days(condition)}"
    series, u = name(condition.series), _unit(unit(condition.series))
    if isinstance(condition, Hysteresis):
        on, off = ("above", "below") if condition.cooling else ("below", "above")
        text = f"{series} is {on} {condition.on_at:g}{u} (until {off} {condition.off_at:g}{u})"
    elif condition.operator == "between":
        text = f"{series} is between {condition.value:g} and {condition.upper:g}{u}"
    else:
        text = f"{series} is {_WORDS[condition.operator]} {condition.value:g}{u}"
    text += f" for {_span(condition.lasting)}" if condition.lasting else ""
    return (
        text
        if condition.least is None
        else f"{text} ({condition.least.value} readings{_down(condition.least)})"
    )


def _down(least: Quality) -> str:
    return " only" if least is Quality.GOOD else " and better"


def _days(window: TimeWindow) -> str:
    return "" if len(window.days) == 7 else " on " + ", ".join(_DAYS[day] for day in sorted(window.days))


def _joined(condition: Every, texts: Iterable[str]) -> str:
    return (" and " if condition.every else " or ").join(texts)


def _within(text: str, part: Condition) -> str:
    """In brackets where AND and OR would run into each other."""
    return f"({text})" if isinstance(part, Every) else text


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def tell(trace: Trace, name: Names, unit: Units) -> str:
    """The trace in one line: `air 28.6 °C > 28 ✔`."""
    if isinstance(trace.condition, Every):
        parts = (_within(tell(part, name, unit), part.condition) for part in trace.parts)
        return _joined(trace.condition, parts)
    mark = _MARK[trace.truth]
    what = describe(trace.condition, name, unit)
    if trace.reading is not None and trace.reading.value is not None:
        value = f"{trace.reading.value:.4g}{_unit(trace.reading.unit)}"
        return f"{what}: {value} {mark}" + (f" ({trace.note})" if trace.note else "")
    return f"{what} {mark}" + (f" ({trace.note})" if trace.note else "")
