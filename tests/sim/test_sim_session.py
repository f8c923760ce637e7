"""Registration, silence of the server, and the way back."""

from typing import Any

import pytest

from tests.sim.rig import SERVER, Rig, named, online, outcomes, topics

SESSION = "ESP_12AB34CD:handover:12:1735818000"


@pytest.mark.parametrize(
    "ack",
    [
        b"",
        b"{",
        b'{"status":"online"}',
        b'{"handover_epoch":1}',
        b'{"status":"online","handover_epoch":0}',
        b'{"status":"online","handover_epoch":-1}',
        b'{"status":"online","handover_epoch":1.0}',
        b'{"status":"online","handover_epoch":1.5}',
        b'{"status":"online","handover_epoch":"1"}',
        b'{"status":"online","handover_epoch":null}',
        b'{"status":"online","handover_epoch":true}',
        b'{"status":"online","handover_epoch":4294967296}',
        b'{"status":1,"handover_epoch":1}',
    ],
)
def test_an_ack_that_breaks_the_contract_is_no_ack(ack: bytes) -> None:
    rig = Rig()
    rig.connect()
    assert rig.send("system/heartbeat/ack", ack) == []
    assert named(rig.run(6, ack=False), "system/heartbeat")


def test_an_ack_too_big_for_the_pool_is_not_heard() -> None:
    rig = Rig()
    rig.connect()
    full: dict[str, Any] = {"config_available": False, "server_time": 1735818000, "handover_epoch": 12}
    full |= {"ack_type": "heartbeat", "contract_version": 2, "session_id": SESSION}
    assert rig.ack(status="pending_approval", **full) == []
    assert rig.ack(status="online", **full) != []


@pytest.mark.parametrize("status", ["online", "approved", "error", "offline", "anything"])
def test_every_valid_ack_opens_the_gate(status: str) -> None:
    rig = Rig()
    rig.connect()
    assert "actuator/14/status" in topics(rig.ack(status=status, handover_epoch=7))


def test_one_lost_ack_is_tolerated_two_are_not() -> None:
    rig = online()
    rig.command(25, "ON")
    rig.run(120, ack=False)
    assert rig.node.level(25) == 1.0
    said = rig.run(0.01, ack=False)
    assert rig.node.safe
    assert named(said, "actuator/25/alert")[0]["alert_type"] == "safety_forced_off"
    assert named(said, "actuator/25/status")[0]["state"] is False


def test_an_answer_to_the_second_heartbeat_comes_in_time() -> None:
    rig = online()
    rig.command(25, "ON")
    for _ in range(5):
        rig.run(120, ack=False)  # one goes unanswered, the next is answered at the last instant
        rig.ack()
    rig.run(120, ack=False)
    assert rig.node.level(25) == 1.0
    assert not named(rig.log, "actuator/25/alert")


def test_an_ack_within_the_grace_repairs_everything() -> None:
    rig = online()
    rig.run(149, ack=False)
    rig.ack(handover_epoch=9)
    rig.command(25, "ON")
    rig.run(300)
    assert rig.node.level(25) == 1.0


def test_after_the_grace_only_online_and_the_right_epoch_repair() -> None:
    rig = online()
    rig.run(151, ack=False)
    rig.ack()  # too late: the device has no epoch to compare with
    metrics = named(rig.run(300, ack=False), "system/heartbeat_metrics")[-1]
    assert metrics["handover_contract_last_reject"] == "MISSING_ACTIVE_SESSION_EPOCH"
    assert (metrics["handover_contract_reject_count"], metrics["offline_enter_count"]) == (1, 1)
    rig.send(SERVER, {"status": "online", "timestamp": 1})
    beat = named(rig.run(60, ack=False), "system/heartbeat")[-1]
    assert (beat["active_handover_epoch"], beat["handover_completed_epoch"]) == (1, 0)
    assert rig.ack(handover_epoch=2) == []
    assert "actuator/14/status" in topics(rig.ack(handover_epoch=1))
    beat = named(rig.run(60), "system/heartbeat")[-1]
    assert (beat["active_handover_epoch"], beat["handover_completed_epoch"]) == (1, 1)
    rig.command(25, "ON")
    rig.run(600)
    assert rig.node.level(25) == 1.0
    assert rig.ack(handover_epoch=40) == []  # online again: any epoch, nothing to report


def test_wrong_epoch_in_a_hand_over_is_counted() -> None:
    rig = online()
    rig.disconnect()
    rig.run(31)
    rig.connect()
    rig.ack(handover_epoch=5)
    metrics = named(rig.run(30, ack=False), "system/heartbeat_metrics")[-1]
    assert metrics["handover_contract_last_reject"] == "HANDOVER_EPOCH_MISMATCH"


def test_reconnecting_after_long_and_short_absence() -> None:
    rig = online()
    epochs = []
    for away in (10, 31, 31):
        rig.disconnect()
        rig.run(away)
        announce, *_ = rig.connect()
        beat = named(rig.log[-2:], "system/heartbeat") or named(rig.log[-1:], "system/heartbeat")
        epochs.append((beat[-1]["active_handover_epoch"], b'"reason":"reconnect"' in announce.payload))
        rig.ack(handover_epoch=beat[-1]["active_handover_epoch"] or 1)
        rig.run(10)
        assert outcomes(rig.command(14, "ON"))[-1] == ("applied", "NONE")
    assert epochs == [(0, False), (1, False), (2, True)]


def test_server_offline_means_defaults_at_once_and_online_cancels() -> None:
    rig = online()
    rig.command(25, "ON")
    said = rig.send(SERVER, {"status": "offline", "timestamp": 1, "reason": "graceful_shutdown"})
    assert rig.node.safe
    assert named(said, "actuator/25/alert")
    rig.run(20, ack=False)
    rig.send(SERVER, {"status": "online", "timestamp": 2})
    rig.run(90, ack=False)
    rig.ack(handover_epoch=3)
    rig.command(25, "ON")
    rig.run(300)
    assert rig.node.level(25) == 1.0


@pytest.mark.parametrize(
    ("acked", "reason", "heeded"),
    [
        (False, "unexpected_disconnect", False),
        (False, "graceful_shutdown", True),
        (True, "unexpected_disconnect", True),
    ],
)
def test_a_stale_hint_of_a_dead_server_is_ignored(acked: bool, reason: str, heeded: bool) -> None:
    rig = Rig()
    rig.connect()
    if acked:
        rig.ack()
    rig.send(SERVER, {"status": "offline", "timestamp": 1, "reason": reason})
    rig.run(40, ack=False)
    counts = named(rig.log, "system/heartbeat_metrics")
    assert (counts[-1]["offline_enter_count"] == 1) is (heeded and not acked)
    rig.run(60, ack=False)
    assert (named(rig.log, "system/heartbeat_metrics")[-1]["offline_enter_count"] == 1) is heeded


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"status":"maybe"}', b'{"status":"offline"'])
def test_other_words_about_the_server_change_nothing(payload: bytes) -> None:
    rig = online()
    rig.command(25, "ON")
    assert rig.send(SERVER, payload) == []
    assert rig.node.level(25) == 1.0
