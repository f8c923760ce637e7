"""What keeps nodes alive: acks, epochs, "we are there", and silence towards nodes of others."""

import pytest

from godkaiser.engine.effect import NodeRecord, Say
from godkaiser.engine.picture import node_picture
from godkaiser.model import event as ev
from godkaiser.model.command import HeartbeatAck, ServerStatus
from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import SECOND
from tests.engine.bench import AIR, CLIMATE, FAN, GOD, STRANGER, WATER, Desk, notices, only, stored

OTHER = KaiserId.parse("neighbour")


def test_the_ack_comes_before_everything_else() -> None:
    desk = Desk()
    desk.link()
    for node in (CLIMATE, STRANGER):
        effects = desk.beat(node)
        assert isinstance(effects[0 if node is CLIMATE else 1], Say)
        assert only(Say, effects)[0] == effects[0 if node is CLIMATE else 1]
        assert isinstance(only(Say, effects)[0].notice, HeartbeatAck)


@pytest.mark.parametrize(("pause", "again"), [(60, False), (100, False), (101, True), (600, True)])
def test_after_a_long_pause_we_say_again_that_we_are_there(pause: int, again: bool) -> None:
    desk = Desk().ready()
    start = desk.now
    desk.beat()
    desk.wait(pause)
    effects = desk.beat()
    said = [type(say.notice) for say in only(Say, effects)]
    assert said[0] is HeartbeatAck
    assert (ServerStatus in said) is again
    # With the time of the first announcement: our own journal must recognise it after a crash.
    assert all(n.timestamp <= start // SECOND for n in notices(effects, ServerStatus))
    assert desk.journal["online", ""]["timestamp"] == (start - 3 * SECOND) // SECOND
    assert notices(desk.beat(), ServerStatus) == []


def test_an_old_node_needs_no_such_news() -> None:
    desk = Desk()
    desk.link()
    desk.beat(boot="")
    desk.wait(150)
    assert notices(desk.beat(boot=""), ServerStatus) == []


def metrics(desk: Desk, rejects: int | None) -> list[ServerStatus]:
    said = desk.handle(ev.Metrics(desk.now, GOD, CLIMATE, rejects, "HANDOVER_EPOCH_MISMATCH", {}))
    return notices(said, ServerStatus)


def test_a_node_that_refuses_our_acks_hears_that_we_are_there() -> None:
    desk = Desk().ready()
    assert metrics(desk, 3) == [], "it may have refused them long ago"
    assert metrics(desk, 3) == []
    assert metrics(desk, None) == []
    assert len(metrics(desk, 4)) == 1
    assert "HANDOVER_EPOCH_MISMATCH" in desk.state.nodes[CLIMATE].notes[0].text
    assert len(notices(desk.beat(handover_rejects=5), ServerStatus)) == 1
    assert notices(desk.beat(handover_rejects=5), ServerStatus) == []
    desk.beat(boot="b2", handover_rejects=0)
    assert len(metrics(desk, 1)) == 1


def test_a_heartbeat_outweighs_the_announced_epoch() -> None:
    desk = Desk()
    desk.link()
    desk.handle(ev.Announce(desk.now, GOD, CLIMATE, 7))
    assert notices(desk.beat(epoch=8), HeartbeatAck)[0].epoch == 8
    assert notices(desk.beat(epoch=0), HeartbeatAck)[0].epoch == 8
    desk.handle(ev.Announce(desk.now, GOD, CLIMATE, 1))
    assert notices(desk.beat(epoch=0), HeartbeatAck)[0].epoch == 1


# ── other kaiser ids ───────────────────────────────────────────────────────────────────────────────────
def test_nothing_is_said_to_a_node_of_another_kaiser_before_it_is_approved() -> None:
    """It may have a controller of its own: "pending" from us would take away its approval."""
    desk = Desk()
    desk.link()
    desk.beat(STRANGER, kaiser=OTHER)
    desk.handle(ev.Metrics(desk.now, OTHER, STRANGER, 0, "", {}))
    desk.handle(ev.Metrics(desk.now, OTHER, STRANGER, 1, "", {}))
    assert [notice.kaiser for notice in notices(desk.log, ServerStatus)] == [GOD]
    assert [type(say.notice) for say in only(Say, desk.log)] == [ServerStatus], "nothing else was said at all"
    node = desk.state.nodes[STRANGER]
    assert (node.status, node.online) == ("pending", True)
    assert "neighbour" in node_picture(desk.state, node, desk.now)["problems"][0]
    effects = desk.handle(ev.NodeDecided(desk.now, STRANGER, True, "ann"))
    assert notices(effects, ServerStatus) == [ServerStatus(OTHER, True, desk.now // SECOND)]
    (ack,) = notices(desk.beat(STRANGER, kaiser=OTHER), HeartbeatAck)
    assert (ack.kaiser, ack.status) == (OTHER, "online")


def test_every_kaiser_in_use_hears_that_we_come_and_go() -> None:
    desk = Desk().ready()
    desk.beat(WATER, kaiser=OTHER)
    up = notices(desk.link(), ServerStatus)
    gone = notices(desk.handle(ev.Closing(desk.now)), ServerStatus)
    assert [(n.kaiser, n.online) for n in up] == [(GOD, True), (OTHER, True)]
    assert [(n.kaiser, n.online, n.reason) for n in gone] == [
        (GOD, False, "graceful_shutdown"),
        (OTHER, False, "graceful_shutdown"),
    ]


def test_a_node_that_moves_to_another_kaiser_is_told_there() -> None:
    desk = Desk().ready()
    effects = desk.beat(WATER, kaiser=OTHER)
    assert notices(effects, ServerStatus) == [ServerStatus(OTHER, True, (desk.now - 3 * SECOND) // SECOND)]
    assert desk.state.kaiser_of(WATER) == OTHER
    assert desk.state.kaiser_of(CLIMATE) == GOD
    assert desk.state.kaiser_of(None) == GOD


# ── what nodes say about themselves ────────────────────────────────────────────────────────────────────
def test_the_deprecated_hello_makes_a_pending_node() -> None:
    desk = Desk()
    desk.link()
    hello = ev.Discovery(desk.now, GOD, STRANGER, "ESP32_WROOM", "4.0")
    first = desk.handle(hello)
    assert desk.state.nodes[STRANGER].status == "pending"
    assert [record.id for record in stored(NodeRecord, first)] == [STRANGER]
    assert desk.handle(hello) == []
    for number in range(20):
        desk.handle(ev.Discovery(desk.now, GOD, NodeId.parse(f"ESP_0000{number:02X}"), "x", ""))
    assert len(desk.state.nodes) == 2 + 10


def test_troubles_are_shown_with_the_node() -> None:
    desk = Desk().ready()
    desk.handle(ev.NodeFault(desk.now, GOD, CLIMATE, 1028, 2, "HARDWARE", "read timeout", 0, None))
    desk.handle(ev.Alert(desk.now, GOD, CLIMATE, 25, "runtime_protection", "too long"))
    desk.handle(ev.Alert(desk.now, GOD, CLIMATE, 255, "verification_failed", ""))
    desk.handle(ev.QueuePressure(desk.now, GOD, CLIMATE, True, 6, 2, 1))
    desk.handle(ev.Diagnostics(desk.now, GOD, CLIMATE, 0, 123, -80, "OPERATIONAL", {}))
    desk.handle(ev.ZoneAck(desk.now, GOD, CLIMATE, "error", "", "", "CONFIG_LANE_BUSY", "busy", "z1"))
    desk.handle(ev.ZoneAck(desk.now, GOD, CLIMATE, "zone_assigned", "a", "", "", "", "z1"))
    desk.handle(ev.NodeFault(desk.now, GOD, STRANGER, 1028, 2, "HARDWARE", "unheard of", 0, None))
    shown = node_picture(desk.state, desk.state.nodes[CLIMATE], desk.now)
    assert [(n["kind"], n["text"]) for n in reversed(shown["notes"])] == [
        ("error", "1028 read timeout"),
        ("alert", "runtime_protection on pin 25: too long"),
        ("alert", "verification_failed on the node"),
        ("queue", "its queue runs full; 1 messages lost"),
        ("config", "zone: error. busy"),
    ]
    assert (shown["heap"], shown["rssi"], shown["system_state"]) == (123, -80, "OPERATIONAL")
    assert shown["problems"] == ["its publish queue runs full: readings may be lost"]
    desk.handle(ev.QueuePressure(desk.now, GOD, CLIMATE, False, 3, 2, 0))
    desk.beat(degraded=("network degraded",))
    assert node_picture(desk.state, desk.state.nodes[CLIMATE], desk.now)["problems"] == ["network degraded"]


def test_unreadable_messages_are_counted_per_node_and_reason() -> None:
    desk = Desk().ready()
    for number in range(12):
        topic = f"kaiser/god/esp/{CLIMATE}/system/heartbeat"
        desk.handle(
            ev.Malformed(desk.now, topic, f"excerpt {number}", "bad_json", "no", CLIMATE, "heartbeat")
        )
    desk.handle(ev.Malformed(desk.now, "x", "", "unknown_topic", "no"))
    desk.handle(ev.Malformed(desk.now, "y", "", "unknown_topic", "no", STRANGER))
    desk.read(AIR, 20, sensor_type="not a type")
    shown = node_picture(desk.state, desk.state.nodes[CLIMATE], desk.now)["unreadable"]
    assert [(row["code"], row["count"], len(row["last"])) for row in shown] == [
        ("bad_json", 12, 10),
        ("unknown_sensor_type", 1, 1),
    ]
    assert shown[0]["last"][0]["excerpt"] == "excerpt 11"
    assert desk.state.troubles["", "unknown_topic"].count == 2
    assert desk.state.counters["malformed"] == 15
    assert FAN in desk.state.actuators
