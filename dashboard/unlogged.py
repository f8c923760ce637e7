"""What people type stays out of every log: Panel and Bokeh would write it, passwords too."""

from __future__ import annotations

import logging
import traceback
from typing import Any, Final

# At DEBUG and below these tell every event of a widget, with its text.
TALKERS: Final = ("panel.viewable", "panel.reactive", "bokeh")
# These tell what came from the browser when it could not be used.
COMPLAINERS: Final = ("panel.reactive", "bokeh.server.protocol_handler", "bokeh.server.views.ws")


class Untyped(logging.Filter):
    """Of an error it leaves its kind and where it was: its words may hold what was typed."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes; one with an error is made safe first."""
        if record.exc_info:
            kind, _, trace = record.exc_info
            record.msg = str(record.msg).partition("changing propert")[0].rstrip()
            if isinstance(record.args, tuple):
                record.args = tuple(_kind(part) for part in record.args)
            record.exc_text = "".join(traceback.format_tb(trace)) + (kind.__name__ if kind else "")
            record.exc_info = None
        return True


UNTYPED: Final = Untyped()


def keep_typing_unlogged() -> None:
    """From now on, whatever level the logger above them gets. Never makes a logger say more than before."""
    for name in TALKERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.getEffectiveLevel(), logging.INFO))
    for name in COMPLAINERS:
        logging.getLogger(name).addFilter(UNTYPED)  # a second time it does nothing


def _kind(part: Any) -> str:
    return type(part).__name__
