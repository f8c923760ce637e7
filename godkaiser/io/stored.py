"""Rules as they are stored: which of them this program takes, and what becomes of the others.

A document that was good once may be refused today: by stricter checks, or because the site has no such sensor any
more. Only what is given now is worth an error; what is stored is kept as it is, and the others work without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from godkaiser.errors import DocumentError, GodkaiserError
from godkaiser.model.ids import RuleId
from godkaiser.rules.document import RuleDocument, read_document
from godkaiser.rules.refused import RefusedRule
from godkaiser.rules.rule import Rule

NAME_MOST: Final = 100
Build = Callable[[RuleDocument, str], Rule]


@dataclass(frozen=True, slots=True)
class Stored:
    """Every document by its id (a text is one that cannot be read), the rules made of them, and the refused ones."""

    documents: dict[str, Any]
    rules: tuple[Rule, ...]
    refused: tuple[RefusedRule, ...]


def read_text(text: str) -> Any:
    """The document in a stored text, or the text itself where there is none in it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def sort_out(
    documents: Mapping[str, Any],
    build: Build,
    running: Mapping[RuleId, Rule],
    taken: Container[str] = (),
) -> Stored:
    """`running`: what is at work goes on as it is, also where its document could not be bound a second time.

    `taken`: ids that others have.
    """
    kept, rules, refused = dict[str, Any](), dict[RuleId, Rule](), list[RefusedRule]()
    for key, data in documents.items():
        try:
            rule = _made(key, data, build, running)
            if rule.id in taken or (rule.id != key and (rule.id in documents or rule.id in rules)):
                raise DocumentError(path="rule.name", problem=f"another stored rule has the id {rule.id!r}")
        except GodkaiserError as error:
            refused.append(refusal(key, data, error))
            kept[key] = data
        else:
            rules[rule.id] = rule
            kept[rule.id] = data
    return Stored(kept, tuple(rules.values()), tuple(refused))


def _made(key: str, data: Any, build: Build, running: Mapping[RuleId, Rule]) -> Rule:
    try:
        return build(read_document(data), "rule")
    except GodkaiserError:
        known = running.get(RuleId.known(key))
        if known is None:
            raise
        return replace(known, enabled=_enabled(data))


def refusal(key: str, data: Any, error: GodkaiserError) -> RefusedRule:
    """What is to be known of one that is refused."""
    name = data.get("name") if isinstance(data, dict) else None
    path, problem = (error.path, error.problem) if isinstance(error, DocumentError) else ("rule", str(error))
    shown = name[:NAME_MOST] if isinstance(name, str) and name.strip() else key
    return RefusedRule(RuleId.known(key), shown, path, problem, _enabled(data))


def _enabled(data: Any) -> bool:
    return not isinstance(data, dict) or data.get("enabled", True) is not False
