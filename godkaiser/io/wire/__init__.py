"""Bytes ↔ events and commands. Pure: no clock, no socket."""
