"""The same farm without await, for scripts and threads: `with godkaiser.blocking.connect() as farm: …`.

Each connection has a loop thread of its own, so it works beside a running loop, too. Names, parameters,
results and errors are those of `godkaiser.connect`; a test compares them. Ctrl-C interrupts any call.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import wait
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from godkaiser.errors import GodkaiserError
from godkaiser.frames import at_least, in_zone, need_pandas, one_frame, table_frame, wide_frame
from godkaiser.handles import alarms, calibrate, deeds
from godkaiser.handles import statistics as past
from godkaiser.handles.alarms import Alarms
from godkaiser.handles.bar import Bar
from godkaiser.handles.cycles import cycles_frame, listed
from godkaiser.handles.deeds import Document, Span, When
from godkaiser.handles.doors_plain import Accounts, Blocks, Tokens
from godkaiser.handles.export import frame_of, write_parquet
from godkaiser.handles.line import Line, told
from godkaiser.handles.looks import FarmLook, Table
from godkaiser.handles.paging import CHUNK
from godkaiser.handles.places import ActuatorLook, SensorLook
from godkaiser.handles.said import Probe
from godkaiser.handles.tell import Follower, Sieve
from godkaiser.handles.thing import NodeLook, RuleLook
from godkaiser.handles.values import Chain, Change, Outcome, Reading, Stop
from godkaiser.handles.whynot import WhyNot
from godkaiser.kaiser.connect import DRAW_EVERY
from godkaiser.kaiser.opening import make_line, make_reader
from godkaiser.model.scope import reach

if TYPE_CHECKING:
    from pandas import DataFrame

    from godkaiser.model.calibration import Calibration
    from godkaiser.sensors.points import Given


class Node(NodeLook):
    """A board with sensors and actuators."""

    def ask(self, command: str, **params: Any) -> dict[str, Any]:
        """Ask it something that moves nothing, and give its answer; see `godkaiser.Node.ask`."""
        return self._line.waited(deeds.ask_node, self._line, self.id, command, params)

    def stop(self, reason: str = "") -> Stop:
        """Software stop of this node alone."""
        return self._line.waited(deeds.stop, self._line, reason, f"node:{self.id}")

    def clear(self, force: bool = False) -> Stop:
        """Lift this node's own stop."""
        return self._line.waited(deeds.clear, self._line, force, f"node:{self.id}")

    def scan(self, pin: int | None = None) -> tuple[Probe, ...]:
        """The probes on a one-wire bus; see `godkaiser.Node.scan`."""
        return self._line.waited(deeds.scan, self._line, self.id, pin)


class Sensor(SensorLook):
    """What is measured in one place."""

    def measure(self, within: Span = "5s") -> Reading:
        """Have it read now and give its new reading; see `godkaiser.Sensor.measure`."""
        return self._line.waited(deeds.measure, self._line, self.id, within)

    def calibrate(
        self,
        points: Sequence[Given],
        method: str | None = None,
        gain: float | None = None,
        raw_mode: bool = True,
        valid_from: When | None = None,
        dry_run: bool = False,
    ) -> Calibration:
        """Fit a calibration to reference points; see `godkaiser.Sensor.calibrate`."""
        how = calibrate.fitting(method, gain, raw_mode)
        return self._line.waited(calibrate.calibrate, self._line, self.id, points, how, valid_from, dry_run)

    def calibrations(self) -> tuple[Calibration, ...]:
        """Every version of its calibration; see `godkaiser.Sensor.calibrations`."""
        return self._line.waited(calibrate.calibrations, self._line, self.id)

    def undo_calibration(self) -> Calibration | None:
        """Take the newest calibration back; see `godkaiser.Sensor.undo_calibration`."""
        return self._line.waited(calibrate.undo, self._line, self.id)

    def follow(self, limit: int | None = None) -> Iterator[Reading]:
        """New readings as they come; see `godkaiser.Sensor.follow`."""
        follower = Follower(self, limit)
        queue = self._line.waited(deeds.listen, self._line)
        try:
            while not follower.done:
                if (reading := follower.take(self._line.waited(deeds.heard, queue))) is not None:
                    yield reading
        finally:
            self._line.forget(queue)


class Actuator(ActuatorLook):
    """What can be moved."""

    def set(
        self,
        value: float,
        within: Span = "15s",
        duration: Span | None = None,
        hold: Span | None = None,
    ) -> Outcome:
        """Ask for `value` (0..1) and wait for the node's word; see `godkaiser.Actuator.set`."""
        return self._line.waited(deeds.set_level, self._line, self.id, value, within, duration, hold)

    def off(self, within: Span = "15s") -> Outcome:
        """Set it to 0; see `godkaiser.Actuator.off`."""
        return self._line.waited(deeds.set_level, self._line, self.id, 0.0, within, None, None)

    def release(self) -> None:
        """End a person's hold before its time; see `godkaiser.Actuator.release`."""
        self._line.waited(deeds.release, self._line, self.id)

    def why(self) -> Chain:
        """What it does and the chain that led there."""
        return self._line.waited(deeds.why, self._line, self.id)


class Rule(RuleLook):
    """A rule, and what it concluded last."""

    def why_not(self, at: When | None = None) -> WhyNot:
        """What would make it act; see `godkaiser.Rule.why_not`."""
        return self._line.waited(deeds.why_not, self._line, self.id, at)


class Rules(Table[Rule]):
    """The rules; changing them needs the right to."""

    def check(self, documents: Document | Iterable[Document]) -> list[str]:
        """Each rule document as a sentence; see `godkaiser.Rules.check`."""
        return self._line.waited(deeds.check_rules, self._line, documents)

    def import_(self, documents: Document | Iterable[Document]) -> list[str]:
        """Take over rule documents, all or none; see `godkaiser.Rules.import_`."""
        return self._line.waited(deeds.import_rules, self._line, documents)

    def enable(self, rule: str) -> None:
        """Switch a rule on; see `godkaiser.Rules.enable`."""
        self._line.waited(deeds.switch_rule, self._line, rule, True)

    def remove(self, rule: str) -> None:
        """Take a rule out for good; see `godkaiser.Rules.remove`."""
        self._line.waited(deeds.remove_rule, self._line, rule)

    def disable(self, rule: str) -> None:
        """Switch a rule off; see `godkaiser.Rules.disable`."""
        self._line.waited(deeds.switch_rule, self._line, rule, False)

    def export(self) -> list[dict[str, Any]]:
        """Every rule as it is stored; see `godkaiser.Rules.export`."""
        return self._line.waited(deeds.export_rules, self._line)


class Farm(FarmLook[Node, Sensor, Actuator]):
    """A connected farm. Made by `godkaiser.blocking.connect(…)`."""

    _node_kind = Node
    _sensor_kind = Sensor
    _actuator_kind = Actuator

    @property
    def rules(self) -> Rules:
        """The rules."""
        return Rules(self._line, Rule)

    @property
    def accounts(self) -> Accounts:
        """The accounts of people."""
        return Accounts(self._line)

    @property
    def tokens(self) -> Tokens:
        """The API tokens of programs."""
        return Tokens(self._line)

    @property
    def blocks(self) -> Blocks:
        """Addresses that are kept out."""
        return Blocks(self._line)

    def history(
        self,
        sensors: str | Sensor | Sequence[str | Sensor],
        since: When = "-24h",
        until: When | None = None,
        every: Span | None = None,
        quality: str | None = None,
        *,
        cycle: str | None = None,
        tz: str = "UTC",
    ) -> DataFrame:
        """Stored readings as a pandas frame; see `godkaiser.Farm.history`."""
        need_pandas()
        at_least(quality)
        ids, alone = self._ids(sensors)
        how = deeds.How(deeds.bucket(every), deeds.zone(tz), quality)
        found = self._line.waited(deeds.fetch, self._line, ids, (since, until), cycle, how)
        make = partial(one_frame, found[0]) if alone else partial(wide_frame, found)
        return in_zone(make(how.every, quality), how.tz)

    def iter_history(
        self,
        sensor: str | Sensor,
        since: When = "-24h",
        until: When | None = None,
        every: Span | None = None,
        quality: str | None = None,
        *,
        tz: str = "UTC",
        chunk: int = CHUNK,
    ) -> Iterator[DataFrame]:
        """History in frames of at most `chunk` rows; see `godkaiser.Farm.iter_history`."""
        need_pandas()
        at_least(quality)
        paging = self._paging(sensor, (since, until), every, quality, (tz, chunk))
        while (stretch := self._line.waited(paging.following, self._line)) is not None:
            if len(frame := frame_of(stretch, paging, quality)):
                yield frame

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        sensor: str | Sensor,
        since: When = "-24h",
        until: When | None = None,
        every: Span | None = None,
        quality: str | None = None,
        *,
        tz: str = "UTC",
    ) -> int:
        """Write history into a Parquet file; see `godkaiser.Farm.to_parquet`."""
        paging = self._paging(sensor, (since, until), every, quality, (tz, CHUNK))
        return write_parquet(self._line, path, paging, quality)

    def cycles(self) -> DataFrame:
        """What grows and has grown; see `godkaiser.Farm.cycles`."""
        need_pandas()
        return cycles_frame(self._line.waited(listed, self._line))

    def statistics(
        self,
        actuators: str | Actuator | Sequence[str | Actuator] | None = None,
        since: When = "-7d",
        until: When | None = None,
        every: Span | None = None,
    ) -> DataFrame:
        """What actuators did, as a pandas frame; see `godkaiser.Farm.statistics`."""
        need_pandas()
        step, span = deeds.bucket(every), deeds.span_of(since, until)
        ids = self._actuator_ids(actuators)
        return past.statistics_frame(self._line.waited(past.account, self._line, ids, span, step), step)

    def stop(self, reason: str = "", *, node: str | None = None, zone: str | None = None) -> Stop:
        """Software stop; see `godkaiser.Farm.stop`."""
        return self._line.waited(deeds.stop, self._line, reason, reach(node, zone))

    def clear(self, force: bool = False, *, node: str | None = None, zone: str | None = None) -> Stop:
        """Lift the stop; see `godkaiser.Farm.clear`."""
        return self._line.waited(deeds.clear, self._line, force, reach(node, zone))

    def alarms(self) -> Alarms:
        """The alarms that stand; see `godkaiser.Farm.alarms`."""
        return self._line.waited(alarms.standing, self._line)

    def alarm_history(self, since: When = "-7d", until: When | None = None) -> DataFrame:
        """Every step of every alarm as a pandas frame; see `godkaiser.Farm.alarm_history`."""
        need_pandas()
        span = deeds.span_of(since, until)
        return alarms.history_frame(self._line.waited(alarms.history, self._line, span))

    def decisions(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """What rules concluded; see `godkaiser.Farm.decisions`."""
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(self._line.waited(deeds.listed, self._line, "decisions", span), deeds.DECISIONS)

    def commands(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """Every step of every command; see `godkaiser.Farm.commands`."""
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(self._line.waited(deeds.listed, self._line, "commands", span), deeds.COMMANDS)

    def heartbeats(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """What nodes said of themselves; see `godkaiser.Farm.heartbeats`."""
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(self._line.waited(deeds.listed, self._line, "heartbeats", span), deeds.HEARTBEATS)

    def notices(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """What rules told people; see `godkaiser.Farm.notices`."""
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(self._line.waited(deeds.listed, self._line, "notices", span), deeds.NOTICES)

    def audit(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """Who did what; see `godkaiser.Farm.audit`."""
        need_pandas()
        span = deeds.span_of(since, until)
        return deeds.audit_frame(self._line.waited(deeds.listed, self._line, "audit", span))

    def approve(self, node: str) -> None:
        """Let a pending node take part."""
        self._line.waited(deeds.decide_node, self._line, node, True)

    def reject(self, node: str) -> None:
        """Keep a node out."""
        self._line.waited(deeds.decide_node, self._line, node, False)

    def changes(self, kind: str | None = None, zone: str | None = None) -> Iterator[Change]:
        """A snapshot, then what changes, for ever; see `godkaiser.Farm.changes`."""
        sieve = Sieve(kind, zone)
        queue = self._line.waited(deeds.listen, self._line)
        try:
            yield Change("snapshot", "", self._line.mirror.whole())
            while True:
                change = self._line.waited(deeds.heard, queue)
                if sieve.lets(change):
                    yield Change(change["kind"], change["id"], change["data"])
        finally:
            self._line.forget(queue)

    def close(self) -> None:
        """End the connection. May be called again."""
        owner = self._line.owner
        owner.leave()
        owner.ended.result()
        owner.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(target: str | os.PathLike[str] | None = None, *, token: str | None = None) -> Farm:
    """Connect and wait until it is there; targets and errors as for `godkaiser.connect`."""
    line = make_line(target, token)
    farm = Farm(line)
    line.owner.start()
    _opened(line)
    return farm


def open(database_url: str) -> Farm:  # noqa: A001 - as people say it: godkaiser.blocking.open(…)
    """Look at a database without controller or broker; see `godkaiser.open`."""
    line = make_reader(database_url)
    farm = Farm(line)
    line.owner.start()
    _opened(line)
    return farm


def _opened(line: Line) -> None:
    owner, bar = line.owner, Bar(line.owner.progress)
    try:
        while not owner.opened.done():
            wait([owner.opened], DRAW_EVERY)
            bar.draw()
        owner.opened.result()
    except GodkaiserError as error:
        raise told(error) from error.__cause__
    finally:
        bar.close()
        if not owner.opened.done():
            owner.leave()
