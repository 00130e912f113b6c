"""The question, and what an answer says of its parts, with figures counted by hand."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from resona_core.errors import RequestError
from resona_core.explain.explanation import (
    Explanation,
    Question,
    default_method,
    level_matched,
    masker_path,
    wav,
)
from resona_core.results import Spectrogram


def test_a_masker_beside_the_weights_is_what_explains_them(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    assert default_method(weights) == "grad-cam"
    masker_path(weights).touch()
    assert masker_path(weights) == tmp_path / "model.masker.safetensors"
    assert default_method(weights) == "mask"


def test_a_question_may_reach_its_bounds() -> None:
    assert Question() == Question(0, "", "grad-cam", "", 1.0)
    for strength in (0.25, 4.0):
        assert Question(strength=strength).strength == strength
    assert Question(layer="layer3.0").layer == "layer3.0"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"method": "guess"}, "no method 'guess'; the methods are grad-cam, mask, "),
        ({"strength": 0.24}, "The strength is 0.24; it can be 0.25 to 4."),
        ({"strength": 4.1}, "The strength is 4.1; it can be 0.25 to 4."),
        ({"method": "mask", "layer": "stem"}, "The method mask looks at no layer; leave the "),
    ],
)
def test_what_cannot_be_asked_is_told(asked: dict[str, object], told: str) -> None:
    with pytest.raises(RequestError, match=told):
        Question(**asked)  # type: ignore[arg-type]


@pytest.fixture
def why() -> Explanation:
    """Keeps the first of two clicks on an offset, four times as strong in power as the other."""
    heard, kept = np.full(100, 0.5, np.float32), np.zeros(100, np.float32)
    heard[[10, 20, 60, 70]] += np.float32([0.2, -0.2, 0.1, -0.1])
    kept[[10, 20]] = 0.2, -0.2
    return Explanation(
        question=Question(target="dog"),
        spectrogram=Spectrogram(np.zeros((2, 3), np.float32), np.array([50.0, 90]), np.arange(3.0)),
        mask=np.float32([[1, 1, 0], [0.5, 0, 0]]),
        sample_rate_hz=16_000,
        heard=heard,
        kept=kept,
        rest=heard - kept,
        probabilities={"full": 0.81234567, "kept": 0.75, "rest": 0.02},
        answers={"full": "dog", "kept": "dog", "rest": ""},
        verdicts={"full": "Probably dog", "kept": "Probably dog", "rest": "Nothing to hear"},
        seconds=1.23456,
    )


def test_the_shares_kept_are_of_the_energy_and_of_the_picture(why: Explanation) -> None:
    assert why.energy_kept == pytest.approx(0.08 / 0.1)
    assert why.area_kept == pytest.approx(2.5 / 6)
    told = why.to_dict()
    assert (told["energy_kept"], told["area_kept"], told["seconds"]) == (0.8, 0.4167, 1.235)
    assert told["probabilities"] == {"full": 0.812346, "kept": 0.75, "rest": 0.02}
    assert (told["target"], told["method"], told["window"]) == ("dog", "grad-cam", 0)
    assert told["summary"] == why.summary()
    assert told["summary"].startswith("Keeping this 80 % of the energy keeps 92 % of the ")
    why.kept[[10, 20]] = 0.0775, -0.0775
    assert why.to_dict()["energy_kept"] == 0.1201  # of 0.120125
    why.heard[:] = 0.5  # silence, but for the offset
    assert np.isfinite(why.energy_kept)


def test_the_mask_is_stored_with_its_axes(why: Explanation) -> None:
    with np.load(io.BytesIO(why.to_npz())) as stored:
        np.testing.assert_array_equal(stored["mask"], why.mask)
        assert stored["frequency_hz"].tolist() == [50, 90]
        assert stored["time_s"].tolist() == [0, 1, 2]
        assert stored["decibels"].shape == (2, 3)
        assert [str(stored[name]) for name in ("target", "method", "layer")] == [
            "dog",
            "grad-cam",
            "",
        ]


@pytest.mark.parametrize(
    ("part", "gain_db"),
    [
        ([0.05, -0.05], 20.0),  # a tenth of the whole's level
        ([0.5, 0.0, 0.0, 0.0], 6.02),  # up to full scale, not to the level
        ([0.8, -0.8], 0.0),  # never softer
        ([1.5, -0.01, 0, 0], 0.0),
        ([0.0, 0.0], 0.0),
    ],
)
def test_a_part_is_made_as_loud_as_the_whole_as_far_as_full_scale_allows(
    part: list[float], gain_db: float
) -> None:
    whole, samples = np.float32([0.5, -0.5]), np.float32(part)
    louder, told_db = level_matched(samples, 2 * whole if len(part) == 4 else whole)
    assert told_db == pytest.approx(gain_db, abs=0.01)
    np.testing.assert_allclose(louder, samples * 10 ** (told_db / 20), rtol=1e-5)
    assert louder.dtype == np.float32


def test_a_sound_to_be_played_keeps_its_samples_and_its_bytes() -> None:
    samples = np.float32([0.0, 1.5, -1e-9])
    rate_hz, stored = wavfile.read(io.BytesIO(wav(samples, 44_100)))
    assert rate_hz == 44_100
    np.testing.assert_array_equal(stored, samples)
    assert wav(samples, 44_100) == wav(samples.astype(float), 44_100)
