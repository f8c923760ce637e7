"""``sensor/N/command``: measure now."""

from __future__ import annotations

from .flaw import Body, Flaw, shown, text, whole
from .intent import intent_flaw
from .reading import Inbound, Reading, longer, opened, pick

MOST_BYTES = 511
INGRESS_POOL = 384
_LEAST_MS, _MOST_MS, _USUAL_MS = 1, 60_000, 5000


def command_flaw(body: Body) -> Flaw | None:
    """The only word is ``measure``."""
    command = body.get("command")
    if command == "measure":
        return None
    return Flaw("unknown_command", "command", f"command must be measure, not {shown(command)}.")


def timeout_ms(body: Body) -> int:
    """How long a measurement may take: 1..60000 ms, 5000 unless told."""
    wanted = body.get("timeout_ms")
    return max(_LEAST_MS, min(_MOST_MS, wanted)) if type(wanted) is int else _USUAL_MS


def read_sensor(message: Inbound) -> Reading:
    """Read ``sensor/N/command``."""
    body = opened(message.payload, INGRESS_POOL)
    if isinstance(body, Flaw):
        return longer(message.payload, MOST_BYTES) or body
    flaw = (
        longer(message.payload, MOST_BYTES)
        or command_flaw(body)
        or text(body, "request_id")
        or whole(body, "timeout_ms", -(2**31), 2**31 - 1)
        or intent_flaw(body)
    )
    return flaw or {"gpio": message.address.gpio, "timeout_ms": timeout_ms(body)} | pick(
        body, "command", "request_id", "correlation_id", "intent_id", "ttl_ms", "generation"
    )
