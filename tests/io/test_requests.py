"""Requests to nodes and unreadable messages, through the desk's methods: what is sent, answered, refused, shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.policy import Role
from godkaiser.errors import (
    ForbiddenError,
    InvalidValueError,
    NodeRefusedError,
    NodeSilentError,
    ProtocolError,
    UnknownActuatorError,
    UnknownNodeError,
    UnknownSensorError,
)
from godkaiser.io.clock import VirtualClock
from godkaiser.io.desk import Desk, DeskServer
from godkaiser.io.wire.encode import Tokens
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.model.instant import SECOND, Instant
from godkaiser.model.site import Site
from godkaiser.ports import RawMessage
from godkaiser.testing import RecordingLink

NODE, OLD, NEW = "ESP_AB12CD", "ESP_D4E5F6", "ESP_0A1B2C"
AIR, DAMP = f"{NODE}/0/sht31_temp@0x44", f"{NODE}/0/sht31_humidity@0x44"
PROBE = f"{NODE}/4/ds18b20@28FF641E8D3C0C79"
T0 = 1_800_000_000 * SECOND
TOKEN, PASSPHRASE = "correct-horse-battery", "Long-enough-7"
SITE = Site.model_validate(
    {
        "nodes": [{"id": NODE, "name": "climate node", "approved": True}, {"id": OLD, "approved": True}],
        "sensors": [{"node": NODE, "gpio": 0, "type": "sht31_temp", "address": 68, "name": "bench air"}],
        "actuators": [{"node": NODE, "gpio": 25, "type": "relay", "max_on_s": 60}],
    }
)
READING: dict[str, Any] = {"esp_id": NODE, "raw_mode": True, "quality": "good"}
MEASURED = {"command": "measure", "success": True, "timeout": False, "reason_code": "NONE", "quality": "good"}


@dataclass
class House:
    """A controller on a link that only records; the test is the nodes."""

    controller: Controller
    link: RecordingLink
    clock: VirtualClock

    async def call(self, method: str, **params: Any) -> Any:
        async with asyncio.timeout(60):
            return await self.controller.clerk.call(method, params)

    def hear(self, below: str, body: dict[str, Any] | str, node: str = NODE) -> None:
        payload = body if isinstance(body, str) else json.dumps(body)
        topic = f"kaiser/god/esp/{node}/{below}"
        self.controller.runner.on_message(RawMessage(topic, payload.encode(), False, None))

    async def heard(self, below: str, body: dict[str, Any] | str, node: str = NODE) -> None:
        self.hear(below, body, node)
        await self.controller.runner.settled()

    async def heartbeat(self, node: str = NODE, *, modern: bool = True) -> None:
        body: dict[str, Any] = {
            "ts": self.clock.now() // SECOND,
            "uptime": 60,
            "heap_free": 90000,
            "wifi_rssi": -60,
        }
        if modern:
            body |= {"boot_sequence_id": f"{node}-b1-r1", "time_valid": True}
        await self.heard("system/heartbeat", body, node)

    async def reads(self, raw: int, kind: str = "sht31_temp") -> None:
        await self.heard(
            "sensor/0/data",
            READING
            | {"gpio": 0, "sensor_type": kind, "raw": raw, "i2c_address": 68}
            | {"ts": self.clock.now() // SECOND},
        )

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(self.clock.now() + Instant(seconds * SECOND))

    def asked(self, below: str = "system/command", node: str = NODE) -> list[dict[str, Any]]:
        topic = f"kaiser/god/esp/{node}/{below}"
        return [json.loads(payload) for where, payload in self.link.published if where == topic]

    async def request(self, below: str, number: int = 1) -> dict[str, Any]:
        """The `number`th request on a topic, as soon as it has been sent."""
        await until(lambda: len(self.asked(below)) >= number)
        return self.asked(below)[number - 1]


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.002)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock, link = VirtualClock(T0), RecordingLink()
    options = Options(
        tmp_path, SITE, clock=clock, link=lambda _: link, check_rival=False, desk=False, linger=0.01,
        tokens=Tokens(TOKEN, TOKEN),
    )  # fmt: skip
    controller = await Controller.open(options)
    async with controller.running():
        await until(lambda: controller.engine.state.link.up)
        made = House(controller, link, clock)
        await made.heartbeat()
        await made.reads(25000)
        await made.reads(33000, "sht31_humidity")
        yield made


# ── measure ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("within", "limit"), [(None, 5000), ("3s", 3000), (0.001, 1), ("60s", 60000)])
async def test_measuring_asks_the_pin_and_gives_the_new_reading(
    house: House, within: str | float | None, limit: int
) -> None:
    before = (await house.call("snapshot"))["sensors"][0]
    house.pass_time(7)
    task = asyncio.create_task(house.call("measure", sensor="bench air", within=within))
    sent = await house.request("sensor/0/command")
    assert (sent["command"], sent["timeout_ms"]) == ("measure", limit)
    await house.reads(26500)
    assert not task.done()
    await house.heard("sensor/0/response", MEASURED | {"gpio": 0, "request_id": sent["request_id"]})
    shot = await task
    assert (shot["id"], shot["name"]) == (AIR, "bench air")
    assert shot["value"] == pytest.approx(-45 + 175 * 26500 / 65535)
    assert shot["measured_at"] > before["measured_at"]
    history = await house.call("history", series=AIR)
    assert history["values"][-1] == shot["value"]


async def test_an_answer_to_another_request_is_not_ours(house: House) -> None:
    task = asyncio.create_task(house.call("measure", sensor=AIR))
    sent = await house.request("sensor/0/command")
    await house.reads(26500)
    await house.heard("sensor/0/response", MEASURED | {"gpio": 0, "request_id": "q0-0"})
    assert not task.done()
    await house.heard("sensor/0/response", MEASURED | {"gpio": 0, "request_id": sent["request_id"]})
    assert (await task)["id"] == AIR


async def test_those_who_ask_at_once_are_served_one_after_the_other(house: House) -> None:
    tasks = [asyncio.create_task(house.call("measure", sensor=which)) for which in (AIR, DAMP)]
    for number, kind in ((1, "sht31_temp"), (2, "sht31_humidity")):
        sent = await house.request("sensor/0/command", number)
        assert len(house.asked("sensor/0/command")) == number
        await house.reads(30000 + number, kind)
        await house.heard("sensor/0/response", MEASURED | {"gpio": 0, "request_id": sent["request_id"]})
    assert [(await task)["id"] for task in tasks] == [AIR, DAMP]


async def test_a_sensor_that_failed_says_why(house: House) -> None:
    task = asyncio.create_task(house.call("measure", sensor=AIR))
    sent = await house.request("sensor/0/command")
    failed = {
        "gpio": 0,
        "request_id": sent["request_id"],
        "success": False,
        "reason_code": "MEASUREMENT_FAILED",
    }
    await house.heard("sensor/0/response", MEASURED | failed)
    with pytest.raises(NodeRefusedError, match="MEASUREMENT_FAILED") as caught:
        await task
    assert caught.value.details["node"] == NODE
    assert "godkaiser nodes" in caught.value.remedy


async def test_an_old_reading_is_never_handed_out_as_a_new_one(house: House) -> None:
    """Several sensors share a pin, and the node reads the first one only."""
    task = asyncio.create_task(house.call("measure", sensor=DAMP))
    sent = await house.request("sensor/0/command")
    await house.reads(26500)
    await house.heard("sensor/0/response", MEASURED | {"gpio": 0, "request_id": sent["request_id"]})
    with pytest.raises(NodeRefusedError, match="no newer reading of this sensor"):
        await task


async def test_a_silent_node_is_given_up_and_the_next_request_goes_out(house: House) -> None:
    task = asyncio.create_task(house.call("measure", sensor=AIR, within="3s"))
    second = asyncio.create_task(house.call("measure", sensor=AIR, within="3s"))
    await house.request("sensor/0/command")
    house.pass_time(7.9)
    await house.controller.runner.settled()
    assert not task.done()
    house.pass_time(0.2)
    with pytest.raises(NodeSilentError, match="within 8 s") as caught:
        await task
    assert caught.value.kind.exit_code == 10
    await house.request("sensor/0/command", 2)
    assert not second.done()
    second.cancel()


@pytest.mark.parametrize("within", ["61s", 0, "0s", -1, "soon", 1e-9])
async def test_a_node_is_not_given_nonsense(house: House, within: str | float) -> None:
    with pytest.raises(InvalidValueError, match="within"):
        await house.call("measure", sensor=AIR, within=within)
    assert house.asked("sensor/0/command") == []


async def test_what_cannot_be_asked_is_said_at_once_and_nothing_is_sent(house: House) -> None:
    await house.heartbeat(OLD, modern=False)
    await house.heartbeat(NEW)
    for node, why in ((OLD, "too old"), (NEW, "not approved")):
        with pytest.raises(NodeRefusedError, match=why):
            await house.call("nodes.ask", node=node, command="status")
        assert house.asked(node=node) == []
    await house.heard("system/will", {"status": "offline", "timestamp": 0})
    with pytest.raises(NodeRefusedError, match="offline"):
        await house.call("measure", sensor=AIR)
    assert house.asked("sensor/0/command") == []


# ── ask ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", [NODE, "climate node"])
async def test_a_question_gets_the_nodes_own_words(house: House, name: str) -> None:
    task = asyncio.create_task(house.call("nodes.ask", node=name, command="status"))
    sent = await house.request("system/command")
    assert sent["command"] == "status"
    await house.heard(
        "system/command/response", {"command": "status", "success": True, "state": 9, "heap_free": 0}
    )
    answer = await task
    assert (answer["state"], answer["heap_free"]) == (9, 0)


async def test_parameters_reach_the_node(house: House) -> None:
    call = house.call("nodes.ask", node=NODE, command="set_log_level", params={"level": "DEBUG"})
    task = asyncio.create_task(call)
    assert (await house.request("system/command"))["level"] == "DEBUG"
    answer = {"command": "set_log_level", "success": False, "error": "Invalid log level"}
    await house.heard("system/command/response", answer)
    with pytest.raises(NodeRefusedError, match="Invalid log level"):
        await task


@pytest.mark.parametrize(
    ("command", "params"),
    [
        ("reboot", {}),
        ("factory_reset", {"confirm": True}),
        ("safe_mode", {}),
        ("status", {"pin": 4}),
        ("set_log_level", {}),
        ("set_log_level", {"level": "LOUD"}),
        ("onewire/scan", {"pin": "4"}),
        ("onewire/scan", {"pin": -1}),
        ("set_emergency_token", {"token": ""}),
        ("set_emergency_token", {"token": "é" * 33}),
        ("set_emergency_token", {"token": TOKEN, "token_type": "all"}),
    ],
)
async def test_only_what_moves_nothing_can_be_asked(
    house: House, command: str, params: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        await house.call("nodes.ask", node=NODE, command=command, params=params)
    assert house.asked() == []
    assert TOKEN not in str(caught.value) + caught.value.remedy


async def test_a_scan_never_drives_the_pin_of_an_actuator(house: House) -> None:
    with pytest.raises(
        InvalidValueError, match=f"params.pin = 25: pin 25 of {NODE} is an output of {NODE}/25"
    ) as no:
        await house.call("nodes.ask", node=NODE, command="onewire/scan", params={"pin": 25})
    assert "without an actuator" in no.value.remedy
    assert house.asked() == []


async def test_names_nobody_has_are_unknown_and_no_name_means_nobody(house: House) -> None:
    for name in ("ESP_FFFFFF", "nonsense", ""):
        with pytest.raises(UnknownNodeError):
            await house.call("nodes.ask", node=name, command="status")
        with pytest.raises(UnknownNodeError):
            await house.call("nodes.approve", node=name)
        with pytest.raises(UnknownSensorError):
            await house.call("measure", sensor=name)
        with pytest.raises(UnknownActuatorError):
            await house.call("set", actuator=name, value=1.0)
    assert house.asked() == house.asked("actuator/25/command") == []


DEVICE = {"rom_code": "28ff641e8d3c0c79", "device_type": "DS18B20", "pin": 4}
FOUND = [{"rom": "28FF641E8D3C0C79", "type": "DS18B20", "pin": 4}]


async def test_a_scan_gives_what_was_found(house: House) -> None:
    task = asyncio.create_task(house.call("nodes.ask", node=NODE, command="onewire/scan", params={"pin": 4}))
    assert (await house.request("system/command"))["pin"] == 4
    said = {"command": "onewire/scan", "status": "ok", "found_count": 1, "pin": 4}
    await house.heard("system/command/response", said)
    assert not task.done()
    await house.heard("onewire/scan_result", {"devices": [DEVICE], "found_count": 1})
    assert await task == {"devices": FOUND}


async def test_an_empty_bus_is_an_answer(house: House) -> None:
    task = asyncio.create_task(house.call("nodes.ask", node=NODE, command="onewire/scan"))
    assert "pin" not in await house.request("system/command")
    said = {"command": "onewire/scan", "status": "ok", "found_count": 0, "pin": 4}
    await house.heard("system/command/response", said)
    assert await task == {"devices": []}


def files_with(text: str, folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if text.encode() in path.read_bytes()]


async def test_a_token_reaches_the_node_and_nothing_else(house: House, tmp_path: Path) -> None:
    params = {"token": TOKEN, "token_type": "broadcast"}
    task = asyncio.create_task(
        house.call("nodes.ask", node=NODE, command="set_emergency_token", params=params)
    )
    sent = await house.request("system/command")
    assert (sent["token"], sent["token_type"]) == (TOKEN, "broadcast")
    await house.heard(
        "system/command/response",
        {"command": "set_emergency_token", "success": True, "token_type": "broadcast", "message": "stored"},
    )
    assert TOKEN not in str(await task)
    await house.controller.runner.drained()
    assert TOKEN not in json.dumps(await house.call("snapshot"))
    assert await asyncio.to_thread(files_with, TOKEN, tmp_path) == []


@pytest.mark.parametrize(("kind", "name"), [("esp", "NODE"), ("broadcast", "BROADCAST")])
async def test_a_token_we_do_not_send_ourselves_reaches_no_node(house: House, kind: str, name: str) -> None:
    """It would make the node refuse our own emergency stop."""
    params = {"token": TOKEN[::-1], "token_type": kind}
    with pytest.raises(InvalidValueError, match="refuse our own") as caught:
        await house.call("nodes.ask", node=NODE, command="set_emergency_token", params=params)
    assert f"GODKAISER_{name}_TOKEN" in caught.value.remedy
    assert TOKEN[::-1] not in f"{caught.value} {caught.value.remedy}"
    assert house.asked() == []


async def test_who_may_ask(house: House) -> None:
    accounts = house.controller.accounts
    signed_in = {}
    for role in Role:
        await accounts.add(role.value, PASSPHRASE, role)
        told = await house.call("login", name=role.value, password=PASSPHRASE, address="::1")
        signed_in[role] = told["token"]
    secret = {"token": TOKEN}
    asking = {"node": NODE, "command": "set_emergency_token", "params": secret}
    for role in (Role.VIEWER, Role.OPERATOR):
        with pytest.raises(ForbiddenError):
            await house.call("nodes.ask", **asking, token=signed_in[role])
    for method, params in (("measure", {"sensor": AIR}), ("nodes.ask", {"node": NODE, "command": "status"})):
        with pytest.raises(ForbiddenError):
            await house.call(method, **params, token=signed_in[Role.VIEWER])
    assert house.asked() == house.asked("sensor/0/command") == []
    task = asyncio.create_task(house.call("nodes.ask", **asking, token=signed_in[Role.ADMIN]))
    await house.request("system/command")
    task.cancel()


# ── what could not be read ─────────────────────────────────────────────────────────────────────────────
async def test_unreadable_messages_are_kept_by_node_and_reason(house: House) -> None:
    assert await house.call("wire.problems") == []
    for number in range(12):
        await house.heard("sensor/0/data", f'{{"raw": nan, "n": {number}}}')
    await house.heard(
        "sensor/0/data", READING | {"gpio": "0", "sensor_type": "sht31_temp", "raw": 1, "ts": 0}
    )
    await house.heard("sensor/0/data", "<img src=x onerror=alert(1)>", "ESP_FFFFFF")
    strangers, mine = await house.call("wire.problems")
    assert (strangers["node"], mine["node"]) == ("", NODE)
    assert [(r["code"], r["count"], len(r["last"])) for r in mine["reasons"]] == [
        ("bad_json", 12, 10),
        ("wrong_type", 1, 1),
    ]
    newest = mine["reasons"][0]["last"][0]
    assert newest["excerpt"] == '{"raw": nan, "n": 11}'
    assert newest["topic"] == f"kaiser/god/esp/{NODE}/sensor/0/data"
    assert newest["why"]
    assert strangers["reasons"][0]["last"][0]["excerpt"] == "<img src=x onerror=alert(1)>"
    shown = next(n for n in (await house.call("snapshot"))["nodes"] if n["id"] == NODE)
    assert shown["unreadable"] == mine["reasons"]


async def test_what_a_node_said_for_people_is_in_its_picture(house: House) -> None:
    fault = {"error_code": 1060, "severity": 1, "category": "HARDWARE", "message": "probe gone", "ts": 0}
    await house.heard("system/error", fault | {"context": {"esp_id": NODE, "uptime_ms": 5}})
    pressure = {"event": "entered_pressure", "fill_level": 7, "shed_count": 0, "drop_count": 3, "ts": 0}
    await house.heard("system/queue_pressure", pressure)
    shown = next(n for n in (await house.call("snapshot"))["nodes"] if n["id"] == NODE)
    assert [note["kind"] for note in shown["notes"]] == ["queue", "warning"]
    assert "1060 probe gone" in shown["notes"][1]["text"]
    assert any("queue runs full" in problem for problem in shown["problems"])
    assert (shown["kaiser_id"], shown["generation"], shown["rssi"]) == ("god", "2026", -60)


async def test_clients_of_other_languages_get_a_typed_answer(house: House) -> None:
    with pytest.raises(ProtocolError):
        await house.call("measure")
    with pytest.raises(ProtocolError):
        await house.call("nodes.ask", node=NODE, command="status", more=1)


class Odd:
    """A controller that stumbles over something nobody thought of."""

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        raise ValueError("nobody thought of this")

    async def watch(self) -> AsyncIterator[dict[str, Any]]:
        yield {}


async def test_a_request_that_fails_oddly_leaves_no_secret_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = DeskServer(tmp_path, Odd())
    await server.start()
    desk = await Desk.open(tmp_path)
    with pytest.raises(ProtocolError):
        await desk.call("nodes.ask", node=NODE, command="set_emergency_token", params={"token": TOKEN})
    await desk.close()
    await server.stop()
    assert "request failed: nodes.ask" in caplog.text
    assert TOKEN not in caplog.text
