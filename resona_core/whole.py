"""Files that are written whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KEPT = 60  # characters: a name may be as long as the disk allows, and with .part no longer


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write; what lies there at the end of the ``with`` block becomes `path`.

    A kill, an error or a full disk leaves the old file, or none. A link stays a link; what is no
    file, such as /dev/stdout, is written to as it is.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = Path(os.path.realpath(path))
    part = path.with_name(path.name[:_KEPT] + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
