"""A simulated farm shared by the tests that leave it as they found it, and controllers of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import godkaiser
from godkaiser import blocking
from tests.facade.process import Demo, running_demo

SIM = "sim://greenhouse?seed=7&history=3h&speed=600"


@pytest.fixture(scope="module")  # it runs as fast as it can: no others beside it
def plain() -> Iterator[blocking.Farm]:
    """The blocking face of a simulated greenhouse."""
    with blocking.connect(SIM) as farm:
        yield farm


@pytest.fixture
def farm(plain: blocking.Farm) -> godkaiser.Farm:
    """The awaitable face of the same greenhouse."""
    return godkaiser.Farm(plain._line)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A running controller of this test's own."""
    with running_demo(tmp_path / "data") as running:
        yield running
