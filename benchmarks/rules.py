"""What rules cost: 50 of them over 100 series, where every reading wakes one, and as many as 10,000 beside them.

    python -m benchmarks.rules [--events 20000] [--rounds 5] [--rules 100,1000,10000]

Prints CPU µs per event, of the quickest round: of a bare loop over the same events, of the engine without rules, with
them, and the difference, which is what the rules add. Every evaluation keeps its trace; a change of truth makes a
decision with its trace as text. Each rule compares two series, each series is read by one rule.

Then more rules, so that still one reads each series: `others silent` sends the same 100 series, whatever else there
is; `all speak` goes round all of them. The cost must grow with the rules that read a series, not with all rules.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, Final

from benchmarks import rig
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import State, from_site
from godkaiser.io.snapshot import from_bytes, to_bytes
from godkaiser.io.wire.decode import decode
from godkaiser.model import event as ev
from godkaiser.model.instant import SECOND
from godkaiser.model.site import Site
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from godkaiser.rules.rule import Rule
from godkaiser.sensors.types import canonical

BEGIN: Final = 1_790_000_000 * SECOND
EACH: Final = 100  # µs of site time from one reading to the next
SERIES: Final = 100
PER_NODE: Final = len(rig.SENSORS)


_names = cache(rig.node_names)


@dataclass(frozen=True, slots=True)
class World:
    """So many rules over twice as many series. `restless`: the truth of a rule changes with nearly every reading."""

    rules: int
    restless: bool = False

    @property
    def nodes(self) -> list[str]:
        """Each with a series of every kind."""
        return _names(-(-2 * max(self.rules, SERIES // 2) // PER_NODE))

    def documents(self) -> list[dict[str, Any]]:
        """Rule n reads series n, and the one that stands half of all behind it."""
        half = len(self.nodes) * PER_NODE // 2
        return [self._document(number, (number, number + half)) for number in range(self.rules)]

    def _document(self, number: int, series: Sequence[int]) -> dict[str, Any]:
        node = self.nodes[number // PER_NODE]
        return {
            "name": f"Rule {number}",
            "cooldown_seconds": 86_400,
            "logic_operator": "OR",
            "conditions": [self._condition(each) for each in series],
            "actions": [{"type": "actuator_command", "esp_id": node, "gpio": 25, "command": "ON"}],
        }

    def _condition(self, series: int) -> dict[str, Any]:
        gpio, kind, _, limit = rig.SENSORS[series % PER_NODE]
        where = {"esp_id": self.nodes[series // PER_NODE], "gpio": gpio, "sensor_type": kind}
        value = limit if self.restless else rig.NEVER
        return {"type": "sensor", **where, "operator": ">", "value": value}

    def built(self) -> tuple[Rule, ...]:
        """Ready to work."""
        return tuple(
            build_rule(read_document(data), timezone="UTC", canonical=canonical) for data in self.documents()
        )

    def engine(self, rules: tuple[Rule, ...]) -> Engine:
        """With all nodes online."""
        kept, seq = _online(self)
        made = Engine(from_bytes(kept), seq)
        made.state.set_rules(rules)  # when all are there, as each that comes has its rules looked at
        return made

    def events(self, count: int, series: int) -> list[ev.Event]:
        """Readings of the first and the last series, half of `series` each, one after the other."""
        all_of_them, half = len(self.nodes) * PER_NODE, series // 2
        sent = [*range(half), *range(all_of_them // 2, all_of_them // 2 + half)]
        return [self._reading(number, sent[number % series]) for number in range(count)]

    def _reading(self, number: int, series: int) -> ev.Event:
        node, (gpio, kind, (low, high), _) = self.nodes[series // PER_NODE], rig.SENSORS[series % PER_NODE]
        at = BEGIN + 5 * SECOND + number * EACH
        raw = (low, high)[number // SERIES % 2] if self.restless else (low + high) / 2 + number % 7
        body = {"esp_id": node, "gpio": gpio, "sensor_type": kind, "raw": raw, "raw_mode": True}
        body |= {"ts": at / SECOND, "seq": number}
        return decode(f"kaiser/god/esp/{node}/sensor/{gpio}/data", json.dumps(body).encode(), at)


@lru_cache(1)
def _online(world: World) -> tuple[bytes, int]:
    """The engine's state without rules, and how many events made it.

    Thousands of nodes take their time to come, as each looks through all actuators.
    """
    listed = [{"id": name, "approved": True} for name in world.nodes]
    relays = [{"node": name, "gpio": 25, **rig.RELAY} for name in world.nodes]
    state: State = from_site(Site.model_validate({"nodes": listed, "actuators": relays}))
    state.run = 1
    made = Engine(state)
    made.handle(ev.LinkUp(BEGIN, "nowhere"))
    body = {"ts": 0, "uptime": 100, "heap_free": 90000, "wifi_rssi": -60, "boot_id": "b"}
    for node in world.nodes:
        said = json.dumps(body | {"esp_id": node}).encode()
        made.handle(decode(f"kaiser/god/esp/{node}/system/heartbeat", said, BEGIN))
    while (due := made.next_wakeup) is not None and due <= BEGIN + 4 * SECOND:
        made.handle(ev.Timer(due))  # their states are taken over
    return to_bytes(made.state), made.seq


def bare(events: Sequence[ev.Event]) -> None:
    """The least a loop does with an event: look what it is and when."""
    seen = 0
    for event in events:
        if type(event) is ev.SensorReport and event.at > 0:
            seen += 1
    assert seen == len(events)


def through(made: Engine, events: Sequence[ev.Event]) -> None:
    """As the owner task does: what is due first."""
    for event in events:
        while (due := made.next_wakeup) is not None and due <= event.at:
            made.handle(ev.Timer(due))
        made.handle(event)


def quickest(rounds: int, make: Callable[[], Callable[[], None]], count: int) -> float:
    """CPU µs per event; each round begins with something new, and nobody collects garbage meanwhile."""
    best = float("inf")
    for _ in range(rounds):
        work = make()
        gc.collect()
        gc.disable()
        try:
            begin = time.process_time()
            work()
            best = min(best, time.process_time() - begin)
        finally:
            gc.enable()
    return 1e6 * best / count


def measured(world: World, series: int, count: int, rounds: int) -> dict[str, Any]:
    """One line of the table."""
    events, rules = world.events(count, series), world.built()
    woken = len({rule.id for rule in rules})

    def begun(with_rules: tuple[Rule, ...]) -> Callable[[], None]:
        return partial(through, world.engine(with_rules), events)

    loop = quickest(rounds, lambda: partial(bare, events), count)
    without = quickest(rounds, lambda: begun(()), count)
    with_them = quickest(rounds, lambda: begun(rules), count)
    row = {"rules": woken, "series": len(world.nodes) * PER_NODE, "series_sent": series}
    return row | {
        "bare_us": loop,
        "engine_us": without,
        "with_rules_us": with_them,
        "rules_add_us": with_them - without,
    }


def woken_by_each(world: World, events: Sequence[ev.Event]) -> int:
    """The fewest rules that any of these readings wakes."""
    made = world.engine(world.built())
    through(made, events)
    series = {reading.id for reading in made.state.sensors.values() if reading.latest is not None}
    return min(len(made.state.rules_reading(each)) for each in series)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rules", default="100,1000,10000")
    asked = parser.parse_args()
    how = asked.events, asked.rounds
    least = woken_by_each(World(50), World(50).events(2 * SERIES, SERIES))
    rows: list[dict[str, Any]] = [
        {"what": "seldom true"} | measured(World(50), SERIES, *how),
        {"what": "truth changes nearly always"} | measured(World(50, restless=True), SERIES, *how),
    ]
    rig.show(f"50 rules over 100 series, every reading wakes {least} at least: CPU µs of an event", rows)
    rows = list[dict[str, Any]]()
    for rules in map(int, asked.rules.split(",")):
        world = World(rules)
        how = (
            asked.events,
            asked.rounds if rules <= 1000 else 1,
        )  # thousands of nodes take their time to come online
        rows.append({"what": "others silent"} | measured(world, SERIES, *how))
        rows.append({"what": "all speak"} | measured(world, 2 * rules, *how))
    rig.show("More rules, one for each series: CPU µs of an event", rows)


if __name__ == "__main__":
    main()
