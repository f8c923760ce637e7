"""Whatever we can say, the firmware's own view takes it, within its limits, and reads out of it what we meant."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import MessageTooLargeError, NodeCapacityError, SealError
from godkaiser.io.sim.firmware.judge import judge
from godkaiser.io.sim.firmware.profile import Firmware
from godkaiser.io.wire.config import plan_push
from godkaiser.io.wire.encode import Outgoing, Tokens, encode_command, encode_notice, readdressed
from godkaiser.model import command as cm
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId
from godkaiser.model.nodeconfig import (
    ActuatorItem,
    ConfigPart,
    Hardware,
    NodeConfig,
    OfflineRule,
    Push,
    SensorItem,
    TimeFilter,
)
from godkaiser.model.request import LEVELS, Inquiry, Measure, Request, read_inquiry
from godkaiser.safety.seal import _SEAL, SafeCommand

GOD = KaiserId.parse("god")
NODE = NodeId.parse("ESP_AB12CD")
FAN = ActuatorId.of(NODE, 25)
DEV, XIAO, OLD = Hardware(True, "esp32_dev"), Hardware(True, "xiao_esp32c3"), Hardware(False, "esp32_dev")
FIRMWARE = {DEV: Firmware(), XIAO: Firmware("2026", "xiao_esp32c3"), OLD: Firmware("seed")}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
WORD = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)
ID = st.from_regex(r"[cqg][0-9]{1,6}-[0-9]{1,9}-[0-9]{1,3}", fullmatch=True)
NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=64)
ORDERS = st.one_of(
    st.builds(
        cm.Move,
        st.just(FAN),
        st.sampled_from(["ON", "OFF", "PWM"]),
        st.floats(0, 1),
        st.none() | st.integers(1, 86400),
    ),
    st.builds(cm.Halt, st.none() | st.just(NODE), TEXT, TEXT),
    st.builds(cm.Release, st.just(NODE)),
    st.builds(cm.SubzoneSafe, st.just(NODE), WORD, st.booleans()),
    st.builds(cm.SafeMode, st.just(NODE), st.booleans()),
    st.builds(cm.FactoryReset, st.just(NODE)),
)
TOKEN = st.none() | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=64)


def sealed(order: cm.Order, *, who: str = "ann", command_id: str = "c1-7-2") -> SafeCommand:
    """Tests of the wire may seal; nothing else may."""
    return SafeCommand(command_id, order, 1_777_593_600_000_000, who, "person", "i1", 7, seal=_SEAL)


def taken(message: Outgoing, firmware: Firmware = FIRMWARE[DEV]) -> dict[str, Any]:
    """What the node reads out of it."""
    ruling = judge(message.topic, message.payload, firmware)
    assert ruling.valid, (ruling.why, message)
    return ruling.content


# ── orders ─────────────────────────────────────────────────────────────────────────────────────────────
@given(ORDERS, ID, TEXT, TOKEN, TOKEN)
def test_every_order_is_taken(
    order: cm.Order, command_id: str, who: str, token: str | None, all_: str | None
) -> None:
    command = sealed(order, who=who, command_id=command_id)
    message = encode_command(command, GOD, Tokens(token, all_))
    content = taken(message)
    assert not message.retain
    expected = {
        cm.SafeMode: {True: "safe_mode", False: "exit_safe_mode"},
        cm.SubzoneSafe: {True: "enable", False: "disable"},
    }
    match order:
        case cm.Move():
            assert content["command"] == order.verb
            assert content["value"] == pytest.approx(order.value, abs=0.0006)
            assert content.get("duration", 0) == (order.duration_s or 0)
        case cm.Halt(node=None):
            assert content["command"] == "emergency_stop"
            assert content.get("auth_token") == all_
        case cm.Halt():
            assert (content["command"], content["auth_token"]) == ("emergency_stop", token or NODE)
        case cm.Release():
            assert (content["command"], content["auth_token"]) == ("clear_emergency", token or NODE)
        case cm.SafeMode() | cm.SubzoneSafe():
            assert expected[type(order)][order.on] in content.values()
        case cm.FactoryReset():
            assert content["command"] == "factory_reset"


@pytest.mark.parametrize("order", [cm.Halt(NODE, "", ""), cm.Release(NODE)])
def test_an_old_node_gets_its_own_id_as_token(order: cm.Order) -> None:
    """It knows no other; a token given to newer nodes would be refused by it."""
    message = encode_command(sealed(order), GOD, Tokens("secret"), modern=False)
    assert taken(message, Firmware("seed"))["auth_token"] == NODE


def test_tokens_never_show() -> None:
    assert "secret" not in repr(Tokens("secret", "secret"))
    asked = Request("q1-1", NODE, "ann", read_inquiry("set_emergency_token", {"token": "secret"}))
    assert "secret" not in repr(asked)
    assert "secret" not in repr(cm.Enquiry(GOD, asked))


def test_a_node_of_another_kaiser_is_told_under_that_id() -> None:
    other = KaiserId.parse("house_2")
    assert encode_command(sealed(cm.Move(FAN, "OFF", 0.0)), other).topic.startswith("kaiser/house_2/esp/")


# ── notices ────────────────────────────────────────────────────────────────────────────────────────────
@given(
    st.sampled_from(["online", "approved", "pending_approval", "rejected", "error"]),
    st.integers(1, 2**31 - 1),
    st.integers(0, 2_500_000_000),
)
def test_an_acknowledgement_always_fits_and_is_always_valid(status: str, epoch: int, now: int) -> None:
    content = taken(encode_notice(cm.HeartbeatAck(GOD, NODE, status, epoch, now)))
    assert (content["status"], content["handover_epoch"], content["server_time"]) == (status, epoch, now)


@given(
    st.booleans(), st.integers(0, 2**32), st.sampled_from(["", "graceful_shutdown", "unexpected_disconnect"])
)
def test_the_server_status_is_taken(online: bool, at: int, reason: str) -> None:
    message = encode_notice(cm.ServerStatus(GOD, online, at, reason))
    assert message.retain
    assert taken(message)["status"] == ("online" if online else "offline")


@given(WORD | st.just(""), WORD | st.just(""), NAME, ID)
def test_a_zone_is_taken(zone: str, master: str, name: str, correlation: str) -> None:
    content = taken(encode_notice(cm.ZoneAssign(GOD, NODE, zone, master, name, correlation)))
    assert content == {
        "zone_id": zone,
        "master_zone_id": master,
        "zone_name": name,
        "kaiser_id": "god",
        "correlation_id": correlation,
    }


@given(WORD, NAME, WORD, st.lists(st.sampled_from([0, 4, 5, 14, 16, 25, 26, 34]), unique=True), ID)
def test_a_subzone_is_taken_and_takes_no_pin_out_of_service(
    subzone: str, name: str, zone: str, gpios: list[int], correlation: str
) -> None:
    notice = cm.SubzoneAssign(GOD, NODE, subzone, name, zone, tuple(gpios), correlation)
    content = taken(encode_notice(notice))
    assert content["assigned_gpios"] == [gpio for gpio in gpios if gpio]
    assert content["safe_mode_active"] is False
    gone = taken(encode_notice(cm.SubzoneRemove(GOD, NODE, subzone, correlation)))
    assert gone["subzone_id"] == subzone


def test_names_are_refused_rather_than_cut() -> None:
    with pytest.raises(MessageTooLargeError) as caught:
        encode_notice(cm.ZoneAssign(GOD, NODE, "z", "", "n" * 65, "c"))
    assert (caught.value.limit, caught.value.drop) == (64, "zone name")
    with pytest.raises(MessageTooLargeError):
        encode_notice(cm.SubzoneAssign(GOD, NODE, "s", "n" * 65, "z", (4,), "c"))


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────
@given(st.sampled_from([0, 4, 34]), st.integers(0, 10**9), ID)
def test_a_measurement_is_asked_for(gpio: int, within: int, request: str) -> None:
    message = encode_notice(cm.Enquiry(GOD, Request(request, NODE, "ann", Measure(gpio, within))))
    content = taken(message)
    assert message.topic.endswith(f"/sensor/{gpio}/command")
    assert (content["command"], content["request_id"]) == ("measure", request)
    assert 1 <= int(content["timeout_ms"]) <= 60_000


INQUIRIES: list[tuple[str, dict[str, Any]]] = [
    ("status", {}),
    ("diagnostics", {}),
    ("get_config", {}),
    *[("set_log_level", {"level": level}) for level in LEVELS],
    ("onewire/scan", {}),
    ("onewire/scan", {"pin": 4}),
    ("set_emergency_token", {"token": "t" * 64, "token_type": "broadcast"}),
]


@pytest.mark.parametrize(("word", "params"), INQUIRIES)
def test_system_commands_are_lower_case_and_taken(word: str, params: dict[str, Any]) -> None:
    request = Request("q12345-12345", NODE, "ann", read_inquiry(word, params))
    content = taken(encode_notice(cm.Enquiry(GOD, request)))
    assert content["command"] == word
    assert params.items() <= content.items()


def test_a_notice_that_could_move_something_is_no_notice() -> None:
    sneaky: Any = "factory_reset"
    with pytest.raises(SealError):
        encode_notice(cm.Enquiry(GOD, Request("q1", NODE, "ann", Inquiry(sneaky, {"confirm": 1}))))
    item = ActuatorItem(14, "pump", "Pump")
    part = ConfigPart(NODE, DEV, "actuators", (item,), 1, "g1")
    with pytest.raises(SealError):
        encode_notice(cm.SensorConfig(GOD, part))
    hidden: Any = {"command": "factory_reset", "level": "INFO"}
    body = encode_notice(cm.Enquiry(GOD, Request("q1", NODE, "ann", Inquiry("set_log_level", hidden))))
    assert b"factory_reset" not in body.payload


# ── configuration ──────────────────────────────────────────────────────────────────────────────────────
ROM = "28FF641E8D160301"
SENSOR_PINS = [4, 5, 14, 15, 16, 17, 18, 19, 23, 25, 26, 27, 32, 33, 34, 35, 36, 39]
NAME40 = "Messfühler Nord über Tisch Nr. {:02d} ......"


def sensor(number: int, gpio: int) -> SensorItem:
    return SensorItem(
        gpio, "ds18b20", NAME40.format(number), measurement_interval_seconds=60 + number, onewire_address=ROM
    )


def actuator(number: int, gpio: int) -> ActuatorItem:
    return ActuatorItem(
        gpio, "relay", f"Relay {number} of the flowering room", max_runtime_ms=600_000 + number
    )


def rule(number: int, gpio: int) -> OfflineRule:
    window = TimeFilter(6, 30, 22, 15, 62, "Europe/Berlin")
    return OfflineRule(
        f"rule {number}", gpio, 4, "ds18b20", activate_above=28.5, deactivate_below=25.25, time_filter=window
    )


def planned(hardware: Hardware, config: NodeConfig, generation: int = 100) -> Push:
    ids = iter(range(10_000))
    return plan_push(
        NODE, GOD, hardware, config, generation=generation, new_id=lambda: f"g12-3456789-{next(ids)}"
    )


def sent(part: ConfigPart) -> Outgoing:
    if part.scope == "sensors":
        return encode_notice(cm.SensorConfig(GOD, part))
    return encode_command(sealed(cm.Configure(part)), GOD)


def read_back(push: Push, scope: str) -> list[dict[str, Any]]:
    """Everything the node reads out of all messages of one scope, in order."""
    found: list[dict[str, Any]] = []
    for part in push.parts:
        if part.scope == scope:
            found += taken(sent(part), FIRMWARE[part.hardware])[scope]
    return found


KEPT_AS = {  # the node's own words for our keys
    "sensor_type": "type",
    "sensor_name": "name",
    "actuator_type": "type",
    "actuator_name": "name",
    "subzone_id": "subzone",
    "operating_mode": "mode",
    "measurement_interval_seconds": "interval",
    "onewire_address": "rom",
    "i2c_address": "i2c",
    "inverted_logic": "inverted",
    "max_runtime_ms": "max_runtime",
}


def meant(item: SensorItem | ActuatorItem) -> dict[str, Any]:
    """An item as the node should keep it."""
    return {KEPT_AS.get(key, key): value for key, value in asdict(item).items()}


def assert_complete(push: Push, config: NodeConfig) -> None:
    for scope, items in (("sensors", config.sensors), ("actuators", config.actuators)):
        there = read_back(push, scope)
        assert there == [meant(item) for item in items]
    generations = [part.generation for part in push.parts]
    assert generations == list(range(100, 100 + len(generations)))
    assert len({part.correlation for part in push.parts}) == len(generations)


WROOM = NodeConfig(
    tuple(sensor(n, [4, 5][n % 2]) for n in range(20)),
    tuple(actuator(n, gpio) for n, gpio in enumerate([14, 15, 16, 17, 18, 19, 23, 25, 26, 27, 32, 33])),
    tuple(rule(n, gpio) for n, gpio in enumerate([14, 15, 16, 17, 18, 19, 23, 25])),
)
SMALL = NodeConfig(
    tuple(sensor(n, 2) for n in range(10)),
    tuple(actuator(n, gpio) for n, gpio in enumerate([6, 7, 8, 9, 10, 21])),
)


def test_forty_characters() -> None:
    assert len(NAME40.format(7)) == 40


def test_a_full_wroom_is_pushed_in_several_messages() -> None:
    push = planned(DEV, WROOM)
    assert_complete(push, WROOM)
    assert [part.scope for part in push.parts] == sorted(
        (part.scope for part in push.parts), key=["sensors", "actuators", "offline_rules"].index
    )
    assert len(push.parts) == 3
    long = replace(WROOM, sensors=tuple(replace(s, sensor_name=s.sensor_name * 3) for s in WROOM.sensors))
    assert_complete(planned(DEV, long), long)
    assert len(planned(DEV, long).parts) > 3
    assert push.left_out == ()
    rules = read_back(push, "offline_rules")
    assert len(rules) == 8
    assert sum(part.scope == "offline_rules" for part in push.parts) == 1
    assert rules[0]["time_filter"] == {"enabled": True} | asdict(
        TimeFilter(6, 30, 22, 15, 62, "Europe/Berlin")
    )
    assert (rules[7]["actuator_gpio"], rules[7]["activate_above"], rules[7]["deactivate_below"]) == (
        25,
        28.5,
        25.25,
    )


def test_a_full_xiao_is_pushed_in_messages_of_1024_bytes() -> None:
    push = planned(XIAO, SMALL)
    assert_complete(push, SMALL)
    assert [part.scope for part in push.parts] == ["sensors", "sensors", "actuators"]
    for part in push.parts:
        message = sent(part)
        assert len(message.payload) + len(message.topic) + 7 <= 1024


def test_an_old_node_gets_smaller_messages_and_no_rules() -> None:
    push = planned(OLD, WROOM)
    for part in push.parts:
        assert len(sent(part).payload) < 2048
        assert judge(sent(part).topic, sent(part).payload, Firmware("seed")).valid
    assert {part.scope for part in push.parts} == {"sensors", "actuators"}
    assert [left.name for left in push.left_out] == [f"rule {n}" for n in range(8)]
    assert "firmware" in push.left_out[0].why


def test_the_ninth_rule_is_refused_by_name() -> None:
    nine = replace(WROOM, offline_rules=tuple(rule(n, 14) for n in range(9)))
    with pytest.raises(NodeCapacityError) as caught:
        planned(DEV, nine)
    assert (caught.value.names, caught.value.limit, caught.value.what) == ("rule 8", 8, "offline rules")
    assert "rule 8" in str(caught.value)


@pytest.mark.parametrize(
    ("hardware", "config", "names"),
    [
        (DEV, replace(WROOM, sensors=tuple(sensor(n, 4) for n in range(21))), NAME40.format(20)),
        (XIAO, replace(SMALL, actuators=(*SMALL.actuators, ActuatorItem(3, "pump", ""))), "pump on pin 3"),
    ],
)
def test_more_than_the_board_holds_is_refused_by_name(
    hardware: Hardware, config: NodeConfig, names: str
) -> None:
    with pytest.raises(NodeCapacityError) as caught:
        planned(hardware, config)
    assert caught.value.names == names


def test_rules_are_never_split_and_never_cut() -> None:
    """Eight long ones do not fit into a small node's packet: refused, with their names."""
    config = NodeConfig(
        (sensor(0, 2),), (actuator(0, 6),), tuple(replace(rule(n, 6), sensor_gpio=2) for n in range(8))
    )
    with pytest.raises(MessageTooLargeError) as caught:
        planned(XIAO, config)
    assert "rule 0" in caught.value.drop
    assert "rule 7" in caught.value.remedy


def test_one_item_that_fits_nowhere_is_named() -> None:
    long = replace(sensor(1, 4), sensor_name="ü" * 600)
    with pytest.raises(MessageTooLargeError) as caught:
        planned(XIAO, NodeConfig((sensor(0, 4), long)))
    assert caught.value.drop == "ü" * 600
    assert planned(DEV, NodeConfig((sensor(0, 4), long))).parts


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"actuator_gpio": 33}, "no actuator on pin 33"),
        ({"sensor_gpio": 36}, "no sensor on pin 36"),
        ({"sensor_value_type": "ph"}, "no calibration"),
        ({"sensor_value_type": "soil_moisture"}, "no calibration"),
        ({"sensor_value_type": "x" * 24}, "longer than 23"),
        ({"activate_above": 0.0, "deactivate_below": 0.0}, "means unset"),
        ({"activate_above": float("nan")}, "no number"),
        ({"sensor_gpio": 255}, "neither a sensor nor a time window"),
        ({"time_filter": TimeFilter(timezone="Asia/Tokyo")}, "Asia/Tokyo"),
    ],
)
def test_a_rule_that_would_not_run_is_left_out_by_name(change: dict[str, Any], why: str) -> None:
    good, bad = rule(1, 14), replace(rule(2, 14), **change)
    config = NodeConfig((sensor(0, 4),), (actuator(0, 14),), (good, bad))
    push = planned(DEV, config)
    assert [left.name for left in push.left_out] == ["rule 2"]
    assert why in push.left_out[0].why
    assert len(read_back(push, "offline_rules")) == 1


def test_a_rule_of_the_clock_needs_no_sensor() -> None:
    clock = OfflineRule("lamp", 14, sensor_value_type="__twindow_on", time_filter=TimeFilter(6, 0, 22, 0))
    push = planned(DEV, NodeConfig((), (actuator(0, 14),), (clock,)))
    assert push.left_out == ()
    assert read_back(push, "offline_rules")[0]["sensor_value_type"] == "__twindow_on"


def test_no_rules_and_rules_left_alone_are_not_the_same() -> None:
    taken_away = planned(DEV, NodeConfig((), (actuator(0, 14),), ()))
    assert [part.scope for part in taken_away.parts] == ["actuators", "offline_rules"]
    assert sent(taken_away.parts[1]).payload.startswith(b'{"offline_rules":[],')
    left_alone = planned(DEV, NodeConfig((), (actuator(0, 14),)))
    assert [part.scope for part in left_alone.parts] == ["actuators"]


def test_what_the_node_assumes_anyway_is_not_sent() -> None:
    plain = NodeConfig((SensorItem(0, "sht31", "air", i2c_address=68),), (ActuatorItem(14, "pump", "P"),))
    first, second = planned(DEV, plain).parts
    head = b'{"sensors":[{"gpio":0,"sensor_type":"sht31","sensor_name":"air","i2c_address":68}],'
    assert sent(first).payload.startswith(head)
    assert sent(second).payload.startswith(
        b'{"actuators":[{"gpio":14,"actuator_type":"pump","actuator_name":"P"}],'
    )
    assert_complete(planned(DEV, plain), plain)


ITEMS = st.builds(
    SensorItem,
    st.sampled_from([4, 5, 34, 35]),
    st.just("ds18b20"),
    NAME,
    st.sampled_from(["", "north"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["continuous", "on_demand", "paused", "scheduled"]),
    st.integers(1, 300),
    st.just(ROM),
)


@given(st.lists(ITEMS, max_size=10), st.sampled_from([DEV, XIAO]))
def test_nothing_is_lost_however_it_is_split(items: list[SensorItem], hardware: Hardware) -> None:
    config = NodeConfig(tuple(replace(i, gpio=2) for i in items) if hardware is XIAO else tuple(items))
    push = planned(hardware, config)
    assert [item for part in push.parts for item in part.items] == list(config.sensors)
    for part in push.parts:
        message = sent(part)
        ruling = judge(message.topic, message.payload, FIRMWARE[hardware])
        assert ruling.code in ("", "bad_value"), ruling.why  # two kinds on one pin: not the wire's business


def test_every_default_is_the_firmwares_own() -> None:
    """A key we leave out must mean the same to the node as to us."""
    config = NodeConfig((SensorItem(34, "light", "n"),), (ActuatorItem(14, "relay", "n"),))
    push = planned(DEV, config)
    assert read_back(push, "sensors") == [meant(config.sensors[0])]
    assert read_back(push, "actuators") == [meant(config.actuators[0])]
    assert len(sent(push.parts[0]).payload) < 160


def test_an_order_nobody_knows_is_not_sent() -> None:
    strange: Any = cm.ServerStatus(GOD, True, 1)
    nodes: Any = type("Strange", (), {"node": NODE})()
    for order in (nodes, strange):
        with pytest.raises((SealError, AttributeError)):
            encode_command(sealed(order), GOD)


def test_a_board_that_took_a_nodes_place_is_addressed() -> None:
    board = NodeId.parse("ESP_FF00AA")
    message = encode_notice(cm.HeartbeatAck(GOD, NODE, "online", 1, 1))
    assert readdressed(message, NODE, board).topic == "kaiser/god/esp/ESP_FF00AA/system/heartbeat/ack"
    halt = encode_command(sealed(cm.Halt(NODE, "", "")), GOD, board=board)
    assert taken(halt)["auth_token"] == board


def test_the_broadcast_carries_its_token() -> None:
    message = encode_command(sealed(cm.Halt(None, "", "")), GOD, Tokens(None, "all-of-them"))
    assert taken(message)["auth_token"] == "all-of-them"
