"""What a node says, as one type per message. Made by `io.wire.decode` alone; `at` is when we received it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import Instant


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
    """`system/heartbeat`. `degraded` names what the node itself complains of."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    ts: int
    uptime: int
    heap_free: int
    wifi_rssi: int
    sensor_count: int | None
    actuator_count: int | None
    zone_assigned: bool | None
    boot_id: str
    handover_epoch: int
    modern: bool
    reset_reason: str = ""
    state: int | None = None
    degraded: tuple[str, ...] = ()
    handover_rejects: int | None = None
    zone: str = ""
    master_zone: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """`system/heartbeat_metrics`: counters since boot. `handover_rejects`: acks of ours the node refused."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    handover_rejects: int | None
    last_reject: str
    counters: dict[str, int]


@dataclass(frozen=True, slots=True)
class Announce:
    """`session/announce`: a node connected and states its handover epoch."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    epoch: int


@dataclass(frozen=True, slots=True)
class Will:
    """`system/will`: the broker says the node vanished. `retained` ones may be old news.

    `ts`: when the connection that was lost had begun, in s (0: the node had no clock).
    """

    at: Instant
    kaiser: KaiserId
    node: NodeId
    retained: bool
    ts: int = 0


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
    """`emergency/ack`: a node says it stopped. `correlation` is the command it answers, if it says so."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class ClearAck:
    """A node says its emergency is cleared, or (`ok` false) that it refused."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    ok: bool
    message: str = ""
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class IntentOutcome:
    """`system/intent_outcome`: the durable word about a request. `recovered`: said late, after a gap."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    flow: str
    intent: str
    correlation: str
    outcome: Literal["accepted", "processing", "applied", "persisted", "rejected", "failed", "expired"]
    code: str
    reason: str
    recovered: bool = False
    retryable: bool = False
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """`system/intent_outcome/lifecycle`: telemetry; never drives state."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    schema: str
    event: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MeasureAnswer:
    """`sensor/N/response`: what became of "measure now". `reason` is NONE when all went well."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    gpio: int
    request: str
    success: bool
    timeout: bool
    reason: str
    quality: str
    sensor_type: str
    raw: float | None


@dataclass(frozen=True, slots=True)
class SensorBatch:
    """`sensor/batch`: documented, but no firmware sends it. Counted, not stored."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    ts: float
    sensors: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ConfigFailure:
    """One item of a push that the node could not use."""

    scope: str
    gpio: int | None
    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class ConfigAnswer:
    """`config_response`: what became of one scope of a push."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    status: Literal["success", "partial_success", "error", "failed"]
    scope: str
    count: int | None
    error_code: str
    message: str
    failures: tuple[ConfigFailure, ...]
    correlation: str


@dataclass(frozen=True, slots=True)
class ZoneAck:
    """`zone/ack`."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    status: Literal["zone_assigned", "zone_removed", "error"]
    zone: str
    master_zone: str
    reason: str
    message: str
    correlation: str


@dataclass(frozen=True, slots=True)
class SubzoneAck:
    """`subzone/ack`. A successful `subzone/safe` gives none."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    status: Literal["subzone_assigned", "subzone_removed", "error"]
    subzone: str
    error_code: int | None
    reason: str
    message: str
    correlation: str


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    """`system/command/response`. Without correlation id: matched by command and order.

    `success` is None for the two answers that do not state it (a scan and a factory reset).
    """

    at: Instant
    kaiser: KaiserId
    node: NodeId
    command: str
    success: bool | None
    error: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OneWireDevice:
    """A probe found on a bus: its ROM as 16 hex digits."""

    rom: str
    kind: str
    pin: int | None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """`onewire/scan_result`."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    devices: tuple[OneWireDevice, ...]
    found: int


@dataclass(frozen=True, slots=True)
class NodeFault:
    """`system/error`: severity 0..3 (1 warning, 2 error, 3 critical)."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    code: int
    severity: int
    category: str
    message: str
    ts: float
    uptime_ms: int | None


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """`system/diagnostics`; `content` holds everything else it says."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    ts: float
    heap_free: int
    wifi_rssi: int
    system_state: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueuePressure:
    """`system/queue_pressure`: the node's publish queue runs full; readings and statuses may be lost."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    entered: bool
    fill: int | None
    shed: int | None
    dropped: int | None


@dataclass(frozen=True, slots=True)
class Discovery:
    """`discovery/esp32_nodes`: deprecated; the node waits for approval like any other."""

    at: Instant
    kaiser: KaiserId
    node: NodeId
    hardware: str
    firmware: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes we could not read: counted and shown, never raised. `node` is None when the topic names none."""

    at: Instant
    topic: str
    excerpt: str
    code: str
    why: str
    node: NodeId | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Echo:
    """A message in the other direction (server → node): ours coming back. Changes nothing."""

    at: Instant
    topic: str


Report = (
    SensorReport
    | Heartbeat
    | Metrics
    | Announce
    | Will
    | ActuatorReport
    | CommandAck
    | Alert
    | StopAck
    | ClearAck
    | IntentOutcome
    | Lifecycle
    | MeasureAnswer
    | SensorBatch
    | ConfigAnswer
    | ZoneAck
    | SubzoneAck
    | SystemAnswer
    | ScanResult
    | NodeFault
    | Diagnostics
    | QueuePressure
    | Discovery
    | Malformed
    | Echo
)
