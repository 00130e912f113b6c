"""What `feature-maps` cannot do without."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("feature-maps a.wav --output b.npz", "--layer"),
        ("feature-maps a.wav --layer stem", "--output"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
