"""Who belongs to us: nodes are discovered, wait, are approved or rejected by a person, and may be removed."""

from __future__ import annotations

from typing import Final

from godkaiser.engine import lane
from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.alive import announce
from godkaiser.engine.clear import release_late
from godkaiser.engine.decide import reconsider_node
from godkaiser.engine.effect import Audit, Journal, NodeRecord, Store
from godkaiser.engine.ending import deliver_owed
from godkaiser.engine.halt import stop_node_again
from godkaiser.engine.note import note
from godkaiser.engine.state import Confirmed, Lane, Moment, NodeState
from godkaiser.model.event import BoardReplaced, Discovery, NodeDecided, NodeRemoved
from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import MINUTE, SECOND, Instant

NEW_PER_MINUTE: Final = 10
ASK_AGAIN_AFTER: Final = 300 * SECOND


def on_discovery(moment: Moment, event: Discovery) -> None:
    """The deprecated way to say hello."""
    if event.node not in moment.state.nodes:
        node = discovered(moment, event.kaiser, event.node)
        if node is not None:
            store_node(moment, node)
            moment.tell("node", node.id)


def discovered(moment: Moment, kaiser: KaiserId, node_id: NodeId) -> NodeState | None:
    """A new pending node; at most `NEW_PER_MINUTE`, as anybody can invent ids."""
    recent = moment.state.discovered
    while recent and recent[0] <= moment.now - MINUTE:
        recent.popleft()
    if len(recent) >= NEW_PER_MINUTE:
        moment.state.counters["nodes_ignored"] += 1
        return None
    recent.append(moment.now)
    node = moment.state.nodes[node_id] = NodeState(node_id, kaiser, "pending", first_seen=moment.now)
    moment.emit(Store(Audit(moment.now, "controller", "node.discovered", node_id, "waits for approval")))
    return node


def rediscovered(moment: Moment, node: NodeState) -> None:
    """A rejected or removed node that is still there asks again, not before `ASK_AGAIN_AFTER`."""
    out = node.status == "removed" or (
        node.status == "rejected" and moment.now - node.decided_at >= ASK_AGAIN_AFTER
    )
    if out:
        node.status = "pending"
        store_node(moment, node)
        moment.emit(Store(Audit(moment.now, "controller", "node.discovered", node.id, "is here again")))


def on_removed(moment: Moment, event: NodeRemoved) -> None:
    """Its actuators are made safe first; rules that need it say that they cannot act."""
    node = moment.state.nodes.get(event.node)
    if node is None:
        return
    _told_safe(moment, node, "the node is removed")
    lane.abandon(moment, node)
    node.status, node.decided_at, node.confirmed = "removed", moment.now, Confirmed()
    _shut(moment, node, moment.now if node.first_seen else None)
    moment.emit(Journal("node", node.id, None))
    store_node(moment, node)
    moment.emit(Store(Audit(moment.now, event.by, "node.removed", node.id, "")))
    moment.tell("snapshot")
    reconsider_node(moment, node.id)


def on_replaced(moment: Moment, event: BoardReplaced) -> None:
    """The node goes on with another board; what the old one had confirmed says nothing about the new one."""
    node = moment.state.nodes.get(event.node)
    if node is None:
        return
    old = node.board_id or node.id
    fresh = moment.state.nodes.pop(event.board, None) if event.board != node.id else None
    moment.state.boards = {b: n for b, n in moment.state.boards.items() if n != node.id}
    moment.state.boards[event.board] = node.id
    node.board_id = event.board if event.board != node.id else None
    node.confirmed, node.lane = Confirmed(), Lane()
    node.online, node.boot_id, node.uptime, node.rejects, node.epoch, node.adopted_epoch = (
        None,
        "",
        None,
        None,
        0,
        0,
    )
    if fresh is not None:
        node.kaiser, node.modern = fresh.kaiser, fresh.modern
        fresh.status = "removed"
        store_node(moment, fresh)
        for key in (("node", fresh.id), ("adopt", fresh.id), ("lane", fresh.id), ("wishes", fresh.id)):
            moment.state.due.drop(key)
        moment.tell("snapshot")
    moment.emit(Journal("board", node.id, {"board": event.board}))
    moment.emit(Journal("node", node.id, None))
    text = f"board {old} was replaced by {event.board}"
    moment.emit(Store(Audit(moment.now, event.by, "node.replaced", node.id, text)))
    note(moment, node.id, "board", text)
    store_node(moment, node)


def on_decided(moment: Moment, event: NodeDecided) -> None:
    """A person approved or rejected a node. The next heartbeat's ack tells it."""
    node = moment.state.nodes.get(event.node) or NodeState(event.node, moment.state.kaiser, "pending")
    moment.state.nodes[event.node] = node
    if not event.approved:
        _made_safe(moment, node.id, "the node is rejected")
    node.status, node.decided_at = "approved" if event.approved else "rejected", moment.now
    _shut(moment, node, None if event.approved else moment.now)
    store_node(moment, node)
    word = "node.approved" if event.approved else "node.rejected"
    moment.emit(Store(Audit(moment.now, event.by, word, event.node, "")))
    moment.tell("node", node.id)
    if event.approved:
        if node.kaiser != moment.state.kaiser:
            announce(moment, node.kaiser)
        _approved(moment, node)


def _shut(moment: Moment, node: NodeState, at: Instant | None) -> None:
    """Kept over restarts: a site file must not let in again whom a person has shut out."""
    node.shut_at = at
    moment.emit(Journal("shut", node.id, None if at is None else {"at": at}))


def _approved(moment: Moment, node: NodeState) -> None:
    """What a stop, its end or a debt demands first, then what rules have wanted of it all along."""
    stop_node_again(moment, node.id)
    if node.online:
        release_late(moment, node.id)
    deliver_owed(moment, node.id)
    if node.online and not node.adopting:
        lane.welcome(moment, node)


def _made_safe(moment: Moment, node_id: NodeId, why: str) -> None:
    """Before a node is shut out: nobody will look after what is on there."""
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node_id and actuator.away:
            moment.state.wishes.pop(actuator.id, None)
            submit(moment, safe_intent(moment, actuator.spec, why))


def _told_safe(moment: Moment, node: NodeState, why: str) -> None:
    """The last that we say to its actuators, also to those it has never reported."""
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node.id and node.status == "approved" and actuator.safe is None:
            submit(moment, safe_intent(moment, actuator.spec, why))
    _made_safe(moment, node.id, why)


def store_node(moment: Moment, node: NodeState) -> None:
    """Keep its lasting facts."""
    record = NodeRecord(
        node.id, node.status, node.name, node.zone, node.boot_id, node.boot, node.modern, node.first_seen
    )
    moment.emit(Store(record))
