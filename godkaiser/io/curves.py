"""The curve of one sensor: its readings in a span, and what a reader of them must know of."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine import picture
from godkaiser.engine.calibration import calibration_picture, versions_of
from godkaiser.engine.cycles import marks_of
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.packing import RANKS, floats, packed_array
from godkaiser.io.runner import Runner
from godkaiser.io.span import check_span, read_span
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant, to_iso

ROWS_MOST: Final = 100_000_000
MARKING: Final = ("node.replaced", "sensor.recalibrated")  # what a reader of a curve must know of


class Curves:
    """Answers requests for readings, and gives others who show readings their marks."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk) -> None:
        self._runner, self._store, self._clerk = runner, store, clerk
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "history": self._history,
        }

    async def _history(
        self,
        series: str,
        since: str = "-24h",
        until: str | None = None,
        limit: int | None = None,
        packed: bool = False,
        token: str | None = None,
    ) -> dict[str, Any]:
        """`packed`: columns as base64 of 64-bit integers and floats (NaN where there is no value).

        `raw`: what the node said, before conversion and filters.
        `marks`: when the board or the calibration behind the series was changed, and the words about it; what was
        planted, noted and ended in its zone.
        `calibration`: the version that made each value, 0 for none; `versions`: those that occur.
        `coverage`: of a light sum, the part 0..1 of its time that was measured; of all others it is empty.
        """
        self._clerk.who(token, Permission.LOOK)
        check_span(since, until)
        _check_limit(limit)
        sensor = self._clerk.sensor(series)
        return await self.stretch(sensor, read_span(since, until, self._runner.clock.now()), limit, packed)

    async def stretch(
        self,
        sensor: SeriesId,
        span: tuple[Instant, Instant],
        limit: int | None = None,
        packed: bool = False,
        zone: str | None = None,
    ) -> dict[str, Any]:
        """What is stored of a span, the end exclusive; with `zone` only what was measured there."""
        await self._runner.depot.committed()  # who has seen a value finds it in the history
        columns = await self._store.history(sensor, *span, limit, zone)
        marks = await self.marks(sensor, span, zone)
        versions = self._versions(sensor, set(columns.calibration))
        head: dict[str, Any] = {"series": sensor, "unit": self._state.unit_of(sensor)}
        head |= {
            "quality": columns.quality,
            "marks": marks,
            "calibration": columns.calibration,
            "versions": versions,
        }
        coverage = columns.coverage if any(part is not None for part in columns.coverage) else []
        if packed:
            ranks = bytes(RANKS[word] for word in columns.quality)
            head |= {"quality": packed_array(array("B", ranks))}
            head |= {"calibration": packed_array(array("q", columns.calibration))}
            head |= {
                "times": packed_array(array("q", columns.times)),
                "raw": packed_array(array("d", columns.raw)),
            }
            return head | {"values": floats(columns.values), "coverage": floats(coverage)}
        times = [to_iso(at) for at in columns.times]
        return head | {"times": times, "values": columns.values, "raw": columns.raw, "coverage": coverage}

    async def marks(
        self, sensor: SeriesId, span: tuple[Instant, Instant], zone: str | None = None
    ) -> list[dict[str, str]]:
        """What a reader of a curve must know of."""
        shown = picture.sensor_picture(self._state, self._state.sensors[sensor], span[1])
        marks = await self._store.audits.marks((sensor, sensor.node), MARKING, *span)
        marks = sorted([*marks, *marks_of(self._state, zone or shown["zone"], *span)])
        return [{"at": to_iso(at), "text": text} for at, text in marks]

    def _versions(self, sensor: SeriesId, numbers: set[int]) -> list[dict[str, Any]]:
        made = versions_of(self._state, self._state.sensors[sensor])
        return [calibration_picture(one) for one in made if one.version in numbers]


def _check_limit(limit: object) -> None:
    if limit is not None and not (isinstance(limit, int) and 0 < limit <= ROWS_MOST):
        allowed = f"1..{ROWS_MOST}"
        raise InvalidValueError(field="limit", value=repr(limit)[:40], problem="no count", allowed=allowed)
