"""Whether the tests bite: small faults in the core, each tried against its own module's tests.

cosmic-ray makes the faults (a number moved by one, a comparison turned, plus for minus, a loop that
never runs). Each is put into a copy of the repository, and the tests run in a process of their own,
forked from this one, which has loaded the large libraries already. Left out are numbers outside of
functions: most are tables and defaults, which a test could only repeat; and `zip(strict=True)`: a
check itself, of what its own function has made equal.

`make mutants SAMPLE=200 SEED=0` prints the faults of a random sample that no test noticed, and the
share noticed.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import math
import multiprocessing
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, RLock

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from parso.tree import NodeOrLeaf, search_ancestor
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
COPIES = os.cpu_count() or 1
LOG = "tests.log"
STARTING = Lock()  # a process that starts beside another holds the pipe that tells of its end
CPU_LIMIT_S, LIMIT_S = 120, 900  # a loop without end counts as noticed, as does an endless wait
# Charts and example sounds are full of numbers of taste; they are tried where --under names them.
APART = ("resona_core/figures", "resona_core/sound/examples")
# Of the replacements of an operator the likely mistakes: the others stop every program at once.
FAULTS = re.compile(
    "core/(NumberReplacer|AddNot|ZeroIterationForLoop"
    "|Replace(TrueWithFalse|FalseWithTrue|OrWithAnd|AndWithOr|BreakWithContinue|ContinueWithBreak)"
    "|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Div|Mod_Mul|BitAnd_BitOr)"
    "|ReplaceComparisonOperator_(Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Lt_Gt|LtE_GtE|Gt_Lt|GtE_LtE"
    "|Eq_NotEq|NotEq_Eq|Is_IsNot|IsNot_Is)|ReplaceUnaryOperator_Delete_(USub|Not|Invert))"
)
OPERATORS = {name: get_operator(name)() for name in operator_names() if FAULTS.fullmatch(name)}
LIBRARIES = (
    *(
        "av",
        "fastapi.testclient",
        "librosa",
        "onnx",
        "onnxruntime",
        "pandas",
        "plotly.graph_objects",
    ),
    *("schemathesis", "scipy.signal", "scipy.stats", "soundfile", "torch", "torchaudio"),
)


@dataclass(frozen=True)
class Mutant:
    """A file of the core with one fault in it."""

    file: str
    tests: tuple[str, ...]
    operator: str
    occurrence: int

    @cached_property
    def code(self) -> str:
        return str(mutate_code(_source(self.file), OPERATORS[self.operator], self.occurrence))

    def __str__(self) -> str:
        before, after = _source(self.file).splitlines(), self.code.splitlines()
        _, _, at, *changes = difflib.unified_diff(before, after, n=0, lineterm="")
        return "\n    ".join([f"{self.file}:{re.findall('[0-9]+', at)[0]}", *changes])


@cache
def _source(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def _mutants(under: str) -> Iterator[Mutant]:
    named = ROOT / under
    for path in [named] if named.is_file() else sorted(named.rglob("*.py")):
        file = str(path.relative_to(ROOT))
        if any(file.startswith(part) and not under.startswith(part) for part in APART):
            continue
        nodes, tests = list(ast_nodes(get_ast(_source(file)))), _own_tests(file)
        for name, operator in OPERATORS.items():
            places = [node for node in nodes for _ in operator.mutation_positions(node)]
            for occurrence, node in enumerate(places):
                if search_ancestor(node, "funcdef") and not _is_strict(node):
                    yield Mutant(file, tests, name, occurrence)


def _is_strict(node: NodeOrLeaf) -> bool:
    argument = node.parent
    return argument is not None and argument.get_code(include_prefix=False) == "strict=True"


def _own_tests(file: str) -> tuple[str, ...]:
    """Return the tests named after a module, or else all tests of its folder."""
    folder, name = Path(file).parent.relative_to("resona_core"), Path(file).stem
    while not (tests := ROOT / "tests/core" / folder).is_dir():
        folder, name = folder.parent, folder.name
    own = re.compile(rf"test_(.*_)?{name}(_.*)?\.py")
    files = sorted(tests.glob("test_*.py"))
    named = [path for path in files if own.fullmatch(path.name)]
    return tuple(str(path.relative_to(ROOT)) for path in named or files)


def _copy_to(folder: Path) -> Path:
    """Copy what git tracks or would track."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in subprocess.check_output(listed, cwd=ROOT, text=True).splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def _run(folder: Path, tests: tuple[str, ...]) -> None:
    """Run tests in a copy and end this process with their exit status."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
        os.chdir(folder)
        sys.path[0] = str(folder)
        sys.dont_write_bytecode = True  # of two faults in one second Python would keep the first
        tqdm.set_lock(RLock())  # the bar of this program may have held the old one at the fork
        log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        loaded = "ignore::pytest.PytestAssertRewriteWarning"  # plugins that this process has loaded
        status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-W", loaded, *tests])
    finally:
        os._exit(status)


def _pass(folder: Path, tests: tuple[str, ...]) -> bool:
    process = multiprocessing.get_context("fork").Process(target=_run, args=(folder, tests))
    with STARTING:
        process.start()
    process.join(LIMIT_S)
    process.kill()
    process.join()
    return process.exitcode == pytest.ExitCode.OK


class Bench:
    """Copies of the repository in which faults are tried."""

    def __init__(self, folder: Path) -> None:
        self.free: SimpleQueue[Path] = SimpleQueue()
        self.sound: set[tuple[str, ...]] = set()  # tests that pass without any fault
        for number in range(COPIES):
            self.free.put(_copy_to(folder / str(number)))

    def survives(self, mutant: Mutant) -> bool | None:
        """Tell whether all tests of its module pass; None where they do not without it either."""
        copy, tests = self.free.get(), mutant.tests
        try:
            if tests not in self.sound and not _pass(copy, tests):
                print((copy / LOG).read_text(encoding="utf-8")[-2000:], file=sys.stderr)
                return None
            self.sound.add(tests)
            (copy / mutant.file).write_text(mutant.code, encoding="utf-8")
            return _pass(copy, tests)
        finally:
            (copy / mutant.file).write_text(_source(mutant.file), encoding="utf-8")
            self.free.put(copy)


def main() -> None:
    """Print the survivors of a sample, then the share noticed with its standard error."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--sample", type=int, default=200, help="faults to try (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the random choice (0)")
    parser.add_argument("--under", default="resona_core", help="a folder or a file (the core)")
    options = parser.parse_args()
    for library in LIBRARIES:
        importlib.import_module(library)
    mutants = list(_mutants(options.under))
    if not mutants:
        parser.error(f"no faults to try under {options.under}")
    sample = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    alive = tried = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(COPIES) as pool:
        answers = tqdm(pool.map(Bench(Path(folder)).survives, sample), total=len(sample))
        for mutant, survives in zip(sample, answers, strict=True):
            tried += survives is not None
            if survives:
                alive += 1
                print(mutant, flush=True)
    share = 1 - alive / tried
    error = math.sqrt(share * (1 - share) / tried)
    print(f"{tried} of {len(mutants)} faults: {100 * share:.1f} ± {100 * error:.1f} % noticed")


if __name__ == "__main__":
    main()
