"""Fail when a part of the code is tested less than `[tool.godkaiser.coverage]` in pyproject.toml promises.

Reads the .coverage file that the last test run left. Lines and branches count together. Each file belongs to
the longest matching path of the table; a path that matches no file is an error, so that a renamed folder does
not lose its floor unnoticed.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass
class Tally:
    """What was run and what there was to run, lines and branches together."""

    run: int = 0
    all: int = 0

    @property
    def percent(self) -> float:
        """Share that was run; an empty part is complete."""
        return 100.0 * self.run / self.all if self.all else 100.0


def owner(path: str, floors: dict[str, float]) -> str:
    """The longest path of the table that `path` lies in."""
    inside = (part for part in floors if part in {"", path} or path.startswith(part + "/"))
    return max(inside, key=len)


def tallies(files: dict[str, dict[str, dict[str, int]]], floors: dict[str, float]) -> dict[str, Tally]:
    """Sum the files of a coverage report by the path of the table they belong to."""
    sums: dict[str, Tally] = {}
    for path, file in files.items():
        summary = file["summary"]
        tally = sums.setdefault(owner(path, floors), Tally())
        tally.run += summary["covered_lines"] + summary.get("covered_branches", 0)
        tally.all += summary["num_statements"] + summary.get("num_branches", 0)
    return sums


def complaints(sums: dict[str, Tally], floors: dict[str, float]) -> list[str]:
    """One sentence per broken promise."""
    found = []
    for part, floor in sorted(floors.items()):
        name = part or "everything else"
        if part not in sums:
            found.append(f"{name}: no such file was measured")
        elif sums[part].percent < floor:
            found.append(f"{name}: {sums[part].percent:.2f} % of lines and branches, promised {floor:g} %")
    return found


def measured() -> dict[str, dict[str, dict[str, int]]]:
    """The last run's report, file by file, paths relative to the repository."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "coverage.json")
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(target)]
        subprocess.run(command, cwd=ROOT, check=True)
        files: dict[str, dict[str, dict[str, int]]] = json.loads(target.read_text())["files"]
        return files


def main() -> int:
    """Compare the last run with the table."""
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["godkaiser"]["coverage"]
    sums = tallies(measured(), floors)
    for part, tally in sorted(sums.items()):
        print(f"coverage {tally.percent:6.2f} %  (floor {floors[part]:g} %)  {part or 'everything else'}")
    problems = complaints(sums, floors)
    for problem in problems:
        print(f"coverage too low: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
