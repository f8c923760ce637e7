"""The emergency contract as the firmware judges it, for one device and for all.

Two policies that must not be mixed up. A message that is no valid request (broken JSON, unknown word, a
timestamp that is no string) stops nothing. A message whose ``command`` or ``auth_token`` has the wrong
type, or whose ``command`` and ``action`` contradict each other, stops everything: it looks like an
emergency someone garbled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .text import parse

DEVICE_POOL = 256
BROADCAST_POOL = 512
_WORDS = ("emergency_stop", "stop_all")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What to do and which outcome code to report."""

    act: Literal["stop", "clear", "refuse"]
    code: str
    fields: dict[str, object]


def judge_device(payload: bytes, token: str | None) -> Ruling:
    """Judge ``actuator/emergency``; ``token`` is the stored device token, if any."""
    fields = parse(payload, DEVICE_POOL)
    if fields is None:
        return Ruling("refuse", "EMERGENCY_PARSE_ERROR", {})
    if token is not None and fields.get("auth_token") != token:
        return Ruling("refuse", "UNAUTHORIZED", fields)
    if fields.get("command") == "emergency_stop":
        return Ruling("stop", "EMERGENCY_STOP_TRIGGERED", fields)
    if fields.get("command") == "clear_emergency":
        return Ruling("clear", "EMERGENCY_CLEAR_APPLIED", fields)
    return Ruling("refuse", "UNKNOWN_COMMAND", fields)


def judge_broadcast(payload: bytes, token: str | None) -> Ruling:
    """Judge ``kaiser/broadcast/emergency``; ``token`` is the stored broadcast token, if any."""
    fields = parse(payload, BROADCAST_POOL)
    if fields is None:
        return Ruling("refuse", "EMERGENCY_PARSE_ERROR", {})
    if _garbled(fields):
        return Ruling("stop", "EMERGENCY_CONTRACT_MISMATCH", fields)
    word = fields.get("command", fields.get("action"))
    if word not in _WORDS or not _texts(fields, "action", "reason", "issued_by", "timestamp"):
        return Ruling("refuse", "EMERGENCY_CONTRACT_MISMATCH", fields)
    if token is not None and fields.get("auth_token") != token:
        return Ruling("refuse", "UNAUTHORIZED", fields)
    return Ruling("stop", "BROADCAST_EMERGENCY_STOP_TRIGGERED", fields)


def _garbled(fields: dict[str, object]) -> bool:
    command, action = fields.get("command"), fields.get("action")
    both = isinstance(command, str) and isinstance(action, str)
    return not _texts(fields, "command", "auth_token") or (both and command != action)


def _texts(fields: dict[str, object], *keys: str) -> bool:
    return all(isinstance(fields[key], str) for key in keys if key in fields)
