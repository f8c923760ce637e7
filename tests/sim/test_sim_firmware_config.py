"""Configurations, key by key, as a device of either generation and board takes them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.firmware.judge import Verdict, judge
from godkaiser.io.sim.firmware.profile import Firmware
from tests.sim.rig import ROOT
from tests.sim.test_sim_firmware import SEED, sent

WROOM = Firmware()
XIAO = Firmware(board="xiao_esp32c3")
ROM = "28FF641E8D3C0C79"
PROBE = {"gpio": 34, "sensor_type": "moisture", "sensor_name": "bed"}
TANK = {"gpio": 4, "sensor_type": "ds18b20", "sensor_name": "tank", "onewire_address": ROM}
CLIMATE = {"gpio": 0, "sensor_type": "sht31", "sensor_name": ""}
PUMP = {"gpio": 14, "actuator_type": "pump", "actuator_name": "p"}
RULE = {"actuator_gpio": 14, "sensor_gpio": 0, "sensor_value_type": "sht31_temp", "activate_below": 18.5}


def config(*, firmware: Firmware = WROOM, **sections: Any) -> Verdict:
    return sent("config", {"correlation_id": "c1"} | sections, firmware)


def kept_of(verdict: Verdict, section: str) -> list[dict[str, Any]]:
    items = verdict.content[section]
    assert isinstance(items, list)
    return items


def sensor(firmware: Firmware = WROOM, **fields: Any) -> str:
    return config(firmware=firmware, sensors=[PROBE | fields]).code


def actuator(firmware: Firmware = WROOM, **fields: Any) -> str:
    return config(firmware=firmware, actuators=[PUMP | fields]).code


def rule(**fields: Any) -> str:
    return config(offline_rules=[RULE | fields]).code


# -- envelope ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"correlation_id": "c"}, ""),
        ({"data": {"correlation_id": "c"}}, ""),
        ({"correlation_id": "c", "sensors": [], "actuators": [], "offline_rules": []}, ""),
        ({"correlation_id": "c", "generation": 2**32 - 1, "config_fingerprint": "x"}, ""),
        ({}, "missing_field"),
        ({"correlation_id": ""}, "missing_field"),
        ({"data": "correlation_id"}, "missing_field"),
        ({"correlation_id": 7}, "wrong_type"),
        ({"correlation_id": "c", "sensors": {}}, "wrong_type"),
        ({"correlation_id": "c", "offline_rules": None}, "wrong_type"),
        ({"correlation_id": "c", "sensors": ["moisture"]}, "wrong_type"),
        ({"correlation_id": "c", "actuators": [None]}, "wrong_type"),
        ({"correlation_id": "c", "offline_rules": [14]}, "wrong_type"),
        ({"correlation_id": "c", "generation": "7"}, "wrong_type"),
        ({"correlation_id": "c", "generation": 2**32}, "bad_value"),
        ({"correlation_id": "c", "created_at_ms": 5}, "bad_value"),
    ],
)
def test_envelope(body: dict[str, Any], code: str) -> None:
    assert sent("config", body).code == code


def test_the_older_generation_needs_no_correlation_and_keeps_no_rules() -> None:
    assert sent("config", {"sensors": [PROBE], "offline_rules": []}, SEED).valid
    assert config(firmware=SEED, sensors=[PROBE]).content.keys() == {
        "sensors", "correlation_id", "generation",
    }  # fmt: skip


@pytest.mark.parametrize("rules", [[], [RULE], [RULE] * 9, None, "no rules", [{"sensor_value_type": "ph"}]])
def test_the_older_generation_passes_over_offline_rules_of_any_kind(rules: object) -> None:
    verdict = config(firmware=SEED, actuators=[PUMP], offline_rules=rules)
    assert verdict.valid
    assert "offline_rules" not in verdict.content


def test_the_older_generation_keeps_what_it_knows_and_defaults_for_the_rest() -> None:
    new = {"operating_mode": "paused", "measurement_interval_seconds": 5, "onewire_address": ROM}
    fields: dict[str, Any] = {"sensors": [TANK | new, CLIMATE | {"i2c_address": 0x45}]}
    verdict = config(firmware=SEED, **fields, actuators=[PUMP | {"max_runtime_ms": 5000}])
    tank, climate = kept_of(verdict, "sensors")
    assert (tank["mode"], tank["interval"], tank["rom"]) == ("continuous", 30, "")
    assert climate["i2c"] == 0x44
    assert kept_of(verdict, "actuators")[0]["max_runtime"] == 3_600_000


@pytest.mark.parametrize(("size", "code"), [(4351, ""), (4352, "too_large")])
def test_the_queue_takes_so_many_bytes(size: int, code: str) -> None:
    text = b'{"correlation_id":"c"}'
    assert judge(ROOT + "config", text + b" " * (size - len(text))).code == code


def filled(need: int) -> bytes:
    """A short text that fills so much of a pool: numbers in an array take 16 bytes each."""
    strings = sum(len(text) + 1 for text in ("correlation_id", "c", "x", "pad", ""))
    count, rest = divmod(need - strings - 3 * 16, 16)
    body = {"correlation_id": "c", "x": [1] * count, "pad": "p" * rest}
    return json.dumps(body, separators=(",", ":")).encode()


@pytest.mark.parametrize(("firmware", "pool"), [(WROOM, 7680), (SEED, 4096)])
def test_the_pool_to_the_byte(firmware: Firmware, pool: int) -> None:
    assert judge(ROOT + "config", filled(pool), firmware).valid
    assert judge(ROOT + "config", filled(pool + 1), firmware).code == "too_large"


@pytest.mark.parametrize(
    ("firmware", "sensors", "actuators"), [(WROOM, 20, 12), (XIAO, 10, 6), (SEED, 20, 12)]
)
def test_a_board_keeps_so_many_of_each(firmware: Firmware, sensors: int, actuators: int) -> None:
    chip = {"gpio": 0, "sensor_type": "sht31", "sensor_name": ""}
    pins = sorted(firmware.pins.drivable)
    drives = [{"gpio": gpio, "type": "relay", "name": ""} for gpio in pins * 2]
    for section, items, most in (("sensors", [chip] * 30, sensors), ("actuators", drives, actuators)):
        assert config(firmware=firmware, **{section: items[:most]}).valid
        assert config(firmware=firmware, **{section: items[: most + 1]}).code == "bad_value"
        gone = [item | {"active": False} for item in items]
        assert config(firmware=firmware, **{section: items[:most] + gone[:2]}).valid


def test_a_ninth_rule_is_dropped_without_a_word() -> None:
    assert config(offline_rules=[RULE] * 8).valid
    assert config(offline_rules=[RULE] * 9).code == "bad_value"


# -- sensors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["gpio", "sensor_type", "sensor_name"])
def test_a_sensor_needs_three_keys(key: str) -> None:
    item = {name: value for name, value in PROBE.items() if name != key}
    assert config(sensors=[item]).code == "missing_field"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sensor_name": ""}, ""),
        ({"sensor_type": "MOISTURE"}, ""),
        ({"active": 1}, ""),
        ({"active": "true"}, ""),
        ({"operating_mode": "sometimes"}, ""),
        ({"measurement_interval_seconds": 5000}, ""),
        ({"onewire_address": "", "i2c_address": 0, "interface_type": "ADC"}, ""),
        ({"gpio": 34.0}, "wrong_type"),
        ({"gpio": "34"}, "wrong_type"),
        ({"gpio": True}, "wrong_type"),
        ({"gpio": None}, "wrong_type"),
        ({"sensor_type": 5}, "wrong_type"),
        ({"sensor_name": None}, "wrong_type"),
        ({"active": "yes"}, "wrong_type"),
        ({"raw_mode": "true"}, "wrong_type"),
        ({"operating_mode": 1}, "wrong_type"),
        ({"measurement_interval_seconds": "30"}, "wrong_type"),
        ({"subzone_id": 1}, "wrong_type"),
        ({"onewire_address": 1}, "wrong_type"),
        ({"i2c_address": 68.0}, "wrong_type"),
        ({"gpio": 256}, "bad_value"),
        ({"sensor_type": ""}, "bad_value"),
        ({"i2c_address": "0x45"}, "bad_value"),
        ({"i2c_address": 128}, "bad_value"),
        ({"onewire_address": "28FF"}, "bad_value"),
        ({"onewire_address": "28FF641E8D3C0CZZ"}, "bad_value"),
    ],
)
def test_a_sensor(fields: dict[str, Any], code: str) -> None:
    assert sensor(**fields) == code


def test_a_onewire_probe_without_an_address_is_taken_and_fails_when_it_is_read() -> None:
    bare = {key: value for key, value in TANK.items() if key != "onewire_address"}
    for item in (TANK, bare, TANK | {"onewire_address": "0" * 16}):
        assert config(sensors=[item]).valid
        assert config(firmware=SEED, sensors=[item]).valid


@pytest.mark.parametrize("gpio", [0, 1, 2, 3, 6, 11, 12, 13, 20, 21, 22, 24, 37, 40, 255])
def test_pins_no_sensor_may_own_on_a_wroom(gpio: int) -> None:
    assert sensor(gpio=gpio) == "bad_value"
    assert sensor(gpio=gpio, sensor_type="temperature_sht31") == ""
    assert sensor(gpio=gpio, active=False) == ""


@given(st.integers(0, 255))
def test_who_may_own_a_pin(gpio: int) -> None:
    for firmware in (WROOM, XIAO):
        pins = firmware.pins
        assert (sensor(firmware, gpio=gpio) == "") is (gpio in pins.known and gpio not in pins.i2c)
        assert (actuator(firmware, gpio=gpio) == "") is (gpio in pins.both and gpio not in pins.i2c)


# -- actuators ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["gpio", "actuator_type", "actuator_name"])
def test_an_actuator_needs_three_keys(key: str) -> None:
    item = {name: value for name, value in PUMP.items() if name != key}
    assert config(actuators=[item]).code == "missing_field"


def test_aliases() -> None:
    item = {"gpio": 14, "type": "relay", "name": "r", "inverted": True}
    (kept,) = kept_of(config(actuators=[item]), "actuators")
    assert (kept["type"], kept["name"], kept["inverted"]) == ("relay", "r", True)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"aux_gpio": 255, "critical": True, "default_pwm": 255, "max_runtime_ms": 1}, ""),
        ({"actuator_type": "pwm"}, ""),
        ({"actuator_type": "fan", "active": False}, ""),
        ({"actuator_name": 1}, "wrong_type"),
        ({"inverted_logic": 1}, "wrong_type"),
        ({"default_state": "off"}, "wrong_type"),
        ({"max_runtime_ms": 1.5}, "wrong_type"),
        ({"actuator_type": "fan"}, "bad_value"),
        ({"actuator_type": "Pump"}, "bad_value"),
        ({"default_pwm": 256}, "bad_value"),
        ({"max_runtime_ms": 0}, "bad_value"),
        ({"aux_gpio": -1}, "bad_value"),
        ({"gpio": 34}, "bad_value"),
        ({"gpio": 21}, "bad_value"),
    ],
)
def test_an_actuator(fields: dict[str, Any], code: str) -> None:
    assert actuator(**fields) == code


@pytest.mark.parametrize(
    ("gpio", "aux", "code"), [(14, 255, ""), (14, 27, ""), (19, 255, "bad_value"), (14, 34, "bad_value")]
)
def test_a_valve_has_a_second_pin_by_default_the_next(gpio: int, aux: int, code: str) -> None:
    assert actuator(actuator_type="valve", gpio=gpio, aux_gpio=aux) == code


@pytest.mark.parametrize(
    ("sensors", "actuators", "code"),
    [
        ([TANK, TANK | {"onewire_address": ROM[::-1]}], [], ""),
        ([CLIMATE, CLIMATE | {"i2c_address": 69}], [], ""),
        ([PROBE, PROBE], [PUMP, PUMP], ""),
        ([TANK, TANK | {"sensor_type": "moisture"}], [], "bad_value"),
        ([PROBE | {"gpio": 14}], [PUMP], "bad_value"),
        ([PROBE | {"gpio": 14, "active": False}], [PUMP], ""),
        ([], [PUMP | {"actuator_type": "valve"}, PUMP | {"gpio": 15}], "bad_value"),
    ],
)
def test_a_pin_has_one_owner(sensors: list[object], actuators: list[object], code: str) -> None:
    assert config(sensors=sensors, actuators=actuators).code == code


# -- offline rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sensor_value_type": "t" * 23}, ""),
        ({"time_filter": {"enabled": True, "start_hour": 23, "end_hour": 24, "timezone": "Mars"}}, ""),
        ({"current_state_active": False, "activate_above": 0}, ""),
        ({"actuator_gpio": "14"}, "wrong_type"),
        ({"activate_below": "18"}, "wrong_type"),
        ({"deactivate_above": True}, "wrong_type"),
        ({"time_filter": [6, 22]}, "wrong_type"),
        ({"time_filter": {"enabled": 1}}, "wrong_type"),
        ({"sensor_value_type": "t" * 24}, "bad_value"),
        ({"sensor_value_type": "ph"}, "bad_value"),
        ({"sensor_value_type": "soil_moisture"}, "bad_value"),
        ({"sensor_gpio": 256}, "bad_value"),
        ({"time_filter": {"start_hour": 24}}, "bad_value"),
        ({"time_filter": {"end_hour": 25}}, "bad_value"),
        ({"time_filter": {"days_of_week_mask": 128}}, "bad_value"),
    ],
)
def test_an_offline_rule(fields: dict[str, Any], code: str) -> None:
    assert rule(**fields) == code


def test_a_rule_without_an_actuator_and_one_with_an_endless_threshold() -> None:
    assert config(offline_rules=[{"sensor_gpio": 4}]).code == "missing_field"
    text = json.dumps({"correlation_id": "c", "offline_rules": [RULE | {"activate_below": 1.5}]})
    assert judge(ROOT + "config", text.replace("1.5", "1e999").encode()).code == "bad_value"


# -- what the device keeps ---------------------------------------------------------------------------------


def test_defaults_and_clamps() -> None:
    fields = {"measurement_interval_seconds": 5000, "operating_mode": "sometimes", "sensor_type": "Moisture"}
    verdict = config(sensors=[PROBE | fields, CLIMATE], actuators=[PUMP], offline_rules=[RULE])
    moisture, climate = kept_of(verdict, "sensors")
    assert moisture == {
        "gpio": 34, "type": "moisture", "name": "bed", "subzone": "", "active": True, "raw_mode": True,
        "mode": "continuous", "interval": 300, "rom": "", "i2c": None,
    }  # fmt: skip
    assert (climate["i2c"], climate["interval"]) == (0x44, 30)
    (pump,) = kept_of(verdict, "actuators")
    assert (pump["aux_gpio"], pump["max_runtime"], pump["default_state"]) == (255, 3_600_000, False)
    (kept,) = kept_of(verdict, "offline_rules")
    assert (kept["deactivate_above"], kept["time_filter"]["timezone"]) == (0, "UTC")
    assert (verdict.content["correlation_id"], verdict.content["generation"]) == ("c1", 0)


def test_absent_sections_are_left_alone() -> None:
    assert config(generation=4).content == {"correlation_id": "c1", "generation": 4}
