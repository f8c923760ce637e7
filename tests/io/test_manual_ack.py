"""The contract of the private parts of aiomqtt, on every broker we bring or recommend."""

import ast
import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import godkaiser
from godkaiser.io.broker import PrivateBroker
from godkaiser.io.manual_ack import HUNG_UP
from godkaiser.io.mqtt import BrokerAddress, MqttLink
from godkaiser.ports import RawMessage
from tests.io.rig import (
    CONNECT,
    DISCONNECT,
    PUBACK,
    Listener,
    Stub,
    at,
    granted,
    hang_up,
    linked,
    say,
    stub,
    trying,
    until,
    welcome,
)
from tests.services import running_mosquitto

QUIET = 0.3  # seconds after which what is coming has come
# The embedded broker does not keep a session of MQTT 5.
BROKERS = ["mosquitto 3.1.1", "mosquitto 5", "embedded 3.1.1"]


@pytest.fixture(params=BROKERS)
async def address(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BrokerAddress]:
    kind, version = request.param.split()
    if kind == "mosquitto":
        with running_mosquitto(tmp_path) as broker:
            yield BrokerAddress(port=broker.port, version=version)
        return
    monkeypatch.setenv("GODKAISER_BROKER", "embedded")
    private = PrivateBroker(tmp_path, 0)
    await private.start()
    try:
        yield BrokerAddress(port=private.port, version=version)
    finally:
        await private.stop()


async def test_unacknowledged_messages_come_again_and_acknowledged_ones_do_not(
    address: BrokerAddress,
) -> None:
    first = Listener()
    async with linked(address, first) as link:
        await say(address.port, "1", "2", "3")
        await until(lambda: len(first.messages) == 3)
        link.acknowledge(first.tokens[:2])
        await asyncio.sleep(QUIET)
    await say(address.port, "4")  # nobody is there: the broker keeps it for the session
    second = Listener()
    async with linked(address, second):
        await until(lambda: len(second.messages) == 2)
        await asyncio.sleep(QUIET)
    assert second.heard == ["3", "4"]


async def test_acknowledgements_wait_for_their_predecessors(address: BrokerAddress) -> None:
    first = Listener()
    async with linked(address, first) as link:
        await say(address.port, "1", "2", "3")
        await until(lambda: len(first.messages) == 3)
        link.acknowledge([first.tokens[2], first.tokens[1]])
        await asyncio.sleep(QUIET)
    second = Listener()
    async with linked(address, second) as link:
        await until(lambda: len(second.messages) == 3)
        link.acknowledge(list(reversed(second.tokens)))
        await asyncio.sleep(QUIET)
    third = Listener()
    async with linked(address, third):
        await say(address.port, "4")
        await until(lambda: third.messages)
    assert third.heard == ["4"]


async def test_tokens_of_an_earlier_connection_are_void(address: BrokerAddress) -> None:
    first, second, third = Listener(), Listener(), Listener()
    async with linked(address, first) as link:
        await say(address.port, "1", "2")
        await until(lambda: len(first.messages) == 2)
    async with linked(address, second) as link:
        await until(lambda: len(second.messages) == 2)
        link.acknowledge(first.tokens)
        await asyncio.sleep(QUIET)
    async with linked(address, third):
        await until(lambda: len(third.messages) == 2)
    assert first.heard == second.heard == third.heard == ["1", "2"]


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_quality_of_service(
    address: BrokerAddress, qos: int, request: pytest.FixtureRequest
) -> None:
    """We subscribe with QoS 1: what is published with QoS 2 comes with 1, and again until it is acknowledged.

    The embedded broker raises QoS 0 to what was subscribed.
    """
    first, second, third = Listener(), Listener(), Listener()
    kept = qos > 0 or "embedded" in request.node.name
    async with linked(address, first):
        await say(address.port, "a", qos=qos)
        await until(lambda: first.messages)
    assert len(first.tokens) == kept
    async with linked(address, second) as link:
        await say(address.port, "b")
        await until(lambda: "b" in second.heard)
        link.acknowledge(second.tokens)
        await asyncio.sleep(QUIET)
    assert second.heard == (["a", "b"] if kept else ["b"])
    async with linked(address, third):
        await say(address.port, "c")
        await until(lambda: third.messages)
    assert third.heard == ["c"]


@dataclass
class Prompt(Listener):
    """Acknowledges at once, as the store does when it is quick."""

    link: MqttLink | None = None

    def on_message(self, message: RawMessage) -> None:
        super().on_message(message)
        if self.link is not None:
            self.link.acknowledge([message.token])


async def test_more_old_messages_than_the_window_holds_do_not_hold_up_the_connection(
    address: BrokerAddress,
) -> None:
    """They come before the subscription is answered, and their acknowledgements must go out then."""
    many = [str(number) for number in range(450)]
    async with linked(address, Listener()):
        pass
    await say(address.port, *many)
    listener = Prompt()
    async with trying(address, listener) as link:
        listener.link = link
        await until(lambda: len(listener.messages) == len(many))
        await until(lambda: listener.ups)
    assert listener.heard == many


def _acknowledged(broker: Stub, mid: bytes) -> bool:
    return broker.of(PUBACK)[-1:] == [b"\x40\x02" + mid]


async def test_acknowledgements_leave_in_the_order_of_arrival() -> None:
    """Seen on the wire, for every order in which four messages can become durable."""
    async with stub(connect=welcome, subscribe=granted) as broker:
        listener = Listener()
        async with linked(at(broker), listener) as link:
            mids = itertools.count(1)
            for order in itertools.permutations(range(4)):
                sent = [next(mids).to_bytes(2) for _ in order]
                del listener.messages[:]
                broker.writers[0].write(b"".join(b"\x32\x07\x00\x03k/x" + mid for mid in sent))
                await until(lambda: len(listener.messages) == 4)
                for place in order:
                    link.acknowledge([listener.tokens[place]])
                await until(partial(_acknowledged, broker, sent[-1]))
            assert [packet[2:] for packet in broker.of(PUBACK)] == [n.to_bytes(2) for n in range(1, 97)]


async def test_a_broker_that_hangs_up_is_noticed_before_any_time_out() -> None:
    listener = Listener()
    async with stub(connect=hang_up) as broker, trying(at(broker), listener):
        await until(lambda: listener.downs)
    assert HUNG_UP in listener.downs[0]
    assert "timed out" not in listener.downs[0]


async def test_giving_up_while_the_broker_is_silent_leaves_no_connection_behind() -> None:
    async with stub() as broker:
        async with trying(at(broker), Listener()):
            await until(lambda: broker.of(CONNECT))
        await until(lambda: broker.left == 1)
        assert broker.of(DISCONNECT) == []


def privates(tree: ast.Module) -> set[str]:
    """Private attributes of anything but oneself."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
    }


def test_private_parts_of_the_client_are_touched_in_one_module_only() -> None:
    root = Path(godkaiser.__file__).parent
    found = {}
    for path in root.rglob("*.py"):
        source = path.read_text()
        if "aiomqtt" in source or "paho" in source:
            found[str(path.relative_to(root))] = privates(ast.parse(source))
    assert found.pop("io/manual_ack.py") >= {"_client", "_connected"}
    assert {"io/mqtt.py", "io/sim/mqtt_wire.py"} <= found.keys()
    assert {path: names for path, names in found.items() if names} == {}
