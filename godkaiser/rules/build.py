"""Rule document → rule: ids become series and actuators, seconds become microseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, cast

from godkaiser.errors import DocumentError, InvalidError, UnboundError
from godkaiser.model.check import status_of
from godkaiser.model.derived import DERIVED_TYPES
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId, is_address, is_tag
from godkaiser.model.instant import SECOND, Duration
from godkaiser.model.quantity import Quality
from godkaiser.model.site import ActuatorSpec, address_text
from godkaiser.model.sun import SunWindow
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
    leaves,
)
from godkaiser.rules.document import (
    ActionPart,
    ActuatorPart,
    CompoundPart,
    ConditionPart,
    CooldownPart,
    DelayPart,
    DiagnosticsPart,
    DifferencePart,
    EscalationPart,
    HysteresisPart,
    NoDataPart,
    NodeOnlinePart,
    NotificationPart,
    RateOfChangePart,
    RuleDocument,
    SequencePart,
    SunPart,
    ThresholdPart,
    TimeWindowPart,
    WaitStep,
)
from godkaiser.rules.part_action import ActuatorStep, DelayStep, NotificationStep
from godkaiser.rules.rule import Escalation, Notify, Pause, Rule, Step, Turn, Until, WhenUnknown
from godkaiser.rules.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class _Site:
    timezone: str
    canonical: Callable[[str], str]
    known: tuple[SeriesId, ...]
    around: Surroundings
    rule: RuleId


NOWHERE: Final = Surroundings()


def build_rule(
    document: RuleDocument,
    *,
    timezone: str,
    canonical: Callable[[str], str] = str,
    known: Iterable[SeriesId] = (),
    spec_of: Callable[[ActuatorId], ActuatorSpec | None] = lambda _: None,
    around: Surroundings = NOWHERE,
    path: str = "rule",
) -> Rule:
    """Bind a document to a site.

    `canonical` translates sensor type aliases; `known` helps where `sensor_type` was left out. Raises `DocumentError`
    with the path of what does not fit, and `UnboundError` where the site does not say what a document refers to.
    """
    site = _Site(timezone, canonical, tuple(known), around, RuleId.from_name(document.name))
    parts = tuple(
        _condition(part, site, f"{path}.conditions[{i}]") for i, part in enumerate(document.conditions)
    )
    every = document.logic_operator == "AND"
    turns, steps = _program(document, spec_of, site, path)
    return Rule(
        id=site.rule,
        name=document.name,
        when=parts[0] if len(parts) == 1 else Every(parts, every),
        actions=turns,
        steps=steps,
        enabled=document.enabled,
        priority=document.priority,
        cooldown=_micro(document.cooldown_seconds),
        hourly_limit=document.max_executions_per_hour,
        when_unknown=WhenUnknown(document.when_unknown.policy, _micro(document.when_unknown.seconds)),
        description=document.description,
        critical=document.is_critical,
        escalation=_escalation(document.escalation_policy, spec_of, f"{path}.escalation_policy"),
    )


def _escalation(part: EscalationPart | None, spec_of: Specs, path: str) -> Escalation | None:
    if part is None:
        return None
    failover = (
        _action(cast("ActuatorPart | NotificationPart", one), spec_of, f"{path}.failover_actions[{i}]")
        for i, one in enumerate(part.failover_actions)
    )
    return Escalation(
        tuple(Notify(one.channel, one.target, "") for one in part.notify),
        max(SECOND, _micro(part.retry_interval_s)),
        part.max_retries,
        tuple(cast("Turn | Notify", action) for action in failover),
    )


def _micro(seconds: float) -> int:
    return round(seconds * SECOND)


def _condition(part: ConditionPart, site: _Site, path: str) -> Condition:
    if isinstance(part, CompoundPart):
        inner = tuple(
            _condition(one, site, f"{path}.conditions[{i}]") for i, one in enumerate(part.conditions)
        )
        return Opposite(inner[0]) if part.logic == "NOT" else Every(inner, part.logic == "AND")
    if isinstance(part, (TimeWindowPart, SunPart, CooldownPart)):
        return _of_time(part, site, path)
    if isinstance(part, DifferencePart):
        return _difference(part, site, path)
    if isinstance(part, (DiagnosticsPart, NodeOnlinePart)):
        return _of_site(part, site.rule)
    if isinstance(part, NoDataPart):
        return Silence(_series(part, site, path), _micro(part.seconds))
    # What is not supported does not get through the document.
    return _of_series(cast("ThresholdPart | HysteresisPart | RateOfChangePart", part), site, path)


def _of_site(part: DiagnosticsPart | NodeOnlinePart, rule: RuleId) -> Diagnosis | Presence:
    if isinstance(part, NodeOnlinePart):
        return Presence(NodeId.parse(part.esp_id), part.online)
    return Diagnosis(part.check_name, status_of(part.expected_status), rule)


def _of_series(
    part: ThresholdPart | HysteresisPart | RateOfChangePart, site: _Site, path: str
) -> Threshold | Hysteresis | Slope:
    series, lasting = _series(part, site, path), _micro(part.for_seconds)
    least = None if part.min_quality is None else Quality(part.min_quality)
    if isinstance(part, HysteresisPart):
        return _hysteresis(part, series, lasting, least)
    if isinstance(part, RateOfChangePart):
        window = _micro(part.window_seconds)
        return Slope(series, part.operator, part.value, part.per, window, lasting, least)
    _check_subzone(part, series, site, path)
    low = part.min if part.operator == "between" else part.value
    value = cast("float", low)  # a checked document
    return Threshold(series, part.operator, value, part.max, lasting, least, part.zone_id)


def _check_subzone(part: ThresholdPart, series: SeriesId, site: _Site, path: str) -> None:
    said = site.around.subzones.get(series) or site.around.subzones.get(series.bare)
    if part.subzone_id is not None and said not in (None, part.subzone_id):
        raise DocumentError(
            path=f"{path}.subzone_id", problem=f"{series} is in subzone {said}, not in {part.subzone_id}"
        )


def _of_time(part: TimeWindowPart | SunPart | CooldownPart, site: _Site, path: str) -> Condition:
    if isinstance(part, CooldownPart):
        return Rested(_micro(part.seconds))
    if isinstance(part, TimeWindowPart):
        return TimeWindow(part.start, part.end, frozenset(part.days_of_week), part.timezone or site.timezone)
    position = site.around.position
    if part.latitude is not None and part.longitude is not None:
        position = part.latitude, part.longitude
    if position is None:
        problem = "is missing: state latitude and longitude here, or in the site for all rules"
        raise UnboundError(path=f"{path}.latitude", problem=problem)
    offsets = _micro(part.start_offset_minutes * 60), _micro(part.end_offset_minutes * 60)
    return SunWindow(part.start_event, part.end_event, *position, *offsets)


def _difference(part: DifferencePart, site: _Site, path: str) -> Offset:
    base = _named(part.sensor_a_id, site, f"{path}.sensor_a_id")
    other = _named(part.sensor_b_id, site, f"{path}.sensor_b_id")
    if base == other:
        problem = f"{part.sensor_a_id!r} and {part.sensor_b_id!r} are the same sensor"
        raise DocumentError(path=f"{path}.sensor_b_id", problem=problem)
    ours, theirs = site.around.unit_of(base), site.around.unit_of(other)
    if ours and theirs and ours != theirs:
        told = f"{part.sensor_b_id!r} is in {theirs}, {part.sensor_a_id!r} in {ours}"
        problem = f"{told}: compare two of one unit"
        raise DocumentError(path=f"{path}.sensor_b_id", problem=problem)
    return Offset(base, other, part.operator, part.value, part.consecutive_count)


def _named(text: str, site: _Site, path: str) -> SeriesId:
    """A series by what the site calls it, or by its id; its type may be an alias."""
    found = site.around.names.get(text.casefold(), ())
    if len(found) > 1:
        raise DocumentError(path=path, problem=f"{text!r} may be {' or '.join(sorted(found))}")
    if found:
        return found[0]
    if text.count("/") < 2:
        raise UnboundError(path=path, problem=f"there is no sensor called {text!r}")
    try:
        series = SeriesId.parse(text)
        return SeriesId.of(series.node, series.gpio, _canonical(series, site), series.address)
    except InvalidError as error:
        raise DocumentError(path=path, problem=f"{error} {error.remedy}") from None


def _canonical(series: SeriesId, site: _Site) -> str:
    kind = series.sensor_type
    return kind if kind in DERIVED_TYPES else site.canonical(kind)


def _hysteresis(
    part: HysteresisPart, series: SeriesId, lasting: Duration, least: Quality | None
) -> Hysteresis:
    cooling = part.activate_above is not None
    on = part.activate_above if cooling else part.activate_below
    off = part.deactivate_below if cooling else part.deactivate_above
    return Hysteresis(series, cooling, cast("float", on), cast("float", off), lasting, least)


def _series(
    part: ThresholdPart | HysteresisPart | RateOfChangePart | NoDataPart, site: _Site, path: str
) -> SeriesId:
    node, kind = NodeId.parse(part.esp_id), part.sensor_type
    if kind is None:
        kinds = sorted({s.sensor_type for s in site.known if s.node == node and s.gpio == part.gpio})
        if len(kinds) != 1:
            found = ", ".join(kinds) or "none known"
            raise UnboundError(
                path=f"{path}.sensor_type", problem=f"is missing; sensors on that pin: {found}"
            )
        kind = kinds[0]
    try:
        kind = site.canonical(kind)
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


Specs = Callable[[ActuatorId], ActuatorSpec | None]


def _program(
    document: RuleDocument, spec_of: Specs, site: _Site, path: str
) -> tuple[tuple[Turn, ...], tuple[Step, ...]]:
    """What it may switch, and in which order where that matters."""
    steps = tuple(
        step
        for i, a in enumerate(document.actions)
        for step in _steps(a, spec_of, site, f"{path}.actions[{i}]")
    )
    turns = tuple(step.action for step in steps if isinstance(step.action, Turn))
    if all(isinstance(action, ActuatorPart) for action in document.actions):
        return turns, ()
    return tuple(dict.fromkeys(turns)), steps


def _steps(part: ActionPart, spec_of: Specs, site: _Site, path: str) -> Iterator[Step]:
    if not isinstance(part, SequencePart):
        yield Step(_action(part, spec_of, path))
        return
    for i, one in enumerate(part.steps):
        place = f"{path}.steps[{i}]"
        if isinstance(one, WaitStep):
            yield _wait(one, site, place)
            continue
        step = cast("ActuatorStep | NotificationStep | DelayStep", one)  # an unknown one was refused
        action, goes_on = _action(step, spec_of, place), step.on_failure == "continue"
        awaits = _micro(step.timeout_seconds) if isinstance(action, Turn) else None
        retry = max(1, step.retry) if step.on_failure == "retry" else step.retry
        yield Step(action, awaits, retry, goes_on, _micro(step.delay_after_seconds))


def _wait(part: WaitStep, site: _Site, path: str) -> Step:
    when = _condition(part.condition, site, f"{path}.condition")
    if any(isinstance(leaf, Rested) for leaf in leaves(when)):
        problem = "cooldown delays the start of a rule; use a delay to wait within a sequence"
        raise DocumentError(path=f"{path}.condition", problem=problem)
    until = Until(when, _micro(part.timeout_seconds))
    return Step(until, None, 0, part.on_timeout == "continue", _micro(part.delay_after_seconds))


def _action(part: ActionPart, spec_of: Specs, path: str) -> Turn | Pause | Notify:
    if isinstance(part, DelayPart):
        return Pause(_micro(part.seconds))
    if isinstance(part, NotificationPart):
        return Notify(part.channel, part.target, part.message_template)
    return _turn(part, spec_of, path)


def _turn(part: ActionPart, spec_of: Specs, path: str) -> Turn:
    part = cast("ActuatorPart", part)  # what is not supported does not get through the document
    actuator = ActuatorId.of(NodeId.parse(part.esp_id), part.gpio)
    spec = spec_of(actuator)
    # An explicit 0 means unlimited in the existing system; here the actuator's maximum bounds it.
    duration = _micro(part.seconds) if part.seconds else None
    toggles = part.command == "TOGGLE"
    leaves = toggles or (spec is not None and part.level != spec.safe_value)
    if spec is not None and leaves and spec.longest_on_s is None:
        problem = (
            f"{actuator} is a {spec.kind or spec.type} and states no max_on_s: it may not be switched on"
        )
        raise DocumentError(path=path, problem=problem)
    return Turn(actuator, part.level, duration, toggles)
