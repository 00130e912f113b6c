from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from resona_core.config import ModelConfig
from resona_core.errors import CheckpointError, RequestError
from resona_core.explain.attribution import Attribution
from resona_core.explain.explanation import Question, default_method, masker_path
from resona_core.explain.masker import (
    Masker,
    MaskerInfo,
    class_map,
    load_masker,
    save_masker,
    weights_digest,
)
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.settings import SHIPPED_CHECKPOINT


def _info(weights: str) -> MaskerInfo:
    return MaskerInfo(weights, (1, 2), "0123456789ab", 3, 0)


def test_a_masker_comes_back_as_it_was_stored(
    masker: Masker, tiny_classifier: Classifier, tmp_path: Path
) -> None:
    weights = tmp_path / "new" / "folders" / "toy.safetensors"
    path = masker_path(weights)
    info = _info(weights_digest(tiny_classifier.network))
    for _ in range(2):  # the second time the folder is there
        save_masker(path, masker, info)
    assert default_method(weights) == "mask"
    assert default_method(tmp_path / "other.safetensors") == "grad-cam"
    again, told = load_masker(path, tiny_classifier.network)
    assert told == info
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, masker.state_dict()[name], atol=1e-3, rtol=1e-3)
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_it_is_refused_for_other_weights_than_its_own(
    masker: Masker, tiny_classifier: Classifier, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    before = weights_digest(tiny_classifier.network)
    save_masker(path, masker, _info(before))
    with torch.no_grad():
        tiny_classifier.network.fc.bias[0] += 1
    after = weights_digest(tiny_classifier.network)
    with pytest.raises(CheckpointError, match=f"with the weights {before}, and these are {after}"):
        load_masker(path, tiny_classifier.network)


def test_a_missing_file_and_one_that_is_no_masker_are_refused(
    tiny_classifier: Classifier, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match=r"there is none at .*train-masker"):
        load_masker(tmp_path / "none", tiny_classifier.network)
    (tmp_path / "text").write_text("hello")
    save_file({"x": torch.zeros(1)}, tmp_path / "other")
    for name in ("text", "other"):
        with pytest.raises(CheckpointError, match=f"{name} is no masker that this version"):
            load_masker(tmp_path / name, tiny_classifier.network)


def test_the_map_of_a_class_is_grad_cam_at_the_last_layer(tiny_classifier: Classifier) -> None:
    picture = torch.randn(1, 1, 32, 51)
    network = tiny_classifier.network
    features, kept = network.forward_intermediates(picture, ["layer4.0"])
    (gradient,) = torch.autograd.grad(network.forward_head(features)[0, 2], features)
    expected = (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(1).clamp_min(0)
    found = class_map(kept["layer4.0"], network.fc.weight[[2]])[0]
    torch.testing.assert_close(found, expected / expected.max().clamp_min(1e-9))


def test_the_map_is_of_each_class_the_share_of_its_own_largest_cell() -> None:
    last = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]], [[1.0, 0.0], [1.0, 1.0]]]]).repeat(3, 1, 1, 1)
    rows = torch.tensor([[1.0, 0.0], [0.001, -0.001], [-1.0, -1.0]])
    expected = [[[0.25, 0.5], [0, 1]], [[0, 2 / 3], [0, 1]], [[0, 0], [0, 0]]]
    torch.testing.assert_close(class_map(last, rows)[:, 0], torch.tensor(expected))


def test_untrained_it_draws_grad_cam_of_the_last_stage_evenly_between_its_cells() -> None:
    """The middles of two cells lie a half and a quarter from those of the four over them."""
    masker = Masker(ModelConfig(n_classes=3, blocks=(1, 1), channels=(4, 1)))
    stages = [torch.rand(1, 4, 1, 4), torch.tensor([[[[3.0, 0.0]]]])]
    shares = torch.tensor([1.0, 0.75, 0.25, 0.0])
    drawn = masker(stages, torch.ones(1, 1))
    torch.testing.assert_close(drawn[0, 0, 0], 4 * (shares - 0.5))


def test_untrained_it_draws_grad_cam(tiny_classifier: Classifier) -> None:
    masker = Masker(tiny_classifier.network.config)
    stages = [torch.rand(2, n, 8 // 2**i, 16 // 2**i) for i, n in enumerate((8, 16, 32, 64))]
    rows = tiny_classifier.network.fc.weight[[0, 2]]
    drawn = masker(stages, rows)
    assert drawn.shape == (2, 1, 8, 16)
    grad_cam = class_map(stages[-1], rows)
    torch.testing.assert_close(drawn.amax(dim=(1, 2, 3)), 4 * grad_cam.amax(dim=(1, 2, 3)) - 2)


def test_every_parameter_learns_and_each_class_gets_its_own_mask(
    tiny_classifier: Classifier,
) -> None:
    torch.manual_seed(1)
    masker = Masker(tiny_classifier.network.config)
    torch.nn.init.normal_(masker.last.weight)
    stages = [torch.rand(2, n, 8 // 2**i, 16 // 2**i) for i, n in enumerate((8, 16, 32, 64))]
    stages = [torch.cat([stage[:1], stage[:1]]) for stage in stages]
    drawn = masker(stages, tiny_classifier.network.fc.weight[[0, 2]])
    assert not torch.allclose(drawn[0], drawn[1], atol=1e-3)
    gradients = torch.autograd.grad(drawn.square().sum(), list(masker.parameters()))
    assert all(gradient.abs().max() > 0 for gradient in gradients)


def test_on_a_single_cell_it_draws_what_one_counts_from_the_deepest_stage_up() -> None:
    """Of a convolution on one cell the middle alone counts."""
    torch.manual_seed(2)
    masker = Masker(ModelConfig(n_classes=3, blocks=(1, 1), channels=(4, 9))).double()
    torch.nn.init.normal_(masker.last.weight)
    stages = [torch.rand(1, n, 1, 1, dtype=torch.double) for n in (4, 9)]
    row = torch.rand(1, 9, dtype=torch.double)
    assert masker(stages, 0 * row).isfinite().all()
    for factor in (1.0, 7.0, 0.01):  # how long the class's row is says nothing
        drawn = masker(stages, factor * row)
    own = {name: value.detach().numpy() for name, value in masker.named_parameters()}

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        weight = own[f"{name}.weight"]
        middle = (
            weight[..., weight.shape[2] // 2, weight.shape[3] // 2] if weight.ndim == 4 else weight
        )
        return middle @ x + own[f"{name}.bias"]

    unit = row[0].numpy() / np.sqrt(np.square(row[0].numpy()).sum())
    code = np.maximum(0, linear("code", 3 * unit))  # the root of nine channels
    x = np.zeros(64)
    for stage in (1, 0):
        view = linear(f"views.{stage}", np.log(1 + stages[stage].flatten().numpy()))
        x = x + view * (1 + linear(f"scales.{stage}", code))
        inner = [*x, 1.0] if stage == 0 else x  # Grad-CAM of its only cell is 1
        x = x + np.maximum(0, linear(f"mixes.{stage}", np.maximum(0, inner)))
    assert drawn.item() == pytest.approx((4 * (1 - 0.5) + linear("last", x)).item())


def test_the_method_mask_asks_the_masker_beside_the_weights(
    masker: Masker, tiny_classifier: Classifier, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    save_masker(path, masker, _info(weights_digest(tiny_classifier.network)))
    sound, question = torch.randn(16_000), Question(method="mask")
    found = [
        Attribution(tiny_classifier, nullcontext(), given).relevance(
            sound, 1, question, lambda done: None
        )
        for given in (path, masker)
    ]
    np.testing.assert_allclose(found[0], found[1], atol=0.02)  # one is stored as fp16
    with pytest.raises(RequestError, match="ask another method"):
        Attribution(tiny_classifier, nullcontext()).relevance(sound, 1, question, lambda done: None)


def test_the_shipped_masker_belongs_to_the_shipped_weights() -> None:
    path = masker_path(SHIPPED_CHECKPOINT)
    if not SHIPPED_CHECKPOINT.is_file():
        pytest.skip("the shipped weights are not there")
    _, info = load_masker(path, checkpoint.load(SHIPPED_CHECKPOINT).network)
    assert info.folds == (1, 2)  # fold 5 chose how it is asked, and fold 3 measures it
    assert path.stat().st_size < 600_000
