"""What safety hands out cannot be changed by whoever gets it."""

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from godkaiser.safety.finding import Row
from godkaiser.safety.gate import Denied, Passed, halt
from godkaiser.safety.stop import Stop
from godkaiser.safety.watch import Deadlines, Lease
from tests.safety.bench import FAN, NODE, NOW

HALT = halt(NODE, "smoke", "ann", NOW, "c1", 7)
VALUES = [
    Denied(()),
    Passed(HALT, None, ()),
    HALT,
    Row("a", "b"),
    Stop(),
    Lease(FAN, 1.0, NOW, NOW + 1, "c1", "ann"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_stays_as_it_is(value: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)
    assert not hasattr(value, "__dict__")


def test_deadlines_have_no_room_for_a_typing_mistake() -> None:
    assert not hasattr(Deadlines[str](), "__dict__")
