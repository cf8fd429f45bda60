"""`write_exports`: everything that other programs read, in one folder."""

from __future__ import annotations

from pathlib import Path

from forensics.exports.labels import write_labels
from forensics.exports.slices import write_slices
from forensics.exports.tables import write_tables
from forensics.exports.textgrid import write_textgrid
from forensics.findings import findings_json
from forensics.model import Diagnosis


def write_exports(diagnosis: Diagnosis, out: str | Path) -> Path:
    """Write what other programs read of `diagnosis`.

    Parameters
    ----------
    diagnosis : Diagnosis
    out : str or Path
        A folder, made where it is not there: `findings.json`, `glitches.labels.txt`, `agent.labels.txt` and
        `user.labels.txt` for Audacity, `call.TextGrid` for Praat, `slices/g01.pcapng` and so on for Wireshark, and
        every table as CSV in `tables/`.

    Returns
    -------
    Path
        The folder.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "findings.json").write_text(findings_json(diagnosis) + "\n", encoding="utf-8")
    write_labels(diagnosis, out / "glitches.labels.txt")
    write_labels(diagnosis, out / "agent.labels.txt", kind="agent")
    write_labels(diagnosis, out / "user.labels.txt", kind="user")
    write_textgrid(diagnosis, out / "call.TextGrid")
    write_slices(diagnosis, out / "slices")
    write_tables(diagnosis, out / "tables")
    return out
