"""Which of two controllers stays: never both, never none, and no clock is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.kaiser.rival import Hello, read

AGES = st.floats(0, 1e8)


@given(AGES, AGES)
def test_exactly_one_stays(one: float, other: float) -> None:
    a, b = Hello(one, "a"), Hello(other, "b")
    assert a.outranks(b) is not b.outranks(a)


def test_who_was_there_before_stays() -> None:
    assert Hello(60.0, "z").outranks(Hello(1.0, "a"))
    assert Hello(1.1, "a").outranks(Hello(1.2, "z")), "they began together"


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"age": NaN, "run": "x"}', b'{"age": -1, "run": "x"}',
                                     b'{"age": true, "run": "x"}', b'{"age": 1, "run": 2}', b"\xff"])  # fmt: skip
def test_garbage_is_nobodys_hello(payload: bytes) -> None:
    assert read(payload) is None
    assert read(Hello(1.5, "x").to_wire()) == Hello(1.5, "x")
