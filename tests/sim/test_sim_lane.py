"""One thing at a time reaches the tables of a node."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.lane import Job, Lane
from godkaiser.io.sim.spec import SECOND, Publish
from tests.sim.rig import Rig, named, online, outcomes, topics

PROBE = {"gpio": 35, "sensor_type": "moisture", "sensor_name": "bed"}
PLACE = {"zone_id": "bench", "master_zone_id": "", "zone_name": "", "kaiser_id": "god"}
ACCEPTED, DONE = ("accepted", "CONFIG_ACCEPTED"), ("persisted", "NONE")


def slow(seconds: float) -> Rig:
    rig = online()
    rig.node.condition.configuring = round(seconds * SECOND)
    return rig


def push(rig: Rig, name: str, **fields: Any) -> list[Publish]:
    body = {"correlation_id": name, "intent_id": name, "sensors": [PROBE]} | fields
    return rig.send("config", body)


def told(said: list[Publish], name: str) -> list[tuple[str, str]]:
    all_of_them = named(said, "system/intent_outcome")
    return [(o["outcome"], o["code"]) for o in all_of_them if o["intent_id"] == name]


def test_a_configuration_takes_its_time() -> None:
    rig = slow(2)
    assert outcomes(push(rig, "a")) == [ACCEPTED]
    assert outcomes(rig.run(1.9)) == []
    done = rig.run(0.1)
    assert topics(done) == ["config_response", "system/intent_outcome"]
    assert outcomes(done) == [DONE]


def test_a_second_one_waits_and_a_third_is_too_many() -> None:
    rig = slow(2)
    for name in "abc":
        push(rig, name)
    rig.run(0.1)
    assert told(rig.log, "b") == [ACCEPTED]
    assert told(rig.log, "c") == [("rejected", "QUEUE_FULL")]
    (refused,) = named(rig.log, "config_response")
    assert (refused["status"], refused["error_code"], refused["correlation_id"]) == (
        "error",
        "QUEUE_FULL",
        "c",
    )
    rig.run(4)
    assert told(rig.log, "a") == told(rig.log, "b") == [ACCEPTED, DONE]


def test_a_third_one_is_in_time_within_a_tenth_of_a_second() -> None:
    rig = slow(2)
    push(rig, "a")
    push(rig, "b")
    rig.run(1.95)
    push(rig, "c")
    rig.run(10)
    assert told(rig.log, "c") == [ACCEPTED, DONE]


@pytest.mark.parametrize(("busy", "acks"), [(1.0, ["zone_assigned"]), (2.0, ["error"])])
def test_a_zone_waits_a_little_for_the_lane(busy: float, acks: list[str]) -> None:
    rig = slow(busy)
    push(rig, "a")
    assert rig.send("zone/assign", PLACE | {"correlation_id": "z"}) == []
    said = rig.run(1.5)
    answers = named(said, "zone/ack")
    assert [answer["status"] for answer in answers] == acks
    if acks == ["error"]:
        assert (answers[0]["reason_code"], answers[0]["correlation_id"]) == ("CONFIG_LANE_BUSY", "z")
        final = named(said, "system/intent_outcome")[-1]
        assert (final["flow"], final["code"], final["retryable"]) == ("zone", "CONFIG_LANE_BUSY", True)


@pytest.mark.parametrize("what", ["assign", "remove", "safe"])
def test_so_does_a_subzone(what: str) -> None:
    rig = slow(5)
    push(rig, "a")
    rig.send(f"subzone/{what}", {"subzone_id": "left", "correlation_id": "s"})
    (answer,) = named(rig.run(1.2), "subzone/ack")
    assert (answer["subzone_id"], answer["reason_code"]) == ("left", "CONFIG_LANE_BUSY")


def test_an_emergency_does_not_wait() -> None:
    rig = slow(5)
    rig.command(25, "ON")
    push(rig, "a")
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    assert rig.node.level(25) == 0.0


def test_the_time_to_live_counts_while_waiting() -> None:
    rig = slow(2)
    push(rig, "a", ttl_ms=500)
    assert outcomes(rig.run(2)) == [("expired", "TTL_EXPIRED")]


def test_what_was_waiting_is_replayed_once_after_a_boot() -> None:
    rig = slow(60)
    push(rig, "a", generation=5)
    push(rig, "b", generation=6, actuators=[])
    rig.reboot()
    rig.node.condition.configuring = 0
    rig.connect()
    rig.ack()
    for name in "ab":
        assert told(rig.log, name) == [ACCEPTED, ("accepted", "REPLAY"), DONE]
    assert [answer["type"] for answer in named(rig.log, "config_response")] == [
        "sensor",
        "sensor",
        "actuator",
    ]
    mark = len(rig.log)
    rig.reboot()
    rig.connect()
    rig.ack()
    assert not named(rig.log[mark:], "config_response")
    assert named(rig.run(60), "system/heartbeat")[-1]["sensor_count"] == 5


def test_a_finished_configuration_is_not_replayed() -> None:
    rig = online()
    push(rig, "a")
    rig.reboot()
    rig.connect()
    assert ("accepted", "REPLAY") not in outcomes(rig.ack())


def test_a_replay_that_is_cut_short_is_not_tried_again() -> None:
    rig = slow(60)
    push(rig, "a")
    for _ in range(2):
        rig.reboot()
        rig.connect()
        rig.ack()
    assert told(rig.log, "a") == [ACCEPTED, ("accepted", "REPLAY")]


def test_a_lost_link_does_not_stop_it() -> None:
    rig = slow(5)
    push(rig, "a")
    rig.disconnect()
    rig.run(10)
    rig.connect()
    late = named(rig.ack(), "system/intent_outcome")
    assert [(outcome["outcome"], outcome["recovered"]) for outcome in late] == [("persisted", True)]


jobs = st.tuples(st.integers(0, 2 * SECOND), st.sampled_from(["config", "place"]), st.integers(0, 3 * SECOND))


@given(st.lists(jobs, max_size=15))
def test_every_job_ends_once_and_in_time(asked: list[tuple[int, Any, int]]) -> None:
    lane, now, ends = Lane(), 0, dict[int, tuple[str, int]]()

    def ask(number: int, kind: Any, span: int, at: int) -> None:
        def end(word: str, when: int) -> None:
            assert number not in ends
            ends[number] = word, when - at

        lane.take(Job(kind, lambda t: end("run", t), lambda t: end("refused", t), span=span), at)

    def pass_to(until: int) -> None:
        while lane.deadline <= until:
            lane.tick(lane.deadline)

    for number, (wait, kind, span) in enumerate(asked):
        now += wait
        pass_to(now)
        ask(number, kind, span if kind == "config" else 0, now)
    pass_to(now + 60 * SECOND)
    assert ends.keys() == set(range(len(asked)))
    for number, (_, kind, _) in enumerate(asked):
        word, took = ends[number]
        if word == "refused" or kind == "place":
            assert took <= (SECOND // 10 if kind == "config" else 12 * SECOND // 10)
