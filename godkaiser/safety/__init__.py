"""Safety: what may move, for how long, and how everything stops. Pure."""
