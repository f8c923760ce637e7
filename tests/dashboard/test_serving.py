"""The process around the pages: addresses, the port, and the line to the controller."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from godkaiser_dashboard.__main__ import main
from godkaiser_dashboard.addresses import own_addresses
from godkaiser_dashboard.app import Dashboard, Options, serve
from godkaiser_dashboard.feed import Feed
from godkaiser_dashboard.view import newest_notices

from godkaiser import ControllerGoneError, PortInUseError
from godkaiser.errors import StoreAwayError
from tests.dashboard.conftest import Visitor, until
from tests.dashboard.fake_desk import AIR, Greenhouse, iso, now


def origins(**options: Any) -> set[str]:
    """The origins of a dashboard with these options, with its port as PORT."""
    dashboard = Dashboard(Options(**({"port": 0} | options)), Greenhouse().open)
    return {origin.replace(f":{dashboard.port}", ":PORT") for origin in dashboard.guard.origins}


def test_on_loopback_only_this_machine_is_an_origin() -> None:
    assert origins() == {"http://127.0.0.1:PORT", "http://localhost:PORT"}


def test_on_the_network_so_are_its_own_addresses() -> None:
    found = origins(host="0.0.0.0")  # noqa: S104  # no port is opened
    assert {f"http://{name.lower()}:PORT" for name in own_addresses()} < found


def test_one_address_is_one_origin() -> None:
    assert origins(host="127.0.0.2") == {"http://127.0.0.2:PORT"}


def test_further_origins_are_taken_as_they_are() -> None:
    assert "https://farm.example" in origins(origins=("https://Farm.example/",))


@pytest.mark.parametrize(
    ("given", "secure"), [((), False), (("http://farm:80",), False), (("https://farm",), True)]
)
async def test_behind_tls_the_cookie_is_secure(given: tuple[str, ...], secure: bool) -> None:
    house = Greenhouse()
    dashboard = Dashboard(Options(port=0, origins=given), house.open)
    ready = asyncio.Event()
    task = asyncio.create_task(dashboard.run(lambda _: ready.set()))
    await ready.wait()
    await until(lambda: dashboard.feed.view.known)
    answer = await Visitor(dashboard.address).sign_in()
    cookies = answer.headers.get_list("Set-Cookie")
    assert answer.code == 303
    assert all(("Secure" in cookie) is secure for cookie in cookies)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_port_that_is_taken_is_one_clear_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError) as caught:
            await serve(Options(port=port), Greenhouse().open)
    assert caught.value.port == port


def test_the_command_says_it_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code = main(["--port", str(other.getsockname()[1])])
    said = capsys.readouterr().err
    assert code == PortInUseError.kind.exit_code
    assert said.count("\n") == 1
    assert "--port" in said


async def test_stopping_frees_the_port() -> None:
    dashboard = Dashboard(Options(port=0), Greenhouse().open)
    ready = asyncio.Event()
    task = asyncio.create_task(dashboard.run(lambda _: ready.set()))
    await ready.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", dashboard.port)) != 0


async def test_the_feed_follows_loses_and_finds_the_controller() -> None:
    house = Greenhouse()
    house.away = True
    feed = Feed(house.open)
    task = asyncio.create_task(feed.run())
    with pytest.raises(ControllerGoneError):
        await feed.call("snapshot")
    assert feed.view.gone
    house.away = False
    await until(lambda: feed.view.known)
    house.measure(AIR, 30.5)
    await until(lambda: feed.view.sensors[AIR]["value"] == 30.5)
    assert (await feed.call("snapshot"))["kaiser_id"] == "god"
    house.vanish()
    await until(lambda: feed.view.gone)
    assert feed.view.sensors[AIR]["value"] == 30.5
    house.away = False
    house.sensors[AIR]["value"] = 19.5
    await until(lambda: not feed.view.gone and feed.view.sensors[AIR]["value"] == 19.5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_controller_that_says_nothing_is_noticed() -> None:
    """The line stands, but no question is answered any more."""
    house = Greenhouse()
    feed = Feed(house.open)
    task = asyncio.create_task(feed.run())
    await until(lambda: feed.view.known)
    house.away = True  # calls fail, the stream of changes stays open and silent
    await until(lambda: feed.view.gone)
    house.away = False
    await until(lambda: not feed.view.gone)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_no_change_tells_is_asked_for() -> None:
    house = Greenhouse()
    feed = Feed(house.open)
    task = asyncio.create_task(feed.run())
    await until(lambda: feed.view.known)
    house.malformed.append({"at": "", "topic": "t", "excerpt": "{", "code": "json", "why": "not JSON"})
    await until(lambda: len(feed.view.malformed) == 1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_rules_told_is_read_at_first_and_when_one_tells_something() -> None:
    """Two at once are one change, which has the last; both are shown. What could not be read is read again."""
    house = Greenhouse()
    house.notices = [{"at": iso(now() - timedelta(hours=1)), "rule": "cool", "target": "", "text": "before"}]
    feed = Feed(house.open)
    task = asyncio.create_task(feed.run())
    await until(lambda: [one["text"] for one in feed.view.notices] == ["before"])
    asked: list[str] = []

    def away(**params: Any) -> Any:
        asked.append(params["since"])
        raise StoreAwayError(problem="away")

    house.answers["notices"] = away
    house.notices += [
        {"at": iso(now()), "rule": "cool", "target": "", "text": text} for text in ("one", "two")
    ]
    house.change("rule", "cool", notice=house.notices[-1])
    await until(lambda: bool(asked))
    assert [one["text"] for one in newest_notices(feed.view)] == ["two", "before"]
    del house.answers["notices"]
    await until(lambda: {one["text"] for one in newest_notices(feed.view)} == {"two", "one", "before"})
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
