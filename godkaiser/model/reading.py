"""A reading: what we believe, made from a report, with everything needed to doubt it."""

from __future__ import annotations

from dataclasses import dataclass

from godkaiser.model.ids import SeriesId, ZoneId
from godkaiser.model.instant import Instant
from godkaiser.model.quantity import Quality


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series. `value` is None exactly when `quality` is ERROR or no conversion exists.

    `usable` says whether rules may look at it (age and clock gates of the ingest); `cause` is the sequence
    number of the event it came with; `server_timed` marks a time that is ours because the node had none.
    `calibration` is the version of the calibration that made the value; 0: none did.
    `coverage`, of a sum over time: the part 0..1 of that time that was measured; None: it is no sum.
    """

    series: SeriesId
    value: float | None
    raw: float
    unit: str
    quality: Quality
    reason: str
    measured_at: Instant
    received_at: Instant
    zone: ZoneId | None
    boot: int
    seq: int
    cause: int
    usable: bool = True
    server_timed: bool = False
    calibration: int = 0
    coverage: float | None = None
