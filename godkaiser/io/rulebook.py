"""The rules that stand: their documents as they are stored, good or not, and how they are replaced by others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from godkaiser.engine.site import undeclared
from godkaiser.engine.state import RuleState
from godkaiser.errors import RuleRefusedError, UnknownRuleError
from godkaiser.io.runner import Runner
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.stored import Stored, sort_out
from godkaiser.model import event as ev
from godkaiser.model.discreet import told
from godkaiser.model.site import ActuatorSpec
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import RuleDocument
from godkaiser.rules.refused import RefusedRule
from godkaiser.rules.rule import Rule
from godkaiser.rules.surroundings import Surroundings


class Rulebook:
    """All rules of the site. Who changes them has asked for the right first, and holds `changing` meanwhile."""

    def __init__(self, runner: Runner, store: SqlStore) -> None:
        self._runner, self._store = runner, store
        self._state = runner.engine.state
        self.documents: dict[str, Any] = {}  # of rules, as they are stored: also of those that are refused
        self.changing = asyncio.Lock()  # one change of rules or site after the other

    def build(self, document: RuleDocument, path: str) -> Rule:
        """A document bound to this site."""
        state = self._state
        return build_rule(
            document,
            timezone=state.timezone,
            around=replace(
                Surroundings.of(state.sensor_specs.values(), state.derived.values(), state.position),
                unit_of=lambda one: state.catalogue.unit_of(one, state.derived),
            ),
            canonical=state.catalogue.canonical,
            known=(*state.sensors, *state.sensor_specs, *state.derived),
            spec_of=state.spec,
            path=path,
        )

    def stored(self, documents: Mapping[str, Any]) -> Stored:
        """Which of these are carried out here."""
        return sort_out(
            documents, self.build, {rule.rule.id: rule.rule for rule in self._state.rules.values()}
        )

    async def take_over(
        self, documents: Mapping[str, Any], who: str
    ) -> tuple[Stored, tuple[ActuatorSpec, ...]]:
        """These are the rules from now on; give what they declare. Only while `changing` is held.

        Kept first: a change that happened must be known after a crash.
        """
        stored = self.stored(documents)
        declared = undeclared(stored.rules, self._state.actuators)
        await self._store.save_rules(list(stored.documents.items()))
        changes = tuple(_changes(self.documents, stored.documents))
        self.documents = stored.documents
        now = self._runner.clock.now()
        self._runner.post(ev.RulesChanged(now, stored.rules, declared, who, stored.refused, changes))
        return stored, declared

    @property
    def sound(self) -> dict[str, Any]:
        """The documents of the rules that are carried out."""
        return {key: data for key, data in self.documents.items() if key not in self._state.refused}

    def rule(self, text: object) -> RuleState:
        """By id or name, in any case of letters. Raises `UnknownRuleError`, or `RuleRefusedError`."""
        wanted = str(text).strip().casefold()
        for state in self._state.rules.values():
            if wanted and wanted in (state.rule.id.casefold(), state.rule.name.casefold()):
                return state
        if (refused := self.refused(text)) is not None:
            raise RuleRefusedError(name=refused.name, path=refused.path, problem=refused.problem)
        raise UnknownRuleError(text=str(text)[:80])

    def refused(self, text: object) -> RefusedRule | None:
        """A stored rule that is not carried out, likewise."""
        wanted = str(text).strip().casefold()
        named = (r for r in self._state.refused.values() if wanted in (r.id.casefold(), r.name.casefold()))
        return next(named, None) if wanted else None


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What became of which document. One that cannot be read is not told."""
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old != new:
            texts = (told(part) if isinstance(part, dict) else "" for part in (old, new))
            yield key, next(texts), next(texts)
