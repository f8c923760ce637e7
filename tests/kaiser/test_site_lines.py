"""A site file that cannot be: the line, the field, the pin and its owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from godkaiser.errors import DocumentError, SettingsError
from godkaiser.kaiser.site import check_site, load_site, parse_site

HEAD = """\
zones:
  - {id: bench}
nodes:
  - {id: ESP_A1B2C3, zone: bench}
  - {id: ESP_D4E5F6, board: xiao_esp32c3}
  - {id: ESP_0A1B2C, board: null}
"""
RULE = """\
rules:
  - name: Cool
    conditions: [{type: time_window, start_time: "06:00", end_time: "22:00"}]
    actions:
      - {type: actuator, esp_id: ESP_A1B2C3, gpio: 25, command: "ON"}
"""


PROBE = "sensors:\n  - {node: ESP_A1B2C3, gpio: 32, type: ph, name: tank pH}\n"
SOIL = "sensors:\n  - {node: ESP_A1B2C3, gpio: 34, type: moisture}\n"
SECOND = "  - {node: ESP_A1B2C3, gpio: 25, type: pwm}\n"
DRY = 'type: sensor, esp_id: ESP_A1B2C3, gpio: 34, operator: "<", value: 1'


def refused(text: str, check: bool = False) -> str:
    with pytest.raises(DocumentError) as caught:
        (check_site if check else parse_site)(HEAD + text, "site.yaml")
    assert "nothing was changed" in caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "actuators:\n  - {node: ESP_A1B2C3, gpio: 25, type: relay, name: heater}\n" + SECOND,
            "actuators.1 (line 9 of site.yaml): ESP_A1B2C3/25 stands twice; heater has it in line 8",
        ),
        (
            PROBE + "actuators:\n  - {node: ESP_A1B2C3, gpio: 32, type: relay, name: heater}\n",
            "actuators.0.gpio (line 10 of site.yaml): heater: pin 32 is already taken by tank pH",
        ),
        (
            "actuators:\n  - {node: ESP_A1B2C3, gpio: 12, type: relay, name: heater}\n",
            "actuators.0.gpio (line 8 of site.yaml): heater: pin 12 is reserved on a ESP32-WROOM",
        ),
        (
            "actuators:\n  - {node: ESP_D4E5F6, gpio: 25, type: relay}\n",
            "line 8 of site.yaml): relay on pin 25: a XIAO ESP32-C3 has no usable pin 25",
        ),
        (
            "actuators:\n  - {node: ESP_A1B2C3, gpio: 34, type: relay}\n",
            "line 8 of site.yaml): relay on pin 34",
        ),
        (
            "actuators:\n  - {node: ESP_A1B2C3, gpio: 21, type: relay}\n",
            "pin 21 belongs to the I²C bus of a ESP32-WROOM",
        ),
        ("sensors:\n  - {node: ESP_A1B2C3, gpio: 25, type: ph}\n", "no converter that works beside Wi-Fi"),
        (
            "sensors:\n"
            + "".join(
                f"  - {{node: ESP_D4E5F6, gpio: 6, type: ds18b20, address: '{n:016X}'}}\n" for n in range(11)
            ),
            "sensors.10.gpio (line 18 of site.yaml)",
        ),
        ("sensors:\n  - {node: ESP_0A1B2C, gpio: 12, type: ph}\n", "pin 12 is reserved"),
        (
            "actuators:\n  - node: ESP_A1B2C3\n    gpio: 99\n    type: relay\n",
            "actuators.0.gpio (line 9 of site.yaml)",
        ),
        (
            "sensors:\n  - {node: ESP_A1B2C3, gpio: 32, type: crystal}\n",
            "sensors.0.type (line 8 of site.yaml)",
        ),
        (
            SOIL + "  - {node: ESP_A1B2C3, gpio: 34, type: soil_moisture}\n",
            "sensors.1 (line 9 of site.yaml): ESP_A1B2C3/34/moisture stands twice",
        ),
        (
            SOIL + SOIL.removeprefix("sensors:\n"),
            "sensors.1 (line 9 of site.yaml): ESP_A1B2C3/34/moisture stands",
        ),
        ("subzones: [{node: ESP_A1B2C3, id: a}, {node: ESP_A1B2C3, id: a}]\n", "ESP_A1B2C3/a stands twice"),
        ("timezone: Mars\n", "timezone (line 7 of site.yaml): 'Mars' is not an IANA time zone"),
        ("timezone: UTC\ntimezone: UTC\n", "line 8 of site.yaml: 'timezone' stands twice"),
        ("sensors:\n  - {node: ESP_A1B2C3, node: ESP_D4E5F6}\n", "line 8 of site.yaml: 'node' stands twice"),
        ("- a\n", "site.yaml"),
        ("subzones: 2001-99-99\n", "site.yaml"),
        ("rules:\n  - {name: x}\n", "line 8 of site.yaml"),
        (
            RULE.replace('command: "ON"', "command: TURN"),
            "rules.0.actions.0.command (line 11 of site.yaml)",
        ),
    ],
)
def test_refused_with_line_pin_and_owner(text: str, words: str) -> None:
    assert words in refused(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RULE + "actuators:\n  - {node: ESP_A1B2C3, gpio: 25, type: relay}\n", ""),
        (
            RULE + RULE.removeprefix("rules:\n"),
            "rules.1.name (line 12 of site.yaml): a rule named 'cool' stands twice",
        ),
        (
            RULE.replace('type: time_window, start_time: "06:00", end_time: "22:00"', DRY),
            "rules.0.conditions.0.sensor_type (line 9 of site.yaml): is missing; sensors on that pin: none known",
        ),
    ],
)
def test_rules_are_checked_against_the_file_alone(text: str, words: str) -> None:
    if words:
        assert words in refused(text, check=True)
    else:
        assert len(check_site(HEAD + text, "site.yaml").rules) == 1


@pytest.mark.parametrize("nothing", ["", "# only words\n", "{}\n"])
def test_an_empty_file_is_an_empty_site(nothing: str) -> None:
    assert parse_site(nothing, "site.yaml").model_fields_set == set()


def test_types_are_called_by_their_own_names() -> None:
    site = parse_site("sensors: [{node: ESP_A1B2C3, gpio: 34, type: SOIL_MOISTURE}]", "x")
    assert [s.type for s in site.sensors] == ["moisture"]


def test_a_file_that_cannot_be_read_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"GODKAISER_SITE: .*nothing\.yaml: No such file") as caught:
        load_site(tmp_path / "nothing.yaml")
    assert caught.value.remedy == "Name an existing site file."
    (tmp_path / "latin.yaml").write_bytes(b"zones: \xff")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        load_site(tmp_path / "latin.yaml")


FAN = "actuators:\n  - {node: ESP_A1B2C3, gpio: 25, type: pwm, "


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("min_on_s: 7200", "min_on_s must not exceed max_on_s"),
        ("on_budget_s: 90, on_window_s: 60", "on_budget_s must lie between min_on_s and on_window_s"),
        ("cooldown_s: 3601", "less than or equal to 3600"),
        ("starts_per_hour: 0", "greater than or equal to 1"),
        ("interlocks: [a/b]", "actuators.0.interlocks.0"),
        ("permissives: [{series: ESP_A1B2C3/32/ph, op: '>'}]", "give either series, op and value, or window"),
        ("permissives: [{series: nowhere, op: '>', value: 1}]", "NODE/GPIO/TYPE"),
        ("permissives: [{window: {start: 6:00, end: '22:00'}}]", 'expected "HH:MM" in quotes'),
        ("permissives: [{window: {start: '25:00', end: '22:00'}}]", 'expected "HH:MM"'),
        ("permissives: [{window: {start: '06:00', end: '06:00'}}]", "start and end must differ"),
        ("permissives: [{series: ESP_A1B2C3/32/humours, op: '>', value: 1}]", "humours"),
        (
            "permissives: [{series: ESP_A1B2C3/32/ph, op: '>', value: 1}]",
            "actuators.0.permissives.0 (line 8 of site.yaml): there is no sensor ESP_A1B2C3/32/ph",
        ),
    ],
)
def test_limits_that_cannot_be(limits: str, words: str) -> None:
    assert words in refused(f"{FAN}{limits}}}\n", check=True)


def test_a_permissive_takes_other_names_of_a_type() -> None:
    soil = "sensors:\n  - {node: ESP_A1B2C3, gpio: 34, type: moisture}\n"
    guard = "permissives: [{series: ESP_A1B2C3/34/soil_moisture, op: '<', value: 60}]"
    (spec,) = check_site(f"{HEAD}{soil}{FAN}{guard}}}\n", "site.yaml").actuators
    assert spec.permissives[0].series == "ESP_A1B2C3/34/moisture"
