"""What rules and safety may look at: a read-only view of the engine's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.quantity import Freshness
from godkaiser.model.reading import Reading
from godkaiser.model.site import ActuatorSpec


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as safety sees it. `online` None: not heard of yet; `adopting`: it has just come back.

    `own_limit_s`: after that on-time its firmware ends an actuator by itself and latches the pin; None when the
    node was told a limit beyond ours.
    """

    id: NodeId
    approved: bool
    online: bool | None
    modern: bool
    adopting: bool = False
    own_limit_s: float | None = None


class ReadingView(Protocol):
    """What a rule may ask."""

    def latest(self, series: SeriesId) -> Reading | None:
        """The newest reading rules may use, or None."""

    def freshness(self, series: SeriesId, now: Instant) -> Freshness:
        """How old it is now."""

    def name_of(self, thing: str) -> str:
        """What people call it."""


class SafetyView(Protocol):
    """What the gate may ask."""

    def stopped(self, actuator: ActuatorId) -> str | None:
        """Why a stop forbids energising it, or None."""

    @property
    def link_up(self) -> bool:
        """Is the broker reachable?"""

    def spec(self, actuator: ActuatorId) -> ActuatorSpec | None:
        """Its spec, or None when there is no such actuator."""

    def node(self, node: NodeId) -> NodeView | None:
        """Its node, or None."""

    def on_since(self, actuator: ActuatorId) -> Instant | None:
        """Since when it is away from its safe value by our command or its report; None when safe."""

    def node_stopped(self, node: NodeId) -> str | None:
        """Why a stop forbids energising anything of it, or None."""

    def away(self, node: NodeId) -> tuple[ActuatorId, ...]:
        """Its actuators that are not known to be at their safe value."""
