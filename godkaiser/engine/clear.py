"""Lifting a stop: only with the nodes' word or by force; then one actuator after the other is released."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final

from godkaiser.engine import lane
from godkaiser.engine.effect import Audit, Journal, Send, Store
from godkaiser.engine.halt import concerned, covered, journal, latching, whole
from godkaiser.engine.standing import Standing
from godkaiser.engine.state import Moment, NodeState, State
from godkaiser.model.event import ClearAck, ClearAsked
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.scope import Scope
from godkaiser.safety.gate import release
from godkaiser.safety.stop import (
    CLEAR_NOT_BEFORE,
    CONFIRM_WITHIN,
    RAMP,
    Phase,
    Step,
    advanced,
    confirmed_by,
)

RELEASE_AGAIN: Final[Duration] = 20 * SECOND


def on_clear(moment: Moment, event: ClearAsked) -> None:
    """ACTIVE → CLEARING: nodes are asked to lift their latch, as soon as they do; `force` does not wait."""
    standing = moment.state.stops.get(event.scope)
    if standing is None:
        _unlatch(moment, event)
        return
    stop, due, key = standing.stop, moment.state.due, event.scope.key
    if not stop.allows(Step.CLEAR) and not (event.force and stop.phase is Phase.CLEARING):
        return
    word = "clear.forced" if event.force else "clear"
    moment.emit(Store(Audit(moment.now, event.by, word, str(event.scope), stop.reason)))
    if stop.phase is Phase.ACTIVE:
        standing.stop = advanced(stop, Step.CLEAR, waiting=_to_answer(moment, standing))
        journal(moment, standing)
        due.set(("clear", key), max(moment.now, _earliest(moment, standing)))
        # That wait was for the stop; the one for the clear begins when it is sent.
        due.drop(("stop", key))
    if event.force:
        if moment.now >= _earliest(moment, standing):
            due.drop(("clear", key))
            _send_releases(moment, standing)
        _confirmed(moment, standing)  # else the nodes are asked later, when they accept it
    moment.tell("stop")


def _unlatch(moment: Moment, event: ClearAsked) -> None:
    """No stop of ours, but the node holds something by itself, after its own time limit, say: a person lifts that."""
    node = NodeId.known(event.scope.name)
    known = moment.state.nodes.get(node)
    if event.scope.kind != "node" or known is None or known.status != "approved":
        return  # who does not belong to us gets no orders
    if latched(moment.state, node) and not latching(moment, node):
        moment.emit(Store(Audit(moment.now, event.by, "clear.latch", str(event.scope), "")))
        _release(moment, node, event.by)


def latched(state: State, node: NodeId) -> bool:
    """Does the node say, or do we know, that it holds actuators until somebody clears it?"""
    known = state.nodes.get(node)
    mine = [actuator for actuator in state.actuators.values() if actuator.id.node == node]
    return known is not None and (known.halted or any(a.emergency not in ("", "normal") for a in mine))


def _earliest(moment: Moment, standing: Standing) -> Instant:
    """Before that nodes refuse to be cleared. They may have been told again long after the stop began."""
    told = (moment.state.nodes[node].halt_at for node in _to_release(moment, standing))
    return max(standing.stop.since or 0, *(at for at in told if at is not None), 0) + CLEAR_NOT_BEFORE


def on_clear_due(moment: Moment, key: str) -> None:
    """The nodes' own waiting time is over: ask them."""
    standing = moment.state.stops.get(Scope.parse(key))
    if standing is None or standing.stop.phase is Phase.ACTIVE:
        return  # stopped again in the meantime
    _send_releases(moment, standing)
    if standing.stop.phase is not Phase.CLEARING:
        return  # forced: nobody waits for the answers
    moment.state.due.set(("stop", key), moment.now + CONFIRM_WITHIN)
    if not standing.stop.waiting:
        _confirmed(moment, standing)


def _to_release(moment: Moment, standing: Standing) -> list[NodeId]:
    """Nodes there to be asked, whoever latched them, unless another stop keeps them latched.

    A node that only has a part in the zone was told to stop by single commands and has no latch of ours.
    """
    nodes = moment.state.nodes
    mine = [n for n in concerned(moment, standing) if nodes[n].online]
    own = [n for n in mine if standing.scope.kind != "zone" or whole(moment, standing, n) or nodes[n].halted]
    return [n for n in own if all(other is standing for other in latching(moment, n))]


def _to_answer(moment: Moment, standing: Standing) -> frozenset[NodeId]:
    """Whose word a clear needs: who is asked, who has not confirmed the stop, and who cannot be asked."""
    nodes = concerned(moment, standing)
    away = [node for node in nodes if not moment.state.nodes[node].online]
    return frozenset(_to_release(moment, standing)) | standing.stop.waiting.intersection(nodes) | {*away}


def _send_releases(moment: Moment, standing: Standing) -> None:
    for node in _to_release(moment, standing):
        _release(moment, node, standing.stop.by)


def _release(moment: Moment, node: NodeId, by: str) -> None:
    command = release(node, by or "controller", moment.now, moment.new_id("c"), moment.seq)
    known = moment.state.nodes[node]
    known.release_id, known.release_at = command.id, moment.now
    moment.emit(Send(command, energising=False))


def release_late(moment: Moment, node: NodeId) -> None:
    """It was away while the others were cleared: lift its latch now, or it refuses everything for ever."""
    pending = [
        s for s in moment.state.stops.values() if moment.state.due.get(("clear", s.scope.key)) is not None
    ]
    held = any(whole(moment, standing, node) for standing in pending)
    active = any(standing.stop.phase is Phase.ACTIVE for standing in latching(moment, node))
    if moment.state.nodes[node].halted and not held and not active:
        _release(moment, node, "")


def release_again(moment: Moment, node: NodeState) -> None:
    """A stop is over, by force perhaps, and the node still has to say that it knows."""
    last = node.release_at
    if node.halted and (last is None or moment.now - last >= RELEASE_AGAIN):
        release_late(moment, node.id)


def on_clear_ack(moment: Moment, event: ClearAck) -> None:
    """A node lifted its latch, or refused."""
    node = moment.state.nodes.get(event.node)
    if node is not None and event.correlation and node.release_id not in ("", event.correlation):
        return  # an old one, delivered again
    stops = tuple(moment.state.stops.values())
    active = any(s.stop.phase is Phase.ACTIVE for s in latching(moment, event.node))
    if node is not None and event.ok and node.halted and not active:
        node.halted = False
        moment.emit(Journal("halted", node.id, None))
    for standing in stops:
        asked = moment.state.due.get(("clear", standing.scope.key)) is None
        if standing.stop.phase is Phase.CLEARING and event.node in standing.stop.waiting and asked:
            _answered(moment, standing, event)


def _answered(moment: Moment, standing: Standing, event: ClearAck) -> None:
    if not event.ok:
        _back_to_active(moment, standing, f"{event.node} refused: {event.message}")
        return
    standing.stop = confirmed_by(standing.stop, event.node)
    moment.tell("stop")
    if not standing.stop.waiting:
        _confirmed(moment, standing)


def _confirmed(moment: Moment, standing: Standing) -> None:
    standing.stop = advanced(standing.stop, Step.CONFIRMED)
    standing.queue = deque(sorted(actuator.id for actuator in covered(moment, standing)))
    standing.released = set()
    journal(moment, standing)
    moment.state.due.set(("stop", standing.scope.key), moment.now + RAMP)


def on_stop_due(moment: Moment, key: str) -> None:
    """Time passed in the present phase."""
    standing = moment.state.stops.get(Scope.parse(key))
    if standing is None:
        return
    stop = standing.stop
    names = ", ".join(sorted(stop.waiting))
    if stop.phase is Phase.ACTIVE and stop.waiting:
        standing.stop = replace(stop, problem=f"not confirmed by {names}")
    elif stop.phase is Phase.CLEARING:
        _back_to_active(moment, standing, f"not confirmed by {names}; clear again, or with force")
    elif stop.phase is Phase.RESUMING:
        _resume_next(moment, standing)
    moment.tell("stop")


def _back_to_active(moment: Moment, standing: Standing, problem: str) -> None:
    standing.stop = advanced(standing.stop, Step.TIMEOUT, problem=problem)
    journal(moment, standing)
    moment.tell("stop")


def _resume_next(moment: Moment, standing: Standing) -> None:
    """One actuator per `RAMP`. A rule acts on it again after a reading newer than that."""
    state = moment.state
    while standing.queue:
        actuator = state.actuators.get(standing.queue.popleft())
        if actuator is not None:
            standing.released.add(actuator.id)
            actuator.released_at = moment.now
            moment.tell("actuator", actuator.id)
            for rule in state.rules.values():
                if any(turn.actuator == actuator.id for turn in rule.rule.actions):
                    state.due.set(("rule", rule.rule.id), moment.now)
            break
    if standing.queue:
        state.due.set(("stop", standing.scope.key), moment.now + RAMP)
        return
    _over(moment, standing)


def _over(moment: Moment, standing: Standing) -> None:
    """What could not be told during the stop is told now."""
    standing.stop = advanced(standing.stop, Step.RESUMED)
    nodes = concerned(moment, standing)
    journal(moment, standing)
    del moment.state.stops[standing.scope]
    for node in nodes:
        lane.begin(moment, moment.state.nodes[node])
