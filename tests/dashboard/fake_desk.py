"""A controller for trying the dashboard: a small scripted greenhouse behind the two methods of a desk.

`house = Greenhouse()` is the controller; `await house.open()` gives a line to it like `Desk.open` does. Tests
change it by hand (`house.measure`, `house.vanish`) or let it live (`await house.live()`).
"""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from godkaiser import (
    AddressBlockedError,
    AuthenticationFailedError,
    CodeNeededError,
    CommandRefusedError,
    ControllerGoneError,
    ForbiddenError,
    ThrottledError,
)
from godkaiser.auth.policy import POLICY, Role

PASSWORDS = {"ada": "Tomato-42", "olaf": "Basil-43", "vera": "Cress-44"}
ROLES = {"ada": "admin", "olaf": "operator", "vera": "viewer"}
FAN, HEATER, LAMP = "ESP_A1B2C3/25", "ESP_A1B2C3/26", "ESP_0A1B2C/16"
AIR = "ESP_A1B2C3/0/sht31_temp@0x44"
SOIL = "ESP_D4E5F6/34/moisture"


def iso(when: datetime) -> str:
    return when.isoformat()


def now() -> datetime:
    return datetime.now(UTC)


def sensor(key: str, name: str, zone: str, unit: str, value: float | None, **more: Any) -> dict[str, Any]:
    node, _, kind = key.split("/")
    kind, _, _ = kind.partition("@")
    said = {
        "id": key, "name": name, "node": node, "zone": zone, "type": kind, "unit": unit,
        "value": value, "raw": value, "quality": "good", "reason": None, "measured_at": iso(now()),
        "received_at": iso(now()), "freshness": "fresh", "stale_after_s": 180.0,
    }  # fmt: skip
    return said | more


def actuator(key: str, name: str, zone: str, kind: str, type_: str, reported: float | None) -> dict[str, Any]:
    return {
        "id": key, "name": name, "node": key.partition("/")[0], "zone": zone, "kind": kind, "type": type_,
        "safe_value": 0.0, "enabled": True, "reported": reported, "reported_at": iso(now()),
        "wished": reported, "pending": False, "safe": reported == 0.0, "emergency": "normal",
        "lease_until": None,
        "max_on_s": 3600.0, "last_command": None,
    }  # fmt: skip


def node(key: str, name: str, zone: str | None, status: str = "approved", **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": key, "name": name, "zone": zone, "status": status, "online": True, "last_contact": iso(now()),
        "generation": "2026", "rssi": -61, "heap": 181_000, "uptime": 86_400, "problems": [],
        "kaiser_id": "god", "system_state": "OPERATIONAL", "notes": [], "unreadable": [],
        "board": "esp32_dev", "board_id": key,
        "config": {"state": "converged", "waits_for": None, "left": 0, "problem": None, "converged_at": iso(now())},
    }  # fmt: skip
    return said | more


def said_of_itself(kind: str, text: str = "said") -> dict[str, str]:
    """A note of a node."""
    return {"at": iso(now()), "kind": kind, "text": text}


def unreadable(code: str, count: int = 1, excerpt: str = "{") -> dict[str, Any]:
    """Messages nobody could read, for one reason."""
    last = {"at": iso(now()), "topic": "kaiser/god/esp/x", "excerpt": excerpt, "code": code, "why": "no JSON"}
    return {"code": code, "count": count, "last": [last] * min(count, 10)}


def alarm(kind: str = "node_silent", source: str = "ESP_D4E5F6", **more: Any) -> dict[str, Any]:
    """An alarm that stands."""
    said = {
        "key": f"{kind}:{source}", "kind": kind, "source": source, "name": "irrigation node", "state": "UNACK",
        "priority": "high", "text": "irrigation node is not heard any more.", "remedy": "Look at it.",
        "since": iso(now()), "holds": True, "count": 1, "returned_at": None, "acked_at": None, "acked_by": None,
        "shelved_until": None, "suppressed_by": None, "reason": None,
    }  # fmt: skip
    return said | more


def rule(key: str, sentence: str, truth: str, **more: Any) -> dict[str, Any]:
    said = {
        "id": key, "name": key, "sentence": sentence, "enabled": True, "truth": truth,
        "acting": truth == "true", "degraded": None, "last_decision": iso(now()),
    }  # fmt: skip
    return said | more


def by_id(*things: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {thing["id"]: thing for thing in things}


class Greenhouse:
    """The controller's side: what there is, who may come in, and who listens."""

    def __init__(self) -> None:
        bench, room = "propagation", "flowering"
        self.zones = by_id({"id": bench, "name": "Propagation bench"}, {"id": room, "name": "Flowering room"})
        self.nodes = by_id(
            node("ESP_A1B2C3", "climate node", bench),
            node("ESP_D4E5F6", "irrigation node", bench),
            node("ESP_0A1B2C", "flowering node", room),
            node("ESP_AB12CD", "ESP_AB12CD", None, "pending"),
        )
        self.sensors = by_id(
            sensor(AIR, "Bench air", bench, "°C", 23.4),
            sensor("ESP_A1B2C3/0/sht31_humidity@0x44", "Bench humidity", bench, "%", 61.2),
            sensor("ESP_A1B2C3/4/ds18b20@28FF641E8D3C0C79", "Root zone", bench, "°C", 21.06),
            sensor(SOIL, "Soil moisture", bench, "%", 47.9),
            sensor("ESP_D4E5F6/32/ph", "Nutrient pH", bench, "pH", 6.12, quality="uncalibrated"),
            sensor("ESP_D4E5F6/33/ec", "Nutrient EC", bench, "µS/cm", 1840.0),
            sensor("ESP_0A1B2C/0/sht31_temp@0x45", "Flower air", room, "°C", 25.8),
            sensor("ESP_0A1B2C/0/sht31_humidity@0x45", "Flower humidity", room, "%", 52.0),
            sensor("ESP_0A1B2C/35/light", "Light", room, "lx", 3120.0),
        )
        self.actuators = by_id(
            actuator(FAN, "Fan", bench, "fan", "pwm", 0.8),
            actuator(HEATER, "Heater", bench, "heater", "relay", 0.0),
            actuator("ESP_A1B2C3/27", "Humidifier", bench, "humidifier", "relay", 0.0),
            actuator("ESP_D4E5F6/14", "Irrigation pump", bench, "pump", "pump", 0.0),
            actuator(LAMP, "Lamp", room, "lamp", "relay", 1.0),
        )
        self.actuators[FAN]["lease_until"] = iso(now() + timedelta(minutes=12))
        self.rules = by_id(
            rule("cool", "When Bench air is above 28 °C (until below 25 °C), set Fan to 80 %.", "true"),
            rule("irrigate", "When Soil moisture is below 35 % (until above 55 %), run the pump.", "false"),
            rule("lights", "From 06:00 to 22:00, switch Lamp on.", "true"),
        )
        self.stop: dict[str, Any] = {
            "scope": "all", "phase": "NORMAL", "reason": None, "by": None, "since": None, "unconfirmed": [],
            "not_offline_proof": [], "problem": None, "others": [],
        }  # fmt: skip
        self.link: dict[str, Any] = {
            "state": "up", "since": iso(now()), "broker": "127.0.0.1:1883", "error": None, "next_try_s": None,
        }  # fmt: skip
        self.counters: dict[str, Any] = {
            "received": 1840, "readings_received": 1702, "readings_stored": 1702, "duplicates": 0,
            "quarantined": 3, "malformed": 0, "decisions": 412, "commands_sent": 9, "commands_confirmed": 9,
            "commands_refused": 0, "malformed_by_code": {},
        }  # fmt: skip
        self.malformed: list[dict[str, Any]] = []
        self.alarms: dict[str, Any] = {"unacknowledged": 0, "standing": []}
        self.notices: list[dict[str, Any]] = []
        self.away = False
        self.tokens: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.origins: list[str] = []
        self.failures = 0
        self.kept_out = 0.0  # seconds
        self.codes: dict[str, str] = {}
        self.theirs: set[str] = set()  # what somebody bound to zones may act on
        self.archive: Callable[..., Awaitable[Any]] | None = None  # a real one that answers for the past
        self.answers: dict[str, Callable[..., Any]] = {}  # of a test, instead of the house's own
        self.trials: list[float] = []  # how far the trial is, each time somebody asks; then it is done
        self._listeners: set[asyncio.Queue[Mapping[str, Any] | None]] = set()
        self._issued = 0

    async def open(self) -> FakeDesk:
        if self.away:
            raise ControllerGoneError(problem="it was switched off")
        return FakeDesk(self)

    def snapshot(self) -> dict[str, Any]:
        tables = ("zones", "nodes", "sensors", "actuators", "rules")
        whole: dict[str, Any] = {name: list(getattr(self, name).values()) for name in tables}
        whole |= {
            "link": self.link,
            "stop": self.stop,
            "alarms": self.alarms,
            "counters": self.counters,
            "malformed": self.malformed,
        }
        whole |= {"now": iso(now()), "seq": 1, "kaiser_id": "god", "speed": 1.0, "simulated": True}
        return copy.deepcopy(whole)

    def tell(self, kind: str, key: str, data: Mapping[str, Any]) -> None:
        for queue in self._listeners:
            queue.put_nowait({"kind": kind, "id": key, "data": copy.deepcopy(dict(data))})

    def measure(self, key: str, value: float | None, **more: Any) -> None:
        """A reading arrives."""
        found = self.sensors[key]
        found |= {"value": value, "measured_at": iso(now()), "received_at": iso(now())} | more
        self.counters["readings_received"] += 1
        self.counters["readings_stored"] += 1
        self.tell("sensor", key, found)
        self.tell("counters", "", self.counters)

    def report(self, key: str, value: float | None, **more: Any) -> None:
        """A node reports an actuator."""
        found = self.actuators[key]
        found |= {"reported": value, "reported_at": iso(now()), "safe": value == found["safe_value"]} | more
        self.tell("actuator", key, found)

    def change(self, kind: str, key: str, **changes: Any) -> None:
        """Anything else changes."""
        whole = {"link": self.link, "stop": self.stop, "counters": self.counters}
        thing = whole[kind] if kind in whole else getattr(self, kind + "s")[key]
        thing.update(changes)
        self.tell(kind, key, thing)

    def alarm(self, *standing: dict[str, Any]) -> None:
        """These alarms stand now."""
        unseen = sum(each["state"] in ("UNACK", "RTNUN", "LATUN") for each in standing)
        self.alarms = {"unacknowledged": unseen, "standing": list(standing)}
        self.tell("alarms", "", self.alarms)

    def vanish(self) -> None:
        """The controller dies: every line breaks."""
        self.away = True
        for queue in self._listeners:
            queue.put_nowait(None)

    def sign_in(self, name: str, lifetime_s: float = 3600.0) -> str:
        """A token without the form."""
        self._issued += 1
        token = f"token-{name}-{self._issued}"
        self.tokens[token] = {
            "user": name, "role": ROLES[name], "session": f"session-{self._issued}",
            "expires": iso(now() + timedelta(seconds=lifetime_s)), "zones": None,
            "permissions": sorted(POLICY[Role(ROLES[name])]),
        }  # fmt: skip
        return token

    def who(self, token: str | None) -> dict[str, Any]:
        told = self.tokens.get(token or "")
        if told is None or told["expires"] <= iso(now()):
            raise AuthenticationFailedError(problem="authentication failed")
        return told

    async def live(self, period_s: float = 0.5) -> None:
        """Readings keep coming, like from a real greenhouse."""
        step = 0
        while True:
            await asyncio.sleep(period_s)
            step += 1
            if not self.away:
                self.measure(AIR, 23.4 + 1.5 * math.sin(step / 7))
                self.measure(SOIL, 47.9 - 0.02 * step)
                self.measure("ESP_0A1B2C/0/sht31_temp@0x45", 25.8 + 0.4 * math.sin(step / 5))


class FakeDesk:
    """One line to the greenhouse."""

    def __init__(self, house: Greenhouse) -> None:
        self._house = house

    async def close(self) -> None:
        """Nothing to let go of."""

    async def changes(self) -> AsyncIterator[Mapping[str, Any]]:
        queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._house._listeners.add(queue)
        try:
            yield {"kind": "snapshot", "id": "", "data": self._house.snapshot()}
            while (change := await queue.get()) is not None:
                yield change
        finally:
            self._house._listeners.discard(queue)
        raise ControllerGoneError(problem="the line broke")

    async def call(self, method: str, *, origin: str = "", **params: Any) -> Any:
        house = self._house
        if house.away:
            raise ControllerGoneError(problem="it was switched off")
        if origin:
            house.origins.append(origin)
        if house.archive is not None and method.startswith("history"):
            return await house.archive(method, **params)
        if method not in ("snapshot", "verify", "actuators.statistics", "notices"):
            house.calls.append((method, params))
        if method in house.answers:
            return house.answers[method](**params)
        return await getattr(self, "_" + method.replace(".", "_"))(**params)

    async def _snapshot(self) -> dict[str, Any]:
        return self._house.snapshot()

    async def _login(self, name: str, password: str, address: str, code: str = "") -> dict[str, str]:
        assert address
        house = self._house
        if house.kept_out:
            raise AddressBlockedError(retry_after=house.kept_out, left="a while")
        if house.failures >= 5:
            raise ThrottledError(retry_after=7.2)
        if PASSWORDS.get(name) != password:
            house.failures += 1
            raise AuthenticationFailedError(problem="name or password is wrong")
        if name in house.codes and not code:
            raise CodeNeededError
        if code != house.codes.get(name, code):
            raise AuthenticationFailedError(problem="the code is wrong or was used before")
        token = house.sign_in(name)
        return {"token": token, **{k: house.tokens[token][k] for k in ("user", "role", "expires")}}

    async def _verify(self, token: str, kind: str = "") -> dict[str, Any]:
        assert kind == "page"
        return dict(self._house.who(token))

    async def _logout(self, token: str, all_devices: bool = False) -> dict[str, Any]:
        name, tokens = self._house.who(token)["user"], self._house.tokens
        ended = [
            one for one, told in tokens.items() if one == token or (all_devices and told["user"] == name)
        ]
        for one in ended:
            del tokens[one]
        return {"success": True, "tokens_invalidated": len(ended)}

    async def _me(self, token: str) -> dict[str, Any]:
        told = self._house.who(token)
        mine = {"name": told["user"], "role": told["role"], "zones": told["zones"] or [], "totp": False}
        return mine | {"permissions": told["permissions"]}

    async def _may(self, right: str, kind: str, things: list[str], token: str) -> dict[str, Any]:
        """As the house was told."""
        self._house.who(token)
        theirs = self._house.theirs
        said = {
            True: {"may": True, "why": "", "zones": []},
            False: {"may": False, "why": "zones", "zones": ["x"]},
        }
        return {thing: said[thing in theirs] for thing in things}

    async def _users_list(self, token: str) -> list[dict[str, Any]]:
        shown = {"zones": [], "active": True, "totp": False}
        return [{"name": name, "role": role, **shown} for name, role in ROLES.items()]

    async def _users_seen(self, token: str) -> dict[str, str | None]:
        return dict.fromkeys(ROLES)

    async def _tokens_list(self, token: str) -> list[dict[str, Any]]:
        return []

    async def _blocks_list(self, token: str) -> list[dict[str, Any]]:
        return []

    async def _audit_page(
        self, since: str = "-7d", until: str | None = None, who: str = "", action: str = "",
        place: list[int] | None = None, most: int = 100, token: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        return {"rows": [], "next": None}

    async def _stop(self, reason: str, token: str, scope: str = "all") -> dict[str, Any]:
        house = self._house
        who = house.who(token)["user"]
        stands: dict[str, Any] = {"phase": "ACTIVE", "reason": reason, "by": who, "since": iso(now())}
        stands |= {"unconfirmed": []}
        if scope == "all":
            house.change("stop", "", **stands)
        else:
            one = {**house.stop, **stands, "scope": scope}
            del one["others"]
            house.change("stop", "", others=[*self._rest(scope), one])
        node = scope.removeprefix("node:")
        for key in house.actuators:
            if scope == "all" or house.actuators[key]["node"] == node:
                house.report(key, 0.0, wished=0.0, pending=False, lease_until=None)
        return house.stop

    async def _clear(self, token: str, force: bool = False, scope: str = "all") -> dict[str, Any]:
        house = self._house
        who = house.who(token)
        if who["role"] == "viewer":
            raise ForbiddenError(who=who["user"], role="viewer", action="clear a stop")
        assert isinstance(force, bool)
        if scope == "all":
            house.change("stop", "", phase="NORMAL", reason=None, by=None, since=None, unconfirmed=[])
        else:
            house.change("stop", "", others=self._rest(scope))
        return house.stop

    def _rest(self, scope: str) -> list[dict[str, Any]]:
        return [other for other in self._house.stop["others"] if other["scope"] != scope]

    async def _check(self, actuator: str, value: float) -> dict[str, Any]:
        found = self._findings(actuator, value)
        return {"allowed": not any(f["severity"] == "refusal" for f in found), "findings": found}

    def _findings(self, actuator: str, value: float) -> list[dict[str, str]]:
        found = []
        if self._house.stop["phase"] != "NORMAL" and value:
            found.append({"code": "stopped", "sentence": "A stop is active.", "severity": "refusal"})
        if actuator == HEATER and value:
            text = "The fan runs: heating and cooling at once is interlocked."
            found.append({"code": "interlock", "sentence": text, "severity": "refusal"})
        return found

    async def _actuators_release(self, actuator: str, token: str) -> dict[str, Any]:
        who = self._house.who(token)
        if who["role"] == "viewer":
            raise ForbiddenError(who=who["user"], role="viewer", action="switch")
        self._house.actuators[actuator]["hold"] = None
        return self._house.actuators[actuator]

    async def _set(
        self, actuator: str, value: float, token: str, duration: float | None = None
    ) -> dict[str, Any]:
        who = self._house.who(token)
        if who["role"] == "viewer":
            raise ForbiddenError(who=who["user"], role="viewer", action="switch")
        found = self._findings(actuator, value)
        if found:
            reasons = " ".join(f["sentence"] for f in found)
            raise CommandRefusedError(actuator=actuator, reasons=reasons, findings=found)
        command = {
            "id": "c1", "value": value, "at": iso(now()), "origin": who["user"], "state": "confirmed",
            "message": "",
        }  # fmt: skip
        until = iso(now() + timedelta(seconds=duration or 3600)) if value else None
        self._house.report(actuator, value, wished=value, lease_until=until, last_command=command)
        return {"id": "c1", "state": "confirmed", "message": "", "findings": []}

    async def _why(self, actuator: str) -> dict[str, Any]:
        at = iso(now())
        steps = [
            {"what": "payload", "at": at, "text": "kaiser/god/esp/ESP_A1B2C3/sensor/0/data", "ok": True},
            {"what": "reading", "at": at, "text": "Bench air 28.6 °C, good", "ok": True},
            {"what": "decision", "at": at, "text": "cool: 28.6 °C > 28 °C", "ok": True},
            {"what": "intent", "at": at, "text": "Fan 80 %", "ok": None},
            {"what": "verdict", "at": at, "text": "allowed, ends after 3600 s", "ok": True},
            {"what": "command", "at": at, "text": "PWM 0.8", "ok": True},
            {"what": "outcome", "at": at, "text": "confirmed after 40 ms", "ok": True},
        ]
        return {"actuator": actuator, "text": "Fan runs because Bench air is above 28 °C.", "steps": steps}

    async def _actuators_statistics(self, since: str) -> list[dict[str, Any]]:
        return [self._account(shown, since) for shown in self._house.actuators.values()]

    def _account(self, shown: dict[str, Any], since: str) -> dict[str, Any]:
        days = 0.5 if since == "today" else 7.0
        pump = shown["type"] == "pump"
        row = {
            "since": iso(now() - timedelta(days=days)), "until": iso(now()), "unknown_s": 0.0 if days < 1 else 5400.0,
            "on_s": days * 5000, "starts": round(days * 9), "duty": days * 5000 / (days * 86400), "longest_s": 900.0,
            "level_s": days * 4000, "litres": days * 41.5 if pump else None, "energy_wh": days * 310.0,
        }  # fmt: skip
        limits = {
            "on_left_s": 1500.0 if pump else None, "on_budget_s": 1800.0 if pump else None,
            "on_window_s": 86400.0 if pump else None, "starts_left": 51, "starts_per_hour": 60,
            "locked_until": iso(now() + timedelta(minutes=4)) if pump else None, "why": "It rests." if pump else None,
        }  # fmt: skip
        timed = "controller only" if shown["type"] == "pwm" else "node"
        return {
            "actuator": shown["id"], "name": shown["name"], "timed_by": timed, "limits": limits, "rows": [row],
        }  # fmt: skip

    async def _history(self, series: str, since: str, limit: int) -> dict[str, Any]:
        hours = int(since.removeprefix("-").removesuffix("s")) // 3600
        step = min(max(30, hours * 10), 1800)  # more than a screen can show from about six weeks on
        start, number = now() - timedelta(hours=hours), hours * 3600 // step
        times, values, quality = [], [], []
        for i in range(number):
            share = i / number
            if 0.4 < share < 0.5:
                continue  # the node was away
            times.append(iso(start + timedelta(seconds=i * step)))
            wave = 23.5 + 3.2 * math.sin(share * 12.5) + 0.25 * math.sin(i * 1.7)
            values.append(None if 0.7 < share < 0.71 else wave)
            quality.append("error" if 0.7 < share < 0.71 else "suspect" if 0.8 < share < 0.81 else "good")
        columns = {"times": times[-limit:], "values": values[-limit:], "quality": quality[-limit:]}
        return {"series": series, "unit": "°C"} | columns

    async def _history_buckets(self, series: str, every: int, span: dict[str, str]) -> dict[str, Any]:
        number = int(span["since"].removeprefix("-").removesuffix("s")) // every
        begins = [iso(now() - timedelta(seconds=(number - i) * every)) for i in range(number)]
        gone = [0.4 < i / number < 0.5 for i in range(number)]
        values = [None if gone[i] else 23.5 + 3.2 * math.sin(i / number * 12.5) for i in range(number)]
        told: dict[str, Any] = {"series": series, "begins": begins, "values": values}
        told |= {
            "minimum": [None if v is None else v - 1.0 for v in values],
            "maximum": [None if v is None else v + 1.5 for v in values],
            "coverage": [0.0 if away else 1.0 for away in gone],
            "readings": [0 if away else 12 for away in gone],
            "bad": [int(i == number // 4) * 3 for i in range(number)],
        }
        return told

    async def _alarms_ack(self, key: str, token: str) -> dict[str, Any]:
        return self._answered(key, token, state="ACKED", acked_by=f"user:{self._house.who(token)['user']}")

    async def _alarms_shelve(self, key: str, duration: float, token: str) -> dict[str, Any]:
        who = f"user:{self._house.who(token)['user']}"
        until = iso(now() + timedelta(seconds=duration))
        return self._answered(key, token, state="SHLVD", suppressed_by=who, shelved_until=until)

    def _answered(self, key: str, token: str, **changes: Any) -> dict[str, Any]:
        who = self._house.who(token)
        if who["role"] == "viewer":
            raise ForbiddenError(who=who["user"], role="viewer", action="acknowledge alarms")
        found = next(each for each in self._house.alarms["standing"] if each["key"] == key)
        found.update(changes)
        self._house.alarm(*self._house.alarms["standing"])
        return dict(found)

    async def _notices(self, since: str, limit: int) -> list[dict[str, Any]]:
        return [one for one in self._house.notices if one["at"] >= since][-limit:]

    async def _rules_enable(self, rule: str, token: str) -> dict[str, Any]:
        return self._switched(rule, token, enabled=True)

    async def _rules_disable(self, rule: str, token: str) -> dict[str, Any]:
        return self._switched(rule, token, enabled=False, acting=False)

    def _switched(self, rule: str, token: str, **changes: Any) -> dict[str, Any]:
        who = self._house.who(token)
        if who["role"] == "viewer":
            raise ForbiddenError(who=who["user"], role="viewer", action="edit rules")
        self._house.change("rule", rule, **changes)
        return dict(self._house.rules[rule])

    async def _rules_trace(self, rule: str) -> dict[str, Any]:
        seen = {"series": AIR, "value": 28.6, "unit": "°C", "quality": "good", "calibration": 2}
        seen |= {"measured_at": iso(now()), "age_s": 7.0}
        above: dict[str, Any] = {
            "truth": "true",
            "kind": "leaf",
            "text": "Bench air is above 28 °C",
            "note": None,
            "parts": [],
        }
        above |= {"value": 28.6, "unit": "°C", "reading": seen}
        soil: dict[str, Any] = {
            "truth": "unknown",
            "kind": "leaf",
            "text": "Soil is below 35 %",
            "note": "stale",
            "parts": [],
        }
        soil |= {"value": None, "unit": None, "reading": None}
        night = soil | {"truth": "false", "text": "it is 22:00–06:00 (UTC)", "note": None}
        no = {"truth": "true", "kind": "not", "text": "", "note": None, "parts": [night]}
        either = {"truth": "true", "kind": "any", "text": "", "note": None, "parts": [soil, no]}
        whole = {"truth": "true", "kind": "all", "text": "", "note": None, "parts": [above, either]}
        return {"rule": rule, "at": iso(now()), "truth": "true", "when": whole}

    async def _rules_try(self, rule: str, token: str) -> dict[str, Any]:
        self._house.who(token)
        return {"trial": 1, "rule": rule}

    async def _rules_tried(self, trial: int, token: str) -> dict[str, Any]:
        self._house.who(token)
        house = self._house
        if house.trials:
            return {"trial": trial, "progress": house.trials.pop(0), "result": None}
        end = now().replace(minute=0, second=0, microsecond=0)
        begin = end - timedelta(hours=24)

        def span(a: float, b: float) -> dict[str, Any]:
            since, until = begin + timedelta(hours=a), begin + timedelta(hours=b)
            return {"since": iso(since), "until": iso(until)}

        result: dict[str, Any] = {
            "rule": "cool", **span(0, 24), "readings": 2880, "starts": 2, "true_s": 18_000.0, "unknown_s": 5400.0,
            "active": [span(3, 6), span(14, 16)], "unknown": [span(9, 10.5)], "assumed": [],
            "actuators": [{"actuator": FAN, "switches": 4, "on_s": 18_000.0}], "commands": [],
            "gaps": [{"series": AIR, **span(9, 10.5), "seconds": 5400.0}], "departures": [],
        }  # fmt: skip
        return {"trial": trial, "progress": 1.0, "result": result}

    async def _nodes_approve(self, node: str, token: str) -> dict[str, Any]:
        self._house.who(token)
        self._house.change("node", node, status="approved")
        return {"node": node}
