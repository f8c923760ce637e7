"""Actuators in service: a person works on one, and nothing automatic moves it until then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from godkaiser.auth.policy import Permission
from godkaiser.engine import picture
from godkaiser.engine.limits import LONGEST_SERVICE
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.model import event as ev
from godkaiser.model.instant import MINUTE, SECOND, Duration, parse_duration


class Workshop:
    """Answers requests to begin and to end service."""

    def __init__(self, runner: Runner, clerk: Clerk) -> None:
        self._runner, self._clerk = runner, clerk

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "actuators.service": self._service,
        }

    async def _service(
        self, actuator: str, within: str | float | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """`within`: for how long, 1 min to 24 h; None ends it."""
        who = self._clerk.who(token, Permission.SWITCH)
        found = self._clerk.actuator(actuator)
        span = None if within is None else _span(parse_duration(within, "for"))
        now = self._runner.clock.now()
        self._runner.post(ev.ServiceAsked(now, found, None if span is None else now + span, who))
        await self._runner.settled_inbox()
        shown = picture.one(self._runner.engine.state, "actuator", found, self._runner.clock.now())
        assert shown is not None
        return shown


def _span(span: Duration) -> Duration:
    if not MINUTE <= span <= LONGEST_SERVICE:
        shown = f"{span / SECOND:g} s"
        raise InvalidValueError(
            field="for", value=shown, problem="is no time for service", allowed="1 min to 24 h"
        )
    return span
