"""What is told of a document has no secret in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.discreet import discreet, told

PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc ÄÖ", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
    ),
)


@given(PLAIN)
def test_what_has_no_secret_stays_as_it_is(document: Any) -> None:
    assert discreet(document) == document


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://hooks.example.org/T0/B1?sign=abc#x", "https://hooks.example.org/…"),
        ("see https://ann:pw@host.example/a and wait", "see https://host.example/… and wait"),
        ("mqtts://user:p@ss@broker:8883", "mqtts://broker:8883/…"),
        ("http://[::1]:80/x", "http://[::1]:80/…"),
        ("://", "://"),
        ("a:b", "a:b"),
    ],
)
def test_of_an_address_only_scheme_and_host_are_told(text: str, shown: str) -> None:
    assert discreet({"target": [text]}) == {"target": [shown]}


def test_what_is_named_like_a_secret_is_left_out() -> None:
    document = {
        "password": "x",
        "api_key": 7,
        "Token": ["x"],
        "secret": "",
        "key": "fan",
        "passwords": {"a": "x"},
    }
    assert discreet(document) == {
        "password": "…", "api_key": "…", "Token": "…", "secret": "", "key": "fan", "passwords": "…"
    }  # fmt: skip


def test_nothing_is_no_text() -> None:
    assert (told(None), told(0), told("")) == ("", "0", '""')
    assert told({"at": complex(1)}) == '{"at":"(1+0j)"}'


def test_a_long_text_is_looked_at_once() -> None:
    """Where looking for a scheme began anew at every letter this took hours."""
    long = "x" * 1_000_000
    assert discreet([long]) == [long]
    assert discreet("ab://" + "c@" * 100_000 + "host/p") == "ab://host/…"
