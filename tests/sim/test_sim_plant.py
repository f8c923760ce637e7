"""The greenhouse gives the demo's rules something to do, for any seed, and never leaves what is possible."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.plant import Plant
from godkaiser.io.sim.spec import DAY, HOUR, MINUTE, SECOND
from tests.sim.rig import START

BOUNDS = {
    "sht31_temp": (-5.0, 70.0),
    "sht31_humidity": (0.0, 100.0),
    "ds18b20": (0.0, 65.0),
    "moisture": (0.0, 100.0),
    "ph": (4.0, 9.0),
    "ec": (200.0, 4000.0),
    "light": (0.0, 100_000.0),
}


@dataclass
class BangBang:
    """The plainest controller there is: two switches with hysteresis, the pump in doses."""

    plant: Plant
    cooling: bool = False
    watering: bool = False
    dose_until: int = 0
    soak_until: int = 0
    switched: list[str] = field(default_factory=list)

    def look(self, now: int) -> None:
        air = self.plant.sense("propagation", "sht31_temp")
        soil = self.plant.sense("propagation", "moisture")
        self.cooling = self._switch("cool", self.cooling, on=air > 28, off=air < 25)
        self.watering = self._switch("irrigate", self.watering, on=soil < 35, off=soil > 55)
        self.plant.drive("propagation", "fan", 0.8 if self.cooling else 0.0)
        if self.watering and now >= self.soak_until:
            self.dose_until, self.soak_until = now + 120 * SECOND, now + 720 * SECOND
            self.switched.append("dose")
        self.plant.drive("propagation", "pump", 1.0 if now < self.dose_until else 0.0)

    def _switch(self, name: str, state: bool, *, on: bool, off: bool) -> bool:
        wanted = on or (state and not off)
        if wanted != state:
            self.switched.append(f"{name} {'on' if wanted else 'off'}")
        return wanted


@pytest.mark.parametrize("seed", range(20))
def test_every_rule_switches_on_and_off_every_day(seed: int) -> None:
    plant = Plant(seed, START)
    control = BangBang(plant)
    for day in range(2):
        control.switched.clear()
        for now in range(START + day * DAY, START + (day + 1) * DAY, 30 * SECOND):
            plant.advance(now)
            control.look(now)
        counts = {word: control.switched.count(word) for word in set(control.switched)}
        assert counts.keys() == {"cool on", "cool off", "irrigate on", "irrigate off", "dose"}
        assert counts["dose"] >= 3 * counts["irrigate on"]
        assert counts["cool on"] < 60


levels = st.floats(0, 1)
steps = st.tuples(levels, levels, levels, levels, levels, st.integers(1, 4 * 3600))


@given(st.integers(), st.lists(steps, max_size=8))
def test_values_stay_within_bounds_whatever_runs(
    seed: int, run: list[tuple[float, float, float, float, float, int]]
) -> None:
    plant = Plant(seed, START)
    now = START
    for *driven, seconds in run:
        for part, level in zip(("fan", "heater", "lamp", "humidifier", "pump"), driven, strict=True):
            plant.drive("propagation", part, level)
            plant.drive("flowering", part, level)
        now += seconds * SECOND
        plant.advance(now)
        for zone in plant.rooms:
            for quantity, (low, high) in BOUNDS.items():
                value = plant.sense(zone, quantity)
                assert math.isfinite(value)
                assert low <= value <= high, (zone, quantity)


def snapshot(plant: Plant) -> list[float]:
    return [plant.sense(zone, quantity) for zone in plant.rooms for quantity in BOUNDS]


@given(st.lists(st.integers(1, 900), max_size=30))
def test_the_path_does_not_depend_on_who_asks_when(pauses: list[int]) -> None:
    often, once = Plant(5, START), Plant(5, START)
    now = START
    for seconds in pauses:
        now += seconds * SECOND
        often.advance(now)
    once.advance(now)
    assert snapshot(often) == snapshot(once)


def test_the_seed_decides() -> None:
    plants = [Plant(seed, START) for seed in (7, 7, 8)]
    for plant in plants:
        plant.advance(START + 12 * HOUR)
    assert snapshot(plants[0]) == snapshot(plants[1]) != snapshot(plants[2])


@pytest.mark.parametrize(
    ("zone", "part", "quantity", "sign", "after"),
    [
        ("propagation", "fan", "sht31_temp", -1, 10 * MINUTE),
        ("propagation", "heater", "sht31_temp", +1, 10 * MINUTE),
        ("propagation", "heater", "ds18b20", +1, HOUR),
        ("propagation", "humidifier", "sht31_humidity", +1, 10 * MINUTE),
        ("propagation", "pump", "moisture", +1, 10 * MINUTE),
        ("flowering", "lamp", "light", +1, MINUTE),
        ("flowering", "lamp", "sht31_temp", +1, HOUR),
    ],
)
def test_each_part_moves_what_it_should(zone: str, part: str, quantity: str, sign: int, after: int) -> None:
    idle, busy = Plant(3, START), Plant(3, START)
    noon = START + 11 * HOUR
    for plant in (idle, busy):
        plant.advance(noon)
    busy.drive(zone, part, 1.0)
    for plant in (idle, busy):
        plant.advance(noon + after)
    assert sign * (busy.sense(zone, quantity) - idle.sense(zone, quantity)) > 0.4


def test_water_reaches_the_probe_with_a_delay() -> None:
    plant = Plant(3, START)
    before = plant.sense("propagation", "moisture")
    plant.drive("propagation", "pump", 1.0)
    plant.advance(START + 120 * SECOND)
    plant.drive("propagation", "pump", 0.0)
    at_end = plant.sense("propagation", "moisture") - before
    plant.advance(START + 600 * SECOND)
    later = plant.sense("propagation", "moisture") - before
    assert 1.0 < at_end < later < 8.0


def test_irrigation_freshens_the_root_water() -> None:
    dry, wet = Plant(4, START), Plant(4, START)
    wet.drive("propagation", "pump", 0.3)
    for plant in (dry, wet):
        plant.advance(START + 6 * HOUR)
    assert wet.sense("propagation", "ph") < dry.sense("propagation", "ph")
    assert wet.sense("propagation", "ec") < dry.sense("propagation", "ec")
