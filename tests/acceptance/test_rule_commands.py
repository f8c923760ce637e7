"""`godkaiser rules …` and `actuators release` as people type them: one house, several commands, text and JSON."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from tests.acceptance.station import NODE, RULE, Outsider, Station, ask, eventually, godkaiser

FAN = f"{NODE}/25"


def said(*arguments: str, data: Path | None = None) -> str:
    """What a command that succeeds says."""
    done = godkaiser(*arguments, data=data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def enabled(house: Station) -> list[bool]:
    return [rule["enabled"] for rule in ask("rules", "list", data=house.data)]


def test_a_rule_is_listed_explained_switched_and_missed_by_a_wrong_name(house: Station) -> None:
    table = said("rules", "list", data=house.data)
    assert table.split("\n")[0].split()[:3] == ["rule", "state", "truth"]
    assert "Cool the house" in table
    (shown,) = ask("rules", "list", data=house.data)
    assert (shown["id"], shown["enabled"], shown["truth"]) == ("cool-the-house", True, "unknown")
    told = said("rules", "why", "cool-the-house", data=house.data)
    assert told.startswith("Rule “Cool the house” is unknown")
    why = ask("rules", "why", "Cool the house", data=house.data)
    assert why["text"].split(" In the way: ")[0] in told.replace("\n", " ")
    assert (why["rule"], why["truth"], why["acting"]) == ("cool-the-house", "unknown", False)

    assert said("rules", "disable", "Cool the house", data=house.data) == "Cool the house is switched off.\n"
    assert enabled(house) == [False]
    assert ask("rules", "enable", "cool-the-house", data=house.data)["enabled"] is True
    assert enabled(house) == [True]
    rows = [
        row["detail"] for row in ask("audit", "list", data=house.data) if row["action"] == "rules.changed"
    ]
    assert rows == ["“Cool the house” switched off", "“Cool the house” switched on"]
    assert said("rules", "notices", data=house.data) == "No rule told anything in this time.\n"

    for command in ("why", "enable", "disable"):
        wrong = godkaiser("rules", command, "Cool the horse", data=house.data, traced=False)
        assert (wrong.returncode, wrong.stdout) == (5, "")
        assert (
            wrong.stderr == "godkaiser: No rule 'Cool the horse'. `godkaiser rules list` shows the rules.\n"
        )
    wrong = godkaiser("rules", "why", "Cool the horse", "--json", data=house.data, traced=False)
    assert wrong.returncode == 5
    assert json.loads(wrong.stdout)["error"]["code"] == "unknown_rule"


def test_rules_are_compared_and_described_without_a_controller(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.json"
    old.write_text(yaml.safe_dump([RULE]))
    new.write_text(json.dumps([RULE | {"priority": 10}, RULE | {"name": "Cool it again"}]))
    assert said("rules", "diff", str(old), str(old)) == "No difference.\n"
    lines = said("rules", "diff", str(old), str(new)).splitlines()
    assert lines == ["Cool the house: priority 50 (default) → 10", "Cool it again: new"]
    found = json.loads(said("rules", "diff", str(old), str(new), "--json"))
    assert (found[0]["path"], found[0]["new"]) == ("cool-the-house.priority", 10)
    missing = godkaiser("rules", "diff", str(old), str(tmp_path / "none.yaml"))
    assert missing.returncode != 0
    assert "none.yaml" in missing.stderr
    schema = json.loads(said("rules", "schema"))
    assert {"name", "conditions", "actions"} <= set(schema["properties"])


def test_a_persons_hold_is_given_back_to_the_rules(house: Station, outsider: Outsider) -> None:
    def fan() -> dict[str, Any]:
        shown: list[dict[str, Any]] = ask("nodes", data=house.data)["actuators"]
        return next(one for one in shown if one["id"] == FAN)

    outsider.heartbeat()
    eventually(lambda: ask("nodes", data=house.data)["nodes"][0]["online"])
    ask("nodes", "approve", NODE, data=house.data)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(godkaiser, "set", "fan", "off", "--hold", "10min", data=house.data)
        held = eventually(lambda: fan()["hold"])
        assert held["who"].startswith("local")
        about = {"esp_id": NODE, "gpio": 25}
        outsider.say("actuator/25/status", about | {"type": "relay", "state": False, "pwm": 0})
        asked.result()
    assert said("actuators", "release", "fan", data=house.data) == "Nobody holds fan; the rules decide.\n"
    assert fan()["hold"] is None
    assert ask("actuators", "release", FAN, data=house.data)["hold"] is None
    wrong = godkaiser("actuators", "release", "fen", data=house.data, traced=False)
    assert wrong.returncode == 5
    assert (
        wrong.stderr == "godkaiser: No actuator 'fen'. `godkaiser nodes` lists the actuators of each node.\n"
    )
