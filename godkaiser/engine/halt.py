"""The software stop at work: journalled first, then sent; lifted only with the nodes' word or by force."""

from __future__ import annotations

from collections import deque

from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.effect import Audit, Journal, Send, Store
from godkaiser.engine.record import record_decision
from godkaiser.engine.state import ChainStep, Moment, NodeState
from godkaiser.model.event import ClearAck, ClearAsked, StopAck, StopAsked
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import Instant
from godkaiser.safety.gate import halt, release
from godkaiser.safety.stop import (
    CLEAR_NOT_BEFORE,
    CONFIRM_WITHIN,
    RAMP,
    Phase,
    Step,
    Stop,
    advanced,
    confirmed_by,
    stopping,
)


def on_stop(moment: Moment, event: StopAsked) -> None:
    """Never refused, never waits. A second one tells the nodes again."""
    state = moment.state
    state.stop = stopping(state.stop, event.reason, event.by, moment.now, frozenset(_concerned(moment)))
    _journal(moment)
    moment.emit(Store(Audit(moment.now, event.by, "stop", "all", event.reason)))
    _drop_wishes(moment)
    tell_nodes_to_stop(moment)
    moment.tell("stop")


def _drop_wishes(moment: Moment) -> None:
    """Wishes from before a stop are dropped: after it only new readings make new ones."""
    moment.state.wishes.clear()
    moment.state.resume_queue.clear()
    for rule in moment.state.rules.values():
        if rule.active:
            rule.active = False
            record_decision(moment, rule, "stopped")
    for actuator in moment.state.actuators.values():
        actuator.released = False


def tell_nodes_to_stop(moment: Moment) -> None:
    """Safe values one by one, then the nodes' own stop, which also latches what we do not know of.

    A node's own stop drives everything to 0, so nodes with another safe value get only the single commands.
    """
    state = moment.state
    story = ChainStep(
        "intent", moment.now, f"stop by {state.stop.by}: {state.stop.reason or 'no reason given'}"
    )
    for actuator in tuple(state.actuators.values()):
        node = state.nodes.get(actuator.id.node)
        if node is not None and (node.status == "approved" or actuator.lease is not None or actuator.owed):
            actuator.chain = [story]
            submit(moment, safe_intent(moment, actuator.spec, "stop"))
    apart = _not_at_zero(moment)
    if not apart:
        _halt(moment, None)
    for node_id in _concerned(moment):
        if node_id not in apart:
            _halt(moment, node_id)
    if state.stop.phase is Phase.ACTIVE:
        # Who does not answer is shown as unconfirmed, also a node we have not heard since we started.
        state.stop = advanced(state.stop, Step.STOP, waiting=frozenset(_concerned(moment)))
    moment.state.due.set(("stop", ""), moment.now + CONFIRM_WITHIN)


def _halt(moment: Moment, node: NodeId | None) -> None:
    stop = moment.state.stop
    command = halt(node, stop.reason or "stop", stop.by, moment.now, moment.new_id("c"), moment.seq)
    for halted in moment.state.nodes.values() if node is None else [moment.state.nodes[node]]:
        halted.halted, halted.halt_id = True, command.id
        moment.emit(Journal("halted", halted.id, {"by": command.id}))
    if node is None:
        moment.state.broadcast_id = command.id
    moment.emit(Send(command, energising=False))


def _not_at_zero(moment: Moment) -> set[NodeId]:
    actuators = moment.state.actuators.values()
    return {a.id.node for a in actuators if a.spec.enabled and a.spec.safe_value != 0.0}


def _concerned(moment: Moment) -> list[NodeId]:
    """Nodes with actuators that take part, heard or not."""
    nodes: list[NodeState] = list(moment.state.nodes.values())
    return [n.id for n in nodes if n.status == "approved" and _has_actuators(moment, n.id)]


def _reachable(moment: Moment) -> list[NodeId]:
    nodes: list[NodeState] = list(moment.state.nodes.values())
    return [n.id for n in nodes if n.status == "approved" and n.online and _has_actuators(moment, n.id)]


def _has_actuators(moment: Moment, node: NodeId) -> bool:
    return any(actuator.node == node for actuator in moment.state.actuators)


def stop_node_again(moment: Moment, node: NodeId) -> bool:
    """A node came back while a stop is active: it is told too. False when there is nothing to tell."""
    phase = moment.state.stop.phase
    if phase is not Phase.ACTIVE:
        _release_late(moment, node)
        return False
    if not _has_actuators(moment, node):
        return False
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node:
            submit(moment, safe_intent(moment, actuator.spec, "stop"))
    if node not in _not_at_zero(moment):
        _halt(moment, node)
    return True


def _release_late(moment: Moment, node: NodeId) -> None:
    """It was away while the others were cleared: lift its latch now, or it refuses everything for ever."""
    cleared = moment.state.due.get(("clear", "")) is None
    if cleared and moment.state.nodes[node].halted:
        _release(moment, node)


def on_stop_ack(moment: Moment, event: StopAck) -> None:
    """One node stopped."""
    node = moment.state.nodes.get(event.node)
    mine = ("", moment.state.broadcast_id, "" if node is None else node.halt_id)
    if event.correlation and any(mine) and event.correlation not in mine:
        return  # an old one, delivered again
    if moment.state.stop.phase is Phase.ACTIVE and event.node in moment.state.stop.waiting:
        moment.state.stop = confirmed_by(moment.state.stop, event.node)
        moment.tell("stop")


def note_safe_nodes(moment: Moment, node: NodeId) -> None:
    """A node whose actuators all report safe has stopped, whatever words it knows."""
    state = moment.state
    if state.stop.phase is not Phase.ACTIVE or node not in state.stop.waiting:
        return
    mine = [a for a in state.actuators.values() if a.id.node == node]
    if all(a.safe for a in mine):
        state.stop = confirmed_by(state.stop, node)
        moment.tell("stop")


# ── clearing ───────────────────────────────────────────────────────────────────────────────────────────
def on_clear(moment: Moment, event: ClearAsked) -> None:
    """ACTIVE → CLEARING: nodes are asked to lift their latch, as soon as they do; `force` does not wait."""
    state = moment.state
    if not state.stop.allows(Step.CLEAR) and not (event.force and state.stop.phase is Phase.CLEARING):
        return
    word = "clear.forced" if event.force else "clear"
    moment.emit(Store(Audit(moment.now, event.by, word, "all", state.stop.reason)))
    if state.stop.phase is Phase.ACTIVE:
        state.stop = advanced(state.stop, Step.CLEAR, waiting=frozenset(_reachable(moment)))
        _journal(moment)
        state.due.set(("clear", ""), max(moment.now, _earliest(state.stop)))
        # That wait was for the stop; the one for the clear begins when it is sent.
        state.due.drop(("stop", ""))
    if event.force:
        if moment.now >= _earliest(state.stop):
            state.due.drop(("clear", ""))
            _send_releases(moment)
        _confirmed(moment)  # else the nodes are asked later, when they accept it
    moment.tell("stop")


def _earliest(stop: Stop) -> Instant:
    """Before that nodes refuse to be cleared."""
    return (stop.since or 0) + CLEAR_NOT_BEFORE


def on_clear_due(moment: Moment) -> None:
    """The nodes' own waiting time is over: ask them."""
    if moment.state.stop.phase is Phase.ACTIVE:
        return  # stopped again in the meantime
    _send_releases(moment)
    if moment.state.stop.phase is not Phase.CLEARING:
        return  # forced: nobody waits for the answers
    moment.state.due.set(("stop", ""), moment.now + CONFIRM_WITHIN)
    if not moment.state.stop.waiting:
        _confirmed(moment)


def _send_releases(moment: Moment) -> None:
    for node in _reachable(moment):
        _release(moment, node)


def _release(moment: Moment, node: NodeId) -> None:
    command = release(node, moment.state.stop.by or "controller", moment.now, moment.new_id("c"), moment.seq)
    moment.state.nodes[node].release_id = command.id
    moment.emit(Send(command, energising=False))


def on_clear_ack(moment: Moment, event: ClearAck) -> None:
    """A node lifted its latch, or refused."""
    stop = moment.state.stop
    node = moment.state.nodes.get(event.node)
    if node is not None and event.correlation and node.release_id not in ("", event.correlation):
        return  # an old one, delivered again
    if node is not None and event.ok and stop.phase is not Phase.ACTIVE and node.halted:
        node.halted = False
        moment.emit(Journal("halted", node.id, None))
    asked = moment.state.due.get(("clear", "")) is None
    if stop.phase is not Phase.CLEARING or event.node not in stop.waiting or not asked:
        return
    if not event.ok:
        _back_to_active(moment, f"{event.node} refused: {event.message}")
        return
    moment.state.stop = confirmed_by(stop, event.node)
    moment.tell("stop")
    if not moment.state.stop.waiting:
        _confirmed(moment)


def _confirmed(moment: Moment) -> None:
    state = moment.state
    state.stop = advanced(state.stop, Step.CONFIRMED)
    state.resume_queue = deque(sorted(state.actuators))
    _journal(moment)
    state.due.set(("stop", ""), moment.now + RAMP)


def on_stop_due(moment: Moment) -> None:
    """Time passed in the present phase."""
    stop = moment.state.stop
    if stop.phase is Phase.ACTIVE and stop.waiting:
        names = ", ".join(sorted(stop.waiting))
        moment.state.stop = Stop(
            stop.phase, stop.reason, stop.by, stop.since, stop.waiting, f"not confirmed by {names}"
        )
    elif stop.phase is Phase.CLEARING:
        _back_to_active(
            moment, f"not confirmed by {', '.join(sorted(stop.waiting))}; clear again, or with force"
        )
    elif stop.phase is Phase.RESUMING:
        _resume_next(moment)
    moment.tell("stop")


def _back_to_active(moment: Moment, problem: str) -> None:
    moment.state.stop = advanced(moment.state.stop, Step.TIMEOUT, problem=problem)
    _journal(moment)
    moment.tell("stop")


def _resume_next(moment: Moment) -> None:
    """One actuator per `RAMP`; after the last one rules may act on what they read from now on."""
    state = moment.state
    if state.resume_queue:
        actuator = state.actuators.get(state.resume_queue.popleft())
        if actuator is not None:
            actuator.released = True
            moment.tell("actuator", actuator.id)
    if state.resume_queue:
        state.due.set(("stop", ""), moment.now + RAMP)
        return
    state.stop = advanced(state.stop, Step.RESUMED)
    state.released_at = moment.now
    _journal(moment)
    for rule_id in state.rules:
        state.due.set(("rule", rule_id), moment.now)


def _journal(moment: Moment) -> None:
    stop = moment.state.stop
    data = None
    if stop.phase is not Phase.NORMAL:
        data = {"phase": stop.phase.value, "reason": stop.reason, "by": stop.by, "since": stop.since}
    moment.emit(Journal("stop", "", data))
