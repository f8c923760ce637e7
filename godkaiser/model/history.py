"""When an actuator was on: what budgets and pauses are counted from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from godkaiser.model.instant import Duration, Instant


@dataclass(frozen=True, slots=True)
class OnHistory:
    """On is away from the safe value, from the command that energised it until its node said that it is safe.

    `runs` are over, in their order and apart; `starts` are the beginnings of the last hour. `since`: the run that
    goes on. `stopping`: it was told to go safe and has not confirmed; to switch it on again is another start.
    """

    runs: tuple[tuple[Instant, Instant], ...] = ()
    starts: tuple[Instant, ...] = ()
    since: Instant | None = None
    stopping: bool = False

    @property
    def off_at(self) -> Instant | None:
        """When the last run ended."""
        return self.runs[-1][1] if self.runs else None

    @property
    def resting(self) -> bool:
        """Would switching it on be a start?"""
        return self.since is None or self.stopping


NEVER_ON: Final = OnHistory()


@dataclass(frozen=True, slots=True)
class Shelved:
    """The history of an actuator that was taken out: it counts again when that is put back within `keep` of it."""

    history: OnHistory
    keep: Duration

    @property
    def until(self) -> Instant:
        """From then on it limits nothing any more."""
        ends = (*(end for _, end in self.history.runs[-1:]), *self.history.starts[-1:])
        return max(ends, default=0) + self.keep
