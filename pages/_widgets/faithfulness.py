"""What the Training page shows of how faithful the explanations of a run's network are."""

from __future__ import annotations

import streamlit as st

from pages._shell.text import literal
from pages._widgets.training import fold_command
from resona_core.explain.faithfulness import FIGURES, MEANINGS, SEPARATED, cell
from resona_core.settings import SHIPPED_RUNS
from resona_core.training.evaluation.explained import (
    CONDITIONS,
    ClipCondition,
    Faithfulness,
    FaithfulnessTable,
)
from resona_core.training.runs import Run
from resona_core.words import folds_text, method_name

_TITLES: dict[ClipCondition, str] = {
    "clean": "Clips as they are",
    "contaminated": "Each clip with a fifth of another mixed in",
}

_SEPARATED = (
    " Perfect separation is the mask of one who knows what was mixed in: it explains nothing, but "
    "shows what can be reached."
)


def show_faithfulness(run: Run, found: Faithfulness) -> None:
    """Draw the figures of each method, a table a condition, and the command that makes them."""
    st.header("Are the explanations faithful?", anchor=False)
    st.caption(literal(_origin(found)))
    for table in found.tables:
        st.markdown(f"**{_TITLES[table.condition]}**")
        _table(table)
    st.caption(
        "Means over the clips, and in brackets where 95 % of the means of clips drawn again lie; "
        "what each column says is in its help. The random masks keep as much as the first method, "
        "and know nothing: a method that does no better has explained nothing."
        f"{_SEPARATED if any(SEPARATED in table.methods for table in found.tables) else ''}"
    )
    fold_command("Measure the explanations yourself", bench_command(run, found))


def _table(table: FaithfulnessTable) -> None:
    names = [name for name in FIGURES if any(name in each for each in table.methods.values())]
    rows = [
        {"Method": method_name(method)}
        | {name: cell(figures[name]) if name in figures else "-" for name in names}
        for method, figures in table.methods.items()
    ]
    columns = {name: st.column_config.TextColumn(help=MEANINGS[name]) for name in names}
    method = st.column_config.TextColumn(pinned=True)
    st.dataframe(
        rows, hide_index=True, column_config={"Method": method, **columns},
        alt=f"How faithful each method's explanations are: {_TITLES[table.condition].lower()}",
    )  # fmt: skip


def _origin(found: Faithfulness) -> str:
    """Say on which clips the figures were obtained, and who had learnt from them."""
    parts = [f"{found.clips:,} clips of {folds_text(found.folds)}"]
    for who, learnt in (("network", found.learnt), ("masker", found.masker_learnt)):
        if learnt is not None:
            how_many = {0: "none", found.clips: "all"}.get(learnt, str(learnt))
            parts.append(f"the {who} has learnt from {how_many} of them")
    if found.judge:
        parts.append(f"the outside ear is {found.judge}")
    known = " It is surer of sounds it has learnt from than of others." if found.learnt else ""
    return f"{'; '.join(parts)}.{known} Weights {found.weights}."


def bench_command(run: Run, found: Faithfulness) -> str | None:
    """Return the command that makes, or made, the figures.

    None for an earlier version's run: its weights are not shipped, nor does this program read them.
    """
    conditions = [table.condition for table in found.tables]
    parts = [
        f"python -m resona_core explain-bench --data ESC-50 --folds {_listed(found.folds)}",
        f"--clips {found.clips} --seed {found.seed} --methods {_listed(found.methods)}",
        f"--judge {found.judge}" if found.judge else "",
        "" if len(conditions) == len(CONDITIONS) else f"--condition {_listed(conditions)}",
    ]
    if run.folder.parent != SHIPPED_RUNS:
        folder = run.folder
        parts.append(f"--checkpoint {folder}/model.safetensors --output {folder}/faithfulness.json")
    elif run.folder.name != "shipped":
        return None
    return " ".join(filter(None, parts))


def _listed(parts: tuple[object, ...] | list[ClipCondition]) -> str:
    return ",".join(map(str, parts))
