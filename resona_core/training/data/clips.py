"""A list of clips -> what is heard of each, in memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from resona_core.config import FrontEndConfig
from resona_core.errors import AudioError, DataError
from resona_core.sound.mixing import mono_pieces
from resona_core.sound.opening import open_sound
from resona_core.sound.windows import is_silent, windows
from resona_core.training.data.clip_table import ClipTable

_LOG = logging.getLogger(__name__)
_NAMED = 5  # clips that a message names
_WORKERS = 4  # files decoded at a time


@dataclass(frozen=True)
class ClipSet:
    """Clips in memory.

    Attributes
    ----------
    waveforms : Tensor (clip, sample), int16
    targets : Tensor (clip,), int64
    table : ClipTable or None
        Which clips they are, in the same order; None for those that no table lists.
    """

    waveforms: Tensor
    targets: Tensor
    table: ClipTable | None = None

    def to(self, device: torch.device) -> ClipSet:
        """Return the clips on another device."""
        return ClipSet(self.waveforms.to(device), self.targets.to(device), self.table)

    def __len__(self) -> int:
        return len(self.targets)


def load_clips(
    clips: ClipTable, front_end: FrontEndConfig, skip_unreadable: bool = False
) -> ClipSet:
    """Decode every clip as serving does, and keep its first window in which something sounds.

    Each is scaled to its own peak before it is stored as int16: the front end does not depend on
    the level, and the quietest clips keep their 15 bits. Clips that are silent throughout are
    left out, and named in a warning.

    Parameters
    ----------
    clips : ClipTable
    front_end : FrontEndConfig
    skip_unreadable : bool
        Leave out clips that cannot be read, and say so in a warning.

    Raises
    ------
    DataError
        Naming the clips that cannot be read, or if all are silent.
    """

    def read(path: Path, name: str) -> Tensor | str | None:
        try:
            return _first_sounding(path, name, front_end)
        except (AudioError, OSError) as error:
            return str(error)

    table = clips.table
    with ThreadPoolExecutor(_WORKERS) as pool:
        reading = pool.map(read, table["path"], table["name"])
        shown = tqdm(reading, "decoding", len(table), unit="clip", leave=False, disable=None)
        answers = list(shown)  # a bar where somebody looks on
    waveforms = [answer for answer in answers if isinstance(answer, Tensor)]
    if reasons := [answer for answer in answers if isinstance(answer, str)]:
        _tell_unreadable(reasons, len(answers), skip_unreadable)
    if any(silent := [answer is None for answer in answers]):
        _tell_silent(list(table["name"][silent]), bool(waveforms))
    heard = table[[isinstance(answer, Tensor) for answer in answers]]
    targets = torch.tensor(heard["target"].to_numpy())
    return ClipSet(torch.stack(waveforms), targets, ClipTable(heard, clips.labels))


def _first_sounding(path: Path, name: str, front_end: FrontEndConfig) -> Tensor | None:
    """Return the first window that is not silent, as int16; what follows is not decoded."""
    with open_sound(path, name=name) as sound:
        pieces = mono_pieces(sound, front_end.sample_rate_hz)
        for window in windows(pieces, front_end.window_samples):
            if not is_silent(window.samples, sound.quietest):
                return _int16(window.samples)
    return None


def _tell_unreadable(reasons: Sequence[str], n_clips: int, skip: bool) -> None:
    """Warn of what is left out, or refuse where nothing may be or nothing remains."""
    count = f"{len(reasons)} of {n_clips} clips cannot be read"
    if skip and len(reasons) < n_clips:
        _LOG.warning("%s and are left out:\n%s", count, "\n".join(reasons))
        return
    cure = "repair or remove them" + ("" if skip else ", or leave them out with --skip-unreadable")
    more = f" (and {len(reasons) - _NAMED} more)" if len(reasons) > _NAMED else ""
    raise DataError(f"{count}; {cure}. {' '.join(reasons[:_NAMED])}{more}")


def _tell_silent(names: Sequence[str], any_sounds: bool) -> None:
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    if not any_sounds:
        raise DataError(f"Nothing sounds in any clip that can be read: {shown}; add others.")
    count = "1 clip is" if len(names) == 1 else f"{len(names)} clips are"
    _LOG.warning("%s silent throughout and left out: %s.", count, shown)


def to_float(waveforms: Tensor) -> Tensor:
    """Return int16 waveforms as float32 in [-1, 1]."""
    return waveforms.float() / 32_767.0


def _int16(window: NDArray[np.float32]) -> Tensor:
    peak = float(np.abs(window).max())  # above 0: something sounds
    return torch.from_numpy((window / peak * 32_767.0).round().astype(np.int16))
