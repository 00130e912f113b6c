import numpy as np
import pytest

from resona_core.errors import RequestError
from resona_core.explain.channels import channel_order, channel_statistics, layer_summary

# As wide as no other side, so that no two of them can be mistaken for each other.
OBLONG = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
MAPS = np.array([[[0, 0], [0, 4]], [[2, 2], [2, 2]], [[0, 1], [0, 0]]], np.float32)


def test_statistics_are_those_computed_by_hand() -> None:
    statistics = channel_statistics(MAPS)
    np.testing.assert_allclose(statistics.mean, [1, 2, 0.25])
    np.testing.assert_allclose(statistics.maximum, [4, 2, 1])
    np.testing.assert_allclose(statistics.variance, [3, 0, 3 / 16])
    np.testing.assert_allclose(statistics.energy, [4, 4, 0.25])
    np.testing.assert_allclose(statistics.zero_share, [0.75, 0, 0.75])


def test_a_channel_is_summed_up_over_all_of_its_own_cells_and_no_others() -> None:
    statistics = channel_statistics(OBLONG)
    np.testing.assert_allclose(statistics.mean, [2.5, 8.5, 14.5, 20.5])
    np.testing.assert_allclose(statistics.maximum, [5, 11, 17, 23])
    np.testing.assert_allclose(statistics.variance, [35 / 12] * 4, rtol=1e-5)
    np.testing.assert_allclose(statistics.zero_share, [1 / 6, 0, 0, 0])
    assert layer_summary(OBLONG).shape == (2, 3)


def test_each_order_puts_its_own_channel_first() -> None:
    statistics = channel_statistics(MAPS)
    assert channel_order(statistics, "number").tolist() == [0, 1, 2]
    assert channel_order(statistics, "energy").tolist() == [0, 1, 2]
    assert channel_order(statistics, "variety").tolist() == [0, 2, 1]
    share = np.array([0.1, -0.6, 0.3], np.float32)
    assert channel_order(statistics, "share", share).tolist() == [1, 2, 0]


def test_an_order_without_its_shares_is_refused() -> None:
    with pytest.raises(RequestError, match="energy, variety"):
        channel_order(channel_statistics(MAPS), "share")


def test_a_layer_is_summed_up_by_its_root_mean_square() -> None:
    expected = np.sqrt(np.array([[4, 5], [4, 20]]) / 3)
    np.testing.assert_allclose(layer_summary(MAPS), expected, rtol=1e-6)
