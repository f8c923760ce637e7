"""What leaves: small, flat, `command` first, and understood by the virtual node."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.emergency import judge_broadcast, judge_device
from godkaiser.io.sim.text import parse as device_parse
from godkaiser.io.sim.text import scan_number, scan_text
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.encode import Outgoing, encode_command, encode_notice, plain
from godkaiser.model.command import Halt, HeartbeatAck, Move, Order, Release, ServerStatus, WillCleared
from godkaiser.model.event import Echo, Will
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId
from godkaiser.safety.seal import _SEAL, SafeCommand
from tests.sim.rig import NODE, ROOT, START, Rig, named, online

GOD = KaiserId.parse("god")
NODE_ID = NodeId.parse(NODE)
FAN, PUMP, HEATER = (ActuatorId.of(NODE_ID, gpio) for gpio in (25, 14, 26))
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


def sealed(
    order: Order, *, who: str = "rule:cool", command_id: str = "c1-7-2", at: int = START
) -> SafeCommand:
    """Tests of the wire may seal; nothing else may."""
    return SafeCommand(command_id, order, at, who, "rule", "i1-7-1", 7, seal=_SEAL)


def sent(order: Order, **fields: Any) -> Outgoing:
    return encode_command(sealed(order, **fields), GOD)


def deliver(rig: Rig, message: Outgoing) -> list[Any]:
    return rig.node.receive(message.topic, message.payload, rig.now)


@given(
    st.sampled_from([("ON", 1.0), ("OFF", 0.0), ("PWM", 0.333333)]),
    st.none() | st.integers(1, 86400),
    ANY_TEXT,
)
def test_a_move_is_flat_small_and_read_by_a_text_search(
    move: tuple[str, float], duration: int | None, who: str
) -> None:
    message = sent(Move(FAN, *move, duration), who=who)
    assert (message.topic, message.qos, message.retain) == (f"{ROOT}actuator/25/command", 2, False)
    text = message.payload.decode()
    body = json.loads(text)
    assert len(message.payload) <= 511
    assert next(iter(body)) == "command"
    assert not any(isinstance(value, dict | list) for value in body.values())
    assert "\\" not in text
    assert body.get("duration", 1) != 0
    assert ("duration" in body) == (duration is not None)
    for key in ("command", "correlation_id", "intent_id", "issued_by"):
        assert scan_text(text, key) == body[key]
    assert scan_number(text, "value") == pytest.approx(body["value"])
    assert scan_number(text, "duration") == (duration or 0)


def test_a_pwm_command_moves_the_virtual_fan() -> None:
    rig = online()
    said = deliver(rig, sent(Move(FAN, "PWM", 0.8)))
    assert rig.node.level(25) == pytest.approx(0.8)
    (answer,) = named(said, "actuator/25/response")
    assert answer["success"] is True
    assert answer["correlation_id"] == "c1-7-2"
    assert answer["issued_by"] == "rule:cool"
    (status,) = named(said, "actuator/25/status")
    assert status["pwm"] == round(0.8 * 255)


def test_an_on_with_a_duration_ends_on_the_node() -> None:
    rig = online()
    deliver(rig, sent(Move(PUMP, "ON", 1.0, 20)))
    assert rig.node.level(14) == 1.0
    rig.run(19)
    assert rig.node.level(14) == 1.0
    rig.run(2)
    assert rig.node.level(14) == 0.0


def test_off_switches_off() -> None:
    rig = online()
    deliver(rig, sent(Move(HEATER, "ON", 1.0)))
    deliver(rig, sent(Move(HEATER, "OFF", 0.0)))
    assert rig.node.level(26) == 0.0


def test_a_stop_of_one_node_and_its_release() -> None:
    rig = online()
    deliver(rig, sent(Move(FAN, "PWM", 0.8)))
    message = sent(Halt(NODE_ID, "smoke", "ann"))
    assert (message.topic, message.qos) == (f"{ROOT}actuator/emergency", 1)
    assert json.loads(message.payload)["auth_token"] == NODE
    said = deliver(rig, message)
    assert rig.node.level(25) == 0.0
    assert named(said, "actuator/emergency/ack")[0]["correlation_id"] == "c1-7-2"
    deliver(rig, sent(Move(FAN, "PWM", 0.8)))
    assert rig.node.level(25) == 0.0
    rig.run(6)
    said = deliver(rig, sent(Release(NODE_ID), command_id="c1-9-1"))
    said += rig.run(3)
    assert named(said, "actuator/recovery_confirm")[0]["correlation_id"] == "c1-9-1"
    assert rig.node.level(25) == 0.0
    deliver(rig, sent(Move(FAN, "PWM", 0.8)))
    assert rig.node.level(25) == pytest.approx(0.8)


def test_a_node_that_knows_only_its_own_id_as_token_obeys() -> None:
    """The older firmware's default token is the node's id."""
    message = sent(Halt(NODE_ID, "", ""))
    assert judge_device(message.payload, NODE).act == "stop"
    assert judge_device(message.payload, "another").act == "refuse"


def test_the_broadcast_stops_the_virtual_node() -> None:
    rig = online()
    deliver(rig, sent(Move(FAN, "PWM", 0.8)))
    message = sent(Halt(None, "fire", "admin"))
    assert (message.topic, message.qos, message.retain) == ("kaiser/broadcast/emergency", 1, False)
    assert json.loads(message.payload)["timestamp"] == "2026-05-01T00:00:00Z"
    deliver(rig, message)
    assert rig.node.level(25) == 0.0


@given(ANY_TEXT, ANY_TEXT, st.integers(0, 4_000_000_000_000_000))
def test_a_broadcast_stop_is_never_too_large_and_always_understood(reason: str, by: str, at: int) -> None:
    """A stop that could not be sent because somebody typed long words would be worse than none."""
    message = sent(Halt(None, reason, by), at=at)
    body = json.loads(message.payload)
    assert isinstance(body["timestamp"], str)
    assert judge_broadcast(message.payload, None).act == "stop"


@pytest.mark.parametrize("letter", ["x", "ü", "漢", "🌱"])
def test_the_longest_texts_of_every_width_fit(letter: str) -> None:
    assert judge_broadcast(sent(Halt(None, letter * 999, letter * 999)).payload, None).act == "stop"
    assert len(sent(Move(FAN, "ON", 1.0, 86400), who=letter * 999, command_id="c" * 36).payload) <= 511


@given(ANY_TEXT, st.integers(0, 300))
def test_plain_text_is_plain(text: str, most: int) -> None:
    made = plain(text, most)
    assert len(made.encode()) <= most
    assert not set(made) & set('"\\\n\r\t\0')
    assert json.loads(json.dumps(made, ensure_ascii=False)) == made
    assert plain(made, most) == made


def test_plain_text_never_cuts_a_letter_in_two() -> None:
    assert plain("grün", 3) == "gr"
    assert plain("grün", 4) == "grü"


@dataclass(frozen=True)
class Word:
    """A status of the acknowledgement and whether the node then takes commands."""

    status: str
    blocked: str


@pytest.mark.parametrize(
    "word",
    [
        Word("online", ""),
        Word("pending_approval", "PENDING_APPROVAL_BLOCKED"),
        Word("rejected", "DEGRADED_MODE_BLOCKED"),
    ],
    ids=lambda word: word.status,
)
def test_a_heartbeat_ack_has_four_keys_and_opens_the_gate(word: Word) -> None:
    rig = Rig()
    rig.connect()
    message = encode_notice(HeartbeatAck(GOD, NODE_ID, word.status, 1, START // 1_000_000))
    assert (message.topic, message.qos, message.retain) == (f"{ROOT}system/heartbeat/ack", 1, False)
    assert set(json.loads(message.payload)) == {"status", "config_available", "server_time", "handover_epoch"}
    assert device_parse(message.payload, 256) is not None
    deliver(rig, message)
    said = deliver(rig, sent(Move(FAN, "PWM", 0.8)))
    (answer,) = named(said, "actuator/25/response")
    assert answer["success"] is (not word.blocked)
    assert word.blocked in answer["message"]


def test_the_server_says_when_it_comes_and_goes() -> None:
    rig = online()
    deliver(rig, sent(Move(FAN, "PWM", 0.8)))
    here = encode_notice(ServerStatus(GOD, True, 17))
    assert (here.topic, here.qos, here.retain) == ("kaiser/god/server/status", 1, True)
    assert json.loads(here.payload) == {"status": "online", "timestamp": 17}
    deliver(rig, here)
    assert rig.node.level(25) == pytest.approx(0.8)
    gone = encode_notice(ServerStatus(GOD, False, 18, "graceful_shutdown"))
    assert json.loads(gone.payload) == {"status": "offline", "timestamp": 18, "reason": "graceful_shutdown"}
    deliver(rig, gone)
    assert rig.node.level(25) == 0.0


def test_a_retained_will_is_cleared_by_an_empty_message() -> None:
    rig = Rig()
    will = rig.node.will
    assert isinstance(decode(will.topic, will.payload, START, retained=True), Will)
    cleared = encode_notice(WillCleared(GOD, NODE_ID))
    assert (cleared.topic, cleared.payload, cleared.retain) == (will.topic, b"", True)
    assert decode(cleared.topic, cleared.payload, START) == Echo(START, will.topic)


@given(st.sampled_from([Move(FAN, "ON", 1.0), Halt(None, "", ""), Halt(NODE_ID, "", ""), Release(NODE_ID)]))
def test_our_own_commands_come_back_as_echoes(order: Order) -> None:
    message = sent(order)
    assert isinstance(decode(message.topic, message.payload, START), Echo)
