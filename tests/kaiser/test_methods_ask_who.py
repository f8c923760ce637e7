"""Every method that takes a token looks at it first."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any, Final

import pytest

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import AuthenticationFailedError, ForbiddenError, GodkaiserError, InvalidValueError
from tests.kaiser.house import NODE, SOIL, TEXT, file, house

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
        # Nothing was done; that somebody tried is there.
        assert {row[:2] for row in (await home.audit())[len(before) :]} == {("nobody", "denied")}


@pytest.mark.parametrize("wrong", [5, ["x"], {"x": 1}, True])
async def test_what_is_no_text_has_a_typed_answer_that_does_not_repeat_it(wrong: Any, tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.accounts.table.add("root", Role.ADMIN, QUICK)
        await home.controller.accounts.load()
        told = await home.call("login", name="root", password="Pump-2026-house", address="x")
        mine = {"name": "root", "token": told["token"]}
        secret = {"current": wrong}
        for method, params, field in (
            ("stop", {"token": wrong}, "token"),
            ("verify", {"token": wrong}, "token"),
            ("users.list", {"token": wrong}, "token"),
            ("users.password", mine | secret, "current"),
            ("users.password", mine | {"current": "x", "address": wrong}, "address"),
            ("users.totp.begin", mine | secret, "current"),
            ("users.password", {"name": "root", "password": wrong}, "password"),
            ("tokens.add", {"label": "x", "permissions": wrong, "owner": "root"}, "permissions"),
        ):
            if field == "permissions" and isinstance(wrong, list):
                continue  # a list is right there
            with pytest.raises(InvalidValueError, match=field) as caught:
                await home.call(method, **params)
            assert field == "permissions" or "***" in str(caught.value)


CHANGES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("rules.import", {"documents": []}),
    ("rules.disable", {"rule": "Cool"}),
    ("site.apply", {"text": TEXT.replace("name: Cool", "name: Heat")}),
]


@pytest.mark.parametrize(("method", "params"), CHANGES)
@pytest.mark.parametrize("taken", [("users.role", {"role": "viewer"}), ("users.zones", {"zones": ["bench"]})])
async def test_who_lost_the_right_while_waiting_changes_nothing(
    method: str, params: dict[str, Any], taken: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    async with house(tmp_path, file()) as home:
        clerk = home.controller.clerk
        await home.controller.accounts.table.add("olaf", Role.OPERATOR, QUICK)
        await home.controller.accounts.load()
        made = await home.call("tokens.add", owner="olaf", label="x", permissions=["edit_rules", "approve"])
        before = await home.call("site.export")
        async with clerk.changing:
            waiting = asyncio.create_task(home.call(method, **params, token=made["token"]))
            async with asyncio.timeout(60):
                while not clerk.changing._waiters:  # it has asked, and waits for its turn
                    await asyncio.sleep(0)
            await home.call(taken[0], name="olaf", **taken[1])
        if method == "rules.disable" and taken[0] == "users.zones":
            assert (await waiting)["enabled"] is False  # it is of that zone
            return
        with pytest.raises(ForbiddenError):
            await waiting
        assert await home.call("site.export") == before


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
