"""The score of a recipe, with made-up reports instead of trainings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from resona_core.errors import DataError
from resona_core.training.cross_validation import (
    Outcome,
    cross_validation,
    one_for_each_fold,
    run_all,
    summary,
)
from resona_core.training.evaluation.records import Report
from resona_core.training.session import Session

TOY = Session(Path("data"), Path("runs"), "toy", folds=(1, 2, 3))


def test_saying_what_to_train_and_collecting_what_came_loads_no_torch() -> None:
    code = """
import sys, resona_core.training.session, resona_core.training.cross_validation
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_cross_validation_leaves_out_each_fold_once() -> None:
    runs = one_for_each_fold(replace(TOY, folds=(1, 2, 3)))
    assert [(run.name, run.validate_on) for run in runs] == [
        ("toy-fold1", 1),
        ("toy-fold2", 2),
        ("toy-fold3", 3),
    ]
    assert {run.folds for run in runs} == {(1, 2, 3)}
    two = one_for_each_fold(replace(TOY, folds=(4, 5)))
    assert [run.validate_on for run in two] == [4, 5]


def test_cross_validation_of_one_fold_is_refused() -> None:
    with pytest.raises(DataError, match="at least two folds, not 1"):
        one_for_each_fold(replace(TOY, folds=(1,)))


def test_the_summary_gives_mean_and_deviation_as_counted_by_hand() -> None:
    reports = [
        Report(accuracy, 0.024, 400, folds=(fold,), top_3_accuracy=0.85)
        for fold, accuracy in ((1, 0.6), (2, 0.64))
    ]
    first, _, last = summary(reports).splitlines()
    assert first == "fold 1: accuracy 60.0% +- 2.4% (400 clips), top-3 accuracy 85.0%"
    # deviations of 2 % from the mean: sqrt(2 * 0.02^2 / 1) = 2.8 %, over sqrt(2) is 2 %
    assert last == "mean of 2 folds: accuracy 62.0% +- 2.0% (standard deviation 2.8%)"
    assert cross_validation(reports) == {
        "folds": [
            {"fold": 1, "accuracy": 0.6, "clips": 400},
            {"fold": 2, "accuracy": 0.64, "clips": 400},
        ],
        "mean": 0.62,
        "standard_deviation": 0.0283,
        "standard_error": 0.02,
    }
    assert summary(reports[:1]) == first


@pytest.mark.parametrize("report", [None, Report(0.7, 0.02, 400, folds=(3,), top_3_accuracy=0.9)])
def test_an_outcome_travels_with_its_report_or_without(report: Report | None) -> None:
    sent = Outcome(report, seed=7)
    assert Outcome.from_json(sent.to_json()) == sent


def test_a_failure_travels_as_its_sentence() -> None:
    arrived = Outcome.from_json(Outcome.failed_json("a clip cannot be read"))
    assert isinstance(arrived, DataError)
    assert str(arrived) == "a clip cannot be read"


def _trained(sessions: Sequence[Session]) -> Iterator[Outcome | Exception]:
    """Yield an accuracy of a tenth of the fold; fold 2 fails, and without a fold is no report."""
    for each in sessions:
        if each.validate_on == 2:
            yield DataError("a clip cannot be read")
            continue
        each.folder.create({"name": each.name})
        fold = each.validate_on
        report = Report(fold / 10, 0.02, 400, folds=(fold,), top_3_accuracy=0.9) if fold else None
        yield Outcome(report, seed=7)


def test_a_mean_over_folds_has_four_digits() -> None:
    """0.7, 0.8 and 2/3: a deviation of 0.0694, and over the root of three 0.0401."""
    found = cross_validation(
        [Report(share, 0.02, 400, folds=(i,)) for i, share in enumerate((0.7, 0.8, 2 / 3), 1)]
    )
    assert [each["accuracy"] for each in found["folds"]] == [0.7, 0.8, 0.6667]
    assert (found["mean"], found["standard_deviation"]) == (0.7222, 0.0694)
    assert found["standard_error"] == 0.0401


def test_what_was_found_lies_beside_each_run_that_did_not_fail(tmp_path: Path) -> None:
    told: list[str] = []
    sessions = one_for_each_fold(replace(TOY, runs=tmp_path))
    found = run_all(sessions, _trained, tmp_path, "brief", told.append)
    assert [report.folds for report in found.reports] == [(1,), (3,)]
    assert list(found.failed) == ["toy-fold2"]
    assert [line.split(":")[0] for line in told] == ["fold 1", "fold 3", "mean of 2 folds"]
    assert (found.record["mean"], found.record["recipe"]) == (0.2, "brief")
    assert found.record["seeds"] == [7]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy-fold1", "toy-fold3"]
    for fold in (1, 3):
        folder = tmp_path / f"toy-fold{fold}"
        assert json.loads((folder / "evaluation.json").read_text())["folds"] == [fold]
        assert json.loads((folder / "cross_validation.json").read_text()) == found.record


def test_one_run_alone_has_no_mean_and_without_a_fold_left_out_no_score(tmp_path: Path) -> None:
    told: list[str] = []
    alone = replace(TOY, runs=tmp_path, validate_on=3)
    found = run_all([alone], _trained, tmp_path, "resona", told.append)
    assert (len(found.reports), found.record, len(told)) == (1, {}, 1)
    everything = replace(TOY, runs=tmp_path, name="all")
    found = run_all([everything], _trained, tmp_path, "resona", told.append)
    assert (found.reports, found.record, len(told)) == ((), {}, 1)
    assert not (tmp_path / "all" / "evaluation.json").exists()


def test_an_error_that_is_raised_ends_all(tmp_path: Path) -> None:
    def raising(sessions: Sequence[Session]) -> Iterator[Outcome]:
        yield Outcome(None, 0)
        raise DataError("the disk is full")

    with pytest.raises(DataError, match="the disk is full"):
        run_all(one_for_each_fold(TOY), raising, tmp_path, "resona", print)
