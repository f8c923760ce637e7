"""The two faces have the same names, parameters and defaults; only await differs."""

import inspect
from typing import Any

import pytest

import godkaiser
from godkaiser import blocking
from godkaiser.handles import doors_plain

PAIRS = [
    (godkaiser.Farm, blocking.Farm),
    (godkaiser.Node, blocking.Node),
    (godkaiser.Sensor, blocking.Sensor),
    (godkaiser.Actuator, blocking.Actuator),
    (godkaiser.Rule, blocking.Rule),
    (godkaiser.Rules, blocking.Rules),
    (godkaiser.Accounts, doors_plain.Accounts),
    (godkaiser.Tokens, doors_plain.Tokens),
    (godkaiser.Blocks, doors_plain.Blocks),
]


def surface(face: type) -> dict[str, list[tuple[str, Any, Any]]]:
    public = {name: getattr(face, name) for name in dir(face) if not name.startswith("_")}
    return {name: parameters(thing) for name, thing in public.items() if callable(thing)}


def parameters(thing: Any) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(thing).parameters.values()]


@pytest.mark.parametrize(("awaited", "plain"), PAIRS, ids=lambda face: face.__module__ + face.__name__)
def test_both_faces_have_the_same_methods(awaited: type, plain: type) -> None:
    assert surface(awaited) == surface(plain)
    assert {name for name in dir(awaited) if not name.startswith("_")} == {
        name for name in dir(plain) if not name.startswith("_")
    }


def test_both_connect_alike() -> None:
    assert parameters(godkaiser.connect) == parameters(blocking.connect)


@pytest.mark.parametrize(("awaited", "plain"), PAIRS, ids=lambda face: face.__module__ + face.__name__)
def test_what_does_is_awaited_in_one_face_and_waits_in_the_other(awaited: type, plain: type) -> None:
    own = [name for name in vars(awaited) if not name.startswith("_") and callable(getattr(awaited, name))]
    for name in own:
        method = getattr(awaited, name)
        assert inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method), name
        assert not inspect.iscoroutinefunction(getattr(plain, name)), name
        assert method.__doc__, name
        assert getattr(plain, name).__doc__, name
