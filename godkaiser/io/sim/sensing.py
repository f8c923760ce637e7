"""The sensors of a node: readings on their grid, and measurements on demand."""

from __future__ import annotations

from random import Random

from .device import Device
from .driver import NEVER
from .firmware.flaw import Body
from .firmware.sensor import INGRESS_POOL, MOST_BYTES, command_flaw
from .outcome import Intent
from .probe import Sample, measure
from .spec import MINUTE, SECOND, SensorSpec, World, grid
from .text import parse

FRESH = 5 * MINUTE
_NO_SAMPLE = Sample(0, 0.0, "", "error")


class Sensing:
    """When which sensor is read. A sensor that cannot be read says nothing."""

    def __init__(self, device: Device, world: World, rng: Random) -> None:
        self._device = device
        self._world = world
        self._rng = rng
        self._last: dict[tuple[int, str], tuple[Sample, int]] = {}
        self._due = {sensor: _next(sensor, device.boot.at) for sensor in device.setup.sensors}

    @property
    def deadline(self) -> int:
        """When the next reading is due."""
        return min(self._due.values(), default=NEVER)

    def latest(self, gpio: int, kind: str, now: int) -> float | None:
        """The physical value last read; None when there is none or it is older than five minutes."""
        sample, at = self._last.get((gpio, kind), (_NO_SAMPLE, -NEVER))
        return sample.value if now - at <= FRESH else None

    def adopt(self, now: int) -> None:
        """The table has changed: what stayed keeps its time."""
        self._due = {s: self._due.get(s, _next(s, now)) for s in self._device.setup.sensors}

    def tick(self, now: int) -> None:
        """Read what is due."""
        for sensor, due in self._due.items():
            if now >= due:
                self._due[sensor] = _next(sensor, now)
                self._read(sensor, now)

    def _read(self, sensor: SensorSpec, now: int) -> Sample | None:
        if not self._world.offers(sensor.type):
            return None
        sample = self._sample(sensor)
        self._last[sensor.gpio, sensor.type] = sample, now
        self._device.emit(self._device.voice.reading(sensor, sample, now))
        return sample

    def _sample(self, sensor: SensorSpec) -> Sample:
        spot = sensor.gpio, sensor.type
        if spot in self._device.condition.frozen and spot in self._last:
            return self._last[spot][0]
        true = self._world.sense(self._device.spec.zone, sensor.type)
        return measure(sensor.type, true, self._rng)

    # -- on demand ---------------------------------------------------------------------------------

    def command(self, gpio: int, payload: bytes, now: int) -> None:
        """Take ``sensor/N/command``: admit, measure, answer."""
        device, intent = self._device, self._device.intent(payload, "command", "sensor", now)
        body = parse(payload[:MOST_BYTES], INGRESS_POOL)
        code = "INVALID_JSON" if body is None else device.session.blocked()
        if body is None or code or command_flaw(body):
            reason = "Sensor command rejected"
            device.outcome(intent, "rejected", code or "UNKNOWN_COMMAND", reason, now)
            return
        device.outcome(intent, "accepted", "COMMAND_ACCEPTED", "Sensor command accepted", now)
        if intent.expired(device.voice.uptime(now)):
            device.outcome(intent, "expired", "TTL_EXPIRED", "Sensor command expired", now)
            return
        self._measure(gpio, body, intent, now)

    def _measure(self, gpio: int, body: Body, intent: Intent, now: int) -> None:
        """The pin alone selects the sensor: the first one configured, with all values of its chip."""
        on_pin = [sensor for sensor in self._device.setup.sensors if sensor.gpio == gpio]
        samples = [self._read(sensor, now) for sensor in on_pin if _one_chip(sensor, on_pin[0])]
        good = [sample for sample in samples if sample is not None]
        code = "NONE" if good else "MEASUREMENT_FAILED" if on_pin else "SENSOR_NOT_FOUND"
        request = body.get("request_id")
        if isinstance(request, str) and request:
            kind, sample = on_pin[0].type if on_pin else "", good[0] if good else _NO_SAMPLE
            answer = {"request_id": request, "gpio": gpio} | _result(kind, sample, code)
            self._device.emit(self._device.voice.measured(gpio, answer, intent, now))
        word = "applied" if good else "failed"
        self._device.outcome(intent, word, code, f"Sensor command {word}", now)


def _result(kind: str, sample: Sample, code: str) -> dict[str, object]:
    done = code == "NONE"
    return {
        "command": "measure",
        "success": done,
        "measurement_ok": done,
        "publish_ok": done,
        "timeout": False,
        "reason_code": code,
        "quality": sample.quality,
        "sensor_type": kind,
        "raw": sample.raw,
    }


def _one_chip(sensor: SensorSpec, first: SensorSpec) -> bool:
    return sensor is first or (first.i2c is not None and sensor.i2c == first.i2c)


def _next(sensor: SensorSpec, now: int) -> int:
    return grid(now, sensor.interval * SECOND) if sensor.mode == "continuous" else NEVER
