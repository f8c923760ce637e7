"""The nodes' own latch: who is latched, and that nobody stays so after the end of a stop."""

from __future__ import annotations

from typing import Any

from godkaiser.engine import picture
from godkaiser.engine.effect import Effect
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import NodeId
from godkaiser.model.scope import Scope
from godkaiser.model.site import Site
from tests.engine.bench import (
    CLIMATE,
    FAN,
    GOD,
    SITE,
    STRANGER,
    VENT,
    WATER,
    Desk,
    halts,
    moves,
    only,
    releases,
)
from tests.engine.test_engine_alarm import steps
from tests.engine.test_engine_stop import ZERO_SITE


def changed(gpio: int, **fields: Any) -> Site:
    actuators = [a.model_dump() | (fields if a.gpio == gpio else {}) for a in SITE.actuators]
    return Site.model_validate(SITE.model_dump() | {"actuators": actuators})


def test_one_that_is_disabled_stays_at_its_safe_value_too() -> None:
    desk = Desk(site=changed(27, enabled=False)).ready()
    said = desk.stop()
    assert Move(VENT, "PWM", 0.3) in moves(said)
    assert halts(said) == [CLIMATE], "the nodes' own stop would drive it to 0"
