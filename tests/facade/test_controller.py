"""A real controller in another process: found by its folder, lost by a kill, found again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import godkaiser
from godkaiser import ControllerGoneError, NoControllerError, UnknownRuleError, blocking
from godkaiser.cli.main import app
from tests.facade.process import Demo, eventually, running_demo


async def test_without_a_controller_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoControllerError, match=str(tmp_path)) as caught:
        await godkaiser.connect(tmp_path)
    assert "godkaiser demo" in caught.value.remedy
    with pytest.raises(NoControllerError):
        blocking.connect(tmp_path)


def _asks_of_the_past(run: Callable[..., str]) -> None:
    """The same question of a time that is over: as data, and in a sentence with a line for everything in the way."""

    def told(*words: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(run("cool-the-bench", *words, "--json"))
        return answer

    assert eventually(lambda: told("--at", told()["at"])["looked"])
    at = told()["at"]  # by the clock of the demo
    found = told("--at", at)
    first, *others = run("cool the bench", "--at", at).splitlines()
    age = found["looked"]["age_s"]
    assert age >= 0
    assert datetime.fromisoformat(at) - datetime.fromisoformat(found["looked"]["at"]) == timedelta(
        seconds=age
    )
    assert first.startswith(f"By what is stored of {found['looked']['at']}, ")
    assert f"rule “Cool the bench” was {found['truth']}: {found['condition']['text']}. " in first
    assert len(others) == len(found["blockers"])
    for line, blocker in zip(others, found["blockers"], strict=True):
        assert line.startswith(f"  ✘ {blocker['text']}")


def _asks_why(folder: Path) -> None:
    """On the command line, while a person holds the fan."""

    def run(*words: str) -> str:
        return CliRunner().invoke(app, ["rules", "why", *words, "--data", str(folder)]).output

    said = run("cool the bench").splitlines()
    assert said[0].startswith("Rule “Cool the bench” is ")
    assert any(line.startswith("  ✘ local:") and "holds exhaust fan since" in line for line in said[1:])
    assert json.loads(run("cool-the-bench", "--json"))["blockers"][0]["code"] == "manual_hold"
    _asks_of_the_past(run)
    with pytest.raises(UnknownRuleError, match="No rule 'no such'"), blocking.connect(folder) as farm:
        farm.rules["no such"].why_not()
    assert CliRunner().invoke(app, ["rules", "why", "no such", "--data", str(folder)]).exit_code != 0


async def test_a_client_of_another_process(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks, acts, is lost by a kill, says so, and is back with the controller."""
    demo.until_online()
    async with godkaiser.connect(demo.folder) as farm, godkaiser.connect(str(demo.folder)) as other:
        assert farm.name == f"the controller in {demo.folder}"
        assert len(farm.nodes) == 3
        fan = farm.actuator("exhaust fan")
        first, second = await asyncio.gather(fan.set(0.5), other.actuator("humidifier").off())
        assert first.confirmed
        assert second.confirmed
        assert fan.check(0.2)
        assert "50%" in (await fan.why()).text
        await asyncio.to_thread(_asks_why, demo.folder)
        assert [reading async for reading in farm.sensor("bench air").follow(limit=1)]
        assert len(await farm.history("bench air", since="-1h")) > 0

        demo.kill()
        with pytest.raises(ControllerGoneError):
            await fan.off()
        assert await asyncio.to_thread(eventually, lambda: farm.trouble is not None)
        assert isinstance(farm.trouble, godkaiser.GodkaiserError)
        assert "known last" in repr(farm)
        assert 'class="bad"' in farm._repr_html_()
        with pytest.raises(ControllerGoneError):
            fan.check(0.2)
        assert farm.sensor("bench air").latest is not None

        demo.start()
        await asyncio.to_thread(demo.until_online)
        assert await asyncio.to_thread(eventually, lambda: farm.trouble is None)
        assert (await fan.off()).value == 0.0


LIGHT = """
import json, os, sys
from godkaiser import blocking
with blocking.connect() as farm:
    farm.sensor("bench air").latest, farm.actuator("exhaust fan").check(0.5)
    repr(farm), farm._repr_html_(), farm.actuator("exhaust fan").why()
print(json.dumps([farm.name, *sorted({name.split(".")[0] for name in sys.modules})]))
"""


def test_a_client_finds_the_only_controller_and_loads_no_database_pages_or_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # where controllers leave their names
    monkeypatch.delenv("GODKAISER_DATA_DIR", raising=False)
    with pytest.raises(NoControllerError, match="on this machine"):
        blocking.connect()
    with running_demo(tmp_path / "data") as demo:
        demo.until_online()
        done = subprocess.run(
            [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=60
        )
        name, *loaded = json.loads(done.stdout)
        assert name == "the controller on this machine"
        assert set(loaded) & {"sqlalchemy", "sqlmodel", "pydantic", "aiomqtt", "pandas", "panel"} == set()
        with running_demo(tmp_path / "more"), pytest.raises(NoControllerError) as caught:
            blocking.connect()
        assert str(tmp_path / "more") in str(caught.value)
        assert str(demo.folder) in str(caught.value)
