"""Checks of the existing system: what they find here, three-valued, and that no rule toggles itself through them."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.alarms.kind import Priority
from godkaiser.engine.effect import Decision
from godkaiser.engine.whynot import why_not
from godkaiser.kaiser.backtest import backtest
from godkaiser.model import event as ev
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import HOUR, MINUTE
from godkaiser.model.site import Site
from godkaiser.model.truth import Truth
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    SITE,
    SOIL,
    START,
    WATER,
    Desk,
    moves,
    rule,
    stored,
)  # fmt: skip
from tests.engine.test_engine_course import HOT, Greenhouse, turn
from tests.kaiser.test_backtest import readings

ID = RuleId.known("checks")


def asking(check: str, status: str = "healthy", *actions: dict[str, Any], **more: Any) -> Any:
    return rule(
        {
            "name": "Checks",
            "conditions": {"type": "diagnostics_status", "check_name": check, "expected_status": status},
            "actions": list(actions or (turn(HEATER),)),
            "cooldown_seconds": 0,
        }
        | more
    )


def found(desk: Desk, check: str) -> str | None:
    return desk.state.check(check, ID, desk.now)  # type: ignore[arg-type]


def test_nothing_is_known_of_nothing_but_that_who_asks_is_there() -> None:
    desk = Desk(asking("server"), site=Site())
    told = {
        check: found(desk, check)
        for check in ("server", "mqtt", "esp_devices", "sensors", "actuators", "logic_engine", "alerts", "database",
                      "monitoring", "plugins")
    }  # fmt: skip
    assert told == dict.fromkeys(told) | {"server": "healthy", "logic_engine": "healthy"}


def test_the_broker() -> None:
    desk = Desk(asking("mqtt", "error"))
    assert found(desk, "mqtt") is None
    desk.link()
    assert found(desk, "mqtt") == "healthy"
    desk.link(False)
    assert found(desk, "mqtt") == "critical"
    desk.wait(0)
    assert desk.state.rules[ID].truth is Truth.TRUE, "error is critical"


def test_the_nodes() -> None:
    desk = Desk(asking("esp_devices", "warning"))
    desk.link()
    assert found(desk, "esp_devices") is None
    desk.beat(CLIMATE)
    assert found(desk, "esp_devices") is None, "the other one may be there or not"
    desk.beat(WATER)
    desk.wait(3)
    assert found(desk, "esp_devices") == "healthy"
    assert desk.state.rules[ID].truth is Truth.FALSE
    desk.handle(ev.Will(desk.now, GOD, WATER, False))
    desk.wait(0)
    assert desk.state.rules[ID].truth is Truth.TRUE
    assert moves(desk.log)[-1].actuator == HEATER
    desk.wait(200)  # and now nobody beats
    assert found(desk, "esp_devices") == "critical"
    assert desk.state.rules[ID].truth is Truth.FALSE


def test_a_node_that_is_lost_by_silence_alone_wakes_the_rule() -> None:
    desk = Desk(asking("nodes", "warning")).ready()
    for _ in range(4):
        desk.wait(60)
        desk.beat(CLIMATE)
    assert desk.state.rules[ID].truth is Truth.TRUE


def test_the_sensors() -> None:
    desk = Desk(asking("sensors", "healthy", turn(FAN))).ready()
    assert found(desk, "sensors") is None
    desk.read(AIR, 20)
    assert found(desk, "sensors") is None
    desk.read(SOIL, 2000, raw_mode=True)
    desk.wait(0)
    assert found(desk, "sensors") == "healthy"
    assert [move.actuator for move in moves(desk.log)] == [FAN]
    desk.live(170)
    desk.read(AIR, 20)
    desk.live(200)
    assert found(desk, "sensors") == "critical", "both stale by time alone"
    assert desk.state.rules[ID].truth is Truth.FALSE
    desk.read(AIR, 20)
    assert found(desk, "sensors") == "warning"
    desk.read(AIR, 500)  # beyond what it can measure
    assert found(desk, "sensors") == "critical"


def test_sensors_that_nobody_misses() -> None:
    data = SITE.model_dump()
    data["sensors"] = [
        {"node": CLIMATE, "gpio": 0, "type": "sht31_temp", "address": 68, "mode": "paused"},
        {"node": WATER, "gpio": 34, "type": "ph"},
        {"node": WATER, "gpio": 4, "type": "ds18b20"},
    ]
    desk = Desk(asking("sensors"), site=Site.model_validate(data)).ready()
    desk.read(AIR, 20)
    assert found(desk, "sensors") is None
    tank = SOIL.of(WATER, 4, "ds18b20")
    desk.state.add_sensor(tank)  # heard before a restart, and not since
    desk.state.add_sensor(SOIL.of(WATER, 34, "ph"))
    assert found(desk, "sensors") is None
    desk.read(tank, 20)
    assert found(desk, "sensors") == "healthy"
    desk.state.nodes[WATER].status = "rejected"
    assert found(desk, "sensors") is None


def test_the_actuators_without_its_own() -> None:
    desk = Greenhouse(asking("actuators", "healthy", turn(HEATER)), rule(COOL | {"cooldown_seconds": 0}))
    desk.ready()
    assert found(desk, "actuators") is None
    for actuator in desk.state.actuators:
        desk.follow(desk.report(actuator, desk.state.actuators[actuator].spec.safe_value))
    desk.follow(desk.wait(0))
    assert found(desk, "actuators") == "healthy"
    assert desk.sent == [(26, 1.0)]
    desk.report(HEATER, 1.0, "active")
    assert found(desk, "actuators") == "healthy", "what it switches itself does not count"
    desk.deaf = frozenset({FAN})
    desk.say(29)
    desk.wait(11)
    assert found(desk, "actuators") == "warning"
    desk.wait(0)
    assert desk.state.rules[ID].truth is Truth.FALSE
    desk.stop()
    assert found(desk, "actuators") == "critical"


def test_the_rules_without_those_that_ask_for_rules() -> None:
    desk = Desk(asking("rules", "healthy", turn(FAN)), asking("alarms", name="Other"), rule(COOL)).ready()
    assert found(desk, "logic_engine") is None, "a reading may come yet"
    desk.read(AIR, 20)
    desk.wait(0)
    assert found(desk, "logic_engine") == "healthy"
    assert {move.actuator for move in moves(desk.log)} == {FAN, HEATER}
    desk.live(300)
    assert found(desk, "logic_engine") == "critical"


def test_the_alarms() -> None:
    desk = Desk(asking("alarms", "warning"), rule(COOL)).ready()
    desk.read(AIR, 20)
    assert found(desk, "alerts") == "healthy"
    desk.handle(ev.Will(desk.now, GOD, WATER, False))
    desk.wait(61)
    desk.beat(CLIMATE)
    assert found(desk, "alerts") == "warning"
    assert desk.state.rules[ID].truth is Truth.TRUE
    (alarm,) = desk.state.alarms.watch.standing.values()
    assert alarm.priority is not Priority.CRITICAL
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, False))
    desk.wait(30)
    assert found(desk, "alerts") == "critical", "its heater was on when it was heard last"


@pytest.mark.parametrize("check", ["logic_engine", "alerts"])
@pytest.mark.parametrize("status", ["healthy", "warning", "critical"])
def test_no_rule_toggles_itself_by_its_own_trouble(check: str, status: str) -> None:
    """Its actuator does not exist, so it is degraded and raises an alarm of its own: it decides once, and stays."""
    gone = {"type": "actuator", "esp_id": "ESP_ABCDEF", "gpio": 14, "command": "ON"}
    desk = Desk(asking(check, status, gone)).ready()
    desk.live(1800)
    assert desk.state.rules[ID].degraded
    assert {alarm.source for alarm in desk.state.alarms.watch.standing.values()} >= {ID}
    mine = [one for one in stored(Decision, desk.log) if one.rule == ID]
    assert len(mine) <= 2
    assert desk.state.rules[ID].truth is Truth.of(status == "healthy")


def test_two_rules_that_ask_for_rules_do_not_toggle_each_other() -> None:
    gone = {"type": "actuator", "esp_id": "ESP_ABCDEF", "gpio": 14, "command": "ON"}
    desk = Desk(asking("rules", "healthy", gone), asking("alarms", "healthy", gone, name="Other")).ready()
    desk.live(1800)
    assert len(stored(Decision, desk.log)) <= 4


@pytest.mark.parametrize("check", ["database", "monitoring", "plugins"])
def test_what_is_never_known_is_unknown_and_its_rule_says_that_it_cannot_decide(check: str) -> None:
    desk = Desk(asking(check, "critical")).ready()
    desk.live(300)
    state = desk.state.rules[ID]
    assert state.truth is Truth.UNKNOWN
    assert state.degraded == f"cannot decide: the check of {check} says critical ? (nobody knows)"
    assert f"rule_cannot_decide:{ID}" in desk.state.alarms.watch.standing
    told = why_not(desk.state, state, desk.now)
    assert f"What would change the check of {check} is not searched." in told["text"]


def test_with_a_reading_beside_it_what_would_flip_the_rest_is_found() -> None:
    desk = Desk(
        asking(
            "mqtt", conditions=[{"type": "diagnostics_status", "check_name": "broker"}, HOT], name="Checks"
        )
    ).ready()
    desk.read(AIR, 20)
    told = why_not(desk.state, desk.state.rules[ID], desk.now)
    assert "with bench air above 28" in told["text"]
    assert "the check of mqtt says healthy ✔ (it is healthy)" in told["text"]


def test_a_step_waits_for_a_check() -> None:
    away = {"type": "diagnostics_status", "check_name": "nodes", "expected_status": "warning"}
    waits = {"type": "wait_until", "timeout_seconds": 600, "condition": away}
    desk = Greenhouse(rule({"name": "Steps", "conditions": HOT, "cooldown_seconds": 0,
                            "actions": [{"type": "sequence", "steps": [waits, turn(FAN)]}]}))  # fmt: skip
    desk.ready()
    desk.say(29)
    assert desk.sent == []
    desk.follow(desk.handle(ev.Will(desk.now, GOD, WATER, False)))
    assert desk.sent == [(25, 1.0)]


def test_on_stored_readings_it_is_what_the_readings_tell() -> None:
    document = {
        "name": "Checks", "actions": COOL["actions"],
        "conditions": [{"type": "diagnostics_status", "check_name": "sensors"},
                       {"logic": "NOT", "conditions": [{"type": "diagnostics_status", "check_name": "actuators",
                                                        "expected_status": "warning"}]}],
        "logic_operator": "OR",
    }  # fmt: skip
    made = build_rule(read_document(document), timezone="UTC", known=[AIR])
    site = Site.model_validate(SITE.model_dump() | {"sensors": SITE.model_dump()["sensors"][:1]})
    result = backtest(site, [made], readings(range(10, 30)), (START, START + HOUR))
    assert [one.at for one in result.commands] == [START + 10 * MINUTE, START + 32 * MINUTE]
    assert result.unknown_for[made.id] > 0
