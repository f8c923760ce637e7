"""Rules that are asked why they do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from godkaiser.engine.state import RuleState
from godkaiser.engine.whynot import why_not
from godkaiser.errors import UnknownRuleError
from godkaiser.io.clerk import Method
from godkaiser.io.runner import Runner


class Explainer:
    """Answers with the engine's own judgement; changes nothing."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "rules.why": self._why_not,
        }

    async def _why_not(self, rule: str) -> dict[str, Any]:
        return why_not(self._runner.engine.state, self._rule(str(rule)), self._runner.clock.now())

    def _rule(self, text: str) -> RuleState:
        """By id or name. Raises `UnknownRuleError`."""
        wanted = text.strip().casefold()
        for state in self._runner.engine.state.rules.values():
            if wanted and wanted in (state.rule.id.casefold(), state.rule.name.casefold()):
                return state
        raise UnknownRuleError(text=text)
