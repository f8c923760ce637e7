"""What is attacked: a real controller, its local socket, and the pages that ask it through that socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from godkaiser_dashboard.app import Dashboard, Options

from godkaiser import Desk
from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import GodkaiserError
from godkaiser.io.desk import DeskServer
from tests.dashboard.conftest import DEADLINE_S, Visitor, until
from tests.kaiser.house import House, file, house

PASSWORD = "Pump-2026-house"
QUICK = hash_password(PASSWORD, bytes(16), cost=4)
PEOPLE = {"root": Role.ADMIN, "ann": Role.OPERATOR, "vera": Role.VIEWER}


@dataclass
class Stand:
    """What an attacker finds, and what the test sees behind it."""

    home: House
    desk: Desk
    dashboard: Dashboard | None
    data: Path

    async def call(self, method: str, **params: Any) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            return await self.desk.call(method, **params)

    async def fails(self, method: str, **params: Any) -> GodkaiserError:
        """Through the socket; the typed error it must have."""
        try:
            found = await self.call(method, **params)
        except GodkaiserError as error:
            return error
        raise AssertionError(f"{method} was carried out: {found!r:.200}")

    async def pair(self, name: str = "ann", address: str = "10.0.0.3") -> tuple[str, str]:
        told = await self.call("login", name=name, password=PASSWORD, address=address, pair=True)
        return told["access_token"], told["refresh_token"]

    @property
    def pages(self) -> Dashboard:
        assert self.dashboard is not None
        return self.dashboard

    @property
    def cookie(self) -> str:
        return self.pages.guard.cookie

    def visitor(self) -> Visitor:
        return Visitor(self.pages.address)

    async def inside(self, name: str = "ann") -> Visitor:
        visitor = self.visitor()
        answer = await visitor.form("/login", {"name": name, "password": PASSWORD})
        assert answer.code == 303
        return visitor

    async def raw(self, request: bytes) -> bytes:
        """What the pages answer to these bytes, until they hang up or have said a whole head."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.pages.port)
        answer = b""
        try:
            with suppress(ConnectionError):
                async with asyncio.timeout(DEADLINE_S):
                    writer.write(request)
                    await writer.drain()
                    while b"\r\n\r\n" not in answer and (part := await reader.read(65536)):
                        answer += part
        finally:
            writer.close()
        return answer

    async def rows(self, action: str) -> list[dict[str, Any]]:
        await self.home.controller.runner.drained()
        rows: list[dict[str, Any]] = await self.call("audit", since="-30d")
        return [row for row in rows if row["action"] == action]


@asynccontextmanager
async def stand(
    data: Path, *, pages: bool = True, proxies: Iterable[str] = (), **more: Any
) -> AsyncIterator[Stand]:
    """One of everything, with three people in it."""
    data.mkdir(exist_ok=True)  # noqa: ASYNC240 - a test may wait for its own folder
    async with house(data, more.pop("site", None) or file(), **more) as home:
        for name, role in PEOPLE.items():
            await home.controller.accounts.table.add(name, role, QUICK)
        await home.controller.accounts.load()
        server = DeskServer(data, home.controller.clerk)
        await server.start()
        try:
            desk = await Desk.open(data)
            try:
                options = Options(data=data, port=0, proxies=tuple(proxies))
                async with served(options) if pages else nothing() as dashboard:
                    yield Stand(home, desk, dashboard, data)
            finally:
                await desk.close()
        finally:
            await server.stop()


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield None


@asynccontextmanager
async def served(options: Options) -> AsyncIterator[Dashboard]:
    """Pages that find the controller by its data folder, as those of a real installation do."""
    dashboard, ready = Dashboard(options), asyncio.Event()
    task = asyncio.create_task(dashboard.run(lambda _: ready.set()))
    try:
        async with asyncio.timeout(DEADLINE_S):
            await ready.wait()
        await until(lambda: dashboard.feed.view.known)
        yield dashboard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def line(socket_path: Path, text: bytes) -> bytes:
    """A bare client of the local socket: bytes in, one line out."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE_S)
        client.connect(str(socket_path))
        client.sendall(text)
        answer = b""
        while not answer.endswith(b"\n") and (part := client.recv(65536)):
            answer += part
    return answer
