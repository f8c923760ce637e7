"""Alarms at the desk of a whole controller: listed, answered by those who may, kept over a restart, remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.policy import Role
from godkaiser.errors import (
    AlarmTransitionError,
    ForbiddenError,
    GodkaiserError,
    InvalidValueError,
    UnknownAlarmError,
)
from godkaiser.io.clock import VirtualClock
from tests.kaiser.house import NODE, T0, House, file, house

KEY = f"node_silent:{NODE}"
PASSPHRASE = "Long-enough-7"


async def silent(made: House) -> None:
    """The node says hello and is not heard any more for a minute."""
    await made.beat()
    await made.leave()
    made.pass_time(61)
    await made.controller.runner.settled()


async def states(made: House) -> dict[str, str]:
    shown = await made.call("alarms.list")
    return {alarm["key"]: alarm["state"] for alarm in shown["standing"]}


async def test_an_alarm_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await silent(made)
        shown = await made.call("alarms.list")
        assert (shown["unacknowledged"], shown["standing"][0]["name"]) == (1, "climate node")
        assert (await made.call("snapshot"))["alarms"] == shown
        acked = await made.call("alarms.ack", key=KEY)
        assert (acked["state"], acked["acked_by"].partition(":")[0]) == ("ACKED", "local")
        await made.beat()
        assert await states(made) == {}
        told = await made.call("alarms.history")
        assert [(step["key"], step["step"], step["state"]) for step in told] == [
            (KEY, "raised", "UNACK"),
            (KEY, "acknowledged", "ACKED"),
            (KEY, "returned", "NORM"),
        ]
        assert told[1]["who"] == acked["acked_by"]
        assert (told[1]["who"], "alarm.ack", KEY) in await made.audit()
        assert [step["step"] for step in await made.call("alarms.history", limit=1)] == ["returned"]
        assert await made.call("alarms.history", until="-1h") == []


async def test_what_stands_is_kept_over_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await silent(made)
        await made.call("alarms.shelve", key=KEY, duration="2h", reason="repair")
    async with house(tmp_path, clock=VirtualClock(T0 + 61_000_000)) as made:
        shown = (await made.call("alarms.list"))["standing"]
        assert [(a["key"], a["state"], a["reason"]) for a in shown] == [(KEY, "SHLVD", "repair")]
        made.pass_time(7201)
        await made.controller.runner.settled()
        assert await states(made) == {KEY: "UNACK"}


async def test_out_of_service_and_back(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        out = await made.call("alarms.remove", key=KEY, reason="in the workshop")
        assert (out["state"], out["since"], out["shelved_until"]) == ("OOSRV", None, None)
        await silent(made)
        assert await states(made) == {KEY: "OOSRV"}
        assert (await made.call("alarms.restore", key=KEY))["state"] == "UNACK"
        shelved = await made.call("alarms.shelve", key=KEY, duration=3600)
        assert shelved["shelved_until"] is not None
        assert (await made.call("alarms.unshelve", key=KEY))["state"] == "UNACK"


WRONG: list[tuple[str, dict[str, Any], type[GodkaiserError]]] = [
    ("ack", {"key": "node_silent:ESP_FFFFFF"}, UnknownAlarmError),
    ("ack", {"key": "flood"}, UnknownAlarmError),
    ("ack", {"key": 7}, UnknownAlarmError),
    ("ack", {"key": KEY}, AlarmTransitionError),
    ("reset", {"key": KEY}, AlarmTransitionError),
    ("unshelve", {"key": KEY}, AlarmTransitionError),
    ("restore", {"key": KEY}, AlarmTransitionError),
    ("shelve", {"key": KEY}, InvalidValueError),
    ("shelve", {"key": KEY, "duration": "25h"}, InvalidValueError),
    ("shelve", {"key": KEY, "duration": "59s"}, InvalidValueError),
    ("shelve", {"key": KEY, "duration": "tomorrow"}, InvalidValueError),
    ("shelve", {"key": KEY, "duration": float("nan")}, InvalidValueError),
    ("shelve", {"key": KEY, "duration": "1h", "reason": 7}, InvalidValueError),
    ("history", {"limit": 0}, InvalidValueError),
    ("history", {"limit": True}, InvalidValueError),
    ("history", {"since": 7}, InvalidValueError),
    ("history", {"until": "then"}, InvalidValueError),
]


@pytest.mark.parametrize(("method", "params", "error"), WRONG, ids=lambda part: str(part)[:40])
async def test_what_cannot_be_is_refused_by_name(
    method: str, params: dict[str, Any], error: type[GodkaiserError], tmp_path: Path
) -> None:
    async with house(tmp_path, file()) as made:
        await silent(made)
        if method == "ack":
            await made.call("alarms.ack", key=KEY)
        with pytest.raises(error) as caught:
            await made.call(f"alarms.{method}", **params)
        assert caught.value.remedy
        assert list(await states(made)) == [KEY]


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, {"list", "history"}),
        (Role.OPERATOR, {"list", "history", "ack", "shelve", "unshelve"}),
        (Role.ADMIN, {"list", "history", "ack", "shelve", "unshelve", "remove", "restore"}),
    ],
)
async def test_everybody_looks_operators_answer_admins_take_out(
    role: Role, may: set[str], tmp_path: Path
) -> None:
    steps: dict[str, dict[str, Any]] = {
        "list": {}, "history": {}, "ack": {"key": KEY}, "shelve": {"key": KEY, "duration": "1h"},
        "unshelve": {"key": KEY}, "remove": {"key": KEY}, "restore": {"key": KEY},
    }  # fmt: skip
    async with house(tmp_path, file()) as made:
        await made.controller.accounts.add("pat", PASSPHRASE, role)
        token = (await made.call("login", name="pat", password=PASSPHRASE, address="::1"))["token"]
        await silent(made)
        for method, params in steps.items():
            if method in may:
                await made.call(f"alarms.{method}", token=token, **params)
            else:
                with pytest.raises(ForbiddenError):
                    await made.call(f"alarms.{method}", token=token, **params)
        seen = (await made.call("alarms.history"))[-1]
        assert seen["who"] == (None if role is Role.VIEWER else "user:pat")
