"""Derived series in a site file: what can be made, and what is refused with its line."""

from __future__ import annotations

import re
from array import array
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from godkaiser.engine.state import from_site
from godkaiser.errors import DocumentError
from godkaiser.io.clock import VirtualClock
from godkaiser.kaiser.site import check_site, read_site
from godkaiser.kaiser.sitediff import diff, standing_of
from godkaiser.kaiser.sitefile import export_site, site_of
from godkaiser.model.derived import DerivedSpec
from godkaiser.model.site import Site
from tests.kaiser.house import NODE as HOUSE
from tests.kaiser.house import SOIL, T0, TEXT, file, house

NODE = "ESP_A1B2C3"
AIR, DAMP = f"{NODE}/0/sht31_temp@0x44", f"{NODE}/0/sht31_humidity@0x44"
HEAD = "nodes: [{id: ESP_A1B2C3}]\nderived:\n"
VPD = f"  - {{name: VPD, kind: air_vpd, of: [{AIR}, {DAMP}]}}\n"
PAGE = Path(__file__).parents[2] / "docs/reference/sensors.md"


def line(kind: str, *of: str, more: str = "") -> str:
    return f"  - {{name: x, kind: {kind}, of: [{', '.join(of)}]{more}}}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (line("air_vpd", DAMP, AIR), "derived.0 (line 3 of site.yaml): air_vpd is made of a temperature and"),
        (line("dew_point", f"{NODE}/34/moisture", DAMP), "made of a temperature and an air humidity"),
        (line("ppfd", AIR, more=", lamp: hps"), "ppfd is made of light in lx"),
        (VPD + line("mean", AIR, DAMP), "derived.1 (line 4 of site.yaml): mean takes series of one unit, not"),
        (line("vote", *(f"{NODE}/{n}/light" for n in (32, 33, 34))), "no accuracy is stated for light, so nothing"),
        (line("difference", AIR, f"{NODE}/0/crystal"), "'crystal' is not known"),
        (line("difference", f"{NODE}/0/vpd", f"{NODE}/4/vpd"), "'vpd' is not known"),
        (
            line("ppfd", f"{NODE}/35/light", more=", lamp: hps")
            + f"sensors: [{{node: {NODE}, gpio: 35, type: ppfd}}]\n",
            f"{NODE}/35/ppfd is a sensor of its own",
        ),
        (line("dli", f"{NODE}/35/light"), "dli is made of ppfd, or of light in lx with the lamp stated"),
        (
            line("ppfd", f"{NODE}/35/light", more=", lamp: hps") + line("dli", f"{NODE}/35/ppfd"),
            f"derived.1 (line 4 of site.yaml): {NODE}/35/ppfd is derived itself",
        ),
        (VPD + VPD, f"derived: {NODE}/0/vpd@0x44 stands twice; give one of them an `id` of its own"),
        (VPD + (own := VPD.replace("}\n", ", id: two}\n")) + own, f"derived: {NODE}/0/vpd@two stands twice"),
        (VPD + f"sensors: [{{node: {NODE}, gpio: 35, type: vpd}}]\n", "sensors.0.type (line 4 of site.yaml): S"),
        (line("guess", AIR), "derived.0.kind (line 3 of site.yaml)"),
    ],
)  # fmt: skip
def test_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        check_site(HEAD + text, "site.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "air_vpd", "of": [AIR]}, "air_vpd is made of 2 series"),
        ({"kind": "mean", "of": [AIR]}, "mean is made of 2 to 16 series"),
        ({"kind": "vote", "of": [AIR, DAMP]}, "vote is made of 3 to 16 series"),
        ({"kind": "difference", "of": [AIR, AIR]}, "of names a series twice"),
        ({"kind": "ppfd", "of": [AIR]}, "ppfd cannot do without lamp"),
        ({"kind": "mean", "of": [AIR, DAMP], "lamp": "hps"}, "lamp belongs to ppfd and dli"),
        ({"kind": "mean", "of": [AIR, DAMP], "since": "06:00"}, "since, until and max_gap_s belong to dli"),
        ({"kind": "dli", "of": [AIR], "until": "18:00"}, "until needs since"),
        ({"kind": "dli", "of": [AIR], "since": "06:00", "until": "06:00"}, "until is since"),
        ({"kind": "dli", "of": [AIR], "since": "06:00", "until": "18"}, 'expected "HH:MM"'),
        ({"kind": "dli", "of": [AIR], "since": "24:00"}, "a day begins before 24:00"),
        ({"kind": "dli", "of": [AIR], "since": "six"}, 'expected "HH:MM"'),
        ({"kind": "dli", "of": [AIR], "max_gap_s": 0}, "max_gap_s"),
        ({"kind": "leaf_vpd", "of": [AIR, DAMP]}, "leaf_offset belongs to leaf_vpd"),
        ({"kind": "air_vpd", "of": [AIR, DAMP], "leaf_offset": 1}, "leaf_offset belongs to leaf_vpd"),
        ({"kind": "ppfd", "of": [AIR], "lamp": "candle"}, "lamp"),
        ({"kind": "ppfd", "of": [AIR], "lamp": float("nan")}, "lamp"),
        ({"kind": "air_vpd", "of": ["bench air", DAMP]}, "sensor id 'bench air' is not valid"),
        ({"kind": "air_vpd", "of": [AIR, DAMP], "max_age_s": 0}, "max_age_s"),
        (
            {"kind": "air_vpd", "of": [AIR, DAMP], "agree_within": 1},
            "agree_within belongs to difference, mean, v",
        ),
        ({"kind": "mean", "of": [AIR, DAMP], "agree_within": 0}, "agree_within"),
        ({"kind": "mean", "of": [AIR, DAMP], "agree_within": float("nan")}, "agree_within"),
        ({"kind": "mean", "of": [AIR, DAMP], "id": "0x45"}, "an id has lower-case letters"),
        ({"kind": "mean", "of": [AIR, DAMP], "id": "ab00000000000000"}, "an id has lower-case letters"),
    ],
)
def test_what_no_spec_can_say(fields: dict[str, Any], words: str) -> None:
    with pytest.raises((ValidationError, ValueError), match=re.escape(words)):
        DerivedSpec.model_validate({"name": "x"} | fields)


def test_an_id_of_its_own_comes_through_the_file() -> None:
    site = check_site(HEAD + VPD + VPD.replace("}\n", ", id: two}\n"), "site.yaml")
    assert [made.series for made in site.derived] == [f"{NODE}/0/vpd@0x44", f"{NODE}/0/vpd@two"]
    assert read_site(export_site(from_site(site), {}), "again").site.derived == site.derived


def test_other_names_of_a_type_are_the_same_series() -> None:
    site = check_site(HEAD + VPD.replace("sht31_temp", "temperature_sht31"), "site.yaml")
    assert site.derived[0].of == (AIR, DAMP)
    assert site.derived[0].series == f"{NODE}/0/vpd@0x44"


def test_rules_and_permissives_may_name_one() -> None:
    rule = """\
rules:
  - name: Mist
    conditions: [{type: sensor, esp_id: ESP_A1B2C3, gpio: 0, sensor_type: vpd, operator: ">", value: 1.2}]
    actions: [{type: actuator, esp_id: ESP_A1B2C3, gpio: 25, command: "ON"}]
actuators:
  - {node: ESP_A1B2C3, gpio: 25, type: relay, permissives: [{series: ESP_A1B2C3/0/vpd, op: ">", value: 0.4}]}
"""
    assert len(check_site(HEAD + VPD + rule, "site.yaml").rules) == 1


def test_the_examples_of_the_page_can_be_made() -> None:
    (block,) = re.findall(r"```yaml\n(derived:.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(check_site(block, "docs").derived) == 3


def test_each_difference_is_a_sentence() -> None:
    here = check_site(HEAD + VPD, "site.yaml")
    state = from_site(here)
    other = check_site(HEAD + VPD.replace("}\n", ", max_age_s: 90}\n"), "site.yaml")
    said = [str(d) for d in diff(site_of(state, {}), other, standing_of(state))]
    assert said == [f"air_vpd {NODE}/0/vpd@0x44 (VPD): max_age_s 60 → 90"]
    gone = here.model_copy(update={"derived": ()})
    (found,) = diff(site_of(state, {}), gone, standing_of(state))
    assert str(found) == f"air_vpd {NODE}/0/vpd@0x44 (VPD): no longer made; its history stays"
    assert Site.model_validate(here.model_dump()) == here


def test_both_views_of_a_day_are_two_series() -> None:
    light = f"{NODE}/35/light"
    rolling = line("dli", light, more=", lamp: hps")
    day = line("dli", light, more=", lamp: hps, since: '06:00', max_gap_s: 300")
    site = check_site(HEAD + rolling + day, "site.yaml")
    assert [made.series for made in site.derived] == [f"{NODE}/35/dli", f"{NODE}/35/dli_day"]


async def test_a_light_sum_goes_on_after_a_restart(tmp_path: Path) -> None:
    text = TEXT + f"derived: [{{name: sum, kind: dli, lamp: sunlight, of: [{HOUSE}/35/light]}}]\n"
    body = {"esp_id": HOUSE, "gpio": 35, "sensor_type": "light", "raw": 20_000, "raw_mode": True}
    clock = VirtualClock(T0)
    for hours in (1, 2):
        async with house(tmp_path, file(text), clock=clock) as here:
            await here.beat()
            for _ in range(13):
                await here.hear("sensor/35/data", body | {"quality": "good", "time_valid": True})
                for _ in range(2):
                    here.pass_time(150)
                    await here.beat()
            found = await here.call("history", series=f"{HOUSE}/35/dli", since="-10min")
            assert found["values"][-1] == pytest.approx(370e-6 * (hours * 3600 + (hours - 1) * 300))
            assert found["quality"][-1] == "suspect"
            assert found["coverage"][-1] == pytest.approx((hours + (hours - 1) / 12) / 24)
            packed = await here.call("history", series=f"{HOUSE}/35/dli", since="-10min", packed=True)
            assert list(array("d", b64decode(packed["coverage"]))) == found["coverage"]
            lux = await here.call("history", series=f"{HOUSE}/35/light", since="-10min")
            assert (len(lux["values"]) > 0, lux["coverage"]) == (True, [])
            (shot,) = [s for s in (await here.call("snapshot"))["sensors"] if s["type"] == "dli"]
            assert shot["coverage"] == found["coverage"][-1]


async def test_it_is_stored_and_outlives_a_restart(tmp_path: Path) -> None:
    more = f"  - {{node: {HOUSE}, gpio: 36, type: moisture, name: deep soil}}\nactuators:"
    text = TEXT.replace("actuators:", more, 1)
    text += f"derived: [{{name: dryness, kind: difference, of: [{SOIL}, {HOUSE}/36/moisture]}}]\n"
    made_of = f"{HOUSE}/34/difference"
    async with house(tmp_path, file(text)) as here:
        await here.beat(sensors=2)
        await here.soil(2000)
        body = {"esp_id": HOUSE, "gpio": 36, "sensor_type": "moisture", "raw": 2350, "raw_mode": True}
        await here.hear("sensor/36/data", body | {"quality": "good", "time_valid": True})
        found = await here.call("history", series=made_of, since="-1h")
        assert (found["values"], found["unit"], found["quality"]) == ([0.0], "%", ["uncalibrated"])
    async with house(tmp_path) as here:
        assert await here.sentences(text) == []
        shot = await here.call("snapshot")
        (picture,) = (sensor for sensor in shot["sensors"] if sensor["id"] == made_of)
        assert (picture["name"], picture["unit"]) == ("dryness", "%")
        found = await here.call("history", series=made_of, since="-1h")
        assert (found["values"], found["unit"]) == ([0.0], "%")
