"""A controller on a link that only records; the test is the nodes. It may be ended and started again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from godkaiser.auth.requests import PER_MINUTE
from godkaiser.auth.retention import AuditRetention
from godkaiser.io.asking import Asking, asking
from godkaiser.io.clock import VirtualClock, WallClock
from godkaiser.io.porter import BrokerFiles
from godkaiser.io.wire.encode import NO_TOKENS
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.kaiser.site import SiteFile, read_site
from godkaiser.model.instant import SECOND
from godkaiser.model.site import Site
from godkaiser.ports import RawMessage
from godkaiser.sensors.catalogue import BUILT_IN
from godkaiser.testing import RecordingLink

NODE, OTHER, BOARD = "ESP_AB12CD", "ESP_D4E5F6", "ESP_FF00AA"
SOIL = f"{NODE}/34/moisture"
T0 = 1_800_000_000 * SECOND
TEXT = f"""\
zones: [{{id: bench, name: North bench}}]
nodes:
  - {{id: {NODE}, name: climate node, zone: bench, approved: true}}
sensors:
  - {{node: {NODE}, gpio: 34, type: moisture, name: soil, calibration: {{dry: 2800, wet: 1200}}}}
actuators:
  - {{node: {NODE}, gpio: 25, type: relay, kind: fan, name: fan, max_on_s: 1800}}
rules:
  - name: Cool
    conditions: [{{type: time_window, start_time: "06:00", end_time: "22:00"}}]
    actions: [{{type: actuator_command, esp_id: {NODE}, gpio: 25, command: "ON"}}]
"""


def file(text: str = TEXT) -> SiteFile:
    return read_site(text, "site.yaml")


@dataclass
class House:
    """What a test holds."""

    controller: Controller
    link: RecordingLink
    clock: VirtualClock

    async def call(self, method: str, **params: Any) -> Any:
        """`origin`: the address it comes from."""
        async with asyncio.timeout(60):
            with asking(Asking(params.pop("origin", ""))):
                return await self.controller.clerk.call(method, params)

    async def hear(self, below: str, body: dict[str, Any], node: str = NODE) -> None:
        topic = f"kaiser/god/esp/{node}/{below}"
        payload = json.dumps({"ts": self.clock.now() // SECOND} | body)
        self.controller.runner.on_message(RawMessage(topic, payload.encode(), False, None))
        async with asyncio.timeout(60):
            await self.controller.runner.settled()

    async def beat(self, node: str = NODE, sensors: int = 1) -> None:
        body = {"uptime": 60, "heap_free": 90000, "wifi_rssi": -60, "boot_sequence_id": f"{node}-b1-r1"}
        counts = {"sensor_count": sensors, "actuator_count": 1, "time_valid": True}
        await self.hear("system/heartbeat", body | counts, node)

    async def leave(self, node: str = NODE) -> None:
        body = {"status": "offline", "timestamp": self.clock.now() // SECOND}
        await self.hear("system/will", body, node)

    async def soil(self, raw: int, node: str = NODE) -> None:
        body = {"esp_id": node, "gpio": 34, "sensor_type": "moisture", "raw": raw, "raw_mode": True}
        await self.hear("sensor/34/data", body | {"quality": "good", "time_valid": True}, node)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(self.clock.now() + round(seconds * SECOND))

    def sent(self, below: str, node: str = NODE) -> list[dict[str, Any]]:
        topic = f"kaiser/god/esp/{node}/{below}"
        return [json.loads(payload) for where, payload in self.link.published if where == topic]

    async def sentences(self, text: str) -> list[str]:
        answer = await self.call("site.diff", text=text)
        return [difference["meaning"] for difference in answer["differences"]]

    async def audit(self) -> list[tuple[str, str, str]]:
        from godkaiser.io.sql.table import AuditRow  # noqa: PLC0415 - who did what has no door yet

        await self.controller.runner.drained()
        rows = await self.controller.store.rows(AuditRow)
        return [(row["who"], row["action"], row["target"]) for row in rows]


@asynccontextmanager
async def house(
    data: Path, site: SiteFile | None = None, *, clock: VirtualClock | None = None, **more: Any
) -> AsyncIterator[House]:
    """A controller at work in a data folder."""
    clock, link = clock or VirtualClock(T0), RecordingLink()
    options = Options(
        data,
        more.get("first", Site()),
        file=site,
        clock=clock,
        wall=more.get("wall", WallClock()),
        link=lambda _: link,
        check_rival=False,
        journal_within=5.0,
        desk=False,
        linger=0.01,
        catalogue=more.get("catalogue", BUILT_IN),
        record_most=more.get("record_most", 0),
        tokens=more.get("tokens", NO_TOKENS),
        requests_per_minute=more.get("requests_per_minute", PER_MINUTE),
        broker_files=more.get("broker_files", BrokerFiles()),
        audit=more.get("audit", AuditRetention()),
        database=more.get("database"),
    )
    controller = await Controller.open(options)
    async with controller.running():
        async with asyncio.timeout(60):
            await controller.connected()
        yield House(controller, link, clock)
