"""What a rule remembers between evaluations, by the place of each condition in it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, TypeVar

from godkaiser.model.instant import Duration, Instant
from godkaiser.model.reading import Reading

T = TypeVar("T")
Path = tuple[int, ...]
Mark = tuple[Instant, int, int]
FINENESS: Final = 240  # readings a slope is computed from at most, about


@dataclass(frozen=True, slots=True)
class Streak:
    """How often in a row a difference held, and the two readings that were counted last."""

    length: int
    base: Mark
    other: Mark


@dataclass(slots=True)
class Memory:
    """Latches of hystereses, since when conditions hold, streaks, readings for slopes, the rule's last start.

    `bridge`: what is remembered from before a restart is not forgotten for want of a reading until then. `asked`:
    since when somebody listens for a silence.
    """

    latched: dict[Path, bool] = field(default_factory=dict)
    since: dict[Path, Instant] = field(default_factory=dict)
    streaks: dict[Path, Streak] = field(default_factory=dict)
    samples: dict[Path, deque[tuple[Instant, float]]] = field(default_factory=dict)
    asked: dict[Path, Instant] = field(default_factory=dict)
    bridge: dict[Path, Instant] = field(default_factory=dict)
    started: Instant | None = None
    acting: bool = False

    def under(self, path: Path) -> Memory:
        """A copy as the condition at `path` sees it, of its own: what is asked of the copy is not remembered here."""

        def own(kept: dict[Path, T]) -> dict[Path, T]:
            return {key[len(path) :]: value for key, value in kept.items() if key[: len(path)] == path}

        samples = {key: deque(values) for key, values in own(self.samples).items()}
        return Memory(
            own(self.latched), own(self.since), own(self.streaks), samples, own(self.asked), own(self.bridge),
            self.started, self.acting,
        )  # fmt: skip

    def bridged(self, path: Path, now: Instant) -> bool:
        """Is silence no break yet, as the reading from before the restart would still count? Else it was one."""
        until = self.bridge.get(path)
        if until is None or now < until:
            return until is not None
        del self.bridge[path]
        self.since.pop(path, None)
        self.streaks.pop(path, None)
        return False


def mark_of(reading: Reading) -> Mark:
    """What tells a reading from the next one of its series."""
    return reading.measured_at, reading.boot, reading.seq


def count(memory: Memory, path: Path, base: Reading, other: Reading) -> int:
    """A difference holds: how often in a row, counted only when both readings are new."""
    before, marks = memory.streaks.get(path), (mark_of(base), mark_of(other))
    if before is None:
        memory.streaks[path] = Streak(1, *marks)
    elif before.base != marks[0] and before.other != marks[1]:
        memory.streaks[path] = Streak(before.length + 1, *marks)
    return memory.streaks[path].length


def slope(memory: Memory, path: Path, reading: Reading, window: Duration) -> float | None:
    """Per second, of the straight line (least squares) through the window's readings; None: too few yet."""
    samples = memory.samples.setdefault(path, deque())
    _keep(samples, reading, window)
    newest = samples[-1][0]
    if newest - samples[0][0] < window / 2:
        return None
    points = [((at - newest) / 1e6, value) for at, value in samples]
    middle = sum(at for at, _ in points) / len(points)
    mean = sum(value for _, value in points) / len(points)
    spread = sum((at - middle) ** 2 for at, _ in points)
    return sum((at - middle) * (value - mean) for at, value in points) / spread


def _keep(samples: deque[tuple[Instant, float]], reading: Reading, window: Duration) -> None:
    """The newest always, the older ones not closer than is of use."""
    assert reading.value is not None
    at = reading.measured_at
    if samples and at <= samples[-1][0]:
        return
    if len(samples) > 1 and samples[-1][0] - samples[-2][0] < window // FINENESS:
        samples.pop()
    samples.append((at, reading.value))
    while samples[0][0] < at - window:
        samples.popleft()
