"""Which cells of the picture an answer rests on: methods that ask the network itself.

All return a picture (mel, frame) of relevance from 0 to 1, 1 being the most relevant cell of this
picture: relevances of two sounds, or of two methods, are not on one scale. The method "mask"
returns the mask itself: what it keeps of each cell.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.explain.drawing import Drawing
from resona_core.explain.explanation import Question, Told
from resona_core.explain.masker import Masker, load_masker
from resona_core.explain.shaping import mask_gain
from resona_core.network.checkpoint import Classifier

_STEPS = 32  # of the path of integrated gradients
_BATCH = 4  # 8 take a tenth less time, and a hundred megabytes more
_PATCH = (24, 32)  # mel bins, frames: a fifth of the height, 0.64 s
_RANDOM_CELLS = (8, 16)
_SHARPEST = 0.99  # integrated gradients of the strongest hundredth of the cells count as 1


class Attribution:
    """Asks a network about its own answers.

    Parameters
    ----------
    classifier : Classifier
        In eval mode; never changed.
    turn : context manager
        Entered for each pass and left between them, so that others get their turn.
    masker : Path or Masker, optional
        What the method "mask" asks; a file, which must be of these weights, is read when first
        needed.
    """

    def __init__(
        self,
        classifier: Classifier,
        turn: AbstractContextManager[object],
        masker: Path | Masker = Path(),
    ) -> None:
        self._classifier, self._turn = classifier, turn
        self._front_end, self._network = classifier.front_end, classifier.network
        self._masker = masker

    def relevance(
        self, samples: Tensor, target: int, question: Question, told: Told
    ) -> NDArray[np.float32]:
        """Return the relevance of each cell for the class `target`, (mel, frame), 0 to 1.

        Parameters
        ----------
        samples : Tensor (sample,)
            One window.
        target : int
        question : Question
            Says by which method, and for Grad-CAM at which layer.
        told : callable

        Raises
        ------
        RequestError
            For a layer that does not exist.
        CheckpointError
            For the method "mask" without a masker of these weights.
        """
        if question.method == "mask":
            mask = self._drawing.mask(samples, target, told)
            return np.asarray(mask.cpu().numpy(), dtype=np.float32)
        with self._turn, torch.no_grad():
            picture = self._front_end(samples[None].to(self._front_end.filters.device))
        match question.method:
            case "grad-cam":
                layer = question.layer or self._network.layer_names[-1]
                found = self._grad_cam(picture, target, layer)
            case "integrated-gradients":
                found = self._integrated_gradients(picture, target, told)
            case "occlusion":
                found = self._occlusion(picture, target, told)
            case "energy":
                found = picture[0, 0] - self._silence
            case "random":
                found = _random(picture.shape[2:]).to(picture.device)
        found = found.clamp_min(0)
        shares = found / found.max().clamp_min(1e-12)
        return np.asarray(shares.cpu().numpy(), dtype=np.float32)

    def channel_shares(
        self, samples: NDArray[np.float32], target: int, layer: str
    ) -> NDArray[np.float32]:
        """Return each channel's share in a class's logit, (channel,); see `Engine.channel_shares`.

        Source: Selvaraju et al., "Grad-CAM", 2017, without averaging the gradient first.
        """
        with self._turn, torch.enable_grad():
            heard = torch.from_numpy(np.ascontiguousarray(samples))[None]
            picture = self._front_end(heard.to(self._front_end.filters.device)).requires_grad_()
            features, kept = self._network.forward_intermediates(picture, [layer])
            logit = self._network.forward_head(features)[:, target].sum()
            (gradient,) = torch.autograd.grad(logit, kept[layer])
            influence = (gradient * kept[layer]).sum(dim=(0, 2, 3)).detach()
        total = influence.abs().sum().clamp_min(1e-12)
        return np.asarray((influence / total).cpu().numpy(), dtype=np.float32)

    def _grad_cam(self, picture: Tensor, target: int, layer: str) -> Tensor:
        """Weigh a layer's channels by their mean gradient, and lay their sum over the picture.

        Source: Selvaraju et al., "Grad-CAM", 2017.
        """
        with self._turn, torch.enable_grad():
            features, kept = self._network.forward_intermediates(picture.requires_grad_(), [layer])
            logit = self._network.forward_head(features)[:, target].sum()
            (gradient,) = torch.autograd.grad(logit, kept[layer])
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        cells = (weights * kept[layer].detach()).sum(dim=(0, 1))
        stride = next(i.stride for i in self._network.layer_infos() if i.name == layer)
        return _laid_over(cells, (0, 0), (stride, stride), picture.shape[2:])

    def _integrated_gradients(self, picture: Tensor, target: int, told: Told) -> Tensor:
        """Sum the gradient on the way from silence to the picture; what speaks for the class.

        Source: Sundararajan et al., "Axiomatic attribution for deep networks", 2017, by the
        middles of equal steps; their sum, not their mean, as relevance has no unit.
        """
        silence = torch.full_like(picture, self._silence)
        middles = (torch.arange(_STEPS, device=picture.device) + 0.5) / _STEPS
        total = torch.zeros_like(picture)
        for i, shares in enumerate(torch.split(middles, _BATCH)):
            on_the_way = silence + shares[:, None, None, None] * (picture - silence)
            with self._turn, torch.enable_grad():
                on_the_way.requires_grad_()
                logits = self._network(on_the_way)[:, target].sum()
                (gradient,) = torch.autograd.grad(logits, on_the_way)
            total += gradient.sum(dim=0)
            told((i + 1) * _BATCH / _STEPS)
        speaks_for = ((picture - silence) * total)[0, 0].clamp_min(0)
        return speaks_for.clamp_max(float(speaks_for.flatten().quantile(_SHARPEST)) or torch.inf)

    def _occlusion(self, picture: Tensor, target: int, told: Told) -> Tensor:
        """Silence one patch after another; what the class's log-odds lose by it.

        Patches overlap by half. Source: Zeiler & Fergus, "Visualizing and understanding
        convolutional networks", 2014.
        """
        height, width = picture.shape[2:]
        rows = range(0, height - _PATCH[0] // 2, _PATCH[0] // 2)
        columns = range(0, width - _PATCH[1] // 2, _PATCH[1] // 2)
        corners = [(row, column) for row in rows for column in columns]
        with self._turn, torch.no_grad():
            whole = log_odds(self._network(picture), target)
        losses = []
        for first in range(0, len(corners), _BATCH):
            some = corners[first : first + _BATCH]
            patched = torch.cat([picture] * len(some))
            for i, (row, column) in enumerate(some):
                patched[i, :, row : row + _PATCH[0], column : column + _PATCH[1]] = self._silence
            with self._turn, torch.no_grad():
                losses.append(whole - log_odds(self._network(patched), target))
            told((first + len(some)) / len(corners))
        cells = torch.cat(losses).reshape(len(rows), len(columns))
        middle = ((_PATCH[0] - 1) / 2, (_PATCH[1] - 1) / 2)
        return _laid_over(cells, middle, (rows.step, columns.step), picture.shape[2:])

    @cached_property
    def _drawing(self) -> Drawing:
        masker = self._masker
        if isinstance(masker, Path):
            masker, _ = load_masker(masker, self._network)
        return Drawing(self._classifier, masker, self._turn)

    @property
    def _silence(self) -> float:
        """What the picture shows where nothing sounds."""
        config = self._front_end.config
        return (-config.top_db - config.mean_db) / config.std_db


def log_odds(logits: Tensor, target: int) -> Tensor:
    """Return the logit of `target` above the others together, (row,), for (row, class)."""
    others = torch.cat([logits[:, :target], logits[:, target + 1 :]], dim=1)
    return logits[:, target] - others.logsumexp(dim=1)


def _laid_over(
    cells: Tensor, first: tuple[float, float], step: tuple[float, float], shape: torch.Size
) -> Tensor:
    """Return coarse cells (row, column) as a smooth picture of that shape.

    `first` and `step` say on which row and column of the picture the first cell is centred, and
    how far it is to the next. What speaks against the class counts as nothing.
    """
    rows, columns = (
        a + b * np.arange(n, dtype=float) for a, b, n in zip(first, step, cells.shape, strict=True)
    )
    laid = mask_gain(cells.clamp_min(0).cpu().numpy(), rows, columns)
    smooth = laid(np.arange(shape[0], dtype=float), np.arange(shape[1], dtype=float))
    return torch.from_numpy(smooth).to(cells)


def _random(shape: torch.Size) -> Tensor:
    """Return smooth noise, the same each time."""
    cells = torch.rand(_RANDOM_CELLS, generator=torch.Generator().manual_seed(0))
    step = (shape[0] / _RANDOM_CELLS[0], shape[1] / _RANDOM_CELLS[1])
    return _laid_over(cells, (0, 0), step, shape)
