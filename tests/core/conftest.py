"""What only the tests of the core share: a stored network, files that soundfile cannot write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import av
import numpy as np
import pytest
import torch
from av.stream import Disposition
from numpy.typing import NDArray
from torch import nn

from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo


def _pictures() -> Iterator[av.VideoFrame]:
    for level in range(10):
        yield av.VideoFrame.from_ndarray(np.full((32, 32, 3), level, np.uint8), "rgb24")


def _sound(samples: NDArray[np.float32], rate_hz: int, layout: str) -> Iterator[av.AudioFrame]:
    planes = np.ascontiguousarray(np.atleast_2d(samples.T), dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(planes, "fltp", layout)
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
    yield frame


@pytest.fixture(scope="session")
def encode(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """A function that returns a file's bytes as FFmpeg writes them.

    (samples or None, sample_rate_hz, container, audio codec, video codec or None, **options); a
    list of samples makes as many sound tracks. `late_s` delays the sound, `without` leaves out
    what begins between two times, `default` marks one track, counted from 0.
    """
    folder: Path = tmp_path_factory.mktemp("encoded")

    def encode(
        samples: NDArray[np.float32] | list[NDArray[np.float32]] | None,
        sample_rate_hz: int,
        container: str,
        codec: str,
        video: str | None = None,
        late_s: float = 0.0,
        without: tuple[float, float] = (0.0, 0.0),
        default: int | None = None,
        **options: str,
    ) -> bytes:
        path = folder / uuid4().hex
        with av.open(path, "w", format=container, options=options) as output:
            tracks = []  # all of them before the first packet
            if video:
                track = output.add_stream(video, rate=10, width=32, height=32, pix_fmt="yuv420p")
                tracks.append((track, _pictures()))
            sounds = samples if isinstance(samples, list) else [samples]
            for number, sound in enumerate(each for each in sounds if each is not None):
                layout = "mono" if sound.ndim == 1 else "stereo"
                track = output.add_stream(codec, rate=sample_rate_hz, layout=layout)
                if default is not None:
                    track.disposition = Disposition.default if number == default else Disposition(0)
                tracks.append((track, _sound(sound, sample_rate_hz, layout)))
            for track, frames in tracks:
                for frame in [*frames, None]:  # None: what the encoder holds back
                    for packet in track.encode(frame):
                        output.mux(_moved(packet, late_s, without))
        return path.read_bytes()

    return encode


def _moved(packet: av.Packet, late_s: float, without: tuple[float, float]) -> list[av.Packet]:
    """Return a packet of sound where it is to be, or none; pictures stay."""
    if packet.stream.type != "audio" or packet.pts is None:
        return [packet]
    at_s = float(packet.pts * packet.time_base)
    packet.pts += round(late_s / packet.time_base)
    packet.dts = packet.pts
    return [] if without[0] <= at_s < without[1] else [packet]


@pytest.fixture
def weights(tmp_path: Path, tiny_info: CheckpointInfo, tiny_classifier: Classifier) -> str:
    """The path of a toy network's file."""
    path = tmp_path / "toy.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    return str(path)


@pytest.fixture
def uneven_classifier(tiny_info: CheckpointInfo) -> Classifier:
    """A toy whose normalisations are not neutral, and whose answers are far from even."""
    torch.manual_seed(0)
    classifier = Classifier(tiny_info)
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean, 0, 0.3)  # type: ignore[arg-type]
    return classifier.eval().requires_grad_(False)
