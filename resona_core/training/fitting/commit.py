"""Which version of this program trains."""

from __future__ import annotations

import subprocess
from pathlib import Path

from resona_core.settings import settings


def git_commit() -> str:
    """Return the commit of this program; what the settings say where it is no git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git
        return settings().git_commit
    return answer.stdout.strip() or settings().git_commit
