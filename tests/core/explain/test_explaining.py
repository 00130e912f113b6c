from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.engine import Engine
from resona_core.errors import RequestError
from resona_core.explain.explanation import Explanation, Question, wav
from resona_core.settings import Settings

RATE_HZ = 16_000
Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def hiss() -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)


@pytest.fixture
def engine(weights: str) -> Engine:
    return Engine(Settings(checkpoint=Path(weights)))


@pytest.fixture
def why(engine: Engine, hiss: Samples) -> Explanation:
    return engine.explain(engine.load((hiss, RATE_HZ)), Question(window=1, target="siren"))


def _probability(engine: Engine, samples: Samples, label: str) -> float:
    """What `classify` answers for these samples in a file."""
    answer: Classification = engine.classify(engine.load(wav(samples, RATE_HZ)))
    return float(answer.probabilities[answer.labels.index(label)])


def test_what_is_kept_and_what_is_left_over_add_up(why: Explanation, hiss: Samples) -> None:
    np.testing.assert_array_equal(why.heard, hiss[RATE_HZ // 2 : 3 * RATE_HZ // 2])
    np.testing.assert_allclose(why.kept + why.rest, why.heard, atol=1e-6)
    assert why.kept.shape == why.rest.shape == (RATE_HZ,)


def test_every_probability_is_that_of_the_sound_one_hears(engine: Engine, why: Explanation) -> None:
    assert why.question.target == "siren"
    for part, samples in (("full", why.heard), ("kept", why.kept), ("rest", why.rest)):
        expected = _probability(engine, samples, "siren")
        assert why.probabilities[part] == pytest.approx(expected, abs=1e-5)


def test_the_class_that_is_not_named_is_the_most_probable(engine: Engine, hiss: Samples) -> None:
    clip = engine.load((hiss[:RATE_HZ], RATE_HZ))
    (best,) = engine.classify(clip).top(1)
    why = engine.explain(clip)
    assert why.question.target == why.answers["full"] == best.label
    assert why.probabilities["full"] == pytest.approx(best.probability, abs=1e-6)


def test_more_strength_keeps_more(engine: Engine, hiss: Samples) -> None:
    clip = engine.load((hiss, RATE_HZ))
    kept = [
        engine.explain(clip, Question(method="energy", strength=strength)).energy_kept
        for strength in (0.25, 1.0, 4.0)
    ]
    assert kept[0] < kept[1] < kept[2] <= 1
    assert kept[0] == pytest.approx(kept[1] * 0.25**2, rel=0.05)  # a quarter of each cell


def test_the_energy_kept_is_that_of_the_kept_sound(why: Explanation) -> None:
    share = float(np.square(why.kept).sum() / np.square(why.heard).sum())
    assert why.energy_kept == pytest.approx(share, abs=1e-3)
    assert why.area_kept == pytest.approx(float(why.mask.mean()))


def test_the_dictionary_says_what_was_asked_and_what_was_found(why: Explanation) -> None:
    told = why.to_dict()
    assert (told["method"], told["target"], told["layer"]) == ("grad-cam", "siren", "")
    assert told["probabilities"]["kept"] == pytest.approx(why.probabilities["kept"], abs=1e-6)
    assert told["energy_kept"] == pytest.approx(why.energy_kept, abs=1e-4)
    assert told["summary"].startswith("Keeping this ")


def test_the_arrays_hold_the_mask_and_its_axes(why: Explanation) -> None:
    arrays = np.load(io.BytesIO(why.to_npz()))
    np.testing.assert_array_equal(arrays["mask"], why.mask)
    assert arrays["mask"].shape == (len(arrays["frequency_hz"]), len(arrays["time_s"]))
    assert str(arrays["target"]) == "siren"


def test_a_wav_rounds_nothing_and_cuts_no_peak() -> None:
    samples = np.array([0.0, 2.5, -1e-6], np.float32)
    read, rate_hz = soundfile.read(io.BytesIO(wav(samples, 8_000)), dtype="float32")
    np.testing.assert_array_equal(read, samples)
    assert rate_hz == 8_000


def test_a_wav_is_the_same_whenever_it_is_written() -> None:
    assert b"PEAK" not in wav(np.ones(8, np.float32), 8_000)  # soundfile's, with the time of day


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"method": "guess"}, "There is no method 'guess'; the methods are grad-cam, "),
        ({"strength": 9.0}, "The strength is 9; it can be 0.25 to 4"),
        ({"strength": float("nan")}, "The strength is nan"),
        ({"method": "energy", "layer": "stem"}, "The method energy looks at no layer"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(
    values: dict[str, object], sentence: str
) -> None:
    with pytest.raises(RequestError, match=sentence):
        Question(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (Question(target="unicorn"), "does not know the class 'unicorn'; ask for one of its 3"),
        (Question(window=9), "There is no window 9"),
        (Question(layer="layer9"), "no layer layer9"),
    ],
)
def test_a_question_about_what_is_not_there_is_refused(
    question: Question, sentence: str, engine: Engine, hiss: Samples
) -> None:
    with pytest.raises(RequestError, match=sentence):
        engine.explain(engine.load((hiss, RATE_HZ)), question)


def test_silence_has_no_answer_to_explain(engine: Engine) -> None:
    silence = engine.load((np.zeros(RATE_HZ, np.float32), RATE_HZ))
    with pytest.raises(RequestError, match="nothing to hear in this window"):
        engine.explain(silence)
