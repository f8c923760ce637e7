"""What grows and has grown in the zones, by the site's own calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from godkaiser.engine.state import State
from godkaiser.errors import InvalidValueError
from godkaiser.model.cycle import CycleSpec
from godkaiser.model.instant import Instant, from_datetime, to_datetime

Mark = tuple[Instant, str]


def growing(state: State, zone: str, now: Instant) -> dict[str, Any]:
    """`cycle`: the one that is going on in a zone, if any."""
    today = _today(state, now)
    found = (c for c in state.cycles.get(zone, ()) if c.planted <= today and (c.ended or date.max) > today)
    return next(({"cycle": cycle_picture(state, zone, cycle, now)} for cycle in found), {})


def cycles_picture(state: State, now: Instant) -> list[dict[str, Any]]:
    """All of them, by zone and in the order of planting."""
    return [
        cycle_picture(state, zone, cycle, now)
        for zone, cycles in state.cycles.items()
        for cycle in sorted(cycles, key=lambda cycle: cycle.planted)
    ]


def cycle_picture(state: State, zone: str, cycle: CycleSpec, now: Instant) -> dict[str, Any]:
    """One of them: days of growth and phase are those of today, or of its end."""
    today = _today(state, now)
    shown = cycle.model_dump(mode="json", exclude={"phases"})
    return {"zone": zone} | shown | {"phase": cycle.phase(today), "days": cycle.days(today)}


def span_of(state: State, name: str, now: Instant) -> tuple[str, Instant, Instant]:
    """Zone, first instant, and the instant after the last. Raises `InvalidValueError` naming the known."""
    for zone, cycles in state.cycles.items():
        for cycle in cycles:
            if cycle.name == name:
                end = now + 1 if cycle.ended is None else _midnight(state, cycle.ended)
                return zone, _midnight(state, cycle.planted), end
    known = ", ".join(cycle.name for cycles in state.cycles.values() for cycle in cycles)
    problem = "there is no such cycle"
    raise InvalidValueError(
        field="cycle", value=repr(name)[:80], problem=problem, allowed=known or "none yet"
    )


def marks_of(state: State, zone: str | None, start: Instant, end: Instant) -> list[Mark]:
    """Planting, phases, notes and ends in a zone, for its curves."""
    found = [mark for cycle in state.cycles.get(zone or "", ()) for mark in _marks(state, cycle)]
    return sorted(mark for mark in found if start <= mark[0] < end)


def _marks(state: State, cycle: CycleSpec) -> Iterator[Mark]:
    yield _midnight(state, cycle.planted), f"{cycle.name}: planted"
    for phase in cycle.phases:
        yield _midnight(state, phase.since), f"{cycle.name}: {phase.name}"
    for note in cycle.notes:
        yield _midnight(state, note.at), f"{cycle.name}: {note.text}"
    if cycle.ended is not None:
        yield _midnight(state, cycle.ended), f"{cycle.name}: ended"


def _today(state: State, now: Instant) -> date:
    return to_datetime(now).astimezone(ZoneInfo(state.timezone)).date()


def _midnight(state: State, day: date) -> Instant:
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(state.timezone)))
