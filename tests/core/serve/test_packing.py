from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pytest

from resona_core.errors import PackingError
from resona_core.results import LayerMaps
from resona_core.serve.packing import pack_maps, unpack_maps


def layer(name: str, *shape: int, scale: float = 1.0) -> LayerMaps:
    values = np.random.default_rng(len(name)).normal(0, scale, shape).clip(0)
    frequency_hz, time_s = np.linspace(20, 7000, shape[1]), np.arange(shape[2]) * 0.032
    return LayerMaps(name, values.astype(np.float32), frequency_hz, time_s)


@pytest.fixture
def maps() -> dict[str, LayerMaps]:
    wide = layer("stem", 8, 16, 20)
    wide.maps[3] = 0  # a channel that never fires
    wide.maps[5] *= 1e-4  # and one that hardly does
    return {"stem": wide, "layer4.2": layer("layer4.2", 32, 4, 5, scale=1000)}


def test_what_comes_out_is_what_went_in_within_half_a_step_of_each_channel(
    maps: dict[str, LayerMaps],
) -> None:
    out = unpack_maps(pack_maps(maps))
    assert list(out) == list(maps)
    for name, before in maps.items():
        after = out[name]
        assert (after.layer, after.maps.dtype) == (name, np.float32)
        peak = before.maps.max(axis=(1, 2), keepdims=True)
        assert (np.abs(after.maps - before.maps) <= peak * (1 / 510 + 1e-6)).all()
        np.testing.assert_allclose(after.maps.max(axis=(1, 2)), peak[:, 0, 0], rtol=1e-6)
        np.testing.assert_array_equal(after.maps[before.maps == 0], 0)
        np.testing.assert_allclose(after.frequency_hz, before.frequency_hz, rtol=1e-7)
        np.testing.assert_allclose(after.time_s, before.time_s, rtol=1e-7)


def test_the_format_is_the_one_that_the_module_describes() -> None:
    cells = np.array([[[0.0, 1.0], [2.0, 4.0]]], np.float32)
    packed = pack_maps({"one": LayerMaps("one", cells, np.array([50.0, 90]), np.array([0, 0.5]))})
    assert packed[:4] == b"RMAP"
    (length,) = struct.unpack("<I", packed[4:8])
    assert json.loads(packed[8 : 8 + length]) == {"one": [1, 2, 2]}
    body = zlib.decompress(packed[8 + length :])
    assert np.frombuffer(body[:20], "<f4").tolist() == [4, 50, 90, 0, 0.5]
    assert list(body[20:]) == [0, 64, 128, 255]


def packed(shapes: dict[str, list[int]], body: bytes) -> bytes:
    """Return maps as the module describes them, by hand."""
    header = json.dumps(shapes).encode()
    return b"RMAP" + struct.pack("<I", len(header)) + header + zlib.compress(body)


def test_layers_of_other_shapes_are_read_one_after_the_other() -> None:
    """Whose peaks are 255 and twice that, so that a step is 1 and 2."""
    scales = np.array([255, 510, 50, 0.5, 255, 20, 40, 60, 0, 0.25], "<f4").tobytes()
    cells = bytes([255, 255, 0, 1, 2, 3, 4, 255])
    one, other = unpack_maps(
        packed({"one": [2, 1, 1], "other": [1, 3, 2]}, scales + cells)
    ).values()
    assert (one.layer, one.maps.tolist()) == ("one", [[[255]], [[510]]])
    assert (one.frequency_hz.tolist(), one.time_s.tolist()) == ([50], [0.5])
    assert (other.layer, other.maps.tolist()) == ("other", [[[0, 1], [2, 3], [4, 255]]])
    assert (other.frequency_hz.tolist(), other.time_s.tolist()) == ([20, 40, 60], [0, 0.25])


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ([0, 1, 1], bytes(8)),
        ([1, 0, 1], bytes(8)),
        ([1, 1, 0], bytes(8)),
        ([1, 1], bytes(9)),
        ([1, 1, 1], bytes(12)),
        ([1, 1, 1], bytes(14)),
        ([1, 1, 1, 1], bytes(17)),
    ],
)
def test_what_is_no_shape_of_maps_or_of_another_body_is_damaged(
    shape: list[int], body: bytes
) -> None:
    assert unpack_maps(packed({"one": [1, 1, 1]}, bytes(13)))["one"].maps.tolist() == [[[0]]]
    with pytest.raises(PackingError, match="are damaged; ask for them again"):
        unpack_maps(packed({"one": shape}, body))


def test_zeros_take_next_to_nothing() -> None:
    """Most cells are zeros, as no channel answers to everything."""
    silent = layer("stem", 64, 32, 40, scale=0)
    assert len(pack_maps({"stem": silent})) < silent.maps.size / 100


def test_a_cell_takes_less_than_a_tenth_of_its_decimal_digits(maps: dict[str, LayerMaps]) -> None:
    maps = {"stem": layer("stem", 64, 32, 40)}
    decimal = json.dumps({name: one.maps.tolist() for name, one in maps.items()})
    assert len(pack_maps(maps)) < len(decimal) / 10


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"PK" + data,
        lambda data: data[:6],
        lambda data: data[:-20],
        lambda data: data[:4] + b"\xff\xff\xff\xff" + data[8:],
        lambda data: data.replace(b"[8, 16, 20]", b"[8, 16, 21]"),
        lambda data: data.replace(b"[8, 16, 20]", b"[8, 16, 19]"),  # bytes are left over
        lambda data: data.replace(b"[8, 16, 20]", b"[0, 16, 20]"),
        lambda data: data.replace(b"[8, 16, 20]", b"[9, 99, 99]"),
        lambda data: data.replace(b"[8, 16, 20]", b"[8, 16, -2]"),
        lambda data: data.replace(b"[8, 16, 20]", b'["a", 1, 1]'),
        lambda data: data.replace(b'{"stem": ', b"[{},      "),
    ],
)
def test_damaged_bytes_are_refused_in_one_sentence(
    damage: object, maps: dict[str, LayerMaps]
) -> None:
    with pytest.raises(PackingError, match=r"damaged|not packed"):
        unpack_maps(damage(pack_maps(maps)))  # type: ignore[operator]


def test_a_header_that_promises_gigabytes_reserves_none() -> None:
    header = json.dumps({"stem": [100_000, 100_000, 100]}).encode()
    data = b"RMAP" + struct.pack("<I", len(header)) + header + zlib.compress(b"\0" * 1000)
    with pytest.raises(PackingError, match="damaged"):
        unpack_maps(data)
