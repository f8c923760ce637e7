"""Days of a healthy greenhouse: heat, cold, doses and lamps raise no flag.

Through the whole engine and the demo's physics; ten days of every built-in type are in test_engine_clean_courses.
"""

from collections import Counter
from random import Random

import pytest

from godkaiser.io.sim.greenhouse import CLIMATE as CLIMATE_NODE
from godkaiser.io.sim.greenhouse import FLOWERING, IRRIGATION
from godkaiser.io.sim.plant import Plant
from godkaiser.io.sim.probe import measure
from godkaiser.kaiser.site import demo_site
from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import DAY, HOUR, SECOND
from tests.engine.bench import START, Desk, Reading, stored

NODES = (CLIMATE_NODE, IRRIGATION, FLOWERING)
TICK = 30


class Day:
    """The demo's sensors over its physics, with switches as plain as can be."""

    def __init__(self, seed: int) -> None:
        self.plant, self.rng = Plant(seed, START), Random(seed)
        self.desk = Desk(site=demo_site())
        self.nodes = [NodeId.parse(node.id) for node in NODES]
        self.desk.ready(*self.nodes)
        self.cooling = self.heating = self.misting = False
        self.found: Counter[tuple[str, str, str]] = Counter()

    def run(self, days: int) -> Counter[tuple[str, str, str]]:
        """Quality and reason of every reading, by type."""
        for second in range(TICK, days * 86_400 + 1, TICK):
            self.desk.wait(TICK if second > TICK else TICK - 2)
            self.plant.advance(self.desk.now)
            self._control(second)
            for node in self.nodes if second % 60 == 0 else ():
                self.desk.beat(node)
            self._read(second)
            self.desk.log.clear()
        return self.found

    def _control(self, second: int) -> None:
        air = self.plant.sense("propagation", "sht31_temp")
        self.cooling = air > 28 or (self.cooling and air > 25)
        self.heating = air < 18 or (self.heating and air < 20)
        humidity = self.plant.sense("propagation", "sht31_humidity")
        self.misting = humidity < 50 or (self.misting and humidity < 65)
        watering = self.plant.sense("propagation", "moisture") < 45 and second % 720 < 120
        hour = second / 3600 % 24
        drive = self.plant.drive
        for part, on in (("fan", self.cooling), ("heater", self.heating), ("humidifier", self.misting)):
            drive("propagation", part, float(on))
        drive("propagation", "pump", float(watering))
        drive("flowering", "lamp", float(4 <= hour < 20))

    def _read(self, second: int) -> None:
        for node in NODES:
            for sensor in (s for s in node.sensors if second % s.interval == 0):
                address = sensor.rom or (f"0x{sensor.i2c:02x}" if sensor.i2c else "")
                series = SeriesId.of(NodeId.parse(node.id), sensor.gpio, sensor.type, address)
                sample = measure(sensor.type, self.plant.sense(node.zone, sensor.type), self.rng)
                said = self.desk.read(series, sample.raw, raw_mode=True, quality=sample.quality)
                (reading,) = stored(Reading, said)
                self.found[sensor.type, reading.quality.value, reading.reason] += 1


@pytest.mark.parametrize("days", [1, pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])])
def test_no_flag_on_clean_days(days: int) -> None:
    found = Day(7).run(days)
    assert {(quality, reason) for _, quality, reason in found} == {("good", "")}
    kinds = {kind for kind, _, _ in found}
    assert kinds == {s.type for node in NODES for s in node.sensors}
    assert (
        sum(found.values()) == days * DAY // SECOND // 30 * 5 + days * DAY // HOUR * 60 * 2 + days * 288 * 2
    )
