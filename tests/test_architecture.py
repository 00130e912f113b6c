"""Who may import whom: only downwards, and each outer library in its own room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LADDER = (
    {"app", "hosting", "train_modal", "pages", "__main__"},
    {"commands"},
    {"pages._shell"},
    {"bench", "engine", "figures", "api", "remote"},
    {"packing", "quantisation", "wire"},
    {"activations", "explain", "resynthesis", "export", "layers", "runtimes", "training"},
    {"checkpoint"},
    {"model", "spectrogram", "audio", "sounds", "timeline"},
    {"decoding"},
    {"containers", "config", "settings", "labels", "results", "classification"},
    {"errors", "resona_core", "__version__"},
)
OURS = ("resona_core", "pages", "app", "hosting", "train_modal")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for pattern in ("*.py", "pages/**/*.py", "resona_core/**/*.py")
    for path in sorted(ROOT.glob(pattern))
}


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _rung(module: str) -> int:
    room = module.removeprefix("resona_core.").split(".")
    names = {room[0], ".".join(room[:2])}
    found = [rung for rung, rooms in enumerate(LADDER) if names & rooms]
    assert found, f"{module} has no rung on the ladder of tests/test_architecture.py"
    return found[-1]


def _reached(module: str) -> set[str]:
    """Return every library that importing `module` loads, by way of our own files too."""
    libraries: set[str] = set()
    waiting, seen = [module], set()
    while waiting:
        seen.add(current := waiting.pop())
        for name in _imports(current):
            libraries.add(name.split(".")[0])
            known = {name, name.rpartition(".")[0]} & FILES.keys()
            waiting += known - seen
    return libraries


@pytest.mark.parametrize("module", FILES)
def test_a_file_imports_only_from_its_own_rung_or_below(module: str) -> None:
    upwards = [
        name
        for name in _imports(module)
        if name.split(".")[0] in OURS and _rung(name) < _rung(module)
    ]
    assert upwards == []


@pytest.mark.parametrize("module", FILES)
def test_streamlit_stays_in_the_pages_and_modal_in_its_two_files(module: str) -> None:
    libraries = {name.split(".")[0] for name in _imports(module)}
    assert "streamlit" not in libraries or module.split(".")[0] in ("app", "hosting", "pages")
    assert "modal" not in libraries or module in ("train_modal", "resona_core.remote")


@pytest.mark.parametrize("module", [m for m in FILES if m.startswith("resona_core.figures")])
def test_figures_are_drawn_without_torch(module: str) -> None:
    assert not {"torch", "torchaudio"} & _reached(module)


def test_the_ladder_is_used() -> None:
    assert _rung("pages.listen") < _rung("pages._shell.cache") < _rung("resona_core.engine")
    assert _rung("resona_core.training.fit") < _rung("resona_core.checkpoint")
    assert "torch" in _reached("resona_core.checkpoint")
