"""Claims plus the user's row give a person or a denial."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from godkaiser.auth.policy import POLICY, Permission, Role
from godkaiser.auth.session import Denial, Principal, Totp, User, admit
from godkaiser.auth.tokens import Claims, TokenKind

CLAIMS = Claims(7, TokenKind.ACCESS, "j1", "f1", 3, 1_000_000, 9_000_000)
USER = User(7, "ada", Role.OPERATOR, "$2b$...", active=True, version=3)


def test_a_living_user_with_a_living_token_comes_in() -> None:
    person = admit(CLAIMS, USER, revoked=False)
    rights = POLICY[Role.OPERATOR]
    assert person == Principal(7, "ada", Role.OPERATOR, "j1", 9_000_000, None, rights)
    assert person.who == "user:ada"


@pytest.mark.parametrize(
    ("user", "revoked", "denial"),
    [
        (None, False, Denial.INVALID_USER),
        (replace(USER, active=False), False, Denial.INVALID_USER),
        (replace(USER, id=8), False, Denial.INVALID_USER),
        (replace(USER, version=4), False, Denial.REVOKED),
        (USER, True, Denial.REVOKED),
    ],
)
def test_who_is_turned_away(user: User | None, revoked: bool, denial: Denial) -> None:
    assert admit(CLAIMS, user, revoked=revoked) is denial


def _in(**changes: Any) -> Principal:
    person = admit(CLAIMS, replace(USER, **changes), revoked=False)
    assert isinstance(person, Principal)
    return person


def test_the_role_of_today_counts_not_the_one_at_sign_in() -> None:
    person = _in(role=Role.VIEWER)
    assert person.may(Permission.STOP)
    assert not person.may(Permission.SWITCH)


def test_whoever_has_no_zones_acts_in_all_of_them() -> None:
    assert _in().may(Permission.SWITCH)
    assert _in().may(Permission.SWITCH, ["bench", None])


def test_zones_bind_acting_but_never_stopping_and_looking() -> None:
    person = _in(zones=frozenset({"bench", "hall"}))
    assert person.may(Permission.SWITCH, ["bench"])
    assert person.may(Permission.CLEAR, ["bench", "hall"])
    for asked in (["cellar"], ["bench", "cellar"], [None], ["bench", None], [], None):
        assert not person.may(Permission.SWITCH, asked)
        assert person.may(Permission.STOP, asked)
        assert person.may(Permission.LOOK, asked)
    assert not person.may(Permission.MANAGE_USERS, ["bench"])


def test_the_hash_and_the_second_factor_are_not_in_the_repr() -> None:
    shown = repr(replace(USER, totp=Totp("GEZDGNBV")))
    assert "$2b$" not in shown
    assert "GEZDGNBV" not in shown


def test_denials_speak_the_words_clients_know() -> None:
    assert (Denial.REVOKED.value, Denial.INVALID_USER.value) == ("Token has been revoked", "Invalid user")
