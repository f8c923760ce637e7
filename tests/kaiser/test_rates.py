"""What is no sign-in has its rate, too: renewing, guessing API tokens, the first account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import AuthenticationFailedError, GodkaiserError, ThrottledError
from tests.kaiser.house import House, file, house

PASSWORD = "Pump-2026-house"
QUICK = hash_password(PASSWORD, bytes(16), cost=4)


async def ends(home: House, times: int, method: str, **params: Any) -> list[str]:
    """How each of these calls ended, in the word of the error's class."""
    found = []
    for _ in range(times):
        try:
            await home.call(method, **params)
        except GodkaiserError as error:
            found.append(type(error).__name__)
        else:
            found.append("")
    return found


async def test_one_sign_in_is_renewed_ten_times_a_minute(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.accounts.table.add("vera", Role.VIEWER, QUICK)
        await home.controller.accounts.load()
        mine, other = [
            await home.call("login", name="vera", password=PASSWORD, address="x", pair=True) for _ in "12"
        ]
        for _ in range(10):
            mine = await home.call("refresh", token=mine["refresh_token"])
        with pytest.raises(ThrottledError) as caught:
            await home.call("refresh", token=mine["refresh_token"])
        assert 0 < caught.value.retry_after <= 60
        assert (await home.call("verify", token=mine["access_token"]))["user"] == "vera"  # it goes on
        assert await home.call("refresh", token=other["refresh_token"], address="10.0.0.9")
        found = await ends(home, 12, "refresh", token="garbage", address="10.0.0.9")
        assert found == ["AuthenticationFailedError"] * 9 + ["ThrottledError"] * 3


async def test_who_guesses_an_api_token_is_slowed_down_and_its_owner_is_not(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.accounts.table.add("vera", Role.VIEWER, QUICK)
        await home.controller.accounts.load()
        made = await home.call("tokens.add", owner="vera", label="x", permissions=["look"])
        for prefix in (made["prefix"], "gk_00000000"):
            guessed = f"{prefix}_{'0' * 64}"
            found = await ends(home, 12, "rules.export", token=guessed)
            assert found == ["AuthenticationFailedError"] * 10 + ["ThrottledError"] * 2, prefix
        assert await ends(home, 20, "rules.export", token=made["token"]) == [""] * 20


async def test_the_first_account_is_not_tried_without_end(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        asked = {"name": "root", "password": "short"}
        found = await ends(home, 12, "setup", **asked, address="10.0.0.9")
        assert found == ["InvalidValueError"] * 10 + ["ThrottledError"] * 2
        assert (await home.call("setup", name="root", password=PASSWORD, address="10.0.0.8"))[
            "role"
        ] == "admin"
        with pytest.raises(AuthenticationFailedError):
            await home.call("verify", token="garbage")
