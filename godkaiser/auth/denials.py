"""Which denials are rows of the audit, as a state machine without a clock.

The first of a kind is one at once: the same person, right and method. What follows within a minute is counted, and
told in one more row when that minute is over. So a flood leaves two rows a minute, and nothing is left out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from godkaiser.model.instant import MINUTE, Instant

MAX_ENTRIES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Denied:
    """Who was denied which right by which method; what was asked for, and from where, the last time."""

    who: str
    right: str
    method: str
    detail: str
    address: str = ""


@dataclass(slots=True)
class _Minute:
    """One that began `since`, and how many more there were."""

    since: Instant
    last: Denied
    more: int = 0


@dataclass(slots=True)
class Denials:
    """Ask `over` first, then tell it of the denial."""

    max_entries: int = MAX_ENTRIES
    _minutes: OrderedDict[tuple[str, str, str], _Minute] = field(default_factory=OrderedDict)

    def denied(self, denied: Denied, now: Instant) -> bool:
        """Is it a row of its own, now?"""
        key = (denied.who, denied.right, denied.method)
        known = self._minutes.get(key)
        if known is not None:
            known.more, known.last = known.more + 1, denied
            return False
        self._minutes[key] = _Minute(now, denied)
        return True

    def over(self, now: Instant | None) -> tuple[tuple[Denied, int], ...]:
        """What was counted in minutes that are over or were one too many (None: in all), which are forgotten."""
        ended = [key for key, minute in self._minutes.items() if now is None or not _runs(minute, now)]
        gone = [self._minutes.pop(key) for key in ended]
        while len(self._minutes) > self.max_entries:
            gone.append(self._minutes.popitem(last=False)[1])
        return tuple((minute.last, minute.more) for minute in gone if minute.more)

    def __len__(self) -> int:
        return len(self._minutes)


def _runs(minute: _Minute, now: Instant) -> bool:
    return 0 <= now - minute.since < MINUTE
