"""The past of a site for clients: readings in buckets, what rules decided and told, what was commanded and said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine.calibration import calibration_picture, versions_of
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.curves import Curves
from godkaiser.io.fates import with_outcomes
from godkaiser.io.packing import bucket_columns, check_buckets, worst_rank
from godkaiser.io.runner import Runner
from godkaiser.io.span import read_span
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.summary import Wish
from godkaiser.io.sql.table import DecisionRow, HeartbeatRow, OutcomeRow, RuleNoticeRow
from godkaiser.model.calendar import UTC_NAME, Calendar
from godkaiser.model.channel import is_sent
from godkaiser.model.instant import Instant, parse_duration, to_iso

ROWS_MOST: Final = 100_000


class Historian:
    """Answers requests about what was."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk, curves: Curves) -> None:
        self._runner, self._store, self._clerk, self._curves = runner, store, clerk, curves
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "history.buckets": self._buckets,
            "decisions": self._decisions,
            "commands": self._commands,
            "heartbeats": self._heartbeats,
            "notices": self._notices,
        }

    async def _buckets(
        self,
        series: str,
        every: str | float,
        span: dict[str, str],
        tz: str = UTC_NAME,
        quality: str | None = None,
        *,
        packed: bool = False,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Whole buckets of a length, by the clock of a zone, of readings of a quality or better.

        `span`: `since` and, if it is not now, `until`. `begins` of each bucket, `values` (the mean weighted by time),
        `minimum`, `maximum`, `std`, the `readings` that went into it, `bad` ones, and `coverage`, the part 0..1 of it
        in which there was a value. `source`: what they were made of.
        """
        self._clerk.who(token, Permission.LOOK)
        sensor, of = self._clerk.sensor(series), self._span(**span)
        calendar = Calendar(parse_duration(every, "every"), tz)
        check_buckets(calendar, of)
        await self._runner.depot.committed()  # who has seen a value finds it in the history
        held = self._state.sensors[sensor]
        wish = Wish(*of, calendar, held.stale_after, worst_rank(quality))
        found = await self._store.summary(sensor, wish, self._runner.clock.now())
        head: dict[str, Any] = {"series": sensor, "source": found.source}
        head["unit"] = self._state.unit_of(sensor)
        head |= {"versions": [calibration_picture(version) for version in versions_of(self._state, held)]}
        return head | {"marks": await self._curves.marks(sensor, of)} | bucket_columns(found, packed)

    async def _decisions(
        self, since: str = "-24h", until: str | None = None, token: str | None = None
    ) -> list[dict[str, Any]]:
        """What rules concluded and what became of it, oldest first; the newest 100,000.

        `outcome` is that of now, also for a decision whose node answered after `until`.
        """
        self._clerk.who(token, Permission.LOOK)
        begin, end = self._span(since, until)
        await self._runner.depot.committed()
        rows = await self._store.between(DecisionRow, begin, end, ROWS_MOST)
        began = rows[0]["at"] if rows else begin
        now = max(end, self._runner.clock.now() + 1)
        known = {(row["rule"], row["cause"]) for row in rows if row["active"]}
        every = self._store.each(OutcomeRow, began, now)
        outcomes = [one async for one in every if (one["who"].removeprefix("rule:"), one["cause"]) in known]
        return [row | {"at": to_iso(row["at"])} for row in with_outcomes(rows, outcomes)]

    async def _commands(
        self, since: str = "-24h", until: str | None = None, token: str | None = None
    ) -> list[dict[str, Any]]:
        """Every step of every command, oldest first; the newest 100,000."""
        return await self._listed(OutcomeRow, since, until, token)

    async def _heartbeats(
        self, since: str = "-24h", until: str | None = None, token: str | None = None
    ) -> list[dict[str, Any]]:
        """What nodes said of themselves, oldest first; the newest 100,000."""
        return await self._listed(HeartbeatRow, since, until, token)

    async def _notices(
        self, since: str = "-24h", until: str | None = None, limit: int = ROWS_MOST, token: str | None = None
    ) -> list[dict[str, Any]]:
        """What rules told people, oldest first; the newest `limit`, 1..100,000. `sent` false: kept and shown only."""
        rows = await self._listed(RuleNoticeRow, since, until, token, _count(limit))
        return [row | {"sent": is_sent(row["channel"])} for row in rows]

    def _span(self, since: str, until: str | None = None) -> tuple[Instant, Instant]:
        return read_span(since, until, self._runner.clock.now())

    async def _listed(
        self, model: Any, since: str, until: str | None, token: str | None, limit: int = ROWS_MOST
    ) -> list[dict[str, Any]]:
        self._clerk.who(token, Permission.LOOK)
        span = self._span(since, until)
        await self._runner.depot.committed()
        rows = await self._store.between(model, *span, limit)
        return [row | {"at": to_iso(row["at"])} | _unpacked(row) for row in rows]


def _count(limit: object) -> int:
    if type(limit) is int and 1 <= limit <= ROWS_MOST:
        return limit
    allowed = f"1..{ROWS_MOST}"
    raise InvalidValueError(field="limit", value=repr(limit)[:40], problem="no count", allowed=allowed)


def _unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.loads(row[name]) for name in ("findings", "degraded") if name in row}
