"""A controller that ends and begins again: its rules go on from what is stored, and keep their documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from godkaiser.model.truth import Truth
from godkaiser.rules.document import hash_of, read_document
from tests.kaiser.house import NODE, House, file, house

DRY: dict[str, Any] = {
    "name": "Dry for ten minutes",
    "conditions": [
        {"type": "sensor", "esp_id": NODE, "gpio": 34, "operator": "<", "value": 35, "for_seconds": 600},
        {"logic": "NOT", "conditions": [{"type": "no_data", "esp_id": NODE, "gpio": 34, "seconds": 120}]},
    ],
    "actions": [{"type": "actuator", "esp_id": NODE, "gpio": 25, "command": "ON", "duration": 60}],
}


def truth(one: House) -> Truth:
    rules = one.controller.engine.state.rules.values()
    return next(rule.truth for rule in rules if rule.rule.name == DRY["name"])


async def dry(one: House, minutes: int) -> None:
    for number in range(minutes):
        one.pass_time(60)
        await one.beat()
        await one.soil(2600 + number % 3)


async def test_a_for_goes_on_over_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as one:
        await one.call("rules.import", documents=[DRY])
        await one.beat()
        await dry(one, 8)
        assert truth(one) is Truth.FALSE
        await one.controller.runner.drained()
        exported = await one.call("rules.export")
    async with house(tmp_path, clock=one.clock) as two:
        await two.beat()
        await dry(two, 2)
        assert truth(two) is Truth.FALSE
        await dry(two, 1)
        assert truth(two) is Truth.TRUE
        assert await two.call("rules.export") == exported


async def test_checking_says_the_hash_of_what_is_exported(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as one:
        (checked,) = await one.call("rules.check", documents=[DRY])
        await one.call("rules.import", documents=[DRY])
        (exported,) = [r for r in await one.call("rules.export") if r["name"] == DRY["name"]]
    assert checked["hash"] == hash_of(read_document(json.loads(json.dumps(exported))))
    assert f"not (there is no reading of {NODE}/34/moisture for 2 min)" in checked["sentence"]


async def test_a_difference_names_sensors_as_the_site_does(tmp_path: Path) -> None:
    apart = DRY | {"conditions": [{"type": "sensor_diff", "sensor_a_id": "Soil", "sensor_b_id": f"{NODE}/32/moisture",
                                   "operator": "gt", "value": 5}]}  # fmt: skip
    async with house(tmp_path, file()) as one:
        (checked,) = await one.call("rules.check", documents=[apart])
    assert f"{NODE}/32/moisture minus {NODE}/34/moisture is above 5 %" in checked["sentence"]
