"""What a row of the audit says beside who and what: from where, in which request, how grave, before and after."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.policy import Role
from godkaiser.errors import CommandRefusedError, InvalidValueError
from godkaiser.io.desk import POINTER, DeskServer
from godkaiser.model.audited import ACTIONS, AuditSeverity
from tests.kaiser.house import NODE, TEXT, House, file, house

PASSWORD = "Pump-2026-house"
HOOK = "https://hooks.example.org/services/T0PSECRET/B1?sign=abc"
RULE: dict[str, Any] = {
    "name": "Tell",
    "conditions": [{"type": "time_window", "start_time": "06:00", "end_time": "07:00"}],
    "actions": [{"type": "notification", "channel": "webhook", "target": HOOK, "message_template": "up"}],
}


async def rows(home: House, **asked: Any) -> list[dict[str, Any]]:
    await home.controller.runner.drained()
    found: list[dict[str, Any]] = await home.call("audit", since="-30d", **asked)
    return found


async def spoken(data: Path, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    """What the local socket answers, one line after the other."""
    reader, writer = await asyncio.open_unix_connection(json.loads((data / POINTER).read_text())["socket"])
    answers = []
    async with asyncio.timeout(60):
        for line in lines:
            writer.write(json.dumps(line).encode() + b"\n")
            answers.append(json.loads(await reader.readline()))
    writer.close()
    await writer.wait_closed()
    return answers


async def test_a_row_has_the_address_and_the_correlation_of_its_request(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        desk = DeskServer(tmp_path, home.controller.clerk)
        await desk.start()
        try:
            said, unsaid, other = await spoken(
                tmp_path,
                {"id": 1, "call": "stop", "from": {"address": "192.0.2.7", "correlation": "web:17"}},
                {"id": 2, "call": "clear"},
                {"id": 3, "call": "clear", "with": {"force": True}},
            )
        finally:
            await desk.stop()
        assert said["correlation"] == "web:17"
        assert unsaid["correlation"] not in ("", other["correlation"])
        found = {row["action"]: row for row in await rows(home)}
        assert (found["stop"]["address"], found["stop"]["correlation"]) == ("192.0.2.7", "web:17")
        assert (found["clear"]["address"], found["clear"]["correlation"]) == ("", unsaid["correlation"])
        assert [row["action"] for row in await rows(home, wanted={"correlation": "web:17"})] == ["stop"]
        assert [row["action"] for row in await rows(home, wanted={"address": "192.0.2.7"})] == ["stop"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("me", "'from' must be an object"),
        ({"user": "root"}, "'from' must be an object"),
        ({"address": 7}, "'from.address'"),
        ({"address": "x" * 81}, "'from.address'"),
        ({"address": "a\nb"}, "'from.address'"),
        ({"correlation": "x" * 65}, "'from.correlation'"),
        ({"correlation": "a b"}, "'from.correlation'"),
        ({"correlation": 1}, "'from.correlation'"),
    ],
)
async def test_nonsense_about_oneself_is_refused_and_nothing_is_done(
    said: Any, problem: str, tmp_path: Path
) -> None:
    async with house(tmp_path, file()) as home:
        desk = DeskServer(tmp_path, home.controller.clerk)
        await desk.start()
        try:
            (answer,) = await spoken(tmp_path, {"id": 1, "call": "stop", "from": said})
        finally:
            await desk.stop()
        assert answer["error"]["code"] == "protocol"
        assert problem in answer["error"]["message"]
        assert not [row for row in await rows(home) if row["action"] == "stop"]


async def test_what_happens_by_itself_has_neither(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.call("stop")
        await home.beat("ESP_0000AA")
        found = {row["action"]: row for row in await rows(home)}
        assert found["node.discovered"]["correlation"] == "", "the request before is over"
        assert found["stop"]["correlation"] != ""


async def test_each_command_of_a_person_is_one_row_also_a_refused_one(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.accounts.add("olga", PASSWORD, Role.OPERATOR)
        session = await home.call("login", name="olga", password=PASSWORD, address="10.0.0.3")
        await home.beat()
        home.pass_time(60)
        await home.beat()
        asked = {"actuator": "fan", "token": session["token"]}
        setting = asyncio.create_task(home.call("set", value=1, duration="2min", **asked))
        await asyncio.sleep(0)
        await home.controller.runner.drained()
        setting.cancel()
        await home.call("stop")
        with pytest.raises(CommandRefusedError):
            await home.call("set", value=1, **asked)
        found = await rows(home, wanted={"action": "actuator.set"})
        assert [(row["who"], row["target"], row["severity"]) for row in found] == [
            ("user:olga", f"{NODE}/25", "info")
        ] * 2
        assert found[0]["detail"] == "1 for 2 min"
        assert found[1]["detail"].startswith("1; refused: ")


async def test_each_push_of_configuration_is_one_row(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.beat()
        sent = home.sent("config")
        while not sent:
            home.pass_time(1)
            await home.beat()
            zone = home.sent("zone/assign")
            if zone:
                answer = {"esp_id": NODE, "status": "zone_assigned", "zone_id": "bench", "seq": 1}
                await home.hear("zone/ack", answer | {"correlation_id": zone[-1]["correlation_id"]})
            sent = home.sent("config")
        found = await rows(home, wanted={"action": "node.configured"})
        assert [row["target"] for row in found] == [NODE] * len(sent)
        assert found[0]["detail"].endswith(f"generation {sent[0]['generation']}")


async def test_changes_say_what_was_before_and_after_and_no_secret(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.call("users.add", name="olga", role="operator", zones=["bench"], password=PASSWORD)
        await home.call("users.role", name="olga", role="viewer")
        await home.call("users.remove", name="olga")
        found = await rows(home, wanted={"action": "user."})
        changes = [
            tuple(json.loads(row[name]) if row[name] else None for name in ("before", "after"))
            for row in found
        ]
        operator = {"role": "operator", "zones": ["bench"], "active": True, "totp": False}
        viewer = operator | {"role": "viewer"}
        assert changes == [(None, operator), (operator, viewer), (viewer, None)]
        await home.call("rules.import", documents=[RULE])
        await home.call("rules.import", documents=[RULE | {"priority": 7}])
        added, changed = await rows(home, wanted={"action": "rules.changed", "target": "tell"})
        assert added["before"] == ""
        assert json.loads(added["after"])["name"] == "Tell"
        assert json.loads(changed["before"]) == json.loads(added["after"])
        assert json.loads(changed["after"])["priority"] == 7
        assert "hooks.example.org" in changed["after"]
        assert "T0PSECRET" not in json.dumps(await rows(home))
        assert "sign=abc" not in json.dumps(await rows(home))


async def test_differences_of_a_site_say_what_was_before_and_after(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.call("site.apply", text=TEXT.replace("North bench", "South bench"))
        (row,) = await rows(home, wanted={"action": "site.changed"})
        assert (row["before"], row["after"]) == ('"North bench"', '"South bench"')


async def test_statistics_count_by_everything_and_by_day(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        before = await home.call("audit.statistics")
        await home.call("stop")
        home.pass_time(86_400)
        await home.call("users.add", name="olga", role="operator", password=PASSWORD)
        await home.call("login", name="olga", password=PASSWORD, address="10.0.0.3")
        await home.controller.runner.drained()
        after = await home.call("audit.statistics", tz="Europe/Berlin")
        assert after["rows"] == before["rows"] + 3
        assert after["erased"] == 0
        assert after["by"]["action"]["login"] == 1
        assert after["by"]["who"]["user:olga"] == 1
        assert after["by"]["address"]["10.0.0.3"] == 1
        assert sum(after["by"]["severity"].values()) == after["rows"]
        assert after["by"]["severity"]["critical"] == 1
        assert [day["begins"] for day in after["days"]] == ["2027-01-14T23:00:00Z", "2027-01-15T23:00:00Z"]
        last = after["days"][-1]
        assert {name: last[name] for name in ("info", "warning", "critical")} == {
            "info": 1, "warning": 1, "critical": 0
        }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"wanted": {"detail": "x"}}, "wanted"),
        ({"wanted": {"who": ""}}, "wanted.who"),
        ({"wanted": {"who": 7}}, "wanted.who"),
        ({"wanted": "who"}, "wanted"),
        ({"wanted": {"severity": "loud"}}, "wanted.severity"),
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"since": "then"}, "since"),
    ],
)
async def test_nonsense_is_refused_by_name(asked: dict[str, Any], field: str, tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        with pytest.raises(InvalidValueError) as caught:
            await home.call("audit", **asked)
        assert caught.value.field == field


async def test_the_newest_are_kept_of_many_and_actions_are_found_by_how_they_begin(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        for name in ("ann", "bob", "eve"):
            await home.call("users.add", name=name, role="viewer", password=PASSWORD)
        await home.call("users.logout", name="ann")
        assert [row["target"] for row in await rows(home, wanted={"action": "user."}, limit=2)] == [
            "eve",
            "ann",
        ]
        assert len(await rows(home, wanted={"action": "user.added"})) == 3
        assert await rows(home, wanted={"action": "user%."}) == []
        assert {row["severity"] for row in await rows(home, wanted={"severity": "warning"})} == {
            AuditSeverity.WARNING
        }
        assert {row["action"] for row in await rows(home)} <= set(ACTIONS)
