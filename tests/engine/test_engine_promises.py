"""The safety promises, kept whatever happens: random events against an engine that is watched from outside."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from godkaiser.engine import picture
from godkaiser.engine.effect import Effect
from godkaiser.model import event as ev
from godkaiser.model.command import Halt, Move, Release
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import HOUR, SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.model.reading import Reading
from godkaiser.model.scope import ALL, Scope
from godkaiser.model.site import Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    IRRIGATE,
    PUMP,
    SITE,
    SOIL,
    STRANGER,
    VENT,
    WATER,
    Answer,
    Desk,
    Journal,
    Send,
    Store,
    only,
)
from tests.engine.bench import (
    rule as bound,
)
from tests.engine.ledger import Ledger

RELAY = ActuatorId.of(STRANGER, 26)
NOBODY = NodeId.parse("ESP_0B0D1E")  # nothing but an actuator on it is declared
GHOST = ActuatorId.of(NOBODY, 14)
HOT = SeriesId.of(STRANGER, 4, "ds18b20")
NODES = st.sampled_from([CLIMATE, WATER, STRANGER])
ACTUATORS = st.sampled_from([FAN, HEATER, PUMP, VENT, RELAY, GHOST])
READS = {"rule:cool-the-bench": AIR, "rule:irrigate": SOIL}
SCOPES = st.sampled_from([ALL, Scope("node", CLIMATE), Scope("node", WATER), Scope("zone", "roots")])
RULES = ({**COOL, "cooldown_seconds": 5}, {**IRRIGATE, "cooldown_seconds": 10})


def site_of(fan_zone: str) -> Site:
    """The heater warms the roots although its node stands at the bench: a zone that spans nodes."""
    zones = {FAN: fan_zone, HEATER: "roots", PUMP: "roots", VENT: "bench"}
    actuators = [spec.model_dump() | {"zone": zones[spec.id]} for spec in SITE.actuators]
    actuators.append({"node": NOBODY, "gpio": 14, "type": "relay", "max_on_s": 10})
    return Site.model_validate(
        SITE.model_dump() | {"zones": [{"id": "bench"}, {"id": "roots"}], "actuators": actuators}
    )


AGAIN = 21 * SECOND  # an unconfirmed safe move is repeated after 10 s for the answer and 10 s of rest


class Watched(Desk):
    """Every event's effects are judged against what the promises allow."""

    def __init__(self) -> None:
        super().__init__(*RULES, site=site_of("bench"))
        self.ledger = Ledger({a: known.spec.zone for a, known in self.state.actuators.items()})
        self.story: list[tuple[int, ev.Event | Site, dict[Any, Any], list[Effect]]] = []
        self.disk: dict[tuple[str, str], dict[str, Any]] = {}
        self.sick = False  # the journal cannot be written
        self.told_sick = False
        self.said: list[str] = []
        self.approved = {CLIMATE, WATER}
        self.owes: dict[ActuatorId, int] = {}
        self.safe_sent: dict[ActuatorId, int] = {}
        self.reachable: dict[NodeId, int] = {}
        self.readings: dict[SeriesId, int] = {}
        self.released_at = -1
        self.woke_at = -1

    def handle(self, event: ev.Event) -> list[Effect]:
        link, approved, online = self.state.link.up, set(self.approved), self._online()
        if isinstance(event, ev.NodeDecided):
            (self.approved.add if event.approved else self.approved.discard)(event.node)
        if isinstance(event, ev.SiteChanged):  # what is declared as approved need not be asked for again
            nodes = (self.state.nodes[n] for n in (CLIMATE, WATER))
            self.approved |= {n.id for n in nodes if n.status == "pending" and n.shut_at is None}
        self.ledger.hear(event)
        effects = super().handle(event)
        self.story.append((self.now, event, {}, []))
        self.said.append(repr(effects))
        if not self.sick:
            self.disk = dict(self.journal)
        self._may_send = (
            link or self.state.link.up,
            approved | self.approved,
            online | self._online(),
        )
        self._learn(event)
        self._judge(event, effects)
        self._judge_debts()
        if self.sick:
            self._no_journal(only(Send, effects))
        return effects

    def _no_journal(self, sends: list[Send]) -> None:
        """As the shell does: what energises is dropped, and the engine is told."""
        if not self.told_sick:
            self.told_sick = True
            self.handle(ev.JournalHealth(self.now, "No space left on device."))
        for send in sends:
            if send.energising:
                self.handle(ev.SendFailed(self.now, send.command.id, "the safety journal cannot be written"))

    def journal_health(self, *, well: bool) -> None:
        """It takes lines again, all that it owes first; or no more from the next one on."""
        self.sick = not well
        if well:
            self.disk, self.told_sick = dict(self.journal), False
            self.handle(ev.JournalHealth(self.now, ""))

    def crash_in(self, event: ev.Event, *, written: bool) -> None:
        """The power fails before or after the journal has it; in both cases nothing of it is sent or stored."""
        journal, ledger = self.disk, deepcopy(self.ledger)
        effects = self.engine.handle(event)
        if written and not self.sick:
            self.ledger.hear(event)
            journal = dict(self.journal)
            for entry in only(Journal, effects):
                journal.pop((entry.kind, entry.key), None)
                if entry.data is not None:
                    journal[entry.kind, entry.key] = entry.data
        else:
            self.ledger = ledger
        self.disk = journal
        self.restart()

    def restart(self, jump: int = 0) -> None:
        """A new process over what the disk has; the clock may be another one."""
        self.now += jump
        self._as_of_now()
        forgotten = [s for s in self.ledger.held if ("stop", s.key) not in self.disk]
        assert self.sick or not forgotten, "P3: a stop that the journal does not have"
        self.journal = dict(self.disk)
        self.story.append(
            (self.now, self.site, dict(self.disk), [e for e in self.log if isinstance(e, Store)])
        )
        super().restart()
        self.said.append("restart")
        self.ledger.restart(self.now, forgotten, {Scope.parse(k) for kind, k in self.disk if kind == "stop"})
        self.owes = {a: self.now for a in self.owes if self.ledger.over(a)}
        self.reachable.clear()
        self.readings.clear()
        self.sick = self.told_sick = False

    def _as_of_now(self) -> None:
        """Nothing of what is remembered lies in the future."""
        self.safe_sent = {a: min(at, self.now) for a, at in self.safe_sent.items()}
        self.woke_at, self.released_at = min(self.woke_at, self.now), min(self.released_at, self.now)

    def move_fan(self, zone: str) -> None:
        """People say it belongs to another zone."""
        self.site = site_of(zone)
        self.ledger.zones[FAN] = zone
        self.handle(ev.SiteChanged(self.now, self.site, tuple(bound(document) for document in RULES), "ann"))

    def _online(self) -> set[NodeId]:
        return {node.id for node in self.state.nodes.values() if node.online}

    def _learn(self, event: ev.Event) -> None:
        """What the model takes from the event itself."""
        match event:
            case ev.StopAsked(scope=scope):
                held = self.ledger.held[scope]
                under = [a for a in self.state.actuators if held.covers(a, self.ledger.zones.get(a))]
                self.owes |= {a: self.now for a in under if a.node in self.approved and a not in self.owes}
            case ev.Asked(intent=intent) if intent.actuator in self.state.actuators:
                if intent.value == self.state.actuators[intent.actuator].spec.safe_value:
                    self.owes[intent.actuator] = self.now
            case ev.ActuatorReport(
                value=float(value)
            ):  # what a node owes is believed also when it is rejected
                known = self.state.actuators.get(ActuatorId.of(event.node, event.gpio))
                if known is not None and abs(value - known.spec.safe_value) < 0.005:
                    self.owes.pop(known.id, None)

    # ── the promises ───────────────────────────────────────────────────────────────────────────────────
    def _judge(self, event: ev.Event, effects: list[Effect]) -> None:
        granted: dict[str, dict[str, Any]] = {}
        for effect in effects:
            match effect:
                case Journal(kind="stop", key=key, data=data):
                    self._stop_moved(Scope.parse(key), None if data is None else data["phase"])
                case Journal(kind="lease", key=key, data=data) if data is not None:
                    longest = self.state.actuators[ActuatorId.parse(key)].spec.longest_on_s or 10
                    assert data["until"] - data["since"] <= longest * SECOND, "P5"
                    granted[data["command"]] = data
                case Store(record=Reading() as reading):
                    assert reading.series.node in self._may_send[1], "pending data is never stored"
                    if reading.usable:
                        self.readings[reading.series] = self.now
                case Answer(outcome=outcome):
                    self._judge_outcome(event, outcome)
                case Send():
                    self._judge_send(effect, granted)

    def _stop_moved(self, scope: Scope, phase: str | None) -> None:
        if phase is None:
            self.ledger.gone(scope, self.now)
            self.released_at = self.now if scope == ALL else self.released_at
        elif phase == "RESUMING":
            self.ledger.settled(scope, self.now)
        elif phase == "ACTIVE":
            self.ledger.back(scope)

    def _judge_outcome(self, event: ev.Event, outcome: Outcome) -> None:
        known = self.state.actuators.get(outcome.actuator)
        safe = known is not None and outcome.value == known.spec.safe_value
        assert not (safe and outcome.fate is Fate.REFUSED), "P1: going safe is never refused"
        if safe and outcome.fate is Fate.CONFIRMED:
            self.owes.pop(outcome.actuator, None)

    def _judge_send(self, send: Send, granted: dict[str, dict[str, Any]]) -> None:
        link, approved, online = self._may_send
        order = send.command.order
        self.ledger.see([send], self.now)
        if isinstance(order, Halt | Release):
            assert not send.energising
            assert order.node is None or order.node in approved, "pending nodes never get commands"
            return
        assert isinstance(order, Move)
        spec = self.state.actuators[order.actuator].spec
        assert send.energising == (order.value != spec.safe_value)
        assert link, "nothing is sent into the void"
        if not send.energising:
            self.safe_sent[order.actuator] = self.now
            return
        assert order.actuator.node in approved & online
        self._judge_energising(send, order, granted)
        self.owes.pop(order.actuator, None)

    def _judge_energising(self, send: Send, order: Move, granted: dict[str, dict[str, Any]]) -> None:
        who = send.command.who
        self.ledger.judge(order.actuator, self.now)
        assert not self.told_sick, "P9"
        if send.command.origin == "rule":
            assert self.readings[READS[who]] > self.released_at, "P4"
        lease = granted.get(send.command.id)
        assert lease is not None, "P5: journalled before it is sent"
        assert order.duration_s != 0, "P5"
        if order.duration_s is not None:
            assert order.duration_s * SECOND < lease["until"] - self.now + SECOND, "P5"

    def _judge_debts(self) -> None:
        """P1 and P5: what must go safe is told so, again and again, for as long as it can be told."""
        for (kind, key), data in self.journal.items():
            if kind == "lease" and data["until"] <= self.now:
                self.owes.setdefault(ActuatorId.parse(key), data["until"])
        for node in (CLIMATE, WATER, STRANGER):
            if self.state.link.up and node in self.approved and node in self._online():
                self.reachable.setdefault(node, self.now)
            else:
                self.reachable.pop(node, None)
        for actuator, since in self.owes.items():
            if actuator.node in self.reachable:
                begun = max(since, self.reachable[actuator.node], self.woke_at)
                if self.now - begun > AGAIN:
                    assert self.safe_sent.get(actuator, -1) >= self.now - AGAIN, (
                        f"P1: {actuator} was not told"
                    )

    def told_again(self) -> list[str]:
        """The same story to a new engine."""
        other = Desk(*self.rules, site=site_of("bench"))
        said = []
        for other.now, event, journal, stores in self.story:
            if isinstance(event, Site):
                other.site, other.journal, other.log = event, journal, stores
                other.restart()
                said.append("restart")
            else:
                said.append(repr(other.handle(event)))
        return said


class Promises(RuleBasedStateMachine):
    """Nodes, people, the broker and the power do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Watched()

    @initialize()
    def begin(self) -> None:
        self.desk.ready()

    @rule(node=NODES, boot=st.sampled_from(["b1", "b2", ""]))
    def beat(self, node: NodeId, boot: str) -> None:
        self.desk.beat(node, boot)

    @rule()
    def beat_all(self) -> None:
        for node in (CLIMATE, WATER, STRANGER):
            self.desk.beat(node)

    @rule(series=st.sampled_from([AIR, SOIL, HOT]), value=st.sampled_from([10.0, 20.0, 30.0, 60.0, 900.0]))
    def read(self, series: SeriesId, value: float) -> None:
        self.desk.read(series, value)

    @rule(actuator=ACTUATORS, value=st.sampled_from([0.0, 0.3, 0.8, 1.0, None]))
    def report(self, actuator: ActuatorId, value: float | None) -> None:
        self.desk.report(actuator, value)

    @rule()
    def everybody_obeys(self) -> None:
        """All pending commands are carried out and reported."""
        for pending in list(self.desk.state.pending.values()):
            self.desk.ack(pending.intent.actuator, pending.command)
            self.desk.report(pending.intent.actuator, pending.intent.value)

    @precondition(lambda self: self.desk.state.pending)
    @rule(which=st.integers(0, 9), success=st.booleans(), named=st.booleans())
    def ack(self, which: int, success: bool, named: bool) -> None:
        commands = list(self.desk.state.pending.values())
        pending = commands[which % len(commands)]
        self.desk.ack(pending.intent.actuator, pending.command if named else "", pending.verb, success)

    @rule(
        actuator=ACTUATORS,
        value=st.sampled_from([0.0, 0.3, 0.8, 1.0, 7.0]),
        seconds=st.sampled_from([None, 1, 30, 7200]),
    )
    def ask(self, actuator: ActuatorId, value: float, seconds: int | None) -> None:
        self.desk.ask(actuator, value, duration=None if seconds is None else seconds * SECOND)

    @rule(scope=SCOPES)
    def stop(self, scope: Scope) -> None:
        self.desk.handle(ev.StopAsked(self.desk.now, "ann", "smoke", scope))

    @rule(scope=SCOPES, force=st.booleans())
    def clear(self, scope: Scope, force: bool) -> None:
        self.desk.handle(ev.ClearAsked(self.desk.now, "ann", force, scope))

    @rule(zone=st.sampled_from(["roots", "bench"]))
    def move_the_fan(self, zone: str) -> None:
        self.desk.move_fan(zone)

    @rule(well=st.booleans())
    def journal(self, well: bool) -> None:
        self.desk.journal_health(well=well)

    @rule(scope=SCOPES, written=st.booleans(), back=st.booleans())
    def crash_while_stopping(self, scope: Scope, written: bool, back: bool) -> None:
        self.desk.crash_in(ev.StopAsked(self.desk.now, "ann", "smoke", scope), written=written)
        if back:
            self.desk.ready(CLIMATE, WATER, STRANGER)

    @rule(actuator=ACTUATORS, value=st.sampled_from([0.0, 0.3, 1.0]), written=st.booleans())
    def crash_while_switching(self, actuator: ActuatorId, value: float, written: bool) -> None:
        intent = Intent("i-bob", actuator, value, Origin.PERSON, "bob")
        self.desk.crash_in(ev.Asked(self.desk.now, intent), written=written)

    @rule(node=NODES, ok=st.booleans())
    def clear_ack(self, node: NodeId, ok: bool) -> None:
        self.desk.handle(ev.ClearAck(self.desk.now, GOD, node, ok))

    @rule(hot=st.booleans(), scope=SCOPES)
    def a_stop_and_the_whole_way_back(self, hot: bool, scope: Scope) -> None:
        """With something that a rule would act on, read just before."""
        if hot:
            self.desk.link()
            self.desk.read(AIR, 30.0)
        self.stop(scope)
        self.everybody_obeys()
        self.desk.wait(6)
        self.clear(scope, force=False)
        self.desk.wait(1)
        for node in (CLIMATE, WATER, STRANGER):
            self.desk.handle(ev.StopAck(self.desk.now, GOD, node))
            self.desk.handle(ev.ClearAck(self.desk.now, GOD, node, ok=True))
        self.desk.wait(12)

    @rule(seconds=st.sampled_from([0.5, 3, 11, 35, 65, 190, 2000]))
    def wait(self, seconds: float) -> None:
        self.desk.wait(seconds)

    @rule(seconds=st.sampled_from([30, 130, 700]))
    def live(self, seconds: int) -> None:
        self.desk.live(seconds)

    @rule(seconds=st.sampled_from([15, 100, 4000]))
    def sleep_through_timers(self, seconds: int) -> None:
        """The machine was suspended: time has passed and nobody looked."""
        self.desk.now += seconds * SECOND
        self.desk.woke_at = self.desk.now

    @rule(up=st.booleans())
    def link(self, up: bool) -> None:
        self.desk.link(up)

    @rule(node=NODES, retained=st.booleans())
    def will(self, node: NodeId, retained: bool) -> None:
        self.desk.handle(ev.Will(self.desk.now, GOD, node, retained))

    @rule(node=NODES, approved=st.booleans())
    def decide(self, node: NodeId, approved: bool) -> None:
        self.desk.handle(ev.NodeDecided(self.desk.now, node, approved, "ann"))

    @rule(back=st.booleans(), jump=st.sampled_from([0, 0, -HOUR, HOUR]))
    def crash(self, back: bool, jump: int) -> None:
        self.desk.restart(jump)
        if back:
            self.desk.ready(CLIMATE, WATER, STRANGER)

    @invariant()
    def people_see_all_of_it(self) -> None:
        shown = picture.snapshot(self.desk.state, self.desk.now, 1)
        assert (
            json.loads(json.dumps(shown, allow_nan=False))["stop"]["phase"]
            == self.desk.state.stop.phase.value
        )

    def teardown(self) -> None:
        assert self.desk.told_again() == self.desk.said, "the same events give the same effects"


QUICK = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True, database=None)
TestPromises = Promises.TestCase
TestPromises.settings = QUICK


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_promises_at_length() -> None:
    run_state_machine_as_test(
        Promises, settings=settings(max_examples=2000, stateful_step_count=80, deadline=None)
    )


def test_the_watcher_sees_something() -> None:
    """The machine would be of no use if nothing energised in its stories."""
    desk = Watched()
    desk.ready()
    on = desk.read(AIR, 30)
    assert [send.energising for send in only(Send, on)] == [True]
    desk.obey(on)
    desk.stop()
    assert set(desk.owes) == {FAN, HEATER, PUMP, VENT}
    desk.safe_sent.clear()
    desk.now += 22 * SECOND
    with pytest.raises(AssertionError, match="P1"):
        desk._judge_debts()
    with pytest.raises(AssertionError, match="P2"):
        desk._judge(ev.Timer(desk.now), on)
