"""The end of a stop switches nothing on by itself, whatever a rule looks at."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine.whynot import why_not
from godkaiser.io.snapshot import to_bytes
from godkaiser.model.ids import RuleId
from tests.engine.bench import CLIMATE, FAN, VENT, rule
from tests.engine.test_engine_course import Greenhouse, turn
from tests.engine.test_engine_escalate import House

ID = RuleId.known("steps")
ALWAYS = {"type": "time_window", "start_time": "00:00", "end_time": "24:00"}


def check(status: str) -> dict[str, Any]:
    return {"type": "diagnostics_status", "check_name": "actuators", "expected_status": status}


def there(condition: dict[str, Any], **more: Any) -> House:
    document = {"name": "Steps", "conditions": [condition], "actions": [turn(FAN)], "cooldown_seconds": 0}
    desk = House(rule(document | more))
    desk.ready()
    for actuator, known in desk.state.actuators.items():
        desk.report(actuator, known.spec.safe_value)
    return desk


def energised(desk: Greenhouse) -> int:
    return len([value for gpio, value in desk.sent if gpio == FAN.gpio and value > 0])


@pytest.mark.parametrize("condition", [ALWAYS, check("healthy"), {"type": "node_online", "esp_id": CLIMATE}])
def test_a_rule_that_reads_nothing_waits_for_a_word_of_the_node(condition: dict[str, Any]) -> None:
    desk = there(condition)
    desk.go(5, None)
    assert energised(desk) == 1
    desk.follow(desk.stop())
    desk.go(10, None)
    desk.follow(desk.clear(force=True))
    while desk.state.stops:
        desk.follow(desk.wait(1))
    desk.follow(desk.wait(5))
    assert energised(desk) == 1
    before = to_bytes(desk.state)
    said = why_not(desk.state, desk.state.rules[ID], desk.now)["text"]
    assert "nothing was heard of" in said
    assert to_bytes(desk.state) == before, "who asks why changes nothing, or a replay would differ"
    desk.follow(desk.beat(CLIMATE))
    desk.follow(desk.wait(11))
    assert energised(desk) == 2


def test_who_asks_why_of_a_rule_that_is_false_wakes_nothing() -> None:
    desk = there(check("critical"))
    desk.follow(desk.stop())
    desk.follow(desk.clear(force=True))
    while desk.state.stops:
        desk.follow(desk.wait(1))
    desk.follow(desk.wait(15))
    before = to_bytes(desk.state)
    assert "nothing was heard of" in why_not(desk.state, desk.state.rules[ID], desk.now)["text"]
    assert to_bytes(desk.state) == before


def test_what_a_stop_makes_of_the_others_starts_nothing_while_it_is_cleared() -> None:
    desk = there(check("critical"))
    desk.go(5, None)
    desk.follow(desk.stop())
    desk.go(10, None)
    desk.follow(desk.clear(force=True))
    desk.go(60, None)
    assert energised(desk) == 0


def test_a_rule_does_not_toggle_itself_through_its_own_failover() -> None:
    policy = {"max_retries": 0, "failover_actions": [turn(VENT, "PWM", value=1.0)]}
    desk = there(check("healthy"), escalation_policy=policy)
    desk.deaf = frozenset({FAN, VENT})
    desk.go(1200, None)
    assert desk.sent.count((FAN.gpio, 0.0)) == 0
    assert desk.state.rules[ID].active
