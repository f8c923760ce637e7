"""What an effect says on the wire, if anything."""

from __future__ import annotations

from dataclasses import replace

from godkaiser.engine import effect as fx
from godkaiser.engine.state import State
from godkaiser.errors import GodkaiserError
from godkaiser.io.wire.encode import NO_TOKENS, Outgoing, Tokens, encode_command, encode_notice, readdressed
from godkaiser.model.command import Enquiry, Notice
from godkaiser.model.request import Inquiry
from godkaiser.safety.seal import SafeCommand

LEFT_OUT = "left out"


def command_on_wire(command: SafeCommand, state: State, tokens: Tokens = NO_TOKENS) -> Outgoing:
    """In the words of its node's firmware, under the id of its board. Raises what `encode_command` raises."""
    node = command.order.node
    known = None if node is None else state.nodes.get(node)
    modern = known is not None and known.modern
    board = None if known is None else known.board_id
    return encode_command(command, state.kaiser_of(node), tokens, modern=modern, board=board)


def notice_on_wire(notice: Notice, state: State) -> Outgoing:
    """Under the id of the node's board. Raises what `encode_notice` raises."""
    message = encode_notice(notice)
    node = getattr(notice, "node", None)
    known = None if node is None else state.nodes.get(node)
    if known is None or known.board_id is None:
        return message
    return readdressed(message, known.id, known.board_id)


def without_token(notice: Notice) -> Notice:
    """The same notice, for people and files."""
    if not isinstance(notice, Enquiry) or not isinstance(ask := notice.request.ask, Inquiry):
        return notice
    if "token" not in ask.params:
        return notice
    hidden = replace(ask, params=ask.params | {"token": LEFT_OUT})
    return replace(notice, request=replace(notice.request, ask=hidden))


def utterance(effect: fx.Effect, state: State) -> Outgoing | None:
    """What a recording keeps of it: no tokens, and nothing of what cannot be said."""
    try:
        if isinstance(effect, fx.Send):
            return command_on_wire(effect.command, state)
        if isinstance(effect, fx.Say):
            return notice_on_wire(without_token(effect.notice), state)
    except (GodkaiserError, ValueError):  # the runner tells the engine so, which is an event of its own
        return None
    return None
