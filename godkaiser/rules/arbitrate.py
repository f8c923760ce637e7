"""Many wishes, one actuator: at most one wish wins, the others are recorded as superseded.

A person outranks every rule while their hold lasts; among rules the lower priority number wins; among equals
the one closer to the safe value, then the older wish, then the name: no dice, no dictionary order.

What a rule has switched is not switched back and forth: for the hold of the actuator only a stronger rule may
energise it. Going to the safe value never waits for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Duration, Instant

PERSON = 0
PERSONS: Final = "@person"  # what a person's wish is kept under; no rule can have this id
OWED_MOST: Final = 4


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


@dataclass(frozen=True, slots=True)
class Tenure:
    """Who among the rules switched an actuator last, at `at`. Until `until` only a stronger one may energise it.

    `since`: of the wish it was done for; None: it was taken back. A wish of the same rule that came later is another.
    """

    who: str
    rank: int
    at: Instant
    until: Instant
    since: Instant | None = None

    def keeps_out(self, wish: Wish, now: Instant) -> bool:
        """Has a rule's wish to wait? The holder's own, that stands since, is only asserted again."""
        own = wish.who == self.who and wish.since == self.since
        return wish.rank != PERSON and wish.rank >= self.rank and not own and now < self.until


def taken(
    tenure: Tenure | None, winner: Wish | None, now: Instant, hold: Duration, *, away: bool
) -> Tenure | None:
    """After a switch that rules made. `away`: it led away from the safe value.

    Each switch is paid for with `hold`, also those that may not wait: going nearer to the safe value. A stronger
    rule that came in between pays nothing, but keeps what it took. Nobody owes more than `OWED_MOST` of them.
    """
    holder = winner or tenure
    if holder is None:
        return None
    before = now if tenure is None else max(now, tenure.until)
    forced = away and before > now
    until = max(before, now + hold) if forced else before + hold
    since = None if winner is None else winner.since
    return Tenure(holder.who, holder.rank, now, min(until, now + OWED_MOST * hold), since)


def leads_away(value: float, origin: float, safe_value: float) -> bool:
    """Does a move from `origin` lead away from the safe value, or past it?"""
    farther = abs(value - safe_value) > abs(origin - safe_value)
    return farther or (value - safe_value) * (origin - safe_value) < 0


def settle(wishes: Iterable[Wish], safe_value: float) -> Settlement:
    """At most one winner. No wish: no winner, and the actuator belongs at its safe value."""
    ordered = sorted(wishes, key=lambda w: (w.rank, abs(w.value - safe_value), w.since, w.who))
    if not ordered:
        return Settlement(None, ())
    return Settlement(ordered[0], tuple(ordered[1:]))
