"""Commands that time the network: bench, bench-training."""

from __future__ import annotations

import argparse
from dataclasses import replace

from resona_core.commands import Add, add_checkpoint
from resona_core.commands.loading import loading
from resona_core.settings import settings


def add_to(add: Add) -> None:
    """Add these commands to the program."""
    one = add("bench", bench)
    one.add_argument(
        "--rounds",
        type=int,
        default=20,
        metavar="N",
        help="repetitions of each stage (default: 20)",
    )
    one.add_argument("--json", action="store_true", help="print one JSON object")
    add_checkpoint(one)
    one = add("bench-training", bench_training)
    one.add_argument(
        "--recipe", default="resona", metavar="NAME|X.toml", help="recipe (default: resona)"
    )
    one.add_argument(
        "--rounds", type=int, default=10, metavar="N", help="batches to time (default: 10)"
    )
    one.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda if available")
    one.add_argument("--json", action="store_true", help="print one JSON object")


def bench(options: argparse.Namespace) -> int:
    """Time each stage from file to packed answer, and compare with a plain implementation."""
    with loading():
        from resona_core.commands.benchmark import measure
    chosen = settings()
    weights = options.checkpoint or chosen.checkpoint
    report = measure(replace(chosen, checkpoint=weights), options.rounds)
    print(report.to_json() if options.json else report.to_text())
    return 0


def bench_training(options: argparse.Namespace) -> int:
    """Time training, and compare with the network alone on batches prepared beforehand."""
    with loading():
        from resona_core.training.fitting import throughput
        from resona_core.training.fitting.recipes import read_recipe
        from resona_core.training.preparation import best_device
    recipe = read_recipe(options.recipe)
    found = throughput.measure(recipe, options.device or best_device(), options.rounds)
    print(found.to_json() if options.json else found.to_text())
    return 0
