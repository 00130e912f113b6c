"""Where relevance lies, to the cell, and how much of it there is."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resona_core.config import FrontEndConfig
from resona_core.explain.attribution import Attribution
from resona_core.explain.explanation import Method, Question
from resona_core.network.checkpoint import Classifier
from resona_core.network.spectrogram import LogMel

HISS = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32))


class Cells(nn.Module):
    """Says class 1 the louder some cells of the picture are together."""

    def __init__(self, *cells: tuple[int, int]) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, x: Tensor) -> Tensor:
        loud = torch.stack([x[:, 0, row, column] for row, column in self.cells]).sum(dim=0)
        return torch.stack([-loud, loud, torch.zeros_like(loud)], dim=1)


class Toy:
    """A classifier of that network."""

    def __init__(self, front_end: FrontEndConfig, *cells: tuple[int, int]) -> None:
        self.front_end, self.network = LogMel(front_end), Cells(*cells)


def _relevance(
    front_end: FrontEndConfig, method: Method, *cells: tuple[int, int], told: list[float]
) -> NDArray[np.float32]:
    asked = Attribution(Toy(front_end, *cells), nullcontext())  # type: ignore[arg-type]
    samples = HISS[: front_end.window_samples]
    return asked.relevance(samples, 1, Question(method=method), told.append)


@pytest.mark.parametrize("cell", [(0, 0), (0, 50), (31, 0), (31, 50)])
def test_what_lies_in_a_corner_is_silenced_too(
    cell: tuple[int, int], tiny_front_end: FrontEndConfig
) -> None:
    found = _relevance(tiny_front_end, "occlusion", cell, told=[])
    assert found[cell] == pytest.approx(1)
    assert found[31 - cell[0], 50 - cell[1]] == pytest.approx(0)


def test_what_speaks_for_a_class_counts_though_nearly_all_speaks_against_it(
    tiny_front_end: FrontEndConfig,
) -> None:
    """Of 1632 cells two do, the one by 1.9 of what it rises over silence, the other by 0.9."""

    class Against(Cells):
        def forward(self, x: Tensor) -> Tensor:
            return (
                super().forward(x) - 0.1 * torch.tensor([0, 1, 0]) * x.sum(dim=(1, 2, 3))[:, None]
            )

    toy = Toy(tiny_front_end)
    toy.network = Against((3, 9), (20, 40), (3, 9))
    asked = Attribution(toy, nullcontext())  # type: ignore[arg-type]
    found = asked.relevance(HISS, 1, Question(method="integrated-gradients"), lambda done: None)
    assert np.flatnonzero(found).tolist() == [3 * 51 + 9, 20 * 51 + 40]
    picture = toy.front_end(HISS[None])[0, 0] - (-80 + 50) / 20  # over silence
    ratio = float(0.9 * picture[20, 40] / (1.9 * picture[3, 9]))
    assert [found[20, 40] / found[3, 9], found.max()] == pytest.approx([ratio, 1])


@pytest.mark.parametrize(
    ("height", "width", "patches"),
    [(32, 51, 2 * 3), (36, 48, 2 * 2), (37, 49, 3 * 3), (40, 50, 3 * 3)],
)
def test_patches_of_24_by_32_cells_overlap_by_half_until_one_reaches_the_end(
    height: int, width: int, patches: int, tiny_front_end: FrontEndConfig
) -> None:
    front_end = replace(tiny_front_end, n_mels=height, window_s=(width - 1) * 0.02)
    assert front_end.n_frames == width
    told: list[float] = []
    _relevance(front_end, "occlusion", (0, 0), told=told)
    batches = [*range(4, patches, 4), patches]
    assert told == [done / patches for done in batches]


def test_random_relevance_lies_on_8_by_16_cells_and_evenly_between_them(
    tiny_front_end: FrontEndConfig,
) -> None:
    """On 32 by 48 cells of the picture each has 4 rows and 3 columns."""
    front_end = replace(tiny_front_end, window_s=0.94)
    found = _relevance(front_end, "random", (0, 0), told=[])
    assert found.shape == (32, 48)
    cells = found[::4, ::3]
    assert cells.shape == (8, 16)
    assert len(np.unique(cells)) == 128
    rows = np.stack([np.interp(np.arange(32), np.arange(0, 32, 4), column) for column in cells.T])
    expected = np.stack([np.interp(np.arange(48), np.arange(0, 48, 3), row) for row in rows.T])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("mean_db", [-50.0, -47.3, -31.1])
@pytest.mark.parametrize("method", ["energy", "integrated-gradients"])
def test_relevance_is_never_below_0_however_silence_is_rounded(
    method: Method, mean_db: float, tiny_front_end: FrontEndConfig
) -> None:
    """A click after silence: of most of the picture nothing is left, but for rounding."""
    front_end = replace(tiny_front_end, mean_db=mean_db, std_db=13.7)
    asked = Attribution(Toy(front_end, (3, 9)), nullcontext())  # type: ignore[arg-type]
    samples = torch.zeros(16_000)
    samples[12_000] = 1.0
    found = asked.relevance(samples, 1, Question(method=method), lambda done: None)
    assert (found.min(), found[:, :20].max()) == (0, pytest.approx(0, abs=1e-6))


def test_shares_of_a_faint_influence_are_shares_and_of_none_nothing(
    tiny_classifier: Classifier,
) -> None:
    asked = Attribution(tiny_classifier, nullcontext())
    found = asked.channel_shares(HISS.numpy(), 1, "layer4.0")
    for factor in (1e-4, 0.0):
        with torch.no_grad():
            tiny_classifier.network.fc.weight *= factor
        fainter = asked.channel_shares(HISS.numpy(), 1, "layer4.0")
        np.testing.assert_allclose(fainter, found if factor else np.zeros(64), atol=1e-5)
    assert np.abs(found).sum() == pytest.approx(1)
