"""Whatever happens to a rule at its steps: one command at a time, nothing left on, and the same again in a replay."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from godkaiser.engine.effect import Effect, Send
from godkaiser.model import event as ev
from godkaiser.model.instant import SECOND
from godkaiser.rules.arbitrate import PERSONS
from tests.engine.bench import AIR, CLIMATE, FAN, GOD, HEATER, PUMP, SOIL, WATER, Desk, moves
from tests.engine.test_engine_course import ID, WET, made, steps, turn

WAIT = {"type": "wait_until", "condition": WET, "timeout_seconds": 90}
SEQUENCES: tuple[tuple[dict[str, Any], ...], ...] = (
    (steps(turn(FAN, timeout_seconds=20, retry=1), turn(HEATER), turn(FAN, "PWM", value=0.4)),),
    (
        steps(
            turn(PUMP, duration=10, delay_after_seconds=20), WAIT, turn(FAN, "OFF"), turn(PUMP, duration=30)
        ),
    ),
    (steps(turn(FAN), {"type": "delay", "seconds": 3600}, turn(HEATER)),),
    (
        steps(
            turn(HEATER, on_failure="continue", timeout_seconds=5),
            turn(PUMP),
            WAIT | {"on_timeout": "continue"},
        ),
    ),
)
WHO = f"rule:{ID}"


class Tape(Desk):
    """Keeps what was handled, for the replay. What was sent waits in `letters` until the nodes are told to answer."""

    def __init__(self, *rules: Any) -> None:
        super().__init__(*rules)
        self.tape: list[ev.Event | None] = []  # None: a restart
        self.said: list[str] = []
        self.letters: list[Effect] = []

    def handle(self, event: ev.Event) -> list[Effect]:
        effects = super().handle(event)
        self.tape.append(event)
        self.said.append(repr(effects))
        self.letters += [effect for effect in effects if isinstance(effect, Send)]
        return effects

    def restart(self) -> None:
        super().restart()
        self.tape.append(None)
        self.said.append("restart")
        self.letters.clear()


class Steps(RuleBasedStateMachine):
    """Events in any order. The nodes answer when they like."""

    @initialize(actions=st.sampled_from(SEQUENCES), keep=st.booleans())
    def begin(self, actions: tuple[dict[str, Any], ...], keep: bool) -> None:
        more = {"when_unknown": {"policy": "keep"}} if keep else {}
        self.rule = made(*actions, **more)
        self.desk = Tape(self.rule)
        self.desk.ready()

    @rule(hot=st.booleans())
    def air(self, hot: bool) -> None:
        self.desk.read(AIR, 29.0 if hot else 20.0)

    @rule(wet=st.booleans())
    def soil(self, wet: bool) -> None:
        self.desk.read(SOIL, 1600 if wet else 2500, raw_mode=True)

    @rule()
    def nodes_answer(self) -> None:
        self.answer()

    def answer(self) -> None:
        while self.desk.letters:
            letters, self.desk.letters = self.desk.letters, []
            self.desk.obey(letters)

    @rule()
    def letters_are_lost(self) -> None:
        self.desk.letters.clear()

    @rule(seconds=st.sampled_from([1, 4, 11, 35]))
    def time(self, seconds: int) -> None:
        self.desk.wait(seconds)
        self.desk.beat(CLIMATE)
        self.desk.beat(WATER)

    @rule(minutes=st.sampled_from([5, 70]), warm=st.booleans())
    def long_time(self, minutes: int, warm: bool) -> None:
        for _ in range(minutes):
            self.desk.live(60)
            if warm:
                self.desk.read(AIR, 29.0)

    @rule(node=st.sampled_from([CLIMATE, WATER]))
    def offline(self, node: Any) -> None:
        self.desk.handle(ev.Will(self.desk.now, GOD, node, False))

    @rule()
    def person(self) -> None:
        self.desk.ask(FAN, 1.0, hold=60 * SECOND)

    @rule()
    def stop_and_clear(self) -> None:
        self.desk.stop()
        self.answer()
        self.desk.clear(force=True)

    @rule()
    def restart(self) -> None:
        self.desk.restart()
        self.desk.link()
        self.desk.beat(CLIMATE)
        self.desk.beat(WATER)
        self.desk.wait(3)

    @invariant()
    def one_command_at_a_time(self) -> None:
        open_ones = [p for p in self.desk.state.pending.values() if p.intent.who == WHO and not p.acked]
        assert len(open_ones) <= 1

    @invariant()
    def what_has_ended_wants_nothing(self) -> None:
        state = self.desk.state
        one = state.rules[ID]
        assert one.active is (one.course is not None)
        assert (("course", ID) in self.desk.journal) is (
            one.course is not None and one.course.phase != "done"
        )
        if not one.active:
            assert all(ID not in wishes for wishes in state.wishes.values())
            left = [a for a in state.actuators.values() if a.lease is not None and a.lease.who == WHO]
            assert all(actuator.owed for actuator in left)

    def teardown(self) -> None:
        """No longer true, and the nodes answer: everything is off. Then all of it once more."""
        if not hasattr(self, "desk"):
            return
        self.desk.beat(CLIMATE)
        self.desk.beat(WATER)
        self.desk.wait(3)
        for _ in range(4):
            self.desk.read(AIR, 20.0)
            self.answer()
            self.desk.live(30)
            self.answer()
        person = self.desk.state.wishes.get(FAN, {}).get(PERSONS)
        for actuator in (FAN, HEATER, PUMP):
            known = self.desk.state.actuators[actuator]
            assert known.safe is not False or (actuator == FAN and person is not None)
            assert known.lease is None or known.lease.who != WHO
        again = Tape(self.rule)
        for event in self.desk.tape:
            if event is None:
                again.restart()
            else:
                again.now = event.at
                again.handle(event)
        assert again.said == self.desk.said


TestSteps = Steps.TestCase
TestSteps.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_an_hour_of_delay_blocks_nothing_and_comes_to_its_end() -> None:
    begin = [turn(PUMP, duration=5), {"type": "delay", "seconds": 3600}, turn(HEATER)]
    desk = Tape(made(*begin))
    desk.ready()
    desk.read(AIR, 29.0)
    for _ in range(119):
        desk.obey(desk.live(30))
        desk.obey(desk.read(AIR, 29.0))
    assert not _heats(desk)
    desk.obey(desk.live(35))
    assert _heats(desk)


def _heats(desk: Tape) -> bool:
    return (HEATER, 1.0) in [(move.actuator, move.value) for move in moves(desk.log)]
