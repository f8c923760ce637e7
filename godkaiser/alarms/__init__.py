"""Alarms after ISA-18.2: what may be wrong, the states of an alarm, and when a condition becomes one. Pure."""
