"""The widgets of the Training page: which run, which part; the run in words, and its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from pages._shell import address, cache, widgets
from pages._shell.text import literal
from resona_core.figures import training as figures
from resona_core.labels import ESC50_LABELS
from resona_core.settings import SHIPPED_RUNS, settings
from resona_core.training.evaluation.records import Report
from resona_core.training.runs import Run, has_log, is_evaluated, run_of, run_title
from resona_core.words import folds_text

PARTS = ("Overview", "Curves", "Mistakes", "Trust", "Augmentations")
_NOTHING = "none"  # what the address says when the visitor wants no run compared
_REFRESH_S = 10  # while a run trains
_ESC50_FOLDS = (1, 2, 3, 4, 5)


def choose_run(found: Mapping[str, Path]) -> str:
    """Draw the menu of runs; the address carries the choice. Without a run, say how to make one.

    The first is that of the weights in use.
    """
    if not found:
        st.info(
            f"There are no runs in {literal(str(settings().runs))}. Start one as below; it appears "
            "here while it trains. RESONA\\_RUNS selects another folder.",
            icon=":material/model_training:",
        )
        command = "python -m resona_core train --data ESC-50 --validate-on 5 --name mine"
        fold_command("Start a run", command)
        st.stop()
    asked, first = address.said("run"), next(iter(found))
    if asked and asked not in found:
        st.warning(
            f"The link asks for the run {literal(asked)}; there is none of that name here. "
            f"You see {literal(run_title(first))}.",
            icon=":material/link_off:",
        )
    carry_back = address.follow("run", "training_run", asked if asked in found else first)
    return st.selectbox(
        "Run", list(found), key="training_run", format_func=run_title, on_change=carry_back
    )


def show_state(name: str, run: Run, found: Mapping[str, Path]) -> None:
    """Say how far the run is, and whether its weights are those in use."""
    loaded = run_of(settings().checkpoint).resolve()
    in_use = [each for each, folder in found.items() if folder.resolve() == loaded]
    if name in in_use:
        which = "This is the network in use on the other pages."
    else:
        which = "This is not the network in use on the other pages."
        if in_use:
            which += f" That is {literal(run_title(in_use[0]))}."
    st.caption(f"{which} {state_sentence(run)}")


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


def report_of(run: Run, needed: str, found: Mapping[str, Path]) -> Report:
    """Return the run's evaluation; without what it `needed`, say how to get it, and stop."""
    report = run.report
    if report is not None and getattr(report, needed):
        return report
    ask_to_evaluate(run, found)
    st.stop()


def ask_to_evaluate(run: Run, found: Mapping[str, Path]) -> None:
    """Say that the evaluation is missing, which runs have one, and the command that makes it."""
    done = run.state == "finished"
    sentence = (
        "How good this network is has not been measured yet on sounds it had not learnt from."
        if done
        else "How good it is can be measured once its training has finished."
    )
    measured = [run_title(name) for name, path in found.items() if is_evaluated(path)]
    if measured:
        sentence += f" Measured so far: {literal('; '.join(measured))}. Choose one above."
    st.info(sentence, icon=":material/fact_check:")
    fold_command("Measure it yourself", evaluate_command(run))


def evaluate_command(run: Run, report: Report | None = None) -> str | None:
    """Return the command that makes, or made, the evaluation.

    None for an earlier version's run: its weights are not shipped, nor does this program read them.
    """
    unseen = [fold for fold in _ESC50_FOLDS if fold not in run.folds]
    tested = report.folds if report and not _is_of_twin(run, report) else unseen
    folds = ",".join(map(str, tested)) or "FOLD"
    command = f"python -m resona_core evaluate --data ESC-50 --folds {folds} --robustness"
    if run.folder == SHIPPED_RUNS / "shipped":  # the weights that are loaded by default
        return command
    if run.folder.parent == SHIPPED_RUNS:
        return None
    folder = run.folder
    return f"{command} --checkpoint {folder}/model.safetensors --output {folder}/evaluation.json"


def fold_command(title: str, command: str | None) -> None:
    """Draw a command, folded up under its title; where there is none, nothing."""
    if command:
        with st.expander(title, icon=":material/terminal:"):
            st.code(command, "bash", wrap_lines=True)


def show_headline(run: Run, report: Report) -> None:
    """Say how good it is, large; on which sounds that was measured, and how to do so again."""
    share = f":primary[{100 * report.accuracy:.1f} %]"
    unheard = "sounds it had never heard" if report.is_test else "sounds it has learnt from"
    st.header(f"It names {share} of {unheard} correctly", anchor=False)
    st.caption("  \n".join(_in_numbers(run, report)))
    if not report.is_test:
        st.warning(
            "The network has learnt from these clips too, so the scores are optimistic.",
            icon=":material/warning:",
        )


def show_command(run: Run, report: Report) -> None:
    """Draw, folded up, the command that measures it again."""
    fold_command("Measure it yourself", evaluate_command(run, report))


def _in_numbers(run: Run, report: Report) -> list[str]:
    """Return the figures and what they were measured on, a line each."""
    scores = f"Accuracy {_share(report.accuracy, report.standard_error)}"
    if report.top_3_accuracy is not None:
        scores += f"  ·  the right class among the first three: {_share(report.top_3_accuracy)}"
    if "mean" in run.cross_validation:
        folds = len(run.cross_validation.get("folds", ()))
        error = run.cross_validation.get("standard_error")
        scores += f"  ·  mean over {folds} folds: {_share(run.cross_validation['mean'], error)}"
    if set(report.labels) == set(ESC50_LABELS):
        scores += "  ·  people: 81 %, chance: 2 %"
    error = "±: standard error from the limited number of clips."
    return [scores, f"{origin(run, report)} {error}"]


def _is_of_twin(run: Run, report: Report) -> bool:
    """Tell whether the scores are those of a network that learnt from fewer folds than this run."""
    return bool(report.trained_on_folds) and set(report.trained_on_folds) < set(run.folds)


def origin(run: Run, report: Report) -> str:
    """Say on which clips the scores were obtained, and whether from the run's own network."""
    of = f"{report.clips:,} clips of {folds_text(report.folds)}"
    if not report.trained_on_folds:
        return f"{of}."
    trained = f"trained on {folds_text(report.trained_on_folds)}"
    if not _is_of_twin(run, report):
        return f"{of}, {trained}."
    return (
        f"{of}, answered by a twin of this network: made by the same recipe, {trained} alone. The "
        "network itself has learnt from the tested clips too."
    )


def _share(share: float, error: float | None = None) -> str:
    return f"{100 * share:.1f} %" + (f" ± {100 * error:.1f}" if error else "")


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def choose_compared(found: Mapping[str, Path], chosen: str) -> list[str]:
    """Draw the choice of runs laid over the chosen one; return all of them, it first.

    Only those with a log have curves. Where the chosen one has none, those beside it are chosen
    from the start.
    """
    others = [name for name, path in found.items() if name != chosen and has_log(path)]
    if not others:
        return [chosen]
    most = figures.MOST_RUNS - 1
    asked = [name for name in address.said("compare").split(",") if name in others]
    if not address.said("compare") and not has_log(found[chosen]):
        asked = [name for name in others if found[name].parent == found[chosen].parent]
    st.session_state["training_compare"] = asked[:most]
    return [
        chosen,
        *st.multiselect(
            "Compare with", others, key="training_compare", max_selections=most,
            placeholder=f"up to {most} other runs", format_func=run_title,
            on_change=_carry_compared,
        ),
    ]  # fmt: skip


def _carry_compared() -> None:
    compared = st.session_state.get("training_compare", ())
    address.change("compare", ",".join(compared) or _NOTHING)


def show_curves(paths: Mapping[str, Path], phone: bool) -> None:
    """Draw the curves of these runs; while one of them trains, again every few seconds."""
    live = any(cache.run(path).state == "training" for path in paths.values())
    st.fragment(_curves, run_every=_REFRESH_S if live else None)(paths, phone, live)


def _curves(paths: Mapping[str, Path], phone: bool, was_live: bool) -> None:
    runs = [(run_title(name), cache.run(path)) for name, path in paths.items()]
    live = [(name, run) for name, run in runs if run.state == "training"]
    if was_live and not live:
        st.rerun()
    for name, run in live:
        words = f"{literal(name)}. {state_sentence(run)}"
        st.progress(min(1.0, run.epochs_done / (run.epochs or 1)), words)
    if not figures.charts_of(runs):
        st.info(
            "This run has no training curves: its weights are an average. Choose other runs above."
            if all(run.state == "finished" for _, run in runs)
            else "No curves yet: the first point appears after the first epoch."
        )
        return
    titles = ", ".join(chart.title for chart in figures.charts_of(runs))
    widgets.chart(
        figures.curves_figure(runs, phone),
        key="training_curves",
        alt=f"Training curves over epochs of {', '.join(name for name, _ in runs)}: {titles}",
    )
    st.caption(
        "Training clips are augmented, held-out clips are not, so the network may score higher on "
        "held-out clips. These only monitor training: no epoch is selected by them. Averaged "
        "weights: their exponential moving average (EMA), which is what is kept."
    )
    if len(runs) > 1:
        _compare(runs)


def _compare(runs: Sequence[tuple[str, Run]]) -> None:
    """Draw the latest values of each run; what none of them has is left out."""
    rows = [
        {
            "Run": name,
            "Epochs": f"{run.epochs_done} of {run.epochs or '?'}" if run.curves else "",
            "Training folds": _listed(run.folds),
            "Training loss": _last(run, "train/loss", ".2f"),
            "Held-out accuracy": _last(run, "held_out/accuracy_averaged", ".1%"),
            "Evaluation accuracy": _evaluated(run),
        }
        for name, run in runs
    ]
    told = [column for column in rows[0] if any(row[column] for row in rows)]
    st.dataframe(
        [{column: row[column] or "-" for column in told} for row in rows],
        hide_index=True, alt="Compared runs: last values and evaluations",
    )  # fmt: skip


def _last(run: Run, tag: str, form: str) -> str:
    value = run.last(tag)
    return "" if value is None else f"{value:{form}}".replace("%", " %")


def _evaluated(run: Run) -> str:
    report = run.report
    if report is None:
        return ""
    return f"{_share(report.accuracy, report.standard_error)}, {folds_text(report.folds)}"
