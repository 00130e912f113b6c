from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resona_core.config import FrontEndConfig
from resona_core.errors import RequestError
from resona_core.explain.attribution import Attribution, log_odds
from resona_core.explain.explanation import METHODS, Method, Question
from resona_core.explain.masker import Masker
from resona_core.network.checkpoint import Classifier
from resona_core.network.layers import LayerInfo
from resona_core.network.spectrogram import LogMel


class Corner(nn.Module):
    """Says class 1 the louder its corner of the picture is: mel 24 to 31, the second half."""

    layer_names = ("cells",)

    def forward_intermediates(
        self, x: Tensor, names: list[str]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if unknown := set(names) - {"cells"}:
            raise RequestError(f"There is no layer {unknown}.")
        cells = x[:, :, ::8, ::8]
        return cells, {"cells": cells}

    def forward_head(self, features: Tensor) -> Tensor:
        loud = features[:, 0, 3:, 4:].mean(dim=(1, 2))
        return torch.stack([-loud, loud, torch.zeros_like(loud)], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        loud = x[:, 0, 24:, 25:].mean(dim=(1, 2))
        return torch.stack([-loud, loud, torch.zeros_like(loud)], dim=1)

    def layer_infos(self) -> tuple[LayerInfo, ...]:
        return (LayerInfo("cells", 1, 0, 8, 8),)


class Toy:
    """A classifier of that network."""

    def __init__(self, front_end: FrontEndConfig) -> None:
        self.front_end, self.network = LogMel(front_end), Corner()


@pytest.fixture
def toy(tiny_front_end: FrontEndConfig) -> Attribution:
    return Attribution(Toy(tiny_front_end), nullcontext())  # type: ignore[arg-type]


@pytest.fixture
def hiss() -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32))


def _relevance(
    asked: Attribution, samples: Tensor, method: Method, target: int = 1, layer: str = ""
) -> NDArray[np.float32]:
    question = Question(method=method, layer=layer)
    return asked.relevance(samples, target, question, lambda done: None)


def _with_masker(classifier: Classifier) -> Attribution:
    return Attribution(classifier, nullcontext(), Masker(classifier.network.config).eval())


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_relevant_is_what_the_answer_rests_on(
    method: Method, toy: Attribution, hiss: Tensor
) -> None:
    found = _relevance(toy, hiss, method)
    assert found.shape == (32, 51)
    assert found.max() == pytest.approx(1)
    inside, outside = found[26:, 34:].mean(), found[:10, :10].mean()
    assert inside > 0.2
    assert outside < 0.05 * inside


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_nothing_speaks_for_the_class_that_it_speaks_against(
    method: Method, toy: Attribution, hiss: Tensor
) -> None:
    assert _relevance(toy, hiss, method, target=0)[:, 30:].max() == 0


def test_grad_cam_lies_where_the_layers_cells_lie(toy: Attribution) -> None:
    """Cell i is centred on row and column 8 i; a click sounds in one column of cells only."""
    samples = torch.zeros(16_000)
    samples[40 * 320] = 1.0  # frame 40: cell 5
    found = _relevance(toy, samples, "grad-cam", layer="cells")
    assert found.max() == pytest.approx(1)
    loudest = found.max(axis=0)
    assert int(loudest.argmax()) == 40
    assert loudest[36] == pytest.approx((loudest[32] + loudest[40]) / 2, abs=1e-5)


def test_energy_is_the_spectrogram_and_random_is_the_same_for_every_sound(
    toy: Attribution, hiss: Tensor, tiny_front_end: FrontEndConfig
) -> None:
    picture = LogMel(tiny_front_end).decibels(hiss[None])[0] / tiny_front_end.top_db + 1
    np.testing.assert_allclose(_relevance(toy, hiss, "energy"), picture, atol=1e-5)
    first, second = (_relevance(toy, samples, "random") for samples in (hiss, hiss.flip(0)))
    np.testing.assert_array_equal(first, second)
    assert 0.3 < first.mean() < 0.7
    assert first.std() > 0.15
    assert max(abs(np.diff(first, axis=axis)).max() for axis in (0, 1)) < 0.4  # smooth


def test_integrated_gradients_share_out_what_the_class_gains_on_the_way(
    tiny_front_end: FrontEndConfig, hiss: Tensor
) -> None:
    """One cell counts as it is, another squared: they gain a - s and b^2 - s^2 over silence."""

    class Squared(Corner):
        def forward(self, x: Tensor) -> Tensor:
            loud = 5 * x[:, 0, 2, 45] + x[:, 0, 20, 10].square()
            return torch.stack([-loud, loud, torch.zeros_like(loud)], dim=1)

    toy = Toy(tiny_front_end)
    toy.network = Squared()
    picture = toy.front_end(hiss[None])[0, 0]
    silence = (-tiny_front_end.top_db - tiny_front_end.mean_db) / tiny_front_end.std_db
    gains = 5 * (picture[2, 45] - silence), picture[20, 10] ** 2 - silence**2
    assert max(gains) > 0
    asked = Attribution(toy, nullcontext())  # type: ignore[arg-type]
    found = _relevance(asked, hiss, "integrated-gradients")
    expected = [max(0.0, float(gain / max(gains))) for gain in gains]
    assert [found[2, 45], found[20, 10]] == pytest.approx(expected, rel=1e-4)
    assert np.count_nonzero(found) == np.count_nonzero(expected)


def test_the_strongest_hundredth_of_integrated_gradients_counts_as_one(
    toy: Attribution, hiss: Tensor
) -> None:
    found = _relevance(toy, hiss, "integrated-gradients")
    assert (found == 1).mean() == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("layer", ["layer1.0", "layer3.0"])
def test_grad_cam_weighs_each_channel_by_its_mean_gradient(
    layer: str, tiny_classifier: Classifier, hiss: Tensor
) -> None:
    """At the centres of the layer's cells nothing is interpolated."""
    network = tiny_classifier.network
    picture = tiny_classifier.front_end(hiss[None]).requires_grad_()
    features, kept = network.forward_intermediates(picture, [layer])
    network.forward_head(features)[0, 1].backward(inputs=[kept[layer]])
    gradient = kept[layer].grad
    assert gradient is not None
    means = gradient[0].flatten(1).mean(dim=1)
    cells = torch.einsum("c,chw->hw", means, kept[layer][0]).relu().detach().numpy()
    found = _relevance(Attribution(tiny_classifier, nullcontext()), hiss, "grad-cam", 1, layer)
    stride = next(info.stride for info in network.layer_infos() if info.name == layer)
    assert cells.max() > 0
    at_centres = found[::stride, ::stride]
    np.testing.assert_allclose(at_centres, cells / cells.max(), atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_hears_nothing_in_it_has_no_reason(
    method: Method, tiny_classifier: Classifier
) -> None:
    found = _relevance(_with_masker(tiny_classifier), torch.zeros(16_000), method)
    assert found.shape == (32, 51)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_left_as_it_was(method: Method, tiny_classifier: Classifier) -> None:
    before = {name: value.clone() for name, value in tiny_classifier.state_dict().items()}
    _relevance(_with_masker(tiny_classifier), torch.randn(16_000), method)
    assert all(
        torch.equal(value, before[name]) for name, value in tiny_classifier.state_dict().items()
    )
    assert all(parameter.grad is None for parameter in tiny_classifier.parameters())


@pytest.mark.parametrize(
    ("method", "passes", "shares"),
    [("integrated-gradients", 9, [i / 8 for i in range(1, 9)]), ("occlusion", 4, [4 / 6, 1])],
)
def test_others_get_their_turn_between_the_passes_and_progress_is_told(
    method: Method, passes: int, shares: list[float], tiny_front_end: FrontEndConfig, hiss: Tensor
) -> None:
    turns: list[str] = []

    @contextmanager
    def turn() -> Iterator[None]:
        turns.append("taken")
        yield

    class Turn:
        def __enter__(self) -> None:
            self.held: AbstractContextManager[None] = turn()
            self.held.__enter__()

        def __exit__(self, *_: object) -> None:
            self.held.__exit__(None, None, None)

    told: list[float] = []
    asked = Attribution(Toy(tiny_front_end), Turn())  # type: ignore[arg-type]
    asked.relevance(hiss, 1, Question(method=method), told.append)
    assert len(turns) >= passes
    assert told == shares


def test_what_told_raises_ends_the_work(toy: Attribution, hiss: Tensor) -> None:
    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        toy.relevance(hiss, 1, Question(method="occlusion"), stop)


def test_log_odds_are_those_of_the_probability() -> None:
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 5.0]])
    p = logits.softmax(dim=1)[:, 1]
    torch.testing.assert_close(log_odds(logits, 1), torch.log(p / (1 - p)))


def test_a_layer_that_does_not_exist_is_refused(toy: Attribution, hiss: Tensor) -> None:
    with pytest.raises(RequestError, match="layer"):
        _relevance(toy, hiss, "grad-cam", layer="layer9")


def test_occlusion_lies_over_the_patch_that_counts(tiny_front_end: FrontEndConfig) -> None:
    """A network that looks at one cell: relevant is where a patch covers it, and no wider."""

    class Cell(Corner):
        def forward(self, x: Tensor) -> Tensor:
            loud = x[:, 0, 2, 45]
            return torch.stack([-loud, loud, torch.zeros_like(loud)], dim=1)

    toy = Toy(tiny_front_end)
    toy.network = Cell()
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32))
    found = _relevance(Attribution(toy, nullcontext()), noise, "occlusion")  # type: ignore[arg-type]
    assert found[2, 45] == pytest.approx(1)
    assert found[2, 15] == pytest.approx(0)  # the middle of the patch that ends before it
    assert found[24, 45] == pytest.approx(0)  # and of the one that begins below it
    assert found[14, 45] == pytest.approx(1 - (14 - 11.5) / 12, abs=0.01)  # on the way to it
    assert found[2, 23] == pytest.approx((23 - 15.5) / 16, abs=0.01)  # halfway to the next


def test_grad_cam_looks_at_the_last_layer_unless_another_is_named(
    tiny_classifier: Classifier,
) -> None:
    asked = Attribution(tiny_classifier, nullcontext())
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32))
    last = tiny_classifier.network.layer_names[-1]
    for target in range(3):
        by_default = _relevance(asked, samples, "grad-cam", target)
        np.testing.assert_array_equal(
            by_default, _relevance(asked, samples, "grad-cam", target, layer=last)
        )


def test_a_channels_share_is_its_part_of_the_logit(toy: Attribution, hiss: Tensor) -> None:
    shares = toy.channel_shares(hiss, 1, "cells")
    assert shares.shape == (1,)
    assert abs(shares[0]) == pytest.approx(1)


def test_of_the_last_layer_a_share_is_the_channels_mean_by_its_weight(
    tiny_classifier: Classifier, hiss: Tensor
) -> None:
    shares = Attribution(tiny_classifier, nullcontext()).channel_shares(hiss.numpy(), 1, "layer4.0")
    network = tiny_classifier.network
    with torch.no_grad():
        features = network.forward_features(tiny_classifier.front_end(hiss[None]))
        parts = (network.fc.weight[1] * features[0].mean(dim=(1, 2))).numpy()
    np.testing.assert_allclose(shares, parts / np.abs(parts).sum(), atol=1e-6)
