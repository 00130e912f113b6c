from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from resona_core.config import FrontEndConfig
from resona_core.explain.attribution import log_odds
from resona_core.explain.masking import (
    Judge,
    energy_share,
    masked,
    odds_of,
    over_picture,
    shape_cost,
    unfaithfulness,
)
from resona_core.network.checkpoint import Classifier

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
    decibels = torch.tensor([0.0, -10 * math.log10(4)]).reshape(1, 1, 1, 2)  # powers 1 and 1/4
    mask = torch.tensor([0.5, 1.0]).reshape(1, 1, 1, 2)
    assert float(energy_share(decibels, mask)) == pytest.approx((0.25 + 0.25) / 1.25)


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


def test_area_edges_and_missing_energy_cost() -> None:
    flat = torch.zeros(1, 1, 4, 4)
    everything, half = torch.ones_like(flat), torch.full_like(flat, 0.5)
    edge = everything.clone()
    edge[..., :2] = 0
    assert float(shape_cost(flat, everything, YES)) == pytest.approx(1.5)  # the area alone
    missing = 4 * math.log(0.7 / 0.25)
    assert float(shape_cost(flat, half, YES)) == pytest.approx(0.75 + missing, rel=1e-5)
    assert float(shape_cost(flat, half, NO)) == pytest.approx(0.75)
    assert float(shape_cost(flat, edge, NO)) == pytest.approx(0.75 + 4 / 3, rel=1e-5)


def test_the_judge_hears_in_the_parts_what_the_network_does(tiny_classifier: Classifier) -> None:
    judge = Judge(tiny_classifier)
    sound = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    decibels = judge.decibels(sound)
    mask = torch.rand(decibels.shape, generator=torch.Generator().manual_seed(1))
    kept, rest = judge.hears(decibels, mask, torch.tensor([1]))
    config = tiny_classifier.front_end.config
    for found, gain in ((kept, mask), (rest, 1 - mask)):
        logits = tiny_classifier.network(masked(decibels, gain, config))
        assert found.item() == pytest.approx(log_odds(logits, 1).item(), abs=0.02)
