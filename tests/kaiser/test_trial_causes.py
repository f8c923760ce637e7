"""Lives of which the test knows what was done to them: every departure of a trial names that, and nothing else."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from godkaiser.io.clock import VirtualClock
from godkaiser.io.sql.store import SqlStore
from godkaiser.kaiser.departures import Departure
from godkaiser.kaiser.site import SiteFile
from godkaiser.kaiser.then import SAME
from godkaiser.kaiser.trial import Trial, try_rules
from godkaiser.model.event import Asked
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import MINUTE, SECOND, Instant
from godkaiser.model.intent import Intent, Origin
from tests.kaiser.house import NODE, OTHER, T0, House, file, house

FAN = f"{OTHER}/25"
TEXT = f"""\
nodes:
  - {{id: {NODE}, name: climate node, approved: true}}
  - {{id: {OTHER}, name: fan node, approved: true}}
sensors:
  - {{node: {NODE}, gpio: 34, type: moisture, name: soil, calibration: {{dry: 2800, wet: 1200}}}}
actuators:
  - {{node: {OTHER}, gpio: 25, type: relay, kind: fan, name: fan, max_on_s: 7200, rule_hold_s: 0}}
"""
DRY, WET = 2640, 1360  # 10 % and 90 %
STEP = 2 * MINUTE
SLOT = 30  # steps
RULE: dict[str, Any] = {
    "name": "Water",
    "conditions": [
        {
            "type": "sensor",
            "esp_id": NODE,
            "gpio": 34,
            "sensor_type": "moisture",
            "operator": "<",
            "value": 40,
        }
    ],
    "actions": [{"type": "actuator", "esp_id": OTHER, "gpio": 25, "command": "ON"}],
    "cooldown_seconds": 0,
}
OTHERWISE = RULE | {"conditions": [RULE["conditions"][0] | {"value": 5}]}
RIVAL = {
    "name": "Rival",
    "conditions": [{"type": "node_online", "esp_id": NODE}],
    "actions": [{"type": "actuator", "esp_id": OTHER, "gpio": 25, "command": "OFF"}],
    "priority": 1,
    "cooldown_seconds": 0,
    "enabled": False,
}
KINDS = {
    "stop": "stop", "off": "switch", "edit": "change", "hold": "person", "away": "node", "deaf": "confirmation",
    "rival": "outranked", "ended": "silence", "other node stopped": "", "other rule edited": "", "blind": "node",
}  # fmt: skip


@dataclass
class Life:
    """A controller with two nodes, one that reads and one that obeys; what is planted, and when."""

    home: House
    raw: int = WET
    planted: list[tuple[Instant, str]] = field(default_factory=list)
    there: set[str] = field(default_factory=lambda: {NODE, OTHER})
    deaf: bool = False
    answered: int = 0

    async def step(self) -> None:
        self.home.pass_time(STEP / SECOND)
        for node in sorted(self.there):
            await self.home.beat(node, 1 if node == NODE else 0)
        if NODE in self.there:
            await self.home.soil(self.raw)
        await self.obey()

    async def obey(self) -> None:
        """The node's word for each command that reached it."""
        await self.home.controller.runner.drained()
        sent = self.home.sent("actuator/25/command", OTHER)
        new, self.answered = sent[self.answered :], len(sent)
        for one in new if OTHER in self.there and not self.deaf else ():
            on = one["command"] == "ON"
            said = {key: one[key] for key in ("command", "value", "correlation_id")}
            await self.home.hear(
                "actuator/25/response",
                {"esp_id": OTHER, "gpio": 25, "duration": 0, "success": True, "message": ""} | said,
                OTHER,
            )
            await self.home.hear(
                "actuator/25/status",
                {"esp_id": OTHER, "gpio": 25, "type": "relay", "state": on, "pwm": 255 if on else 0},
                OTHER,
            )

    async def plant(self, what: str, lasting: int) -> None:
        """Begin it; `lasting` is in steps."""
        home = self.home
        now = home.clock.now()
        self.planted.append((now, what))
        if what == "stop":
            await home.call("stop", reason="smoke")
        elif what == "other node stopped":
            await home.call("stop", scope=f"node:{NODE}")
        elif what == "off":
            await home.call("rules.disable", rule="water")
        elif what == "edit":
            await home.call("rules.import", documents=[OTHERWISE])
        elif what == "other rule edited":
            await home.call("rules.import", documents=[RIVAL | {"cooldown_seconds": lasting}])
        elif what == "rival":
            await home.call("rules.enable", rule="rival")
        elif what == "hold":
            intent = Intent(
                f"p-{now}", ActuatorId.parse(FAN), 0.0, Origin.PERSON, "user:ann", hold=lasting * STEP
            )
            home.controller.runner.post(Asked(now, intent))
            await home.controller.runner.settled_inbox()
        elif what in ("away", "blind"):
            gone = OTHER if what == "away" else NODE
            self.there.discard(gone)
            await home.leave(gone)
        self.deaf = what == "deaf"

    async def lift(self, what: str) -> None:
        """End it."""
        self.deaf = False
        self.there = {NODE, OTHER}
        if what in ("stop", "other node stopped"):
            scope = "all" if what == "stop" else f"node:{NODE}"
            await self.home.call("clear", scope=scope, force=True)
        elif what == "off":
            await self.home.call("rules.enable", rule="water")
        elif what == "edit":
            await self.home.call("rules.import", documents=[RULE])
        elif what == "rival":
            await self.home.call("rules.disable", rule="rival")


async def lived(data: Path, plants: Sequence[str], seed: int) -> tuple[Trial, list[tuple[Instant, str]]]:
    """One slot for each, in its first half; the soil turns dry and wet all the time."""
    dice, clock = random.Random(seed), VirtualClock(T0)
    planted: list[tuple[Instant, str]] = []
    site: SiteFile | None = file(TEXT)
    begin = T0
    for number, what in enumerate(plants):
        async with house(data, site, clock=clock) as home:
            life = Life(home)
            if not number:
                await home.call("rules.import", documents=[RULE, RIVAL])
                await slot(life, "", dice)
                begin = clock.now()
            await slot(life, what, dice)
            planted += life.planted
            await home.controller.runner.drained()
        site = None
        if what == "ended":
            planted.append((clock.now(), what))
            clock.advance(clock.now() + 15 * STEP)
    return await tried(data, (begin, clock.now())), planted


async def slot(life: Life, what: str, dice: random.Random) -> None:
    start, lasting = dice.randint(4, 6), dice.randint(11, 13)
    until = dice.randint(3, 5)
    for step in range(SLOT):
        if step in (start, SLOT - 1) and what in ("blind", "ended"):  # what it was at then counts
            life.raw, until = DRY, 3
            await life.step()
        if what not in ("", "ended") and step == start:
            await life.plant(what, lasting)
            await life.obey()
        if what not in ("", "ended") and step == start + lasting:
            await life.lift(what)
            await life.obey()
        until -= 1
        if not until:
            until, life.raw = dice.randint(3, 5), DRY + WET - life.raw
        await life.step()


async def tried(data: Path, span: tuple[Instant, Instant]) -> Trial:
    store = await SqlStore.look(f"sqlite:///{data / 'godkaiser.db'}")
    try:
        return await try_rules(store, [RULE], span)
    finally:
        await store.close()


def wrong(departures: Sequence[Departure], planted: Sequence[tuple[Instant, str]]) -> list[str]:
    """Those that name another cause than the last thing that was done before them."""
    found = []
    for one in departures:
        before = [what for at, what in planted if at <= one.at + SAME]
        if not before or KINDS[before[-1]] != one.kind:
            found.append(f"{before[-1:]}: {one.document()}")
    return found


@settings(max_examples=2)
@given(st.permutations(sorted(KINDS)), st.integers(0, 1000))
def test_every_departure_names_what_was_done_and_nothing_else(plants: list[str], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trial, planted = asyncio.run(lived(Path(folder), plants, seed))
    assert wrong(trial.departures, planted) == []
    named = {one.kind for one in trial.departures}
    assert named == {kind for kind in KINDS.values() if kind}, "and each was found"


async def test_what_was_not_done_to_it_is_unknown(tmp_path: Path) -> None:
    """Rows that were lost, say: nothing is invented."""
    async with house(tmp_path, file(TEXT)) as home:
        life = Life(home)
        await home.call("rules.import", documents=[RULE])
        begin = home.clock.now()
        for raw in (WET, DRY, DRY, WET, WET):
            life.raw = raw
            await life.step()
        await home.controller.runner.drained()
        await home.controller.store.execute(text("DELETE FROM decision"))
        await home.controller.store.execute(text("DELETE FROM rule_trace"))
        await home.controller.store.execute(text("DELETE FROM outcome"))
        end = home.clock.now()
    trial = await tried(tmp_path, (begin, end))
    assert [(one.then, one.now, one.kind) for one in trial.departures] == [
        (None, True, "unknown"),
        (None, False, "unknown"),
    ]
    assert "nothing that is stored explains it: looked at were silence, stops" in trial.departures[0].cause
