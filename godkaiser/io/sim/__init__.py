"""A simulated greenhouse: physics, virtual nodes that speak the device protocol, and the links that carry them.

Nothing is imported here. This package shares no code with ``godkaiser.io.wire``: it is the other end of the wire.
"""
