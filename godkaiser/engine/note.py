"""What nodes say that is for people: faults, alerts, pressure, troubles with commands. The last few are kept."""

from __future__ import annotations

from typing import Final

from godkaiser.engine.effect import Audit, Store
from godkaiser.engine.state import Moment, NodeState, Note
from godkaiser.model.event import Attested
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import SECOND, Instant
from godkaiser.model.report import (
    Alert,
    ClearAck,
    ConfigAnswer,
    Diagnostics,
    NodeFault,
    QueuePressure,
    SubzoneAck,
    ZoneAck,
)

SEVERITY: Final = ("note", "warning", "error", "critical")
WHOLE_NODE: Final = 255
REPEATED_WITHIN: Final = 10 * SECOND


def note(moment: Moment, node_id: NodeId, kind: str, text: str) -> None:
    """Keep it with its node; nodes we do not know have no such list."""
    node = moment.state.nodes.get(node_id)
    if node is not None and not _repeated(node, moment.now, kind, text):
        node.notes.appendleft(Note(moment.now, kind, text))
        moment.tell("node", node_id)


def _repeated(node: NodeState, now: Instant, kind: str, text: str) -> bool:
    """Brokers may deliver twice."""
    recent = (known for known in node.notes if now - known.at < REPEATED_WITHIN)
    return any((known.kind, known.text) == (kind, text) for known in recent)


def on_attested(moment: Moment, event: Attested) -> None:
    """Not our business, but the audit's."""
    told = (event.who, event.action, event.target, event.detail, event.before, event.after)
    moment.emit(Store(Audit(moment.now, *told)))


def on_fault(moment: Moment, event: NodeFault) -> None:
    """`system/error`."""
    text = f"{event.code} {event.message}".strip()
    note(moment, event.node, SEVERITY[event.severity], text)


def on_alert(moment: Moment, event: Alert) -> None:
    """The node switched something off by itself, or refused to."""
    where = "the node" if event.gpio == WHOLE_NODE else f"pin {event.gpio}"
    note(moment, event.node, "alert", f"{event.alert_type} on {where}: {event.message}".rstrip(": "))


def on_clear_refused(moment: Moment, event: ClearAck) -> None:
    """Also a stop that was refused: old firmware says so with the same words."""
    if not event.ok:
        note(moment, event.node, "emergency", f"it refused: {event.message}")


def on_pressure(moment: Moment, event: QueuePressure) -> None:
    """Readings and statuses may be lost while it lasts."""
    node = moment.state.nodes.get(event.node)
    if node is not None:
        node.pressed = event.entered
        lost = f"; {event.dropped} messages lost" if event.dropped else ""
        note(
            moment,
            event.node,
            "queue",
            ("its queue runs full" if event.entered else "its queue recovered") + lost,
        )


def on_diagnostics(moment: Moment, event: Diagnostics) -> None:
    """Newest state."""
    node = moment.state.nodes.get(event.node)
    if node is not None:
        node.heap, node.rssi, node.system_state = event.heap_free, event.wifi_rssi, event.system_state
        moment.tell("node", event.node)


def on_config(moment: Moment, event: ConfigAnswer | ZoneAck | SubzoneAck) -> None:
    """What goes wrong with configuration or place is shown, whoever sent it."""
    if event.status in ("error", "failed", "partial_success"):
        what = {ConfigAnswer: "configuration", ZoneAck: "zone", SubzoneAck: "subzone"}[type(event)]
        note(moment, event.node, "config", f"{what}: {event.status}. {event.message}".strip())
