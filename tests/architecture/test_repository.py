"""Habits of the repository that no other tool watches."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Written apart so that this file does not find itself.
INDEX_ADDRESS = re.compile(
    "|".join(["index" + "-url", r"https?://[^\s\"')]*/sim" + r"ple\b", "find" + "-links", "pypi" + r"\.org"])
)
PIN = re.compile(r"[a-z0-9.-]+==[\w.!+]+( ; python_version (<|>=) \"3\.12\")?")
EXTRAS = {"all", "broker", "dashboard", "dev", "gateway", "lab", "postgres", "test"}


def tracked() -> list[Path]:
    """What is or would be committed."""
    # A checkout made by another user, as in containers, is read all the same.
    git = ["git", "-c", "safe.directory=*"]
    command = [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"the tests want a git checkout: {done.stderr}")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_package_index() -> None:
    files = tracked()
    assert ROOT / "pyproject.toml" in files
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in files
        if (hit := INDEX_ADDRESS.search(path.read_text(errors="replace")))
    ]
    assert found == []


def test_the_pattern_finds_an_index_address() -> None:
    assert INDEX_ADDRESS.search("--extra-index" + "-url https://example.org/x")
    assert INDEX_ADDRESS.search("https://example.org/sim" + "ple/")


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints" / "pins.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not PIN.fullmatch(line)] == []
    assert pins == sorted(pins, key=lambda line: line.split("==")[0])


def test_every_direct_dependency_is_pinned() -> None:
    lines = (ROOT / "constraints" / "pins.txt").read_text().splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line}
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    names = {re.split(r"[\[<>=;! ]", requirement)[0].lower() for requirement in wanted} - {"godkaiser"}
    assert names - pinned == set()


def test_the_extras_are_these() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras) == EXTRAS
    everything = set(re.findall(r"[a-z]+", extras["all"][0].partition("[")[2]))
    assert everything == EXTRAS - {"all", "dev", "test"}


@pytest.mark.parametrize("package", ["godkaiser", "dashboard"])
def test_types_are_shipped(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize(
    "name", ["LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", ".ci/run", "scripts/setup"]
)
def test_what_a_newcomer_looks_for_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 0


@pytest.mark.parametrize("name", [".ci/run", "scripts/setup"])
def test_scripts_can_be_run(name: str) -> None:
    assert (ROOT / name).stat().st_mode & 0o111
