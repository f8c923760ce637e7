"""A dead band: a value that dithers at its limit is one condition, not a hundred."""

from __future__ import annotations

import math
from dataclasses import dataclass

from godkaiser.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Band:
    """A limit, and how far a value must come back from it. `above`: beyond means greater than the limit."""

    limit: float
    dead_band: float
    above: bool = True

    def __post_init__(self) -> None:
        if not math.isfinite(self.limit) or not math.isfinite(self.dead_band) or self.dead_band < 0:
            raise InvalidValueError(
                field="limit, dead_band",
                value=f"{self.limit}, {self.dead_band}",
                problem="not a finite limit with a dead band",
                allowed="a finite limit, a dead band of 0 or more",
            )

    def beyond(self, value: float | None, was: bool) -> bool | None:
        """Is it beyond, given that it was or was not before? None when there is no value: nobody knows."""
        if value is None or not math.isfinite(value):
            return None
        over = value - self.limit if self.above else self.limit - value
        return over > (-self.dead_band if was else 0.0)
