"""How a single condition can become what is wanted of it: what has to be read, who has to come, how long it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import DAY, Duration, Instant
from godkaiser.model.sun import SunWindow, sun_inside, sun_next_change
from godkaiser.model.truth import Truth
from godkaiser.model.window import TimeWindow, inside, next_change
from godkaiser.rules.condition import (
    Condition,
    Hysteresis,
    Offset,
    Presence,
    Rested,
    Silence,
    Slope,
    Threshold,
)
from godkaiser.rules.memory import Path
from godkaiser.rules.suppose import Ground

Window = tuple[TimeWindow | SunWindow, bool]
Goal = frozenset[Truth]
AHEAD: Final = 8 * DAY  # so far windows are looked for: a week, and the night after


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition without parts, what it is, and what it may be: for “not true” it need not be known to be false."""

    path: Path
    condition: Condition
    truth: Truth
    goal: Goal

    @property
    def off(self) -> bool:
        """Is it something else?"""
        return self.truth not in self.goal


@dataclass(frozen=True, slots=True)
class Way:
    """One way: these `series` have to be read (at `instants`, or now), or a node has to come or go, or time to pass.

    `lead`: before the last of the instants the reading is as it was. `lasting`: it takes so long after that.
    """

    leaf: Leaf
    series: tuple[SeriesId, ...] = ()
    node: tuple[NodeId, bool] | None = None
    instants: tuple[Instant, ...] = ()
    lead: bool = False
    lasting: Duration = 0
    not_before: Instant = 0
    window: Window | None = None
    silent: SeriesId | None = None

    @property
    def zone(self) -> str | None:
        """Where it has to be measured."""
        return self.leaf.condition.zone if isinstance(self.leaf.condition, Threshold) else None

    @property
    def rounds(self) -> int:
        """So often in a row."""
        return max(1, len(self.instants)) if isinstance(self.leaf.condition, Offset) else 1

    @property
    def waits(self) -> bool:
        """Does it take time?"""
        later = isinstance(self.leaf.condition, Slope) and bool(self.instants)
        return later or bool(self.lasting or self.not_before) or self.window is not None


def ways(leaf: Leaf, ground: Ground) -> Iterator[Way]:
    """Every way for a leaf that is not yet what it has to be."""
    condition, wanted = leaf.condition, Truth.TRUE in leaf.goal
    if isinstance(condition, (Threshold, Hysteresis, Slope)):
        yield from _of_series(leaf, condition, ground)
    elif isinstance(condition, Offset):
        yield from _of_two(leaf, condition, ground)
    elif isinstance(condition, (TimeWindow, SunWindow)):
        yield Way(leaf, window=(condition, wanted))
    elif isinstance(condition, Presence):
        yield Way(leaf, node=(condition.node, condition.online is wanted))
    elif isinstance(condition, Silence):
        yield _of_silence(leaf, condition, ground)
    elif isinstance(condition, Rested) and wanted and ground.memory.started is not None:
        yield Way(leaf, not_before=ground.memory.started + condition.lasting)


def _of_series(leaf: Leaf, condition: Threshold | Hysteresis | Slope, ground: Ground) -> Iterator[Way]:
    """One that holds already only has to last."""
    since = ground.memory.since.get(leaf.path)
    if Truth.TRUE in leaf.goal and since is not None:
        yield Way(leaf, not_before=since + condition.lasting)
        return
    instants = _spanning(condition, leaf.path, ground) if isinstance(condition, Slope) else ()
    for lasting in sorted({condition.lasting if Truth.TRUE in leaf.goal else 0, *_no_time(leaf.goal)}):
        yield Way(leaf, (condition.series,), instants=instants, lead=len(instants) > 1, lasting=lasting)


def _no_time(goal: Goal) -> tuple[int, ...]:
    """What need not be true may be unknown at once."""
    return (0,) if Truth.UNKNOWN in goal else ()


def _spanning(condition: Slope, path: Path, ground: Ground) -> tuple[Instant, ...]:
    """When to read, at the earliest, so that the readings of the window span half of it. Empty: now will do."""
    half, start = -(-condition.window // 2), ground.now - condition.window
    first = next((at for at, _ in ground.memory.samples.get(path, ()) if at >= start), None)
    if first is None:
        return (ground.now, ground.now + half)
    return (first + half,) if first + half > ground.now else ()


def _of_two(leaf: Leaf, condition: Offset, ground: Ground) -> Iterator[Way]:
    """So often in a row as is still missing, each time with new readings of both."""
    both = (condition.base, condition.other)
    if Truth.TRUE in leaf.goal and condition.count > 1:
        streak = ground.memory.streaks.get(leaf.path)
        missing = condition.count - (0 if streak is None else streak.length)
        yield Way(leaf, both, instants=tuple(ground.now + turn for turn in range(missing)))
        return
    usable = [ground.usable(series) for series in both]
    if usable[0]:
        yield Way(leaf, (condition.other,))
    if usable[1]:
        yield Way(leaf, (condition.base,))
    if not any(usable):
        yield Way(leaf, both)


def _of_silence(leaf: Leaf, condition: Silence, ground: Ground) -> Way:
    if Truth.TRUE not in leaf.goal:
        return Way(leaf, (condition.series,))
    asked = ground.memory.asked.get(leaf.path, ground.now)
    heard = ground.view.heard_at(condition.series)
    since = max(asked, heard or asked)
    return Way(leaf, not_before=since + condition.lasting, silent=condition.series)


def fit(windows: Sequence[Window], start: Instant) -> Instant | None:
    """The first instant from `start` at which every window is open or shut as wanted; None: not within `AHEAD`."""
    at = start
    while at <= start + AHEAD:
        later = [_next(window, at) for window, wanted in windows if _open(window, at) is not wanted]
        if not later:
            return at
        at = max(later)
    return None


def _open(window: TimeWindow | SunWindow, at: Instant) -> bool:
    return inside(window, at) if isinstance(window, TimeWindow) else sun_inside(window, at)


def _next(window: TimeWindow | SunWindow, at: Instant) -> Instant:
    return next_change(window, at) if isinstance(window, TimeWindow) else sun_next_change(window, at)
