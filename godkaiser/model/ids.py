"""Ids that only `parse` (or `of`, from parsed parts) can make. An id that exists is well formed.

They are strings, so they hash, compare, sort and serialise as what they are on the wire.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import Any, Final, Self

from godkaiser.errors import InvalidIdError

_NODE = re.compile(r"ESP_[A-F0-9]{6,8}|MOCK_[A-Z0-9]+")
_KAISER = re.compile(r"[A-Za-z0-9_]{1,63}")
_ZONE = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_TAG = re.compile(r"(?![a-f0-9]{16}$)[a-z][a-z0-9_-]{0,23}")
_ADDRESS = re.compile(r"0x[0-9a-f]{2}|[0-9A-F]{16}")
GPIO_MAX = 39
# Taken apart and put together for every message; more series than this only cost a little more time.
_REMEMBERED: Final = 16_384


class _Id(str):
    __slots__ = ()

    def __new__(cls, *_: Any) -> Self:
        raise TypeError(f"{cls.__name__} is made by {cls.__name__}.parse(text)")

    @classmethod
    def known(cls, text: str) -> Self:
        """An id whose text was checked before, such as a key of ours. Checks nothing."""
        return str.__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the text; raise `InvalidIdError` naming the pattern."""
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).known, (str(self),)


def _matching(pattern: re.Pattern[str], text: object, field: str, expected: str) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise InvalidIdError(field=field, text=str(text)[:80], expected=expected)
    return text


@lru_cache(_REMEMBERED)
def _node_of(text: str) -> NodeId:
    """The first part. Whoever looks for the things of one node asks it of all things."""
    return NodeId.known(text.partition("/")[0])


class NodeId(_Id):
    """`ESP_` and 6 to 8 upper-case hex digits, or `MOCK_…` for simulated nodes."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the text; raise `InvalidIdError` naming the pattern."""
        return cls.known(
            _matching(_NODE, text, "node id", "ESP_ and 6 to 8 of 0-9 A-F, or MOCK_ and A-Z 0-9")
        )


class KaiserId(_Id):
    """The installation's name on the wire, default `god`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the text; raise `InvalidIdError` naming the pattern."""
        return cls.known(_matching(_KAISER, text, "kaiser id", "1 to 63 letters, digits or underscores"))


class ZoneId(_Id):
    """1 to 32 letters, digits, underscores or hyphens."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the text; raise `InvalidIdError` naming the pattern."""
        return cls.known(_matching(_ZONE, text, "zone id", "1 to 32 letters, digits, _ or -"))


class RuleId(_Id):
    """The rule's name in lower case with hyphens."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the text; raise `InvalidIdError` naming the pattern."""
        return cls.known(_matching(_SLUG, text, "rule id", "lower case letters, digits, _ or -"))

    @classmethod
    def from_name(cls, name: str) -> Self:
        """`Cool the house` → `cool-the-house`."""
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        # A name without a Latin letter still needs an id of its own.
        return cls.parse(slug or f"rule-{zlib.crc32(name.encode()):08x}")


def parse_gpio(gpio: object) -> int:
    """A pin number 0..39."""
    if isinstance(gpio, bool) or not isinstance(gpio, int) or not 0 <= gpio <= GPIO_MAX:
        raise InvalidIdError(field="gpio", text=str(gpio)[:20], expected=f"a whole number 0..{GPIO_MAX}")
    return gpio


def is_address(text: str) -> bool:
    """Is it a bus address as it stands in a series id (or none at all)? I²C `0x44`, OneWire 16 hex digits."""
    return not text or _ADDRESS.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Is it what tells a derived series from others on its pin? No bus address looks like it."""
    return _TAG.fullmatch(text) is not None


class ActuatorId(_Id):
    """`ESP_A1B2C3/25`: node and pin."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the text; raise `InvalidIdError` naming the pattern."""
        node, _, gpio = str(text).partition("/")
        if not gpio.isdecimal() or len(gpio) > 3:
            raise InvalidIdError(
                field="actuator id", text=str(text)[:80], expected="NODE/GPIO, like ESP_A1B2C3/25"
            )
        return cls.of(NodeId.parse(node), parse_gpio(int(gpio)))

    @classmethod
    def of(cls, node: NodeId, gpio: int) -> Self:
        """From parts that were checked."""
        return cls.known(f"{node}/{gpio}")

    @property
    def node(self) -> NodeId:
        """Its node."""
        return _node_of(self)

    @property
    def gpio(self) -> int:
        """Its pin."""
        return int(self.partition("/")[2])


class SeriesId(_Id):
    """`ESP_A1B2C3/0/sht31_temp@0x44`: node, pin, sensor type and bus address (if any).

    A derived series may have an id of its own in the place of the address: `ESP_A1B2C3/0/mean@all`.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> SeriesId:
        """Check the text; raise `InvalidIdError` naming the pattern."""
        return _series_in(str(text))

    @classmethod
    def of(cls, node: NodeId, gpio: int, sensor_type: str, address: str = "") -> SeriesId:
        """From parts that were checked."""
        return _series(node, gpio, sensor_type, address)

    @property
    def node(self) -> NodeId:
        """Its node."""
        return _parts(self)[0]

    @property
    def gpio(self) -> int:
        """Its pin."""
        return _parts(self)[1]

    @property
    def sensor_type(self) -> str:
        """What it measures, a canonical type."""
        return _parts(self)[2]

    @property
    def address(self) -> str:
        """Its bus address, or empty."""
        return _parts(self)[3]

    @property
    def bare(self) -> SeriesId:
        """Itself without the address, as a site or a rule may name it."""
        return _parts(self)[4]


@lru_cache(_REMEMBERED)
def _series_in(text: str) -> SeriesId:
    """What people write is looked at again and again: its name is asked for with every sentence."""
    node, _, rest = text.partition("/")
    gpio, _, kind = rest.partition("/")
    name, _, address = kind.partition("@")
    good = gpio.isdecimal() and len(gpio) <= 3 and re.fullmatch(r"[a-z0-9_]{1,40}", name)
    if not good or not (is_address(address) or is_tag(address)):
        expected = "NODE/GPIO/TYPE or NODE/GPIO/TYPE@ADDRESS, like ESP_A1B2C3/0/sht31_temp@0x44"
        raise InvalidIdError(field="sensor id", text=text[:80], expected=expected)
    return SeriesId.of(NodeId.parse(node), parse_gpio(int(gpio)), name, address)


@lru_cache(_REMEMBERED)
def declared_actuator(node: str, gpio: int) -> ActuatorId:
    """Of a spec, which keeps both as they are written and is asked whenever somebody goes through all of them."""
    return ActuatorId.of(NodeId.parse(node), gpio)


@lru_cache(_REMEMBERED)
def _series(node: NodeId, gpio: int, sensor_type: str, address: str) -> SeriesId:
    return SeriesId.known(f"{node}/{gpio}/{sensor_type}" + (f"@{address}" if address else ""))


@lru_cache(_REMEMBERED)
def _parts(series: SeriesId) -> tuple[NodeId, int, str, str, SeriesId]:
    text, _, address = series.partition("@")
    node, gpio, kind = text.split("/")
    bare = SeriesId.known(text) if address else series
    return NodeId.known(node), int(gpio), kind, address, bare
