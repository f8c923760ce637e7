"""Sensor types of other packages, really found by their entry points."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from godkaiser import plugins
from godkaiser.cli.main import app
from godkaiser.errors import DocumentError
from godkaiser.kaiser.site import check_site, read_site
from godkaiser.sensors.catalogue import BUILT_IN
from godkaiser.sensors.types import TYPES
from godkaiser.testing import check_sensor_type
from tests.kaiser.house import NODE, house

PAGE = (Path(__file__).parents[2] / "docs/how-to/add-a-sensor-type.md").read_text()
BLOCKS = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE, re.DOTALL)
LEAF = f"{NODE}/33/leaf_wetness"
SITE = f"""\
nodes: [{{id: {NODE}, zone: bench, approved: true}}]
sensors: [{{node: {NODE}, gpio: 33, type: LWN, name: leaf}}]
actuators: [{{node: {NODE}, gpio: 25, type: relay, kind: fan, name: fan, max_on_s: 1800}}]
derived: [{{name: leaves, kind: mean, of: [{NODE}/33/lwn, {NODE}/32/leaf_wetness]}}]
rules:
  - name: Dry the leaves
    conditions: [{{type: sensor, esp_id: {NODE}, gpio: 33, sensor_type: lwn, operator: ">", value: 40}}]
    actions: [{{type: actuator_command, esp_id: {NODE}, gpio: 25, command: "ON"}}]
"""
Install = Callable[..., None]
CO2 = "from dataclasses import replace\nfrom godkaiser.sensors.types import TYPES\n"


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Packages as pip leaves them: a module, its dist-info, the folder on the path."""
    folder, names = tmp_path / "site-packages", []

    def made(package: str, code: str, target: str, point: str = "it") -> None:
        module = target.partition(":")[0]
        info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[godkaiser.sensors]\n{point} = {target}\n")
        names.append(module)

    sys.path.insert(0, str(folder))
    yield made
    sys.path.remove(str(folder))
    for name in names:
        sys.modules.pop(name, None)


def leaf(install: Install) -> None:
    install("leaf-wetness", BLOCKS[0], "leaf_wetness:LEAF_WETNESS", "leaf")


def test_the_page_is_true(install: Install) -> None:
    leaf(install)
    exec(BLOCKS[2], {})  # noqa: S102 - our own page
    assert 'leaf = "leaf_wetness:LEAF_WETNESS"' in BLOCKS[1]
    assert f'[project.entry-points."{plugins.GROUP}"]' in BLOCKS[1]
    assert len(BLOCKS[0].strip().splitlines()) <= 20
    catalogue = plugins.load()
    assert (catalogue.faults, catalogue.package_of("leaf_wetness")) == ((), "leaf-wetness")
    assert catalogue.canonical("LWN") == "leaf_wetness"


async def test_a_strangers_type_works_through_the_whole_controller(install: Install, tmp_path: Path) -> None:
    leaf(install)
    catalogue = plugins.load()
    file = read_site(SITE, "site.yaml", catalogue)
    async with house(tmp_path / "data", file, catalogue=catalogue) as one:
        await one.beat()
        one.pass_time(3)
        body = {"esp_id": NODE, "gpio": 33, "sensor_type": "leaf_wetness", "raw": 2048, "raw_mode": True}
        await one.hear("sensor/33/data", body | {"quality": "good", "time_valid": True})
        (shot,) = (await one.call("snapshot"))["sensors"]
        assert (shot["id"], shot["name"], shot["unit"], shot["quality"]) == (LEAF, "leaf", "%", "good")
        assert shot["value"] == pytest.approx(50.01, abs=0.01)
        assert shot["stale_after_s"] == 300
        assert one.sent("actuator/25/command")[0]["command"] == "ON"
        exported = (await one.call("site.export"))["text"]
        assert await one.sentences(exported) == []
        await one.controller.runner.drained()
        kept = await one.call("history", series="leaf", since="-1h")
        assert (kept["values"], kept["unit"]) == ([shot["value"]], "%")
    # The package is gone: the controller starts, and says what it does not know.
    async with house(tmp_path / "data", clock=one.clock) as two:
        await two.beat()
        two.pass_time(3)
        await two.hear("sensor/33/data", body | {"quality": "good", "time_valid": True})
        (shot,) = (await two.call("snapshot"))["sensors"]
        assert (shot["value"], shot["raw"], shot["quality"]) == (None, 2048, "error")
        assert shot["reason"] == "no plug-in knows this type any more"


@pytest.mark.parametrize(
    ("code", "target", "problem"),
    [
        ("raise RuntimeError('no')", "broken:X", "RuntimeError: no"),
        ("import nowhere_at_all", "broken:X", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("X = 1 +", "broken:X", "SyntaxError"),
        ("", "broken:X", "AttributeError"),
        ("X = 7", "broken:X", "7 is no SensorType"),
        ("from godkaiser.sensors.types import TYPES\nX = TYPES['co2']", "broken:X", "typical is missing"),
        (CO2 + "X = replace(TYPES['co2'], typical=400)", "broken:X", "co2 is a type of godkaiser already"),
        (
            CO2
            + "X = [replace(TYPES['co2'], typical=400, name=n, aliases=('soil_moisture',)) for n in 'ab']",
            "broken:X",
            "soil_moisture is a type of godkaiser already",
        ),
    ],
)
def test_what_cannot_be_taken_is_listed_and_stops_nothing(
    install: Install, code: str, target: str, problem: str
) -> None:
    install("broken", code, target)
    leaf(install)
    catalogue = plugins.load()
    (fault,) = catalogue.faults
    assert (fault.package, fault.plugin) == ("broken", "it")
    assert problem in fault.problem
    assert set(catalogue.types) - set(TYPES) == {"leaf_wetness"}


def test_the_command_lists_types_and_what_was_left_out(install: Install) -> None:
    install("broken", "X = 7", "broken:X")
    leaf(install)
    run = CliRunner().invoke(app, ["sensors", "types", "--json"])
    said = json.loads(run.stdout)
    found = {row["name"]: row for row in said["types"]}
    assert found["leaf_wetness"] == {
        "name": "leaf_wetness",
        "label": "leaf wetness",
        "unit": "%",
        "low": 0,
        "high": 100,
        "fresh_for_s": 300,
        "bus": "analog",
        "mode": "continuous",
        "aliases": ["lwn"],
        "package": "leaf-wetness",
    }
    assert found["moisture"]["aliases"] == ["soil_moisture"]
    assert {row["package"] for row in said["types"]} == {"godkaiser", "leaf-wetness"}
    assert said["left_out"] == [{"package": "broken", "plugin": "it", "problem": "7 is no SensorType"}]
    told = CliRunner().invoke(app, ["sensors", "types"]).stdout
    assert "leaf_wetness" in told
    assert "7 is no SensorType" in told


def test_without_the_package_the_site_file_is_refused_by_line() -> None:
    with pytest.raises(DocumentError, match=r"sensors.0.type \(line 2 of site.yaml\): Sensor type 'LWN'"):
        check_site(SITE, "site.yaml")


# ── the public check ───────────────────────────────────────────────────────────────────────────────────
TYPICAL = {
    "ds18b20": 344, "sht31_temp": 26000, "sht31_humidity": 39000, "ph": 1500, "ec": 1000, "moisture": 2150,
    "mhz19_co2": 415, "scd30_co2": 415, "co2": 415, "light": 200, "ppfd": 500, "flow": 15, "level": 80, "switch": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TYPICAL))
def test_the_built_in_types_pass(name: str) -> None:
    row = replace(TYPES[name], typical=TYPICAL[name])
    check_sensor_type(row)
    assert BUILT_IN.package_of(row.name) == "godkaiser"


def impure() -> Callable[..., Any]:
    counts: list[float] = []

    def convert(raw: float, raw_mode: bool, adc: str, calibration: object) -> Any:
        counts.append(raw)
        made = TYPES["co2"].convert(raw, raw_mode, adc, None)
        return replace(made, value=min(400.0 + len(counts), 1e4)) if raw_mode else made

    return convert


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "CO2 fine"}, "lower-case letters"),
        ({"aliases": ("A",)}, "lower-case letters"),
        ({"label": " "}, "label is empty"),
        ({"unit": "mpp"}, "unit 'mpp' is not one of"),
        ({"bus": "output"}, "bus 'output' is not one of"),
        ({"mode": "scheduled"}, "mode 'scheduled' is none"),
        ({"derived": True}, "derived types are not for plug-ins"),
        ({"low": 10, "high": 10}, "bounds 10..10 are not in order"),
        ({"high": float("inf")}, "are not finite"),
        ({"stale_s": 0}, "freshness 0 s is not above 0"),
        ({"accuracy": 0}, "accuracy 0 is not above 0"),
        ({"fastest": -1.0}, "fastest -1.0 is no number from 0 on"),
        ({"restless": float("nan")}, "restless nan is no number from 0 on"),
        ({"typical": None}, "typical is missing"),
        ({"typical": 20000}, "gives no value: 20000 ppm is outside"),
        ({"convert": lambda raw, raw_mode, adc, made: 1 / 0}, "raises ZeroDivisionError"),
        ({"convert": lambda raw, raw_mode, adc, made: raw}, "raises TypeError: it returned no Converted"),
        ({"convert": TYPES["flow"].convert, "typical": 15, "low": 1, "high": 1.5}, "gives no value"),
        (
            {"convert": lambda raw, raw_mode, adc, made: TYPES["co2"].convert(raw + 1, True, adc, None)},
            "does not pass",
        ),
        ({"convert": impure()}, "it is not pure"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_sensor_type(replace(TYPES["co2"], **({"typical": 415} | changes)))
    assert problem in str(caught.value)
