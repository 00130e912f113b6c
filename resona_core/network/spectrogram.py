"""The front end in torch: what training and explanations differentiate, on the CPU and on GPUs.

Answers are computed by :mod:`resona_core.network.front_end`, with the same filters; a test holds
the two together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchaudio.transforms import Spectrogram

from resona_core.config import FrontEndConfig
from resona_core.network.front_end import TINY_POWER, mel_filters


class LogMel(nn.Module):
    """Log-mel spectrogram, in decibels below the loudest cell of each window.

    Parameters
    ----------
    config : FrontEndConfig
        Sample rate, window, mel range, dynamic range and the stored statistics.
    """

    filters: Tensor

    def __init__(self, config: FrontEndConfig) -> None:
        super().__init__()
        self.config = config
        self.power = Spectrogram(n_fft=config.n_fft, hop_length=config.hop_length, power=2.0)
        filters = torch.from_numpy(mel_filters(config))
        self.register_buffer("filters", filters, persistent=False)  # (mel, bin)

    def decibels(self, waveform: Tensor) -> Tensor:
        """Return the mel spectrogram in dB re its own maximum.

        Parameters
        ----------
        waveform : Tensor (batch, sample), float, any scale
            Sound at ``config.sample_rate_hz``; a constant offset is removed.

        Returns
        -------
        Tensor (batch, mel, frame), in [-top_db, 0] dB
        """
        centred = waveform - waveform.mean(dim=-1, keepdim=True)
        mel = torch.matmul(self.filters, self.power(centred))  # (batch, mel, frame)
        loudest = mel.amax(dim=(-2, -1), keepdim=True).clamp_min(TINY_POWER)
        floor = 10 ** (-self.config.top_db / 10)
        return 10.0 * torch.log10((mel / loudest).clamp_min(floor))

    def normalise(self, decibels: Tensor) -> Tensor:
        """Return (batch, 1, mel, frame): zero mean, unit deviation over the training clips."""
        scaled = (decibels - self.config.mean_db) / self.config.std_db
        return scaled.unsqueeze(1)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the network's input, (batch, 1, mel, frame), for (batch, sample) waveforms."""
        return self.normalise(self.decibels(waveform))
