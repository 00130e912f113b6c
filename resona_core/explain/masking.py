"""What a mask over the picture does to the sound, and how faithful it is: both differentiable."""

from __future__ import annotations

from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.config import FrontEndConfig
from resona_core.explain.masker import stage_ends
from resona_core.network.checkpoint import Classifier
from resona_core.network.front_end import TINY_POWER, frequencies_hz
from resona_core.network.precision import fast_copy
from resona_core.network.spectrogram import LogMel

_SILENT_GAIN = 1e-4  # -80 dB
ABSENT = -2.0  # log-odds at which a class counts as absent
LEARNING_PRICE = 4.0  # of keeping all the energy, while the masker learns
_AREA_WEIGHT, _EDGE_WEIGHT = 1.5, 2.0
_ENERGY_FLOOR, _FLOOR_WEIGHT = 0.6, 4.0


class Judge:
    """A classifier that is asked many times what it hears in parts of a sound.

    It answers from a fast copy and without the temperature: for gradients, not for figures that
    are shown.

    Parameters
    ----------
    classifier : Classifier
        In eval mode; never changed.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._front_end, self._network = classifier.front_end, fast_copy(classifier.network)
        self._last = classifier.network.fc
        self._layers = stage_ends(classifier.network.config)
        infos = {info.name: info.stride for info in classifier.network.layer_infos()}
        self._stride = infos[self._layers[0]]
        self.device = self._front_end.filters.device
        self._widths_hz = torch.from_numpy(widths_hz(classifier.info.front_end)).to(self.device)

    @torch.no_grad()
    def decibels(self, waveforms: Tensor) -> Tensor:
        """Return the pictures of (batch, sample) in decibels, (batch, 1, mel, frame)."""
        decibels: Tensor = self._front_end.decibels(waveforms.to(self.device))
        return decibels[:, None]

    def energy(self, decibels: Tensor) -> Tensor:
        """Return how much of the sound's energy is in each cell, relative; as `decibels`.

        The picture itself is a density: each mel filter's weights have the same sum, so a wide
        band high up shows as much as a narrow one that holds a fraction of its energy.
        """
        return 10 ** (decibels / 10) * self._widths_hz[:, None]

    @torch.no_grad()
    def sees(self, decibels: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return each stage's last layer, and the logits, before the temperature."""
        picture = self._front_end.normalise(decibels[:, 0]).to(self._network.fc.weight.dtype)
        features, kept = self._network.forward_intermediates(picture, self._layers)
        return [kept[name] for name in self._layers], self._logits(features)

    def rows(self, targets: Tensor) -> Tensor:
        """Return what stands for the classes: their rows of the last layer, (batch, channel)."""
        return self._last.weight.detach()[targets]

    def mask(self, decibels: Tensor, log_odds: Tensor) -> Tensor:
        """Return the mask over the picture, 0 to 1, for the masker's log-odds."""
        return over_picture(log_odds, (decibels.shape[2], decibels.shape[3]), self._stride)

    def hears(self, decibels: Tensor, mask: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the targets' log-odds in what the mask keeps and in what it leaves, (batch,)."""
        config = self._front_end.config
        parts = torch.cat([masked(decibels, gain, config) for gain in (mask, 1 - mask)])
        parts = parts.to(self._network.fc.weight.dtype, memory_format=torch.channels_last)
        logits = self._logits(self._network.forward_features(parts))
        kept, rest = odds_of(logits, targets.repeat(2)).chunk(2)
        return kept, rest

    def _logits(self, features: Tensor) -> Tensor:
        embedding = self._network.embedding(features).float()
        return F.linear(embedding, self._last.weight, self._last.bias)


def over_picture(log_odds: Tensor, shape: tuple[int, int], stride: int) -> Tensor:
    """Lay log-odds of coarse cells over the picture; return the mask, 0 to 1.

    Parameters
    ----------
    log_odds : Tensor (batch, 1, row, column)
        Cell i is centred on row or column i * stride of the picture.
    shape : (int, int)
        Mel bins and frames of the picture; no fewer than up to the last cell's centre.
    stride : int

    Returns
    -------
    Tensor (batch, 1, mel, frame)
    """
    rows, columns = log_odds.shape[2:]
    size = ((rows - 1) * stride + 1, (columns - 1) * stride + 1)
    laid = F.interpolate(log_odds, size=size, mode="bilinear", align_corners=True)
    missing = (0, shape[1] - size[1], 0, shape[0] - size[0])
    return F.pad(laid, missing, mode="replicate").sigmoid()


def masked(decibels: Tensor, gain: Tensor, front_end: FrontEndConfig) -> Tensor:
    """Return the normalised picture of a sound whose spectrum is multiplied by `gain`.

    As the front end does it: in decibels re the loudest cell that is left, cut below.

    Parameters
    ----------
    decibels : Tensor (batch, 1, mel, frame)
        Of the whole sound.
    gain : Tensor (batch, 1, mel, frame), 0 to 1
        Of amplitudes.
    front_end : FrontEndConfig
    """
    left = decibels + 20 * torch.log10(gain.clamp_min(_SILENT_GAIN))
    left = (left - left.amax(dim=(2, 3), keepdim=True)).clamp_min(-front_end.top_db)
    return (left - front_end.mean_db) / front_end.std_db


def energy_shares(front_end: LogMel, sounds: Tensor, others: Tensor) -> Tensor:
    """Return of each cell of a mixture's picture how much of the energy is the one sound's.

    Parameters
    ----------
    front_end : LogMel
    sounds, others : Tensor (batch, sample)
        They add up to the mixture.

    Returns
    -------
    Tensor (batch, 1, mel, frame), 0 to 1
        1 where nothing sounds.
    """
    filters = front_end.filters
    own, other = (filters @ front_end.power(x.to(filters.device)) for x in (sounds, others))
    shares: Tensor = (own + TINY_POWER) / (own + other + TINY_POWER)
    return shares[:, None]


def widths_hz(front_end: FrontEndConfig) -> NDArray[np.float32]:
    """Return how wide each mel bin is, (mel,), by the distance of its neighbours' centres."""
    return np.gradient(frequencies_hz(front_end)).astype(np.float32)


def odds_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the log-odds of each row's own target, (row,), for logits (row, class)."""
    own = F.one_hot(targets, logits.shape[1]).bool()
    wanted = logits.masked_select(own)
    return wanted - logits.masked_fill(own, -torch.inf).logsumexp(dim=1)


def energy_share(energy: Tensor, mask: Tensor) -> Tensor:
    """Return the share of the energy in the cells that a mask keeps, (batch,), 0 to 1.

    Parameters
    ----------
    energy : Tensor (batch, 1, mel, frame)
        As :meth:`Judge.energy` has it; where it is 0 throughout, nothing is kept: 0.
    mask : Tensor, as `energy`
        Of amplitudes.
    """
    return (energy * mask.square()).sum(dim=(1, 2, 3)) / _all_of(energy)


def _all_of(energy: Tensor) -> Tensor:
    return energy.sum(dim=(1, 2, 3)).clamp_min(1e-20)


def unfaithfulness(
    full: Tensor, kept: Tensor, rest: Tensor, present: Tensor, surer: float = 1.0
) -> Tensor:
    """Return how far the parts are from what a faithful mask makes of them, (batch,).

    Parameters
    ----------
    full, kept, rest : Tensor (batch,)
        Log-odds of the class in the whole sound, in what is kept and in what is left over.
    present : Tensor (batch,), bool
        Whether the class sounds; where it does not, nothing that is kept may sound like it.
    """
    wanted = F.softplus(full + surer - kept) + F.softplus(rest - ABSENT)
    return torch.where(present, wanted, F.softplus(kept - ABSENT))


def shape_cost(
    energy: Tensor, mask: Tensor, present: Tensor, price: float = LEARNING_PRICE
) -> Tensor:
    """Return what a mask costs by itself, (batch,): area, edges, energy, and too little of it.

    Without a price, a mask keeps all that could hold anything of the class; without a floor, it may
    keep a whisper that only this network takes for the class. The price counts amplitudes: counted
    as energies, a mask of 0.9 everywhere would save a fifth, and nobody would hear it.

    Parameters
    ----------
    energy, mask : Tensor (batch, 1, mel, frame)
        As for :func:`energy_share`.
    present : Tensor (batch,), bool
        Whether the class sounds; else there is no floor.
    price : float
        Of keeping all the energy.
    """
    area = mask.mean(dim=(1, 2, 3))
    edges = mask.diff(dim=2).abs().mean(dim=(1, 2, 3)) + mask.diff(dim=3).abs().mean(dim=(1, 2, 3))
    loud = (energy * mask).sum(dim=(1, 2, 3)) / _all_of(energy)
    missing = F.relu(log(_ENERGY_FLOOR) - energy_share(energy, mask).clamp_min(1e-6).log())
    floor = _FLOOR_WEIGHT * missing * present
    return _AREA_WEIGHT * area + _EDGE_WEIGHT * edges + price * loud + floor
