"""The circuit breaker, on a clock of its own: five failures, a minute of rest, one try at a time."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from godkaiser.io.breaker import FAILURES, RECOVERY_S, TRIAL_S, Breaker


def broken(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker = breaker.failed(at)
    return breaker


def test_it_opens_with_the_fifth_failure_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker = breaker.failed(0.0)
    assert breaker.allows(0.0)
    assert breaker.succeeded().failed(1.0).allows(1.0)
    assert not breaker.failed(2.0).allows(2.0)


def test_after_a_minute_one_try_is_allowed_at_a_time() -> None:
    breaker = broken(100.0)
    assert breaker.position(159.9) == "open"
    assert breaker.next_try(130.0) == 30.0
    assert breaker.position(160.0) == "half open"
    assert breaker.next_try(160.0) == 0.0
    trying = breaker.tried(161.0)
    assert not trying.allows(162.0)
    assert trying.next_try(162.0) == 161.0 + TRIAL_S - 162.0
    assert trying.allows(161.0 + TRIAL_S)
    assert trying.succeeded().position(162.0) == "closed"
    assert trying.failed(170.0).next_try(171.0) == RECOVERY_S - 1.0


@dataclass
class Story:
    """What a plain reading of the rule says, kept beside."""

    row: int = 0
    opened: float | None = None
    tries: list[float] = field(default_factory=list)


class Breaking(RuleBasedStateMachine):
    """Whatever comes in whatever order: what the breaker allows is what its rule says."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.breaker, self.story = 0.0, Breaker(), Story()

    @rule(seconds=st.sampled_from([0.0, 1.0, 29.0, 30.0, 59.0, 60.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(good=st.booleans())
    def try_it(self, good: bool) -> None:
        if not self.breaker.allows(self.now):
            return
        self.breaker = self.breaker.tried(self.now)
        if good:
            self.breaker, self.story = self.breaker.succeeded(), Story()
            return
        self.breaker = self.breaker.failed(self.now)
        self.story.row += 1
        if self.story.row >= FAILURES or self.story.opened is not None:
            self.story.opened = self.now

    @invariant()
    def as_the_rule_says(self) -> None:
        opened = self.story.opened
        assert self.breaker.allows(self.now) == (opened is None or self.now - opened >= RECOVERY_S)
        assert self.breaker.allows(self.now + self.breaker.next_try(self.now))


TestBreaking = Breaking.TestCase
