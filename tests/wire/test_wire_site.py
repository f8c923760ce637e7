"""A changed site reaches the nodes: what is new is told, what is gone is taken away, what runs is made safe first."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.site import Site
from tests.sim.rig import NODE, ROOT
from tests.wire.pair import FAN, Pair
from tests.wire.test_wire_lane import DOCUMENT, ONCE, fresh, node, said, site

PUMP = ActuatorId.of(NodeId.parse(NODE), 14)


def converged() -> Pair:
    pair = fresh().start().live(130)
    assert said(pair) == ONCE
    return pair


def apply(pair: Pair, changed: Site, seconds: float = 20) -> Pair:
    pair.handle(ev.SiteChanged(pair.rig.now, changed, (), "ann"))
    return pair.live(seconds)


def test_the_same_site_tells_nobody_anything() -> None:
    pair = apply(converged(), site())
    assert said(pair) == ONCE


def test_only_what_changed_is_told_and_the_run_goes_on() -> None:
    pair = converged().fan_on()
    sensors = [DOCUMENT["sensors"][0] | {"interval_s": 90}, DOCUMENT["sensors"][1]]
    apply(pair, site(sensors=sensors))
    assert said(pair)[len(ONCE) :] == ["config sensors", "config actuators"]
    assert node(pair).lane.converged_at is not None
    assert pair.fan == pytest.approx(0.8)


def test_another_zone_is_told() -> None:
    pair = converged()
    nodes = [DOCUMENT["nodes"][0] | {"zone": "roof"}]
    apply(pair, site(nodes=nodes, zones=[{"id": "roof"}]))
    assert said(pair)[len(ONCE) :][0] == "zone/assign"
    assert node(pair).confirmed.zone == ["roof", ""]


def test_a_running_actuator_that_is_taken_out_is_safe_before_the_node_forgets_it() -> None:
    pair = converged().fan_on()
    assert pair.fan == pytest.approx(0.8)
    apply(pair, site(actuators=[DOCUMENT["actuators"][1]]), 60)
    topics = [m.topic.removeprefix(ROOT) for m in pair.sent if m.topic.startswith(ROOT)]
    assert topics.index("actuator/25/command") < len(topics) - 1 - topics[::-1].index("config")
    assert pair.fan == 0
    assert node(pair).counts == (2, 1)
    assert FAN not in pair.engine.state.actuators
    assert PUMP in pair.engine.state.actuators
    pair.live(300)
    assert FAN not in pair.engine.state.actuators, "the node does not speak of it any more"


def test_one_that_is_taken_out_while_its_node_is_away_waits_for_it() -> None:
    pair = converged().fan_on()
    pair.rig.disconnect()
    pair.handle(ev.Will(pair.rig.now, pair.engine.state.kaiser, NodeId.parse(NODE), retained=False))
    apply(pair, site(actuators=[DOCUMENT["actuators"][1]]), 60)
    assert FAN in pair.engine.state.actuators
    pair.hear(pair.rig.connect())
    pair.live(300)
    assert pair.fan == 0
    assert FAN not in pair.engine.state.actuators
    assert node(pair).counts == (2, 1)


def test_a_change_in_the_middle_of_another_one_wins() -> None:
    pair = converged()
    for interval in (60, 70, 80, 90):
        changes: dict[str, Any] = DOCUMENT["sensors"][0] | {"interval_s": interval}
        apply(pair, site(sensors=[changes, DOCUMENT["sensors"][1]]), 0.01)
    pair.live(130)
    assert node(pair).lane.converged_at is not None
    assert node(pair).lane.problem == ""
    assert [s.interval for s in pair.rig.node._device.setup.sensors if s.i2c == 0x45] == [90]
