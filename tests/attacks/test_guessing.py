"""Guessing: what unknown names cost, a thousand sign-ins in a minute, and many of them from everywhere at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import bcrypt
import pyotp
import pytest

from godkaiser.auth.passwords import COST, hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import GodkaiserError
from godkaiser.io.hashing import THREADS, WAITING_MOST
from tests.attacks.stand import PASSWORD, Stand, stand

THOUSAND = 1000


class Work:
    """The library that hashes, with a count of what it was asked: the cost of each check."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.costs: list[int] = []
        inner = bcrypt.checkpw

        def checked(password: bytes, hashed: bytes) -> bool:
            self.costs.append(int(hashed.split(b"$")[2]))
            return inner(password, hashed)

        monkeypatch.setattr(bcrypt, "checkpw", checked)

    def taken(self) -> list[int]:
        costs, self.costs = self.costs, []
        return costs


async def test_an_unknown_name_costs_the_same_work_as_a_wrong_password(
    socket_only: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So neither the answer nor its time tells whether there is such an account."""
    accounts = socket_only.home.controller.accounts
    await accounts.add("olaf", PASSWORD, Role.VIEWER)
    await accounts.add("idle", PASSWORD, Role.VIEWER)
    await accounts.set_active("idle", False)
    work = Work(monkeypatch)
    said = {}
    for number, name in enumerate(("olaf", "nobody", "idle", "", "x" * 500, "Olaf")):
        error = await socket_only.fails("login", name=name, password="Guess-123", address=f"10.0.1.{number}")
        said[name] = (error.code, str(error), work.taken())
    assert set(map(str, said.values())) == {str(said["olaf"])}
    assert said["olaf"][2] == [COST]
    # A right password of somebody who may not come in looks like a wrong one, too.
    error = await socket_only.fails("login", name="idle", password=PASSWORD, address="10.0.2.1")
    assert (error.code, str(error), work.taken()) == said["olaf"]


async def test_a_thousand_sign_ins_in_a_minute_do_not_hinder_who_is_signed_in(besieged: Stand) -> None:
    """From one address, at the real form; the tries of a name that exists and of a thousand that do not."""
    inside = await besieged.inside("ann")
    mallory = besieged.visitor()
    await mallory.ask("/login")
    turns = asyncio.Semaphore(20)

    async def guess(number: int) -> int:
        name = "root" if number % 2 else f"guess{number}"
        async with turns:
            body = f"name={name}&password=Guess-{number}&_xsrf={mallory.secret}"
            return (await mallory.ask("/login", "POST", body)).code

    codes = Counter(await asyncio.gather(*(guess(number) for number in range(THOUSAND))))
    assert set(codes) <= {401, 429}
    assert codes[401] <= 10
    assert (await inside.ask("/")).code == 200
    assert (await inside.form("/stop", {})).code in {200, 303}
    assert (await besieged.call("snapshot"))["stop"]["phase"] == "ACTIVE"
    await inside.ask("/logout", "POST", f"_xsrf={inside.secret}")
    # It is kept out, seen, in the audit once, and the audit is not full of it.
    assert [one["address"] for one in await besieged.call("blocks.list")] == ["127.0.0.1"]
    assert len(await besieged.rows("address.blocked")) == 1
    assert len(await besieged.rows("login.failed")) <= 10
    sessions = besieged.home.controller.doorman.sessions
    assert len(sessions._throttle) <= 30
    assert (await mallory.form("/login", {"name": "ann", "password": PASSWORD})).code == 429
    await besieged.call("blocks.lift", address="127.0.0.1")
    assert await besieged.call("blocks.list") == []


async def test_of_a_thousand_at_once_from_everywhere_so_many_are_checked_as_can_be(
    socket_only: Stand,
) -> None:
    """No throttle by address or name stops these: what is too much is told so at once, and nothing grows."""
    access, _ = await socket_only.pair("vera")
    ends: Counter[str] = Counter()

    async def guess(number: int) -> None:
        where = f"10.{number >> 8}.{number & 255}.1"
        try:
            await socket_only.call("login", name=f"guess{number}", password="Guess-123", address=where)
        except GodkaiserError as error:
            ends[error.code] += 1

    async def acts() -> None:
        assert (await socket_only.call("stop", token=access))["phase"] == "ACTIVE"
        assert (await socket_only.call("verify", token=access))["user"] == "vera"
        assert ends.total() < THOUSAND  # they were still at it

    jobs: list[Coroutine[Any, Any, None]] = [guess(number) for number in range(THOUSAND)]
    await asyncio.gather(*jobs[:500], acts(), *jobs[500:])
    assert set(ends) == {"authentication_failed", "sign_in_busy"}
    assert ends.total() == THOUSAND
    assert ends["authentication_failed"] >= THREADS + WAITING_MOST
    assert ends["sign_in_busy"] > 0
    assert await socket_only.call("blocks.list") == []  # to be told so is no denial
    assert len(await socket_only.rows("login.failed")) == ends["authentication_failed"]
    told = await socket_only.call("login", name="ann", password=PASSWORD, address="172.16.0.1")
    assert told["user"] == "ann"


async def test_behind_a_trusted_proxy_each_address_is_slowed_down_by_itself(tmp_path: Path) -> None:
    async with stand(tmp_path / "data", proxies=["127.0.0.1"]) as besieged:
        for number in range(4):
            mallory = besieged.visitor()
            answer = await mallory.form(
                "/login", {"name": f"g{number}", "password": "x"}, X_Forwarded_For="198.51.100.7"
            )
            assert answer.code == (401 if number < 3 else 429)
        other = besieged.visitor()
        answer = await other.form(
            "/login", {"name": "ann", "password": PASSWORD}, X_Forwarded_For="203.0.113.5, 198.51.100.8"
        )
        assert answer.code == 303
        rows = await besieged.rows("login")
        assert [row["address"] for row in rows] == ["198.51.100.8"]


async def test_codes_of_a_phone_are_guessed_no_faster(socket_only: Stand) -> None:
    """A million codes, ten a minute: and who has the password only shows up in the audit."""
    accounts = socket_only.home.controller.accounts
    begun = await socket_only.call("users.totp.begin", name="ann")
    phone = pyotp.parse_uri(begun["address"])
    assert isinstance(phone, pyotp.TOTP)
    await socket_only.call("users.totp.confirm", name="ann", code=phone.at(accounts.clock.now() // 10**6))
    good = {phone.at(accounts.clock.now() // 10**6, counter_offset=n) for n in range(-3, 6)}
    wrong = [
        code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in good
    ]
    ends = Counter[str]()
    for number in range(THOUSAND // 10):
        where = f"10.9.{number}.1"
        error = await socket_only.fails(
            "login", name="ann", password=PASSWORD, address=where, code=wrong[number % 2]
        )
        ends[error.code] += 1
    assert ends["authentication_failed"] <= 10
    assert ends["throttled"] >= 90


def test_the_cost_of_an_unknown_name_is_that_of_a_new_password() -> None:
    assert hash_password("Pump-2026-house", bytes(16)).startswith(f"$2b${COST}$")
