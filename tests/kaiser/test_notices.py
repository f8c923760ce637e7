"""What rules tell people comes out again: at the desk, on the shell and in a notebook, also after a restart."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from godkaiser import blocking
from godkaiser.cli.main import app
from godkaiser.errors import InvalidValueError
from godkaiser.io.desk import DeskServer
from godkaiser.model.instant import MINUTE, SECOND, to_iso
from tests.kaiser.house import NODE, T0, House, file, house

TELLS: dict[str, Any] = {
    "name": "Dry soil",
    "conditions": [{"type": "sensor", "esp_id": NODE, "gpio": 34, "operator": "<", "value": 35}],
    "actions": [{"type": "notification", "channel": "websocket", "target": "ann",
                 "message_template": "{sensor_value} %"}],
    "cooldown_seconds": 0,
}  # fmt: skip
VALUES = ["6.25 %", "12.5 %", "18.75 %"]


async def told(made: House) -> None:
    """Three times: it grows dry, and wet again."""
    await made.call("rules.import", documents=[TELLS])
    await made.beat()
    for raw in (2700, 2600, 2500):
        await made.soil(1300)
        made.pass_time(60)
        await made.beat()
        await made.soil(raw)


async def texts(made: House, **span: Any) -> list[str]:
    return [row["text"] for row in await made.call("notices", **span)]


async def test_notices_of_a_span_the_newest_first_and_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await told(made)
        rows = await made.call("notices")
        about = [(row["rule"], row["channel"], row["target"], row["text"]) for row in rows]
        assert about == [("dry-soil", "websocket", "ann", value) for value in VALUES]
        assert [row["at"] for row in rows] == [to_iso(T0 + n * MINUTE) for n in (1, 2, 3)]
        assert await texts(made, limit=2) == VALUES[1:]
        assert await texts(made, since=rows[1]["at"], until=rows[2]["at"]) == VALUES[1:2]
        for wrong in (0, 100_001, "5", True, 1.0):
            with pytest.raises(InvalidValueError, match="limit"):
                await made.call("notices", limit=wrong)
        clock = made.clock
    async with house(tmp_path, clock=clock) as again:
        assert await texts(again) == VALUES


async def test_what_is_not_sent_says_so_everywhere(tmp_path: Path) -> None:
    mail = TELLS | {"actions": [TELLS["actions"][0] | {"channel": "email", "target": "ann@example.org"}]}
    async with house(tmp_path, file()) as made:
        await made.call("rules.import", documents=[mail])
        await made.beat()
        await made.soil(2700)
        (row,) = await made.call("notices")
        assert (row["channel"], row["target"], row["sent"]) == ("email", "ann@example.org", False)
        rule = next(r for r in (await made.call("snapshot"))["rules"] if r["id"] == "dry-soil")
        assert rule["notice"]["sent"] is False
        checked = await made.call("rules.check", documents=[mail])
        assert "rules[0].actions[0].channel: nothing is sent by email yet" in checked[0]["warnings"][0]
        imported = await made.call("rules.import", documents=[mail, TELLS | {"name": "Told"}])
        assert imported["warnings"] == checked[0]["warnings"]
        server = DeskServer(tmp_path, made.controller.clerk)
        await server.start()
        try:
            said = await asyncio.to_thread(command, "--data", str(tmp_path))
            assert "email: not sent" in said
        finally:
            await server.stop()


def test_a_check_warns_beside_its_answer_and_ends_with_0(tmp_path: Path) -> None:
    file = tmp_path / "mail.json"
    tell = TELLS["actions"][0] | {"channel": "Webhook", "message_template": "{weather}, {sensor_value}"}
    sensor = TELLS["conditions"][0] | {"sensor_type": "moisture"}
    file.write_text(json.dumps(TELLS | {"actions": [tell], "conditions": sensor}))
    done = CliRunner().invoke(app, ["rules", "check", str(file), "--data", str(tmp_path / "none"), "--json"])
    assert done.exit_code == 0
    (rule,) = json.loads(done.stdout)
    assert [warning.split(":")[0] for warning in rule["warnings"]] == [
        "rules[0].actions[0].channel",
        "rules[0].actions[0].message_template",
    ]
    assert done.stderr.splitlines() == [f"warning: {words}" for words in rule["warnings"]]


def command(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["rules", "notices", *arguments])
    assert done.exit_code == 0, done.exception
    return done.stdout


def from_a_notebook(data: Path) -> list[str]:
    with blocking.connect(data) as farm:
        found: list[str] = farm.notices("-1h")["text"].tolist()
        return found


async def test_on_the_shell_and_from_a_notebook(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await told(made)
        server = DeskServer(tmp_path, made.controller.clerk)
        await server.start()
        try:
            more = "--data", str(tmp_path)
            said = await asyncio.to_thread(command, *more)
            assert all(f"dry-soil  {value}" in said for value in VALUES)
            since = to_iso(T0 + 3 * MINUTE - SECOND)
            late = json.loads(await asyncio.to_thread(command, "--since", since, "--json", *more))
            assert [(row["rule"], row["text"]) for row in late] == [("dry-soil", VALUES[2])]
            made.pass_time(60)
            none = await asyncio.to_thread(command, "--since", "-0s", *more)
            assert none.startswith("No rule told anything")
            assert await asyncio.to_thread(from_a_notebook, tmp_path) == VALUES
        finally:
            await server.stop()
