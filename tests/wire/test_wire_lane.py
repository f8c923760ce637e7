"""A node is told where it stands and what it is, one message at a time, until it has confirmed everything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.io.wire.config import plan_push
from godkaiser.io.wire.decode import decode
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId
from godkaiser.model.site import Site
from tests.sim.rig import NODE, ROOT, SPEC, Rig
from tests.wire.pair import Pair

DOCUMENT: dict[str, Any] = {
    "zones": [{"id": "bench", "name": "North bench"}],
    "subzones": [{"node": NODE, "id": "left", "name": "left half"}],
    "nodes": [{"id": NODE, "approved": True, "zone": "bench", "board": "esp32_dev"}],
    "sensors": [
        {"node": NODE, "gpio": 0, "type": "sht31_temp", "address": 0x45, "name": "air", "interval_s": 60},
        {"node": NODE, "gpio": 34, "type": "moisture", "name": "soil", "subzone": "left"},
    ],
    "actuators": [
        {"node": NODE, "gpio": 25, "type": "pwm", "name": "fan", "max_on_s": 1800},
        {"node": NODE, "gpio": 14, "type": "pump", "name": "pump", "max_on_s": 120, "subzone": "left"},
    ],
}
BARE = replace(SPEC, zone="", sensors=(), actuators=())


def site(**changes: Any) -> Site:
    return Site.model_validate(DOCUMENT | changes)


def engine_of(described: Site, run: int = 1) -> Engine:
    state = from_site(described)
    state.planner, state.run = plan_push, run
    return Engine(state)


def fresh(described: Site | None = None) -> Pair:
    """A node out of the box."""
    return Pair(rig=Rig(BARE), engine=engine_of(described or site()))


def node(pair: Pair) -> Any:
    return pair.engine.state.nodes[NodeId.parse(NODE)]


def said(pair: Pair) -> list[str]:
    """What of its place and configuration the node was told, in order."""
    told = [m for m in pair.sent if m.topic.startswith(ROOT) and "heartbeat" not in m.topic]
    kinds = []
    for message in told:
        body = json.loads(message.payload or b"{}")
        below = message.topic.removeprefix(ROOT)
        scope = next((key for key in ("sensors", "actuators", "offline_rules") if key in body), "")
        if below.startswith(("zone", "subzone", "config")):
            kinds.append(f"{below} {scope}".strip())
    return kinds


ONCE = ["zone/assign", "subzone/assign", "config sensors", "config actuators"]


def test_out_of_the_box_to_converged() -> None:
    pair = fresh().start()
    assert said(pair) == ONCE
    assert node(pair).lane.problem == ""
    assert node(pair).lane.converged_at is not None
    pair.live(300)
    assert said(pair) == ONCE, "nothing is told twice"
    assert node(pair).counts == (2, 2)
    assert pair.engine.state.counters["malformed"] == 0
    # And it works: the node reads and switches what it was told it has.
    assert pair.engine.state.counters["readings_received"] > 0
    assert pair.fan_on().fan == pytest.approx(0.8)


def test_a_node_that_comes_back_is_told_nothing_it_knows() -> None:
    pair = fresh().start().live(130)
    for _ in range(2):
        pair.rig.disconnect()
        pair.live(40)
        pair.hear(pair.rig.connect())
        pair.live(20)
    assert said(pair) == ONCE
    assert node(pair).lane.converged_at is not None


def test_nor_after_a_restart_of_ours() -> None:
    pair = fresh().start().live(130)
    pair.engine = engine_of(site(), run=2)
    pair.engine.restore(pair.journal, pair.rig.now)
    pair.handle(ev.LinkUp(pair.rig.now, "pair"))
    pair.live(200)
    assert said(pair) == ONCE
    assert node(pair).lane.converged_at is not None


def test_what_is_changed_is_told_and_what_is_gone_is_taken_away() -> None:
    pair = fresh().start().live(130)
    sensors = [DOCUMENT["sensors"][0] | {"interval_s": 90}]
    actuators = [DOCUMENT["actuators"][0]]
    pair.engine = engine_of(site(sensors=sensors, actuators=actuators, subzones=[]), run=2)
    pair.engine.restore(pair.journal, pair.rig.now)
    pair.handle(ev.LinkUp(pair.rig.now, "pair"))
    pair.live(200)
    new = said(pair)[len(ONCE) :]
    assert new == ["subzone/remove", "config sensors", "config actuators"]
    assert node(pair).counts == (1, 1)
    bodies = [json.loads(m.payload) for m in pair.sent if m.topic == ROOT + "config"]
    generations = [body["generation"] for body in bodies]
    assert generations == sorted(set(generations)), "strictly rising, also over a restart"
    assert [item.get("active", True) for item in bodies[-1]["actuators"]] == [False, True]


def test_a_node_that_forgot_is_told_again() -> None:
    """It counts less than it should: not before the cool-down, and once."""
    pair = fresh().start().live(130)
    pair.rig = Rig(BARE)
    pair.rig.now = max(pair.rig.now, pair.engine.state.nodes[NodeId.parse(NODE)].last_contact or 0)
    told = len(said(pair))
    pair.hear(pair.rig.connect())
    pair.live(400)
    assert said(pair)[told:] == ["zone/assign", "config sensors", "config actuators"]
    assert node(pair).counts == (2, 2)


@pytest.mark.parametrize("topic", ["zone/assign", "subzone/assign", "config"])
def test_no_answer_three_tries_then_rest(topic: str) -> None:
    pair = fresh()
    pair.withhold = ROOT + topic
    pair.start().live(100)
    assert said(pair).count(topic) + sum(s.startswith(topic + " ") for s in said(pair)) == 3
    assert "no answer" in node(pair).lane.problem
    assert node(pair).lane.converged_at is None
    ids = [json.loads(m.payload)["correlation_id"] for m in pair.sent if m.topic == ROOT + topic]
    assert len(set(ids)) == 3, "a new id for every try"
    pair.withhold = ""
    pair.live(200)
    assert node(pair).lane.converged_at is not None


def test_a_node_without_room_is_not_half_configured() -> None:
    many = [{"node": NODE, "gpio": 4, "type": "ds18b20", "address": f"{n:016X}"} for n in range(21)]
    pair = fresh(site(sensors=many)).start()
    assert "takes at most 20 sensors" in node(pair).lane.problem
    assert said(pair) == []


def test_an_unsafe_configuration_does_not_leave_the_house() -> None:
    """The gate's word on a pump without a bound; the sensors are told nevertheless."""
    pair = fresh().start()
    assert pair.engine.state.stop.phase.value == "NORMAL"
    pair.handle(ev.StopAsked(pair.rig.now, "ann", "smoke"))
    stopped = fresh()
    stopped.engine.handle(ev.StopAsked(stopped.rig.now, "ann", "smoke"))
    stopped.start()
    assert "config actuators" not in said(stopped)
    assert "software stop" in node(stopped).lane.problem


@pytest.mark.parametrize("letters", range(20, 61))
def test_what_was_planned_fits_when_it_is_numbered(letters: int) -> None:
    """Numbers and ids are longer when it is sent: a part planned to the last byte would not leave the house."""
    described = site(
        nodes=[{"id": NODE, "approved": True, "zone": "bench", "board": "xiao_esp32c3"}],
        sensors=[
            {
                "node": NODE,
                "gpio": 6,
                "type": "ds18b20",
                "address": f"28FF641E8D16{n:04X}",
                "name": "n" * letters,
            }
            for n in range(10)
        ],
        actuators=[
            {"node": NODE, "gpio": gpio, "type": "relay", "name": "a" * letters, "max_on_s": 600 + gpio}
            for gpio in (7, 8, 9, 10)
        ],
    )
    pair = Pair(rig=Rig(replace(BARE, board="xiao_esp32c3")), engine=engine_of(described))
    pair.start()
    assert node(pair).lane.problem == ""
    assert node(pair).lane.converged_at is not None
    assert all(len(m.payload) + len(m.topic) + 7 <= 1024 for m in pair.sent)


def test_a_refusal_is_shown_once_and_not_repeated_for_ever() -> None:
    pair = fresh()
    pair.mutate = lambda topic, body: (
        body | {"sensors": [s | {"gpio": 200} for s in body["sensors"]]} if "sensors" in body else body
    )
    pair.start().live(3600)
    assert said(pair).count("config sensors") == 1
    assert "GPIO" in node(pair).lane.problem or "VALIDATION" in node(pair).lane.problem


def test_a_node_that_waits_for_its_configuration_gets_it() -> None:
    """After a reset it takes nothing else, although its counts are right."""
    pair = fresh().start().live(200)
    told = len(said(pair))
    state = node(pair)
    beat = ev.Heartbeat(
        pair.rig.now, state.kaiser, state.id, 0, 10, 1, -1, 2, 2, True, state.boot_id, 0, True, state=8,
        zone="bench",
    )  # fmt: skip
    pair.handle(beat)
    pair.live(20)
    assert said(pair)[told:] == ["config sensors", "config actuators"]


def test_what_is_wanted_does_not_wait_long_for_a_node_that_does_not_answer() -> None:
    pair = fresh().start().live(130).fan_on()
    pair.rig.disconnect()
    gone = pair.rig.node.will
    pair.handle(decode(gone.topic, gone.payload, pair.rig.now))
    node(pair).confirmed = replace(node(pair).confirmed, config="something else")
    pair.withhold = ROOT + "config"
    pair.hear(pair.rig.connect())
    pair.live(2.5)
    assert node(pair).lane.wishes_wait, "a driver may be rebuilt"
    pair.live(2)
    assert not node(pair).lane.wishes_wait
    assert node(pair).lane.steps, "still on its way"
