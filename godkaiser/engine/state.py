"""Everything the engine knows. Mutable, owned by one engine, changed only while an event is handled."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from godkaiser.engine import checks
from godkaiser.engine.effect import Effect, RuleNotice, Tell
from godkaiser.engine.noted import Chronicle
from godkaiser.engine.pins import pin_problem
from godkaiser.engine.seen import Alarms
from godkaiser.engine.standing import Standing
from godkaiser.engine.tally import Deed, Hindrance, Tally
from godkaiser.model.board import OWN_ADC, Board
from godkaiser.model.calibration import Adc, Calibration
from godkaiser.model.check import Check, Status
from godkaiser.model.cycle import CycleSpec
from godkaiser.model.derived import OF_ONE_UNIT, DerivedSpec
from godkaiser.model.event import Malformed
from godkaiser.model.history import NEVER_ON, OnHistory, Shelved
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.intent import Intent
from godkaiser.model.nodeconfig import ConfigPart, Planner
from godkaiser.model.outcome import Outcome
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.request import Request
from godkaiser.model.schedule import Slot, next_due
from godkaiser.model.scope import ALL, Scope
from godkaiser.model.site import ActuatorSpec, Mode, Position, SensorSpec, Site
from godkaiser.model.truth import Truth
from godkaiser.model.view import NodeView, Rival, Taken
from godkaiser.rules.arbitrate import PERSONS, Tenure, Wish
from godkaiser.rules.evaluate import Memory, Trace
from godkaiser.rules.refused import RefusedRule
from godkaiser.rules.rule import Condition, Diagnosis, Rule, diagnoses, nodes_of, series_of
from godkaiser.safety.stop import Phase, Stop
from godkaiser.safety.watch import Deadlines, Lease
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue
from godkaiser.sensors.derived import Sample
from godkaiser.sensors.filter import EMPTY, Smoothed
from godkaiser.sensors.quality import NOTHING_KNOWN, Signal
from godkaiser.sensors.types import SensorType

KEPT_MALFORMED: Final = 20
KEPT_PER_REASON: Final = 10
KEPT_NOTES: Final = 20
KEPT_DEEDS: Final = 20
FIRMWARE_LIMIT_S: Final = 3600.0
SAME: Final = 0.005
NodeStatus = Literal["pending", "approved", "rejected", "removed"]
Due = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a node said that is for people."""

    at: Instant
    kind: str
    text: str


@dataclass(slots=True)
class Trouble:
    """Messages of one node that could not be read for one reason: how many, and the last few."""

    count: int = 0
    last: deque[Malformed] = field(default_factory=lambda: deque(maxlen=KEPT_PER_REASON))


@dataclass(slots=True)
class Step:
    """One message of a lane: what it is, what is known when it was confirmed, and the part of a push it sends."""

    kind: Literal["zone", "subzone", "subzone_remove", "config", "done"]
    learned: dict[str, Any]
    part: ConfigPart | None = None


@dataclass(slots=True)
class Lane:
    """What a node still has to be told, the head being on its way since `sent_at` (None: waits for another try)."""

    steps: deque[Step] = field(default_factory=deque)
    correlation: str = ""
    sent_at: Instant | None = None
    tries: int = 0
    problem: str = ""
    left_out: str = ""
    wishes_wait: bool = False
    converged_at: Instant | None = None
    given_up_at: Instant | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a node has confirmed; kept in the journal. `config` is a fingerprint, `items` what it stands for.

    `rules`: names of the offline rules on it; None when nobody knows, as it may hold an earlier controller's.
    """

    zone: list[str] = field(default_factory=list)
    subzones: dict[str, list[int]] = field(default_factory=dict)
    config: str = ""
    items: list[list[Any]] = field(default_factory=list)
    generation: int = 0
    rules: list[str] | None = None


@dataclass(slots=True)
class NodeState:
    """A node as heard. `epoch` is its handover epoch, echoed in acks; `boot` counts its reboots.

    `halted`: it was told to stop and has not confirmed the clear. `halt_id` and `release_id` are the commands
    that told it last, at `halt_at` and `release_at`. `acked_at`: when it was acknowledged last; `rejects`: acks it
    says it refused.
    """

    id: NodeId
    kaiser: KaiserId
    status: NodeStatus
    name: str = ""
    zone: str | None = None
    online: bool | None = None
    last_contact: Instant | None = None
    back_at: Instant = -1  # when it was heard again after it had been away, or for the first time
    away_since: Instant | None = None  # while it is not online, if that is known; kept in the journal
    adopting: bool = False
    modern: bool = False
    epoch: int = 0
    adopted_epoch: int = 0
    boot_id: str = ""
    boot: int = 0
    starts: int = 0  # how often it came back, or was heard just after it was switched on
    uptime: int | None = None
    rssi: int | None = None
    heap: int | None = None
    first_seen: Instant = 0
    halted: bool = False
    halt_id: str = ""
    halt_at: Instant | None = None
    release_id: str = ""
    release_at: Instant | None = None
    acked_at: Instant | None = None
    rejects: int | None = None
    degraded: tuple[str, ...] = ()
    pressed: bool = False
    system_state: str = ""
    board: Board | None = None
    declared: bool = False  # the site names it
    board_id: NodeId | None = None  # whose place it took: a board that was replaced; None for the first one
    wills: deque[Instant] = field(default_factory=deque)
    will_ts: int = 0  # of the last will: a repeated one is no new loss
    decided_at: Instant = 0
    shut_at: Instant | None = None  # a person shut it out then; only a person lets it in again
    master_zone: str = ""
    zone_assigned: bool | None = None
    counts: tuple[int | None, int | None] = (None, None)
    fruitless: int = 0  # pushes it took and counts less all the same
    lane: Lane = field(default_factory=Lane)
    confirmed: Confirmed = field(default_factory=Confirmed)
    notes: deque[Note] = field(default_factory=lambda: deque(maxlen=KEPT_NOTES))


@dataclass(slots=True)
class SensorState:
    """A series: its spec (if declared), newest reading, newest one that rules may use, newest of each quality.

    `starts`: how often its node had started when it was heard last; `warming` counts its readings since.
    """

    id: SeriesId
    spec: SensorSpec | None
    row: SensorType
    latest: Reading | None = None
    usable: Reading | None = None
    title: str = ""
    stale_after: int = 180 * SECOND
    mode: Mode = "continuous"
    timely: dict[Quality, Reading] = field(default_factory=dict)
    signal: Signal = NOTHING_KNOWN
    smoothed: Smoothed = EMPTY
    counted: int | None = None  # the version in force when it was heard last; None: not heard yet
    starts: int = 0
    warming: int | None = None  # readings since its node was back; None: settled
    seq: int | None = None  # of its newest message, where the node numbers them
    heard_at: Instant | None = None  # when a value came last, of whatever quality

    def at_least(self, quality: Quality | None) -> Reading | None:
        """Newest timely reading of that quality or a better one; None: the newest that rules may use."""
        if quality is None:
            return self.usable
        found = (reading for kept, reading in self.timely.items() if kept.rank <= quality.rank)
        return max(found, key=lambda reading: reading.measured_at, default=None)


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One hop of the story behind a command, for `why`."""

    what: str
    at: Instant
    text: str
    ok: bool | None = None


@dataclass(slots=True)
class ActuatorState:
    """An actuator: what the node reports, what we last asked for, its lease, and the story behind it."""

    id: ActuatorId
    spec: ActuatorSpec
    reported: float | None = None
    reported_at: Instant | None = None
    emergency: str = ""
    wished: float | None = None
    aim: float | None = None  # where it was sent last, or where it says it is by itself
    turned_at: Instant = -1  # when it was sent elsewhere
    lease: Lease | None = None
    owed: bool = False  # see engine/debt
    corrected_at: Instant | None = None
    released_at: Instant = -1
    last: Outcome | None = None
    chain: list[ChainStep] = field(default_factory=list)
    history: OnHistory = NEVER_ON  # what is over; the run that goes on is the lease
    service: Taken | None = None
    inherited: bool = False  # its lease is from before a restart
    tenure: Tenure | None = None  # of the rule that switched it last
    permitted: bool = False  # its permissives held when they were looked at last

    @property
    def away(self) -> bool:
        """Is it, or may it be, away from its safe value? Unknown after a command of ours counts."""
        return self.lease is not None or self.safe is False or (self.owed and self.safe is None)

    @property
    def safe(self) -> bool | None:
        """Is it at its safe value by the node's report? The node's duty has 8 bits, hence the tolerance."""
        if self.reported is None:
            return None
        return abs(self.reported - self.spec.safe_value) < SAME


@dataclass(slots=True)
class Course:
    """A rule at its steps, since `begun`: at step `at` for the `tries`-th time, whose time is over at `until`.

    `phase`: `begin`, `doing`, `resting` (the pause after a step) or `done`. `holds`: actuators its wishes stand for.
    `open`: what was wanted without waiting for its node. `missed`: the first failure it went on after. `sent`: the
    commands of this step.
    """

    begun: Instant
    at: int = 0
    phase: Literal["begin", "doing", "resting", "done"] = "begin"
    until: Instant | None = None
    tries: int = 1
    holds: set[ActuatorId] = field(default_factory=set)
    open: dict[ActuatorId, float] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    missed: str = ""
    sent: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Escalated:
    """A decision that is not carried out, since then: due to be tried again `due` times, next at; then its failover.

    `tries`: how often it was really tried; a rule may have to wait for its own pause or another's hold. `holds`:
    actuators that the failover's wishes stand for.
    """

    since: Instant
    next_at: Instant
    due: int = 0
    tries: int = 0
    failover_at: Instant | None = None
    holds: set[ActuatorId] = field(default_factory=set)


@dataclass(slots=True)
class RuleState:
    """A rule at work: its memory, last truth, whether its wish stands, when it may act again."""

    rule: Rule
    memory: Memory = field(default_factory=Memory)
    truth: Truth = Truth.UNKNOWN
    trace: Trace | None = None
    active: bool = False
    ready_at: Instant = 0
    hold_until: Instant | None = None
    starts: deque[Instant] = field(default_factory=deque)
    decided_at: Instant | None = None
    traced: Truth = Truth.UNKNOWN  # in the trace that was kept last
    trace_due: Instant = 0  # a trace is kept from then on although nothing changed
    hindrance: Hindrance | None = None  # what it cannot work for, see engine/fitness
    degraded_at: Instant | None = None
    deeds: deque[Deed] = field(default_factory=lambda: deque(maxlen=KEPT_DEEDS))
    deciding: bool = False  # the last of its deeds still stands
    stopped_at: Instant = -1  # when a stop last came over anything it decides of
    wanting_since: Instant | None = None
    tally: Tally | None = None
    course: Course | None = None  # of a rule with steps, while it is at it
    notices: dict[int, Instant] = field(default_factory=dict)  # when each of its steps told something last
    notice: RuleNotice | None = None  # the last one
    lately: Tally | None = None  # while it is degraded: since that began
    quiet: tuple[tuple[tuple[Condition, str], ...], str] = (
        (),
        "",
    )  # what is unknown for want of what, and in words

    @property
    def degraded(self) -> str:
        """Why it cannot work; empty when it can."""
        return "" if self.hindrance is None else self.hindrance.sentence


@dataclass(slots=True)
class Pending:
    """A command on its way, waiting for its answer."""

    intent: Intent
    command: str
    verb: str
    sent_at: Instant
    deadline: Instant
    began_lease: bool = False
    acked: bool = False


@dataclass(slots=True)
class LinkState:
    """The broker connection."""

    up: bool = False
    since: Instant | None = None
    broker: str = ""
    problem: str = ""


@dataclass(slots=True)
class State:
    """The whole. Also the view rules and safety are given (`ReadingView`, `SafetyView`)."""

    kaiser: KaiserId
    timezone: str = "UTC"
    position: Position | None = None
    run: int = 1
    catalogue: Catalogue = BUILT_IN
    zones: dict[str, str] = field(default_factory=dict)
    cycles: dict[str, tuple[CycleSpec, ...]] = field(default_factory=dict)  # by zone
    nodes: dict[NodeId, NodeState] = field(default_factory=dict)
    sensors: dict[SeriesId, SensorState] = field(default_factory=dict)
    sensor_specs: dict[SeriesId, SensorSpec] = field(default_factory=dict)
    derived: dict[SeriesId, DerivedSpec] = field(default_factory=dict)
    light: dict[SeriesId, deque[Sample]] = field(default_factory=dict)  # of series that are summed
    places: dict[str, list[tuple[Instant, str | None]]] = field(default_factory=dict)  # see engine/place
    calibrations: dict[SeriesId, list[Calibration]] = field(default_factory=dict)  # versions, as declared
    actuators: dict[ActuatorId, ActuatorState] = field(default_factory=dict)
    shelf: dict[ActuatorId, Shelved] = field(default_factory=dict)  # of actuators that were taken out
    rules: dict[RuleId, RuleState] = field(default_factory=dict)
    refused: dict[RuleId, RefusedRule] = field(default_factory=dict)  # stored, and not carried out
    readers: dict[SeriesId, list[RuleId]] = field(default_factory=dict)
    touching: dict[NodeId, list[RuleId]] = field(default_factory=dict)  # rules that read or switch there
    bindings: dict[SeriesId, list[SeriesId]] = field(default_factory=dict)
    diagnosing: dict[RuleId, tuple[Diagnosis, ...]] = field(default_factory=dict)  # rules that ask for checks
    diagnosed: dict[RuleId, tuple[Status | None, ...]] = field(
        default_factory=dict
    )  # what they were told last
    courses: dict[RuleId, None] = field(default_factory=dict)  # rules that are at their steps, in order
    interrupted: dict[RuleId, list[ActuatorId]] = field(
        default_factory=dict
    )  # by the end of the last process
    escalating: dict[RuleId, None] = field(default_factory=dict)  # rules that say what follows a failure
    escalated: dict[RuleId, Escalated] = field(default_factory=dict)
    left_on: dict[RuleId, list[ActuatorId]] = field(default_factory=dict)  # by failovers of the last process
    settled: dict[RuleId, dict[str, float]] = field(default_factory=dict)  # see engine/toggle
    wishes: dict[ActuatorId, dict[str, Wish]] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    stops: dict[Scope, Standing] = field(default_factory=dict)
    journal_problem: str = ""
    alarms: Alarms = field(default_factory=Alarms)
    kept_out: tuple[int, str] = (0, "")  # addresses that may not sign in, and the newest of them
    chronicle: Chronicle = field(default_factory=Chronicle)
    guards: dict[SeriesId, list[ActuatorId]] | None = (
        None  # who is looked at when a series changes; None: to be made
    )
    closing: bool = False
    discovered: deque[Instant] = field(default_factory=deque)
    link: LinkState = field(default_factory=LinkState)
    due: Deadlines[Due] = field(default_factory=Deadlines)
    counters: Counter[str] = field(default_factory=Counter)
    malformed_by_code: Counter[str] = field(default_factory=Counter)
    planner: Planner | None = None
    boards: dict[NodeId, NodeId] = field(default_factory=dict)  # board that speaks → node it stands for
    subzone_names: dict[tuple[NodeId, str], str] = field(default_factory=dict)
    requests: dict[str, deque[Request]] = field(default_factory=dict)
    slots: dict[SeriesId, Slot] = field(default_factory=dict)  # of scheduled series, as declared
    announced: int | None = None
    broadcast_id: str = ""  # of the last stop that went to all
    troubles: dict[tuple[str, str], Trouble] = field(default_factory=dict)
    malformed: deque[Malformed] = field(default_factory=lambda: deque(maxlen=KEPT_MALFORMED))

    # ── what rules may ask ─────────────────────────────────────────────────────────────────────────────
    def bound(self, series: SeriesId) -> SensorState | None:
        """The sensor a rule means. Without a bus address it is the only one on that pin, or nobody."""
        if (sensor := self.sensors.get(series)) is not None:
            return sensor
        candidates = self.bindings.get(series, ())
        return self.sensors[candidates[0]] if len(candidates) == 1 else None

    def latest(self, series: SeriesId, least: Quality | None = None) -> Reading | None:
        """Newest usable reading, or the newest one at least that good."""
        sensor = self.sensors.get(series) or self.bound(series)  # asked for every rule that a reading wakes
        if sensor is None:
            return None
        return sensor.usable if least is None else sensor.at_least(least)

    def freshness(self, series: SeriesId, now: Instant, least: Quality | None = None) -> Freshness:
        """Against the newest usable reading, or the newest one at least that good."""
        sensor = self.sensors.get(series) or self.bound(series)
        if sensor is None:
            return Freshness.NEVER
        reading = sensor.usable if least is None else sensor.at_least(least)
        return Freshness.NEVER if reading is None else self.age_class(sensor, reading, now)

    def check(self, check: Check, asks: RuleId, now: Instant) -> Status | None:
        """What a check finds; None while nobody knows."""
        return checks.status(self, check, asks, now)

    def heard_at(self, series: SeriesId) -> Instant | None:
        """When a value of it came last."""
        sensor = self.bound(series)
        return None if sensor is None else sensor.heard_at

    def age_class(self, sensor: SensorState, reading: Reading, now: Instant) -> Freshness:
        """Fresh for most of the allowed age, late until all of it; offline with its node; paused whatever its age."""
        if sensor.mode == "paused":
            return Freshness.PAUSED
        node = self.nodes.get(sensor.id.node)
        if node is not None and node.online is False:
            return Freshness.OFFLINE
        age, allowed = now - reading.received_at, self.allowed_age(sensor, reading.received_at)
        if age >= allowed:
            return Freshness.STALE
        if sensor.mode == "scheduled":
            punctual = allowed - sensor.stale_after
        else:
            punctual = allowed if sensor.mode == "on_demand" else allowed * 2 // 3
        return Freshness.LATE if age > punctual else Freshness.FRESH

    def allowed_age(self, sensor: SensorState, received_at: Instant) -> Duration:
        """When what was received then is stale; one that is scheduled may wait for its next time besides."""
        spec = sensor.spec
        if spec is None or spec.schedule is None:
            return sensor.stale_after
        return next_due(spec.schedule, self.timezone, received_at) - received_at + sensor.stale_after

    def mode_of(self, spec: SensorSpec) -> Mode:
        """As the site says, or as is usual for the type."""
        return spec.mode or self.catalogue.types[spec.type].mode

    def adc_of(self, series: SeriesId, spec: SensorSpec | None) -> tuple[Adc, str]:
        """What a probe is read by and who says so: whatever the board, the wire's raw counts are those of its own."""
        if spec is not None and spec.adc is not None:
            return spec.adc, "site"
        made = None if spec is None else spec.calibration
        if made is not None and made.adc is not None:
            return made.adc, "calibration"
        node = self.nodes.get(series.node)
        return OWN_ADC, "wire" if node is None or node.board is None else "board"

    def interval_of(self, spec: SensorSpec) -> int:
        """In seconds, as the site says, or as is usual for the type."""
        return spec.interval_s or self.catalogue.types[spec.type].interval_s

    def name_of(self, thing: str) -> str:
        """What people call it; the id when it has no name."""
        names: Mapping[Any, ActuatorState] = self.actuators
        if (actuator := names.get(thing)) is not None:
            return actuator.spec.name or thing
        if thing.count("/") == 2 and (sensor := self.bound(SeriesId.parse(thing))) is not None:
            return sensor_name(sensor)
        rules: Mapping[Any, RuleState] = self.rules
        if (rule := rules.get(thing)) is not None:
            return rule.rule.name
        if (refused := self.refused.get(RuleId.known(thing))) is not None:
            return refused.name
        if thing.endswith(":failover"):
            return f"{self.name_of(thing.removesuffix(':failover'))} (failover)"
        nodes: Mapping[Any, NodeState] = self.nodes
        return nodes[thing].name or thing if thing in nodes else thing

    def unit_of(self, series: str) -> str:
        """The unit of a series; of one that is made of others, theirs."""
        made = self.derived.get(SeriesId.known(series))
        if made is not None and made.kind in OF_ONE_UNIT:
            series = made.inputs[0]
        known = SeriesId.known(series)
        return self.catalogue.types[known.sensor_type].unit if series.count("/") == 2 else ""

    @property
    def stop(self) -> Stop:
        """The one that covers everything."""
        standing = self.stops.get(ALL)
        return Stop() if standing is None else standing.stop

    def zone_of(self, actuator: ActuatorId) -> str | None:
        """Its own zone, or its node's."""
        known, node = self.actuators.get(actuator), self.nodes.get(actuator.node)
        own = None if known is None else known.spec.zone
        return own or (None if node is None else node.zone)

    # ── what safety may ask ────────────────────────────────────────────────────────────────────────────
    def stopped(self, actuator: ActuatorId) -> str | None:
        """Why the stop forbids energising it. A closing controller stops, too: nobody would end a lease."""
        if self.closing:
            return "the controller is closing"
        for standing in self.stops.values():
            if standing.covers(actuator, self.zone_of(actuator)) and standing.forbids(actuator):
                return standing.why
        return None

    @property
    def link_up(self) -> bool:
        """Is the broker there?"""
        return self.link.up

    def spec(self, actuator: ActuatorId) -> ActuatorSpec | None:
        """Its spec."""
        state = self.actuators.get(actuator)
        return None if state is None else state.spec

    def node(self, node: NodeId) -> NodeView | None:
        """As safety sees it."""
        state = self.nodes.get(node)
        if state is None:
            return None
        # Old firmware cannot be told another limit, newer was told ours when it has confirmed its configuration.
        told = state.modern and bool(state.confirmed.config)
        limit = None if told else FIRMWARE_LIMIT_S
        return NodeView(node, state.status == "approved", state.online, state.modern, state.adopting, limit)

    def on_since(self, actuator: ActuatorId) -> Instant | None:
        """Since when it is away from its safe value."""
        state = self.actuators.get(actuator)
        return None if state is None or state.lease is None else state.lease.since

    def node_stopped(self, node: NodeId) -> str | None:
        """Why nothing of a node may be energised; until the last of its actuators is released."""
        mine = [actuator for actuator in self.actuators if actuator.node == node]
        reasons = [reason for actuator in mine if (reason := self.stopped(actuator)) is not None]
        if reasons or mine:
            return reasons[0] if reasons else None
        if self.closing:
            return "the controller is closing"
        mine_too = (
            ("all", ""),
            ("node", node),
            ("zone", self.nodes[node].zone if node in self.nodes else None),
        )
        return next((s.why for s in self.stops.values() if (s.scope.kind, s.scope.name) in mine_too), None)

    def away(self, node: NodeId) -> tuple[ActuatorId, ...]:
        """Actuators of a node that have not reported their safe value, or have a lease."""
        return tuple(a.id for a in self.actuators.values() if a.id.node == node and (a.lease or not a.safe))

    def history(self, actuator: ActuatorId) -> OnHistory:
        """When it was on, the present run included."""
        state = self.actuators[actuator]
        if state.lease is None:
            return state.history
        return replace(state.history, since=state.lease.since, stopping=state.owed)

    def rivals(self, actuator: ActuatorId) -> tuple[Rival, ...]:
        """Others that must not be on together with it."""
        groups = set(self.actuators[actuator].spec.interlocks)
        found = ((a, groups.intersection(a.spec.interlocks)) for a in self.actuators.values() if groups)
        return tuple(
            Rival(a.spec.name or a.id, min(shared), a.away or a.safe is None, a.history.off_at)
            for a, shared in found
            if shared and a.id != actuator
        )

    def pin_problem(self, actuator: ActuatorId) -> str | None:
        """Why its node's board cannot drive it."""
        node = self.nodes.get(actuator.node)
        specs = (a.spec for a in self.actuators.values())
        board, sensors = None if node is None else node.board, self.sensor_specs.values()
        return pin_problem(actuator, board, sensors, specs, self.catalogue)

    def held(self, actuator: ActuatorId) -> Taken | None:
        """The person's hold."""
        wish = self.wishes.get(actuator, {}).get(PERSONS)
        return None if wish is None or wish.until is None else Taken(wish.who, wish.until)

    def service(self, actuator: ActuatorId) -> Taken | None:
        """Its service mode."""
        return self.actuators[actuator].service

    def kaiser_of(self, node: NodeId | None) -> KaiserId:
        """Under which id a node listens."""
        state = None if node is None else self.nodes.get(node)
        return self.kaiser if state is None else state.kaiser

    # ── what the shell may ask ─────────────────────────────────────────────────────────────────────────
    def still_wanted(self, command: str) -> bool:
        """May a command that could not be published be tried once more? Not when a newer word has replaced it.

        A stop goes on wanting as long as it is active, the release of a node only while no stop covers it.
        """
        if command in self.pending:
            return True
        if command and command == self.broadcast_id:
            return self.stop.phase is Phase.ACTIVE
        for node in self.nodes.values():
            if command and command in (node.halt_id, node.release_id):
                return self._stopped_by_us(node.id) is (command == node.halt_id)
        return False

    def _stopped_by_us(self, node: NodeId) -> bool:
        mine = [actuator for actuator in self.actuators if actuator.node == node]
        active = [standing for standing in self.stops.values() if standing.stop.phase is Phase.ACTIVE]
        return any(standing.covers(a, self.zone_of(a)) for standing in active for a in mine)

    # ── bookkeeping ────────────────────────────────────────────────────────────────────────────────────
    def add_sensor(self, series: SeriesId) -> SensorState:
        """A series heard of for the first time."""
        sensor = self.sensors[series] = SensorState(series, None, self.catalogue.types[series.sensor_type])
        self.describe(sensor)
        if series.bare != series:
            self.bindings.setdefault(series.bare, []).append(series)
        return sensor

    def describe(self, sensor: SensorState) -> None:
        """What the site says of a series; it may say so without the address."""
        spec = self.sensor_specs.get(sensor.id) or self.sensor_specs.get(sensor.id.bare)
        if _now(spec) != _now(sensor.spec):  # another calibration gives other values
            sensor.signal, sensor.smoothed = NOTHING_KNOWN, EMPTY
        sensor.spec = spec
        sensor.mode = "continuous" if spec is None else self.mode_of(spec)
        made = self.derived.get(sensor.id)
        sensor.title = made.name if made is not None else "" if spec is None else spec.name
        stated = None if spec is None else spec.stale_after_s
        sensor.stale_after = round((stated or sensor.row.stale_s) * SECOND)

    def made_from(self, series: SeriesId) -> list[DerivedSpec]:
        """What is made of a series, named by its full id or without its address."""
        return [made for made in self.derived.values() if {series, series.bare}.intersection(made.inputs)]

    def set_rules(self, rules: tuple[Rule, ...]) -> None:
        """Replace all rules; one that stays the same keeps its memory, one of the same id when it began."""
        old, self.rules, self.readers, self.touching = self.rules, {}, {}, {}
        self.diagnosing, self.diagnosed = {r.id: asked for r in rules if (asked := diagnoses(r))}, {}
        self.escalating = {rule.id: None for rule in rules if rule.escalation is not None}
        for rule in rules:
            kept = old.get(rule.id)
            self.rules[rule.id] = state = (
                kept if kept is not None and kept.rule == rule else _changed(kept, rule)
            )
            state.quiet = ((), "")  # names may be others now
            for series in series_of(rule.when):
                self.readers.setdefault(series, []).append(rule.id)
            for node in sorted(nodes_of(rule.when) | {turn.actuator.node for turn in rule.actions}):
                self.touching.setdefault(node, []).append(rule.id)

    def rules_reading(self, series: SeriesId) -> list[RuleId]:
        """Rules that look at a series, by its full id or without its address."""
        bare = series.bare
        return [*self.readers.get(series, ()), *(self.readers.get(bare, ()) if bare != series else ())]


def _changed(old: RuleState | None, rule: Rule) -> RuleState:
    """A new document of a rule is no way past its cooldown, which is from now on as the new one says."""
    new = RuleState(rule)
    if old is not None and old.memory.started is not None:
        new.memory.started, new.starts = old.memory.started, old.starts
        new.ready_at = old.ready_at - old.rule.cooldown + rule.cooldown
    return new


def _now(spec: SensorSpec | None) -> SensorSpec | None:
    """Without what will count later."""
    return (
        spec
        if spec is None or not spec.calibrations_later
        else spec.model_copy(update={"calibrations_later": ()})
    )


def sensor_name(sensor: SensorState) -> str:
    """The declared name, or what it measures and where."""
    if sensor.title:
        return sensor.title
    address = f" {sensor.id.address}" if sensor.id.address else ""
    return f"{sensor.row.label} {sensor.id.node}/{sensor.id.gpio}{address}"


def from_site(site: Site, catalogue: Catalogue = BUILT_IN) -> State:
    """A state with everything the site declares, nothing heard yet."""
    state = State(site.kaiser_id, site.timezone, catalogue=catalogue)  # type: ignore[arg-type]  # parsed by the model
    state.position = site.position
    state.zones = {zone.id: zone.name or zone.id for zone in site.zones}
    state.cycles = {zone.id: zone.cycles for zone in site.zones if zone.cycles}
    for node in site.nodes:
        status: NodeStatus = "approved" if node.approved else "pending"
        node_id = NodeId.parse(node.id)
        known = NodeState(node_id, state.kaiser, status, node.name, node.zone)
        known.board, known.master_zone, known.declared = node.board, node.master_zone, True
        state.nodes[node_id] = known
    for subzone in site.subzones:
        state.subzone_names[NodeId.parse(subzone.node), subzone.id] = subzone.name or subzone.id
    for declared in site.sensors:
        spec = declared.model_copy(update={"type": catalogue.canonical(declared.type)})
        state.sensor_specs[spec.series] = spec
    state.derived = {made.series: made for made in site.derived}
    for actuator in site.actuators:
        state.actuators[actuator.id] = ActuatorState(actuator.id, actuator)
    return state


@dataclass(slots=True)
class Kept:
    """A trace that is to be kept when its event has been handled, see engine/tracing."""

    kind: str
    rule: RuleId
    truth: Truth
    acting: bool
    trace: Trace | None
    note: str
    state: RuleState | None  # None: no such rule any more


@dataclass(slots=True)
class Moment:
    """The handling of one event: the state, the time, the event's number, and the effects so far."""

    state: State
    now: Instant
    seq: int
    effects: list[Effect] = field(default_factory=list)
    ordinal: int = 0
    kept: list[Kept] = field(default_factory=list)

    def emit(self, effect: Effect) -> None:
        """Ask the shell for something."""
        self.effects.append(effect)

    def tell(self, kind: str, thing: str = "") -> None:
        """People look at this: it changed."""
        self.effects.append(Tell(kind, thing))

    def new_id(self, kind: str) -> str:
        """Derived from run and event number: a replay makes the same ids, a restart never repeats one."""
        self.ordinal += 1
        return f"{kind}{self.state.run}-{self.seq}-{self.ordinal}"
