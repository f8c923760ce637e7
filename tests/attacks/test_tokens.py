"""Tokens in each other's place, forged, ended and of another time: at the pages, the socket, and from the library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from tests.attacks.stand import Stand

ACCEPTED = {
    # method and what must be said besides the token: which kinds open it
    "stop": ("access", "page", "api"),
    "users.list": ("access", "page"),
    "refresh": ("refresh",),
    "logout": ("access", "page"),
}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, which anybody can read."""
    head, body, _ = token.split(".")
    read = [json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) for text in (head, body)]
    return read[0], read[1]


def signed(head: dict[str, Any], body: dict[str, Any], key: bytes, digest: str = "sha256") -> str:
    """By hand, because a good library refuses to make most of these."""
    said = f"{part(head)}.{part(body)}"
    seal = hmac.new(key, said.encode(), getattr(hashlib, digest)).digest()
    return f"{said}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"


def forged(token: str, secret: str) -> Iterator[tuple[str, str]]:
    """Without the secret, but for what shows that even with it only HS256 counts."""
    head, body = opened(token)
    first, second, third = token.split(".")
    root = body | {"sub": "1"}
    for word in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg {word!r}, no signature", f"{part(head | {'alg': word})}.{second}."
        yield f"alg {word!r}, its signature", f"{part(head | {'alg': word})}.{second}.{third}"
    yield "no signature", f"{first}.{second}."
    yield "two parts", f"{first}.{second}"
    yield "another account", f"{first}.{part(root)}.{third}"
    yield "a longer life", f"{first}.{part(body | {'exp': body['exp'] + 10**6})}.{third}"
    yield "another kind", f"{first}.{part(body | {'type': 'page'})}.{third}"
    for number, digest in ((384, "sha384"), (512, "sha512")):
        yield (
            f"HS{number} with the secret",
            signed(head | {"alg": f"HS{number}"}, body, secret.encode(), digest),
        )
    yield "RS256 with the secret as its key", signed(head | {"alg": "RS256"}, body, secret.encode())
    for guess in (b"", b"secret", b"godkaiser", b"\x00" * 32, first.encode()):
        yield f"the secret {guess[:9]!r}", signed(head, root, guess)
    for more in (
        {"kid": "../../../dev/null"},
        {"kid": "' UNION SELECT 'x"},
        {"jku": "http://127.0.0.1:1/keys.json"},
        {"x5u": "http://127.0.0.1:1/cert.pem"},
        {"jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(b"x" * 32).decode()}},
    ):
        yield f"its own key by {next(iter(more))}", signed(head | more, root, b"x" * 32)
        yield f"an empty key by {next(iter(more))}", signed(head | more, root, b"")
    yield "critical header", signed(head | {"crit": ["exp"]}, body, b"x" * 32)
    yield "unencoded payload", signed(head | {"b64": False, "crit": ["b64"]}, body, secret.encode())
    yield "padded", f"{first}.{second}.{third}=="
    yield "the empty text", ""


async def doors(besieged: Stand, token: str) -> dict[str, str]:
    """What each door answers: the code of its error, or `in`."""
    found: dict[str, str] = {}
    for method in ACCEPTED:
        try:
            await besieged.call(method, token=token)
            found[method] = "in"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            found[method] = getattr(error, "code", repr(error))
    visitor = besieged.visitor()
    visitor.cookies[besieged.cookie] = token
    answer = await visitor.ask("/")
    found["page"] = "in" if answer.code == 200 else str(answer.code)
    return found


async def test_each_kind_of_token_opens_only_its_own_doors(besieged: Stand) -> None:
    made = await besieged.call("tokens.add", label="x", owner="root", permissions=["stop", "manage_users"])
    for kind in ("access", "refresh", "page", "api"):
        told = await besieged.call(
            "login", name="root", password="Pump-2026-house", address="10.0.0.3", pair=True
        )
        page = await besieged.call("login", name="root", password="Pump-2026-house", address="10.0.0.4")
        token = {
            "access": told["access_token"],
            "refresh": told["refresh_token"],
            "page": page["token"],
            "api": made["token"],
        }[kind]
        shown = {"page": "in" if kind == "page" else "302"}
        found = await doors(besieged, token)
        for method, kinds in ACCEPTED.items():
            if kind in kinds:
                assert found[method] == "in", (kind, method, found)
            else:
                assert found[method] in {"authentication_failed", "forbidden"}, (kind, method, found)
        if kind != "page":  # that one signed itself out above
            assert found["page"] == shown["page"], (kind, found)
    visitor = await besieged.inside("root")
    assert (await visitor.ask("/")).code == 200


async def test_forged_and_unsigned_tokens_open_nothing(besieged: Stand) -> None:
    secret = (besieged.data / "secret.key").read_text().strip()
    access, refresh = await besieged.pair("ann")
    page = (await besieged.call("login", name="ann", password="Pump-2026-house", address="10.0.0.4"))["token"]
    good = [opened(token) for token in (access, refresh, page)]
    # The tool of this file makes good tokens when it is left alone, so what fails fails for its reason.
    again = signed(*good[0], secret.encode())
    assert (await besieged.call("verify", token=again))["user"] == "ann"
    for token in (access, refresh, page):
        for what, forgery in forged(token, secret):
            found = await doors(besieged, forgery)
            assert set(found.values()) <= {"authentication_failed", "302"}, (what, found)
    for token in (access, page):  # nothing of that has ended the real ones
        assert (await besieged.call("verify", token=token))["user"] == "ann"
    assert (await besieged.call("refresh", token=refresh))["user"] == "ann"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"exp": -1}, "the session has ended"),
        ({"exp": 0}, "the session has ended"),
        ({"iat": 120, "nbf": 120}, "authentication failed"),
        ({"nbf": 3600}, "authentication failed"),
        ({"iat": 10**9}, "authentication failed"),
    ],
    ids=["ended", "ends now", "from the future", "not yet", "from far in the future"],
)
async def test_tokens_of_another_time_open_nothing(
    changes: dict[str, int], problem: str, besieged: Stand
) -> None:
    """Well signed with the installation's own secret: only the time in them is wrong."""
    secret = (besieged.data / "secret.key").read_text().strip()
    now = int(time.time())
    shifted = {claim: now + seconds for claim, seconds in changes.items()}
    access, refresh = await besieged.pair("ann")
    page = (await besieged.call("login", name="ann", password="Pump-2026-house", address="10.0.0.4"))["token"]
    for token in (access, refresh, page):
        body = opened(token)[1] | shifted
        wrong = jwt.encode(body, secret, algorithm="HS256")
        found = await doors(besieged, wrong)
        assert set(found.values()) <= {"authentication_failed", "302"}, found
        whose = "refresh" if body["type"] == "refresh" else "verify"
        assert problem in str(await besieged.fails(whose, token=wrong))


async def test_the_secret_of_another_installation_opens_nothing(besieged: Stand) -> None:
    body = opened((await besieged.pair("ann"))[0])[1]
    for word in ("your-secret-key-change-in-production", "a" * 64, "godkaiser" * 8):
        found = await doors(besieged, jwt.encode(body, word, algorithm="HS256"))
        assert set(found.values()) <= {"authentication_failed", "302"}, found


async def test_an_api_token_is_refused_by_its_secret_not_its_look(besieged: Stand) -> None:
    """The server before took any key that began rightly."""
    made = await besieged.call("tokens.add", label="x", owner="ann", permissions=["stop"])
    whole: str = made["token"]
    head, prefix, secret = whole.split("_")
    for wrong in (
        f"{head}_{prefix}_{'0' * 64}",
        f"{head}_{prefix}_",
        f"{head}_{prefix}",
        f"{head}_{prefix}_{secret[:-1]}",
        f"{head}_{prefix}_{secret}0",
        f"{head}_{prefix}_{secret.upper()}" if secret != secret.upper() else "gk_",
        f"{head}_{'0' * 8}_{secret}",
        f" {whole}",
        f"{whole}\n",
        "esp_anything",
    ):
        error = await besieged.fails("stop", token=wrong)
        assert error.code in {"authentication_failed", "throttled"}, wrong
    assert (await besieged.call("stop", token=whole))["phase"] == "ACTIVE"
