"""From a payload to one command and back, told step by step."""

from itertools import pairwise

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Effect
from godkaiser.model import event as ev
from godkaiser.model.command import Move, ServerStatus, WillCleared
from godkaiser.model.ids import ActuatorId, SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import ActuatorSpec
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    STRANGER,
    Decision,
    Desk,
    HeartbeatAck,
    Journal,
    Outcome,
    Reading,
    Say,
    Send,
    Tell,
    fates,
    moves,
    only,
    rule,
    stored,
)

THERE = SeriesId.of(STRANGER, 4, "ds18b20")
RELAY = ActuatorId.of(STRANGER, 25)
STRANGE = rule(
    COOL,
    conditions=[
        {
            "type": "sensor",
            "esp_id": STRANGER,
            "gpio": 4,
            "sensor_type": "ds18b20",
            "operator": ">",
            "value": 28,
        }
    ],
    actions=[{"type": "actuator", "esp_id": STRANGER, "gpio": 25, "command": "ON"}],
)


def acks(effects: list[Effect]) -> list[str]:
    return [say.notice.status for say in only(Say, effects) if isinstance(say.notice, HeartbeatAck)]


def test_exactly_one_command_and_only_after_approval() -> None:
    desk = Desk(STRANGE)
    desk.link()
    desk.handle(
        ev.RulesChanged(desk.now, (STRANGE,), (ActuatorSpec(node=STRANGER, gpio=25, type="relay"),), "ann")
    )
    assert acks(desk.beat(STRANGER)) == ["pending_approval"]
    waiting = desk.read(THERE, 30) + desk.wait(30)
    assert stored(Reading, waiting) == []
    assert moves(waiting) == []
    assert desk.state.counters["quarantined"] == 1
    approved = desk.handle(ev.NodeDecided(desk.now, STRANGER, True, "ann"))
    assert only(Send, approved) == []
    assert acks(desk.beat(STRANGER)) == ["online"]
    desk.wait(2)
    sent = desk.read(THERE, 30)
    assert moves(sent) == [Move(RELAY, "ON", 1.0, 3540)]
    assert len(stored(Reading, sent)) == 1
    later = desk.obey(sent)
    for _ in range(6):
        later += desk.wait(5) + desk.read(THERE, 30.5) + desk.report(RELAY, 1.0)
    assert only(Send, later) == []
    assert fates(later, RELAY) == [Fate.ACKED, Fate.CONFIRMED]


def test_the_lease_is_journalled_before_the_command() -> None:
    desk = Desk(COOL).ready()
    effects = desk.read(AIR, 29)
    kinds = [type(effect) for effect in effects if isinstance(effect, Journal | Send)]
    assert kinds == [Journal, Journal, Send]  # its start and its lease
    _, entry = only(Journal, effects)
    assert (entry.kind, entry.key) == ("lease", FAN)
    assert entry.data is not None
    assert entry.data["until"] - entry.data["since"] == 1800 * SECOND


def test_what_goes_out_is_recorded_and_told() -> None:
    desk = Desk(COOL).ready()
    effects = desk.read(AIR, 29)
    (send,) = only(Send, effects)
    assert send.energising
    (decision,) = stored(Decision, effects)
    assert (decision.rule, decision.truth, decision.active) == ("cool-the-bench", "true", True)
    assert "bench air is above 28 °C (until below 25 °C): 29 °C ✔" in decision.trace
    (outcome,) = stored(Outcome, effects)
    assert (outcome.fate, outcome.who, outcome.origin) == (Fate.SENT, "rule:cool-the-bench", "rule")
    (reading,) = stored(Reading, effects)
    assert decision.cause == outcome.cause == send.command.cause == reading.cause
    told = {(tell.kind, tell.id) for tell in only(Tell, effects)}
    assert told >= {("sensor", AIR), ("rule", "cool-the-bench"), ("actuator", FAN)}


def test_it_switches_off_again_by_itself() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    desk.wait(30)
    assert moves(desk.read(AIR, 26)) == []
    off = desk.read(AIR, 24)
    assert moves(off) == [Move(FAN, "OFF", 0.0)]
    assert not only(Send, off)[0].energising
    assert fates(desk.obey(off), FAN) == [Fate.ACKED, Fate.CONFIRMED]
    assert ("lease", FAN) not in desk.journal


def test_cooldown_counts_from_the_start_and_the_hourly_limit_from_an_hour_ago() -> None:
    desk = Desk(rule(COOL, max_executions_per_hour=2)).ready()
    starts = []
    for _ in range(400):
        before = desk.read(AIR, 29)
        starts += [desk.now] * bool(moves(before))
        desk.obey(before)
        desk.obey(desk.wait(5))
        desk.obey(desk.read(AIR, 24))
        desk.live(5)
    gaps = [b - a for a, b in pairwise(starts)]
    assert min(gaps) >= 60 * SECOND
    assert all(starts[i + 2] - starts[i] >= 3600 * SECOND for i in range(len(starts) - 2))
    assert len(starts) in (3, 4)


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────
def sent_fan(desk: Desk) -> str:
    (send,) = only(Send, desk.ask(FAN, 0.8))
    return send.command.id


def test_an_answer_finds_its_command_by_id() -> None:
    desk = Desk().ready()
    command = sent_fan(desk)
    assert fates(desk.ack(FAN, command)) == [Fate.ACKED]
    assert fates(desk.report(FAN, 0.8)) == [Fate.CONFIRMED]
    assert fates(desk.ack(FAN, command)) == []
    assert desk.state.counters["unmatched_acks"] == 1
    assert desk.state.counters["commands_confirmed"] == 1


@pytest.mark.parametrize("actuator", [HEATER, RELAY])
def test_an_id_answered_from_another_pin_or_node_counts_for_nothing(actuator: ActuatorId) -> None:
    desk = Desk().ready()
    command = sent_fan(desk)
    assert fates(desk.ack(actuator, command)) == []
    assert desk.state.counters["unmatched_acks"] == 1
    assert command in desk.state.pending


def test_without_an_id_the_newest_of_that_pin_and_verb_is_meant() -> None:
    desk = Desk().ready()
    desk.ask(FAN, 0.8)
    assert fates(desk.ack(FAN, verb="ON")) == []
    assert fates(desk.ack(HEATER, verb="PWM")) == []
    assert fates(desk.ack(FAN, verb="PWM")) == [Fate.ACKED]
    assert fates(desk.ack(FAN, verb="PWM")) == []


def test_a_foreign_id_is_no_answer_although_pin_and_verb_fit() -> None:
    desk = Desk().ready()
    desk.ask(FAN, 0.8)
    assert fates(desk.ack(FAN, "fw_ESP_A1B2C3_17_1", "PWM")) == []


def test_a_report_counts_only_with_the_nodes_word() -> None:
    desk = Desk().ready()
    command = sent_fan(desk)
    assert fates(desk.report(FAN, 0.8)) == []
    assert fates(desk.ack(FAN, command)) == [Fate.ACKED, Fate.CONFIRMED]


def test_a_command_that_changes_nothing_is_confirmed_by_the_last_report() -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.0)
    desk.wait(10)
    assert fates(desk.obey(desk.ask(FAN, 0.0)), FAN)[:2] == [Fate.ACKED, Fate.CONFIRMED]


def test_a_rejected_command_is_tried_again_with_a_new_id() -> None:
    desk = Desk(COOL).ready()
    (first,) = only(Send, desk.read(AIR, 29))
    said = desk.ack(FAN, first.command.id, success=False, message="emergency stopped")
    assert fates(said) == [Fate.REJECTED]
    assert ("lease", FAN) not in desk.journal
    assert picture.actuator_picture(desk.state, desk.state.actuators[FAN], desk.now)["last_command"][
        "message"
    ] == ("emergency stopped")
    assert moves(desk.wait(59)) == []
    again = desk.wait(2)
    assert moves(again) == [Move(FAN, "PWM", 0.8)]
    assert only(Send, again)[0].command.id != first.command.id


def test_no_answer_in_ten_seconds_is_expired_and_leaves_the_lease() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 29)
    assert fates(desk.wait(9.9)) == []
    said = desk.wait(0.2)
    assert fates(said) == [Fate.EXPIRED]
    assert ("lease", FAN) in desk.journal
    assert moves(desk.wait(61)) == [Move(FAN, "PWM", 0.8)]
    entry = desk.journal["lease", FAN]
    assert entry["until"] - entry["since"] == 1800 * SECOND


def test_accepted_but_never_reported_is_failed() -> None:
    desk = Desk().ready()
    desk.ack(FAN, sent_fan(desk))
    assert fates(desk.wait(11)) == [Fate.FAILED]
    assert desk.state.counters["commands_failed"] == 1


def test_what_never_reached_the_broker_is_failed() -> None:
    desk = Desk().ready()
    command = sent_fan(desk)
    assert fates(desk.handle(ev.SendFailed(desk.now, command, "disk full"))) == [Fate.FAILED]
    assert fates(desk.handle(ev.SendFailed(desk.now, "c9-9-9", "disk full"))) == []


def test_a_newer_command_replaces_the_older() -> None:
    desk = Desk().ready()
    desk.ask(FAN, 0.8)
    assert fates(desk.ask(FAN, 0.4)) == [Fate.SUPERSEDED, Fate.SENT]
    assert len(desk.state.pending) == 1


# ── why ────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_chain_goes_from_the_payload_to_the_outcome() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    story = picture.why(desk.state, FAN, desk.now)
    assert [step["what"] for step in story["steps"]] == [
        "payload", "reading", "decision", "verdict", "command", "outcome", "outcome",
    ]  # fmt: skip
    texts = [step["text"] for step in story["steps"]]
    assert "ESP_A1B2C3 reported raw 29 on pin 0" in texts[0]
    assert "bench air: 29 °C" in texts[1]
    assert "Rule “Cool the bench” holds" in texts[2]
    assert texts[4].startswith("sent PWM 0.8 (c1-")
    assert story["text"] == "fan is at 80% by the node's report."


def test_a_refusal_tells_every_reason() -> None:
    desk = Desk()
    said = desk.ask(FAN, 1.5)
    assert fates(said) == [Fate.REFUSED]
    (outcome,) = stored(Outcome, said)
    assert {finding.code for finding in outcome.findings} == {"link_down", "value_range", "value_limits"}
    story = picture.why(desk.state, FAN, desk.now)
    assert [step["what"] for step in story["steps"]] == ["intent", "verdict"]
    assert "The MQTT broker cannot be reached." in story["steps"][1]["text"]
    assert "not reported it yet" in story["text"]
    assert picture.why(desk.state, HEATER, desk.now)["text"].endswith("since the controller started.")


def test_an_unknown_actuator_is_refused_not_forgotten() -> None:
    desk = Desk(rule(COOL, actions=[{**COOL["actions"][0], "gpio": 33}])).ready()
    (outcome,) = stored(Outcome, desk.read(AIR, 29))
    assert (outcome.fate, outcome.findings[0].code) == (Fate.REFUSED, "unknown_actuator")
    degraded = next(iter(desk.state.rules.values())).degraded
    assert degraded == "cannot act: there is no actuator ESP_A1B2C3/33"


# ── coming and going ───────────────────────────────────────────────────────────────────────────────────
def test_link_up_says_online_and_a_node_that_is_back_gets_its_will_cleared() -> None:
    desk = Desk()
    effects = desk.link()
    assert only(Say, effects)[0].notice == ServerStatus(GOD, True, desk.now // SECOND)
    assert ("online", "") in desk.journal
    effects = desk.beat(epoch=4)
    ack = only(Say, effects)[0].notice
    assert ack == HeartbeatAck(GOD, CLIMATE, "online", 4, desk.now // SECOND)
    assert WillCleared(GOD, CLIMATE) in [say.notice for say in only(Say, effects)]
    assert WillCleared(GOD, CLIMATE) not in [say.notice for say in only(Say, desk.beat())]


def test_the_announced_epoch_is_echoed() -> None:
    desk = Desk()
    desk.link()
    desk.handle(ev.Announce(desk.now, GOD, CLIMATE, 7))
    desk.handle(ev.Announce(desk.now, GOD, STRANGER, 7))
    assert [say.notice.epoch for say in only(Say, desk.beat()) if isinstance(say.notice, HeartbeatAck)] == [7]
    assert STRANGER not in desk.state.nodes


def test_a_node_is_adopted_before_it_is_told_what_is_wanted() -> None:
    desk = Desk(COOL).ready()
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    desk.beat()
    early = desk.ask(FAN, 0.8)
    assert fates(early) == [Fate.REFUSED]
    desk.read(AIR, 29)
    assert moves(desk.wait(2)) == [], "what it says needs time for the way"
    assert [m.actuator for m in moves(desk.wait(0.5))] == [FAN]


def test_closing_leaves_everything_safe() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(FAN, 0.8))
    desk.report(HEATER, 1.0)
    effects = desk.handle(ev.Closing(desk.now))
    assert moves(effects) == [Move(FAN, "OFF", 0.0), Move(HEATER, "OFF", 0.0)]
    assert only(Say, effects)[-1].notice == ServerStatus(GOD, False, desk.now // SECOND, "graceful_shutdown")
    assert ("online", "") not in desk.journal
