"""`python -m tests.acceptance.shifted FILE …`: godkaiser's command line on a machine whose clock is wrong.

The file holds the seconds by which the wall clock is ahead; it may be written at any time. The monotonic clock, as on
a real machine, knows nothing of it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

SHIFT = Path(sys.argv.pop(1))
true_ns = time.time_ns


def shifted_ns() -> int:
    """The wrong time."""
    return true_ns() + int(SHIFT.read_text()) * 1_000_000_000


time.time_ns = shifted_ns
time.time = lambda: shifted_ns() / 1e9

if __name__ == "__main__":
    from godkaiser.cli.main import main

    main()
