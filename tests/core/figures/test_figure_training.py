from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resona_core.figures import training as figures
from resona_core.figures.comparison import RUN_COLOURS
from resona_core.results import Spectrogram
from resona_core.training.runs import Run, read_run
from tests.run_folder import write_run

LOSS, ACCURACY, ERRORS, RATE = figures.CHARTS


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read_run(write_run(tmp_path / "mine", epochs=10))


@pytest.fixture
def bare(tmp_path: Path) -> Run:
    """A run that has logged nothing yet."""
    return read_run(write_run(tmp_path / "bare", done=0))


def test_a_loss_is_drawn_over_the_epochs(run: Run) -> None:
    training = figures.curves_figure(LOSS, [("mine", run)]).data[0]
    assert np.asarray(training.x).tolist() == list(range(1, 11))
    assert training.y[9] == pytest.approx(2)
    assert training.customdata[9] == 1000
    assert training.line.color == RUN_COLOURS[0]


def test_accuracies_are_percentages(run: Run) -> None:
    figure = figures.curves_figure(ACCURACY, [("mine", run)])
    averaged = next(t for t in figure.data if t.line.width == 3 and t.x[0] is not None)
    assert np.asarray(averaged.y).tolist() == pytest.approx([40, 70])
    assert "%{y:.1f} %" in averaged.hovertemplate
    assert "(%)" in figure.layout.yaxis.title.text


def test_the_legend_names_the_kinds_and_the_runs_only_when_there_are_several(run: Run) -> None:
    def names(runs: list[tuple[str, Run]], chart: figures.Chart) -> list[str]:
        return [t.name for t in figures.curves_figure(chart, runs).data if t.showlegend]

    kinds = ["training", "held out", "held out, EMA"]
    assert names([("mine", run)], LOSS) == kinds
    assert names([("mine", run), ("yours", run)], LOSS) == ["mine", "yours", *kinds]
    assert names([("mine", run)], RATE) == []


def test_runs_differ_in_colour_and_in_symbol(run: Run) -> None:
    runs = [(str(i), run) for i in range(figures.MOST_RUNS)]
    curves = [t for t in figures.curves_figure(RATE, runs).data if not t.showlegend]
    assert len({t.line.color for t in curves}) == len(curves) == figures.MOST_RUNS
    assert len({t.marker.symbol for t in curves}) == figures.MOST_RUNS


def test_a_run_without_a_curve_is_left_out_of_its_chart(run: Run, bare: Run) -> None:
    assert LOSS.is_in(run)
    assert not LOSS.is_in(bare)
    figure = figures.curves_figure(RATE, [("mine", run), ("bare", bare)])
    assert sum(not trace.showlegend for trace in figure.data) == 1
    assert [trace.name for trace in figure.data if trace.showlegend] == ["mine"]


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
