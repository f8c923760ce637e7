"""Files that are meant to take memory and time take neither, and are refused with their place."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from godkaiser.cli.rules import read_rules
from godkaiser.errors import DocumentError
from godkaiser.kaiser.alone import judge_all_alone
from godkaiser.kaiser.site import read_site
from godkaiser.kaiser.yamltext import load_yaml
from tests.rules.test_rules_document import rule

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGED = "a0: &a0 {k0: 1}\n" + "".join(
    f"a{n}: &a{n} {{k{n}: 1, <<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (LAUGHS, "f.yaml:6", "more than 1000000 values"),
        (MERGED, "f.yaml:7", "more than 1000000 values"),
        ("conditions: &a [*a]", "f.yaml:1", "*a is not there, or contains itself"),
        ("x: *nowhere", "f.yaml:1", "*nowhere is not there"),
        ("\n" + "[" * 1000 + "]" * 1000, "f.yaml:2", "deeper than 100"),
        ("a: [", "f.yaml", "expected"),
    ],
)
def test_refused_before_it_is_built(text: str, place: str, problem: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError) as caught:
            load_yaml(text, "f.yaml")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.path == place
    assert problem in caught.value.problem
    assert most < 20_000_000


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (f"zones: []\n{LAUGHS}", 7, "more than 1000000 values"),
        (f"zones: []\n{MERGED}", 8, "more than 1000000 values"),
        ("zones: []\nrules: &a [*a]", 2, "*a is not there, or contains itself"),
        ("zones: []\nnodes:\n  - &n {id: *n}", 3, "*n is not there, or contains itself"),
        ("zones: *nowhere", 1, "*nowhere is not there"),
        ("zones:\n " + "[" * 1000 + "]" * 1000, 2, "deeper than 100"),
        ("zones: []\nrules: [\n", 3, "expected the node content"),
        ("zones: []\nzones: []\n", 2, "'zones' stands twice"),
        ("\tzones: []", 1, "found character"),
    ],
)
def test_a_site_file_is_looked_through_before_it_is_built(text: str, line: int, problem: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_site(text, "site.yaml")
    assert caught.value.path == f"line {line} of site.yaml"
    assert problem in caught.value.problem


def test_a_site_file_may_use_a_part_again() -> None:
    node = "{id: ESP_AB12CD, approved: &yes true}"
    site = read_site(f"nodes: [{node}, {{id: ESP_D4E5F6, approved: *yes}}]", "site.yaml").site
    assert [one.approved for one in site.nodes] == [True, True]


def test_what_is_used_again_within_reason_is_read() -> None:
    told = load_yaml("a: &a {x: 1}\nb: [*a, *a, {<<: *a, y: 2}]\nc: &c 5\nd: *c", "f.yaml")
    assert told == {"a": {"x": 1}, "b": [{"x": 1}, {"x": 1}, {"x": 1, "y": 2}], "c": 5, "d": 5}


def test_a_rule_that_is_too_deep_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    deep = "{logic: AND, conditions: [" * 30 + "x" + "]}" * 30
    (tmp_path / "r.yaml").write_text(f"- {{name: abc, conditions: {deep}}}")
    with pytest.raises(DocumentError) as caught:
        read_rules(tmp_path / "r.yaml")
    assert caught.value.path.startswith("rules[0].conditions.conditions[0].conditions[0]")


@pytest.mark.parametrize("other", ["Night heat", "night HEAT", "Night-heat"])
def test_two_rules_of_one_name(other: str) -> None:
    documents: list[Any] = [rule(name="Night heat"), rule(name="Another"), rule(name=other)]
    with pytest.raises(DocumentError) as caught:
        judge_all_alone(documents, "rules")
    assert caught.value.path == "rules[2].name"
    assert "is the name of rules[0] already" in caught.value.problem
    assert len(judge_all_alone(documents[:2], "rules")) == 2
