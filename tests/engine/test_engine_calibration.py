"""Calibrations in the engine: versions, from when they count, undo, what a site may change, and the water."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine.calibration import in_force, restore
from godkaiser.engine.effect import Audit, CalibrationRecord, Effect
from godkaiser.model import event as ev
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import SECOND, to_datetime
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.site import Site
from godkaiser.sensors.calibration import fit
from tests.engine.bench import CLIMATE, SITE, WATER, Desk, stored

SOIL, PH, EC = (SeriesId.of(WATER, pin, kind) for pin, kind in ((34, "moisture"), (35, "ph"), (36, "ec")))
TANK = SeriesId.of(CLIMATE, 4, "ds18b20")
HERE: dict[str, Any] = {"node": WATER, "warm_up": 0, "spike_mad": 0}
SENSORS: list[dict[str, Any]] = [
    HERE | {"gpio": 34, "type": "moisture", "calibration": {"dry": 3000, "wet": 1000}},
    HERE | {"gpio": 35, "type": "ph", "temperature_from": "tank water"},
    HERE | {"gpio": 36, "type": "ec", "temperature_from": str(TANK), "ec_alpha": 0.019},
    {"node": CLIMATE, "gpio": 4, "type": "ds18b20", "name": "tank water", "stale_after_s": 120},
]
FITTED = fit("moisture", [{"raw": 2800, "role": "dry"}, {"raw": 1200, "role": "wet"}])
BUFFERS = [{"raw": 2150, "value": 7, "temperature_c": 25}, {"raw": 1800, "value": 4, "temperature_c": 25}]


def site(*sensors: dict[str, Any]) -> Site:
    made = Site.model_validate({"sensors": list(sensors or SENSORS)})
    return SITE.model_copy(update={"sensors": made.sensors})


def desk(*sensors: dict[str, Any]) -> Desk:
    return Desk(site=site(*sensors)).ready()


def take(here: Desk, series: SeriesId, raw: float, **fields: Any) -> Reading:
    here.wait(1)
    (reading,) = stored(Reading, here.read(series, raw, **({"raw_mode": True} | fields)))
    return reading


def calibrate(here: Desk, made: Calibration = FITTED, series: SeriesId = SOIL) -> list[Effect]:
    return here.handle(ev.CalibrationMade(here.now, series, made, "ann"))


def undo(here: Desk, series: SeriesId = SOIL) -> list[Effect]:
    return here.handle(ev.CalibrationUndone(here.now, series, "ann"))


def apply(here: Desk, *sensors: dict[str, Any]) -> list[Effect]:
    return here.handle(ev.SiteChanged(here.now, site(*sensors), here.rules, "ann"))


def marks(effects: list[Effect]) -> list[str]:
    return [a.detail for a in stored(Audit, effects) if a.action == "sensor.recalibrated"]


def shown(reading: Reading) -> tuple[float | None, int]:
    return None if reading.value is None else round(reading.value, 3), reading.calibration


# ── versions ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_declared_calibration_gets_its_number_with_the_first_reading() -> None:
    here = desk()
    effects = here.read(SOIL, 2000, raw_mode=True)
    (record,) = stored(CalibrationRecord, effects)
    assert (record.series, record.calibration.version, record.calibration.by) == (SOIL, 1, "site")
    assert record.calibration.valid_from is None
    assert marks(effects) == []
    assert stored(Reading, effects)[0].calibration == 1
    assert stored(CalibrationRecord, here.read(SOIL, 2001, raw_mode=True)) == []


def test_fitted_then_undone_new_readings_only() -> None:
    here = desk()
    assert shown(take(here, SOIL, 2800)) == (10.0, 1)
    effects = calibrate(here)
    (record,) = stored(CalibrationRecord, effects)
    made = record.calibration
    assert (made.version, made.by, made.since, made.points) == (2, "ann", here.now, FITTED.points)
    assert marks(effects) == ["calibration changed: dry 3000, wet 1000 → dry 2800, wet 1200 (version 2)"]
    assert shown(take(here, SOIL, 2000)) == (50.0, 2)
    assert shown(take(here, SOIL, 2800)) == (0.0, 2)
    gone = undo(here)
    (record,) = stored(CalibrationRecord, gone)
    assert (record.calibration.version, record.calibration.undone_at) == (2, to_datetime(here.now))
    assert marks(gone) == ["calibration undone: dry 2800, wet 1200 (version 2) → dry 3000, wet 1000"]
    assert shown(take(here, SOIL, 2800)) == (10.0, 1)
    undo(here)
    nothing = take(here, SOIL, 2350)
    assert (shown(nothing), nothing.quality) == ((50.0, 0), Quality.UNCALIBRATED)
    assert undo(here) == []
    (third,) = stored(CalibrationRecord, calibrate(here))
    assert third.calibration.version == 3, "a number is never used twice"


def test_it_is_numbered_after_the_declared_one_also_before_any_reading() -> None:
    here = desk()
    records = stored(CalibrationRecord, calibrate(here))
    assert [(r.calibration.version, r.calibration.method) for r in records] == [
        (1, "declared"),
        (2, "moisture"),
    ]
    undo(here)
    assert shown(take(here, SOIL, 2800)) == (10.0, 1)


def test_one_for_later_waits_for_its_time() -> None:
    here = desk()
    later = to_datetime(here.now + 60 * SECOND)
    effects = calibrate(here, FITTED.model_copy(update={"valid_from": later}))
    assert " from " in marks(effects)[0]
    assert shown(take(here, SOIL, 2800)) == (10.0, 1)
    here.wait(60)
    assert shown(take(here, SOIL, 2800)) == (0.0, 2)


def test_one_from_the_past_counts_from_now() -> None:
    here = desk()
    calibrate(here, FITTED.model_copy(update={"valid_from": to_datetime(here.now - 60 * SECOND)}))
    assert here.state.calibrations[SOIL][-1].since == here.now


def test_a_late_reading_has_the_calibration_of_its_time() -> None:
    here = desk()
    take(here, SOIL, 2800)
    then = here.now // SECOND
    here.wait(100)
    calibrate(here)
    assert shown(take(here, SOIL, 2800, ts=then)) == (10.0, 1)
    assert shown(take(here, SOIL, 2800, ts=here.now // SECOND - 20)) == (0.0, 2), "a clock may be behind"


def test_who_is_not_declared_is_left_alone() -> None:
    here = desk()
    stranger = SeriesId.of(WATER, 33, "moisture")
    take(here, stranger, 2350)
    assert calibrate(here, series=stranger) == []
    assert undo(here, stranger) == []


def test_a_calibration_is_no_spike() -> None:
    here = desk(SENSORS[0] | {"spike_mad": None, "filter": {"median": 5}})
    for number in range(20):
        assert take(here, SOIL, 2000 + number % 2).quality is Quality.GOOD
    calibrate(here, FITTED.model_copy(update={"dry": 4000.0, "wet": 1900.0}))
    reading = take(here, SOIL, 2000)
    assert (reading.quality, shown(reading)) == (Quality.GOOD, (95.238, 2))


# ── the site ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_site_with_another_numbers_a_new_version() -> None:
    here = desk()
    take(here, SOIL, 2800)
    effects = apply(here, SENSORS[0] | {"calibration": {"dry": 2800, "wet": 1200}})
    assert marks(effects) == ["calibration changed: dry 3000, wet 1000 → dry 2800, wet 1200"]
    assert shown(take(here, SOIL, 2000)) == (50.0, 2)
    assert (
        stored(CalibrationRecord, apply(here, SENSORS[0] | {"calibration": {"dry": 2800, "wet": 1200}})) == []
    )
    gone = apply(here, SENSORS[0] | {"calibration": None})
    assert marks(gone) == ["calibration changed: dry 2800, wet 1200 → none"]
    assert take(here, SOIL, 2350).calibration == 0
    undo(here)
    assert shown(take(here, SOIL, 2000)) == (50.0, 2), "that there was none can be undone, too"


def test_a_site_that_says_what_counts_changes_nothing() -> None:
    here = desk()
    calibrate(here)
    spec = here.state.sensor_specs[SOIL]
    assert spec.calibration is not None
    assert spec.calibration.version == 2
    effects = apply(here, spec.model_dump(exclude_defaults=True))
    assert (marks(effects), stored(CalibrationRecord, effects)) == ([], [])
    assert shown(take(here, SOIL, 2000)) == (50.0, 2)


def test_a_new_sensor_has_its_calibration_from_the_beginning_a_heard_one_from_now() -> None:
    here = desk(SENSORS[3])
    apply(here, *SENSORS)
    assert here.state.calibrations[SOIL][0].since is None
    other = desk(SENSORS[3])
    take(other, SOIL, 2000)
    assert marks(apply(other, *SENSORS)) == ["calibration changed: none → dry 3000, wet 1000"]
    assert other.state.calibrations[SOIL][0].since == other.now


def test_what_was_fitted_is_there_again_when_the_sensor_is_declared_again() -> None:
    here = desk()
    calibrate(here)
    apply(here, SENSORS[3])
    assert take(here, SOIL, 2350).calibration == 0
    assert in_force(here.state.calibrations[SOIL], here.now) is not None


def test_two_series_of_one_line_share_its_calibration() -> None:
    here = desk(HERE | {"gpio": 34, "type": "moisture", "calibration": {"dry": 3000, "wet": 1000}})
    left, right = (SeriesId.of(WATER, 34, "moisture", address) for address in ("0x48", "0x49"))
    take(here, left, 2800)
    take(here, right, 2800)
    effects = calibrate(here)
    targets = [a.target for a in stored(Audit, effects) if a.action == "sensor.recalibrated"]
    assert targets == [left, right]
    assert shown(take(here, right, 2000)) == (50.0, 2)


# ── kept over a restart ────────────────────────────────────────────────────────────────────────────────
def test_restored_versions_count_and_the_spec_says_so() -> None:
    here = desk()
    calibrate(here)
    again = Desk(site=site())
    restore(again.state, SOIL, list(here.state.calibrations[SOIL]), here.now)
    again.ready()
    assert again.state.sensor_specs[SOIL].calibration == here.state.calibrations[SOIL][-1]
    assert shown(take(again, SOIL, 2000)) == (50.0, 2)
    stranger = SeriesId.of(WATER, 39, "moisture")
    restore(again.state, stranger, [FITTED], here.now)
    assert again.state.calibrations[stranger] == [FITTED]


def test_a_site_that_was_kept_and_not_yet_numbered_is_not_lost() -> None:
    here = desk()
    take(here, SOIL, 2800)
    again = Desk(site=site(SENSORS[0] | {"calibration": {"dry": 2800, "wet": 1200}}))
    restore(again.state, SOIL, list(here.state.calibrations[SOIL]), here.now)
    again.ready()
    assert shown(take(again, SOIL, 2000)) == (50.0, 2)
    assert again.state.calibrations[SOIL][1].since is not None


# ── water ──────────────────────────────────────────────────────────────────────────────────────────────
def compensated() -> Desk:
    here = desk()
    calibrate(here, fit("ph", BUFFERS), PH)
    calibrate(here, fit("ec", [{"raw": 1500, "value": 1413}, {"raw": 3000, "value": 12880}]), EC)
    return here


def test_ph_and_ec_are_taken_to_their_waters_temperature() -> None:
    here = compensated()
    take(here, TANK, 35.0, raw_mode=False)
    ph = take(here, PH, 1800)
    assert (shown(ph), ph.quality, ph.usable) == ((4.097, 1), Quality.GOOD, True)
    take(here, TANK, 30.0, raw_mode=False)
    assert take(here, EC, 1800).value == pytest.approx(3706.4 / (1 + 0.019 * 5), abs=1e-3)


@pytest.mark.parametrize("how", ["never", "stale", "fault", "offline", "before"])
def test_without_a_temperature_the_value_is_kept_and_suspect(how: str) -> None:
    here = compensated()
    fields: dict[str, Any] = {}
    here.live(7200)
    if how != "never":
        take(here, TANK, 35.0 if how != "fault" else -127, raw_mode=False)
    if how in ("stale", "fault"):
        here.live(121)
    if how == "offline":
        here.handle(ev.Will(here.now, here.state.kaiser, CLIMATE, retained=False))
    if how == "before":
        fields["ts"] = here.now // SECOND - 3600
    ph = take(here, PH, 1800, **fields)
    assert (shown(ph)[0], ph.quality, ph.usable) == (4.0, Quality.SUSPECT, False)
    assert ph.reason == "no water temperature: not compensated"


def test_a_calibration_of_unknown_temperature_cannot_be_compensated() -> None:
    here = desk()
    calibrate(here, fit("ph", [{"raw": 2150, "value": 7}, {"raw": 1800, "value": 4}]), PH)
    take(here, TANK, 35.0, raw_mode=False)
    ph = take(here, PH, 1800)
    assert (ph.quality, ph.usable, "unknown temperature" in ph.reason) == (Quality.SUSPECT, False, True)
