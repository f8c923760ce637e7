"""The owner task: journal before command, acknowledgement after commit, stops past the inbox, faults survived."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from blockbuster import BlockBuster

from godkaiser.engine import picture
from godkaiser.engine.effect import Journal
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.io.archive import Archive
from godkaiser.io.clock import VirtualClock
from godkaiser.io.depot import Depot
from godkaiser.io.runner import Runner
from godkaiser.io.spool import Spool
from godkaiser.io.wire.encode import NO_TOKENS, Tokens
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.model.site import Site
from godkaiser.ports import RawMessage
from godkaiser.testing import MemoryJournal, MemoryStore, RecordingLink

NODE = NodeId.parse("ESP_AB12CD")
FAN = ActuatorId.of(NODE, 25)
T0 = 1_800_000_000 * SECOND
SITE = Site.model_validate(
    {
        "nodes": [{"id": NODE, "approved": True}],
        "actuators": [{"node": NODE, "gpio": 25, "type": "relay", "max_on_s": 60}],
    }
)


@dataclass
class Bench:
    runner: Runner
    link: RecordingLink
    store: MemoryStore
    journal: MemoryJournal
    clock: VirtualClock
    outcomes: list[Outcome]

    def message(self, below: str, body: dict[str, Any] | str, token: object | None = None) -> None:
        payload = body if isinstance(body, str) else json.dumps(body)
        self.runner.on_message(RawMessage(f"kaiser/god/esp/{NODE}/{below}", payload.encode(), False, token))

    def reading(self, seq: int) -> None:
        body = {"esp_id": NODE, "gpio": 4, "sensor_type": "ds18b20", "raw": 320, "raw_mode": True, "seq": seq}
        self.message("sensor/4/data", body | {"ts": T0 // SECOND}, token=seq)

    def commands(self) -> list[str]:
        return [json.loads(p)["command"] for t, p in self.link.published if t.endswith("/command")]

    async def until(self, check: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not check():
                await asyncio.sleep(0.001)

    async def online(self) -> None:
        """Connected, heard, adopted."""
        self.runner.on_up("recorder")
        self.message("system/heartbeat", {"ts": 0, "uptime": 1, "heap_free": 1, "wifi_rssi": -1})
        await self.runner.settled()
        self.clock.advance(T0 + 3 * SECOND)
        await self.runner.settled()
        self.link.published.clear()

    def ask(self, value: float, number: int = 1) -> None:
        intent = Intent(f"p{number}", FAN, value, Origin.PERSON, "me")
        self.runner.post(ev.Asked(self.clock.now(), intent))


@asynccontextmanager
async def bench(
    window: int = 20, linger: float = 0.01, tokens: Tokens = NO_TOKENS, spool: Spool | None = None
) -> AsyncIterator[Bench]:
    outcomes: list[Outcome] = []
    clock, link, store, journal = VirtualClock(T0), RecordingLink(window), MemoryStore(), MemoryJournal()
    engine = Engine(from_site(SITE))
    depot = Depot(Archive(store, spool), link, linger=linger)
    runner = Runner(engine, link, depot, journal, clock, tokens=tokens, on_answer=outcomes.append)
    task = asyncio.create_task(runner.run())
    try:
        yield Bench(runner, link, store, journal, clock, outcomes)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_acknowledged_only_after_commit_and_in_order(no_blocking: BlockBuster) -> None:
    async with bench() as b:
        b.store.away = True
        for seq in range(3):
            b.reading(seq)
        b.message("sensor/4/data", "not json", token="poison")
        await b.runner.settled()
        await asyncio.sleep(0.05)
        assert b.link.acknowledged == []
        b.store.away = False
        await b.until(lambda: b.link.acknowledged)
        assert b.link.acknowledged == [0, 1, 2, "poison"]
        assert len(b.store.readings) == b.runner.depot.counts.stored == 3
        assert b.runner.engine.state.counters["malformed"] == 1


async def test_a_record_no_database_takes_is_set_aside() -> None:
    async with bench() as b:
        b.store.refused = {1}
        for seq in range(3):
            b.reading(seq)
        await b.until(lambda: b.link.acknowledged == [0, 1, 2])
        assert sorted(key[3] for key in b.store.readings) == [0, 2]
        assert b.runner.depot.counts.unstorable == 1


async def test_nothing_is_switched_on_any_more_once_it_closes() -> None:
    async with bench() as b:
        await b.online()
        b.runner.post(ev.Closing(b.clock.now()))
        b.ask(1.0)
        await b.until(lambda: any(o.fate is Fate.REFUSED for o in b.outcomes))
        assert "ON" not in b.commands()


async def test_half_the_window_commits_without_waiting() -> None:
    async with bench(window=20, linger=3600.0) as b:
        for seq in range(9):
            b.reading(seq)
        await b.runner.settled()
        assert b.store.batches == 0
        b.reading(9)
        await b.until(lambda: len(b.link.acknowledged) == 10)
        assert b.store.batches == 1


async def test_control_goes_on_while_the_database_is_away() -> None:
    async with bench() as b:
        await b.online()
        b.store.away = True
        b.ask(1.0)
        await b.until(b.commands)
        assert b.commands() == ["ON"]


async def test_the_lease_is_durable_before_the_command_leaves() -> None:
    async with bench() as b:
        await b.online()
        seen: list[int] = []

        class Watched(RecordingLink):
            async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
                seen.append(len([line for line in b.journal.lines if line.kind == "lease"]))
                b.link.published.append((topic, payload))

        b.runner.link = Watched()
        b.ask(1.0)
        await b.until(lambda: b.commands() == ["ON"])
        assert seen == [1]


async def test_nothing_is_energised_without_the_journal_but_safe_moves_go_out() -> None:
    async with bench() as b:
        await b.online()
        b.journal.broken = True
        b.ask(1.0)
        await b.until(lambda: any(o.fate is Fate.FAILED for o in b.outcomes))
        assert b.commands() == []
        assert "journal" in b.outcomes[-1].message
        b.ask(0.0, 2)
        await b.until(lambda: b.commands() == ["OFF"])


async def test_a_journal_that_works_again_gets_what_it_is_owed_and_lets_things_be_switched_on() -> None:
    async with bench() as b:
        await b.online()
        state = b.runner.engine.state
        b.journal.broken = True
        b.runner.post(ev.StopAsked(b.clock.now(), "me", "smoke"))
        await b.until(lambda: "told to be broken" in state.journal_problem)
        assert ("stop", "") not in b.journal.content
        assert picture.stop_picture(state)["journal"] == state.journal_problem
        b.journal.broken = False
        await b.until(lambda: not state.journal_problem)
        assert b.journal.content["stop", ""]["reason"] == "smoke"


async def test_while_the_journal_owes_lines_nothing_is_energised_that_needs_none_either() -> None:
    async with bench() as b:
        await b.online()
        b.ask(1.0)
        await b.until(b.commands)
        b.journal.broken = True
        b.ask(1.0, 2)
        await b.until(lambda: any(o.fate is Fate.FAILED for o in b.outcomes))
        assert b.commands() == ["ON"]


async def test_what_waits_for_the_journal_is_not_settled() -> None:
    """A slow disk under a command, and a notice that gets through meanwhile: time must not be moved on."""
    written, said = asyncio.Event(), asyncio.Event()

    class Slow(MemoryJournal):
        async def write(self, lines: Sequence[Journal]) -> None:
            await written.wait()
            await MemoryJournal.write(self, lines)

    class Held(RecordingLink):
        async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
            await said.wait()
            await RecordingLink.publish(self, topic, payload, qos, retain)

    async with bench() as b:
        await b.online()
        b.message("system/heartbeat", beat(2))
        await b.runner.settled()
        b.clock.advance(b.clock.now() + 3 * SECOND)
        await b.runner.settled()
        b.runner.journal, b.runner.link = Slow(), (link := Held())
        b.message("system/heartbeat", beat(2))
        settled = asyncio.create_task(b.runner.settled())
        await asyncio.sleep(0.02)
        b.ask(1.0)
        await asyncio.sleep(0.02)
        said.set()
        await b.until(lambda: link.published)
        await asyncio.sleep(0.02)
        assert not settled.done()
        written.set()
        async with asyncio.timeout(60):
            await settled
        assert [topic for topic, _ in link.published if topic.endswith("/command")]


async def test_a_stop_overtakes_what_waits_in_the_inbox() -> None:
    async with bench() as b:
        await b.online()
        b.ask(1.0)
        b.runner.post(ev.StopAsked(b.clock.now(), "me", "smoke"))
        await b.runner.settled()
        assert "ON" not in b.commands()
        assert b.journal.content[("stop", "")]["phase"] == "ACTIVE"
        assert any(o.fate is Fate.REFUSED for o in b.outcomes)


class Tripping(RecordingLink):
    """Loses what it is given so many times."""

    def __init__(self, trips: int) -> None:
        super().__init__()
        self.trips, self.tries = trips, 0

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        self.tries += 1
        self.up = self.tries > self.trips
        await RecordingLink.publish(self, topic, payload, qos, retain)


async def test_a_command_the_broker_did_not_get_is_tried_again() -> None:
    async with bench() as b:
        await b.online()
        b.runner.link = link = Tripping(2)
        b.ask(1.0)
        await b.runner.settled()
        assert b.outcomes[-1].fate is Fate.SENT, "the loop does not wait for the next try"
        await b.until(lambda: link.published)
        assert link.tries == 3


async def test_after_three_tries_it_fails_and_says_why() -> None:
    async with bench() as b:
        await b.online()
        b.runner.link = link = Tripping(99)
        b.ask(1.0)
        await b.until(lambda: any(o.fate is Fate.FAILED for o in b.outcomes))
        assert "told to be down" in b.outcomes[-1].message
        assert link.tries == 3


async def test_a_newer_wish_ends_the_tries_of_an_older_one() -> None:
    async with bench() as b:
        await b.online()
        b.runner.link = link = Tripping(1)
        b.ask(1.0)
        await b.runner.settled()
        b.ask(0.0, 2)
        await b.until(lambda: len(link.published) == 1)
        await asyncio.sleep(1.2)
        assert [json.loads(payload)["command"] for _, payload in link.published] == ["OFF"]


def emergencies(link: RecordingLink) -> list[str]:
    return [
        f"{topic.split('/')[1]} {json.loads(payload)['command']}"
        for topic, payload in link.published
        if topic.endswith("/emergency")
    ]


async def test_a_stop_the_broker_did_not_get_is_tried_again() -> None:
    """The broadcast, the nodes' own stop and the single OFF."""
    async with bench() as b:
        await b.online()
        b.runner.link = link = Tripping(3)
        b.runner.post(ev.StopAsked(b.clock.now(), "ann", "smoke"))
        await b.until(lambda: len(link.published) == 3)
        assert sorted(emergencies(link)) == ["broadcast emergency_stop", "god emergency_stop"]
        assert link.tries == 6


async def stopped(b: Bench) -> None:
    """Told, and obeyed; the nodes' own waiting time is over."""
    await b.online()
    b.runner.post(ev.StopAsked(b.clock.now(), "ann", "smoke"))
    await b.runner.settled()
    b.message("actuator/25/status", {"gpio": 25, "actuator_type": "relay", "state": "off", "pwm": 0})
    b.clock.advance(b.clock.now() + 6 * SECOND)
    await b.runner.settled()
    b.link.published.clear()


async def test_a_release_the_broker_did_not_get_is_tried_again() -> None:
    async with bench() as b:
        await stopped(b)
        b.runner.link = link = Tripping(2)
        b.runner.post(ev.ClearAsked(b.clock.now(), "ann", force=False))
        await b.until(lambda: emergencies(link))
        assert (emergencies(link), link.tries) == (["god clear_emergency"], 3)


async def test_a_new_stop_ends_the_tries_of_a_release() -> None:
    async with bench() as b:
        await stopped(b)
        b.runner.link = link = Tripping(1)
        b.runner.post(ev.ClearAsked(b.clock.now(), "ann", force=False))
        await b.until(lambda: link.tries == 1)
        b.runner.post(ev.StopAsked(b.clock.now(), "ann", "smoke"))
        await b.runner.settled()
        await asyncio.sleep(1.2)
        assert sorted(emergencies(link)) == ["broadcast emergency_stop", "god emergency_stop"]


async def test_a_clear_ends_the_tries_of_a_stop() -> None:
    async with bench() as b:
        await stopped(b)
        b.runner.link = link = Tripping(3)
        b.runner.post(ev.StopAsked(b.clock.now(), "ann", "smoke"))
        await b.until(lambda: link.tries == 3)
        b.runner.post(ev.ClearAsked(b.clock.now(), "ann", force=True))
        await b.runner.settled()
        await asyncio.sleep(1.2)
        assert emergencies(link) == []


async def test_timers_fire_without_any_message() -> None:
    async with bench() as b:
        await b.online()
        b.ask(1.0)
        await b.until(lambda: b.commands() == ["ON"])
        b.clock.advance(T0 + 3 * SECOND + 61 * SECOND)
        await b.until(lambda: len(b.commands()) > 1)
        assert b.commands() == ["ON", "OFF"]


def beat(seq: int) -> dict[str, Any]:
    return {"ts": 0, "uptime": seq, "heap_free": 1, "wifi_rssi": -1, "active_handover_epoch": seq}


async def test_after_a_gap_only_the_newest_heartbeat_is_acknowledged() -> None:
    """What piled up while nobody listened is old news; a node counts only the answer to its last word."""
    async with bench() as b:
        await b.online()
        other = "ESP_0000FF"
        for seq in (2, 3, 4):
            b.message("system/heartbeat", beat(seq))
        b.runner.on_message(
            RawMessage(f"kaiser/god/esp/{other}/system/heartbeat", json.dumps(beat(9)).encode(), False, None)
        )
        await b.runner.settled()
        acks = [
            (topic, json.loads(said)) for topic, said in b.link.published if topic.endswith("heartbeat/ack")
        ]
        assert [(topic.split("/")[3], body["handover_epoch"]) for topic, body in acks] == [
            (NODE, 4),
            (other, 9),
        ]
        b.message("system/heartbeat", beat(5))
        await b.runner.settled()
        assert json.loads(b.link.published[-1][1])["handover_epoch"] == 5


async def test_a_message_that_cannot_be_read_is_acknowledged_and_shown() -> None:
    """Else the broker would deliver it again for ever."""
    async with bench() as b:
        await b.online()
        b.message("zone/ack", {"status": "zone_assigned"}, token="z")
        b.message("no/such/topic", "not even JSON", token="n")
        await b.until(lambda: {"z", "n"} <= set(b.link.acknowledged))
        troubles = b.runner.engine.state.troubles
        assert {key: trouble.count for key, trouble in troubles.items()} == {
            (NODE, "missing_field"): 1,
            (NODE, "unknown_topic"): 1,
        }


async def test_a_stop_carries_the_tokens_the_nodes_were_given() -> None:
    """A node that was given one refuses a stop without it; an old node knows only its own id."""
    for modern in (True, False):
        async with bench(tokens=Tokens("node-secret", "all-secret")) as b:
            b.runner.on_up("recorder")
            boot = {"boot_sequence_id": "x-b1-r1"} if modern else {}
            b.message("system/heartbeat", beat(1) | boot | {"active_handover_epoch": 0})
            await b.runner.settled()
            b.link.published.clear()
            b.runner.post(ev.StopAsked(b.clock.now(), "ann", "smoke"))
            await b.runner.settled()
            said = {topic.split("/", 1)[1]: json.loads(body) for topic, body in b.link.published}
            assert said["broadcast/emergency"]["auth_token"] == "all-secret"
            own = said[f"god/esp/{NODE}/actuator/emergency"]["auth_token"]
            assert own == ("node-secret" if modern else NODE)
