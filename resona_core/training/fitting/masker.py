"""How the masker learns: to draw masks that are faithful, on clips alone and mixed with others.

The classifier never changes, so what it sees of every sound is computed once and kept in memory;
a step then passes only what the masks keep and leave through it.

Source: Paissan et al., "Listenable maps for audio classifiers", ICML 2024, for learning a mask from
what the classifier says of the kept and the left part. Ours differs: log-odds in place of cross
entropy, a price and a floor for the energy, what was mixed in is to be left over, and classes that
do not sound are asked about too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from resona_core.config import TrainConfig
from resona_core.errors import DataError
from resona_core.explain.masker import Masker
from resona_core.explain.masking import (
    Judge,
    energy_share,
    energy_shares,
    odds_of,
    shape_cost,
    unfaithfulness,
)
from resona_core.memory import keep_memory
from resona_core.network.checkpoint import Classifier
from resona_core.training.data.clips import ClipSet, to_float
from resona_core.training.fitting.schedule import learning_rate_at

_BATCH = 8
_MIXED = 0.6  # of the clips
OTHER_SHARE = 0.2
"""Of the amplitude in a mixture; the other clip has the same root mean square."""
_ABSENT, _OTHER = 0.15, 0.1  # questions about a class that does not sound, and about the other clip
_RATE, _DECAY = 3e-3, 0.01
_STEEPEST = 1.0  # gradient
_UNHEARD = 1e-9
_STRAY_WEIGHT = 3.0  # of the share that a mask keeps of what is not of the class


@dataclass(frozen=True, eq=False)
class Seen:
    """What the classifier sees of the clips, and what it says.

    Attributes
    ----------
    decibels : Tensor (clip, 1, mel, frame), half
    shares : Tensor, as `decibels`
        Of each cell's energy, what is the clip's and not that of the clip mixed in.
    stages : list of Tensor (clip, channel, mel, frame)
        Each stage's last layer.
    logits : Tensor (clip, class)
        Before the temperature.
    targets, others : Tensor (clip,)
        The clip's class, and that of the clip mixed in; the same where none is.
    """

    decibels: Tensor
    shares: Tensor
    stages: list[Tensor]
    logits: Tensor
    targets: Tensor
    others: Tensor


def contaminated(waveforms: Tensor, others: Tensor) -> Tensor:
    """Return 0.8 of each sound and 0.2 of another of the same root mean square, (row, sample)."""
    level, other_level = (
        x.square().mean(dim=1, keepdim=True).sqrt().clamp_min(_UNHEARD) for x in (waveforms, others)
    )
    return (1 - OTHER_SHARE) * waveforms + OTHER_SHARE * others * level / other_level


def learn_masker(classifier: Classifier, clips: ClipSet, epochs: int, seed: int) -> Masker:
    """Train a masker for a classifier.

    Parameters
    ----------
    classifier : Classifier
        In eval mode, on the device to train on.
    clips : ClipSet
        Their targets count in the classifier's classes.
    epochs : int
        Times that every clip is heard.
    seed : int

    Raises
    ------
    DataError
        If there are fewer clips than one batch.
    """
    if len(clips) < _BATCH:
        raise DataError(
            f"{len(clips)} clips do not fill one batch of {_BATCH}, from which the masker learns; "
            "add clips or folds."
        )
    keep_memory()
    torch.manual_seed(seed)
    learner = MaskerLearner(classifier, Masker(classifier.network.config))
    generator = torch.Generator().manual_seed(seed)
    seen = learner.see(clips, generator)
    steps = epochs * (len(seen.targets) // _BATCH)
    rates = replace(TrainConfig(), peak_learning_rate=_RATE)
    batches = tqdm(_batches(len(seen.targets), steps, generator), "masker", steps, unit="step")
    average: float | None = None
    for step, indices in enumerate(batches):
        loss = learner.learn(seen, indices, learning_rate_at(step, steps, rates), generator)
        average = loss if average is None else 0.98 * average + 0.02 * loss
        batches.set_postfix(loss=f"{average:.3f}")
    return learner.masker.eval()


class MaskerLearner:
    """A masker, the classifier that judges it, and the optimiser."""

    def __init__(self, classifier: Classifier, masker: Masker) -> None:
        self.judge, self._front_end = Judge(classifier), classifier.front_end
        self.masker = masker.to(self.judge.device).train()
        self.optimizer = torch.optim.AdamW(self.masker.parameters(), weight_decay=_DECAY)

    def see(self, clips: ClipSet, generator: Generator) -> Seen:
        """Return what the classifier sees of each clip, some of them mixed with another."""
        n = len(clips)
        partners = torch.randint(n, (n,), generator=generator)
        mixed = torch.rand(n, generator=generator) < _MIXED
        mixed &= clips.targets[partners] != clips.targets
        parts: list[tuple[Tensor, ...]] = []
        order = torch.split(torch.arange(n), _BATCH)
        for rows in tqdm(order, "what the network sees", unit="batch"):
            sounds, others = (to_float(clips.waveforms[i]) for i in (rows, partners[rows]))
            both = torch.where(mixed[rows, None], contaminated(sounds, others), sounds)
            own = torch.where(mixed[rows, None], (1 - OTHER_SHARE) * sounds, sounds)
            decibels = self.judge.decibels(both)
            stages, logits = self.judge.sees(decibels)
            shares = energy_shares(self._front_end, own, both - own)
            parts.append((decibels.half(), shares.half(), logits, *stages))
        decibels, shares, logits, *stages = (torch.cat(x) for x in zip(*parts, strict=True))
        others = torch.where(mixed, clips.targets[partners], clips.targets)
        return Seen(decibels, shares, stages, logits, clips.targets, others)

    def learn(self, seen: Seen, indices: Tensor, rate: float, generator: Generator) -> float:
        """Learn from some clips; return the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        targets, present = (x.to(self.judge.device) for x in asked(seen, indices, generator))
        decibels = seen.decibels[indices].float()
        energy = self.judge.energy(decibels)
        stages = [stage[indices].float() for stage in seen.stages]
        mask = self.judge.mask(decibels, self.masker(stages, self.judge.rows(targets)))
        kept, rest = self.judge.hears(decibels, mask, targets)
        full = odds_of(seen.logits[indices], targets)
        faults = unfaithfulness(full, kept, rest, present)
        stray = energy_share(energy * strays(seen, indices, targets), mask)
        loss = (faults + shape_cost(energy, mask, present) + _STRAY_WEIGHT * stray).mean()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.masker.parameters(), _STEEPEST)
        self.optimizer.step()
        return float(loss.detach())


def asked(seen: Seen, indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return the class that each clip is asked about, and whether it sounds there, (clip,)."""
    targets, others = seen.targets[indices], seen.others[indices]
    draw = torch.rand(len(indices), generator=generator)
    n_classes = seen.logits.shape[1]
    strange = torch.randint(n_classes, (len(indices),), generator=generator)
    asked_for = torch.where(draw < _ABSENT, strange, targets)
    asked_for = torch.where((draw >= _ABSENT) & (draw < _ABSENT + _OTHER), others, asked_for)
    return asked_for, (asked_for == targets) | (asked_for == others)


def strays(seen: Seen, indices: Tensor, targets: Tensor) -> Tensor:
    """Return which share of each cell's energy is not of the class asked about, as `decibels`.

    Of a class that does not sound it is 0: what its mask keeps is judged by the classifier alone.
    """
    shares = seen.shares[indices].float().to(targets.device)
    of_clip, of_other = (
        (targets == x[indices].to(targets.device))[:, None, None, None]
        for x in (seen.targets, seen.others)
    )
    not_other = torch.where(of_other, shares, torch.zeros_like(shares))
    return torch.where(of_clip, 1 - shares, not_other)


def _batches(n: int, steps: int, generator: Generator) -> Iterator[Tensor]:
    """Yield `steps` batches: every row once, in another order each time, and so on."""
    each = n // _BATCH
    for _ in range(math.ceil(steps / each)):
        order = torch.randperm(n, generator=generator)
        yield from order[: each * _BATCH].reshape(each, _BATCH)
