"""A simulated day without any network in between, as a program: `python -m tests.acceptance.quiet_day SEED`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from godkaiser.cli.demo import digest
from godkaiser.kaiser.simulation import simulation
from godkaiser.model.instant import DAY


async def quiet_day(seed: int) -> str:
    """The digest of the day's decisions."""
    with tempfile.TemporaryDirectory() as folder:
        async with simulation(Path(folder), seed, lock_step=True) as world:
            await world.pacer.run_until(world.clock.now() + DAY)
            await world.finish()
            return digest(world.decisions)


if __name__ == "__main__":
    print(asyncio.run(quiet_day(int(sys.argv[1]))))
