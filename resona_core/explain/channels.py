"""A layer's output -> a few numbers per channel, and the channels in an order worth looking at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import RequestError

Order = Literal["energy", "variety", "share", "number"]
"""By mean square, by variance over the picture, by share of the answer, or as numbered."""


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """Each channel's activation over its picture, arrays (channel,).

    `zero_share` is the part of the cells that are exactly 0, from 0 to 1.
    """

    mean: NDArray[np.float32]
    maximum: NDArray[np.float32]
    variance: NDArray[np.float32]
    energy: NDArray[np.float32]
    zero_share: NDArray[np.float32]


def channel_statistics(maps: NDArray[np.float32]) -> ChannelStatistics:
    """Summarise (channel, mel, frame) activations, channel by channel.

    Examples
    --------
    >>> maps = np.array([[[0, 2]], [[1, 1]]], np.float32)
    >>> statistics = channel_statistics(maps)
    >>> statistics.mean.tolist(), statistics.maximum.tolist(), statistics.zero_share.tolist()
    ([1.0, 1.0], [2.0, 1.0], [0.5, 0.0])
    """
    cells = maps.reshape(len(maps), -1)
    return ChannelStatistics(
        mean=cells.mean(axis=1),
        maximum=cells.max(axis=1),
        variance=cells.var(axis=1),
        energy=np.square(cells).mean(axis=1),
        zero_share=(cells == 0).mean(axis=1, dtype=np.float32),
    )


def channel_order(
    statistics: ChannelStatistics, order: Order, share: NDArray[np.float32] | None = None
) -> NDArray[np.intp]:
    """Return channel numbers, the most telling first, (channel,).

    Parameters
    ----------
    statistics : ChannelStatistics
        Of one layer.
    order : {"energy", "variety", "share", "number"}
        What counts as telling.
    share : ndarray (channel,), optional
        Each channel's share of the answer; needed for "share", sorted by size of influence.

    Raises
    ------
    RequestError
        For an unknown order, or "share" without the shares.

    Examples
    --------
    >>> maps = np.array([[[1, 1]], [[0, 2]]], np.float32)
    >>> channel_order(channel_statistics(maps), "variety").tolist()
    [1, 0]
    """
    if order == "number":
        return np.arange(len(statistics.mean))
    if order == "energy":
        return np.argsort(-statistics.energy, kind="stable")
    if order == "variety":
        return np.argsort(-statistics.variance, kind="stable")
    if order == "share" and share is not None:
        return np.argsort(-np.abs(share), kind="stable")
    raise RequestError(f"Channels cannot be sorted by {order}; use {', '.join(get_args(Order))}.")


def layer_summary(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one picture for a whole layer, (mel, frame): the root mean square over channels."""
    picture: NDArray[np.float32] = np.sqrt(np.square(maps).mean(axis=0))
    return picture
