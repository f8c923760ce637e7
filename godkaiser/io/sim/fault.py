"""What goes wrong with a node, and when. ``faulty.FaultyNode`` is the node it befalls."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from godkaiser.errors import InvalidValueError

from .boot import Reason
from .condition import TRUE, Skew
from .driver import NEVER


def _check(good: bool, field: str, value: object, problem: str, allowed: str) -> None:
    if not good:
        raise InvalidValueError(field=field, value=str(value), problem=problem, allowed=allowed)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since`` (inclusive) to ``until`` (exclusive), microseconds since the Unix epoch."""

    since: int
    until: int = NEVER

    def __post_init__(self) -> None:
        _check(self.since < self.until, "until", self.until, "is not after since", "an instant after since")

    def holds(self, now: int) -> bool:
        """Whether an instant lies inside."""
        return self.since <= now < self.until


def flapping(span: Span, up: int, down: int) -> tuple[Span, ...]:
    """Cuts of ``down`` microseconds with ``up`` microseconds of connection before each."""
    _check(up > 0, "up", up, "leaves no time", "1 or more microseconds")
    _check(down > 0, "down", down, "leaves no time", "1 or more microseconds")
    _check(span.until != NEVER, "until", span.until, "has no end", "an instant")
    starts = range(span.since + up, span.until, up + down)
    return tuple(Span(start, min(start + down, span.until)) for start in starts)


@dataclass(frozen=True, slots=True)
class Odds:
    """Probabilities 0..1 for one message: to be lost on its way, and to arrive twice."""

    lost: float = 0.0
    doubled: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lost", "doubled"):
            odds = getattr(self, name)
            _check(0.0 <= odds <= 1.0, name, odds, "is no probability", "0..1")

    def copies(self, luck: Random) -> int:
        """How many of one message arrive."""
        if not self.lost and not self.doubled:
            return 1
        return 0 if luck.random() < self.lost else 1 + (luck.random() < self.doubled)


SURE = Odds()
"""Every message arrives, and once."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A sensor, by pin and wire type, that repeats its last reading."""

    gpio: int
    type: str
    span: Span


@dataclass(frozen=True, slots=True)
class Stuck:
    """A relay whose output does not follow; afterwards it does what it was told last."""

    gpio: int
    span: Span


@dataclass(frozen=True, slots=True)
class Slow:
    """A slow broker: ``drain`` messages a second leave the node, ``delay`` microseconds pass either way."""

    span: Span
    drain: float | None = None
    delay: int = 0

    def __post_init__(self) -> None:
        good = self.drain is None or 0.0 < self.drain < float("inf")
        _check(good, "drain", self.drain, "takes nothing", "more than 0 messages a second, or None")
        _check(self.delay >= 0, "delay", self.delay, "is before its time", "0 or more microseconds")


@dataclass(frozen=True, slots=True)
class Faults:
    """The plan for one node. ``cuts`` are times without a link, ``reboots`` instants with their reasons.

    ``outward`` and ``inward`` are seen from the node; ``configuring`` is how many microseconds a
    configuration takes to apply.
    """

    cuts: tuple[Span, ...] = ()
    reboots: tuple[tuple[int, Reason], ...] = ()
    outward: Odds = SURE
    inward: Odds = SURE
    skew: Skew = TRUE
    frozen: tuple[Frozen, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    slow: tuple[Slow, ...] = ()
    configuring: int = 0

    def turns(self) -> list[int]:
        """The instants at which something begins or ends."""
        spans = [*self.cuts, *(fault.span for fault in self.frozen), *(fault.span for fault in self.stuck)]
        spans += [slow.span for slow in self.slow]
        ends = {instant for span in spans for instant in (span.since, span.until)}
        return sorted(ends | {at for at, _ in self.reboots})

    def pace(self, now: int) -> Slow | None:
        """How slow the broker is at an instant; the first that holds counts."""
        return next((slow for slow in self.slow if slow.span.holds(now)), None)
