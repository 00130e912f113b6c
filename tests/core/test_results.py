from dataclasses import replace

import numpy as np
import pytest

from resona_core.classification import Classification, Prediction
from resona_core.errors import RequestError
from resona_core.results import percent, verdict


def three_windows() -> Classification:
    """Window 1 is silent; window 2 is the surest of "b"."""
    return Classification(
        labels=("a", "b", "c"),
        window_s=5.0,
        window_starts_s=np.array([0.0, 2.5, 5.0]),
        window_probabilities=np.array([[0.6, 0.4, 0.0], [0, 0, 0], [0.1, 0.8, 0.1]], np.float32),
        silent=np.array([False, True, False]),
    )


def test_the_clip_is_the_mean_of_the_windows_that_sound() -> None:
    answer = three_windows()
    np.testing.assert_allclose(answer.probabilities, [0.35, 0.6, 0.05])
    assert [p.label for p in answer.top(3)] == ["b", "a", "c"]
    assert answer.decisive_window == 2


def test_one_window_answers_for_itself_and_a_silent_one_not_at_all() -> None:
    answer = three_windows()
    assert answer.top(1, window=0)[0].label == "a"
    assert answer.top(1, window=1) == ()


@pytest.mark.parametrize(
    "call", [lambda a: a.top(0), lambda a: a.top(1, 3), lambda a: a.top(1, -1)]
)
def test_what_does_not_exist_is_refused(call: object) -> None:
    with pytest.raises(RequestError):
        call(three_windows())  # type: ignore[operator]


def test_silence_has_no_class() -> None:
    answer = Classification(
        ("a",), 5.0, np.zeros(1), np.zeros((1, 1), np.float32), np.array([True])
    )
    assert answer.nothing_to_hear
    assert answer.top(3) == ()
    assert verdict(answer.top(2)).headline == "Nothing to hear"


def test_a_sound_is_none_of_the_classes_when_no_window_resembles_any() -> None:
    answer = three_windows()
    assert not answer.none_of_the_classes  # nothing measures it
    assert not replace(answer, known=np.array([False, False, True])).none_of_the_classes
    strange = replace(answer, known=np.zeros(3, bool))
    assert strange.none_of_the_classes
    assert not replace(strange, silent=np.ones(3, bool)).none_of_the_classes


def test_a_sound_like_no_class_is_said_to_be_none_however_sure_the_network_is() -> None:
    words = verdict((Prediction("sea_waves", 0.95), Prediction("rain", 0.03)), known=False)
    assert words.headline == "None of the sounds it knows"
    assert "the nearest is sea waves with 95 %" in words.reason
    assert not words.certain


@pytest.mark.parametrize(
    ("best", "second", "headline", "certain"),
    [
        (0.93, 0.03, "Almost certainly rain", True),
        (0.90, 0.05, "Almost certainly rain", True),
        (0.89, 0.05, "Probably rain", True),
        (0.55, 0.30, "More likely than not rain", False),
        (0.49, 0.30, "Unsure: rain or sea waves", False),
    ],
)
def test_a_verdict_claims_no_more_than_the_probability(
    best: float, second: float, headline: str, certain: bool
) -> None:
    words = verdict((Prediction("rain", best), Prediction("sea_waves", second)))
    assert words.headline == headline
    assert words.certain is certain
    assert percent(best) in words.reason
    assert percent(second) in words.reason


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.9999, "> 99 %"), (0.93, "93 %"), (0.0994, "9.9 %"), (0.0996, "10 %"),
     (0.004, "0.4 %"), (0.0001, "< 0.1 %"), (0.0, "< 0.1 %")],
)  # fmt: skip
def test_percentages_are_written_for_people(share: float, text: str) -> None:
    assert percent(share) == text
