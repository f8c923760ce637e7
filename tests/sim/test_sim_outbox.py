"""Eight slots towards a broker that does not take everything at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.condition import Condition
from godkaiser.io.sim.outbox import Entry, Outbox
from godkaiser.io.sim.spec import SECOND, Publish
from tests.sim.rig import ROOT, Rig, named, old, online, outcomes, topics

DATA, ALERT = "sensor/4/data", "actuator/14/alert"


def box(drain: float | None = 1.0) -> Outbox:
    return Outbox(Condition(drain=drain))


def entries(*suffixes: str) -> list[Entry]:
    return [Entry(Publish(ROOT + suffix, b"{}", 1)) for suffix in suffixes]


def left(outbox: Outbox, now: int, *suffixes: str) -> list[str]:
    return topics(outbox.pass_on(entries(*suffixes), now))


def emptied(outbox: Outbox, now: int = 0) -> list[str]:
    """Everything that still leaves, in order."""
    gone: list[str] = []
    while outbox.deadline < 2**62:
        now = max(now, outbox.deadline)
        gone += left(outbox, now)
    return gone


def test_a_fast_broker_takes_everything_in_order() -> None:
    outbox = box(None)
    many = [DATA, ALERT] * 50
    assert left(outbox, 0, *many) == many
    assert (outbox.fill, outbox.tally.high_water, outbox.tally.shed, outbox.edges()) == (0, 0, 0, [])


def test_one_leaves_at_once_and_one_a_second() -> None:
    outbox = box()
    assert left(outbox, 0, "a", "b", "c") == ["a"]
    assert outbox.deadline == SECOND
    assert left(outbox, SECOND - 1) == []
    assert left(outbox, SECOND) == ["b"]
    assert emptied(outbox) == ["c"]


def test_from_six_up_what_does_not_matter_is_shed() -> None:
    outbox = box()
    left(outbox, 0, "first", *[DATA] * 9)
    assert (outbox.fill, outbox.tally.shed) == (6, 3)
    left(outbox, 0, ALERT, ALERT)
    assert (outbox.fill, outbox.tally.high_water) == (8, 8)


def test_what_matters_goes_first() -> None:
    outbox = box()
    left(outbox, 0, "first", DATA, "a/status", ALERT, "x/response", "system/intent_outcome")
    assert emptied(outbox) == [ALERT, "x/response", "system/intent_outcome", DATA, "a/status"]


def test_what_matters_is_tried_three_times_more() -> None:
    outbox, lost = box(0.001), []
    alerts = entries(*[ALERT] * 9)
    for number, alert in enumerate(alerts):
        alert.lost = lambda number=number: lost.append(number)  # type: ignore[misc]
    outbox.pass_on([*entries("first"), *alerts], 0)
    tried = []
    while outbox.deadline < 10 * SECOND:
        tried.append(outbox.deadline)
        outbox.pass_on([], tried[-1])
    assert tried == [100_000, 600_000, 1_600_000]
    assert (lost, outbox.tally.dropped, outbox.tally.retried) == ([8], 1, 3)


def test_a_second_try_may_succeed() -> None:
    outbox = box(5.0)
    left(outbox, 0, "first", *[ALERT] * 9)
    assert emptied(outbox) == [ALERT] * 9
    assert (outbox.tally.dropped, outbox.tally.retried) == (0, 2)


def test_pressure_has_two_edges() -> None:
    outbox = box()
    left(outbox, 0, "first", *[DATA] * 5)
    assert outbox.edges() == []
    left(outbox, 0, DATA)
    assert outbox.edges() == ["entered_pressure"]
    edges = []
    for second in range(1, 7):
        left(outbox, second * SECOND)
        edges.append((outbox.fill, outbox.edges()))
    assert [edge for edge in edges if edge[1]] == [(3, ["recovered"])]


@pytest.mark.parametrize(("topic", "payload"), [("x" * 128, b""), ("x", b" " * 1536)])
def test_what_fits_no_slot_is_dropped(topic: str, payload: bytes) -> None:
    outbox = box(None)
    assert outbox.pass_on([Entry(Publish(topic, payload, 1))], 0) == []
    assert outbox.pass_on([Entry(Publish(topic[:127], payload[:1535], 1))], 0) != []
    assert outbox.tally.dropped == 1


arrivals = st.tuples(st.integers(0, 3 * SECOND), st.lists(st.sampled_from([DATA, ALERT]), max_size=12))


@given(st.lists(arrivals, max_size=12), st.floats(0.2, 50.0))
def test_every_message_leaves_or_is_counted(times: list[tuple[int, list[str]]], drain: float) -> None:
    outbox, now, gone, given_in = box(drain), 0, 0, 0
    for wait, suffixes in times:
        now += wait
        gone += len(left(outbox, now, *suffixes))
        given_in += len(suffixes)
        assert outbox.fill <= 8
    gone += len(emptied(outbox, now))
    assert gone + outbox.tally.shed + outbox.tally.dropped == given_in


# -- in a node ---------------------------------------------------------------------------------------------


def slow(drain: float = 1.0) -> Rig:
    rig = online()
    rig.node.condition.drain = drain
    return rig


def test_a_burst_puts_a_node_under_pressure() -> None:
    rig = slow()
    for _ in range(4):
        rig.command(25, "TOGGLE")
    rig.run(60)
    entered, *_, last = named(rig.log, "system/queue_pressure")
    assert list(entered) == [
        "event", "fill_level", "high_watermark", "shed_count", "drop_count", "threshold", "ts",
    ]  # fmt: skip
    assert (entered["event"], entered["threshold"], last["event"]) == ("entered_pressure", 6, "recovered")
    assert last["fill_level"] < 4
    assert next(m.qos for m in rig.log if m.topic.endswith("queue_pressure")) == 0
    assert not named(rig.log, "actuator/25/status")[4:], "statuses were shed"


def test_the_counters_tell() -> None:
    rig = slow(0.2)
    rig.run(300)
    counters = named(rig.log, "system/heartbeat_metrics")[-1]
    assert counters["publish_queue_hwm"] >= 6
    assert counters["publish_queue_shed_count"] > 0


def test_outcomes_that_found_no_way_out_are_told_after_the_link_comes_back() -> None:
    rig = slow(0.05)
    rig.command(14, "ON", intent_id="i1")
    rig.disconnect()
    rig.node.condition.drain = None
    rig.connect()
    late = named(rig.ack(), "system/intent_outcome")
    assert [(outcome["intent_id"], outcome["outcome"], outcome["recovered"]) for outcome in late] == [
        ("i1", "applied", True)
    ]


def test_nothing_waits_once_the_broker_is_quick_again() -> None:
    rig = slow(0.05)
    said = rig.command(14, "ON")
    assert len(said) == 1
    rig.node.condition.drain = None
    assert ("applied", "NONE") in outcomes(rig.run(30))


def test_an_old_node_has_no_such_queue() -> None:
    rig = old()
    rig.node.condition.drain = 0.01
    bodies: list[dict[str, Any]] = [json.loads(m.payload) for m in rig.command(14, "ON")]
    assert len(bodies) == 2


def test_pressure_behind_the_gate_is_never_told() -> None:
    rig = Rig()
    rig.node.condition.drain = 2.0
    rig.connect()
    for _ in range(12):
        rig.command(14, "ON")
    rig.run(60, ack=False)
    rig.node.condition.drain = None
    rig.ack()
    rig.run(60)
    assert named(rig.log, "system/heartbeat_metrics")[-1]["publish_queue_hwm"] == 8
    assert not named(rig.log, "system/queue_pressure")
