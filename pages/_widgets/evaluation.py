"""What the Training page shows of an evaluation: what is good, and what is confused with what."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._shell import address, widgets
from pages._shell.clicks import clickable_chart
from pages._shell.text import literal
from resona_core.figures import evaluation as figures
from resona_core.figures.theme import TILES_CONFIG
from resona_core.labels import spoken
from resona_core.training.evaluation.confusions import (
    ClassResult,
    Confusion,
    Pair,
    class_results,
    confusion,
    pairs,
)
from resona_core.training.evaluation.records import Report

_PERCENT = "%.0f %%"
_ACCURACY = st.column_config.ProgressColumn(max_value=100, format=_PERCENT)
_MOST_PAIRS = 10
_MOST_SHOWN = 5


def _take_pair(clicked: list[str]) -> None:
    """Choose the pair of classes whose cell was clicked."""
    address.change("pair", clicked[0])


def _choose_pair(seen: Sequence[Pair]) -> Pair:
    """Draw the menu of pairs, mistakes first; a click on a chart chooses here too."""
    by_key = {figures.pair_key(pair.label, pair.predicted): pair for pair in seen}
    titles = {key: figures.pair_text(pair) for key, pair in by_key.items()}
    asked = address.said("pair")
    asked = {title: key for key, title in titles.items()}.get(asked, asked)  # earlier links
    if asked and asked not in by_key:
        st.caption(f"This run has no clip classified as the link asks: {literal(asked)}.")
    value = asked if asked in by_key else next(iter(by_key))
    carry_back = address.follow("pair", "training_pair", value)
    chosen = st.selectbox(
        "True and predicted class", list(by_key), key="training_pair",
        format_func=titles.__getitem__, on_change=carry_back,
    )  # fmt: skip
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


def _confusions(seen: Sequence[Pair], count: int, key: str, clickable: bool = False) -> None:
    """Draw the most frequent confusions."""
    confused = [pair for pair in seen if not pair.is_right][:count]
    if not confused:
        st.caption("No clip of this evaluation is classified wrongly.")
        return
    figure = figures.confusions_figure(confused)
    alt = "Most frequent confusions: " + ", ".join(
        f"{figures.pair_text(pair)} {pair.count} of {pair.clips}" for pair in confused
    )
    if clickable:
        clickable_chart(figure, key, _take_pair, alt, config=TILES_CONFIG)
    else:
        widgets.chart(figure, key, alt, config=TILES_CONFIG)


def show_strengths(report: Report) -> None:
    """Draw what the network is good at, and beside it what it confuses."""
    table = confusion(report)
    results = class_results(table)
    good_column, bad_column = st.columns(2, gap="large")
    with good_column:
        st.header("What it is good at", anchor=False)
        rows = _best(results)
        widgets.chart(
            figures.shares_figure(rows), "training_good", config=TILES_CONFIG,
            alt="Correct: " + ", ".join(f"{name} {part} of {all_}" for name, part, all_ in rows),
        )  # fmt: skip
        flawless = [spoken(each.label) for each in results if each.right == each.clips]
        if flawless:
            st.caption(f"Without a mistake: {literal(', '.join(flawless))}.")
    with bad_column:
        st.header("What it confuses", anchor=False)
        _confusions(pairs(table), _MOST_SHOWN, "training_bad")
        st.caption("The section Mistakes shows every confusion, and the clips behind it.")


def _best(results: Sequence[ClassResult]) -> list[tuple[str, int, int]]:
    """Return name, right answers and clips of the groups; where there are none, of classes."""
    grouped: dict[str, tuple[int, int]] = {}
    for each in results:
        right, clips = grouped.get(each.group, (0, 0))
        grouped[each.group] = (right + each.right, clips + each.clips)
    if len(grouped) > 1:
        rows = [(group, *counts) for group, counts in grouped.items()]
    else:
        rows = [(spoken(each.label), each.right, each.clips) for each in results]
    return sorted(rows, key=lambda row: -row[1] / row[2])[:_MOST_SHOWN]


def _classes(results: Sequence[ClassResult], phone: bool) -> None:
    """Draw the accuracy of every class, the lowest first; a phone has room for three columns."""
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
    st.header("Accuracy by class", anchor=False)
    st.dataframe(rows, hide_index=True, column_config={"Accuracy": _ACCURACY}, height=388,
                 column_order=("Class", "Accuracy", "Most often mistaken for") if phone else None,
                 alt="Accuracy of every class")  # fmt: skip


def show_mistakes(report: Report, phone: bool) -> None:
    """Draw the confusion matrix, the clips of the chosen pair, and the tables below.

    A phone has no room for fifty names in two directions: it has the confusions as a list.
    """
    table = confusion(report)
    seen = pairs(table)
    matrix = st.container()
    list_column, clips_column = st.columns(2, gap="large")
    with clips_column:
        st.header("The clips", anchor=False)
        pair = _choose_pair(seen)
        _clips(report, pair)
    with list_column:
        st.header("Most frequent confusions", anchor=False)
        _confusions(seen, _MOST_PAIRS, "training_pairs", clickable=True)
        st.caption("Press one for its clips.")
    if not phone:
        with matrix:
            _matrix(report, table, pair)
    _classes(class_results(table), phone)


def _matrix(report: Report, table: Confusion, pair: Pair) -> None:
    clickable_chart(
        figures.confusion_figure(table, figures.pair_key(pair.label, pair.predicted)),
        key="training_confusion",
        on_click=_take_pair,
        config=TILES_CONFIG,
        alt=f"Confusion matrix of {len(table.labels)} classes and {report.clips} clips",
    )
    st.caption(
        "Rows: true classes. Columns: predicted classes. Teal is correct, amber is wrong; the "
        "stronger the colour, the larger the share of the class. Click a cell for its clips."
    )
