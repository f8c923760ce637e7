"""Every method that takes a token looks at it first."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any, Final

import pytest

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import (
    AuthenticationFailedError,
    ForbiddenError,
    GodkaiserError,
    InvalidValueError,
    ProtocolError,
)
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
        changing = home.controller.rulebook.changing
        await home.controller.accounts.table.add("olaf", Role.OPERATOR, QUICK)
        await home.controller.accounts.load()
        made = await home.call("tokens.add", owner="olaf", label="x", permissions=["edit_rules", "approve"])
        before = await home.call("site.export")
        async with changing:
            waiting = asyncio.create_task(home.call(method, **params, token=made["token"]))
            async with asyncio.timeout(60):
                while not changing._waiters:  # it has asked, and waits for its turn
                    await asyncio.sleep(0)
            await home.call(taken[0], name="olaf", **taken[1])
        if method == "rules.disable" and taken[0] == "users.zones":
            assert (await waiting)["enabled"] is False  # it is of that zone
            return
        with pytest.raises(ForbiddenError):
            await waiting
        assert await home.call("site.export") == before


async def test_an_argument_that_is_none_is_told_without_words_of_the_program(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        for name, method in home.controller.clerk.methods.items():
            with pytest.raises(ProtocolError) as caught:
                await home.call(name, nonsense=1, **needed(method))
            told, (owner, function) = str(caught.value), method.__qualname__.split("._")
            assert f"{name}: {function}() got an unexpected keyword argument 'nonsense'" in told
            assert owner not in told


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("set", {}, "set() missing 2 required positional arguments: 'actuator' and 'value'"),
        ("history", {}, "history() missing 1 required positional argument: 'series'"),
        ("nodes.approve", {}, "approve() missing 1 required positional argument: 'node'"),
        ("measure", {}, "measure() missing 1 required positional argument: 'sensor'"),
        ("rules.import", {}, "rules_import() missing 1 required positional argument: 'documents'"),
        ("site.apply", {}, "apply() missing 1 required positional argument: 'text'"),
        ("users.role", {}, "role() missing 2 required positional arguments: 'name' and 'role'"),
        ("users.role", {"self": 1}, "role() got multiple values for argument 'self'"),
        ("history.page", {"series": SOIL, "most": 1, "span": {"x": 1}}, "span() got an unexpected keyword"),
        ("history.page", {"series": SOIL, "most": 1, "span": [1]}, "span() argument after ** must be a map"),
        ("history.buckets", {"series": SOIL, "every": "1h", "span": {}}, "span() missing 1 required"),
    ],
)
async def test_a_wrong_call_is_told_by_the_names_of_its_arguments(
    method: str, params: dict[str, Any], told: str, tmp_path: Path
) -> None:
    async with house(tmp_path, file()) as home:
        await home.beat()
        await home.soil(2000)
        with pytest.raises(ProtocolError, match=re.escape(f"{method}: {told}")):
            await home.controller.clerk.call(method, params)


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
