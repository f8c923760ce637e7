"""The greenhouse itself: two rooms under one sky, stepped on a fixed grid of ten seconds.

Each room balances heat (sun, heater, lamp, walls, ventilation, benches), water vapour (leaves and soil,
humidifier, ventilation, condensation) and soil water (pump, drying, drainage). Every balance is a
relaxation towards an equilibrium, x += (x_eq − x)·(1 − exp(−dt/τ)), which cannot overshoot however large a
flow is: values stay finite and within bounds for any sequence of actuator levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .spec import SECOND
from .weather import Weather, saturation

STEP = 10
_STEP_US = STEP * SECOND
SEEPING = 90.0  # s from the surface to the probe
_AIR = 1206.0  # J/(m³·K)
_EVAPORATION_J = 2450.0  # J/g


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """A room: volume in m³, conductances in W/K, heat capacity in J/K, powers in W, flows in m³/s or g/s."""

    volume: float
    capacity: float
    wall: float
    bench: float
    sun_area: float
    daylight: float
    fan_flow: float = 0.0
    heater: float = 0.0
    lamp: float = 0.0
    lamp_lux: float = 0.0
    humidifier: float = 0.0
    pump: float = 0.0
    drip: float = 0.0
    leak: float = 0.02
    leaves: float = 0.25


PROPAGATION = RoomSpec(
    volume=60.0,
    capacity=550e3,
    wall=210.0,
    bench=55.0,
    sun_area=7.0,
    daylight=60.0,
    fan_flow=2.2,
    heater=6000.0,
    humidifier=0.5,
    pump=0.055,
)
FLOWERING = RoomSpec(
    volume=80.0,
    capacity=900e3,
    wall=130.0,
    bench=60.0,
    sun_area=0.8,
    daylight=0.6,
    lamp=1100.0,
    lamp_lux=2700.0,
    drip=0.002,
    leak=0.06,
)


class Room:
    """State of one room; ``parts`` are the levels 0..1 of what is installed."""

    def __init__(self, spec: RoomSpec, rng: Random, outside: Weather) -> None:
        self._spec = spec
        self._rng = rng
        self.parts = dict.fromkeys(("fan", "heater", "lamp", "humidifier", "pump"), 0.0)
        self.air = outside.temperature + rng.uniform(3.0, 4.0)
        self.root = 18.0 + rng.uniform(-0.5, 0.5)
        self.bench = 19.0
        self.vapour = 0.75 * saturation(self.air)
        self.soil = rng.uniform(41.0, 46.0)
        self.wet = 0.0
        self.ph = rng.uniform(5.9, 6.3)
        self.ec = rng.uniform(1650.0, 1900.0)
        self.lux = 0.0

    def step(self, outside: Weather) -> None:
        """Ten seconds pass."""
        self.lux = outside.sun * self._spec.daylight + self.parts["lamp"] * self._spec.lamp_lux
        transpired = self._transpiration(outside)
        self._air_step(outside, transpired)
        self._vapour_step(outside, transpired)
        self._soil_step(transpired)
        self._feed_step()

    @property
    def humidity(self) -> float:
        """Relative humidity in percent."""
        return min(100.0, 100.0 * self.vapour / saturation(self.air))

    @property
    def _flow(self) -> float:
        return self._spec.leak + self.parts["fan"] * self._spec.fan_flow

    def _transpiration(self, outside: Weather) -> float:
        """Water that leaves and soil give to the air, g/s: grows with dry air, with light, with wet soil."""
        dryness = max(0.0, 1.0 - self.vapour / saturation(self.air))
        light = 0.3 + outside.sun / 500.0 + 0.5 * self.parts["lamp"]
        return self._spec.leaves * dryness * light * min(1.0, self.soil / 40.0)

    def _air_step(self, outside: Weather, transpired: float) -> None:
        spec, fan = self._spec, self.parts["fan"]
        # Air drawn in by the fan passes a wet pad: a little cooler and moister than outside.
        intake = outside.temperature - 1.5 * fan
        air_flow = self._flow * _AIR
        total = spec.wall + spec.bench + air_flow
        gain = (
            spec.sun_area * outside.sun + spec.heater * self.parts["heater"] + spec.lamp * self.parts["lamp"]
        )
        gain -= transpired * _EVAPORATION_J
        flows = spec.wall * outside.temperature + spec.bench * self.bench + air_flow * intake
        self.air = _relax(self.air, (flows + gain) / total, spec.capacity / total)
        self.bench = _relax(self.bench, self.air, 6 * 3600.0)
        self.root = _relax(self.root, 0.7 * self.air + 0.3 * self.bench, 5400.0)

    def _vapour_step(self, outside: Weather, transpired: float) -> None:
        source = transpired + self._spec.humidifier * self.parts["humidifier"]
        intake = outside.humidity + 0.8 * self.parts["fan"]
        self.vapour = _relax(self.vapour, intake + source / self._flow, self._spec.volume / self._flow)
        self.vapour = min(self.vapour, saturation(self.air))

    def _soil_step(self, transpired: float) -> None:
        poured = self.wet + self._spec.pump * self.parts["pump"] * STEP
        self.wet = _relax(poured, 0.0, SEEPING)
        warmth = 1.0 + 0.04 * (self.root - 18.0)
        drying = (0.00022 + 0.0045 * transpired) * max(0.2, warmth) * min(1.0, self.soil / 15.0)
        drip = self._spec.drip if self.soil < 45.0 else 0.0
        drainage = 0.002 * max(0.0, self.soil - 65.0)
        self.soil = min(100.0, max(0.0, self.soil + poured - self.wet + (drip - drying - drainage) * STEP))

    def _feed_step(self) -> None:
        fresh = min(1.0, self.wet / 4.0) * STEP
        self.ph = _relax(self.ph, 6.9, 200 * 3600.0) + fresh * (5.9 - self.ph) / 4000.0
        strength = 1750.0 * (1.35 - self.soil / 140.0)
        self.ec = _relax(self.ec, strength, 20 * 3600.0) + fresh * (1600.0 - self.ec) / 6000.0
        self.ph += self._rng.gauss(0.0, 0.0004)
        self.ec += self._rng.gauss(0.0, 0.15)
        self.ph, self.ec = min(9.0, max(4.0, self.ph)), min(4000.0, max(200.0, self.ec))


def _relax(value: float, target: float, tau: float) -> float:
    return value + (target - value) * (1.0 - math.exp(-STEP / tau))


_QUANTITIES: dict[str, Callable[[Room], float]] = {
    "sht31_temp": lambda room: room.air,
    "sht31_humidity": lambda room: room.humidity,
    "ds18b20": lambda room: room.root,
    "moisture": lambda room: room.soil,
    "ph": lambda room: room.ph,
    "ec": lambda room: room.ec,
    "light": lambda room: room.lux,
}


class Plant:
    """Both rooms and the sky, as the nodes meet them."""

    def __init__(self, seed: int, start: int) -> None:
        rng = Random(f"{seed}/plant")
        self._at = start - start % _STEP_US
        self.outside = Weather(rng, self._at)
        self.rooms = {
            "propagation": Room(PROPAGATION, rng, self.outside),
            "flowering": Room(FLOWERING, rng, self.outside),
        }

    def advance(self, now: int) -> None:
        """Go on to ``now`` (microseconds). Steps lie on a grid: the path does not depend on who asks when."""
        while self._at + _STEP_US <= now:
            self._at += _STEP_US
            self.outside.step(self._at, STEP)
            for room in self.rooms.values():
                room.step(self.outside)

    def drive(self, zone: str, part: str, level: float) -> None:
        """Set a part of a zone to a level 0..1."""
        self.rooms[zone].parts[part] = level

    def offers(self, quantity: str) -> bool:
        """Whether this quantity exists here."""
        return quantity in _QUANTITIES

    def sense(self, zone: str, quantity: str) -> float:
        """The true value of a quantity, in the unit of its sensor type."""
        return _QUANTITIES[quantity](self.rooms[zone])
