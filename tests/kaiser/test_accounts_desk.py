"""Accounts, zones and API tokens through the controller's own door."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pyotp
import pytest

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import (
    AuthenticationFailedError,
    CodeNeededError,
    ForbiddenError,
    GodkaiserError,
    InvalidValueError,
    LastAdminError,
    SetupDoneError,
    ThrottledError,
    TokenLimitError,
    UnknownTokenError,
    UnknownUserError,
    UnknownZoneError,
)
from godkaiser.io.clock import VirtualClock, WallClock
from godkaiser.io.hashing import THREADS
from godkaiser.io.whereabouts import of_alarm
from godkaiser.model.instant import MINUTE
from tests.kaiser.house import NODE, OTHER, TEXT, House, file, house

PASSWORD = "Pump-2026-house"
QUICK = hash_password(PASSWORD, bytes(16), cost=4)
HALL = TEXT.replace("name: North bench}]", "name: North bench}, {id: hall, name: Hall}]").replace(
    "sensors:\n",
    f"  - {{id: {OTHER}, name: hall node, zone: hall, approved: true}}\nsensors:\n",
).replace(
    "rules:\n",
    f"  - {{node: {OTHER}, gpio: 26, type: relay, kind: fan, name: hall fan, max_on_s: 1800}}\nrules:\n",
).replace(
    "actuators:\n",
    f"  - {{node: {OTHER}, gpio: 34, type: moisture, name: hall soil, calibration: {{dry: 2800, wet: 1200}}}}\n"
    "actuators:\n",
)  # fmt: skip


def rule(name: str, node: str, gpio: int) -> dict[str, Any]:
    return {
        "name": name,
        "conditions": [{"type": "time_window", "start_time": "06:00", "end_time": "22:00"}],
        "actions": [{"type": "actuator_command", "esp_id": node, "gpio": gpio, "command": "ON"}],
    }


def rescued(name: str, node: str, gpio: int) -> dict[str, Any]:
    """One of the bench, whose failover switches something else."""
    other = rule(name, node, gpio)["actions"]
    return rule(name, NODE, 25) | {"escalation_policy": {"failover_actions": other}}


def telling(name: str) -> dict[str, Any]:
    """One that switches nothing."""
    word = {"type": "notification", "channel": "websocket", "target": "all", "message_template": "cold"}
    return rule(name, NODE, 25) | {"actions": [word]}


BENCH_FAN, HALL_FAN = f"{NODE}/25", f"{OTHER}/26"
ACTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("set", {"actuator": BENCH_FAN, "value": 0.0}, {"actuator": HALL_FAN, "value": 0.0}),
    ("set", {"actuator": "fan", "value": 0.0}, {"actuator": "hall fan", "value": 0.0}),
    ("clear", {"scope": "zone:bench"}, {"scope": "zone:hall"}),
    ("clear", {"scope": f"node:{NODE}"}, {"scope": f"node:{OTHER}"}),
    ("clear", {"scope": "zone:North bench"}, {"scope": "all"}),
    ("measure", {"sensor": f"{NODE}/34/moisture"}, {"sensor": f"{OTHER}/34/moisture"}),
    ("nodes.ask", {"node": NODE, "command": "status"}, {"node": OTHER, "command": "status"}),
    ("nodes.approve", {"node": NODE}, {"node": OTHER}),
    ("nodes.reject", {"node": "climate node"}, {"node": "hall node"}),
    ("nodes.approve_all", {"nodes": [NODE]}, {"nodes": [NODE, OTHER]}),
    ("nodes.replace", {"node": NODE, "board": NODE}, {"node": OTHER, "board": "ESP_FF00AA"}),
    ("nodes.remove", {"node": NODE}, {"node": OTHER}),
    ("actuators.release", {"actuator": BENCH_FAN}, {"actuator": HALL_FAN}),
    ("actuators.service", {"actuator": BENCH_FAN}, {"actuator": HALL_FAN, "within": "1h"}),
    ("rules.import", {"documents": [rule("Mine", NODE, 25)]}, {"documents": [rule("Theirs", OTHER, 26)]}),
    (
        "rules.import",
        {"documents": [rule("Cool", NODE, 25)]},
        {"documents": [rule("Mine", NODE, 25), rule("Theirs", OTHER, 26)]},
    ),
    ("rules.disable", {"rule": "Cool"}, {"rule": "Hall rule"}),
    # What stands there already counts too: a rule of the hall must not become one of the bench.
    ("rules.enable", {"rule": "Cool"}, {"rule": "Hall rule"}),
    ("rules.import", {"documents": [rule("Cool", NODE, 25)]}, {"documents": [rule("Hall rule", NODE, 25)]}),
    # What a rule switches only when its decision was not carried out counts as well.
    (
        "rules.import",
        {"documents": [rescued("Mine", NODE, 25)]},
        {"documents": [rescued("Theirs", OTHER, 26)]},
    ),
    ("rules.enable", {"rule": "Cool"}, {"rule": "Rescued"}),
    ("rules.disable", {"rule": "Cool"}, {"rule": "Rescued"}),
    # What switches nothing is heard in the whole house.
    ("rules.import", {"documents": [rule("Mine", NODE, 25)]}, {"documents": [telling("Told")]}),
    ("rules.import", {"documents": [rule("Mine", NODE, 25)]}, {"documents": []}),
    (
        "rules.import",
        {"documents": [rule("Mine", NODE, 25)]},
        {"documents": [rule("Mine", NODE, 25), telling("Told")]},
    ),
    ("alarms.ack", {"key": f"node_silent:{NODE}"}, {"key": f"node_silent:{OTHER}"}),
    ("sensors.undo", {"sensor": "soil"}, {"sensor": "hall soil"}),
]


async def people(home: House, *names: str) -> dict[str, str]:
    """Sessions of root (admin), olaf (operator), vera (viewer) by name."""
    roles = {"root": Role.ADMIN, "olaf": Role.OPERATOR, "vera": Role.VIEWER}
    for name in names:
        await home.controller.accounts.table.add(name, roles[name], QUICK)
    await home.controller.accounts.load()
    return {name: await session(home, name) for name in names}


async def session(home: House, name: str, code: str = "") -> str:
    told = await home.call("login", name=name, password=PASSWORD, address="10.0.0.3", code=code)
    return str(told["token"])


async def details(home: House, begun: int) -> list[tuple[str, str, str, str]]:
    await home.controller.runner.drained()
    rows = await home.call("audit", since="-30d")
    return [(row["who"], row["action"], row["target"], row["detail"]) for row in rows[begun:]]


async def trouble(home: House, method: str, **params: Any) -> GodkaiserError | None:
    try:
        await home.call(method, **params)
    except GodkaiserError as error:
        return error
    return None


async def test_an_operator_of_one_zone_acts_there_and_nowhere_else(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "root", "olaf")
        await home.call(
            "rules.import", documents=[rule("Hall rule", OTHER, 26), rescued("Rescued", OTHER, 26)]
        )
        await home.beat()
        await home.beat(OTHER)
        await home.soil(2000)
        await home.soil(2000, OTHER)
        for node in (NODE, OTHER):
            await home.leave(node)
        done = await home.call("users.zones", name="olaf", zones=["North bench"])
        assert done["zones"] == ["bench"]
        olaf = await session(home, "olaf")
        for method, _, theirs in ACTS:
            found = await trouble(home, method, **theirs, token=olaf)
            assert isinstance(found, ForbiddenError), (method, found)
            assert "olaf (operator) may not" in str(found)
            assert "outside bench" in str(found)
        assert isinstance(await trouble(home, "site.apply", text=HALL, token=olaf), ForbiddenError)
        for method, mine, _ in ACTS:
            found = await trouble(home, method, **mine, token=olaf)
            assert not isinstance(found, (ForbiddenError, AuthenticationFailedError)), (method, found)


async def test_who_is_bound_to_a_zone_stops_and_sees_everything(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "olaf", "vera")
        for name in ("olaf", "vera"):
            await home.call("users.zones", name=name, zones=["bench"])
            token = await session(home, name)
            for scope in ("zone:hall", f"node:{OTHER}", "all"):
                assert (await home.call("stop", scope=scope, reason="smoke", token=token))[
                    "phase"
                ] == "ACTIVE"
            assert len((await home.call("site.export", token=token))["site"]["nodes"]) == 2


async def test_an_alarm_belongs_to_the_zones_of_what_it_speaks_of(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        state = home.controller.engine.state
        for key, zones in (
            (f"actuator_stuck:{HALL_FAN}", ["hall"]),
            (f"node_silent:{NODE}", ["bench"]),
            ("rule_cannot_act:cool", ["bench"]),
        ):
            found = of_alarm(state, key)
            assert found is not None
            assert list(found) == zones
        assert of_alarm(state, "stop_unconfirmed:all") is None


async def test_zones_that_are_none(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "olaf")
        with pytest.raises(UnknownZoneError):
            await home.call("users.zones", name="olaf", zones=["cellar"])
        for zones in ("bench", {"bench": 1}, 5):
            with pytest.raises(InvalidValueError):
                await home.call("users.zones", name="olaf", zones=zones)


async def test_every_change_is_a_row_with_before_and_after_and_no_secret(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        assert await home.call("setup.required") == {"setup_required": True}
        await home.call("setup", name="root", password=PASSWORD)
        assert await home.call("setup.required") == {"setup_required": False}
        with pytest.raises(SetupDoneError):
            await home.call("setup", name="root2", password=PASSWORD)
        root = await session(home, "root")
        own = {"token": root, "current": PASSWORD, "address": "10.0.0.4"}
        begun = len(await home.audit())
        made = await home.call("users.add", name="olaf", role="operator", zones=["bench"], **own)
        secrets = [made["password"]]
        assert made["password"] is not None
        told = await home.call("login", name="olaf", password=made["password"], address="x", pair=True)
        await home.call("users.role", name="olaf", role="viewer", **own)
        await home.call("users.zones", name="olaf", zones=[], **own)
        new = await home.call("users.password", name="olaf", **own)
        begin = await home.call("users.totp.begin", name="olaf", **own)
        phone = pyotp.parse_uri(begin["address"])
        assert isinstance(phone, pyotp.TOTP)
        code = phone.at(home.controller.accounts.clock.now() // 1_000_000)
        assert (await home.call("users.totp.confirm", name="olaf", code=code, **own))["totp"] is True
        await home.call("users.totp.remove", name="olaf", **own)
        await home.call("users.deactivate", name="olaf", token=root)
        await home.call("users.activate", name="olaf", **own)
        await home.call("users.logout", name="olaf", token=root)
        await home.call("users.remove", name="olaf", **own)
        rows = await details(home, begun)
        changes = [row[3] for row in rows if row[1] == "user.changed"]
        assert changes == [
            "role operator → viewer; 2 tokens ended", "zones bench → all", "password changed",
            "second factor begun", "second factor no → yes", "second factor yes → no",
            "active yes → no", "active no → yes",
            "logged out everywhere",
        ]  # fmt: skip
        assert [row for row in rows if row[1] in ("user.added", "user.removed")] == [
            ("user:root", "user.added", "olaf", "operator, zones bench"),
            ("user:root", "user.removed", "olaf", "viewer, zones all"),
        ]
        secrets += [new["password"], phone.secret, code, told["access_token"], told["refresh_token"], root]
        assert not [word for word in secrets if word in str(rows)]
        assert [user["name"] for user in await home.call("users.list", token=root)] == ["root"]


async def test_the_last_admin_stays(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        root = (await people(home, "root", "olaf"))["root"]
        for method, more in (
            ("users.role", {"role": "viewer", "current": PASSWORD}),
            ("users.deactivate", {}),
            ("users.remove", {"current": PASSWORD}),
        ):
            with pytest.raises(LastAdminError, match="root"):
                await home.call(method, name="root", token=root, **more)
        assert (await home.call("verify", token=root))["role"] == "admin"


async def test_only_admins_change_others_and_nobody_else_does(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        tokens = await people(home, "root", "olaf")
        asked: list[tuple[str, dict[str, Any]]] = [
            ("users.list", {}),
            ("users.add", {"name": "eve", "role": "admin"}),
            ("users.role", {"name": "olaf", "role": "admin"}),
            ("users.zones", {"name": "olaf", "zones": []}),
            ("users.password", {"name": "root", "password": "Other-2026-house"}),
            ("users.password", {"name": "root", "password": "Other-2026-house", "current": PASSWORD}),
            ("users.deactivate", {"name": "root"}),
            ("users.activate", {"name": "root"}),
            ("users.remove", {"name": "root"}),
            ("users.logout", {"name": "root"}),
            ("users.totp.begin", {"name": "root"}),
            ("users.totp.confirm", {"name": "root", "code": "000000"}),
            ("users.totp.remove", {"name": "olaf"}),
            ("tokens.add", {"label": "x", "permissions": ["look"], "owner": "root"}),
        ]
        for method, params in asked:
            found = await trouble(home, method, **params, token=tokens["olaf"])
            assert isinstance(found, ForbiddenError), (method, found)
            assert isinstance(await trouble(home, method, **params, token="x"), AuthenticationFailedError)
        for name, role in (("root", "king"), ("root", None), ("nobody", "viewer")):
            own = {"token": tokens["root"], "current": PASSWORD}
            found = await trouble(home, "users.role", name=name, role=role, **own)
            assert isinstance(found, (InvalidValueError, UnknownUserError))


async def test_ones_own_password_and_phone_need_the_password(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        olaf = (await people(home, "olaf"))["olaf"]
        for method in ("users.password", "users.totp.begin"):
            with pytest.raises(ForbiddenError, match="without the current password"):
                await home.call(method, name="olaf", token=olaf)
            with pytest.raises(AuthenticationFailedError):
                await home.call(method, name="olaf", current="wrong", address="here", token=olaf)
        own = {"name": "olaf", "current": PASSWORD, "address": "here", "token": olaf}
        phone = pyotp.parse_uri((await home.call("users.totp.begin", **own))["address"])
        assert isinstance(phone, pyotp.TOTP)
        now = home.controller.accounts.clock.now() // 1_000_000
        await home.call("users.totp.confirm", code=phone.at(now - 30), **own)
        with pytest.raises(CodeNeededError):
            await session(home, "olaf")
        with pytest.raises(AuthenticationFailedError, match="code"):
            await session(home, "olaf", "000000")
        assert (await home.call("verify", token=await session(home, "olaf", phone.at(now))))["user"] == "olaf"
        done = await home.call("users.password", password="Other-2026-house", **own)
        assert (done["password"], done["tokens_invalidated"]) == (None, 2)
        with pytest.raises(AuthenticationFailedError):
            await home.call("verify", token=olaf)


async def test_an_admin_takes_their_own_second_factor_away_by_the_password_only(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        tokens = await people(home, "root", "olaf")
        accounts = home.controller.accounts
        for name in tokens:
            phone = pyotp.parse_uri(await accounts.begin_totp(name))
            assert isinstance(phone, pyotp.TOTP)
            await accounts.confirm_totp(name, phone.now())
        own = {"name": "root", "address": "here", "token": tokens["root"]}
        with pytest.raises(ForbiddenError, match="without the current password"):
            await home.call("users.totp.remove", **own)
        with pytest.raises(AuthenticationFailedError):
            await home.call("users.totp.remove", **own, current="wrong")
        assert [user["totp"] for user in await home.call("users.list")] == [True, True]
        assert (await home.call("users.totp.remove", **own, current=PASSWORD))["totp"] is False
        with pytest.raises(ForbiddenError, match="olaf"):
            await home.call("users.totp.remove", name="olaf", current=PASSWORD, token=tokens["olaf"])
        done = await home.call("users.totp.remove", **own | {"name": "olaf"}, current=PASSWORD)
        assert done["totp"] is False


TAKEOVER: list[tuple[str, dict[str, Any]]] = [
    ("users.add", {"name": "eve", "role": "admin"}),
    ("users.role", {"name": "olaf", "role": "admin"}),
    ("users.zones", {"name": "olaf", "zones": ["bench"]}),
    ("users.password", {"name": "olaf", "password": "Other-2026-house"}),
    ("users.totp.begin", {"name": "olaf"}),
    ("users.totp.confirm", {"name": "olaf", "code": "000000"}),
    ("users.totp.remove", {"name": "olaf"}),
    ("users.activate", {"name": "olaf"}),
    ("users.remove", {"name": "olaf"}),
    ("broker.passwd", {"name": "godkaiser"}),
    ("tokens.add", {"label": "x", "permissions": ["switch"], "owner": "olaf"}),
]


@pytest.mark.parametrize(("method", "params"), TAKEOVER)
async def test_an_open_page_of_an_admin_is_not_enough_to_take_the_house_over(
    method: str, params: dict[str, Any], tmp_path: Path
) -> None:
    async with house(tmp_path, file(HALL)) as home:
        root = (await people(home, "root", "olaf"))["root"]
        before = await home.call("users.list")
        with pytest.raises(ForbiddenError, match="without the current password"):
            await home.call(method, **params, token=root)
        with pytest.raises(AuthenticationFailedError, match="name or password is wrong"):
            await home.call(method, **params, token=root, current="Wrong-2026-house", address="10.0.0.9")
        assert await home.call("users.list") == before
        own = {"token": root, "current": PASSWORD, "address": "10.0.0.10"}
        found = await trouble(home, method, **params, **own)
        assert not isinstance(found, (ForbiddenError, AuthenticationFailedError)), "with it they may"


async def test_shutting_somebody_out_is_quick(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        tokens = await people(home, "root", "olaf")
        for method in ("users.logout", "users.deactivate"):
            await home.call(method, name="olaf", token=tokens["root"])
            assert isinstance(await trouble(home, "verify", token=tokens["olaf"]), AuthenticationFailedError)


async def test_who_loses_the_right_while_their_password_is_looked_at_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        accounts = home.controller.accounts
        root = (await people(home, "root", "olaf"))["root"]
        own = {"token": root, "current": PASSWORD, "address": "10.0.0.10"}
        held = threading.Event()
        # Passwords are looked at in threads of their own, of which none is free now.
        busy = [asyncio.create_task(accounts.hashing.run(held.wait, 60.0)) for _ in range(THREADS)]
        await asyncio.sleep(0)
        asked = asyncio.create_task(home.call("users.role", name="olaf", role="admin", **own))
        for _ in range(10):
            await asyncio.sleep(0)
        await home.call("users.logout", name="root")
        held.set()
        await asyncio.gather(*busy)
        with pytest.raises(AuthenticationFailedError, match=r"revoked|password is wrong"):
            await asked
        assert accounts.named("olaf").role is Role.OPERATOR


async def test_guessing_the_current_password_is_slowed_down_and_keeps_the_address_out(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        root = (await people(home, "root", "olaf"))["root"]
        own = {"token": root, "current": "Wrong-2026-house", "address": "198.51.100.7"}
        found = [await trouble(home, "users.role", name="olaf", role="admin", **own) for _ in range(25)]
        assert {type(error) for error in found} == {AuthenticationFailedError, ThrottledError}
        assert [one["address"] for one in await home.call("blocks.list")] == ["198.51.100.7"]
        shown = await home.call("stop", scope="all", reason="fire", token=root)
        assert shown["phase"] == "ACTIVE"


async def test_pairs_are_renewed_and_one_that_comes_twice_is_audited(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "vera")
        begun = len(await home.audit())
        told = await home.call("login", name="vera", password=PASSWORD, address="x", pair=True)
        new = await home.call("refresh", token=told["refresh_token"])
        assert (await home.call("verify", token=new["access_token"], kind="access"))["user"] == "vera"
        for token, kind in ((new["access_token"], "page"), (new["refresh_token"], "access")):
            with pytest.raises(AuthenticationFailedError):
                await home.call("verify", token=token, kind=kind)
        with pytest.raises(InvalidValueError, match="kind"):
            await home.call("verify", token=new["access_token"], kind="refresh")
        with pytest.raises(AuthenticationFailedError):
            await home.call("refresh", token=told["refresh_token"])
        with pytest.raises(AuthenticationFailedError):
            await home.call("verify", token=new["access_token"])
        assert await details(home, begun) == [
            ("user:vera", "login", "vera", ""),
            ("nobody", "session.reused", "vera", "4 tokens ended"),
        ]
        for token in (None, 5, ["x"]):
            with pytest.raises(InvalidValueError, match="token"):
                await home.call("refresh", token=token)


async def test_signing_out_says_how_many_tokens_ended(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        token = (await people(home, "vera"))["vera"]
        pair = await home.call("login", name="vera", password=PASSWORD, address="x", pair=True)
        assert await home.call("logout", token=pair["access_token"]) == {
            "success": True,
            "tokens_invalidated": 2,
        }
        await session(home, "vera")
        assert (await home.call("logout", token=token, all_devices=True))["tokens_invalidated"] == 2
        assert [row[3] for row in await details(home, 0) if row[1] == "logout"] == [
            "2 tokens ended",
            "everywhere, 2 tokens ended",
        ]


async def test_api_tokens_from_first_to_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wall = VirtualClock(WallClock().now())
    async with house(tmp_path, file(HALL), wall=wall) as home:
        tokens = await people(home, "root", "olaf", "vera")
        olaf, root = tokens["olaf"], tokens["root"]
        with pytest.raises(InvalidValueError, match="owner"):
            await home.call("tokens.add", label="x", permissions=["look"])
        with pytest.raises(InvalidValueError, match="permissions"):
            await home.call("tokens.add", label="x", permissions=["fly"], current=PASSWORD, token=olaf)
        asked = {"label": "logger", "permissions": ["look", "switch"], "zones": ["hall"], "lasting": "1h"}
        own = {"current": PASSWORD, "address": "10.0.0.3", "token": olaf}
        made = await home.call("tokens.add", **asked, **own)
        prefix, key = made["prefix"], made["token"]
        assert made | {"zones": ["hall"], "owner": "olaf", "state": "good", "ends_soon": False} == made
        assert isinstance(
            await trouble(home, "set", actuator=BENCH_FAN, value=0.0, token=key), ForbiddenError
        )
        found = await trouble(home, "set", actuator=HALL_FAN, value=0.0, token=key)
        assert not isinstance(found, ForbiddenError)
        assert (await home.call("verify", token=key))["permissions"] == ["look", "switch"]
        for method, params in (
            ("logout", {}), ("users.list", {}), ("tokens.list", {}), ("tokens.revoke", {"prefix": prefix}),
            ("users.password", {"name": "olaf", "current": PASSWORD}), ("verify", {"kind": "page"}),
            ("tokens.add", {"label": "x", "permissions": ["look"]}),
        ):  # fmt: skip
            assert isinstance(
                await trouble(home, method, **params, token=key), (ForbiddenError, AuthenticationFailedError)
            ), method
        assert await home.call("tokens.list", token=tokens["vera"]) == []
        with pytest.raises(ForbiddenError):
            await home.call("tokens.revoke", prefix=prefix, token=tokens["vera"])
        with pytest.raises(UnknownTokenError):
            await home.call("tokens.revoke", prefix="gk_00000000", token=root)
        wall.advance(wall.now() + 55 * MINUTE)
        for _ in range(2):
            await home.controller.doorman.look()
        assert caplog.text.count(f"The API token {prefix} (logger) of olaf ends at") == 1
        [listed] = await home.call("tokens.list", token=root)
        assert (listed["last_used"] is None, listed["ends_soon"], listed["replaced_by"]) == (
            False,
            True,
            None,
        )
        new = await home.call("tokens.rotate", prefix=prefix, overlap="1h", **own)
        assert (new["before"]["ends_soon"], new["before"]["replaced_by"]) == (False, new["prefix"])
        assert (await home.call("verify", token=new["token"]))["user"] == "olaf"
        assert (await home.call("verify", token=key))["user"] == "olaf"
        assert (await home.call("tokens.revoke", prefix=prefix, token=root))["state"] == "revoked"
        with pytest.raises(AuthenticationFailedError):
            await home.call("verify", token=key)
        rows = [row for row in await details(home, 0) if row[1].startswith(("token.", "denied"))]
        assert [row[:3] for row in rows] == [
            ("user:olaf", "token.added", prefix),
            (f"user:olaf/{prefix}", "denied", "switch"),
            *[(f"user:olaf/{prefix}", "denied", "session")] * 6,
            ("user:vera", "denied", "manage_users"),
            ("controller", "token.ending", prefix),
            ("user:olaf", "token.rotated", prefix),
            ("user:root", "token.revoked", prefix),
        ]
        assert key not in str(rows)
        assert new["token"] not in str(rows)


async def test_one_that_was_rotated_is_told_as_replaced_also_after_a_restart_and_by_the_one_that_stands(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "olaf")
        old = (await home.call("tokens.add", owner="olaf", label="x", permissions=["look"]))["prefix"]
        made = [trouble(home, "tokens.rotate", prefix=old) for _ in range(2)]  # at once, as two might do it
        refused = [one for one in await asyncio.gather(*made) if one is not None]
        (first,) = [one["prefix"] for one in await home.call("tokens.list") if one["prefix"] != old]
        assert [str(one) for one in refused] == [f"prefix = {old}: was replaced by {first} already"]
        assert f"rotate {first}, or revoke it first" in refused[0].remedy
    async with house(tmp_path) as home:
        states = {one["prefix"]: one for one in await home.call("tokens.list")}
        assert {(one["state"], one["ends_soon"]) for one in states.values()} == {("good", False)}
        assert [states[one]["replaced_by"] for one in (old, first)] == [first, None]
        for _ in range(2):  # whoever lost the new one before it was copied
            after = (await replaced(home))[old]
            begun = len(await home.audit())
            assert [(await home.call("tokens.revoke", prefix=after))["already"] for _ in "ab"] == [
                False,
                True,
            ]
            assert [row[1:] for row in await details(home, begun)] == [("token.revoked", after, "x")]
            assert (await replaced(home))[old] is None, "nothing is in its place any more"
            newest = (await home.call("tokens.rotate", prefix=old))["prefix"]
            assert (await replaced(home))[old] == newest
    async with house(tmp_path) as home:
        assert (await replaced(home))[old] == newest
        rotated = (await home.call("tokens.rotate", prefix=newest))["prefix"]
        assert await replaced(home) == {old: newest, newest: rotated, rotated: None}
        await home.call("tokens.revoke", prefix=newest)
        assert await replaced(home) == {old: rotated, rotated: None}


async def replaced(home: House) -> dict[str, str | None]:
    """Of those that stand, by what."""
    keys = await home.call("tokens.list")
    return {one["prefix"]: one["replaced_by"] for one in keys if one["state"] == "good"}


async def test_of_an_api_token_it_is_told_what_became_of_it_and_nothing_of_a_guess(tmp_path: Path) -> None:
    wall = VirtualClock(WallClock().now())
    async with house(tmp_path, file(HALL), wall=wall) as home:
        await people(home, "olaf")
        asked = {"owner": "olaf", "label": "x", "permissions": ["look"], "lasting": "1h"}
        gone, over = [await home.call("tokens.add", **asked) for _ in range(2)]
        await home.call("tokens.revoke", prefix=gone["prefix"])
        wall.advance(wall.now() + 2 * 60 * MINUTE)
        wrong = [
            f"{one['token'][:-4]}{'0000' if one['token'][-4:] != '0000' else '1111'}" for one in (gone, over)
        ]
        wrong.append(f"gk_{'0' * 8}_{'0' * 64}")
        said = [
            str(await trouble(home, "verify", token=one)) for one in (gone["token"], over["token"], *wrong)
        ]
        assert said == [
            "Sign-in failed: Token has been revoked",
            "Sign-in failed: this API token has ended",
            *["Sign-in failed: this API token is not known"] * 3,
        ]


async def test_what_is_so_already_is_no_change_and_ends_no_session(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        tokens = await people(home, "root", "olaf")
        olaf = tokens["olaf"]
        await home.call("users.zones", name="olaf", zones=["bench"])
        olaf, begun = await session(home, "olaf"), len(await home.audit())
        changes: list[tuple[str, dict[str, Any]]] = [
            ("users.role", {"role": "operator"}),
            ("users.zones", {"zones": ["North bench"]}),
            ("users.activate", {}),
            ("users.totp.remove", {}),
        ]
        own = {"current": PASSWORD, "address": "10.0.0.10", "token": tokens["root"]}
        for method, params in changes:
            done = await home.call(method, name="olaf", **params, **own)
            assert (done["already"], done["tokens_invalidated"]) == (True, 0), method
            assert (done["role"], done["zones"], done["active"]) == ("operator", ["bench"], True)
        assert (await home.call("users.role", name="root", role="admin", **own))["already"]
        assert (await home.call("verify", token=olaf))["user"] == "olaf"
        assert (await home.call("verify", token=tokens["root"]))["user"] == "root"
        assert await details(home, begun) == []
        assert not (await home.call("users.deactivate", name="olaf"))["already"]
        begun = len(await home.audit())
        assert (await home.call("users.deactivate", name="olaf"))["already"]
        assert await details(home, begun) == []
        for method, params in changes[:2]:  # the right is asked first, and the password
            found = await trouble(home, method, name="olaf", **params, token=tokens["root"])
            assert isinstance(found, ForbiddenError), method


async def test_the_same_change_by_two_at_once_is_one_row(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "root", "olaf")
        begun = len(await home.audit())
        changes: list[tuple[str, dict[str, Any]]] = [
            ("users.role", {"role": "viewer"}),
            ("users.zones", {"zones": ["bench"]}),
            ("users.deactivate", {}),
            ("users.activate", {}),
        ]
        for method, params in changes:
            both = await asyncio.gather(*(home.call(method, name="olaf", **params) for _ in range(2)))
            assert sorted(one["already"] for one in both) == [False, True], method
        assert [detail for _, _, _, detail in await details(home, begun)] == [
            "role operator → viewer; 1 tokens ended",
            "zones all → bench",
            "active yes → no",
            "active no → yes",
        ]


async def test_of_two_admins_who_demote_each_other_at_once_one_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        root = (await people(home, "root"))["root"]
        accounts = home.controller.accounts
        for name in ("rita", "rosa"):
            await accounts.table.add(name, Role.ADMIN, QUICK)
        await accounts.load()
        rita, rosa = await session(home, "rita"), await session(home, "rosa")
        own = {"role": "viewer", "current": PASSWORD, "address": "10.0.0.10"}
        told = await asyncio.gather(
            trouble(home, "users.role", name="rosa", token=rita, **own),
            trouble(home, "users.role", name="rita", token=rosa, **own),
        )
        assert [type(one) for one in told if one is not None] == [AuthenticationFailedError], told
        assert sorted(accounts.named(name).role.value for name in ("rita", "rosa")) == ["admin", "viewer"]
        assert (await home.call("verify", token=root))["user"] == "root"


async def test_the_audit_says_in_which_zones_an_api_token_acts(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "root", "olaf")
        await home.call("users.zones", name="olaf", zones=["bench", "hall"])
        begun, asked = len(await home.audit()), {"label": "x", "permissions": ["look", "switch"]}
        await home.call("tokens.add", owner="olaf", **asked)
        await home.call("tokens.add", owner="olaf", zones=["hall"], **asked)
        await home.call("tokens.add", owner="root", **asked)
        said = [row[3].split("zones ")[1].split(", until")[0] for row in await details(home, begun)]
        assert said == ["bench, hall (its owner's)", "hall", "all"]


async def test_what_outlives_a_session_needs_the_password(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        tokens = await people(home, "root", "olaf")
        olaf, root = tokens["olaf"], tokens["root"]
        asked = {"label": "x", "permissions": ["look", "switch"]}
        first, other = [
            (await home.call("tokens.add", owner="olaf", **asked))["prefix"]  # the local user has no password
            for _ in range(2)
        ]
        tried: list[tuple[str, dict[str, Any], str]] = [
            ("tokens.add", asked, olaf),
            ("tokens.add", asked | {"owner": "olaf"}, root),
            ("tokens.rotate", {"prefix": first}, olaf),
            ("tokens.rotate", {"prefix": other}, root),
        ]
        for number, (method, params, token) in enumerate(tried):
            here = {"address": f"10.0.1.{number}", "token": token}
            with pytest.raises(ForbiddenError, match="without the current password"):
                await home.call(method, **params, **here)
            with pytest.raises(AuthenticationFailedError):
                await home.call(method, **params, current="wrong", **here)
            assert (await home.call(method, **params, current=PASSWORD, **here))["token"]


async def test_an_api_token_is_not_renewed_beyond_what_its_owner_may_now(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "root", "olaf")
        asked = {"owner": "olaf", "label": "x", "permissions": ["look", "switch"]}
        wide = await home.call("tokens.add", **asked)
        hall = await home.call("tokens.add", **asked, zones=["hall"])
        await home.call("users.zones", name="olaf", zones=["bench"])
        with pytest.raises(InvalidValueError, match="olaf may not act in hall"):
            await home.call("tokens.rotate", prefix=hall["prefix"])
        assert (await home.call("tokens.rotate", prefix=wide["prefix"]))["zones"] is None
        await home.call("users.role", name="olaf", role="viewer")
        with pytest.raises(InvalidValueError, match=r"olaf \(viewer\) may not switch"):
            await home.call("tokens.rotate", prefix=wide["prefix"])


async def test_nobody_has_more_than_twenty_api_tokens(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "root", "olaf")
        asked = {"label": "x", "permissions": ["look"]}
        for _ in range(18):
            made = await home.call("tokens.add", owner="olaf", **asked)
        tried = [trouble(home, "tokens.add", owner="olaf", **asked) for _ in range(4)]
        found = await asyncio.gather(*tried, return_exceptions=True)
        assert [type(one) for one in found] == [type(None)] * 2 + [TokenLimitError] * 2
        with pytest.raises(TokenLimitError, match="olaf has 20 API tokens already"):
            await home.call("tokens.rotate", prefix=made["prefix"])
        await home.call("tokens.revoke", prefix=made["prefix"])  # what has ended does not count
        assert (await home.call("tokens.add", owner="olaf", **asked))["state"] == "good"
        assert (await home.call("tokens.add", owner="root", **asked))["state"] == "good"


async def test_the_api_tokens_of_who_is_not_active_are_revoked_for_good(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "root", "olaf")
        asked = {"label": "x", "permissions": ["look"]}
        made = await home.call("tokens.add", owner="olaf", **asked)
        other = await home.call("tokens.add", owner="root", **asked)
        await home.call("users.activate", name="olaf")  # is active already: nothing ends
        assert (await home.call("verify", token=made["token"]))["user"] == "olaf"
        await home.call("users.deactivate", name="olaf")
        assert [row["state"] for row in await home.call("tokens.list")] == ["revoked", "good"]
        with pytest.raises(InvalidValueError, match="olaf is not active"):
            await home.call("tokens.add", owner="olaf", **asked)
        await home.call("users.activate", name="olaf")
        with pytest.raises(AuthenticationFailedError, match="revoked"):
            await home.call("verify", token=made["token"])
        assert (await home.call("verify", token=other["token"]))["user"] == "root"
        rows = [row[1:] for row in await details(home, 0) if row[1] == "token.revoked"]
        assert rows == [("token.revoked", made["prefix"], "x, with its owner")]
    async with house(tmp_path) as home:
        with pytest.raises(AuthenticationFailedError, match="revoked"):
            await home.call("verify", token=made["token"])


async def test_what_an_older_version_left_to_who_was_not_active_does_not_come_back(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        await people(home, "root", "olaf")
        made = await home.call("tokens.add", owner="olaf", label="x", permissions=["look"])
        await home.call("users.deactivate", name="olaf")
        await home.controller.accounts.table.change_key(made["prefix"], revoked=False)
        await home.call("users.activate", name="olaf")
        with pytest.raises(AuthenticationFailedError, match="revoked"):
            await home.call("verify", token=made["token"])


async def test_everything_is_as_it_was_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, file(HALL)) as home:
        token = (await people(home, "olaf", "vera"))["olaf"]
        vera = await session(home, "vera")
        await home.call("logout", token=token)
        await home.call("users.zones", name="vera", zones=["hall"])
    async with house(tmp_path) as home:
        for old in (token, vera):
            with pytest.raises(AuthenticationFailedError, match="revoked"):
                await home.call("verify", token=old)
        assert [user["zones"] for user in await home.call("users.list")] == [[], ["hall"]]
