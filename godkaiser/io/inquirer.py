"""Nodes are asked by people: read a sensor now, or a system command that moves nothing; and their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine import picture
from godkaiser.engine.request import scan_refusal
from godkaiser.errors import InvalidValueError, NodeRefusedError, NodeSilentError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.whereabouts import of_node, of_sensor
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import MILLISECOND, MINUTE, SECOND, parse_duration
from godkaiser.model.request import MEASURE_WITHIN, Inquiry, Measure, Reply, Request, read_inquiry

REQUEST_GUARD: Final = 600.0  # others may be asked first


class Inquirer:
    """Passes questions on to nodes; who asked waits for the node's own answer."""

    def __init__(self, runner: Runner, clerk: Clerk) -> None:
        self._runner, self._clerk = runner, clerk
        self._state = runner.engine.state
        self._requests: dict[str, asyncio.Future[Reply]] = {}
        self._asked = 0

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "measure": self._measure,
            "nodes.ask": self._ask,
        }

    async def _measure(
        self, sensor: str, within: str | float | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """Read a sensor now; the answer is its new reading."""
        who = self._clerk.who(
            token, Permission.SWITCH, lambda: of_sensor(self._state, self._clerk.sensor(sensor))
        )
        series = self._clerk.sensor(sensor)
        limit = MEASURE_WITHIN if within is None else _measure_time(parse_duration(within, "within"))
        before, ask = self._state.sensors[series].latest, Measure(series.gpio, limit)
        reply = await self._reply(series.node, who, ask)
        if self._state.sensors[series].latest is before:
            message = (
                "it answered, but sent no newer reading of this sensor: is another one first on its pin?"
            )
            raise NodeRefusedError(node=series.node, what=reply.request.what, message=message)
        await self._runner.depot.committed()
        shown = picture.one(self._state, "sensor", series, self._runner.clock.now())
        assert shown is not None
        return shown

    async def _ask(
        self, node: str, command: str, params: dict[str, Any] | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """A system command that moves nothing."""
        self._clerk.person(token)
        inquiry = read_inquiry(command, params or {})
        right = Permission.MANAGE_USERS if inquiry.word == "set_emergency_token" else Permission.SWITCH
        who = self._clerk.who(token, right, lambda: of_node(self._state, self._clerk.node(node)))
        if inquiry.word == "set_emergency_token":
            self._check_ours(inquiry)
        node_id = self._clerk.node(node)
        self._check_scan(node_id, inquiry)
        return (await self._reply(node_id, who, inquiry)).content

    def _check_scan(self, node: NodeId, inquiry: Inquiry) -> None:
        problem = scan_refusal(self._state, node, inquiry)
        if problem is not None:
            raise InvalidValueError(
                field="params.pin",
                value=str(inquiry.params.get("pin", "the board's own")),
                problem=f"{problem}, and a scan would drive it",
                allowed="a pin without an actuator; if the bus hangs there, correct the site first",
            )

    def _check_ours(self, inquiry: Inquiry) -> None:
        """A node must not demand a token that we do not send: our own emergency stop would be refused."""
        broadcast = inquiry.params.get("token_type") == "broadcast"
        ours = self._runner.tokens.broadcast if broadcast else self._runner.tokens.node
        if inquiry.params["token"] != ours:
            name = "GODKAISER_BROADCAST_TOKEN" if broadcast else "GODKAISER_NODE_TOKEN"
            raise InvalidValueError(
                field="params.token",
                value="…",
                problem="is not the one this controller sends, so the node would refuse our own emergency stop",
                allowed=f"the token in {name}: set it there, start the controller again, then give it to the nodes",
            )

    async def _reply(self, node: NodeId, who: str, ask: Measure | Inquiry) -> Reply:
        self._asked += 1
        request = Request(f"q{self._state.run}-{self._asked}", node, who, ask)
        future = self._requests[request.id] = asyncio.get_running_loop().create_future()
        self._runner.post(ev.RequestAsked(self._runner.clock.now(), request))
        try:
            async with asyncio.timeout(REQUEST_GUARD):
                reply: Reply = await future
        except TimeoutError:
            raise NodeSilentError(node=node, what=request.what, seconds=REQUEST_GUARD) from None
        finally:
            del self._requests[request.id]
        if reply.end == "refused":
            raise NodeRefusedError(node=node, what=request.what, message=reply.message)
        if reply.end == "silent":
            raise NodeSilentError(node=node, what=request.what, seconds=request.patience / SECOND)
        return reply

    def on_reply(self, reply: Reply) -> None:
        """From the runner: somebody may wait for it."""
        future = self._requests.get(reply.request.id)
        if future is not None and not future.done():
            future.set_result(reply)


def _measure_time(within: int) -> int:
    if not MILLISECOND <= within <= MINUTE:
        raise InvalidValueError(
            field="within", value=f"{within / SECOND:g} s", problem="out of range", allowed="1 ms to 60 s"
        )
    return within
