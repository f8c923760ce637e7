"""What rules and safety may look at: a read-only view of the engine's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from godkaiser.model.check import Check, Status
from godkaiser.model.history import OnHistory
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.quantity import Freshness, Quality
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


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody has an actuator for themselves until `until`: a person's hold, or service."""

    who: str
    until: Instant


@dataclass(frozen=True, slots=True)
class Rival:
    """Another actuator of an interlock group. `away`: it is, or may be, away from its safe value."""

    name: str
    group: str
    away: bool
    off_at: Instant | None


class ReadingView(Protocol):
    """What may be asked of readings."""

    def latest(self, series: SeriesId, least: Quality | None = None) -> Reading | None:
        """The newest reading rules may use, or, where a quality is asked for, the newest one at least that good."""

    def freshness(self, series: SeriesId, now: Instant, least: Quality | None = None) -> Freshness:
        """How old it is now."""

    def name_of(self, thing: str) -> str:
        """What people call it."""


class RuleView(ReadingView, Protocol):
    """What a rule may ask besides."""

    def heard_at(self, series: SeriesId) -> Instant | None:
        """When its last reading with a value came, whatever its quality; None: not since the start."""

    def node(self, node: NodeId) -> NodeView | None:
        """A node, or None."""

    def check(self, check: Check, asks: RuleId, now: Instant) -> Status | None:
        """What a check finds for the rule that asks; None while nobody knows."""


class SafetyView(ReadingView, Protocol):
    """What the gate may ask."""

    @property
    def timezone(self) -> str:
        """The site's IANA time zone."""

    def stopped(self, actuator: ActuatorId) -> str | None:
        """Why a stop forbids energising it, or None."""

    @property
    def journal_problem(self) -> str:
        """Why the safety journal cannot be written; empty when it can."""

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

    def history(self, actuator: ActuatorId) -> OnHistory:
        """When it was on."""

    def rivals(self, actuator: ActuatorId) -> tuple[Rival, ...]:
        """The others of its interlock groups."""

    def pin_problem(self, actuator: ActuatorId) -> str | None:
        """Why its node's board cannot drive it there, or None."""

    def held(self, actuator: ActuatorId) -> Taken | None:
        """The person's hold on it, or None."""

    def service(self, actuator: ActuatorId) -> Taken | None:
        """Its service mode, or None."""
