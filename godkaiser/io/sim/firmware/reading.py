"""An inbound message on its way through the device, and how its JSON is opened."""

from __future__ import annotations

from dataclasses import dataclass

from godkaiser.io.sim.text import load, pool_need

from .flaw import Body, Flaw
from .profile import Firmware
from .topics import Address


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message that reached the device."""

    address: Address
    payload: bytes
    firmware: Firmware


Reading = dict[str, object] | Flaw
"""What a device reads out of a message, or why it does not."""


def opened(payload: bytes, pool: int) -> Reading:
    """The root object, if the text is JSON and fits into ``pool`` bytes."""
    try:
        root = load(payload)
        need = pool_need(root)
    except ValueError:
        return Flaw("bad_json", "", "The payload is not JSON that the device can parse.")
    if not isinstance(root, dict):
        return Flaw("bad_json", "", "The payload is JSON but not an object.")
    if need > pool:
        return Flaw("too_large", "", f"The payload needs {need} bytes of a parser pool of {pool}.")
    return root


def longer(payload: bytes, most: int) -> Flaw | None:
    """Whether the payload outgrows a buffer of ``most`` bytes."""
    if len(payload) <= most:
        return None
    return Flaw("too_large", "", f"The payload has {len(payload)} bytes, the device takes {most}.")


def pick(body: Body, *keys: str) -> dict[str, object]:
    """The keys the device looks at, as far as they are there."""
    return {key: body[key] for key in keys if key in body}
