"""What is wrong with a node or its surroundings at the moment; nothing, unless a fault plan says so."""

from __future__ import annotations

from dataclasses import dataclass

from .spec import SECOND


@dataclass(frozen=True, slots=True)
class Skew:
    """How a clock is wrong: ``offset`` in microseconds when first set, and from then on ``ppm`` too fast."""

    offset: int = 0
    ppm: float = 0.0

    def drift(self, elapsed: int) -> int:
        """Microseconds gained in so many microseconds."""
        return round(elapsed * self.ppm / 1e6)


TRUE = Skew()
"""A clock that is right."""


@dataclass(slots=True)
class Condition:
    """Looked at by the node whenever it matters, changed from outside at will.

    ``frozen`` are sensors (gpio and wire type) that repeat their last reading. ``drain`` is how many messages
    a second the broker takes, None for all at once. ``configuring`` is how long a configuration takes to
    apply, in microseconds.
    """

    frozen: frozenset[tuple[int, str]] = frozenset()
    drain: float | None = None
    configuring: int = 0
    skew: Skew = TRUE

    @property
    def pause(self) -> int:
        """Microseconds between two messages that the broker takes; 0 when it takes all at once."""
        return 0 if self.drain is None else max(1, round(SECOND / self.drain))
