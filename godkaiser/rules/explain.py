"""Sentences a grower can read: what a rule says, and why it decided as it did."""

from __future__ import annotations

from collections.abc import Callable

from godkaiser.model.instant import Duration, describe_duration
from godkaiser.model.truth import Truth
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.rule import Condition, Every, Hysteresis, Rule, Threshold, TimeWindow, Turn

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
    text = f"{how} {name(turn.actuator)}" + (f" to {turn.value:.0%}" if how == "set" else "")
    return text + (f" for at most {_span(turn.duration)}" if turn.duration is not None else "")


def _span(span: Duration) -> str:
    return describe_duration(span)


def describe(condition: Condition, name: Names, unit: Units) -> str:
    """The condition in words."""
    match condition:
        case Threshold(operator="between"):
            text = f"{name(condition.series)} is between {condition.value:g} and {condition.upper:g}"
            return _with_lasting(f"{text}{_unit(unit(condition.series))}", condition.lasting)
        case Threshold():
            text = f"{name(condition.series)} is {_WORDS[condition.operator]} {condition.value:g}"
            return _with_lasting(f"{text}{_unit(unit(condition.series))}", condition.lasting)
        case Hysteresis():
            on, off = ("above", "below") if condition.cooling else ("below", "above")
            u = _unit(unit(condition.series))
            text = f"{name(condition.series)} is {on} {condition.on_at:g}{u} (until {off} {condition.off_at:g}{u})"
            return _with_lasting(text, condition.lasting)
        case TimeWindow():
            days = (
                ""
                if len(condition.days) == 7
                else " on " + ", ".join(_DAYS[d] for d in sorted(condition.days))
            )
            return f"it is {_clock(condition.start)}–{_clock(condition.end)} ({condition.timezone}){days}"
        case Every():
            word = " and " if condition.every else " or "
            return word.join(describe(part, name, unit) for part in condition.parts)


def _with_lasting(text: str, lasting: Duration) -> str:
    return f"{text} for {_span(lasting)}" if lasting else text


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def tell(trace: Trace, name: Names, unit: Units) -> str:
    """The trace in one line: `air 28.6 °C > 28 ✔`."""
    if trace.parts:
        word = " and " if isinstance(trace.condition, Every) and trace.condition.every else " or "
        return word.join(tell(part, name, unit) for part in trace.parts)
    mark = _MARK[trace.truth]
    what = describe(trace.condition, name, unit)
    if trace.reading is not None and trace.reading.value is not None:
        value = f"{trace.reading.value:.4g}{_unit(trace.reading.unit)}"
        return f"{what}: {value} {mark}" + (f" ({trace.note})" if trace.note else "")
    return f"{what} {mark}" + (f" ({trace.note})" if trace.note else "")
