"""The limit: what a bare aiomqtt loop, or a bare paho callback, takes in and throws away.

    python -m benchmarks.bare --port 1883 --messages 50000 [--how loop|sink]

Says `ready` when subscribed; then one JSON line: messages a second from the first to the last, CPU µs of each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import aiomqtt

TOPIC = "kaiser/+/esp/+/sensor/+/data"


class Count:
    """Counts to a number."""

    def __init__(self, total: int) -> None:
        self.total, self.seen = total, 0
        self.begin = self.end = self.cpu = 0.0
        self.done = asyncio.Event()

    def one(self) -> None:
        """Another message."""
        if not self.seen:
            self.begin, self.cpu = time.time(), time.process_time()
        self.seen += 1
        if self.seen == self.total:
            self.end, self.cpu = time.time(), time.process_time() - self.cpu
            self.done.set()


async def loop(port: int, count: Count) -> None:
    """As aiomqtt's own documentation has it, and nothing is done with the messages."""
    async with aiomqtt.Client("127.0.0.1", port, identifier="bare") as client:
        await client.subscribe(TOPIC, qos=1)
        print("ready", flush=True)
        async for _ in client.messages:
            count.one()
            if count.done.is_set():
                break


async def sink(port: int, count: Count) -> None:
    """Without a task and a wait per message: what aiomqtt can do at best."""

    class Sink(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, _: aiomqtt.Message) -> None:
            count.one()

    async with aiomqtt.Client("127.0.0.1", port, identifier="bare", queue_type=Sink) as client:
        await client.subscribe(TOPIC, qos=1)
        print("ready", flush=True)
        await count.done.wait()


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--how", choices=("loop", "sink"), default="loop")
    asked = parser.parse_args()
    count = Count(asked.messages)
    asyncio.run((loop if asked.how == "loop" else sink)(asked.port, count))
    rate = count.total / (count.end - count.begin)
    print(
        json.dumps(
            {"msg_s": rate, "cpu_us": 1e6 * count.cpu / count.total, "begin": count.begin, "end": count.end}
        )
    )


if __name__ == "__main__":
    main()
