"""Slices of the capture around each glitch, with the evidence as comments on the frames that it names."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from forensics.capture.frames import read_frames, write_frames
from forensics.errors import CaptureError
from forensics.model import Capture, Diagnosis, Verdict
from forensics.views.wording import percent

MARGIN_S = 1.0
"""How much of the capture a slice shows before and after its glitch."""

SAYS = {True: "for", False: "against", None: "not checkable"}


def write_slices(diagnosis: Diagnosis, folder: str | Path) -> list[Path]:
    """Write a slice per glitch, `g01.pcapng` and so on.

    Parameters
    ----------
    diagnosis : Diagnosis
    folder : str or Path
        Is made where it is not there.

    Returns
    -------
    list of Path
        The files that were written; none where the call has no capture.
    """
    folder = Path(folder)
    if diagnosis.scene.capture is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return [write_slice(diagnosis, folder / f"{v.id}.pcapng", glitch_id=v.id) for v in diagnosis.verdicts]


def write_slice(diagnosis: Diagnosis, path: str | Path, *, glitch_id: str) -> Path:
    """Write the frames around one glitch as pcapng, for Wireshark.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : str or Path
    glitch_id : str
        As "g01".

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    CaptureError
        The call has no capture, or nothing was captured around the glitch.

    Notes
    -----
    Frames are numbered anew; each comment begins with the number that its frame has in the whole capture. In Wireshark
    the display filter `frame.comment` shows the frames with a comment. Keys are not put in: a slice is made to be
    handed on.
    """
    capture = diagnosis.scene.capture
    verdict = diagnosis.verdict(glitch_id)
    if capture is None:
        raise CaptureError(f"The call has no capture, so there is nothing to cut around {glitch_id}. Give a capture.")
    comments = _comments(verdict)
    numbers = {*_around(verdict, capture), *comments}
    if not numbers:
        raise CaptureError(
            f"Nothing was captured around {glitch_id}, from {verdict.glitch.capture_start_s:.3f} to "
            f"{verdict.glitch.capture_end_s:.3f} s, so there is nothing to cut."
        )
    return write_frames(Path(path), read_frames(capture.path, numbers), comments=comments)


def _around(verdict: Verdict, capture: Capture) -> range:
    """Numbers of all frames from `MARGIN_S` before the glitch to as long after it."""
    datagrams, glitch = capture.datagrams, verdict.glitch
    times = [at for at in (glitch.capture_start_s, glitch.capture_end_s) if np.isfinite(at)]
    if not times:
        return range(0)
    near = datagrams["arrival_s"].between(min(times) - MARGIN_S, max(times) + MARGIN_S)
    frames = datagrams["frame"][near]
    return range(int(frames.min()), int(frames.max()) + 1) if len(frames) else range(0)


def _comments(verdict: Verdict) -> dict[int, list[str]]:
    """What is to be said of each frame that the glitch or its evidence names."""
    said: dict[int, list[str]] = defaultdict(list)
    cause = " ".join(filter(None, (str(verdict.cause).replace("_", " "), verdict.mechanism.replace("_", " "))))
    for frame in verdict.glitch.frames:
        heading = (
            f"frame {frame}, {verdict.id}: {verdict.glitch.kind}, {cause}, confidence {percent(verdict.confidence)}"
        )
        said[int(frame)].append(heading)
    for evidence in verdict.evidence:
        line = f"{verdict.id}, {SAYS[evidence.supports]} {evidence.cause} [{evidence.rule}]: {evidence.statement}"
        for frame in evidence.frames:
            if not said[int(frame)]:
                said[int(frame)].append(f"frame {frame}")
            said[int(frame)].append(line)
    return dict(said)
