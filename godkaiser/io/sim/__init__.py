"""A simulated greenhouse: physics, virtual nodes that speak the device protocol, and what carries them.

Nothing is imported here. This package shares no code with ``godkaiser.io.wire``: it is the other end of the
wire.
"""
