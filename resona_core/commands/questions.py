"""Commands that ask a trained network: classify, layers, feature-maps."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from resona_core.commands import Add, add_checkpoint, engine_of
from resona_core.errors import ResonaError
from resona_core.labels import spoken
from resona_core.results import percent, verdict


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("classify", classify)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    one.add_argument("--top", type=int, default=3, metavar="K", help="classes to print (3)")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    add_checkpoint(one)
    add_checkpoint(add("layers", layers))
    one = add("feature-maps", feature_maps)
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--layer", required=True, help="a name that `layers` prints")
    one.add_argument("--window", type=int, default=0, help="which 5 s of a longer sound (0)")
    one.add_argument("--output", required=True, type=Path, metavar="X.npz")
    add_checkpoint(one)


def classify(options: argparse.Namespace) -> int:
    """Name the sound in each file; go on after a bad one."""
    engine = engine_of(options)
    status = 0
    for file in options.files:
        try:
            clip = engine.load(file, str(file))
            answer = engine.classify(clip)
            top = answer.top(options.top)
        except ResonaError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
            continue
        if options.json:
            record = {
                "file": str(file),
                "duration_s": round(clip.duration_s, 3),
                "sample_rate_hz": clip.source_rate_hz,
                "windows": answer.n_windows,
                "nothing_to_hear": answer.nothing_to_hear,
                "none_of_the_classes": answer.none_of_the_classes,
                "predictions": [asdict(p) | {"probability": round(p.probability, 6)} for p in top],
            }
            print(json.dumps(record), flush=True)
        else:
            words = verdict(answer.top(2), known=not answer.none_of_the_classes)
            print(f"{file}  ({clip.duration_s:.1f} s)  {words.headline}")
            for prediction in top:
                print(f"  {percent(prediction.probability):>7}  {spoken(prediction.label)}")
    return status


def layers(options: argparse.Namespace) -> int:
    """List the layers that can be pictured."""
    engine = engine_of(options)
    header = ("layer", "channels", "height", "width", "parameters", "receptive field")
    print("{:<10}{:>9}{:>8}{:>7}{:>12}   {}".format(*header))
    for layer in engine.layers():
        field = f"{layer.receptive_field_mels} mel x {layer.receptive_field_s:.2f} s"
        print(
            f"{layer.name:<10}{layer.channels:>9}{layer.height:>8}{layer.width:>7}"
            f"{layer.parameters:>12,}   {field}"
        )
    return 0


def feature_maps(options: argparse.Namespace) -> int:
    """Write one layer's maps with their axes as .npz."""
    engine = engine_of(options)
    clip = engine.load(options.file)
    maps = engine.feature_maps(clip, options.window, [options.layer])[options.layer]
    options.output.write_bytes(maps.to_npz())
    channels, height, width = maps.maps.shape
    print(f"{options.output}: {channels} channels of {height} x {width} (mel x frame)")
    return 0
