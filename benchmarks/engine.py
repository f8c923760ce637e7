"""What a message costs before it is stored: decoding, and the engine with its rules. No broker, no disk.

    python -m benchmarks.engine [--messages 50000] [--rules 20,100,1000]

Prints CPU µs per message, beside the least that Python needs for it in the same run: `json.loads` of the same bytes.
The cost of the engine must grow with the rules that read a series, not with all rules.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from benchmarks import rig
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import State, from_site
from godkaiser.io.wire.decode import decode
from godkaiser.model import event as ev
from godkaiser.model.instant import SECOND
from godkaiser.model.site import Site
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from godkaiser.sensors.types import canonical

NODES = 20
BEGIN = 1_790_000_000 * SECOND


def readings(count: int) -> list[tuple[str, bytes, int]]:
    """Topics, payloads, times: node by node, then sensor by sensor, ten thousand a second."""
    dice, names, made = random.Random(1), rig.node_names(NODES), []
    for number in range(count):
        at = BEGIN + SECOND + number * 100
        node = names[number % NODES]
        gpio, kind, (low, high), _ = rig.SENSORS[(number // NODES) % len(rig.SENSORS)]
        body = {"esp_id": node, "gpio": gpio, "sensor_type": kind, "raw": round(dice.uniform(low, high), 3)}
        body |= {"raw_mode": True, "ts": at / SECOND, "seq": number}
        made.append((f"kaiser/god/esp/{node}/sensor/{gpio}/data", json.dumps(body).encode(), at))
    return made


def engine(rules: int) -> Engine:
    """With all nodes online."""
    document = rig.site(NODES, rules)
    state: State = from_site(Site.model_validate(document))
    state.run = 1
    built = (
        build_rule(read_document(data), timezone="UTC", canonical=canonical) for data in document["rules"]
    )
    state.set_rules(tuple(built))
    made = Engine(state)
    made.handle(ev.LinkUp(BEGIN, "nowhere"))
    for node in rig.node_names(NODES):
        body = {"esp_id": node, "ts": 0, "uptime": 100, "heap_free": 90000, "wifi_rssi": -60, "boot_id": "b"}
        made.handle(decode(f"kaiser/god/esp/{node}/system/heartbeat", json.dumps(body).encode(), BEGIN))
    return made


def cost(work: Callable[[Any], Any], things: Iterable[Any], count: int) -> float:
    """CPU µs for each."""
    begin = time.process_time()
    for thing in things:
        work(thing)
    return 1e6 * (time.process_time() - begin) / count


def through(made: Engine, event: ev.Event) -> None:
    """As the owner task does: what is due first."""
    while (due := made.next_wakeup) is not None and due <= event.at:
        made.handle(ev.Timer(due))
    made.handle(event)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--rules", default="20,100,1000")
    asked = parser.parse_args()
    messages = readings(asked.messages)
    events = [decode(*message) for message in messages]
    rows: list[dict[str, Any]] = [
        {"what": "json.loads", "us": cost(lambda m: json.loads(m[1]), messages, len(messages))},
        {"what": "decode", "us": cost(lambda m: decode(*m), messages, len(messages))},
    ]
    for rules in map(int, asked.rules.split(",")):
        made = engine(rules)
        per_message = rules / (NODES * len(rig.SENSORS))
        us = cost(partial(through, made), events, len(events))
        rows.append({"what": f"engine, {rules} rules", "us": us, "rules_read_it": per_message})
    for row in rows:
        row["of_json"] = row["us"] / rows[0]["us"]
    rig.show("CPU of a message, µs", rows)


if __name__ == "__main__":
    main()
