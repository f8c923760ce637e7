"""Cycles of the zones: which there are, and the history of a sensor while one grew, where it grew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from godkaiser.auth.policy import Permission
from godkaiser.engine.cycles import cycles_picture, span_of
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.curves import Curves
from godkaiser.io.runner import Runner


class Almanac:
    """Answers requests about cycles."""

    def __init__(self, runner: Runner, clerk: Clerk, curves: Curves) -> None:
        self._runner, self._clerk, self._curves = runner, clerk, curves
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "cycles": self._cycles,
            "cycles.history": self._history,
        }

    async def _cycles(self, token: str | None = None) -> list[dict[str, Any]]:
        self._clerk.who(token, Permission.LOOK)
        return cycles_picture(self._state, self._runner.clock.now())

    async def _history(
        self,
        series: str,
        cycle: str,
        packed: bool = False,
        token: str | None = None,
    ) -> dict[str, Any]:
        """As `history`, but only what was measured in the cycle's zone in its time."""
        self._clerk.who(token, Permission.LOOK)
        zone, start, end = span_of(self._state, cycle, self._runner.clock.now())
        sensor = self._clerk.sensor(series)
        return await self._curves.stretch(sensor, (start, end), packed=packed, zone=zone)
