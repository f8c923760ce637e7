"""`godkaiser site …` and `nodes approve | remove | replace`, as people type them, on a real broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.acceptance.station import NODE, SITE, Outsider, Station, ask, eventually, godkaiser
from tests.services import Mosquitto

BOARD = "ESP_FF00AA"
HEARD = "ESP_FF00BB"


def written(folder: Path, **changes: Any) -> str:
    path = folder / "new.yaml"
    path.write_text(yaml.safe_dump(SITE | changes))
    return str(path)


def said(*arguments: str, data: Path | None = None, code: int = 0) -> str:
    """What a command says to people; errors stand on stderr."""
    done = godkaiser(*arguments, data=data)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def actuators() -> list[dict[str, Any]]:
    found: Any = SITE["actuators"]
    return list(found)


def shorter(folder: Path) -> str:
    fan, heater = actuators()
    return written(folder, actuators=[fan | {"max_on_s": 60}, heater])


def test_export_diff_apply(house: Station, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    assert said("site", "export", "--to", str(file), data=house.data) == f"Written to {file}.\n"
    assert said("site", "export", data=house.data) == file.read_text()
    assert said("site", "diff", str(file), data=house.data) == "No differences.\n"
    assert said("site", "apply", str(file), data=house.data) == "No differences.\nNothing to do.\n"
    exported = ask("site", "export", data=house.data)
    assert exported["actuators"] == yaml.safe_load(file.read_text())["actuators"]

    changed = shorter(tmp_path)
    line = f"  fan {NODE}/25 (fan): max_on_s 600 → 60; a run in progress ends earlier\n"
    assert said("site", "diff", changed, data=house.data) == line
    dry = said("site", "apply", changed, "--dry-run", data=house.data)
    assert dry == line + "Nothing was changed: this was a dry run.\n"
    assert said("site", "apply", changed, data=house.data) == line + "Applied.\n"
    assert ask("site", "apply", changed, data=house.data)["differences"] == []
    limits = {a["id"]: a["max_on_s"] for a in ask("nodes", data=house.data)["actuators"]}
    assert limits[f"{NODE}/25"] == 60


def test_what_a_file_does_not_undo_is_marked(house: Station, outsider: Outsider, tmp_path: Path) -> None:
    outsider.heartbeat()
    eventually(lambda: [n for n in ask("nodes", data=house.data)["nodes"] if n["online"]])
    ask("nodes", "approve", NODE, data=house.data)
    text = said("site", "apply", written(tmp_path), data=house.data)
    assert text.startswith(f"! node {NODE}: approved here, not in the file: stays; ")
    assert text.endswith("Nothing to do.\n")


def test_the_start_applies_the_file_and_says_what_is_different(house: Station, tmp_path: Path) -> None:
    house.stop()
    fan, heater = actuators()
    house.site = SITE | {"actuators": [heater, fan | {"max_on_s": 60}]}
    house.start()
    assert "max_on_s 600 → 60" in (tmp_path / "controller.log").read_text()
    house.stop()
    house.site = None
    house.start()
    assert ask("site", "diff", shorter(tmp_path), data=house.data)["differences"] == []


def test_a_pin_conflict_is_refused_with_line_pin_and_owner(house: Station, tmp_path: Path) -> None:
    sensors = [{"node": NODE, "gpio": 32, "type": "ph", "name": "tank pH"}]
    heater = {"node": NODE, "gpio": 32, "type": "relay", "name": "heater"}
    file = written(tmp_path, sensors=sensors, actuators=[heater], rules=[])
    words = f"(line 2 of {file}): heater: pin 32 is already taken by tank pH"
    for command in (("site", "check"), ("site", "diff"), ("site", "apply")):
        data = None if command[1] == "check" else house.data
        text = said(*command, file, data=data, code=2)
        assert words in text
        assert text.count("\n") == 1
    failed = godkaiser("site", "apply", file, "--json", data=house.data)
    assert "taken by tank pH" in json.loads(failed.stdout)["error"]["message"]
    assert ask("site", "diff", written(tmp_path), data=house.data)["differences"] == []


def test_a_start_with_a_file_that_cannot_be_ends_with_one_line(tmp_path: Path, mosquitto: Mosquitto) -> None:
    file = written(tmp_path, actuators=[{"node": NODE, "gpio": 99, "type": "relay"}])
    port = {"MQTT_BROKER_PORT": str(mosquitto.port)}
    done = godkaiser("run", "--site", file, data=tmp_path / "data", environment=port)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("godkaiser: actuators.0.gpio (line 2 of ")


def test_a_file_is_checked_without_a_controller(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert (
        said("site", "check", file)
        == f"{file} is in order: 1 zones, 1 nodes, 0 sensors, 2 actuators, 1 rules.\n"
    )
    done = godkaiser("site", "check", file, "--json")
    assert json.loads(done.stdout)["actuators"] == 2


MISTAKES: list[tuple[tuple[str, ...], str]] = [
    (("site", "diff", "nothing.yaml"), "nothing.yaml: No such file"),
    (("site", "export", "--to", "/nowhere/x"), "/nowhere/x: No such file"),
    (("nodes", "approve"), "either NODE… or --from-file FILE"),
    (("nodes", "approve", NODE, "--from-file", "x"), "either NODE… or --from-file FILE"),
    (("nodes", "approve", "--from-file", "nothing.txt"), "nothing.txt: No such file"),
    (("nodes", "remove", NODE), "or give --yes"),
    (("nodes", "replace", NODE, "board"), "node id 'board' is not valid"),
    (("nodes", "replace", NODE, NODE), "it is that node's board already"),
]


def test_mistakes_are_one_line_with_a_remedy(house: Station) -> None:
    for arguments, words in MISTAKES:
        done = godkaiser(*arguments, data=house.data)
        assert done.returncode in (2, 6), arguments
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    assert "nothing.yaml: No such file" in said("site", "check", "nothing.yaml", code=2)


def test_nodes_from_a_file_all_or_none(house: Station, outsider: Outsider, tmp_path: Path) -> None:
    outsider.heartbeat()
    beat = {"ts": 0, "uptime": 1, "heap_free": 90000, "wifi_rssi": -60}
    topic = f"kaiser/god/esp/{HEARD}/system/heartbeat"
    outsider.client.publish(topic, json.dumps(beat), 0).wait_for_publish(5)
    eventually(lambda: len(ask("nodes", data=house.data)["nodes"]) == 2)
    file = tmp_path / "ids.txt"
    file.write_text(f"# the new ones\n{NODE}\n\n{HEARD}  # from the shelf\nESP_123456\n")
    assert "No node 'ESP_123456'" in said(
        "nodes", "approve", "--from-file", str(file), data=house.data, code=5
    )
    assert {n["status"] for n in ask("nodes", data=house.data)["nodes"]} == {"pending"}
    file.write_text(f"{NODE}\n{HEARD}\n")
    text = said("nodes", "approve", "--from-file", str(file), data=house.data)
    assert text == f"{NODE} is approved.\n{HEARD} is approved.\n"
    approved = ask("nodes", "approve", "--from-file", written(tmp_path), data=house.data)
    assert [(n["id"], n["status"]) for n in approved] == [(NODE, "approved")]
    several = ask("nodes", "approve", NODE, HEARD, data=house.data)
    assert len(several) == 2
    file.write_text("# nobody\n")
    assert "names no node" in said("nodes", "approve", "--from-file", str(file), data=house.data, code=2)


def test_a_node_is_given_a_new_board_and_taken_out(house: Station) -> None:
    shown = said("nodes", "replace", "first node", BOARD, data=house.data)
    assert shown == f"{NODE} goes on with the board {BOARD}.\n"
    assert ask("nodes", "show", NODE, data=house.data)["node"]["board_id"] == BOARD
    text = said("nodes", "remove", NODE, "--yes", data=house.data)
    assert text.startswith(f"{NODE} is removed;")
    assert ask("nodes", data=house.data)["nodes"] == []
    assert "No node" in said("nodes", "remove", NODE, "--yes", data=house.data, code=5)


def test_help_names_every_door() -> None:
    for group, names in (
        ("site", ("export", "diff", "apply", "check")),
        ("nodes", ("approve", "remove", "replace")),
    ):
        text = godkaiser(group, "--help", traced=False).stdout
        assert [name for name in names if f" {name} " not in text] == []
