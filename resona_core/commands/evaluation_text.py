"""An evaluation as `evaluate` prints it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from resona_core.labels import spoken
from resona_core.words import folds_text

if TYPE_CHECKING:
    from resona_core.training.evaluation.records import Report, Unknown


def report_text(report: Report) -> str:
    """Write an evaluation for reading: scores, calibration, conditions, classes."""
    lines = [
        f"accuracy {report.accuracy:.1%} +- {report.standard_error:.1%} ({report.clips} clips of "
        f"{folds_text(report.folds)}), top-3 accuracy {report.top_3_accuracy:.1%}"
    ]
    if calibration := report.calibration:
        before, after = asdict(calibration.before), asdict(calibration.after)
        lines.append(
            f"temperature {calibration.temperature:.3f} (cross-fitted), "
            + ", ".join(f"{key} {before[key]:.3f} -> {after[key]:.3f}" for key in before)
            + f"; ECE of perfect calibration {calibration.ece_noise_floor:.3f}"
        )
    for check in report.verdicts:
        if check.right is not None:
            lines.append(f'"{check.claim}": accuracy {check.right:.1%} ({check.count} clips)')
    lines += [_unknown_text(row) for row in report.unknown]
    for given in report.robustness:
        lines.append(f"{given.accuracy:>7.1%} +- {given.standard_error:.1%}  {given.condition}")
    worst_first = sorted(report.per_class.items(), key=lambda item: item[1])
    return "\n".join(lines + [f"  {share:>5.0%}  {spoken(name)}" for name, share in worst_first])


def _unknown_text(row: Unknown) -> str:
    text = (
        f"{row.sounds}, score {row.score}: AUROC {row.auroc:.3f} "
        f"({row.auroc_low:.3f}-{row.auroc_high:.3f}), FPR95 {row.fpr95:.1%} "
        f"of {row.unknown} clips"
    )
    if row.known_called_none is None:
        return text
    return (
        f"{text}; rejected: {row.known_called_none:.1%} of the known clips, "
        f"{row.unknown_called_none:.1%} of these"
    )
