"""What a network learnt on AudioSet teaches: two views of a sound that err differently.

    frozen   the tagger as it is, and a linear layer on all it hears (logistic regression)
    tuned    a copy of it, trained on the classes

Their probabilities are averaged; the student learns them beside the labels, and, through a linear
map that is thrown away, all that the frozen one hears. Teacher and student hear the same clip,
mixed and from the same moment on; gaps, rooms, filters and noise are the student's alone.

Source: Beyer et al., "Knowledge distillation: a good teacher is patient and consistent", CVPR
2022, except for the disturbances, which there both see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from tqdm import tqdm

from resona_core.config import TrainConfig
from resona_core.training.data.clips import to_float
from resona_core.training.fitting import augment
from resona_core.training.fitting.schedule import learning_rate_at, move_average
from resona_core.training.fitting.tagger import AudioTagger, TaggerFrontEnd

_VIEWS = 6  # of each clip, for the linear layer; the first is the clip as it is
_MIXED = 0.8  # of the other views
_UNDISTURBED: Mapping[str, Any] = {  # gaps, rooms, filters and noise are the student's alone
    "gap_probability": 0.0,
    "room_probability": 0.0,
    "colour_probability": 0.0,
    "noise_probability": 0.0,
}
_C = 0.03  # inverse strength of the linear layer's decay, as scikit-learn counts it
_NEW_LAYER = 3.0  # times the learning rate
_BATCH = 32  # clips, for the copy; fewer if the recipe's batches are smaller
_EMA = 0.99


class Lesson(NamedTuple):
    """What the teacher says of a batch.

    Attributes
    ----------
    probabilities : Tensor (batch, class)
    numbers : Tensor (batch, number)
        Features and tags of the frozen one, zero mean and unit deviation.
    """

    probabilities: Tensor
    numbers: Tensor


class Teacher(nn.Module):
    """A tagger with a linear layer of its own, and a copy that is trained.

    Parameters
    ----------
    tagger : AudioTagger
    n_classes : int
    sample_rate_hz : int
        Of the waveforms it will be given.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, tagger: AudioTagger, n_classes: int, sample_rate_hz: int) -> None:
        super().__init__()
        self.front_end = TaggerFrontEnd(sample_rate_hz)
        self.frozen = tagger.eval().requires_grad_(False)
        self.tuned = deepcopy(tagger)
        self.tuned_layer = nn.Linear(tagger.n_features, n_classes)
        self.n_numbers = tagger.n_features + tagger.n_tags
        self.frozen_layer = nn.Linear(self.n_numbers, n_classes)
        self.register_buffer("mean", torch.zeros(self.n_numbers))
        self.register_buffer("deviation", torch.ones(self.n_numbers))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # untyped

    def pictures(self, waveforms: Tensor) -> Tensor:
        """Return what it sees of (batch, sample), each scaled to its peak."""
        peak = waveforms.abs().amax(dim=1, keepdim=True).clamp_min(1e-9)
        pictures: Tensor = self.front_end(waveforms / peak)
        return pictures.contiguous(memory_format=torch.channels_last)

    def numbers(self, pictures: Tensor) -> Tensor:
        """Return features and tags of the frozen one, standardised, (batch, number)."""
        heard = torch.cat(self.frozen(pictures), dim=1)
        return (heard - self.mean) / self.deviation

    def tuned_logits(self, pictures: Tensor) -> Tensor:
        """Return the trained one's logits, (batch, class)."""
        logits: Tensor = self.tuned_layer(self.tuned(pictures)[0])
        return logits

    @torch.no_grad()
    def forward(self, waveforms: Tensor) -> Lesson:
        """Teach a batch of waveforms (batch, sample)."""
        pictures = self.pictures(waveforms)
        numbers = self.numbers(pictures).float()
        frozen = self.frozen_layer(numbers).float().softmax(dim=1)
        tuned = self.tuned_logits(pictures).float().softmax(dim=1)
        return Lesson((frozen + tuned) / 2, numbers)

    @torch.no_grad()
    def hears(self, waveforms: Tensor) -> Tensor:
        """Return the frozen one's probabilities (batch, class) for waveforms (batch, sample)."""
        numbers = self.numbers(self.pictures(waveforms)).float()
        probabilities: Tensor = self.frozen_layer(numbers).softmax(dim=1)
        return probabilities

    def answers(self, waveforms: Tensor) -> Tensor:
        """Return its probabilities (clip, class) for int16 waveforms, on the CPU."""
        device = self.mean.device
        parts = [
            self(to_float(part.to(device))).probabilities for part in torch.split(waveforms, 32)
        ]
        return torch.cat(parts).cpu()


def learn_teacher(
    teacher: Teacher, waveforms: Tensor, targets: Tensor, config: TrainConfig, fast_bf16: bool,
    told: Callable[[int, float], None] = lambda epoch, loss: None,
) -> Teacher:  # fmt: skip
    """Let both halves of `teacher` learn the classes.

    Parameters
    ----------
    teacher : Teacher
        On the device of the clips.
    waveforms : Tensor (clip, sample), int16
    targets : Tensor (clip, class)
    config : TrainConfig
    fast_bf16 : bool
        Train the copy in bf16.
    told : callable, optional
        Given each epoch of the copy, and its loss.
    """
    views = _Views.of(teacher, waveforms, targets, config)
    _learn_linear(teacher, views, config.batch_size, _VIEWS)
    _tune(teacher, views, config, fast_bf16, told)
    return teacher.eval().requires_grad_(False)


def learn_ear(
    teacher: Teacher, waveforms: Tensor, targets: Tensor, config: TrainConfig, views: int = 2
) -> Teacher:
    """Let only the frozen half of `teacher` learn the classes: an ear that judges others.

    Parameters
    ----------
    teacher, waveforms, targets, config
        As for :func:`learn_teacher`.
    views : int
        Of each clip.
    """
    _learn_linear(teacher, _Views.of(teacher, waveforms, targets, config), config.batch_size, views)
    return teacher.eval().requires_grad_(False)


class _Views(NamedTuple):
    """The clips, changed and mixed anew for each step."""

    waveforms: Tensor
    targets: Tensor
    config: TrainConfig
    sample_rate_hz: int

    @classmethod
    def of(
        cls, teacher: Teacher, waveforms: Tensor, targets: Tensor, config: TrainConfig
    ) -> _Views:
        hears = replace(config, **_UNDISTURBED, mix_probability=_MIXED)
        return cls(waveforms, targets, hears, teacher.front_end.sample_rate_hz)

    def at(self, indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        changed = augment.augment_waveforms(
            to_float(self.waveforms[indices]),
            self.targets[indices],
            self.sample_rate_hz,
            self.config,
            generator,
        )
        return changed.undisturbed, changed.targets

    def generator(self, seed: int) -> Generator:
        number = (self.config.seed * 1_000_003 + 500_009 + seed) % 2**63
        return torch.Generator(self.waveforms.device).manual_seed(number)


@torch.no_grad()
def _learn_linear(teacher: Teacher, views: _Views, batch_size: int, n_views: int) -> None:
    """Fit the frozen one's linear layer to several views of every clip."""
    heard, wanted = [], []
    everything = torch.arange(len(views.waveforms), device=views.waveforms.device)
    for view in tqdm(range(n_views), desc="teacher, frozen", unit="view"):
        generator = views.generator(view)
        for indices in torch.split(everything, batch_size):
            sounds, targets = to_float(views.waveforms[indices]), views.targets[indices]
            if view:
                order = torch.randperm(
                    len(everything), generator=generator, device=everything.device
                )[: len(indices)]
                sounds, targets = views.at(order, generator)
            heard.append(teacher.numbers(teacher.pictures(sounds)))
            wanted.append(targets)
    numbers, targets = torch.cat(heard), torch.cat(wanted)
    teacher.mean.copy_(numbers.mean(0))
    teacher.deviation.copy_(numbers.std(0).clamp_min(1e-3))
    _fit_logistic(
        teacher.frozen_layer,
        (numbers - teacher.mean) / teacher.deviation,
        targets,
        decay=1 / (2 * _C * len(everything)),
    )


def _fit_logistic(layer: nn.Linear, numbers: Tensor, targets: Tensor, decay: float) -> None:
    """Fit a linear layer to soft targets by L-BFGS: mean cross entropy + decay * |weights|^2."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(
        layer.parameters(), max_iter=300, history_size=20, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(layer(numbers), targets) + decay * layer.weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]


def _tune(
    teacher: Teacher,
    views: _Views,
    config: TrainConfig,
    fast_bf16: bool,
    told: Callable[[int, float], None],
) -> None:
    """Train the copy: one cycle, masks, averaged weights; the last epoch counts."""
    learner = nn.ModuleDict({"tagger": teacher.tuned, "layer": teacher.tuned_layer})
    learner.train().requires_grad_(True)
    averaged = deepcopy(learner)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(teacher.tuned.parameters()), "scale": 1.0},
            {"params": list(teacher.tuned_layer.parameters()), "scale": _NEW_LAYER},
        ],
        weight_decay=config.weight_decay,
    )
    rates = replace(config, peak_learning_rate=config.teacher_learning_rate)
    device, size = views.waveforms.device, min(_BATCH, config.batch_size)
    steps_per_epoch = max(1, len(views.waveforms) // size)
    total, step = steps_per_epoch * config.teacher_epochs, 0
    for epoch in tqdm(range(config.teacher_epochs), desc="teacher, tuned", unit="epoch"):
        generator = views.generator(_VIEWS + epoch)
        order = torch.randperm(len(views.waveforms), generator=generator, device=device)
        losses = []
        for indices in order[: steps_per_epoch * size].reshape(steps_per_epoch, -1):
            sounds, targets = views.at(indices, generator)
            pictures = augment.mask_pictures(teacher.pictures(sounds), config, generator)
            for group in optimizer.param_groups:
                group["lr"] = group["scale"] * learning_rate_at(step, total, rates)
            with torch.autocast(device.type, torch.bfloat16, enabled=fast_bf16):
                logits = teacher.tuned_logits(pictures)
            loss = F.cross_entropy(logits.float(), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            move_average(averaged, learner, _EMA, step)
            losses.append(loss.detach())
        told(epoch, torch.stack(losses).mean().item())
    learner.load_state_dict(averaged.state_dict())
