"""P6: limits hold for every writer. Random wishes, nodes, restarts and clocks against a plant that is watched apart.

The plant is what really happens: it moves when a command arrives, or by itself, and every run is written down in a
time that only goes forward. Nothing of the engine is asked when its commands are judged, but what it granted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from godkaiser.engine import picture
from godkaiser.engine.effect import Effect
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import HOUR, SECOND
from godkaiser.model.site import Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    HEATER,
    IRRIGATE,
    PUMP,
    SITE,
    SOIL,
    STRANGER,
    WATER,
    Desk,
    Send,
    only,
)

LIMITS: dict[ActuatorId, dict[str, Any]] = {
    FAN: {
        "min_on_s": 60, "cooldown_s": 30, "starts_per_hour": 4, "interlocks": ["air"], "changeover_s": 15,
    },
    HEATER: {
        "min_off_s": 45, "on_budget_s": 400, "on_window_s": 1800, "interlocks": ["air"], "changeover_s": 5,
    },
    PUMP: {"on_budget_s": 150, "on_window_s": 900, "permissives": [{"series": AIR, "op": "<", "value": 40}]},
}  # fmt: skip
HEAT: dict[str, Any] = {
    **COOL,
    "name": "Heat",
    "conditions": [
        {**COOL["conditions"][0], "activate_above": None, "deactivate_below": None}
        | {"activate_below": 15, "deactivate_above": 18}
    ],
    "actions": [{"type": "actuator", "esp_id": CLIMATE, "gpio": 26, "command": "ON"}],
}
HEAT["conditions"] = [{k: v for k, v in HEAT["conditions"][0].items() if v is not None}]
RESTLESS = {"cooldown_seconds": 0}
ANSWERS_WITHIN = 10 * SECOND
WATCHED = (FAN, HEATER, PUMP)
UNKNOWN_RUN = (
    61 * SECOND
)  # of a run, when the clock is set back: the journal knows the time of the last minute


def limited() -> Site:
    actuators = [spec.model_dump() | LIMITS.get(spec.id, {}) for spec in SITE.actuators]
    actuators.append(
        {"node": STRANGER, "gpio": 14, "type": "relay", "max_on_s": 10}
    )  # of which nobody has heard
    return Site.model_validate(SITE.model_dump() | {"actuators": actuators})


@dataclass
class Thing:
    """One actuator of the plant, in real time: its runs, the present one, and whose starts they were."""

    runs: list[tuple[int, int]] = field(default_factory=list)
    since: int | None = None
    starts: list[int] = field(default_factory=list)
    told: list[tuple[int, Send]] = field(default_factory=list)  # on its way to the node
    doubt: int = 0

    def on(self, now: int, *, own: bool = False) -> None:
        if self.since is None:
            self.since = now
            self.starts += [] if own else [now]

    def off(self, now: int) -> None:
        if self.since is not None:
            self.runs.append((self.since, now))
            self.since = None

    def seconds(self, now: int, window: int) -> int:
        whole = [*self.runs, *([(self.since, now)] if self.since is not None else [])]
        return sum(max(0, min(until, now) - max(since, now - window)) for since, until in whole)


class Plant(Desk):
    """A desk whose nodes are real enough."""

    def __init__(self) -> None:
        rules = ({**COOL, **RESTLESS}, {**IRRIGATE, **RESTLESS}, {**HEAT, **RESTLESS})
        super().__init__(*rules, site=limited())
        self.things = {actuator: Thing() for actuator in self.state.actuators}
        self.slow = 0  # by how much our clock is behind real time
        self.air: tuple[int, float] | None = None
        self.serviced: dict[ActuatorId, int] = {}

    @property
    def real(self) -> int:
        return self.now + self.slow

    def handle(self, event: ev.Event) -> list[Effect]:
        granted = dict(self.journal)
        effects = super().handle(event)
        for send in only(Send, effects):
            if isinstance(send.command.order, Move):
                if send.energising:
                    self._judge(send, send.command.order, event, restarted=granted)
                self.things[send.command.order.actuator].told.append((self.real, send))
        return effects

    # ── the promise ────────────────────────────────────────────────────────────────────────────────────
    def _judge(self, send: Send, move: Move, event: ev.Event, restarted: dict[Any, Any]) -> None:
        actuator, thing = move.actuator, self.things[move.actuator]
        limits, now = LIMITS.get(actuator, {}), self.real
        starting = thing.since is None
        if starting and thing.runs:
            rest = now - thing.runs[-1][1]
            least = max(limits.get("min_off_s", 0), limits.get("cooldown_s", 0))
            assert rest >= least * SECOND, f"{actuator} rested {rest / SECOND} s"
        if starting and "starts_per_hour" in limits:
            recent = [start for start in thing.starts if now - start < HOUR]
            assert len(recent) < limits["starts_per_hour"], f"{actuator}: {len(recent)} starts"
        if "on_budget_s" in limits:
            lease = self.journal["lease", actuator]["until"] - self.now
            used = thing.seconds(now, limits["on_window_s"] * SECOND)
            most = limits["on_budget_s"] * SECOND + thing.doubt
            assert used + lease <= most, f"{actuator}: {used / SECOND} and {lease / SECOND} s"
        self._judge_others(actuator, limits, starting)
        if "permissives" in limits:
            assert self.air is not None, "a permissive nobody knows"
            assert now - self.air[0] < 180 * SECOND, "a permissive that is stale"
            assert self.air[1] < 40, "a permissive that does not hold"
        if actuator in self.serviced:
            assert send.command.origin == "person", "in service"

    def _judge_others(self, actuator: ActuatorId, limits: dict[str, Any], starting: bool) -> None:
        for other, rival in self.things.items():
            if other == actuator or not set(limits.get("interlocks", ())) & set(
                LIMITS.get(other, {}).get("interlocks", ())
            ):
                continue
            assert rival.since is None, f"{actuator} while {other} is on"
            assert not [send for _, send in rival.told if send.energising], f"{other} is being switched on"
            if starting and rival.runs:
                assert self.real - rival.runs[-1][1] >= limits["changeover_s"] * SECOND, "change-over"

    # ── what nodes do ──────────────────────────────────────────────────────────────────────────────────
    def forget_late(self) -> None:
        for thing in self.things.values():
            thing.told = [(at, send) for at, send in thing.told if self.real - at < ANSWERS_WITHIN]

    def deliver(self, actuator: ActuatorId, *, heard: bool) -> None:
        """Everything on its way arrives, in order; the node's word may be lost."""
        thing = self.things[actuator]
        told, thing.told = thing.told, []
        for _, send in told:
            (thing.on if send.energising else thing.off)(self.real)
        if told and heard:
            self.ack(actuator, told[-1][1].command.id)
            self.tell(actuator)

    def tell(self, actuator: ActuatorId) -> None:
        """The node reports how it is."""
        on = self.things[actuator].since is not None
        safe = self.state.actuators[actuator].spec.safe_value
        self.report(actuator, (0.8 if actuator.gpio in (25, 27) else 1.0) if on else safe)

    def refuse(self, actuator: ActuatorId) -> None:
        told, self.things[actuator].told = self.things[actuator].told, []
        if told:
            self.ack(actuator, told[-1][1].command.id, success=False, message="no")

    def wait(self, seconds: float) -> list[Effect]:
        said: list[Effect] = []
        while seconds > 0:
            self.forget_late()
            step = min(seconds, 5.0)
            seconds -= step
            said += super().wait(step)
        self.forget_late()
        return said

    def crash(self, jump: int) -> None:
        """What was on its way arrived or not; the clock may be another one."""
        for actuator, thing in self.things.items():
            if thing.told and len(self.log) % 2:
                self.deliver(actuator, heard=False)
            thing.told = []
            if jump < 0:
                thing.doubt += UNKNOWN_RUN if thing.since is not None else 0
        self.now += jump * SECOND
        self.slow -= min(0, jump) * SECOND  # forward counts as time that has passed, for everybody
        self.restart()


ACTUATORS = st.sampled_from(WATCHED)


class Limits(RuleBasedStateMachine):
    """Everybody who may switch, and everything that may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.plant = Plant()

    @initialize()
    def begin(self) -> None:
        self.plant.ready()

    @rule(value=st.sampled_from([10.0, 16.0, 20.0, 30.0, 45.0]))
    def read_air(self, value: float) -> None:
        self.plant.air = (self.plant.real, value)
        self.plant.read(AIR, value)

    @rule(value=st.sampled_from([20.0, 60.0]))
    def read_soil(self, value: float) -> None:
        self.plant.read(SOIL, value)

    @rule(
        actuator=ACTUATORS,
        on=st.booleans(),
        seconds=st.sampled_from([None, 20, 90, 600]),
        who=st.sampled_from(["ann", "notebook", "api"]),
    )
    def ask(self, actuator: ActuatorId, on: bool, seconds: int | None, who: str) -> None:
        value = (0.8 if actuator == FAN else 1.0) if on else 0.0
        self.plant.ask(actuator, value, who=who, duration=None if seconds is None else seconds * SECOND)

    @rule(actuator=ACTUATORS, heard=st.booleans())
    def deliver(self, actuator: ActuatorId, heard: bool) -> None:
        self.plant.deliver(actuator, heard=heard)

    @rule()
    def all_is_well(self) -> None:
        for actuator in WATCHED:
            self.plant.deliver(actuator, heard=True)
            self.plant.tell(actuator)
        for node in (CLIMATE, WATER):
            self.plant.beat(node)

    @rule(actuator=ACTUATORS)
    def refuse(self, actuator: ActuatorId) -> None:
        self.plant.refuse(actuator)

    @rule(actuator=ACTUATORS)
    def tell(self, actuator: ActuatorId) -> None:
        self.plant.tell(actuator)

    @rule()
    def the_node_switches_the_pump_by_itself(self) -> None:
        self.plant.things[PUMP].on(self.plant.real, own=True)
        self.plant.tell(PUMP)

    @rule(on=st.booleans(), seconds=st.sampled_from([30, 400]))
    def service(self, on: bool, seconds: int) -> None:
        plant = self.plant
        plant.serviced.pop(PUMP, None)
        plant.handle(ev.ServiceAsked(plant.now, PUMP, plant.now + seconds * SECOND if on else None, "ann"))
        if on:
            plant.serviced[PUMP] = plant.now + seconds * SECOND

    @rule(seconds=st.sampled_from([1, 6, 16, 31, 46, 70, 200]), well=st.booleans())
    def wait(self, seconds: int, well: bool) -> None:
        plant = self.plant
        plant.serviced = {
            a: until for a, until in plant.serviced.items() if until > plant.now + seconds * SECOND
        }
        if well:
            self.all_is_well()
        plant.wait(seconds)
        if well:
            self.all_is_well()

    @rule(
        actuator=ACTUATORS,
        seconds=st.sampled_from([65, 110]),
        jump=st.sampled_from([0, -3600, 3600]),
        ended=st.booleans(),
    )
    def a_run_and_a_crash(self, actuator: ActuatorId, seconds: int, jump: int, ended: bool) -> None:
        """Everything that counts is counted on the other side, too."""
        self.plant.link(True)
        self.read_air(20.0)
        self.ask(actuator, True, None, "ann")
        self.wait(seconds, well=True)
        if ended:
            self.ask(actuator, False, None, "ann")
            self.all_is_well()
        self.crash(jump, back=True)
        self.read_air(20.0)
        self.plant.tell(actuator)
        self.ask(actuator, True, None, "notebook")

    @rule(actuator=ACTUATORS)
    def off_and_on_again_in_one_breath(self, actuator: ActuatorId) -> None:
        self.ask(actuator, False, None, "ann")
        self.ask(actuator, True, None, "ann")
        self.plant.deliver(actuator, heard=True)

    @rule()
    def the_pump_after_a_silence(self) -> None:
        self.wait(200, well=True)
        self.ask(PUMP, True, None, "api")

    @rule(up=st.booleans())
    def link(self, up: bool) -> None:
        self.plant.link(up)

    @rule(jump=st.sampled_from([0, 0, -3600, 3600, -20]), back=st.booleans())
    def crash(self, jump: int, back: bool) -> None:
        plant = self.plant
        plant.crash(jump)
        plant.serviced.clear()
        if back:
            plant.ready()

    @invariant()
    def people_see_all_of_it(self) -> None:
        shown = picture.snapshot(self.plant.state, self.plant.now, 1)
        assert len(json.loads(json.dumps(shown, allow_nan=False))["actuators"]) == len(SITE.actuators) + 1


QUICK = settings(max_examples=50, stateful_step_count=50, deadline=None, derandomize=True, database=None)
TestLimits = Limits.TestCase
TestLimits.settings = QUICK


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_limits_at_length() -> None:
    run_state_machine_as_test(
        Limits, settings=settings(max_examples=1500, stateful_step_count=80, deadline=None)
    )


def test_the_plant_sees_what_is_done_wrong() -> None:
    """The machine would be of no use if its judge let everything pass."""
    plant = Plant()
    plant.ready()
    plant.report(HEATER, 0.0)
    plant.ask(FAN, 0.8)
    plant.deliver(FAN, heard=True)
    (on,) = [send for send in only(Send, plant.log) if send.energising]
    plant.ask(FAN, 0.0)
    plant.deliver(FAN, heard=True)
    order = on.command.order
    assert isinstance(order, Move)
    with pytest.raises(AssertionError, match="rested"):
        plant._judge(on, order, ev.Timer(plant.now), {})
    plant.now += 60 * SECOND
    plant.things[HEATER].on(plant.real)
    with pytest.raises(AssertionError, match="while"):
        plant._judge(on, order, ev.Timer(plant.now), {})
    plant.things[FAN].starts = [plant.real] * 4
    with pytest.raises(AssertionError, match="4 starts"):
        plant._judge(on, order, ev.Timer(plant.now), {})
