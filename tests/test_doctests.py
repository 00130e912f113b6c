"""The examples in the docstrings hold."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from resona_core.settings import settings

ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "resona_core").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    if name == "resona_core.engine" and not settings().checkpoint.is_file():
        pytest.skip("the shipped weights are not there")
    failed, tried = doctest.testmod(import_module(name))
    assert tried
    assert failed == 0
