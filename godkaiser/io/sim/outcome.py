"""Intents and what became of them, as the device keeps account."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from .firmware.intent import ID_LENGTH, metadata

_LEGACY = {
    "accepted": "processing",
    "processing": "processing",
    "applied": "processing",
    "persisted": "success",
}
_OPEN = ("accepted", "processing")


@dataclass(frozen=True, slots=True)
class Intent:
    """The identity of one inbound request; ``created_at_ms`` is device uptime."""

    flow: str
    intent_id: str
    correlation_id: str
    generation: int
    created_at_ms: int
    ttl_ms: int
    epoch: int

    def fields(self) -> dict[str, object]:
        """The part of an outcome that repeats the request."""
        return {
            "flow": self.flow,
            "intent_id": self.intent_id,
            "correlation_id": self.correlation_id,
            "generation": self.generation,
            "created_at_ms": self.created_at_ms,
            "ttl_ms": self.ttl_ms,
            "epoch": self.epoch,
        }

    def expired(self, uptime: int) -> bool:
        """Whether the time to live is over; the arithmetic is unsigned 32 bit, as on the device."""
        return self.ttl_ms > 0 and (uptime - self.created_at_ms) % 2**32 > self.ttl_ms


class Ledger:
    """Reads intents, remembers the last terminal outcomes, keeps those that could not be sent."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._made = 0
        self._confirmed = 0
        self._recovered = 0
        self._final: deque[str] = deque(maxlen=32)
        self._kept: deque[tuple[Intent, dict[str, object]]] = deque(maxlen=48)

    def intent(self, payload: bytes, flow: str, prefix: str, uptime: int, epoch: int) -> Intent:
        """The identity of a request; a missing intent id is invented after ``prefix``."""
        meta = metadata(payload)
        self._made += 1
        return Intent(
            flow=flow,
            intent_id=_text(meta.get("intent_id")) or f"{prefix}_{uptime}_{self._made}",
            correlation_id=_text(meta.get("correlation_id")) or f"fw_{self._node}_{uptime}_{self._made}",
            generation=_whole(meta.get("generation"), 0),
            created_at_ms=_whole(meta.get("created_at_ms"), uptime),
            ttl_ms=_whole(meta.get("ttl_ms"), 0),
            epoch=epoch,
        )

    def enter(self, intent: Intent, outcome: str, code: str, reason: str) -> dict[str, object] | None:
        """The body of an outcome; None for a second terminal outcome of an intent still remembered."""
        terminal = outcome not in _OPEN
        if terminal and intent.intent_id in self._final:
            return None
        if terminal:
            self._final.append(intent.intent_id)
        return self._body(outcome, code, reason, critical=terminal)

    def _body(self, outcome: str, code: str, reason: str, *, critical: bool) -> dict[str, object]:
        return {
            "outcome": outcome,
            "contract_version": 2,
            "semantic_mode": "target",
            "legacy_status": _LEGACY.get(outcome, outcome),
            "target_status": outcome,
            "code": code,
            "reason": reason,
            "retryable": code in ("QUEUE_FULL", "CONFIG_LANE_BUSY"),
            "critical": critical,
            "retry_limit": 5,
            "retry_count": 0,
            "recovered": False,
            "delivery_mode": "direct",
            "outcome_retry_count": 0,
            "outcome_recovered_count": self._recovered,
            "outcome_drop_count_critical": 0,
            "outcome_final_confirmed_count": self._confirmed,
        }

    def reborn(self) -> Ledger:
        """The account of the next boot: what was put aside is in flash, the rest is forgotten."""
        new = Ledger(self._node)
        new._kept.extend(self._kept)
        return new

    def confirm(self, body: Mapping[str, object]) -> None:
        """A terminal outcome left the device."""
        self._confirmed += body["critical"] is True

    def keep(self, intent: Intent, body: dict[str, object]) -> None:
        """Put a terminal outcome aside that cannot be sent now."""
        if body["critical"] is True:
            self._kept.append((intent, body))

    def replay(self) -> list[tuple[Intent, dict[str, object]]]:
        """Everything put aside, marked as recovered."""
        kept, self._kept = list(self._kept), deque(maxlen=48)
        self._recovered += len(kept)
        late = {"retry_count": 1, "recovered": True, "delivery_mode": "recovered"}
        return [(intent, body | late) for intent, body in kept]


def _text(value: object) -> str:
    return value[:ID_LENGTH] if isinstance(value, str) else ""


def _whole(value: object, default: int) -> int:
    return value if type(value) is int and 0 <= value < 2**32 else default
