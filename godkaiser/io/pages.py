"""The readings of a series page after page, by their key: none twice, none left out, and nothing stays open."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine.calibration import calibration_picture, versions_of
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.curves import Curves
from godkaiser.io.packing import packed_array
from godkaiser.io.runner import Runner
from godkaiser.io.span import read_span
from godkaiser.io.sql.bulk import Key, Part
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant

SLICE: Final = 5_000  # rows read without a break
PAGE_MOST: Final = 500_000  # rows; twice as many would not fit into one answer
_NAMES: Final = {
    "times": "measured_at",
    "values": "value",
    "quality": "quality",
    "raw": "raw",
    "calibration": "calibration",
    "coverage": "coverage",
}


class Pages:
    """Answers requests for very much of the past."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk, curves: Curves) -> None:
        self._runner, self._store, self._clerk, self._curves = runner, store, clerk, curves

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "history.page": self._page,
        }

    async def _page(
        self,
        series: str,
        most: int,
        span: dict[str, str] | None = None,
        place: dict[str, Any] | None = None,
        *,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Readings, oldest first, at most `most`: of a `span` (`since`, `until`), or from the `next` of an answer on.

        Columns as those of `history`, packed, `quality` as integers. The first answer has `unit`, `marks` and the
        `versions` of the whole span, too. `next`: None when that was all.
        """
        self._clerk.who(token, Permission.LOOK)
        sensor, count = self._clerk.sensor(series), _count(most)
        await self._runner.depot.committed()  # who has seen a value finds it in the history
        if place is None:
            head = await self._head(sensor, *self._span(**(span or {"since": "-24h"})))
            part, covered = Part(head["since"], head["until"], most=count), bool(head.pop("covered"))
        else:
            head, (part, covered) = {}, _read(place, count)
        found = await self._in_slices(sensor, part)
        names = {name: column for name, column in _NAMES.items() if covered or name != "coverage"}
        columns = await asyncio.to_thread(_packed, found, names)
        return head | {"coverage": ""} | columns | {"next": _next(part, found, covered)}

    def _span(self, since: str, until: str | None = None) -> tuple[Instant, Instant]:
        return read_span(since, until, self._runner.clock.now())

    async def _in_slices(self, sensor: SeriesId, part: Part) -> dict[str, Any]:
        """So that whoever switches pumps has its turn in between; who reads for himself needs no such care."""
        if self._store.alone:
            return await self._store.part(sensor, part)
        found: dict[str, array[Any]] = {}
        left = part.most or PAGE_MOST
        while left > 0:
            step = min(left, SLICE)
            some = await self._store.part(sensor, replace(part, most=step))
            for name, column in some.items():
                found.setdefault(name, array(column.typecode)).extend(column)
            left -= step
            if len(some["measured_at"]) < step:
                break
            part = replace(part, after=_last(some))
        return found

    async def _head(self, sensor: SeriesId, since: int, until: int) -> dict[str, Any]:
        state = self._runner.engine.state
        numbers, covered = await self._store.occurring(sensor, since, until)
        made = versions_of(state, state.sensors[sensor])
        return {
            "series": sensor,
            "unit": state.unit_of(sensor),
            "marks": await self._curves.marks(sensor, (since, until)),
            "versions": [calibration_picture(one) for one in made if one.version in numbers],
            "since": since,
            "until": until,
            "covered": covered,
        }


def _count(most: object) -> int:
    if isinstance(most, bool) or not isinstance(most, int) or not 0 < most <= PAGE_MOST:
        raise InvalidValueError(
            field="most", value=repr(most)[:40], problem="no count", allowed=f"1..{PAGE_MOST}"
        )
    return most


def _packed(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    return {name: packed_array(found[column]) for name, column in names.items()}


def _last(found: Mapping[str, Any]) -> Key:
    return int(found["measured_at"][-1]), int(found["boot"][-1]), int(found["seq"][-1])


def _next(part: Part, found: Mapping[str, Any], covered: bool) -> dict[str, Any] | None:
    if len(found["measured_at"]) != part.most:
        return None
    return {"after": list(_last(found)), "until": part.until, "covered": covered}


def _read(place: object, most: int) -> tuple[Part, bool]:
    """What `_next` said; clients in other languages may send anything."""
    match place:
        case {"after": [int(at), int(boot), int(seq)], "until": int(until), "covered": bool(covered)}:
            return Part(at, until, (at, boot, seq), most), covered
    raise InvalidValueError(
        field="place", value=repr(place)[:40], problem="is no place", allowed="the next of an answer"
    )
