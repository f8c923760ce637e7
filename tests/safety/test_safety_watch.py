"""Deadlines against a naive model."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from godkaiser.safety.watch import Deadlines

KEYS = st.sampled_from("abcd")
TIMES = st.integers(0, 12)


class DeadlinesMachine(RuleBasedStateMachine):
    """The same operations on a dictionary that is searched every time."""

    def __init__(self) -> None:
        super().__init__()
        self.real: Deadlines[str] = Deadlines()
        self.naive: dict[str, int] = {}

    @rule(key=KEYS, at=TIMES)
    def set(self, key: str, at: int) -> None:
        self.real.set(key, at)
        self.naive[key] = at

    @rule(key=KEYS, at=TIMES)
    def sooner(self, key: str, at: int) -> None:
        self.real.sooner(key, at)
        self.naive[key] = min(at, self.naive.get(key, at))

    @rule(key=KEYS)
    def drop(self, key: str) -> None:
        self.real.drop(key)
        self.naive.pop(key, None)

    @rule(now=TIMES)
    def due(self, now: int) -> None:
        given = self.real.due(now)
        expected = {key: at for key, at in self.naive.items() if at <= now}
        assert sorted(given) == sorted(expected)
        assert [expected[key] for key in given] == sorted(expected.values())
        for key in given:
            del self.naive[key]

    @invariant()
    def the_next_is_the_earliest(self) -> None:
        assert self.real.next == min(self.naive.values(), default=None)

    @invariant()
    def each_key_is_known(self) -> None:
        assert {key: self.real.get(key) for key in "abcd"} == {key: self.naive.get(key) for key in "abcd"}


TestDeadlines = DeadlinesMachine.TestCase
TestDeadlines.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True, database=None
)


def test_what_is_due_at_once_comes_in_the_order_it_was_set() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for key in "cab":
        deadlines.set(key, 5)
    assert deadlines.due(4) == []
    assert deadlines.due(5) == ["c", "a", "b"]
    assert deadlines.due(5) == []
