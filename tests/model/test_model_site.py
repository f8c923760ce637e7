"""Site files: what is checked before anything runs."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from godkaiser.model.calibration import Calibration
from godkaiser.model.outcome import Fate
from godkaiser.model.quantity import Quality
from godkaiser.model.site import ActuatorSpec, SensorSpec, Site, address_text

NODE = "ESP_A1B2C3"
FAN: dict[str, Any] = {"node": NODE, "gpio": 25, "type": "pwm"}
AIR: dict[str, Any] = {"node": NODE, "gpio": 0, "type": "sht31_temp", "address": 68}


def wrong(data: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Site.model_validate(data)
    return str(caught.value)


def test_a_whole_site() -> None:
    site = Site.model_validate(
        {
            "zones": [{"id": "north", "name": "North"}],
            "nodes": [{"id": NODE, "zone": "north", "approved": True}],
            "sensors": [AIR, AIR | {"address": 69}],
            "actuators": [FAN, {"node": NODE, "gpio": 14, "type": "pump", "max_on_s": 300}],
            "rules": [{"name": "anything"}],
        }
    )
    assert site.kaiser_id == "god"
    assert [sensor.series for sensor in site.sensors] == [
        f"{NODE}/0/sht31_temp@0x44",
        f"{NODE}/0/sht31_temp@0x45",
    ]
    assert [actuator.id for actuator in site.actuators] == [f"{NODE}/25", f"{NODE}/14"]
    assert [actuator.longest_on_s for actuator in site.actuators] == [3600, 300]
    with pytest.raises(ValidationError):
        site.timezone = "x"  # type: ignore[misc]  # frozen


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ({"zones": [{"id": "a b"}]}, "zone id"),
        ({"nodes": [{"id": "ESP_x"}]}, "node id"),
        ({"nodes": [{"id": NODE, "board": "esp8266"}]}, "esp32_dev"),
        ({"nodes": [{"id": NODE, "colour": "red"}]}, "not permitted"),
        ({"kaiser_id": "a-b"}, "kaiser id"),
        ({"zones": [{"id": "a"}, {"id": "a"}]}, "zones: a stands twice"),
        ({"nodes": [{"id": NODE}, {"id": NODE}]}, "nodes: ESP_A1B2C3 stands twice"),
        ({"sensors": [AIR, AIR]}, "sensors: ESP_A1B2C3/0/sht31_temp@0x44 stands twice"),
        ({"actuators": [FAN, FAN]}, "actuators: ESP_A1B2C3/25 stands twice"),
        ({"sensors": [AIR | {"gpio": 40}]}, "39"),
        ({"sensors": [AIR | {"gpio": "0"}]}, "integer"),
        ({"sensors": [AIR | {"address": "0x4"}]}, "address must be"),
        ({"sensors": [AIR | {"address": 4096}]}, "address must be"),
        ({"sensors": [AIR | {"adc": "mcp"}]}, "esp32"),
        ({"sensors": [AIR | {"stale_after_s": 0}]}, "greater than or equal to 1"),
        ({"sensors": [AIR | {"calibration": {"dry": 1}}]}, "belong together"),
        ({"sensors": [AIR | {"calibration": {"wet": 1, "dry": 1}}]}, "must differ"),
        ({"sensors": [AIR | {"calibration": {"slope": 0}}]}, "must not be 0"),
        ({"sensors": [AIR | {"calibration": {"offset": math.nan}}]}, "finite"),
        ({"sensors": [AIR | {"calibration": {"offset": "inf"}}]}, "finite"),
        ({"actuators": [FAN | {"max_on_s": math.inf}]}, "finite"),
        ({"actuators": [FAN | {"max_on_s": True}]}, "finite"),
        ({"actuators": [FAN | {"max_on_s": 0}]}, "greater than 0"),
        ({"actuators": [FAN | {"max_on_s": 86401}]}, "86400"),
        ({"actuators": [FAN | {"safe_value": 1.1}]}, "less than or equal"),
        ({"actuators": [FAN | {"min_value": 0.5, "max_value": 0.4}]}, "must not exceed"),
        ({"actuators": [FAN | {"type": "fan"}]}, "pump"),
        ({"actuators": [FAN | {"type": "relay", "safe_value": 0.5}]}, "safe at 0 or at 1"),
        ({"actuators": [FAN | {"type": "pump"}]}, "must state max_on_s"),
        ({"actuators": [FAN | {"kind": "doser"}]}, "must state max_on_s"),
    ],
)
def test_refused_with_a_reason(data: dict[str, Any], word: str) -> None:
    assert word in wrong(data)


def test_limits_of_zero_are_limits() -> None:
    spec = ActuatorSpec.model_validate(FAN | {"max_value": 0})
    assert spec.max_value == 0
    assert Calibration(offset=0, dry=0, wet=1).dry == 0


def test_a_pump_nobody_declared_has_no_default() -> None:
    found = ActuatorSpec.model_validate({"node": NODE, "gpio": 14, "type": "pump", "declared_by": "node"})
    assert found.longest_on_s is None
    assert found.must_state_max_on
    kind = ActuatorSpec.model_validate(FAN | {"type": "relay", "kind": "heater"})
    assert not kind.must_state_max_on


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (None, ""),
        ("", ""),
        (68, "0x44"),
        (5, "0x05"),
        ("0X44", "0x44"),
        ("28ff641e8d3c0c79", "28FF641E8D3C0C79"),
    ],
)
def test_addresses_as_text(address: int | str | None, text: str) -> None:
    assert address_text(address) == text
    assert SensorSpec.model_validate(AIR | {"address": address}).series.address == text


def test_ends_are_final_and_qualities_have_an_order() -> None:
    assert {fate for fate in Fate if not fate.final} == {Fate.QUEUED, Fate.SENT, Fate.ACKED}
    assert sorted(Quality, key=lambda q: q.rank) == list(Quality)
