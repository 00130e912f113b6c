"""The training loop: one page, resumable, everything it did written to a run folder.

    runs/NAME/config.json        what was asked for
    runs/NAME/last.pt            everything needed to go on after a kill
    runs/NAME/events.* and more  see :mod:`resona_core.training.journal`
    runs/NAME/model.safetensors  the averaged weights, when finished

This page knows nothing of accuracy on held-out clips beyond logging it: no epoch is ever
chosen by it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from tqdm import tqdm

from resona_core import checkpoint
from resona_core.checkpoint import CheckpointInfo, Classifier
from resona_core.config import FrontEndConfig, ModelConfig, TrainConfig
from resona_core.errors import DataError
from resona_core.spectrogram import LogMel
from resona_core.training import augment
from resona_core.training.data import ClipSet, to_float
from resona_core.training.evaluate import predict
from resona_core.training.journal import Journal, write_environment

_EXAMINED_EVERY = 5  # epochs


@dataclass(frozen=True)
class RunPlan:
    """What one run is to do: folder, recipe, network, and the folds it may see."""

    folder: Path
    name: str
    training: TrainConfig
    model: ModelConfig
    front_end: FrontEndConfig
    labels: tuple[str, ...]
    folds: tuple[int, ...]
    data: str = ""
    licence: str = ""
    initial: Path | None = None  # a checkpoint to start from, for every layer that fits


def learning_rate_at(step: int, total: int, config: TrainConfig) -> float:
    """Return the learning rate of `step`: one cycle, a cosine up and a longer cosine down.

    Source: Smith & Topin, "Super-convergence", 2018; starts at 1/25 of the peak and ends at
    1/1000 of it.
    """
    warmup = max(1, round(total * config.warmup_fraction))
    if step < warmup:
        low, progress = 1 / 25, (1 - math.cos(math.pi * step / warmup)) / 2
    else:
        low = 1e-3
        progress = (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup))) / 2
    return config.peak_learning_rate * (low + (1 - low) * progress)


def crop_samples_at(step: int, total: int, config: TrainConfig, front_end: FrontEndConfig) -> int:
    """Return the clip length of `step` in samples: one of `crop_s`, at the end all of it."""
    if step >= total * (1 - config.full_length_fraction):
        return front_end.window_samples
    choice = torch.randint(len(config.crop_s), (1,), generator=_generator(config.seed, step, "cpu"))
    seconds = min(config.crop_s[int(choice)], front_end.window_s)
    return round(seconds * front_end.sample_rate_hz)


def measure_front_end(clips: ClipSet, front_end: FrontEndConfig) -> FrontEndConfig:
    """Return `front_end` with the mean and deviation of these clips' decibels."""
    log_mel = LogMel(front_end)
    total = squares = count = 0.0
    for part in torch.split(clips.waveforms, 64):
        decibels = log_mel.decibels(to_float(part)).double()
        total, squares = total + decibels.sum().item(), squares + decibels.square().sum().item()
        count += decibels.numel()
    mean = total / count
    deviation = math.sqrt(squares / count - mean**2)
    values = front_end.to_dict() | {"mean_db": round(mean, 3), "std_db": round(deviation, 3)}
    return FrontEndConfig.from_dict(values)


def has_fast_bf16(device: torch.device) -> bool:
    """Tell whether bf16 pays: on GPUs and CPUs with AMX tiles; elsewhere float32 is faster."""
    return device.type != "cpu" or torch.cpu._is_amx_tile_supported()


def start_from(classifier: Classifier, path: Path) -> list[str]:
    """Copy a checkpoint's weights into every layer of the same shape; return what was left.

    The last layer is left when the classes differ: its rows would mean other sounds.
    """
    source = checkpoint.load(path)
    same_classes = source.info.labels == classifier.info.labels
    given, own = source.network.state_dict(), classifier.network.state_dict()
    fits = {
        name: given[name]
        for name in own
        if name in given
        and given[name].shape == own[name].shape
        and (same_classes or not name.startswith("fc."))
    }
    classifier.network.load_state_dict(own | fits)
    return sorted(set(own) - set(fits))


def fit(plan: RunPlan, clips: ClipSet, held_out: ClipSet | None, device: str, resume: bool,
        stored: Callable[[], None] | None = None) -> Path:  # fmt: skip
    """Train, and return the path of the finished checkpoint.

    Parameters
    ----------
    plan : RunPlan
        `plan.front_end` must already carry the statistics of `clips`.
    clips : ClipSet
        What is learnt from.
    held_out : ClipSet or None
        Clips whose accuracy is logged now and then; it decides nothing.
    device : str
        A torch device.
    resume : bool
        Go on from the folder's ``last.pt``.
    stored : callable, optional
        Called whenever ``last.pt`` has been written.

    Raises
    ------
    DataError
        If there are fewer clips than one batch, or the run to resume differs.
    """
    if len(clips) < plan.training.batch_size:
        raise DataError(
            f"{len(clips)} clips do not fill one batch of {plan.training.batch_size}; "
            "bring more clips or lower batch_size."
        )
    trainer = Trainer(plan, clips, device)
    plan.folder.mkdir(parents=True, exist_ok=True)
    described = json.loads(trainer.info.to_json())
    config_file = plan.folder / "config.json"
    if resume and (plan.folder / "last.pt").exists():
        if json.loads(config_file.read_text()) != described:
            raise DataError(f"{plan.folder} holds a run with another configuration; rename it.")
        trainer.restore(plan.folder / "last.pt")
    config_file.write_text(json.dumps(described, indent=1))
    write_environment(plan.folder, trainer.device)
    with Journal(plan.folder, trainer.step) as journal:
        trainer.run(journal, held_out, stored or (lambda: None))
    path = plan.folder / "model.safetensors"
    checkpoint.save(path, trainer.info, trainer.averaged.network.state_dict())
    return path


class Trainer:
    """The state of one run: weights, their average, the optimiser, and the step."""

    def __init__(self, plan: RunPlan, clips: ClipSet, device: str) -> None:
        self.plan, self.config, self.clips = plan, plan.training, clips
        self.device = torch.device(device)
        self.info = CheckpointInfo(
            name=plan.name, front_end=plan.front_end, model=plan.model, labels=plan.labels,
            training=plan.training, data=plan.data, licence=plan.licence, folds=plan.folds,
            initial=checkpoint.read_info(plan.initial).name if plan.initial else "",
        )  # fmt: skip
        torch.manual_seed(self.config.seed)
        self.fast_bf16 = has_fast_bf16(self.device)
        self.classifier = Classifier(self.info).to(self.device)
        if plan.initial is not None:
            start_from(self.classifier, plan.initial)
        self.classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # untyped
        self.averaged = deepcopy(self.classifier).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.classifier, self.config))
        self.waveforms = clips.waveforms.to(self.device)
        one_hot = F.one_hot(clips.targets, len(plan.labels)).float().to(self.device)
        smoothing = self.config.label_smoothing
        self.targets = one_hot * (1 - smoothing) + smoothing / len(plan.labels)
        self.step = 0
        self.steps_per_epoch = len(clips) // self.config.batch_size
        self.total_steps = self.steps_per_epoch * self.config.epochs

    def run(self, journal: Journal, held_out: ClipSet | None, stored: Callable[[], None]) -> None:
        """Train from the current step to the last one."""
        first_epoch = self.step // self.steps_per_epoch
        progress = tqdm(range(first_epoch, self.config.epochs), unit="epoch", desc=self.plan.name,
                        initial=first_epoch, total=self.config.epochs)  # fmt: skip
        journal.batch(self.step, self.make_batch(next(self._batches(first_epoch)))[0])
        for epoch in progress:
            self.classifier.train()
            torch.manual_seed(self.config.seed * 1_000_003 + epoch)  # dropout's, also when resumed
            steps = [self.learn(indices) for indices in self._batches(epoch)]
            loss, accuracy = torch.stack(steps).mean(dim=0).tolist()
            journal.epoch(self.step, loss, accuracy, self.optimizer.param_groups[0]["lr"])
            progress.set_postfix(loss=f"{loss:.3f}")
            if held_out is not None and (epoch + 1) % _EXAMINED_EVERY == 0:
                self._log_held_out(journal, held_out)
            self.store(self.plan.folder / "last.pt")
            stored()
        if held_out is not None:
            logits = predict(self.averaged, held_out)
            journal.result(self.step, self.config, self.plan.labels, logits, held_out.targets)

    def _batches(self, epoch: int) -> Iterator[Tensor]:
        size, source = self.config.batch_size, _generator(self.config.seed, -1 - epoch, "cpu")
        order = torch.randperm(len(self.clips), generator=source)
        return iter(order[: self.steps_per_epoch * size].reshape(-1, size).to(self.device))

    def learn(self, indices: Tensor) -> Tensor:
        """Make a batch of these clips and learn from it; return (loss, accuracy)."""
        return self.learn_batch(*self.make_batch(indices))

    def learn_batch(self, pictures: Tensor, targets: Tensor) -> Tensor:
        """Learn from pictures (batch, 1, mel, frame) with soft targets (batch, class)."""
        rate = learning_rate_at(self.step, self.total_steps, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.fast_bf16):
            logits = self.classifier.network(pictures)
        loss = F.cross_entropy(logits.float(), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        self._average()
        correct = (logits.argmax(1) == targets.argmax(1)).float().mean()
        return torch.stack([loss.detach(), correct])

    @torch.no_grad()
    def make_batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return changed and masked pictures of these clips, and their soft targets."""
        generator = _generator(self.config.seed, self.step, self.device.type)
        front_end = self.info.front_end
        length = crop_samples_at(self.step, self.total_steps, self.config, front_end)
        waveforms, targets = augment.augment_waveforms(
            to_float(self.waveforms[indices]), self.targets[indices], length,
            front_end.sample_rate_hz, self.config, generator,
        )  # fmt: skip
        pictures = self.classifier.front_end(waveforms)
        pictures = augment.mask_pictures(pictures, self.config, generator)
        return pictures.contiguous(memory_format=torch.channels_last), targets

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged weights towards the current ones; copy the counters."""
        weight = 1 - min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        pairs = zip(
            self.averaged.state_dict().values(), self.classifier.state_dict().values(), strict=True
        )
        for average, current in pairs:
            if average.is_floating_point():
                average.lerp_(current, weight)
            else:
                average.copy_(current)

    def _log_held_out(self, journal: Journal, held_out: ClipSet) -> None:
        self.classifier.eval()
        for name, network in (("raw", self.classifier), ("averaged", self.averaged)):
            journal.held_out(self.step, name, predict(network, held_out), held_out.targets)

    def store(self, path: Path) -> None:
        """Write everything needed to go on; a kill while writing leaves the old file."""
        state = {
            "step": self.step,
            "classifier": self.classifier.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def restore(self, path: Path) -> None:
        """Read what :meth:`store` wrote."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.step = state["step"]
        self.classifier.load_state_dict(state["classifier"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])


def _parameter_groups(classifier: Classifier, config: TrainConfig) -> Sequence[dict[str, object]]:
    """Weight decay for the kernels, none for gains and biases."""
    parameters = list(classifier.network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _generator(seed: int, step: int, device: str) -> torch.Generator:
    """Return the random source of one step: the same whenever the run is resumed."""
    return torch.Generator(device).manual_seed((seed * 1_000_003 + step) % 2**63)
