"""Claims plus the user's row give a person or a denial."""

from __future__ import annotations

from dataclasses import replace

import pytest

from godkaiser.auth.policy import Permission, Role
from godkaiser.auth.session import Denial, Principal, User, admit
from godkaiser.auth.tokens import Claims, TokenKind

CLAIMS = Claims(7, TokenKind.ACCESS, "j1", 3, 1_000_000, 9_000_000)
USER = User(7, "ada", Role.OPERATOR, "$2b$...", active=True, version=3)


def test_a_living_user_with_a_living_token_comes_in() -> None:
    person = admit(CLAIMS, USER, frozenset())
    assert person == Principal(7, "ada", Role.OPERATOR, "j1", 9_000_000)


@pytest.mark.parametrize(
    ("user", "revoked", "denial"),
    [
        (None, set(), Denial.INVALID_USER),
        (replace(USER, active=False), set(), Denial.INVALID_USER),
        (replace(USER, id=8), set(), Denial.INVALID_USER),
        (replace(USER, version=4), set(), Denial.REVOKED),
        (USER, {"j1"}, Denial.REVOKED),
    ],
)
def test_who_is_turned_away(user: User | None, revoked: set[str], denial: Denial) -> None:
    assert admit(CLAIMS, user, revoked) is denial


def test_the_role_of_today_counts_not_the_one_at_sign_in() -> None:
    person = admit(CLAIMS, replace(USER, role=Role.VIEWER), set())
    assert isinstance(person, Principal)
    assert person.may(Permission.STOP)
    assert not person.may(Permission.SWITCH)


def test_the_hash_is_not_in_the_repr() -> None:
    assert "$2b$" not in repr(USER)


def test_denials_speak_the_words_clients_know() -> None:
    assert [d.value for d in Denial] == ["Token has been revoked", "Invalid user"]
