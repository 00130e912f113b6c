"""Who may import whom: only downwards, and each outer library in its own room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LADDER = (
    {"app", "hosting", "train_modal", "cloud", "pages", "__main__"},
    {"pages._widgets", "commands"},
    {"pages._shell"},
    {"serve"},
    {"engine", "remote", "records", "door", "figures"},
    {"explain", "training", "wire"},
    {"sound", "network", "timeline", "tables", "words"},
    {"classification", "config", "settings", "results", "beginning"},
    {"labels"},
    {"errors", "whole", "deployment", "side_by_side", "memory", "resona_core", "__version__"},
)
OURS = ("resona_core", "pages", "cloud", "app", "hosting", "train_modal")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for pattern in ("*.py", "cloud/*.py", "pages/**/*.py", "resona_core/**/*.py")
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


# The package's own face names the door that is opened for those who ask for it.
@pytest.mark.parametrize("module", [m for m in FILES if m != "resona_core"])
def test_a_file_imports_only_from_its_own_rung_or_below(module: str) -> None:
    upwards = [
        name
        for name in _imports(module)
        if name.split(".")[0] in OURS and _rung(name) < _rung(module)
    ]
    assert upwards == []


@pytest.mark.parametrize("module", FILES)
def test_streamlit_stays_in_the_pages_and_modal_in_its_own_files(module: str) -> None:
    libraries = {name.split(".")[0] for name in _imports(module)}
    assert "streamlit" not in libraries or module.split(".")[0] in ("app", "hosting", "pages")
    of_modal = ("resona_core.remote.service", "resona_core.remote.failures")
    assert (
        "modal" not in libraries
        or module.split(".")[0] in ("train_modal", "cloud")
        or module in of_modal
    )


def _root(node: ast.expr) -> str:
    """Return the name that a chain of attributes begins with; "" where it begins otherwise."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _private(module: str) -> Iterator[str]:
    """Yield what a file uses of our other files that is theirs alone: names like _this."""
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            public = _root(node) == "torch" or ast.unparse(node) == "os._exit"
            names = [] if own or public else [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
        else:
            names = []
        yield from (name for name in names if name[0] == "_" and name[:2] != "__")


@pytest.mark.parametrize("module", FILES)
def test_what_is_private_is_used_by_its_owner_alone(module: str) -> None:
    assert list(_private(module)) == []


def _room(module: str) -> str:
    """Return the folder a module lies in, for example "resona_core.training.data"."""
    file = FILES[module]
    folder = file.parent.relative_to(ROOT)
    return ".".join(folder.parts)


def test_no_room_imports_itself_by_way_of_others() -> None:
    graph: dict[str, set[str]] = {}
    for module in FILES:
        if module != "resona_core":
            targets = {n for name in _imports(module) for n in (name, name.rpartition(".")[0])}
            rooms = {_room(target) for target in targets & FILES.keys() - {"resona_core"}}
            graph.setdefault(_room(module), set()).update(rooms - {_room(module)})
    del graph["resona_core"]  # the root's own files lie on several rungs of the ladder
    sorter = TopologicalSorter({room: others & graph.keys() for room, others in graph.items()})
    sorter.prepare()  # raises CycleError, naming the rooms


def test_the_package_opens_its_door_without_torch_until_it_is_used() -> None:
    code = "import sys, resona_core; assert 'torch' not in sys.modules; resona_core.Engine"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("module", [m for m in FILES if m.startswith("resona_core.figures")])
def test_figures_are_drawn_without_torch(module: str) -> None:
    assert not {"torch", "torchaudio"} & _reached(module)


def test_the_ladder_is_used() -> None:
    assert _rung("pages.listen") < _rung("pages._shell.cache") < _rung("resona_core.engine")
    assert _rung("resona_core.training.fitting.fit") < _rung("resona_core.network.checkpoint")
    assert "torch" in _reached("resona_core.network.checkpoint")
