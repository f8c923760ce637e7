"""Statistics at the desk of a whole controller and on its command line; restarts, edges, and what the site states."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from godkaiser.auth.policy import Role
from godkaiser.cli.account import span
from godkaiser.cli.main import app
from godkaiser.errors import GodkaiserError, InvalidValueError, UnknownActuatorError
from godkaiser.io.desk import DeskServer
from godkaiser.model.instant import to_iso
from tests.kaiser.house import NODE, T0, TEXT, House, file, house

FAN = f"{NODE}/25"
QUIET = TEXT.partition("rules:")[0]  # nobody wants it on
STATED = QUIET.replace("max_on_s: 1800", "max_on_s: 1800, watts: 60, litres_per_min: 2.5, on_budget_s: 900")


async def report(made: House, on: bool) -> None:
    body = {"esp_id": NODE, "gpio": 25, "type": "relay", "state": on, "pwm": 255 * on}
    await made.hear("actuator/25/status", body)


async def ran(made: House) -> None:
    """A minute off, two on, one off; then the node is lost for a minute."""
    await made.beat()
    made.pass_time(3)
    for on, seconds in ((False, 60), (True, 120), (False, 60)):
        await made.beat()
        await report(made, on)
        made.pass_time(seconds)
    await made.leave()
    made.pass_time(60)


async def one(made: House, **params: Any) -> dict[str, Any]:
    (account,) = await made.call("actuators.statistics", **params)
    (row,) = account["rows"]
    both: dict[str, Any] = account | row
    return both


async def test_a_run_is_counted_with_water_energy_and_what_is_left(tmp_path: Path) -> None:
    async with house(tmp_path, file(STATED)) as made:
        await ran(made)
        told = await one(made, actuators=["fan"], since="-5min")
        assert (told["actuator"], told["name"], told["timed_by"]) == (FAN, "fan", "node")
        assert (told["on_s"], told["starts"], told["longest_s"], told["unknown_s"]) == (120.0, 1, 120.0, 60.0)
        assert told["duty"] == pytest.approx(0.5)
        assert told["litres"] == pytest.approx(5.0)
        assert told["energy_wh"] == pytest.approx(2.0)
        assert (told["limits"]["on_left_s"], told["limits"]["starts_left"]) == (780.0, 59)
        shot = await made.call("snapshot")
        assert shot["actuators"][0]["limits"] == told["limits"]
        assert shot["actuators"][0]["timed_by"] == "node"
        buckets = (await made.call("actuators.statistics", since="-5min", every="1min"))[0]["rows"]
        assert sum(row["on_s"] or 0.0 for row in buckets) == 120.0
        assert buckets[0]["since"] == told["since"]
        assert buckets[-1]["on_s"] is None, "nothing was known then"


async def test_what_the_site_does_not_state_and_nobody_saw_is_not_there(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        told = await one(made, since="-1h")
        assert (told["unknown_s"], told["timed_by"]) == (3600.0, None)
        assert [told[name] for name in ("on_s", "starts", "duty", "litres", "energy_wh")] == [None] * 5
        await ran(made)
        told = await one(made, since="-1h")
        assert (told["on_s"], told["litres"], told["energy_wh"]) == (120.0, None, None)
        assert told["limits"]["on_left_s"] is None


async def test_while_no_controller_ran_nobody_knew(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        made.pass_time(3)
        await report(made, False)
        clock = made.clock
    clock.advance(clock.now() + 600_000_000)
    async with house(tmp_path, clock=clock) as again:
        told = await one(again, since="-11min")
        assert told["unknown_s"] >= 600.0
        assert told["on_s"] is None, "it was never known for any time"


async def test_today_begins_at_the_sites_own_midnight(tmp_path: Path) -> None:
    async with house(tmp_path, file("timezone: Asia/Kathmandu\n" + TEXT)) as made:
        told = await one(made, since="today")
        # 2027-01-15T08:00Z is 13:45 there.
        assert (to_iso(T0), told["since"], told["until"]) == (
            "2027-01-15T08:00:00Z",
            "2027-01-14T18:15:00Z",
            "2027-01-15T08:00:00Z",
        )
        later = await one(made, since="-1h", until="2027-01-16T00:00:00Z")
        assert later["until"] == "2027-01-15T08:00:00Z", "what is still to come is not counted"


@pytest.mark.parametrize(
    ("params", "kind", "words"),
    [
        ({"actuators": ["nobody"]}, UnknownActuatorError, "nobody"),
        ({"actuators": "fan"}, InvalidValueError, "actuators = 'fan'"),
        ({"since": "yesterday"}, InvalidValueError, "since"),
        ({"since": 7}, InvalidValueError, "since = 7"),
        ({"until": 7}, InvalidValueError, "until = 7"),
        ({"since": "2030-01-01T00:00:00Z"}, InvalidValueError, "not before the end"),
        ({"every": "0s"}, InvalidValueError, "every"),
        ({"every": "1ms"}, InvalidValueError, "too short"),
    ],
)
async def test_what_is_wrong_is_named(
    tmp_path: Path, params: dict[str, Any], kind: type[GodkaiserError], words: str
) -> None:
    async with house(tmp_path, file()) as made:
        with pytest.raises(kind, match=words) as caught:
            await made.call("actuators.statistics", **params)
        assert caught.value.remedy


async def test_whoever_may_look_may_count(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.controller.accounts.add("vera", "Long-enough-7", Role.VIEWER)
        token = (await made.call("login", name="vera", password="Long-enough-7", address="x"))["token"]
        assert len(await made.call("actuators.statistics", token=token)) == 1


async def test_stated_water_and_energy_are_part_of_the_site_file(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        answer = await made.call("site.apply", text=STATED)
        assert {d["path"].rpartition(".")[2] for d in answer["differences"]} >= {"watts", "litres_per_min"}
        assert made.controller.engine.state.actuators[FAN].spec.watts == 60  # type: ignore[index]  # its id
        assert "litres_per_min: 2.5" in (await made.call("site.export"))["text"]
    for bad in ("watts: 0", "watts: .nan", "litres_per_min: -1", "litres_per_min: .inf"):
        with pytest.raises(GodkaiserError, match=bad.partition(":")[0]):
            file(TEXT.replace("max_on_s: 1800", f"max_on_s: 1800, {bad}"))


async def at_the_desk(made: House, data: Path, *arguments: str) -> str:
    server = DeskServer(data, made.controller.clerk)
    await server.start()
    try:
        command = ["actuators", *arguments, "--data", str(data)]
        done = await asyncio.to_thread(CliRunner().invoke, app, command)
    finally:
        await server.stop()
    assert done.exit_code == 0, done.exception
    return done.stdout


async def test_on_the_command_line(tmp_path: Path) -> None:
    async with house(tmp_path, file(STATED)) as made:
        await ran(made)
        said = await at_the_desk(made, tmp_path, "statistics", "fan", "--since", "-5min")
        for words in ("2 min", "50.0%", "5.0", "0.002", "1 min", "13 min of 15 min, 59 of 60 starts"):
            assert words in said
        days = json.loads(await at_the_desk(made, tmp_path, "statistics", "--every", "1d", "--json"))
        assert len(days[0]["rows"]) == 8
        listed = await at_the_desk(made, tmp_path, "list")
        assert "timed by" in listed
        assert listed == await at_the_desk(made, tmp_path)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, None), (0.0, "0 s"), (4.5, "4.5 s"), (59.7, "1 min"), (123.0, "2 min 3 s"), (3600.0, "1 h"),
     (3599.9, "1 h"), (3900.0, "1 h 5 min")],
)  # fmt: skip
def test_times_for_people(seconds: float | None, said: str | None) -> None:
    assert span(seconds) == said
