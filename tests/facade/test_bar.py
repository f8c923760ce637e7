"""The bar of an opening: drawn where somebody looks, silent elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from godkaiser.handles.bar import Bar
from godkaiser.handles.owner import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a notebook, whoever imported what before."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)


def drawn(progress: Progress) -> str:
    bar = Bar(progress)
    bar.draw()
    said = sys.stderr.getvalue() if isinstance(sys.stderr, io.StringIO) else ""
    bar.close()
    return said


@pytest.mark.usefixtures("outside")
def test_on_a_terminal_it_shows_the_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert "6.0 of 24 h" in drawn(Progress(6.0, 24.0))


@pytest.mark.usefixtures("outside")
def test_into_a_file_and_without_anything_to_do_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert drawn(Progress(6.0, 24.0)) == ""
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert drawn(Progress()) == ""


@pytest.mark.usefixtures("outside")
def test_without_tqdm_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert drawn(Progress(6.0, 24.0)) == ""
