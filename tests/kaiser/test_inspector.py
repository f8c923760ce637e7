"""The audit page by page, and checked by the controller."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from godkaiser.errors import ForbiddenError, InvalidValueError
from tests.acceptance.station import godkaiser
from tests.kaiser.house import House, file, house
from tests.kaiser.test_usher import people


async def pages(home: House, most: int, **asked: Any) -> list[list[dict[str, Any]]]:
    found, place = [], None
    while True:
        told = await home.call("audit.page", most=most, place=place, **asked)
        found.append(told["rows"])
        place = told["next"]
        if place is None:
            return found


async def test_pages_hold_every_row_once_newest_first(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await people(home)
        whole = list(reversed(await home.call("audit", since="-7d")))
        assert len(whole) >= 5
        for most in (1, 2, 1000):
            found = await pages(home, most)
            assert all(len(one) <= most for one in found)
            assert [row["place"] for one in found for row in one] == [row["place"] for row in whole]
        assert "seal" not in found[0][0]


async def test_it_is_filtered_by_who_action_and_time(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await people(home)
        (rows,) = await pages(home, 1000, action="login")
        assert {row["action"] for row in rows} == {"login"}
        (rows,) = await pages(home, 1000, who="ver", action="log")
        assert [row["who"] for row in rows] == ["user:vera"]
        assert await pages(home, 1000, who="%") == [[]], "a sign is no pattern"
        assert await pages(home, 1000, until="-1h") == [[]]


async def test_what_is_no_question_and_who_may_not_ask(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        tokens = await people(home)
        wrong: list[dict[str, Any]] = [
            {"most": 0}, {"most": 1001}, {"most": True}, {"who": 5}, {"action": "x" * 201}, {"place": [1]},
            {"place": ["a", 2]}, {"place": [2**70, 1]}, {"since": "long ago"},
        ]  # fmt: skip
        for one in wrong:
            with pytest.raises(InvalidValueError):
                await home.call("audit.page", **one)
        for method in ("audit.page", "audit.verify"):
            with pytest.raises(ForbiddenError):
                await home.call(method, token=tokens["olaf"])
        with pytest.raises(InvalidValueError):
            await home.call("audit.verify", head=5)


async def test_the_controller_finds_what_was_changed(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        tokens = await people(home)
        fine, again = await asyncio.gather(
            home.call("audit.verify", token=tokens["root"]), home.call("audit.verify", token=tokens["root"])
        )
        assert (fine["intact"], fine["broken"], fine["head_found"]) == (True, 0, None)
        assert again["intact"]
        known = await home.call("audit.verify", head=fine["last"])
        assert (known["intact"], known["head_found"]) == (True, True)
        assert (await home.call("audit.verify", head="0" * 63 + "1"))["intact"] is False
        with sqlite3.connect(tmp_path / "godkaiser.db") as database:
            database.execute("update audit set detail = 'nothing' where action = 'login' and target = 'vera'")
        broken = await home.call("audit.verify", token=tokens["root"])
        assert (broken["intact"], broken["broken"]) == (False, 1)
        assert broken["breaks"][0]["row"]["target"] == "vera"


async def test_a_key_that_got_lost_is_said_and_what_came_before_is_not_called_forged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path, file()) as home:
        await people(home)
        before = await home.call("audit.verify")
    (tmp_path / "audit.key").rename(tmp_path / "kept.key")
    async with house(tmp_path, file()) as home:
        await home.call("users.add", name="late", role="viewer")
        assert "audit.key is another one than before" in caplog.text
        found = await home.call("audit.verify")
        said = await home.call("audit", wanted={"action": "audit.key_changed"})
    assert [found[name] for name in ("same_key", "intact", "broken")] == [True, False, 0]
    assert found["other_key"] >= before["rows"]
    assert (len(said), said[0]["severity"]) == (1, "critical")
    late = godkaiser("audit", "verify", "--key", str(tmp_path / "kept.key"), data=tmp_path)
    assert (late.returncode, "All is as it was sealed" in late.stdout) == (0, True), late.stdout
    (tmp_path / "kept.key").replace(tmp_path / "audit.key")  # found again
    async with house(tmp_path, file()) as home:
        again = await home.call("audit.verify")
    assert (again["same_key"], again["broken"]) == (True, 0)


async def test_looking_makes_no_key_and_the_one_in_use_checks(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    async with house(tmp_path, file()) as home:
        await people(home)
        assert (await home.call("audit.verify"))["key_file"] == "same"
        kept = path.read_text()
        path.unlink()
        found = await home.call("audit.verify")
        assert (found["intact"], found["key_file"], path.exists()) == (True, "missing", False)
        path.write_text("0" * 64)
        found = await home.call("audit.verify")
        assert (found["intact"], found["key_file"]) == (True, "other")
        path.write_text("0" * 63)
        found = await home.call("audit.verify")
        assert (found["intact"], found["key_file"]) == (True, "unreadable")
        path.write_text(kept)
        assert (await home.call("audit.verify"))["key_file"] == "same"
