"""Rule document → rule: ids become series and actuators, seconds become microseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from godkaiser.errors import DocumentError, InvalidError
from godkaiser.model.derived import DERIVED_TYPES
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId, is_address, is_tag
from godkaiser.model.instant import SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.site import ActuatorSpec, address_text
from godkaiser.model.window import TimeWindow
from godkaiser.rules.document import (
    ActionPart,
    ActuatorPart,
    CompoundPart,
    ConditionPart,
    HysteresisPart,
    RuleDocument,
    ThresholdPart,
    TimeWindowPart,
)
from godkaiser.rules.rule import Condition, Every, Hysteresis, Rule, Threshold, Turn, WhenUnknown

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
    """Bind a document to a site.

    `canonical` translates sensor type aliases; `known` helps where `sensor_type` was left out.
    """
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
    if isinstance(part, ThresholdPart):
        low = part.min if part.operator == "between" else part.value
        series, lasting = _series(part, known, path), _micro(part.for_seconds)
        value = cast("float", low)  # a checked document
        return Threshold(series, part.operator, value, part.max, lasting, _least(part))
    if isinstance(part, HysteresisPart):
        return _hysteresis(part, _series(part, known, path))
    if isinstance(part, TimeWindowPart):
        return TimeWindow(part.start, part.end, frozenset(part.days_of_week), part.timezone or timezone)
    compound = cast("CompoundPart", part)  # what is not supported does not get through the document
    inner = (
        _condition(one, timezone, known, f"{path}.conditions[{i}]")
        for i, one in enumerate(compound.conditions)
    )
    return Every(tuple(inner), compound.logic == "AND")


def _hysteresis(part: HysteresisPart, series: SeriesId) -> Hysteresis:
    cooling = part.activate_above is not None
    on = part.activate_above if cooling else part.activate_below
    off = part.deactivate_below if cooling else part.deactivate_above
    limits = cast("float", on), cast("float", off)
    return Hysteresis(series, cooling, *limits, _micro(part.for_seconds), _least(part))


def _least(part: ThresholdPart | HysteresisPart) -> Quality | None:
    return None if part.min_quality is None else Quality(part.min_quality)


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
        kind = canonical(kind)
    except InvalidError as error:
        raise DocumentError(path=f"{path}.sensor_type", problem=f"{error} {error.remedy}") from None
    found = SeriesId.of(node, part.gpio, kind, _address(part.address))
    if not is_address(found.address) and kind not in DERIVED_TYPES:
        problem = f"{part.address!r} is neither I²C nor OneWire, and {kind} is not derived, to have an id"
        raise DocumentError(path=f"{path}.address", problem=problem)
    return found


def _address(stated: str | int | None) -> str:
    """Of a bus, or the id of a derived series, which stands in its place."""
    return stated if isinstance(stated, str) and is_tag(stated) else address_text(stated)


def _turn(part: ActionPart, spec_of: Callable[[ActuatorId], ActuatorSpec | None], path: str) -> Turn:
    part = cast("ActuatorPart", part)  # what is not supported does not get through the document
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
