"""What people may, said beforehand, and what becomes of it when they do it: never two answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import ConflictError, ForbiddenError, InvalidValueError
from tests.kaiser.house import NODE, TEXT, House, file, house

QUICK = hash_password("Pump-2026-house", bytes(16), cost=4)
FAN: Final = f"{NODE}/25"
LAMP: Final = "ESP_0A1B2C/16"
ROOM_NODE = "  - {id: ESP_0A1B2C, name: room node, zone: room, approved: true}\n"
ROOM_LAMP = "  - {node: ESP_0A1B2C, gpio: 16, type: relay, kind: light, name: lamp, zone: room}\n"
TWO_ZONES = (
    TEXT.replace("North bench}]", "North bench}, {id: room, name: Room}]")
    .replace("sensors:", f"{ROOM_NODE}sensors:")
    .replace("rules:", f"{ROOM_LAMP}rules:")
)


async def people(home: House) -> dict[str, str]:
    """A page's token of each: an admin, operators of everything, of the bench and of the room, a viewer."""
    given = {"root": (Role.ADMIN, ()), "olaf": (Role.OPERATOR, ()), "ben": (Role.OPERATOR, ("bench",)),
             "rita": (Role.OPERATOR, ("room",)), "vera": (Role.VIEWER, ())}  # fmt: skip
    for name, (role, zones) in given.items():
        await home.controller.accounts.table.add(name, role, QUICK, zones)
    await home.controller.accounts.load()
    tokens = {}
    for name in given:
        told = await home.call("login", name=name, password="Pump-2026-house", address="")
        tokens[name] = str(told["token"])
    return tokens


async def done(home: House, token: str, method: str, **params: Any) -> bool:
    """Was it let through? Whatever else became of it."""
    try:
        await home.call(method, token=token, **params)
    except ForbiddenError:
        return False
    except ConflictError:
        return True
    return True


async def test_what_is_said_is_what_happens(tmp_path: Path) -> None:
    async with house(tmp_path, file(TWO_ZONES)) as home:
        await home.beat()
        tokens = await people(home)
        for name, token in tokens.items():
            said = await home.call("may", right="edit_rules", kind="rule", things=["cool"], token=token)
            assert said["cool"]["may"] is await done(home, token, "rules.enable", rule="cool"), name
            said = await home.call("may", right="approve", kind="node", things=[NODE], token=token)
            assert said[NODE]["may"] is await done(home, token, "nodes.approve", node=NODE), name
            said = await home.call("may", right="switch", kind="actuator", things=[FAN], token=token)
            assert said[FAN]["may"] is await done(home, token, "actuators.release", actuator=FAN), name


async def test_an_alarm_of_another_zone_is_said_to_be_one(tmp_path: Path) -> None:
    async with house(tmp_path, file(TWO_ZONES)) as home:
        await home.beat()
        await home.leave()
        home.pass_time(61)
        await home.controller.runner.settled()
        keys = [one["key"] for one in (await home.call("alarms.list"))["standing"]]
        key = next(one for one in keys if one.endswith(NODE))
        tokens = await people(home)
        ask = {"right": "acknowledge_alarms", "kind": "alarm", "things": [key]}
        for name, why in {"root": "", "olaf": "", "ben": "", "rita": "zones", "vera": "right"}.items():
            said = (await home.call("may", **ask, token=tokens[name]))[key]
            assert said == {"may": not why, "why": why, "zones": ["bench"]}, name
        bound = {"label": "x", "permissions": ["take_alarms_out_of_service"], "owner": "root"}
        for zone in ("bench", "room"):
            program = (await home.call("tokens.add", **bound, zones=[zone]))["token"]
            ask = {"right": "take_alarms_out_of_service", "kind": "alarm", "things": [key]}
            said = (await home.call("may", **ask, token=program))[key]
            assert said["may"] is (zone == "bench")
            assert await done(home, program, "alarms.remove", key=key) is (zone == "bench")
            assert await done(home, program, "alarms.restore", key=key) is (zone == "bench")
        assert not await done(home, tokens["rita"], "alarms.ack", key=key)
        assert await done(home, tokens["ben"], "alarms.ack", key=key)


async def test_what_is_not_there_and_what_is_no_question(tmp_path: Path) -> None:
    async with house(tmp_path, file(TWO_ZONES)) as home:
        for kind in ("rule", "alarm", "node", "actuator", "sensor", "scope"):
            said = await home.call("may", right="switch", kind=kind, things=["nothing"])
            assert said == {"nothing": {"may": False, "why": "missing", "zones": []}}
        tokens = await people(home)
        said = await home.call(
            "may", right="clear", kind="scope", things=["zone:room", "all"], token=tokens["rita"]
        )
        assert [one["may"] for one in said.values()] == [True, False]
        for name, scope in (("rita", "zone:Room"), ("ben", "zone:North bench"), ("rita", f"node:{NODE}")):
            said = await home.call("may", right="clear", kind="scope", things=[scope], token=tokens[name])
            assert said[scope]["may"] is await done(home, tokens[name], "clear", scope=scope), scope
        said = await home.call("may", right="switch", kind="actuator", things=[LAMP], token=tokens["ben"])
        assert said[LAMP] == {"may": False, "why": "zones", "zones": ["room"]}
        for wrong in ({"right": "fly"}, {"kind": "cat"}, {"kind": 5}, {"things": "x"}, {"things": [5]}):
            with pytest.raises(InvalidValueError):
                await home.call("may", **{"right": "look", "kind": "rule", "things": []} | wrong)


async def test_asking_what_one_may_is_no_denial_in_the_audit(tmp_path: Path) -> None:
    async with house(tmp_path, file(TWO_ZONES)) as home:
        tokens = await people(home)
        before = await home.audit()
        await home.call("may", right="edit_rules", kind="rule", things=["cool"], token=tokens["rita"])
        assert await home.audit() == before


async def test_one_sees_oneself_and_no_secret(tmp_path: Path) -> None:
    async with house(tmp_path, file(TWO_ZONES)) as home:
        tokens = await people(home)
        mine = await home.call("me", token=tokens["ben"])
        assert (mine["name"], mine["role"], mine["zones"], mine["totp"]) == (
            "ben",
            "operator",
            ["bench"],
            False,
        )
        assert set(mine) == {"name", "role", "zones", "totp", "permissions"}
        made = await home.call("tokens.add", label="x", owner="root", permissions=["look"])
        with pytest.raises(ForbiddenError, match="API token"):
            await home.call("me", token=made["token"])


async def test_who_was_seen_and_when_also_before_this_start(tmp_path: Path) -> None:
    async with house(tmp_path, file(TWO_ZONES)) as home:
        tokens = await people(home)
        await home.controller.accounts.table.add("idle", Role.VIEWER, QUICK)
        await home.controller.accounts.load()
        seen = await home.call("users.seen", token=tokens["root"])
        assert seen["idle"] is None
        assert seen["root"] is not None
        with pytest.raises(ForbiddenError):
            await home.call("users.seen", token=tokens["olaf"])
        await home.audit()
    async with house(tmp_path, clock=home.clock) as home:
        again = await home.call("users.seen")
        assert again["idle"] is None
        assert again["vera"] is not None
        home.pass_time(1)
        await home.call("users.remove", name="vera")
        await home.call("users.add", name="vera", role="viewer")
        await home.audit()
    async with house(tmp_path, clock=home.clock) as home:
        assert (await home.call("users.seen"))["vera"] is None, "that was another vera"
