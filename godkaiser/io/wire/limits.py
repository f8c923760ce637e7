"""Size limits of the devices (protocol section 3): transport bytes and ArduinoJson pool.

Pool need = 16 · (object members + array elements, all levels) + Σ over distinct strings (UTF-8 length + 1);
keys count as strings. Nothing is sent before both were computed for the node's generation and board.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from godkaiser.errors import MessageTooLargeError
from godkaiser.model.nodeconfig import Hardware

SLOT_BYTES: Final = 16
TOPIC_BYTES: Final = 191
IDF_PAYLOAD: Final = 8191
PACKET_DEV: Final = 2048  # whole MQTT packet of the PubSubClient builds
PACKET_XIAO: Final = 1024
SMALLEST: Final = Hardware()


@dataclass(frozen=True, slots=True)
class Limit:
    """Payload bytes and pool bytes of one kind of message; None where the firmware has no such limit."""

    payload: int | None
    pool: int | None


LIMITS: Final[dict[str, Limit]] = {
    "actuator_command": Limit(511, None),
    "sensor_command": Limit(511, 384),
    "system_command": Limit(None, 256),
    "heartbeat_ack": Limit(None, 256),
    "emergency": Limit(None, 256),
    "emergency_clear": Limit(None, 192),  # more loses the node's shortcut for a clear
    "broadcast_emergency": Limit(None, 512),
    "server_status": Limit(None, 256),
    "zone_assign": Limit(None, 512),
    "subzone_assign": Limit(None, 1024),
    "subzone_remove": Limit(None, 256),
    "subzone_safe": Limit(None, 512),
    "config": Limit(4351, 7680),
}
CONFIG_SEED: Final = Limit(None, 4096)


def limit_of(kind: str, hardware: Hardware) -> Limit:
    """What a node of that hardware takes."""
    return CONFIG_SEED if kind == "config" and not hardware.modern else LIMITS[kind]


def packet_limit(hardware: Hardware) -> int | None:
    """Bytes of a whole MQTT packet; None for the builds that count payload only."""
    if hardware.board == "xiao_esp32c3":
        return PACKET_XIAO
    return None if hardware.modern else PACKET_DEV


def packet_bytes(topic: str, payload: int, qos: int) -> int:
    """Length of a PUBLISH packet: header, remaining length, topic, packet id, payload."""
    rest = 2 + len(topic.encode()) + (2 if qos else 0) + payload
    return 1 + max(1, -(-rest.bit_length() // 7)) + rest


def pool_need(document: Any) -> int:
    """Bytes of the 32-bit ArduinoJson 6 pool that a parsed document needs."""
    strings: set[str] = set()
    slots = _walk(document, strings)
    return SLOT_BYTES * slots + sum(len(text.encode()) + 1 for text in strings)


def _walk(value: Any, strings: set[str]) -> int:
    if isinstance(value, str):
        strings.add(value)
        return 0
    if isinstance(value, dict):
        strings.update(value)
        return len(value) + sum(_walk(item, strings) for item in value.values())
    if isinstance(value, list):
        return len(value) + sum(_walk(item, strings) for item in value)
    return 0


def pack(kind: str, topic: str, qos: int, document: dict[str, Any], hardware: Hardware = SMALLEST) -> bytes:
    """Compact JSON that the node can take. Raises `MessageTooLargeError`, which names what to drop."""
    payload = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    limit, packet = limit_of(kind, hardware), packet_limit(hardware)
    measured = [
        ("bytes of topic", len(topic.encode()), TOPIC_BYTES),
        ("bytes", len(payload), limit.payload),
        ("bytes", len(payload), IDF_PAYLOAD),
        ("bytes as a whole packet", packet_bytes(topic, len(payload), qos), packet),
        ("bytes of parser memory", pool_need(document), limit.pool),
    ]
    for measure, size, most in measured:
        if most is not None and size > most:
            raise MessageTooLargeError(
                what=kind.replace("_", " "), size=size, limit=most, measure=measure, drop=heaviest(document)
            )
    return payload


def heaviest(document: dict[str, Any]) -> str:
    """The keys that take most room, to be named in a remedy."""
    size = {key: len(json.dumps(value, ensure_ascii=False).encode()) for key, value in document.items()}
    return ", ".join(sorted(size, key=lambda key: (-size[key], key))[:3])
