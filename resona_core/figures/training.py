"""Charts of a training: its curves, and the pictures of its clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from resona_core.figures import theme
from resona_core.figures.audio import decibel_trace
from resona_core.figures.comparison import RUN_COLOURS, count_axis, legend_above
from resona_core.results import Spectrogram
from resona_core.training.runs import Run

MOST_RUNS = len(RUN_COLOURS)
"""As many runs can be told apart in one chart."""

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")


@dataclass(frozen=True)
class _Kind:
    """One of the curves a chart shows of each run, and how its line looks."""

    tag: str
    name: str
    dash: str = "solid"
    width: float = 2
    markers: bool = False


@dataclass(frozen=True)
class Chart:
    """What one chart of :func:`curves_figure` shows."""

    title: str
    kinds: tuple[_Kind, ...]
    factor: float = 1  # 100: shares as percentages
    format: str = ".3f"
    unit: str = ""

    def is_in(self, run: Run) -> bool:
        """Tell whether a run has any of the curves."""
        return any(kind.tag in run.curves for kind in self.kinds)


_ON_TRAINING = _Kind("", "training clips", width=1.5)
_PLAIN = "held-out clips"
_AVERAGED = "held-out clips, averaged weights"
CHARTS = (
    Chart(
        "Loss",
        (
            replace(_ON_TRAINING, tag="train/loss"),
            _Kind("held_out/loss_raw", _PLAIN, "dot", markers=True),
            _Kind("held_out/loss_averaged", _AVERAGED, width=3, markers=True),
        ),
    ),
    Chart(
        "Accuracy (%)",
        (
            replace(_ON_TRAINING, tag="train/accuracy"),
            _Kind("held_out/accuracy_raw", _PLAIN, "dot", markers=True),
            _Kind("held_out/accuracy_averaged", _AVERAGED, width=3, markers=True),
            _Kind("held_out/accuracy_teacher", "held-out clips, teacher", "dash", 1.5),
        ),
        factor=100,
        format=".1f",
        unit=" %",
    ),
    Chart(
        "Distance from the teacher's features (squared)",
        (replace(_ON_TRAINING, tag="train/feature_error"),),
    ),
    Chart(
        "Loss for the kind of sound: known, speech, music ...",
        (replace(_ON_TRAINING, tag="train/kind_loss"),),
    ),
    Chart("Learning rate", (replace(_ON_TRAINING, tag="train/learning_rate"),), format=".2g"),
)

_PANEL_PX = 250
_GAP_PX = 84  # between two panels: the axis of the upper one, the title of the lower
_LEGEND_ROW_PX = 22  # two names a row, one on a phone, where all are as wide as the longest


def charts_of(runs: Sequence[tuple[str, Run]]) -> list[Chart]:
    """Return the charts of which at least one run has a curve."""
    return [chart for chart in CHARTS if any(chart.is_in(run) for _, run in runs)]


def curves_figure(runs: Sequence[tuple[str, Run]], phone: bool = False) -> go.Figure:
    """Draw what was logged over the epochs, a panel a quantity, with one legend for all.

    Every run has its colour; what a line is measured on is told by its dashes.

    Parameters
    ----------
    runs : sequence of (name, Run)
        At most :data:`MOST_RUNS`; the first has the accent. One of them has a curve.
    phone : bool
        One panel under the other.
    """
    charts = charts_of(runs)
    columns = 1 if phone or len(charts) == 1 else 2
    rows = -(-len(charts) // columns)
    height_px = rows * _PANEL_PX + (rows - 1) * _GAP_PX
    figure = make_subplots(
        rows, columns, subplot_titles=[chart.title for chart in charts],
        vertical_spacing=_GAP_PX / height_px, horizontal_spacing=0.08,
    )  # fmt: skip
    for place, chart in enumerate(charts):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        for index, (name, run) in enumerate(runs):
            for kind in chart.kinds:
                if kind.tag in run.curves:
                    figure.add_trace(_curve(chart, kind, index, name, run), **at)
        figure.update_yaxes(count_axis(""), **at)
    figure.update_xaxes({**count_axis("epochs"), "showgrid": False, "matches": "x"})
    figure.update_annotations(x=0, xanchor="left", font={"size": 14})
    for place, note in enumerate(figure.layout.annotations):
        note.x = figure.get_subplot(place // columns + 1, place % columns + 1).xaxis.domain[0]
    entries = _legend_entries(charts, runs)
    for name, look in entries:
        figure.add_trace(go.Scatter(x=[None], y=[None], name=name, showlegend=True, **look))
    above_px = _LEGEND_ROW_PX * (len(entries) if phone else -(-len(entries) // 2)) + 34
    margin = {"l": 46, "r": 10, "t": above_px, "b": 44, "pad": 0}
    theme.apply_theme(figure, height_px + above_px + 44, margin, not phone and "zoom")
    return figure.update_layout(showlegend=True, legend=legend_above())


def _legend_entries(
    charts: Sequence[Chart], runs: Sequence[tuple[str, Run]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return name and look: of each run where there are several, then of each kind of line."""
    drawn = [(name, _line(i)) for i, (name, run) in enumerate(runs) if _is_drawn(charts, run)]
    kinds = {
        kind.name: _look(kind)
        for chart in charts
        for kind in chart.kinds
        if any(kind.tag in run.curves for _, run in runs)
    }
    return [*(drawn if len(runs) > 1 else []), *kinds.items()]


def _is_drawn(charts: Sequence[Chart], run: Run) -> bool:
    return any(chart.is_in(run) for chart in charts)


def _curve(chart: Chart, kind: _Kind, index: int, name: str, run: Run) -> go.Scatter:
    curve = run.curves[kind.tag]
    look = _look(kind, RUN_COLOURS[index], _SYMBOLS[index])
    return go.Scatter(
        x=run.in_epochs(curve).round(2),
        y=chart.factor * curve.values,
        customdata=curve.steps,
        showlegend=False,
        **look,
        hovertemplate=f"{name}, {kind.name}<br>epoch %{{x:.3g}} (step %{{customdata:,}})<br>"
        f"%{{y:{chart.format}}}{chart.unit}<extra></extra>",
    )


def _look(kind: _Kind, colour: str = theme.NEUTRAL, symbol: str = "circle") -> dict[str, Any]:
    return {
        "mode": "lines+markers" if kind.markers else "lines",
        "line": {"color": colour, "dash": kind.dash, "width": kind.width},
        "marker": {"color": colour, "symbol": symbol, "size": 7},
    }


def _line(index: int) -> dict[str, Any]:
    return {
        "mode": "lines+markers",
        "line": {"color": RUN_COLOURS[index], "width": 3},
        "marker": {"symbol": _SYMBOLS[index], "size": 8, "color": RUN_COLOURS[index]},
    }


def picture_figure(spectrogram: Spectrogram, duration_s: float) -> go.Figure:
    """Draw a mel spectrogram small, without a colour bar: for pictures side by side."""
    figure = go.Figure([decibel_trace(spectrogram).update(showscale=False)])
    positions, texts = theme.frequency_ticks(spectrogram.frequency_hz, least_gap=0.12)
    figure.update_layout(
        xaxis=theme.time_axis(duration_s, phone=True),
        yaxis=theme.named_frequency_axis(spectrogram.frequency_hz),
    )
    figure.update_yaxes(tickvals=positions, ticktext=texts)
    figure.update_layout(xaxis_fixedrange=True, yaxis_fixedrange=True)
    margin = {**theme.time_margin(phone=True), "l": 54}
    return theme.apply_theme(figure, 210, margin, drag=False)
