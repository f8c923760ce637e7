"""What happened. Time is inside: `at` is when we learned of it.

Reports come from nodes (made by `io.wire.decode`), requests from people, the rest from the shell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import Instant
from godkaiser.model.intent import Intent


# ── from nodes ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class SensorReport:
    """`sensor/N/data`: raw stays what the node said; `ts` in seconds (0 = the node has no clock)."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    gpio: int
    sensor_type: str
    raw: float
    ts: float
    raw_mode: bool
    quality: str
    value: float | None
    unit: str
    time_valid: bool | None
    address: str
    seq: int | None
    zone: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`system/heartbeat`."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    ts: int
    uptime: int
    heap_free: int
    wifi_rssi: int
    sensor_count: int
    actuator_count: int
    zone_assigned: bool | None
    boot_id: str
    handover_epoch: int
    modern: bool


@dataclass(frozen=True, slots=True)
class Announce:
    """`session/announce`: a node connected and states its handover epoch."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    epoch: int


@dataclass(frozen=True, slots=True)
class Will:
    """`system/will`: the broker says the node vanished. `retained` ones may be old news."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    retained: bool


@dataclass(frozen=True, slots=True)
class ActuatorReport:
    """`actuator/N/status`: `value` 0..1 as the node reports it (None when unknown or an error)."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    gpio: int
    actuator_type: str
    state: str
    value: float | None
    raw_value: float
    emergency: str
    runtime_ms: int | None
    source: str


@dataclass(frozen=True, slots=True)
class CommandAck:
    """`actuator/N/response`. `correlation` is empty on [seed] nodes."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    gpio: int
    command: str
    success: bool
    message: str
    correlation: str


@dataclass(frozen=True, slots=True)
class Alert:
    """`actuator/N/alert`; gpio 255 is the whole node."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    gpio: int
    alert_type: str
    message: str


@dataclass(frozen=True, slots=True)
class StopAck:
    """A node says it stopped (`emergency/ack`, or a stop outcome)."""

    at: Instant
    kaiser: KaiserId
    node: NodeId


@dataclass(frozen=True, slots=True)
class ClearAck:
    """A node says its emergency is cleared, or (`ok` false) that it refused."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """A well-formed message that changes nothing in the engine yet (metrics, batches, responses …)."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    kind: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes we could not read: counted and shown, never raised."""

    at: Instant
    topic: str
    excerpt: str
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Echo:
    """A message in the other direction (server → node): ours coming back. Changes nothing."""

    at: Instant
    topic: str


# ── from people ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Asked:
    """Someone wants something."""

    at: Instant
    intent: Intent


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Someone wants everything stopped. Never refused."""

    at: Instant
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClearAsked:
    """Someone wants the stop lifted; `force` when nodes do not confirm."""

    at: Instant
    by: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class NodeDecided:
    """A person approved or rejected a node."""

    at: Instant
    node: NodeId
    approved: bool
    by: str


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """The set of rules is now this (already checked)."""

    at: Instant
    rules: tuple[Any, ...]
    actuators: tuple[Any, ...]
    by: str


# ── from the shell ─────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class LinkUp:
    """Connected to the broker, subscribed."""

    at: Instant
    broker: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The broker is away."""

    at: Instant
    broker: str
    why: str


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A command could not be handed to the broker."""

    at: Instant
    command: str
    why: str


@dataclass(frozen=True, slots=True)
class Timer:
    """The engine asked to be woken."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Closing:
    """The controller is about to end: leave actuators safe."""

    at: Instant


Event = (
    SensorReport
    | Heartbeat
    | Announce
    | Will
    | ActuatorReport
    | CommandAck
    | Alert
    | StopAck
    | ClearAck
    | Noted
    | Malformed
    | Echo
    | Asked
    | StopAsked
    | ClearAsked
    | NodeDecided
    | RulesChanged
    | LinkUp
    | LinkDown
    | SendFailed
    | Timer
    | Closing
)
WireEvent = (
    SensorReport
    | Heartbeat
    | Announce
    | Will
    | ActuatorReport
    | CommandAck
    | Alert
    | StopAck
    | ClearAck
    | Noted
    | Malformed
    | Echo
)
