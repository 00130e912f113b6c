from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.config import ModelConfig
from resona_core.errors import RequestError
from resona_core.network.model import AudioResNet, ResidualBlock

LAYERS = (
    "stem",
    "layer1.0", "layer1.1", "layer1.2",
    "layer2.0", "layer2.1", "layer2.2", "layer2.3",
    "layer3.0", "layer3.1", "layer3.2", "layer3.3", "layer3.4", "layer3.5",
    "layer4.0", "layer4.1", "layer4.2",
)  # fmt: skip


@pytest.fixture(scope="module")
def full() -> AudioResNet:
    return AudioResNet().eval()


@pytest.fixture
def tiny(tiny_model: ModelConfig) -> AudioResNet:
    torch.manual_seed(0)
    return AudioResNet(tiny_model).eval()


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_seventeen_layers_have_their_names_in_order(full: AudioResNet) -> None:
    assert full.layer_names == LAYERS


def test_the_network_has_21_3_million_parameters(full: AudioResNet) -> None:
    # The published ResNet-34 has 21,797,672: here with 1 input channel, not 3, and 50 classes.
    published, colour_stem, classes_1000 = 21_797_672, 2 * 64 * 49, 512 * 950 + 950
    assert parameter_count(full) == published - colour_stem - classes_1000 == 21_304_050


@pytest.mark.parametrize(
    ("frames", "widths"), [(251, (63, 63, 32, 16, 8)), (431, (108, 108, 54, 27, 14))]
)
def test_every_layer_has_the_shape_counted_by_hand(
    full: AudioResNet, frames: int, widths: tuple[int, ...]
) -> None:
    with torch.inference_mode():
        features, outputs = full.forward_intermediates(torch.randn(1, 1, 128, frames))
    geometry = {  # channels, mel bins, frames
        "stem": (64, 32, widths[0]),
        "layer1": (64, 32, widths[1]),
        "layer2": (128, 16, widths[2]),
        "layer3": (256, 8, widths[3]),
        "layer4": (512, 4, widths[4]),
    }
    assert {name: tuple(x.shape) for name, x in outputs.items()} == {
        name: (1, *geometry[name.split(".")[0]]) for name in LAYERS
    }
    assert features is outputs["layer4.2"]
    assert all(bool((x >= 0).all()) for x in outputs.values())


def test_the_layer_infos_agree_with_what_the_layers_do(full: AudioResNet) -> None:
    infos = full.layer_infos()
    assert tuple(info.name for info in infos) == LAYERS
    assert [info.channels for info in infos] == [64] * 4 + [128] * 4 + [256] * 6 + [512] * 3
    assert infos[0].parameters == 64 * 49 + 2 * 64
    assert infos[1].parameters == 2 * (64 * 64 * 9) + 4 * 64
    head = 512 * 50 + 50
    assert sum(info.parameters for info in infos) + head == parameter_count(full)


def test_receptive_fields_and_strides_are_the_footprints_of_gradients() -> None:
    """Ones for weights and averages for maxima: what a gradient reaches is what a cell sees."""
    net = AudioResNet(ModelConfig(n_classes=2, channels=(1, 1, 1, 1))).double().eval()
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    net.stem[3] = nn.AvgPool2d(3, stride=2, padding=1)
    picture = torch.ones(1, 1, 1, 2048, dtype=torch.double, requires_grad=True)
    _, outputs = net.forward_intermediates(picture)
    for info in net.layer_infos():
        row = outputs[info.name][0, 0, 0]
        starts = []
        for cell in (len(row) // 2, len(row) // 2 + 1):
            (gradient,) = torch.autograd.grad(row[cell], picture, retain_graph=True)
            seen = gradient[0, 0, 0].nonzero()
            assert int(seen.max() - seen.min()) + 1 == info.receptive_field == len(seen)
            starts.append(int(seen.min()))
        assert starts[1] - starts[0] == info.stride


def test_the_stem_takes_the_largest_of_three_by_three_cells_every_other_time() -> None:
    picture = torch.zeros(1, 1, 8, 8)
    picture[0, 0, 4, 3] = 1.0  # in the middle of row 2's cells 3 to 5; columns 1 and 2 share cell 3
    expected = torch.zeros(1, 1, 4, 4)
    expected[0, 0, 2, 1:3] = 1.0
    assert torch.equal(AudioResNet().stem[3](picture), expected)


def test_every_parameter_gets_a_gradient(tiny: AudioResNet) -> None:
    for module in tiny.modules():
        if isinstance(module, ResidualBlock):  # starts at 0, which would stop the gradient
            nn.init.ones_(module.bn2.weight)
    tiny.train()
    tiny(torch.randn(4, 1, 64, 64)).square().sum().backward()
    idle = [n for n, p in tiny.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_the_intermediates_are_what_forward_hooks_would_see(tiny: AudioResNet) -> None:
    picture = torch.randn(2, 1, 32, 51)
    hooked: dict[str, Tensor] = {}

    def keep(name: str) -> None:
        tiny.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output: hooked.update({name: output.clone()})
        )

    for name in tiny.layer_names:
        keep(name)
    _, outputs = tiny.forward_intermediates(picture)
    assert set(outputs) == set(hooked) == set(tiny.layer_names)
    for name, output in outputs.items():
        torch.testing.assert_close(output, hooked[name], atol=0, rtol=0)


def test_only_the_chosen_layers_are_kept(tiny: AudioResNet) -> None:
    picture = torch.randn(1, 1, 32, 51)
    features, outputs = tiny.forward_intermediates(picture, ["layer3.0", "stem"])
    assert set(outputs) == {"stem", "layer3.0"}
    assert torch.equal(features, tiny.forward_features(picture))


def test_a_layer_that_does_not_exist_is_refused_with_those_that_do(tiny: AudioResNet) -> None:
    with pytest.raises(RequestError, match=r"no layer layer9\.0; the layers are stem, layer1\.0,"):
        tiny.forward_intermediates(torch.randn(1, 1, 32, 51), ["layer9.0"])


def test_many_threads_get_the_answers_of_one(tiny: AudioResNet) -> None:
    pictures = [torch.randn(1, 1, 32, 51) for _ in range(32)]

    @torch.inference_mode()
    def answer(picture: Tensor) -> dict[str, Tensor]:
        features, outputs = tiny.forward_intermediates(picture)
        return outputs | {"logits": tiny.forward_head(features)}

    alone = [answer(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(answer, pictures))
    for one, many in zip(alone, together, strict=True):
        for name, output in one.items():
            torch.testing.assert_close(many[name], output, atol=1e-6, rtol=1e-5)


def test_the_head_averages_each_channel_and_takes_a_weighted_sum(tiny: AudioResNet) -> None:
    picture = torch.randn(2, 1, 32, 51)
    features = tiny.forward_features(picture)
    average = features.mean(dim=(2, 3))
    torch.testing.assert_close(tiny.embedding(features), average)
    expected = average @ tiny.fc.weight.T + tiny.fc.bias
    torch.testing.assert_close(tiny(picture), expected)


def test_a_block_adds_its_way_around_as_counted_by_hand() -> None:
    block = ResidualBlock(1, 1, stride=1).eval()
    for convolution in (block.conv1, block.conv2):
        nn.init.dirac_(convolution.weight)  # passes its input on
    # 2 + 2 = 4; -3 + 0 = -3, cut to 0; 0.5 + 0.5 = 1
    out = block(torch.tensor([[[[2.0, -3.0, 0.5]]]]))
    torch.testing.assert_close(out, torch.tensor([[[[4.0, 0.0, 1.0]]]]), atol=1e-4, rtol=0)


def test_a_new_block_of_the_network_passes_its_input_on(tiny: AudioResNet) -> None:
    x = torch.rand(1, 8, 8, 8)
    torch.testing.assert_close(tiny.get_submodule("layer1.0")(x), F.relu(x))


def test_dropout_works_in_training_only(tiny: AudioResNet) -> None:
    features = tiny.forward_features(torch.randn(4, 1, 32, 51))
    torch.testing.assert_close(tiny.forward_head(features), tiny.forward_head(features))
    tiny.train()
    assert not torch.equal(tiny.forward_head(features), tiny.forward_head(features))


def test_one_batch_can_be_learnt_by_heart(tiny: AudioResNet) -> None:
    pictures, targets = torch.randn(6, 1, 32, 51), torch.tensor([0, 1, 2, 0, 1, 2])
    optimizer = torch.optim.AdamW(tiny.parameters(), lr=3e-3)
    tiny.train()
    for _ in range(25):
        loss = F.cross_entropy(tiny(pictures), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
