"""The identity a server gives a request: read by a parser of its own, whatever else the message is."""

from __future__ import annotations

from godkaiser.io.sim.text import parse, pool_need

from .flaw import Body, Flaw, text, whole

META_POOL = 1024
ID_LENGTH = 63
_KEYS = ("intent_id", "correlation_id", "generation", "created_at_ms", "ttl_ms")


def metadata(payload: bytes) -> dict[str, object]:
    """The five keys, as far as they are there; none when the text is no JSON or they fill the pool."""
    fields = parse(payload, 2**20) or {}
    meta = {key: fields[key] for key in _KEYS if key in fields}
    return meta if pool_need(meta) <= META_POOL else {}


def intent_flaw(body: Body) -> Flaw | None:
    """What the device would ignore of a request's identity, or get wrong."""
    return (
        text(body, "correlation_id")
        or text(body, "intent_id")
        or whole(body, "generation")
        or whole(body, "ttl_ms")
        or _creation(body)
    )


def _creation(body: Body) -> Flaw | None:
    if "created_at_ms" not in body:
        return None
    return Flaw("bad_value", "created_at_ms", "created_at_ms is the device's own uptime: no server knows it.")
