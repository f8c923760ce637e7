"""Sentences a grower can read: what a rule says, and why it decided as it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Duration
from godkaiser.model.quantity import Quality
from godkaiser.model.sun import SunWindow
from godkaiser.model.truth import Truth
from godkaiser.model.window import TimeWindow
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
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.rule import Notify, Pause, Rule, Step, Turn, Until

Names = Callable[[str], str]
Units = Callable[[str], str]
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORDS = {">": "above", ">=": "at least", "<": "below", "<=": "at most", "==": "exactly", "!=": "not"}
_PACE = {"minute": "min", "hour": "h"}
_MARK = {Truth.TRUE: "✔", Truth.FALSE: "✘", Truth.UNKNOWN: "?"}


def sentence(rule: Rule, name: Names, unit: Units) -> str:
    """`When north bench air is above 28 °C (until below 25 °C), set fan to 80 %.`"""
    if rule.steps:
        deeds = ", then ".join(_step(step, name, unit) for step in rule.steps)
    else:
        deeds = " and ".join(_deed(turn, name) for turn in rule.actions)
    return f"When {describe(rule.when, name, unit)}, {deeds}.{_failing(rule, name, unit)}"


def _failing(rule: Rule, name: Names, unit: Units) -> str:
    """What follows when it is not carried out."""
    critical = " It is critical." if rule.critical else ""
    policy = rule.escalation
    if policy is None:
        return critical
    again = f"try {policy.retries} times more, every {_span(policy.interval)}" if policy.retries else ""
    whom = " and ".join(f"{one.target or 'everybody'} by {one.channel}" for one in policy.notify)
    others = [_step(Step(action), name, unit) for action in policy.failover]
    parts = [*([again] if again else []), *([f"tell {whom}"] if whom else []), *others]
    return f"{critical} If that is not carried out, {', then '.join(parts)}." if parts else critical


def _deed(turn: Turn, name: Names) -> str:
    if turn.toggles:
        span = f" for at most {_span(turn.duration)}" if turn.duration is not None else ""
        return f"toggle {name(turn.actuator)} (to the opposite of what it is at then){span}"
    how = "turn on" if turn.value == 1.0 else "turn off" if turn.value == 0.0 else "set"
    text = f"{how} {name(turn.actuator)}" + (f" to {turn.value * 100:g} %" if how == "set" else "")
    return text + (f" for at most {_span(turn.duration)}" if turn.duration is not None else "")


def _step(step: Step, name: Names, unit: Units) -> str:
    """With what happens when it fails, where somebody decided that."""
    action, fails = step.action, "go on" if step.goes_on else "give up"
    after = f", then wait {_span(step.after)}" if step.after else ""
    if isinstance(action, Pause):
        return f"wait {_span(action.lasting)}{after}"
    if isinstance(action, Notify):
        return f"tell “{action.text}”{after}"
    if isinstance(action, Until):
        when = describe(action.when, name, unit)
        return f"wait until {when} (after {_span(action.within)} {fails}){after}"
    tried = f", tried {step.retry + 1} times" if step.retry else ""
    sure = "" if step.awaits is None else f" (confirmed within {_span(step.awaits)}{tried}, else {fails})"
    return f"{_deed(action, name)}{sure}{after}"


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
    if isinstance(condition, Opposite):
        return f"not ({describe(condition.part, name, unit)})"
    if isinstance(condition, (Threshold, Hysteresis, Slope)):
        return _of_series(condition, name, unit)
    if isinstance(condition, Offset):
        u, times = (
            _unit(unit(condition.other)),
            "" if condition.count == 1 else f" {condition.count} times running",
        )
        what = f"{name(condition.other)} minus {name(condition.base)}"
        return f"{what} is {_WORDS[condition.operator]} {condition.value:g}{u}{times}"
    return _without_value(condition, name)


def _without_value(
    condition: TimeWindow | SunWindow | Silence | Rested | Presence | Diagnosis, name: Names
) -> str:
    if isinstance(condition, TimeWindow):
        clock = f"{_clock(condition.start)}–{_clock(condition.end)} ({condition.timezone})"
        return f"it is {clock}{_days(condition)}"
    if isinstance(condition, SunWindow):
        start = _by_sun(condition.start, condition.start_offset)
        return f"it is between {start} and {_by_sun(condition.end, condition.end_offset)}"
    if isinstance(condition, Silence):
        return f"there is no reading of {name(condition.series)} for {_span(condition.lasting)}"
    if isinstance(condition, Rested):
        return f"the rule did not start within {_span(condition.lasting)}"
    if isinstance(condition, Diagnosis):
        return f"the check of {condition.check} says {condition.status}"
    return f"{name(condition.node)} is {'online' if condition.online else 'not online'}"


def _by_sun(event: str, offset: Duration) -> str:
    if not offset:
        return event
    return f"{_span(abs(offset))} {'after' if offset > 0 else 'before'} {event}"


def _of_series(condition: Threshold | Hysteresis | Slope, name: Names, unit: Units) -> str:
    series, u = name(condition.series), _unit(unit(condition.series))
    if isinstance(condition, Hysteresis):
        on, off = ("above", "below") if condition.cooling else ("below", "above")
        text = f"{series} is {on} {condition.on_at:g}{u} (until {off} {condition.off_at:g}{u})"
    elif isinstance(condition, Slope):
        limit = f"{_WORDS[condition.operator]} {condition.value:g}{u or ' '}/{_PACE[condition.pace]}"
        text = f"{series} changes by {limit} over {_span(condition.window)}"
    elif condition.operator == "between":
        text = f"{series} is between {condition.value:g} and {condition.upper:g}{u}"
    else:
        text = f"{series} is {_WORDS[condition.operator]} {condition.value:g}{u}"
    text += f" in zone {condition.zone}" if isinstance(condition, Threshold) and condition.zone else ""
    text += f" for {_span(condition.lasting)}" if condition.lasting else ""
    if condition.least is None:
        return text
    return f"{text} ({condition.least.value} readings{_down(condition.least)})"


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
    if isinstance(trace.condition, Opposite):
        return f"not ({tell(trace.parts[0], name, unit)}) {_MARK[trace.truth]}"
    mark, note = _MARK[trace.truth], f" ({trace.note})" if trace.note else ""
    what, found = describe(trace.condition, name, unit), _found(trace)
    return f"{what}: {found} {mark}{note}" if found else f"{what} {mark}{note}"


def _found(trace: Trace) -> str:
    """The value that decided."""
    if trace.reading is None or trace.reading.value is None:
        return ""
    u = _unit(trace.reading.unit)
    if isinstance(trace.condition, Slope):
        return "" if trace.value is None else f"{trace.value:.4g}{u or ' '}/{_PACE[trace.condition.pace]}"
    return f"{trace.reading.value if trace.value is None else trace.value:.4g}{u}"
