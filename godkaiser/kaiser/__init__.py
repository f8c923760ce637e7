"""The composition root and the facade. Imports nothing by itself: a client pays only for what it uses."""
