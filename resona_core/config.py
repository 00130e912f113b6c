"""Every number that shapes the network or its training, in three frozen records.

They are stored in the checkpoint and read back from it: nothing else in the
project knows a sample rate, a mel count or a layer width.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, get_args, get_origin, get_type_hints

from resona_core.errors import ConfigError

TEST_FOLD = 0
"""The fold of clips that a dataset keeps for the test; never learnt unless asked for."""


class _Config:
    """Conversion to and from plain dictionaries, refusing what it does not know."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the record from `values`.

        Raises
        ------
        ConfigError
            For keys that are not fields, and for values of the wrong type.
        """
        types = get_type_hints(cls)
        unknown = sorted(set(values) - set(types))
        if unknown:
            raise ConfigError(
                f"{cls.__name__} has no {', '.join(unknown)}; its fields are {', '.join(types)}."
            )
        return cls(**{name: _cast(cls, name, value, types[name]) for name, value in values.items()})

    @classmethod
    def known_of(cls, values: Mapping[str, Any]) -> Self:
        """Build the record from those `values` that are fields; another version wrote the rest.

        Raises
        ------
        ConfigError
            For values of the wrong type, and for what is no dictionary.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f"{cls.__name__} is {values!r}, but must be an object of its fields.")
        names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls.from_dict({name: value for name, value in values.items() if name in names})


def _cast(owner: type, name: str, value: Any, wanted: Any) -> Any:
    """Turn JSON's value back into the field's type: lists to tuples, integers to floats."""
    if get_origin(wanted) is tuple and isinstance(value, list | tuple):
        return tuple(_cast(owner, name, item, get_args(wanted)[0]) for item in value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        expected = wanted.__name__ if isinstance(wanted, type) else wanted
        raise ConfigError(f"{owner.__name__}.{name} is {value!r}, but must be of type {expected}.")
    return value


@dataclass(frozen=True)
class FrontEndConfig(_Config):
    """How sound becomes the picture the network sees.

    The defaults are the front end for ESC-50. Decibels are counted from the loudest cell of
    each window, so the level of a recording does not matter, and everything more than
    `top_db` below that cell is cut off.
    """

    sample_rate_hz: int = 44_100
    window_s: float = 5.0
    n_fft: int = 2048  # samples a Fourier window: 46 ms at 44.1 kHz
    hop_length: int = 882  # samples between two frames: 20 ms
    n_mels: int = 128
    f_min_hz: float = 20.0
    f_max_hz: float = 16_000.0  # Ogg Vorbis, in which the clips once were, cuts above
    top_db: float = 80.0
    mean_db: float = -50.0  # of the training clips, measured at the start of training
    std_db: float = 20.0

    def __post_init__(self) -> None:
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ConfigError(
                f"The mel range {self.f_min_hz:g}-{self.f_max_hz:g} Hz must be ascending and end "
                f"at or below half the sample rate, {self.sample_rate_hz / 2:g} Hz."
            )
        for name in ("window_s", "n_fft", "hop_length", "n_mels", "top_db", "std_db"):
            if not getattr(self, name) > 0:  # NaN too
                raise ConfigError(f"FrontEndConfig.{name} is {getattr(self, name)}, must be > 0.")

    @property
    def window_samples(self) -> int:
        """Samples in one window."""
        return round(self.window_s * self.sample_rate_hz)

    @property
    def n_frames(self) -> int:
        """Frames in one window (centred frames: one more than whole hops)."""
        return self.window_samples // self.hop_length + 1


@dataclass(frozen=True)
class ModelConfig(_Config):
    """The residual network: a 34-layer ResNet with one input channel."""

    n_classes: int = 50
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    channels: tuple[int, ...] = (64, 128, 256, 512)
    dropout: float = 0.3
    n_kinds: int = 0  # of a second last layer, for sounds of no class; 0: there is none

    def __post_init__(self) -> None:
        if len(self.blocks) != len(self.channels) or not self.blocks:
            raise ConfigError(
                f"{len(self.blocks)} block counts and {len(self.channels)} channel counts were "
                "given; each stage needs one of both."
            )
        if self.n_classes < 2 or min(*self.blocks, *self.channels) < 1:
            raise ConfigError(
                f"ModelConfig has {self.n_classes} classes, blocks {self.blocks} and channels "
                f"{self.channels}; it needs two classes or more, and each count must be >= 1."
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"ModelConfig.dropout is {self.dropout}, must be in [0, 1).")


@dataclass(frozen=True)
class TrainConfig(_Config):
    """The recipe. Every probability is per clip and drawn anew for each batch."""

    epochs: int = 50
    batch_size: int = 32
    peak_learning_rate: float = 1e-3
    warmup_fraction: float = 0.08  # of all steps
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    ema_decay: float = 0.998  # per step
    mix_probability: float = 1.0  # so that no clip is heard twice as it is
    mix_beta: float = 1.0  # the share of each sound ~ Beta(mix_beta, mix_beta)
    roll: bool = True
    speed_range: float = 1.25  # played at 1/1.25 to 1.25 times the speed
    colour_probability: float = 0.5  # filtered by the next two
    equaliser_db: float = 9.0  # smooth random gain over frequency
    low_pass_probability: float = 0.5  # of the filtered
    noise_probability: float = 0.5
    gap_probability: float = 0.25  # part of the clip silenced
    room_probability: float = 0.25  # echoes added
    frequency_masks: int = 2
    frequency_mask_bins: int = 24  # at most, of each mask
    time_masks: int = 2
    time_mask_frames: int = 48  # at most: 0.96 s at 20 ms a frame
    teacher_share: float = 0.75  # of the target; the rest is the labels'
    teacher_epochs: int = 20  # in which a copy of the teacher learns the classes
    teacher_learning_rate: float = 1e-3
    feature_weight: float = 1.0  # of the squared error of what the teacher hears
    others_share: float = 1 / 6  # of a batch, where sounds of no class are learnt
    synthetic_share: float = 0.3  # of these
    kind_weight: float = 0.25  # of the loss of the second last layer
    seed: int = 0

    @classmethod
    def known_of(cls, values: Mapping[str, Any]) -> Self:
        """Build the recipe from those `values` that are fields; another version wrote the rest.

        A change that an older recipe does not name was not made by it, whatever the default now.
        """
        if isinstance(values, Mapping):
            values = {"room_probability": 0.0, **values}
        return super().known_of(values)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"TrainConfig.{name} is {getattr(self, name)}, must be >= 1.")
