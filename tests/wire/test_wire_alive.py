"""Engine and firmware face to face: does what we say keep a node alive?"""

import json
from typing import Any

import pytest

from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.io.wire.decode import decode
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.request import Measure, Request, read_inquiry
from tests.sim.rig import NODE, SERVER
from tests.wire.pair import SITE, Pair


def test_nothing_is_forced_off_in_a_day() -> None:
    pair = Pair().start().fan_on()
    for _ in range(23):
        pair.live(3600)
        assert pair.fan == pytest.approx(0.8)
    assert pair.counters["offline_enter_count"] == 0
    assert pair.counters["handover_contract_reject_count"] == 0
    assert pair.engine.state.counters["malformed"] == 0


@pytest.mark.parametrize("seconds", [30, 50])
def test_a_short_pause_of_ours_harms_nothing(seconds: int) -> None:
    """One ack may be lost."""
    pair = Pair().start().fan_on().live(5)
    pair.live(60 - (pair.rig.seconds % 60) + 1)  # just acknowledged
    pair.pause(seconds)
    assert pair.fan == pytest.approx(0.8)
    pair.live(300)
    assert pair.fan == pytest.approx(0.8)
    assert pair.counters["offline_enter_count"] == 0


@pytest.mark.parametrize("times", [1, 2, 3])
def test_after_a_long_pause_the_node_comes_back(times: int) -> None:
    """The first time it has no epoch and refuses our late ack: only the news that we are there repairs that."""
    pair = Pair().start().fan_on()
    for number in range(times):
        pair.pause(200)
        assert pair.fan == 0.0, "the node let go, as it must"
        assert pair.mode == "OFFLINE"
        pair.live(125)
        assert pair.mode == "ONLINE"
        assert pair.counters["adopting_enter_count"] == number + 1
        assert pair.fan == 0.0, "what a person wanted before is over"
        assert pair.fan_on().fan == pytest.approx(0.8)
    assert pair.counters["handover_contract_reject_count"] <= 1
    news = [m for m in pair.sent if m.topic == SERVER]
    assert all(json.loads(m.payload)["status"] == "online" for m in news)


def test_without_that_news_it_would_not() -> None:
    """The emulation is strict enough to tell: the same pause, with the news withheld."""
    pair = Pair().start().fan_on().pause(200)
    pair.withhold = SERVER
    pair.live(600)
    assert pair.mode == "OFFLINE"
    assert pair.fan == 0.0


def test_doubled_messages_change_nothing() -> None:
    pair = Pair(twice=True).start().fan_on().live(1800)
    assert pair.fan == pytest.approx(0.8)
    assert pair.engine.state.counters["commands_confirmed"] == 1
    assert pair.counters["handover_contract_reject_count"] == 0


def test_a_node_that_lost_its_connection_comes_back_with_its_epoch() -> None:
    pair = Pair().start().fan_on()
    for number in (1, 2):
        pair.rig.disconnect()
        will = pair.rig.node.will
        pair.handle(decode(will.topic, will.payload, pair.rig.now))
        assert pair.fan == 0.0
        pair.live(90)
        pair.hear(pair.rig.connect())
        pair.live(5)
        assert pair.mode == "ONLINE"
        assert pair.rig.node._session.epoch == number
        assert pair.fan_on().fan == pytest.approx(0.8)
    assert pair.counters["handover_contract_reject_count"] == 0


def test_a_new_controller_takes_over_without_a_forced_off() -> None:
    """Killed and started again within the node's patience."""
    pair = Pair().start().fan_on().live(120)
    offline = {"status": "offline", "timestamp": 1, "reason": "unexpected_disconnect"}
    pair.deliver(SERVER, json.dumps(offline).encode())
    pair.pause(20)
    state = from_site(SITE)
    state.run = 2
    pair.engine = Engine(state)
    pair.engine.restore(pair.journal, pair.rig.now)
    pair.handle(ev.LinkUp(pair.rig.now, "pair"))
    pair.live(3 * MINUTE / SECOND)
    assert pair.mode == "ONLINE"
    assert pair.counters["handover_contract_reject_count"] == 0


def test_a_stop_and_its_end() -> None:
    pair = Pair().start().fan_on()
    pair.handle(ev.StopAsked(pair.rig.now, "ann", "smoke"))
    pair.live(12)
    assert pair.fan == 0.0
    assert pair.engine.state.stop.waiting == frozenset()
    pair.handle(ev.ClearAsked(pair.rig.now, "ann"))
    pair.live(15)
    assert pair.engine.state.stop.phase.value == "NORMAL"
    assert pair.fan == 0.0, "clearing energises nothing"
    pair.fan_on()
    assert pair.fan == pytest.approx(0.8)
    assert all(not m.retain for m in pair.sent if "emergency" in m.topic)


@pytest.mark.parametrize(("gpio", "end"), [(0, "answered"), (4, "answered"), (5, "refused")])
def test_a_measurement_on_demand(gpio: int, end: str) -> None:
    pair = Pair().start()
    before = pair.engine.state.counters["readings_received"]
    pair.handle(ev.RequestAsked(pair.rig.now, Request("q1-1", NodeId.parse(NODE), "ann", Measure(gpio))))
    pair.live(11)
    (reply,) = pair.replies
    assert (reply.end, reply.request.id) == (end, "q1-1")
    fresh = pair.engine.state.counters["readings_received"] - before
    assert (fresh >= 1) is (end == "answered")


@pytest.mark.parametrize(
    ("word", "params", "key"),
    [
        ("status", {}, "heap_free"),
        ("diagnostics", {}, "chip_model"),
        ("get_config", {}, "zone"),
        ("set_log_level", {"level": "DEBUG"}, "level"),
        ("onewire/scan", {"pin": 4}, "devices"),
        ("set_emergency_token", {"token": "s3cret", "token_type": "broadcast"}, "token_type"),
    ],
)
def test_every_inquiry_is_answered(word: str, params: dict[str, Any], key: str) -> None:
    pair = Pair().start()
    ask = Request("q1-1", NodeId.parse(NODE), "ann", read_inquiry(word, params))
    pair.handle(ev.RequestAsked(pair.rig.now, ask))
    pair.live(11)
    (reply,) = pair.replies
    assert reply.end == "answered", reply
    assert key in reply.content
