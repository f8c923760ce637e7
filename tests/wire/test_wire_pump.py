"""A pump with a limit, over bytes: off in time although its node keeps no times, and not on again too soon."""

from dataclasses import replace
from typing import Any

import pytest

from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate
from godkaiser.model.site import Site
from godkaiser.safety.gate import examine
from tests.sim.rig import NODE, OLD_SPEC, SPEC, Rig
from tests.wire.pair import Pair

PUMP = ActuatorId.of(NodeId.parse(NODE), 14)
SITE = Site.model_validate(
    {
        "nodes": [{"id": NODE, "approved": True}],
        "actuators": [{"node": NODE, "gpio": 14, "type": "pump", "max_on_s": 10, "cooldown_s": 60}],
    }
)


def timeless(topic: str, body: dict[str, Any]) -> dict[str, Any]:
    """The way to the node loses every duration."""
    return {key: value for key, value in body.items() if key not in ("duration", "duration_s")}


def ask(pair: Pair, value: float) -> None:
    pair.handle(ev.Asked(pair.rig.now, Intent("i1", PUMP, value, Origin.PERSON, "ann")))


@pytest.mark.parametrize("spec", [OLD_SPEC, SPEC], ids=["seed", "2026"])
def test_it_is_off_after_its_limit_while_the_node_ignores_durations(spec: Any) -> None:
    patient = replace(spec, actuators=tuple(replace(a, max_runtime=86_400_000) for a in spec.actuators))
    pair = Pair(Rig(patient), Engine(from_site(SITE)), mutate=timeless).start().live(70)
    began = pair.rig.now
    ask(pair, 1.0)
    assert pair.rig.node.level(14) == 1.0
    pair.live(9.9)
    assert pair.rig.node.level(14) == 1.0
    pair.live(0.2)
    assert pair.rig.node.level(14) == 0.0
    assert pair.rig.now - began == round(10.1 * SECOND)


def test_on_within_the_cooldown_is_refused_with_the_seconds_that_are_left() -> None:
    pair = Pair(Rig(OLD_SPEC), Engine(from_site(SITE))).start().live(70)
    ask(pair, 1.0)
    pair.live(10.5)
    assert pair.rig.node.level(14) == 0.0
    pair.live(15)
    ask(pair, 1.0)
    last = pair.engine.state.actuators[PUMP].last
    assert last is not None
    assert last.fate is Fate.REFUSED
    intent = Intent("i2", PUMP, 1.0, Origin.PERSON, "ann")
    (finding,) = examine(intent, pair.engine.state, pair.rig.now)
    assert finding.code == "cooldown"
    left = next(int(word) for word in finding.sentence.split() if word.isdecimal() and word != "60")
    assert 40 <= left <= 60, "counted from when the node said that it is off"
    pair.live(left - 1)
    ask(pair, 1.0)
    assert pair.rig.node.level(14) == 0.0
    pair.live(2)
    ask(pair, 1.0)
    assert pair.rig.node.level(14) == 1.0
