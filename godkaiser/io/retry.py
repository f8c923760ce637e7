"""Back-off as a pure value: 1 s doubling to 60 s, with jitter from a number handed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

PROBE_EVERY: Final = 2.0  # Nodes are back 1.5 to 12 s after their broker; we must be there by then.


def jittered(seconds: float, chance: float) -> float:
    """Between three quarters and all of it, for `chance` in 0..1, so that many clients do not come at once."""
    return seconds * (0.75 + 0.25 * chance)


@dataclass(frozen=True, slots=True)
class Backoff:
    """`delay(r)` with r in 0..1 is the next wait in seconds; `failed()` has one failure more."""

    first: float = 1.0
    most: float = 60.0
    failures: int = 0

    def delay(self, chance: float) -> float:
        """Doubles with every failure up to `most`."""
        full = min(self.most, self.first * 2 ** min(self.failures, 16))
        return max(self.first, jittered(full, chance)) if self.failures else self.first

    def failed(self) -> Backoff:
        """One more failure."""
        return replace(self, failures=self.failures + 1)

    def succeeded(self) -> Backoff:
        """Start over."""
        return replace(self, failures=0)
