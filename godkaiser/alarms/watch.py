"""Conditions become alarms: delay-on, delay-off, de-duplication, the end of shelves, clearing by itself.

A watch holds every alarm that is not normal. It is asked again at the instant it names, and never reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from godkaiser.alarms import alarm as a
from godkaiser.alarms.alarm import Alarm, State, Step
from godkaiser.alarms.kind import Kind, Priority
from godkaiser.model.instant import Duration, Instant


@dataclass(frozen=True, slots=True)
class Sign:
    """What is seen of one condition: whether it holds, None when nobody can tell.

    `text` and `priority` are the alarm's if it becomes one. `delay`: another delay-on than its kind's.
    """

    kind: Kind
    source: str
    holds: bool | None
    text: str = ""
    priority: Priority | None = None
    delay: Duration | None = None

    @property
    def key(self) -> str:
        """That of its alarm."""
        return f"{self.kind.code}:{self.source}"

    @property
    def rank(self) -> Priority:
        """How soon a person is needed."""
        return self.kind.priority if self.priority is None else self.priority

    @property
    def delay_on(self) -> Duration:
        """How long it must hold."""
        return self.kind.delay_on if self.delay is None else self.delay


@dataclass(slots=True)
class Watch:
    """`standing` are the alarms by key; an alarm that is normal again is not kept.

    `_turned`: since when a condition is otherwise than its alarm says; `_settles`: when the delay for it is over.
    """

    standing: dict[str, Alarm] = field(default_factory=dict)
    _turned: dict[str, Instant] = field(default_factory=dict)
    _settles: dict[str, Instant] = field(default_factory=dict)

    def get(self, kind: Kind, source: str) -> Alarm:
        """The alarm as it stands, or a normal one."""
        known = self.standing.get(f"{kind.code}:{source}")
        return Alarm(kind, source, priority=kind.priority) if known is None else known

    def quiet(self, key: str) -> bool:
        """Neither does an alarm stand, nor is one about to."""
        return key not in self.standing and key not in self._turned

    def see(self, sign: Sign, now: Instant) -> Alarm | None:
        """Take note of a condition. The alarm, if that changed it."""
        alarm = self.get(sign.kind, sign.source)
        if sign.holds is None or sign.holds == alarm.holds:
            self._forget(sign.key)
            return self._described(alarm, sign) if sign.holds else None
        delay = sign.delay_on if sign.holds else sign.kind.delay_off
        due = self._turned.setdefault(sign.key, now) + delay
        if now < due:
            self._settles[sign.key] = due
            return None
        self._forget(sign.key)
        return self.keep(a.raised(alarm, sign.text, sign.rank, now) if sign.holds else a.returned(alarm, now))

    def happened(self, sign: Sign, now: Instant) -> Alarm:
        """Something of a momentary kind happened: raised, returned at once, counted."""
        alarm = self.get(sign.kind, sign.source)
        return self.keep(a.returned(a.raised(alarm, sign.text, sign.rank, now), now))

    def _described(self, alarm: Alarm, sign: Sign) -> Alarm | None:
        """A standing one may become more urgent, never less, while it holds."""
        if sign.rank > alarm.priority or (sign.kind.retold and sign.text != alarm.text):
            return self.keep(a.changed(alarm, sign.text, max(sign.rank, alarm.priority)))
        return None

    def _forget(self, key: str) -> None:
        self._turned.pop(key, None)
        self._settles.pop(key, None)

    def keep(self, alarm: Alarm) -> Alarm:
        """The alarm is now this."""
        if alarm.state is State.NORM:
            self.standing.pop(alarm.key, None)
        else:
            self.standing[alarm.key] = alarm
        return alarm

    def tick(self, key: str, now: Instant) -> Alarm | None:
        """Time passed: does a shelf end, does an alarm clear by itself? The alarm, if that changed it."""
        alarm = self.standing.get(key)
        if alarm is None or (due := _ends(alarm)) is None or now < due:
            return None
        return self.keep(a.unshelved(alarm, now) if alarm.state is State.SHLVD else a.cleared(alarm))

    def due(self, key: str) -> Instant | None:
        """When it wants to be asked again without anything having happened."""
        alarm = self.standing.get(key)
        ends = None if alarm is None else _ends(alarm)
        return min((at for at in (ends, self._settles.get(key)) if at is not None), default=None)

    def adopt(self, alarm: Alarm, now: Instant) -> None:
        """From an earlier run. A clock that was set back must not prolong a shelf or an alarm's wait."""
        gone, end = alarm.returned_at, alarm.shelved_until
        self.keep(
            replace(
                alarm,
                since=min(alarm.since, now),
                returned_at=None if gone is None else min(gone, now),
                shelved_until=None if end is None else min(end, now + a.SHELF_MOST),
            )
        )

    @property
    def unseen(self) -> int:
        """How many wait for a person to acknowledge them."""
        return sum(alarm.state.unseen for alarm in self.standing.values())

    def ranked(self) -> Iterator[Alarm]:
        """Those to be seen first come first: not set aside, unseen, urgent, new."""
        return iter(sorted(self.standing.values(), key=_rank))


def _ends(alarm: Alarm) -> Instant | None:
    """When it changes by itself."""
    if alarm.state is State.SHLVD:
        return alarm.shelved_until
    if not alarm.allows(Step.CLEAR) or alarm.kind.auto_clear is None or alarm.returned_at is None:
        return None
    return alarm.returned_at + alarm.kind.auto_clear


def _rank(alarm: Alarm) -> tuple[bool, bool, int, int, str]:
    return alarm.state.suppressed, not alarm.state.unseen, -alarm.priority, -alarm.since, alarm.key
