"""Every table of a diagnosis as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forensics.model import Diagnosis, RtpStream, Scene


def write_tables(diagnosis: Diagnosis, folder: str | Path) -> list[Path]:
    """Write every table of `diagnosis` to `folder`, a CSV file each; what `call_tables` returns.

    Returns
    -------
    list of Path
        The files that were written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in call_tables(diagnosis).items():
        path = folder / f"{name}.csv"
        table.to_csv(path, index=False)
        written.append(path)
    return written


def call_tables(diagnosis: Diagnosis) -> dict[str, pd.DataFrame]:
    """Return every table of `diagnosis` by name.

    Returns
    -------
    dict of str to DataFrame
        "glitches", "evidence", "turns", "prompts", "clocks", "inputs" and "steps" with a row for each; then whatever
        tables the scene holds, named after where they are: "capture_datagrams", "downlink_packets",
        "downlink_reports", "journey", "replay_curve", "stats_inbound_rtp", …; streams that are neither downlink nor
        uplink are named by their SSRC.
    """
    scene = diagnosis.scene
    said = {
        "glitches": diagnosis.glitches,
        "evidence": _evidence(diagnosis),
        "turns": _rows(scene.turns),
        "prompts": _rows(diagnosis.prompts),
        "clocks": _rows(scene.clocks.values()),
        "inputs": _rows(scene.inputs),
        "steps": _rows(diagnosis.steps),
    }
    return said | dict(_of_scene(scene))


def _evidence(diagnosis: Diagnosis) -> pd.DataFrame:
    rows = [{"glitch": v.id} | _plain(e) for v in diagnosis.verdicts for e in v.evidence]
    return pd.DataFrame(rows, columns=None if rows else ["glitch"])


def _rows(nouns: Any) -> pd.DataFrame:
    return pd.DataFrame([_plain(noun) for noun in nouns])


def _plain(noun: Any) -> dict[str, Any]:
    """Return a noun as a row: mappings spread over columns, sequences joined by blanks."""
    row: dict[str, Any] = {}
    for name, value in asdict(noun).items():
        if isinstance(value, Mapping):
            row |= {f"{name}_{key}": entry for key, entry in value.items()}
        else:
            row[name] = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return row


def _of_scene(scene: Scene) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the tables that a scene holds, each once; the two directions first, as streams hold them again."""
    seen: set[int] = set()
    named = {"downlink": scene.downlink, "uplink": scene.uplink}
    values = named | {field.name: getattr(scene, field.name) for field in fields(scene)}
    for name, value in values.items():
        for path, table in _found(name, value):
            if id(table) not in seen:
                seen.add(id(table))
                yield path, table


def _found(name: str, value: Any) -> Iterator[tuple[str, pd.DataFrame]]:
    if isinstance(value, pd.DataFrame):
        yield name, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _found(f"{name}_{str(key).replace('-', '_')}", entry)
    elif isinstance(value, tuple):
        for entry in value:
            kind = name.removesuffix("s")
            yield from _found(f"{kind}_{entry.ssrc:08x}" if isinstance(entry, RtpStream) else kind, entry)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _found(f"{name}_{field.name}", getattr(value, field.name))
