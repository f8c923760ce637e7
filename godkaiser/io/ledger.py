"""What actuators did: run time, starts, water and energy, and what is left of their budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine.allowance import limits_picture, timed_by
from godkaiser.engine.state import ActuatorState
from godkaiser.engine.statistics import Statistics, buckets, statistics
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.sql.changes import ChangeTable
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.instant import SECOND, Duration, Instant, parse_duration, parse_instant, to_iso
from godkaiser.model.window import midnight

ROWS_MOST: Final = 100_000
TODAY: Final = "today"
Window = tuple[Instant, Instant]


class Ledger:
    """Answers requests about the past of actuators."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk) -> None:
        self._runner, self._clerk = runner, clerk
        self._state = runner.engine.state
        self._changes = ChangeTable(store)

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "actuators.statistics": self._statistics,
        }

    async def _statistics(
        self,
        actuators: list[str] | None = None,
        since: str = "-7d",
        until: str | None = None,
        every: str | float | None = None,
        token: str | None = None,
    ) -> list[dict[str, Any]]:
        """Per actuator one row, or with `every` one per bucket. `since` may be `today`, the site's own day."""
        self._clerk.who(token, Permission.LOOK)
        found = self._found(actuators)
        windows = self._windows(since, until, every, len(found))
        await self._runner.depot.committed()  # who has seen an actuator move finds it here
        return [await self._account(actuator, windows) for actuator in found]

    def _found(self, actuators: object) -> list[ActuatorState]:
        """All of them, or those that are named."""
        if actuators is None:
            return list(self._state.actuators.values())
        if not isinstance(actuators, list) or not all(isinstance(name, str) for name in actuators):
            raise InvalidValueError(
                field="actuators", value=repr(actuators)[:40], problem="no list", allowed="a list of names"
            )
        return [self._state.actuators[self._clerk.actuator(name)] for name in actuators]

    def _windows(self, since: object, until: object, every: Any, actuators: int) -> list[Window]:
        start, end = self._span(since, until)
        if every is None:
            return [(start, end)]
        step = _step(every)
        if ((end - start) // step + 2) * actuators > ROWS_MOST:
            allowed = f"so long that there are at most {ROWS_MOST} rows"
            raise InvalidValueError(
                field="every", value=repr(every)[:40], problem="is too short", allowed=allowed
            )
        return list(buckets(start, end, step))

    def _span(self, since: object, until: object) -> Window:
        """What is still to come is not counted."""
        now = self._runner.clock.now()
        start = midnight(now, self._state.timezone) if since == TODAY else _instant("since", since, now)
        end = now if until is None else min(now, _instant("until", until, now))
        if start >= end:
            raise InvalidValueError(
                field="since", value=repr(since)[:40], problem="is not before the end", allowed='"-7d"'
            )
        return start, end

    async def _account(self, actuator: ActuatorState, windows: list[Window]) -> dict[str, Any]:
        changes = await self._changes.between(actuator.id, windows[0][0], windows[-1][1])
        rows = [_row(statistics(changes, begin, end, actuator.spec)) for begin, end in windows]
        return {
            "actuator": actuator.id,
            "name": actuator.spec.name or actuator.id,
            "timed_by": timed_by(self._state, actuator),
            "limits": limits_picture(self._state, actuator, self._runner.clock.now()),
            "rows": rows,
        }


def _row(found: Statistics) -> dict[str, Any]:
    return {
        "since": to_iso(found.since),
        "until": to_iso(found.until),
        "unknown_s": found.unknown / SECOND,
        "on_s": _seconds(found.on),
        "starts": found.starts,
        "duty": found.duty,
        "longest_s": _seconds(found.longest),
        "level_s": _seconds(found.level),
        "litres": found.litres,
        "energy_wh": found.energy_wh,
    }


def _seconds(span: float | None) -> float | None:
    return None if span is None else span / SECOND


def _instant(field: str, value: object, now: Instant) -> Instant:
    if not isinstance(value, str):
        raise InvalidValueError(
            field=field, value=repr(value)[:40], problem="no text", allowed='"-24h", "today", ISO 8601'
        )
    return parse_instant(value, now, field)


def _step(every: Any) -> Duration:
    step = parse_duration(every, "every")
    if not step:
        raise InvalidValueError(
            field="every", value=repr(every), problem="is nothing", allowed="a positive duration"
        )
    return step
