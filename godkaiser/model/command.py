"""What we send. Orders can move an actuator and leave only sealed (`safety.seal`); notices cannot."""

from __future__ import annotations

from dataclasses import dataclass

from godkaiser.model.ids import ActuatorId, KaiserId, NodeId
from godkaiser.model.nodeconfig import ConfigPart
from godkaiser.model.request import Request


@dataclass(frozen=True, slots=True)
class Move:
    """One actuator command. `duration_s` only for ON, where the node's firmware keeps it; never 0."""

    actuator: ActuatorId
    verb: str
    value: float
    duration_s: int | None = None

    @property
    def node(self) -> NodeId:
        """Whose actuator it is."""
        return self.actuator.node


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


@dataclass(frozen=True, slots=True)
class Configure:
    """A part of a push that can move something: actuators with their defaults, or offline rules."""

    part: ConfigPart

    @property
    def node(self) -> NodeId:
        """Who is configured."""
        return self.part.node


@dataclass(frozen=True, slots=True)
class SubzoneSafe:
    """The pins of a subzone into input-pull-up (`on`) or back to work."""

    node: NodeId
    subzone: str
    on: bool


@dataclass(frozen=True, slots=True)
class SafeMode:
    """The node's own safe mode: like an emergency stop of all its actuators, and back."""

    node: NodeId
    on: bool


@dataclass(frozen=True, slots=True)
class FactoryReset:
    """The node forgets network and zone and restarts: it will not come back by itself."""

    node: NodeId


Order = Move | Halt | Release | Configure | SubzoneSafe | SafeMode | FactoryReset


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
    """Retained `server/status` of one kaiser id: its nodes go safe when it says offline."""

    kaiser: KaiserId
    online: bool
    timestamp: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WillCleared:
    """Removes a retained will that is older than the node's last contact."""

    kaiser: KaiserId
    node: NodeId


@dataclass(frozen=True, slots=True)
class ZoneAssign:
    """Where a node stands. An empty zone removes it, and the node waits for approval again."""

    kaiser: KaiserId
    node: NodeId
    zone: str
    master_zone: str
    name: str
    correlation: str


@dataclass(frozen=True, slots=True)
class SubzoneAssign:
    """A group of pins within the node's zone. Pin 0 (I²C) is left out, the node refuses it."""

    kaiser: KaiserId
    node: NodeId
    subzone: str
    name: str
    zone: str
    gpios: tuple[int, ...]
    correlation: str


@dataclass(frozen=True, slots=True)
class SubzoneRemove:
    """Dissolves a subzone."""

    kaiser: KaiserId
    node: NodeId
    subzone: str
    correlation: str


@dataclass(frozen=True, slots=True)
class SensorConfig:
    """A part of a push that only concerns sensors."""

    kaiser: KaiserId
    part: ConfigPart

    @property
    def node(self) -> NodeId:
        """Who is configured."""
        return self.part.node


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A request on its way to the node."""

    kaiser: KaiserId
    request: Request

    @property
    def node(self) -> NodeId:
        """Who is asked."""
        return self.request.node


Notice = (
    HeartbeatAck
    | ServerStatus
    | WillCleared
    | ZoneAssign
    | SubzoneAssign
    | SubzoneRemove
    | SensorConfig
    | Enquiry
)
