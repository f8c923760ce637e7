"""Does the time of an answer tell whether there is such an account? And how long does one check take at all?

    python -m benchmarks.signin [--rounds 30]

Prints medians in ms of sign-ins with an unknown name and with a wrong password, in turns, beside a bare bcrypt check
of the same cost in the same run: their ratio should be 1, within what the machine's own spread allows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from godkaiser.auth.passwords import NOBODY, verify_password
from godkaiser.auth.policy import Role
from godkaiser.errors import AuthenticationFailedError
from godkaiser.io.accounts import Accounts
from godkaiser.io.sessions import Sessions
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.users import UserTable

SECRET = "benchmark-only-0123456789-abcdefgh-XYZ"  # noqa: S105
KNOWN, UNKNOWN = "olaf", "nobody"


async def tries(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds per sign-in that fails, each from an address of its own, so that no throttle answers."""
    store = await SqlStore.open(None, folder)
    accounts = Accounts(UserTable(store), SECRET)
    for number in range(rounds):  # each account is tried once
        await accounts.add(f"{KNOWN}{number}", "Pump-2026-house", Role.VIEWER)
    sessions = Sessions(accounts, lambda name, count: None)
    took: dict[str, list[float]] = {KNOWN: [], UNKNOWN: [], "bare": []}
    for number in range(rounds):
        for name in (KNOWN, UNKNOWN):
            began = time.perf_counter()
            with suppress(AuthenticationFailedError):
                await sessions.login(f"{name}{number}", "Guess-2026-x", f"10.{len(name)}.{number}.1")
            took[name].append(time.perf_counter() - began)
        took["bare"].append(spent(lambda: verify_password("Guess-2026-x", NOBODY)))
    await store.close()
    return took


def spent(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def main(rounds: int) -> None:
    """Measure, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as name:
        took = await tries(Path(name), rounds)
    wrong, unknown, bare = (statistics.median(took[key]) * 1000 for key in (KNOWN, UNKNOWN, "bare"))
    figures = {
        "wrong_password_median_ms": round(wrong, 2),
        "unknown_name_median_ms": round(unknown, 2),
        "bare_check_median_ms": round(bare, 2),
        "ratio_unknown_to_wrong": round(unknown / wrong, 4),
        "spread_of_bare": round(statistics.pstdev(took["bare"]) * 1000 / bare, 4),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    asyncio.run(main(parser.parse_args().rounds))
