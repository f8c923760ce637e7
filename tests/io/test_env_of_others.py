"""A `.env` decides to whom a stop and passwords go: only one's own is taken, and a bad one keeps nobody out."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.errors import ControllerGoneError, NoControllerError
from godkaiser.io.desk import POINTER, Desk, find_folder
from tests.io.test_desk import _own_home, served

__all__ = ["_own_home"]
NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to somebody else")


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `.env` would be, in the folder one works in."""
    (tmp_path / "data").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here" / ".env"


def removed(env: Path) -> None:
    env.parent.rmdir()


def loop(env: Path) -> None:
    env.symlink_to(".env")


def nameless(env: Path) -> None:
    """A link to a name no file can have: looking at it fails, for root as well."""
    env.symlink_to("x" * 300)


def folder(env: Path) -> None:
    env.mkdir()


def pipe(env: Path) -> None:
    os.mkfifo(env)


@pytest.mark.parametrize("spoil", [removed, loop, nameless, folder, pipe])
async def test_an_env_that_cannot_be_looked_at_keeps_nobody_from_a_stop(
    spoil: object, env: Path, tmp_path: Path
) -> None:
    assert callable(spoil)
    spoil(env)
    async with served(tmp_path / "data"):
        assert find_folder(None) == tmp_path / "data"
        desk = await Desk.open()
        assert await desk.call("stop") == ["stop", {}]
        await desk.close()


def test_the_command_stop_works_beside_such_a_file_also_without_a_controller(
    env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nameless(env)
    with socket.socket() as unused:  # a port nobody listens at
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MQTT_BROKER_PORT", str(unused.getsockname()[1]))
        done = CliRunner().invoke(app, ["stop", "--data", str(tmp_path / "data"), "--json"])
    assert done.exit_code == 0, done.output
    assert '"broker_reached": false' in done.output


def written(env: Path, *, mode: int = 0o600) -> None:
    env.write_text("GODKAISER_DATA_DIR=/nowhere")
    env.chmod(mode)


def foreign(env: Path) -> None:
    written(env)
    os.chown(env, NOBODY, NOBODY)


def foreign_link(env: Path) -> None:
    """The link decides as much as what it leads to."""
    written(env.parent.parent / "elsewhere")
    env.symlink_to(env.parent.parent / "elsewhere")
    os.chown(env, NOBODY, NOBODY, follow_symlinks=False)


def link_to_foreign(env: Path) -> None:
    foreign(env.parent.parent / "elsewhere")
    env.symlink_to(env.parent.parent / "elsewhere")


@pytest.mark.parametrize("mode", [0o602, 0o622])
async def test_an_env_others_may_write_is_not_taken_and_told(
    mode: int, env: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(env, mode=mode)
    async with served(tmp_path / "data"):
        assert find_folder(None) == tmp_path / "data"
        assert find_folder(None) == tmp_path / "data"
    (told,) = caplog.messages
    assert f"{env} is not taken: others may write it" in told
    written(env)
    with pytest.raises(NoControllerError, match="/nowhere"):
        find_folder(None)


@AS_ROOT
@pytest.mark.parametrize("spoil", [foreign, foreign_link, link_to_foreign])
async def test_an_env_of_somebody_else_is_not_taken(
    spoil: object, env: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(spoil)
    spoil(env)
    async with served(tmp_path / "data"):
        assert find_folder(None) == tmp_path / "data"
    assert f"{env} is not taken: it belongs to user {NOBODY}" in caplog.text


def test_who_finds_nobody_is_told_where_the_folder_came_from(
    env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(data: Path | None = None) -> str:
        with pytest.raises(NoControllerError) as caught:
            find_folder(data)
        return str(caught.value)

    assert "no folder is named by option, environment or .env" in said()
    env.write_text("GODKAISER_DATA_DIR=/written")
    assert f"/written (GODKAISER_DATA_DIR of {env})" in said()
    monkeypatch.setenv("GODKAISER_DATA_DIR", "/around")
    assert "/around (GODKAISER_DATA_DIR of the environment)" in said()
    assert f"{tmp_path} (named so)" in said(tmp_path)


LISTENING = """
import os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.bind(sys.argv[1])
os.setgid(65534), os.setuid(65534)
line.listen()
print("ready", flush=True)
reached, _ = line.accept()
print(reached.recv(1000).decode(), flush=True)
"""


@AS_ROOT
async def test_a_password_is_not_told_to_a_socket_of_somebody_else(tmp_path: Path) -> None:
    path, data = tmp_path / "controller.sock", tmp_path
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LISTENING, str(path), stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await child.stdout.readline() == b"ready\n"
            (data / POINTER).write_text(f'{{"pid": {child.pid}, "socket": "{path}"}}')
            with pytest.raises(ControllerGoneError, match=f"served by user {NOBODY}"):
                await Desk.open(data)
            assert await child.stdout.readline() == b"\n", "something was sent"
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@AS_ROOT
async def test_root_may_ask_the_controller_of_whose_folder_it_is(tmp_path: Path) -> None:
    path = tmp_path / "controller.sock"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LISTENING, str(path), stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await child.stdout.readline() == b"ready\n"
            (tmp_path / POINTER).write_text(f'{{"pid": {child.pid}, "socket": "{path}"}}')
            os.chown(tmp_path, NOBODY, NOBODY)
            desk = await Desk.open(tmp_path)
            await desk.close()
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
