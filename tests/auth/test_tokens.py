"""Tokens: what is accepted, and everything that is not."""

from __future__ import annotations

import base64
import json
from itertools import permutations
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.tokens import SKEW, Claims, TokenKind, issue, read, weakness
from godkaiser.errors import AuthenticationFailedError, WeakSecretError

SECRET = "a-test-secret-that-is-long-enough-0123456789"
OTHER = SECRET[::-1]
SECOND = 1_000_000
NOW = 1_780_000_000 * SECOND
ACCESS, REFRESH = TokenKind.ACCESS, TokenKind.REFRESH


def _issue(kind: TokenKind = ACCESS, now: int = NOW) -> str:
    return issue(42, kind, jti="j", family="f", version=1, secret=SECRET, now=now)


def _forge(algorithm: str = "HS256", secret: str = SECRET, **changes: Any) -> str:
    body = {"sub": "42", "type": "access", "jti": "j", "ver": 1, "iat": 1, "nbf": 1, "exp": 2_000_000_000}
    body |= {"iss": "godkaiser", "aud": "godkaiser", "fam": "f"}
    body |= changes
    return jwt.encode({k: v for k, v in body.items() if v != "absent"}, secret, algorithm=algorithm)


def _refused(token: str, kind: TokenKind = ACCESS, now: int = NOW) -> str:
    with pytest.raises(AuthenticationFailedError) as caught:
        read(token, kind, secret=SECRET, now=now)
    return caught.value.problem


@given(
    st.integers(0, 10**18 - 1),
    st.sampled_from(TokenKind),
    st.text(min_size=1, max_size=40),
    st.integers(0, 10**9),
    st.integers(0, 4 * 10**15),
)
def test_read_gives_back_what_was_issued(
    user: int, kind: TokenKind, jti: str, version: int, now: int
) -> None:
    token = issue(user, kind, jti=jti, family="f", version=version, secret=SECRET, now=now)
    second = now // SECOND * SECOND
    lifetime = {ACCESS: 1800, REFRESH: 7 * 24 * 3600, TokenKind.PAGE: 12 * 3600}[kind]
    expected = Claims(user, kind, jti, "f", version, second, second + lifetime * SECOND)
    assert read(token, kind, secret=SECRET, now=now) == expected


def test_the_claims_are_those_other_programs_know() -> None:
    body = jwt.decode(_issue(), options={"verify_signature": False})
    assert body["sub"] == "42"
    assert body["type"] == "access"
    assert body["exp"] - body["iat"] == 1800


def test_it_ends_exactly_when_it_says() -> None:
    token, end = _issue(), NOW + 1800 * SECOND
    assert read(token, ACCESS, secret=SECRET, now=end - 1).expires_at == end
    assert _refused(token, now=end) == "the session has ended"


def test_a_token_from_the_future_is_refused_beyond_a_small_skew() -> None:
    token = _issue()
    assert read(token, ACCESS, secret=SECRET, now=NOW - SKEW).jti == "j"
    assert _refused(token, now=NOW - SKEW - 1) == "authentication failed"


def test_not_before_is_kept_too() -> None:
    assert _refused(_forge(nbf=NOW // SECOND + 3600)) == "authentication failed"
    assert _refused(_forge(iat=NOW // SECOND + 3600)) == "authentication failed"


@pytest.mark.parametrize(("made", "asked"), list(permutations(TokenKind, 2)))
def test_kinds_are_never_interchangeable(made: TokenKind, asked: TokenKind) -> None:
    assert _refused(_issue(made), asked) == "authentication failed"


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": 42}, {"sub": "root"}, {"sub": "-1"}, {"sub": ""}, {"sub": "4²"}, {"sub": "absent"},
        {"sub": "9" * 19}, {"type": "absent"}, {"type": "api"}, {"type": ["access"]}, {"jti": ""},
        {"jti": 5}, {"jti": "absent"}, {"ver": "1"}, {"ver": True}, {"ver": -1}, {"ver": "absent"},
        {"exp": "absent"}, {"exp": "never"}, {"exp": 2e9}, {"exp": None}, {"iat": "absent"},
        {"nbf": "absent"}, {"nbf": 1.5}, {"iss": "absent"}, {"iss": "another"}, {"iss": ""},
        {"aud": "absent"}, {"aud": "another"}, {"aud": ["godkaiser"]}, {"fam": "absent"}, {"fam": ""}, {"fam": 1},
    ],
)  # fmt: skip
def test_a_well_signed_token_with_odd_claims_is_refused(changes: dict[str, Any]) -> None:
    assert _refused(_forge(**changes)) == "authentication failed"


def test_the_forging_tool_of_this_file_makes_good_tokens_when_left_alone() -> None:
    assert read(_forge(), ACCESS, secret=SECRET, now=NOW).user_id == 42


def test_another_secret_and_other_algorithms_are_refused() -> None:
    assert _refused(_forge(secret=OTHER)) == "authentication failed"
    assert _refused(_forge(algorithm="HS384", secret=SECRET * 2)) == "authentication failed"


def test_algorithm_none_is_refused() -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    body = jwt.decode(_forge(), options={"verify_signature": False})
    for name in ("none", "None", "NONE", ""):
        for signature in ("", _forge().split(".")[2]):
            _refused(f"{part({'alg': name, 'typ': 'JWT'})}.{part(body)}.{signature}")


@given(st.text(max_size=200))
def test_any_text_is_refused_with_the_one_error(text: str) -> None:
    assert _refused(text) == "authentication failed"


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_changed_letter_breaks_it(place: int, letter: str) -> None:
    token = _issue()
    place %= token.rfind(".")  # the last letter of a signature carries bits nobody reads
    if token[place] != letter:
        assert _refused(token[:place] + letter + token[place + 1 :]) == "authentication failed"


@given(st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=3))
def test_what_no_bytes_can_spell_is_refused(text: str) -> None:
    assert _refused(f"a{text}.b.c") == "authentication failed"


WEAK = [
    "",
    "x" * 31,
    "x" * 64,
    "changeme" * 3,
    "changeme" * 8,
    "Change-Me-" + "0123456789abcdef" * 2,
    "your-secret-key-change-in-production",
    "YOUR_SECRET_KEY_CHANGE_IN_PRODUCTION",
    "12345678" * 4,
    "abcdefgh" * 8 + "abc",
    "0123456789a" * 4,
]


def test_what_is_random_is_strong() -> None:
    for secret in (
        "0123456789ab" * 3,
        "9f86d081884c7d659a2feaa0c55ad015",
        "Kf4m-wqT7-hKxa-9PzE-Kf4m-wqT7-hKx",
    ):
        assert weakness(secret) == ""


@pytest.mark.parametrize("secret", WEAK)
def test_weak_secrets_are_refused_for_writing_and_reading(secret: str) -> None:
    with pytest.raises(WeakSecretError):
        issue(1, ACCESS, jti="j", family="f", version=0, secret=secret, now=NOW)
    with pytest.raises(WeakSecretError) as caught:
        read(_issue(), ACCESS, secret=secret, now=NOW)
    assert not secret or secret not in str(caught.value)
