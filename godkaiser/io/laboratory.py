"""Sensors by the hand of a person: calibrate one, take that back, and which calibrations there were."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine.calibration import calibration_picture, in_force, versions_of
from godkaiser.errors import CalibrationError, InvalidValueError, StoreAwayError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.whereabouts import of_sensor
from godkaiser.model import event as ev
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import parse_instant, to_datetime
from godkaiser.model.site import SensorSpec
from godkaiser.sensors.calibration import fit

KEPT_WITHIN: Final = 20.0  # s, for a database that is slow or away


class Laboratory:
    """Answers requests about calibrations. The fit is that of `godkaiser.calibration`, with the sensor's own ADC."""

    def __init__(
        self, runner: Runner, clerk: Clerk, book: Rulebook, kept_within: float = KEPT_WITHIN
    ) -> None:
        self._runner, self._clerk, self._book, self._kept_within = runner, clerk, book, kept_within
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "sensors.calibrate": self._calibrate,
            "sensors.undo": self._undo,
            "sensors.calibrations": self._calibrations,
        }

    async def _calibrate(
        self,
        sensor: str,
        points: Sequence[Any],
        how: Mapping[str, Any] | None = None,
        valid_from: str | None = None,
        dry_run: bool = False,
        token: str | None = None,
    ) -> dict[str, Any]:
        """The new version; with `dry_run` what it would be, and nothing is changed.

        `how` may say `method`, `adc`, `gain` and `raw_mode`, see `godkaiser.calibration.fit`.
        """
        who = self._who(sensor, token)
        spec = self._declared(sensor)
        row = self._state.catalogue.types[spec.type]
        options = _options(how or {}, self._state.adc_of(spec.series, spec)[0])
        made = self._from(fit(row, points, alpha=spec.ec_alpha, **options), valid_from)
        if dry_run:
            return calibration_picture(made)
        async with self._book.changing:
            self._runner.post(ev.CalibrationMade(self._runner.clock.now(), spec.series, made, who))
            await self._runner.settled_inbox()
            answer = calibration_picture(self._kept(spec.series)[-1])
        await self._on_disk()
        return answer

    def _from(self, made: Calibration, valid_from: str | None) -> Calibration:
        """From then on; the past is not calibrated anew."""
        if valid_from is None:
            return made
        now = self._runner.clock.now()
        since = parse_instant(str(valid_from), now, "valid_from")
        if since < now:
            allowed = "now (leave it out) or later: stored readings keep the calibration that made them"
            raise InvalidValueError(
                field="valid_from", value=str(valid_from), problem="is in the past", allowed=allowed
            )
        return made.model_copy(update={"valid_from": to_datetime(since)})

    async def _undo(self, sensor: str, token: str | None = None) -> dict[str, Any]:
        """What was taken back, and what counts instead (none: nothing does)."""
        who = self._who(sensor, token)
        spec = self._declared(sensor)
        async with self._book.changing:
            standing = [one for one in self._kept(spec.series) if one.undone_at is None]
            if not standing and spec.calibration is None:
                way = f"`godkaiser sensors calibrations {spec.series}` lists what there was."
                raise CalibrationError(field="sensor", problem=f"{spec.series} has none to undo", way=way)
            self._runner.post(ev.CalibrationUndone(self._runner.clock.now(), spec.series, who))
            await self._runner.settled_inbox()
            kept = self._kept(spec.series)
        await self._on_disk()
        number = standing[-1].version if standing else kept[-1].version
        back = in_force(kept, self._runner.clock.now())
        return {
            "undone": calibration_picture(next(one for one in kept if one.version == number)),
            "calibration": None if back is None else calibration_picture(back),
        }

    async def _on_disk(self) -> None:
        """Whoever is told that it counts may rely on it after a crash, too."""
        try:
            async with asyncio.timeout(self._kept_within):
                await self._runner.drained()
        except TimeoutError:
            raise StoreAwayError(problem="the change counts, but is not on disk yet") from None

    def _kept(self, series: SeriesId) -> Sequence[Calibration]:
        return tuple(self._state.calibrations.get(series, ()))

    async def _calibrations(self, sensor: str, token: str | None = None) -> list[dict[str, Any]]:
        """Every version there ever was, oldest first."""
        self._clerk.who(token, Permission.LOOK)
        state = self._state
        try:
            kept = self._kept(self._declared(sensor).series)
        except CalibrationError:
            kept = versions_of(state, state.sensors[self._clerk.sensor(sensor)])
        return [calibration_picture(one) for one in kept]

    def _who(self, sensor: str, token: str | None) -> str:
        state = self._state
        return self._clerk.who(
            token, Permission.CALIBRATE, lambda: of_sensor(state, self._declared(sensor).series)
        )

    def _declared(self, text: str) -> SensorSpec:
        """By series or name, of the site or as it was heard. Raises `UnknownSensorError`, `CalibrationError`."""
        for spec in self._state.sensor_specs.values():
            if text and text in (spec.series, spec.name):
                return spec
        series = self._clerk.sensor(text)
        spec_or_none = self._state.sensors[series].spec
        if spec_or_none is None:
            way = "Declare it in the site file (`godkaiser site export` has its line): its ADC is never guessed."
            raise CalibrationError(field="sensor", problem=f"{series} is not declared", way=way)
        return spec_or_none


def _options(how: Any, adc: str) -> dict[str, Any]:
    """How to fit, as clients in any language may say it."""
    known = ("method", "adc", "gain", "raw_mode")
    if not isinstance(how, Mapping) or set(how) - set(known):
        problem = f"{sorted(map(str, how)) if isinstance(how, Mapping) else how!r:.60}"
        raise CalibrationError(field="how", problem=problem, way=f"It may say {', '.join(known)}.")
    gain = how.get("gain")
    if gain is not None and (isinstance(gain, bool) or not isinstance(gain, int | float)):
        way = "State the amplifier's gain, negative when it inverts, or leave it out."
        raise CalibrationError(field="gain", problem=f"{gain!r:.40} is no number", way=way)
    counts = how.get("raw_mode") is not False
    return {
        "method": how.get("method"),
        "adc": _adc(how.get("adc"), adc),
        "gain": gain,
        "raw_mode": counts,
    }


def _adc(adc: Any, declared: str) -> str:
    """A fit for another one would be applied wrongly ever after."""
    way = "State the sensor's `adc` in the site file first: esp32 or ads1115."
    if adc not in (None, declared):
        problem = f"{adc!r:.20} is not the declared one ({declared})"
        raise CalibrationError(field="adc", problem=problem, way=f"Leave it out, or: {way}")
    return declared
