"""Heartbeat ACK and ``server/status``: the messages a device lives on."""

from __future__ import annotations

from .flaw import TOP, Body, Flaw, required, shown, text
from .reading import Inbound, Reading, opened, pick

POOL = 256
_HINTS = ("reason_code", "revocation_source", "upstream_deleted", "delete_intent", "error")


def ack_flaw(body: Body) -> Flaw | None:
    """The contract of an ACK: a status word, whichever, and an epoch of 1 or more."""
    return required(body, "status") or text(body, "status") or _epoch(body)


def _epoch(body: Body) -> Flaw | None:
    epoch = body.get("handover_epoch")
    if type(epoch) is int and 1 <= epoch <= TOP:
        return None
    problem = f"handover_epoch must be an integer of 1 or more, not {shown(epoch)}."
    return required(body, "handover_epoch") or Flaw("wrong_type", "handover_epoch", problem)


def read_ack(message: Inbound) -> Reading:
    """Read ``system/heartbeat/ack``."""
    body = opened(message.payload, POOL)
    if isinstance(body, Flaw):
        return body
    keys = ("status", "handover_epoch", "server_time", "config_available", *_HINTS)
    return ack_flaw(body) or pick(body, *keys)


def read_server_status(message: Inbound) -> Reading:
    """Read ``server/status``."""
    body = opened(message.payload, POOL)
    if isinstance(body, Flaw):
        return body
    status = body.get("status")
    if status not in ("online", "offline"):
        return Flaw("bad_value", "status", f"status must be online or offline, not {shown(status)}.")
    return pick(body, "status", "reason", "timestamp")
