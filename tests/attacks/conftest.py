"""Each attack has a stand of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.attacks.stand import Stand, stand


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where controllers leave their names."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GODKAISER_DATA_DIR", raising=False)


@pytest.fixture
async def besieged(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def socket_only(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path / "data", pages=False) as made:
        yield made
