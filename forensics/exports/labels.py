"""A label track for Audacity: File > Import > Labels, over the recording of the call."""

from __future__ import annotations

from pathlib import Path

from forensics.exports.intervals import call_intervals
from forensics.model import Diagnosis


def write_labels(diagnosis: Diagnosis, path: str | Path, *, kind: str = "glitches") -> Path:
    """Write one kind of stretches as an Audacity label track.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : str or Path
        The text file to write.
    kind : {"glitches", "not heard", "user", "agent"}
        Which stretches.

    Returns
    -------
    Path
        The file that was written.

    Notes
    -----
    A line per label: start, end and text, separated by tabs, seconds with a point (Audacity manual, "Importing and
    Exporting Labels").
    """
    lines = [f"{i.start_s:.6f}\t{i.end_s:.6f}\t{i.text}" for i in call_intervals(diagnosis)[kind]]
    path = Path(path)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
