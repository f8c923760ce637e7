"""How many requests somebody who was let in may make, as a state machine without a clock.

In any minute so many, counted for each person or API token by itself; what is refused counts for nothing. Pages ask
on behalf of a person who may have many open, so who comes by them has ten times as many, counted apart.

Memory is bounded: an entry has no more instants than may be used in a minute, and of very many entries the one that
was used least recently goes first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

from godkaiser.auth.session import Principal
from godkaiser.model.instant import MINUTE, Duration, Instant

PER_MINUTE: Final = 100
MOST: Final = 10_000  # what the limit may be set to
PAGES_SHARE: Final = 10
MAX_ENTRIES: Final = 10_000


@dataclass(slots=True)
class RequestThrottle:
    """Ask `admit` before each request."""

    per_minute: int = PER_MINUTE
    max_entries: int = MAX_ENTRIES
    _asked: OrderedDict[str, deque[Instant]] = field(default_factory=OrderedDict)

    def admit(self, person: Principal, now: Instant) -> Duration:
        """Take note of a request. 0: go on; else the microseconds to wait, and it did not take place."""
        about, most = _counted(person, self.per_minute)
        asked = self._asked.setdefault(about, deque())
        self._asked.move_to_end(about)
        if len(self._asked) > self.max_entries:
            self._asked.popitem(last=False)
        if asked and asked[-1] > now:  # the clock was set back: nobody waits for what is to come
            asked.clear()
        while asked and now - asked[0] >= MINUTE:
            asked.popleft()
        if len(asked) >= most:
            return asked[0] + MINUTE - now
        asked.append(now)
        return 0

    def __len__(self) -> int:
        return len(self._asked)


def _counted(person: Principal, per_minute: int) -> tuple[str, int]:
    """All sessions of a person together, each API token by itself."""
    if person.key:
        return f"key {person.key}", per_minute
    if person.by_page:
        return f"pages {person.user_id}", per_minute * PAGES_SHARE
    return f"person {person.user_id}", per_minute
