"""No secret that is used in a test comes out of it: a pytest plugin, loaded by conftest.py.

Known are the secrets our own code makes or accepts (they are noted where that happens, by observers that change
nothing) and those that fixtures make (they call `note`). Besides, what has the shape of a token, an address for a
phone or a hash of a password is one, also if it was made in another process. Looked through, at the end of each test,
is everything that came out: stdout, stderr, log records, errors with their hints and fields, what commands printed,
what other processes and notebooks said, and log files. A find fails the test and is named by its kind, never shown.

What is meant to be shown once is declared in `SHOWN_ONCE`: by the command whose stdout it is, and by its kind.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.secrets_heard import install

SHORTEST: Final = 10  # characters; less occurs by chance
SHOWN_ONCE: Final[dict[tuple[str, ...], frozenset[str]]] = {
    ("users", "add"): frozenset({"password"}),
    ("users", "password"): frozenset({"password"}),
    ("users", "totp", "begin"): frozenset({"TOTP secret"}),
    ("tokens", "add"): frozenset({"API token"}),
    ("tokens", "rotate"): frozenset({"API token"}),
    ("broker", "passwd"): frozenset({"broker password"}),
    ("nodes", "approve"): frozenset({"broker password"}),
    ("run",): frozenset({"password"}),
    ("demo",): frozenset({"password"}),
}
SHAPES: Final = (
    ("session token", re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{20,}\.[\w-]{20,}")),
    ("API token", re.compile(r"gk_[0-9a-f]{8}_[0-9a-f]{64}")),
    ("TOTP secret", re.compile(r"otpauth://[^\s\"']*secret=[A-Z2-7]{16,}")),
    ("hash of a password", re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")),
)
REPORT: Final = "secrets_seen"


@dataclass
class Watch:
    """Secrets by text, with their kind; and what came out since the last look, with where, and what it may show."""

    passing: dict[str, str] = field(default_factory=dict)  # of the test that runs
    lasting: dict[str, str] = field(default_factory=dict)  # of fixtures that live longer
    said: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    looking: bool = False
    open: frozenset[str] = (
        frozenset()
    )  # stand in a table of tests, so they are no secrets wherever they are used

    def note(self, secret: object, kind: str, *, lasting: bool = False) -> None:
        """From now on it must not come out."""
        text = secret.decode("latin-1") if isinstance(secret, bytes) else str(secret)
        if len(text) >= SHORTEST and not self.looking and text not in self.open:
            (self.lasting if lasting else self.passing)[text] = kind

    def hear(self, text: object, where: str, may: frozenset[str] = frozenset()) -> None:
        """This came out. `may`: kinds of secrets that are meant to be in it."""
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text or "")
        if said and not self.looking:
            self.said[said, where] = may

    def found(self) -> list[str]:
        """Kind and place of every secret that came out; the test is over then."""
        said, self.said = self.said, {}
        known = self.passing | self.lasting
        finds = {
            f"{kind} in {where}"
            for (text, where), may in said.items()
            for kind in kinds_in(text, known)
            if kind not in may
        }
        return sorted(finds)

    def hidden(self, text: str) -> str:
        """A text that is shown all the same, without them."""
        for secret in self.passing | self.lasting:
            text = text.replace(secret, "***")
        for _, shape in SHAPES:
            text = shape.sub("***", text)
        return text


def kinds_in(text: str, known: dict[str, str]) -> set[str]:
    """Which kinds of secrets a text holds."""
    kinds = {kind for secret, kind in known.items() if secret in text}
    return kinds | {kind for kind, shape in SHAPES if shape.search(text)}


def shown_by(words: Iterable[object]) -> frozenset[str]:
    """What the stdout of a command may show; of a whole command line, from our program's name on."""
    line = [str(word) for word in words]
    starts = [
        n for n, word in enumerate(line) if Path(word).name.startswith("godkaiser") or word == "godkaiser.cli"
    ]
    line = line[starts[0] + 1 :] if starts else line
    return next(
        (kinds for named, kinds in SHOWN_ONCE.items() if tuple(line[: len(named)]) == named), frozenset()
    )


WATCH: Final = Watch()
note = WATCH.note
install(WATCH, shown_by)  # now: conftest files of folders, which come next, import what is observed


class _Listener(logging.Handler):
    """Hears every record that is logged, also one that no test looks at."""

    def emit(self, record: logging.LogRecord) -> None:
        WATCH.hear(self.format(record), "the log")


def pytest_configure(config: pytest.Config) -> None:
    logging.getLogger().addHandler(_Listener())
    config.stash[FINDS] = []


FINDS: Final = pytest.StashKey[list[str]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """After the last phase, all that came out of the test is looked through."""
    report = yield
    if call.excinfo is not None and not isinstance(call.excinfo.value, pytest.skip.Exception):
        _hide(report, report.longreprtext)
    if report.when != "teardown":
        return report
    for title, text in report.sections:
        WATCH.hear(text, title)
    _hear_files(item)
    finds = WATCH.found()
    if finds:
        report.outcome = "failed"
        _hide(report)
        report.longrepr = f"secrets came out of {item.nodeid}: {'; '.join(finds)}"
    WATCH.passing.clear()
    return report


def _hide(report: pytest.TestReport, told: str = "") -> None:
    """What is shown of a test that failed is shown without secrets."""
    for title, text in report.sections:
        WATCH.hear(text, title)
    WATCH.hear(told, "what the test failed with")
    report.sections = [(title, WATCH.hidden(text)) for title, text in report.sections]
    if (hidden := WATCH.hidden(told)) != told:
        report.longrepr = hidden


def _hear_files(item: pytest.Item) -> None:
    """Logs that the test left, and the keys of data folders, which other processes may have made."""
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if not isinstance(folder, Path) or not folder.is_dir():
        return
    logs = []
    for path in folder.rglob("*"):
        if path.name in {"secret.key", "audit.key"} and path.is_file():
            WATCH.note(path.read_text(errors="replace").strip(), path.name)
        elif path.suffix in {".log", ".out", ".err"} and path.is_file():
            logs.append(path)
    for path in logs:
        WATCH.hear(path.read_text(errors="replace"), f"the file {path.name}", SHOWN_ONCE[("run",)])


# ── the end of the session ─────────────────────────────────────────────────────────────────────────────
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What fixtures that live longer said when they ended, after the last test."""
    finds = WATCH.found()
    output = getattr(session.config, "workeroutput", None)  # of a worker of pytest-xdist
    if output is not None:
        output[REPORT] = finds
    session.config.stash[FINDS] += finds
    if session.config.stash[FINDS] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker has ended and says what it found at last."""
    node.config.stash[FINDS] += getattr(node, "workeroutput", {}).get(REPORT, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    finds = config.stash[FINDS]
    if finds:
        terminalreporter.section("secrets came out at the end of the session")
        for find in finds:
            terminalreporter.line(find)
