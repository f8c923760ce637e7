"""Sessions: stolen, planted, renewed twice and at once."""

from __future__ import annotations

import asyncio

from godkaiser.errors import GodkaiserError
from tests.attacks.stand import PASSWORD, Stand
from tests.dashboard.conftest import Visitor

RACERS = 12


async def test_a_cookie_that_was_planted_before_the_sign_in_is_worth_nothing_after(besieged: Stand) -> None:
    """The attacker knows a session and puts it into the victim's browser, hoping it becomes the victim's."""
    mallory, victim = await besieged.inside("vera"), besieged.visitor()
    planted = mallory.cookies[besieged.cookie]
    await victim.ask("/login")
    for value in (planted, "chosen-by-mallory", ""):
        victim.cookies[besieged.cookie] = value
        answer = await victim.form("/login", {"name": "ann", "password": PASSWORD})
        assert answer.code == 303
        assert victim.cookies[besieged.cookie] not in {planted, value}
        assert (await besieged.call("verify", token=victim.cookies[besieged.cookie]))["user"] == "ann"
    # What was planted is nobody's now: signing in over it has ended it.
    assert (await mallory.ask("/")).code == 302
    assert (await besieged.fails("verify", token=planted)).code == "authentication_failed"


async def test_a_planted_form_secret_is_replaced_or_worth_nothing(besieged: Stand) -> None:
    """Whoever can set a cookie for this host knows its form secret, yet has no session with it."""
    victim = await besieged.inside("ann")
    name = next(one for one in victim.cookies if "xsrf" in one)
    mallory = besieged.visitor()
    mallory.cookies[name] = victim.cookies[name]
    assert (await mallory.ask("/stop", "POST", f"_xsrf={victim.secret}")).code == 403
    assert (await besieged.call("snapshot"))["stop"]["phase"] == "NORMAL"


async def test_each_sign_in_has_an_id_of_its_own(besieged: Stand) -> None:
    ids = set()
    for _ in range(5):
        told = await besieged.call("login", name="ann", password=PASSWORD, address="10.0.0.3")
        ids.add((await besieged.call("verify", token=told["token"]))["session"])
    assert len(ids) == 5


async def test_nobody_renews_twice_not_even_at_once(besieged: Stand) -> None:
    """Whoever wins, thief or owner: all that descends from this sign-in ends, and the audit says so."""
    access, refresh = await besieged.pair("ann")
    bystander, _ = await besieged.pair("ann", address="10.0.0.8")
    ends = await asyncio.gather(
        *(besieged.call("refresh", token=refresh) for _ in range(RACERS)), return_exceptions=True
    )
    won = [end for end in ends if isinstance(end, dict)]
    lost = [end for end in ends if isinstance(end, GodkaiserError)]
    assert (len(won), len(lost)) == (1, RACERS - 1)
    assert {end.code for end in lost} <= {"authentication_failed", "throttled"}
    for token in (access, won[0]["access_token"]):
        assert (await besieged.fails("verify", token=token)).code == "authentication_failed"
    assert (await besieged.fails("refresh", token=won[0]["refresh_token"])).code in {
        "authentication_failed",
        "throttled",
    }
    assert (await besieged.call("verify", token=bystander))["user"] == "ann"
    assert {row["target"] for row in await besieged.rows("session.reused")} == {"ann"}


async def test_a_refresh_token_that_was_used_long_ago_still_gives_the_theft_away(besieged: Stand) -> None:
    first = (await besieged.pair("ann"))[1]
    told = await besieged.call("refresh", token=first)
    for _ in range(3):
        told = await besieged.call("refresh", token=told["refresh_token"])
    assert (await besieged.fails("refresh", token=first)).code == "authentication_failed"
    assert (await besieged.fails("verify", token=told["access_token"])).code == "authentication_failed"


async def test_a_cookie_that_was_stolen_ends_with_its_owner_everywhere(besieged: Stand) -> None:
    owner = await besieged.inside("ann")
    thief = Visitor(owner.address, dict(owner.cookies))
    token = await thief.page_token()
    socket = await thief.socket(token)
    other = await besieged.inside("ann")
    assert (await other.form("/logout", {"everywhere": "1"})).code == 303
    async with asyncio.timeout(60):
        while await socket.read_message() is not None:
            pass
    socket.close()
    assert socket.close_code == 4001
    assert (await thief.ask("/")).code == 302
    assert (await thief.form("/stop", {})).code == 403
