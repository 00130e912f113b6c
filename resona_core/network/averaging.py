"""Several checkpoints of one network -> one with the mean of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from resona_core.errors import CheckpointError
from resona_core.network.checkpoint import Classifier, load


def average(paths: Sequence[Path]) -> Classifier:
    """Return one classifier whose weights are the mean of several, and their running statistics.

    Meant for networks of one origin, each trained on from another's end through a whole cycle of
    the learning rate; networks that began apart do not average to anything. Its description
    is the last one's, with the folds and the clips of all.

    Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
    Generalization", 2018; the running statistics are averaged too, not measured anew.

    Raises
    ------
    CheckpointError
        For fewer than two checkpoints, as :func:`resona_core.network.checkpoint.load`, and for
        checkpoints that differ in network, classes or front end.
    """
    if len(paths) < 2:
        raise CheckpointError(f"{len(paths)} checkpoint was given; an average needs two or more.")
    classifiers = [load(path) for path in paths]
    result, path = classifiers[-1], paths[-1]
    for other, other_path in zip(classifiers, paths, strict=True):
        for part in ("model", "labels", "front_end"):
            if getattr(other.info, part) != getattr(result.info, part):
                raise CheckpointError(
                    f"{other_path} differs from {path} in its {part.replace('_', ' ')}; only "
                    "checkpoints of one network, one list of classes and one front end average."
                )
    states = [classifier.network.state_dict() for classifier in classifiers]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in states[-1].items()
    }
    result.network.load_state_dict(mean)
    folds = sorted({fold for classifier in classifiers for fold in classifier.info.folds})
    learnt = sorted({one for each in classifiers for one in each.info.learnt_digests})
    result.info = replace(result.info, folds=tuple(folds), learnt=" ".join(learnt))
    return result
