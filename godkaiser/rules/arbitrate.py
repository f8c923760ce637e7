"""Many wishes, one actuator: at most one wish wins, the others are recorded as superseded.

A person outranks every rule while their hold lasts; among rules the lower priority number wins; among equals
the one closer to the safe value, then the older wish, then the name: no dice, no dictionary order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Duration, Instant

PERSON = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody's standing wish for an actuator. `rank` 0 is a person, rules have 1..100."""

    actuator: ActuatorId
    who: str
    rank: int
    value: float
    since: Instant
    until: Instant | None = None
    duration: Duration | None = None
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """Who got their way, and who did not."""

    winner: Wish | None
    superseded: tuple[Wish, ...]


def settle(wishes: Iterable[Wish], safe_value: float) -> Settlement:
    """At most one winner. No wish: no winner, and the actuator belongs at its safe value."""
    ordered = sorted(wishes, key=lambda w: (w.rank, abs(w.value - safe_value), w.since, w.who))
    if not ordered:
        return Settlement(None, ())
    return Settlement(ordered[0], tuple(ordered[1:]))
