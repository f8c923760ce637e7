"""What is declared changes while everything runs: places, sensors, actuators, rules.

Stop, holds and leases stay, except that a lease never outlasts a new maximum. Nodes whose part has changed are told
so by their lanes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from godkaiser.engine import calibration, escalate, lane, schedule
from godkaiser.engine.amended import amendments
from godkaiser.engine.decide import drop_rule, reconsider_all
from godkaiser.engine.declared import add_actuator, declare_actuators, ready, unsettled
from godkaiser.engine.effect import Audit, Store
from godkaiser.engine.halt import stop_newcomers
from godkaiser.engine.place import note_moves, places_of
from godkaiser.engine.registry import on_decided, on_removed, store_node
from godkaiser.engine.state import Moment, NodeState, SensorState, State
from godkaiser.engine.wanted import subzones_of, wanted_config
from godkaiser.model.discreet import told
from godkaiser.model.event import NodeDecided, NodeRemoved, RulesChanged, SiteChanged
from godkaiser.model.ids import ActuatorId, NodeId, RuleId
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.refused import RefusedRule
from godkaiser.rules.rule import Rule


def on_site(moment: Moment, event: SiteChanged) -> None:
    """Bring everything to what the site says; nodes come last, when all they are to be told is known."""
    before = {node.id: _part_of(moment.state, node) for node in moment.state.nodes.values()}
    placed = places_of(moment.state)
    stopped = {a for a in moment.state.actuators if moment.state.stopped(a) is not None}
    moment.emit(Store(Audit(moment.now, event.by, "site.applied", "all", _count(event))))
    for difference in event.differences:
        action = "site.changed" if difference.applied else "site.differs"
        change = (told(difference.old), told(difference.new))
        moment.emit(Store(Audit(moment.now, event.by, action, difference.path, difference.meaning, *change)))
    _name(moment.state, event.site)
    _place_nodes(moment, event)
    _describe_sensors(moment, event)
    note_moves(moment, placed)
    schedule.on_site(moment)
    declare_actuators(moment, event.site)
    stop_newcomers(moment, stopped)
    _refuse(moment, event)
    _replace_rules(moment, event.rules, undeclared(event.rules, moment.state.actuators))
    _tell_nodes(moment, before)
    _approve(moment, event)
    moment.tell("snapshot")


def _count(event: SiteChanged) -> str:
    number = len(event.differences)
    return f"{number} difference{'' if number == 1 else 's'}"


def _part_of(state: State, node: NodeState) -> tuple[Any, ...]:
    """What of the site concerns a node."""
    here = (node.zone, node.master_zone, node.board)
    return (*here, wanted_config(state, node.id), subzones_of(state, node.id))


def _name(state: State, site: Site) -> None:
    state.timezone, state.position = site.timezone, site.position
    state.zones = {zone.id: zone.name or zone.id for zone in site.zones}
    state.cycles = {zone.id: zone.cycles for zone in site.zones if zone.cycles}
    state.subzone_names = {(NodeId.parse(s.node), s.id): s.name or s.id for s in site.subzones}


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
def _place_nodes(moment: Moment, event: SiteChanged) -> None:
    state = moment.state
    for spec in event.site.nodes:
        node_id = NodeId.parse(spec.id)
        node = state.nodes.setdefault(node_id, NodeState(node_id, state.kaiser, "pending"))
        if node.status == "removed" and not node.first_seen:
            node.status = "pending"  # nobody has judged hardware that was never there
        fresh = (spec.name, spec.zone, spec.master_zone, spec.board, True)
        if (node.name, node.zone, node.master_zone, node.board, node.declared) != fresh:
            node.name, node.zone, node.master_zone, node.board, node.declared = fresh
            store_node(moment, node)
    _drop_unheard(moment, event)


def _drop_unheard(moment: Moment, event: SiteChanged) -> None:
    """A node that was only ever written down goes with its line; one that was heard is a person's to remove."""
    named = {spec.id for spec in event.site.nodes}
    for node in tuple(moment.state.nodes.values()):
        if node.declared and node.id not in named and not node.first_seen:
            node.declared = False
            on_removed(moment, NodeRemoved(moment.now, node.id, event.by))


def _approve(moment: Moment, event: SiteChanged) -> None:
    """Who waits is let in; a person's rejection or removal stands."""
    for spec in event.site.nodes:
        node_id = NodeId.parse(spec.id)
        node = moment.state.nodes[node_id]
        if spec.approved and node.status == "pending" and node.shut_at is None:
            on_decided(moment, NodeDecided(moment.now, node_id, True, event.by))


def _tell_nodes(moment: Moment, before: dict[NodeId, tuple[Any, ...]]) -> None:
    for node in tuple(moment.state.nodes.values()):
        if node.id in before and before[node.id] != _part_of(moment.state, node) and ready(node):
            lane.abandon(moment, node)
            if not unsettled(moment.state, node.id):
                lane.welcome(moment, node)


# ── sensors ────────────────────────────────────────────────────────────────────────────────────────────
def _describe_sensors(moment: Moment, event: SiteChanged) -> None:
    """Series keep their past; what is computed from now on follows the new spec."""
    state, former = moment.state, moment.state.sensor_specs
    old = {sensor.id: sensor.spec for sensor in state.sensors.values()}
    canonical = state.catalogue.canonical
    specs = (s.model_copy(update={"type": canonical(s.type)}) for s in event.site.sensors)
    state.sensor_specs = {spec.series: spec for spec in specs}
    for spec in tuple(state.sensor_specs.values()):
        calibration.declare(moment, spec, former.get(spec.series), event.by)
    state.derived = {made.series: made for made in event.site.derived}
    for sensor in state.sensors.values():
        state.describe(sensor)
        if sensor.spec == old[sensor.id]:
            continue
        _age_anew(moment, sensor)
        moment.tell("sensor", sensor.id)


def _age_anew(moment: Moment, sensor: SensorState) -> None:
    """Its reading grows stale at another time; that of a paused one counts for nothing from now on."""
    due = moment.state.due
    if sensor.mode == "paused":
        due.drop(("doubtful", sensor.id))
        due.set(("stale", sensor.id), moment.now)
    elif sensor.usable is not None:
        since = sensor.usable.received_at
        due.set(("stale", sensor.id), since + moment.state.allowed_age(sensor, since))


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────
def on_rules(moment: Moment, event: RulesChanged) -> None:
    """Only the rules changed."""
    before = {rule_id: held.rule for rule_id, held in moment.state.rules.items()}
    documents = {rule_id: change for rule_id, *change in event.documents}
    for rule_id, said in amendments(before, event.rules):
        change = documents.get(str(rule_id), ())
        moment.emit(Store(Audit(moment.now, event.by, "rules.changed", str(rule_id), said, *change)))
    _refuse(moment, event)
    _replace_rules(moment, event.rules, event.actuators)


def _refuse(moment: Moment, event: RulesChanged | SiteChanged) -> None:
    """What is stored and not carried out is now this."""
    refused: dict[RuleId, RefusedRule] = {rule.id: rule for rule in event.refused}
    old, moment.state.refused = moment.state.refused, refused
    stored = {*refused, *(rule.id for rule in event.rules)}
    for rule_id in dict.fromkeys((*old, *refused)):
        if rule_id not in stored:
            said = f"“{old[rule_id].name}” removed, which was refused"
            moment.emit(Store(Audit(moment.now, event.by, "rules.changed", str(rule_id), said)))
        moment.tell("rule", rule_id)


def _replace_rules(moment: Moment, rules: tuple[Rule, ...], found: Iterable[ActuatorSpec]) -> None:
    """The new set replaces the old; what removed or changed rules wanted is withdrawn first."""
    fresh = {rule.id: rule for rule in rules}
    for rule_id, old in tuple(moment.state.rules.items()):
        if fresh.get(rule_id) != old.rule:
            drop_rule(moment, old)
            escalate.end(moment, rule_id)
    for spec in found:
        if spec.id not in moment.state.actuators:
            add_actuator(moment, spec)
            moment.emit(Store(spec))
    gone = [rule_id for rule_id in moment.state.rules if rule_id not in fresh]
    moment.state.set_rules(rules)
    reconsider_all(moment)
    for rule_id in (*fresh, *gone):
        moment.tell("rule", rule_id)


def undeclared(rules: Iterable[Rule], known: Iterable[ActuatorId]) -> tuple[ActuatorSpec, ...]:
    """Rules of the existing system come without a table of actuators: naming one declares it, in the open."""
    missing = {actuator for rule in rules for actuator in rule.switches} - set(known)
    return tuple(
        ActuatorSpec(node=actuator.node, gpio=actuator.gpio, type="relay", declared_by="rule")
        for actuator in sorted(missing)
    )
