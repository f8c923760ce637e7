"""The history chart: one Bokeh figure, one source, streamed into; light or dark as the reader likes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    DataRange1d,
    DatetimeTickFormatter,
    HoverTool,
    Range1d,
)
from bokeh.plotting import figure

from .curve import Columns
from .words import Words

ROLLOVER: Final = 60_000


@dataclass(frozen=True, slots=True)
class Colors:
    """The chart's colours; Bokeh paints on a canvas, where style sheets do not reach."""

    line: str
    ink: str
    grid: str
    warn: str
    bad: str


LIGHT: Final = Colors("#1f7a4d", "#55645b", "#dde3dc", "#9a6200", "#b3261e")
DARK: Final = Colors("#5cc48f", "#a3b3a9", "#2b3831", "#f0b44c", "#ff8a80")


class Chart:
    """A figure with its source."""

    def __init__(self, words: Words) -> None:
        self.source = ColumnDataSource({"t": [], "value": [], "suspect": [], "error": []})
        self._span = DataRange1d()
        self.figure = figure(
            x_axis_type="datetime",
            height=400,
            sizing_mode="stretch_width",
            tools="xpan,xwheel_zoom,xbox_zoom,reset",
            active_drag=None,
            active_scroll=None,
            toolbar_location="below",
            background_fill_alpha=0.0,
            border_fill_alpha=0.0,
            outline_line_color=None,
            lod_threshold=None,
            y_range=self._span,
        )
        self.figure.toolbar.logo = None
        self._draw(words)
        self._axes(words)

    def show(self, columns: Columns) -> None:
        """Draw this and nothing else."""
        self.source.data = dict(columns)

    def grow(self, columns: Columns) -> None:
        """Append this; what is too old falls off."""
        self.source.stream(dict(columns), rollover=ROLLOVER)

    def recolor(self, colors: Colors) -> None:
        """Follow the reader's light or dark."""
        self._line.glyph.line_color = colors.line
        self._suspect.glyph.line_color = colors.warn
        self._error.glyph.line_color = colors.bad
        for axis in (*self.figure.xaxis, *self.figure.yaxis):
            axis.major_label_text_color = axis.axis_label_text_color = colors.ink
            axis.axis_line_color = axis.major_tick_line_color = colors.grid
        for lines in (*self.figure.xgrid, *self.figure.ygrid):
            lines.grid_line_color = colors.grid

    def describe(self, name: str, unit: str, decimals: str) -> None:
        """Say what is drawn: on the axis and under the pointer."""
        self.figure.yaxis[0].axis_label = f"{name} ({unit})" if unit else name
        self._hover.tooltips = [(self._when, "@t{%F %T}"), (name, f"@value{{{decimals}}} {unit}")]

    def _draw(self, words: Words) -> None:
        plot, source = self.figure, self.source
        plot.extra_y_ranges = {"foot": Range1d(start=-0.04, end=1.0)}
        self._line = plot.line("t", "value", source=source, line_width=2.2, line_join="round")
        self._span.renderers = [self._line]  # the marks at the foot are no values and must not stretch it
        self._dots = plot.scatter(
            "t", "value", source=source, size=7, alpha=0.0
        )  # gives the pointer something
        self._suspect = plot.scatter("t", "suspect", source=source, size=8, fill_alpha=0.0, line_width=2)
        self._error = plot.scatter(
            "t", "error", source=source, marker="x", size=9, line_width=2, y_range_name="foot"
        )
        self._when = words("history.time")
        self._hover = HoverTool(renderers=[self._dots], mode="vline", formatters={"@t": "datetime"})
        plot.add_tools(self._hover, CrosshairTool(dimensions="height", line_alpha=0.3))

    def _axes(self, words: Words) -> None:
        plot = self.figure
        plot.xaxis[0].axis_label = words("history.time")
        plot.xaxis[0].formatter = DatetimeTickFormatter(
            seconds="%H:%M:%S",
            minsec="%H:%M:%S",
            minutes="%H:%M",
            hourmin="%H:%M",
            hours="%H:%M",
            days="%d %b",
        )
        for axis in (*plot.xaxis, *plot.yaxis):
            axis.major_label_text_font_size = axis.axis_label_text_font_size = "0.9rem"
            axis.axis_label_text_font_style = "normal"
            axis.minor_tick_line_color = None
        plot.ygrid[0].grid_line_width = 1
        plot.xgrid[0].visible = False
