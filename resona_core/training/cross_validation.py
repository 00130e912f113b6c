"""The score of a recipe: each fold held out in turn, wherever the runs are trained.

The command line trains one run after the other here, `train_modal.py` all at once elsewhere; both
hand :func:`run_all` a function that does it. Nothing here loads torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Self

from resona_core.errors import DataError
from resona_core.training.evaluation.records import Report
from resona_core.training.fitting.run_folder import RunFolder, write_json
from resona_core.training.session import Session


@dataclass(frozen=True)
class Outcome:
    """The result of one run.

    Attributes
    ----------
    report : Report or None
        The evaluation on the held-out fold; None where none was held out.
    seed : int
        The seed of the run's random numbers.
    """

    report: Report | None
    seed: int

    def to_json(self) -> str:
        """Return it as it travels."""
        report = self.report.to_dict() if self.report else None
        return json.dumps({"report": report, "seed": self.seed})

    @staticmethod
    def failed_json(sentence: str) -> str:
        """Return what travels in place of an outcome: why there is none."""
        return json.dumps({"error": sentence})

    @classmethod
    def from_json(cls, text: str) -> Self | DataError:
        """Read what :meth:`to_json` or :meth:`failed_json` wrote."""
        values = json.loads(text)
        if "error" in values:
            return DataError(values["error"])
        report = values["report"]
        return cls(report and Report.from_dict(report), values["seed"])


TrainAll = Callable[[Sequence[Session]], Iterable[Outcome | Exception]]
"""Trains runs and yields the outcome of each, or why it failed, in their order."""


@dataclass(frozen=True)
class Outcomes:
    """The results of several runs.

    Attributes
    ----------
    reports : tuple of Report
        Of the runs that held out a fold, in their order.
    record : dict
        What cross_validation.json holds; empty for fewer than two reports.
    failed : dict of str to Exception
        The runs that failed, by name.
    """

    reports: tuple[Report, ...]
    record: dict[str, Any]
    failed: Mapping[str, Exception]


def one_for_each_fold(session: Session) -> list[Session]:
    """Return the runs of a cross-validation: each holds out one of the session's folds.

    Raises
    ------
    DataError
        If there are fewer than two folds.
    """
    if len(session.folds) < 2:
        raise DataError(
            f"Cross-validation needs at least two folds, not {len(session.folds)}; add more to "
            "--folds."
        )
    return [
        replace(session, name=f"{session.name}-fold{fold}", validate_on=fold)
        for fold in session.folds
    ]


def run_all(
    sessions: Sequence[Session],
    train_all: TrainAll,
    runs: Path,
    recipe: str,
    told: Callable[[str], None],
) -> Outcomes:
    """Have the sessions trained and evaluated, and write each evaluation into its run.

    Parameters
    ----------
    sessions : sequence of Session
        The runs of a cross-validation, or a single one.
    train_all : TrainAll
        A run that it reports as failed does not lose the others; an error that it raises ends all.
    runs : Path
        Where the runs' folders lie, on this computer.
    recipe : str
        The name of the recipe, for the record.
    told : callable
        Given the score of each fold, and at last their mean.
    """
    reports: dict[str, Report] = {}
    failed: dict[str, Exception] = {}
    seeds: set[int] = set()
    for each, outcome in zip(sessions, train_all(sessions), strict=True):
        if isinstance(outcome, Exception):
            failed[each.name] = outcome
            continue
        seeds.add(outcome.seed)
        if outcome.report is not None:
            reports[each.name] = outcome.report
            told(summary([outcome.report]))
            write_json(RunFolder(runs / each.name).evaluation, outcome.report.to_dict())
    found = tuple(reports.values())
    record: dict[str, Any] = {}
    if len(found) > 1:
        record = cross_validation(found) | {"recipe": recipe, "seeds": sorted(seeds)}
        told(summary(found).splitlines()[-1])
    for name in reports if record else ():
        write_json(RunFolder(runs / name).cross_validation, record)
    return Outcomes(found, record, failed)


def cross_validation(reports: Sequence[Report]) -> dict[str, Any]:
    """Return the mean accuracy over two or more folds, with its standard error."""
    shares = [report.accuracy for report in reports]
    deviation = stdev(shares)
    return {
        "folds": [
            {"fold": r.folds[0], "accuracy": round(r.accuracy, 4), "clips": r.clips}
            for r in reports
        ],
        "mean": round(mean(shares), 4),
        "standard_deviation": round(deviation, 4),
        "standard_error": round(deviation / math.sqrt(len(shares)), 4),
    }


def summary(reports: Sequence[Report]) -> str:
    """Return one line for each fold's report, and one for the mean of several."""
    lines = [
        f"fold {', '.join(map(str, report.folds))}: accuracy {report.accuracy:.1%} "
        f"+- {report.standard_error:.1%} ({report.clips} clips), "
        f"top-3 accuracy {report.top_3_accuracy:.1%}"
        for report in reports
    ]
    if len(reports) > 1:
        over = cross_validation(reports)
        lines.append(
            f"mean of {len(reports)} folds: accuracy {over['mean']:.1%} "
            f"+- {over['standard_error']:.1%} (standard deviation {over['standard_deviation']:.1%})"
        )
    return "\n".join(lines)
