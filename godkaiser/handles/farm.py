"""The awaitable face of a farm. What only looks is sync (looks.py); what does is awaited.

`godkaiser.blocking` is the same without await; a test compares both.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from godkaiser.frames import at_least, in_zone, need_pandas, one_frame, table_frame, wide_frame
from godkaiser.handles import alarms, calibrate, deeds
from godkaiser.handles import statistics as past
from godkaiser.handles.alarms import Alarms
from godkaiser.handles.cycles import cycles_frame, listed
from godkaiser.handles.deeds import Document, Span, When
from godkaiser.handles.doors import Accounts, Blocks, Tokens
from godkaiser.handles.export import frame_of, parquet_written
from godkaiser.handles.looks import FarmLook, Table
from godkaiser.handles.paging import CHUNK
from godkaiser.handles.places import ActuatorLook, SensorLook
from godkaiser.handles.said import Probe
from godkaiser.handles.tell import Follower, Sieve
from godkaiser.handles.thing import NodeLook, RuleLook
from godkaiser.handles.values import Chain, Change, Outcome, Reading, Stop
from godkaiser.handles.whynot import WhyNot
from godkaiser.model.scope import reach

if TYPE_CHECKING:
    from pandas import DataFrame

    from godkaiser.model.calibration import Calibration
    from godkaiser.sensors.points import Given


class Node(NodeLook):
    """A board with sensors and actuators."""

    async def ask(self, command: str, **params: Any) -> dict[str, Any]:
        """Ask it something that moves nothing, and give its answer, in its own words.

        `command`: `status`, `diagnostics`, `get_config`, `set_log_level` (with `level` DEBUG, INFO, WARNING,
        ERROR or CRITICAL), `onewire/scan` (with `pin`; easier with `scan`) or `set_emergency_token` (with
        `token`, 1..64 bytes, and `token_type` esp or broadcast). Waits up to ten seconds, longer when others
        have asked the same node before.

        Raises `NodeRefusedError` when the node says no or cannot be asked now, `NodeSilentError` when it does
        not answer in time, `InvalidValueError`, `ForbiddenError`, `ControllerGoneError`.
        """
        return await self._line.awaited(deeds.ask_node, self._line, self.id, command, params)

    async def stop(self, reason: str = "") -> Stop:
        """Software stop of this node alone; see `Farm.stop`."""
        return await self._line.awaited(deeds.stop, self._line, reason, f"node:{self.id}")

    async def clear(self, force: bool = False) -> Stop:
        """Lift this node's own stop; see `Farm.clear`."""
        return await self._line.awaited(deeds.clear, self._line, force, f"node:{self.id}")

    async def scan(self, pin: int | None = None) -> tuple[Probe, ...]:
        """The probes on a one-wire bus, at most ten; without `pin` on the board's own. Raises like `ask`."""
        return await self._line.awaited(deeds.scan, self._line, self.id, pin)


class Sensor(SensorLook):
    """What is measured in one place."""

    async def measure(self, within: Span = "5s") -> Reading:
        """Have it read now, on demand or paused too, and give its new reading (then also `latest`).

        `within`, 1 ms to 60 s of the controller's time, is what the node is given for it; the answer may take
        five seconds more, and longer when others have asked the same node before. Spans are `"5s"`, a
        timedelta or seconds.

        Raises `NodeRefusedError` when the node could not measure, sent no new reading of this sensor or cannot
        be asked now, `NodeSilentError` when it does not answer in time, `InvalidValueError`,
        `ForbiddenError`, `ControllerGoneError`.
        """
        return await self._line.awaited(deeds.measure, self._line, self.id, within)

    async def calibrate(
        self,
        points: Sequence[Given],
        method: str | None = None,
        gain: float | None = None,
        raw_mode: bool = True,
        valid_from: When | None = None,
        dry_run: bool = False,
    ) -> Calibration:
        """Fit a calibration to reference points and have it count for new readings from now or `valid_from` on.

        Points are `{"raw": 2150, "value": 7.0, "temperature_c": 25}` or, of soil moisture,
        `{"raw": 2800, "role": "dry"}`; how they are fitted, and what `method`, `gain` and `raw_mode` mean, says
        `godkaiser.calibration.fit`, which is the same without a farm. The ADC is the declared one. `dry_run` only
        fits.

        Raises `CalibrationError` naming the field and what helps, `ForbiddenError`, `InvalidValueError`,
        `UnknownSensorError`, `ControllerGoneError`.
        """
        how = calibrate.fitting(method, gain, raw_mode)
        return await self._line.awaited(
            calibrate.calibrate, self._line, self.id, points, how, valid_from, dry_run
        )

    async def calibrations(self) -> tuple[Calibration, ...]:
        """Every version of its calibration, oldest first, those that were undone, too (`undone_at`)."""
        return await self._line.awaited(calibrate.calibrations, self._line, self.id)

    async def undo_calibration(self) -> Calibration | None:
        """Take the newest calibration back; gives the one that counts instead, None when there is none.

        Stored readings keep the values and the version that made them. Raises like `calibrate`.
        """
        return await self._line.awaited(calibrate.undo, self._line, self.id)

    async def follow(self, limit: int | None = None) -> AsyncGenerator[Reading, None]:
        """New readings as they come, `limit` of them or for ever.

        Shows what the change feed shows: of readings that come faster than ten a second the newest. For every
        single one use `farm.history`. Raises `FarmClosedError` when the farm is closed meanwhile.
        """
        follower = Follower(self, limit)
        queue = await self._line.awaited(deeds.listen, self._line)
        try:
            while not follower.done:
                change = await self._line.awaited(deeds.heard, queue)
                if (reading := follower.take(change)) is not None:
                    yield reading
        finally:
            self._line.forget(queue)


class Actuator(ActuatorLook):
    """What can be moved."""

    async def set(
        self,
        value: float,
        within: Span = "15s",
        duration: Span | None = None,
        hold: Span | None = None,
    ) -> Outcome:
        """Ask for `value` (0..1) and wait for the node's word.

        `within`: how long to wait, in real time. `duration`: at most this long, then back to the safe value
        (a bound of the actuator's own may be shorter). `hold`: rules leave it alone this long (default: the
        duration, else 15 min). Spans are `"5s"`, a timedelta or seconds.

        Raises `CommandRefusedError` with every finding of the safety gate, `AckTimeoutError` when the node
        does not answer in time (its state is then unknown), `CommandFailedError`, `LinkDownError`,
        `ForbiddenError`, `InvalidValueError`, `ControllerGoneError`.
        """
        return await self._line.awaited(deeds.set_level, self._line, self.id, value, within, duration, hold)

    async def off(self, within: Span = "15s") -> Outcome:
        """Set it to 0. Going off is always admissible. Raises like `set`."""
        return await self._line.awaited(deeds.set_level, self._line, self.id, 0.0, within, None, None)

    async def release(self) -> None:
        """End a person's hold before its time: rules decide again, at once. Nothing happens where nobody holds it.

        Raises `ForbiddenError`, `ControllerGoneError`.
        """
        await self._line.awaited(deeds.release, self._line, self.id)

    async def why(self) -> Chain:
        """What it does and the chain that led there. Raises `ControllerGoneError`."""
        return await self._line.awaited(deeds.why, self._line, self.id)


class Rule(RuleLook):
    """A rule, and what it concluded last."""

    async def why_not(self, at: When | None = None) -> WhyNot:
        """What would make it act: the nearest flip of its condition, and all that stands in its way.

        With `at` what was stored of it last before that time, and how old it was then; nothing is evaluated anew.
        Raises `UnknownRuleError` when the rule is no longer there, `InvalidValueError`, `ControllerGoneError`.
        """
        return await self._line.awaited(deeds.why_not, self._line, self.id, at)


class Rules(Table[Rule]):
    """The rules; changing them needs the right to."""

    async def check(self, documents: Document | Iterable[Document]) -> list[str]:
        """Each rule document as a sentence, nothing changed. Raises `DocumentError`."""
        return await self._line.awaited(deeds.check_rules, self._line, documents)

    async def import_(self, documents: Document | Iterable[Document]) -> list[str]:
        """Take over rule documents, all or none; gives their ids. Raises `DocumentError`."""
        return await self._line.awaited(deeds.import_rules, self._line, documents)

    async def enable(self, rule: str) -> None:
        """Switch a rule on, by id or name. It stays so over restarts. Raises `UnknownRuleError`, `ForbiddenError`."""
        await self._line.awaited(deeds.switch_rule, self._line, rule, True)

    async def disable(self, rule: str) -> None:
        """Switch a rule off: it decides nothing, what it wanted is withdrawn. Raises like `enable`."""
        await self._line.awaited(deeds.switch_rule, self._line, rule, False)

    async def remove(self, rule: str) -> None:
        """Take a rule out for good, also one that is stored and refused. Raises like `enable`."""
        await self._line.awaited(deeds.remove_rule, self._line, rule)

    async def export(self) -> list[dict[str, Any]]:
        """Every rule as it is stored: a document that `import_` takes, unless it is refused."""
        return await self._line.awaited(deeds.export_rules, self._line)


class Farm(FarmLook[Node, Sensor, Actuator]):
    """A connected farm. Made by `await godkaiser.connect(…)`.

    Once connected, whatever is awaited raises `ControllerGoneError` while the controller is away (the farm
    reconnects by itself) and `FarmClosedError` after `close`.
    """

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

    async def history(
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
        """Stored readings as a pandas frame with float64 values, its index in UTC or in the zone `tz`.

        One sensor: columns `value`, `quality`, `raw` (before conversion and filters) and `calibration`, the version
        (every reading, also doubtful ones). With `every` whole buckets, made of the largest roll-ups that fit:
        `value` (the mean weighted by time), `min`, `max`, `std`, `readings`, `bad` and `coverage`, the part 0..1 of
        it in which there was a value. A list of sensors: one column each. Buckets and wide frames use good and
        uncalibrated readings only; where there is nothing, NaN. Days begin at midnight in `tz`.
        `quality`, good, uncalibrated, suspect or error, is the worst that goes into the frame.
        `cycle`, a name of `cycles()`: what was measured in its zone from planting to its end, whatever `since` and
        `until` say. A sensor that came from elsewhere or was moved since counts for the time it was there.
        `since` and `until` (exclusive; default now) are `"-7d"` by the controller's clock, an aware datetime
        or a Timestamp; `every` is `"5min"`, a timedelta or seconds. `frame.attrs` holds units, series and
        names by column.

        Raises `UnknownSensorError`, `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        at_least(quality)
        ids, alone = self._ids(sensors)
        how = deeds.How(deeds.bucket(every), deeds.zone(tz), quality)
        found = await self._line.awaited(deeds.fetch, self._line, ids, (since, until), cycle, how)
        make = partial(one_frame, found[0]) if alone else partial(wide_frame, found)
        return in_zone(make(how.every, quality), how.tz)

    async def iter_history(
        self,
        sensor: str | Sensor,
        since: When = "-24h",
        until: When | None = None,
        every: Span | None = None,
        quality: str | None = None,
        *,
        tz: str = "UTC",
        chunk: int = CHUNK,
    ) -> AsyncGenerator[DataFrame, None]:
        """The frame that `history` gives of one sensor, in frames of at most `chunk` rows (1 to 500,000), in order.

            async for frame in farm.iter_history("bench air", since="-365d"): ...

        Never more than one of them is in memory, and between two nothing is kept open, so it may be left at any
        time. All have the columns and `attrs` of the whole. What arrives late, for a time that was given already,
        is not in it. With `every` all buckets are fetched at once (2 million at most) and cut.

        Raises like `history`.
        """
        need_pandas()
        at_least(quality)
        paging = self._paging(sensor, (since, until), every, quality, (tz, chunk))
        while (stretch := await self._line.awaited(paging.following, self._line)) is not None:
            if len(frame := frame_of(stretch, paging, quality)):
                yield frame

    async def to_parquet(
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
        """Write what `iter_history` gives into a Parquet file; returns the number of rows.

        `pandas.read_parquet(path)` gives the frame of `history`, with its types and `attrs` (units, calibrations,
        provenance). A file of that name is replaced when the new one is complete; until then, and when something
        fails or is cancelled, it stays as it was. A bar shows how far it is, on a terminal or in a notebook.

        Raises like `history`; `FileWriteError` when the folder is not there or the disk is full; `MissingExtraError`
        without pyarrow.
        """
        paging = self._paging(sensor, (since, until), every, quality, (tz, CHUNK))
        return await parquet_written(self._line, path, paging, quality)

    async def cycles(self) -> DataFrame:
        """What grows and has grown, from the site file, as a pandas frame with one row per cycle.

        Columns `zone`, `name`, `variety`, `substrate`, `phase`, `planted`, `expected_harvest`, `ended` (dates, NaT
        where there is none) and `days` of growth until today or its end.
        """
        need_pandas()
        return cycles_frame(await self._line.awaited(listed, self._line))

    async def statistics(
        self,
        actuators: str | Actuator | Sequence[str | Actuator] | None = None,
        since: When = "-7d",
        until: When | None = None,
        every: Span | None = None,
    ) -> DataFrame:
        """What actuators did, as a pandas frame: run time, starts, duty, water and energy, and what is left to them.

        Without `every` one row per actuator (index: its id), with what is left now: `on_left_s`, `starts_left`,
        `locked_until`, and `timed_by`, who ends a run in time. With `every` one row per actuator and bucket, UTC
        index `time`; buckets begin at multiples of it since 1970 UTC, the first and last may be shorter.

        `on_s`, `longest_s`, `unknown_s`: seconds away from the safe value, the longest run, and the time nobody
        knew, which counts as neither on nor off. `duty` 0..1 of the known time; `level_s` value times seconds;
        `litres` and `energy_wh` from `litres_per_min` and `watts` of the site file. NaN: not known, not stated.
        `since` and `until` as for `history`, or `"today"`, the site's own day; `frame.attrs["units"]`.

        Raises `UnknownActuatorError`, `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        step, span = deeds.bucket(every), deeds.span_of(since, until)
        ids = self._actuator_ids(actuators)
        return past.statistics_frame(
            await self._line.awaited(past.account, self._line, ids, span, step), step
        )

    async def stop(self, reason: str = "", *, node: str | None = None, zone: str | None = None) -> Stop:
        """Software stop: everything to its safe value, nothing may be switched on. Always allowed.

        `node` or `zone`, an id or a name: only that; the rest goes on. Does not replace a wired stop. Returns
        where it stands; `farm.stopped` follows the confirmations.

        Raises `UnknownNodeError`, `UnknownZoneError`, `InvalidValueError` for both at once.
        """
        return await self._line.awaited(deeds.stop, self._line, reason, reach(node, zone))

    async def clear(self, force: bool = False, *, node: str | None = None, zone: str | None = None) -> Stop:
        """Lift the stop; `force` does not wait for nodes that do not confirm. Switches nothing on by itself.

        Each stop is lifted by itself: the one of everything leaves that of a `node` or `zone` as it is.

        Raises `StopTransitionError`, `ForbiddenError`, and as `stop`.
        """
        return await self._line.awaited(deeds.clear, self._line, force, reach(node, zone))

    async def alarms(self) -> Alarms:
        """The alarms that stand, those to be seen first come first; see `Alarm`."""
        return await self._line.awaited(alarms.standing, self._line)

    async def alarm_history(self, since: When = "-7d", until: When | None = None) -> DataFrame:
        """Every step of every alarm as a pandas frame, oldest first: who, what, why. UTC index named `time`.

        `since` and `until` as for `history`. Raises `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        span = deeds.span_of(since, until)
        return alarms.history_frame(await self._line.awaited(alarms.history, self._line, span))

    async def decisions(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """What rules concluded, one row per decision: `rule`, `truth`, `active`, `trace`, `note`, `cause`, `outcome`.

        `outcome` is `carried out` when the nodes have confirmed what it wanted, `not carried out` when one could or
        would not (`outcome_reason` says why), `waiting` until then, and None for one that wanted nothing new.
        The newest 100,000 of the span, oldest first, UTC index `time`; `since` and `until` as for `history`.
        Raises `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(
            await self._line.awaited(deeds.listed, self._line, "decisions", span), deeds.DECISIONS
        )

    async def commands(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """Every step of every command: `command`, `actuator`, `value`, `fate`, `who`, `origin`, `message` and more.

        The newest 100,000 of the span, oldest first, UTC index `time`; `since` and `until` as for `history`.
        Raises `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(
            await self._line.awaited(deeds.listed, self._line, "commands", span), deeds.COMMANDS
        )

    async def heartbeats(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """What nodes said of themselves: `node`, `uptime` (s), `heap_free` (bytes), `wifi_rssi` (dBm) and more.

        The newest 100,000 of the span, oldest first, UTC index `time`; `since` and `until` as for `history`.
        Raises `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(
            await self._line.awaited(deeds.listed, self._line, "heartbeats", span), deeds.HEARTBEATS
        )

    async def notices(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """What rules told people, one row each: `rule` (its id), `text`, `channel`, `target`, `sent`, `cause`.

        `sent` is false where nothing here sends by that channel: such a notice is kept and shown only.
        The newest 100,000 of the span, oldest first, UTC index `time`; `since` and `until` as for `history`.
        Raises `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        span = deeds.span_of(since, until)
        return table_frame(await self._line.awaited(deeds.listed, self._line, "notices", span), deeds.NOTICES)

    async def audit(self, since: When = "-24h", until: When | None = None) -> DataFrame:
        """Who did what, one row each: `who`, `action`, `target`, `detail`, `place` in the chain, and more.

        The newest 100,000 of the span, oldest first, UTC index `time`; `since` and `until` as for `history`.
        Admins only. Raises `ForbiddenError`, `InvalidValueError`, `MissingExtraError` without pandas.
        """
        need_pandas()
        span = deeds.span_of(since, until)
        return deeds.audit_frame(await self._line.awaited(deeds.listed, self._line, "audit", span))

    async def approve(self, node: str) -> None:
        """Let a pending node take part. Raises `UnknownNodeError`, `ForbiddenError`."""
        await self._line.awaited(deeds.decide_node, self._line, node, True)

    async def reject(self, node: str) -> None:
        """Keep a node out; what it sends is counted, not stored. Raises like `approve`."""
        await self._line.awaited(deeds.decide_node, self._line, node, False)

    async def changes(self, kind: str | None = None, zone: str | None = None) -> AsyncGenerator[Change, None]:
        """What is known now as a snapshot, then what changes, for ever. See `Change`.

        `kind` and `zone` leave only changes of that kind, or of things in that zone. Raises `FarmClosedError`
        when the farm is closed meanwhile.
        """
        sieve = Sieve(kind, zone)
        queue = await self._line.awaited(deeds.listen, self._line)
        try:
            yield Change("snapshot", "", self._line.mirror.whole())
            while True:
                change = await self._line.awaited(deeds.heard, queue)
                if sieve.lets(change):
                    yield Change(change["kind"], change["id"], change["data"])
        finally:
            self._line.forget(queue)

    async def close(self) -> None:
        """End the connection (in a simulation: leave every actuator safe and end it). May be called again."""
        owner = self._line.owner
        owner.leave()
        await asyncio.wrap_future(owner.ended)
        owner.join()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
