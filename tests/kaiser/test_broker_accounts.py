"""The broker's password file and access list, held against a real Mosquitto that reads them."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from godkaiser.errors import BrokerFilesError, ForbiddenError, InvalidValueError, UnknownAccountError
from godkaiser.io.porter import ACL, PASSWORDS, BrokerFiles
from tests.kaiser.house import BOARD, NODE, OTHER, TEXT, House, file, house
from tests.services import LOOPBACK, Mosquitto, running_mosquitto

PATIENCE = 60.0
SILENCE = 1.0


@asynccontextmanager
async def doors(tmp_path: Path) -> AsyncIterator[tuple[House, Mosquitto, dict[str, str]]]:
    """A controller that makes the files, a broker that reads them, and the passwords of all accounts."""
    folder, script = tmp_path / "doors", tmp_path / "reload"
    files = BrokerFiles(folder, str(script))
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o700)
    (tmp_path / "data").mkdir()
    (tmp_path / "broker").mkdir()
    async with house(tmp_path / "data", file(), broker_files=files) as home:
        names = ["godkaiser", NODE, OTHER]
        told = {name: (await home.call("broker.passwd", name=name))["password"] for name in names}
        with running_mosquitto(tmp_path / "broker", doors=folder) as broker:
            assert broker.process is not None
            script.write_text(f"#!/bin/sh\nkill -HUP {broker.process.pid}\n")
            yield home, broker, told


def client(broker: Mosquitto, name: str, password: str, **more: Any) -> aiomqtt.Client:
    return aiomqtt.Client(
        LOOPBACK,
        broker.port,
        username=name,
        password=password,
        identifier=more.pop("identifier", name),
        **more,
    )


async def let_in(broker: Mosquitto, name: str, password: str) -> bool:
    try:
        async with asyncio.timeout(PATIENCE), client(broker, name, password):
            return True
    except aiomqtt.MqttError:
        return False


async def until(asks: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asks():
            await asyncio.sleep(0.05)


async def heard(listener: aiomqtt.Client, last: str) -> list[str]:
    """Topics up to that one: messages of one publisher keep their order."""
    topics: list[str] = []
    async with asyncio.timeout(PATIENCE):
        async for message in listener.messages:
            topics.append(str(message.topic))
            if topics[-1] == last:
                return topics
    raise AssertionError("nothing more comes")


def below(node: str, topic: str) -> str:
    return f"kaiser/god/esp/{node}/{topic}"


async def test_who_has_the_password_is_let_in_and_nobody_else(tmp_path: Path) -> None:
    async with doors(tmp_path) as (home, broker, told):
        assert [await let_in(broker, name, password) for name, password in told.items()] == [True] * 3
        assert not await let_in(broker, NODE, told[OTHER])
        assert not await let_in(broker, NODE, told[NODE] + "x")
        assert not await let_in(broker, "stranger", told[NODE])
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client(LOOPBACK, broker.port):
                pass
        changed = (await home.call("broker.passwd", name="climate node"))["password"]
        await until(lambda: let_in(broker, NODE, changed))
        assert not await let_in(broker, NODE, told[NODE])


async def test_a_node_says_and_hears_only_what_is_its_own(tmp_path: Path) -> None:
    async with doors(tmp_path) as (_, broker, told):
        will = aiomqtt.Will(below(NODE, "system/will"), b"{}", 1, retain=True)
        async with (
            client(broker, "godkaiser", told["godkaiser"]) as brain,
            client(broker, NODE, told[NODE], will=will) as node,
        ):
            await brain.subscribe("kaiser/#", 1)
            await node.subscribe("kaiser/#", 1)
            # It speaks for another, commands itself, claims to be us, and speaks for itself at last.
            for topic in (
                below(OTHER, "sensor/34/data"),
                below(OTHER, "system/heartbeat"),
                below(NODE, "actuator/25/command"),
                "kaiser/god/server/status",
                "kaiser/broadcast/emergency",
                "kaiser/god/discovery/esp32_nodes",
                below(NODE, "sensor/34/data"),
            ):
                await node.publish(topic, b"{}", 1)
            assert await heard(brain, below(NODE, "sensor/34/data")) == [below(NODE, "sensor/34/data")]
            for topic in (
                below(OTHER, "actuator/25/command"),
                below(OTHER, "config"),
                below(NODE, "actuator/25/command"),
                "kaiser/god/server/status",
                "kaiser/broadcast/emergency",
                below(NODE, "zone/assign"),
            ):
                await brain.publish(topic, b"{}", 1)
            assert await heard(node, below(NODE, "zone/assign")) == [
                below(NODE, "actuator/25/command"),
                "kaiser/god/server/status",
                "kaiser/broadcast/emergency",
                below(NODE, "zone/assign"),
            ]


async def test_the_access_list_follows_the_registry(tmp_path: Path) -> None:
    async with doors(tmp_path) as (home, broker, told):
        acl = tmp_path / "doors" / ACL

        async def says(node: str) -> bool:
            return f"user {node}\n" in acl.read_text()

        assert await says(NODE)
        assert await says(OTHER), "a board with a password may introduce itself"
        await home.beat(OTHER)
        await home.call("nodes.reject", node=OTHER)
        await home.controller.porter.follow()
        assert not await says(OTHER)
        await home.call("nodes.approve", node=OTHER)
        await home.controller.porter.follow()
        assert await says(OTHER)
        await home.call("nodes.remove", node=OTHER)
        await until(lambda: _refused(broker, OTHER, told[OTHER]))
        assert not await says(OTHER)
        assert ("broker.account_removed", OTHER) in [row[1:] for row in await home.audit()]


async def _refused(broker: Mosquitto, name: str, password: str) -> bool:
    return not await let_in(broker, name, password)


async def test_it_follows_by_itself_and_a_new_board_has_the_account(tmp_path: Path) -> None:
    files = BrokerFiles(tmp_path / "doors")
    (tmp_path / "data").mkdir()
    async with house(tmp_path / "data", file(), broker_files=files) as home:
        acl = tmp_path / "doors" / ACL

        async def written() -> bool:
            return acl.exists() and f"user {NODE}\n" in acl.read_text()

        await until(written)
        await home.call("broker.passwd", name="climate node")
        await home.call("nodes.replace", node=NODE, board=BOARD)
        await home.controller.porter.follow()
        assert (f"user {BOARD}\n" in acl.read_text(), f"user {NODE}\n" in acl.read_text()) == (True, False)
        assert (await home.call("broker.passwd", name="climate node"))["name"] == BOARD
        assert [one["name"] for one in await home.call("broker.accounts")] == [BOARD, "godkaiser"]
        assert (tmp_path / "doors" / PASSWORDS).read_text().startswith(f"{BOARD}:$7$")


async def test_what_is_said_and_what_is_kept(tmp_path: Path) -> None:
    async with doors(tmp_path) as (home, _, told):
        assert await home.call("broker.accounts") == [
            {"name": NODE, "password": True, "topics": "its own"},
            {"name": OTHER, "password": True, "topics": "its own"},
            {"name": "godkaiser", "password": True, "topics": "all"},
        ]
        kept = tmp_path / "doors" / PASSWORDS
        assert not [word for word in told.values() if word in kept.read_text()]
        assert stat.S_IMODE(kept.stat().st_mode) == 0o640
        kept.chmod(0o600)
        done = await home.call("broker.passwd", name="alice", password="chosen by herself")
        assert (done["name"], done["password"], done["problem"]) == ("alice", "chosen by herself", "")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert {"name": "alice", "password": True, "topics": "none"} in await home.call("broker.accounts")
        assert (await home.call("broker.acl"))["text"] == (tmp_path / "doors" / ACL).read_text()
        assert (await home.call("broker.remove", name="alice"))["problem"] == ""
        with pytest.raises(UnknownAccountError, match="alice"):
            await home.call("broker.remove", name="alice")
        for name in ("a:b", 5):
            with pytest.raises(InvalidValueError):
                await home.call("broker.passwd", name=name)
        rows = [row for row in await home.audit() if row[1].startswith("broker.")]
        assert [row[1:] for row in rows[-2:]] == [
            ("broker.password", "alice"),
            ("broker.account_removed", "alice"),
        ]
        assert not [word for word in told.values() if word in str(await home.audit())]


async def test_only_those_who_manage_users_may(tmp_path: Path) -> None:
    async with doors(tmp_path) as (home, _, _):
        from godkaiser.auth.policy import Role  # noqa: PLC0415 - of this test only

        await home.controller.accounts.add("otto", "Pump-2026-house", Role.OPERATOR)
        token = (await home.call("login", name="otto", password="Pump-2026-house", address="here"))["token"]
        for method in ("broker.accounts", "broker.acl"):
            with pytest.raises(ForbiddenError):
                await home.call(method, token=token)
        for method in ("broker.passwd", "broker.remove"):
            with pytest.raises(ForbiddenError):
                await home.call(method, name=NODE, token=token)


# ── what goes wrong ────────────────────────────────────────────────────────────────────────────────────────
async def test_without_a_folder_it_says_which_setting_is_missing(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        with pytest.raises(BrokerFilesError, match="GODKAISER_BROKER_DIR"):
            await home.call("broker.passwd", name=NODE)
        assert f"user {NODE}\n" in (await home.call("broker.acl"))["text"]
        assert (await home.call("nodes.remove", node=NODE))["status"] == "removed"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "GODKAISER_BROKER_RELOAD is not set"),
        ("/does/not/exist", "No such file"),
        ("sh -c 'echo no such unit >&2; exit 3'", "no such unit"),
        ("sh -c 'exit 3'", "exit code 3"),
        ("sh 'open quote", "quot"),
    ],
)
async def test_a_broker_that_could_not_be_told_is_said(command: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    async with house(
        tmp_path / "data", file(TEXT), broker_files=BrokerFiles(tmp_path / "doors", command)
    ) as home:
        assert told in (await home.call("broker.passwd", name=NODE))["problem"]
    assert NODE in (tmp_path / "doors" / PASSWORDS).read_text()


async def test_a_folder_that_is_none_stops_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "doors"
    place.write_text("no folder")
    (tmp_path / "data").mkdir()

    async def warned() -> bool:
        return any("The broker's files" in record.getMessage() for record in caplog.records)

    async with house(tmp_path / "data", file(), broker_files=BrokerFiles(place)) as home:
        await until(warned)
        with pytest.raises(BrokerFilesError):
            await home.call("broker.passwd", name=NODE)
        assert (await home.call("nodes.remove", node=NODE))["status"] == "removed"


async def test_a_password_that_was_written_is_said_although_the_access_list_could_not_be(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "doors" / f".{ACL}.part" / "full").mkdir(parents=True)
    async with house(tmp_path / "data", file(), broker_files=BrokerFiles(tmp_path / "doors", "true")) as home:
        done = await home.call("broker.passwd", name=NODE)
        assert len(done["password"]) == 20
        assert "The broker's files" in done["problem"]
        assert (tmp_path / "doors" / PASSWORDS).read_text().startswith(f"{NODE}:$7$")
