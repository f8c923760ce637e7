"""`godkaiser users …` and `godkaiser tokens …`, each command over the local socket of a controller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.errors import GodkaiserError
from godkaiser.io.desk import DeskServer
from tests.kaiser.house import TEXT, file
from tests.kaiser.house import house as controller

UNFIT = 2
MISSING, CONFLICT = 5, 6


@dataclass
class Shell:
    """Commands on a data folder."""

    data: Path

    async def _typed(self, *arguments: str, typed: str = "") -> tuple[str, GodkaiserError | None]:
        async with asyncio.timeout(60):
            line = [*arguments, "--data", str(self.data)]
            done = await asyncio.to_thread(CliRunner().invoke, app, line, typed)
        assert done.exception is None or isinstance(done.exception, GodkaiserError), done.exception
        return done.stdout, done.exception

    async def said(self, *arguments: str, typed: str = "") -> str:
        text, error = await self._typed(*arguments, typed=typed)
        assert error is None
        return text

    async def ask(self, *arguments: str) -> Any:
        return json.loads(await self.said(*arguments, "--json"))

    async def refused(self, *arguments: str) -> tuple[int, str]:
        text, error = await self._typed(*arguments)
        assert error is not None
        assert text == ""
        return error.kind.exit_code, f"{error} {error.remedy}"


@asynccontextmanager
async def desk(data: Path, text: str = TEXT) -> AsyncIterator[Shell]:
    async with controller(data, file(text)) as home:
        server = DeskServer(data, home.controller.clerk)
        await server.start()
        try:
            yield Shell(data)
        finally:
            await server.stop()


async def test_accounts_from_the_first_to_the_last(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        admins = [one["name"] for one in await house.ask("users", "list") if one["role"] == "admin"]
        if not admins:
            admins = [(await house.ask("users", "add", "root", "--role", "admin"))["name"]]
        text = await house.said("users", "add", "olaf", "--role", "operator", "--zone", "North bench")
        assert "olaf may come in: operator, zones bench." in text
        password = text.split("Password ")[1].split()[0]
        assert len(password) >= 16
        assert "shown this once" in text
        code, problem = await house.refused("users", "add", "Olaf")
        assert (code, "There is an account 'Olaf' already." in problem) == (CONFLICT, True)
        assert (await house.refused("users", "role", "olaf", "king"))[0] == UNFIT
        assert (await house.refused("users", "zones", "nobody"))[0] == MISSING
        code, problem = await house.refused("users", "role", admins[0], "viewer")
        assert (code, f"{admins[0]} is the last active admin. Make somebody else" in problem) == (
            CONFLICT,
            True,
        )

        assert "olaf: operator, zones all. 0 tokens ended." in await house.said("users", "zones", "olaf")
        assert "olaf: viewer, zones all." in await house.said("users", "role", "olaf", "viewer")
        assert "olaf has a new password. 0 tokens ended." in await house.said("users", "password", "olaf")
        assert "zones all, not active." in await house.said("users", "deactivate", "olaf")
        assert "olaf: viewer, zones all. 0" in await house.said("users", "activate", "olaf")
        assert "0 tokens ended." in await house.said("users", "logout", "olaf")

        chosen = "Basil-2026-house"
        text = await house.said("users", "password", "olaf", "--ask", typed=f"{chosen}\n{chosen}\n")
        assert ("olaf has a new password." in text, chosen in text, "shown this once" in text) == (
            True, False, False,
        )  # fmt: skip
        begun = await house.said("users", "totp", "begin", "olaf")
        phone = pyotp.parse_uri(begun.split("app: ")[1].split("\n")[0])
        assert isinstance(phone, pyotp.TOTP)
        assert "godkaiser users totp confirm olaf CODE" in begun
        code, problem = await house.refused("users", "totp", "confirm", "olaf", "12")
        assert (code, "is not right" in problem, phone.secret in problem) == (UNFIT, True, False)
        assert "signs in with a code from now on" in await house.said(
            "users", "totp", "confirm", "olaf", phone.now()
        )
        listed = await house.said("users", "list")
        assert [word for line in listed.splitlines() if "olaf" in line for word in line.split()] == [
            "olaf", "viewer", "all", "yes", "yes",
        ]  # fmt: skip
        assert "the password alone" in await house.said("users", "totp", "remove", "olaf")
        assert "olaf was removed." in await house.said("users", "remove", "olaf")
        assert "olaf" not in [one["name"] for one in await house.ask("users", "list")]
        rows = await house.ask("audit", "list")
        assert {row["action"] for row in rows} >= {"user.added", "user.changed", "user.removed"}
        assert not [word for word in (password, phone.secret) if word in str(rows)]


ADDS = ("tokens", "add", "x", "--owner", "olaf")


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ((*ADDS, "--right", "fly"), "--right = fly: is none"),
        ((*ADDS, "--right", "manage_users"), "--right = manage_users: olaf (operator) may not manage_users"),
        ((*ADDS, "--right", "look", "--lasting", "long"), "--lasting = 'long': not a duration"),
        ((*ADDS, "--right", "look", "--lasting", "400d"), "--lasting = 400 d: is no such time"),
        ((*ADDS, "--right", "look", "--zone", "hall"), "--zone = hall: olaf may not act in hall"),
        (("tokens", "add", "x", "--owner", "gone", "--right", "look"), "--owner = gone: gone is not active"),
        (("tokens", "rotate", "PREFIX", "--overlap", "long"), "--overlap = 'long': not a duration"),
        (("users", "add", "eve", "--role", "king"), "--role = king: is none"),
        (
            ("users", "add", "eve", "--role", "admin", "--zone", "bench"),
            "--zone = bench: cannot bind an admin",
        ),
        (("users", "role", "olaf", "king"), "role = king: is none"),
        (("audit", "list", "--since", "long ago"), "--since = 'long ago': not a time"),
        (("audit", "list", "--since", "2026-05-01"), "--since = 2026-05-01 00:00:00: has no time zone"),
        (("audit", "list", "--until", "soon"), "--until = 'soon': not a time"),
        (("audit", "list", "--limit", "0"), "--limit = 0: no count"),
        (("audit", "list", "--severity", "loud"), "--severity = 'loud': is none"),
        (("audit", "list", "--who", ""), "--who = '': no text"),
        (("audit", "stats", "--since", "long ago"), "--since = 'long ago': not a time"),
        (("audit", "stats", "--tz", "Moon/Base"), "--tz = "),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
async def test_an_objection_names_what_was_typed(line: tuple[str, ...], typed: str, shop: Shell) -> None:
    prefix = next(one["prefix"] for one in await shop.ask("tokens", "list"))
    code, problem = await shop.refused(*(prefix if word == "PREFIX" else word for word in line))
    assert (code, problem[: len(typed)]) == (UNFIT, typed)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shell]:
    """With olaf of one zone, and gone, who is not let in any more."""
    async with desk(
        tmp_path, TEXT.replace("North bench}]", "North bench}, {id: hall, name: Hall}]")
    ) as house:
        await house.ask("users", "add", "olaf", "--role", "operator", "--zone", "bench")
        await house.ask("users", "add", "gone")
        await house.ask("users", "deactivate", "gone")
        await house.ask("tokens", "add", "logger", "--owner", "olaf", "--right", "look")
        yield house


async def test_what_is_so_already_and_what_has_no_effect_is_said(shop: Shell) -> None:
    said = await shop.said("users", "role", "olaf", "operator")
    assert "olaf: operator, zones bench. It was so already; nothing was changed." in said
    assert "It was so already" in await shop.said("users", "deactivate", "gone")
    assert "password alone already" in await shop.said("users", "totp", "remove", "olaf")
    assert "Zones bind operators only" in await shop.said("users", "zones", "gone", "hall")
    assert "Zones bind" not in await shop.said("users", "zones", "olaf", "hall")


async def test_api_tokens_from_the_first_to_the_last(tmp_path: Path) -> None:
    async with desk(tmp_path) as house:
        await house.ask("users", "add", "olaf", "--role", "operator")
        assert "There are none." in await house.said("tokens", "list")
        made = await house.said(
            "tokens", "add", "logger", "--owner", "olaf", "--right", "look", "--zone", "bench"
        )
        token = made.split()[0]
        prefix = token.rpartition("_")[0]
        assert "shown this once. It ends at" in made
        code, problem = await house.refused(
            "tokens", "add", "x", "--owner", "olaf", "--right", "manage_users"
        )
        assert (code, "olaf (operator) may not manage_users" in problem) == (UNFIT, True)
        rotated = await house.said("tokens", "rotate", prefix, "--overlap", "1h")
        assert f"{prefix} is good until" in rotated
        newer = rotated.split()[0].rpartition("_")[0]
        [old] = [one for one in (await house.said("tokens", "list")).splitlines() if one.startswith(prefix)]
        assert f"replaced by {newer}" in old
        assert f"{prefix} (logger) opens nothing any more." in await house.said("tokens", "revoke", prefix)
        listed = await house.said("tokens", "list")
        [old] = [line for line in listed.splitlines() if prefix in line]
        assert ("revoked" in old, "bench" in old, "never" in old) == (True, True, True)
        assert token not in listed
        assert sorted(one["state"] for one in await house.ask("tokens", "list")) == ["good", "revoked"]
        assert (await house.refused("tokens", "revoke", "gk_nothing"))[0] == MISSING
