"""A node's durable word about what it was told: early, late, twice, or about something long over."""

from dataclasses import replace
from typing import Any

import pytest

from godkaiser.engine.effect import Effect, Say, Send
from godkaiser.model import event as ev
from godkaiser.model.command import Enquiry
from godkaiser.model.instant import SECOND
from godkaiser.model.report import OneWireDevice
from godkaiser.model.request import Inquiry, Measure
from godkaiser.model.scope import ALL
from godkaiser.safety.stop import Phase
from tests.engine.bench import CLIMATE, FAN, GOD, STRANGER, WATER, Desk, Fate, fates, notices, only, replies


def command(desk: Desk) -> str:
    """Ask for the fan; the id of what was sent."""
    return only(Send, desk.ask(FAN, 0.8))[0].command.id


# ── commands ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("outcome", "fate"), [("rejected", Fate.REJECTED), ("failed", Fate.FAILED), ("expired", Fate.EXPIRED)]
)
def test_a_command_may_end_by_its_outcome_alone(outcome: str, fate: Fate) -> None:
    desk = Desk().ready()
    sent = command(desk)
    assert fates(desk.outcome(CLIMATE, "accepted", sent, code="COMMAND_ACCEPTED")) == []
    effects = desk.outcome(CLIMATE, outcome, sent, code="QUEUE_FULL", reason="no room")
    assert fates(effects) == [fate]
    assert "QUEUE_FULL no room" in desk.state.nodes[CLIMATE].notes[0].text
    assert fates(desk.outcome(CLIMATE, outcome, sent)) == [], "it is over"


def test_applied_stands_for_a_lost_response_and_is_said_once() -> None:
    desk = Desk().ready()
    sent = command(desk)
    assert fates(desk.outcome(CLIMATE, "applied", sent)) == [Fate.ACKED]
    assert fates(desk.outcome(CLIMATE, "applied", sent)) == []
    assert fates(desk.ack(FAN, sent)) == []
    assert fates(desk.outcome(CLIMATE, "failed", sent)) == [], "it has said yes"
    assert fates(desk.report(FAN, 0.8)) == [Fate.CONFIRMED]


def test_a_late_word_about_another_command_ends_nothing() -> None:
    desk = Desk().ready()
    sent = command(desk)
    assert fates(desk.outcome(CLIMATE, "failed", "c0-1-1", recovered=True)) == []
    assert sent in desk.state.pending
    assert "said late" in desk.state.nodes[CLIMATE].notes[0].text


def test_who_is_unknown_is_not_believed() -> None:
    desk = Desk().ready()
    assert desk.outcome(STRANGER, "failed", command(desk)) == []


# ── stops ──────────────────────────────────────────────────────────────────────────────────────────────
def test_an_old_stop_does_not_confirm_a_new_one() -> None:
    desk = Desk().ready()
    desk.stop()
    mine = desk.state.nodes[CLIMATE].halt_id
    assert mine
    old = {"code": "EMERGENCY_STOP_TRIGGERED", "recovered": True}
    desk.outcome(CLIMATE, "applied", "c0-1-1", **old)
    assert CLIMATE in desk.state.stop.waiting
    desk.outcome(CLIMATE, "applied", mine, **old)
    assert CLIMATE not in desk.state.stop.waiting


@pytest.mark.parametrize("code", ["EMERGENCY_STOP_TRIGGERED", "BROADCAST_EMERGENCY_STOP_TRIGGERED"])
def test_a_word_that_is_delivered_again_confirms_nothing_new(code: str) -> None:
    desk = Desk().ready()
    desk.stop()
    first = desk.state.nodes[CLIMATE].halt_id
    desk.outcome(CLIMATE, "applied", first, code=code)
    assert CLIMATE not in desk.state.stop.waiting
    desk.wait(6)
    desk.clear(force=True)
    desk.wait(60)
    desk.stop("again")
    desk.outcome(CLIMATE, "applied", first, code=code)
    desk.handle(ev.StopAck(desk.now, GOD, CLIMATE, first))
    assert CLIMATE in desk.state.stop.waiting
    desk.handle(ev.StopAck(desk.now, GOD, CLIMATE, desk.state.nodes[CLIMATE].halt_id))
    assert CLIMATE not in desk.state.stop.waiting


def test_after_a_restart_of_ours_a_stop_counts_whatever_id_it_bears() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.restart()
    desk.link(up=False)
    desk.state.nodes[CLIMATE].halt_id = desk.state.broadcast_id = ""
    standing = desk.state.stops[ALL]
    standing.stop = replace(standing.stop, waiting=frozenset({CLIMATE}))
    desk.outcome(CLIMATE, "applied", "c1-9-9", code="EMERGENCY_STOP_TRIGGERED")
    assert CLIMATE not in desk.state.stop.waiting


def cleared(desk: Desk) -> str:
    """Stopped, and asked to clear: the id of the clear."""
    desk.stop()
    for node in (CLIMATE, WATER):
        desk.handle(ev.StopAck(desk.now, GOD, node))
    desk.wait(6)
    desk.clear()
    desk.wait(0)
    return desk.state.nodes[CLIMATE].release_id


def test_an_old_clear_does_not_lift_a_new_stop() -> None:
    desk = Desk().ready()
    mine = cleared(desk)
    assert mine
    old = {"code": "EMERGENCY_CLEAR_APPLIED", "recovered": True}
    desk.outcome(CLIMATE, "applied", "c0-1-1", **old)
    assert CLIMATE in desk.state.stop.waiting
    desk.outcome(CLIMATE, "applied", mine, **old)
    assert CLIMATE not in desk.state.stop.waiting


def test_a_refused_clear_leads_back() -> None:
    desk = Desk().ready()
    mine = cleared(desk)
    desk.outcome(CLIMATE, "rejected", mine, code="EMERGENCY_CLEAR_REJECTED", reason="too early")
    assert desk.state.stop.phase is Phase.ACTIVE
    assert "EMERGENCY_CLEAR_REJECTED too early" in desk.state.stop.problem


def test_a_node_that_refuses_the_stop_is_shown() -> None:
    desk = Desk().ready()
    desk.stop()
    mine = desk.state.nodes[CLIMATE].halt_id
    desk.outcome(CLIMATE, "rejected", mine, code="UNAUTHORIZED", reason="bad token")
    assert "UNAUTHORIZED" in desk.state.nodes[CLIMATE].notes[0].text
    assert CLIMATE in desk.state.stop.waiting


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────
def answer(desk: Desk, request: str, **fields: Any) -> list[Effect]:
    given: dict[str, Any] = {"success": True, "timeout": False, "reason": "NONE", "quality": "good"}
    said = given | {"sensor_type": "sht31_temp", "raw": 1.0} | fields
    event = ev.MeasureAnswer(desk.now, GOD, CLIMATE, 0, request, **said)
    return desk.handle(event)


def test_measure_now() -> None:
    desk = Desk().ready()
    (asked,) = notices(desk.request(Measure(0)), Enquiry)
    assert (asked.node, asked.request.id) == (CLIMATE, "q1")
    assert answer(desk, "q0") == []
    (reply,) = replies(answer(desk, "q1"))
    assert (reply.end, reply.content["gpio"]) == ("answered", 0)
    assert replies(desk.wait(100)) == []
    assert replies(answer(desk, "q1")) == []


def test_the_first_answer_wins() -> None:
    desk = Desk().ready()
    desk.request(Measure(0))
    (reply,) = replies(desk.outcome(CLIMATE, "rejected", "q1", code="CONFIG_PENDING_BLOCKED"))
    assert (reply.end, reply.message) == ("refused", "CONFIG_PENDING_BLOCKED")
    assert replies(answer(desk, "q1", success=False, reason="MEASURE_TIMEOUT")) == []


def test_no_answer_is_an_answer_too() -> None:
    desk = Desk().ready()
    desk.request(Measure(0, 7 * SECOND))
    assert replies(desk.wait(11.9)) == []
    (reply,) = replies(desk.wait(0.2))
    assert (reply.end, reply.request.id) == ("silent", "q1")
    assert desk.state.requests == {}


def test_a_failed_measurement_says_why() -> None:
    desk = Desk().ready()
    desk.request(Measure(0))
    (reply,) = replies(answer(desk, "q1", success=False, reason="SENSOR_NOT_FOUND"))
    assert (reply.end, reply.message) == ("refused", "SENSOR_NOT_FOUND")


def system(desk: Desk, word: str, **content: Any) -> list[Effect]:
    event = ev.SystemAnswer(
        desk.now,
        GOD,
        CLIMATE,
        word,
        content.get("success", True),
        str(content.get("error", "")),
        dict(content),
    )
    return desk.handle(event)


def test_system_commands_wait_their_turn_as_answers_bear_no_id() -> None:
    desk = Desk().ready()
    assert len(notices(desk.request(Inquiry("status"), request="q1"), Enquiry)) == 1
    assert notices(desk.request(Inquiry("diagnostics"), request="q2"), Enquiry) == []
    assert len(notices(desk.request(Measure(0), request="q3"), Enquiry)) == 1, "another lane"
    assert replies(system(desk, "diagnostics")) == []
    effects = system(desk, "status", heap_free=1)
    (reply,) = replies(effects)
    assert (reply.request.id, reply.content["heap_free"]) == ("q1", 1)
    assert [n.request.id for n in notices(effects, Enquiry)] == ["q2"]
    (reply,) = replies(system(desk, "diagnostics", success=False, error="busy"))
    assert (reply.request.id, reply.end, reply.message) == ("q2", "refused", "busy")


def test_a_scan_is_answered_by_what_was_found() -> None:
    desk = Desk().ready()
    desk.request(Inquiry("onewire/scan", {"pin": 4}))
    assert replies(system(desk, "onewire/scan", found_count=1)) == []
    found = ev.ScanResult(desk.now, GOD, CLIMATE, (OneWireDevice("28FF641E8D160301", "ds18b20", 4),), 1)
    (reply,) = replies(desk.handle(found))
    assert reply.content == {"devices": [{"rom": "28FF641E8D160301", "type": "ds18b20", "pin": 4}]}
    assert replies(desk.handle(found)) == []
    desk.request(Inquiry("onewire/scan"), request="q2")
    (reply,) = replies(system(desk, "onewire/scan", found_count=0))
    assert reply.content == {"devices": []}


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        ("pending", "not approved"),
        ("unlinked", "broker"),
        ("offline", "offline"),
        ("old", "too old"),
    ],
)
def test_a_request_that_cannot_arrive_is_refused_at_once(prepare: str, why: str) -> None:
    desk = Desk().ready(CLIMATE)
    node = CLIMATE
    if prepare == "pending":
        desk.beat(STRANGER)
        node = STRANGER
    elif prepare == "unlinked":
        desk.link(up=False)
    elif prepare == "offline":
        desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    else:
        desk.beat(WATER, boot="")
        node = WATER
    effects = desk.request(Measure(0), node)
    assert only(Say, effects) == []
    (reply,) = replies(effects)
    assert reply.end == "refused"
    assert why in reply.message


def test_a_lane_is_bounded_and_empties_when_its_node_is_gone() -> None:
    desk = Desk().ready()
    said = [reply for n in range(12) for reply in replies(desk.request(Inquiry("status"), request=f"q{n}"))]
    assert {reply.message for reply in said} == {"too many requests wait"}
    assert len(said) == 3
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    ends = [reply.end for reply in replies(desk.wait(10))]
    assert ends == ["silent"] + ["refused"] * 8
    assert desk.state.requests == {}
