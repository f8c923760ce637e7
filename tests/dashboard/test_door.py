"""Getting data without a valid sign-in, tried in every way we could think of."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
from godkaiser_dashboard.app import BODY_MOST, Dashboard, Options
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection

from tests.dashboard.conftest import DEADLINE_S, Running, Visitor
from tests.dashboard.fake_desk import PASSWORDS, Greenhouse

PAGES = ["/", "/history", "/actuators"]
VALUES = ["Bench air", "ESP_A1B2C3", "23.4"]


def no_data(body: bytes) -> bool:
    return not any(word.encode() in body for word in VALUES)


async def first_words(socket: WebSocketClientConnection) -> str:
    message = await asyncio.wait_for(socket.read_message(), DEADLINE_S)
    return message if isinstance(message, str) else repr(message)


async def refused(visitor: Visitor, token: str, **how: object) -> int:
    with pytest.raises(HTTPClientError) as caught:
        await visitor.socket(token, **how)  # type: ignore[arg-type]
    return caught.value.code


@pytest.mark.parametrize("path", [*PAGES, "/history?sensor=ESP_A1B2C3/0/sht31_temp@0x44"])
async def test_a_stranger_is_led_to_the_form_and_sees_nothing(running: Running, path: str) -> None:
    answer = await running.visitor().ask(path)
    assert answer.code == 302
    assert answer.headers["Location"].startswith("./login?next=%2F")
    assert no_data(answer.body)


@pytest.mark.parametrize("page", ["", "/history", "/actuators"])
@pytest.mark.parametrize("route", ["/autoload.js?bokeh-autoload-element=x", "/metadata"])
@pytest.mark.parametrize("signed_in", [False, True])
async def test_bokehs_side_doors_are_shut_for_everybody(
    running: Running, page: str, route: str, signed_in: bool
) -> None:
    visitor = running.visitor()
    if signed_in:
        await visitor.sign_in()
    answer = await visitor.ask(page + route)
    assert answer.code == 403
    assert no_data(answer.body)


@pytest.mark.parametrize(
    "path", ["/components/os/path/__css__/x", "/rest/session_info", "/admin", "/liveness", "/assets/app.py"]
)
async def test_there_are_no_other_doors(running: Running, path: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    assert (await visitor.ask(path)).code == 404


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize(
    ("lang", "told", "way"), [("", "There is no page here", "/"), ("?lang=de", "Hier ist keine", "/?lang=de")]
)
async def test_an_address_without_a_page_leads_to_one(
    running: Running, signed_in: bool, lang: str, told: str, way: str
) -> None:
    visitor = running.visitor()
    if signed_in:
        await visitor.sign_in()
    for method, body in (("GET", None), ("POST", "x=1")):
        answer = await visitor.ask("/pumps/<b>" + lang, method, body)
        assert answer.code == 404
        assert f'href="{way}"' in answer.body.decode()
        assert told in answer.body.decode()
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<b>" not in answer.body.decode()
        assert no_data(answer.body)


@pytest.mark.parametrize("stated", ["Content-Length: 3000000", "Transfer-Encoding: chunked"])
async def test_an_oversized_form_is_refused_and_signing_in_still_works(running: Running, stated: str) -> None:
    part = b"1000\r\n" + b"x" * 0x1000 + b"\r\n" if "chunked" in stated else b"x" * 0x1000
    reader, writer = await asyncio.open_connection("127.0.0.1", running.dashboard.port)
    with suppress(ConnectionError):  # it may hang up while we still write
        writer.write(f"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n{stated}\r\n\r\n".encode())
        for _ in range(BODY_MOST // 0x1000 + 1):
            writer.write(part)
        await asyncio.wait_for(writer.drain(), DEADLINE_S)
    answer = b""
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), DEADLINE_S)  # to the end: the connection is closed
    assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))
    writer.close()
    visitor = running.visitor()
    assert (await visitor.sign_in()).code == 303
    assert (await visitor.ask("/")).code == 200


async def test_a_form_that_never_ends_is_given_up() -> None:
    dashboard, ready = Dashboard(Options(port=0), Greenhouse().open), asyncio.Event()
    assert 0 < dashboard.limits["body_timeout"] <= 10
    dashboard.limits["body_timeout"] = 0.1
    task = asyncio.create_task(dashboard.run(lambda _: ready.set()))
    await asyncio.wait_for(ready.wait(), DEADLINE_S)
    reader, writer = await asyncio.open_connection("127.0.0.1", dashboard.port)
    writer.write(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nname=")
    answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
    assert not answer.startswith(b"HTTP/1.1 2")
    writer.close()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("name", ["style.css", "page.js", "icon.svg"])
async def test_style_and_script_are_public_and_hold_no_data(running: Running, name: str) -> None:
    answer = await running.visitor().ask("/assets/" + name)
    assert answer.code == 200
    assert no_data(answer.body)


@pytest.mark.parametrize("token", ["forged", "x" * 10_000, '"', "token-ada-1;x", "", "\u00e9"])
@pytest.mark.parametrize("path", PAGES)
async def test_a_forged_cookie_opens_nothing(running: Running, token: str, path: str) -> None:
    visitor = running.visitor()
    visitor.cookies[running.dashboard.guard.cookie] = token
    answer = await visitor.ask(path)
    assert answer.code == 302
    assert no_data(answer.body)


async def test_an_expired_or_ended_sign_in_opens_nothing(running: Running) -> None:
    for token in (running.house.sign_in("ada", -1.0), "token-of-yesterday"):
        visitor = running.visitor()
        visitor.cookies[running.dashboard.guard.cookie] = token
        assert (await visitor.ask("/")).code == 302


@pytest.mark.parametrize("path", PAGES)
async def test_signed_in_people_get_their_page_and_its_socket(running: Running, path: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    socket = await visitor.socket(await visitor.page_token(path), path)
    header = json.loads(await first_words(socket))
    assert header["msgtype"] == "ACK"
    socket.close()


@pytest.mark.parametrize("path", PAGES)
async def test_no_socket_without_sign_in(running: Running, path: str) -> None:
    owner, thief = running.visitor(), running.visitor()
    await owner.sign_in()
    token = await owner.page_token(path)
    assert await refused(thief, token, path=path) == 403
    assert await refused(owner, token, path=path, signed_in=False) == 403
    thief.cookies[running.dashboard.guard.cookie] = "forged"
    assert await refused(thief, token, path=path) == 403
    thief.cookies[running.dashboard.guard.cookie] = running.house.sign_in("vera", -1.0)
    assert await refused(thief, token, path=path) == 403


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_can_take_over_another_persons_page(running: Running, path: str) -> None:
    ada, vera = running.visitor(), running.visitor()
    await ada.sign_in("ada")
    await vera.sign_in("vera")
    token = await ada.page_token(path)
    assert await refused(vera, token, path=path) == 403


async def test_not_even_the_same_person_with_another_sign_in(running: Running) -> None:
    first, second = running.visitor(), running.visitor()
    await first.sign_in("ada")
    await second.sign_in("ada")
    assert await refused(second, await first.page_token()) == 403


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://127.0.0.1",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:1",
    ],
)
async def test_a_page_of_another_origin_gets_no_socket(running: Running, origin: str | None) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    token = await visitor.page_token()
    origin = origin and origin.format(port=running.dashboard.port)
    assert await refused(visitor, token, origin=origin) == 403


@pytest.mark.parametrize("token", ["x", "a.b", "e30.e30", "", "=.=", "eyJzZXNzaW9uX2lkIjoieCJ9"])
async def test_made_up_page_tokens_get_no_socket(running: Running, token: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    assert await refused(visitor, token or "-") == 403


async def test_a_changed_page_token_gets_no_socket(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    body, _, seal = (await visitor.page_token()).partition(".")
    assert await refused(visitor, f"{body}.{seal[::-1]}") == 403
    assert await refused(visitor, body) == 403


@pytest.mark.parametrize("how", ["?bokeh-session-id=mine", "?bokeh-token=mine", "header"])
async def test_nobody_chooses_the_session_of_a_page(running: Running, how: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    if how == "header":
        answer = await visitor.ask("/", Bokeh_Session_Id="mine")
    else:
        answer = await visitor.ask("/" + how)
    assert answer.code == 403
    assert no_data(answer.body)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:{port}"])
async def test_another_name_for_this_address_is_refused(running: Running, host: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    for path in ("/", "/login", "/assets/style.css", "/alive"):
        answer = await visitor.ask(path, Host=host.format(port=running.dashboard.port))
        assert answer.code == 421
        assert no_data(answer.body)


async def test_the_token_is_in_no_page_and_no_script_can_read_it(running: Running) -> None:
    visitor = running.visitor()
    answer = await visitor.sign_in()
    cookie = next(c for c in answer.headers.get_list("Set-Cookie") if c.startswith("godkaiser_"))
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    token = visitor.cookies[running.dashboard.guard.cookie]
    assert token in running.house.tokens
    for path in PAGES:
        page = await visitor.ask(path)
        assert token.encode() not in page.body
    assert token not in await visitor.page_token()


@pytest.mark.parametrize("path", ["/stop", "/clear", "/logout"])
async def test_buttons_need_the_forms_secret(running: Running, path: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    for body in ("", "_xsrf=made-up", "_xsrf="):
        assert (await visitor.ask(path, "POST", body)).code == 403
    assert [name for name, _ in running.house.calls if name != "login"] == []
    assert (await visitor.ask("/")).code == 200


@pytest.mark.parametrize("path", ["/stop", "/clear"])
async def test_buttons_need_a_sign_in(running: Running, path: str) -> None:
    assert (await running.visitor().form(path, {})).code == 403
    assert running.house.calls == []


@pytest.mark.parametrize("path", ["/stop", "/clear", "/logout"])
async def test_looking_at_a_buttons_address_does_nothing(running: Running, path: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    running.house.calls.clear()
    assert (await visitor.ask(path)).code == 405
    assert running.house.calls == []


async def test_wrong_passwords_say_so_without_saying_what_is_wrong(running: Running) -> None:
    visitor = running.visitor()
    answers = [
        await visitor.form("/login", {"name": name, "password": "Wrong-99"}) for name in ("ada", "nobody")
    ]
    assert [a.code for a in answers] == [401, 401]
    assert all("Name or password is not right." in a.body.decode() for a in answers)
    assert running.dashboard.guard.cookie not in visitor.cookies


async def test_too_many_tries_say_how_long_to_wait(running: Running) -> None:
    running.house.failures = 5
    answer = await running.visitor().form("/login", {"name": "ada", "password": PASSWORDS["ada"]})
    assert answer.code == 429
    assert answer.headers["Retry-After"] == "8"
    assert "wait 8 s" in answer.body.decode()


async def test_the_controller_learns_the_address_of_the_try(running: Running) -> None:
    await running.visitor().sign_in()
    assert running.house.calls[0][1]["address"] == "127.0.0.1"


async def test_the_code_of_a_phone_is_asked_for_and_told_to_the_controller(running: Running) -> None:
    running.house.codes["ada"] = "123456"
    visitor = running.visitor()
    asked = await visitor.sign_in()
    assert (asked.code, b'name="code"' in asked.body) == (401, True)
    fields = {"name": "ada", "password": PASSWORDS["ada"]}
    wrong = await visitor.form("/login", fields | {"code": "654321"})
    assert (wrong.code, b'name="code"' in wrong.body, b"654321" in wrong.body) == (401, True, False)
    assert (await visitor.form("/login", fields | {"code": "123456"})).code == 303


async def test_signing_out_everywhere_ends_other_sign_ins_of_the_same_person_only(running: Running) -> None:
    visitors = [running.visitor() for _ in range(3)]
    for visitor, name in zip(visitors, ("ada", "ada", "vera"), strict=True):
        await visitor.sign_in(name)
    await visitors[0].ask("/logout", "POST", f"_xsrf={visitors[0].secret}&everywhere=1")
    assert [(await visitor.ask("/")).code for visitor in visitors] == [302, 302, 200]


@pytest.mark.parametrize("name", ["ada", "nobody"])
async def test_who_is_kept_out_is_told_how_long_and_who_can_help(running: Running, name: str) -> None:
    running.house.kept_out = 3 * 3600 + 20 * 60.0
    fields = {"name": name, "password": "Wrong-99"}
    answer = await running.visitor().form("/login", fields)
    assert (answer.code, answer.headers["Retry-After"]) == (429, "12000")
    text = answer.body.decode()
    assert "from this address for another 3 h 20 min" in text
    assert "An admin can let it in again sooner" in text
    assert "on the page Accounts or by `godkaiser blocks lift ADDRESS`" in text
    german = (await running.visitor().form("/login?lang=de", fields)).body.decode()
    assert "noch 3 h 20 min lang nicht anmelden" in german
    assert "auf der Seite Konten oder mit `godkaiser blocks lift" in german


async def test_an_empty_form_is_not_asked_about(running: Running) -> None:
    answer = await running.visitor().form("/login", {"name": "", "password": ""})
    assert answer.code == 401
    assert running.house.calls == []


async def test_an_old_form_is_shown_again(running: Running) -> None:
    answer = await running.visitor().ask("/login", "POST", "name=ada&password=Tomato-42&_xsrf=old")
    assert answer.code == 403
    assert "too old" in answer.body.decode()
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert running.house.calls == []


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/history?sensor=a", "/history?sensor=a"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\tx", "/"),
        ("javascript:alert(1)", "/"),
        ("/logout", "/"),
        ("", "/"),
    ],
)
async def test_signing_in_leads_only_to_pages_of_ours(running: Running, wanted: str, goes: str) -> None:
    fields = {"name": "ada", "password": PASSWORDS["ada"], "next": wanted}
    answer = await running.visitor().form("/login", fields)
    assert (answer.code, answer.headers["Location"]) == (303, goes)


async def test_names_come_back_escaped(running: Running) -> None:
    answer = await running.visitor().form("/login", {"name": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>alert" not in answer.body.decode()


async def test_the_form_speaks_german(running: Running) -> None:
    assert "Anmelden" in (await running.visitor().ask("/login?lang=de")).body.decode()
    assert "Anmelden" in (await running.visitor().ask("/login", Accept_Language="de-CH,de")).body.decode()


async def test_whoever_is_signed_in_need_not_see_the_form(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    answer = await visitor.ask("/login?next=%2Fhistory")
    assert (answer.code, answer.headers["Location"]) == (302, "/history")


async def test_every_answer_has_the_headers_that_keep_pages_at_home(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    for path in (*PAGES, "/login", "/assets/page.js", "/alive"):
        headers = (await visitor.ask(path)).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


async def closed(socket: WebSocketClientConnection) -> int | None:
    async with asyncio.timeout(DEADLINE_S):
        while await socket.read_message() is not None:
            pass
    socket.close()
    return socket.close_code


async def test_signing_out_closes_every_page_of_it_and_ends_the_token(running: Running) -> None:
    ada, vera = running.visitor(), running.visitor()
    await ada.sign_in("ada")
    await vera.sign_in("vera")
    tokens = [await ada.page_token(), await ada.page_token("/history")]
    mine = [await ada.socket(tokens[0]), await ada.socket(tokens[1], "/history")]
    hers = await vera.socket(await vera.page_token())
    kept = dict(ada.cookies)
    await first_words(hers)
    answer = await ada.ask("/logout", "POST", f"_xsrf={ada.secret}")
    assert (answer.code, answer.headers["Location"]) == (303, "/login?ended=1")
    assert [await closed(socket) for socket in mine] == [4001, 4001]
    assert hers.close_code is None
    ada.cookies = kept
    assert (await ada.ask("/")).code == 302
    assert await refused(ada, tokens[0]) == 403
    hers.close()


@pytest.mark.parametrize("how", ["revoked", "expired", "demoted"])
async def test_open_pages_close_when_the_sign_in_ends_elsewhere(running: Running, how: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    socket = await visitor.socket(await visitor.page_token())
    token = visitor.cookies[running.dashboard.guard.cookie]
    if how == "revoked":
        del running.house.tokens[token]
    else:
        change = {"expires": "2020-01-01T00:00:00+00:00"} if how == "expired" else {"role": "viewer"}
        running.house.tokens[token].update(change)
    assert await closed(socket) == 4001


async def test_while_the_controller_is_away_nobody_is_let_in_or_thrown_out(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    token = await visitor.page_token()
    socket = await visitor.socket(token)
    running.house.vanish()
    answer = await visitor.ask("/")
    assert answer.code == 503
    assert "does not answer" in answer.body.decode()
    assert no_data(answer.body)
    assert await refused(visitor, token) == 503
    assert (await visitor.form("/login", {"name": "ada", "password": "x"})).code in (403, 503)
    assert (await visitor.ask("/logout", "POST", f"_xsrf={visitor.secret}")).code == 503
    assert json.loads((await visitor.ask("/alive")).body) == {"state": "away"}
    assert socket.close_code is None
    socket.close()


async def test_a_sign_in_that_runs_out_while_the_controller_is_away_ends_all_the_same(
    running: Running,
) -> None:
    visitor = running.visitor()
    token = running.house.sign_in("ada", 8.0)
    visitor.cookies[running.dashboard.guard.cookie] = token
    socket = await visitor.socket(await visitor.page_token())
    running.house.vanish()
    assert await closed(socket) == 4001


async def test_alive_tells_a_page_whether_to_come_back(running: Running) -> None:
    visitor = running.visitor()
    assert json.loads((await visitor.ask("/alive")).body) == {"state": "out"}
    await visitor.sign_in()
    assert json.loads((await visitor.ask("/alive")).body) == {"state": "in"}
