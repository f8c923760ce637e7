"""Commands and notices → (topic, payload, QoS, retain). Compact, within the limits of the node they go to.

Protocol 7.1 (`command` first, flat, no escapes), 8.1, 8.4 (string timestamp, never retained), 9.2 (four keys),
9.7, 10.1, 13, 14.1 (lower case). Never sent: `created_at_ms`, `STOP`, `session_id`, a text as I²C address.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args

from godkaiser.errors import MessageTooLargeError, SealError
from godkaiser.io.wire.config import encode_part
from godkaiser.io.wire.limits import pack
from godkaiser.io.wire.topic import BY_KIND, build
from godkaiser.model import command as cm
from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import MILLISECOND, to_iso
from godkaiser.model.request import Inquiry, Measure, Request, Word
from godkaiser.safety.seal import SafeCommand

LABEL_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Ready for the broker."""

    topic: str
    payload: bytes = field(repr=False)  # it may hold a token
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """Emergency tokens the nodes were given. Without one a node's own id is sent, as old firmware wants it."""

    node: str | None = None
    broadcast: str | None = None


NO_TOKENS: Final = Tokens()


# ── commands ───────────────────────────────────────────────────────────────────────────────────────────
def encode_command(
    command: SafeCommand,
    kaiser: KaiserId,
    tokens: Tokens = NO_TOKENS,
    *,
    modern: bool = True,
    board: NodeId | None = None,
) -> Outgoing:
    """A sealed command on the wire, under the kaiser id of its node.

    `modern` False is the firmware that knows only its own id as token; `board` is the id that the node's board
    speaks under, if it was replaced. Raises `MessageTooLargeError` rather than send what a node would cut.
    """
    order, node = command.order, board or command.order.node
    if isinstance(order, cm.Halt | cm.Release) and node is not None and order.node is not None:
        return _emergency(command, kaiser, node, tokens.node if modern else None)
    if node is None:
        return _packed("broadcast_emergency", build("broadcast_emergency", kaiser), _all(command, tokens))
    match order:
        case cm.Move():
            return _to_node("actuator_command", kaiser, node, _move(order, command), order.actuator.gpio)
        case cm.Configure():
            return _outgoing("config", build("config", kaiser, node), encode_part(kaiser, order.part))
        case cm.SubzoneSafe():
            return _to_node("subzone_safe", kaiser, node, _subzone_safe(order, command))
        case cm.SafeMode() | cm.FactoryReset():
            return _to_node("system_command", kaiser, node, _word(order) | _ids(command.id))
    raise SealError(what=type(order).__name__)


def _word(order: cm.SafeMode | cm.FactoryReset) -> dict[str, Any]:
    if isinstance(order, cm.FactoryReset):
        return {"command": "factory_reset", "confirm": True}
    return {"command": "safe_mode" if order.on else "exit_safe_mode"}


def readdressed(message: Outgoing, node: NodeId, board: NodeId) -> Outgoing:
    """The same message for the board that took the node's place."""
    return replace(message, topic=message.topic.replace(f"/esp/{node}/", f"/esp/{board}/", 1))


def _ids(correlation: str) -> dict[str, Any]:
    return {"correlation_id": correlation, "intent_id": correlation}


def _move(move: cm.Move, command: SafeCommand) -> dict[str, Any]:
    body: dict[str, Any] = {"command": move.verb, "value": round(move.value, 3)}
    if move.duration_s is not None:
        body["duration"] = move.duration_s
    return body | _ids(command.id) | {"issued_by": plain(command.who, 60)}


def _all(command: SafeCommand, tokens: Tokens) -> dict[str, Any]:
    halt = command.order
    body: dict[str, Any] = {"command": "emergency_stop"}
    if tokens.broadcast is not None:
        body["auth_token"] = tokens.broadcast
    assert isinstance(halt, cm.Halt)
    body |= {"reason": plain(halt.reason, 60), "issued_by": plain(halt.by, 40)}
    return body | {"timestamp": to_iso(command.at)} | _ids(command.id)


def _emergency(command: SafeCommand, kaiser: KaiserId, node: NodeId, token: str | None) -> Outgoing:
    """An unprovisioned node ignores the token; one that was given a token, or an old one, wants it."""
    stop = isinstance(command.order, cm.Halt)
    body = {"command": "emergency_stop" if stop else "clear_emergency", "auth_token": token or str(node)}
    # The clear is answered with its correlation id; the intent id would cost the node's shortcut its memory.
    ids = _ids(command.id) if stop else {"correlation_id": command.id}
    topic, qos = build("emergency", kaiser, node), BY_KIND["emergency"].qos
    payload = pack("emergency" if stop else "emergency_clear", topic, qos, body | ids)
    return _outgoing("emergency", topic, payload)


def _subzone_safe(order: cm.SubzoneSafe, command: SafeCommand) -> dict[str, Any]:
    """To leave safe mode the node wants the action alone: `safe_mode` beside it is misread."""
    action = "enable" if order.on else "disable"
    return {"subzone_id": order.subzone, "action": action, "correlation_id": command.id}


# ── notices ────────────────────────────────────────────────────────────────────────────────────────────
def encode_notice(notice: cm.Notice) -> Outgoing:  # noqa: PLR0911 - a table in the shape of a match
    """A message that cannot move an actuator. Raises `SealError` for one that could, `MessageTooLargeError`."""
    match notice:
        case cm.WillCleared():
            return Outgoing(build("will", notice.kaiser, notice.node), b"", 1, retain=True)
        case cm.HeartbeatAck():
            return _to_node("heartbeat_ack", notice.kaiser, notice.node, _ack(notice))
        case cm.ServerStatus():
            return _packed("server_status", build("server_status", notice.kaiser), _status(notice))
        case cm.ZoneAssign():
            return _to_node("zone_assign", notice.kaiser, notice.node, _zone(notice))
        case cm.SubzoneAssign():
            return _to_node("subzone_assign", notice.kaiser, notice.node, _subzone(notice))
        case cm.SubzoneRemove():
            body = {"subzone_id": notice.subzone, "correlation_id": notice.correlation}
            return _to_node("subzone_remove", notice.kaiser, notice.node, body)
        case cm.SensorConfig():
            return _sensor_config(notice)
    return _enquiry(notice.request, notice.kaiser)


def _ack(ack: cm.HeartbeatAck) -> dict[str, Any]:
    return {
        "status": ack.status,
        "config_available": False,
        "server_time": ack.server_time,
        "handover_epoch": ack.epoch,
    }


def _status(status: cm.ServerStatus) -> dict[str, Any]:
    body: dict[str, Any] = {
        "status": "online" if status.online else "offline",
        "timestamp": status.timestamp,
    }
    return body | ({"reason": status.reason} if status.reason else {})


def _zone(zone: cm.ZoneAssign) -> dict[str, Any]:
    """All four texts always: an absent one is read as "null" by the node."""
    return {
        "zone_id": zone.zone,
        "master_zone_id": zone.master_zone,
        "zone_name": _label("zone name", zone.name),
        "kaiser_id": str(zone.kaiser),
        "correlation_id": zone.correlation,
    }


def _subzone(subzone: cm.SubzoneAssign) -> dict[str, Any]:
    """`safe_mode_active` is true by default and would take running pins out of service."""
    return {
        "subzone_id": subzone.subzone,
        "subzone_name": _label("subzone name", subzone.name),
        "parent_zone_id": subzone.zone,
        "assigned_gpios": [gpio for gpio in subzone.gpios if gpio != 0],
        "safe_mode_active": False,
        "correlation_id": subzone.correlation,
    }


def _label(what: str, text: str) -> str:
    """A name the node keeps: refused rather than cut."""
    if len(text) > LABEL_MOST:
        raise MessageTooLargeError(
            what=what, size=len(text), limit=LABEL_MOST, measure="characters", drop=what
        )
    return text


def _sensor_config(notice: cm.SensorConfig) -> Outgoing:
    if notice.part.scope != "sensors":
        raise SealError(what=f"configuration of {notice.part.scope}")
    topic = build("config", notice.kaiser, notice.node)
    return _outgoing("config", topic, encode_part(notice.kaiser, notice.part))


def _enquiry(request: Request, kaiser: KaiserId) -> Outgoing:
    ids = _ids(request.id)
    if isinstance(request.ask, Measure):
        limit = max(1, min(60_000, request.ask.within // MILLISECOND))
        body = {"command": "measure", "request_id": request.id} | ids | {"timeout_ms": limit}
        return _to_node("sensor_command", kaiser, request.node, body, request.ask.gpio)
    return _to_node("system_command", kaiser, request.node, _inquiry(request.ask) | ids)


def _inquiry(ask: Inquiry) -> dict[str, Any]:
    """Parameters stand beside the command: every firmware that knows them reads them there."""
    if ask.word not in get_args(Word):
        raise SealError(what=f"system command {ask.word}")
    return {"command": ask.word} | {key: value for key, value in ask.params.items() if key != "command"}


# ── together ───────────────────────────────────────────────────────────────────────────────────────────
def _to_node(
    kind: str, kaiser: KaiserId, node: NodeId, body: dict[str, Any], pin: int | None = None
) -> Outgoing:
    return _packed(kind, build(kind, kaiser, node, pin), body)


def _packed(kind: str, topic: str, body: dict[str, Any]) -> Outgoing:
    return _outgoing(kind, topic, pack(kind, topic, BY_KIND[kind].qos, body))


def _outgoing(kind: str, topic: str, payload: bytes) -> Outgoing:
    row = BY_KIND[kind]
    return Outgoing(topic, payload, row.qos, row.retain)


def plain(text: str, most: int) -> str:
    """Free text for a device that scans text: no quotes, backslashes, control characters; `most` bytes."""
    clean = "".join(c if c.isprintable() and c not in '"\\' else " " for c in text)
    return clean.encode()[:most].decode("utf-8", "ignore")
