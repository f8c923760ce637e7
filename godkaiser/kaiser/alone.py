"""A rule document judged where there is no site."""

from __future__ import annotations

from typing import Any

from godkaiser.errors import UnboundError
from godkaiser.rules.build import build_rule
from godkaiser.rules.caution import cautions
from godkaiser.rules.document import hash_of, read_document
from godkaiser.rules.explain import sentence
from godkaiser.rules.surroundings import Surroundings
from godkaiser.sensors.catalogue import BUILT_IN


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
