"""A scripted session, and pictures of a small farm, for what a real controller would not do on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from godkaiser.handles.line import Line
from godkaiser.handles.owner import Owner, Progress, Session

NOW = "2026-05-01T12:00:00Z"
QUIET: dict[str, Any] = {
    "scope": "all", "phase": "NORMAL", "reason": None, "by": None, "since": None, "unconfirmed": [],
    "not_offline_proof": [], "problem": None, "others": [],
}  # fmt: skip
HOSTILE = '<script>alert("x")</script>'


def sensor(thing: str = "ESP_A1B2C3/0/sht31_temp@0x44", name: str = "air", **more: Any) -> dict[str, Any]:
    shot: dict[str, Any] = {
        "id": thing,
        "name": name,
        "node": "ESP_A1B2C3",
        "zone": "bench",
        "type": "sht31_temp",
    }
    shot |= {
        "unit": "°C",
        "value": 23.4,
        "raw": 25000.0,
        "quality": "good",
        "reason": None,
        "calibration": 0,
        "coverage": None,
    }
    shot |= {"measured_at": NOW, "received_at": NOW, "freshness": "fresh", "stale_after_s": 90.0}
    return shot | more


def actuator(thing: str = "ESP_A1B2C3/25", name: str = "fan", **more: Any) -> dict[str, Any]:
    shot: dict[str, Any] = {
        "id": thing,
        "name": name,
        "node": "ESP_A1B2C3",
        "zone": "bench",
        "kind": "fan",
        "type": "pwm",
    }
    shot |= {"safe_value": 0.0, "enabled": True, "reported": 0.5, "reported_at": NOW, "wished": 0.5}
    shot |= {"pending": False, "safe": False, "emergency": None, "lease_until": NOW, "max_on_s": 60.0}
    return shot | {"last_command": None} | more


def node(thing: str = "ESP_A1B2C3", name: str = "climate", **more: Any) -> dict[str, Any]:
    shot: dict[str, Any] = {"id": thing, "name": name, "zone": "bench", "status": "approved", "online": True}
    shot |= {"last_contact": NOW, "generation": "2026", "kaiser_id": "god", "system_state": "OPERATIONAL"}
    shot |= {"rssi": -61, "heap": 181_000, "uptime": 7200, "notes": [], "unreadable": []}
    shot["config"] = {
        "state": "converged",
        "waits_for": None,
        "left": 0,
        "problem": None,
        "converged_at": NOW,
    }
    return shot | {"problems": [], "board": "esp32_dev", "board_id": thing} | more


def rule(thing: str = "cool", name: str = "Cool", **more: Any) -> dict[str, Any]:
    shot: dict[str, Any] = {"id": thing, "name": name, "sentence": "When it is hot, fan.", "enabled": True}
    return shot | {"truth": "false", "acting": False, "degraded": None, "last_decision": None} | more


def snapshot(**more: Any) -> dict[str, Any]:
    shot: dict[str, Any] = {"now": NOW, "seq": 1, "kaiser_id": "god", "speed": 1.0, "simulated": True}
    shot["link"] = {"state": "up", "since": NOW, "broker": "x", "error": None, "next_try_s": None}
    shot["stop"] = QUIET
    shot |= {"zones": [{"id": "bench", "name": "Bench"}], "counters": {"received": 3}, "malformed": []}
    shot |= {"nodes": [node()], "sensors": [sensor()], "actuators": [actuator()], "rules": [rule()]}
    return shot | more


class Fake:
    """Says what it is told to say; `feed` is its change feed, an exception in it is raised."""

    def __init__(self, *feed: dict[str, Any] | BaseException, first: bool = True) -> None:
        start = [{"kind": "snapshot", "id": "", "data": snapshot()}] if first else []
        self.feed: list[dict[str, Any] | BaseException] = [*start, *feed]
        self.go = asyncio.Event()
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.closed = 0

    async def call(self, method: str, **params: Any) -> Any:
        self.asked.append((method, params))
        answer = self.answers[method]
        if isinstance(answer, BaseException):
            raise answer
        return await answer() if callable(answer) else answer

    async def changes(self) -> AsyncIterator[dict[str, Any]]:
        for number, change in enumerate(self.feed):
            if number:
                await self.go.wait()
            if isinstance(change, BaseException):
                raise change
            yield change
        await asyncio.Event().wait()

    @asynccontextmanager
    async def opening(self, progress: Progress) -> AsyncIterator[Session]:
        try:
            yield self
        finally:
            self.closed += 1

    def line(self, token: str | None = None, name: str = "a fake") -> Line:
        return Line(Owner(self.opening, name), token)
