"""The audit for those who may read it: rows and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.span import read_span
from godkaiser.io.sql.audits import FILTERS, Audits
from godkaiser.model.audited import AuditSeverity
from godkaiser.model.calendar import UTC_NAME, Calendar
from godkaiser.model.instant import DAY, Instant, to_iso

ROWS_MOST: Final = 100_000
SHOWN: Final = (
    "at", "severity", "who", "action", "target", "address", "correlation", "detail", "before", "after", "place",
)  # fmt: skip
COUNTED: Final = ("action", "who", "address")


class Auditor:
    """Only reads; rows are written where things happen."""

    def __init__(self, runner: Runner, audits: Audits, clerk: Clerk) -> None:
        self._runner, self._audits, self._clerk = runner, audits, clerk

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "audit": self._list,
            "audit.statistics": self._statistics,
        }

    async def _list(
        self,
        since: str = "-24h",
        until: str | None = None,
        limit: int = ROWS_MOST,
        wanted: dict[str, str] | None = None,
        token: str | None = None,
    ) -> list[dict[str, Any]]:
        """Who did what, oldest first; the newest `limit`, 1..100,000. `wanted`: what fields must be."""
        self._clerk.who(token, Permission.MANAGE_USERS)
        span, checked = self._span(since, until), _wanted(wanted)
        _check_count(limit)
        await self._runner.depot.committed()
        rows = await self._audits.listed(*span, limit, checked)
        return [{name: row[name] for name in SHOWN} | {"at": to_iso(row["at"])} for row in rows]

    async def _statistics(
        self, since: str = "-30d", until: str | None = None, tz: str = UTC_NAME, token: str | None = None
    ) -> dict[str, Any]:
        """How many rows there are by action, person, severity and address, and by day and severity.

        `erased`: rows of which only the place is left; they are in no other count.
        """
        self._clerk.who(token, Permission.MANAGE_USERS)
        span, calendar = self._span(since, until), Calendar(DAY, tz)
        await self._runner.depot.committed()
        counts = {name: await self._audits.counted(*span, name) for name in COUNTED}
        days: dict[Instant, Counter[str]] = {}
        for at, severity, count in await self._audits.quarters(*span):
            days.setdefault(calendar.begin(at), Counter())[severity] += count
        counts["severity"] = {each.value: sum(day[each] for day in days.values()) for each in AuditSeverity}
        return {
            "since": to_iso(span[0]),
            "until": to_iso(span[1]),
            "rows": sum(counts["severity"].values()),
            "erased": sum(day[""] for day in days.values()),
            "by": counts,
            "days": [
                {"begins": to_iso(begins)} | {each.value: count[each.value] for each in AuditSeverity}
                for begins, count in sorted(days.items())
            ],
        }

    def _span(self, since: str, until: str | None) -> tuple[Instant, Instant]:
        return read_span(since, until, self._runner.clock.now())


def _wanted(given: dict[str, str] | None) -> dict[str, str]:
    values: object = {} if given is None else given
    if not isinstance(values, dict):
        raise InvalidValueError(
            field="wanted", value=repr(values)[:40], problem="is no object", allowed=", ".join(FILTERS)
        )
    for name, value in values.items():
        if name not in FILTERS:
            raise InvalidValueError(
                field="wanted",
                value=str(name)[:40],
                problem="no field to look for",
                allowed=", ".join(FILTERS),
            )
        if not isinstance(value, str) or not value:
            raise InvalidValueError(
                field=f"wanted.{name}",
                value=repr(value)[:40],
                problem="no text",
                allowed="one or more characters",
            )
    if (severity := values.get("severity")) not in {None, *AuditSeverity}:
        allowed = ", ".join(AuditSeverity)
        raise InvalidValueError(
            field="wanted.severity", value=repr(severity)[:40], problem="is none", allowed=allowed
        )
    return values


def _check_count(limit: object) -> None:
    if type(limit) is not int or not 1 <= limit <= ROWS_MOST:
        raise InvalidValueError(
            field="limit", value=repr(limit)[:40], problem="no count", allowed=f"1..{ROWS_MOST}"
        )
