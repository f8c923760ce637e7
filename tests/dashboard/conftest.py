"""A dashboard over the fake greenhouse, and a small browser without a screen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from godkaiser_dashboard.app import Dashboard, Options
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.dashboard.fake_desk import PASSWORDS, Greenhouse

DEADLINE_S = 60.0


@dataclass(slots=True)
class Visitor:
    """Somebody with a cookie jar."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> HTTPResponse:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Cookie": jar} | {name.replace("_", "-"): value for name, value in headers.items()}
        request = HTTPRequest(
            self.address + path, method=method, body=body, headers=sent, follow_redirects=False
        )
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        for line in answer.headers.get_list("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    async def form(self, path: str, fields: dict[str, str], **headers: str) -> HTTPResponse:
        """Post a form with the secret a page of ours would have given."""
        page = await self.ask("/login")
        secret = re.search(r'name="_xsrf" value="([^"]+)"', page.body.decode())
        token = secret[1] if secret else self.secret
        return await self.ask(path, "POST", urlencode(fields | {"_xsrf": token}), **headers)

    @property
    def secret(self) -> str:
        """The form secret, which Tornado also accepts as the cookie has it."""
        return next(value for name, value in self.cookies.items() if "xsrf" in name)

    async def sign_in(self, name: str = "ada") -> HTTPResponse:
        return await self.form("/login", {"name": name, "password": PASSWORDS[name]})

    async def page_token(self, path: str = "/") -> str:
        """The Bokeh token a page of ours carries."""
        page = await self.ask(path)
        assert page.code == 200
        assert b'id="stop"' in page.body  # else the page was not built
        found = re.search(r'"token":"([^"]+)"', page.body.decode())
        assert found is not None
        return found[1]

    async def socket(
        self, token: str, path: str = "/", origin: str | None = "own", signed_in: bool = True
    ) -> WebSocketClientConnection:
        url = self.address.replace("http", "ws") + path.rstrip("/") + "/ws"
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": jar} if signed_in else {}
        if origin is not None:
            headers["Origin"] = self.address if origin == "own" else origin
        request = HTTPRequest(url, headers=headers, connect_timeout=DEADLINE_S)
        return await websocket_connect(request, subprotocols=["bokeh", token])


@dataclass(slots=True)
class Running:
    """A dashboard that serves."""

    house: Greenhouse
    dashboard: Dashboard

    @property
    def address(self) -> str:
        return self.dashboard.address

    def visitor(self) -> Visitor:
        return Visitor(self.address)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    house = Greenhouse()
    dashboard = Dashboard(Options(port=0), house.open)
    ready = asyncio.Event()
    task = asyncio.create_task(dashboard.run(lambda _: ready.set()))
    await asyncio.wait_for(ready.wait(), DEADLINE_S)
    await until(lambda: dashboard.feed.view.known)
    yield Running(house, dashboard)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to come, and fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # what is waited for has no event of its own
            await asyncio.sleep(0.01)  # whatever is waited for has no event of its own
