"""A start of a node, and why it happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Reason = Literal[
    "UNKNOWN",
    "POWERON",
    "EXT",
    "SW",
    "PANIC",
    "INT_WDT",
    "TASK_WDT",
    "WDT",
    "DEEPSLEEP",
    "BROWNOUT",
    "SDIO",
]
_NUMBERS = {reason: number for number, reason in enumerate(get_args(Reason))}


@dataclass(frozen=True, slots=True)
class Boot:
    """``at`` in microseconds; ``count`` is 1 for the first start of a node's life."""

    at: int
    count: int = 1
    reason: Reason = "POWERON"

    def sequence_id(self, node: str) -> str:
        """What tells one start of a node from all others."""
        return f"{node}-b{self.count}-r{_NUMBERS[self.reason]}"

    def after(self, now: int, reason: Reason) -> Boot:
        """The next start."""
        return Boot(now, self.count + 1, reason)
