"""Lifetimes: what begins, fails, is given up and ends, with scripted sessions."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from godkaiser import ControllerGoneError, Farm, FarmClosedError, NoControllerError, blocking
from godkaiser.blocking import _opened as wait_opened
from godkaiser.io.pace import Pacer
from godkaiser.kaiser.connect import Connecting
from godkaiser.kaiser.opening import _until_one_ends
from tests.facade.fake import Fake, sensor, snapshot
from tests.facade.process import eventually

OVERDUE_S = 120


async def opened(fake: Fake, token: str | None = None) -> Farm:
    return await Connecting(fake.line(token))


async def test_a_failure_inside_is_kept_raised_by_the_next_call_and_shown() -> None:
    fake = Fake(ValueError("<b>the feed is broken</b>"))
    farm = await opened(fake)
    assert farm.trouble is None
    farm._line.owner.soon(fake.go.set)
    assert eventually(lambda: farm.trouble is not None)
    with pytest.raises(ControllerGoneError, match="the feed is broken") as caught:
        await farm.stop("x")
    assert isinstance(caught.value.__cause__, ValueError)
    assert "the feed is broken" in repr(farm)
    page = farm._repr_html_()
    assert '<span class="bad">The controller is gone: ValueError: &lt;b&gt;the feed is broken' in page
    await farm.close()
    assert fake.closed == 1


async def test_a_failure_before_the_beginning_is_raised_by_connect() -> None:
    fake = Fake(NoControllerError(where="in a test"), first=False)
    with pytest.raises(NoControllerError) as caught:
        await opened(fake)
    assert caught.value.remedy in caught.value.__notes__
    assert fake.closed == 1
    line = Fake(NoControllerError(where="in a test"), first=False).line()
    line.owner.start()
    with pytest.raises(NoControllerError):
        wait_opened(line)


async def test_a_controller_that_is_gone_before_the_first_picture_is_no_connection() -> None:
    gone = ControllerGoneError(problem="test")
    fake = Fake({"kind": "gone", "id": "", "data": gone.to_wire()}, first=False)
    with pytest.raises(ControllerGoneError, match="test"):
        await opened(fake)


async def test_a_feed_that_ends_is_a_failure() -> None:
    class Short(Fake):
        async def changes(self) -> Any:
            yield {"kind": "snapshot", "id": "", "data": snapshot()}

    farm = await opened(Short())
    assert eventually(lambda: farm.trouble is not None)
    with pytest.raises(ControllerGoneError, match="its changes ended"):
        await farm.clear()


async def test_awaiting_twice_gives_the_same_farm_and_closing_twice_is_one_end() -> None:
    fake = Fake()
    connecting = Connecting(fake.line(name="the twice asked"))
    assert "not connected yet to the twice asked" in repr(connecting)
    farm = await connecting
    assert await connecting is farm
    await asyncio.gather(farm.close(), farm.close())
    await farm.close()
    assert not farm._line.owner.alive
    assert fake.closed == 1
    with pytest.raises(FarmClosedError):
        await farm.stop()


async def test_as_a_context_manager_it_ends_with_the_block_also_with_an_error() -> None:
    fake = Fake()
    with pytest.raises(ZeroDivisionError):
        async with Connecting(fake.line()) as farm:
            raise ZeroDivisionError
    assert not farm._line.owner.alive
    fake = Fake()
    async with await opened(fake) as again:
        assert again.trouble is None
    assert fake.closed == 1


async def test_a_call_under_way_is_told_when_the_farm_closes() -> None:
    fake = Fake()
    fake.answers["stop"] = asyncio.Event().wait
    farm = await opened(fake)
    calling = asyncio.ensure_future(farm.stop("x"))
    changes = farm.changes()
    assert (await anext(changes)).kind == "snapshot"
    following = asyncio.ensure_future(anext(changes))
    assert await asyncio.to_thread(eventually, lambda: fake.asked)
    await farm.close()
    for task in (calling, following):
        with pytest.raises(FarmClosedError):
            await task


async def test_giving_up_while_connecting_ends_the_thread() -> None:
    fake = Fake({"kind": "never", "id": "", "data": {}}, first=False)
    fake.feed.clear()  # a controller that never says anything
    line = fake.line()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Connecting(line), 0.3)
    assert await asyncio.to_thread(eventually, lambda: not line.owner.alive)
    assert fake.closed == 1


async def test_closing_before_connecting_opens_nothing() -> None:
    fake = Fake()
    line = fake.line()
    line.owner.leave()
    with pytest.raises(FarmClosedError):
        await Connecting(line)
    assert fake.closed == 0


async def test_a_farm_that_nobody_holds_is_left() -> None:
    fake = Fake()
    farm = await opened(fake)
    owner, air = farm._line.owner, farm.sensor("air")
    del farm
    assert owner.alive
    assert air.latest is not None
    del air
    assert await asyncio.to_thread(eventually, lambda: not owner.alive)


async def test_a_token_goes_with_what_needs_a_right_and_with_nothing_else() -> None:
    fake = Fake()
    fake.answers = {"why": {"actuator": "a", "text": "t", "steps": []}, "stop": snapshot()["stop"]}
    farm = await opened(fake, "a token")
    await farm.stop("x")
    await farm.actuator("fan").why()
    await farm.close()
    assert fake.asked == [
        ("stop", {"reason": "x", "scope": "all", "token": "a token"}),
        ("why", {"actuator": "ESP_A1B2C3/25"}),
    ]


async def test_a_controller_that_was_there_and_is_not_found_again_is_gone() -> None:
    fake = Fake()
    fake.answers["stop"] = NoControllerError(where="in a test")
    farm = await opened(fake)
    with pytest.raises(ControllerGoneError, match="No controller is running in a test"):
        await farm.stop()
    await farm.close()


async def test_one_who_does_not_listen_gets_a_snapshot_instead() -> None:
    flood = [{"kind": "sensor", "id": "x", "data": sensor("x", value=float(n))} for n in range(10_050)]
    fake = Fake(*flood)
    farm = await opened(fake)
    changes = farm.changes()
    assert (await anext(changes)).kind == "snapshot"
    farm._line.owner.soon(fake.go.set)
    mirror = farm._line.mirror
    assert await asyncio.to_thread(
        eventually, lambda: (mirror.one("sensor", "x") or {}).get("value") == 10_049
    )
    assert [(await anext(changes)).kind for _ in range(2)] == ["snapshot", "sensor"]  # 10 000 cut short
    await changes.aclose()
    await farm.close()


UNCLOSED = """
import {module}
{statement}
print(farm.sensor("bench air").name)
"""


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("godkaiser.blocking", "farm = godkaiser.blocking.connect('sim://greenhouse?history=5min')"),
        (
            "asyncio, godkaiser",
            """async def main():
    return await godkaiser.connect('sim://greenhouse?history=5min')
farm = asyncio.run(main())""",
        ),
    ],
)
def test_a_forgotten_farm_does_not_keep_the_program_from_ending(module: str, statement: str) -> None:
    program = UNCLOSED.format(module=module, statement=statement)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=OVERDUE_S, check=True
    )
    assert done.stdout == "bench air\n"
    assert done.stderr == ""


def test_a_program_that_ends_while_connecting_ends() -> None:
    program = (
        "from godkaiser.kaiser.opening import make_line\n"
        "make_line('sim://greenhouse?history=60d', None).owner.start()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=OVERDUE_S, check=True
    )
    assert done.stderr == ""


async def test_what_a_simulation_dies_of_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def burst(self: Pacer, speed: float) -> None:
        await asyncio.sleep(0.1)
        raise OSError("the plant burst")

    monkeypatch.setattr(Pacer, "run_paced", burst)
    farm = await asyncio.to_thread(blocking.connect, "sim://greenhouse?history=5min")
    assert await asyncio.to_thread(eventually, lambda: not farm._line.owner.alive)
    assert "OSError: the plant burst" in repr(farm)
    with pytest.raises(ControllerGoneError, match="the plant burst"):
        farm.stop()


async def test_the_end_of_a_controllers_task_is_the_end_of_the_simulation() -> None:
    async def dies() -> None:
        raise OSError("the disk")

    async def lives() -> None:
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(dies()), asyncio.create_task(lives())]
    with pytest.raises(OSError, match="the disk"):
        await _until_one_ends(tasks)
    tasks[1].cancel()


async def test_requests_carry_the_persons_token_and_the_answer_is_the_latest() -> None:
    fake = Fake()
    new = sensor(value=24.0, measured_at="2026-05-01T12:00:05Z")
    fake.answers = {"measure": new, "nodes.ask": {"devices": [{"rom": "28FF", "type": "", "pin": None}]}}
    farm = await opened(fake, token="signed in")
    air = farm.sensor("air")
    assert (await air.measure("3s")).value == 24.0
    assert air.latest is not None
    assert air.latest.value == 24.0
    probes = await farm.node("climate").scan()
    assert [(probe.rom, probe.type, probe.pin) for probe in probes] == [("28FF", "", None)]
    asked: list[tuple[str, dict[str, Any]]] = [
        ("measure", {"sensor": air.id, "within": 3.0}),
        ("nodes.ask", {"node": "ESP_A1B2C3", "command": "onewire/scan", "params": {}}),
    ]
    assert fake.asked == [(method, params | {"token": "signed in"}) for method, params in asked]
    await farm.close()
