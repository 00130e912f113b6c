"""The sentences and numbers people read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from resona_core.beginning import Beginning
from resona_core.classification import Classification, Timeline
from resona_core.config import TEST_FOLD, ModelConfig
from resona_core.network.model import AudioResNet
from resona_core.timeline import Report, Rules
from resona_core.words import (
    CLAIMS,
    began_in_words,
    claim,
    clock,
    counted,
    duration,
    faithfulness,
    folds_text,
    layer_meaning,
    method_name,
    none_in_words,
    percent,
    seconds,
    verdict,
)

KINDS = ("known", "speech", "music", "other")


def one_window(*shares: float, kinds: tuple[float, ...] | None = None) -> Classification:
    """Rain, sea waves and what is left, in one window; silence without any probability."""
    return Classification(
        ("rain", "sea_waves", "wind"),
        5.0,
        np.zeros(1),
        np.array([[*shares, 0.0]]),
        np.array([not any(shares)]),
        kinds=KINDS if kinds else (),
        window_kinds=np.array([kinds], np.float32) if kinds else None,
    )


def test_silence_has_no_class() -> None:
    answer = one_window(0, 0)
    assert answer.nothing_to_hear
    assert answer.top(3) == ()
    words = verdict(answer)
    assert (words.headline, words.certain) == ("Nothing to hear", False)


def test_what_sounds_only_above_the_network_is_no_silence() -> None:
    answer = replace(one_window(0, 0), beyond=np.array([True]))
    words = verdict(answer)
    assert words.headline == "Too high for this network"
    assert words.reason == "What sounds here lies above what the network hears."
    assert not words.certain
    heard = replace(one_window(0.95, 0.03), beyond=np.array([False])).followed_by(answer)
    assert verdict(heard).headline == "Almost certainly rain"
    assert verdict(heard, 1) == words


@pytest.mark.parametrize("kinds", [None, (0.1, 0.8, 0.1, 0)])
def test_a_fragment_is_too_short_to_judge(kinds: tuple[float, ...] | None) -> None:
    answer = replace(one_window(0.95, 0.03, kinds=kinds), heard_s=0.02)
    words = verdict(answer)
    assert words.headline == "Too short to judge"
    assert words.reason.startswith("The sound lasts 0.02 s; below 0.3 s ")
    assert words.reason.endswith("This one would be rain, 95 %.")
    assert not words.certain
    assert answer.top(1)[0].label == "rain"
    for enough_s in (0.3, 0.31):
        assert verdict(replace(answer, heard_s=enough_s)).headline != words.headline


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.0 s"), (0.02, "0.02 s"), (0.0004, "0.0004 s"), (0.1, "0.1 s"), (1.04, "1.0 s"),
     (5.04, "5.0 s"), (3600, "3600.0 s")],
)  # fmt: skip
def test_a_length_of_time_is_never_rounded_to_nothing(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("kinds", "headline"),
    [
        ((0.12, 0.8, 0.05, 0.03), "None of the 3 sounds it knows: more like speech"),
        ((0.12, 0.05, 0.8, 0.03), "None of the 3 sounds it knows: more like music"),
        ((0.12, 0.05, 0.03, 0.8), "None of the 3 sounds it knows"),
    ],
)
def test_a_sound_of_no_class_is_said_to_be_none_however_sure_of_one_the_network_is(
    kinds: tuple[float, ...], headline: str
) -> None:
    words = verdict(one_window(0.03, 0.95, kinds=kinds))
    assert words.headline == headline
    assert words.reason == (
        "The probability that it is one of them is 12 %; the nearest would be sea waves."
    )
    assert not words.certain


def test_a_sound_that_is_known_is_named_as_ever_and_a_window_has_words_of_its_own() -> None:
    known = one_window(0.95, 0.03, kinds=(0.9, 0.1, 0, 0))
    assert verdict(known) == verdict(one_window(0.95, 0.03))
    both = known.followed_by(one_window(0.6, 0.2, kinds=(0.0, 0.2, 0.7, 0.1)))
    assert verdict(both).headline.startswith("None of the 3 sounds it knows: more like music")
    assert verdict(both, 0).headline == "Almost certainly rain"
    assert verdict(both, 1).headline == "None of the 3 sounds it knows: more like music"


@pytest.mark.parametrize(
    ("rain", "known", "told"),
    [
        (0.5, 0.5, " The part from 1:40.0 on is one, though: rain, 50 %."),
        (0.95, 0.9, " The part from 1:40.0 on is one, though: rain, 95 %."),
        (0.49, 0.9, ""),
        (0.95, 0.49, ""),
    ],
)
def test_a_sound_of_no_class_is_said_to_have_a_part_of_one(
    rain: float, known: float, told: str
) -> None:
    music = one_window(0.2, 0.7, kinds=(0.0, 0.2, 0.7, 0.1))
    part = one_window(rain, 0.03, kinds=(known, 1 - known, 0, 0))
    answer = music.followed_by(replace(part, window_starts_s=np.array([100.0]))).followed_by(music)
    words = verdict(answer)
    assert words.headline.startswith("None of the 3 sounds it knows")
    assert words.reason.partition("sea waves.")[2] == told
    assert "though" not in verdict(answer, 0).reason


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
    words = verdict(one_window(best, second))
    assert words.headline == headline
    assert words.certain is certain
    assert percent(best) in words.reason
    assert percent(second) in words.reason


@pytest.mark.parametrize(
    ("best", "headline"),
    [(0.7, "Probably rain"), (0.69, "More likely than not rain"),
     (0.5, "More likely than not rain")],
)  # fmt: skip
def test_the_least_probability_of_a_wording_already_earns_it(best: float, headline: str) -> None:
    assert verdict(one_window(best, 0.1)).headline == headline


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.996, "> 99 %"), (0.995, "> 99 %"), (0.994, "99 %"), (0.0995, "10 %"),
     (0.001, "0.1 %"), (0.9999, "> 99 %"), (0.93, "93 %"), (0.0994, "9.9 %"), (0.0996, "10 %"),
     (0.004, "0.4 %"), (0.0001, "< 0.1 %"), (0.0, "< 0.1 %")],
)  # fmt: skip
def test_percentages_are_written_for_people(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["known", "known", "known"], ""),
        (["speech", "known", "known"], "38 % none of the 3, mostly speech"),
        (["other", "known", "known"], "38 % none of the 3"),
        (["speech", "speech", "music"], "100 % none of the 3, mostly speech"),
        (["speech", "music", "other"], "100 % none of the 3"),
        (["speech", "known", "music"], "75 % none of the 3"),  # half is not most
    ],
)
def test_how_much_of_a_recording_is_none_of_the_classes(kinds: list[str], words: str) -> None:
    # 10 s: the outer windows speak for 3.75 s each, the one between them for 2.5 s
    sure = np.array([[float(name == kind) for name in KINDS] for kind in kinds], np.float32)
    shares = np.full((3, 3), 0.3, np.float32)
    heard = Timeline(
        ("rain", "dog", "siren"), 5.0, np.array([0, 2.5, 5]), shares, np.zeros(3, bool), 10.0, None,
        kinds=KINDS, window_kinds=sure,
    )  # fmt: skip
    assert none_in_words(Report("night.wav", heard, Rules())) == words
    fragment = replace(heard, heard_s=0.29)
    assert none_in_words(Report("night.wav", fragment, Rules())) == "too short to judge"
    enough = replace(fragment, heard_s=0.3)
    assert none_in_words(Report("night.wav", enough, Rules())) != "too short to judge"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (12.5, "0:12.5"), (59.96, "1:00.0"), (600, "10:00.0"), (3723.04, "1:02:03.0"),
     (3599.96, "1:00:00.0"), (3594, "59:54.0"), (86_399.9, "23:59:59.9")],
)  # fmt: skip
def test_a_time_is_written_as_on_a_recorder(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_every_layer_of_the_network_has_a_meaning_and_no_other_name_has_one() -> None:
    network = AudioResNet(ModelConfig(channels=(1, 1, 1, 1)))
    assert all(layer_meaning(name).endswith(".") for name in network.layer_names)
    assert layer_meaning("layer9.0") == ""


def test_a_length_is_told_in_the_unit_one_would_choose() -> None:
    told = {
        0.000998: "1 ms", 0.0094495: "9.4 ms", 0.0094505: "9.5 ms", 0.00994: "9.9 ms",
        0.00995: "0.01 s", 0.0193: "0.02 s", 0.0949: "0.09 s", 0.0951: "0.1 s",
        5: "5.0 s", 99.94: "99.9 s", 99.95: "1:40.0", 600: "10:00.0",
    }  # fmt: skip
    assert {length_s: duration(length_s) for length_s in told} == told


@pytest.mark.parametrize(
    ("full", "kept", "rest", "words"),
    [
        (0.8, 0.76, 0.02, "keeps 95 % of the confidence; without it 2.5 % is left."),
        (0.1, 0.05, 0.1, "keeps 50 % of the confidence; without it 100 % is left."),
        (0.09, 0.98, 0.01, "The whole is given 9.0 %, this 12 % of the energy 98 %, and what is "
         "left over 1.0 %."),
    ],
)  # fmt: skip
def test_a_part_is_held_against_the_whole_unless_that_has_too_little(
    full: float, kept: float, rest: float, words: str
) -> None:
    told = faithfulness(0.12, full, kept, rest)
    assert told.endswith(words)
    assert told.startswith("The whole" if full < 0.1 else "Keeping this 12 % of the energy keeps ")


@pytest.mark.parametrize(
    ("zone", "words"), [(None, "time zone not known"), (timezone(timedelta(hours=-3)), "UTC-03:00")]
)
def test_when_a_recording_began_is_told_with_what_tells_it(
    zone: timezone | None, words: str
) -> None:
    began = Beginning(datetime(2024, 1, 31, 5, 30, 9, tzinfo=zone), "GUANO")
    nothing = np.zeros((1, 1), np.float32)
    heard = Timeline(("rain",), 5.0, np.zeros(1), nothing, np.zeros(1, bool), 5.0, None)
    assert began_in_words(Report("night.wav", heard, Rules())) == ""
    dated = Report("night.wav", replace(heard, began=began), Rules())
    assert began_in_words(dated) == f"began 2024-01-31 05:30:09 (GUANO, {words})"


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 clips"), (1, "1 clip"), (2, "2 clips"), (12_345, "12,345 clips")]
)
def test_one_thing_is_counted_in_the_singular(number: int, told: str) -> None:
    assert counted(number, "clip") == told


@pytest.mark.parametrize(("least", "words"), CLAIMS)
def test_a_claim_holds_from_its_least_probability_on(least: float, words: str) -> None:
    assert claim(least) == words
    assert claim(least - 1e-9) != words


@pytest.mark.parametrize(
    ("folds", "text"),
    [((3,), "fold 3"), ((1, 2, 5), "folds 1, 2, 5"), ((TEST_FOLD,), "the test split"),
     ((1, TEST_FOLD), f"folds 1, {TEST_FOLD}")],
)  # fmt: skip
def test_folds_are_named_one_by_one_but_the_split_kept_for_testing_as_such(
    folds: tuple[int, ...], text: str
) -> None:
    assert folds_text(folds) == text


def test_methods_have_names_for_people() -> None:
    assert method_name("grad-cam") == "Grad-CAM"
    assert method_name("integrated-gradients") == "Integrated gradients"
    assert method_name("random, same area") == "Random, same area"
