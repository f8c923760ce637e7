"""Who guesses on is kept out, also over a restart, and everybody else is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from godkaiser.auth.blocks import DENIALS, LONGEST, Block
from godkaiser.auth.policy import Role
from godkaiser.errors import (
    AddressBlockedError,
    AuthenticationFailedError,
    ForbiddenError,
    GodkaiserError,
    ThrottledError,
    UnknownAddressError,
)
from godkaiser.io.clock import VirtualClock, WallClock
from godkaiser.io.sql.blocks import BlockTable
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.instant import DAY, MINUTE
from tests.kaiser.house import House, file, house
from tests.kaiser.test_accounts_desk import PASSWORD, QUICK, session

BAD, WRONG = "198.51.100.7", "Guess-123"


async def tried(home: House, name: str, address: str = BAD, password: str = WRONG) -> GodkaiserError | None:
    try:
        await home.call("login", name=name, password=password, address=address)
    except GodkaiserError as error:
        return error
    return None


async def kept_out(home: House) -> list[str]:
    return [one["address"] for one in await home.call("blocks.list")]


async def rows(home: House, action: str) -> list[tuple[str, str]]:
    await home.controller.runner.drained()
    return [
        (row["target"], row["detail"])
        for row in await home.call("audit", since="-30d")
        if row["action"] == action
    ]


async def test_twenty_denials_keep_an_address_out_and_nobody_else(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        for name, role in (("root", Role.ADMIN), ("vera", Role.VIEWER)):
            await home.controller.accounts.table.add(name, role, QUICK)
        await home.controller.accounts.load()
        inside = await home.call("login", name="vera", password=PASSWORD, address=BAD)
        found = [await tried(home, f"guess{number}") for number in range(DENIALS)]
        assert {type(error) for error in found} == {AuthenticationFailedError, ThrottledError}
        assert await kept_out(home) == [BAD]
        refused = await tried(home, "root", password=PASSWORD)
        assert isinstance(refused, AddressBlockedError)
        assert 0 < refused.retry_after <= 900
        assert refused.remedy == (
            "Try again in 15 min. An admin can let it in again sooner, on the page Accounts or by "
            "`godkaiser blocks lift ADDRESS`."
        )
        nobody, *others = [await tried(home, name) for name in ("nobody", "root", "vera")]
        assert nobody is not None
        assert [(str(one), one.remedy) for one in others if one] == [(str(nobody), nobody.remedy)] * 2
        assert isinstance(await tried(home, "root", f"::ffff:{BAD}", PASSWORD), AddressBlockedError)
        assert await tried(home, "root", "203.0.113.9", PASSWORD) is None
        await home.call(
            "stop", scope="all", reason="who is signed in may stop from there", token=inside["token"]
        )
        assert await rows(home, "address.blocked") == [(BAD, "for 15 min, no. 1")]

        vera = await session(home, "vera")
        for method, params in (("blocks.list", {}), ("blocks.lift", {"address": BAD})):
            with pytest.raises(ForbiddenError):
                await home.call(method, **params, token=vera)
        assert await home.call("blocks.lift", address=f" {BAD} ") == {"address": BAD, "lifted": True}
        assert await kept_out(home) == []
        assert await rows(home, "address.lifted") == [(BAD, "")]
        with pytest.raises(UnknownAddressError):
            await home.call("blocks.lift", address=BAD)
        assert not isinstance(await tried(home, "root"), AddressBlockedError)


async def test_a_restart_lets_nobody_in(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        for number in range(DENIALS):
            await tried(home, f"guess{number}")
    async with house(tmp_path) as home:
        assert await kept_out(home) == [BAD]
        assert isinstance(await tried(home, "root"), AddressBlockedError)
        await home.call("blocks.lift", address=BAD)
    async with house(tmp_path) as home:
        assert await kept_out(home) == []


async def test_what_counts_no_more_is_forgotten_at_the_next_start(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        table, now = BlockTable(home.controller.store), home.controller.accounts.clock.now()
        await table.keep(Block("192.0.2.1", now - 9 * DAY, now - 8 * DAY, 2))
        await table.keep(Block("192.0.2.2", now - 2 * DAY, now - 1 * DAY, 2))
    async with house(tmp_path) as home:
        assert [one.address for one in await BlockTable(home.controller.store).all()] == ["192.0.2.2"]
        assert await kept_out(home) == []
        assert (await home.call("blocks.lift", address="192.0.2.2"))["lifted"], "its next would be shorter"


async def alarm(home: House) -> tuple[str, str, int] | None:
    await home.controller.runner.drained()
    found = [one for one in (await home.call("alarms.list"))["standing"] if one["kind"] == "address_blocked"]
    assert len(found) <= 1
    return (found[0]["state"], found[0]["text"], found[0]["count"]) if found else None


async def test_three_addresses_that_are_kept_out_are_one_alarm_until_all_are_let_in(tmp_path: Path) -> None:
    addresses = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    async with house(tmp_path, file()) as home:
        assert await alarm(home) is None
        for address in addresses:
            for number in range(DENIALS + 3):
                await tried(home, f"guess{number}", address)
        found = await alarm(home)
        assert found is not None
        assert found[0] == "UNACK"
        assert found[1].endswith("There are 3, the newest is 192.0.2.3.")
        assert found[2] == 1
    async with house(tmp_path) as home:
        assert await alarm(home) == found, "it stands over a restart, and was not raised anew"
        for address in addresses[1:]:
            await home.call("blocks.lift", address=address)
        shown = await alarm(home)
        assert shown is not None
        assert shown[1].endswith("There is one: 192.0.2.1.")
        await home.call("alarms.ack", key="address_blocked:sign-in")
        await home.call("blocks.lift", address=addresses[0])
        assert await alarm(home) is None
        steps = [step["step"] for step in await home.call("alarms.history", since="-1d")]
        assert steps == ["raised", "acknowledged", "returned"]


async def test_the_alarm_goes_when_the_last_block_ends_by_itself(tmp_path: Path) -> None:
    wall = VirtualClock(WallClock().now())
    async with house(tmp_path, file(), wall=wall) as home:
        for number in range(DENIALS):
            await tried(home, f"guess{number}")
        assert await alarm(home) is not None
        wall.advance(wall.now() + LONGEST)
        await home.controller.doorman.look()
        shown = await alarm(home)
        assert shown is not None
        assert shown[0] == "RTNUN"
        home.pass_time(601)
        await home.controller.runner.settled()
        assert await alarm(home) is None


async def test_who_comes_by_the_local_socket_is_not_kept_out(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        for number in range(2 * DENIALS):
            await tried(home, f"guess{number}", "")
        assert await kept_out(home) == []


async def test_it_counts_while_the_database_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.store.close()
        for number in range(DENIALS):
            await tried(home, f"guess{number}")
        assert isinstance(await tried(home, "root"), AddressBlockedError)
        assert "is not stored" in caplog.text


async def test_the_newest_of_an_address_is_kept(tmp_path: Path) -> None:
    store = await SqlStore.open(None, tmp_path)
    table = BlockTable(store)
    for times in (1, 2):
        await table.keep(Block(BAD, 5, 5 + times * MINUTE, times))
    assert await table.all() == [Block(BAD, 5, 5 + 2 * MINUTE, 2)]
    assert await table.drop(BAD)
    assert not await table.drop(BAD)
    await store.close()
