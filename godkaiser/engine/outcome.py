"""The durable word of a node about what it was told. It may come late, twice, or about something long over.

An outcome that was kept on the node and said after a gap (`recovered`) counts only for the very command it names:
an old stop must not confirm a new one, nor an old clear lift it.
"""

from __future__ import annotations

from typing import Final

from godkaiser.engine import answer, clear, halt, lane, request
from godkaiser.engine.note import note
from godkaiser.engine.state import Moment, NodeState
from godkaiser.model.outcome import Fate
from godkaiser.model.report import ClearAck, IntentOutcome, StopAck

_STOPPED: Final = ("EMERGENCY_STOP_TRIGGERED", "BROADCAST_EMERGENCY_STOP_TRIGGERED")
_FATES: Final = {"rejected": Fate.REJECTED, "failed": Fate.FAILED, "expired": Fate.EXPIRED}


def on_outcome(moment: Moment, event: IntentOutcome) -> None:
    """Stops and clears, commands, requests; what fits nothing is noted when it went wrong."""
    node = moment.state.nodes.get(event.node)
    if node is None:
        return
    if event.code in _STOPPED:
        if _counts(event, moment.state.broadcast_id, node.halt_id):
            halt.on_stop_ack(moment, StopAck(event.at, event.kaiser, event.node, event.correlation))
    elif event.code == "EMERGENCY_CLEAR_APPLIED":
        _cleared(moment, node, event, ok=True)
    elif event.correlation and event.correlation == node.release_id and event.outcome in _FATES:
        _cleared(moment, node, event, ok=False)
    else:
        _others(moment, event)


def _counts(event: IntentOutcome, *commands: str) -> bool:
    """Brokers deliver twice, nodes say late: only the very command counts.

    Who was told nothing by us (we have just started) has stopped all the same.
    """
    known = [command for command in commands if command]
    return event.correlation in known or not (known or event.recovered)


def _cleared(moment: Moment, node: NodeState, event: IntentOutcome, *, ok: bool) -> None:
    if _counts(event, node.release_id):
        message = "" if ok else f"{event.code} {event.reason}".strip()
        clear.on_clear_ack(
            moment, ClearAck(event.at, event.kaiser, event.node, ok, message, event.correlation)
        )


def _others(moment: Moment, event: IntentOutcome) -> None:
    if event.outcome in _FATES:
        _tell_people(moment, event)
    lane.on_config_outcome(moment, event)
    request.on_request_outcome(moment, event)
    if event.outcome in ("applied", "persisted"):
        answer.on_applied(moment, event)
    elif event.outcome in _FATES:
        answer.on_refused_outcome(moment, event, _FATES[event.outcome])


def _tell_people(moment: Moment, event: IntentOutcome) -> None:
    late = ", said late" if event.recovered else ""
    text = f"{event.flow} {event.correlation or event.intent} {event.outcome}: {event.code} {event.reason}"
    note(moment, event.node, "outcome", f"{text.strip()}{late}")
