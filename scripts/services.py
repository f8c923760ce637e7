"""Find the real servers that the tests use, and install what is missing where that is allowed.

Run as a program it installs with apt-get when it may (as root or with a password-less sudo, never asking) and
otherwise says what to install. The tests import the finders. Only the standard library is used.
No system service is started or left enabled: the tests run private instances.
"""

import contextlib
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

REQUIRED = "GODKAISER_REQUIRE_SERVICES"
POLICY = Path("/usr/sbin/policy-rc.d")
DENY_START = """#!/bin/sh
# From godkaiser's test setup: installing a server does not start it. Removed when the installation ends.
exit 101
"""

SNAP_ADVICE = (
    "Ubuntu's chromium package only points to a snap, which tests cannot drive. "
    "Run: .venv/bin/playwright install --with-deps chromium   (or install Google Chrome's .deb package)"
)


def _on_path(*names: str) -> Iterator[Path]:
    folders = [*os.get_exec_path(), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"]
    for name in names:
        for folder in folders:
            candidate = Path(folder, name)
            if candidate.is_file() and os.access(candidate, os.X_OK):
                yield candidate.resolve()


def find_mosquitto() -> Path | None:
    """The Mosquitto broker."""
    return next(_on_path("mosquitto"), None)


def find_postgres() -> Path | None:
    """The folder with PostgreSQL's programs, newest first; `initdb` without its siblings is no server."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    folders += [initdb.parent for initdb in _on_path("initdb")]
    return next((f for f in folders if (f / "initdb").is_file() and (f / "postgres").is_file()), None)


def _version(folder: Path) -> float:
    digits = re.match(r"\d+(\.\d+)?", folder.parent.name)
    return float(digits.group()) if digits else 0.0


def is_snap(program: Path) -> bool:
    """Is this a snap, or a script that only starts or advertises one?"""
    if program.resolve().name == "snap" or "/snap/" in str(program.resolve()):
        return True
    with program.open("rb") as file:
        start = file.read(8192)
    return start.startswith(b"#!") and b"/snap/" in start


def _playwright_browsers() -> Iterator[Path]:
    home = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", str(Path.home() / ".cache" / "ms-playwright"))
    yield from sorted(Path(home).glob("chromium-*/chrome-linux*/chrome"), reverse=True)


def find_chromium() -> Path | None:
    """A Chromium or Chrome that a test can drive."""
    named = _on_path("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
    return next((p for p in chain(named, _playwright_browsers()) if not is_snap(p)), None)


def find_libatomic() -> str | None:
    """The library that playwright's own Node.js needs and a minimal Linux lacks."""
    name = "libatomic.so.1"
    if sys.platform == "linux":
        try:
            ctypes.CDLL(name)
        except OSError:
            return None
    return name


FINDERS: dict[str, Callable[[], Path | str | None]] = {
    "mosquitto": find_mosquitto,
    "postgresql": find_postgres,
    "chromium": find_chromium,
    "libatomic": find_libatomic,
}
PACKAGES = {
    "mosquitto": ["mosquitto", "mosquitto-clients"],
    "postgresql": ["postgresql"],
    "chromium": ["chromium", "fonts-dejavu-core"],  # a browser without any font draws empty boxes
    "libatomic": ["libatomic1"],
}


def missing() -> list[str]:
    """Names of the servers that are not on this machine."""
    return [name for name, find in FINDERS.items() if find() is None]


def advice(names: list[str]) -> str:
    """What to type so that these are there."""
    lines = []
    if "chromium" in names and _apt_gives_snap():
        names = [name for name in names if name != "chromium"]
        lines = [SNAP_ADVICE]
    if names:
        packages = " ".join(package for name in names for package in PACKAGES[name])
        lines.insert(0, f"Run: sudo apt-get install {packages}   (or your system's equivalent)")
    return "\n".join(lines)


def _apt_gives_snap() -> bool:
    """Would installing `chromium` bring Ubuntu's stub, or nothing?"""
    if any(_on_path("chromium", "chromium-browser")):
        return True  # one is there, and the finder did not want it
    if shutil.which("apt-cache") is None:
        return False
    policy = subprocess.run(["apt-cache", "policy", "chromium"], capture_output=True, text=True, check=False)
    candidate = re.search(r"Candidate: (.*)", policy.stdout)
    return candidate is None or "snap" in candidate.group(1) or "(none)" in candidate.group(1)


def _root_prefix() -> list[str] | None:
    """What to put before a command so that it runs as root without a question; None: not possible."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if asked.returncode == 0 else None


@contextlib.contextmanager
def _nothing_starts(root: list[str]) -> Iterator[None]:
    """Keep package scripts from starting daemons; a policy that is there already is left alone."""
    if os.path.lexists(POLICY):
        yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".policy") as draft:
        draft.write(DENY_START)
        draft.flush()
        subprocess.run([*root, "install", "-m", "755", draft.name, str(POLICY)], check=True)
    try:
        yield
    finally:
        if POLICY.read_text() == DENY_START:
            subprocess.run([*root, "rm", "-f", str(POLICY)], check=True)


def _apt(root: list[str], *arguments: str) -> bool:
    apt_get = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    command = [*root, *apt_get, *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return done.returncode == 0


def _disable_units(root: list[str], names: list[str]) -> None:
    """What we installed for private use does not come up by itself at the next boot."""
    units = [name for name in names if name in {"mosquitto", "postgresql"}]
    if units and shutil.which("systemctl"):
        subprocess.run([*root, "systemctl", "--quiet", "disable", *units], capture_output=True, check=False)


def install(names: list[str]) -> bool:
    """Install these with apt-get if that can be done without asking anybody."""
    root = _root_prefix()
    if root is None or shutil.which("apt-get") is None:
        return False
    print(f"services: installing {', '.join(names)}; this takes a minute", file=sys.stderr)
    _apt(root, "update")
    if "chromium" in names and _apt_gives_snap():
        names = [name for name in names if name != "chromium"]
    with _nothing_starts(root):
        done = all(_apt(root, "install", "-y", "--no-install-recommends", *PACKAGES[name]) for name in names)
    _disable_units(root, names)
    return done


def main() -> int:
    """Install what is missing; 1 if something stays missing although it is required."""
    absent = missing()
    if absent:
        install(absent)
        absent = missing()
    if not absent:
        return 0
    print(f"services: not found: {', '.join(absent)}. {advice(absent)}", file=sys.stderr)
    if os.environ.get(REQUIRED) == "1":
        return 1
    print("services: the tests that need them will be skipped.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
