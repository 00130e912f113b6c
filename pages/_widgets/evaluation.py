"""What the Training page shows of an evaluation: mistakes, and how reliable the numbers are."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._shell.clicks import clickable_chart
from resona_core.figures import evaluation as figures
from resona_core.figures.theme import TILES_CONFIG
from resona_core.labels import spoken
from resona_core.training.evaluation.records import (
    Calibration,
    ClassResult,
    Pair,
    Report,
    Unknown,
    class_results,
    confusion,
    pairs,
)
from resona_core.words import percent

_PERCENT = "%.0f %%"
_ACCURACY = st.column_config.ProgressColumn(max_value=100, format=_PERCENT)
_MOST_PAIRS = 10


def _take_pair(clicked: list[str]) -> None:
    """Choose the pair of classes whose cell was clicked."""
    (st.session_state["pair"],) = clicked


def _choose_pair(seen: Sequence[Pair]) -> Pair:
    """Draw the menu of pairs, mistakes first; a click on the chart chooses here too."""
    by_key = {figures.pair_key(pair.label, pair.predicted): pair for pair in seen}
    chosen = st.selectbox(
        "True and predicted class",
        list(by_key),
        key="pair",
        bind="query-params",
        format_func=lambda key: figures.pair_text(by_key[key]) if key in by_key else key,
    )
    return by_key[chosen]


def _clips(report: Report, pair: Pair) -> None:
    """Draw the clips of a pair, the most confident answers first."""
    answers = sorted(report.answers, key=lambda answer: -answer.probability)
    rows = [
        {
            "Clip": answer.file,
            "Fold": answer.fold,
            "Probability": 100 * answer.probability,
        }
        for answer in answers
        if (answer.label, answer.predicted) == (pair.label, pair.predicted)
    ]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"Probability": st.column_config.NumberColumn(format=_PERCENT)},
        alt=f"Clips of the pair: {figures.pair_text(pair)}",
    )
    st.caption(
        f"{pair.count} of {pair.clips} clips of {spoken(pair.label).lower()}. The recordings are "
        "not included; the names are those in ESC-50's audio folder."
    )


def _pairs(seen: Sequence[Pair]) -> None:
    """Draw the most frequent confusions."""
    rows = [
        {
            "True": spoken(pair.label),
            "Predicted": spoken(pair.predicted),
            "Clips": f"{pair.count} of {pair.clips}",
        }
        for pair in seen[:_MOST_PAIRS]
        if not pair.is_right
    ]
    st.subheader("Most frequent confusions", anchor=False)
    st.dataframe(rows, hide_index=True, alt="Most frequent confusions")


def _classes(results: Sequence[ClassResult]) -> None:
    """Draw the accuracy of every class, the lowest first."""
    rows = [
        {
            "Class": spoken(result.label),
            "Accuracy": 100 * result.right / result.clips,
            "Correct": f"{result.right} of {result.clips}",
            "Group": result.group,
            "Most often mistaken for": spoken(result.taken_for) if result.taken_for else "",
        }
        for result in sorted(results, key=lambda result: result.right / result.clips)
    ]
    st.subheader("Accuracy by class", anchor=False)
    st.dataframe(rows, hide_index=True, column_config={"Accuracy": _ACCURACY}, height=390,
                 alt="Accuracy of every class")  # fmt: skip


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
    st.subheader("Are the verdicts reliable?", anchor=False)
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
    st.subheader("Robustness to degraded recordings", anchor=False)
    columns = {
        "Accuracy": st.column_config.ProgressColumn(max_value=100, format=_PERCENT, width=110),
        "±": st.column_config.NumberColumn(format="%.1f", width=50),
        "Change": st.column_config.NumberColumn(format="%+.1f", width=70),
    }
    st.dataframe(rows, hide_index=True, column_config=columns, alt="Accuracy on altered clips")
    st.caption("±: standard error. Change: relative to the first row. Both in percentage points.")


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


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
            "FPR95": _hundredfold(score.fpr95),
            "Rejected": _hundredfold(score.unknown_called_none),
        }
        for score in scores
    ]
    st.subheader("Sounds of no known class", anchor=False)
    per_cent = st.column_config.NumberColumn(format=_PERCENT)
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
    st.plotly_chart(
        figures.reliability_figure(calibration, phone),
        config=TILES_CONFIG,
        key="training_reliability",
        alt=f"Reliability diagram: accuracy against confidence, {report.clips} clips",
    )


def show_mistakes(report: Report, phone: bool) -> None:
    """Draw the confusion matrix beside the clips of the chosen pair, and the tables below."""
    table = confusion(report)
    seen = pairs(table)
    matrix_column, clips_column = st.columns([5, 3], gap="medium")
    with clips_column:
        pair = _choose_pair(seen)
        _clips(report, pair)
        _pairs(seen)
    with matrix_column:
        clickable_chart(
            figures.confusion_figure(table, figures.pair_key(pair.label, pair.predicted), phone),
            key="training_confusion",
            on_click=_take_pair,
            config=TILES_CONFIG,
            alt=f"Confusion matrix of {len(table.labels)} classes and {report.clips} clips",
        )
        st.caption(
            "Rows: true classes. Columns: predicted classes. Teal is correct, amber is wrong; the "
            "stronger the colour, the larger the share of the class. Click a cell for its clips."
        )
    _classes(class_results(table))


def show_trust(report: Report, phone: bool) -> None:
    """Draw what was measured of calibration, verdicts, robustness and unknown sounds."""
    left, right = st.columns(2, gap="medium")
    if report.calibration is not None:
        with left:
            st.subheader("Are the probabilities reliable?", anchor=False)
            _reliability(report, report.calibration, phone)
            _calibration(report.calibration)
    with right:
        if report.verdicts:
            _verdicts(report)
        if report.robustness:
            _robustness(report)
        if report.unknown:
            _unknown(report.unknown)
