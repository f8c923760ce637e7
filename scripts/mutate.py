"""Mutation testing: does a test fail for every small mistake in a module of `godkaiser/safety` or another package?

`python -m scripts.mutate gate engine.course` tests those modules, `python -m scripts.mutate` the four that decide.
Each mutant is tried in a process of its own, in which the module is loaded with the mistake; no file is changed.
The tests named after it come first, with those of safety if it is of safety, and those of the engine only for what
survived them. `--nearest` leaves it at the first. What survives all must be listed as
equivalent, with a proof, in `docs/reference/mutants.md`; an entry there that is killed or gone is an error, too.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final

import hypothesis.stateful  # noqa: F401  loaded once for all that are forked from here
import pytest
import pytest_asyncio.plugin  # noqa: F401  the same

from godkaiser.model import command, nodeconfig, site, view  # noqa: F401  the same
from scripts.mutants import Mutant, mutants

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "mutants.md"
DECIDING: Final = ("gate", "check", "stop", "watch")
STAGES: Final = (
    (("tests/safety",), 120),
    (("tests/engine",), 400),
)  # what is run, processor seconds it may take
HANGING: Final = 5  # times that, on the clock: it waits for something
OPTIONS: Final = (
    *("-x", "-q", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib", "-m", "not slow"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # what was loaded before the fork
    *("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin"),
    *("-k", "not type_check"),  # the type checker reads the file, in which there is no mistake
)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, mutant: Mutant) -> None:
        super().__init__(_name(mutant.module), str(_file(mutant.module)))
        self.source = mutant.source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  the import system's signature
        code: CodeType = compile(self.source, self.path, "exec", dont_inherit=True)
        return code


class _Finder:
    def __init__(self, loader: _Loader) -> None:
        self.loader = loader

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name != self.loader.name:
            return None
        return importlib.util.spec_from_file_location(name, self.loader.path, loader=self.loader)


@dataclass(slots=True)
class _Trial:
    mutant: Mutant
    stage: int
    ends: float


def _name(module: str) -> str:
    """As it is imported; without a package it is one of safety."""
    return f"godkaiser.{module}" if "." in module else f"godkaiser.safety.{module}"


def _file(module: str) -> Path:
    return ROOT.joinpath(*_name(module).split(".")).with_suffix(".py")


def _begin(mutant: Mutant, stage: int) -> int:
    """The process that tries it. Its exit code is pytest's."""
    child = os.fork()
    if child:
        return child
    most = STAGES[stage][1]
    resource.setrlimit(
        resource.RLIMIT_CPU, (most, most + 5)
    )  # an endless loop is seen, a busy machine is not
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    finder: Any = _Finder(_Loader(mutant))
    sys.meta_path.insert(0, finder)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os._exit(pytest.main([*OPTIONS, *(_nearest(mutant) if stage == 0 else STAGES[stage][0])]))


def _nearest(mutant: Mutant) -> tuple[str, ...]:
    """Its own tests first: they fail soonest."""
    package, name = _name(mutant.module).split(".")[1:]
    own = sorted(ROOT.glob(f"tests/{package}/test_{package}_{name}*.py"))
    of_safety = ("tests/safety/test_safety_gate.py", *STAGES[0][0]) if package == "safety" else ()
    return (*map(str, own), *of_safety)


def survivors(todo: Sequence[Mutant], jobs: int, stages: int = len(STAGES)) -> list[Mutant]:
    """Those for which no test fails."""
    left: list[Mutant] = list(todo)
    for stage in range(stages):
        left = list(_surviving(left, stage, jobs))
        print(f"stage {stage + 1}: {len(left)} of {len(todo)} survive", flush=True)
    return left


def _surviving(todo: Sequence[Mutant], stage: int, jobs: int) -> Iterator[Mutant]:
    """Said at once, as a whole run takes its time."""
    for mutant, survived in _tried(todo, stage, jobs):
        if survived:
            if mutant.place:
                print(f"alive after stage {stage + 1}  {mutant.key}", flush=True)
            yield mutant


def _tried(todo: Sequence[Mutant], stage: int, jobs: int) -> Iterator[tuple[Mutant, bool]]:
    waiting, running = list(reversed(todo)), dict[int, _Trial]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running[_begin(mutant, stage)] = _Trial(
                mutant, stage, time.monotonic() + HANGING * STAGES[stage][1]
            )
        time.sleep(0.02)
        yield from _ended(running)


def _ended(running: dict[int, _Trial]) -> Iterator[tuple[Mutant, bool]]:
    for child, trial in list(running.items()):
        over, status = os.waitpid(child, os.WNOHANG)
        if not over and time.monotonic() > trial.ends:
            os.kill(child, signal.SIGKILL)
            over, status = os.waitpid(child, 0)
        if over:
            del running[child]
            if os.WIFSIGNALED(status):
                print(f"ended by signal {os.WTERMSIG(status)}  {trial.mutant.key}", flush=True)
            yield trial.mutant, status == 0


def equivalents(page: str) -> set[tuple[str, str, str]]:
    """What the page lists: place, line, mutated line."""
    rows = (line.replace("\\|", "¦").split("|") for line in page.splitlines() if line.startswith("| `"))
    return {(_cell(row[1]), _cell(row[2]), _cell(row[3])) for row in rows if len(row) == 6}


def _cell(text: str) -> str:
    return text.strip().strip("`").replace("¦", "|")


def _judged(all_of_it: Sequence[Mutant], left: Sequence[Mutant], listed: set[tuple[str, str, str]]) -> int:
    """Prints what is wrong; 0 when nothing is."""
    modules = {mutant.module for mutant in all_of_it}
    known = {key for key in listed if any(key[0].startswith(f"{module}.") for module in modules)}
    alive = [mutant.key for mutant in left]
    for place, was, now in alive:
        word = "equivalent" if (place, was, now) in known else "SURVIVED"
        print(f"{word}  {place}\n  - {was}\n  + {now}")
    gone = known - set(alive)
    for place, was, now in sorted(gone):
        print(f"LISTED, but killed or gone  {place}\n  - {was}\n  + {now}")
    unknown = [key for key in alive if key not in known]
    total = len(all_of_it)
    print(
        f"{total} mutants, {total - len(left)} killed, {len(left) - len(unknown)} equivalent, {len(unknown)} survive"
    )
    return 1 if unknown or gone else 0


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("modules", nargs="*", default=DECIDING)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--nearest", action="store_true", help="only the tests of the module itself")
    given = options.parse_args()
    os.chdir(ROOT)
    todo = [mutant for module in given.modules for mutant in mutants(module, _file(module).read_text())]
    stages = 1 if given.nearest else len(STAGES)
    plain = [Mutant(module, "", "", "", _file(module).read_text()) for module in given.modules]
    if len(survivors(plain, given.jobs, stages)) < len(plain):
        print("The tests fail without any mistake: make them pass first.")
        return 2
    print(f"{len(todo)} mutants of {', '.join(given.modules)}", flush=True)
    listed = equivalents(PAGE.read_text()) if PAGE.exists() else set()
    return _judged(todo, survivors(todo, given.jobs, stages), listed)


if __name__ == "__main__":
    sys.exit(main())
