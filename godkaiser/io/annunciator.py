"""Alarms by the hand of a person: looked at, acknowledged, set aside with an end, their history read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from godkaiser.alarms.alarm import SHELF_MOST, Alarm, Step
from godkaiser.auth.policy import Permission
from godkaiser.engine import alarm as alarms
from godkaiser.engine.effect import AlarmChange
from godkaiser.errors import AlarmTransitionError, InvalidValueError, UnknownAlarmError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.whereabouts import of_alarm
from godkaiser.model import event as ev
from godkaiser.model.instant import MINUTE, SECOND, Duration, Instant, parse_duration, parse_instant, to_iso

HISTORY_MOST: Final = 100_000
REASON_MOST: Final = 500
_WAYS: Final = {
    Step.ACK: "Only an alarm that nobody has seen yet can be acknowledged; one that is set aside must be taken"
    " back first.",
    Step.RESET: "Only a latched alarm can be reset, after its condition is gone and it was acknowledged.",
    Step.SHELVE: "It is out of service: put it back first.",
    Step.UNSHELVE: "It is not on the shelf.",
    Step.REMOVE: "It is out of service already.",
    Step.RESTORE: "It is not out of service.",
}


class Annunciator:
    """Answers requests about alarms. Changes nothing except by posting events."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk) -> None:
        self._runner, self._store, self._clerk = runner, store, clerk
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "alarms.list": self._list,
            "alarms.ack": self._ack,
            "alarms.reset": self._reset,
            "alarms.shelve": self._shelve,
            "alarms.unshelve": self._unshelve,
            "alarms.remove": self._remove,
            "alarms.restore": self._restore,
            "alarms.history": self._history,
        }

    async def _list(self, token: str | None = None) -> dict[str, Any]:
        self._clerk.who(token, Permission.LOOK)
        return alarms.alarms_picture(self._state)

    async def _ack(self, key: str, token: str | None = None) -> dict[str, Any]:
        return await self._answer(key, Step.ACK, self._who(key, token))

    async def _reset(self, key: str, token: str | None = None) -> dict[str, Any]:
        return await self._answer(key, Step.RESET, self._who(key, token))

    async def _shelve(
        self, key: str, duration: str | float | None = None, reason: str = "", token: str | None = None
    ) -> dict[str, Any]:
        who = self._who(key, token)
        until = self._runner.clock.now() + _shelf(duration)
        return await self._answer(key, Step.SHELVE, who, until, reason)

    async def _unshelve(self, key: str, token: str | None = None) -> dict[str, Any]:
        return await self._answer(key, Step.UNSHELVE, self._who(key, token))

    async def _remove(self, key: str, reason: str = "", token: str | None = None) -> dict[str, Any]:
        who = self._who(key, token, Permission.RETIRE_ALARMS)
        return await self._answer(key, Step.REMOVE, who, None, reason)

    async def _restore(self, key: str, token: str | None = None) -> dict[str, Any]:
        return await self._answer(key, Step.RESTORE, self._who(key, token, Permission.RETIRE_ALARMS))

    async def _history(
        self,
        since: str = "-7d",
        until: str | None = None,
        limit: Any = 1000,
        token: str | None = None,
    ) -> list[dict[str, Any]]:
        self._clerk.who(token, Permission.LOOK)
        if isinstance(limit, bool) or not isinstance(limit, int) or not 0 < limit <= HISTORY_MOST:
            allowed = f"1..{HISTORY_MOST}"
            raise InvalidValueError(
                field="limit", value=repr(limit)[:40], problem="no count", allowed=allowed
            )
        now = self._runner.clock.now()
        start = parse_instant(_text("since", since), now, "since")
        end = now + SECOND if until is None else parse_instant(_text("until", until), now, "until")
        await self._runner.depot.committed()  # who has seen an alarm finds it in the history
        return [self._told(change) for change in await self._store.alarm_changes(start, end, limit)]

    def _told(self, change: AlarmChange) -> dict[str, Any]:
        name = self._state.name_of(change.key.partition(":")[2])
        return {
            "at": to_iso(change.at),
            "key": change.key,
            "name": name,
            "step": change.step,
            "state": change.state,
            "priority": change.priority,
            "text": change.text,
            "who": change.who or None,
            "reason": change.reason or None,
        }

    def _who(self, key: str, token: str | None, right: Permission = Permission.ACKNOWLEDGE) -> str:
        return self._clerk.who(token, right, lambda: of_alarm(self._state, self._found(key).key))

    # ── answering ──────────────────────────────────────────────────────────────────────────────────────
    async def _answer(
        self, key: str, step: Step, who: str, until: Instant | None = None, reason: str = ""
    ) -> dict[str, Any]:
        alarm = self._found(key)
        if not alarm.allows(step):
            raise AlarmTransitionError(
                key=alarm.key, state=alarm.state.value, step=step.value, way=_WAYS[step]
            )
        said = _text("reason", reason)[:REASON_MOST]
        now = self._runner.clock.now()
        self._runner.post(ev.AlarmAnswered(now, alarm.key, step.value, who, until, said))
        await self._runner.settled_inbox()
        after = alarms.find(self._state, alarm.key)
        return alarms.alarm_picture(self._state, alarm if after is None else after)

    def _found(self, key: object) -> Alarm:
        found = alarms.find(self._state, key) if isinstance(key, str) else None
        if found is None:
            raise UnknownAlarmError(text=str(key)[:200])
        return found


def _shelf(duration: str | float | None) -> Duration:
    """How long it lies on the shelf: always with an end."""
    allowed = '1 min to 24 h, like "2h"'
    if duration is None:
        raise InvalidValueError(
            field="duration", value="nothing", problem="a shelf has an end", allowed=allowed
        )
    span = parse_duration(duration, "duration")
    if not MINUTE <= span <= SHELF_MOST:
        raise InvalidValueError(
            field="duration", value=f"{span / SECOND:g} s", problem="out of range", allowed=allowed
        )
    return span


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(field=field, value=repr(value)[:40], problem="no text", allowed="a text")
    return value
