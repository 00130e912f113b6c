from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.config import FrontEndConfig
from resona_core.explain.attribution import log_odds
from resona_core.explain.masking import (
    Judge,
    energy_share,
    energy_shares,
    masked,
    odds_of,
    over_picture,
    shape_cost,
    unfaithfulness,
)
from resona_core.network.checkpoint import Classifier
from resona_core.network.front_end import frequencies_hz

YES, NO = torch.tensor([True]), torch.tensor([False])


def _number(value: float) -> Tensor:
    return torch.tensor([value])


def test_a_cell_of_the_mask_lies_on_row_and_column_stride_times_its_number() -> None:
    odds = torch.full((1, 1, 2, 3), -30.0)
    odds[0, 0, 1, 2] = 30.0
    mask = over_picture(odds, (8, 11), 4)[0, 0]
    assert mask.shape == (8, 11)
    assert mask[4, 8] == pytest.approx(1)
    assert mask[7, 10] == pytest.approx(1)  # beyond the last cell it stays
    assert mask[4, 6] == pytest.approx(0.5)
    assert mask[2, 8] == pytest.approx(0.5)
    assert mask[0, 0] == pytest.approx(0)


def test_a_mask_may_end_on_its_last_cell() -> None:
    odds = torch.full((1, 1, 2, 3), -30.0)
    odds[0, 0, 1, 2] = 30.0
    mask = over_picture(odds, (5, 9), 4)[0, 0]
    assert mask.shape == (5, 9)
    assert mask[4, 8] == pytest.approx(1)
    assert mask[4, 6] == pytest.approx(0.5)


def test_the_judges_masks_lie_on_the_cells_of_the_first_stage(tiny_classifier: Classifier) -> None:
    """32 by 51 cells of the picture, of which one in four by four has a cell there."""
    judge = Judge(tiny_classifier)
    decibels = judge.decibels(torch.randn(2, 16_000))
    assert decibels.shape == (2, 1, 32, 51)
    stages, _ = judge.sees(decibels)
    assert [tuple(stage.shape[2:]) for stage in stages] == [(8, 13), (4, 7), (2, 4), (1, 2)]
    odds = torch.linspace(-3, 3, 2 * 8 * 13).reshape(2, 1, 8, 13)
    mask = judge.mask(decibels, odds)
    assert mask.shape == decibels.shape
    torch.testing.assert_close(mask[:, :, ::4, ::4], odds.sigmoid())
    torch.testing.assert_close(mask[:, :, 29:, ::4], odds[:, :, 7:].sigmoid().expand(-1, -1, 3, -1))


def test_the_judge_sees_what_the_network_does_before_the_temperature(
    tiny_classifier: Classifier,
) -> None:
    judge, network = Judge(tiny_classifier), tiny_classifier.network
    sound = torch.randn(2, 16_000, generator=torch.Generator().manual_seed(0))
    stages, logits = judge.sees(judge.decibels(sound))
    names = ["layer1.0", "layer2.0", "layer3.0", "layer4.0"]
    features, kept = network.forward_intermediates(tiny_classifier.front_end(sound), names)
    torch.testing.assert_close(logits, network.forward_head(features), atol=0.02, rtol=0.02)
    for stage, name in zip(stages, names, strict=True):
        torch.testing.assert_close(stage.float(), kept[name], atol=0.05, rtol=0.05)
    torch.testing.assert_close(judge.rows(torch.tensor([2, 0])), network.fc.weight[[2, 0]])


def test_a_tenth_of_the_energy_is_10_db_less(tiny_classifier: Classifier) -> None:
    judge = Judge(tiny_classifier)
    loud = torch.zeros(1, 1, 32, 51)
    energy = judge.energy(loud)
    torch.testing.assert_close(judge.energy(loud - 10), energy / 10)
    centres = frequencies_hz(tiny_classifier.front_end.config)
    widths = energy[0, 0, :, 7] / energy[0, 0, 0, 0] * (centres[1] - centres[0])
    np.testing.assert_allclose(widths[1:-1], (centres[2:] - centres[:-2]) / 2, rtol=1e-4)


def test_what_is_masked_is_what_the_front_end_makes_of_the_softer_sound(
    tiny_classifier: Classifier,
) -> None:
    """The same gain on every cell changes nothing: the front end scales to the loudest."""
    front_end = tiny_classifier.front_end
    sound = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    decibels = front_end.decibels(sound)[:, None]
    gain = torch.full_like(decibels, 0.3)
    torch.testing.assert_close(
        masked(decibels, gain, front_end.config), front_end(0.3 * sound), atol=1e-4, rtol=0
    )


def test_a_gain_of_a_tenth_is_20_db_less(tiny_front_end: FrontEndConfig) -> None:
    decibels = torch.tensor([0.0, -10.0, -70.0]).reshape(1, 1, 1, 3)
    gain = torch.tensor([1.0, 0.1, 0.1]).reshape(1, 1, 1, 3)
    left = masked(decibels, gain, tiny_front_end) * tiny_front_end.std_db + tiny_front_end.mean_db
    expected = torch.tensor([0.0, -30.0, -80.0]).reshape(1, 1, 1, 3)
    torch.testing.assert_close(left, expected)


def test_each_row_has_the_log_odds_of_its_own_target() -> None:
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 5.0]])
    expected = torch.stack([log_odds(logits, 1)[0], log_odds(logits, 2)[1]])
    torch.testing.assert_close(odds_of(logits, torch.tensor([1, 2])), expected)


def test_the_share_of_the_energy_is_that_of_the_power() -> None:
    energy = torch.tensor([1.0, 0.25]).reshape(1, 1, 1, 2)
    mask = torch.tensor([0.5, 1.0]).reshape(1, 1, 1, 2)
    assert float(energy_share(energy, mask)) == pytest.approx((0.25 + 0.25) / 1.25)
    assert float(energy_share(1e-6 * energy, mask)) == pytest.approx(0.5 / 1.25)
    assert float(energy_share(0 * energy, mask)) == 0


def test_the_picture_s_energy_is_shared_as_the_sound_s(tiny_classifier: Classifier) -> None:
    """White noise has as much energy in a hertz everywhere: above 4 kHz half of that below 8 kHz.

    The densities that the picture shows would say a quarter: wide bands are few.
    """
    judge = Judge(tiny_classifier)
    noise = torch.randn(4, 16_000, generator=torch.Generator().manual_seed(0))
    centres = torch.from_numpy(frequencies_hz(tiny_classifier.front_end.config))
    high = (centres > 4_000).float()[:, None].expand(1, 1, -1, 51)
    decibels = judge.decibels(noise)
    share = float(energy_share(judge.energy(decibels), high).mean())
    assert share == pytest.approx(0.5, abs=0.05)
    assert float(energy_share(10 ** (decibels / 10), high).mean()) < 0.35


def test_of_two_tones_each_has_the_cells_where_it_sounds(
    tiny_classifier: Classifier, tone: Callable[..., NDArray[np.float32]]
) -> None:
    low, high = (torch.from_numpy(tone(hz, 16_000, 1.0))[None] for hz in (500, 4_000))
    front_end = tiny_classifier.front_end
    shares = energy_shares(front_end, 0.8 * low, 0.2 * high)[0, 0, :, 25]
    centres = frequencies_hz(front_end.config)
    at = [int(np.abs(centres - hz).argmin()) for hz in (500, 4_000)]
    assert float(shares[at[0]]) == pytest.approx(1, abs=1e-3)
    assert float(shares[at[1]]) == pytest.approx(0, abs=1e-3)
    equal = energy_shares(front_end, low, low)
    torch.testing.assert_close(equal, torch.full_like(equal, 0.5))
    assert energy_shares(front_end, 0 * low, 0 * low).min() > 0


def test_a_faithful_mask_keeps_the_class_and_leaves_none_of_it() -> None:
    best = unfaithfulness(_number(3.0), _number(20.0), _number(-20.0), YES)
    assert float(best) == pytest.approx(0, abs=1e-4)
    assert float(unfaithfulness(_number(3.0), _number(4.0), _number(-2.0), YES)) == pytest.approx(
        2 * math.log(2)
    )


def test_a_class_that_does_not_sound_must_not_be_kept() -> None:
    wrong, right = (unfaithfulness(_number(-9.0), _number(x), _number(0.0), NO) for x in (8, -20))
    assert float(wrong) == pytest.approx(10, abs=1e-3)
    assert float(right) == pytest.approx(0, abs=1e-3)


def test_area_edges_energy_and_too_little_of_it_cost() -> None:
    even = torch.ones(1, 1, 4, 4)
    everything, half = torch.ones_like(even), torch.full_like(even, 0.5)
    edge = everything.clone()
    edge[..., :2] = 0
    assert float(shape_cost(even, everything, YES)) == pytest.approx(1.5 + 4)  # area and price
    assert float(shape_cost(even, everything, YES, price=2.0)) == pytest.approx(1.5 + 2)
    missing = 4 * math.log(0.6 / 0.25)
    assert float(shape_cost(even, half, YES)) == pytest.approx(0.75 + 2 + missing, rel=1e-5)
    assert float(shape_cost(even, half, NO)) == pytest.approx(0.75 + 2)
    assert float(shape_cost(even, edge, NO)) == pytest.approx(0.75 + 2 + 2 / 3, rel=1e-5)
    silent = even.clone()
    silent[..., 2:] = 0  # where alone something is kept
    nothing = 0.75 + 2 / 3 + 4 * math.log(0.6 / 1e-6)
    assert float(shape_cost(silent, edge, YES)) == pytest.approx(nothing, rel=1e-5)


def test_each_mask_of_a_batch_costs_what_it_costs_alone() -> None:
    masks = torch.rand(3, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    energy = torch.rand(3, 1, 4, 5, generator=torch.Generator().manual_seed(1))
    present = torch.tensor([True, False, True])
    together = shape_cost(energy, masks, present)
    alone = [shape_cost(*(each[i : i + 1] for each in (energy, masks, present))) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    shares = energy_share(energy, masks)
    torch.testing.assert_close(
        shares, torch.cat([energy_share(energy[i : i + 1], masks[i : i + 1]) for i in range(3)])
    )


def test_the_judge_hears_in_the_parts_what_the_network_does(tiny_classifier: Classifier) -> None:
    judge = Judge(tiny_classifier)
    sounds = torch.randn(3, 16_000, generator=torch.Generator().manual_seed(0))
    decibels, targets = judge.decibels(sounds), [1, 0, 2]
    mask = torch.rand(decibels.shape, generator=torch.Generator().manual_seed(1))
    kept, rest = judge.hears(decibels, mask, torch.tensor(targets))
    config = tiny_classifier.front_end.config
    for found, gain in ((kept, mask), (rest, 1 - mask)):
        logits = tiny_classifier.network(masked(decibels, gain, config))
        expected = [log_odds(logits, target)[i].item() for i, target in enumerate(targets)]
        assert found.tolist() == pytest.approx(expected, abs=0.02)
