"""The history page: one sensor's curve, from an hour to a year, growing while it is looked at."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

import panel as pn

from ..chart import DARK, LIGHT, Chart
from ..curve import MILLISECOND, Point, columns, gaps, longest_step, point, points
from ..feed import TROUBLE
from ..parts import say, sensor_tile, widget_style
from ..rolled import POINTS_MOST, RANGES, Piece, band, holes, length, lines, pieces, too_many
from ..session import Session, html, stack, write
from ..view import EPOCH, Thing, View, named

# A drawn mean is asked for again when its bucket should be over, but not more often than this, nor more seldom.
AGAIN_S: Final = (10.0, 300.0)


class History:
    """A choice of sensor and range above one chart."""

    def __init__(self, session: Session) -> None:
        self._session, words = session, session.words
        self._chart = Chart(words)
        self._pane = pn.pane.Bokeh(self._chart.figure, sizing_mode="stretch_width", margin=0)
        self._tile, self._note = html(), html()
        self._longest, self._last, self._asked = 0.0, 0.0, 0
        self._loaded, self._rolled = False, 0
        self._drawn_at, self._drawn_now = 0.0, EPOCH
        common: dict[str, Any] = {
            "margin": 0,
            "stylesheets": [widget_style()],
            "sizing_mode": "stretch_width",
        }
        self._sensor = pn.widgets.Select(label=words("history.sensor"), options={}, **common)
        names = {words(f"history.range.{key}"): key for key in RANGES}
        self._range = pn.widgets.RadioButtonGroup(
            options=names, value="24h", css_classes=["ranges"], **common
        )
        self._sensor.param.watch(self._load, "value")
        self._range.param.watch(self._load, "value")
        session.pulse.param.watch(self._recolor, "dark")
        self._recolor()

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        view, now = self._session.look()
        self._offer(view, wanted=self._session.wanted)
        self.update(view, now)
        return stack(self._sensor, self._range, self._tile, self._note, self._pane, gap="0.9rem")

    def update(self, view: View, now: datetime) -> None:
        """Take up new readings and new sensors."""
        self._offer(view)
        sensor = view.sensors.get(self._sensor.value or "")
        if sensor is None:
            write(self._note, say(self._session.words("history.none")))
            return
        write(self._tile, sensor_tile(self._session.words, sensor, view, now, self._session.query))
        if self._loaded and not self._rolled:
            self._grow(sensor)
        elif self._loaded and not view.gone and self._due(now):
            self._start()

    def _offer(self, view: View, wanted: str | None = None) -> None:
        options = {_label(sensor, view): str(sensor["id"]) for sensor in named(view.sensors.values())}
        if options == self._sensor.options:
            return
        chosen = wanted or self._sensor.value
        value = chosen if chosen in view.sensors else next(iter(options.values()), None)
        self._sensor.param.update(options=options, value=value)

    def _load(self, *_: object) -> None:
        """Ask for the chosen stretch; a newer choice overtakes an older answer."""
        if self._sensor.value is None:
            return
        self._rolled = 0
        write(self._note, say(self._session.words("history.loading")))
        self._start()

    def _start(self) -> None:
        self._asked += 1
        self._loaded = False
        self._session.start(self._fetch(self._asked, str(self._sensor.value), RANGES[str(self._range.value)]))

    def _due(self, now: datetime) -> bool:
        """Has more been measured than the last mean tells?"""
        least, most = AGAIN_S
        waited = self._session.feed.at() - self._drawn_at
        return waited >= least and (now - self._drawn_now).total_seconds() >= min(self._rolled, most)

    async def _fetch(self, asked: int, series: str, span_s: int) -> None:
        """Every reading if a screen can show them, else means of the shortest stretches of which it can."""
        since, every = f"-{span_s}s", length(span_s)
        try:
            told = await self._session.ask("history", series=series, since=since, limit=POINTS_MOST + 1)
            if not (rolled := too_many(told)):
                draw = partial(self._draw, asked, points(told))
            else:
                told = await self._session.ask(
                    "history.buckets", series=series, every=every, span={"since": since}
                )
        except TROUBLE as error:
            text = self._session.words("history.failed", problem=str(error))
            self._session.show(partial(self._fail, asked, text))
            return
        self._session.show(partial(self._draw_means, asked, told, every) if rolled else draw)

    def _fail(self, asked: int, text: str) -> None:
        if asked == self._asked:
            self._loaded, self._drawn_at = (
                bool(self._rolled),
                self._session.feed.at(),
            )  # means are tried again
            write(self._note, say(text, "bad"))

    def _draw(self, asked: int, readings: list[Point]) -> None:
        if asked != self._asked:
            return
        view, now = self._session.look()
        sensor = view.sensors.get(str(self._sensor.value), {})
        self._longest = longest_step(readings, sensor.get("stale_after_s"))
        self._last = readings[-1].at if readings else 0.0
        self._chart.show(columns(readings, self._longest))
        unit = str(sensor.get("unit") or "")
        self._chart.describe(str(sensor.get("name") or ""), unit, self._session.words.pattern(unit))
        self._loaded, self._rolled = True, 0
        write(self._note, say(self._summary(readings, unit), "plain"))
        self.update(view, now)

    def _draw_means(self, asked: int, told: Thing, every: int) -> None:
        if asked != self._asked:
            return
        view, now = self._session.look()
        words, sensor = self._session.words, view.sensors.get(str(self._sensor.value), {})
        drawn = pieces(told, every, (now - EPOCH).total_seconds() * MILLISECOND)
        self._chart.show(lines(drawn), band(drawn))
        unit, name = str(sensor.get("unit") or ""), str(sensor.get("name") or "")
        said = words("history.mean", length=words.span(every)), words("history.band")
        self._chart.describe(name, unit, words.pattern(unit), *said)
        self._loaded, self._rolled = True, every
        self._drawn_at, self._drawn_now = self._session.feed.at(), now
        write(self._note, say(self._summary_of_means(drawn, unit, every), "plain"))

    def _summary_of_means(self, drawn: list[Piece], unit: str, every: int) -> str:
        words = self._session.words
        values = [edge for piece in drawn for edge in (piece.least, piece.most) if edge is not None]
        text = words("history.means", length=words.span(every)) + " "
        text += self._extent(sum(piece.readings for piece in drawn), values, unit, holes(drawn))
        bad = sum(piece.bad for piece in drawn)
        return text + (" " + words("history.bad", n=bad) if bad else "")

    def _grow(self, sensor: Thing) -> None:
        """Append what came since, and nothing else."""
        new = point(sensor.get("measured_at"), sensor.get("value"), sensor.get("quality"))
        if new is None or new.at <= self._last:
            return
        self._chart.grow(columns([new], self._longest, self._last or None))
        self._last = new.at

    def _summary(self, readings: list[Point], unit: str) -> str:
        values = [p.value for p in readings if p.value is not None]
        return self._extent(len(values), values, unit, gaps(readings, self._longest))

    def _extent(self, n: int, values: list[float], unit: str, number: int) -> str:
        words = self._session.words
        if not values:
            return words("history.empty")
        low, high = words.number(min(values), unit), words.quantity(max(values), unit)
        text = words("history.summary", n=n, low=low, high=high)
        if number:
            text += " " + words("history.gap" if number == 1 else "history.gaps", n=number) + "."
        return text

    def _recolor(self, *_: object) -> None:
        self._chart.recolor(DARK if self._session.pulse.dark else LIGHT)


def _label(sensor: Thing, view: View) -> str:
    zone = view.zones.get(str(sensor.get("zone"))) or {}
    place = zone.get("name") or sensor.get("zone")
    name = str(sensor.get("name") or sensor["id"])
    return f"{name} ({place})" if place else name
