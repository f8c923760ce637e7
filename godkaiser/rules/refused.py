"""A stored rule that this program does not take: kept as it is stored, and not carried out."""

from __future__ import annotations

from dataclasses import dataclass

from godkaiser.model.ids import RuleId


@dataclass(frozen=True, slots=True)
class RefusedRule:
    """`problem` is what is wrong at `path` of its document; `enabled`: is it meant to decide at all?"""

    id: RuleId
    name: str
    path: str
    problem: str
    enabled: bool = True

    @property
    def reason(self) -> str:
        """For people."""
        return f"{self.path}: {self.problem}"
