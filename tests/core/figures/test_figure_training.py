from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from resona_core.figures import training as figures
from resona_core.figures.comparison import RUN_COLOURS
from resona_core.results import Spectrogram
from resona_core.training.runs import Run, read_run
from tests.run_folder import write_run

LOSS, *_ = figures.CHARTS


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read_run(write_run(tmp_path / "mine", epochs=10))


@pytest.fixture
def bare(tmp_path: Path) -> Run:
    """A run that has logged nothing yet."""
    return read_run(write_run(tmp_path / "bare", done=0))


def lines(figure: go.Figure, axis: str = "x") -> list[go.Scatter]:
    """Return the curves of one panel."""
    return [t for t in figure.data if not t.showlegend and (t.xaxis or "x") == axis]


def legend(runs: list[tuple[str, Run]]) -> list[str]:
    return [t.name for t in figures.curves_figure(runs).data if t.showlegend]


def test_a_loss_is_drawn_over_the_epochs(run: Run) -> None:
    training = lines(figures.curves_figure([("mine", run)]))[0]
    assert np.asarray(training.x).tolist() == list(range(1, 11))
    assert training.y[9] == pytest.approx(2)
    assert training.customdata[9] == 1000
    assert training.line.color == RUN_COLOURS[0]


def test_accuracies_are_percentages(run: Run) -> None:
    figure = figures.curves_figure([("mine", run)])
    averaged = next(t for t in lines(figure, "x2") if t.line.width == 3)
    assert np.asarray(averaged.y).tolist() == pytest.approx([40, 70])
    assert "%{y:.1f} %" in averaged.hovertemplate
    assert [note.text for note in figure.layout.annotations][:2] == ["Loss", "Accuracy (%)"]


def test_one_legend_names_each_kind_once_and_the_runs_only_when_there_are_several(
    run: Run,
) -> None:
    kinds = ["training clips", "held-out clips", "held-out clips, averaged weights"]
    assert legend([("mine", run)]) == kinds
    assert legend([("mine", run), ("yours", run)]) == ["mine", "yours", *kinds]


def test_runs_differ_in_colour_and_in_symbol(run: Run) -> None:
    runs = [(str(i), run) for i in range(figures.MOST_RUNS)]
    curves = lines(figures.curves_figure(runs), "x3")
    assert len({t.line.color for t in curves}) == len(curves) == figures.MOST_RUNS
    assert len({t.marker.symbol for t in curves}) == figures.MOST_RUNS


def test_a_run_without_a_curve_is_neither_drawn_nor_named(run: Run, bare: Run) -> None:
    assert LOSS.is_in(run)
    assert not LOSS.is_in(bare)
    assert figures.charts_of([("bare", bare)]) == []
    figure = figures.curves_figure([("mine", run), ("bare", bare)])
    assert len(lines(figure, "x3")) == 1
    assert "bare" not in legend([("mine", run), ("bare", bare)])


def test_panels_stand_one_under_the_other_on_a_phone_and_zoom_together(run: Run) -> None:
    for phone, starts in ((True, 1), (False, 2)):
        layout = figures.curves_figure([("mine", run)], phone).layout
        axes = (layout.xaxis, layout.xaxis2, layout.xaxis3)
        assert len({axis.domain[0] for axis in axes}) == starts
        assert {axis.matches for axis in axes[1:]} == {"x"}


def test_a_small_picture_has_axes_in_seconds_and_hertz_and_no_colour_bar() -> None:
    picture = Spectrogram(
        np.zeros((128, 157), np.float32), np.geomspace(50, 8_000, 128), np.arange(157) * 0.032
    )
    figure = figures.picture_figure(picture, 5.0)
    assert figure.data[0].showscale is False
    assert figure.layout.xaxis.range == (0, 5)
    assert figure.layout.xaxis.title.text == "time (s)"
    assert figure.layout.yaxis.title.text == "frequency (Hz)"
    assert len(figure.to_json()) < 60_000
