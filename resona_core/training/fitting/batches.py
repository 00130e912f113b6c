"""What one step learns from: changed clips and their pictures, with all that is to be said of them.

Each batch is a pure function of the seed and the step, so a resumed run draws what an
unbroken one would have drawn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from resona_core.config import TrainConfig
from resona_core.errors import ConfigError
from resona_core.network.spectrogram import LogMel
from resona_core.training.data.clips import ClipSet, to_float
from resona_core.training.data.others import KINDS, synthesise
from resona_core.training.fitting import augment
from resona_core.training.fitting.augment import Changed
from resona_core.training.fitting.graphed import Graphed
from resona_core.training.fitting.teaching import Lesson, Teacher

_AHEAD = 2  # batches made while a GPU learns from another
_OTHERS_MIXED = 0.5  # of the sounds of no class, with each other


class Batch(NamedTuple):
    """The pictures of one step and their targets.

    Attributes
    ----------
    pictures : Tensor (batch, 1, mel, frame)
        Those of the classes first, then those of no class.
    targets : Tensor (batch, class)
        Rows that sum to 1; even over all classes for a sound of none.
    kinds : Tensor (batch, kind) or None
        None where no sounds of no class are learnt.
    numbers : Tensor (batch, number) or None
        What the teacher hears; None without one.
    """

    pictures: Tensor
    targets: Tensor
    kinds: Tensor | None
    numbers: Tensor | None


class _Ahead(NamedTuple):
    """A batch that a GPU is asked for, and the moment it will be there."""

    batch: Batch
    made: torch.cuda.Event

    def received(self) -> Batch:
        """Return the batch; what is asked of the GPU from now on waits for it."""
        stream = torch.cuda.current_stream(self.batch.pictures.device)
        stream.wait_event(self.made)
        for part in self.batch:
            if part is not None:
                part.record_stream(stream)  # its memory is not given away before that is done
        return self.batch


class Batches:
    """Makes the batches of a run.

    Parameters
    ----------
    config : TrainConfig
    front_end : LogMel
    n_classes : int
    clips : ClipSet
    others : ClipSet or None
        Sounds of no class; their targets count in `KINDS`.
    teacher : Teacher or None
        Must have learnt the classes before the first batch.
    device : torch.device
    fast_bf16 : bool
        Whether the teacher listens in bf16.

    Raises
    ------
    ConfigError
        If sounds of no class would fill the batches.
    """

    def __init__(
        self, config: TrainConfig, front_end: LogMel, n_classes: int, clips: ClipSet,
        others: ClipSet | None, teacher: Teacher | None, device: torch.device, fast_bf16: bool,
    ) -> None:  # fmt: skip
        self.fast_bf16 = fast_bf16
        self.config, self.front_end, self.teacher, self.device = config, front_end, teacher, device
        self.others = None if others is None else others.to(device)
        self.waveforms = clips.waveforms.to(device)
        one_hot = F.one_hot(clips.targets, n_classes).float().to(device)
        self.targets = one_hot * (1 - config.label_smoothing) + config.label_smoothing / n_classes
        self.n_others = round(config.batch_size * config.others_share) if others else 0
        self.n_known = config.batch_size - self.n_others
        if self.n_known < 1:
            raise ConfigError(
                f"TrainConfig.others_share is {config.others_share:g}, which leaves no clip of a "
                f"class in a batch of {config.batch_size}; lower it, or raise batch_size."
            )
        self.steps_per_epoch = len(clips) // self.n_known
        self.worker = ThreadPoolExecutor(1)  # one for the run: cuDNN plans anew for each thread
        self.lesson: Callable[[Tensor], Lesson] = self.teach
        # Making a batch waits for some numbers it draws; here it waits for no step before them.
        is_gpu = device.type == "cuda"
        self.stream = torch.cuda.Stream(device) if is_gpu else None  # type: ignore[no-untyped-call]

    def order(self, epoch: int) -> Tensor:
        """Return which clips each step of an epoch learns from, (step, clip)."""
        source = random_source(self.config.seed, -1 - epoch, torch.device("cpu"))
        order = torch.randperm(len(self.waveforms), generator=source)
        return order[: self.steps_per_epoch * self.n_known].reshape(-1, self.n_known)

    def of_epoch(self, epoch: int, step: int) -> Iterator[Batch]:
        """Yield an epoch's batches, the first being that of `step`.

        For a GPU a thread makes the next ones meanwhile; on a CPU they would only be in each
        other's way.
        """
        order = self.order(epoch)
        if self.stream is None:
            for i, indices in enumerate(order):
                yield self.make(indices, step + i)
            return
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        waiting: deque[Future[_Ahead]] = deque()
        for i, indices in enumerate(order):
            waiting.append(self.worker.submit(self._make_ahead, indices, step + i))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result().received()
        for ahead in waiting:
            yield ahead.result().received()

    def _make_ahead(self, indices: Tensor, step: int) -> _Ahead:
        """Make a batch beside what the GPU is learning from."""
        with torch.cuda.stream(self.stream):
            batch = self.make(indices, step)
            return _Ahead(batch, torch.cuda.current_stream(self.device).record_event())

    @torch.no_grad()
    def make(self, indices: Tensor, step: int) -> Batch:
        """Return the batch of `step`, learnt from these clips."""
        generator = random_source(self.config.seed, step, self.device)
        indices = indices.to(self.device)
        known = self._changed(
            to_float(self.waveforms[indices]), self.targets[indices], self.config, generator
        )
        parts, kinds, targets = [known], None, known.targets
        if self.others is not None:
            others = self._others(self.others, generator)
            parts.append(others)
            known_kind = F.one_hot(torch.zeros_like(indices), len(KINDS)).float()
            kinds = torch.cat([known_kind, others.targets])
        numbers = None
        if self.teacher is not None:
            lesson = self.lesson(torch.cat([part.undisturbed for part in parts]))
            share, numbers = self.config.teacher_share, lesson.numbers.clone()
            taught = lesson.probabilities[: self.n_known]
            targets = share * taught + (1 - share) * targets
        even = targets.new_full((self.n_others, targets.shape[1]), 1 / targets.shape[1])
        pictures = self.front_end(torch.cat([part.waveforms for part in parts]))
        pictures = augment.mask_pictures(pictures, self.config, generator)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        return Batch(pictures, torch.cat([targets, even]), kinds, numbers)

    def record(self) -> None:
        """Record what the teacher does as a CUDA graph; it must have taught a batch."""
        if self.teacher is not None:
            n_samples = self.waveforms.shape[1]
            example = torch.zeros(self.config.batch_size, n_samples, device=self.device)
            self.lesson = Graphed(self.teach, example)

    @torch.no_grad()
    def teach(self, waveforms: Tensor) -> Lesson:
        """Return what the teacher says of a batch (batch, sample)."""
        assert self.teacher is not None
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.fast_bf16, cache_enabled=False
        ):
            lesson: Lesson = self.teacher(waveforms)
        return lesson

    def _changed(
        self, waveforms: Tensor, targets: Tensor, config: TrainConfig, generator: Generator
    ) -> Changed:
        rate_hz = self.front_end.config.sample_rate_hz
        return augment.augment_waveforms(waveforms, targets, rate_hz, config, generator)

    def _others(self, others: ClipSet, generator: Generator) -> Changed:
        """Return changed sounds of no class: some recorded, some synthesised."""
        chosen = torch.randint(
            len(others), (self.n_others,), generator=generator, device=self.device
        )
        waveforms, targets = to_float(others.waveforms[chosen]), others.targets[chosen]
        draws = torch.rand(self.n_others, generator=generator, device=self.device)
        made_up = draws < self.config.synthetic_share
        if count := int(made_up.sum()):
            rate_hz = self.front_end.config.sample_rate_hz
            sounds, kinds = synthesise(waveforms, count, rate_hz, generator)
            waveforms[made_up], targets[made_up] = sounds, kinds
        config = replace(self.config, mix_probability=_OTHERS_MIXED)
        return self._changed(waveforms, F.one_hot(targets, len(KINDS)).float(), config, generator)


def random_source(seed: int, step: int, device: torch.device) -> Generator:
    """Return the random source of one step: the same whenever the run is resumed."""
    return torch.Generator(device).manual_seed((seed * 1_000_003 + step) % 2**63)
