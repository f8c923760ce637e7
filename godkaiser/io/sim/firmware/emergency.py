"""The emergency contract: the words of one device and of all devices."""

from __future__ import annotations

from typing import Literal

from .flaw import Body, Flaw, required, shown, text
from .intent import intent_flaw
from .reading import Inbound, Reading, opened, pick

DEVICE_POOL = 256
BROADCAST_POOL = 512
STOP_ALL = ("emergency_stop", "stop_all")
_ACTS: dict[object, Literal["stop", "clear"]] = {"emergency_stop": "stop", "clear_emergency": "clear"}


def act(body: Body) -> Literal["stop", "clear"] | Flaw:
    """What ``actuator/emergency`` asks for."""
    command = body.get("command")
    known = _ACTS.get(command) if isinstance(command, str) else None
    problem = f"command must be emergency_stop or clear_emergency, not {shown(command)}."
    return known or Flaw("unknown_command", "command", problem)


def conflict(body: Body) -> Flaw | None:
    """Two names for one word that contradict each other."""
    command, action = body.get("command"), body.get("action")
    if isinstance(command, str) and isinstance(action, str) and command != action:
        problem = f"command {shown(command)} and action {shown(action)} contradict each other."
        return Flaw("bad_value", "action", problem)
    return None


def broadcast_flaw(body: Body) -> Flaw | None:
    """What is wrong with ``kaiser/broadcast/emergency`` by its contract."""
    return _word(body) or conflict(body) or _unsupported(body) or _types(body)


def _word(body: Body) -> Flaw | None:
    if isinstance(body.get("command", body.get("action")), str):
        return None
    return Flaw("missing_field", "command", "command (or action) is missing or not a string.")


def _unsupported(body: Body) -> Flaw | None:
    found = body.get("command", body.get("action"))
    if found in STOP_ALL:
        return None
    problem = f"command must be emergency_stop or stop_all, not {shown(found)}."
    return Flaw("unknown_command", "command", problem)


def _types(body: Body) -> Flaw | None:
    keys = ("action", "reason", "issued_by", "timestamp", "auth_token")
    return next((flaw for key in keys if (flaw := text(body, key))), None)


def read_emergency(message: Inbound) -> Reading:
    """Read ``actuator/emergency``; the older generation always has a token, its own id by default."""
    body = opened(message.payload, DEVICE_POOL)
    if isinstance(body, Flaw):
        return body
    found = act(body)
    if isinstance(found, Flaw):
        return found
    token = (required(body, "auth_token") or text(body, "auth_token")) if message.firmware.seed else None
    return token or intent_flaw(body) or pick(body, "command", "auth_token", "correlation_id", "intent_id")


def read_broadcast(message: Inbound) -> Reading:
    """Read ``kaiser/broadcast/emergency``."""
    body = opened(message.payload, BROADCAST_POOL)
    if isinstance(body, Flaw):
        return body
    seen = {"command": body.get("command", body.get("action"))}
    return broadcast_flaw(body) or intent_flaw(body) or seen | pick(body, "auth_token", "reason", "issued_by")
