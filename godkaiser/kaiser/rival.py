"""Never two controllers for one kaiser id, also when the broker was not there as they were started.

Each says now and then who it is, on a topic no node reads, over a small connection of its own. Whoever began later
ends, without a word to the nodes: an "offline" would make them let go, and they belong to the other one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import secrets
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt

from godkaiser.errors import ControllerRunningError
from godkaiser.io.address import BrokerAddress
from godkaiser.io.ahead import Delivered
from godkaiser.io.client import new_client
from godkaiser.io.ending import heed_cancellation
from godkaiser.model.ids import KaiserId

EVERY: Final = 20.0
AGAIN: Final = 2.0
WITHIN: Final = 5.0
TOGETHER: Final = 0.5  # seconds: more than a hello is on its way
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hello:
    """Who is there, and for how many seconds: no clock is asked, as one of them may be wrong."""

    age: float
    run: str

    def to_wire(self) -> bytes:
        """`{"age": …, "run": …}`."""
        return json.dumps({"age": round(self.age, 3), "run": self.run}).encode()

    def outranks(self, other: Hello) -> bool:
        """Was it there before the other? Of two that began together one stays, too."""
        apart = self.age - other.age
        return apart > 0 if abs(apart) > TOGETHER else self.run < other.run


def read(payload: Any) -> Hello | None:
    """What is no hello is nobody's."""
    try:
        body = json.loads(payload)
        age, run = body["age"], body["run"]
    except (ValueError, TypeError, KeyError):
        return None
    right = isinstance(age, (int, float)) and not isinstance(age, bool) and isinstance(run, str)
    return Hello(float(age), run) if right and 0 <= age < math.inf else None


class RivalWatch:
    """Looks for others until one is found that was there before us: then it raises `ControllerRunningError`."""

    def __init__(self, address: BrokerAddress, kaiser: KaiserId) -> None:
        self._address, self._kaiser = address, kaiser
        self._run, self._began = secrets.token_hex(8), asyncio.get_running_loop().time()
        self._heard: asyncio.Queue[Hello] = asyncio.Queue(100)

    @property
    def _me(self) -> Hello:
        return Hello(asyncio.get_running_loop().time() - self._began, self._run)

    @property
    def topic(self) -> str:
        """Below the nodes' own topics."""
        return f"kaiser/{self._kaiser}/server/controllers"

    async def run(self) -> None:
        """Until cancelled, over as many connections as it takes."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError, TimeoutError, OSError):
                await self._connected()
            await asyncio.sleep(AGAIN)

    def _take(self, message: Delivered) -> None:
        # A retained one was said by nobody who is there now.
        hello = None if message.retain else read(message.payload)
        if hello is not None and hello.run != self._run and not self._heard.full():
            self._heard.put_nowait(hello)

    async def _connected(self) -> None:
        client = new_client(self._address, f"godkaiser_watch_{self._run}", self._take)
        async with client:
            async with asyncio.timeout(WITHIN):
                await client.subscribe(self.topic, qos=1)
            heed_cancellation()
            while True:
                async with asyncio.timeout(WITHIN):
                    await client.publish(self.topic, self._me.to_wire(), 1)
                heed_cancellation()
                await self._compared()

    async def _compared(self) -> None:
        """Until it is time to say it again: at once when somebody has to be told."""
        try:
            async with asyncio.timeout(EVERY):
                other = await self._heard.get()
        except TimeoutError:
            return
        if other.outranks(self._me):
            what = f"kaiser id {str(self._kaiser)!r} at broker {self._address}"
            raise ControllerRunningError(what=what, who="it was there before us; we sent nothing more")
        log.warning("Another controller has come for kaiser id %s; it is told to end.", self._kaiser)
        await asyncio.sleep(0.2)
