"""The one table of topics, built and taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.wire.topic import BY_KIND, SUBSCRIPTIONS, TOPICS, Topic, Way, build, parse
from godkaiser.model.ids import KaiserId, NodeId

GOD = KaiserId.parse("god")
NODE = NodeId.parse("ESP_AB12CD")


@pytest.mark.parametrize("row", TOPICS, ids=lambda row: row.pattern)
def test_what_is_built_is_taken_apart_again(row: Topic) -> None:
    pin = 25 if "#" in row.pattern else None
    topic = build(row.kind, GOD, NODE, pin)
    assert not set(topic) & set("~#{}")
    address = parse(topic)
    assert address is not None
    assert address.row is BY_KIND[row.kind]
    assert address.pin == pin
    assert address.kaiser == ("god" if "god" in topic else "")
    assert address.node == (NODE if "/esp/" in topic else "")


def test_one_kind_one_way_to_say_it() -> None:
    kinds = [row.kind for row in TOPICS]
    assert sorted({kind for kind in kinds if kinds.count(kind) > 1}) == ["heartbeat"]
    assert build("heartbeat", GOD, NODE) == "kaiser/god/esp/ESP_AB12CD/system/heartbeat"
    assert len({row.pattern for row in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize(
    ("kind", "qos", "retain"),
    [
        ("actuator_command", 2, False),
        ("sensor_command", 2, False),
        ("config", 2, False),
        ("system_command", 2, False),
        ("heartbeat_ack", 1, False),
        ("emergency", 1, False),
        ("broadcast_emergency", 1, False),
        ("server_status", 1, True),
    ],
)
def test_how_we_publish(kind: str, qos: int, retain: bool) -> None:
    row = BY_KIND[kind]
    assert (row.qos, row.retain, row.way) == (qos, retain, Way.TO_NODE)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "kaiser",
        "kaiser/god",
        "kaiser/god/esp",
        "kaiser/god/esp/ESP_AB12CD",
        "kaiser/god/esp/ESP_AB12CD/",
        "kaiser/god/esp/ESP_AB12CD/sensor/x/data",
        "kaiser/god/esp/ESP_AB12CD/sensor//data",
        "kaiser/god/esp/ESP_AB12CD/sensor/256/data",
        "kaiser/god/esp/ESP_AB12CD/sensor/1234/data",
        "kaiser/god/esp/ESP_AB12CD/sensor/٤/data",
        "kaiser/god/esp/ESP_AB12CD/sensor/#/data",
        "kaiser/god/esp/ESP_AB12CD/sensor/4/data/x",
        "kaiser/god/esp/ESP_AB12CD/config/sensor/4",
        "kaiser/god/esp/ESP_AB12CD/mqtt/auth_update",
        "kaiser/broadcast/system_update",
        "kaiser/god/server/status/x",
        "kaiser/god/discovery/esp8266_nodes",
        "homeassistant/god/esp/ESP_AB12CD/system/heartbeat",
    ],
)
def test_what_is_in_no_table(topic: str) -> None:
    assert parse(topic) is None


def test_the_kaiser_is_whoever_speaks() -> None:
    address = parse("kaiser/other/server/status")
    assert address is not None
    assert (address.row.kind, address.kaiser) == ("server_status", "other")


@given(st.integers(0, 255), st.sampled_from([row for row in TOPICS if "#" in row.pattern]))
def test_every_pin_finds_its_way(pin: int, row: Topic) -> None:
    address = parse(build(row.kind, GOD, NODE, pin))
    assert address is not None
    assert address.pin == pin


def test_the_subscriptions_hear_every_node() -> None:
    heard = [row for row in TOPICS if row.way is Way.FROM_NODE]
    assert all(row.pattern.startswith("~") or row.kind == "discovery" for row in heard)
    assert SUBSCRIPTIONS == ("kaiser/+/esp/#", "kaiser/+/discovery/esp32_nodes")
