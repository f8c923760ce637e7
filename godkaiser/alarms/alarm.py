"""An alarm and its states after ISA-18.2, as a table.

    NORM   --raise-->    UNACK        (the condition has held for its delay)
    UNACK  --ack-->      ACKED        (a person has seen it; the condition still holds)
    UNACK  --return-->   RTNUN        (gone before anybody has seen it)
    ACKED  --return-->   NORM
    RTNUN  --raise-->    UNACK        (counted up, no second alarm)
    RTNUN  --ack-->      NORM
    RTNUN  --clear-->    NORM         (kinds that clear by themselves, after their time)
    UNACK  --latch-->    LATUN        (gone, but its kind latches)
    ACKED  --latch-->    LATCH
    LATUN  --ack-->      LATCH
    LATCH  --reset-->    NORM         (a person has looked at the cause)
    LATUN, LATCH  --raise-->      UNACK
    any but OOSRV --shelve-->     SHLVD   (until a stated end, at most a day; again: another end)
    SHLVD         --unshelve-->   NORM    (and raised at once when it holds or was latched)
    any but OOSRV --remove-->     OOSRV   (out of service, until a person puts it back)
    OOSRV         --restore-->    NORM    (likewise)

A condition that comes or goes under SHLVD or OOSRV is remembered and shows when the alarm is back. Acknowledging
never ends a condition, and a latched alarm ends by a reset alone.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

from godkaiser.alarms.kind import Kind, Priority
from godkaiser.model.instant import DAY, Duration, Instant

SHELF_MOST: Final[Duration] = DAY


class State(enum.Enum):
    """Where an alarm stands, by its ISA-18.2 abbreviation."""

    NORM = "NORM"
    UNACK = "UNACK"
    ACKED = "ACKED"
    RTNUN = "RTNUN"
    LATUN = "LATUN"
    LATCH = "LATCH"
    SHLVD = "SHLVD"
    OOSRV = "OOSRV"

    @property
    def unseen(self) -> bool:
        """Does it wait for a person to acknowledge it?"""
        return self in (State.UNACK, State.RTNUN, State.LATUN)

    @property
    def said(self) -> str:
        """In words."""
        return _SAID[self]

    @property
    def suppressed(self) -> bool:
        """Did a person set it aside?"""
        return self in (State.SHLVD, State.OOSRV)


_SAID: Final = {
    State.NORM: "normal",
    State.UNACK: "unacknowledged",
    State.ACKED: "acknowledged",
    State.RTNUN: "returned, unacknowledged",
    State.LATUN: "latched, unacknowledged",
    State.LATCH: "latched, waits for a reset",
    State.SHLVD: "shelved",
    State.OOSRV: "out of service",
}


class Step(enum.Enum):
    """What can happen to it."""

    RAISE = "raise"
    RETURN = "return"
    LATCH = "latch"
    CLEAR = "clear"
    ACK = "ack"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    REMOVE = "remove"
    RESTORE = "restore"


TABLE: Final[dict[tuple[State, Step], State]] = {
    (State.NORM, Step.RAISE): State.UNACK,
    (State.UNACK, Step.ACK): State.ACKED,
    (State.UNACK, Step.RETURN): State.RTNUN,
    (State.ACKED, Step.RETURN): State.NORM,
    (State.RTNUN, Step.RAISE): State.UNACK,
    (State.RTNUN, Step.ACK): State.NORM,
    (State.RTNUN, Step.CLEAR): State.NORM,
    (State.UNACK, Step.LATCH): State.LATUN,
    (State.ACKED, Step.LATCH): State.LATCH,
    (State.LATUN, Step.RAISE): State.UNACK,
    (State.LATUN, Step.ACK): State.LATCH,
    (State.LATCH, Step.RAISE): State.UNACK,
    (State.LATCH, Step.RESET): State.NORM,
    (State.SHLVD, Step.UNSHELVE): State.NORM,
    (State.OOSRV, Step.RESTORE): State.NORM,
    **{(state, Step.SHELVE): State.SHLVD for state in State if state is not State.OOSRV},
    **{(state, Step.REMOVE): State.OOSRV for state in State if state is not State.OOSRV},
    # What comes and goes while it is set aside changes no state.
    **{
        (state, step): state
        for state in (State.SHLVD, State.OOSRV)
        for step in (Step.RAISE, Step.RETURN, Step.LATCH)
    },
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of one thing. There is never a second one of the same kind and source.

    `holds`: does its condition hold, by all we know? `latched`: it was raised since the last reset of a kind that
    latches. `count`: how often it was raised since it was normal. `suppressed_by`, `reason` and, when shelved,
    `shelved_until` say who set it aside, why and until when.
    """

    kind: Kind
    source: str
    state: State = State.NORM
    priority: Priority = Priority.LOW
    text: str = ""
    since: Instant = 0
    holds: bool = False
    latched: bool = False
    count: int = 0
    returned_at: Instant | None = None
    acked_by: str = ""
    acked_at: Instant | None = None
    shelved_until: Instant | None = None
    suppressed_by: str = ""
    reason: str = ""

    @property
    def key(self) -> str:
        """Kind and source: what it is called by."""
        return f"{self.kind.code}:{self.source}"

    def allows(self, step: Step) -> bool:
        """Is there a row for it?"""
        return (self.state, step) in TABLE


def _stepped(alarm: Alarm, step: Step) -> Alarm:
    """The caller asks `allows` first; a missing row is a mistake of ours (KeyError)."""
    state = TABLE[alarm.state, step]
    if state is State.NORM:
        return Alarm(alarm.kind, alarm.source, priority=alarm.kind.priority)
    return replace(alarm, state=state)


# ── by itself ──────────────────────────────────────────────────────────────────────────────────────────
def raised(alarm: Alarm, text: str, priority: Priority, now: Instant) -> Alarm:
    """The condition holds. A standing alarm counts up instead of becoming a second one."""
    if alarm.holds:
        return replace(alarm, text=text, priority=priority, count=alarm.count + 1)
    since = alarm.since if alarm.count and not alarm.state.suppressed else now
    told = replace(
        alarm, text=text, priority=priority, since=since, holds=True, latched=alarm.kind.latching,
        count=alarm.count + 1, returned_at=None, acked_by="", acked_at=None,
    )  # fmt: skip
    return _stepped(told, Step.RAISE)


def changed(alarm: Alarm, text: str, priority: Priority) -> Alarm:
    """What is known of a standing one has changed: its priority, its words."""
    return replace(alarm, text=text, priority=priority)


def returned(alarm: Alarm, now: Instant) -> Alarm:
    """The condition is gone."""
    gone = replace(alarm, holds=False, returned_at=now)
    return _stepped(gone, Step.LATCH if alarm.kind.latching else Step.RETURN)


def cleared(alarm: Alarm) -> Alarm:
    """It returned long enough ago, and its kind clears by itself."""
    return _stepped(alarm, Step.CLEAR)


# ── by a person ────────────────────────────────────────────────────────────────────────────────────────
def acked(alarm: Alarm, who: str, now: Instant) -> Alarm:
    """A person has seen it."""
    return _stepped(replace(alarm, acked_by=who, acked_at=now), Step.ACK)


def reset(alarm: Alarm) -> Alarm:
    """A person has looked at the cause of a latched one."""
    return _stepped(alarm, Step.RESET)


def shelved(alarm: Alarm, until: Instant, who: str, reason: str, now: Instant) -> Alarm:
    """Set aside until then, at most `SHELF_MOST` from now."""
    end = min(until, now + SHELF_MOST)
    aside = replace(alarm, shelved_until=end, suppressed_by=who, reason=reason)
    return _stepped(aside, Step.SHELVE)


def unshelved(alarm: Alarm, now: Instant) -> Alarm:
    """Its time on the shelf is over, or a person took it back."""
    return _back(alarm, _stepped(alarm, Step.UNSHELVE), now)


def removed(alarm: Alarm, who: str, reason: str) -> Alarm:
    """Out of service until a person puts it back."""
    aside = replace(alarm, shelved_until=None, suppressed_by=who, reason=reason)
    return _stepped(aside, Step.REMOVE)


def restored(alarm: Alarm, now: Instant) -> Alarm:
    """In service again."""
    return _back(alarm, _stepped(alarm, Step.RESTORE), now)


def _back(before: Alarm, normal: Alarm, now: Instant) -> Alarm:
    """What holds, or was latched and not reset, shows again as if it were new; its count goes on."""
    if not before.holds and not before.latched:
        return normal
    kept = replace(normal, count=max(before.count - 1, 0))
    again = replace(raised(kept, before.text, before.priority, now), since=before.since)
    return again if before.holds else returned(again, now)
