"""How faithful and how honest every method's explanations are: ``explain-bench``."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import Add, fold_list, settings_of
from resona_core.commands.clip_journal import ClipJournal
from resona_core.commands.loading import loading
from resona_core.commands.masker import add_data, digests, table_of
from resona_core.commands.outputs import (
    EXPLANATION_BENCH,
    check_folder_of,
    check_output,
)
from resona_core.commands.printing import say
from resona_core.errors import RequestError
from resona_core.explain.explanation import METHODS, Method, masker_path
from resona_core.training.evaluation.explained import CONDITIONS
from resona_core.training.fitting.run_folder import write_json

if TYPE_CHECKING:
    from resona_core.explain.masker import Masker, MaskerInfo
    from resona_core.network.checkpoint import Classifier
    from resona_core.network.description import CheckpointInfo
    from resona_core.training.data.clip_table import ClipTable
    from resona_core.training.data.clips import ClipSet
    from resona_core.training.evaluation.explained import (
        ClipCondition,
        Faithfulness,
        FaithfulnessTable,
    )
    from resona_core.training.explanation_bench import Ear, ExplanationBench


def add_to(add: Add) -> None:
    """Add the command."""
    one = add("explain-bench", explain_bench)
    add_data(one)
    one.add_argument(
        "--folds", type=fold_list, required=True, metavar="N", help="folds to explain clips of"
    )
    one.add_argument("--clips", type=int, default=60, metavar="K", help="how many (default: 60)")
    one.add_argument(
        "--methods", type=_methods, default=("mask", *(m for m in METHODS if m != "mask")),
        metavar="NAME,NAME", help="methods; chance keeps as much as the first one (default: all)",
    )  # fmt: skip
    one.add_argument(
        "--judge", type=Path, metavar="FILE",
        help="weights of an EfficientAT network, whose ear judges the parts; it learns the classes "
        "from the other folds (default: none)",
    )  # fmt: skip
    one.add_argument(
        "--condition", choices=CONDITIONS, help="clips as they are, or with a fifth of another "
        "mixed in (default: first the one, then the other)",
    )  # fmt: skip
    one.add_argument(
        "--output", type=Path, metavar="X.json",
        help="also write every figure; stopped, the same command goes on",
    )  # fmt: skip


def explain_bench(options: argparse.Namespace) -> int:
    """Measure how faithful and how honest each method's explanations are (minutes to hours).

    With --output, what is stopped goes on where it was when the same command is given again.
    """
    with loading():
        from resona_core.explain.faithfulness import table
        from resona_core.explain.masker import load_masker
        from resona_core.network import checkpoint
        from resona_core.training.data.clips import load_clips
        from resona_core.training.explanation_bench import ExplanationBench
    weights = settings_of(options).checkpoint
    if options.output:
        check_output(options.output, EXPLANATION_BENCH, [options.data, weights], options.force)
        check_folder_of(options.output)
    classifier = checkpoint.load(weights)
    masker, info = None, None
    if "mask" in options.methods:
        masker, info = load_masker(masker_path(weights), classifier.network)
    all_clips = table_of(options.data, classifier.info)
    clips = load_clips(_some(all_clips.folds(options.folds), options), classifier.info.front_end)
    found = _about(options, classifier, info, clips)
    say("note", _learnt(found, clips, classifier.info))
    with _journal(options, found, clips, masker) as journal:
        ear = _ear(all_clips, options, classifier.info) if options.judge else None
        bench = ExplanationBench(classifier, masker, ear, options.seed)
        for condition in [options.condition] if options.condition else CONDITIONS:
            measured = _measured(bench, clips, condition, found, journal)
            print(f"{condition}, {len(clips)} clips\n\n{table(measured.methods)}\n", flush=True)
            found = replace(found, tables=(*found.tables, measured))
        if options.output:
            write_json(options.output, found.to_dict())
    journal.forget()
    return 0


def _about(
    options: argparse.Namespace, classifier: Classifier, masker: MaskerInfo | None, clips: ClipSet
) -> Faithfulness:
    """Return what is measured, of what and on what; nothing is measured yet."""
    from resona_core.explain.masker import weights_digest
    from resona_core.training.evaluation.explained import Faithfulness

    return Faithfulness(
        clips=len(clips),
        folds=options.folds,
        seed=options.seed,
        weights=weights_digest(classifier.network),
        tables=(),
        checkpoint=classifier.info.name,
        methods=options.methods,
        judge=options.judge.name if options.judge else "",
        learnt=_count(clips, classifier.info.learnt),
        masker_learnt=_count(clips, masker.learnt) if masker else None,
    )


def _journal(
    options: argparse.Namespace, found: Faithfulness, clips: ClipSet, masker: Masker | None
) -> ClipJournal:
    """Return what an earlier call has measured of the same, beside the file to write."""
    from resona_core.explain.masker import weights_digest

    told = ("weights", "checkpoint", "clips", "seed", "judge", "learnt", "masker_learnt")
    same = {name: getattr(found, name) for name in told}
    same |= {"folds": _listed(found.folds), "methods": _listed(found.methods)}
    same |= {"masker": weights_digest(masker) if masker else ""}
    same |= {"data": hashlib.sha256(" ".join(digests(clips)).encode()).hexdigest()[:12]}
    path = options.output.with_suffix(".clips.jsonl") if options.output else None
    journal = ClipJournal(path, same)
    if journal.found:
        say("note", f"{len(journal.found)} clips were measured before; the rest is measured now.")
    return journal


def _measured(
    bench: ExplanationBench,
    clips: ClipSet,
    condition: ClipCondition,
    found: Faithfulness,
    journal: ClipJournal,
) -> FaithfulnessTable:
    """Measure all clips in a condition that the journal lacks; return the figures of all."""
    from tqdm import tqdm

    from resona_core.explain.faithfulness import figures
    from resona_core.training.evaluation.explained import FaithfulnessTable
    from resona_core.training.explanation_bench import mixtures

    mixed = mixtures(clips, range(len(clips)), condition == "contaminated", found.seed)
    names = [f"{condition} {number}" for number in range(len(clips))]
    bar = tqdm(names, condition, unit="clip", file=sys.stderr)
    for name, mixture in zip(bar, mixed, strict=True):
        if name not in journal.found:
            trials = bench.trials(mixture, found.methods)
            journal.add(name, {method: trial.values() for method, trial in trials.items()})
    of_clips = [journal.found[name] for name in names]
    return FaithfulnessTable(
        condition,
        {
            method: figures([each[method] for each in of_clips], found.seed)
            for method in of_clips[0]
        },
    )


def _some(clips: ClipTable, options: argparse.Namespace) -> ClipTable:
    """Return as many clips as asked for: of every class equally many, as far as that goes."""
    from resona_core.training.data.clip_table import ClipTable

    if options.clips < 2:
        raise RequestError(f"{options.clips} clips cannot be mixed; give 2 or more.")
    if len(labels := set(clips.table["label"])) == 1:
        raise RequestError(
            f"All clips of these folds are of one class, {labels.pop()}, and each is to be mixed "
            "with one of another class; give other --folds."
        )
    shuffled = clips.table.sample(frac=1, random_state=options.seed)
    turn = shuffled.groupby("label").cumcount()
    order = turn.sort_values(kind="stable").index[: options.clips]
    return ClipTable(shuffled.loc[order], clips.labels)


def _count(clips: ClipSet, learnt: str) -> int | None:
    """Return how many of the clips are among those that were learnt from; None: not known."""
    return len(set(digests(clips)) & set(learnt.split())) if learnt else None


def _learnt(found: Faithfulness, clips: ClipSet, network: CheckpointInfo) -> str:
    """Say which of the clips network and masker have learnt from."""
    from resona_core.training.evaluation.learnt import unlearnt

    masker = found.masker_learnt
    told = "" if masker is None else f"the masker has learnt {masker} of {found.clips} clips"
    if found.learnt is not None:
        network_told = f"the network has learnt {found.learnt} of {found.clips} clips."
    else:
        assert clips.table is not None
        network_told = (
            unlearnt(clips.table, network).warning or "what the network has learnt is not known."
        )
    return "; ".join(filter(None, (told, network_told)))


def _listed(parts: Sequence[object]) -> str:
    return ",".join(map(str, parts))


def _ear(clips: ClipTable, options: argparse.Namespace, info: CheckpointInfo) -> Ear:
    """Return what a tagger hears that has learnt the classes from the folds not asked for."""
    from torch.nn import functional as F  # noqa: N812 - torch's own convention

    from resona_core.training.data.clips import load_clips
    from resona_core.training.fitting.tagger import load_tagger
    from resona_core.training.fitting.teaching import Teacher, learn_ear

    others = [fold for fold in sorted(set(clips.table["fold"])) if fold not in options.folds]
    if not others:
        raise RequestError("No fold is left for the judge to learn from; leave one out of --folds.")
    heard = load_clips(clips.folds(others), info.front_end)
    teacher = Teacher(load_tagger(options.judge), len(info.labels), info.front_end.sample_rate_hz)
    targets = F.one_hot(heard.targets, len(info.labels)).float()
    return learn_ear(teacher, heard.waveforms, targets, info.training).hears


def _methods(text: str) -> tuple[Method, ...]:
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in METHODS]:
        raise argparse.ArgumentTypeError(
            f"there is no method {', '.join(unknown)}; the methods are {', '.join(METHODS)}"
        )
    return tuple(dict.fromkeys(wanted))  # type: ignore[arg-type] # each is one of METHODS
