"""A node on its own: who falls to default, who follows a rule, and from when on."""

from dataclasses import replace
from typing import Any

import pytest

from godkaiser.io.sim.spec import SECOND
from tests.sim.rig import NODE, SERVER, SPEC, START, Rig, named, online, topics

COOL = {"actuator_gpio": 25, "sensor_gpio": 0, "sensor_value_type": "sht31_temp",
        "activate_above": 26, "deactivate_below": 24}  # fmt: skip
WATER = {"actuator_gpio": 14, "sensor_gpio": 255, "sensor_value_type": "__twindow_on",
         "time_filter": {"enabled": True, "start_hour": 0, "end_hour": 6}}  # fmt: skip


def ruled(*rules: dict[str, Any], spec: Any = SPEC) -> Rig:
    rig = online(spec)
    rig.send("config", {"correlation_id": "c", "offline_rules": list(rules)})
    rig.run(30)
    return rig


def hot(rig: Rig, degrees: float = 30.0) -> Rig:
    rig.world.values["sht31_temp"] = degrees
    return rig


def test_the_covered_wait_for_their_rule_and_the_others_fall_at_once() -> None:
    rig = ruled(COOL)
    for gpio in (14, 25):
        rig.command(gpio, "ON")
    rig.disconnect()
    assert (rig.node.level(14), rig.node.level(25)) == (0.0, 1.0)
    rig.run(29)
    assert rig.node.level(25) == 1.0
    rig.run(30)
    assert rig.node.level(25) == 0.0, "21.5 degrees are cool enough"


def test_the_first_three_readings_in_a_spell_alone_are_only_looked_at() -> None:
    rig = hot(ruled(COOL))
    rig.run(60)
    rig.disconnect()
    rig.run(44)  # 30 s of grace, looks at 30, 35 and 40
    assert rig.node.level(25) == 0.0
    rig.run(1)
    assert rig.node.level(25) == 1.0


def test_every_spell_alone_has_its_own_warm_up() -> None:
    rig = hot(ruled(COOL))
    levels = []
    for _ in range(2):
        rig.disconnect()
        rig.run(44)
        levels.append(rig.node.level(25))
        rig.run(1)
        levels.append(rig.node.level(25))
        rig.connect()
        beat = named(rig.log, "system/heartbeat")[-1]
        rig.ack(handover_epoch=beat["active_handover_epoch"])
        rig.run(5)
        rig.command(25, "OFF")
    assert levels == [0.0, 1.0, 0.0, 1.0]


def test_a_rule_of_the_clock_needs_no_readings_and_acts_after_the_grace() -> None:
    rig = ruled(WATER)
    rig.disconnect()
    rig.run(29.9)
    assert rig.node.level(14) == 0.0
    rig.run(0.1)
    assert rig.node.level(14) == 1.0


def test_hysteresis_goes_on_for_as_long_as_it_takes() -> None:
    rig = hot(ruled(COOL))
    rig.disconnect()
    levels = []
    for degrees in (30.0, 25.0, 23.0, 25.0, 27.0):
        hot(rig, degrees).run(120)
        levels.append(rig.node.level(25))
    assert levels == [1.0, 1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("how", ["silence", "server offline"])
def test_with_a_standing_connection_it_is_told(how: str) -> None:
    rig = ruled(COOL)
    for gpio in (14, 25):
        rig.command(gpio, "ON")
    if how == "silence":
        said = rig.run(121, ack=False)
    else:
        said = rig.send(SERVER, {"status": "offline", "timestamp": 1, "reason": "graceful_shutdown"})
    assert named(said, "actuator/14/alert")[0]["alert_type"] == "safety_forced_off"
    assert named(said, "actuator/25/alert")[0]["alert_type"] == "offline_rule_hold"
    assert rig.node.level(25) == 1.0
    later = named(rig.run(60, ack=False), "actuator/25/status")
    assert (later[-1]["state"], later[-1]["command_source"]) == (False, "firmware:offline_rule")


def test_what_is_off_is_not_held() -> None:
    rig = ruled(COOL)
    assert "actuator/25/alert" not in topics(rig.run(121, ack=False))


@pytest.mark.parametrize("kind", ["moisture", "ph", "x" * 24])
def test_a_rule_that_never_runs_covers_nothing(kind: str) -> None:
    rig = ruled(COOL | {"sensor_gpio": 34, "sensor_value_type": kind})
    rig.command(25, "ON")
    rig.disconnect()
    assert rig.node.level(25) == 0.0


def test_without_a_reading_an_actuator_is_left_as_it_is() -> None:
    rig = hot(ruled(COOL))
    rig.disconnect()
    rig.run(60)
    del rig.world.values["sht31_temp"]
    rig.run(900)
    assert rig.node.level(25) == 1.0
    rig.world.values["sht31_temp"] = 20.0
    rig.run(60)
    assert rig.node.level(25) == 0.0


def test_a_stale_reading_starts_nothing() -> None:
    rig = ruled(COOL)
    hot(rig).run(30)
    del rig.world.values["sht31_temp"]
    rig.run(301)
    rig.disconnect()
    rig.run(600)
    assert rig.node.level(25) == 0.0


def test_a_command_of_a_server_that_got_through_overrules_until_online() -> None:
    """Silence for too long, but the connection stands and the gate is open."""
    rig = hot(ruled(COOL))
    rig.run(200, ack=False)
    assert rig.node.level(25) == 1.0
    rig.command(25, "OFF")
    rig.run(60, ack=False)
    assert rig.node.level(25) == 0.0
    rig.send(SERVER, {"status": "online", "timestamp": 2})
    rig.ack(handover_epoch=1)
    rig.run(5)
    rig.disconnect()
    rig.run(60)
    assert rig.node.level(25) == 1.0, "since online the rule counts again"


def test_rules_stop_when_a_server_takes_over() -> None:
    rig = hot(ruled(COOL))
    rig.disconnect()
    rig.run(60)
    rig.connect()
    hot(rig, 20.0)
    statuses = rig.ack(handover_epoch=1)
    assert named(statuses, "actuator/25/status")[0]["state"] is True, "adopted as it is"
    rig.run(600)
    assert rig.node.level(25) == 1.0


def test_rules_go_on_until_the_hand_over() -> None:
    rig = hot(ruled(COOL))
    rig.disconnect()
    rig.run(60)
    rig.connect()
    hot(rig, 20.0).run(60, ack=False)
    assert rig.node.level(25) == 0.0


def test_a_latched_output_stays_off() -> None:
    rig = ruled(WATER)
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    rig.disconnect()
    rig.run(120)
    assert rig.node.level(14) == 0.0


def test_run_time_and_start_budget_hold_for_rules_too() -> None:
    rig = ruled(WATER)
    rig.disconnect()
    rig.run(629)
    assert rig.node.level(14) == 1.0
    rig.run(60)
    assert rig.node.level(14) == 0.0, "ten minutes were allowed"


def test_without_a_clock_no_window_holds() -> None:
    spec = replace(SPEC, id=NODE, synced=False)
    rig = Rig(spec)
    rig.connect()
    rig.ack()
    rig.send("config", {"correlation_id": "c", "offline_rules": [WATER]})
    rig.disconnect()
    rig.run(120)
    assert rig.node.level(14) == 0.0


def test_no_more_than_eight_rules_are_kept_and_an_empty_list_deletes_them() -> None:
    idle = COOL | {"actuator_gpio": 26}
    rig = ruled(*[idle] * 8, WATER)
    rig.disconnect()
    rig.run(60)
    assert rig.node.level(14) == 0.0
    empty = ruled(WATER)
    empty.send("config", {"correlation_id": "c2", "offline_rules": []})
    empty.disconnect()
    empty.run(60)
    assert empty.node.level(14) == 0.0


def test_the_rules_survive_a_boot() -> None:
    rig = ruled(WATER)
    rig.reboot()
    assert rig.node.level(14) == 0.0
    rig.run(30)
    assert rig.node.level(14) == 1.0
    assert (rig.now - START) % SECOND == 0
