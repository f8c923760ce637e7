"""Service and holds at the desk and on the command line: who may, for how long; service outlives a restart."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from godkaiser.auth.policy import Role
from godkaiser.cli.main import app
from godkaiser.errors import ForbiddenError, InvalidValueError, UnknownActuatorError
from godkaiser.io.desk import DeskServer
from godkaiser.model.event import Asked
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import HOUR
from godkaiser.model.intent import Intent, Origin
from tests.kaiser.house import NODE, House, file, house

FAN = f"{NODE}/25"


async def test_begun_and_ended_and_written_down(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        shot = await made.call("actuators.service", actuator="fan", within="1h")
        assert shot["service"]["who"].startswith("local:")
        checked = await made.call("check", actuator="fan", value=1.0)
        assert "service_mode" not in [finding["code"] for finding in checked["findings"]]
        ended = await made.call("actuators.service", actuator=FAN)
        assert ended["service"] is None
        actions = [action for _, action, _ in await made.audit()]
        assert [a for a in actions if a.startswith("service.")] == ["service.begun", "service.ended"]


async def test_it_outlives_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        begun = await made.call("actuators.service", actuator="fan", within=3600)
    async with house(tmp_path) as again:
        shot = await again.call("snapshot")
        assert shot["actuators"][0]["service"] == begun["service"]


@pytest.mark.parametrize("within", ["59s", "25h", "soon"])
async def test_a_time_that_is_none_is_refused(tmp_path: Path, within: str) -> None:
    async with house(tmp_path, file()) as made:
        with pytest.raises(InvalidValueError, match="for = ") as caught:
            await made.call("actuators.service", actuator="fan", within=within)
        assert "24 h" in caught.value.remedy or "seconds" in caught.value.remedy
        with pytest.raises(UnknownActuatorError):
            await made.call("actuators.service", actuator="nobody", within="1h")


async def test_who_may_only_look_may_not(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.controller.accounts.add("vera", "Long-enough-7", Role.VIEWER)
        token = (await made.call("login", name="vera", password="Long-enough-7", address="x"))["token"]
        with pytest.raises(ForbiddenError):
            await made.call("actuators.service", actuator="fan", within="1h", token=token)


async def test_a_hold_is_ended_before_its_time(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        made.controller.runner.post(asked(made))
        await made.controller.runner.settled_inbox()
        held = (await made.call("snapshot"))["actuators"][0]["hold"]
        assert held["who"] == "user:ann"
        freed = await made.call("actuators.release", actuator="fan")
        assert freed["hold"] is None
        assert freed == await made.call("actuators.release", actuator=FAN), "nothing happens twice"
        assert "Nobody holds fan" in await at_the_desk(made, tmp_path, "release", "fan")
        assert [action for _, action, _ in await made.audit()].count("hold.ended") == 1
        await made.controller.accounts.add("vera", "Long-enough-7", Role.VIEWER)
        token = (await made.call("login", name="vera", password="Long-enough-7", address="x"))["token"]
        with pytest.raises(ForbiddenError):
            await made.call("actuators.release", actuator="fan", token=token)


def asked(made: House) -> Asked:
    """A person wants it off, and so it stays: that needs no node to answer."""
    now = made.controller.runner.clock.now()
    return Asked(now, Intent("i1", ActuatorId.parse(FAN), 0.0, Origin.PERSON, "user:ann", hold=HOUR))


def command(*arguments: str) -> tuple[int, str, BaseException | None]:
    done = CliRunner().invoke(app, ["actuators", *arguments])
    return done.exit_code, done.stdout, done.exception


async def at_the_desk(made: House, data: Path, *arguments: str) -> str:
    server = DeskServer(data, made.controller.clerk)
    await server.start()
    try:
        code, said, error = await asyncio.to_thread(command, *arguments, "--data", str(data))
    finally:
        await server.stop()
    assert code == 0, error
    return said


async def test_on_the_command_line(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        said = await at_the_desk(made, tmp_path, "service", "fan", "--for", "1h")
        assert "fan is in service by local:" in said
        assert "made safe first" in said
        assert "in service by" in await at_the_desk(made, tmp_path)
        told = json.loads(await at_the_desk(made, tmp_path, "--json"))
        assert [actuator["id"] for actuator in told] == [FAN]
        assert "is not in service" in await at_the_desk(made, tmp_path, "service", FAN, "--end")


@pytest.mark.parametrize("arguments", [(), ("--for", "1h", "--end")])
def test_either_a_time_or_the_end(arguments: tuple[str, ...]) -> None:
    code, _, error = command("service", "fan", *arguments)
    assert code != 0
    assert isinstance(error, InvalidValueError)
