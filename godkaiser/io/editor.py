"""Rules by the hand of a person: checked, imported, exported, and single ones switched on, off and taken out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from godkaiser.auth.policy import Permission
from godkaiser.engine import picture
from godkaiser.errors import DocumentError, DuplicateRuleError, RuleRefusedError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.whereabouts import Zones, of_rules
from godkaiser.rules.caution import cautions
from godkaiser.rules.document import RuleDocument, hash_of, read_document, write_document
from godkaiser.rules.explain import sentence
from godkaiser.rules.refused import RefusedRule
from godkaiser.rules.rule import Rule


class Editor:
    """Answers requests to change rules, and gives what stands in the book."""

    def __init__(self, runner: Runner, clerk: Clerk, book: Rulebook) -> None:
        self._runner, self._clerk, self._book = runner, clerk, book
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "rules.check": self._rules_check,
            "rules.import": self._rules_import,
            "rules.export": self._rules_export,
            "rules.enable": self._enable,
            "rules.disable": self._disable,
            "rules.remove": self._remove,
        }

    async def _rules_check(self, documents: list[Any], token: str | None = None) -> list[dict[str, Any]]:
        self._clerk.who(token, Permission.LOOK)
        checked = self._checked(documents)
        names, unit = self._state.name_of, self._state.unit_of
        return [
            {
                "id": rule.id,
                "name": rule.name,
                "sentence": sentence(rule, names, unit),
                "hash": hash_of(document),
                "warnings": list(cautions(document, f"rules[{number}]")),
            }
            for number, (document, rule) in enumerate(checked)
        ]

    def _checked(self, documents: list[Any]) -> list[tuple[RuleDocument, Rule]]:
        if not isinstance(documents, list):
            raise DocumentError(path="rules", problem="a list of rules is expected")
        made = []
        for number, data in enumerate(documents):
            path = f"rules[{number}]"
            document = read_document(data, path)
            made.append((document, self._book.build(document, path)))
        ids = [rule.id for _, rule in made]
        for rule_id in ids:
            if ids.count(rule_id) > 1:
                raise DuplicateRuleError(name=rule_id)
        return made

    async def _rules_import(self, documents: list[Any], token: str | None = None) -> dict[str, Any]:
        """All or nothing: rules of the same name are replaced, the others stay."""
        self._clerk.who(token, Permission.EDIT_RULES, lambda: self._reach(documents))
        checked = self._checked(documents)
        async with self._book.changing:
            who = self._clerk.who(token, Permission.EDIT_RULES, lambda: self._reach(documents))  # as of now
            given = {str(rule.id): write_document(document) for document, rule in checked}
            stored, declared = await self._book.take_over(self._book.documents | given, who)
        await self._runner.drained()
        return {
            "imported": [rule.id for _, rule in checked],
            "rules": len(stored.rules),
            "refused": [
                {"rule": rule.id, "path": rule.path, "problem": rule.problem} for rule in stored.refused
            ],
            "warnings": [
                words
                for n, (document, _) in enumerate(checked)
                for words in cautions(document, f"rules[{n}]")
            ],
            "declared": [
                f"{spec.id}: taken as a {spec.type} with at most {spec.longest_on_s:g} s on-time, as no site file"
                " or node has said more"
                for spec in declared
            ],
        }

    def _reach(self, documents: list[Any]) -> Zones | None:
        """Those of the new rules, and of what they replace."""
        rules = [rule for _, rule in self._checked(documents)]
        before = [self._state.rules[rule.id].rule for rule in rules if rule.id in self._state.rules]
        return of_rules(self._state, [*rules, *before])

    async def _rules_export(self, token: str | None = None) -> list[dict[str, Any]]:
        self._clerk.who(token, Permission.LOOK)
        return list(self._book.documents.values())

    # ── single ones ────────────────────────────────────────────────────────────────────────────────────
    async def _enable(self, rule: str, token: str | None = None) -> dict[str, Any]:
        """It decides again, from what is known now."""
        return await self._switched(rule, True, token)

    async def _disable(self, rule: str, token: str | None = None) -> dict[str, Any]:
        """It decides nothing any more; what it wanted is withdrawn at once."""
        return await self._switched(rule, False, token)

    async def _switched(self, text: str, enabled: bool, token: str | None) -> dict[str, Any]:
        self._changer(text, token)
        async with self._book.changing:
            who = self._changer(text, token)  # waiting took its time: the right may be gone
            found = self._book.rule(text).rule.id
            if self._state.rules[found].rule.enabled is not enabled:
                await self._change(found, enabled, who)
        shown = picture.one(self._state, "rule", found, self._runner.clock.now())
        assert shown is not None
        return shown

    def _changer(self, text: str, token: str | None) -> str:
        state, book = self._state, self._book
        return self._clerk.who(token, Permission.EDIT_RULES, lambda: of_rules(state, [book.rule(text).rule]))

    async def _change(self, rule: str, enabled: bool, who: str) -> None:
        merged = dict(self._book.documents)
        merged[rule] = write_document(read_document(merged[rule] | {"enabled": enabled}))
        await self._book.take_over(merged, who)
        await self._runner.drained()

    async def _remove(self, rule: str, token: str | None = None) -> dict[str, Any]:
        """It is gone, what it wanted is withdrawn at once; also one that is stored and refused."""
        self._remover(rule, token)
        async with self._book.changing:
            who = self._remover(rule, token)  # as above
            gone = self._stored(rule)
            left = {key: data for key, data in self._book.documents.items() if key != gone.id}
            stored, _ = await self._book.take_over(left, who)
        await self._runner.drained()
        return {"removed": gone.id, "name": gone.name, "rules": len(stored.rules)}

    def _remover(self, text: str, token: str | None) -> str:
        return self._clerk.who(token, Permission.EDIT_RULES, lambda: self._zones_of(self._stored(text)))

    def _zones_of(self, rule: Rule | RefusedRule) -> Zones | None:
        """Nobody knows what one that is refused would switch."""
        return of_rules(self._state, [rule]) if isinstance(rule, Rule) else None

    def _stored(self, text: str) -> Rule | RefusedRule:
        """By id or name; one that is carried out goes first."""
        try:
            return self._book.rule(text).rule
        except RuleRefusedError:
            refused = self._book.refused(text)
            assert refused is not None
            return refused
