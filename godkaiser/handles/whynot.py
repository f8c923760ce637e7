"""The answer to why a rule does nothing: a value for notebooks and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from godkaiser.display import Shown
from godkaiser.handles.values import surely, when


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing in a rule's way. `lifts`: what takes it away; `until`: when it goes by itself, if it does."""

    code: str
    text: str
    lifts: str
    actuator: str | None
    who: str | None
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        return cls(
            shot["code"], shot["text"], shot["lifts"], shot["actuator"], shot["who"], when(shot["since"]),
            when(shot["until"]),
        )  # fmt: skip

    def __str__(self) -> str:
        until = "" if self.until is None else f" until {self.until:%H:%M:%S}"
        return f"{self.text}{until}. {self.lifts}"


@dataclass(frozen=True, slots=True)
class WhyNot(Shown):
    """What a rule found at `at`, what would flip its condition, and what stands in its way.

    `truth`: true, false or unknown. `outcome` of the decision that stands: carried out, waiting, not carried out;
    None: it wants nothing. Of a past time: `looked`, when the rule was evaluated as it is told, the newest kept
    before it, and `decided`, when it decided last; `truth` and `acting` are None where nothing was kept. `flips`:
    each with `changes` that flip the condition together, the nearest first; none of the past. `condition`: the
    trace, as nested plain data; None where only a decision is kept.
    """

    rule: str
    at: datetime
    text: str
    truth: str | None
    acting: bool | None
    outcome: str | None
    obstacles: tuple[Obstacle, ...]
    flips: tuple[Mapping[str, Any], ...] = field(repr=False)
    condition: Mapping[str, Any] | None = field(repr=False)
    decided: datetime | None = None
    looked: datetime | None = None

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        return cls(
            str(shot["rule"]), surely(shot["at"]), shot["text"], shot["truth"], shot["acting"], shot["outcome"],
            tuple(map(Obstacle.of, shot["blockers"])), tuple(shot["flips"]), shot["condition"],
            when((shot["decided"] or {}).get("at")), when((shot.get("looked") or {}).get("at")),
        )  # fmt: skip

    def __repr__(self) -> str:
        return self.text
