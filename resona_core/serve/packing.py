"""Feature maps over HTTP: a twentieth of the bytes that nested JSON lists take.

``/v1/feature-maps?format=packed`` answers them; its documentation shows how to read them in a
few lines without this program.

Each channel is stored as whole numbers from 0 to 255, 255 being its own maximum, so that a
quiet channel keeps as much detail as a loud one. A cell is off by at most half a step: 1/510, or
0.2 %, of its channel's maximum. Zeros stay zeros. The axes are rounded to float32.

::

    "RMAP"  4 bytes
    length of the header, uint32
    header, JSON: {layer: [channels, rows, columns], ...}
    zlib of: for each layer  maxima float32 (channel,), frequency_hz float32 (row,),
                             time_s float32 (column,)
             for each layer  cells uint8 (channel, row, column)

All numbers are little-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import PackingError
from resona_core.results import LayerMaps

_MAGIC = b"RMAP"
_STEPS = 255
_LARGEST_BYTES = 2**28  # unpacked; all layers of a window are under 1 MB


def pack_maps(maps: Mapping[str, LayerMaps]) -> bytes:
    """Return layers' maps as bytes; see the module for the format and its error."""
    header = json.dumps({name: layer.maps.shape for name, layer in maps.items()}).encode()
    peaks = {name: layer.maps.max(axis=(1, 2)) for name, layer in maps.items()}
    scales = [
        values.astype("<f4").tobytes()
        for name, layer in maps.items()
        for values in (peaks[name], layer.frequency_hz, layer.time_s)
    ]
    cells = [to_steps(layer.maps, peaks[name]).tobytes() for name, layer in maps.items()]
    # Runs are runs of zeros; longer repetitions do not occur, and searching them takes twice
    # the time for 1 % of the bytes.
    packer = zlib.compressobj(1, memLevel=9, strategy=zlib.Z_RLE)
    body = packer.compress(b"".join(scales + cells)) + packer.flush()
    return _MAGIC + struct.pack("<I", len(header)) + header + body


def unpack_maps(data: bytes) -> dict[str, LayerMaps]:
    """Read what :func:`pack_maps` wrote.

    Raises
    ------
    PackingError
        For bytes that are something else, or damaged.

    Examples
    --------
    >>> maps = np.array([[[0.0, 0.5]]], np.float32)  # channel, mel, frame
    >>> layer = LayerMaps("stem", maps, np.array([20.0]), np.array([0.0, 0.02]))
    >>> unpack_maps(pack_maps({"stem": layer}))["stem"].maps.round(2).tolist()
    [[[0.0, 0.5]]]
    """
    if data[:4] != _MAGIC:
        raise PackingError("These bytes are not packed feature maps: their first bytes differ.")
    try:
        (length,) = struct.unpack_from("<I", data, 4)
        shapes = {
            str(name): tuple(int(size) for size in shape)
            for name, shape in json.loads(data[8 : 8 + length]).items()
        }
        body = _inflate(data[8 + length :], _body_bytes(shapes))
    except (ValueError, TypeError, AttributeError, struct.error, zlib.error):
        raise PackingError("The packed feature maps are damaged; ask for them again.") from None
    return _read(shapes, body)


def to_steps(maps: NDArray[np.float32], peak: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return cells >= 0, (channel, row, column), in 0..255 of their channel's `peak`, (channel,).

    maps ~ steps * peak / 255, to half a step.
    """
    peaks = np.where(peak > 0, peak, 1)[:, None, None]
    return (maps / peaks * _STEPS + 0.5).astype(np.uint8)


def _body_bytes(shapes: Mapping[str, tuple[int, ...]]) -> int:
    for shape in shapes.values():
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError
    return sum(4 * sum(shape) + shape[0] * shape[1] * shape[2] for shape in shapes.values())


def _inflate(packed: bytes, n_bytes: int) -> bytes:
    """Return exactly `n_bytes`; a body that is shorter, longer or huge is a ValueError."""
    if n_bytes > _LARGEST_BYTES:
        raise ValueError
    body = zlib.decompressobj().decompress(packed, n_bytes + 1)
    if len(body) != n_bytes:
        raise ValueError
    return body


def _read(shapes: Mapping[str, tuple[int, ...]], body: bytes) -> dict[str, LayerMaps]:
    scale_bytes = 4 * sum(sum(shape) for shape in shapes.values())
    scales = np.frombuffer(body[:scale_bytes], "<f4")
    cells = np.frombuffer(body, np.uint8, offset=scale_bytes)
    maps: dict[str, LayerMaps] = {}
    for name, shape in shapes.items():
        channels, rows, columns = shape
        peak, frequency_hz, time_s, scales = np.split(scales, np.cumsum(shape))
        layer, cells = np.split(cells, [channels * rows * columns])
        values = layer.reshape(shape) * (peak / _STEPS)[:, None, None]
        maps[name] = LayerMaps(
            name,
            np.asarray(values, np.float32),
            np.asarray(frequency_hz, float),
            np.asarray(time_s, float),
        )
    return maps
