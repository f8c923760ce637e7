"""Cultivation cycles of a zone: what grew there from planting to its end, and what was noted. Local dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from godkaiser.model.spec import Spec


def read_day(value: Any) -> Any:
    """A number is no day, although it could be read as seconds since 1970."""
    written = isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None
    if written or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise ValueError("is no day: write it as 2026-05-01")


Day = Annotated[date, BeforeValidator(read_day)]
Words = Annotated[str, Field(max_length=200)]


class PhaseSpec(Spec):
    """A phase of a cycle and the day it began, such as seedling, vegetative, flowering."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    since: Day


class NoteSpec(Spec):
    """What somebody wrote down on a day."""

    at: Day
    text: Annotated[str, Field(min_length=1, max_length=500)]


class CycleSpec(Spec):
    """One cycle; `ended` None while it grows. `planted` is its first day, `ended` the first one that is not.

    `name` is unique in the site: histories are asked for by it.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    variety: Words = ""
    substrate: Words = ""
    planted: Day
    expected_harvest: Day | None = None
    ended: Day | None = None
    phases: tuple[PhaseSpec, ...] = ()
    notes: tuple[NoteSpec, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for field in ("expected_harvest", "ended"):
            day = getattr(self, field)
            if day is not None and day < self.planted:
                raise ValueError(f"{field} {day} lies before planted {self.planted}: correct one of them")
        days = [self.planted, *(phase.since for phase in self.phases)]
        if any(later < earlier for earlier, later in pairwise(days)):
            raise ValueError("phases must be in order of since, none before planted")
        if self.ended is not None and any(phase.since >= self.ended for phase in self.phases):
            raise ValueError(f"a phase must begin before the cycle ended on {self.ended}")
        return self

    def phase(self, day: date) -> str:
        """The phase of a day; empty where none had begun."""
        return next((phase.name for phase in reversed(self.phases) if phase.since <= day), "")

    def days(self, day: date) -> int:
        """Days of growth until that day, or until its end if that was earlier; 0 before it was planted."""
        last = day if self.ended is None else min(day, self.ended)
        return max(0, (last - self.planted).days)


def overlap(cycles: Sequence[CycleSpec]) -> str:
    """Which two cycles of one zone overlap, and what helps; empty when none do."""
    for one, other in pairwise(sorted(cycles, key=lambda cycle: cycle.planted)):
        if one.ended is None or one.ended > other.planted:
            until = "has not ended" if one.ended is None else f"ends {one.ended}"
            text = f"{one.name!r} {until}, {other.name!r} is planted {other.planted}"
            return f"two cycles overlap: {text}; state `ended` of the first"
    return ""
