from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from resona_core.classification import Timeline
from resona_core.figures import theme
from resona_core.figures import timeline as figures
from resona_core.figures.timeline import clock_axis, clock_ms
from resona_core.timeline import Event, find_stretches, other_kinds, smoothed

LABELS = ("sea_waves", "dog", "siren")


def recording(n_windows: int, hop_s: float = 2.5) -> Timeline:
    starts_s = hop_s * np.arange(n_windows)
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], n_windows).astype(np.float32)
    silent = np.zeros(n_windows, bool)
    return Timeline(LABELS, 5.0, starts_s, shares, silent, starts_s[-1] + 5, None)


def seconds(positions: Sequence[float]) -> list[float]:
    """Return the times at positions of the clock axis."""
    return [(position - clock_ms(0)) / 1000 for position in positions]


def test_cells_hold_whole_percent_and_lie_between_the_hand_overs_of_the_windows() -> None:
    heard = recording(3)
    heard.window_probabilities[:] = [[0.1, 0.7, 0.2], [0.004, 0.006, 0.99], [0, 0, 0]]
    figure = figures.strip_figure(heard, heard.window_probabilities, [2, 1], [])
    bands = figure.data[0]
    assert bands.y == ("Siren", "Dog")
    assert np.asarray(bands.z).tolist() == [[20, 99, 0], [70, 1, 0]]
    assert np.asarray(bands.z).dtype == np.uint8
    assert seconds(bands.x) == [0, 3.75, 6.25, 10]
    assert (bands.zmin, bands.zmax) == (0, 100)


def test_hours_keep_their_highest_cells() -> None:
    heard = recording(5_760)  # four hours
    heard.window_probabilities[4_001] = [0, 1, 0]
    bands = figures.strip_figure(heard, heard.window_probabilities, [1], []).data[0]
    z, x = np.asarray(bands.z), seconds(bands.x)
    assert z.shape == (1, 1_440)
    assert len(x) == 1_441
    assert z[0, 1_000] == 100  # four windows a cell
    assert x[1_000] < heard.centres_s[4_001] < x[1_001]
    assert x[-1] == heard.heard_s


def test_events_are_framed_in_the_band_of_their_class() -> None:
    heard = recording(4)
    events = [Event(2.5, 7.5, "dog", 0.9), Event(0, 5, "siren", 0.5)]
    frames = figures.strip_figure(heard, heard.window_probabilities, [0, 1], events).data[1]
    assert seconds(frames.x[:5]) == [2.5, 7.5, 7.5, 2.5, 2.5]  # the siren has no band
    assert frames.y[:5] == pytest.approx([1 - 11 / 30] * 2 + [1 + 11 / 30] * 2 + [1 - 11 / 30])


def test_a_recording_half_heard_leaves_room_for_the_rest() -> None:
    heard = replace(recording(4), total_s=60.0)
    figure = figures.strip_figure(heard, heard.window_probabilities, [0], [])
    assert seconds(figure.layout.xaxis.range) == [0, 60]
    assert seconds(figure.data[0].x)[-1] == 12.5


def test_names_stand_beside_their_bands_and_the_figure_grows_with_them() -> None:
    heard = recording(4)
    one, three = (
        figures.strip_figure(heard, heard.window_probabilities, rows, [])
        for rows in ([0], [0, 1, 2])
    )
    assert one.layout.yaxis2.ticktext == ("Sea waves",)
    assert three.layout.yaxis2.tickvals == (0, 1, 2)
    assert three.layout.height - one.layout.height == 60
    phone = figures.strip_figure(heard, heard.window_probabilities, [0], [], phone=True)
    assert phone.layout.dragmode is False
    assert 20 <= phone.layout.margin.r < one.layout.margin.r  # half of the last tick's text


def with_kinds(heard: Timeline, kinds: list[list[float]]) -> Timeline:
    names = ("known", "speech", "music", "other")
    return replace(heard, kinds=names, window_kinds=np.array(kinds, np.float32))


def test_what_is_none_of_the_classes_is_a_grey_band_under_the_others() -> None:
    heard = with_kinds(
        recording(3), [[0.9, 0.06, 0.04, 0], [0.2, 0.5, 0.2, 0.1], [0.1, 0, 0.1, 0.8]]
    )
    figure = figures.strip_figure(
        heard, smoothed(heard, 0), [2, 1], [], False, other_kinds(heard, 0),
        find_stretches(heard, 0),
    )  # fmt: skip
    bands, none, frames = figure.data
    assert figure.layout.yaxis2.ticktext == ("Siren", "Dog", "None of these")
    assert np.asarray(bands.z)[:, 1:].tolist() == [[0, 0], [0, 0]]
    assert np.asarray(none.z).tolist() == [[10, 80, 90]]
    assert (none.yaxis, none.y0, none.dy) == ("y2", 2, 1)
    assert [*none.text[0]] == ["", ", more like speech", ""]
    assert none.colorscale[1][1] == theme.NEUTRAL
    assert none.showscale is False
    assert seconds([*frames.x[:2], *frames.x[6:8]]) == [3.75, 6.25, 6.25, 10]
    assert frames.y[0] == pytest.approx(2 - 11 / 30)
    plain = figures.strip_figure(heard, smoothed(heard, 0), [2, 1], [])
    assert figure.layout.height - plain.layout.height == 30


def test_without_a_stretch_of_none_there_is_no_band_for_it() -> None:
    heard = with_kinds(recording(2), [[0.9, 0.1, 0, 0], [0.8, 0.1, 0.1, 0]])
    others = other_kinds(heard, 0)
    figure = figures.strip_figure(heard, smoothed(heard, 0), [0], [], False, others, ())
    assert len(figure.data) == 2


def test_hours_keep_the_windows_that_are_none() -> None:
    kinds = np.tile([1.0, 0, 0, 0], (5_760, 1))
    kinds[4_001] = [0, 0, 1, 0]
    heard = with_kinds(recording(5_760), kinds.tolist())
    figure = figures.strip_figure(
        heard, smoothed(heard, 0), [0], [], False, other_kinds(heard, 0), find_stretches(heard, 0)
    )
    none = figure.data[1]
    assert np.asarray(none.z).shape == (1, 1_440)
    assert (np.asarray(none.z)[0, 1_000], none.text[0][1_000]) == (100, ", more like music")


@pytest.mark.parametrize(
    ("duration_s", "shown", "title"),
    [(60, "%-M:%S", "time (min:s)"), (7200, "%-H:%M:%S", "time (h:min:s)")],
)
def test_the_clock_axis_speaks_of_hours_when_there_are_some(
    duration_s: float, shown: str, title: str
) -> None:
    axis = clock_axis(duration_s)
    assert seconds(axis["range"]) == [0, duration_s]
    assert min(axis["range"]) >= 10_000  # below, Plotly would read a year
    assert axis["tickformat"] == shown
    assert axis["title"]["text"] == title


def test_the_clock_cannot_be_moved_out_of_the_recording() -> None:
    axis = clock_axis(90)
    assert seconds([axis["minallowed"], axis["maxallowed"]]) == [0, 90]
    assert clock_axis(3600)["title"]["text"] == "time (h:min:s)"
    assert clock_axis(3599)["title"]["text"] == "time (min:s)"
