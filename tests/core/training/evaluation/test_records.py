from __future__ import annotations

import json

import pytest

from resona_core.errors import DataError
from resona_core.labels import ESC50_LABELS
from resona_core.training.evaluation.records import Answer, CalibrationScores, Report, read_as
from tests.run_folder import evaluation


def test_every_part_of_the_file_arrives_as_a_record() -> None:
    report = Report.from_dict(evaluation())
    assert report.accuracy == pytest.approx(183 / 200)
    assert (report.folds, report.trained_on_folds, report.is_test) == ((3,), (1, 2, 5), True)
    assert report.labels == ESC50_LABELS
    assert report.answers[0] == Answer("3-00000-A-0.wav", "dog", "rooster", 0.4, 3)
    assert report.calibration is not None
    assert report.calibration.temperature == 0.8
    assert report.calibration.before.ece == 0.12
    assert len(report.calibration.bins) == 9
    assert report.calibration.bins_before[2].count == 20
    assert [check.right for check in report.verdicts] == [0.95, None]
    assert [row.condition for row in report.robustness] == ["clean", "noise at 10 dB"]
    assert [score.auroc_high for score in report.unknown] == [0.85]


def test_a_file_with_the_headline_alone_is_enough() -> None:
    report = Report.from_dict({"accuracy": 0.5, "standard_error": 0.1, "clips": 25})
    assert report == Report(0.5, 0.1, 25)


def test_what_a_newer_program_writes_is_left_out() -> None:
    values = evaluation()
    values["of_tomorrow"] = values["answers"][0]["of_tomorrow"] = 1
    assert Report.from_dict(values) == Report.from_dict(evaluation())


def test_what_is_written_is_what_is_read() -> None:
    written = json.loads(json.dumps(Report.from_dict(evaluation()).to_dict()))
    assert Report.from_dict(written).to_dict() == written
    assert written["calibration"]["after"] == evaluation()["calibration"]["after"]
    assert written["robustness"][1]["standard_error"] == 0.0324


def test_a_record_in_a_dict_in_a_dict_is_read_as_one() -> None:
    score = {"nll": 0.5, "brier": 0.25, "ece": 0.1, "mean_confidence": 0.8}
    found = read_as(dict[str, dict[str, CalibrationScores]], {"a": {"b": score}, "c": None})
    assert found == {"a": {"b": CalibrationScores(0.5, 0.25, 0.1, 0.8)}, "c": {}}


def test_what_is_no_number_is_null_in_json() -> None:
    written = Report(float("nan"), float("inf"), 25, per_class={"rain": 2 / 3}).to_dict()
    assert (written["accuracy"], written["standard_error"]) == (None, None)
    assert written["per_class"] == {"rain": 0.6667}


@pytest.mark.parametrize(
    ("folds", "learnt", "is_test"),
    [((3, 4), None, False), ((4,), None, True), ((3, 4), 0, True), ((4,), 2, False)],
)
def test_it_is_a_test_where_no_clip_was_learnt_or_unknown_that_no_fold(
    folds: tuple[int, ...], learnt: int | None, is_test: bool
) -> None:
    report = Report(0.5, 0.1, 25, folds=folds, trained_on_folds=(5, 3, 1), learnt=learnt)
    assert report.is_test is is_test


@pytest.mark.parametrize(
    "wrong", [{"clips": 25}, {**evaluation(), "answers": [{"file": "1.wav"}]},
              {**evaluation(), "calibration": 3}],
)  # fmt: skip
def test_a_file_that_lacks_what_it_must_have_is_told_with_the_cure(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(DataError, match="evaluate --output"):
        Report.from_dict(wrong)
