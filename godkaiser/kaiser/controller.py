"""The composition root: which engine, link, store, clock and desk make up a controller, and a simulation.

Read `Controller.open` from top to bottom to see everything that exists and in which order it starts: stop state
and leases are read from the safety journal before anything can be sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from godkaiser.auth.requests import PER_MINUTE
from godkaiser.auth.retention import AuditRetention
from godkaiser.engine.calibration import restore
from godkaiser.engine.effect import Journal, Record
from godkaiser.engine.engine import Engine
from godkaiser.engine.lightsum import KEPT, lights_of, remember
from godkaiser.engine.prime import PRIMED, prime, wanted
from godkaiser.engine.recall import RECALLED, recall
from godkaiser.engine.state import ActuatorState, State, from_site
from godkaiser.errors import ControllerRunningError, DocumentError, LinkDownError
from godkaiser.frames import TRUSTED
from godkaiser.io.accounts import Accounts
from godkaiser.io.almanac import Almanac
from godkaiser.io.annunciator import Annunciator
from godkaiser.io.archive import Archive
from godkaiser.io.auditor import Auditor
from godkaiser.io.blocklist import Blocklist
from godkaiser.io.cipher import Cipher
from godkaiser.io.clerk import Clerk, Offers
from godkaiser.io.clock import WallClock
from godkaiser.io.curves import Curves
from godkaiser.io.depot import LINGER, Depot
from godkaiser.io.desk import DeskServer
from godkaiser.io.doorman import Doorman
from godkaiser.io.editor import Editor
from godkaiser.io.ending import ended
from godkaiser.io.eraser import Eraser
from godkaiser.io.explainer import Explainer
from godkaiser.io.folder import DataFolder
from godkaiser.io.historian import Historian
from godkaiser.io.inquirer import Inquirer
from godkaiser.io.inspector import Inspector
from godkaiser.io.journal import WITHIN as JOURNAL_WITHIN
from godkaiser.io.journal import JournalFile
from godkaiser.io.keyfiles import AUDIT_KEY, audit_key, installation_secret
from godkaiser.io.laboratory import Laboratory
from godkaiser.io.ledger import Ledger
from godkaiser.io.mqtt import BrokerAddress, MqttLink, peek_retained
from godkaiser.io.pages import Pages
from godkaiser.io.porter import CONTROLLER, BrokerFiles, Porter
from godkaiser.io.recorder import RECORDINGS, Recorder
from godkaiser.io.registrar import Registrar
from godkaiser.io.roller import Roller
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.sim.spec import Publish
from godkaiser.io.spool import Spool
from godkaiser.io.sql.audits import Keys
from godkaiser.io.sql.blocks import BlockTable
from godkaiser.io.sql.calibrations import versions_of
from godkaiser.io.sql.changes import ChangeTable
from godkaiser.io.sql.pool import Pool
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import ActuatorRow, CalibrationRow, NodeRow, PlaceRow, RuleRow, SeriesRow
from godkaiser.io.sql.users import UserTable
from godkaiser.io.stored import Stored, read_text
from godkaiser.io.switchboard import Switchboard
from godkaiser.io.tracer import Tracer
from godkaiser.io.usher import Usher
from godkaiser.io.warden import Warden
from godkaiser.io.wire.config import plan_push
from godkaiser.io.wire.encode import NO_TOKENS, Outgoing, Tokens, encode_notice
from godkaiser.io.wire.topic import SUBSCRIPTIONS
from godkaiser.io.wire.topic import build as build_topic
from godkaiser.io.workshop import Workshop
from godkaiser.kaiser.memory import kept_site, merge_node, recall_starts
from godkaiser.kaiser.rival import RivalWatch
from godkaiser.kaiser.site import SiteFile
from godkaiser.kaiser.sitedesk import SiteDesk
from godkaiser.kaiser.trying import Trying
from godkaiser.model import event as ev
from godkaiser.model.command import ServerStatus
from godkaiser.model.ids import KaiserId, SeriesId
from godkaiser.model.instant import SECOND, Duration
from godkaiser.model.outcome import Outcome
from godkaiser.model.request import Reply
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.ports import Clock, Link
from godkaiser.rules.document import RuleDocument, read_document, write_document
from godkaiser.rules.rule import Rule
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue

SAFE_WITHIN: Final = 1.2
DRAINED_WITHIN: Final = 1.0
USUAL_HOLD: Final = 180 * SECOND
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What a controller is made of. `link` replaces the MQTT connection (simulation).

    `site` is what a new data folder begins with; `file`, if given, is applied at every start.
    """

    data: Path
    site: Site = field(default_factory=Site)
    file: SiteFile | None = None
    address: BrokerAddress = field(default_factory=BrokerAddress)
    clock: Clock = field(default_factory=WallClock)
    wall: Clock = field(
        default_factory=WallClock
    )  # of sessions and tokens, also where the greenhouse is simulated
    database: str | None = None
    pool: Pool = field(default_factory=Pool)  # PostgreSQL only
    echo: bool = False  # every statement into the log
    secret: str | None = field(default=None, repr=False)
    speed: float = 1.0
    simulated: bool = False
    link: Callable[[Publish], Link] | None = None
    check_rival: bool = True
    linger: float = LINGER
    desk: bool = True  # listen on the local socket; a private simulation has only its own notebook
    on_record: Callable[[Record], None] = lambda record: None
    tokens: Tokens = NO_TOKENS
    journal_within: float = JOURNAL_WITHIN
    audit: AuditRetention = field(default_factory=AuditRetention)
    audit_cipher: Cipher | None = None  # for the details of the audit; None: they are in clear
    record_most: int = 0  # bytes of recordings kept; 0: nothing is recorded
    broker_files: BrokerFiles = field(default_factory=BrokerFiles)
    requests_per_minute: int = PER_MINUTE  # of each person and API token
    folder: DataFolder | None = None  # taken already, by one that stood by
    catalogue: Catalogue = BUILT_IN


class Controller:
    """One controller: owns its data folder, its engine and its link. Use `open`, then `running`."""

    def __init__(
        self,
        options: Options,
        site: Site,
        folder: DataFolder,
        journal: JournalFile,
        store: SqlStore,
        archive: Archive,
    ) -> None:
        self.options, self._folder, self._journal = options, folder, journal
        self.store, self._site = store, site
        self.engine = Engine(from_site(site, options.catalogue))
        self.engine.state.planner = plan_push
        self.link = self._link()
        secret = installation_secret(options.data, options.secret)
        self.accounts = Accounts(UserTable(store), secret, options.wall)
        depot = Depot(
            archive,
            self.link,
            linger=options.linger,
            on_change=lambda: self._tell("counters", ""),
        )
        recorder = Recorder(options.data / RECORDINGS, options.record_most) if options.record_most else None
        self.recorder = recorder
        self.runner = Runner(
            self.engine,
            self.link,
            depot,
            journal,
            options.clock,
            on_tell=self._tell,
            on_answer=self._answer,
            on_reply=self._reply,
            tokens=options.tokens,
            on_record=options.on_record,
            recorder=recorder,
        )
        self.clerk = Clerk(
            self.runner,
            self.accounts,
            speed=options.speed,
            simulated=options.simulated,
            per_minute=options.requests_per_minute,
        )
        self.rulebook = Rulebook(self.runner, store)
        self.switchboard = Switchboard(self.runner, self.clerk)
        self.inquirer = Inquirer(self.runner, self.clerk)
        self.curves = Curves(self.runner, store, self.clerk)
        self.blocklist = Blocklist(self.clerk, BlockTable(store), self.accounts.clock)
        self.clerk.turnstile.on_denied = self.blocklist.denied
        self.clerk.offer(self.blocklist.methods)
        self.doorman = Doorman(self.clerk, self.accounts, self.blocklist)
        self.clerk.offer(self.doorman.methods)
        self.clerk.offer(Warden(self.clerk, self.accounts, self.doorman).methods)
        self.site = SiteDesk(self.runner, store, self.clerk, self.rulebook)
        self.clerk.offer(self.site.methods)
        controller = options.address.username or CONTROLLER
        confirm = self.doorman.confirm
        self.porter = Porter(self.runner, self.clerk, confirm, options.broker_files, controller)
        self.clerk.offer(self.porter.methods)
        self.eraser = Eraser(self.runner, store.audits, self.clerk, self.doorman.confirm, options.audit)
        self.trying = Trying(self.runner, self.clerk, self.rulebook, options.data, options.database)
        desks: tuple[Offers, ...] = (self.eraser, self.trying, *self._desks())
        for desk in desks:
            self.clerk.offer(desk.methods)
        self.roller = Roller(store.rollups, options.clock, self._hold_of, store.traces)
        self.desk = DeskServer(options.data, self.clerk)

    def _desks(self) -> tuple[Offers, ...]:
        """Who answers requests and does nothing by itself."""
        runner, store, clerk = self.runner, self.store, self.clerk
        book, curves = self.rulebook, self.curves
        return (
            self.switchboard,
            self.inquirer,
            curves,
            Registrar(runner, clerk, self.porter.forget),
            Workshop(runner, clerk),
            Annunciator(runner, store, clerk),
            Laboratory(runner, clerk, book),
            Almanac(runner, clerk, curves),
            Ledger(runner, store, clerk),
            Historian(runner, store, clerk, curves),
            Auditor(runner, store.audits, clerk),
            Inspector(runner, store, clerk, self.options.database, self.options.data),
            Usher(runner, store, clerk, self.switchboard, self.accounts, book),
            Explainer(runner, store, clerk, book),
            Pages(runner, store, clerk, curves),
            Editor(runner, clerk, book),
            Tracer(runner, clerk, book),
        )

    def _hold_of(self, series: SeriesId) -> Duration:
        """For how long a value counts as fresh; of what the engine does not know, as long as is usual."""
        sensor = self.engine.state.sensors.get(series)
        return USUAL_HOLD if sensor is None else sensor.stale_after

    def _tell(self, kind: str, thing: str) -> None:
        self.clerk.hub.tell(kind, thing)

    def _answer(self, outcome: Outcome) -> None:
        self.switchboard.on_answer(outcome)

    def _reply(self, reply: Reply) -> None:
        self.inquirer.on_reply(reply)

    @classmethod
    async def open(cls, options: Options) -> Controller:
        """Take the folder, read the journal, open the database, load what is known. Nothing is sent yet."""
        folder = options.folder or DataFolder(options.data).take()
        async with contextlib.AsyncExitStack() as undo:
            undo.callback(folder.release)
            journal = JournalFile(options.data / "safety.journal", within=options.journal_within)
            undo.callback(journal.close)
            keys = Keys(audit_key(options.data), options.audit_cipher)
            secret = installation_secret(options.data, options.secret)  # a weak one ends the start here
            store = await SqlStore.open(
                options.database, options.data, options.pool, echo=options.echo, keys=keys
            )
            undo.push_async_callback(store.close)
            if await store.audits.begin(options.clock.now()):
                log.warning(
                    "%s is another one than before: rows of before are checked only with that", AUDIT_KEY
                )
            archive = Archive(store, Spool(options.data / "spool"))
            undo.callback(archive.close)
            await archive.bring_back_all()  # before anything of it is read
            kept = kept_site(await store.site())
            site = _first(options) if kept is None else _under(kept, options.file)
            if options.check_rival:
                await _check_rival(options.address, site.kaiser_id, journal)
            catalogue = options.catalogue.with_lost(await _used(store, site))
            options = replace(options, catalogue=catalogue, secret=secret)
            controller = cls(options, site, folder, journal, store, archive)
            await controller._load(kept)
            undo.pop_all()
        return controller

    def _link(self) -> Link:
        kaiser, clock = self.engine.state.kaiser, self.options.clock

        def will() -> Outgoing:
            gone = ServerStatus(kaiser, False, clock.now() // SECOND, "unexpected_disconnect")
            return encode_notice(gone)

        if self.options.link is not None:
            last = will()
            return self.options.link(Publish(last.topic, last.payload, last.qos, last.retain))
        client_id = f"godkaiser_{kaiser}_{self._identity()}"
        return MqttLink(self.options.address, client_id, SUBSCRIPTIONS, will)

    def _identity(self) -> str:
        """Stable per data folder, so that the broker keeps our session and a rival never takes it over."""
        known = self._journal.content.get(("identity", ""))
        if known is None:
            known = {"id": secrets.token_hex(4)}
            self._journal.write_now([Journal("identity", "", known)])
        return str(known["id"])

    async def _load(self, kept: Site | None) -> None:
        """What earlier runs learned: nodes, series, actuators, rules, accounts; stop and leases. Then the file."""
        state = self.engine.state
        for row in await self.store.rows(NodeRow):
            merge_node(state.nodes, state.kaiser, row)
        for row in await self.store.rows(ActuatorRow):
            spec = ActuatorSpec.model_validate_json(row["spec"])
            state.actuators.setdefault(spec.id, ActuatorState(spec.id, spec))
        for series, versions in versions_of(await self.store.rows(CalibrationRow, "version")).items():
            restore(state, series, versions, self.options.clock.now())
        for row in await self.store.rows(PlaceRow, "since"):
            state.places.setdefault(row["thing"], []).append((row["since"], row["zone"]))
        for row in await self.store.rows(SeriesRow):
            state.add_sensor(SeriesId.parse(row["name"]))
        for sensor in state.sensors.values():
            recall(state, sensor, await self.store.newest(sensor.id, RECALLED), self.options.clock.now())
        await self._light(state)
        await ChangeTable(self.store).unwatched(state.actuators)
        await self.accounts.load()
        await self.blocklist.load()
        state.kept_out = self.blocklist.told  # before the first event, with which alarms are looked at
        state.run = int(self._journal.content.get(("run", ""), {"number": 0})["number"]) + 1
        self._journal.write_now([Journal("run", "", {"number": state.run})])
        self.engine.restore(self._journal.content, self.options.clock.now())
        stored = await self._rules()
        state.set_rules(stored.rules)
        state.refused = {rule.id: rule for rule in stored.refused}
        for rule in stored.refused:
            log.warning("Rule %s is stored and not carried out: %s", rule.name, rule.reason)
        past = {series: await self.store.newest(series, PRIMED) for series in sorted(wanted(state))}
        prime(state, past, self.options.clock.now())
        await recall_starts(self.store, state, self.options.clock.now())
        if kept is None:
            await self.site.remember(self._site)
        if self.options.file is not None:
            await self.site.at_start(self.options.file, str((kept or self._site).kaiser_id))

    async def _light(self, state: State) -> None:
        """What was measured of the light of the last day, for the sums."""
        now = self.options.clock.now()
        for series in lights_of(state):
            past = await self.store.history(series, now - KEPT, now, None)
            found = zip(past.times, past.values, past.quality, strict=True)
            remember(state, series, ((at, v) for at, v, word in found if v is not None and word in TRUSTED))

    async def _rules(self) -> Stored:
        """Rules kept in the database, good or not; a new folder begins with those of its site, all good, besides."""
        documents = {row["id"]: read_text(row["document"]) for row in await self.store.rows(RuleRow, "place")}
        for number, data in enumerate(self._site.rules):
            document = read_document(data, f"rules[{number}]")
            documents[self._bound(document, f"rules[{number}]").id] = write_document(document)
        stored = self.rulebook.stored(documents)
        self.rulebook.documents = stored.documents
        return stored

    def _bound(self, document: RuleDocument, path: str) -> Rule:
        try:
            return self.rulebook.build(document, path)
        except DocumentError as error:
            file = self.options.file
            raise error if file is None else file.lined(error) from None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Controller]:
        """Link, engine, store and desk at work; on leaving, everything we energised is made safe first."""
        tasks = [asyncio.create_task(self.runner.run()), asyncio.create_task(self.link.run(self.runner))]
        tasks += [asyncio.create_task(self.roller.run()), asyncio.create_task(self.doorman.run())]
        if self.options.audit.enabled:
            tasks.append(asyncio.create_task(self.eraser.run()))
        if self.options.broker_files.folder is not None:
            tasks.append(asyncio.create_task(self.porter.run()))
        if self.recorder is not None:
            tasks.append(asyncio.create_task(self.recorder.run()))
        if self.options.link is None and self.options.check_rival:
            tasks.append(asyncio.create_task(self._alone(tuple(tasks))))
        self.tasks = tasks
        try:
            if self.options.desk:
                await self.desk.start()
            yield self
        finally:
            if self.options.desk:
                await self.desk.stop()  # nobody may ask for anything any more
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAINED_WITHIN):
                    await self.clerk.finished()
            await self.trying.close()
            self.clerk.turnstile.tell(everything=True)
            await self.make_safe()
            await ended(tasks)
            await self._close()

    async def _alone(self, acting: tuple[asyncio.Task[None], ...]) -> None:
        """If another controller was there before us, nothing more of ours leaves."""
        try:
            await RivalWatch(self.options.address, self.engine.state.kaiser).run()
        except ControllerRunningError as error:
            log.error("%s %s", error, error.remedy)  # noqa: TRY400 - the sentence says it, a trace adds nothing
            for task in acting:
                task.cancel()
            raise

    async def make_safe(self) -> None:
        """Send the safe values and wait, shortly, for the nodes' word; then, shortly, for the disk."""
        if self.tasks[0].done():
            return  # the owner has died: nobody is left to send anything
        self.runner.post(ev.Closing(self.options.clock.now()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SAFE_WITHIN):
                await self.runner.settled()
                while self._awaited():
                    await asyncio.sleep(0.01)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_WITHIN):
                await self.runner.drained()

    def _awaited(self) -> bool:
        """Does a node that is there still owe us its word?"""
        state = self.engine.state
        online = {node.id for node in state.nodes.values() if node.online}
        return state.link.up and any(a.owed and a.id.node in online for a in state.actuators.values())

    async def _close(self) -> None:
        if self.recorder is not None:
            await self.recorder.close()
        await self.store.close()
        self.runner.depot.archive.close()
        self._journal.close()
        self._folder.release()

    async def connected(self) -> None:
        """Wait for the broker."""
        while not self.engine.state.link.up:
            await asyncio.sleep(0.01)


def _first(options: Options) -> Site:
    """What a new data folder begins with."""
    return options.site if options.file is None else options.file.site


async def _used(store: SqlStore, site: Site) -> list[str]:
    """Types of what is stored, declared and read by rules; without their plug-in they are lost, not in the way."""
    heard = [SeriesId.parse(row["name"]).sensor_type for row in await store.rows(SeriesRow)]
    rules = " ".join(row["document"] for row in await store.rows(RuleRow))
    read = [name.strip().lower() for name in re.findall(r'"sensor_type": ?"([^"]+)"', rules)]
    read = [name for name in read if re.fullmatch(r"[a-z0-9_]{1,40}", name)]  # else no type ever had it
    return [*heard, *read, *(spec.type for spec in site.sensors)]


def _under(kept: Site, file: SiteFile | None) -> Site:
    """Only the kaiser id must be the file's from the beginning: the link is made for it."""
    if file is None or "kaiser_id" not in file.site.model_fields_set:
        return kept
    return kept.model_copy(update={"kaiser_id": file.site.kaiser_id})


def _read_status(payload: bytes | None) -> dict[str, Any]:
    """What is retained there; what cannot be read was not said by a controller."""
    try:
        status = json.loads(payload or b"{}")
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


async def _check_rival(address: BrokerAddress, kaiser_id: str, journal: JournalFile) -> None:
    """Somebody online for this kaiser id who is not our own crashed self: refuse to be the second."""
    topic = build_topic("server_status", KaiserId.parse(kaiser_id))
    with contextlib.suppress(LinkDownError):  # no broker now: the link keeps trying, as always
        payload = await peek_retained(address, topic)
        status = _read_status(payload)
        ours = journal.content.get(("online", ""), {}).get("timestamp")
        if status.get("status") == "online" and status.get("timestamp") != ours:
            what = f"kaiser id {kaiser_id!r} at broker {address}"
            raise ControllerRunningError(what=what, who="it announced itself on server/status")
