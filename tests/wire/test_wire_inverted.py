"""A relay that is on when its pin is low: the firmware says "off" at its start while the output is on, until told."""

from dataclasses import replace
from typing import Any

import pytest

from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.model.site import Site
from tests.sim.rig import NODE, SPEC, Rig
from tests.wire.pair import Pair

SITE = Site.model_validate(
    {
        "nodes": [{"id": NODE, "approved": True}],
        "actuators": [{"node": NODE, "gpio": 26, "type": "relay", "kind": "heater", "inverted": True}],
    }
)
HEATER = replace(
    SPEC,
    sensors=(),
    actuators=(replace(SPEC.actuators[2], inverted=True, default_state=False, max_runtime=4_000_000),),
)


@pytest.mark.parametrize("generation", ["seed", "2026"])
def test_it_is_switched_off_as_soon_as_it_is_heard(generation: Any) -> None:
    pair = Pair(Rig(replace(HEATER, generation=generation)), Engine(from_site(SITE)))
    assert pair.rig.world.driven["heater"] == 1.0, "the quirk"
    pair.start().live(70)
    assert pair.rig.node.level(26) == 0.0
    assert pair.rig.world.driven["heater"] == 0.0


def test_also_after_every_reboot() -> None:
    pair = Pair(Rig(HEATER), Engine(from_site(SITE))).start().live(70)
    assert pair.rig.world.driven["heater"] == 0.0
    pair.rig.node.disconnected(pair.rig.now)
    pair.rig.node.reboot(pair.rig.now, "BROWNOUT")
    assert pair.rig.world.driven["heater"] == 1.0
    pair.live(4)
    pair.hear(pair.rig.node.connected(pair.rig.now))
    pair.live(70)
    assert pair.rig.world.driven["heater"] == 0.0
