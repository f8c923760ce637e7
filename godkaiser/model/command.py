"""What we send. Orders can move an actuator and leave only sealed (`safety.seal`); notices cannot."""

from __future__ import annotations

from dataclasses import dataclass

from godkaiser.model.ids import ActuatorId, KaiserId, NodeId


@dataclass(frozen=True, slots=True)
class Move:
    """One actuator command. `duration_s` only for ON, where the node's firmware keeps it; never 0."""

    actuator: ActuatorId
    verb: str
    value: float
    duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    """Emergency stop of one node, or (`node` None) of all by broadcast."""

    node: NodeId | None
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Release:
    """`clear_emergency` to one node. Energises nothing by itself, but may make energising possible."""

    node: NodeId


Order = Move | Halt | Release


@dataclass(frozen=True, slots=True)
class HeartbeatAck:
    """The message that keeps a node alive: exactly the four keys its firmware reads."""

    kaiser: KaiserId
    node: NodeId
    status: str
    epoch: int
    server_time: int


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """Retained `server/status`: nodes go safe when it says offline."""

    online: bool
    timestamp: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WillCleared:
    """Removes a retained will that is older than the node's last contact."""

    kaiser: KaiserId
    node: NodeId


Notice = HeartbeatAck | ServerStatus | WillCleared
