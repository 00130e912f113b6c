from __future__ import annotations

from itertools import product

import pytest
import torch

from resona_core.network import precision
from resona_core.network.checkpoint import Classifier


def test_bf16_is_used_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, pays in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        # what a T4, an A100, an H100 say
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, said=capability: said)
        assert precision.has_fast_bf16(torch.device("cuda")) is pays
    for has_tiles, has_avx512 in product((True, False), repeat=2):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=has_tiles: has)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has_avx512: has)
        assert precision.has_fast_bf16(torch.device("cpu")) is (has_tiles or has_avx512)


@pytest.mark.parametrize(("fast", "tolerance"), [(False, 1e-4), (True, 0.05)])
def test_a_fast_copy_answers_as_the_network_does_and_lets_gradients_through(
    fast: bool, tolerance: float, tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_fast_bf16", lambda device: fast)
    network = tiny_classifier.network
    for module in network.modules():  # norms that do something
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)  # type: ignore[union-attr, operator]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr, operator]
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
    copy = precision.fast_copy(network)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in copy.modules())
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    assert copy.fc.weight.dtype == (torch.bfloat16 if fast else torch.float32)
    picture = torch.randn(2, 1, 32, 51)
    expected = network(picture).detach()
    given = picture.to(copy.fc.weight.dtype).requires_grad_()
    answer = copy(given)
    scale = float(expected.abs().max())
    torch.testing.assert_close(answer.float(), expected, atol=tolerance * scale, rtol=0)
    (gradient,) = torch.autograd.grad(answer.sum(), given)
    assert gradient.abs().max() > 0
    assert network.fc.weight.dtype == torch.float32
