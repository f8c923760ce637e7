"""The software stop at work: journalled first, then sent. It may cover everything, a zone or a node.

How it is lifted again stands in `engine/clear`.
"""

from __future__ import annotations

from collections.abc import Collection

from godkaiser.engine import lane, toggle
from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.effect import Audit, Journal, Send, Store
from godkaiser.engine.record import record_decision
from godkaiser.engine.standing import Standing
from godkaiser.engine.state import ActuatorState, ChainStep, Moment
from godkaiser.model.event import StopAck, StopAsked
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.scope import ALL
from godkaiser.rules.arbitrate import PERSONS
from godkaiser.safety.gate import halt
from godkaiser.safety.stop import CONFIRM_WITHIN, Phase, Step, advanced, confirmed_by, stopping


def on_stop(moment: Moment, event: StopAsked) -> None:
    """Never refused, never waits. A second one of the same scope tells the nodes again.

    Who presses on and on leaves one row a second, and no line in the journal that says what stands there already.
    """
    standing = moment.state.stops.setdefault(event.scope, Standing(event.scope))
    known, again = standing.data, standing.told_again(event.by, moment.now)
    standing.members |= {a.id for a in covered(moment, standing)} if event.scope.kind == "zone" else set()
    standing.queue.clear()
    standing.released.clear()
    nodes = frozenset(concerned(moment, standing))
    standing.stop = stopping(standing.stop, event.reason, event.by, moment.now, nodes)
    if not again or standing.data != known:
        journal(moment, standing)
    if not again:
        moment.emit(Store(Audit(moment.now, event.by, "stop", str(event.scope), event.reason)))
    _drop_wishes(moment, standing)
    tell_nodes_to_stop(moment, standing)
    moment.tell("stop")


def _drop_wishes(moment: Moment, standing: Standing) -> None:
    """Wishes from before a stop are dropped: after it only new readings make new ones.

    Except that a person wants something safe for a while: that stays.
    """
    state = moment.state
    under = {actuator.id: actuator.spec.safe_value for actuator in covered(moment, standing)}
    for actuator in [a for a in state.wishes if standing.scope == ALL or a in under]:
        before = state.wishes.pop(actuator).get(PERSONS)
        if before is not None and before.value == under.get(actuator):
            state.wishes[actuator] = {PERSONS: before}
    for rule in state.rules.values():
        mine = [turn.actuator for turn in rule.rule.actions]
        if standing.scope == ALL or under.keys() & set(mine):
            rule.stopped_at = moment.now
        if rule.active and mine and (standing.scope == ALL or under.keys() >= set(mine)):
            rule.active = False
            toggle.forget(moment, rule.rule.id)
            record_decision(moment, rule, "stopped")


# ── whom it concerns ───────────────────────────────────────────────────────────────────────────────────
def covered(moment: Moment, standing: Standing) -> list[ActuatorState]:
    """The actuators under a stop."""
    state = moment.state
    return [a for a in state.actuators.values() if standing.covers(a.id, state.zone_of(a.id))]


def concerned(moment: Moment, standing: Standing) -> list[NodeId]:
    """Nodes with actuators under it that take part, heard or not."""
    nodes = {actuator.id.node for actuator in covered(moment, standing)}
    return [n.id for n in moment.state.nodes.values() if n.status == "approved" and n.id in nodes]


def whole(moment: Moment, standing: Standing, node: NodeId) -> bool:
    """May the node's own stop be used? It drives everything on the node to 0.

    Not where something on it is safe at another value, be it disabled, or does not belong to this stop.
    """
    state = moment.state
    mine = [actuator for actuator in state.actuators.values() if actuator.id.node == node]
    inside = all(standing.covers(a.id, state.zone_of(a.id)) for a in mine)
    return bool(mine) and inside and not any(a.spec.safe_value != 0.0 for a in mine)


def latching(moment: Moment, node: NodeId) -> list[Standing]:
    """Stops that keep a node's own latch on."""
    active = (Phase.ACTIVE, Phase.CLEARING)
    return [s for s in moment.state.stops.values() if s.stop.phase in active and whole(moment, s, node)]


# ── telling them ───────────────────────────────────────────────────────────────────────────────────────
def tell_nodes_to_stop(moment: Moment, standing: Standing) -> None:
    """Safe values one by one, then the nodes' own stop, which also latches what we do not know of."""
    state, stop = moment.state, standing.stop
    story = ChainStep("intent", moment.now, f"stop by {stop.by}: {stop.reason or 'no reason given'}")
    for actuator in covered(moment, standing):
        node = state.nodes.get(actuator.id.node)
        if node is not None and (node.status == "approved" or actuator.lease is not None or actuator.owed):
            actuator.chain = [story]
            submit(moment, safe_intent(moment, actuator.spec, "stop"))
    nodes = concerned(moment, standing)
    apart = {node for node in nodes if not whole(moment, standing, node)}
    if standing.scope == ALL and not apart:
        _halt(moment, standing, None)
    for node_id in nodes:
        if node_id not in apart:
            _halt(moment, standing, node_id)
        _without_rules(moment, node_id)
    if stop.phase is Phase.ACTIVE:
        # Who does not answer is shown as unconfirmed, also a node we have not heard since we started.
        standing.stop = advanced(stop, Step.STOP, waiting=frozenset(nodes))
    state.due.set(("stop", standing.scope.key), moment.now + CONFIRM_WITHIN)


def _without_rules(moment: Moment, node: NodeId) -> None:
    """P2: cut off from us, a node must not switch by rules of its own while a stop is active."""
    known = moment.state.nodes.get(node)
    if known is not None and known.online:
        lane.disarm(moment, known)


def _halt(moment: Moment, standing: Standing, node: NodeId | None) -> None:
    stop = standing.stop
    command = halt(node, stop.reason or "stop", stop.by, moment.now, moment.new_id("c"), moment.seq)
    for halted in moment.state.nodes.values() if node is None else [moment.state.nodes[node]]:
        halted.halted, halted.halt_id, halted.halt_at = True, command.id, moment.now
        moment.emit(Journal("halted", halted.id, {"by": command.id}))
    if node is None:
        moment.state.broadcast_id = command.id
    moment.emit(Send(command, energising=False))


def stop_node_again(moment: Moment, node: NodeId) -> None:
    """A node came back while a stop is active: it is told too. What it owes anyway is delivered by others."""
    for standing in moment.state.stops.values():
        if standing.stop.phase is not Phase.ACTIVE:
            continue
        for actuator in covered(moment, standing):
            if actuator.id.node == node and not actuator.owed:
                submit(moment, safe_intent(moment, actuator.spec, "stop"))
        if whole(moment, standing, node):
            _halt(moment, standing, node)


def stop_newcomers(moment: Moment, before: Collection[ActuatorId]) -> None:
    """What has come under a stop, because its place was changed, is stopped as well."""
    state = moment.state
    for actuator in tuple(state.actuators.values()):
        if actuator.id in before or state.stopped(actuator.id) is None:
            continue
        state.wishes.pop(actuator.id, None)
        if actuator.safe is not True or actuator.lease is not None:
            actuator.chain = [ChainStep("intent", moment.now, "it has come under a stop")]
            submit(moment, safe_intent(moment, actuator.spec, "stop"))
        _without_rules(moment, actuator.id.node)


# ── their answers ──────────────────────────────────────────────────────────────────────────────────────
def on_stop_ack(moment: Moment, event: StopAck) -> None:
    """One node stopped, all of it."""
    node = moment.state.nodes.get(event.node)
    mine = ("", moment.state.broadcast_id, "" if node is None else node.halt_id)
    if event.correlation and any(mine) and event.correlation not in mine:
        return  # an old one, delivered again
    for standing in moment.state.stops.values():
        _confirmed(moment, standing, event.node)


def note_safe_nodes(moment: Moment, node: NodeId) -> None:
    """A node whose actuators under the stop all report safe has stopped, whatever words it knows."""
    for standing in moment.state.stops.values():
        if node in standing.stop.waiting:
            mine = [a for a in covered(moment, standing) if a.id.node == node]
            if all(actuator.safe for actuator in mine):
                _confirmed(moment, standing, node)


def _confirmed(moment: Moment, standing: Standing, node: NodeId) -> None:
    if standing.stop.phase is Phase.ACTIVE and node in standing.stop.waiting:
        standing.stop = confirmed_by(standing.stop, node)
        moment.tell("stop")


def journal(moment: Moment, standing: Standing) -> None:
    """Where it stands, before anybody is told."""
    over = standing.stop.phase is Phase.NORMAL
    moment.emit(Journal("stop", standing.scope.key, None if over else standing.data))
