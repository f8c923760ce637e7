"""The pure controller: events in, effects out, time inside the events."""
