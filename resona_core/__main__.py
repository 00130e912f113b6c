"""The command line: ``resona COMMAND`` or ``python -m resona_core COMMAND``; each takes --help."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 when something could not be done, 2 for wrong usage."""
    try:  # around the imports too, which take the first second: this file has none but sys
        from resona_core.commands.loading import loading

        with loading():
            from resona_core.commands import program
        return program.run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
