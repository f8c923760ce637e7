"""Engine and firmware face to face over bytes, in virtual time: does what we say keep a node alive?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from godkaiser.engine.effect import Effect, Journal, Replied, Say, Send
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.io.sim.spec import Publish
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.encode import Outgoing, encode_command, encode_notice
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.request import Measure, Reply, Request, read_inquiry
from godkaiser.model.site import Site
from tests.sim.rig import NODE, SERVER, SPEC, Rig

GOD = KaiserId.parse("god")
FAN = ActuatorId.of(NodeId.parse(NODE), 25)
SITE = Site.model_validate(
    {
        "nodes": [{"id": NODE, "approved": True}],
        "actuators": [
            {"node": NODE, "gpio": 25, "type": "pwm", "max_on_s": 86400},
            {"node": NODE, "gpio": 26, "type": "relay", "safe_value": 1.0, "max_on_s": 86400},
        ],
    }
)
# The firmware's own limit on run time is an hour unless it is told otherwise.
PATIENT = replace(SPEC, actuators=tuple(replace(a, max_runtime=86_400_000) for a in SPEC.actuators))
DAY_OF_HOLD = 86_400 * SECOND


@dataclass
class Pair:
    """A controller and a node. `deaf`: what the node says does not arrive; `withhold`: a topic on which we are not heard."""

    rig: Rig = field(default_factory=lambda: Rig(PATIENT))
    engine: Engine = field(default_factory=lambda: Engine(from_site(SITE)))
    deaf: bool = False
    withhold: str = ""
    twice: bool = False
    replies: list[Reply] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    retained: bytes = b""
    journal: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def start(self) -> Pair:
        self.handle(ev.LinkUp(self.rig.now, "pair"))
        self.hear(self.rig.connect())
        self.deliver(SERVER, self.retained)
        return self.live(10)

    def hear(self, said: Iterable[Publish]) -> None:
        for message in said:
            for _ in range(1 + self.twice):
                if not self.deaf:
                    self.handle(decode(message.topic, message.payload, self.rig.now))

    def handle(self, event: ev.Event) -> None:
        effects = self.engine.handle(event)
        self.keep(effects)
        for effect in effects:
            if isinstance(effect, Say):
                self.say(encode_notice(effect.notice))
            elif isinstance(effect, Send):
                self.say(encode_command(effect.command, GOD))
            elif isinstance(effect, Replied):
                self.replies.append(effect.reply)

    def keep(self, effects: list[Effect]) -> None:
        for entry in effects:
            if isinstance(entry, Journal) and entry.data is None:
                self.journal.pop((entry.kind, entry.key), None)
            elif isinstance(entry, Journal):
                self.journal[entry.kind, entry.key] = entry.data  # type: ignore[assignment]

    def say(self, message: Outgoing) -> None:
        self.sent.append(message)
        if message.retain and message.topic == SERVER:
            self.retained = message.payload
        if message.topic != self.withhold:
            self.deliver(message.topic, message.payload)

    def deliver(self, topic: str, payload: bytes) -> None:
        self.hear(self.rig.node.receive(topic, payload, self.rig.now))

    def live(self, seconds: float) -> Pair:
        until = self.rig.now + round(seconds * SECOND)
        while (due := min(self.rig.node.next_wakeup, self.engine.next_wakeup or until + 1)) <= until:
            self.rig.now = max(self.rig.now, due)
            if self.rig.node.next_wakeup <= self.rig.now:
                self.hear(self.rig.node.tick(self.rig.now))
            elif not self.deaf:
                self.handle(ev.Timer(self.rig.now))
            else:
                break
        self.rig.now = max(self.rig.now, until)
        return self

    def pause(self, seconds: float) -> Pair:
        """The controller hangs: nothing is heard, nothing said, no timer of ours fires."""
        until = self.rig.now + round(seconds * SECOND)
        while self.rig.node.next_wakeup <= until:
            self.rig.now = max(self.rig.now, self.rig.node.next_wakeup)
            self.rig.node.tick(self.rig.now)
        self.rig.now = until
        return self

    def fan_on(self) -> Pair:
        intent = Intent("i1", FAN, 0.8, Origin.PERSON, "ann", duration=DAY_OF_HOLD, hold=DAY_OF_HOLD)
        self.handle(ev.Asked(self.rig.now, intent))
        return self.live(1)

    @property
    def fan(self) -> float:
        return self.rig.node.level(25)

    @property
    def counters(self) -> dict[str, Any]:
        return dict(self.rig.node._metrics())


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
        assert pair.rig.node._session.mode == "OFFLINE"
        pair.live(125)
        assert pair.rig.node._session.mode == "ONLINE"
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
    assert pair.rig.node._session.mode == "OFFLINE"
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
        assert pair.rig.node._session.mode == "ONLINE"
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
    assert pair.rig.node._session.mode == "ONLINE"
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
