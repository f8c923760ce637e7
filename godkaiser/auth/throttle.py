"""Slowing down people who guess passwords, as a state machine without a clock.

Two limits work together, each for the address the try comes from and for the account it names:

* a rate: ten tries in any minute;
* a growing pause: from the third failure in a row on 1, 2, 4, 8 ... seconds, forgotten after a quiet quarter
  of an hour. The pause of an *account* ends at one minute, because anybody who knows a name could otherwise
  lock its owner out; the pause of an *address* may reach a quarter of an hour.

A success forgives the account, never the address: else one own account would buy unlimited guesses at
others. A try that is refused counts for nothing and names no new account, so the memory an attacker can
fill is bounded by the rate, and by a fixed number of entries of which the least recently used goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final

from godkaiser.auth.origin import origin_of

SECOND: Final = 1_000_000
WINDOW: Final = 60 * SECOND
TRIES: Final = 10
FREE_FAILURES: Final = 2
FORGET_AFTER: Final = 15 * 60 * SECOND
ACCOUNT_PAUSE: Final = 60 * SECOND
ADDRESS_PAUSE: Final = 15 * 60 * SECOND
MAX_ENTRIES: Final = 10_000
_LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True)
class Record:
    """What is known about one address or one account."""

    tries: tuple[int, ...] = ()
    failures: int = 0
    failed_at: int = 0

    def wait(self, now: int, longest: int) -> int:
        """How long this one must still wait, in microseconds; 0 means go on."""
        recent = self._recent(now)
        full = recent[0] + WINDOW - now if len(recent) >= TRIES else 0
        return max(full, self.failed_at + self._pause(longest) - now, 0)

    def tried(self, now: int) -> Record:
        """One more try, and what is too old forgotten."""
        kept = replace(self, tries=(*self._recent(now), now))
        return replace(kept, failures=0) if now - self.failed_at >= FORGET_AFTER else kept

    def failed(self, now: int) -> Record:
        """The try was wrong."""
        return replace(self, failures=self.failures + 1, failed_at=now)

    def forgiven(self) -> Record:
        """The try was right."""
        return replace(self, failures=0)

    def _recent(self, now: int) -> tuple[int, ...]:
        return tuple(at for at in self.tries if now - at < WINDOW)

    def _pause(self, longest: int) -> int:
        beyond = self.failures - FREE_FAILURES
        return min(SECOND << min(beyond - 1, 20), longest) if beyond > 0 else 0


@dataclass(slots=True)
class LoginThrottle:
    """The memory of tries. Ask :meth:`admit` first, then tell it how the try ended."""

    max_entries: int = MAX_ENTRIES
    _addresses: OrderedDict[str, Record] = field(default_factory=OrderedDict)
    _accounts: OrderedDict[str, Record] = field(default_factory=OrderedDict)

    def admit(self, address: str, account: str, now: int) -> int:
        """Take note of a try. 0: go on; else the microseconds to wait, and the try did not take place."""
        where, who = origin_of(address), _account_key(account)
        by_address = self._addresses.get(where, Record())
        by_account = self._accounts.get(who, Record())
        wait = max(by_address.wait(now, ADDRESS_PAUSE), by_account.wait(now, ACCOUNT_PAUSE))
        if wait == 0:
            self._keep(self._addresses, where, by_address.tried(now))
            self._keep(self._accounts, who, by_account.tried(now))
        return wait

    def failed(self, address: str, account: str, now: int) -> None:
        """The admitted try was wrong: the next pause grows."""
        where, who = origin_of(address), _account_key(account)
        self._keep(self._addresses, where, self._addresses.get(where, Record()).failed(now))
        self._keep(self._accounts, who, self._accounts.get(who, Record()).failed(now))

    def succeeded(self, account: str) -> None:
        """The admitted try was right: the account's pauses are forgiven, the address's are not."""
        who = _account_key(account)
        self._keep(self._accounts, who, self._accounts.get(who, Record()).forgiven())

    def __len__(self) -> int:
        return len(self._addresses) + len(self._accounts)

    def _keep(self, records: OrderedDict[str, Record], key: str, record: Record) -> None:
        records[key] = record
        records.move_to_end(key)
        if len(records) > self.max_entries:
            records.popitem(last=False)


@dataclass(slots=True)
class RateThrottle:
    """Ten in any minute by what a try is about: a sign-in, an API token, an address.

    What is refused counts for nothing.
    """

    max_entries: int = MAX_ENTRIES
    _records: OrderedDict[str, Record] = field(default_factory=OrderedDict)

    def admit(self, about: str, now: int) -> int:
        """Take note of a try. 0: go on; else the microseconds to wait."""
        record = self._records.get(about, Record())
        wait = record.wait(now, 0)
        if wait == 0:
            self._records[about] = record.tried(now)
            self._records.move_to_end(about)
            if len(self._records) > self.max_entries:
                self._records.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._records)


def retry_after(wait: int) -> int:
    """Microseconds to wait as whole seconds for a person or a Retry-After header, never too short."""
    return -(-wait // SECOND)


def _account_key(account: str) -> str:
    return account.strip().casefold()[:_LONGEST_KEY]
