from __future__ import annotations

import json
from dataclasses import replace

import pytest

from resona_core.errors import DataError
from resona_core.labels import ESC50_LABELS
from resona_core.training.evaluation.records import (
    NO_GROUP,
    Answer,
    ClassResult,
    Pair,
    Report,
    class_results,
    confusion,
    in_groups,
    pairs,
)
from tests.run_folder import evaluation

ANSWERS = (
    Answer("1.wav", "rain", "rain", 0.9),
    Answer("2.wav", "rain", "dog", 0.4),
    Answer("3.wav", "rain", "dog", 0.6),
    Answer("4.wav", "rain", "siren", 0.6),
    Answer("5.wav", "dog", "dog", 0.8),
)
REPORT = Report(0.4, 0.2, 5, labels=("siren", "rain", "dog"), answers=ANSWERS)


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


def test_classes_come_group_by_group_and_own_ones_last() -> None:
    assert in_groups(("kettle", "siren", "rain", "dog")) == ("dog", "rain", "siren", "kettle")


def test_the_confusion_counts_true_by_given_class() -> None:
    table = confusion(REPORT)
    assert table.labels == ("dog", "rain", "siren")
    assert table.groups == ("Animals", "Natural soundscapes", "Exterior")
    assert table.counts.tolist() == [[1, 0, 0], [2, 1, 1], [0, 0, 0]]


def test_a_class_of_someones_own_has_a_group_too() -> None:
    table = confusion(replace(REPORT, answers=(Answer("1.wav", "kettle", "dog", 0.5),)))
    assert table.labels[-1] == "kettle"
    assert table.groups[-1] == NO_GROUP


def test_pairs_begin_with_the_most_frequent_mistake_and_end_with_what_was_right() -> None:
    assert pairs(confusion(REPORT)) == [
        Pair("rain", "dog", 2, 4),
        Pair("rain", "siren", 1, 4),
        Pair("dog", "dog", 1, 1),
        Pair("rain", "rain", 1, 4),
    ]


def test_a_class_that_was_not_evaluated_has_no_result() -> None:
    assert class_results(confusion(REPORT)) == [
        ClassResult("dog", "Animals", 1, 1, None),
        ClassResult("rain", "Natural soundscapes", 4, 1, "dog"),
    ]
