"""A rule document judged where there is no site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from godkaiser.errors import DocumentError, UnboundError
from godkaiser.model.ids import RuleId
from godkaiser.rules.build import build_rule
from godkaiser.rules.caution import cautions
from godkaiser.rules.document import hash_of, read_document
from godkaiser.rules.explain import sentence
from godkaiser.rules.surroundings import Surroundings
from godkaiser.sensors.catalogue import BUILT_IN


def judge_all_alone(documents: Sequence[Any], path: str) -> list[dict[str, Any]]:
    """Of one file: names that make the same id would replace each other. Raises `DocumentError`."""
    judged, first = [], dict[RuleId, int]()
    for number, data in enumerate(documents):
        judged.append(judge_alone(data, f"{path}[{number}]"))
        before = first.setdefault(RuleId.from_name(judged[-1]["name"]), number)
        if before != number:
            problem = f"is the name of {path}[{before}] already: give each rule one of its own"
            raise DocumentError(path=f"{path}[{number}].name", problem=problem)
    return judged


def judge_alone(data: Any, path: str = "rule") -> dict[str, Any]:
    """Name, id, sentence and hash. Raises `DocumentError`; what the site would have to say is `open` instead."""
    document = read_document(data, path)
    found: dict[str, Any] = {"name": document.name, "sentence": "", "hash": hash_of(document)}
    found["warnings"] = list(cautions(document, path))
    try:
        rule = build_rule(
            document,
            timezone="the site's time",
            canonical=BUILT_IN.canonical,
            around=Surroundings(unit_of=lambda series: BUILT_IN.unit_of(series, {})),
            path=path,
        )
    except UnboundError as error:
        return found | {"open": str(error)}
    return found | {"id": str(rule.id), "sentence": sentence(rule, str, lambda _: "")}
