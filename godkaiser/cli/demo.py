"""`godkaiser demo`: private broker, controller, simulated greenhouse, pages; or headless in lock-step."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from godkaiser.cli.control import signalled
from godkaiser.cli.output import say
from godkaiser.cli.pages import Pages
from godkaiser.engine.effect import Decision
from godkaiser.engine.picture import stop_picture
from godkaiser.errors import InvalidValueError
from godkaiser.io.broker import PrivateBroker
from godkaiser.io.clock import WallClock
from godkaiser.io.ending import ended
from godkaiser.io.folder import DataFolder
from godkaiser.kaiser.simulation import SIMULATION_START, Simulation, simulation, temporary_folder
from godkaiser.model.instant import DAY, HOUR, Duration, Instant, parse_duration, parse_instant, to_iso

DEFAULT_SPEED: Final = 60.0
LEAD: Final = 3 * HOUR  # simulated beforehand, so that the charts are not empty
MORNING: Final = 9 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the command line asked for."""

    port: int
    mqtt_port: int
    data: Path | None
    seed: int
    speed: float | None
    headless: bool
    host: str
    lasting: str | None
    as_json: bool

    async def run(self) -> None:
        """Until the time is over or a signal comes; actuators are safe at the end."""
        began = time.monotonic()
        span = None if self.lasting is None else parse_duration(self.lasting, "--for")
        if span == 0:
            raise InvalidValueError(
                field="--for", value="0", problem="is nothing", allowed="a positive duration"
            )
        stop = signalled()
        async with self._world() as world:
            stored_before = await world.controller.store.count_readings()
            if self.headless:
                await self._headless(world, span or DAY, stop)
            else:
                await self._with_pages(world, span, stop)
            safe = await self._safe_end(world)
            stored = await world.controller.store.count_readings() - stored_before
            summary = _summary(world, self.seed, stored, safe, time.monotonic() - began)
        self._report(summary)

    @contextlib.asynccontextmanager
    async def _world(self) -> AsyncIterator[Simulation]:
        with contextlib.ExitStack() as stack:
            data = self.data or Path(stack.enter_context(temporary_folder()))
            DataFolder(data).check()
            broker = PrivateBroker(data / "broker", self.mqtt_port)
            await broker.start()
            try:
                async with simulation(
                    data,
                    self.seed,
                    start=self._start(),
                    speed=self.speed or DEFAULT_SPEED,
                    broker=broker,
                    lock_step=True,
                ) as world:
                    yield world
            finally:
                await broker.stop()

    def _start(self) -> Instant:
        """Headless: a fixed day, so that a seed decides everything. Else this morning, or now at real speed."""
        if self.headless:
            return parse_instant(SIMULATION_START, 0)
        now = WallClock().now()
        return (now if self.speed == 1.0 else now - now % DAY + MORNING) - LEAD

    # ── headless ───────────────────────────────────────────────────────────────────────────────────────
    async def _headless(self, world: Simulation, span: Duration, stop: asyncio.Event) -> None:
        end = world.clock.now() + span
        await self._advance(world, end, stop, "greenhouse", self.speed)

    async def _advance(
        self, world: Simulation, end: Instant, stop: asyncio.Event, what: str, speed: float | None
    ) -> None:
        """In lock-step with a progress bar on the terminal; ends early on a signal."""
        begin = world.clock.now()
        with self._progress(what, end - begin) as show:
            steps = asyncio.create_task(
                world.pacer.run_until(end, lambda now: show(now - begin), speed=speed, stop=stop)
            )
            await steps

    @contextlib.contextmanager
    def _progress(self, what: str, total: Duration) -> Any:
        console = Console(stderr=True)
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=self.as_json or not console.is_terminal,
        )
        with bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)

    # ── with pages ─────────────────────────────────────────────────────────────────────────────────────
    async def _with_pages(self, world: Simulation, span: Duration | None, stop: asyncio.Event) -> None:
        speed = self.speed or DEFAULT_SPEED
        pages = Pages(world.controller.options.data, self.host, self.port)
        await self._advance(world, world.clock.now() + LEAD, stop, "the morning so far", None)
        world.pacer.let_go()
        pacing = asyncio.create_task(world.pacer.run_paced(speed))
        try:
            await pages.start()
            password = await world.controller.doorman.fresh_admin()
            self._welcome(pages, password, speed, world)
            await self._wait(world, span, stop, pacing)
        finally:
            await ended([pacing])
            await pages.stop()

    async def _wait(
        self, world: Simulation, span: Duration | None, stop: asyncio.Event, pacing: asyncio.Task[None]
    ) -> None:
        end = None if span is None else world.clock.now() + span
        while not stop.is_set() and (end is None or world.clock.now() < end):
            if pacing.done():
                pacing.result()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await stop.wait()

    def _welcome(self, pages: Pages, password: str, speed: float, world: Simulation) -> None:
        if self.as_json:
            facts = {"addresses": pages.addresses, "user": "admin", "password": password, "speed": speed}
            facts |= {
                "data": str(world.controller.options.data),
                "broker": str(world.controller.options.address),
            }
            print(json.dumps(facts), flush=True)
            return
        say("")
        say(f"  The greenhouse runs, {speed:g} times faster than real time.")
        say(f"  Page      {pages.addresses[0]}")
        if len(pages.addresses) > 1:
            say(f"  On a phone in the same network: {pages.addresses[1]}")
        say("  User      admin")
        say(f"  Password  {password}")
        say(f"  MQTT      {world.controller.options.address} (this machine only)")
        say(f"  Data      {world.controller.options.data}" + ("" if self.data else " (removed at the end)"))
        say("  In another terminal: godkaiser sensors | godkaiser why 'exhaust fan' | godkaiser stop")
        say("  Ctrl-C ends it and leaves every actuator safe.")

    # ── the end ────────────────────────────────────────────────────────────────────────────────────────
    async def _safe_end(self, world: Simulation) -> bool:
        if self.headless:
            await world.finish()
        else:
            await world.controller.make_safe()
        return world.greenhouse.all_safe()

    def _report(self, summary: dict[str, Any]) -> None:
        if self.as_json:
            print(json.dumps(summary), flush=True)
            return
        say("")
        for rule, counts in summary["rules"].items():
            say(f"  {rule}: on {counts['on']} times, off {counts['off']} times")
        for key in (
            "readings_received",
            "readings_stored",
            "commands_sent",
            "commands_confirmed",
            "malformed",
        ):
            say(f"  {key.replace('_', ' ')}: {summary[key]}")
        say(f"  actuators safe: {'yes' if summary['all_safe'] else 'NO'}")


def _summary(world: Simulation, seed: int, stored: int, safe: bool, seconds: float) -> dict[str, Any]:
    state = world.controller.engine.state
    counts = state.counters
    keys = ["readings_received", "quarantined", "malformed", "decisions"]
    keys += ["commands_sent", "commands_confirmed", "commands_refused", "commands_failed"]
    return {
        "seed": seed,
        "broker": world.broker,
        **{key: counts[key] for key in keys},
        "readings_stored": stored,
        "duplicates": world.controller.runner.depot.counts.repeats,
        "rules": _switches(world.decisions),
        "all_safe": safe,
        "stop": stop_picture(state)["phase"],
        "decisions_sha256": digest(world.decisions),
        "simulated_until": to_iso(world.clock.now()),
        "seconds": round(seconds, 3),
    }


def _switches(decisions: list[Decision]) -> dict[str, dict[str, int]]:
    """How often each rule went from idle to acting and back."""
    switches: dict[str, dict[str, int]] = {}
    acting: dict[str, bool] = {}
    for decision in decisions:
        counts = switches.setdefault(decision.rule, {"on": 0, "off": 0})
        before = acting.get(decision.rule, False)
        if decision.active != before:
            counts["on" if decision.active else "off"] += 1
        acting[decision.rule] = decision.active
    return switches


def digest(decisions: list[Decision]) -> str:
    """SHA-256 over every decision, in order, one JSON line each."""
    sha = hashlib.sha256()
    for d in decisions:
        line = [d.rule, d.at, d.truth, d.active, d.trace, d.note, d.cause]
        sha.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return sha.hexdigest()
