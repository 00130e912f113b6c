"""The widgets of the Training page: which run, which part; the run in words, and its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages._shell import cache
from resona_core.figures import training as figures
from resona_core.figures.theme import PLOTLY_CONFIG
from resona_core.labels import ESC50_LABELS
from resona_core.settings import SHIPPED_RUNS, settings
from resona_core.training.evaluation.records import Report
from resona_core.training.runs import Run, has_log
from resona_core.words import folds_text

PARTS = ("Overview", "Curves", "Mistakes", "Trust", "Augmentations")
_REFRESH_S = 10  # while a run trains
_ESC50_FOLDS = (1, 2, 3, 4, 5)


def choose_run(names: Sequence[str]) -> str:
    """Draw the menu of runs; the address carries the choice. Without a run, say how to make one."""
    if not names:
        st.info(
            f"There are no runs in {settings().runs}. Start one with this command; it appears here "
            "while it trains. RESONA_RUNS selects another folder.",
            icon=":material/model_training:",
        )
        st.code("python -m resona_core train --data ESC-50 --validate-on 5 --name mine", "bash")
        st.stop()
    return st.selectbox("Run", names, key="run", bind="query-params")


def choose_part() -> str:
    """Draw the choice of the page's part; only the chosen one is computed."""
    chosen = st.segmented_control(
        "Section", PARTS, default=PARTS[0], required=True, key="section",
        label_visibility="collapsed", bind="query-params", wrap=True,
    )  # fmt: skip
    return chosen or PARTS[0]


def state_sentence(run: Run) -> str:
    """Say how far a run is, and how to resume it."""
    of_epochs = f"{run.epochs_done} of {run.epochs or '?'} epochs"
    if run.state == "finished":
        return f"Finished: {of_epochs}." if run.epochs_done else "Finished."
    if run.state == "stopped":
        return f"Stopped after {of_epochs}; `train --name {run.folder.name} --resume` resumes it."
    pace_s = run.seconds_an_epoch
    if pace_s is None or run.epochs is None:
        return f"Training: {of_epochs}."
    left_min = round(pace_s * (run.epochs - run.epochs_done) / 60)
    left = f"about {left_min} min" if left_min else "less than a minute"
    return f"Training: {of_epochs}, {pace_s:.0f} s each, {left} left."


def report_of(run: Run, needed: str) -> Report:
    """Return the run's evaluation; without what it `needed`, say how to get it, and stop."""
    report = run.report
    if report is not None and getattr(report, needed):
        return report
    ask_to_evaluate(run)
    st.stop()


def ask_to_evaluate(run: Run) -> None:
    """Say that the evaluation is missing, and the command that makes it."""
    done = run.state == "finished"
    st.info(
        "This run has not been evaluated yet. To evaluate it:"
        if done
        else "A run can be evaluated once it has finished. Then use:",
        icon=":material/fact_check:",
    )
    _show_command(evaluate_command(run))


def evaluate_command(run: Run, report: Report | None = None) -> str | None:
    """Return the command that makes, or made, the evaluation.

    None for an earlier version's run: its weights are not shipped, nor does this program read them.
    """
    unseen = [fold for fold in _ESC50_FOLDS if fold not in run.folds]
    folds = ",".join(map(str, report.folds if report else unseen)) or "FOLD"
    command = f"python -m resona_core evaluate --data ESC-50 --folds {folds} --robustness"
    if run.folder == SHIPPED_RUNS / "shipped":  # the weights that are loaded by default
        return command
    if run.folder.parent == SHIPPED_RUNS:
        return None
    folder = settings().runs / run.folder.name
    return f"{command} --checkpoint {folder}/model.safetensors --output {folder}/evaluation.json"


def _show_command(command: str | None) -> None:
    if command:
        st.code(command, "bash", wrap_lines=True)


def show_headline(run: Run, report: Report) -> None:
    """Draw the scores of the evaluation, how they were obtained, and the command."""
    with st.container(horizontal=True, gap="medium"):
        _share("Accuracy", report.accuracy, report.standard_error)
        if report.top_3_accuracy is not None:
            _share("Top-3 accuracy", report.top_3_accuracy)
        if "mean" in run.cross_validation:
            over = f"Mean over {len(run.cross_validation.get('folds', ()))} folds"
            _share(over, run.cross_validation["mean"], run.cross_validation.get("standard_error"))
    if not report.is_test:
        st.warning(
            "The network has learnt from these clips too, so the scores are optimistic.",
            icon=":material/warning:",
        )
    is_esc50 = set(report.labels) == set(ESC50_LABELS)
    human = " Human accuracy is 81 %, chance 2 %." if is_esc50 else ""
    st.caption(f"{origin(report)} ±: standard error from the limited number of clips.{human}")
    _show_command(evaluate_command(run, report))


def origin(report: Report) -> str:
    """Say on which clips the scores were obtained."""
    trained = f", trained on {folds_text(report.trained_on_folds)}"
    return (
        f"{report.clips:,} clips of {folds_text(report.folds)}"
        f"{trained if report.trained_on_folds else ''}."
    )


def _share(label: str, share: float, error: float | None = None) -> None:
    value = f"{100 * share:.1f} %" + (f" ± {100 * error:.1f}" if error else "")
    st.metric(label, value, width="content")


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


_TERMS = {
    "n_fft": "FFT window (samples)",
    "hop_length": "Hop length (samples)",
    "n_mels": "Mel bins",
    "f_min_hz": "Lowest frequency (Hz)",
    "f_max_hz": "Highest frequency (Hz)",
    "top_db": "Dynamic range (dB)",
    "mean_db": "Mean of the training clips (dB)",
    "std_db": "Standard deviation of the training clips (dB)",
    "n_classes": "Classes",
    "blocks": "Blocks per stage",
    "channels": "Channels per stage",
    "ema_decay": "EMA decay of the weights",
    "mix_beta": "Beta of the mixing ratio",
    "git_commit": "Program version (Git commit)",
    "cpu": "Processor",
    "initial": "Initial weights",
}
_UNITS = {"_hz": "Hz", "_s": "s", "_db": "dB"}


def _describe(title: str, values: Mapping[str, Any]) -> None:
    """Draw a record as a table of terms and values; nothing for an empty one."""
    rows = {_term(key): _value(value) for key, value in values.items() if value not in ("", None)}
    if rows:
        st.subheader(title, anchor=False)
        st.table(rows, border="horizontal", alt=title)


def show_configuration(run: Run) -> None:
    """Draw what was asked for, and where it ran."""
    recipe_column, rest_column = st.columns(2, gap="large")
    with recipe_column:
        _describe("Recipe", run.config.get("training", {}))
    with rest_column:
        about = {
            "data": run.config.get("data"),
            "training_folds": run.folds,
            "teacher": run.config.get("teacher"),
            "licence": run.config.get("licence"),
            "initial": run.config.get("initial") or "random",
        }
        _describe("Data", about)
        _describe("Audio front end", run.config.get("front_end", {}))
        _describe("Network", run.config.get("model", {}))
        _describe("Environment", run.environment)


def _term(key: str) -> str:
    for suffix, unit in _UNITS.items():
        if key.endswith(suffix) and key not in _TERMS:
            return f"{_term(key.removesuffix(suffix))} ({unit})"
    return _TERMS.get(key, key.replace("_", " ").capitalize())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return f"{value:,.6g}" if isinstance(value, int | float) else str(value)


def choose_compared(found: Mapping[str, Path], chosen: str) -> list[str]:
    """Draw the choice of runs laid over the chosen one; return all of them, it first.

    One without a log has nothing to draw: those beside it that have one are chosen from the start.
    """
    others = [name for name in found if name != chosen]
    if not others:
        return [chosen]
    most = figures.MOST_RUNS - 1
    folder = found[chosen]
    with_log = [
        name for name in others if found[name].parent == folder.parent and has_log(found[name])
    ]
    compared = st.multiselect(
        "Compare with", others, key="compare", max_selections=most, bind="query-params",
        placeholder=f"up to {most} other runs",
        default=[] if has_log(folder) else with_log[:most],
    )  # fmt: skip
    return [chosen, *compared]


def show_curves(paths: Mapping[str, Path], phone: bool) -> None:
    """Draw the curves of these runs; while one of them trains, again every few seconds."""
    live = any(cache.run(path).state == "training" for path in paths.values())
    st.fragment(_curves, run_every=_REFRESH_S if live else None)(paths, phone, live)


def _curves(paths: Mapping[str, Path], phone: bool, was_live: bool) -> None:
    runs = [(name, cache.run(path)) for name, path in paths.items()]
    live = [(name, run) for name, run in runs if run.state == "training"]
    if was_live and not live:
        st.rerun()
    for name, run in live:
        st.progress(min(1.0, run.epochs_done / (run.epochs or 1)), f"{name}. {state_sentence(run)}")
    charts = [chart for chart in figures.CHARTS if any(chart.is_in(run) for _, run in runs)]
    if not charts:
        st.info(
            "This run has no training curves: its weights are an average. Choose other runs above."
            if all(run.state == "finished" for _, run in runs)
            else "No curves yet: the first point appears after the first epoch."
        )
        return
    columns = [st.container()] if phone else st.columns(2, gap="medium")
    for index, chart in enumerate(charts):
        with columns[index % len(columns)]:
            st.plotly_chart(
                figures.curves_figure(chart, runs, phone),
                config=PLOTLY_CONFIG,
                key=f"training_curves_{index}",
                alt=f"{chart.title.capitalize()} over epochs: {', '.join(paths)}",
            )
    columns[-1].caption(
        "Training clips are augmented, held-out clips are not, so the network may score higher on "
        "held-out clips. These only monitor training: no epoch is selected by them. EMA: "
        "exponential moving average of the weights, which is what is kept."
    )
    if len(runs) > 1:
        _compare(runs)


def _compare(runs: Sequence[tuple[str, Run]]) -> None:
    rows = [
        {
            "Run": name,
            "Epochs": f"{run.epochs_done} of {run.epochs or '?'}" if run.curves else "no log",
            "Training folds": _listed(run.folds),
            "Training loss": _last(run, "train/loss", ".2f"),
            "Held-out accuracy (EMA)": _last(run, "held_out/accuracy_averaged", ".1%"),
            "Evaluation accuracy": _evaluated(run),
        }
        for name, run in runs
    ]
    st.dataframe(rows, hide_index=True, alt="Compared runs: last values and evaluations")


def _last(run: Run, tag: str, form: str) -> str:
    value = run.last(tag)
    return "none" if value is None else f"{value:{form}}".replace("%", " %")


def _evaluated(run: Run) -> str:
    report = run.report
    if report is None:
        return "not yet"
    share, error = 100 * report.accuracy, 100 * report.standard_error
    return f"{share:.1f} % ± {error:.1f}, {folds_text(report.folds)}"
