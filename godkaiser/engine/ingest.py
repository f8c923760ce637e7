"""Report → reading: conversion, time gates, identity. A report nobody can believe is counted, not stored.

Time gates (domain section 5): a node's clock within ±30 s is good; 30..120 s old is late but good; older or
more than 30 s ahead is suspect and no rule looks at it; older than a day is stored as late data.
"""

from __future__ import annotations

import zlib
from typing import Final

from godkaiser.engine import limits
from godkaiser.engine.decide import reconsider
from godkaiser.engine.effect import SeriesRecord, Store
from godkaiser.engine.state import Moment, NodeState, SensorState, Trouble, sensor_name
from godkaiser.errors import UnknownSensorTypeError
from godkaiser.model.event import Malformed, SensorReport
from godkaiser.model.ids import SeriesId, ZoneId
from godkaiser.model.instant import SECOND, Instant
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.sensors.types import TYPES, Converted, canonical, convert

EARLIEST_TS: Final = 1_577_836_800  # 2020-01-01: no node clock that works is older
LATEST_TS: Final = 4_102_444_800  # 2100-01-01: nor one younger
MILLISECONDS_FROM: Final = 10**10
LATE_AFTER: Final = 120 * SECOND
AHEAD_AFTER: Final = 30 * SECOND
_UNREMARKABLE: Final = ("good", "fair", "unknown")
_WIRE_QUALITY: Final = {"poor": Quality.SUSPECT, "suspect": Quality.SUSPECT, "error": Quality.ERROR}


def on_sensor(moment: Moment, event: SensorReport) -> None:
    """Store it, remember it, and let the rules that read it look."""
    node = moment.state.nodes.get(event.node)
    if node is None or node.status != "approved":
        moment.state.counters["quarantined"] += 1
        moment.tell("counters")
        return
    try:
        kind = canonical(event.sensor_type)
    except UnknownSensorTypeError as error:
        topic = f"kaiser/{event.kaiser}/esp/{event.node}/sensor/{event.gpio}/data"
        on_malformed(
            moment,
            Malformed(
                moment.now,
                topic,
                event.sensor_type,
                error.code,
                f"{error} {error.remedy}",
                event.node,
                "sensor_data",
            ),
        )
        return
    series = SeriesId.of(event.node, event.gpio, kind, event.address)
    sensor = moment.state.sensors.get(series) or _new_series(moment, series)
    reading = _reading(moment, event, sensor, node)
    _remember(moment, sensor, reading)


def _new_series(moment: Moment, series: SeriesId) -> SensorState:
    sensor = moment.state.add_sensor(series)
    moment.emit(Store(SeriesRecord(series, TYPES[series.sensor_type].unit, sensor_name(sensor))))
    return sensor


def _reading(moment: Moment, event: SensorReport, sensor: SensorState, node: NodeState) -> Reading:
    row = TYPES[sensor.id.sensor_type]
    adc = sensor.spec.adc if sensor.spec is not None else "esp32"
    calibration = sensor.spec.calibration if sensor.spec is not None else None
    made = convert(row.name, event.raw, raw_mode=event.raw_mode, adc=adc, calibration=calibration)
    measured, server_timed = _measured_at(event, moment.now)
    dark = row.dark_end is not None and event.raw < row.dark_end
    quality, value, reason = _quality(made, "good" if dark and event.quality == "suspect" else event.quality)
    age = moment.now - measured
    if age > LATE_AFTER or age < -AHEAD_AFTER:
        quality = max(quality, Quality.SUSPECT, key=lambda q: q.rank)
        reason = reason or (f"{age // SECOND} s old" if age > 0 else f"{-age // SECOND} s ahead of our clock")
    allowed = quality is Quality.GOOD or (quality is Quality.UNCALIBRATED and row.uncalibrated_rules)
    zone = (sensor.spec.zone if sensor.spec is not None else None) or node.zone
    return Reading(
        series=sensor.id,
        value=value,
        raw=event.raw,
        unit=row.unit,
        quality=quality,
        reason=reason,
        measured_at=measured,
        received_at=moment.now,
        zone=None if zone is None else ZoneId.parse(zone),
        boot=node.boot,
        seq=event.seq if event.seq is not None else zlib.crc32(repr(event.raw).encode()),
        cause=moment.seq,
        usable=allowed and value is not None,
        server_timed=server_timed,
    )


def _measured_at(event: SensorReport, now: Instant) -> tuple[Instant, bool]:
    """The node's time in seconds (milliseconds from 1e10 on), or ours, marked, when it has none."""
    seconds = event.ts / 1000 if event.ts >= MILLISECONDS_FROM else event.ts
    if event.time_valid is False or not EARLIEST_TS <= seconds <= LATEST_TS:
        return now, True
    return round(seconds * SECOND), False


def _quality(made: Converted, word: str) -> tuple[Quality, float | None, str]:
    """The worse of our judgement and the node's word; an unknown word is good with a note."""
    said = _WIRE_QUALITY.get(word, Quality.GOOD)
    quality = max(made.quality, said, key=lambda q: q.rank)
    reason = made.reason or ("" if word in _UNREMARKABLE else f"the node says {word}")
    return quality, None if quality is Quality.ERROR else made.value, reason


def _remember(moment: Moment, sensor: SensorState, reading: Reading) -> None:
    moment.state.counters["readings_received"] += 1
    newest = _newer(reading, sensor.latest)
    if newest:
        sensor.latest = reading
    if reading.usable and _newer(reading, sensor.usable):
        sensor.usable = reading
        moment.state.due.set(("stale", sensor.id), moment.now + sensor.stale_after)
    moment.emit(Store(reading))
    moment.tell("sensor", sensor.id)
    if newest:
        for rule in moment.state.rules_reading(sensor.id):
            reconsider(moment, rule)
        limits.on_series(moment, sensor.id)


def _newer(reading: Reading, than: Reading | None) -> bool:
    """By the node's clock, but a clock that once ran ahead must not outdate everything it says later."""
    return than is None or reading.measured_at >= min(than.measured_at, than.received_at)


def on_malformed(moment: Moment, event: Malformed) -> None:
    """Count it per node and reason, keep the last few for people. Nodes we do not know share one account."""
    node = moment.state.nodes.get(event.node) if event.node is not None else None
    trouble = moment.state.troubles.setdefault(("" if node is None else node.id, event.code), Trouble())
    trouble.count += 1
    trouble.last.appendleft(event)
    if node is not None:
        moment.tell("node", node.id)
    moment.state.counters["malformed"] += 1
    moment.state.malformed_by_code[event.code] += 1
    moment.state.malformed.appendleft(event)
    moment.tell("counters")
