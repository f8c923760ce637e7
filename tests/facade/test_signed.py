"""A person's token goes with every method that decides on it, and with no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from godkaiser import handles
from godkaiser.handles.line import SIGNED
from tests.kaiser.house import file, house

LOOKED_AT_BY_ANYBODY = {"cycles", "cycles.history"}


def asked_by_handles() -> set[str]:
    (folder,) = handles.__path__
    code = "".join(path.read_text() for path in Path(folder).glob("*.py") if path.name != "line.py")
    return set(re.findall(r'\.ask\(\s*"([a-z.]+)"', code))


async def test_every_method_that_asks_who_it_is_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        methods = made.controller.clerk.methods
    wanting = {name for name, one in methods.items() if "token" in inspect.signature(one).parameters}
    assert wanting >= SIGNED, "what wants no token would refuse it"
    asked = asked_by_handles()
    assert asked
    assert asked & wanting - LOOKED_AT_BY_ANYBODY <= SIGNED
    assert {name for name in wanting if name.startswith(("actuators.", "sensors."))} <= SIGNED
