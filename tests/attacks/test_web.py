"""Other sites, crooked requests and giant ones at the real pages of a real controller."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from tornado.httpclient import HTTPClientError

from tests.attacks.stand import PASSWORD, Stand
from tests.dashboard.conftest import DEADLINE_S, Visitor

FOREIGN = ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example")
FORMS = ("/login", "/logout", "/stop", "/clear")


async def phase(besieged: Stand) -> str:
    return str((await besieged.call("snapshot"))["stop"]["phase"])


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_form_of_another_site_does_nothing(origin: str, besieged: Stand) -> None:
    """The browser of somebody signed in sends the form; the site cannot know the form's secret."""
    visitor = await besieged.inside("ann")
    fields = {"name": "ann", "password": PASSWORD, "everywhere": "1"}
    told = {
        "Origin": origin,
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Referer": f"{origin}/x",
    }
    for path in FORMS:
        for secret in ({}, {"_xsrf": ""}, {"_xsrf": "2|00000000|00|0"}, {"_xsrf": "guessed"}):
            answer = await visitor.ask(path, "POST", urlencode(fields | secret), **told)
            assert answer.code == 403, path
        for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x"):
            answer = await visitor.ask(path, "POST", "{}", Content_Type=kind, **told)
            assert answer.code in {400, 403}, (path, kind)
        if path != "/login":
            assert (await visitor.ask(path, **told)).code == 405
    assert await phase(besieged) == "NORMAL"
    assert (await visitor.ask("/")).code == 200  # still signed in, and nobody else is
    assert [row["who"] for row in await besieged.rows("login")] == ["user:ann"]
    assert await besieged.rows("logout") == []


async def test_the_secret_of_one_browser_is_of_no_use_in_another(besieged: Stand) -> None:
    mallory, victim = await besieged.inside("vera"), await besieged.inside("ann")
    for path in ("/logout", "/stop"):
        answer = await victim.ask(path, "POST", f"_xsrf={mallory.secret}")
        assert answer.code == 403
    assert await phase(besieged) == "NORMAL"


@pytest.mark.parametrize(
    "origin", [*FOREIGN, None, "https://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil.example"]
)
async def test_a_page_of_another_site_gets_no_socket(origin: str | None, besieged: Stand) -> None:
    visitor = await besieged.inside("ann")
    token = await visitor.page_token()
    with pytest.raises(HTTPClientError) as caught:
        await visitor.socket(token, origin=origin and origin.format(port=besieged.pages.port))
    assert caught.value.code == 403
    socket = await visitor.socket(token)  # the same from home
    socket.close()


# ── crooked requests ───────────────────────────────────────────────────────────────────────────────────
BREAKS = ("x%0d%0aSet-Cookie:%20planted=1", "x%0aX-Planted:%201", "%E5%98%8A%E5%98%8DSet-Cookie:%20planted=1")


@pytest.mark.parametrize("text", BREAKS)
async def test_nobody_writes_a_header_into_an_answer(text: str, besieged: Stand) -> None:
    visitor = besieged.visitor()
    for path in (
        f"/login?next=/{text}",
        f"/login?lang={text}",
        f"/?lang={text}",
        f"/{text}",
        f"/history?sensor={text}",
    ):
        answer = await visitor.ask(path)
        assert not any("planted" in value for value in answer.headers.get_list("Set-Cookie")), path
        assert "X-Planted" not in answer.headers, path
        where = answer.headers.get("Location", "")
        assert "\r" not in where
        assert "\n" not in where
    page = await visitor.ask("/login")
    assert page.code == 200
    body = f"name=ann&password={PASSWORD}&next=/{text}&_xsrf={visitor.secret}"
    answer = await visitor.ask("/login", "POST", body)
    assert answer.code == 303
    assert not any("planted" in value for value in answer.headers.get_list("Set-Cookie"))
    assert "X-Planted" not in answer.headers


@pytest.mark.parametrize(
    "head",
    [
        b"Host: evil.example\r\n",
        b"Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n",
        b"Host: 127.0.0.1:{port}@evil.example\r\n",
        b"Host: 127.0.0.1:{port}, evil.example\r\n",
        b"Host: evil.example\r\nX-Forwarded-Host: 127.0.0.1:{port}\r\n",
        b"Host: 127.0.0.1:{port}\r\nX-Bad: a\rb\r\n",
        b"Host: 127.0.0.1:{port}\r\nX-Bad: a\x00b\r\n",
        b"Host: 127.0.0.1:{port}\r\n X-Folded: 1\r\n no colon\r\n",
        b"Host: 127.0.0.1:{port}\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        b"Host: 127.0.0.1:{port}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Host: 127.0.0.1:{port}\r\nContent-Length: -1\r\n",
        b"Host: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked, identity\r\n",
    ],
    ids=range(12),
)
async def test_crooked_heads_open_nothing_and_end_nothing(head: bytes, besieged: Stand) -> None:
    head = head.replace(b"{port}", str(besieged.pages.port).encode())
    for verb in (b"GET", b"POST"):
        answer = await besieged.raw(verb + b" / HTTP/1.1\r\n" + head + b"\r\n")
        assert not answer.startswith(b"HTTP/1.1 2"), (verb, answer[:80])
        assert b"evil.example" not in answer
    assert (await besieged.inside("ann")).cookies


async def test_who_asks_is_not_what_a_stranger_writes_into_a_header(besieged: Stand) -> None:
    """Else every guess would come from another address."""
    visitor = besieged.visitor()
    for text in ("203.0.113.9", "203.0.113.9, 10.0.0.1", "' OR 1=1 --", "x" * 5000):
        told = {"X_Forwarded_For": text, "X_Real_Ip": text, "Forwarded": f"for={text}"}
        await visitor.form("/login", {"name": "nobody", "password": "Guess-123"}, **told)
    rows = await besieged.rows("login.failed")
    assert rows
    assert {row["address"] for row in rows} == {"127.0.0.1"}


# ── giant ones ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: a\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nCookie: " + b"a=b; " * 20_000 + b"\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 1_000_000,
    ],
    ids=["address", "header", "headers", "cookies", "stated body", "body"],
)
async def test_what_is_too_big_is_hung_up_on(request_bytes: bytes, besieged: Stand) -> None:
    answer = await besieged.raw(request_bytes)
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")), answer[:100]
    assert (await (await besieged.inside("ann")).ask("/")).code == 200


@pytest.mark.parametrize("size", [2 << 20, 64 << 20])
async def test_a_giant_frame_ends_its_socket_and_no_other(size: int, besieged: Stand) -> None:
    visitor, other = await besieged.inside("ann"), await besieged.inside("vera")
    sockets = [await one.socket(await one.page_token()) for one in (visitor, other)]
    with suppress(Exception):  # it may hang up while we still write
        await sockets[0].write_message(b"x" * size, binary=True)
    async with asyncio.timeout(DEADLINE_S):
        while await sockets[0].read_message() is not None:
            pass
    assert sockets[1].close_code is None
    assert (await other.form("/stop", {})).code in {200, 303}
    assert await phase(besieged) == "ACTIVE"
    for socket in sockets:
        socket.close()


@pytest.mark.parametrize("text", ["{}", "[]", '{"msgtype": "PATCH-DOC"}', "\u2028", "x" * 1000])
async def test_frames_that_are_none_hurt_nobody(text: str, besieged: Stand) -> None:
    visitor, other = await besieged.inside("ann"), await besieged.inside("vera")
    socket, kept = [await one.socket(await one.page_token()) for one in (visitor, other)]
    with suppress(Exception):
        for _ in range(3):
            await socket.write_message(text)
    assert (await other.ask("/")).code == 200
    assert kept.close_code is None
    for one in (socket, kept):
        one.close()


# ── where to go after signing in ───────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/%0a/evil.example\n",
        " //evil.example",
        "/login/../..//evil.example",
        "@evil.example",
        ".evil.example",
    ],
)
async def test_signing_in_leads_to_no_other_site(wanted: str, besieged: Stand) -> None:
    visitor: Visitor = besieged.visitor()
    answer = await visitor.form("/login", {"name": "ann", "password": PASSWORD, "next": wanted})
    assert answer.code == 303
    where = answer.headers["Location"]
    assert where.startswith("/")
    assert not where.startswith(("//", "/\\"))
    assert where in {"/", wanted.strip()}
