"""Keeping addresses out that were denied again and again, as a state machine without a clock.

Beside the pauses of `throttle`, which slow guessing down, an address that was denied twenty times within ten minutes,
tries that came too soon among them, is kept out altogether: a quarter of an hour the first time, four times as long
with each further time, a day at most. After a week without a block it begins anew. A person can
lift a block; that forgives the address everything.

A block keeps out who tries to sign in or shows a token. Whoever is signed in goes on working: behind one address may
be a whole site, and whoever is signed in must be able to stop it.

Memory is bounded: of the addresses that are not blocked the least recently denied one is forgotten first, of those
that are the one whose block ends first. Who has very many addresses can so shorten blocks, never lengthen them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from godkaiser.auth.origin import origin_of
from godkaiser.model.instant import DAY, MINUTE, Duration, Instant

DENIALS: Final = 20
WITHIN: Final = 10 * MINUTE
SHORTEST: Final = 15 * MINUTE
LONGEST: Final = DAY
GROWTH: Final = 4
FORGOTTEN_AFTER: Final = 7 * DAY
MAX_ENTRIES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Block:
    """An address is kept out from `since` until `until`; it is its `times`-th block in a row."""

    address: str
    since: Instant
    until: Instant
    times: int

    def stands(self, now: Instant) -> bool:
        """Is it kept out now?"""
        return now < self.until

    def counts(self, now: Instant) -> bool:
        """Does the next block of this address grow because of this one?"""
        return now < self.until + FORGOTTEN_AFTER


@dataclass(slots=True)
class Blocks:
    """Ask `wait` first, tell it of every denial, and it says when a block begins."""

    max_entries: int = MAX_ENTRIES
    _denials: OrderedDict[str, tuple[Instant, ...]] = field(default_factory=OrderedDict)
    _blocks: dict[str, Block] = field(default_factory=dict)

    def wait(self, address: str, now: Instant) -> Duration:
        """For how long this address is kept out yet, in microseconds; 0: it is not."""
        block = self._blocks.get(origin_of(address))
        return block.until - now if block is not None and block.stands(now) else 0

    def denied(self, address: str, now: Instant) -> Block | None:
        """One more denial. The block that begins with it, if one does."""
        key = origin_of(address)
        if self.wait(key, now):
            return None
        recent = (*(at for at in self._denials.pop(key, ()) if now - at < WITHIN), now)
        if len(recent) < DENIALS:
            self._denials[key] = recent
            if len(self._denials) > self.max_entries:
                self._denials.popitem(last=False)
            return None
        before = self._blocks.get(key)
        times = before.times + 1 if before is not None and before.counts(now) else 1
        block = Block(key, now, now + lasting(times), times)
        self._keep(block, now)
        return block

    def lift(self, address: str, now: Instant) -> bool:
        """A person lets it in again, and it begins anew. Was it kept out?"""
        key = origin_of(address)
        self._denials.pop(key, None)
        block = self._blocks.pop(key, None)
        return block is not None and block.stands(now)

    def standing(self, now: Instant) -> tuple[Block, ...]:
        """Who is kept out, by address."""
        return tuple(block for _, block in sorted(self._blocks.items()) if block.stands(now))

    def remembered(self, now: Instant) -> tuple[Block, ...]:
        """What a new process must know: blocks that stand or still make the next one longer."""
        return tuple(block for _, block in sorted(self._blocks.items()) if block.counts(now))

    def restore(self, blocks: Iterable[Block], now: Instant) -> None:
        """Take over what was remembered. One from a clock that was ahead ends no later than it may."""
        for block in blocks:
            since = min(block.since, now)
            self._keep(Block(block.address, since, min(block.until, now + LONGEST), block.times), now)

    def __len__(self) -> int:
        return len(self._denials) + len(self._blocks)

    def _keep(self, block: Block, now: Instant) -> None:
        self._blocks[block.address] = block
        if len(self._blocks) > self.max_entries:
            self._blocks = {key: kept for key, kept in self._blocks.items() if kept.counts(now)}
        while len(self._blocks) > self.max_entries:
            del self._blocks[min(self._blocks, key=lambda key: self._blocks[key].until)]


def lasting(times: int) -> Duration:
    """Of the `times`-th block in a row, in microseconds."""
    longer: Duration = SHORTEST * GROWTH ** min(times - 1, 10)
    return min(longer, LONGEST)
