"""Derived series: made whenever an input reports, stored like any other. Never better or newer than their inputs."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from godkaiser.engine.effect import SeriesRecord, Store
from godkaiser.engine.lightsum import remember, summed
from godkaiser.engine.state import Moment, SensorState, State, sensor_name
from godkaiser.errors import InvalidValueError
from godkaiser.model.derived import SIGMAS, DerivedSpec
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import SECOND, Instant
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.sensors import derived
from godkaiser.sensors.catalogue import Catalogue

AGREEING: Final = frozenset({"mean", "vote"})  # of sensors that measure the same
ENOUGH: Final = 0.9  # of the time, for rules to act on a light sum
WHOLE: Final = 1 - 1e-9
Values = Sequence[float]
_FORMULAS: Final[dict[str, Callable[[DerivedSpec, Values], float]]] = {
    "air_vpd": lambda _, x: derived.air_vpd(x[0], x[1]),
    "leaf_vpd": lambda spec, x: derived.leaf_vpd(x[0], x[1], spec.leaf_offset or 0.0),
    "dew_point": lambda _, x: derived.dew_point(x[0], x[1]),
    "absolute_humidity": lambda _, x: derived.absolute_humidity(x[0], x[1]),
    "ppfd": lambda spec, x: derived.ppfd_from_lux(x[0], spec.lamp or 0.0),
    "difference": lambda _, x: derived.difference(x[0], x[1]),
    "mean": lambda _, x: derived.mean(x),
}


@dataclass(frozen=True, slots=True)
class Part:
    """An input: its newest reading, which has a value, and whether rules may ever look at it."""

    reading: Reading
    value: float
    settled: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A value or the reason why there is none, and what it was made of."""

    value: float | None
    parts: Sequence[Part]
    reason: str = ""
    quality: Quality = Quality.GOOD  # at best
    coverage: float | None = None


def made_from(moment: Moment, series: SeriesId) -> list[tuple[SensorState, Reading, bool]]:
    """What a new reading of a series gives: series, reading, and whether rules may ever look at it."""
    found = []
    for spec in moment.state.made_from(series):
        parts = _parts(moment, spec)
        made = _sum(moment, spec, parts[0]) if spec.kind == "dli" else _made(moment, spec, parts)
        if made is not None:
            sensor = moment.state.sensors.get(spec.series) or _new_series(moment, spec.series)
            found.append((sensor, _reading(moment, spec, made), all(part.settled for part in made.parts)))
    return found


def _new_series(moment: Moment, series: SeriesId) -> SensorState:
    sensor = moment.state.add_sensor(series)
    moment.emit(Store(SeriesRecord(series, moment.state.unit_of(series), sensor_name(sensor))))
    return sensor


def _parts(moment: Moment, spec: DerivedSpec) -> list[Part | None]:
    """None for what is missing, without a value, or older than the newest by more than `max_age_s`."""
    sensors = [moment.state.bound(series) for series in spec.inputs]
    times = [s.latest.measured_at for s in sensors if s is not None and s.latest is not None]
    # None at all: named without an address, and there are two of them now.
    newest = max(times, default=0)
    return [_part(sensor, newest - round(spec.max_age_s * SECOND)) for sensor in sensors]


def _part(sensor: SensorState | None, since: Instant) -> Part | None:
    reading = None if sensor is None else sensor.latest
    if sensor is None or sensor.mode == "paused":
        return None
    if reading is None or reading.value is None or reading.measured_at < since:
        return None
    return Part(reading, reading.value, sensor.timely.get(reading.quality) is reading)


def _made(moment: Moment, spec: DerivedSpec, parts: Sequence[Part | None]) -> Made | None:
    """None: an input is missing, and nothing is made up for it."""
    if spec.kind == "vote":
        return _voted(moment, spec, parts)
    there = [part for part in parts if part is not None]
    if len(there) < len(parts):
        return None
    values = [part.value for part in there]
    try:
        made = _FORMULAS[spec.kind](spec, values)
    except InvalidValueError as error:
        return Made(None, there, str(error), Quality.ERROR)
    row = moment.state.catalogue.types[spec.series.sensor_type]
    if not row.low <= made <= row.high:
        reason = f"{made:.6g} {row.unit} is outside {row.low:g}..{row.high:g}"
        return Made(None, there, reason, Quality.ERROR)
    apart = _disagreement(moment.state, spec, there)
    return Made(made, there, apart, Quality.SUSPECT if apart else Quality.GOOD)


ROUNDING: Final = 1e-9  # 3 · 0.3 is a little less than 0.9


def agreeing(catalogue: Catalogue, spec: DerivedSpec) -> float | None:
    """How far apart the inputs may be, in their unit: as stated, or of the least accurate. None: however far."""
    if spec.agree_within is not None or spec.kind not in AGREEING:
        return spec.agree_within
    if spec.kind == "mean" and len({series.node for series in spec.inputs}) > 1:
        return None  # in different places they may differ as they like; side by side they measure the same
    stated = [catalogue.types[series.sensor_type].accuracy for series in spec.inputs]
    known = [accuracy for accuracy in stated if accuracy is not None]
    return SIGMAS * max(known) if len(known) == len(stated) else None


def _disagreement(state: State, spec: DerivedSpec, parts: Sequence[Part]) -> str:
    """The two that are furthest apart, where that is too far."""
    limit = agreeing(state.catalogue, spec)
    low, high = (end(parts, key=lambda part: part.value) for end in (min, max))
    if limit is None or high.value - low.value <= limit + ROUNDING:
        return ""
    unit = f" {state.unit_of(spec.series)}".rstrip()
    said = [f"{state.name_of(part.reading.series)} ({part.value:.6g}{unit})" for part in (low, high)]
    return f"{' and '.join(said)} do not agree within {limit:.6g}{unit}"


def _sum(moment: Moment, spec: DerivedSpec, part: Part | None) -> Made | None:
    """Only what rules may use is light; of too small a part of the time the sum is suspect."""
    if part is None or not part.reading.usable:
        return None
    series, at = part.reading.series, part.reading.measured_at
    remember(moment.state, series, [(at, part.value)])
    try:
        found = summed(moment.state, spec, series, at)
    except InvalidValueError as error:
        return Made(None, [part], str(error), Quality.ERROR)
    if found.mol is None:
        return None
    quality = Quality.GOOD if found.coverage >= ENOUGH else Quality.SUSPECT
    reason = _missed(found.coverage) if found.coverage < WHOLE else ""
    return Made(found.mol, [part], reason, quality, found.coverage)


def _missed(coverage: float) -> str:
    """Rounded down: 99.9 % is not all of it."""
    return f"measured {math.floor(coverage * 100)}% of the time"


def _voted(moment: Moment, spec: DerivedSpec, parts: Sequence[Part | None]) -> Made | None:
    """Whoever is silent or suspect has no voice, but counts as one of them."""
    voices = [
        part if part is not None and part.reading.quality is not Quality.SUSPECT else None for part in parts
    ]
    there = [part for part in voices if part is not None]
    if 2 * len(there) <= len(parts):
        return None
    limit = agreeing(moment.state.catalogue, spec) or 0.0
    vote = derived.vote([None if part is None else part.value for part in voices], 0.0, limit)
    if vote.value is None:
        return Made(
            None, there, f"no majority agrees: {_disagreement(moment.state, spec, there)}", Quality.ERROR
        )
    agreed = [part for place, part in enumerate(voices) if part is not None and place not in vote.dissent]
    return Made(vote.value, agreed)


def _reading(moment: Moment, spec: DerivedSpec, made: Made) -> Reading:
    """Worst quality and oldest time of what it was made of. Its raw value is that of the first input."""
    worst = max((part.reading for part in made.parts), key=lambda reading: reading.quality.rank)
    oldest = min((part.reading for part in made.parts), key=lambda reading: reading.measured_at)
    first = made.parts[0]
    reason = worst.reason and f"{moment.state.name_of(worst.series)}: {worst.reason}"
    return Reading(
        series=spec.series,
        value=made.value,
        raw=first.value,
        unit=moment.state.unit_of(spec.series),
        quality=max(made.quality, worst.quality, key=lambda quality: quality.rank),
        reason=made.reason or reason,
        measured_at=oldest.measured_at,
        received_at=moment.now,
        zone=first.reading.zone,
        boot=first.reading.boot,
        seq=zlib.crc32(repr([part.value for part in made.parts]).encode()),
        cause=moment.seq,
        coverage=made.coverage,
        usable=made.quality is Quality.GOOD and all(part.reading.usable for part in made.parts),
        server_timed=any(part.reading.server_timed for part in made.parts),
    )
