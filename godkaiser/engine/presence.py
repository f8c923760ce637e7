"""Nodes come, wait, are approved, vanish and come back. The heartbeat ack goes out before anything else."""

from __future__ import annotations

from typing import Final

from godkaiser.engine.actuation import deliver_owed, resettle_node, safe_intent, submit
from godkaiser.engine.decide import reconsider_node
from godkaiser.engine.effect import Audit, NodeRecord, Say, Store
from godkaiser.engine.halt import stop_node_again
from godkaiser.engine.note import note
from godkaiser.engine.state import Moment, NodeState, State
from godkaiser.model.command import HeartbeatAck, ServerStatus, WillCleared
from godkaiser.model.event import Announce, Discovery, Heartbeat, Metrics, NodeDecided, Will
from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import MINUTE, SECOND

OFFLINE_AFTER: Final = 180 * SECOND
PAUSE_MOST: Final = 100 * SECOND  # a node lets go of its actuators after 120 s without an ack
NEW_PER_MINUTE: Final = 10
# Protocol 9.8: after a good ack the node re-sends its states for 2 s and takes no contrary commands.
ADOPT_FOR: Final = 2 * SECOND
_ACK_STATUS: Final = {"approved": "online", "pending": "pending_approval", "rejected": "rejected"}


def on_heartbeat(moment: Moment, event: Heartbeat) -> None:
    """Ack first. Then: is it new, did it reboot, is it back?"""
    node = moment.state.nodes.get(event.node) or _discovered(moment, event.kaiser, event.node)
    if node is None:
        return
    node.epoch = event.handover_epoch or node.epoch
    if event.latest and _ours(moment, node, event.kaiser):
        _acknowledge(moment, node, event)
    _remember(moment, node, event)
    _heard(moment, node)


def _ours(moment: Moment, node: NodeState, kaiser: KaiserId) -> bool:
    """A node under another kaiser id may have another controller: a wrong word of ours would cost it its approval.

    So nothing is said to it until a person approves it here.
    """
    return kaiser == moment.state.kaiser or node.status == "approved"


def _acknowledge(moment: Moment, node: NodeState, event: Heartbeat) -> None:
    """The ack; after a long pause, or when the node refuses our acks, also once more that we are there.

    In that order: a node with an epoch takes the ack at once, and the news would only give it a new epoch. One
    that let go for the first time has none, refuses the ack, and takes an epoch from the news.
    """
    pause = None if node.acked_at is None else moment.now - node.acked_at
    node.acked_at = moment.now
    ack = HeartbeatAck(
        event.kaiser, event.node, _ACK_STATUS[node.status], node.epoch or 1, moment.now // SECOND
    )
    moment.emit(Say(ack))
    refused = _refused_more(node, event.handover_rejects)
    if node.modern and (refused or (pause is not None and pause > PAUSE_MOST)):
        announce(moment, event.kaiser)


def _refused_more(node: NodeState, count: int | None) -> bool:
    """Does the node say it has refused acks since it said so last? Its counter begins anew at every boot."""
    known, node.rejects = node.rejects, node.rejects if count is None else count
    return count is not None and known is not None and count > known


def on_metrics(moment: Moment, event: Metrics) -> None:
    """A node that refuses our acks waits to hear that we are there."""
    node = moment.state.nodes.get(event.node)
    if node is not None and _refused_more(node, event.handover_rejects) and _ours(moment, node, event.kaiser):
        note(
            moment, node.id, "handover", f"it refused an acknowledgement: {event.last_reject or 'no reason'}"
        )
        announce(moment, event.kaiser)


def announce(moment: Moment, kaiser: KaiserId) -> None:
    """Say once more that we are there, with the time we said it first: the journal knows that one."""
    if moment.state.announced is not None and moment.state.link.up:
        moment.emit(Say(ServerStatus(kaiser, True, moment.state.announced)))


def kaisers(state: State) -> list[KaiserId]:
    """Every kaiser id in use: our own, and those of approved nodes."""
    others = {node.kaiser for node in state.nodes.values() if node.status == "approved"}
    return [state.kaiser, *sorted(others - {state.kaiser})]


def on_discovery(moment: Moment, event: Discovery) -> None:
    """The deprecated way to say hello."""
    if event.node not in moment.state.nodes:
        node = _discovered(moment, event.kaiser, event.node)
        if node is not None:
            store_node(moment, node)
            moment.tell("node", node.id)


def _discovered(moment: Moment, kaiser: KaiserId, node_id: NodeId) -> NodeState | None:
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


def _remember(moment: Moment, node: NodeState, event: Heartbeat) -> None:
    rebooted = bool(event.boot_id) and event.boot_id != node.boot_id
    if not event.boot_id and node.uptime is not None and event.uptime < node.uptime:
        rebooted = True
    first = node.last_contact is None and node.first_seen in (0, moment.now)
    if first:
        node.first_seen = moment.now
    if node.kaiser != event.kaiser and node.status == "approved":
        announce(moment, event.kaiser)
    node.kaiser, node.modern, node.degraded = event.kaiser, event.modern, event.degraded
    node.uptime, node.rssi, node.heap = event.uptime, event.wifi_rssi, event.heap_free
    if rebooted:
        node.boot, node.boot_id = node.boot + 1, event.boot_id
        node.rejects, node.pressed = event.handover_rejects, False
    if rebooted or first:
        store_node(moment, node)


def _heard(moment: Moment, node: NodeState) -> None:
    """Any heartbeat proves life; only a change from not-online means it is back."""
    back = node.online is not True
    node.last_contact, node.online = moment.now, True
    moment.state.due.set(("node", node.id), moment.now + OFFLINE_AFTER)
    moment.tell("node", node.id)
    if not back:
        return
    if _ours(moment, node, node.kaiser):
        moment.emit(Say(WillCleared(node.kaiser, node.id)))
    if node.status == "approved" and not stop_node_again(moment, node.id):
        deliver_owed(moment, node.id)
    node.adopting = True
    moment.state.due.set(("adopt", node.id), moment.now + ADOPT_FOR)


def on_adopted(moment: Moment, node_id: NodeId) -> None:
    """Its reported states are in: now it may be told what is wanted of it."""
    node = moment.state.nodes[node_id]
    node.adopting = False
    if node.status == "approved" and node.online:
        resettle_node(moment, node_id)
        reconsider_node(moment, node_id)


def _approved(moment: Moment, node: NodeState) -> None:
    """What a stop or a debt demands first, then what rules have wanted of it all along."""
    if not stop_node_again(moment, node.id):
        deliver_owed(moment, node.id)
    if node.online and not node.adopting:
        on_adopted(moment, node.id)


def _made_safe(moment: Moment, node_id: NodeId) -> None:
    """Before a node is shut out: nobody will look after what is on there."""
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node_id and (actuator.lease is not None or actuator.safe is False):
            moment.state.wishes.pop(actuator.id, None)
            submit(moment, safe_intent(moment, actuator.spec, "the node is rejected"))


def on_announce(moment: Moment, event: Announce) -> None:
    """A connect states the epoch that the next ack must echo."""
    node = moment.state.nodes.get(event.node)
    if node is not None:
        node.epoch = event.epoch or node.epoch


def on_will(moment: Moment, event: Will) -> None:
    """At once offline; a retained will older than the last contact is old news."""
    node = moment.state.nodes.get(event.node)
    if node is None or (event.retained and node.online):
        return
    _lost(moment, node)


def on_silence(moment: Moment, node_id: NodeId) -> None:
    """Nothing heard for `OFFLINE_AFTER`."""
    _lost(moment, moment.state.nodes[node_id])


def _lost(moment: Moment, node: NodeState) -> None:
    if node.online is False:
        return
    node.online = False
    moment.state.due.drop(("node", node.id))
    moment.tell("node", node.id)
    reconsider_node(moment, node.id)


def on_decided(moment: Moment, event: NodeDecided) -> None:
    """A person approved or rejected a node. The next heartbeat's ack tells it."""
    node = moment.state.nodes.get(event.node) or NodeState(event.node, moment.state.kaiser, "pending")
    moment.state.nodes[event.node] = node
    if not event.approved:
        _made_safe(moment, node.id)
    node.status = "approved" if event.approved else "rejected"
    store_node(moment, node)
    word = "node.approved" if event.approved else "node.rejected"
    moment.emit(Store(Audit(moment.now, event.by, word, event.node, "")))
    moment.tell("node", node.id)
    if event.approved:
        if node.kaiser != moment.state.kaiser:
            announce(moment, node.kaiser)
        _approved(moment, node)


def store_node(moment: Moment, node: NodeState) -> None:
    """Keep its lasting facts."""
    record = NodeRecord(
        node.id, node.status, node.name, node.zone, node.boot_id, node.boot, node.modern, node.first_seen
    )
    moment.emit(Store(record))
