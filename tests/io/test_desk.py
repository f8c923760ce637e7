"""The local socket: requests, typed errors, changes, a controller that goes and comes back."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from godkaiser.errors import ControllerGoneError, LinkDownError, NoControllerError, ProtocolError
from godkaiser.io.desk import Desk, DeskServer, find_folder, find_socket
from godkaiser.settings import load_settings


class Echoing:
    """Answers with what it was asked; changes are a counter."""

    def __init__(self) -> None:
        self.release = asyncio.Event()

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        if method == "fail":
            raise LinkDownError(broker="b", problem="p")
        if method == "slow":
            await self.release.wait()
        return [method, params]

    async def watch(self) -> AsyncIterator[dict[str, Any]]:
        yield {"kind": "snapshot", "id": "", "data": {}}
        for number in range(3):
            yield {"kind": "counters", "id": "", "data": {"n": number}}
        await asyncio.get_running_loop().create_future()


@asynccontextmanager
async def served(data: Path, requests: Echoing | None = None) -> AsyncIterator[DeskServer]:
    server = DeskServer(data, requests or Echoing())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GODKAISER_DATA_DIR", raising=False)


async def test_answers_and_errors_find_their_way(tmp_path: Path) -> None:
    requests = Echoing()
    async with served(tmp_path, requests):
        desk = await Desk.open(tmp_path)
        slow = asyncio.create_task(desk.call("slow"))
        assert await desk.call("set", value=0.0) == ["set", {"value": 0.0}]
        with pytest.raises(LinkDownError) as caught:
            await desk.call("fail")
        assert caught.value.details == {"broker": "b", "problem": "p"}
        assert not slow.done()
        requests.release.set()
        assert await slow == ["slow", {}]
        await desk.close()


@pytest.mark.parametrize(
    ("written", "environment"),
    [
        ("GODKAISER_DATA_DIR={data}", {}),
        ("export godkaiser_data_dir='{data}'\nMQTT_BROKER_PORT=none", {}),
        ("GODKAISER_DATA_DIR=/nowhere", {"GODKAISER_DATA_DIR": "{data}"}),
        ("GODKAISER_DATA_DIR={data}", {"GODKAISER_DATA_DIR": ""}),
        ("", {"godkaiser_data_dir": "{data}"}),
        ("GODKAISER_DATA_DIR=../data", {}),
    ],
)
async def test_clients_find_the_folder_run_would_take(
    written: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for folder in (data, elsewhere):
        folder.mkdir()
    (elsewhere / ".env").write_text(written.format(data=data))
    monkeypatch.chdir(elsewhere)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(data=data))
    async with served(data), served(tmp_path):  # of two that run here none could be meant
        assert find_folder(None).resolve() == data
        assert find_folder(tmp_path) == tmp_path
        desk = await Desk.open()
        assert await desk.call("set") == ["set", {}]
        await desk.close()
        if "none" not in written:
            assert load_settings().godkaiser_data_dir.resolve() == data


@pytest.mark.parametrize("written", [b"\xff\xfe=\xff", b"GODKAISER_DATA_DIR=\n", b"GODKAISER_DATA_DIR\n"])
async def test_an_env_file_that_says_nothing_keeps_nobody_out(
    written: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for folder in (data, elsewhere):
        folder.mkdir()
    (elsewhere / ".env").write_bytes(written)
    monkeypatch.chdir(elsewhere)
    async with served(data):
        assert find_folder(None) == data


async def test_only_its_owner_may_open_the_socket(tmp_path: Path) -> None:
    async with served(tmp_path):
        path = find_socket(tmp_path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_folder_with_a_long_name_works_as_well(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 120)
    data.mkdir()
    async with served(data):
        desk = await Desk.open(data)
        assert await desk.call("snapshot") == ["snapshot", {}]
        await desk.close()


async def test_the_only_controller_here_is_found_and_two_are_not_guessed_between(tmp_path: Path) -> None:
    with pytest.raises(NoControllerError, match="on this machine"):
        await Desk.open()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with served(tmp_path / "one"):
        desk = await Desk.open()
        assert await desk.call("x") == ["x", {}]
        await desk.close()


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"call": 1}\n', b'{"call": "x", "with": 1}\n'])
async def test_nonsense_gets_a_typed_answer(line: bytes, tmp_path: Path) -> None:
    async with served(tmp_path):
        reader, writer = await asyncio.open_unix_connection(find_socket(tmp_path))
        writer.write(line)
        answer = json.loads(await reader.readline())
        assert answer["error"]["code"] == ProtocolError.code
        writer.close()
        await writer.wait_closed()


async def test_changes_begin_with_a_snapshot_and_begin_again_after_a_restart(tmp_path: Path) -> None:
    kinds: list[str] = []
    desk: Desk | None = None

    async def watch() -> None:
        assert desk is not None
        async for change in desk.changes():
            kinds.append(change["kind"])  # noqa: PERF401 - it never ends; others look while it grows

    async with served(tmp_path):
        desk = await Desk.open(tmp_path)
        task = asyncio.create_task(watch())
        async with asyncio.timeout(60):
            while len(kinds) < 4:
                await asyncio.sleep(0.01)
    assert kinds == ["snapshot", "counters", "counters", "counters"]
    async with asyncio.timeout(60):
        while kinds[-1] != "gone":
            await asyncio.sleep(0.01)
    with pytest.raises((ControllerGoneError, NoControllerError)):
        await desk.call("snapshot")
    async with served(tmp_path), asyncio.timeout(60):
        while kinds[-1] != "counters":
            await asyncio.sleep(0.01)
    assert kinds.count("snapshot") == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await desk.close()
