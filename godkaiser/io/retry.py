"""Back-off as a pure value: 1 s doubling to 60 s, with jitter from a number handed in."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Backoff:
    """`delay` is the next wait in seconds; `failed(r)` with r in 0..1 gives the wait after one more failure."""

    first: float = 1.0
    most: float = 60.0
    failures: int = 0

    def delay(self, chance: float) -> float:
        """Between three quarters and all of the full delay, so that many clients do not come back at once."""
        full = min(self.most, self.first * 2 ** min(self.failures, 16))
        return max(self.first, full * (0.75 + 0.25 * chance)) if self.failures else self.first

    def failed(self) -> Backoff:
        """One more failure."""
        return replace(self, failures=self.failures + 1)

    def succeeded(self) -> Backoff:
        """Start over."""
        return replace(self, failures=0)
