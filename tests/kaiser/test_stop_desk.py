"""A stop through the controller's door: no reason keeps it from happening, and pressing on and on hinders nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from godkaiser.errors import AuthenticationFailedError, InvalidValueError
from godkaiser.io.runner import URGENT_IN_A_ROW
from tests.kaiser.house import NODE, House, file, house
from tests.kaiser.test_accounts_desk import people

REASONS: list[tuple[Any, str]] = [
    ("leak", "leak"),
    ("leak \ud83d", "leak \ufffd"),
    ("a\0b", "a\ufffdb"),
    ("x" * 10_000, "x" * 500),
    (None, ""),
    (5, "the reason was no text"),
    ([["\ud83d"]], "the reason was no text"),
    ({"a\0": 1}, "the reason was no text"),
]


async def stops(home: House) -> list[tuple[str, str, str]]:
    await home.controller.runner.drained()
    rows = await home.call("audit", since="-30d", wanted={"action": "stop"})
    return [(row["who"], row["target"], row["detail"]) for row in rows if row["action"] == "stop"]


@pytest.mark.parametrize(("said", "kept"), REASONS)
async def test_whatever_is_said_as_reason_it_stops(tmp_path: Path, said: Any, kept: str) -> None:
    async with house(tmp_path, file()) as home:
        await home.beat()
        vera = (await people(home, "vera"))["vera"]
        shown = await home.call("stop", reason=said, token=vera)
        assert (shown["phase"], shown["reason"] or "") == ("ACTIVE", kept)
        assert await stops(home) == [("user:vera", "all", kept)]
    async with house(tmp_path) as home:
        stop = (await home.call("snapshot"))["stop"]
        assert (stop["phase"], stop["reason"] or "") == ("ACTIVE", kept)


async def test_deep_reasons_stop_too(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        deep: Any = []
        for _ in range(50_000):
            deep = [deep]
        assert (await home.call("stop", reason=deep))["phase"] == "ACTIVE"


async def test_only_the_reason_is_taken_as_it_comes(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        with pytest.raises(InvalidValueError):
            await home.call("stop", reason="a\0b", scope="zone:\0")
        with pytest.raises(AuthenticationFailedError):
            await home.call("stop", reason="a\0b", token="nobody's")


async def test_who_stops_on_and_on_leaves_one_row_a_second_and_nodes_are_told_each_time(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, file()) as home:
        await home.beat()
        tokens = await people(home, "vera", "olaf")
        before = len(home.link.published)
        for number in range(20):
            assert (await home.call("stop", reason=f"leak {number}", token=tokens["vera"]))[
                "phase"
            ] == "ACTIVE"
        assert len(home.link.published) - before >= 20
        first = ("user:vera", "all", "leak 0")
        assert await stops(home) == [first]
        await home.call("stop", reason="fire", token=tokens["olaf"])
        await home.call("stop", reason="smoke", scope="zone:bench", token=tokens["vera"])
        home.pass_time(1)
        await home.call("stop", reason="later", token=tokens["vera"])
        told = [first, ("user:olaf", "all", "fire"), ("user:vera", "zone:bench", "smoke")]
        told.append(("user:vera", "all", "later"))
        assert sorted(await stops(home)) == sorted(told)
        await home.call("clear", force=True)
        await home.call("stop", reason="after the clear", token=tokens["vera"])
        assert ("user:vera", "all", "after the clear") in await stops(home)
        assert (await home.call("snapshot"))["stop"]["phase"] == "ACTIVE"


async def test_heartbeats_come_through_however_many_stop(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.beat()
        vera = (await people(home, "vera"))["vera"]
        begun = len(home.link.published)
        flood = [asyncio.create_task(home.call("stop", reason="flood", token=vera)) for _ in range(400)]
        await asyncio.sleep(0)
        await home.beat()
        for shown in await asyncio.gather(*flood):
            assert shown["phase"] == "ACTIVE"
        await home.controller.runner.settled()
        topics = [topic for topic, _ in home.link.published[begun:]]
        answer = next(n for n, topic in enumerate(topics) if topic.endswith(f"{NODE}/system/heartbeat/ack"))
        told = [n for n, topic in enumerate(topics) if topic.endswith("broadcast/emergency")]
        assert len(told) == 400
        assert sum(n < answer for n in told) == URGENT_IN_A_ROW
