"""Events and their files, with numbers counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resona_core.classification import Timeline
from resona_core.errors import RequestError
from resona_core.timeline import (
    Event,
    Report,
    Rules,
    Stretch,
    find_events,
    find_stretches,
    in_order_of_time,
    other_kinds,
    rising_highest,
    smoothed,
    told_apart,
)
from resona_core.words import none_in_words

LABELS = ("rain", "dog", "siren")


def timeline(rain: list[float], dog: list[float] | None = None, heard_s: float = 0.0) -> Timeline:
    """Windows of 5 s, one each 2.5 s, and two columns of probabilities."""
    n_windows = len(rain)
    shares = np.zeros((n_windows, 3), np.float32)
    shares[:, 0] = rain
    shares[:, 1] = dog or 0
    starts_s = 2.5 * np.arange(n_windows)
    silent = ~shares.any(axis=1)
    return Timeline(LABELS, 5.0, starts_s, shares, silent, heard_s or starts_s[-1] + 5.0, None)


def test_each_window_speaks_for_the_time_nearest_to_its_middle() -> None:
    # middles at 2.5, 5.0, 7.5 s: the borders lie half way between them
    np.testing.assert_allclose(timeline([0, 0, 0]).edges_s, [0, 3.75, 6.25, 10])
    np.testing.assert_allclose(timeline([0], heard_s=2.0).edges_s, [0, 2])
    uneven = Timeline(LABELS, 5.0, np.array([0, 2.5, 3.5]), np.zeros((3, 3), np.float32),
                      np.ones(3, bool), 8.5, None)  # fmt: skip
    np.testing.assert_allclose(uneven.edges_s, [0, 3.75, 5.5, 8.5])


def test_parts_follow_each_other() -> None:
    first, second = timeline([0.1, 0.2]), timeline([0.3])
    second.window_starts_s[:] = 5.0
    both = first.followed_by(Timeline(LABELS, 5.0, second.window_starts_s,
        second.window_probabilities, second.silent, 10.0, 12.0))  # fmt: skip
    np.testing.assert_allclose(both.window_starts_s, [0, 2.5, 5])
    np.testing.assert_allclose(both.window_probabilities[:, 0], [0.1, 0.2, 0.3])
    assert both.silent.tolist() == [False, False, False]
    assert (both.heard_s, both.total_s) == (10.0, 12.0)


@pytest.mark.parametrize(
    ("smooth_s", "expected"),
    [
        (0.0, [0, 0.9, 0, 0.3, 0.6]),
        (4.9, [0, 0.9, 0, 0.3, 0.6]),  # neighbours are 2.5 s away, beyond half of it
        (5.0, [0.45, 0.3, 0.4, 0.3, 0.45]),  # means of two at the ends, of three inside
        (1000.0, [0.36] * 5),
    ],
)
def test_smoothing_is_the_mean_over_the_windows_within_reach(
    smooth_s: float, expected: list[float]
) -> None:
    got = smoothed(timeline([0, 0.9, 0, 0.3, 0.6]), smooth_s)
    np.testing.assert_allclose(got[:, 0], expected, atol=1e-6)
    assert got.dtype == np.float32


def test_an_event_is_a_run_of_windows_at_the_threshold_or_above() -> None:
    heard = timeline([0.5, 0.8, 0.4, 0.1, 0.9], [0.4, 0.1, 0.5, 0.7, 0])
    found = find_events(heard, Rules(threshold=0.5))
    assert [(e.start_s, e.end_s, e.label) for e in found] == [
        (0.0, 6.25, "rain"),
        (6.25, 11.25, "dog"),
        (11.25, 15.0, "rain"),
    ]
    assert [e.probability for e in found] == pytest.approx([0.8, 0.7, 0.9])


def test_events_that_begin_together_come_with_the_more_probable_first() -> None:
    found = find_events(timeline([0.3, 0.3], [0.6, 0.1]), Rules(threshold=0.25))
    assert [(e.label, e.end_s) for e in found] == [("dog", 3.75), ("rain", 7.5)]


def test_smoothing_closes_a_short_gap_and_drops_a_short_event() -> None:
    gap = timeline([0.9, 0.9, 0, 0.9, 0.9])
    assert len(find_events(gap, Rules(0.5, 0))) == 2
    (event,) = find_events(gap, Rules(0.5, 5))
    assert (event.start_s, event.end_s) == (0, 15)
    short = timeline([0, 0, 0.9, 0, 0])
    assert len(find_events(short, Rules(0.5, 0))) == 1
    assert find_events(short, Rules(0.5, 5)) == ()


def test_only_the_classes_that_rise_highest_have_events() -> None:
    heard = timeline([0.5, 0.5, 0.5], [0, 0, 0.95])
    assert rising_highest(heard.window_probabilities) == [1, 0, 2]
    assert {e.label for e in find_events(heard, Rules(0.4, top=1))} == {"dog"}
    assert {e.label for e in find_events(heard, Rules(0.4, top=2))} == {"dog", "rain"}


def test_silence_has_no_events_at_any_threshold() -> None:
    assert find_events(timeline([0, 0, 0]), Rules(threshold=1e-6)) == ()


def strange(rain: list[float], kinds: list[str]) -> Timeline:
    """Windows of rain, each of them surely of one kind; "" is silent."""
    names = ("known", "speech", "music", "other")
    sure = np.array([[float(name == kind) for name in names] for kind in kinds], np.float32)
    return replace(timeline(rain), silent=~sure.any(axis=1), kinds=names, window_kinds=sure)


def test_windows_that_are_none_of_the_classes_hold_no_event() -> None:
    heard = strange([0.9, 0.9, 0.9, 0.9], ["known", "speech", "speech", "known"])
    np.testing.assert_allclose(smoothed(heard, 0)[:, 0], [0.9, 0, 0, 0.9])
    assert [(e.start_s, e.end_s) for e in find_events(heard, Rules(0.5))] == [
        (0, 3.75),
        (8.75, 12.5),
    ]
    assert find_stretches(heard, 0) == (Stretch(3.75, 8.75, "speech"),)


def test_a_window_on_the_floor_itself_is_known_and_holds_its_event() -> None:
    heard = strange([0.9, 0.9], ["known", "known"])
    on, below = [0.75, 0.125, 0.125, 0], [0.625, 0.25, 0.125, 0]
    heard = replace(heard, known_floor=0.75, window_kinds=np.array([on, below], np.float32))
    np.testing.assert_allclose(smoothed(heard, 0)[:, 0], [0.9, 0])
    assert find_stretches(heard, 0) == (Stretch(3.75, 7.5, "speech"),)


def test_where_nothing_measures_the_kinds_there_are_none() -> None:
    assert other_kinds(timeline([0.9, 0.9]), 0).shape == (2, 0)


def test_a_stretch_ends_where_the_kind_changes_and_in_silence() -> None:
    kinds = ["speech", "speech", "music", "", "other", "known"]
    heard = strange([0, 0, 0, 0, 0, 0.9], kinds)
    assert find_stretches(heard, 0) == (
        Stretch(0, 6.25, "speech"),
        Stretch(6.25, 8.75, "music"),
        Stretch(11.25, 13.75, "other"),
    )
    assert find_stretches(timeline([0.9, 0.9]), 0) == ()


def test_smoothing_closes_gaps_in_a_stretch_and_drops_a_short_one() -> None:
    gap = strange([0, 0, 0.9, 0, 0], ["speech", "speech", "known", "speech", "speech"])
    assert find_stretches(gap, 5) == (Stretch(0, 15, "speech"),)
    assert find_events(gap, Rules(0.1, 5)) == ()  # what is none of them holds no event either
    short = strange([0.9, 0.9, 0.9, 0.9, 0.9], ["known", "known", "music", "known", "known"])
    assert find_stretches(short, 5) == ()
    (event,) = find_events(short, Rules(0.5, 5))
    assert (event.start_s, event.end_s) == (0, 15)
    assert event.probability == pytest.approx(0.9)
    quiet = strange([0] * 5, ["", "", "speech", "", ""])
    assert find_stretches(quiet, 5) == ()  # silence weighs against it


@pytest.mark.parametrize("smooth_s", [0.0, 5.0, 10.0, 30.0])
def test_an_event_and_a_stretch_of_none_never_meet(smooth_s: float) -> None:
    rng = np.random.default_rng(0)
    heard = timeline(list(rng.random(200)), list(rng.random(200)))
    kinds = rng.dirichlet([1.5, 0.5, 0.5, 0.5], 200).astype(np.float32)
    heard = replace(heard, kinds=("known", "speech", "music", "other"), window_kinds=kinds)
    events, stretches = find_events(heard, Rules(0.2, smooth_s)), find_stretches(heard, smooth_s)
    assert events
    assert stretches or smooth_s == 30
    for event in events:
        assert all(s.end_s <= event.start_s or s.start_s >= event.end_s for s in stretches)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((0.0,), "threshold is 0; choose above 0, up to 1"),
        ((1.5,), "threshold is 1.5"),
        ((float("nan"),), "threshold is nan"),
        ((0.5, -1.0), "smoothing is -1 s; choose 0 s or more"),
        ((0.5, float("inf")), "smoothing is inf s"),
        ((0.5, 0.0, 0), "0 classes were asked for; ask for 1 or more"),
    ],
)
def test_rules_out_of_range_are_told(rules: tuple[float, ...], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Rules(*rules)


def test_rules_may_reach_their_bounds() -> None:
    assert Rules(threshold=1.0, smooth_s=0.0, top=1) == Rules(1.0, 0.0, 1)
    (event,) = find_events(timeline([0.5, 1.0, 0.5]), Rules(threshold=1.0))
    assert (event.start_s, event.end_s) == (3.75, 6.25)


def test_classes_are_put_in_the_order_in_which_they_are_heard() -> None:
    shares = np.array([[0.1, 0.9, 0.2], [0.8, 0.9, 0.1], [0.1, 0.1, 0.1]], np.float32)
    labels = ("rain", "dog", "siren")
    heard = Timeline(labels, 5.0, np.array([0, 2.5, 5.0]), shares, np.zeros(3, bool), 10.0, 10.0)
    events = [Event(0, 6.25, "dog", 0.9), Event(3.75, 6.25, "rain", 0.8)]
    assert in_order_of_time(heard, shares, [0, 1, 2], events) == [1, 0, 2]
    assert in_order_of_time(heard, shares, [0, 2, 1], []) == [2, 1, 0]


def test_names_told_apart_meet_no_other_name() -> None:
    assert told_apart(["a.wav", "a.wav", "a (2).wav", "a"]) == [
        "a.wav", "a (3).wav", "a (2).wav", "a",
    ]  # fmt: skip
    assert told_apart(["x", "x", "x"]) == ["x", "x (2)", "x (3)"]
    assert told_apart([]) == []


@pytest.mark.parametrize(("heard_s", "count"), [(0.29, 0), (0.3, 1)])
def test_a_sound_too_short_to_judge_has_no_events_nor_stretches(heard_s: float, count: int) -> None:
    heard = timeline([0.9], heard_s=heard_s)
    assert len(find_events(heard, Rules())) == count
    assert len(find_stretches(replace(strange([0], ["speech"]), heard_s=heard_s), 0)) == count
    told = none_in_words(Report("x.wav", heard, Rules()))
    assert told == ("" if count else "too short to judge")
