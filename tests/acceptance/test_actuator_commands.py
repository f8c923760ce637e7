"""`godkaiser actuators …` as people type it: a fan runs, its node vanishes, the controller is killed."""

from __future__ import annotations

import time
from typing import Any

from tests.acceptance.station import NODE, Outsider, Station, ask, eventually, godkaiser

FAN = f"{NODE}/25"


def counted(house: Station) -> dict[str, Any]:
    (account,) = ask("actuators", "statistics", "fan", "--since", "-1h", data=house.data)
    row: dict[str, Any] = account["rows"][0]
    return row


def reports(outsider: Outsider, on: bool) -> None:
    about = {"esp_id": NODE, "ts": int(time.time()), "gpio": 25, "type": "relay"}
    outsider.say("actuator/25/status", about | {"state": on, "pwm": 255 * on})


def test_statistics_over_a_vanished_node_and_a_killed_controller(house: Station, outsider: Outsider) -> None:
    assert counted(house)["on_s"] is None
    outsider.heartbeat()
    eventually(lambda: ask("nodes", data=house.data)["nodes"][0]["online"])
    ask("nodes", "approve", NODE, data=house.data)
    reports(outsider, False)
    eventually(lambda: counted(house)["on_s"] == 0.0)
    reports(outsider, True)
    eventually(lambda: counted(house)["starts"] == 1)
    assert eventually(lambda: counted(house)["on_s"]) > 0
    outsider.say("system/will", {"status": "offline", "timestamp": 1})
    eventually(lambda: not ask("nodes", data=house.data)["nodes"][0]["online"])
    lost = counted(house)["on_s"]
    assert counted(house)["on_s"] == lost, "nobody knows any more"
    house.kill()
    house.start()
    assert counted(house)["on_s"] == lost
    assert counted(house)["starts"] == 1


def test_the_list_says_who_ends_a_run_in_time(house: Station) -> None:
    said = godkaiser("actuators", data=house.data)
    assert said.returncode == 0, said.stderr
    assert "timed by" in said.stdout
    assert [actuator["timed_by"] for actuator in ask("actuators", "list", data=house.data)] == [None, None]
    wrong = godkaiser("actuators", "statistics", "--since", "yesterday", data=house.data)
    assert (wrong.returncode, "since" in wrong.stderr) == (2, True)
