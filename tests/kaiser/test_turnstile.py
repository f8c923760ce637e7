"""Every request: so many a minute for each who was let in, never for a stop; what was denied is told, not flooded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.blocks import DENIALS
from godkaiser.auth.policy import Role
from godkaiser.auth.requests import PAGES_SHARE
from godkaiser.errors import (
    AddressBlockedError,
    AuthenticationFailedError,
    ForbiddenError,
    SettingsError,
    ThrottledError,
)
from godkaiser.io.clock import VirtualClock, WallClock
from godkaiser.model.instant import DAY, MINUTE, SECOND
from godkaiser.settings import load_settings
from tests.kaiser.house import NODE, House, file, house
from tests.kaiser.test_accounts_desk import PASSWORD, details, people, trouble

FAN, BAD = f"{NODE}/25", "198.51.100.7"


def still() -> VirtualClock:
    return VirtualClock(WallClock().now())


async def access(home: House, name: str) -> str:
    told = await home.call("login", name=name, password=PASSWORD, address="10.0.0.3", pair=True)
    return str(told["access_token"])


async def asked(
    home: House, token: str, most: int, method: str = "alarms.list", **params: Any
) -> ThrottledError:
    for _ in range(most):
        await home.call(method, token=token, **params)
    refused = await trouble(home, method, token=token, **params)
    assert isinstance(refused, ThrottledError)
    return refused


async def test_each_who_was_let_in_may_ask_so_often_and_may_always_stop(tmp_path: Path) -> None:
    wall = still()
    async with house(tmp_path, file(), wall=wall, requests_per_minute=5) as home:
        pages = await people(home, "olaf", "vera")
        olaf = await access(home, "olaf")
        key = (await home.call("tokens.add", owner="olaf", label="x", permissions=["look", "stop"]))["token"]
        refused = await asked(home, olaf, 5)
        assert (refused.kind.http_status, refused.retry_after) == (429, 60.0)
        assert isinstance(
            await trouble(home, "alarms.list", token=await access(home, "olaf")), ThrottledError
        )
        await asked(home, key, 5)
        await asked(home, await access(home, "vera"), 5)
        await asked(home, pages["vera"], 5 * PAGES_SHARE)
        for token in (olaf, key, pages["vera"]):
            for _ in range(20):
                shown = await home.call("stop", scope="all", reason="fire", token=token)
                assert shown["phase"] == "ACTIVE"
                assert (await home.call("verify", token=token))["user"] in ("olaf", "vera")
        for _ in range(50):
            await home.call("alarms.list")  # whose machine it is
        wall.advance(wall.now() + 60 * SECOND)
        await home.call("alarms.list", token=olaf)
        await home.call("logout", token=olaf)


async def test_who_asked_too_often_may_still_sign_out(tmp_path: Path) -> None:
    async with house(tmp_path, file(), wall=still(), requests_per_minute=1) as home:
        await people(home, "vera")
        token = await access(home, "vera")
        await asked(home, token, 1)
        assert (await home.call("logout", token=token, all_devices=True))["success"]


async def test_usually_a_hundred_a_minute(tmp_path: Path) -> None:
    async with house(tmp_path, file(), wall=still()) as home:
        await people(home, "vera")
        await asked(home, await access(home, "vera"), 100)


@pytest.mark.parametrize("wrong", ["0", "-1", "10001", "many"])
def test_a_limit_that_lets_nobody_in_or_everybody_is_refused_by_name(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODKAISER_API_REQUESTS_PER_MINUTE", wrong)
    with pytest.raises(SettingsError, match="GODKAISER_API_REQUESTS_PER_MINUTE"):
        load_settings()
    monkeypatch.setenv("GODKAISER_API_REQUESTS_PER_MINUTE", "250")
    assert load_settings().godkaiser_api_requests_per_minute == 250


async def test_what_was_denied_says_what_was_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        vera = (await people(home, "root", "vera"))["vera"]
        begun = len(await home.audit())
        asked_for: list[tuple[str, dict[str, Any]]] = [
            ("set", {"actuator": FAN, "value": 1.0}),
            ("rules.disable", {"rule": "Cool", "origin": BAD}),
            ("rules.remove", {"rule": "x" * 300}),
            ("site.apply", {"text": "zones: []", "name": "mine.yaml"}),
            ("users.password", {"name": "root", "password": "Secret-2026-word", "address": "10.0.0.9"}),
            ("blocks.list", {}),
            ("nodes.approve_all", {"nodes": [NODE, "a\nb", NODE, 7, None]}),
        ]
        for method, params in asked_for:
            assert isinstance(await trouble(home, method, token=vera, **params), ForbiddenError), method
        rows = [(row[2], row[3]) for row in await details(home, begun) if row[1] == "denied"]
        assert rows == [
            ("switch", f"set {FAN}"),
            ("edit_rules", "rules.disable Cool"),
            ("edit_rules", f"rules.remove {'x' * 80}"),
            ("approve", "site.apply mine.yaml"),
            ("manage_users", "users.password root"),
            ("manage_users", "blocks.list"),
            ("approve", f"nodes.approve_all {NODE}, a?b, {NODE} and 2 more"),
        ]
        assert "Secret" not in str(rows)
        found = await home.call("audit", wanted={"action": "denied"})
        assert [row["address"] for row in found] == ["", BAD, "", "", "10.0.0.9", "", ""]


async def test_a_flood_of_one_denial_is_two_rows_a_minute_and_all_of_it_is_counted(tmp_path: Path) -> None:
    wall = still()
    async with house(tmp_path, file(), wall=wall) as home:
        vera = (await people(home, "vera"))["vera"]
        begun = len(await home.audit())
        for number in range(300):
            await trouble(home, "set", actuator=FAN if number else "fan", value=1.0, token=vera)
        await home.controller.doorman.look()
        assert [row[3] for row in await details(home, begun)] == ["set fan"]
        wall.advance(wall.now() + MINUTE)
        await home.controller.doorman.look()
        told = ["set fan", f"set {FAN}; 299 times more within a minute"]
        assert [row[3] for row in await details(home, begun)] == told
        for _ in range(2):
            await trouble(home, "set", actuator=FAN, value=1.0, token=vera)
    async with house(tmp_path) as home:
        ended = [f"set {FAN}", f"set {FAN}; 1 time more within a minute"]
        assert [row[3] for row in await details(home, begun) if row[1] == "denied"] == [*told, *ended]


async def test_who_is_denied_again_and_again_cannot_sign_in_from_there_but_still_stop(tmp_path: Path) -> None:
    async with house(tmp_path, file(), wall=still()) as home:
        vera = (await people(home, "vera", "olaf"))["vera"]
        for _ in range(DENIALS - 1):
            assert isinstance(
                await trouble(home, "set", actuator=FAN, value=1.0, token=vera, origin=BAD), ForbiddenError
            )
        assert await home.call("blocks.list") == []
        await trouble(home, "users.remove", name="vera", token=vera, origin=BAD)
        assert [one["address"] for one in await home.call("blocks.list")] == [f"{BAD} vera"]
        login = {"name": "vera", "password": PASSWORD, "address": BAD}
        assert isinstance(await trouble(home, "login", **login), AddressBlockedError)
        await home.call("login", **login | {"name": "olaf"})
        await home.call("login", **login | {"address": "10.0.0.3"})
        shown = await home.call("stop", scope="all", reason="fire", token=vera, origin=BAD)
        assert shown["phase"] == "ACTIVE"
        await home.call("alarms.list", token=vera, origin=BAD)
        assert (await home.call("blocks.lift", address=f"{BAD} vera"))["lifted"]
        await home.call("login", **login)


@pytest.mark.parametrize("what", ["refresh", "api_token", "setup"])
async def test_what_opens_nothing_is_a_row_and_keeps_its_address_out(tmp_path: Path, what: str) -> None:
    asked_for: dict[str, tuple[str, dict[str, Any]]] = {
        "refresh": ("refresh", {"token": "nothing"}),
        "api_token": ("alarms.list", {"token": f"gk_{'0' * 8}_{'0' * 64}"}),
        "setup": ("setup", {"name": "me", "password": PASSWORD}),
    }
    method, params = asked_for[what]
    async with house(tmp_path, file(), wall=still()) as home:
        await people(home, "olaf")
        key = (await home.call("tokens.add", owner="olaf", label="x", permissions=["look"]))["token"]
        begun = len(await home.audit())
        for _ in range(DENIALS):
            await trouble(home, method, origin=BAD, **params)
        rows = [row for row in await details(home, begun) if row[1] == "denied"]
        assert [(row[0], row[2]) for row in rows] == [("nobody", what)]
        assert [one["address"] for one in await home.call("blocks.list")] == [BAD]
        login = {"name": "olaf", "password": PASSWORD, "address": BAD}
        assert isinstance(await trouble(home, "login", **login), AddressBlockedError)
        await home.call("alarms.list", token=key, origin=BAD)


async def test_a_session_or_token_that_has_ended_is_no_guess(tmp_path: Path) -> None:
    async with house(tmp_path, file(), wall=still()) as home:
        vera = (await people(home, "vera"))["vera"]
        made = await home.call("tokens.add", owner="vera", label="x", permissions=["look"])
        await home.call("tokens.revoke", prefix=made["prefix"])
        await home.call("logout", token=vera)
        for _ in range(2 * DENIALS):
            for token in (vera, made["token"]):
                await trouble(home, "alarms.list", token=token, origin=BAD)
        assert await home.call("blocks.list") == []


async def test_nobody_says_of_themselves_that_they_are_elsewhere(tmp_path: Path) -> None:
    async with house(tmp_path, file(), wall=still()) as home:
        vera = (await people(home, "vera"))["vera"]
        for _ in range(DENIALS):
            ask = {"name": "vera", "new": "x", "current": "Wrong-2026-word", "address": "203.0.113.9"}
            await trouble(home, "users.password", token=vera, origin=BAD, **ask)
            await trouble(home, "login", name="vera", password="x", address="203.0.113.9", origin=BAD)
        assert BAD in [one["address"] for one in await home.call("blocks.list")]
        assert "203.0.113.9" not in str(await home.call("blocks.list"))
        rows = await home.call("audit", wanted={"action": "login.failed"})
        assert {row["address"] for row in rows} == {BAD}


async def test_lifting_somebody_elses_block_without_the_right_is_no_denial_of_theirs(tmp_path: Path) -> None:
    async with house(tmp_path, file(), wall=still()) as home:
        vera = (await people(home, "vera"))["vera"]
        for _ in range(2 * DENIALS):
            assert isinstance(await trouble(home, "blocks.lift", address=BAD, token=vera), ForbiddenError)
        assert await home.call("blocks.list") == []


async def test_what_somebody_may_is_no_denial(tmp_path: Path) -> None:
    async with house(tmp_path, file(), wall=still()) as home:
        await home.controller.accounts.add("root", PASSWORD, Role.ADMIN)
        root = await access(home, "root")
        for _ in range(2 * DENIALS):
            await home.call("users.list", token=root, origin=BAD)
        assert await home.call("blocks.list") == []


async def test_a_clock_that_was_days_ahead_ends_all_sessions_once_and_says_so(tmp_path: Path) -> None:
    began = WallClock().now()
    ahead = VirtualClock(began)
    async with house(tmp_path, file(), wall=ahead) as home:
        await people(home, "root", "vera")
        told = await home.call("login", name="vera", password=PASSWORD, address="10.0.0.3", pair=True)
        await home.call("logout", token=told["access_token"])
        ahead.advance(began + 30 * DAY)
        await home.controller.doorman.look()
    for _ in range(2):
        async with house(tmp_path, wall=VirtualClock(began + MINUTE)) as home:
            await home.controller.doorman.look()
            with pytest.raises(AuthenticationFailedError):
                await home.call("refresh", token=told["refresh_token"])
            rows = [row[:3] for row in await details(home, 0) if row[1] == "session.all_ended"]
            assert rows == [("controller", "session.all_ended", "all")]
            token = await access(home, "vera")
            assert (await home.call("verify", token=token))["user"] == "vera"
