"""What the Training page shows of how reliable an evaluation's numbers and verdicts are."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._shell import widgets
from resona_core.figures import evaluation as figures
from resona_core.figures.theme import TILES_CONFIG
from resona_core.training.evaluation.records import Calibration, Report, Unknown
from resona_core.words import percent

_PERCENT = "%.0f %%"
_ACCURACY = st.column_config.ProgressColumn(max_value=100, format=_PERCENT)


def _calibration(calibration: Calibration) -> None:
    """Draw the measures of calibration, before and after."""
    names = {
        "ece": "Calibration error (ECE)",
        "mean_confidence": "Mean confidence",
        "brier": "Brier score",
        "nll": "Negative log-likelihood",
    }
    rows = [
        {
            "Measure": name,
            "Before": _measure(key, getattr(calibration.before, key)),
            "After": _measure(key, getattr(calibration.after, key)),
        }
        for key, name in names.items()
    ]
    st.dataframe(rows, hide_index=True, alt="Calibration measures, before and after")
    floor = calibration.ece_noise_floor
    st.caption(
        f"Calibration divides the logits by about {calibration.temperature:.3g} (the temperature), "
        "fitted on recordings other than the one scored; it changes no answer. Lower is better, "
        "except for mean confidence. With so few clips, even perfect calibration would show a "
        f"calibration error of {100 * floor:.1f} %."
    )


def _measure(key: str, value: float) -> str:
    share = key in ("ece", "mean_confidence")
    return f"{100 * value:.1f} %" if share else f"{value:.3f}"


def _verdicts(report: Report) -> None:
    """Draw the accuracy of each wording of Listen's verdict."""
    rows = [
        {"Verdict": check.claim, "Clips": check.count, "Accuracy": _hundredfold(check.right)}
        for check in report.verdicts
    ]
    st.header("Are the verdicts reliable?", anchor=False)
    st.dataframe(
        rows, hide_index=True, column_config={"Accuracy": _ACCURACY}, alt="Accuracy of each verdict"
    )


def _robustness(report: Report) -> None:
    """Draw the accuracy on altered clips."""
    clean = report.robustness[0].accuracy
    rows = [
        {
            "Condition": row.condition,
            "Accuracy": _hundredfold(row.accuracy),
            "±": _hundredfold(row.standard_error),
            "Change": 100 * (row.accuracy - clean),
        }
        for row in report.robustness
    ]
    st.header("Robustness to degraded recordings", anchor=False)
    columns = {
        "Accuracy": st.column_config.ProgressColumn(max_value=100, format=_PERCENT, width=110),
        "±": st.column_config.NumberColumn(format="%.1f", width=50),
        "Change": st.column_config.NumberColumn(format="%+.1f", width=70),
    }
    st.dataframe(rows, hide_index=True, column_config=columns, alt="Accuracy on altered clips")
    st.caption("±: standard error. Change: relative to the first row. Both in percentage points.")


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


_MEASURES = {
    "known": "probability of being known",
    "energy": "energy over all classes",
    "probability": "highest class probability",
}


def _unknown(scores: Sequence[Unknown]) -> None:
    """Draw how well sounds of no known class are detected."""
    rows = [
        {
            "Sounds": _sounds(score),
            "Score": _MEASURES.get(score.score, score.score),
            "AUROC": f"{score.auroc:.3f} ({score.auroc_low:.3f} to {score.auroc_high:.3f})",
            "FPR95": _share(score.fpr95),
            "Rejected": _share(score.unknown_called_none),
        }
        for score in scores
    ]
    st.header("Sounds of no known class", anchor=False)
    per_cent = st.column_config.TextColumn(alignment="right")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"FPR95": per_cent, "Rejected": per_cent},
        alt="Detection of sounds of no known class",
    )
    mistaken = next((s.known_called_none for s in scores if s.known_called_none is not None), None)
    wrongly = "" if mistaken is None else f" Of the known sounds, {percent(mistaken)} are rejected."
    st.caption(
        "Sounds of none of the classes, from sources not trained on, against held-out sounds of "
        "the classes. AUROC: the probability that the former score lower (0.5 is chance, 1 is "
        "perfect; 95 % interval in brackets). FPR95: the share of them accepted when 95 % of the "
        f"known sounds are. Rejected: the share with the verdict “None of the ...”.{wrongly}"
    )


def _sounds(score: Unknown) -> str:
    count = f" ({score.unknown})" if score.unknown else ""
    return f"{score.sounds[:1].upper()}{score.sounds[1:]}{count}"


def _reliability(report: Report, calibration: Calibration, phone: bool) -> None:
    """Draw accuracy against confidence."""
    widgets.chart(
        figures.reliability_figure(calibration, phone),
        config=TILES_CONFIG,
        key="training_reliability",
        alt=f"Reliability diagram: accuracy against confidence, {report.clips} clips",
    )


def show_trust(report: Report, phone: bool) -> None:
    """Draw what was measured of calibration, verdicts, robustness and unknown sounds."""
    left, right = st.columns(2, gap="medium")
    if report.calibration is not None:
        with left:
            st.header("Are the probabilities reliable?", anchor=False)
            _reliability(report, report.calibration, phone)
            _calibration(report.calibration)
    with right:
        if report.verdicts:
            _verdicts(report)
        if report.robustness:
            _robustness(report)
        if report.unknown:
            _unknown(report.unknown)
