"""How a run of the Training page was set up, in tables: recipe, data, front end, network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from resona_core.training.runs import Run

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
        st.header(title, anchor=False)
        st.table(rows, border="horizontal", alt=title)


def show_setup(run: Run) -> None:
    """Draw what was asked for, and where it ran, folded up."""
    with st.expander("Recipe, data and network", icon=":material/tune:"):
        _show_setup(run)


def _show_setup(run: Run) -> None:
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
