"""The page about calibrating a probe says what really happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import godkaiser
from godkaiser.cli.sensors import _tell_made, read_point
from godkaiser.engine.calibration import calibration_picture
from godkaiser.kaiser.site import parse_site
from godkaiser.sensors.calibration import fit

PAGE = Path(__file__).parents[2] / "docs/how-to/calibrate-a-ph-probe.md"


def test_the_command_of_the_page_says_what_the_page_says(capsys: Any) -> None:
    (block,) = [
        b for b in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL) if "Would be" in b
    ]
    command, _, said = block.partition("\n")
    points = [read_point(n, text) for n, text in enumerate(re.findall(r"--point (\S+)", command))]
    gain = float(re.findall(r"--gain (\S+)", command)[0])
    _tell_made(calibration_picture(fit("ph", points, gain=gain)), True)
    assert capsys.readouterr().out == said


def test_the_python_of_the_page_can_be_run_as_far_as_it_needs_no_farm() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(block.partition("\nfarm = ")[0], names)  # noqa: S102 - our own page
    made = godkaiser.calibration.fit("ph", names["points"], gain=-1.6)
    assert made.slope_percent is not None
    assert 85 < made.slope_percent < 115


def test_the_site_file_of_the_page_can_be_read() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert parse_site(block, "docs").sensors[1].temperature_from == "tank water"
