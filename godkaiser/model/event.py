"""What happened. Time is inside: `at` is when we learned of it.

Reports come from nodes (made by `io.wire.decode`), requests from people, the rest from the shell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from godkaiser.model.calibration import Calibration
from godkaiser.model.difference import Difference
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import Duration, Instant
from godkaiser.model.intent import Intent
from godkaiser.model.reading import Reading
from godkaiser.model.report import (
    ActuatorReport,
    Alert,
    Announce,
    ClearAck,
    CommandAck,
    ConfigAnswer,
    Diagnostics,
    Discovery,
    Echo,
    Heartbeat,
    IntentOutcome,
    Lifecycle,
    Malformed,
    MeasureAnswer,
    Metrics,
    NodeFault,
    QueuePressure,
    Report,
    ScanResult,
    SensorBatch,
    SensorReport,
    StopAck,
    SubzoneAck,
    SystemAnswer,
    Will,
    ZoneAck,
)
from godkaiser.model.request import Request
from godkaiser.model.scope import ALL, Scope
from godkaiser.model.site import Site


# ── from people ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Asked:
    """Someone wants something."""

    at: Instant
    intent: Intent


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Someone wants everything, a zone or a node stopped. Never refused."""

    at: Instant
    by: str
    reason: str
    scope: Scope = ALL


@dataclass(frozen=True, slots=True)
class ClearAsked:
    """Someone wants the stop of that scope lifted; `force` when nodes do not confirm."""

    at: Instant
    by: str
    force: bool = False
    scope: Scope = ALL


@dataclass(frozen=True, slots=True)
class NodeDecided:
    """A person approved or rejected a node."""

    at: Instant
    node: NodeId
    approved: bool
    by: str


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """A person took a node out: made safe, kept out of sight, its history stays."""

    at: Instant
    node: NodeId
    by: str


@dataclass(frozen=True, slots=True)
class BoardReplaced:
    """A new board takes a node's place: name, zone, actuators, rules and series go on under the node's id."""

    at: Instant
    node: NodeId
    board: NodeId
    by: str


@dataclass(frozen=True, slots=True)
class Retold:
    """A reading as it was stored, told to an engine that tries rules on the past. Never live."""

    at: Instant
    reading: Reading


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """The set of rules is now this (already checked); `refused` are stored besides and not carried out.

    `documents`: of each that changed the id and JSON of it before and after, for the audit.
    """

    at: Instant
    rules: tuple[Any, ...]
    actuators: tuple[Any, ...]
    by: str
    refused: tuple[Any, ...] = ()
    documents: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SiteChanged:
    """What is declared is now this (already checked); `differences` is what people were told about it."""

    at: Instant
    site: Site
    rules: tuple[Any, ...]
    by: str
    differences: tuple[Difference, ...] = ()
    refused: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestAsked:
    """Someone wants an answer from a node that moves nothing: measure now, its state, its bus."""

    at: Instant
    request: Request


@dataclass(frozen=True, slots=True)
class AlarmAnswered:
    """A person answered an alarm: ack, reset, shelve (with an end in `until`), unshelve, remove or restore."""

    at: Instant
    key: str
    step: str
    by: str
    until: Instant | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceAsked:
    """A person works on an actuator until `until` and wants nobody else to move it; None ends that."""

    at: Instant
    actuator: ActuatorId
    until: Instant | None
    who: str


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """A person gives an actuator back to the rules before the hold ends by itself."""

    at: Instant
    actuator: ActuatorId
    who: str


@dataclass(frozen=True, slots=True)
class CalibrationMade:
    """A person calibrated a declared sensor; it counts from its `valid_from` on, else from now."""

    at: Instant
    series: SeriesId
    calibration: Calibration
    by: str


@dataclass(frozen=True, slots=True)
class CalibrationUndone:
    """A person took a sensor's newest calibration back."""

    at: Instant
    series: SeriesId
    by: str


# ── from the shell ─────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Attested:
    """Somebody did something that is not the engine's business: it is only kept. Never with a secret in it."""

    at: Instant
    who: str
    action: str
    target: str
    detail: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class KeptOut:
    """So many addresses may not sign in now, as they were denied too often; `newest` is the one blocked last."""

    at: Instant
    number: int
    newest: str = ""


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
    """A command could not be handed to the broker; `final`: it cannot be said at all."""

    at: Instant
    command: str
    why: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class JournalHealth:
    """The safety journal cannot be written, or not in time; empty: it can again."""

    at: Instant
    problem: str


@dataclass(frozen=True, slots=True)
class Timer:
    """The engine asked to be woken."""

    at: Instant


@dataclass(frozen=True, slots=True)
class ClockJumped:
    """The machine's clock was set forward by `by`: that time has not passed."""

    at: Instant
    by: Duration


@dataclass(frozen=True, slots=True)
class Closing:
    """The controller is about to end: leave actuators safe."""

    at: Instant


Event = (
    Report
    | Asked
    | StopAsked
    | ClearAsked
    | NodeDecided
    | NodeRemoved
    | BoardReplaced
    | Retold
    | RulesChanged
    | SiteChanged
    | RequestAsked
    | ServiceAsked
    | HoldEnded
    | AlarmAnswered
    | CalibrationMade
    | CalibrationUndone
    | Attested
    | KeptOut
    | LinkUp
    | LinkDown
    | SendFailed
    | JournalHealth
    | Timer
    | ClockJumped
    | Closing
)
__all__ = [
    "ActuatorReport",
    "AlarmAnswered",
    "Alert",
    "Announce",
    "Asked",
    "Attested",
    "BoardReplaced",
    "CalibrationMade",
    "CalibrationUndone",
    "ClearAck",
    "ClearAsked",
    "ClockJumped",
    "Closing",
    "CommandAck",
    "ConfigAnswer",
    "Diagnostics",
    "Discovery",
    "Echo",
    "Event",
    "Heartbeat",
    "HoldEnded",
    "IntentOutcome",
    "JournalHealth",
    "KeptOut",
    "Lifecycle",
    "LinkDown",
    "LinkUp",
    "Malformed",
    "MeasureAnswer",
    "Metrics",
    "NodeDecided",
    "NodeFault",
    "NodeRemoved",
    "QueuePressure",
    "Report",
    "RequestAsked",
    "Retold",
    "RulesChanged",
    "ScanResult",
    "SendFailed",
    "SensorBatch",
    "SensorReport",
    "ServiceAsked",
    "SiteChanged",
    "StopAck",
    "StopAsked",
    "SubzoneAck",
    "SystemAnswer",
    "Timer",
    "Will",
    "ZoneAck",
]
