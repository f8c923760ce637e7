"""Notebooks are kept without outputs, and run (pytest collects them itself with --nbmake) also on a controller."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.facade.process import running_demo

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIVE_MINUTES = ROOT / "notebooks" / "00_five_minutes.ipynb"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_every_notebook_is_collected_as_a_test() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", "notebooks"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert {path.name for path in NOTEBOOKS} == {
        line.split("::")[0].rpartition("/")[2] for line in done.stdout.splitlines() if "::" in line
    }


def test_the_five_minutes_work_on_a_controller_in_another_process(tmp_path: Path) -> None:
    with running_demo(tmp_path / "data") as demo:
        demo.until_online()
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(FIVE_MINUTES)]
        environment = {**os.environ, "GODKAISER_NOTEBOOK_TARGET": str(demo.folder)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
