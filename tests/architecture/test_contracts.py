"""The import contracts hold, and each is seen to fail on a planted breach."""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ("alarms", "auth", "engine", "io/wire", "model", "rules", "safety", "sensors")
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PURE = next(contract for contract in CONFIGURATION["contracts"] if contract["id"] == "pure-core")

LAYERS = "Each layer imports only from layers below it"
NO_IO = "The core does no I/O"
SQL = "SQLModel and SQLAlchemy live in godkaiser.io.sql only"
OUTSIDE = "The dashboard stays outside"
PUBLIC = "The dashboard uses public names only"


@dataclass(frozen=True)
class Breach:
    """One line that must not be there, and the contract it breaks."""

    contract: str
    module: str
    line: str


BREACHES = [
    Breach(LAYERS, "godkaiser/rules/planted.py", "import godkaiser.safety.planted_below"),
    Breach(LAYERS, "godkaiser/safety/planted.py", "import godkaiser.rules.planted_below"),
    Breach(LAYERS, "godkaiser/model/planted.py", "import godkaiser.engine.planted_below"),
    Breach(LAYERS, "godkaiser/engine/planted.py", "import godkaiser.io.planted_below"),
    Breach(LAYERS, "godkaiser/unheard_of.py", '"""A module that no layer names."""'),
    Breach(NO_IO, "godkaiser/engine/planted.py", "import asyncio"),
    Breach(NO_IO, "godkaiser/model/planted.py", "from time import time"),
    Breach(NO_IO, "godkaiser/io/wire/planted.py", "import logging"),
    Breach(NO_IO, "godkaiser/auth/planted.py", "import secrets"),
    Breach(NO_IO, "godkaiser/sensors/planted.py", "import random"),
    Breach(SQL, "godkaiser/cli/planted.py", "import sqlmodel"),
    Breach(SQL, "godkaiser/io/planted.py", "from sqlalchemy import select"),
    Breach(OUTSIDE, "godkaiser/cli/planted.py", "import godkaiser_dashboard"),
    Breach(PUBLIC, "godkaiser_dashboard/planted.py", "from godkaiser.engine import planted_below"),
    Breach(PUBLIC, "godkaiser_dashboard/planted.py", "import godkaiser.io"),
]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of both packages under their installed names."""
    copy = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "godkaiser", copy / "godkaiser", ignore=ignored)
    shutil.copytree(ROOT / "dashboard", copy / "godkaiser_dashboard", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree: Path) -> tuple[int, str]:
    """Run the contracts over a tree in a process of its own, as a person would."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    # The tree first, so that it is found before any installed copy of the same packages.
    variables = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"}
    command = [
        sys.executable,
        "-S",
        "-c",
        f"import sys; sys.path.extend({sys.path!r}); {program}",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=tree, env=variables, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def broken(report: str) -> set[str]:
    """Names of the contracts that the report calls broken."""
    return {line.rsplit(" BROKEN", 1)[0].strip() for line in report.splitlines() if " BROKEN" in line}


def test_the_tree_keeps_every_contract(pristine: Path) -> None:
    code, report = lint(pristine)
    assert code == 0, report
    assert f"{len(CONFIGURATION['contracts'])} kept, 0 broken" in report


@pytest.mark.parametrize("breach", BREACHES, ids=lambda b: f"{b.module}: {b.line}")
def test_a_planted_breach_is_seen(breach: Breach, pristine: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(pristine, tree)
    planted = tree / breach.module
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(breach.line + "\n")
    for package in ("engine", "io", "rules", "safety"):
        (tree / "godkaiser" / package / "planted_below.py").touch()
    code, report = lint(tree)
    assert code == 1, report
    assert breach.contract in broken(report)


def test_every_pure_package_is_in_the_contract() -> None:
    there = {f"godkaiser.{name.replace('/', '.')}" for name in CORE if (ROOT / "godkaiser" / name).exists()}
    assert set(PURE["source_modules"]) == there
