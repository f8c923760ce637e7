"""The error tree: every class has what people and programs need, and survives the journey."""

import json
import pickle
import re
from typing import Any, get_type_hints

import pytest

from godkaiser import errors
from godkaiser.errors import GodkaiserError, InvalidError, Kind, RemoteError, from_wire

ALL = [
    value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, GodkaiserError)
]
SUBCLASSES = [cls for cls in ALL if cls is not GodkaiserError]
FAMILIES = {
    "ConfigurationError", "InvalidError", "MissingError", "ConflictError", "CommandError", "AuthError",
    "UnavailableError", "InternalError",
}  # fmt: skip
SAMPLES: dict[Any, Any] = {
    str: "text with {braces}",
    int: 7,
    float: 2.5,
    list[dict[str, str]]: [{"code": "stop_active", "sentence": "A stop."}],
}


def example(cls: type[GodkaiserError]) -> GodkaiserError:
    hints = get_type_hints(cls)
    fields: dict[str, Any] = getattr(cls, "__dataclass_fields__", {})
    names = [name for name, field in fields.items() if field._field_type.name == "_FIELD"]
    return cls(**{name: SAMPLES[hints[name]] for name in names})


@pytest.mark.parametrize("cls", SUBCLASSES, ids=lambda cls: cls.__name__)
class TestEach:
    def test_it_has_code_hint_and_kind(self, cls: type[GodkaiserError]) -> None:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", cls.code)
        assert cls.hint
        assert isinstance(cls.kind, Kind)
        assert cls.__name__.endswith("Error")
        assert cls.__doc__

    def test_it_reads_as_a_sentence(self, cls: type[GodkaiserError]) -> None:
        error = example(cls)
        assert str(error)
        assert error.remedy
        assert repr(error).startswith(f"{cls.__name__}(")

    def test_it_survives_the_wire(self, cls: type[GodkaiserError]) -> None:
        error = example(cls)
        body = json.loads(json.dumps(error.to_wire()))
        assert set(body) == {"code", "message", "hint", "details"}
        again = from_wire(body)
        assert type(again) is cls
        assert again.to_wire() == error.to_wire()

    def test_it_survives_pickling_and_raising(self, cls: type[GodkaiserError]) -> None:
        error = example(cls)
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        assert type(again) is cls
        assert again.details == error.details
        with pytest.raises(cls) as caught:
            raise error
        assert str(caught.value) == str(error)


def test_codes_are_their_own() -> None:
    codes = [cls.code for cls in ALL]
    assert len(set(codes)) == len(codes)
    assert len(SUBCLASSES) >= 30


def test_the_drawn_tree_lists_every_class_exactly_once() -> None:
    drawn = re.findall(r"\w+Error\b", (errors.__doc__ or "").partition("A class states")[0])
    assert sorted(drawn) == sorted(cls.__name__ for cls in ALL)


def test_the_drawn_tree_is_the_real_one() -> None:
    lines = (errors.__doc__ or "").partition("A class states")[0].splitlines()
    family = ""
    for line in lines:
        names = re.findall(r"\w+Error\b", line)
        if "── " in line:
            family = names.pop(0)
        for name in names:
            cls = getattr(errors, name)
            assert cls is GodkaiserError or getattr(errors, family) in cls.__bases__, name
    assert {cls.__name__ for cls in GodkaiserError.__subclasses__() if cls in ALL} == FAMILIES


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("InvalidIdError", ValueError), ("UnknownNodeError", LookupError), ("AckTimeoutError", TimeoutError),
        ("ForbiddenError", PermissionError), ("LinkDownError", ConnectionError), ("PortInUseError", OSError),
        ("MissingExtraError", ImportError), ("SealError", RuntimeError),
        ("NoControllerError", ConnectionError),
    ],
)  # fmt: skip
def test_each_is_also_what_a_python_programmer_expects(name: str, builtin: type[Exception]) -> None:
    assert issubclass(getattr(errors, name), builtin)


def test_a_sentence_may_only_speak_of_its_fields() -> None:
    with pytest.raises(TypeError, match="BrokenError speaks of \\['nobody'\\]"):
        type("BrokenError", (InvalidError,), {"sentence": "{nobody} is wrong", "__annotations__": {}})
    with pytest.raises(TypeError, match="OtherError speaks of \\['x'\\]"):
        type("OtherError", (InvalidError,), {"hint": "try {x}", "__annotations__": {}})


def test_what_is_not_known_here_is_remote() -> None:
    strange = from_wire({"code": "from_the_future", "message": "Well."})
    assert isinstance(strange, RemoteError)
    assert str(strange) == "Well. [from_the_future]"
    other_fields = from_wire({"code": "unknown_node", "message": "No.", "details": {"node": "x"}})
    assert isinstance(other_fields, RemoteError)
    assert isinstance(from_wire({}), RemoteError)


def test_kinds_have_a_status_and_an_exit_code() -> None:
    assert {kind.http_status for kind in Kind} == {400, 401, 403, 404, 409, 422, 429, 500, 503, 504}
    codes = [kind.exit_code for kind in Kind]
    assert len(set(codes)) == len(codes)
    assert all(2 <= code <= 127 for code in codes)
    assert Kind.REFUSED.http_status == Kind.CONFLICT.http_status == 409


def test_all_is_all() -> None:
    assert set(errors.__all__) == {cls.__name__ for cls in ALL} | {"Kind", "from_wire"}


def test_braces_in_a_value_are_not_filled_in() -> None:
    assert str(errors.UnknownNodeError(text="{kind}")) == "No node '{kind}'."
