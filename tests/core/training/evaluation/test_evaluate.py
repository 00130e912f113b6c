from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from resona_core.errors import DataError
from resona_core.network.checkpoint import Classifier
from resona_core.training.data.clip_table import read_table
from resona_core.training.data.clips import ClipSet, load_clips
from resona_core.training.evaluation import evaluate as evaluation
from resona_core.training.evaluation.evaluate import (
    Evaluation,
    evaluate,
    evaluate_conditions,
    predict,
)

# True classes dog, dog, rain, siren; the best guesses are dog, rain, rain, dog.
EVALUATION = Evaluation(
    paths=("a.wav", "b.wav", "c.wav", "d.wav"),
    labels=("dog", "dog", "rain", "siren"),
    classes=("dog", "rain", "siren", "wind"),
    folds=(1, 1, 2, 2),
    sources=("a", "b", "c", "d"),
    logits=2
    * np.log(
        [[0.7, 0.1, 0.1, 0.1], [0.3, 0.4, 0.2, 0.1], [0.2, 0.6, 0.1, 0.1], [0.5, 0.3, 0.1, 0.1]],
        dtype=np.float32,
    ),
    temperature=2.0,
)


def test_scores_are_those_counted_by_hand() -> None:
    assert EVALUATION.correct.tolist() == [True, False, True, False]
    assert EVALUATION.accuracy == 0.5
    assert EVALUATION.standard_error == 0.25  # sqrt(0.5 * 0.5 / 4)
    np.testing.assert_allclose(EVALUATION.probabilities[1], [0.3, 0.4, 0.2, 0.1], rtol=1e-5)
    assert EVALUATION.per_class() == {"dog": 0.5, "rain": 1.0, "siren": 0.0}


@pytest.mark.parametrize(("k", "share"), [(1, 0.5), (2, 0.75), (3, 1.0), (9, 1.0)])
def test_top_k_counts_the_clips_whose_class_is_among_the_best(k: int, share: float) -> None:
    assert EVALUATION.top_k_accuracy(k) == share


def test_every_clip_of_a_table_is_classified(dataset: Path, tiny_classifier: Classifier) -> None:
    evaluation = evaluate(tiny_classifier, read_table(dataset).folds([3]))
    assert evaluation.paths == ("3-siren.wav", "3-rain.wav", "3-dog.wav")
    assert evaluation.labels == ("siren", "rain", "dog")
    assert evaluation.classes == ("dog", "rain", "siren")
    np.testing.assert_allclose(evaluation.probabilities.sum(axis=1), 1.0, rtol=1e-5)


def test_the_answers_are_the_classifiers(dataset: Path, tiny_classifier: Classifier) -> None:
    clips = load_clips(read_table(dataset), tiny_classifier.info.front_end)
    expected = tiny_classifier(clips.waveforms.float() / 32_767).detach()
    torch.testing.assert_close(predict(tiny_classifier, clips), expected)
    found = evaluate(tiny_classifier, read_table(dataset))
    probabilities = torch.softmax(expected / 2.0, dim=1)  # 2 is the toy's temperature
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-6)


def test_a_condition_changes_what_is_heard(dataset: Path, tiny_classifier: Classifier) -> None:
    found = evaluate_conditions(
        tiny_classifier, read_table(dataset), ["clean", "20 dB quieter", "white noise, 10 dB SNR"]
    )
    clean, quieter, noisy = found.values()
    np.testing.assert_allclose(quieter.logits, clean.logits, atol=1e-2)
    assert np.abs(noisy.logits - clean.logits).max() > 1e-2


def test_the_size_of_a_batch_does_not_matter(
    tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = ClipSet(torch.randint(-9_999, 9_999, (5, 16_000)).short(), torch.zeros(5).long())
    expected = predict(tiny_classifier, clips)
    monkeypatch.setattr(evaluation, "_BATCH", 2)
    torch.testing.assert_close(predict(tiny_classifier, clips), expected)


def test_a_class_the_checkpoint_does_not_know_is_named(
    dataset: Path, tiny_classifier: Classifier
) -> None:
    listing = dataset / "meta" / "toy.csv"
    listing.write_text(listing.read_text().replace(",rain,", ",kettle,"))
    with pytest.raises(DataError, match=r"does not know the class kettle\."):
        evaluate(tiny_classifier, read_table(dataset))


def test_a_damaged_clip_is_left_out_only_where_that_is_asked_for(
    dataset: Path, tiny_classifier: Classifier
) -> None:
    (dataset / "audio" / "3-rain.wav").write_text("not sound")
    clips = read_table(dataset).folds([3])
    for ask in (lambda: evaluate(tiny_classifier, clips),
                lambda: evaluate_conditions(tiny_classifier, clips, ["clean"])):  # fmt: skip
        with pytest.raises(DataError, match="1 of 3 clips cannot be read"):
            ask()
    found = evaluate(tiny_classifier, clips, skip_unreadable=True)
    assert found.paths == ("3-siren.wav", "3-dog.wav")
