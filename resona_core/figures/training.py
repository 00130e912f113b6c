"""Charts of a training: its curves, and the pictures of its clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from resona_core.figures import theme
from resona_core.figures.audio import decibel_trace
from resona_core.figures.comparison import LEGEND_PX, RUN_COLOURS, count_axis, legend_above
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


_TRAIN, _RAW, _AVERAGED = "training", "held out", "held out, EMA"
CHARTS = (
    Chart(
        "loss",
        (
            _Kind("train/loss", _TRAIN, width=1.5),
            _Kind("held_out/loss_raw", _RAW, "dot", markers=True),
            _Kind("held_out/loss_averaged", _AVERAGED, width=3, markers=True),
        ),
    ),
    Chart(
        "accuracy (%)",
        (
            _Kind("train/accuracy", _TRAIN, width=1.5),
            _Kind("held_out/accuracy_raw", _RAW, "dot", markers=True),
            _Kind("held_out/accuracy_averaged", _AVERAGED, width=3, markers=True),
            _Kind("held_out/accuracy_teacher", "teacher, held out", "dash", 1.5),
        ),
        factor=100,
        format=".1f",
        unit=" %",
    ),
    Chart(
        "auxiliary losses",
        (
            _Kind("train/feature_error", "teacher's features (squared error)"),
            _Kind("train/kind_loss", "kind of sound (cross-entropy)", "dot"),
        ),
    ),
    Chart("learning rate", (_Kind("train/learning_rate", "learning rate"),), format=".2g"),
)


def curves_figure(chart: Chart, runs: Sequence[tuple[str, Run]], phone: bool = False) -> go.Figure:
    """Draw one quantity over the epochs, every run in its colour.

    Parameters
    ----------
    chart : Chart
        One of :data:`CHARTS`.
    runs : sequence of (name, Run)
        At most :data:`MOST_RUNS`; the first has the accent.
    phone : bool
        Narrow margins.
    """
    figure = go.Figure()
    for index, (name, run) in enumerate(runs):
        for kind in chart.kinds:
            if kind.tag in run.curves:
                figure.add_trace(_curve(chart, kind, index, name, run))
    drawn = [(name, _line(i)) for i, (name, run) in enumerate(runs) if chart.is_in(run)]
    names = drawn if len(runs) > 1 else []
    kinds = [(kind.name, _look(kind)) for kind in chart.kinds if _in_any(kind, runs)]
    for name, look in [*names, *(kinds if len(chart.kinds) > 1 else [])]:
        figure.add_trace(go.Scatter(x=[None], y=[None], name=name, showlegend=True, **look))
    figure.update_layout(
        xaxis={**count_axis("epochs (passes over the training clips)"), "showgrid": False},
        yaxis=count_axis(chart.title),
    )
    margin = {**theme.time_margin(phone), "l": 68, "r": 10, "t": LEGEND_PX}
    theme.apply_theme(figure, 360, margin, not phone and "zoom")
    return figure.update_layout(showlegend=True, legend=legend_above())


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


def _in_any(kind: _Kind, runs: Sequence[tuple[str, Run]]) -> bool:
    return any(kind.tag in run.curves for _, run in runs)


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
