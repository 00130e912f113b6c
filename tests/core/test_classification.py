from dataclasses import replace

import numpy as np
import pytest

from resona_core.classification import Classification, Timeline
from resona_core.errors import RequestError

KINDS = ("known", "speech", "music", "other")


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
    assert (answer.n_windows, answer.nothing_to_hear) == (3, False)


def test_of_one_window_that_sounds_the_clip_has_the_probabilities() -> None:
    answer = replace(three_windows(), silent=np.array([False, True, True]))
    answer.window_probabilities[2] = 0
    np.testing.assert_allclose(answer.probabilities, [0.6, 0.4, 0.0])


def test_in_silence_nothing_is_probable_and_the_first_window_decides() -> None:
    nothing = np.zeros((3, 3), np.float32)
    silence = replace(three_windows(), window_probabilities=nothing, silent=np.ones(3, bool))
    assert silence.probabilities.tolist() == [0, 0, 0]
    assert (silence.top(3), silence.nothing_to_hear, silence.decisive_window) == ((), True, 0)


def test_one_window_answers_for_itself_and_a_silent_one_not_at_all() -> None:
    answer = three_windows()
    assert answer.top(1, window=0)[0].label == "a"
    assert answer.top(1, window=1) == ()


@pytest.mark.parametrize(
    "call", [lambda a: a.top(0), lambda a: a.top(1, 3), lambda a: a.top(1, -1)]
)
def test_what_does_not_exist_is_refused(call: object) -> None:
    with pytest.raises(RequestError, match=r"ask for 1 to 3\.|no window .*has windows 0 to 2\."):
        call(three_windows())  # type: ignore[operator]


def with_kinds(*shares: tuple[float, ...], floor: float = 0.5) -> Classification:
    """The same windows, with the kinds of those that sound."""
    return replace(
        three_windows(),
        kinds=KINDS,
        window_kinds=np.array([shares[0], [0, 0, 0, 0], shares[1]], np.float32),
        known_floor=floor,
    )


def test_a_network_without_kinds_tells_no_sound_from_another() -> None:
    answer = three_windows()
    assert answer.known is None
    assert answer.strange.tolist() == [False] * 3
    assert (answer.is_known(), answer.kind(), answer.kind_probabilities(0)) == (None, None, None)


def test_each_window_is_known_or_strange_or_silent() -> None:
    answer = with_kinds((0.5, 0.5, 0, 0), (0.4, 0.1, 0.3, 0.2))
    assert answer.known is not None
    assert answer.known.tolist() == [True, False, False]
    assert answer.strange.tolist() == [False, False, True]
    assert [answer.is_known(i) for i in range(3)] == [True, None, False]
    assert [answer.kind(i) for i in range(3)] == [None, None, "music"]
    with pytest.raises(RequestError, match="no window 3"):
        answer.kind(3)


def test_a_clip_is_none_of_the_classes_by_the_mean_of_the_windows_that_sound() -> None:
    strange = with_kinds((0.6, 0.3, 0.1, 0), (0.2, 0.2, 0.5, 0.1))
    np.testing.assert_allclose(strange.kind_probabilities(), [0.4, 0.25, 0.3, 0.05], rtol=1e-6)
    assert (strange.is_known(), strange.kind()) == (False, "music")
    known = with_kinds((0.9, 0.1, 0, 0), (0.2, 0.2, 0.5, 0.1))
    assert (known.is_known(), known.kind()) == (True, None)
    assert with_kinds((0.9, 0.1, 0, 0), (0.2, 0.2, 0.5, 0.1), floor=0.6).is_known() is False
    silence = replace(strange, silent=np.ones(3, bool))
    assert (silence.is_known(), silence.kind()) == (None, None)


def test_the_floor_itself_is_known_for_a_window_and_in_the_array() -> None:
    for floor in (0.3, 0.5, 0.7):
        answer = with_kinds((floor, 1 - floor, 0, 0), (floor, 1 - floor, 0, 0), floor=floor)
        assert answer.known is not None
        assert answer.known.tolist() == [True, False, True]
        assert answer.is_known(0) is True


@pytest.mark.parametrize(
    ("silent", "beyond", "whole", "by_window"),
    [
        ([True, True, True], None, False, [False, False, False]),
        ([True, True, True], [False, False, False], False, [False, False, False]),
        ([True, True, True], [False, True, False], True, [False, True, False]),
        ([True, True, False], [False, True, False], False, [False, True, False]),
    ],
)
def test_a_clip_is_too_high_where_nothing_sounds_but_above_the_network(
    silent: list[bool], beyond: list[bool] | None, whole: bool, by_window: list[bool]
) -> None:
    asked = None if beyond is None else np.array(beyond)
    answer = replace(three_windows(), silent=np.array(silent), beyond=asked)
    assert answer.too_high() is whole
    assert [answer.too_high(i) for i in range(3)] == by_window
    both = answer.followed_by(answer).beyond
    assert (None if both is None else both.tolist()) == (beyond and [*beyond, *beyond])
    assert answer.followed_by(three_windows()).beyond is None


def test_a_window_speaks_up_to_half_way_between_its_middle_and_the_next() -> None:
    heard = Timeline(**vars(three_windows()) | {"heard_s": 9.5, "total_s": None})
    np.testing.assert_allclose(heard.centres_s, [2.5, 5.0, 7.5])
    np.testing.assert_allclose(heard.edges_s, [0, 3.75, 6.25, 9.5])


def test_the_kinds_of_what_was_heard_next_stand_at_the_end() -> None:
    one, other = with_kinds((1, 0, 0, 0), (0, 1, 0, 0)), with_kinds((0, 0, 1, 0), (0, 0, 0, 1))
    both = Timeline(**vars(one) | {"heard_s": 10, "total_s": None}).followed_by(
        Timeline(**vars(other) | {"heard_s": 20, "total_s": 20})
    )
    assert both.window_kinds is not None
    assert both.window_kinds.tolist() == [*one.window_kinds.tolist(), *other.window_kinds.tolist()]
    assert (both.kinds, both.heard_s, both.n_windows) == (KINDS, 20, 6)
    assert one.followed_by(three_windows()).window_kinds is None
    assert three_windows().followed_by(three_windows()).window_kinds is None
