"""What keeps nodes alive: the acknowledgement of every heartbeat, and the word that we are there.

A node lets go of its actuators when it has heard no valid acknowledgement for 120 s.
"""

from __future__ import annotations

from typing import Final

from godkaiser.engine.effect import Say
from godkaiser.engine.note import note
from godkaiser.engine.state import Moment, NodeState, State
from godkaiser.model.command import HeartbeatAck, ServerStatus
from godkaiser.model.event import Heartbeat, Metrics
from godkaiser.model.ids import KaiserId
from godkaiser.model.instant import SECOND

PAUSE_MOST: Final = 100 * SECOND
_ACK_STATUS: Final = {"approved": "online", "pending": "pending_approval", "rejected": "rejected"}


def ours(moment: Moment, node: NodeState, kaiser: KaiserId) -> bool:
    """A node under another kaiser id may have another controller: a wrong word of ours would cost it its approval.

    So nothing is said to it until a person approves it here.
    """
    return kaiser == moment.state.kaiser or node.status == "approved"


def acknowledge(moment: Moment, node: NodeState, event: Heartbeat) -> None:
    """The ack; after a long pause, or when the node refuses our acks, also once more that we are there.

    In that order: a node with an epoch takes the ack at once, and the news would only give it a new epoch. One
    that let go for the first time has none, refuses the ack, and takes an epoch from the news.
    """
    pause = None if node.acked_at is None else moment.now - node.acked_at
    if moment.state.link.up:
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
    if node is not None and _refused_more(node, event.handover_rejects) and ours(moment, node, event.kaiser):
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
