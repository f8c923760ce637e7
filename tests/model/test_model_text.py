"""Texts no database keeps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.text import DEEPEST, spoiled, spoiled_in, storable

HALVES = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "problem", "kept"),
    [
        ("", "", ""),
        ("pump é 🌱", "", "pump é 🌱"),
        ("a\0b", "holds the character NUL", "a\ufffdb"),
        ("é\ud800", "holds half a character", "é\ufffd"),
        ("\udc00\0", "holds the character NUL", "\ufffd\ufffd"),
    ],
)
def test_what_is_kept(text: str, problem: str, kept: str) -> None:
    assert (spoiled(text), storable(text)) == (problem, kept)


@given(HALVES)
def test_whatever_it_was_it_can_be_kept_then(text: str) -> None:
    kept = storable(text)
    assert spoiled(kept) == ""
    assert kept.encode().decode() == kept
    assert kept == text or spoiled(text)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [{"b": "x\0"}]}, "with.a.0.b"),
        ({"a": {"x\0": 1}}, "with.a"),
        ({"a": ("\ud800",)}, "with.a.0"),
        ({"a": [1, None, 2.5, True, "good", b"\0"]}, None),
    ],
)
def test_the_place_is_named(value: Any, where: str | None) -> None:
    found = spoiled_in(value, "with")
    assert (found and found[0]) == where


def test_nobody_follows_what_is_too_deep() -> None:
    deep: Any = "x"
    for _ in range(DEEPEST):
        deep = [deep]
    assert spoiled_in(deep, "with") is None
    for _ in range(10_000):
        deep = [deep]
    assert spoiled_in(deep, "with") == ("with", f"is deeper than {DEEPEST}")
