"""Every method that takes a token looks at it first."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Final

import pytest

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import AuthenticationFailedError, ForbiddenError, GodkaiserError
from tests.kaiser.house import NODE, SOIL, file, house

QUICK = hash_password("Pump-2026-house", bytes(16), cost=4)
WITHOUT: Final = {
    "snapshot": "the local user looks; pages ask who looks before they show it",
    "check": "the same: it sends nothing",
    "why": "the same",
    "login": "makes the token",
    "setup": "is there while nobody could have one",
    "setup.required": "is asked before anybody signs in",
}
DUMMIES: Final[dict[str, Any]] = {
    "documents": [{"name": "Nothing"}],
    "nodes": ["ESP_000000"],
    "permissions": ["nothing"],
    "zones": ["nowhere"],
    "actuators": ["nothing"],
    "points": [[1, 2]],
    "value": 0.5,
    "trial": 77,
}
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "history": {"series": SOIL},
    "cycles": {},
    "cycles.history": {"series": SOIL, "cycle": "x"},
    "rules.export": {},
    "rules.check": {"documents": []},
    "wire.problems": {},
}


def needed(method: Any) -> dict[str, Any]:
    """Something for every parameter that must be given; most of it is nothing there is."""
    found = inspect.signature(method).parameters.values()
    missing = [one.name for one in found if one.default is inspect.Parameter.empty and one.name != "token"]
    return {name: DUMMIES.get(name, "nothing") for name in missing}


async def test_a_token_that_is_none_is_refused_before_anything_else(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.beat()
        before = await home.audit()
        without = set()
        for name, method in home.controller.clerk.methods.items():
            if "token" not in inspect.signature(method).parameters:
                without.add(name)
                continue
            try:
                found: object = await home.call(name, token="garbage", **needed(method))
            except GodkaiserError as error:
                found = error
            assert isinstance(found, AuthenticationFailedError), (name, found)
        assert without == set(WITHOUT)
        assert await home.audit() == before


async def test_an_api_token_that_may_not_look_sees_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.beat()
        await home.soil(2000)
        await home.controller.accounts.table.add("vera", Role.VIEWER, QUICK)
        await home.controller.accounts.load()
        tokens = {}
        for right in ("stop", "look"):
            made = await home.call("tokens.add", label="x", owner="vera", permissions=[right])
            tokens[right] = made["token"]
        for method, params in LOOKS.items():
            with pytest.raises(ForbiddenError, match="may not look"):
                await home.call(method, **params, token=tokens["stop"])
        assert (await home.call("history", series=SOIL, token=tokens["look"]))["values"]
        shown = await home.call("stop", scope=f"node:{NODE}", token=tokens["stop"])
        assert shown["phase"] == "ACTIVE"
