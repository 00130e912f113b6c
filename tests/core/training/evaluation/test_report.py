from __future__ import annotations

import json

import numpy as np
import pytest

from resona_core.network.checkpoint import Classifier
from resona_core.training.evaluation import report as written
from resona_core.training.evaluation.evaluate import Evaluation
from resona_core.training.evaluation.records import ClaimCheck, Report
from resona_core.training.evaluation.report import evaluation_report

CLASSES = ("dog", "rain", "siren")


def _evaluation(n: int = 60, strength: float = 1.5) -> Evaluation:
    """Sixty clips in pairs from one recording, most classified correctly."""
    generator = np.random.default_rng(0)
    targets = np.arange(n) % 3
    logits = generator.normal(0, 1, (n, 3)) + strength * np.eye(3)[targets]
    return Evaluation(
        paths=tuple(f"{i}.wav" for i in range(n)),
        labels=tuple(CLASSES[t] for t in targets),
        folds=(2,) * (n // 2) + (3,) * (n // 2),
        sources=tuple(str(i // 2) for i in range(n)),
        classes=CLASSES,
        logits=logits.astype(np.float32),
    )


@pytest.fixture
def report(tiny_classifier: Classifier) -> Report:
    conditions = {"clean": _evaluation(), "noise": _evaluation(strength=0.5)}
    return evaluation_report(tiny_classifier.info, conditions["clean"], conditions)


def test_it_is_json_and_says_what_was_evaluated_on_what(
    report: Report, tiny_classifier: Classifier
) -> None:
    values = json.loads(json.dumps(report.to_dict()))
    assert (values["folds"], values["accuracy"]) == ([2, 3], round(report.accuracy, 4))
    assert report.checkpoint == tiny_classifier.info.name
    assert report.trained_on_folds == tiny_classifier.info.folds
    assert (report.folds, report.clips, report.labels) == ((2, 3), 60, CLASSES)


def test_the_answers_add_up_to_the_scores(report: Report) -> None:
    right = [answer.label == answer.predicted for answer in report.answers]
    assert report.accuracy == pytest.approx(np.mean(right), abs=1e-4)
    assert [answer.fold for answer in report.answers] == [2] * 30 + [3] * 30
    assert report.top_3_accuracy == 1.0
    for label, share in report.per_class.items():
        of_class = [a for a in report.answers if a.label == label]
        hits = [a.predicted == label for a in of_class]
        assert share == pytest.approx(np.mean(hits), abs=1e-4)


def test_the_verdicts_count_every_clip_once_and_the_bold_ones_are_right_more_often(
    report: Report,
) -> None:
    rows = report.verdicts
    assert [row.claim for row in rows] == [
        "Almost certainly",
        "Probably",
        "More likely than not",
        "Unsure",
    ]
    assert sum(row.count for row in rows) == 60
    said = [row.right for row in rows if row.count >= 5]
    assert said == sorted(said, reverse=True)


def test_calibration_is_told_before_and_after(report: Report) -> None:
    found = report.calibration
    assert found is not None
    for bins in (found.bins, found.bins_before):
        assert sum(entry.count for entry in bins) == 60
    assert 0 < found.ece_noise_floor < 0.3
    assert 0.1 < found.temperature < 10


def test_too_much_confidence_is_mended(tiny_classifier: Classifier) -> None:
    honest = _evaluation(600, 1.5)
    boastful = Evaluation(**{**vars(honest), "logits": honest.logits * 5})
    found = evaluation_report(tiny_classifier.info, boastful).calibration
    assert found is not None
    assert found.after.nll < found.before.nll
    assert found.after.ece < found.before.ece
    assert found.temperature > 2


def test_the_figures_are_those_counted_by_hand(tiny_classifier: Classifier) -> None:
    """Eight clips of five classes; the true ones come first, first, second, third ... fifth."""
    shares = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    ranks = [0, 0, 1, 2, 3, 4, 4, 0]
    heard = Evaluation(
        paths=tuple("abcdefgh"), labels=tuple(f"class {i}" for i in ranks), folds=(1,) * 8,
        sources=tuple("abcdefgh"), classes=tuple(f"class {i}" for i in range(5)),
        logits=np.tile(np.log(shares), (8, 1)).astype(np.float32),
    )  # fmt: skip
    found = evaluation_report(tiny_classifier.info, heard, {"clean": heard})
    assert (found.accuracy, found.top_3_accuracy) == (3 / 8, 5 / 8)
    assert found.robustness[0].top_3_accuracy == 5 / 8
    assert found.calibration is not None
    before = found.calibration.before
    assert before.mean_confidence == pytest.approx(0.4)
    assert before.nll == pytest.approx(-np.log(shares[ranks]).mean())
    (one,) = found.calibration.bins_before
    assert (one.count, one.accuracy, one.confidence) == (8, 3 / 8, pytest.approx(0.4))


def test_the_noise_floor_is_that_of_as_many_clips(tiny_classifier: Classifier) -> None:
    """Of 60 answers of a third each, as many are right as of 60 throws: +- sqrt(2 / 9 / 60)."""
    flat = Evaluation(**{**vars(_evaluation()), "logits": np.zeros((60, 3), np.float32)})
    found = evaluation_report(tiny_classifier.info, flat).calibration
    assert found is not None
    deviation = (2 / 9 / 60) ** 0.5
    assert found.ece_noise_floor == pytest.approx((2 / np.pi) ** 0.5 * deviation, rel=0.05)


def test_conditions_are_listed_in_their_order(report: Report, tiny_classifier: Classifier) -> None:
    clean, noise = report.robustness
    assert (clean.condition, noise.condition) == ("clean", "noise")
    assert clean.accuracy == report.accuracy > noise.accuracy
    assert evaluation_report(tiny_classifier.info, _evaluation()).robustness == ()


def test_a_wording_never_said_has_no_share(tiny_classifier: Classifier) -> None:
    flat = Evaluation(**{**vars(_evaluation()), "logits": np.zeros((60, 3), np.float32)})
    rows = evaluation_report(tiny_classifier.info, flat).verdicts
    assert rows[0] == ClaimCheck("Almost certainly", 0, None)


def test_a_clip_counts_for_the_boldest_wording_that_its_confidence_reaches(
    tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure = np.array([0.9, 0.99, 0.89, 0.7, 0.69, 0.5, 0.49, 0.4])
    shares = np.stack([sure, 1 - sure, 0 * sure], axis=1)
    shares[6:] = [[0.49, 0.31, 0.2], [0.4, 0.3, 0.3]]
    monkeypatch.setattr(written, "_calibrated", lambda _: shares)
    rows = evaluation_report(tiny_classifier.info, _evaluation(8)).verdicts
    assert [row.count for row in rows] == [2, 2, 2, 2]
