"""Report → reading: conversion, time gates, identity. A report nobody can believe is counted, not stored.

Time gates (domain section 5): a node's clock within ±30 s is good; 30..120 s old is late but good; older or
more than 30 s ahead is suspect and no rule looks at it; older than a day is stored as late data.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Final

from godkaiser.engine import limits
from godkaiser.engine.calibration import counting, water_of
from godkaiser.engine.decide import reconsider
from godkaiser.engine.derived import made_from
from godkaiser.engine.effect import SeriesRecord, Store
from godkaiser.engine.place import zone_at
from godkaiser.engine.signal import Judged, contradicted, notice_start, usable, weigh
from godkaiser.engine.state import Moment, NodeState, SensorState, Trouble, sensor_name
from godkaiser.errors import UnknownSensorTypeError
from godkaiser.model.event import Malformed, Retold, SensorReport
from godkaiser.model.ids import SeriesId, ZoneId
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.sensors.types import Converted, convert
from godkaiser.sensors.wired import wired

EARLIEST_TS: Final = 1_577_836_800  # 2020-01-01: no node clock that works is older
LATEST_TS: Final = 4_102_444_800  # 2100-01-01: nor one younger
MILLISECONDS_FROM: Final = 10**10
LATE_AFTER: Final = 120 * SECOND
JUST_NOW: Final = 2 * SECOND
AHEAD_AFTER: Final = 30 * SECOND
_UNREMARKABLE: Final = ("good", "fair")
_WIRE_QUALITY: Final = {"poor": Quality.SUSPECT, "suspect": Quality.SUSPECT, "error": Quality.ERROR}


def on_sensor(moment: Moment, event: SensorReport) -> None:
    """Store it, remember it, and let the rules that read it look."""
    node = moment.state.nodes.get(event.node)
    if node is None or node.status != "approved":
        moment.state.counters["quarantined"] += 1
        moment.tell("counters")
        return
    try:
        kind = moment.state.catalogue.measured(event.sensor_type)
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
    moment.state.counters["readings_received"] += 1
    if sensor.latest is not None and _again(event, sensor.latest, node, moment.now):
        _heard_again(moment, sensor, sensor.latest)
        return
    reading, settled = _reading(moment, event, sensor, node)
    newest = _remember(moment, sensor, reading, settled)
    for made in made_from(moment, series) if newest else ():
        _remember(moment, *made)


def on_retold(moment: Moment, event: Retold) -> None:
    """As it was judged when it came: neither converted nor weighed again; derived series were stored, too."""
    told = event.reading
    sensor = moment.state.sensors.get(told.series) or _new_series(moment, told.series)
    timely = -AHEAD_AFTER <= told.received_at - told.measured_at <= LATE_AFTER
    fit = timely and usable(sensor.row, Judged(told.value, told.quality, told.reason))
    _remember(moment, sensor, replace(told, usable=fit, cause=moment.seq), timely)


def _again(event: SensorReport, latest: Reading, node: NodeState, now: Instant) -> bool:
    """Is it the newest one once more? One timed by us cannot be told from the next."""
    measured, server_timed = _measured_at(event, now)
    return not server_timed and (measured, node.boot, _seq(event)) == (
        latest.measured_at,
        latest.boot,
        latest.seq,
    )


def _heard_again(moment: Moment, sensor: SensorState, latest: Reading) -> None:
    """Delivered twice, or measured twice within a second with the same result: judged once."""
    if latest.value is not None:
        sensor.heard_at = moment.now
    again = replace(latest, received_at=moment.now) if moment.now - latest.measured_at <= JUST_NOW else latest
    sensor.usable = again if sensor.usable is latest else sensor.usable
    sensor.timely = {kept: again if old is latest else old for kept, old in sensor.timely.items()}
    sensor.latest = again
    moment.emit(Store(again))
    moment.tell("sensor", sensor.id)


def _seq(event: SensorReport) -> int:
    return event.seq if event.seq is not None else zlib.crc32(repr(event.raw).encode())


def _new_series(moment: Moment, series: SeriesId) -> SensorState:
    sensor = moment.state.add_sensor(series)
    moment.emit(Store(SeriesRecord(series, sensor.row.unit, sensor_name(sensor))))
    return sensor


def _reading(
    moment: Moment, event: SensorReport, sensor: SensorState, node: NodeState
) -> tuple[Reading, bool]:
    """The reading, and whether a rule that asks for less than usual may look at it."""
    row = sensor.row
    adc, _ = moment.state.adc_of(sensor.id, sensor.spec)
    measured, server_timed = _measured_at(event, moment.now)
    calibration, water = counting(moment, sensor, measured), water_of(moment, sensor, measured)
    sent = wired(row, sensor.spec, event.raw, raw_mode=event.raw_mode)
    made = convert(row, sent.raw, raw_mode=event.raw_mode, adc=adc, calibration=calibration, water=water)
    made = Converted(None, Quality.ERROR, sent.problem) if sent.problem else made
    dark = row.dark_end is not None and event.raw < row.dark_end
    at_rail = (
        dark or sent.contact
    ) and event.quality == "suspect"  # where they say 0 or 1, rails are no fault
    found = _quality(made, "good" if at_rail else event.quality)
    found = _out_of_time(found, moment.now - measured)
    newest = _newest(measured, sensor.latest)
    if newest:
        notice_start(sensor, node, event.seq, clockless=server_timed)
    if found.settled and newest:
        pause = moment.state.allowed_age(sensor, sensor.latest.received_at) if sensor.latest else 0
        found = weigh(sensor, node, (event.raw, event.raw_mode), measured, found, pause)
    zone = zone_at(moment.state, sensor, measured)
    reading = Reading(
        series=sensor.id,
        value=found.value,
        raw=event.raw,
        unit=row.unit,
        quality=found.quality,
        reason=found.reason,
        measured_at=measured,
        received_at=moment.now,
        zone=None if zone is None else ZoneId.parse(zone),
        boot=node.boot,
        seq=_seq(event),
        cause=moment.seq,
        usable=usable(row, found),
        server_timed=server_timed,
        calibration=row.made_by(calibration, found.value, raw_mode=event.raw_mode),
    )
    return reading, found.settled


def _measured_at(event: SensorReport, now: Instant) -> tuple[Instant, bool]:
    """The node's time in seconds (milliseconds from 1e10 on), or ours, marked, when it has none."""
    seconds = event.ts / 1000 if event.ts >= MILLISECONDS_FROM else event.ts
    if event.time_valid is False or not EARLIEST_TS <= seconds <= LATEST_TS:
        return now, True
    return round(seconds * SECOND), False


def _quality(made: Converted, word: str) -> Judged:
    """The worse of our judgement and the node's word; an unknown word is good with a note."""
    said = _WIRE_QUALITY.get(word, Quality.GOOD)
    quality = max(made.quality, said, key=lambda q: q.rank)
    reason = made.reason or ("" if word in _UNREMARKABLE else f"the node says {word}")
    return Judged(None if quality is Quality.ERROR else made.value, quality, reason)


def _out_of_time(found: Judged, age: Duration) -> Judged:
    """Too old, or too far ahead of our clock, for rules."""
    if -AHEAD_AFTER <= age <= LATE_AFTER:
        return found
    quality = max(found.quality, Quality.SUSPECT, key=lambda q: q.rank)
    clock = f"{age // SECOND} s old" if age > 0 else f"{-age // SECOND} s ahead of our clock"
    return Judged(found.value, quality, found.reason or clock, settled=False)


def _remember(moment: Moment, sensor: SensorState, reading: Reading, settled: bool) -> bool:
    """Whether it is the newest."""
    if reading.value is not None:
        sensor.heard_at = moment.now
    newest = _newest(reading.measured_at, sensor.latest)
    if newest:
        sensor.latest = reading
        if contradicted(sensor):
            sensor.usable = None
            sensor.timely = {
                quality: old for quality, old in sensor.timely.items() if quality is Quality.SUSPECT
            }
        if settled and reading.value is not None:
            _offer(moment, sensor, reading)
    moment.emit(Store(reading))
    moment.tell("sensor", sensor.id)
    if newest:
        for rule in moment.state.rules_reading(sensor.id):
            reconsider(moment, rule)
        limits.on_series(moment, sensor.id)
    return newest


def _offer(moment: Moment, sensor: SensorState, reading: Reading) -> None:
    """To rules: to all of them, or only to those that ask for less."""
    sensor.timely[reading.quality] = reading
    sensor.usable = reading if reading.usable else sensor.usable
    kind = "stale" if reading.usable else "doubtful"
    if sensor.mode != "paused":
        moment.state.due.set((kind, sensor.id), moment.now + moment.state.allowed_age(sensor, moment.now))


def _newest(measured_at: Instant, than: Reading | None) -> bool:
    """By the node's clock, but a clock that once ran ahead must not outdate everything it says later."""
    return than is None or measured_at >= min(than.measured_at, than.received_at)


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
