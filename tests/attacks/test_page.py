"""The page about security names a test for each attack; all of them exist, and none of ours is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/security.md").read_text()
NAMED = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_\w+))?`", PAGE)
OF_ITSELF = {"test_page.py", "test_tls_docs.py"}


def functions_in(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = ast.parse(path.read_text()).body
    return {one.name for one in found if isinstance(one, functions) and one.name.startswith("test_")}


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) >= 40
    for name, test in NAMED:
        assert (ROOT / name).is_file(), name
        assert not test or test in functions_in(ROOT / name), test


def test_every_attack_of_this_folder_is_named() -> None:
    told = {test for _, test in NAMED}
    folder = Path(__file__).parent
    tried = {
        test for path in folder.glob("test_*.py") if path.name not in OF_ITSELF for test in functions_in(path)
    }
    assert tried - told == set()


def test_every_row_says_what_happened_and_names_a_test() -> None:
    rows = PAGE.split("## Tried")[1].split("\n## ")[0].splitlines()
    rows = [row for row in rows if row.startswith("| ")][1:]
    assert len(rows) >= 25
    for row in rows:
        attack, happened, test = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert attack, row
        assert happened, row
        assert "`tests/" in test, row
