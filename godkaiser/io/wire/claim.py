"""Who says something, and what every reader of messages shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from godkaiser.errors import InvalidIdError
from godkaiser.io.wire.topic import REMEMBERED_LENGTH, Address
from godkaiser.model.ids import KaiserId, NodeId, parse_gpio
from godkaiser.model.instant import Instant
from godkaiser.model.report import Report


class Refused(Exception):  # noqa: N818 - a private signal of the decoder, not an error of ours
    """The message is not what its topic promises: a code of the contract and a sentence."""

    def __init__(self, code: str, why: str) -> None:
        self.code, self.why = code, why


@dataclass(frozen=True, slots=True)
class Claim:
    """A message with a JSON object in it, not yet believed."""

    address: Address
    body: dict[str, Any]
    at: Instant
    retained: bool

    @property
    def who(self) -> tuple[Instant, KaiserId, NodeId]:
        """When and from whom. The topic is authoritative for the node."""
        kaiser, node = self.address.kaiser, self.address.node
        ids = _remembered if len(node) <= REMEMBERED_LENGTH else _ids
        return self.at, *ids(kaiser, node)

    def same(self, esp_id: str, gpio: int) -> tuple[Instant, KaiserId, NodeId]:
        """Sensor and actuator data name node and pin twice; both must agree, or somebody mixed things up."""
        at, kaiser, node = self.who
        if esp_id != node:
            raise Refused("bad_value", f"esp_id {esp_id[:40]!r} does not match the topic's {node}")
        if self.address.pin is not None and gpio != self.address.pin:
            raise Refused("bad_value", f"gpio {gpio} does not match the topic's {self.address.pin}")
        return at, kaiser, node


def _ids(kaiser: str, node: str) -> tuple[KaiserId, NodeId]:
    return KaiserId.parse(kaiser), NodeId.parse(node)


_remembered = lru_cache(4096)(_ids)


Reader = Callable[[Claim], Report]


def pin(gpio: int) -> int:
    """A pin a board can have."""
    try:
        return parse_gpio(gpio)
    except InvalidIdError as error:
        raise Refused("bad_value", str(error)) from None
