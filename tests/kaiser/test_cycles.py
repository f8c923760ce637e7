"""What grows in a zone: from the site file to frames, joined with readings by where and when they were taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from godkaiser.errors import InvalidValueError
from godkaiser.kaiser.site import check_site
from godkaiser.model.instant import SECOND, to_iso
from tests.kaiser.house import NODE, T0, TEXT, House, file, house

TOMATO: dict[str, Any] = {
    "name": "tomato 2026",
    "variety": "Harzfeuer F1",
    "substrate": "coir",
    "planted": "2027-01-10",
    "expected_harvest": "2027-05-01",
    "phases": [{"name": "seedling", "since": "2027-01-10"}, {"name": "vegetative", "since": "2027-01-15"}],
    "notes": [{"at": "2027-01-12", "text": "aphids"}],
}


def text(*cycles: dict[str, Any], node_zone: str = "bench") -> str:
    document = yaml.safe_load(TEXT)
    document["timezone"] = "Europe/Berlin"
    document["zones"] = [
        {"id": "bench", "name": "North bench", "cycles": list(cycles)},
        {"id": "store", "name": "Store"},
    ]
    document["nodes"][0]["zone"] = node_zone
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


async def test_cycles_are_listed_shown_exported_and_differences_told(tmp_path: Path) -> None:
    assert to_iso(T0).startswith("2027-01-15T08:00")
    async with house(tmp_path / "data", file(text(TOMATO))) as one:
        (shown,) = await one.call("cycles")
        assert (shown["zone"], shown["phase"], shown["days"]) == ("bench", "vegetative", 5)
        assert (shown["planted"], shown["ended"]) == ("2027-01-10", None)
        zones = {zone["id"]: zone.get("cycle") for zone in (await one.call("snapshot"))["zones"]}
        assert zones == {"bench": shown, "store": None}
        assert await one.sentences((await one.call("site.export"))["text"]) == []
        ended = TOMATO | {"ended": "2027-01-14", "phases": []}
        again = TOMATO | {"name": "basil", "planted": "2027-01-14", "phases": [], "notes": []}
        told = await one.sentences(text(ended, again))
        assert told == ["zone bench: cycle tomato 2026 changed", "zone bench: cycle basil is new"]
        await one.call("site.apply", text=text(ended, again))
        first, second = await one.call("cycles")
        assert (first["days"], first["ended"], second["days"], second["phase"]) == (4, "2027-01-14", 1, "")
    async with house(tmp_path / "data", clock=one.clock) as two:
        assert [cycle["name"] for cycle in await two.call("cycles")] == ["tomato 2026", "basil"]


async def test_a_node_that_moves_changes_the_future_only(tmp_path: Path) -> None:
    async with house(tmp_path / "data", file(text(TOMATO))) as one:
        await one.beat()
        one.pass_time(3)
        await one.soil(2000)
        await one.call("site.apply", text=text(TOMATO, node_zone="store"))
        one.pass_time(30)
        await one.beat()
        await one.soil(1990)
        everything = await one.call("history", series="soil", since="-7d")
        grown = await one.call("cycles.history", series="soil", cycle="tomato 2026")
        assert (len(everything["values"]), grown["values"]) == (2, [50.0])
        words = [mark["text"].removeprefix("tomato 2026: ") for mark in grown["marks"]]
        assert words == ["planted", "seedling", "aphids", "vegetative"]
        assert grown["marks"][0]["at"] == "2027-01-09T23:00:00Z"
        with pytest.raises(InvalidValueError, match="there is no such cycle") as caught:
            await one.call("cycles.history", series="soil", cycle="basil")
        assert "tomato 2026" in caught.value.remedy


async def test_what_was_measured_before_a_move_stays_there_however_late_it_comes(tmp_path: Path) -> None:
    async with house(tmp_path / "data", file(text(TOMATO))) as one:
        await one.beat()
        one.pass_time(3)
        await one.soil(2000)
        measured = one.clock.now() // SECOND + 60
        one.pass_time(120)
        await one.call("site.apply", text=text(TOMATO, node_zone="store"))
        one.pass_time(120)
        body = {"esp_id": NODE, "gpio": 34, "sensor_type": "moisture", "raw_mode": True}
        body |= {"quality": "good", "time_valid": True}
        await one.hear("sensor/34/data", body | {"raw": 1900, "ts": measured})
        assert await _zones(one) == ["bench", "bench"]
    async with house(tmp_path / "data", clock=one.clock) as two:
        await two.beat()
        await two.hear("sensor/34/data", body | {"raw": 1910, "ts": measured + 30})
        await two.hear("sensor/34/data", body | {"raw": 1920, "ts": measured + 90})
        await two.call("site.apply", text=text(TOMATO))
        two.pass_time(60)
        await two.hear("sensor/34/data", body | {"raw": 1930, "ts": two.clock.now() // SECOND})
        await two.hear("sensor/34/data", body | {"raw": 1940, "ts": measured + 100})
        assert await _zones(two) == ["bench", "bench", "bench", "store", "store", "bench"]


async def _zones(one: House) -> list[str]:
    """Where each reading of the soil was taken, by its time."""
    found: dict[str, str] = {}
    for zone in ("bench", "store"):
        sensor = one.controller.clerk.sensor("soil")
        told = await one.controller.curves.stretch(sensor, (0, T0 + 10**12), zone=zone)
        found |= dict.fromkeys(told["times"], zone)
    return [found[at] for at in sorted(found)]


@pytest.mark.parametrize(
    ("cycles", "problem"),
    [
        ([TOMATO, TOMATO | {"name": "b", "planted": "2027-01-12", "phases": []}], "two cycles overlap"),
        ([TOMATO | {"ended": "2027-01-09"}], "ended 2027-01-09 lies before planted 2027-01-10"),
        ([TOMATO | {"expected_harvest": "2027-01-01"}], "expected_harvest 2027-01-01 lies before planted"),
        ([TOMATO | {"phases": [{"name": "x", "since": "2027-01-01"}]}], "phases must be in order of since"),
        ([TOMATO | {"ended": "2027-01-15"}], "a phase must begin before the cycle ended on 2027-01-15"),
        (
            [TOMATO | {"ended": "2027-02-01"}, TOMATO | {"planted": "2027-02-01", "phases": []}],
            "stands twice",
        ),
        ([TOMATO | {"planted": "soon"}], "is no day"),
        ([TOMATO | {"planted": 0}], "is no day: write it as 2026-05-01"),
        ([TOMATO | {"planted": 1746057600}], "is no day"),
        ([TOMATO | {"planted": "1746057600"}], "is no day"),
        ([TOMATO | {"planted": "2027-01-10T00:00:00Z"}], "is no day"),
        ([TOMATO | {"expected_harvest": True}], "is no day"),
        ([TOMATO | {"phases": [{"name": "x", "since": 20000}]}], "is no day"),
        ([TOMATO | {"notes": [{"at": 1.5, "text": "x"}]}], "is no day"),
        ([TOMATO | {"name": ""}], "at least 1 character"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(cycles: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(Exception, match=problem) as caught:
        check_site(text(*cycles), "site.yaml")
    assert "site.yaml" in str(caught.value)


def test_one_may_follow_the_other_on_the_day_it_ends() -> None:
    after = TOMATO | {"name": "b", "planted": "2027-01-20", "phases": []}
    site = check_site(text(after, TOMATO | {"ended": "2027-01-20"}), "site.yaml")
    assert [cycle.name for cycle in site.zones[0].cycles] == ["b", "tomato 2026"]
    assert NODE in {node.id for node in site.nodes}
