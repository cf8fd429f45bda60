"""`%diagnose`: from the files of a call to its workbench in one line of a notebook."""

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn

OPTIONS = ("recording", "microphone", "keys", "stats", "events", "sender-capture", "name")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a line instead of ending the kernel."""

    def error(self, message: str) -> NoReturn:
        from IPython.core.error import UsageError

        raise UsageError(f"{message}\n{self.format_usage()}")


def diagnose_line(line: str, shell: Any) -> None:
    """Diagnose the call that `line` names, keep it as `diagnosis`, and show its workbench, which is kept as `bench`.

    ``%diagnose CASE [--recording FILE] [--keys FILE] [--stats FILE] [--events FILE] …``; CASE is a folder or a capture.
    Without CASE there is an area to drop files on.
    """
    from IPython.core.error import UsageError
    from IPython.display import display

    from forensics.case import open_case
    from forensics.diagnosis import diagnose
    from forensics.errors import ForensicsError
    from forensics.views import drop_area, workbench

    given = vars(_parser().parse_args(shlex.split(line)))
    path = given.pop("case")
    if path is None and not any(given.values()):
        shell.user_ns["dropped"] = area = drop_area()
        display(area)
        return
    try:
        diagnosis = diagnose(open_case(path, **given), progress=True)
    except ForensicsError as fault:
        raise UsageError(str(fault)) from fault
    shell.user_ns["diagnosis"] = diagnosis
    shell.user_ns["bench"] = bench = workbench(diagnosis)
    display(bench)


def register_magics(shell: Any) -> None:
    """Give `shell` the magic `%diagnose`."""

    def diagnose(line: str) -> None:
        diagnose_line(line, shell)

    diagnose.__doc__ = diagnose_line.__doc__
    shell.register_magic_function(diagnose, magic_kind="line", magic_name="diagnose")


def _parser() -> _Parser:
    parser = _Parser(prog="%diagnose", add_help=False)
    parser.add_argument("case", nargs="?", help="a case folder or a capture")
    for option in OPTIONS:
        parser.add_argument(f"--{option}")
    return parser
