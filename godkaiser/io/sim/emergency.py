"""The emergency contract as the firmware judges it, for one device and for all.

Two policies that must not be mixed up. A message that is no valid request (broken JSON, unknown word, a
timestamp that is no string) stops nothing. A message whose ``command`` or ``auth_token`` has the wrong
type, or whose ``command`` and ``action`` contradict each other, stops everything: it looks like an
emergency someone garbled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .firmware.emergency import BROADCAST_POOL, DEVICE_POOL, act, broadcast_flaw, conflict
from .firmware.flaw import Body, Flaw, text
from .text import parse

_DONE = {"stop": "EMERGENCY_STOP_TRIGGERED", "clear": "EMERGENCY_CLEAR_APPLIED"}


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
    wanted = act(fields)
    if isinstance(wanted, Flaw):
        return Ruling("refuse", "UNKNOWN_COMMAND", fields)
    return Ruling(wanted, _DONE[wanted], fields)


def judge_broadcast(payload: bytes, token: str | None) -> Ruling:
    """Judge ``kaiser/broadcast/emergency``; ``token`` is the stored broadcast token, if any."""
    fields = parse(payload, BROADCAST_POOL)
    if fields is None:
        return Ruling("refuse", "EMERGENCY_PARSE_ERROR", {})
    if _garbled(fields):
        return Ruling("stop", "EMERGENCY_CONTRACT_MISMATCH", fields)
    if broadcast_flaw(fields):
        return Ruling("refuse", "EMERGENCY_CONTRACT_MISMATCH", fields)
    if token is not None and fields.get("auth_token") != token:
        return Ruling("refuse", "UNAUTHORIZED", fields)
    return Ruling("stop", "BROADCAST_EMERGENCY_STOP_TRIGGERED", fields)


def _garbled(fields: Body) -> bool:
    return bool(text(fields, "command") or text(fields, "auth_token") or conflict(fields))
