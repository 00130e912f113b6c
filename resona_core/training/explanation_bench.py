"""Every method on the same clips, clean and mixed with others: the table of `explain-bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import nan
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.explain.attribution import Attribution
from resona_core.explain.explanation import Method, Question
from resona_core.explain.faithfulness import SEPARATED, Trial, change, gain_db, matched
from resona_core.explain.masker import Masker
from resona_core.explain.masking import energy_shares
from resona_core.explain.shaping import mask_gain, shaped
from resona_core.network.checkpoint import Classifier
from resona_core.network.front_end import frequencies_hz, times_s
from resona_core.network.model import AudioResNet
from resona_core.sound.windows import is_silent
from resona_core.training.data.clips import ClipSet, to_float
from resona_core.training.fitting.masker import contaminated

Floats = NDArray[np.float32]
Ear = Callable[[Tensor], Tensor]
"""Waveforms (batch, sample) -> probabilities (batch, class)."""

AREA, ENERGY = "random, same area", "random, same energy"
_QUIETEST = 1e-6  # a part with no higher peak is silence, in which no class sounds


@dataclass(frozen=True, eq=False)
class Mixture:
    """A sound and what was mixed into it: they add up to what is heard.

    `other` is None for a clean clip. `label` and `other_label` count in the network's classes;
    `number` tells it from the others.
    """

    wanted: Floats
    label: int
    other: Floats | None = None
    other_label: int = -1
    number: int = 0

    @property
    def heard(self) -> Floats:
        """Both together."""
        return self.wanted if self.other is None else self.wanted + self.other


def mixtures(clips: ClipSet, chosen: Sequence[int], mixed: bool, seed: int) -> Iterator[Mixture]:
    """Yield some of the clips, each with a fifth of a clip of another class if `mixed`."""
    source = np.random.default_rng(seed)
    targets = clips.targets.numpy()
    for index in chosen:
        wanted = to_float(clips.waveforms[index])
        label = int(targets[index])
        partner = int(source.choice(np.flatnonzero(targets != label)))
        if not mixed:
            yield Mixture(wanted.numpy(), label, number=index)
            continue
        (both,) = contaminated(wanted[None], to_float(clips.waveforms[partner])[None])
        (share,) = contaminated(wanted[None], torch.zeros_like(wanted)[None])
        other = (both - share).numpy()
        yield Mixture(share.numpy(), label, other, int(targets[partner]), index)


class ExplanationBench:
    """Explains mixtures by a method, and measures what comes of it.

    Parameters
    ----------
    classifier : Classifier
        In eval mode, on the CPU.
    masker : Masker, optional
        Of its weights; only the method "mask" needs it.
    ear : callable, optional
        Another network that knows the same classes.
    seed : int
        Decides the random weights, and which absent class is asked about.
    """

    def __init__(
        self, classifier: Classifier, masker: Masker | None = None, ear: Ear | None = None,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self._classifier, self._ear = classifier, ear
        self._asked = Attribution(classifier, nullcontext(), masker or Path())
        torch.manual_seed(seed)
        strange = Classifier(classifier.info, AudioResNet(classifier.info.model))
        strange.eval().requires_grad_(False)
        self._strange = Attribution(strange, nullcontext(), masker or Path())
        self._seed = seed

    def trials(self, mixture: Mixture, methods: Sequence[Method]) -> dict[str, Trial]:
        """Explain one mixture by each method; then by chance, as large and as loud as the first.

        Where another sound is mixed in, what a perfect separation keeps comes last.
        """
        (full,) = self._probabilities([mixture.heard])
        target = int(full.argmax())
        masks: dict[str, tuple[Floats, dict[str, float]]] = {}
        for method in methods:
            started = perf_counter()
            mask = self._mask(self._asked, mixture, target, method)
            known = {"seconds": perf_counter() - started}
            known["change"] = change(mask, self._mask(self._strange, mixture, target, method))
            known["false_probability"] = self._false(mixture, target, method)
            masks[method] = (mask, known)
        found = {
            name: self._trial(mixture, target, full, mask, known)
            for name, (mask, known) in masks.items()
        }
        first = found[methods[0]]
        for name, mask in self._blind(mixture, first).items():
            found[name] = self._trial(mixture, target, full, mask, {})
        if mixture.other is not None:
            mask = self._separated(mixture.wanted, mixture.other)
            found[SEPARATED] = self._trial(mixture, target, full, mask, {})
        return found

    def _trial(
        self, mixture: Mixture, target: int, full: Floats, mask: Floats, known: dict[str, float]
    ) -> Trial:
        heard = mixture.heard
        sources = [part for part in (mixture.wanted, mixture.other) if part is not None]
        parts = [self._through(mask, source) for source in sources]
        kept: Floats = np.sum(parts, axis=0, dtype=np.float32)  # a mask is linear
        rest = heard - kept
        inside, outside = self._probabilities([kept, rest])
        ears: tuple[float, ...] = (nan, nan, nan)
        rises = nan
        if target == mixture.label:  # what is asked about is what was recorded
            ears = self._hears([heard, kept, rest], target)
            if len(sources) == 2:
                rises = gain_db((sources[0], parts[0]), (sources[1], parts[1]))
        return Trial(
            full=full, kept=inside, rest=outside, target=target,
            energy_kept=float(np.var(kept) / max(float(np.var(heard)), 1e-30)),
            area_kept=float(mask.mean()), gain_db=rises,
            ear_whole=ears[0], ear_kept=ears[1], ear_rest=ears[2],
            **known,
        )  # fmt: skip

    def _mask(self, asked: Attribution, mixture: Mixture, target: int, method: Method) -> Floats:
        heard = torch.from_numpy(mixture.heard)
        return asked.relevance(heard, target, Question(method=method), lambda done: None)

    def _false(self, mixture: Mixture, target: int, method: Method) -> float:
        """Return the probability of a class that does not sound, in the mask drawn for it.

        Every method is asked about the same one; NaN where every class sounds.
        """
        sounding = {target, mixture.label, mixture.other_label}
        others = [i for i in range(len(self._classifier.info.labels)) if i not in sounding]
        if not others:
            return nan
        absent = int(np.random.default_rng((self._seed, mixture.number)).choice(others))
        mask = self._mask(self._asked, mixture, absent, method)
        (kept,) = self._probabilities([self._through(mask, mixture.heard)])
        return float(kept[absent])

    def _blind(self, mixture: Mixture, equal: Trial) -> dict[str, Floats]:
        """Return random masks that keep as much area, and as much energy, as a method does."""
        noise = self._mask(self._asked, mixture, equal.target, "random")  # the same for all classes
        with torch.no_grad():
            front_end = self._classifier.front_end
            (decibels,) = front_end.decibels(torch.from_numpy(mixture.heard)[None]).numpy()
        power = np.power(10, decibels / 10, dtype=np.float32)
        loud = matched(noise**2, power, equal.energy_kept) ** 0.5
        return {AREA: matched(noise, np.ones_like(noise), equal.area_kept), ENERGY: loud}

    def _separated(self, wanted: Floats, other: Floats) -> Floats:
        wanted_part, other_part = (torch.from_numpy(x)[None] for x in (wanted, other))
        ((share,),) = energy_shares(self._classifier.front_end, wanted_part, other_part).numpy()
        return np.asarray(share, dtype=np.float32)

    def _through(self, mask: Floats, samples: Floats) -> Floats:
        """Return what a mask keeps of a sound."""
        front_end = self._classifier.front_end
        shape = mask_gain(mask, frequencies_hz(front_end.config), times_s(front_end.config))
        return shaped(samples, front_end.config.sample_rate_hz, shape)

    @torch.no_grad()
    def _probabilities(self, sounds: Sequence[Floats]) -> Floats:
        """Return the classes' probabilities, (sound, class); 0 for silence."""
        logits = self._classifier(torch.from_numpy(np.stack(sounds)))
        found = self._classifier.probabilities(logits).numpy()
        found[[is_silent(samples, _QUIETEST) for samples in sounds]] = 0
        return np.asarray(found, dtype=np.float32)

    def _hears(self, sounds: Sequence[Floats], label: int) -> tuple[float, ...]:
        """Return 1 for each sound in which the ear hears the class, else 0; NaN without an ear."""
        if self._ear is None:
            return (nan,) * len(sounds)
        found = self._ear(torch.from_numpy(np.stack(sounds))).argmax(dim=1).tolist()
        silent = [is_silent(samples, _QUIETEST) for samples in sounds]
        return tuple(
            float(i == label and not quiet) for i, quiet in zip(found, silent, strict=True)
        )
