"""Signing in, renewing and signing out over a real database, with a clock of our own."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pyotp
import pytest

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Permission, Role
from godkaiser.errors import (
    AuthenticationFailedError,
    CodeNeededError,
    ForbiddenError,
    InvalidValueError,
    LogoutUnstoredError,
    SetupDoneError,
    StoreAwayError,
    ThrottledError,
    UnknownTokenError,
    UnknownUserError,
)
from godkaiser.io.accounts import Accounts, require
from godkaiser.io.blocklist import Blocklist
from godkaiser.io.clerk import Clerk
from godkaiser.io.clock import VirtualClock
from godkaiser.io.doorman import Doorman
from godkaiser.io.keyring import Keyring
from godkaiser.io.sessions import Sessions
from godkaiser.io.sql.blocks import BlockTable
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.users import UserTable
from godkaiser.io.turnstile import Turnstile
from godkaiser.model.instant import DAY, MINUTE, SECOND
from tests.io.rig import until
from tests.services import Postgres

SECRET = "a-test-secret-that-is-long-enough-0123456789"
T0 = 1_800_000_000 * SECOND
PASSWORD = "Pump-2026-house"
QUICK = hash_password(PASSWORD, bytes(16), cost=4)
WHERE = "10.0.0.3"


class MachineClock(VirtualClock):
    """One that a person or a time server may set back, too."""

    def set_to(self, to: int) -> None:
        self._now = to


class Table(UserTable):
    """One whose database is away for a while."""

    away = False

    async def end_everybody(self) -> None:
        if self.away:
            raise StoreAwayError(problem="it was switched off")
        await super().end_everybody()


@dataclass
class People:
    """A folder with accounts; `again` is what a restart of the controller makes of it."""

    folder: Path
    url: str | None = None
    clock: MachineClock = field(default_factory=lambda: MachineClock(T0))
    stolen: list[tuple[str, int]] = field(default_factory=list)

    async def open(self) -> People:
        self.store = await SqlStore.open(self.url, self.folder)
        self.table = Table(self.store)
        self.accounts = Accounts(self.table, SECRET, self.clock)
        self.sessions = Sessions(self.accounts, lambda name, count: self.stolen.append((name, count)))
        self.keyring = Keyring(self.accounts)
        await self.accounts.load()
        return self

    async def again(self) -> None:
        await self.store.close()
        await self.open()

    async def pair(self, name: str = "ada", code: str = "") -> tuple[str, str]:
        told = await self.sessions.login(name, PASSWORD, WHERE, code, pair=True)
        return told["access_token"], told["refresh_token"]

    async def page(self, name: str = "ada", code: str = "") -> str:
        return str((await self.sessions.login(name, PASSWORD, WHERE, code))["token"])

    def good(self, token: str) -> bool:
        try:
            return bool(self.accounts.principal(token).name)
        except AuthenticationFailedError:
            return False

    def wait(self, span: int) -> None:
        self.clock.advance(self.clock.now() + span)


@pytest.fixture
async def people(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[People]:
    url = None
    if getattr(request, "param", "") == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh()
    made = await People(tmp_path, url).open()
    for name, role in (("root", Role.ADMIN), ("ada", Role.OPERATOR)):
        await made.accounts.table.add(name, role, QUICK)
    await made.accounts.load()
    yield made
    await made.store.close()


async def test_a_pair_lives_half_an_hour_and_a_week(people: People) -> None:
    told = await people.sessions.login("ada", PASSWORD, WHERE, pair=True)
    assert {name: told[name] for name in ("token_type", "expires_in", "user", "role", "zones")} == {
        "token_type": "bearer", "expires_in": 1800, "user": "ada", "role": "operator", "zones": [],
    }  # fmt: skip
    access, refresh = told["access_token"], told["refresh_token"]
    people.wait(30 * MINUTE - SECOND)
    assert people.good(access)
    people.wait(SECOND)
    assert not people.good(access)
    people.wait(6 * DAY)
    assert (await people.sessions.renew(refresh))["access_token"]
    late = (await people.pair())[1]
    people.wait(7 * DAY)
    with pytest.raises(AuthenticationFailedError, match="has ended"):
        await people.sessions.renew(late)


async def test_no_token_does_the_work_of_another_kind(people: People) -> None:
    access, refresh = await people.pair()
    page = await people.page()
    assert not people.good(refresh)
    for token in (access, page):
        assert people.good(token)
        with pytest.raises(AuthenticationFailedError, match="authentication failed"):
            await people.sessions.renew(token)


async def test_a_refresh_token_that_comes_twice_ends_its_family_and_no_other(people: People) -> None:
    access, refresh = await people.pair()
    other = await people.page()
    new = await people.sessions.renew(refresh)
    assert people.good(access), "what was good stays good until its time"
    with pytest.raises(AuthenticationFailedError, match="revoked"):
        await people.sessions.renew(refresh)
    assert people.stolen == [("ada", 4)]
    await people.again()
    assert [people.good(token) for token in (access, new["access_token"], other)] == [False, False, True]
    for token in (refresh, new["refresh_token"]):
        with pytest.raises(AuthenticationFailedError, match="revoked"):
            await people.sessions.renew(token)
    assert people.stolen == [("ada", 4)], "it is told once"


async def test_of_two_that_renew_at_once_neither_is_trusted(people: People) -> None:
    access, refresh = await people.pair()
    ends = await asyncio.gather(*(people.sessions.renew(refresh) for _ in range(2)), return_exceptions=True)
    won = [end for end in ends if isinstance(end, dict)]
    assert len(won) == 1
    assert not people.good(won[0]["access_token"])
    assert not people.good(access)


async def test_signing_out_ends_one_sign_in_for_good(people: People) -> None:
    access, refresh = await people.pair()
    other = await people.page()
    assert await people.sessions.logout(access) == 2
    await people.again()
    assert [people.good(token) for token in (access, other)] == [False, True]
    with pytest.raises(AuthenticationFailedError, match="revoked"):
        await people.sessions.renew(refresh)
    with pytest.raises(AuthenticationFailedError, match="revoked"):
        await people.sessions.logout(access)


async def test_signing_out_everywhere_ends_everything_of_this_person(people: People) -> None:
    access, refresh = await people.pair()
    page, another = await people.page(), await people.page("root")
    assert await people.sessions.logout(page, all_devices=True) == 3
    await people.again()
    assert [people.good(token) for token in (access, page, another)] == [False, False, True]
    with pytest.raises(AuthenticationFailedError, match="revoked"):
        await people.sessions.renew(refresh)
    assert people.good(await people.page()), "one may come back"


@pytest.mark.parametrize("change", ["password", "role", "zones", "deactivate", "remove"])
async def test_what_is_changed_of_somebody_ends_their_sessions(people: People, change: str) -> None:
    access, refresh = await people.pair()
    accounts = people.accounts
    match change:
        case "password":
            await accounts.set_password("ada", "Other-2026-house")
        case "role":
            await accounts.set_role("ada", Role.VIEWER)
        case "zones":
            await accounts.set_zones("ada", ["bench"])
        case "deactivate":
            await accounts.set_active("ada", False)
        case _:
            await accounts.remove("ada")
    assert not people.good(access)
    with pytest.raises(AuthenticationFailedError):
        await people.sessions.renew(refresh)
    if change == "deactivate":
        await accounts.set_active("ada", True)
        assert not people.good(access)


async def test_while_the_database_is_away_people_come_in_but_do_not_get_out(people: People) -> None:
    """Whoever wants to stop everything must be able to; what cannot be kept is said."""
    access, refresh = await people.pair()
    await people.store.close()
    page = await people.page()
    assert people.good(page)
    for everywhere in (False, True):
        with pytest.raises(LogoutUnstoredError) as caught:
            await people.sessions.logout(page, all_devices=everywhere)
        assert caught.value.kind.http_status == 503
    with pytest.raises(StoreAwayError):
        await people.sessions.renew(refresh)
    assert people.good(page)
    await people.again()
    assert people.good(page), "it was not noted, and counts all the same"
    assert await people.sessions.logout(page) == 1
    assert not people.good(page)
    assert people.good((await people.sessions.renew(refresh))["access_token"])
    assert people.good(access)


async def test_a_token_nobody_knows_of_ends_with_all_the_others(people: People) -> None:
    """It was given out while the database was away, before a restart; the account's version voids it."""
    await people.store.close()
    page = await people.page()
    await people.again()
    assert people.good(page)
    assert await people.accounts.end_sessions("ada") == 0
    assert not people.good(page)


async def test_a_theft_ends_the_family_at_once_also_without_database(people: People) -> None:
    access, refresh = await people.pair()
    await people.sessions.renew(refresh)
    await people.store.close()
    with pytest.raises(StoreAwayError):
        await people.sessions.renew(refresh)
    assert not people.good(access)
    assert people.stolen == [("ada", 4)]
    await people.again()
    with pytest.raises(AuthenticationFailedError):
        await people.sessions.renew(refresh)
    assert not people.good(access), "found again, as its use was stored"


async def test_what_is_over_is_forgotten(people: People) -> None:
    await people.pair()
    assert len(await people.accounts.table.tokens()) == 2
    people.wait(31 * MINUTE)
    await people.sessions.forget()
    assert len(await people.accounts.table.tokens()) == len(people.accounts.register) == 2
    people.wait(DAY)
    await people.sessions.forget()
    assert len(await people.accounts.table.tokens()) == len(people.accounts.register) == 1
    people.wait(7 * DAY)
    await people.sessions.forget()
    assert len(await people.accounts.table.tokens()) == len(people.accounts.register) == 0


async def revoked_and_forgotten(people: People) -> tuple[str, str]:
    """A refresh token that was signed out, one that stands, and a clock that was thirty days ahead for a while."""
    standing = (await people.pair("root"))[1]
    access, revoked = await people.pair()
    await people.sessions.logout(access)
    people.wait(30 * DAY)
    await people.sessions.forget()
    assert await people.accounts.table.tokens() == []
    return revoked, standing


async def renewed(people: People, token: str) -> bool:
    try:
        return bool(await people.sessions.renew(token))
    except AuthenticationFailedError:
        return False


BOTH = pytest.mark.parametrize("people", ["sqlite", "postgresql"], indirect=True)


@BOTH
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_was_ahead_makes_no_revoked_token_good_again(
    people: People, restarted: bool
) -> None:
    revoked, standing = await revoked_and_forgotten(people)
    people.clock.set_to(T0 + MINUTE)
    if restarted:
        await people.again()
    assert not await renewed(people, revoked)
    assert not await renewed(people, standing), "nobody knows which of them was revoked"
    access, refresh = await people.pair()
    assert people.good(access)
    assert await renewed(people, refresh)
    await people.sessions.forget()
    assert people.good(access)
    await people.again()
    assert people.good(access)
    assert not await renewed(people, revoked)
    assert not await renewed(people, standing)


@BOTH
async def test_without_a_sign_in_the_next_look_ends_all_sessions_once(people: People) -> None:
    told = []
    revoked, _ = await revoked_and_forgotten(people)
    people.clock.set_to(T0 + MINUTE)
    people.accounts.on_set_back = lambda: told.append(1)
    await asyncio.gather(*(people.sessions.forget() for _ in range(3)))
    assert told == [1]
    assert {user.version for user in people.accounts.users.values()} == {1}
    assert not await renewed(people, revoked)


async def test_a_clock_that_was_ahead_by_less_than_a_day_ends_nothing(people: People) -> None:
    access, refresh = await people.pair()
    people.wait(20 * 60 * MINUTE)
    await people.sessions.forget()
    people.clock.set_to(T0 + MINUTE)
    await people.sessions.forget()
    assert people.good(access)
    assert await renewed(people, refresh)


@pytest.mark.parametrize("restarted", [False, True])
async def test_while_the_database_is_away_a_clock_set_back_keeps_nobody_out(
    people: People, restarted: bool
) -> None:
    revoked, _ = await revoked_and_forgotten(people)
    people.clock.set_to(T0 + MINUTE)
    people.table.away = True
    access, refresh = await people.pair()
    await people.sessions.forget()
    assert people.good(access), "people can sign in, act and stop"
    assert not await renewed(people, revoked)
    if restarted:
        await people.again()
        assert not await renewed(people, revoked)
    people.table.away = False
    await people.sessions.forget()
    assert await people.table.forgotten() == 0, "what was owed is stored now"
    assert people.good(access)
    await people.again()
    assert people.good(access)
    assert await renewed(people, refresh)
    assert not await renewed(people, revoked)


async def test_while_the_database_is_away_what_is_over_is_forgotten_later(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await people.pair()
    people.wait(31 * MINUTE + DAY)
    await people.store.close()
    gate = Turnstile(people.accounts, lambda *row: None)
    nobody = cast("Clerk", SimpleNamespace(turnstile=gate))  # nothing is to be audited
    blocklist = Blocklist(nobody, BlockTable(people.store), people.clock)
    doorman = Doorman(nobody, people.accounts, blocklist)
    task = asyncio.create_task(doorman.run())
    await until(lambda: "is forgotten later" in caplog.text, 60.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_wrong_password_and_a_wrong_name_say_the_same(people: People) -> None:
    said = set()
    for name, password in (("ada", "wrong"), ("nobody", PASSWORD)):
        with pytest.raises(AuthenticationFailedError) as caught:
            await people.sessions.login(name, password, WHERE)
        said.add(str(caught.value))
    assert said == {"Sign-in failed: name or password is wrong"}


async def test_who_is_not_active_does_not_come_in(people: People) -> None:
    await people.accounts.set_active("ada", False)
    with pytest.raises(AuthenticationFailedError):
        await people.page()


async def test_an_account_that_is_changed_while_the_password_is_checked_is_not_let_in(people: People) -> None:
    coming = asyncio.create_task(people.page())
    await asyncio.sleep(0)  # the thread is at work on it
    people.accounts.users.clear()
    with pytest.raises(AuthenticationFailedError):
        await coming


# ── accounts ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_two_first_accounts_at_once_are_one(tmp_path: Path) -> None:
    people = await People(tmp_path).open()
    assert people.accounts.empty
    ends = await asyncio.gather(
        *(people.accounts.set_up(name, PASSWORD) for name in ("ada", "eve")), return_exceptions=True
    )
    assert sum(isinstance(end, SetupDoneError) for end in ends) == 1
    [only] = people.accounts.users.values()
    assert only.role is Role.ADMIN
    await people.store.close()


@pytest.mark.parametrize("name", ["", " ada", "a b", "#1", "-x", "x" * 65, "ada\n", "user:eve", "ädä"])
async def test_names_that_nobody_can_have(people: People, name: str) -> None:
    with pytest.raises(InvalidValueError, match="cannot be an account"):
        await people.accounts.add(name, PASSWORD, Role.VIEWER)


async def test_a_password_meets_the_policy_and_is_not_in_the_error(people: People) -> None:
    for change in (
        people.accounts.add("eve", "secret", Role.VIEWER),
        people.accounts.set_password("ada", "secret"),
    ):
        with pytest.raises(InvalidValueError, match="8 characters") as caught:
            await change
        assert "secret" not in str(caught.value) + repr(caught.value.details)


async def test_an_admin_has_every_zone(people: People) -> None:
    with pytest.raises(InvalidValueError, match="cannot bind an admin"):
        await people.accounts.set_zones("root", ["bench"])
    with pytest.raises(InvalidValueError, match="cannot bind an admin"):
        await people.accounts.add("eve", PASSWORD, Role.ADMIN, ["bench"])
    await people.accounts.set_zones("ada", ["bench"])
    await people.accounts.set_role("ada", Role.ADMIN)
    assert people.accounts.named("ada").zones == frozenset()


async def test_who_is_unknown_is_named(people: People) -> None:
    with pytest.raises(UnknownUserError, match="'eve'"):
        await people.accounts.set_active("eve", True)


# ── the second factor ──────────────────────────────────────────────────────────────────────────────────────


async def enrolled(people: People) -> pyotp.TOTP:
    phone = pyotp.parse_uri(await people.accounts.begin_totp("ada"))
    assert isinstance(phone, pyotp.TOTP)
    await people.accounts.confirm_totp("ada", phone.at(T0 // SECOND))
    return phone


async def test_the_code_is_asked_for_once_it_is_confirmed(people: People) -> None:
    phone = pyotp.parse_uri(await people.accounts.begin_totp("ada"))
    assert isinstance(phone, pyotp.TOTP)
    assert people.good(await people.page()), "not before"
    with pytest.raises(InvalidValueError, match="is not right") as caught:
        await people.accounts.confirm_totp("ada", "000000")
    assert phone.secret not in str(caught.value)
    await people.accounts.confirm_totp("ada", phone.at(T0 // SECOND))
    with pytest.raises(CodeNeededError):
        await people.page()
    with pytest.raises(AuthenticationFailedError):
        await people.sessions.login("ada", "wrong", WHERE, phone.at(T0 // SECOND + 30))
    assert people.good(await people.page(code=phone.at(T0 // SECOND + 30)))


async def test_a_code_opens_once_also_after_a_restart_and_while_the_database_is_away(people: People) -> None:
    phone = await enrolled(people)
    people.wait(60 * SECOND)
    code = phone.at(T0 // SECOND + 60)
    ends = await asyncio.gather(*(people.page(code=code) for _ in range(2)), return_exceptions=True)
    assert sum(isinstance(end, AuthenticationFailedError) for end in ends) == 1
    await people.again()
    with pytest.raises(AuthenticationFailedError, match="used before"):
        await people.page(code=code)
    people.wait(60 * SECOND)
    await people.store.close()
    code = phone.at(T0 // SECOND + 120)
    assert people.good(await people.page(code=code))
    with pytest.raises(AuthenticationFailedError, match="used before"):
        await people.page(code=code)


async def test_a_code_taken_without_database_is_not_forgotten_when_it_is_back(people: People) -> None:
    phone = await enrolled(people)
    people.wait(60 * SECOND)
    accounts, away = people.accounts, people.store
    await away.close()
    code = phone.at(T0 // SECOND + 60)
    await people.page(code=code)
    back = await SqlStore.open(people.url, people.folder)
    accounts.table = UserTable(back)
    await accounts.load()
    with pytest.raises(AuthenticationFailedError, match="used before"):
        await people.page(code=code)
    await back.close()


async def test_wrong_codes_are_slowed_down_as_wrong_passwords_are(people: People) -> None:
    await enrolled(people)
    wrong = throttled = 0
    for _ in range(30):
        try:
            await people.page(code="000000")
        except ThrottledError:
            throttled += 1
        except AuthenticationFailedError:
            wrong += 1
    assert wrong <= 10
    assert throttled >= 20


async def test_it_can_be_taken_away_and_begun_anew(people: People) -> None:
    phone = await enrolled(people)
    with pytest.raises(InvalidValueError, match="already"):
        await people.accounts.begin_totp("ada")
    await people.accounts.remove_totp("ada")
    assert people.good(await people.page())
    with pytest.raises(InvalidValueError, match="is not right"):
        await people.accounts.confirm_totp("ada", phone.at(T0 // SECOND))
    again = pyotp.parse_uri(await people.accounts.begin_totp("ada"))
    assert again.secret != phone.secret
    assert len(base64.b32decode(again.secret)) == 20


# ── API tokens ─────────────────────────────────────────────────────────────────────────────────────────────

LOOK, SWITCH = Permission.LOOK, Permission.SWITCH


async def key(people: People, *rights: Permission, days: int = 30, owner: str = "ada") -> tuple[str, str]:
    user = people.accounts.named(owner)
    token, made = await people.keyring.add(user, "logger", rights or (LOOK, SWITCH), (), days * DAY)
    return token, made.prefix


async def test_an_api_token_is_kept_as_a_hash_and_opens_what_it_may(people: People) -> None:
    token, prefix = await key(people, LOOK)
    await people.again()
    person = people.accounts.principal(token)
    require(person, LOOK)
    with pytest.raises(ForbiddenError, match=f"with the API token {prefix}"):
        require(person, SWITCH)
    assert token not in (people.folder / "godkaiser.db").read_bytes().decode("latin-1")
    for other in ("esp_x", f"{prefix}_{'0' * 64}", token[:-1]):
        assert not people.good(other)


async def test_zones_and_role_of_its_owner_bind_it(people: People) -> None:
    token, _ = await key(people)
    await people.accounts.set_zones("ada", ["bench"])
    with pytest.raises(ForbiddenError, match="outside bench"):
        require(people.accounts.principal(token), SWITCH, ["hall"])
    require(people.accounts.principal(token), SWITCH, ["bench"])
    await people.accounts.set_role("ada", Role.VIEWER)
    with pytest.raises(ForbiddenError):
        require(people.accounts.principal(token), SWITCH, ["bench"])
    await people.accounts.set_active("ada", False)
    assert not people.good(token)


async def test_its_end_its_revocation_and_its_owners_removal(people: People) -> None:
    short, _ = await key(people, days=1)
    revoked, prefix = await key(people)
    orphan, _ = await key(people)
    await people.keyring.revoke(prefix)
    assert not people.good(revoked)
    people.wait(DAY)
    assert not people.good(short)
    assert people.good(orphan)
    await people.accounts.remove("ada")
    assert not people.good(orphan)
    assert people.keyring.all() == []


async def test_rotation_overlaps(people: People) -> None:
    old, prefix = await key(people, days=10)
    people.wait(9 * DAY)
    new, made = await people.keyring.rotate(prefix, DAY // 2)
    assert made.expires_at == people.clock.now() + 10 * DAY
    assert (people.good(old), people.good(new)) == (True, True)
    people.wait(DAY // 2)
    assert (people.good(old), people.good(new)) == (False, True)
    with pytest.raises(InvalidValueError, match="has ended"):
        await people.keyring.rotate(prefix, DAY)
    with pytest.raises(UnknownTokenError, match="gk_nothing"):
        await people.keyring.rotate("gk_nothing", DAY)


async def test_its_last_use_is_written_at_most_once_a_minute(people: People) -> None:
    token, prefix = await key(people)
    for seconds, written in ((0, 0), (59, 0), (1, 60), (30, 60)):
        people.wait(seconds * SECOND)
        people.accounts.principal(token)
        await people.keyring.write_uses()
        [kept] = await people.accounts.table.keys()
        assert kept.last_used == T0 + written * SECOND
    people.wait(60 * SECOND)
    people.accounts.principal(token)
    await people.accounts.load()
    assert people.keyring.named(prefix).last_used == people.clock.now(), "also before it is written"


async def test_one_in_the_last_tenth_of_its_life_is_spoken_of_once(people: People) -> None:
    _, prefix = await key(people, days=40)
    _, replaced = await key(people, days=40)
    people.wait(35 * DAY)
    assert await people.keyring.ending() == []
    await people.keyring.rotate(replaced, 5 * DAY)
    people.wait(DAY)
    assert {one.prefix for one in await people.keyring.ending()} == {prefix}
    await people.again()
    assert await people.keyring.ending() == []


async def test_those_that_ended_a_month_ago_are_forgotten(people: People) -> None:
    await key(people, days=1)
    people.wait(30 * DAY)
    await people.keyring.forget()
    assert len(people.keyring.all()) == 1
    people.wait(DAY)
    await people.keyring.forget()
    assert people.keyring.all() == []


@pytest.mark.parametrize(
    ("rights", "label", "days", "problem"),
    [
        ([Permission.MANAGE_USERS], "x", 1, "may not manage_users"),
        ([], "x", 1, "opens nothing"),
        ([LOOK], "", 1, "is no label"),
        ([LOOK], "a\nb", 1, "is no label"),
        ([LOOK], "x", 0, "is no such time"),
        ([LOOK], "x", 367, "is no such time"),
    ],
)
async def test_those_that_cannot_be(
    people: People, rights: list[Permission], label: str, days: int, problem: str
) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        await people.keyring.add(people.accounts.named("ada"), label, rights, (), days * DAY)
