"""Commands and notices → (topic, payload, QoS, retain). Compact, within the device's limits.

Protocol 7.1 (`command` first, flat, no escapes), 8.1, 8.4 (string timestamp), 9.2 (four keys), 9.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from godkaiser.io.wire.limits import pack
from godkaiser.io.wire.topic import BY_KIND, build
from godkaiser.model.command import Halt, HeartbeatAck, Move, Notice, WillCleared
from godkaiser.model.ids import KaiserId
from godkaiser.model.instant import to_iso
from godkaiser.safety.seal import SafeCommand


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Ready for the broker."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


def encode_command(command: SafeCommand, kaiser: KaiserId) -> Outgoing:
    """A sealed command on the wire. Raises `MessageTooLargeError` rather than send what a node would cut."""
    order = command.order
    if isinstance(order, Move):
        topic = build("actuator_command", kaiser, order.actuator.node, order.actuator.gpio)
        return _outgoing("actuator_command", topic, _move(order, command))
    if order.node is None:
        topic = build("broadcast_emergency", kaiser)
        return _outgoing("broadcast_emergency", topic, _stop_all(order, command))
    word = "emergency_stop" if isinstance(order, Halt) else "clear_emergency"
    # A [seed] node accepts its own id as token, an unprovisioned [2026] node ignores it.
    ids = {"correlation_id": command.id, "intent_id": command.id}
    body = {"command": word, "auth_token": str(order.node)} | ids
    return _outgoing("emergency", build("emergency", kaiser, order.node), body)


def _stop_all(halt: Halt, command: SafeCommand) -> dict[str, Any]:
    return {
        "command": "emergency_stop",
        "reason": plain(halt.reason, 60),
        "issued_by": plain(halt.by, 40),
        "timestamp": to_iso(command.at),
    }


def _move(move: Move, command: SafeCommand) -> dict[str, Any]:
    body: dict[str, Any] = {"command": move.verb, "value": round(move.value, 3)}
    if move.duration_s is not None:
        body["duration"] = move.duration_s
    return body | {
        "correlation_id": command.id,
        "intent_id": command.id,
        "issued_by": plain(command.who, 60),
    }


def encode_notice(notice: Notice, kaiser: KaiserId) -> Outgoing:
    """A message that cannot move an actuator."""
    if isinstance(notice, WillCleared):
        return Outgoing(build("will", notice.kaiser, notice.node), b"", 1, retain=True)
    if isinstance(notice, HeartbeatAck):
        body: dict[str, Any] = {
            "status": notice.status,
            "config_available": False,
            "server_time": notice.server_time,
            "handover_epoch": notice.epoch,
        }
        return _outgoing("heartbeat_ack", build("heartbeat_ack", notice.kaiser, notice.node), body)
    body = {"status": "online" if notice.online else "offline", "timestamp": notice.timestamp}
    if notice.reason:
        body["reason"] = notice.reason
    return _outgoing("server_status", build("server_status", kaiser), body)


def _outgoing(kind: str, topic: str, body: dict[str, Any]) -> Outgoing:
    row = BY_KIND[kind]
    return Outgoing(topic, pack(kind, body), row.qos, row.retain)


def plain(text: str, most: int) -> str:
    """Free text for a device that scans text: no quotes, backslashes, control characters; `most` bytes."""
    clean = "".join(c if c.isprintable() and c not in '"\\' else " " for c in text)
    return clean.encode()[:most].decode("utf-8", "ignore")
