"""What the alarms remember of earlier looks, so that what changed between two of them is noticed."""

from __future__ import annotations

from dataclasses import dataclass, field

from godkaiser.alarms.watch import Watch
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant
from godkaiser.safety.watch import Lease


@dataclass(frozen=True, slots=True)
class Accepted:
    """A level the node has accepted, and since when."""

    value: float
    at: Instant


@dataclass(frozen=True, slots=True)
class Seen:
    """An actuator at the last look. `leaving`: its lease was to end, or its command had failed anyway.

    `accepted`: what the node said yes to and was not yet seen to reach; `reached`: what it was seen at under a lease.
    """

    lease: Lease | None = None
    leaving: bool = False
    accepted: Accepted | None = None
    reached: Accepted | None = None


@dataclass(slots=True)
class Alarms:
    """The watch over all conditions, and the last looks. `looked`: has everything been looked at once?"""

    watch: Watch = field(default_factory=Watch)
    seen: dict[ActuatorId, Seen] = field(default_factory=dict)
    looked: bool = False
