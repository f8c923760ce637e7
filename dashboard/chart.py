"""The history chart: one Bokeh figure, one source, streamed into; light or dark as the reader likes it."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
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
from .rolled import Band
from .words import Words

ROLLOVER: Final = 60_000
COLUMNS: Final = ("t", "value", "suspect", "error", "low", "high", "alone")


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
        self.source = ColumnDataSource({name: [] for name in COLUMNS})
        self.band = ColumnDataSource({"xs": [], "ys": []})
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
            min_border_top=12,
            y_range=self._span,
        )
        self.figure.toolbar.logo = None
        self._draw(words)
        self._axes(words)

    def show(self, columns: Columns, band: Band | None = None) -> None:
        """Draw this and nothing else; with `band` the values are means of what lies in it."""
        self.source.data = dict(_whole(columns))
        self.band.data = {"xs": [], "ys": []} if band is None else dict(band)

    def grow(self, columns: Columns) -> None:
        """Append this; what is too old falls off."""
        self.source.stream(dict(_whole(columns)), rollover=ROLLOVER)

    def recolor(self, colors: Colors) -> None:
        """Follow the reader's light or dark."""
        self._line.glyph.line_color = self._alone.glyph.line_color = colors.line
        self._alone.glyph.fill_color = self._patches.glyph.fill_color = colors.line
        self._suspect.glyph.line_color = colors.warn
        self._error.glyph.line_color = colors.bad
        for axis in (*self.figure.xaxis, *self.figure.yaxis):
            axis.major_label_text_color = axis.axis_label_text_color = colors.ink
            axis.axis_line_color = axis.major_tick_line_color = colors.grid
        for lines in (*self.figure.xgrid, *self.figure.ygrid):
            lines.grid_line_color = colors.grid

    def describe(self, name: str, unit: str, decimals: str, mean: str = "", span: str = "") -> None:
        """Say what is drawn: on the axis and under the pointer. `mean`, `span`: the words for these, of buckets."""
        self.figure.yaxis[0].axis_label = f"{name} ({unit})" if unit else name
        told = [(self._when, "@t{%F %T}"), (mean or name, f"@value{{{decimals}}} {unit}")]
        if span:
            told.append((span, f"@low{{{decimals}}} … @high{{{decimals}}} {unit}"))
        self._hover.tooltips = told

    def _draw(self, words: Words) -> None:
        plot, source = self.figure, self.source
        plot.extra_y_ranges = {"foot": Range1d(start=-0.04, end=1.0)}
        self._patches = plot.patches("xs", "ys", source=self.band, fill_alpha=0.22, line_color=None)
        self._line = plot.line("t", "value", source=source, line_width=2.2, line_join="round")
        self._alone = plot.scatter("t", "alone", source=source, size=4)
        self._span.renderers = [
            self._line,
            self._patches,
        ]  # the marks at the foot are no values and must not stretch it
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
            months="%b",
            years="%Y",
        )
        for axis in (*plot.xaxis, *plot.yaxis):
            axis.major_label_text_font_size = axis.axis_label_text_font_size = "0.9rem"
            axis.axis_label_text_font_style = "normal"
            axis.minor_tick_line_color = None
        plot.ygrid[0].grid_line_width = 1
        plot.xgrid[0].visible = False


def _whole(columns: Columns) -> Columns:
    """All columns are as long as the first; what a curve of readings has none of is not a number."""
    number = len(columns["t"])
    return {name: columns[name] if name in columns else [nan] * number for name in COLUMNS}
