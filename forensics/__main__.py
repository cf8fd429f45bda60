"""The command line: `forensics diagnose CASE` and its neighbours, put together in `commands/`.

Exit status: 0 no glitch, 1 glitches found, 2 could not be read, 70 a defect of the workbench itself. Results go to
stdout, everything else to stderr.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, NoReturn

from forensics.commands.quick import listed_streams
from forensics.commands.status import DEFECT, UNREADABLE
from forensics.errors import ForensicsError

READER_LEFT = 128 + 13  # what a shell shows for a program that SIGPIPE ended


def __getattr__(name: str) -> Any:
    """Load `app` at its first use (PEP 562): typer takes as long to start as an hour of packets to read."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from forensics.commands.app import app

    return app


def _complain(message: str) -> NoReturn:
    print(f"forensics: {message}", file=sys.stderr)
    sys.exit(UNREADABLE)


def main() -> None:
    """Run the command line; what cannot be read ends in one sentence on stderr and exit status 2."""
    try:
        if not listed_streams(sys.argv[1:]):
            from forensics.commands.app import app

            app(prog_name="forensics")
    except ForensicsError as error:
        _complain(str(error))
    except BrokenPipeError:  # whoever read the output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_LEFT)
    except OSError as error:
        _complain(f"{error.filename or 'a file'} cannot be read or written: {error.strerror or error}")
    except Exception:
        traceback.print_exc()
        print("forensics: this is a defect of the workbench, not of your files. Please report it.", file=sys.stderr)
        sys.exit(DEFECT)


if __name__ == "__main__":
    main()
