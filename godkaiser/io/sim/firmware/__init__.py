"""The device's reading of what a server sends, written from the protocol alone.

Nothing is imported here. ``judge.judge`` says of any message whether a device would take it; the virtual node
takes its decisions with the same readers. This package shares no code with ``godkaiser.io.wire``.
"""
