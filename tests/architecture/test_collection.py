"""Every test is found, and where servers are required nothing is skipped."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.services import REQUIRED

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
SOURCES = [path for path in TESTS.rglob("*.py") if "__pycache__" not in path.parts]


def pytest_in_a_process(
    *arguments: str, folder: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    variables = {**os.environ, "PYTHONPATH": python_path, **environment}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def looks_like_a_test(path: Path) -> bool:
    """Does it define something that pytest would take for a test if the file had the right name?"""
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(
        (isinstance(node, functions) and node.name.startswith("test"))
        or (isinstance(node, ast.ClassDef) and node.name.startswith("Test"))
        for node in tree.body
    )


def test_every_test_file_is_collected() -> None:
    done = pytest_in_a_process("--collect-only", "-q", "-m", "slow or not slow", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    collected = {line.split("::")[0] for line in done.stdout.splitlines() if "::" in line}
    on_disk = {str(path.relative_to(ROOT)) for path in SOURCES if path.name.startswith("test_")}
    assert collected == on_disk


def test_no_test_hides_in_a_file_of_another_name() -> None:
    hidden = [path for path in SOURCES if not path.name.startswith("test_") and looks_like_a_test(path)]
    assert hidden == []


def test_no_test_file_lies_outside_the_tests_folder() -> None:
    folders = ("godkaiser", "dashboard", "benchmarks", "scripts", "notebooks", "docs")
    strays = [path for folder in folders for path in (ROOT / folder).rglob("test_*.py")]
    assert strays == []


SKIPPING = {
    "call": "import pytest\n\ndef test_it():\n    pytest.skip('no server here')\n",
    "mark": "import pytest\n\n@pytest.mark.skip(reason='later')\ndef test_it():\n    pass\n",
    "module": "import pytest\n\npytest.importorskip('no_such_module_anywhere')\n\ndef test_it():\n    pass\n",
}


def test_a_skip_fails_where_servers_are_required(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name, source in SKIPPING.items():
        (tmp_path / f"test_{name}.py").write_text(source)

    def outcome(required: str) -> tuple[int, str]:
        options = ("-p", "tests.services", "-rfEs", "--continue-on-collection-errors")
        done = pytest_in_a_process(*options, folder=tmp_path, **{REQUIRED: required})
        return done.returncode, done.stdout

    code, told = outcome("0")
    assert "3 skipped" in told
    assert code == pytest.ExitCode.OK, told
    code, told = outcome("1")
    assert code == pytest.ExitCode.TESTS_FAILED, told
    assert "1 failed, 2 errors" in told  # a mark is seen before the test, what skips inside it after
    assert told.count(f"skipped although {REQUIRED}=1") >= len(SKIPPING)
