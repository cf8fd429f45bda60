"""What `forensics streams` does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from forensics.commands.status import write_text
from forensics.errors import CaseError


def list_streams(
    path: Path,
    *,
    json_path: Path | None = None,
    keys: Path | None = None,
    sdp: Path | None = None,
    decode_as: Mapping[str, str] | None = None,
    progress: bool = False,
) -> None:
    """Print the streams of a call as a table, or write them as JSON."""
    from forensics.case import open_case
    from forensics.streams import streams_report, streams_text

    case = open_case(path, keys=keys, sdp=sdp, decode_as=decode_as)
    if case.capture is None:
        raise CaseError(f"The case {case.name} has no capture, so there are no streams to list. Give a capture.")
    found = streams_report(case.capture, keys=case.keys, decode_as=case.decode_as, sdp=case.sdp, progress=progress)
    if json_path is None:
        print(streams_text(found))
    else:
        write_text(json.dumps(found, indent=1), json_path)
