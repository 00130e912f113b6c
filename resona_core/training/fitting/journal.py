"""What a run writes for TensorBoard and for those who ask later how it was made.

RUN/events.*          curves, pictures, hyperparameters: one log, so that a run is listed once
RUN/environment.json  commit, versions and machine

Entries stand at the optimiser step they were made after. What the teacher learnt before the first
step stands at negative ones, so that going on at a small step never takes it for its own.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.utils.tensorboard import FileWriter, SummaryWriter
from torch.utils.tensorboard.summary import hparams

from resona_core.config import TrainConfig
from resona_core.training.evaluation.metrics import fit_temperature
from resona_core.training.fitting.commit import git_commit
from resona_core.training.fitting.confusion_picture import confusion_picture
from resona_core.training.fitting.run_folder import RunFolder, write_json

_EXAMPLES = 8  # spectrograms shown


class Journal:
    """The log of one run; a context manager.

    Parameters
    ----------
    folder : RunFolder
    first_step : int
        Entries from this step on, where a stopped run has left some, are written anew.
    """

    def __init__(self, folder: RunFolder, first_step: int) -> None:
        self._log = SummaryWriter(folder.path, purge_step=first_step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.close()

    def teacher(self, step: int, loss: float) -> None:
        """Write how an epoch of the teacher went; `step`, below 0, counts them to the last, -1."""
        self._log.add_scalar("teacher/loss", loss, step)
        self._log.flush()

    def teacher_held_out(
        self, steps: Sequence[int], probabilities: Tensor, targets: Tensor
    ) -> None:
        """Write the teacher's accuracy on held-out clips, which is the same at all `steps`.

        And the temperature that suits its probabilities there: the student's will be near it.
        """
        accuracy = (probabilities.argmax(1) == targets).float().mean().item()
        logits = probabilities.clamp_min(1e-9).log().numpy()
        temperature = fit_temperature(logits, targets.numpy())
        for step in steps:
            self._log.add_scalar("held_out/accuracy_teacher", accuracy, step)
            self._log.add_scalar("held_out/temperature_teacher", temperature, step)

    def epoch(self, step: int, losses: Mapping[str, float], learning_rate: float) -> None:
        """Write how an epoch went."""
        for name, value in losses.items():
            self._log.add_scalar(f"train/{name}", value, step)
        self._log.add_scalar("train/learning_rate", learning_rate, step)
        self._log.flush()

    def held_out(self, step: int, weights: str, logits: Tensor, targets: Tensor) -> float:
        """Write loss and accuracy on held-out clips of the "raw" or the "averaged" weights.

        Returns
        -------
        float
            The accuracy.
        """
        loss = F.cross_entropy(logits, targets).item()
        accuracy = (logits.argmax(1) == targets).float().mean().item()
        self._log.add_scalar(f"held_out/loss_{weights}", loss, step)
        self._log.add_scalar(f"held_out/accuracy_{weights}", accuracy, step)
        return accuracy

    def batch(self, step: int, pictures: Tensor) -> None:
        """Show what the network is given: changed spectrograms (batch, 1, mel, frame)."""
        shown = pictures[:_EXAMPLES].float().cpu().flip(2)
        grey = shown / 6 + 0.5  # TensorBoard cuts off what is darker than 0 or brighter than 1
        self._log.add_images("train/spectrograms", grey, step)

    def result(
        self, step: int, config: TrainConfig, labels: tuple[str, ...], logits: Tensor,
        targets: Tensor,
    ) -> None:  # fmt: skip
        """Write the end on held-out clips: by class, confusions, hyperparameters."""
        counts = confusion_counts(logits.argmax(1).numpy(), targets.numpy(), len(labels))
        for label, row, right in zip(labels, counts, counts.diagonal(), strict=True):
            if row.any():
                self._log.add_scalar(f"held_out_class/{label}", right / row.sum(), step)
        picture = confusion_picture(labels, counts)
        self._log.add_image("held_out/confusion", picture, step, dataformats="HWC")
        self.hyperparameters(step, config, {"held_out/accuracy": counts.trace() / counts.sum()})

    def hyperparameters(self, step: int, config: TrainConfig, scores: Mapping[str, float]) -> None:
        """Write the recipe for TensorBoard's table of runs, beside the scores it led to."""
        # not `add_hparams`, which begins another log
        writer: FileWriter = self._log.file_writer  # type: ignore[assignment] # its own type: None
        for summary in hparams(config.to_dict(), dict(scores)):  # type: ignore[no-untyped-call]
            writer.add_summary(summary, step)
        for name, score in scores.items():
            self._log.add_scalar(name, score, step)


def confusion_counts(
    predicted: NDArray[np.integer], targets: NDArray[np.integer], n_classes: int
) -> NDArray[np.intp]:
    """Return how often each true class (row) was called each class (column)."""
    counts = np.zeros((n_classes, n_classes), np.intp)
    np.add.at(counts, (targets, predicted), 1)
    return counts


def write_environment(folder: RunFolder, device: torch.device) -> None:
    """Write commit, versions, machine and time; a resumed run keeps the first."""
    if not folder.environment.exists():
        write_json(folder.environment, environment(device))


def environment(device: torch.device) -> dict[str, str]:
    """Return commit, versions, machine and time."""
    return {
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "torchaudio": version("torchaudio"),
        "numpy": version("numpy"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cpu": _cpu_name(),
        "threads": str(torch.get_num_threads()),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _cpu_name() -> str:
    """Return the processor's name as Linux tells it, elsewhere as Python does."""
    about = Path("/proc/cpuinfo")
    told = re.search("model name\\s*: (.+)", about.read_text() if about.exists() else "")
    return told[1].strip() if told else platform.processor()
