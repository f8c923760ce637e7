"""`handle(event) -> effects`: one row per event, in the table at the end. No clock: time is in the events.

Every event gets a sequence number; whatever it causes carries that number, so one can walk back from a
running pump to the payload. The same events in the same order give the same effects, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast, get_args

from godkaiser.engine import (
    alarm,
    alive,
    answer,
    calibration,
    checks,
    chronicle,
    clear,
    correct,
    course,
    decide,
    declared,
    door,
    elapsed,
    ending,
    escalate,
    fitness,
    halt,
    ingest,
    lane,
    lease,
    limits,
    note,
    outcome,
    past,
    presence,
    registry,
    request,
    schedule,
    site,
    surroundings,
    toggle,
    tracing,
    wish,
)
from godkaiser.engine.effect import Effect
from godkaiser.engine.standing import restored
from godkaiser.engine.state import Confirmed, Moment, State
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.scope import Scope


class Engine:
    """The controller without a machine around it."""

    def __init__(self, state: State, seq: int = 0) -> None:
        """`seq`: how many events made this state."""
        self.state, self._seq = state, seq

    @property
    def seq(self) -> int:
        """How many events were handled."""
        return self._seq

    @property
    def next_wakeup(self) -> Instant | None:
        """When a `Timer` event is due, if nothing happens before."""
        return self.state.due.next

    def restore(self, journal: dict[tuple[str, str], dict[str, Any]], now: Instant) -> None:
        """Take over what the safety journal kept: stops, leases, budgets, service. Before anything else."""
        for (kind, key), data in sorted(journal.items()):
            if kind == "board":
                self._seated(NodeId.parse(key), NodeId.parse(data["board"]))
            elif kind == "stop":
                scope = Scope.parse(key)
                self.state.stops[scope] = standing = restored(scope, data, now)
                for actuator in self.state.actuators.values():
                    actuator.owed |= standing.covers(actuator.id, self.state.zone_of(actuator.id))
            elif kind in _OF_NODES:
                self._restore_node(kind, key, data, now)
            elif kind in _OF_RULES:
                _OF_RULES[kind](self.state, RuleId.known(key), data, now)
            elif kind == "alarm":
                alarm.restore(self.state, key, data, now)
            elif kind in limits.KEPT:
                limits.restore(self.state, (kind, key), data, now)

    def _restore_node(self, kind: str, key: str, data: dict[str, Any], now: Instant) -> None:
        node = self.state.nodes.get(NodeId.parse(key))
        if node is None:
            return
        if kind == "node":
            node.confirmed = Confirmed(**data)
        elif kind == "halted":
            node.halted = True
        elif kind == "away":
            node.away_since = min(data["since"], now)
        else:
            node.shut_at = node.decided_at = min(data["at"], now)

    def _seated(self, node: NodeId, board: NodeId) -> None:
        self.state.boards[board] = node
        if board != node:
            self.state.nodes.pop(board, None)
        if (known := self.state.nodes.get(node)) is not None:
            known.board_id = board if board != node else None

    def handle(self, event: ev.Event) -> list[Effect]:
        """Handle one event completely. Timers that are due before it come first."""
        if isinstance(event, ev.Echo):
            return []  # ours coming back: when it does must not show in anything a replay compares
        self._seq += 1
        event = self._as_node(event)
        moment = Moment(self.state, event.at, self._seq)
        if isinstance(event, (ev.StopAsked, ev.ClockJumped, ev.Closing)):
            # These come before what is due at the same time: a timer must not switch on what they switch off.
            self._dispatch(moment, event)
            self._fire_due(moment)
        else:
            self._fire_due(moment)
            self._dispatch(moment, event)
        course.watch(moment)
        escalate.watch(moment)
        fitness.watch(moment)
        alarm.watch(moment, event)
        checks.watch(moment)
        chronicle.watch(moment, event)
        tracing.keep(moment)
        return moment.effects

    def _as_node(self, event: ev.Event) -> ev.Event:
        """What a board says is said by the node it stands for; the board it replaced has no voice any more."""
        speaker: NodeId | None = getattr(event, "node", None)
        spoken = type(event) in REPORTS
        if not self.state.boards or speaker is None or not spoken:
            return event
        node = self.state.boards.get(speaker)
        if node is not None:
            said: ev.Event = replace(cast("Any", event), node=node)
            return said
        if speaker in self.state.boards.values():
            self.state.counters["retired_boards"] += 1
            return ev.Echo(event.at, f"a board that was replaced: {speaker}")
        return event

    def _dispatch(self, moment: Moment, event: ev.Event) -> None:
        for handle in HANDLERS[type(event)]:
            handle(moment, event)

    def _fire_due(self, moment: Moment) -> None:
        for kind, key in self.state.due.due(moment.now):
            _WHEN_DUE[kind](moment, key)


def _rule_due(moment: Moment, rule: RuleId) -> None:
    if rule in moment.state.rules:
        decide.reconsider(moment, rule)


_WHEN_DUE: Final[dict[str, Callable[[Moment, str], None]]] = {
    "rule": lambda moment, key: _rule_due(moment, RuleId.known(key)),
    "stale": lambda moment, key: decide.on_stale(moment, SeriesId.known(key)),
    "doubtful": lambda moment, key: decide.on_stale(moment, SeriesId.known(key)),
    "node": lambda moment, key: presence.on_silence(moment, NodeId.known(key)),
    "adopt": lambda moment, key: presence.on_adopted(moment, NodeId.known(key)),
    "command": answer.on_deadline,
    "lease": lambda moment, key: ending.on_lease_end(moment, ActuatorId.known(key)),
    "owed": lambda moment, key: ending.on_owed(moment, ActuatorId.known(key)),
    "retry": lambda moment, key: wish.on_retry(moment, ActuatorId.known(key)),
    "correct": lambda moment, key: correct.on_due(moment, ActuatorId.known(key)),
    "course": lambda moment, key: None,  # looked at after every event
    "escalate": lambda moment, key: None,  # likewise
    "tenure": lambda moment, key: wish.on_tenure_end(moment, ActuatorId.known(key)),
    "hold": lambda moment, key: wish.on_hold_end(moment, ActuatorId.known(key)),
    "request": request.on_request_due,
    "schedule": lambda moment, key: schedule.on_due(moment, SeriesId.known(key)),
    "recalibrate": lambda moment, key: calibration.on_old(moment, SeriesId.known(key)),
    "calibration": lambda moment, key: calibration.on_due(moment, SeriesId.known(key)),
    "wishes": lambda moment, key: lane.on_wishes_due(moment, NodeId.known(key)),
    "lane": lambda moment, key: lane.on_due(moment, NodeId.known(key)),
    "alarm": alarm.on_due,
    "told": lambda moment, key: lease.on_told(moment, ActuatorId.known(key)),
    "shelf": lambda moment, key: past.on_shelf_due(moment, ActuatorId.known(key)),
    "moved": lambda moment, key: limits.on_moved(moment, ActuatorId.known(key)),
    "permit": lambda moment, key: limits.look(moment, ActuatorId.known(key)),
    "service": lambda moment, key: limits.on_service_due(moment, ActuatorId.known(key)),
    "stop": clear.on_stop_due,
    "clear": clear.on_clear_due,
}


_OF_RULES: Final[dict[str, Callable[[State, RuleId, dict[str, Any], Instant], None]]] = {
    "course": course.restore,
    "failover": escalate.restore,
    "toggle": toggle.restore,
}
_OF_NODES: Final = ("node", "halted", "shut", "away")  # kinds in the safety journal
REPORTS: Final = get_args(ev.Report)
HANDLERS: Final[dict[type[Any], tuple[Callable[[Moment, Any], None], ...]]] = {
    # from nodes
    ev.SensorReport: (ingest.on_sensor,),
    ev.SensorBatch: (),
    ev.MeasureAnswer: (request.on_measured,),
    ev.Heartbeat: (presence.on_heartbeat,),
    ev.Metrics: (alive.on_metrics,),
    ev.Announce: (presence.on_announce,),
    ev.Will: (presence.on_will,),
    ev.Discovery: (registry.on_discovery,),
    ev.ActuatorReport: (
        answer.on_report,
        limits.on_report,
        correct.on_report,
        lambda moment, event: halt.note_safe_nodes(moment, event.node),
        declared.on_moved,
        decide.on_reported,
    ),
    ev.CommandAck: (answer.on_ack, declared.on_moved),
    ev.StopAck: (halt.on_stop_ack,),
    ev.ClearAck: (note.on_clear_refused, clear.on_clear_ack),
    ev.IntentOutcome: (outcome.on_outcome, declared.on_configured),
    ev.Lifecycle: (),
    ev.ConfigAnswer: (note.on_config, lane.on_config, declared.on_configured),
    ev.ZoneAck: (note.on_config, lane.on_zone),
    ev.SubzoneAck: (note.on_config, lane.on_subzone),
    ev.SystemAnswer: (request.on_system_answer,),
    ev.ScanResult: (request.on_scan,),
    ev.NodeFault: (note.on_fault,),
    ev.Alert: (note.on_alert,),
    ev.QueuePressure: (note.on_pressure,),
    ev.Diagnostics: (note.on_diagnostics,),
    ev.Malformed: (ingest.on_malformed,),
    ev.Echo: (),
    # from the past
    ev.Retold: (ingest.on_retold,),
    # from people
    ev.Asked: (lambda moment, event: wish.on_asked(moment, event.intent),),
    ev.StopAsked: (halt.on_stop,),
    ev.ClearAsked: (clear.on_clear,),
    ev.NodeDecided: (registry.on_decided,),
    ev.NodeRemoved: (registry.on_removed,),
    ev.BoardReplaced: (registry.on_replaced,),
    ev.RulesChanged: (site.on_rules,),
    ev.SiteChanged: (site.on_site,),
    ev.RequestAsked: (request.on_request,),
    ev.HoldEnded: (wish.on_release,),
    ev.ServiceAsked: (limits.on_service,),
    ev.AlarmAnswered: (alarm.on_answered,),
    ev.CalibrationMade: (calibration.on_made,),
    ev.CalibrationUndone: (calibration.on_undone,),
    ev.Attested: (note.on_attested,),
    # from the shell
    ev.KeptOut: (door.on_kept_out,),
    ev.LinkUp: (surroundings.on_link_up, lambda moment, _: schedule.on_link_up(moment)),
    ev.LinkDown: (surroundings.on_link_down,),
    ev.SendFailed: (answer.on_send_failed, lane.on_send_failed, request.on_send_failed),
    ev.JournalHealth: (surroundings.on_journal,),
    ev.Timer: (),
    ev.ClockJumped: (elapsed.on_jump,),
    ev.Closing: (lambda moment, event: surroundings.on_closing(moment),),
}
