"""Rule document → rule: ids become series and actuators, seconds become microseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from godkaiser.errors import DocumentError, InvalidError
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.model.site import ActuatorSpec, address_text
from godkaiser.rules.document import (
    ActuatorPart,
    CompoundPart,
    ConditionPart,
    HysteresisPart,
    RuleDocument,
    ThresholdPart,
    TimeWindowPart,
)
from godkaiser.rules.rule import Condition, Every, Hysteresis, Rule, Threshold, TimeWindow, Turn, WhenUnknown

_Known = tuple[Callable[[str], str], tuple[SeriesId, ...]]


def build_rule(
    document: RuleDocument,
    *,
    timezone: str,
    canonical: Callable[[str], str] = str,
    known: Iterable[SeriesId] = (),
    spec_of: Callable[[ActuatorId], ActuatorSpec | None] = lambda _: None,
    path: str = "rule",
) -> Rule:
    """Bind a document to a site. `canonical` translates sensor type aliases; `known` helps where `sensor_type` was left out."""
    series = tuple(known)
    parts = tuple(
        _condition(part, timezone, (canonical, series), f"{path}.conditions[{i}]")
        for i, part in enumerate(document.conditions)
    )
    every = document.logic_operator == "AND"
    return Rule(
        id=RuleId.from_name(document.name),
        name=document.name,
        when=parts[0] if len(parts) == 1 else Every(parts, every),
        actions=tuple(_turn(a, spec_of, f"{path}.actions[{i}]") for i, a in enumerate(document.actions)),
        enabled=document.enabled,
        priority=document.priority,
        cooldown=_micro(document.cooldown_seconds),
        hourly_limit=document.max_executions_per_hour,
        when_unknown=WhenUnknown(document.when_unknown.policy, _micro(document.when_unknown.seconds)),
        description=document.description,
    )


def _micro(seconds: float) -> int:
    return round(seconds * SECOND)


def _condition(part: ConditionPart, timezone: str, known: _Known, path: str) -> Condition:
    match part:
        case ThresholdPart():
            low = part.min if part.operator == "between" else part.value
            assert low is not None  # the document was checked
            return Threshold(
                _series(part, known, path), part.operator, low, part.max, _micro(part.for_seconds)
            )
        case HysteresisPart():
            cooling = part.activate_above is not None
            on = part.activate_above if cooling else part.activate_below
            off = part.deactivate_below if cooling else part.deactivate_above
            assert on is not None and off is not None  # the document was checked
            return Hysteresis(_series(part, known, path), cooling, on, off, _micro(part.for_seconds))
        case TimeWindowPart():
            return TimeWindow(part.start, part.end, frozenset(part.days_of_week), part.timezone or timezone)
        case CompoundPart():
            inner = (
                _condition(p, timezone, known, f"{path}.conditions[{i}]")
                for i, p in enumerate(part.conditions)
            )
            return Every(tuple(inner), part.logic == "AND")
        case _:
            raise DocumentError(path=path, problem=f"type {part.type!r} is not supported yet")


def _series(part: ThresholdPart | HysteresisPart, known: _Known, path: str) -> SeriesId:
    canonical, series = known
    node, kind = NodeId.parse(part.esp_id), part.sensor_type
    if kind is None:
        kinds = sorted({s.sensor_type for s in series if s.node == node and s.gpio == part.gpio})
        if len(kinds) != 1:
            found = ", ".join(kinds) or "none known"
            raise DocumentError(
                path=f"{path}.sensor_type", problem=f"is missing; sensors on that pin: {found}"
            )
        kind = kinds[0]
    try:
        return SeriesId.of(node, part.gpio, canonical(kind), address_text(part.address))
    except InvalidError as error:
        raise DocumentError(path=f"{path}.sensor_type", problem=f"{error} {error.remedy}") from None


def _turn(
    part: ActuatorPart | object, spec_of: Callable[[ActuatorId], ActuatorSpec | None], path: str
) -> Turn:
    assert isinstance(part, ActuatorPart)  # UnsupportedPart never validates
    actuator = ActuatorId.of(NodeId.parse(part.esp_id), part.gpio)
    spec = spec_of(actuator)
    # An explicit 0 means unlimited in the existing system; here the actuator's maximum bounds it.
    duration = _micro(part.seconds) if part.seconds else None
    if spec is not None and part.level != spec.safe_value and spec.longest_on_s is None:
        problem = (
            f"{actuator} is a {spec.kind or spec.type} and states no max_on_s: it may not be switched on"
        )
        raise DocumentError(path=path, problem=problem)
    return Turn(actuator, part.level, duration)
