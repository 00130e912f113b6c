"""Torch's network, made when it is first asked for; importing this loads no torch."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from resona_core.errors import SettingsError
from resona_core.settings import Settings

if TYPE_CHECKING:
    from resona_core.network.checkpoint import Classifier


class OnDemand:
    """The classifier of the settings, one for all threads.

    Raises
    ------
    SettingsError
        If CUDA is asked for and not there.
    """

    def __init__(self, options: Settings) -> None:
        self._options, self._lock = options, Lock()
        self._made: Classifier | None = None
        if options.device == "cuda":
            import torch

            if not torch.cuda.is_available():
                raise SettingsError(
                    "RESONA_DEVICE is 'cuda', but there is no CUDA device; use cpu."
                )

    def __call__(self) -> Classifier:
        """Return the classifier, in eval mode, on the device of the settings.

        Raises
        ------
        CheckpointError
            If its weights cannot be used.
        """
        with self._lock:
            if self._made is None:
                self._made = self._load()
            return self._made

    def _load(self) -> Classifier:
        import torch

        from resona_core.network import checkpoint

        if self._options.threads:
            torch.set_num_threads(self._options.threads)
        return checkpoint.load(self._options.checkpoint, self._options.device)
