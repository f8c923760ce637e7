"""The owner: one task that runs the engine. Everything enters its inbox, everything leaves through its lanes.

Per event: the engine answers with effects; the journal is written first, then commands leave, then records go to the
depot, then people are told. The broker gets its acknowledgement when the depot has them on a disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from godkaiser.engine import effect as fx
from godkaiser.engine.engine import Engine
from godkaiser.errors import (
    GodkaiserError,
    JournalError,
    LinkDownError,
)
from godkaiser.io.asking import ASKING, NOBODY, Asking
from godkaiser.io.depot import Depot
from godkaiser.io.recorder import Recorder
from godkaiser.io.retry import Backoff
from godkaiser.io.utter import command_on_wire, notice_on_wire
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.encode import NO_TOKENS, Outgoing, Tokens
from godkaiser.model import event as ev
from godkaiser.model.command import (
    Enquiry,
    Notice,
    SensorConfig,
    SubzoneAssign,
    SubzoneRemove,
    ZoneAssign,
)
from godkaiser.model.ids import NodeId
from godkaiser.model.outcome import Outcome
from godkaiser.model.request import Reply
from godkaiser.ports import Cancelable, Clock, Link, RawMessage, SafetyJournal
from godkaiser.safety.seal import SafeCommand

JOURNAL_AGAIN: Final = 0.5
PUBLISH_TRIES: Final = 3
URGENT_IN_A_ROW: Final = 50
Entry = tuple[ev.Event, RawMessage | None, Asking]
log = logging.getLogger(__name__)


class Runner:
    """Owns an engine. `post` may be called from the loop only; people come through the desk."""

    def __init__(
        self,
        engine: Engine,
        link: Link,
        depot: Depot,
        journal: SafetyJournal,
        clock: Clock,
        *,
        tokens: Tokens = NO_TOKENS,
        on_tell: Callable[[str, str], None] = lambda kind, thing: None,
        on_answer: Callable[[Outcome], None] = lambda outcome: None,
        on_reply: Callable[[Reply], None] = lambda reply: None,
        on_record: Callable[[fx.Record], None] = lambda record: None,
        recorder: Recorder | None = None,
    ) -> None:
        self.engine, self.link, self.depot, self.journal, self.clock = engine, link, depot, journal, clock
        self._on_tell, self._on_answer, self._on_record = on_tell, on_answer, on_record
        self._on_reply, self.tokens, self._recorder = on_reply, tokens, recorder
        self._inbox: deque[Entry] = deque()
        self._beats: dict[NodeId, Entry] = {}  # before the inbox, as nodes wait for the answer
        self._urgent: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._alarm: Cancelable | None = None
        self._publishing: set[asyncio.Task[None]] = set()
        self._idle, self._quiet = asyncio.Event(), asyncio.Event()  # quiet: nothing waited to be handled
        self._ahead = 0  # urgent ones that were handled since a heartbeat waits
        self._handling = False
        self._turns = 0
        self._sick = asyncio.Event()  # the journal owes lines
        self.received = 0
        self.hold = False
        self._held: list[RawMessage] = []
        self.on_published: Callable[[str], None] = lambda topic: None

    # ── what enters ────────────────────────────────────────────────────────────────────────────────────
    def post(self, event: ev.Event, message: RawMessage | None = None) -> None:
        """One event for the engine. Stops have a lane of their own, past the inbox."""
        entry = (event, message, ASKING.get())
        if isinstance(event, ev.StopAsked):
            self._urgent.append(entry)
        else:
            self._enqueue(entry)
        self._wake_up()

    def _enqueue(self, entry: Entry) -> None:
        """After a gap only the newest heartbeat of a node is handled, and before all that waits."""
        event = entry[0]
        if not isinstance(event, ev.Heartbeat):
            self._inbox.append(entry)
            return
        self._overtaken(self._beats.pop(event.node, None))
        self._beats[event.node] = entry

    def _overtaken(self, entry: Entry | None) -> None:
        """A newer one of its kind is handled instead."""
        if entry is not None and entry[1] is not None and entry[1].token is not None:
            self.depot.done_with(entry[1].token)
            self.depot.consider()

    def on_message(self, message: RawMessage) -> None:
        """From the link."""
        self.received += not message.retained
        if self.hold:
            self._held.append(message)
        else:
            self._take(message)

    def _take(self, message: RawMessage) -> None:
        event = decode(message.topic, message.payload, self.clock.now(), retained=message.retained)
        if not isinstance(event, ev.Echo):
            self.engine.state.counters["received"] += 1
        self.post(event, message)

    @property
    def holding(self) -> bool:
        """Is anything held?"""
        return bool(self._held)

    def release(self) -> None:
        """Hand over what was held, in an order no network can change: by topic, then arrival."""
        held, self._held = sorted(self._held, key=lambda message: message.topic), []
        for message in held:
            self._take(message)

    def on_up(self, broker: str) -> None:
        """From the link."""
        self.post(ev.LinkUp(self.clock.now(), broker))

    def on_down(self, broker: str, why: str, next_try: float) -> None:
        """From the link."""
        self.post(ev.LinkDown(self.clock.now(), broker, f"{why}; next try in {next_try:.0f} s"))

    # ── the owner task ─────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Run until cancelled. The only place where the engine is called."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.depot.run())
            group.create_task(self._journal_lane())
            group.create_task(self._own())

    async def _own(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._handling = True
            self._turns += 1
            while (entry := self._next()) is not None:
                self._turns += 1
                if by := self.clock.jumped():
                    jump = ev.ClockJumped(self.clock.now(), by)
                    await self._carry_out(self._handled(jump, None), None, NOBODY)
                event, message, asking = entry
                token = None if message is None else message.token
                await self._carry_out(self._handled(event, message), token, asking)
            self._handling = False
            self._quiet.set()
            self._arm()
            if not self._waiting and not self._publishing:
                self._idle.set()

    def _handled(self, event: ev.Event, message: RawMessage | None) -> list[fx.Effect]:
        if self._recorder is None:
            return self.engine.handle(event)
        self._recorder.before(self.engine, event, message)
        effects = self.engine.handle(event)
        self._recorder.after(self.engine, effects)
        return effects

    def _next(self) -> Entry | None:
        """Stops first; but however many there are, nodes that wait for an answer get theirs."""
        if self._urgent and not (self._beats and self._ahead >= URGENT_IN_A_ROW):
            self._ahead += bool(self._beats)
            return self._urgent.popleft()
        self._ahead = 0
        if self._beats:
            return self._beats.pop(next(iter(self._beats)))
        due = self.engine.next_wakeup
        if due is not None and due <= (self._inbox[0][0].at if self._inbox else self.clock.now()):
            return ev.Timer(max(due, 0)), None, NOBODY
        return self._inbox.popleft() if self._inbox else None

    @property
    def _waiting(self) -> bool:
        return bool(self._inbox or self._urgent or self._beats)

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = self.engine.next_wakeup
        if due is not None:
            self._alarm = self.clock.call_at(due, self._wake_up)

    def _wake_up(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _carry_out(self, effects: list[fx.Effect], token: object | None, asking: Asking) -> None:
        await self._written([effect for effect in effects if isinstance(effect, fx.Journal)])
        safe_only = self._sick.is_set()
        for effect in effects:
            match effect:
                case fx.Send(command=command, energising=energising):
                    if energising and safe_only:
                        self.post(
                            ev.SendFailed(
                                self.clock.now(), command.id, "the safety journal cannot be written"
                            )
                        )
                    else:
                        self._send(partial(self._encoded, command), command.id)
                case fx.Say(notice=notice):
                    self._send(partial(self._notice, notice), _id_of(notice))
                case fx.Store(record=record):
                    record = _from(asking, record)
                    self.depot.add(record)
                    self._on_record(record)
                case fx.Tell(kind=kind, id=thing):
                    self._on_tell(kind, thing)
                case fx.Answer(outcome=outcome):
                    self._on_answer(outcome)
                case fx.Replied(reply=reply):
                    self._on_reply(reply)
        if token is not None:
            self.depot.done_with(token)
        self.depot.consider()

    async def _written(self, lines: list[fx.Journal]) -> None:
        """Before anything leaves. Without it nothing is energised; safe moves do not wait for it."""
        if not lines:
            return
        try:
            await self.journal.write(lines)
        except JournalError as error:
            if not self._sick.is_set():
                log.error("%s %s", error, error.remedy)  # noqa: TRY400 - the sentence says it, a trace adds nothing
                self._sick.set()
                self.post(ev.JournalHealth(self.clock.now(), f"{error} {error.remedy}"))
        else:
            self._well_again()

    def _well_again(self) -> None:
        if self._sick.is_set():
            self._sick.clear()
            log.warning("The safety journal can be written again.")
            self.post(ev.JournalHealth(self.clock.now(), ""))

    async def _journal_lane(self) -> None:
        """While the journal owes something: again and again, also when nothing else happens."""
        while True:
            await self._sick.wait()
            await asyncio.sleep(JOURNAL_AGAIN)
            with contextlib.suppress(JournalError):
                await self.journal.write([])
                self._well_again()

    # ── commands: first and alone ──────────────────────────────────────────────────────────────────────
    def _encoded(self, command: SafeCommand) -> Outgoing:
        return command_on_wire(command, self.engine.state, self.tokens)

    def _notice(self, notice: Notice) -> Outgoing:
        return notice_on_wire(notice, self.engine.state)

    def _send(self, encode: Callable[[], Outgoing], command: str) -> None:
        try:
            outgoing = encode()
        except GodkaiserError as error:
            log.error("%s %s", error, error.remedy)  # noqa: TRY400 - the sentence says it, a trace adds nothing
            self._failed(command, f"{error} {error.remedy}", final=True)
            return
        except ValueError as error:  # a number or a character that no wire takes
            log.error("%s cannot be said: %s", command or "a notice", error)  # noqa: TRY400 - as above
            self._failed(command, str(error), final=True)
            return
        self._start(outgoing, command, Backoff(first=0.5, most=30.0))  # 1 s, then 2 s

    def _start(self, outgoing: Outgoing, command: str, tried: Backoff) -> None:
        task = asyncio.create_task(self._publish(outgoing, command, tried))
        self._publishing.add(task)
        task.add_done_callback(self._sent)

    async def _publish(self, outgoing: Outgoing, command: str, tried: Backoff) -> None:
        try:
            await self.link.publish(outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain)
            self.on_published(outgoing.topic)
        except LinkDownError as error:
            tried = tried.failed()
            if tried.failures < PUBLISH_TRIES and self.engine.state.still_wanted(command):
                asyncio.get_running_loop().call_later(
                    tried.delay(secrets.randbelow(1000) / 1000), self._again, outgoing, command, tried
                )
            else:
                self._failed(command, str(error))

    def _again(self, outgoing: Outgoing, command: str, tried: Backoff) -> None:
        """Another try, only of what is still wanted: a newer command or the end of its time has ended it else."""
        if self.engine.state.still_wanted(command):
            self._idle.clear()
            self._start(outgoing, command, tried)

    def _failed(self, command: str, why: str, *, final: bool = False) -> None:
        if command:
            self.post(ev.SendFailed(self.clock.now(), command, why, final))

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._publishing.discard(task)
        # The owner may be waiting for the journal, with a command in its hands: that is not idle.
        if not (self._handling or self._publishing or self._waiting or self._wake.is_set()):
            self._idle.set()

    async def alive(self, within: float) -> bool:
        """Does the owner take its turns? Waits at most `within` seconds for one."""
        before = self._turns
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._turns == before:
                    await asyncio.sleep(0.01)
        return self._turns != before

    # ── for drivers and for the end ────────────────────────────────────────────────────────────────────
    async def settled(self) -> None:
        """Wait until the inbox is empty and the broker has everything we said."""
        while not self._idle.is_set() or self._handling or self._waiting or self._publishing:
            self._idle.clear()
            self._wake.set()
            await self._idle.wait()

    async def drained(self) -> None:
        """Wait until everything is on disk, too."""
        await self.settled()
        while not self.depot.idle or self._waiting:
            await self.depot.drain()
            await self.settled()

    async def settled_inbox(self) -> None:
        """Wait until everything posted so far was handled; does not wait for the broker."""
        if self._handling or self._waiting or self._wake.is_set():
            self._quiet.clear()  # all who wait are woken together, once
            await self._quiet.wait()


def _from(asking: Asking, record: fx.Record) -> fx.Record:
    """The engine does not know where a request came from; the audit does."""
    if asking is NOBODY or not isinstance(record, fx.Audit):
        return record
    return replace(record, address=asking.address, correlation=asking.correlation)


def _id_of(notice: Notice) -> str:
    """What waits for the answer to it, if anything."""
    match notice:
        case Enquiry():
            return notice.request.id
        case SensorConfig():
            return notice.part.correlation
        case ZoneAssign() | SubzoneAssign() | SubzoneRemove():
            return notice.correlation
    return ""
