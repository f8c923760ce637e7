"""Actuators that people have for themselves: in service, where nothing automatic moves one, and the end of a hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from godkaiser.auth.policy import Permission
from godkaiser.engine import picture
from godkaiser.engine.limits import LONGEST_SERVICE
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.whereabouts import of_actuator
from godkaiser.model import event as ev
from godkaiser.model.instant import MINUTE, SECOND, Duration, parse_duration


class Workshop:
    """Answers requests to begin and to end service, and to end a hold."""

    def __init__(self, runner: Runner, clerk: Clerk) -> None:
        self._runner, self._clerk = runner, clerk

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "actuators.service": self._service,
            "actuators.release": self._release,
        }

    async def _service(
        self, actuator: str, within: str | float | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """`within`: for how long, 1 min to 24 h; None ends it."""
        who = self._who(actuator, token)
        found = self._clerk.actuator(actuator)
        span = None if within is None else _span(parse_duration(within, "for"))
        now = self._runner.clock.now()
        return await self._told(ev.ServiceAsked(now, found, None if span is None else now + span, who))

    async def _release(self, actuator: str, token: str | None = None) -> dict[str, Any]:
        """Ends a person's hold before its time; nothing happens where nobody holds it."""
        who = self._who(actuator, token)
        return await self._told(ev.HoldEnded(self._runner.clock.now(), self._clerk.actuator(actuator), who))

    def _who(self, actuator: str, token: str | None) -> str:
        state, clerk = self._runner.engine.state, self._clerk
        return clerk.who(token, Permission.SWITCH, lambda: of_actuator(state, clerk.actuator(actuator)))

    async def _told(self, event: ev.ServiceAsked | ev.HoldEnded) -> dict[str, Any]:
        """The picture after it."""
        self._runner.post(event)
        await self._runner.settled_inbox()
        shown = picture.one(self._runner.engine.state, "actuator", event.actuator, self._runner.clock.now())
        assert shown is not None
        return shown


def _span(span: Duration) -> Duration:
    if not MINUTE <= span <= LONGEST_SERVICE:
        shown = f"{span / SECOND:g} s"
        raise InvalidValueError(
            field="for", value=shown, problem="is no time for service", allowed="1 min to 24 h"
        )
    return span
