"""`godkaiser alarms …` as people type it: a node vanishes with something on, and comes back."""

from __future__ import annotations

import time
from pathlib import Path

from tests.acceptance.station import NODE, Outsider, Station, ask, eventually, godkaiser

KEY = f"node_silent:{NODE}"


def said(*arguments: str, data: Path, code: int = 0) -> str:
    """What a command says to people; errors stand on stderr."""
    done = godkaiser("alarms", *arguments, data=data)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def vanished(house: Station, outsider: Outsider) -> None:
    """The node is let in, its fan runs, and the broker says that it is gone."""
    outsider.heartbeat()
    eventually(lambda: ask("nodes", data=house.data)["nodes"][0]["online"])
    ask("nodes", "approve", NODE, data=house.data)
    about = {"esp_id": NODE, "ts": int(time.time()), "gpio": 25, "type": "relay"}
    outsider.say("actuator/25/status", about | {"state": True, "pwm": 255})
    eventually(lambda: ask("nodes", data=house.data)["actuators"][0]["reported"])
    outsider.say("system/will", {"status": "offline", "timestamp": 1})


def test_an_alarm_on_the_command_line(house: Station, outsider: Outsider) -> None:
    assert said(data=house.data) == "No alarm stands.\n"
    assert ask("alarms", data=house.data) == {"unacknowledged": 0, "standing": []}
    vanished(house, outsider)
    shown = eventually(lambda: ask("alarms", "list", data=house.data)["standing"])
    assert [(alarm["key"], alarm["state"], alarm["priority"]) for alarm in shown] == [
        (KEY, "UNACK", "critical")
    ]
    text = said(data=house.data)
    assert all(word in text for word in (KEY, "unacknowledged", "first node is not heard any more."))
    assert said("ack", KEY, data=house.data).startswith(f"{KEY}: acknowledged by local:")
    shelved = said("shelve", KEY, "--for", "2h", "--reason", "new antenna", data=house.data)
    assert shelved.startswith(f"{KEY}: shelved until ")
    assert shelved.endswith(": new antenna.\n")
    assert said("unshelve", KEY, data=house.data) == f"{KEY}: unacknowledged.\n"
    assert said("remove", KEY, data=house.data).startswith(f"{KEY}: out of service by local:")
    assert said("restore", KEY, data=house.data) == f"{KEY}: unacknowledged.\n"
    steps = [step["step"] for step in ask("alarms", "history", data=house.data)]
    assert steps == [
        "raised", "acknowledged", "shelved", "unshelved", "out of service", "in service",
    ]  # fmt: skip
    assert "new antenna" in said("history", data=house.data)


def test_what_is_wrong_is_told_with_its_remedy(house: Station) -> None:
    assert "KIND:THING" in said("ack", "flood", data=house.data, code=5)
    assert "1 min to 24 h" in said("shelve", KEY, "--for", "3d", data=house.data, code=2)
    assert "latched alarm" in said("reset", KEY, data=house.data, code=6)
    assert "--for" in said("shelve", KEY, data=house.data, code=2)
    assert said("history", data=house.data) == "No alarm in this time.\n"
