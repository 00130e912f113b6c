"""The training loop: one page, resumable, everything it did written to a run folder.

What the folder's files are is said in :mod:`resona_core.training.fitting.run_folder`.
This page knows nothing of accuracy on held-out clips beyond logging it: no epoch is ever
chosen by it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from time import monotonic

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from tqdm import tqdm

from resona_core.config import TrainConfig
from resona_core.errors import DataError
from resona_core.memory import keep_memory
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.precision import has_fast_bf16
from resona_core.training.data.clips import ClipSet
from resona_core.training.evaluation.evaluate import predict
from resona_core.training.fitting.batches import Batch, Batches
from resona_core.training.fitting.graphed import Graphed
from resona_core.training.fitting.journal import Journal, write_environment
from resona_core.training.fitting.origin import start_from
from resona_core.training.fitting.plan import RunPlan, describe
from resona_core.training.fitting.run_folder import RunFolder
from resona_core.training.fitting.schedule import learning_rate_at, move_average
from resona_core.training.fitting.state import read_state, write_state
from resona_core.training.fitting.tagger import load_tagger
from resona_core.training.fitting.teaching import Teacher, learn_teacher

_EVALUATED_EVERY = 5  # epochs, or a 25th of a long run
_STORED_EVERY_S = 60.0  # where an epoch takes a second, writing the state would take as long


def fit(
    plan: RunPlan, clips: ClipSet, held_out: ClipSet | None, device: str, resume: bool,
    stored: Callable[[], None] | None = None, others: ClipSet | None = None,
) -> Path:  # fmt: skip
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
        Go on from the folder's ``last.pt``, and with its ``teacher.pt``, as far as they are there;
        a run that is finished and has left none is not trained again.
    stored : callable, optional
        Called whenever ``last.pt`` has been written.
    others : ClipSet, optional
        Sounds of no class, whose targets count in `plan.kinds`.

    Raises
    ------
    DataError
        If there are fewer clips than one batch, or as :class:`RunFolder` refuses the run.
    CheckpointError
        If the teacher or the weights to start from cannot be read.
    """
    if len(clips) < plan.training.batch_size:
        raise DataError(
            f"{len(clips)} clips do not fill one batch of {plan.training.batch_size}; "
            "add clips or lower batch_size."
        )
    keep_memory()
    torch.backends.cudnn.benchmark = True  # every batch has the same shape
    folder, described = RunFolder(plan.folder), json.loads(describe(plan).to_json())
    if resume and folder.is_finished:
        folder.resume(described)
        return folder.model
    trainer = Trainer(plan, clips, device, others)
    if resume:
        folder.resume(described)
    else:
        folder.create(described)
    write_environment(folder, trainer.device)
    if folder.last.exists():
        trainer.restore(folder.last)
    with Journal(folder, trainer.first_entry()) as journal:
        trainer.meet_teacher(journal, held_out)
        trainer.run(journal, held_out, stored or (lambda: None))
    checkpoint.save(folder.model, trainer.info, trainer.averaged.network.state_dict())
    return folder.model


class Trainer:
    """The state of one run: weights, their average, the optimiser, and the step."""

    def __init__(
        self, plan: RunPlan, clips: ClipSet, device: str, others: ClipSet | None = None
    ) -> None:
        self.plan, self.config, self.folder = plan, plan.training, RunFolder(plan.folder)
        self.device = torch.device(device)
        self.info = describe(plan)
        torch.manual_seed(self.config.seed)
        self.fast_bf16 = has_fast_bf16(self.device)
        self.classifier = Classifier(self.info).to(self.device)
        if plan.initial is not None:
            start_from(self.classifier, plan.initial)
        self.classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # untyped
        self.averaged = deepcopy(self.classifier).eval()
        self.teacher: Teacher | None = None
        self.map: nn.Module = nn.Identity()  # from the embedding to what the teacher hears
        if plan.teacher is not None:
            tagger = load_tagger(plan.teacher)
            rate_hz = plan.front_end.sample_rate_hz
            self.teacher = Teacher(tagger, len(plan.labels), rate_hz).to(self.device)
            width = self.classifier.network.fc.in_features
            self.map = nn.Linear(width, self.teacher.n_numbers).to(self.device)
        self.rate = torch.zeros((), device=self.device)
        self.optimizer = torch.optim.AdamW(
            _parameter_groups([self.classifier.network, self.map], self.config),
            lr=self.rate, fused=True, capturable=self.device.type == "cuda",
        )  # fmt: skip
        self.batches = Batches(
            self.config, self.classifier.front_end, len(plan.labels), clips, others, self.teacher,
            self.device, self.fast_bf16,
        )  # fmt: skip
        self.step = 0
        self.fitted: Callable[..., Tensor] = self._fit
        self.total_steps = self.batches.steps_per_epoch * self.config.epochs

    def first_entry(self) -> int:
        """Return the step from which on the log is written anew; the teacher's lie below 0."""
        if self.step:
            return self.step + 1
        taught = self.teacher is None or self.folder.teacher.exists()
        return 0 if taught else -self.config.teacher_epochs

    def meet_teacher(self, journal: Journal, held_out: ClipSet | None) -> None:
        """Let the teacher learn the classes, or remember what it has learnt of them."""
        if self.teacher is None:
            return
        if self.folder.teacher.exists():
            self.teacher.load_state_dict(read_state(self.folder.teacher, self.device))
            self.teacher.eval()
        else:
            learn_teacher(
                self.teacher,
                self.batches.waveforms,
                self.batches.targets,
                self.config,
                self.fast_bf16,
                lambda epoch, loss: journal.teacher(epoch - self.config.teacher_epochs, loss),
            )
            write_state(self.teacher.state_dict(), self.folder.teacher)
        if held_out is not None:
            probabilities = self.teacher.answers(held_out.waveforms)
            ends = [step for step in (0, self.total_steps) if step >= self.first_entry()]
            journal.teacher_held_out(ends, probabilities, held_out.targets)

    def run(self, journal: Journal, held_out: ClipSet | None, stored: Callable[[], None]) -> None:
        """Train from the current step to the last one."""
        first_epoch = self.step // self.batches.steps_per_epoch
        progress = tqdm(range(first_epoch, self.config.epochs), unit="epoch", desc=self.plan.name,
                        initial=first_epoch, total=self.config.epochs)  # fmt: skip
        stored_at, shown = -math.inf, dict[str, str]()
        evaluated_every = max(_EVALUATED_EVERY, self.config.epochs // 25)
        indices = self.batches.order(first_epoch)[0]
        journal.batch(self.step, self.batches.make(indices, self.step).pictures)
        for epoch in progress:
            self.classifier.train()
            if epoch == first_epoch + 1 and self.device.type == "cuda":
                self.record()
            torch.manual_seed(self.config.seed * 1_000_003 + epoch)  # dropout's, also when resumed
            steps = [self.learn(batch) for batch in self.batches.of_epoch(epoch, self.step)]
            losses = self._named(self._finite(torch.stack(steps)).mean(dim=0))
            journal.epoch(self.step, losses, self.rate.item())
            shown["loss"] = f"{losses['loss']:.3f}"
            if held_out is not None and (epoch + 1) % evaluated_every == 0:
                shown["held out"] = f"{self._log_held_out(journal, held_out):.1%}"
            progress.set_postfix(shown)
            due = (epoch + 1) % self.plan.stored_every == 0
            late = monotonic() - stored_at >= _STORED_EVERY_S
            if epoch + 1 == self.config.epochs or (due and late):
                self.store(self.folder.last)
                stored_at = monotonic()
                stored()
        if held_out is not None:
            logits = predict(self.averaged, held_out)
            journal.result(self.step, self.config, self.plan.labels, logits, held_out.targets)
        else:
            journal.hyperparameters(self.step, self.config, {})

    def record(self) -> None:
        """Record a step as a CUDA graph, between two epochs: nothing else may use the GPU."""
        batch = self.batches.make(self.batches.order(0)[0], self.step)
        self.batches.record()
        self.fitted = Graphed(self._fit, *batch)

    def learn(self, batch: Batch) -> Tensor:
        """Learn from one batch; return its `LOSSES`."""
        self.rate.fill_(learning_rate_at(self.step, self.total_steps, self.config))
        losses = self.fitted(*batch).clone()
        self.step += 1
        move_average(self.averaged, self.classifier, self.config.ema_decay, self.step)
        return losses

    def _fit(
        self, pictures: Tensor, targets: Tensor, kinds: Tensor | None, numbers: Tensor | None
    ) -> Tensor:
        network, config, nothing = self.classifier.network, self.config, targets.new_zeros(())
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.fast_bf16, cache_enabled=False
        ):
            embedding = network.embedding(network.forward_features(pictures))
        embedding = embedding.float()
        logits = network.fc(network.dropout(embedding))
        loss = F.cross_entropy(logits, targets)
        kind = nothing if kinds is None else F.cross_entropy(network.kinds(embedding), kinds)
        feature = nothing if numbers is None else F.mse_loss(self.map(embedding), numbers)
        self.optimizer.zero_grad()
        total = loss + config.kind_weight * kind + config.feature_weight * feature
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        known = slice(None, self.batches.n_known)
        correct = (logits[known].argmax(1) == targets[known].argmax(1)).float().mean()
        return torch.stack([loss, correct, kind, feature]).detach()

    def _named(self, losses: Tensor) -> dict[str, float]:
        """Return those of `LOSSES` that this run learns by, by name."""
        named = dict(zip(LOSSES, losses.tolist(), strict=True))
        for name, is_learnt in (
            ("kind_loss", bool(self.info.kinds)),
            ("feature_error", self.teacher is not None),
        ):
            if not is_learnt:
                del named[name]
        return named

    def _finite(self, steps: Tensor) -> Tensor:
        """Return an epoch's `LOSSES` (step, loss) if all are numbers."""
        wrong = ~steps.isfinite().all(dim=1)
        if wrong.any():
            step = self.step - len(steps) + int(wrong.nonzero()[0]) + 1
            raise DataError(
                f"The loss is not a number at step {step} of {self.total_steps}; nothing of it was "
                "stored. Begin anew with a lower peak_learning_rate; earlier epochs are in last.pt."
            )
        return steps

    def _log_held_out(self, journal: Journal, held_out: ClipSet) -> float:
        """Log the accuracy on held-out clips; return that of the averaged weights."""
        self.classifier.eval()
        for name, network in (("raw", self.classifier), ("averaged", self.averaged)):
            logits = predict(network, held_out)
            accuracy = journal.held_out(self.step, name, logits, held_out.targets)
        return accuracy

    def store(self, path: Path) -> None:
        """Write everything needed to go on."""
        state = {
            "step": self.step,
            "classifier": self.classifier.state_dict(),
            "averaged": self.averaged.state_dict(),
            "map": self.map.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_state(state, path)

    def restore(self, path: Path) -> None:
        """Read what :meth:`store` wrote."""
        state = read_state(path, self.device)
        self.step = state["step"]
        self.classifier.load_state_dict(state["classifier"])
        self.averaged.load_state_dict(state["averaged"])
        self.map.load_state_dict(state["map"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.optimizer.param_groups[0]["lr"] = self.optimizer.param_groups[1]["lr"] = self.rate


LOSSES = ("loss", "accuracy", "kind_loss", "feature_error")
"""What is logged of each epoch: means over its batches."""


def _parameter_groups(
    modules: Sequence[nn.Module], config: TrainConfig
) -> Sequence[dict[str, object]]:
    """Weight decay for the kernels, none for gains and biases."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
