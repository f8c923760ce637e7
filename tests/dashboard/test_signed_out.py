"""A session that ends somewhere ends everywhere: pages and sockets of a real controller, and a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pyotp
import pytest
from godkaiser_dashboard.app import Dashboard, Options
from godkaiser_dashboard.guard import ANSWER_S, CLOSED_BY_US, VERIFY_EVERY_S
from playwright.async_api import Page, WebSocket, async_playwright, expect
from tornado.websocket import WebSocketClientConnection

from godkaiser.auth.passwords import hash_password
from godkaiser.auth.policy import Role
from godkaiser.errors import AuthenticationFailedError
from tests.dashboard.conftest import DEADLINE_S, Visitor, until
from tests.kaiser.house import House, file, house
from tests.services import CHROMIUM_FLAGS, PATIENCE_MS

PASSWORD = "Pump-2026-house"
QUICK = hash_password(PASSWORD, bytes(16), cost=4)
PROMISED_S = 5.0


class Line:
    """What the local socket would be, without the socket."""

    def __init__(self, home: House) -> None:
        self._home = home

    async def call(self, method: str, **params: Any) -> Any:
        return await self._home.call(method, **params)

    async def changes(self) -> AsyncIterator[Mapping[str, Any]]:
        async for change in self._home.controller.clerk.watch():
            yield change

    async def close(self) -> None:
        """Nothing to let go of."""


@asynccontextmanager
async def serving(folder: Path, *names: str) -> AsyncIterator[tuple[House, Dashboard]]:
    """Pages over a controller with these operators, and an admin."""
    async with house(folder, file()) as home:
        for name in (*names, "root"):
            role = Role.ADMIN if name == "root" else Role.OPERATOR
            await home.controller.accounts.table.add(name, role, QUICK)
        await home.controller.accounts.load()

        async def line() -> Line:
            return Line(home)

        dashboard, ready = Dashboard(Options(port=0), line), asyncio.Event()
        task = asyncio.create_task(dashboard.run(lambda _: ready.set()))
        async with asyncio.timeout(DEADLINE_S):
            await ready.wait()
        await until(lambda: dashboard.feed.view.known)
        try:
            yield home, dashboard
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def enter(page: Page, code: str = "") -> None:
    """The name stands there already."""
    await page.fill("#password", PASSWORD)
    if code:
        await page.fill("#code", code)
    await page.click("button[type=submit]")


async def closed(socket: WebSocketClientConnection) -> int | None:
    async with asyncio.timeout(DEADLINE_S):
        while await socket.read_message() is not None:
            pass
    socket.close()
    return socket.close_code


def test_the_promise_is_kept_by_how_often_it_is_looked() -> None:
    """A round begins at the latest so long after the end, and a controller that is slow counts as away."""
    assert VERIFY_EVERY_S + ANSWER_S < PROMISED_S


async def test_whatever_ends_a_session_closes_its_sockets(tmp_path: Path) -> None:
    changes: dict[str, tuple[str, dict[str, Any]]] = {
        "ann": ("users.password", {"password": "Other-2026-house"}),
        "bob": ("users.role", {"role": "viewer"}),
        "cat": ("users.zones", {"zones": ["bench"]}),
        "dan": ("users.deactivate", {}),
        "eve": ("users.logout", {}),
        "fay": ("users.remove", {}),
    }
    async with serving(tmp_path, *changes) as (home, dashboard):
        visitors = {name: Visitor(dashboard.address) for name in (*changes, "root")}
        sockets = {}
        for name, visitor in visitors.items():
            await visitor.form("/login", {"name": name, "password": PASSWORD})
            sockets[name] = await visitor.socket(await visitor.page_token())
        for name, (method, params) in changes.items():
            await home.call(method, name=name, **params)
        for name in changes:
            assert await closed(sockets[name]) == CLOSED_BY_US, name
            answer = await visitors[name].ask("/")
            assert (answer.code, answer.headers["Location"]) == (302, "./login?next=%2F"), name
        assert sockets["root"].close_code is None
        assert (await visitors["root"].ask("/")).code == 200
        sockets["root"].close()


async def test_signing_in_again_in_the_same_browser_ends_the_sign_in_before(tmp_path: Path) -> None:
    async with serving(tmp_path, "ann", "bob") as (home, dashboard):
        visitor, other = Visitor(dashboard.address), Visitor(dashboard.address)
        await other.form("/login", {"name": "ann", "password": PASSWORD})
        await visitor.form("/login", {"name": "ann", "password": PASSWORD})
        before = visitor.cookies[dashboard.guard.cookie]
        socket = await visitor.socket(await visitor.page_token())
        wrong = await visitor.form("/login", {"name": "bob", "password": "wrong"})
        assert wrong.code == 401  # who failed to sign in ends nothing
        assert (await home.call("verify", token=before))["user"] == "ann"
        assert (await visitor.form("/login", {"name": "bob", "password": PASSWORD})).code == 303
        with pytest.raises(AuthenticationFailedError, match="revoked"):
            await home.call("verify", token=before)
        assert await closed(socket) == CLOSED_BY_US
        after = visitor.cookies[dashboard.guard.cookie]
        assert (await home.call("verify", token=after))["user"] == "bob"
        assert (await other.ask("/")).code == 200


async def test_a_sign_in_before_that_cannot_be_ended_does_not_hinder(tmp_path: Path) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):
        visitor = Visitor(dashboard.address)
        await visitor.form("/login", {"name": "ann", "password": PASSWORD})
        before = visitor.cookies[dashboard.guard.cookie]
        await home.controller.store.close()
        (tmp_path / "godkaiser.db").unlink()
        (tmp_path / "godkaiser.db").mkdir()
        assert (await visitor.form("/login", {"name": "ann", "password": PASSWORD})).code == 303
        assert visitor.cookies[dashboard.guard.cookie] != before
        assert (await home.call("verify", token=before))["user"] == "ann"
        assert (await visitor.ask("/")).code == 200
        (tmp_path / "godkaiser.db").rmdir()


async def test_only_a_token_of_the_pages_opens_a_page(tmp_path: Path) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):
        pair = await home.call("login", name="ann", password=PASSWORD, address="x", pair=True)
        made = await home.call("tokens.add", label="x", owner="root", permissions=["look", "manage_users"])
        visitor = Visitor(dashboard.address)
        for token in (pair["access_token"], pair["refresh_token"], made["token"]):
            visitor.cookies = {dashboard.guard.cookie: token}
            assert (await visitor.ask("/")).code == 302


async def test_a_browser_with_a_second_factor_is_signed_out_from_another_device(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard), async_playwright() as playwright:
        begun = await home.call("users.totp.begin", name="ann")
        phone = pyotp.parse_uri(begun["address"])
        assert isinstance(phone, pyotp.TOTP)
        clock = home.controller.accounts.clock
        code = phone.at(clock.now() // 1_000_000 - 30)
        await home.call("users.totp.confirm", name="ann", code=code)

        program = await playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
        page = await program.new_page()
        page.set_default_timeout(PATIENCE_MS)
        ends: list[WebSocket] = []

        def ended(socket: WebSocket) -> None:
            ends.append(socket)

        page.on("websocket", lambda socket: socket.on("close", ended))
        await page.goto(f"{dashboard.address}/actuators")
        await page.fill("#name", "ann")
        await enter(page)
        await expect(page.get_by_text("asks for the code of its phone")).to_be_visible()
        await enter(page, code)  # it confirmed the phone, so it is used
        await expect(page.get_by_text("A code opens once.")).to_be_visible()
        await enter(page, phone.at(clock.now() // 1_000_000 + 30))
        await page.wait_for_selector("body[data-live=yes]")
        assert page.url == f"{dashboard.address}/actuators"
        assert ends == []

        await home.call("users.totp.remove", name="ann")
        other = Visitor(dashboard.address)
        await other.form("/login", {"name": "ann", "password": PASSWORD})
        answer = await other.form("/logout", {"everywhere": "1"})
        assert (answer.code, answer.headers["Location"]) == (303, "/login?ended=1")
        await expect(page.get_by_text("You were signed out.")).to_be_visible()
        assert page.url.startswith(f"{dashboard.address}/login?out=1&next=%2Factuators")
        await until(lambda: len(ends) == 1)
        await page.goto(f"{dashboard.address}/")
        assert "/login" in page.url
        await program.close()
        rows = [row for row in await home.call("audit", since="-30d") if row["action"] == "logout"]
        assert [row["detail"] for row in rows] == ["everywhere, 2 tokens ended"]
