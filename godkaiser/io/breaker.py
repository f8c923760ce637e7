"""A circuit breaker as a pure value: who fails five times in a row is left alone for a minute, then tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

FAILURES: Final = 5
RECOVERY_S: Final = 60.0
TRIAL_S: Final = 30.0  # half open: so long one try is given, then it counts as failed
Position = Literal["closed", "open", "half open"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """Times are seconds of a clock that only goes forward. `allows` says whether to try now."""

    failures: int = 0
    opened: float | None = None
    trial: float | None = None

    def position(self, now: float) -> Position:
        """Closed: everything is tried; open: nothing is; half open: one try at a time."""
        if self.opened is None:
            return "closed"
        return "half open" if now - self.opened >= RECOVERY_S else "open"

    def allows(self, now: float) -> bool:
        """May it be tried? Half open only if no other try is on its way."""
        position = self.position(now)
        waiting = self.trial is not None and now - self.trial < TRIAL_S
        return position == "closed" or (position == "half open" and not waiting)

    def next_try(self, now: float) -> float:
        """Seconds until it may be tried."""
        if self.allows(now) or self.opened is None:
            return 0.0
        begin = self.opened + RECOVERY_S
        return max(begin, begin if self.trial is None else self.trial + TRIAL_S) - now

    def tried(self, now: float) -> Breaker:
        """A try begins."""
        return self if self.opened is None else replace(self, trial=now)

    def failed(self, now: float) -> Breaker:
        """The try failed. From half open, or the fifth time in a row: open, from now."""
        failures = self.failures + 1
        if self.opened is not None or failures >= FAILURES:
            return Breaker(failures, now)
        return Breaker(failures)

    def succeeded(self) -> Breaker:
        """All is well."""
        return Breaker()
