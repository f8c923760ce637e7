"""Nodes come, vanish and come back. The heartbeat ack goes out before anything else."""

from __future__ import annotations

from typing import Final

from godkaiser.engine import lane
from godkaiser.engine.alive import acknowledge, announce, ours
from godkaiser.engine.clear import release_again, release_late
from godkaiser.engine.debt import leaving
from godkaiser.engine.decide import reconsider_node, reconsider_presence
from godkaiser.engine.effect import Journal, Say, Store
from godkaiser.engine.ending import deliver_owed
from godkaiser.engine.halt import stop_node_again
from godkaiser.engine.registry import discovered, rediscovered, store_node
from godkaiser.engine.state import Moment, NodeState
from godkaiser.model.command import WillCleared
from godkaiser.model.event import Announce, Heartbeat, Will
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import SECOND, Instant

OFFLINE_AFTER: Final = 180 * SECOND
FLAPPING_WITHIN: Final = 300 * SECOND
# Protocol 9.8: after a good ack the node re-sends its states for 2 s and takes no contrary commands. The rest is for
# the way of our ack.
ADOPT_FOR: Final = 5 * SECOND // 2
JUST_STARTED_S: Final = 60  # one that is heard for the first time has been running if it says more


def on_heartbeat(moment: Moment, event: Heartbeat) -> None:
    """Ack first. Then: is it new, did it reboot, is it back?"""
    node = moment.state.nodes.get(event.node) or discovered(moment, event.kaiser, event.node)
    if node is None:
        return
    rediscovered(moment, node)
    node.epoch = event.handover_epoch or node.epoch
    if ours(moment, node, event.kaiser):
        if not leaving(moment, node.id):
            acknowledge(moment, node, event)
        if event.handover_epoch not in (0, node.adopted_epoch):
            node.adopted_epoch = event.handover_epoch  # it had let go, although we never lost it
            _adopt(moment, node)
    if _remember(moment, node, event) and node.online:
        _lost(moment, node)  # it was away, although nobody said so: no will came, or it comes later
    lane.watch_drift(moment, node, event)
    if node.status == "approved":
        moment.emit(Store(event))
    _heard(moment, node)


def _remember(moment: Moment, node: NodeState, event: Heartbeat) -> bool:
    """What it says of itself; true when it has been started anew."""
    rebooted = bool(event.boot_id) and event.boot_id != node.boot_id
    if not event.boot_id and node.uptime is not None and event.uptime < node.uptime:
        rebooted = True
    first = node.last_contact is None and node.first_seen in (0, moment.now)
    if first:
        node.first_seen = moment.now
    if node.kaiser != event.kaiser and node.status == "approved":
        announce(moment, event.kaiser)
    # One heartbeat without the newer fields does not make a node older.
    node.kaiser, node.modern, node.degraded = event.kaiser, node.modern or event.modern, event.degraded
    node.uptime, node.rssi, node.heap = event.uptime, event.wifi_rssi, event.heap_free
    if rebooted:
        node.boot, node.boot_id = node.boot + 1, event.boot_id
        node.rejects, node.pressed = event.handover_rejects, False
    if rebooted or first:
        store_node(moment, node)
    return rebooted


def _heard(moment: Moment, node: NodeState) -> None:
    """Any heartbeat proves life; only a change from not-online means it is back."""
    back = node.online is not True
    node.back_at = moment.now if back else node.back_at
    if back and (node.online is False or (node.uptime or 0) < JUST_STARTED_S):
        node.starts += 1
    node.last_contact, node.online = moment.now, True
    if node.away_since is not None:
        node.away_since = None
        moment.emit(Journal("away", node.id, None))
    moment.state.due.set(("node", node.id), moment.now + OFFLINE_AFTER)
    moment.tell("node", node.id)
    if not back:
        if node.status == "approved":
            release_again(moment, node)
        return
    if ours(moment, node, node.kaiser):
        moment.emit(Say(WillCleared(node.kaiser, node.id)))
    if node.status == "approved":
        stop_node_again(moment, node.id)
        release_late(moment, node.id)
    deliver_owed(moment, node.id)
    _adopt(moment, node)
    reconsider_presence(moment, node.id)


def _adopt(moment: Moment, node: NodeState) -> None:
    """Its ack starts a time in which it reports its states and is not to be contradicted."""
    node.adopting = True
    moment.state.due.set(("adopt", node.id), moment.now + ADOPT_FOR)


def on_adopted(moment: Moment, node_id: NodeId) -> None:
    """Its reported states are in: now it may be told what is wanted of it."""
    node = moment.state.nodes[node_id]
    node.adopting = False
    if node.status == "approved" and node.online:
        lane.welcome(moment, node)


def on_announce(moment: Moment, event: Announce) -> None:
    """A connect states the epoch that the next ack must echo."""
    node = moment.state.nodes.get(event.node)
    if node is not None:
        node.epoch = event.epoch or node.epoch


def on_will(moment: Moment, event: Will) -> None:
    """At once offline; a retained will older than the last contact is old news."""
    node = moment.state.nodes.get(event.node)
    if node is None:
        return
    if event.retained and node.online:
        if ours(moment, node, node.kaiser):
            moment.emit(Say(WillCleared(node.kaiser, node.id)))
        return
    if event.ts and event.ts == node.will_ts and node.online:
        return  # of a connection it has already lost: delivered again
    node.will_ts = event.ts
    if not event.retained:
        node.wills.append(moment.now)
        while node.wills[0] <= moment.now - FLAPPING_WITHIN:
            node.wills.popleft()
    _lost(moment, node)


def on_silence(moment: Moment, node_id: NodeId) -> None:
    """Nothing heard for `OFFLINE_AFTER`."""
    node = moment.state.nodes[node_id]
    _lost(moment, node, node.last_contact)


def _lost(moment: Moment, node: NodeState, since: Instant | None = None) -> None:
    """`since`: when it was heard last, where nothing else says when it went. A restart forgets neither."""
    if node.online is False:
        return
    if node.away_since is None:
        node.away_since = since or moment.now
        moment.emit(Journal("away", node.id, {"since": node.away_since}))
    node.online = False
    moment.state.due.drop(("node", node.id))
    lane.abandon(moment, node)
    moment.tell("node", node.id)
    reconsider_node(moment, node.id)
