"""What the Training page shows of an examination: mistakes, and how far to trust the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from pages._shell import widgets
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
_RIGHT = st.column_config.ProgressColumn(max_value=100, format=_PERCENT)
_MOST_PAIRS = 10


def _take_pair(chart: str) -> None:
    """Choose the pair of classes whose cell was clicked in `chart`."""
    points = st.session_state[chart].selection.points
    if points:
        st.session_state["pair"] = widgets.clicked(points[0])


def _choose_pair(seen: Sequence[Pair]) -> Pair:
    """Draw the menu of pairs, mistakes first; a click on the chart chooses here too."""
    by_key = {figures.pair_key(pair.label, pair.predicted): pair for pair in seen}
    chosen = st.selectbox(
        "True class and class given", list(by_key), key="pair", bind="query-params",
        format_func=lambda key: figures.pair_text(by_key[key]) if key in by_key else key,
    )  # fmt: skip
    return by_key[chosen]


def _clips(report: Report, pair: Pair) -> None:
    """Draw the clips of a pair, the surest answers first."""
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
        alt=f"The clips of the pair {figures.pair_text(pair)}",
    )
    st.caption(
        f"{pair.count} of {pair.clips} clips of {spoken(pair.label).lower()}. The recordings are "
        "not shipped: the names are those of ESC-50's audio folder."
    )


def _pairs(seen: Sequence[Pair]) -> None:
    """Draw the most frequent mistakes."""
    rows = [
        {
            "True": spoken(pair.label),
            "Given": spoken(pair.predicted),
            "Clips": f"{pair.count} of {pair.clips}",
        }
        for pair in seen[:_MOST_PAIRS]
        if not pair.is_right
    ]
    st.subheader("Most confused", anchor=False)
    st.dataframe(rows, hide_index=True, alt="The most frequent mistakes")


def _classes(results: Sequence[ClassResult]) -> None:
    """Draw every class with its share of right answers, the weakest first."""
    rows = [
        {
            "Class": spoken(result.label),
            "Right": 100 * result.right / result.clips,
            "Clips": f"{result.right} of {result.clips}",
            "Group": result.group,
            "Most often taken for": spoken(result.taken_for) if result.taken_for else "",
        }
        for result in sorted(results, key=lambda result: result.right / result.clips)
    ]
    st.subheader("Every class", anchor=False)
    st.dataframe(rows, hide_index=True, column_config={"Right": _RIGHT}, height=390,
                 alt="Every class, how many of its clips were answered right")  # fmt: skip


def _calibration(calibration: Calibration) -> None:
    """Draw the measures of calibration, before and after."""
    names = {
        "ece": "Gap between sure and right (ECE)",
        "mean_confidence": "How sure on average",
        "brier": "Brier score",
        "nll": "Negative log likelihood",
    }
    rows = [
        {
            "": name,
            "Before": _measure(key, getattr(calibration.before, key)),
            "After": _measure(key, getattr(calibration.after, key)),
        }
        for key, name in names.items()
    ]
    st.dataframe(rows, hide_index=True, alt="Measures of calibration, before and after")
    floor = calibration.ece_noise_floor
    st.caption(
        f"Calibration divides the logits by about {calibration.temperature:.3g}, as fitted on "
        "other recordings than the one judged; it changes no answer. "
        "Lower is better in every row but the second."
        f" Chance alone makes the gap {100 * floor:.1f} % on so few clips."
    )


def _measure(key: str, value: float) -> str:
    share = key in ("ece", "mean_confidence")
    return f"{100 * value:.1f} %" if share else f"{value:.3f}"


def _verdicts(report: Report) -> None:
    """Draw how often the words of Listen's verdict were right."""
    rows = [
        {"The verdict says": check.claim, "Clips": check.count, "Right": _hundredfold(check.right)}
        for check in report.verdicts
    ]  # fmt: skip
    st.subheader("Do the words hold?", anchor=False)
    st.dataframe(rows, hide_index=True, column_config={"Right": _RIGHT},
                 alt="How often each verdict was right")  # fmt: skip


def _robustness(report: Report) -> None:
    """Draw the accuracy on clips changed in known ways."""
    clean = report.robustness[0].accuracy
    rows = [
        {
            "The same clips": row.condition,
            "Right": _hundredfold(row.accuracy),
            "±": _hundredfold(row.standard_error),
            "Change": 100 * (row.accuracy - clean),
        }
        for row in report.robustness
    ]
    st.subheader("When the recording is worse", anchor=False)
    columns = {
        "Right": st.column_config.ProgressColumn(max_value=100, format=_PERCENT, width=110),
        "±": st.column_config.NumberColumn(format="%.1f", width=50),
        "Change": st.column_config.NumberColumn(format="%+.1f", width=70),
    }
    st.dataframe(rows, hide_index=True, column_config=columns, alt="Accuracy on changed clips")
    st.caption("± (standard error) and change against the first row, in percentage points.")


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


_MEASURES = {
    "known": "its own word for it",
    "energy": "energy of all classes",
    "probability": "greatest probability",
}


def _unknown(scores: Sequence[Unknown]) -> None:
    """Draw how well sounds of no class are noticed."""
    rows = [
        {
            "Sounds": _sounds(score),
            "Told by": _MEASURES.get(score.score, score.score),
            "AUROC": f"{score.auroc:.3f} ({score.auroc_low:.3f} to {score.auroc_high:.3f})",
            "Still pass (FPR95)": _hundredfold(score.fpr95),
            "Called none": _hundredfold(score.unknown_called_none),
        }
        for score in scores
    ]
    st.subheader("Sounds it has no name for", anchor=False)
    per_cent = st.column_config.NumberColumn(format=_PERCENT)
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"Still pass (FPR95)": per_cent, "Called none": per_cent},
        alt="How well sounds of no class are told from known ones",
    )
    mistaken = next((s.known_called_none for s in scores if s.known_called_none is not None), None)
    wrongly = "" if mistaken is None else f" Of the known ones, {percent(mistaken)} are so called."
    st.caption(
        "Sounds of none of its classes, from sources it never heard, against held-out sounds of "
        "its classes. AUROC: the chance that the former looks less known (0.5 is guessing, 1 never "
        "wrong; in brackets the 95 % interval). FPR95: the share of them that pass when 95 % of "
        f"the known do. Called none: the share told as none of the classes.{wrongly}"
    )


def _sounds(score: Unknown) -> str:
    count = f" ({score.unknown})" if score.unknown else ""
    return f"{score.sounds[:1].upper()}{score.sounds[1:]}{count}"


def _reliability(report: Report, calibration: Calibration, phone: bool) -> None:
    """Draw how often answers were right against how sure they were."""
    st.plotly_chart(
        figures.reliability_figure(calibration, phone), config=TILES_CONFIG,
        key="training_reliability",
        alt=f"Share of right answers against their probability, {report.clips} clips",
    )  # fmt: skip


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
        st.plotly_chart(
            figures.confusion_figure(table, figures.pair_key(pair.label, pair.predicted), phone),
            config=TILES_CONFIG, key="training_confusion",
            on_select=partial(_take_pair, "training_confusion"), selection_mode="points",
            alt=f"Confusion matrix of {len(table.labels)} classes and {report.clips} clips",
        )  # fmt: skip
        st.caption(
            "A row is a class, its cells are what its clips were taken for: teal is right, amber "
            "is wrong, and the fuller the colour the more of the class. Click a cell for its clips."
        )
    _classes(class_results(table))


def show_trust(report: Report, phone: bool) -> None:
    """Draw whatever the examination says of probabilities, words, noise and unknown sounds."""
    left, right = st.columns(2, gap="medium")
    if report.calibration is not None:
        with left:
            st.subheader("Does a probability mean what it says?", anchor=False)
            _reliability(report, report.calibration, phone)
            _calibration(report.calibration)
    with right:
        if report.verdicts:
            _verdicts(report)
        if report.robustness:
            _robustness(report)
        if report.unknown:
            _unknown(report.unknown)
