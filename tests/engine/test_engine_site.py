"""What is declared changes while everything runs: nothing jumps, nothing is left on, nothing is told twice."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine.effect import ActuatorGone, Audit, Effect, NodeRecord
from godkaiser.engine.picture import snapshot
from godkaiser.engine.site import undeclared
from godkaiser.engine.state import Confirmed
from godkaiser.io.wire.config import plan_push
from godkaiser.kaiser.sitediff import standing_of
from godkaiser.model import event as ev
from godkaiser.model.command import Move, WillCleared
from godkaiser.model.difference import Difference
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.reading import Reading
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.arbitrate import PERSONS
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    PUMP,
    SITE,
    SOIL,
    STRANGER,
    WATER,
    Desk,
    Fate,
    fates,
    moves,
    notices,
    rule,
    stored,
)

PAPER = NodeId.parse("ESP_FFFF01")


def site_with(section: str, things: list[dict[str, Any]], **more: Any) -> Site:
    return Site.model_validate(SITE.model_dump() | {section: things} | more)


def edited(section: str, number: int, **changes: Any) -> Site:
    """The site with one thing changed."""
    things = list(SITE.model_dump()[section])
    things[number] |= changes
    return site_with(section, things)


def added(section: str, *extra: dict[str, Any]) -> Site:
    return site_with(section, [*SITE.model_dump()[section], *extra])


def without(section: str, number: int) -> Site:
    things = list(SITE.model_dump()[section])
    del things[number]
    return site_with(section, things)


def apply(desk: Desk, site: Site, *rules: dict[str, Any], told: tuple[Difference, ...] = ()) -> list[Effect]:
    bound = tuple(rule(document) for document in rules)
    return desk.handle(ev.SiteChanged(desk.now, site, bound, "ann", told))


def audits(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(audit.action, audit.target) for audit in stored(Audit, effects)]


def test_the_same_site_again_changes_nothing() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    before = snapshot(desk.state, desk.now, 0)
    effects = apply(desk, SITE, COOL)
    assert moves(effects) == []
    assert audits(effects) == [("site.applied", "all")]
    assert snapshot(desk.state, desk.now, 0) == before


def test_every_difference_is_written_down_with_who_did_it() -> None:
    desk = Desk().ready()
    told = (
        Difference("actuators.x.max_on_s", 1, 2, "longer"),
        Difference("nodes.y", "approved", None, "stays", applied=False),
    )
    rows = stored(Audit, apply(desk, SITE, told=told))
    assert [(row.who, row.action, row.target, row.detail) for row in rows] == [
        ("ann", "site.applied", "all", "2 differences"),
        ("ann", "site.changed", "actuators.x.max_on_s", "longer"),
        ("ann", "site.differs", "nodes.y", "stays"),
    ]


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
def test_who_waits_is_let_in_and_who_was_rejected_stays_out() -> None:
    desk = Desk().ready()
    desk.beat(STRANGER)
    site = added(
        "nodes", {"id": STRANGER, "approved": True, "name": "third"}, {"id": PAPER, "approved": True}
    )
    desk.handle(ev.NodeDecided(desk.now, STRANGER, False, "ann"))
    apply(desk, site)
    assert desk.state.nodes[STRANGER].status == "rejected"
    assert desk.state.nodes[PAPER].status == "approved"
    desk.wait(301)
    desk.beat(STRANGER)
    assert desk.state.nodes[STRANGER].status == "pending"
    effects = apply(desk, site)
    assert ("node.approved", STRANGER) not in audits(effects), "it asks again, and only a person may answer"
    assert (desk.state.nodes[STRANGER].status, desk.state.nodes[STRANGER].name) == ("pending", "third")


def test_a_file_never_takes_approval_away() -> None:
    desk = Desk().ready()
    apply(desk, edited("nodes", 0, approved=False))
    assert desk.state.nodes[CLIMATE].status == "approved"
    apply(desk, without("nodes", 0))
    assert desk.state.nodes[CLIMATE].status == "approved"
    assert desk.state.nodes[CLIMATE].online


def test_a_node_that_is_only_paper_goes_and_comes_with_its_line() -> None:
    with_paper = added("nodes", {"id": PAPER, "approved": True})
    desk = Desk(site=with_paper).ready()
    effects = apply(desk, SITE)
    assert ("node.removed", PAPER) in audits(effects)
    assert PAPER not in [n["id"] for n in snapshot(desk.state, desk.now, 0)["nodes"]]
    apply(desk, with_paper)
    assert desk.state.nodes[PAPER].status == "approved"


def test_a_node_removed_by_a_person_stays_removed() -> None:
    desk = Desk().ready()
    desk.handle(ev.NodeRemoved(desk.now, CLIMATE, "ann"))
    apply(desk, SITE)
    assert desk.state.nodes[CLIMATE].status == "removed"


def test_places_and_names_are_taken_over_and_kept() -> None:
    desk = Desk().ready()
    site = edited("nodes", 0, name="roof", zone="house", board="xiao_esp32c3")
    site = site.model_copy(update={"timezone": "Europe/Berlin"})
    effects = apply(desk, site)
    node = desk.state.nodes[CLIMATE]
    assert (node.name, node.zone, node.board) == ("roof", "house", "xiao_esp32c3")
    assert [(r.name, r.zone) for r in stored(NodeRecord, effects)] == [("roof", "house")]
    assert desk.state.timezone == "Europe/Berlin"


# ── sensors ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_new_calibration_counts_from_the_next_reading_and_leaves_a_mark() -> None:
    desk = Desk().ready()
    desk.read(SOIL, 2000, raw_mode=True)
    assert desk.state.sensors[SOIL].latest is not None
    effects = apply(desk, edited("sensors", 1, calibration={"dry": 3000, "wet": 1000}))
    (mark,) = [a for a in stored(Audit, effects) if a.action == "sensor.recalibrated"]
    assert mark.target == SOIL
    assert "dry 3000, wet 1000" in mark.detail
    (reading,) = stored(Reading, desk.read(SOIL, 2000, raw_mode=True))
    assert reading.series == SOIL
    assert reading.value == pytest.approx(50.0)


def test_a_longer_patience_makes_an_old_reading_usable_and_a_shorter_one_old() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 29)
    desk.wait(100)
    apply(desk, edited("sensors", 0, stale_after_s=60), COOL)
    shown = snapshot(desk.state, desk.now, 0)["sensors"][0]
    assert (shown["freshness"], shown["stale_after_s"]) == ("stale", 60)
    desk.wait(0)
    assert desk.state.rules[rule(COOL).id].truth.value == "unknown"
    apply(desk, edited("sensors", 0, stale_after_s=600), COOL)
    assert snapshot(desk.state, desk.now, 0)["sensors"][0]["freshness"] == "fresh"
    assert desk.state.rules[rule(COOL).id].truth.value == "true"


def test_a_sensor_that_is_no_longer_declared_is_still_heard() -> None:
    desk = Desk().ready()
    desk.read(AIR, 20)
    apply(desk, without("sensors", 0))
    (reading,) = stored(Reading, desk.read(AIR, 21))
    assert reading.series == AIR
    assert desk.state.sensors[AIR].spec is None


# ── actuators ──────────────────────────────────────────────────────────────────────────────────────────
def running(actuator: Any = FAN, value: float = 0.8) -> Desk:
    desk = Desk().ready()
    desk.obey(desk.ask(actuator, value, duration=20 * MINUTE, hold=30 * MINUTE))
    desk.wait(60)
    return desk


def lease(desk: Desk, actuator: Any = FAN) -> Any:
    return desk.state.actuators[actuator].lease


def test_a_shorter_maximum_ends_a_run_earlier_and_a_longer_one_prolongs_nothing() -> None:
    desk = running()
    began, until = lease(desk).since, lease(desk).until
    apply(desk, edited("actuators", 0, max_on_s=7200))
    assert lease(desk).until == until
    effects = apply(desk, edited("actuators", 0, max_on_s=600))
    assert moves(effects) == []
    assert lease(desk).until == began + 600 * SECOND
    assert desk.journal["lease", FAN]["until"] == began + 600 * SECOND
    assert moves(desk.wait(539)) == []
    assert moves(desk.wait(1))[0] == Move(FAN, "OFF", 0.0)


def test_a_maximum_that_is_over_already_ends_the_run_now() -> None:
    desk = running()
    apply(desk, edited("actuators", 0, max_on_s=30))
    assert moves(desk.wait(0))[0] == Move(FAN, "OFF", 0.0)


@pytest.mark.parametrize(
    "changes",
    [{"enabled": False}, {"max_value": 0.5}, {"min_value": 0.9}, {"inverted": True}, {"type": "relay"}],
)
def test_what_runs_against_the_new_limits_is_made_safe(changes: dict[str, Any]) -> None:
    desk = running()
    effects = apply(desk, edited("actuators", 0, **changes))
    assert moves(effects) == [Move(FAN, "OFF", 0.0)]
    desk.obey(effects)
    assert lease(desk) is None
    assert desk.state.wishes.get(FAN) is None
    assert moves(desk.wait(1800)) == [], "nobody switches it on again"


def test_holds_and_runs_of_others_stay() -> None:
    desk = running(HEATER, 1.0)
    until, wish = lease(desk, HEATER).until, desk.state.wishes[HEATER][PERSONS]
    effects = apply(desk, edited("actuators", 0, enabled=False, max_on_s=60))
    assert [m for m in moves(effects) if m.actuator == HEATER] == []
    assert lease(desk, HEATER).until == until
    assert desk.state.wishes[HEATER][PERSONS] == wish


def test_an_idle_actuator_goes_to_its_new_safe_value() -> None:
    desk = Desk().ready()
    desk.report(HEATER, 0.0)
    effects = apply(desk, edited("actuators", 1, safe_value=1.0))
    assert [(m.actuator, m.verb) for m in moves(effects)] == [(HEATER, "ON")]
    desk.obey(effects)
    assert desk.state.actuators[HEATER].safe


def test_a_new_actuator_obeys_and_during_a_stop_waits_to_be_released() -> None:
    site = without("actuators", 0)
    desk = Desk(site=site).ready()
    apply(desk, SITE)
    assert Fate.SENT in fates(desk.ask(FAN, 0.5))
    desk = Desk(site=site).ready()
    desk.stop()
    apply(desk, SITE)
    assert desk.state.stop.phase.value == "ACTIVE"
    assert desk.state.stopped(FAN) is not None
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]


def test_one_that_is_taken_out_is_made_safe_first_and_then_gone() -> None:
    desk = running()
    effects = apply(desk, without("actuators", 0))
    assert moves(effects) == [Move(FAN, "OFF", 0.0)]
    (kept,) = [r for r in stored(ActuatorSpec, effects) if r.id == FAN]
    assert not kept.enabled, "kept, but disabled, also over a restart"
    assert stored(ActuatorGone, effects) == []
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]
    gone = desk.obey(effects)
    assert stored(ActuatorGone, gone) == [ActuatorGone(FAN)]
    assert ("actuator.removed", FAN) in audits(gone)
    assert FAN not in desk.state.actuators
    assert FAN not in desk.state.wishes
    assert desk.wait(3600) is not None


def test_it_is_not_gone_before_its_node_says_that_it_is_safe() -> None:
    desk = running()
    effects = apply(desk, without("actuators", 0))
    assert FAN in desk.state.actuators
    desk.restart()
    assert FAN in desk.state.actuators
    desk.link()
    desk.beat(CLIMATE)
    again = desk.wait(2)
    assert FAN in desk.state.actuators
    desk.report(FAN, 0.8)
    again += desk.wait(30)
    assert Move(FAN, "OFF", 0.0) in moves(again)
    gone = desk.obey(again)
    assert stored(ActuatorGone, gone) == [ActuatorGone(FAN)]
    assert moves(effects)


def test_nor_before_its_node_has_forgotten_it() -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.0)
    desk.state.nodes[CLIMATE].confirmed = Confirmed(items=[["actuator", 25, "pwm", "", None]])
    apply(desk, without("actuators", 0))
    assert FAN in desk.state.actuators
    desk.state.nodes[CLIMATE].confirmed = Confirmed()
    desk.report(FAN, 0.0)
    assert FAN not in desk.state.actuators


def test_one_of_a_node_that_was_never_heard_goes_at_once() -> None:
    pump = {"node": PAPER, "gpio": 14, "type": "pump", "max_on_s": 60}
    desk = Desk(site=added("actuators", pump)).ready()
    effects = apply(desk, SITE)
    assert [gone.id for gone in stored(ActuatorGone, effects)] == [f"{PAPER}/14"]


def test_one_that_is_declared_again_is_back() -> None:
    desk = running()
    apply(desk, without("actuators", 0))
    apply(desk, SITE)
    assert desk.state.actuators[FAN].spec == SITE.actuators[0]
    desk.report(FAN, 0.0)
    assert FAN in desk.state.actuators


def test_one_that_its_node_reported_becomes_what_the_site_says() -> None:
    desk = Desk(site=without("actuators", 0)).ready()
    desk.report(FAN, 0.5)
    found = desk.state.actuators[FAN]
    assert found.spec.declared_by == "node"
    longest = lease(desk).until
    apply(desk, SITE)
    assert desk.state.actuators[FAN].spec == SITE.actuators[0]
    assert lease(desk).until < longest


def test_one_that_a_node_or_rule_named_is_not_taken_out() -> None:
    desk = Desk().ready()
    named = {"esp_id": WATER, "gpio": 33, "type": "actuator", "command": "ON"}
    site_rule = COOL | {"actions": [named]}
    apply(desk, SITE, site_rule)
    relay = desk.state.actuators[undeclared([rule(site_rule)], ())[0].id]
    assert relay.spec.declared_by == "rule"
    apply(desk, SITE, COOL)
    assert relay.id in desk.state.actuators


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────
def test_rules_are_replaced_and_what_the_old_ones_wanted_is_withdrawn() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    memory = desk.state.rules[rule(COOL).id].memory
    apply(desk, SITE, COOL)
    assert desk.state.rules[rule(COOL).id].memory is memory
    effects = apply(desk, SITE)
    assert desk.state.rules == {}
    assert moves(effects) == [Move(FAN, "OFF", 0.0)]


def test_a_rule_that_loses_its_actuator_lets_go_of_the_others_and_says_so() -> None:
    both = COOL | {
        "actions": [*COOL["actions"], COOL["actions"][0] | {"gpio": 26, "command": "ON", "value": 1}]
    }
    desk = Desk(both).ready()
    desk.obey(desk.read(AIR, 29))
    desk.obey(apply(desk, without("actuators", 0), both))
    desk.wait(0)
    state = desk.state.rules[rule(both).id]
    assert FAN not in desk.state.actuators
    desk.beat()
    desk.obey(desk.read(AIR, 29.5))
    assert state.degraded == f"cannot act: there is no actuator {FAN}"


def test_a_stop_stays_a_stop() -> None:
    desk = Desk(COOL).ready()
    desk.stop()
    effects = apply(desk, edited("actuators", 0, max_on_s=900), COOL)
    assert desk.state.stop.phase.value == "ACTIVE"
    assert [m for m in moves(effects) if m.value] == []
    desk.read(AIR, 30)
    assert lease(desk) is None
    assert PUMP in desk.state.actuators


@pytest.mark.parametrize("way", ["rejected", "removed"])
def test_whom_a_person_shut_out_no_file_lets_in_again(way: str) -> None:
    """Neither when it asks again, nor after a restart."""
    desk = Desk().ready()
    if way == "rejected":
        desk.handle(ev.NodeDecided(desk.now, CLIMATE, False, "ann"))
    else:
        desk.handle(ev.NodeRemoved(desk.now, CLIMATE, "ann"))
    desk.wait(301)
    desk.beat()
    assert desk.state.nodes[CLIMATE].status == "pending"
    apply(desk, SITE)
    assert desk.state.nodes[CLIMATE].status == "pending"
    assert standing_of(desk.state)[CLIMATE] == "rejected"
    assert desk.journal["shut", CLIMATE]["at"] < desk.now
    desk.restart()
    desk.state.nodes[CLIMATE].status = "rejected"
    desk.engine.restore(dict(desk.journal), desk.now)
    assert desk.state.nodes[CLIMATE].decided_at > 0, "the time out does not begin anew, nor end"
    desk.handle(ev.NodeDecided(desk.now, CLIMATE, True, "ann"))
    assert ("shut", CLIMATE) not in desk.journal
    assert desk.state.nodes[CLIMATE].shut_at is None


def test_a_subzone_the_node_does_not_take_does_not_keep_it_from_being_configured() -> None:
    site = Site.model_validate(
        SITE.model_dump()
        | {"actuators": [a.model_dump() | ({"subzone": "s"} if a.gpio == 25 else {}) for a in SITE.actuators]}
    )
    desk = Desk(site=site)
    desk.state.planner = plan_push
    desk.ready()
    node = desk.state.nodes[CLIMATE]
    desk.handle(
        ev.ZoneAck(desk.now, GOD, CLIMATE, "zone_assigned", "bench", "", "", "", node.lane.correlation)
    )
    refused = ev.SubzoneAck(
        desk.now, GOD, CLIMATE, "error", "s", 2506, "NO_ROOM", "full", node.lane.correlation
    )
    desk.handle(refused)
    assert node.lane.steps[0].kind == "config"
    for _ in range(5):
        desk.outcome(CLIMATE, "persisted", node.lane.correlation, flow="config")
    assert node.confirmed.config
    assert (node.lane.converged_at, "NO_ROOM" in node.lane.problem) == (None, True)


def test_a_node_that_takes_everything_and_counts_less_is_not_told_for_ever() -> None:
    """Two declarations of one chip, say: each push is a write to its flash."""
    desk = Desk()
    desk.state.planner = plan_push
    desk.ready()
    node = desk.state.nodes[CLIMATE]

    def obey() -> int:
        told = 0
        while node.lane.steps and told < 10:
            told += node.lane.steps[0].kind == "config"
            head = node.lane.correlation
            desk.handle(ev.ZoneAck(desk.now, GOD, CLIMATE, "zone_assigned", "bench", "", "", "", head))
            desk.outcome(CLIMATE, "persisted", head, flow="config")
        return told

    obey()
    pushes = 0
    for _ in range(60):
        desk.wait(60)
        desk.handle(ev.Heartbeat(desk.now, GOD, CLIMATE, 0, 200, 9000, -60, 0, 2, True, "b1", 0, modern=True))
        pushes += obey() > 0
    assert pushes == 3
    assert "counts 0 of 1 sensors, 2 of 2 actuators" in node.lane.problem
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    desk.beat()
    desk.wait(3)
    assert obey() > 0, "back again, it gets another chance"


def test_a_retained_will_is_cleared_when_its_node_is_there() -> None:
    """It would tell everybody who subscribes that the node is gone."""
    desk = Desk().ready()
    effects = desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=True))
    assert [notice.node for notice in notices(effects, WillCleared)] == [CLIMATE]
    assert desk.state.nodes[CLIMATE].online
