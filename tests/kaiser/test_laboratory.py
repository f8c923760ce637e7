"""Calibrating at the desk: who may, what is refused, what a restart and a site file leave of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.policy import Role
from godkaiser.errors import (
    CalibrationError,
    DocumentError,
    ForbiddenError,
    GodkaiserError,
    InvalidValueError,
    UnknownSensorError,
)
from godkaiser.kaiser.site import parse_site
from godkaiser.model.instant import SECOND, to_iso
from tests.kaiser.house import NODE, SOIL, TEXT, House, file, house

DECLARED = "calibration: {dry: 2800, wet: 1200}"
POINTS = [{"raw": 3200, "role": "dry"}, {"raw": 1200, "role": "wet"}]
STILL = TEXT.replace("name: soil,", "name: soil, warm_up: 0,")


async def calibrate(made: House, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await made.call(
        "sensors.calibrate", **({"sensor": "soil", "points": POINTS} | more)
    )
    return answer


async def values(made: House) -> list[tuple[float, int]]:
    answer = await made.call("history", series=SOIL, since="-1h")
    return list(zip(answer["values"], answer["calibration"], strict=True))


async def read(made: House, raw: int) -> None:
    made.pass_time(2)
    await made.soil(raw)


async def test_it_counts_outlives_a_restart_and_can_be_undone(tmp_path: Path) -> None:
    async with house(tmp_path, file(STILL)) as made:
        await made.beat()
        await read(made, 2000)
        answer = await calibrate(made)
        assert (answer["version"], answer["dry"], answer["method"]) == (2, 3200, "moisture")
        assert answer["by"].startswith("local:")
        await read(made, 2000)
        clock = made.clock
    async with house(tmp_path, file(STILL), clock=clock) as made:
        await made.beat()
        await read(made, 2200)
        assert await values(made) == [(50.0, 1), (60.0, 2), (50.0, 2)]
        answer = await made.call("history", series=SOIL, since="-1h")
        assert [(v["version"], v["dry"]) for v in answer["versions"]] == [(1, 2800), (2, 3200)]
        undone = await made.call("sensors.undo", sensor=SOIL)
        assert (undone["undone"]["version"], undone["calibration"]["version"]) == (2, 1)
        await read(made, 2000)
        clock = made.clock
    async with house(tmp_path, file(STILL), clock=clock) as made:
        await made.beat()
        await read(made, 2000)
        assert (await values(made))[3:] == [(50.0, 1), (50.0, 1)]
        kept = await made.call("sensors.calibrations", sensor="soil")
        assert [(one["version"], "undone_at" in one) for one in kept] == [(1, False), (2, True)]


async def test_a_dry_run_and_one_for_later(tmp_path: Path) -> None:
    async with house(tmp_path, file(STILL)) as made:
        dry = await calibrate(made, dry_run=True)
        assert (dry["version"], dry["dry"]) == (0, 3200)
        assert await made.call("sensors.calibrations", sensor="soil") == []
        later = to_iso(made.clock.now() + 60 * SECOND)
        assert (await calibrate(made, valid_from=later))["valid_from"] == later
        await made.beat()
        await read(made, 2000)
        made.pass_time(60)
        await read(made, 2200)
        assert await values(made) == [(50.0, 1), (50.0, 2)]


REFUSED: list[tuple[dict[str, Any], type[GodkaiserError], str]] = [
    ({"sensor": "nobody"}, UnknownSensorError, "nobody"),
    ({"points": POINTS[:1]}, CalibrationError, "there are 1"),
    ({"points": 7}, CalibrationError, "no list"),
    ({"how": {"adc": "ads1115"}}, CalibrationError, "not the declared one"),
    ({"how": {"gain": "much"}}, CalibrationError, "no number"),
    ({"how": {"colour": 1}}, CalibrationError, "colour"),
    ({"how": [1]}, CalibrationError, "how"),
    ({"how": {"method": "ph"}}, CalibrationError, "'ph' is none for counts of moisture"),
    ({"valid_from": "-1h"}, InvalidValueError, "is in the past"),
    ({"valid_from": "soon"}, InvalidValueError, "not a time"),
]


@pytest.mark.parametrize(("params", "error", "words"), REFUSED)
async def test_what_is_refused_changes_nothing(
    tmp_path: Path, params: dict[str, Any], error: type[GodkaiserError], words: str
) -> None:
    async with house(tmp_path, file()) as made:
        with pytest.raises(error, match=words) as caught:
            await calibrate(made, **params)
        assert caught.value.remedy
        assert await made.call("sensors.calibrations", sensor="soil") == []


async def test_who_is_only_heard_is_declared_first(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        body = {
            "esp_id": NODE,
            "gpio": 35,
            "sensor_type": "ph",
            "raw": 2000,
            "raw_mode": True,
            "quality": "good",
        }
        await made.hear("sensor/35/data", body | {"time_valid": True})
        with pytest.raises(CalibrationError, match="is not declared") as caught:
            await calibrate(made, sensor=f"{NODE}/35/ph")
        assert "site file" in caught.value.remedy
        assert await made.call("sensors.calibrations", sensor=f"{NODE}/35/ph") == []


async def test_there_is_an_end_to_undoing(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        assert (await made.call("sensors.undo", sensor="soil"))["calibration"] is None
        with pytest.raises(CalibrationError, match="none to undo"):
            await made.call("sensors.undo", sensor="soil")


async def test_who_may_only_look_may_not(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        for name, role in (("vera", Role.VIEWER), ("olaf", Role.OPERATOR)):
            await made.controller.accounts.add(name, "Long-enough-7", role)
        tokens = [
            (await made.call("login", name=name, password="Long-enough-7", address="x"))["token"]
            for name in ("vera", "olaf")
        ]
        for method in ("sensors.calibrate", "sensors.undo"):
            params = {"points": POINTS} if method == "sensors.calibrate" else {}
            with pytest.raises(ForbiddenError):
                await made.call(method, sensor="soil", token=tokens[0], **params)
            await made.call(method, sensor="soil", token=tokens[1], **params)
        assert len(await made.call("sensors.calibrations", sensor="soil", token=tokens[0])) == 2


# ── the site file ──────────────────────────────────────────────────────────────────────────────────────
async def test_what_was_fitted_is_exported_and_applied_again_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await calibrate(made)
        text = (await made.call("site.export"))["text"]
        assert "method: moisture, version: 2" in text
        assert (await made.call("site.apply", text=text))["differences"] == []


async def test_a_file_that_leaves_it_out_or_says_an_older_one_takes_nothing_away(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await calibrate(made)
        assert await made.sentences(TEXT.replace(f", {DECLARED}", "")) == []
        answer = await made.call("site.apply", text=TEXT)
        (stays,) = answer["differences"]
        assert (stays["applied"], answer["applied"]) == (False, False)
        assert "dry 3200, wet 1200 (version 2) stays; `godkaiser sensors undo" in stays["meaning"]
        assert (await made.call("sensors.calibrations", sensor="soil"))[-1]["version"] == 2


async def test_a_file_may_say_another_or_none(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await calibrate(made)
        other = TEXT.replace("dry: 2800", "dry: 2900")
        await made.call("site.apply", text=other)
        kept = await made.call("sensors.calibrations", sensor="soil")
        assert (kept[-1]["version"], kept[-1]["dry"], kept[-1]["method"]) == (3, 2900, "declared")
        await calibrate(made)
        (gone,) = await made.sentences(TEXT.replace(DECLARED, "calibration: none"))
        assert "calibration dry 3200, wet 1200 (version 4) → none" in gone
        await made.call("site.apply", text=TEXT.replace(DECLARED, "calibration: none"))
        assert (await made.call("sensors.calibrations", sensor="soil"))[-1]["method"] == "none"
        assert await made.sentences(TEXT.replace(f", {DECLARED}", "")) == []


async def test_what_counts_and_what_waits_are_exported_and_applied_again_changes_nothing(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, file(STILL)) as made:
        await made.beat()
        first, second = (to_iso(made.clock.now() + wait * SECOND) for wait in (60, 120))
        await calibrate(made, valid_from=second)
        await calibrate(made, points=[POINTS[0] | {"raw": 3000}, POINTS[1]], valid_from=first)
        text = (await made.call("site.export"))["text"]
        assert "calibration: {dry: 2800, wet: 1200}, calibrations_later: [{" in text
        assert text.index(first) < text.index(second)
        assert (await made.call("site.apply", text=text))["differences"] == []
        # One other thing is changed: nothing else happens.
        renamed = text.replace("name: fan", "name: exhaust")
        assert len((await made.call("site.apply", text=renamed))["differences"]) == 1
        made.pass_time(61)
        await read(made, 2000)
        now = (await made.call("site.export"))["text"]
        assert "calibrations_later: [{dry: 3200" in now
        for old in (renamed, now):
            assert [one["applied"] for one in (await made.call("site.apply", text=old))["differences"]] == []
        kept = await made.call("sensors.calibrations", sensor="soil")
        assert [(one["version"], "undone_at" in one) for one in kept] == [(1, False), (2, False), (3, False)]
        made.pass_time(60)
        await read(made, 2000)
        assert await values(made) == [(pytest.approx(100 * 1000 / 1800), 3), (60.0, 2)]
        await made.call("sensors.undo", sensor="soil")
        await made.call("sensors.undo", sensor="soil")
        assert all("stays" in one for one in await made.sentences(now))


async def test_what_was_undone_does_not_come_back_with_an_old_export(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await calibrate(made)
        exported = (await made.call("site.export"))["text"]
        await made.call("sensors.undo", sensor="soil")
        (stays,) = await made.sentences(exported)
        assert "is an earlier one; dry 2800, wet 1200 stays" in stays
        await made.call("sensors.undo", sensor="soil")
        (stays,) = await made.sentences(exported)
        assert "none stays; calibrate it anew" in stays


WATER = f"""\
sensors:
  - {{node: {NODE}, gpio: 4, type: ds18b20, name: tank water}}
  - {{node: {NODE}, gpio: 0, type: sht31_humidity, address: 0x44, name: damp}}
  - {{node: {NODE}, gpio: 35, type: ph, name: tank pH, temperature_from: tank water}}
"""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("temperature_from: tank water", "temperature_from: lake"), "there is no sensor 'lake'"),
        (("temperature_from: tank water", "temperature_from: damp"), "'damp' measures %, not °C"),
        (("temperature_from: tank water", "temperature_from: tank pH"), "'tank pH' measures pH, not °C"),
        (("type: ph", "type: moisture"), "only ph and ec are compensated"),
        (("name: damp", "name: tank water"), "'tank water' fits 2 sensors"),
    ],
)
def test_the_water_of_a_probe_must_be_a_temperature_of_the_site(change: tuple[str, str], words: str) -> None:
    assert parse_site(WATER, "x").sensors[2].temperature_from == "tank water"
    by_id = WATER.replace("temperature_from: tank water", f"temperature_from: {NODE}/4/ds18b20")
    assert parse_site(by_id, "x").sensors[2].temperature_from == f"{NODE}/4/ds18b20"
    with pytest.raises(DocumentError, match=words) as caught:
        parse_site(WATER.replace(*change), "x")
    assert caught.value.path.endswith("(line 4 of x)")
