"""A controller as a process of its own, and patience with what other threads and processes bring about."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from godkaiser import blocking

START_S = 120.0
DEADLINE_S = 120.0


@dataclass
class Demo:
    """`godkaiser demo` as a process of its own, found by its folder."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until clients may come."""
        command = [sys.executable, "-m", "godkaiser.cli.main", "demo", "--headless", "--json"]
        command += ["--data", str(self.folder), "--speed", "60", "--for", "48h"]
        with (self.folder.parent / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
        deadline = time.monotonic() + START_S
        while not self.up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((self.folder.parent / "demo.log").read_text())
            time.sleep(0.05)

    def up(self) -> bool:
        """Has this very process left its pointer?"""
        with contextlib.suppress(OSError):
            assert self.process is not None
            return f'"pid": {self.process.pid},' in (self.folder / "controller.json").read_text()
        return False

    def until_online(self) -> None:
        """Wait until every node and every sensor has been heard."""
        with blocking.connect(self.folder) as farm:
            assert eventually(lambda: len(farm.sensors) == 9 and all(node.online for node in farm.nodes))

    def kill(self) -> None:
        """Like a power cut."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)

    def end(self) -> None:
        """In order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """A running controller for the length of a block."""
    running = Demo(folder)
    folder.mkdir()
    running.start()
    try:
        yield running
    finally:
        running.end()


def eventually(true: Callable[[], object]) -> bool:
    """Wait until it holds, at most until the deadline; for what another thread brings about."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False
