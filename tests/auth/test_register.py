"""Sessions as a machine: no token of a family that ended is ever accepted, and every other one is until its time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from godkaiser.auth.policy import Role
from godkaiser.auth.register import LOGOUT, REUSED, Register, Renewal, Theft, digest, tokens_of
from godkaiser.auth.session import Denial, Principal, User
from godkaiser.auth.tokens import LIFETIME_S, TokenKind
from godkaiser.errors import AuthenticationFailedError
from godkaiser.model.instant import DAY

SECRET = "a-test-secret-that-is-long-enough-0123456789"
SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND
ACCESS, REFRESH, PAGE = TokenKind.ACCESS, TokenKind.REFRESH, TokenKind.PAGE
ADA = User(1, "ada", Role.OPERATOR, "", active=True, version=0)
EVE = replace(ADA, id=2, name="eve")


@dataclass
class Held:
    """A token as the model knows it."""

    token: str
    kind: TokenKind
    user: int
    family: int
    ends: int
    used: bool = False


class Sessions(RuleBasedStateMachine):
    """Two users sign in, renew, come twice, sign out here and everywhere, while the time goes on."""

    tokens: Bundle[Held] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.now, self.numbers = NOW, count()
        self.users = {1: ADA, 2: EVE}
        self.register = Register(SECRET)
        self.held: list[Held] = []
        self.over: set[int] = set()  # families

    def _ids(self, number: int) -> list[str]:
        return [f"t{next(self.numbers)}" for _ in range(number)]

    def _hold(self, grants: Any, user: int, family: int) -> Any:
        made = [
            Held(grant.token, TokenKind(grant.entry.kind), user, family, grant.entry.expires_at)
            for grant in grants
        ]
        self.held += made
        return made

    def _good(self, held: Held) -> bool:
        return held.family not in self.over and self.now < held.ends

    @rule(user=st.sampled_from([1, 2]), page=st.booleans(), noted=st.booleans(), target=tokens)
    def login(self, user: int, page: bool, noted: bool) -> Any:
        """`noted`: else the database was away."""
        family = next(self.numbers)
        kinds = [PAGE] if page else [ACCESS, REFRESH]
        grants = self.register.grant(self.users[user], kinds, f"f{family}", self._ids(len(kinds)), self.now)
        if noted:
            self.register.note(grant.entry for grant in grants)
        return self._hold(grants, user, family)[-1]

    @rule(held=tokens, target=tokens)
    def renew(self, held: Held) -> Any:
        if held.kind is not REFRESH or self.now >= held.ends:
            with pytest.raises(AuthenticationFailedError):
                self.register.renew(held.token, self.users, self._ids(2), self.now)
            return held
        found = self.register.renew(held.token, self.users, self._ids(2), self.now)
        if held.family in self.over:
            assert isinstance(found, Denial)
        elif held.used:
            assert isinstance(found, Theft)
            assert {entry.reason for entry in found.ended} == {REUSED}
            self.register.note(found.ended)
            self.over.add(held.family)
        else:
            assert isinstance(found, Renewal)
            self.register.note([found.used])
            self.register.note(grant.entry for grant in found.grants)
            held.used = True
            return self._hold(found.grants, held.user, held.family)[-1]
        return held

    @rule(held=tokens)
    def leave(self, held: Held) -> None:
        if self._good(held) and not held.used:
            claims = self.register.read(held.token, TokenKind, self.now)
            self.register.note(self.register.end(claims, self.now, LOGOUT))
            self.over.add(held.family)

    @rule(user=st.sampled_from([1, 2]))
    def leave_everywhere(self, user: int) -> None:
        self.users[user] = replace(self.users[user], version=self.users[user].version + 1)
        self.register.note(self.register.end_all(user, self.now, "everywhere"))
        assert self.register.end_all(user, self.now, "everywhere") == ()
        self.over |= {held.family for held in self.held if held.user == user}

    @rule(seconds=st.sampled_from([1, 600, 1799, 1800, 6 * 3600, 3 * 86400, 8 * 86400]), forget=st.booleans())
    def wait(self, seconds: int, forget: bool) -> None:
        self.now += seconds * SECOND
        if forget:
            self.register.forget(self.now)

    @rule(held=consumes(tokens))
    def lose(self, held: Held) -> None:
        """Nobody has it any more."""
        self.held = [other for other in self.held if other is not held]

    @invariant()
    def each_is_accepted_exactly_while_it_is_good(self) -> None:
        for held in self.held:
            assert self._accepted(held) is (self._good(held) and not held.used)

    def _accepted(self, held: Held) -> bool:
        try:
            claims = self.register.read(held.token, [held.kind], self.now)
        except AuthenticationFailedError:
            return False
        return isinstance(self.register.principal(claims, self.users), Principal)


Sessions.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestSessions = Sessions.TestCase


def _pair(register: Register, now: int = NOW) -> tuple[str, str]:
    grants = register.grant(ADA, (ACCESS, REFRESH), "f", ("a", "r"), now)
    register.note(grant.entry for grant in grants)
    return grants[0].token, grants[1].token


def test_the_end_of_one_sign_in_is_counted_in_tokens() -> None:
    register = Register(SECRET)
    access, refresh = _pair(register)
    renewal = register.renew(refresh, {1: ADA}, ("a2", "r2"), NOW)
    assert isinstance(renewal, Renewal)
    register.note([renewal.used, *(grant.entry for grant in renewal.grants)])
    ended = register.end(register.read(access, (ACCESS,), NOW), NOW, LOGOUT)
    assert tokens_of(ended) == 3  # two access tokens and the new refresh token; the old one was used
    assert {entry.hash for entry in ended} == {digest(word) for word in ("f", "a", "a2", "r2")}


def test_a_token_that_was_never_noted_counts_as_one() -> None:
    register = Register(SECRET)
    [grant] = register.grant(ADA, [PAGE], "f", ["p"], NOW)
    assert tokens_of(register.end(register.read(grant.token, TokenKind, NOW), NOW, LOGOUT)) == 1


def test_a_token_that_is_made_while_its_family_ends_is_void_too() -> None:
    register = Register(SECRET)
    access, refresh = _pair(register)
    renewal = register.renew(refresh, {1: ADA}, ("a2", "r2"), NOW)
    assert isinstance(renewal, Renewal)
    register.note(register.end(register.read(access, (ACCESS,), NOW), NOW, LOGOUT))
    register.note([renewal.used, *(grant.entry for grant in renewal.grants)])
    late = register.read(renewal.grants[0].token, (ACCESS,), NOW)
    assert register.principal(late, {1: ADA}) is Denial.REVOKED


def test_what_is_void_stays_so_whatever_is_noted_later() -> None:
    register = Register(SECRET)
    access, _ = _pair(register)
    claims = register.read(access, (ACCESS,), NOW)
    register.note(register.end_all(1, NOW, "everywhere"))
    _pair(register)
    assert register.principal(claims, {1: ADA}) is Denial.REVOKED


def test_only_the_kinds_that_are_asked_for_are_read() -> None:
    register = Register(SECRET)
    access, refresh = _pair(register)
    assert register.read(access, (PAGE, ACCESS), NOW).kind is ACCESS
    for token in (refresh, "x"):
        with pytest.raises(AuthenticationFailedError):
            register.read(token, (PAGE, ACCESS), NOW)


def test_what_is_over_is_forgotten_and_nothing_else() -> None:
    register = Register(SECRET)
    _pair(register)
    assert register.forget(NOW + LIFETIME_S[ACCESS] * SECOND + DAY - 1) == 0
    assert register.forget(NOW + LIFETIME_S[ACCESS] * SECOND + DAY) == 1
    assert len(register) == 1
    assert register.forget(NOW + LIFETIME_S[REFRESH] * SECOND + DAY) == 1
    assert len(register) == 0


def test_neither_secret_nor_token_is_in_a_repr() -> None:
    register = Register(SECRET)
    grants = register.grant(ADA, (ACCESS,), "f", ("a",), NOW)
    assert SECRET not in repr(register)
    assert grants[0].token not in repr(grants)


def test_with_a_clock_behind_what_was_forgotten_no_token_is_good_and_a_day_is_no_harm() -> None:
    register = Register(SECRET)
    grants = register.grant(ADA, [ACCESS, REFRESH], "f", ["a", "r"], NOW)
    register.note(grant.entry for grant in grants)
    refresh = grants[1].token
    ended = register.end(register.read(refresh, [REFRESH], NOW), NOW, LOGOUT)
    register.note(ended)
    ahead = NOW + 30 * DAY
    assert register.forget(ahead) == 3
    assert (len(register), register.horizon) == (0, ahead - DAY)
    assert not register.behind(ahead - DAY)
    assert register.behind(NOW)
    with pytest.raises(AuthenticationFailedError, match="the session has ended"):
        register.read(refresh, [ACCESS, REFRESH], NOW)
    with pytest.raises(AuthenticationFailedError, match="the session has ended"):
        register.renew(refresh, {1: ADA}, ["x", "y"], NOW)
    assert register.forget(ahead) == 0
    assert register.horizon == ahead - DAY
