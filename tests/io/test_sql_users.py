"""Accounts and tokens in real databases: what two do at the same moment, from two processes' connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.keys import Key
from godkaiser.auth.policy import Permission, Role
from godkaiser.auth.register import FAMILY, LOGOUT, REUSED, USED, Entry
from godkaiser.auth.session import Totp, User
from godkaiser.errors import DuplicateAccountError, LastAdminError, SetupDoneError, UnknownUserError
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import UserRow
from godkaiser.io.sql.users import UserTable
from tests.services import Postgres

T0 = 1_800_000_000_000_000
TOKEN = Entry("a" * 64, "refresh", "f" * 64, 1, T0 + 100)
KEY = Key(
    "gk_00000001", "h" * 64, "logger", 1, frozenset({Permission.LOOK}), frozenset({"bench"}), T0, T0 + 100
)
Tables = tuple[UserTable, UserTable, SqlStore]


@pytest.fixture(params=["sqlite", "postgresql"])
async def tables(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Tables]:
    """Two stores of one database, as two processes would have them."""
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh()
    stores = [await SqlStore.open(url, tmp_path) for _ in range(2)]
    yield UserTable(stores[0]), UserTable(stores[1]), stores[0]
    for store in stores:
        await store.close()


async def at_once(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    async with asyncio.timeout(60):
        return await asyncio.gather(*work, return_exceptions=True)


async def only(table: UserTable) -> User:
    [user] = await table.users()
    return user


async def test_of_many_first_accounts_at_once_there_is_one(tables: Tables) -> None:
    one, other, _ = tables
    tries = [(one, other)[n % 2].add(f"admin{n}", Role.ADMIN, "hash", first=True) for n in range(8)]
    ends = await at_once(*tries)
    assert sum(end is None for end in ends) == 1
    assert sum(isinstance(end, SetupDoneError) for end in ends) == 7
    assert (await only(one)).role is Role.ADMIN


async def test_of_two_with_one_name_there_is_one(tables: Tables) -> None:
    one, other, _ = tables
    ends = await at_once(
        *((one, other)[n % 2].add(("ada", "Ada")[n % 2], Role.VIEWER, "hash") for n in range(4))
    )
    assert sum(isinstance(end, DuplicateAccountError) for end in ends) == 3
    assert len(await one.users()) == 1


@pytest.mark.parametrize(
    "values", [{"role": "viewer"}, {"active": False}, {"active": False, "removed": True, "name": "#"}]
)
async def test_of_two_admins_that_go_at_once_one_stays(tables: Tables, values: dict[str, Any]) -> None:
    one, other, _ = tables
    for name in ("ada", "eve"):
        await one.add(name, Role.ADMIN, "hash")
    users = await one.users()
    both = zip((one, other), users, strict=True)
    changes = [
        table.change(user.id, values | ({"name": f"#{user.id}"} if "name" in values else {}))
        for table, user in both
    ]
    ends = await at_once(*changes)
    assert [type(end) for end in ends if end is not None] == [LastAdminError]
    left = [user for user in await one.users() if user.role is Role.ADMIN and user.active]
    assert len(left) == 1


async def test_whoever_is_admin_but_not_active_does_not_count(tables: Tables) -> None:
    table, _, _ = tables
    for name in ("ada", "eve"):
        await table.add(name, Role.ADMIN, "hash")
    ada, eve = await table.users()
    await table.change(eve.id, {"active": False})
    with pytest.raises(LastAdminError, match="ada"):
        await table.change(ada.id, {"role": "operator"})
    await table.change(ada.id, {"password_hash": "other"})
    await table.change(eve.id, {"role": "viewer"})
    assert [(user.version, user.role) for user in await table.users()] == [(1, Role.ADMIN), (2, Role.VIEWER)]


async def test_changes_at_once_are_all_counted(tables: Tables) -> None:
    """A version that is lost would leave somebody's sessions alive."""
    one, other, _ = tables
    await one.add("ada", Role.OPERATOR, "hash", ["bench"])
    user = await only(one)
    assert user.zones == {"bench"}
    ends = await at_once(*((one, other)[n % 2].change(user.id, {}) for n in range(6)))
    assert ends == [None] * 6
    assert (await only(one)).version == 6
    await one.change(user.id, {"zones": frozenset({"hall", "bench"})})
    assert (await only(one)).zones == {"hall", "bench"}
    await one.change(user.id, {"zones": frozenset()})
    assert (await only(one)).zones == frozenset()


async def test_who_was_removed_is_gone_but_the_id_is_never_anothers(tables: Tables) -> None:
    table, _, store = tables
    await table.add("ada", Role.OPERATOR, "hash")
    ada = await only(table)
    await table.save_key(replace(KEY, user_id=ada.id))
    await table.change(ada.id, {"name": f"#{ada.id}", "active": False, "removed": True})
    assert (await table.users(), await table.keys()) == ([], [])
    with pytest.raises(UnknownUserError):
        await table.change(ada.id, {"active": True})
    await table.add("ada", Role.OPERATOR, "hash", first=True)
    assert (await only(table)).id != ada.id
    assert len(await store.rows(UserRow)) == 2


async def test_a_refresh_token_is_renewed_once(tables: Tables) -> None:
    one, other, _ = tables
    await one.note([TOKEN])
    used = replace(TOKEN, reason=USED)
    made = [replace(TOKEN, hash=f"{n}" * 64) for n in range(6)]
    ends = await at_once(*((one, other)[n % 2].renew(used, [made[n]]) for n in range(6)))
    assert sorted(ends) == [False] * 5 + [True]
    entries = await one.tokens()
    assert {entry.reason for entry in entries if entry.hash == TOKEN.hash} == {USED}
    assert len(entries) == 2


async def test_one_that_was_never_noted_is_renewed_once_too(tables: Tables) -> None:
    """It was given out while the database was away."""
    table, other, _ = tables
    used = replace(TOKEN, reason=USED)
    assert await table.renew(used, []) is True
    assert await other.renew(used, []) is False


async def test_what_is_void_stays_void(tables: Tables) -> None:
    table, _, _ = tables
    await table.note([replace(TOKEN, reason=LOGOUT)])
    await table.note([TOKEN, replace(TOKEN, reason=REUSED)])
    assert await table.tokens() == [replace(TOKEN, reason=LOGOUT)]


async def test_tokens_are_forgotten_when_they_have_ended(tables: Tables) -> None:
    table, _, _ = tables
    gone = Entry("f" * 64, FAMILY, "f" * 64, 1, T0 + 200, LOGOUT)
    await table.note([TOKEN, gone])
    await table.forget_tokens(T0 + 99)
    assert len(await table.tokens()) == 2
    await table.forget_tokens(T0 + 100)
    assert await table.tokens() == [gone]


async def test_a_code_is_taken_once(tables: Tables) -> None:
    one, other, _ = tables
    await one.add("ada", Role.ADMIN, "hash")
    user = await only(one)
    await one.set_totp(user.id, Totp("SECRET"))
    assert not await one.take_code(user.id, 8), "it is not confirmed yet"
    await one.set_totp(user.id, Totp("SECRET", 7))
    assert (await only(one)).totp == Totp("SECRET", 7)
    ends = await at_once(*((one, other)[n % 2].take_code(user.id, 8) for n in range(4)))
    assert sorted(ends) == [False, False, False, True]
    assert not await one.take_code(user.id, 7)
    await one.set_totp(user.id, None)
    assert (await only(one)).totp is None


async def test_api_tokens_are_kept_as_they_are(tables: Tables) -> None:
    table, _, _ = tables
    plain = replace(KEY, prefix="gk_00000002", zones=None, created_at=T0 + 1, expires_at=T0 + 50)
    for key in (plain, KEY):
        await table.save_key(key)
    assert await table.keys() == [KEY, plain]
    await table.change_key(KEY.prefix, last_used=T0 + 5, revoked=True)
    await table.forget_keys(T0 + 50)
    assert await table.keys() == [replace(KEY, last_used=T0 + 5, revoked=True)]
