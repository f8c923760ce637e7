"""Size limits of the devices (protocol section 3): transport bytes and ArduinoJson pool.

Pool need = 16 · (object members + array elements, all levels) + Σ over distinct strings (UTF-8 length + 1);
keys count as strings.
"""

from __future__ import annotations

import json
from typing import Any, Final

from godkaiser.errors import MessageTooLargeError

SLOT_BYTES: Final = 16
# kind → (payload bytes, pool bytes); None where the firmware has no such limit
LIMITS: Final[dict[str, tuple[int | None, int | None]]] = {
    "actuator_command": (511, None),
    "heartbeat_ack": (None, 256),
    "emergency": (None, 256),
    "broadcast_emergency": (None, 512),
    "server_status": (None, 256),
}


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


def pack(kind: str, document: dict[str, Any]) -> bytes:
    """Compact JSON that the device can take; `MessageTooLargeError` otherwise."""
    payload = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    most_bytes, most_pool = LIMITS[kind]
    if most_bytes is not None and len(payload) > most_bytes:
        raise MessageTooLargeError(what=kind, size=len(payload), limit=most_bytes, measure="bytes")
    if most_pool is not None and (need := pool_need(document)) > most_pool:
        raise MessageTooLargeError(what=kind, size=need, limit=most_pool, measure="pool bytes")
    return payload
