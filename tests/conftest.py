"""What every test has: the servers plug-in, hypothesis profiles, and a guard against a blocked event loop."""

import gc
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

from tests.examples import USUAL

pytest_plugins = ["tests.secrets_seen", "tests.services"]

# The same cases every time, so that a change is judged by what it changed; `make test-full` looks further.
settings.register_profile("default", max_examples=USUAL, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "full", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What a file left open is told of at its end, not in whatever test the collector happens to run."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """Raise when code of ours calls something that blocks while an event loop runs."""
    with blockbuster_ctx(scanned_modules=["godkaiser", "godkaiser_dashboard"]) as guard:
        # The coverage tracer locks its own data for a moment, and another thread may be in there.
        guard.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", {"lock_data"})
        yield guard
