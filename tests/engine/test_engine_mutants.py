"""Known defects of comparable systems, planted one by one: each is caught, and nothing is without them."""

from __future__ import annotations

import inspect
import math
import textwrap
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from blockbuster import BlockBuster, BlockingError

from godkaiser.engine import actuation, clear, engine, halt, wish
from godkaiser.engine.effect import Send
from godkaiser.engine.state import Moment, State
from godkaiser.model import event as ev
from godkaiser.model.instant import SECOND
from godkaiser.model.quantity import Freshness
from godkaiser.model.scope import Scope
from godkaiser.model.site import Site
from godkaiser.rules import evaluate
from godkaiser.safety import budget, check, gate, permissive
from godkaiser.safety.finding import found
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
    VENT,
    WATER,
    Desk,
    Fate,
    fates,
    halts,
    moves,
    only,
    releases,
)


# ── planting ───────────────────────────────────────────────────────────────────────────────────────────
@contextmanager
def planted(where: Any, name: str, other: Any) -> Iterator[None]:
    """`other` instead of what is there, and back."""
    table = isinstance(where, MutableMapping)
    before = where[name] if table else vars(where)[name]
    put: Callable[[Any], None] = (lambda it: where.update({name: it})) if table else _setter(where, name)
    put(other)
    try:
        yield
    finally:
        put(before)


def _setter(where: Any, name: str) -> Callable[[Any], None]:
    return lambda it: setattr(where, name, it)


def edited(function: Any, was: str, now: str) -> Any:
    """The function with a mistake in its text."""
    text = textwrap.dedent(inspect.getsource(function))
    assert text.count(was) == 1
    names: dict[str, Any] = {}
    exec(text.replace(was, now), function.__globals__, names)  # noqa: S102  our own text, one word changed
    return names[function.__name__]


def without(*codes: str) -> tuple[Any, ...]:
    return tuple(one for one in check.CHECKS if one.__name__ not in codes)


def limited(number: int, **fields: Any) -> Site:
    things = list(SITE.model_dump()["actuators"])
    things[number] |= fields
    return Site.model_validate(SITE.model_dump() | {"actuators": things})


WET = IRRIGATE | {
    "conditions": [
        {
            "type": "sensor",
            "esp_id": WATER,
            "gpio": 34,
            "sensor_type": "moisture",
            "operator": "<",
            "value": 35,
        }
    ]
}


# ── stories ────────────────────────────────────────────────────────────────────────────────────────────
def the_others_go_on() -> None:
    """A stop of one node is a stop of that node."""
    desk = Desk().ready()
    said = desk.handle(ev.StopAsked(desk.now, "ann", "leak", Scope("node", CLIMATE)))
    assert halts(said) == [CLIMATE]
    assert fates(desk.ask(PUMP, 1.0)) == [Fate.SENT]


def a_stop_outlives_the_process() -> None:
    """P3."""
    desk = Desk().ready()
    desk.stop()
    desk.restart()
    desk.ready()
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]


def a_clear_waits_for_every_node() -> None:
    """P2."""
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    said = desk.clear() + desk.wait(1)
    assert sorted(releases(said)) == [CLIMATE, WATER]
    desk.wait(8)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED], "nobody has answered yet"


def a_clear_leaves_nothing_behind() -> None:
    """Afterwards everything may be switched on again, and no stop stands."""
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    desk.clear(force=True)
    desk.wait(15)
    for actuator in (FAN, HEATER, PUMP):
        assert fates(desk.ask(actuator, 1.0))[-1] is Fate.SENT
    assert desk.state.stops == {}


def off_is_never_refused() -> None:
    """P1: stopped, below its least value, disabled, offline."""
    desk = Desk(site=limited(0, min_value=0.2, enabled=False)).ready()
    desk.stop()
    desk.link(up=False)
    assert fates(desk.ask(FAN, 0.0))[-1] is Fate.QUEUED


def off_is_sent_although_it_is_off() -> None:
    """P1."""
    desk = Desk().ready()
    desk.report(FAN, 0.0)
    assert [move.verb for move in moves(desk.ask(FAN, 0.0))] == ["OFF"]


def nan_moves_nothing() -> None:
    desk = Desk().ready()
    assert fates(desk.ask(FAN, math.nan)) == [Fate.REFUSED]


def zero_is_a_limit() -> None:
    desk = Desk(site=limited(0, max_value=0.0)).ready()
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]


def zero_degrees_are_a_reading() -> None:
    needs = [{"series": AIR, "op": "<", "value": 40}]
    desk = Desk(site=limited(0, permissives=needs)).ready()
    desk.read(AIR, 0.0)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.SENT]


def it_rests_after_a_run() -> None:
    """P6."""
    desk = Desk(site=limited(2, cooldown_s=60)).ready()
    desk.obey(desk.ask(PUMP, 1.0))
    desk.obey(desk.ask(PUMP, 0.0))
    desk.wait(5)
    assert fates(desk.ask(PUMP, 1.0)) == [Fate.REFUSED]


def it_ends_without_its_node() -> None:
    """P5."""
    desk = Desk().ready()
    desk.obey(desk.ask(PUMP, 1.0))
    assert [move.value for move in moves(desk.live(125))][:1] == [0.0]


def nothing_waits_for_the_broker() -> None:
    """P8: what was wanted while it was away is not sent when it is back."""
    desk = Desk().ready()
    desk.link(up=False)
    said = [*desk.ask(FAN, 0.8), *desk.ask(PUMP, 1.0), *desk.ask(FAN, 0.5)]
    assert only(Send, said) == []
    assert [move for move in moves(desk.link() + desk.wait(5)) if move.value > 0] == []


def a_pump_stops_without_its_sensor() -> None:
    """P7."""
    endless = IRRIGATE | {"actions": [{**IRRIGATE["actions"][0], "duration_seconds": 0}]}
    desk = Desk(endless, site=limited(2, max_on_s=1000)).ready()
    dry = desk.read(SOIL, 20.0)
    assert [move.value for move in moves(dry)] == [1.0]
    desk.obey(dry)
    assert 0.0 in [move.value for move in moves(desk.live(300))]


def a_budget_rolls() -> None:
    """P6: what was used before the full hour counts after it."""
    desk = Desk(site=limited(2, max_on_s=1000, on_budget_s=600, on_window_s=3600)).ready()
    desk.live(3000)
    desk.obey(desk.ask(PUMP, 1.0, duration=550 * SECOND))
    desk.obey(desk.live(560))
    desk.obey(desk.live(120))
    desk.ask(PUMP, 1.0)
    lease = desk.journal["lease", PUMP]
    assert lease["until"] - lease["since"] <= 50 * SECOND


def unknown_switches_nothing_on() -> None:
    """P7: a sensor that is silent from the start."""
    desk = Desk(COOL, WET).ready()
    desk.live(400)
    desk.read(SOIL, 60.0)
    desk.live(400)
    assert [move for move in moves(desk.log) if move.value > 0 and move.actuator != VENT] == []


# ── the defects ────────────────────────────────────────────────────────────────────────────────────────
def _any_stop(state: State, actuator: Any) -> str | None:
    return next((standing.why for standing in state.stops.values()), None)


def _broadcast(node: Any, *more: Any) -> Any:
    return gate.halt(None, *more)


def _swallowed(moment: Moment, intent: Any) -> None:
    known = moment.state.actuators[intent.actuator]
    if known.reported != intent.value:
        wish_asked(moment, intent)


wish_asked = wish.on_asked


def _kept_and_sent(moment: Moment, intent: Any) -> Any:
    """A queue in front of the broker."""
    with planted(gate, "CHECKS", without("reachable")), planted(actuation, "_online", lambda *_, **__: True):
        return actuation.attempt(moment, intent)


def _not_outside(intent: Any, spec: Any, *_: Any) -> Any:
    outside = intent.value < spec.min_value or intent.value > spec.max_value
    return found("value_range", value=intent.value) if outside else None


def _zero_is_unset(intent: Any, spec: Any, *_: Any) -> Any:
    high = spec.max_value or 1.0
    return None if intent.value <= high else found("value_range", value=intent.value)


NOTHING: Callable[..., None] = lambda *_: None  # noqa: E731


@dataclass(frozen=True)
class Defect:
    """What is wrong, where it is planted, and the story that tells."""

    name: str
    where: Any
    attribute: str
    planted: Any
    story: Callable[[], None]


DEFECTS = [
    Defect("one stop blocks all", State, "stopped", _any_stop, the_others_go_on),
    Defect("a node's stop is broadcast", halt, "halt", _broadcast, the_others_go_on),
    Defect("a stop in memory only", halt, "journal", NOTHING, a_stop_outlives_the_process),
    Defect("a clear asks nobody", clear, "_to_release", lambda *_: [], a_clear_waits_for_every_node),
    Defect(
        "a clear leaves some stopped", clear, "_over",
        edited(clear._over, "del moment.state.stops[standing.scope]", "pass"), a_clear_leaves_nothing_behind,
    ),
    Defect("OFF is judged like ON", gate, "lenient", lambda finding: finding, off_is_never_refused),
    Defect("OFF is swallowed", wish, "on_asked", _swallowed, off_is_sent_although_it_is_off),
    Defect("NaN passes", gate, "CHECKS", (*without("in_range", "in_limits"), _not_outside), nan_moves_nothing),
    Defect("a limit of 0 is unset", gate, "CHECKS", (*without("in_limits"), _zero_is_unset), zero_is_a_limit),
    Defect(
        "a true 0 is nothing", permissive, "_test",
        edited(permissive._test, "reading.value is None", "not reading.value"), zero_degrees_are_a_reading,
    ),
    Defect("no rest", gate, "CHECKS", without("cooldown"), it_rests_after_a_run),
    Defect("the node ends it", engine._WHEN_DUE, "lease", NOTHING, it_ends_without_its_node),
    Defect("kept for the broker", wish, "attempt", _kept_and_sent, nothing_waits_for_the_broker),
    Defect("any reading counts", Freshness, "usable", property(lambda _: True), a_pump_stops_without_its_sensor),
    Defect(
        "hours of the clock", budget, "_within",
        edited(budget._within, "now - window", "now - now % window"), a_budget_rolls,
    ),
    Defect(
        "unknown is false, and negated", evaluate, "_of_series",
        edited(evaluate._of_series, "held = None\n    elif", "held = not False\n    elif"),
        unknown_switches_nothing_on,
    ),
]  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.name for defect in DEFECTS])
def test_it_is_caught(defect: Defect) -> None:
    defect.story()
    with planted(defect.where, defect.attribute, defect.planted), pytest.raises(AssertionError):
        defect.story()
    defect.story()


async def test_a_stop_that_waits_is_caught(no_blocking: BlockBuster) -> None:
    """Fifty times three seconds, that is, with a dead broker."""
    desk = Desk().ready()
    desk.link(up=False)
    desk.stop()
    told = halt.covered

    def slow(*given: Any) -> Any:
        time.sleep(0.001)
        return told(*given)

    with planted(halt, "covered", slow), pytest.raises(BlockingError):
        desk.stop()
