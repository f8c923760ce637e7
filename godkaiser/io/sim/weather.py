"""What is outside: an endless May with a day cycle, mild or fresh days, passing clouds."""

from __future__ import annotations

import math
from random import Random

from .spec import DAY, HOUR

SUNRISE, SUNSET = 5.0, 20.5
PEAK_SUN = 850.0
_CLOUD_MEMORY = 1800.0
_WIND_MEMORY = 5400.0
_AIR_MASS_MEMORY = 10_800.0


class Weather:
    """Outside air and sun. Temperatures in °C, sun in W/m², humidity in g/m³."""

    def __init__(self, rng: Random, now: int) -> None:
        self._rng = rng
        self._day = now // DAY
        self._draw_day()
        self._base = self._mean
        self._cloud = self._cloudy
        self._gust = 0.0
        self.temperature = self.sun = self.humidity = 0.0
        self._look(now)

    def _draw_day(self) -> None:
        self._mean = self._rng.uniform(14.5, 17.5)
        self._swing = self._rng.uniform(4.5, 6.5)
        self._cloudy = self._rng.uniform(0.05, 0.75)
        self._damp = self._rng.uniform(0.55, 0.8)

    def step(self, now: int, seconds: float) -> None:
        """Go on to ``now``, which is ``seconds`` later than before."""
        if now // DAY != self._day:
            self._day = now // DAY
            self._draw_day()
        self._base += (self._mean - self._base) * seconds / _AIR_MASS_MEMORY
        self._cloud += self._drift(self._cloudy - self._cloud, _CLOUD_MEMORY, 0.012, seconds)
        self._gust += self._drift(-self._gust, _WIND_MEMORY, 0.03, seconds)
        self._look(now)

    def _drift(self, pull: float, memory: float, spread: float, seconds: float) -> float:
        return pull * seconds / memory + self._rng.gauss(0.0, spread) * math.sqrt(seconds / 10)

    def _look(self, now: int) -> None:
        hour = now % DAY / HOUR
        height = math.sin(math.pi * (hour - SUNRISE) / (SUNSET - SUNRISE)) if SUNRISE < hour < SUNSET else 0.0
        clear = 1.0 - 0.45 * min(1.0, max(0.0, self._cloud))
        self.sun = PEAK_SUN * max(0.0, height) ** 1.2 * clear
        wave = math.cos(2 * math.pi * (hour - 15.0) / 24)
        self.temperature = self._base + self._swing * wave + min(1.5, max(-1.5, self._gust))
        self.humidity = self._damp * saturation(self._base - 1.0)


def saturation(temperature: float) -> float:
    """The most water vapour air can hold, in g/m³, at a temperature in °C."""
    pressure = 0.6108 * math.exp(17.27 * temperature / (temperature + 237.3))
    return 2167.0 * pressure / (temperature + 273.15)
