"""A diagnosis without what tells who spoke, from where, with which files: every name becomes a pseudonym.

Pseudonyms are keyed hashes, so the same address is the same pseudonym throughout a report (and across reports that
share the key), and without the key nobody can try addresses against them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pandas as pd

from forensics.model import Case, Diagnosis, Glitch, InputFile, Prompt, RtpStream, Scene, Turn
from forensics.report.pseudonyms import Pseudonyms

WITHHELD = "withheld"

_SDP_NAMES = re.compile(
    r"^(?:o=(?P<user>\S+) (?P<session>\S+)|s=(?P<title>.+)|a=(?:ice-ufrag|ice-pwd|fingerprint:\S+|msid|msid-semantic|"
    r"tls-id|crypto):? ?(?P<value>.+)|a=ssrc:(?P<ssrc>\d+) \w+:?(?P<source>.*)|a=candidate:(?P<candidate>\S+))",
    re.MULTILINE,
)
"""What names somebody or something in a session description (RFC 8866, RFC 8839, RFC 8122, RFC 5576)."""

SHORTEST_NAME = 3
"""What an SDP names with fewer characters ("-", "0") is no name, and replacing it would spoil every text."""

ID_COLUMNS = ("id", "connection", "response_id", "item_id", "codec_id", "local_candidate_id", "remote_candidate_id")
OURS = ("speaker", "parts", "measured", "rule", "mechanism", "stage", "id")
"""Fields that hold words of ours: a stream that calls itself "agent" must not rename them."""

SPOKEN = ("text", "said_over", "said", "understood")
"""Fields that hold what people said."""

SSRC_COLUMNS = ("ssrc", "reported_ssrc", "sender_ssrc")
PLAIN_COLUMNS = ("kind", "state", "phase", "packet_type", "action")
"""Text columns that hold words of ours or of a standard. Every other text of a table is taken out or replaced."""


def redacted(diagnosis: Diagnosis, *, key: bytes | None = None) -> Diagnosis:
    """Return `diagnosis` with addresses, ports, names, ids and paths replaced by pseudonyms.

    Parameters
    ----------
    diagnosis : Diagnosis
    key : bytes, optional
        Secret of the pseudonyms; a random one where none is given.

    Returns
    -------
    Diagnosis
        The same findings. Packets, sound and times are left as they are: what a report shows of them is its own choice.

    Notes
    -----
    Transcripts are withheld, and texts of statistics and event logs left out. What people wrote into free text that is
    shown all the same is only found where it is an address, an id, a path, or a name that the scene itself bears. The
    times of the call stay.
    """
    names = Pseudonyms(key or secrets.token_bytes(32))
    _learn_sdp(diagnosis.scene.case, names)
    scene = _scene(diagnosis.scene, names)
    rest = {f.name: _texts(getattr(diagnosis, f.name), names) for f in fields(diagnosis) if f.name != "scene"}
    return replace(diagnosis, scene=scene, **rest | {"version": diagnosis.version})


def _learn_sdp(case: Case, names: Pseudonyms) -> None:
    """Learn what a session description names, wherever it is repeated."""
    try:
        text = case.sdp.read_text(encoding="utf-8", errors="replace") if case.sdp is not None else ""
    except OSError:
        return
    for found in _SDP_NAMES.finditer(text.replace("\r\n", "\n")):
        for value in filter(None, found.groups()):
            for word in {value.strip(), *value.split()}:
                if len(word) >= SHORTEST_NAME:
                    names.learn("sdp", word)


def _scene(scene: Scene, names: Pseudonyms) -> Scene:
    """Replace what bears a name; the rest of the scene is tables and sound."""
    case = _case(scene.case, names)
    stats = {kind: _table(table, names) for kind, table in scene.stats.items()}
    log: dict[str, Any] = {name: _table(getattr(scene, name), names) for name in ("events", "slack")}
    streams = {id(s): _stream(s, names) for s in (*scene.streams, *scene.sender_streams)}
    for stream in (scene.downlink, scene.uplink):
        if stream is not None:
            streams.setdefault(id(stream), _stream(stream, names))
    return replace(
        scene,
        case=case,
        inputs=tuple(_input(file, names) for file in scene.inputs),
        streams=tuple(streams[id(s)] for s in scene.streams),
        sender_streams=tuple(streams[id(s)] for s in scene.sender_streams),
        downlink=streams[id(scene.downlink)] if scene.downlink is not None else None,
        uplink=streams[id(scene.uplink)] if scene.uplink is not None else None,
        clocks={name: _texts(clock, names) for name, clock in scene.clocks.items()},
        turns=_texts(scene.turns, names),
        stats={kind: table for kind, table in stats.items() if table is not None},
        setup=_table(scene.setup, names),
        **log,
    )


def _table(table: pd.DataFrame | None, names: Pseudonyms) -> pd.DataFrame | None:
    """Return `table` with pseudonyms for ids and SSRCs, sentences of ours with theirs, and no other text."""
    if table is None:
        return None
    columns = {}
    for name, values in table.items():
        if name in SSRC_COLUMNS:
            columns[name] = values.map(lambda ssrc: names.number(int(ssrc)) if ssrc >= 0 else ssrc)
        elif pd.api.types.is_numeric_dtype(values) or name in PLAIN_COLUMNS:
            columns[name] = values
        elif name in ID_COLUMNS:
            columns[name] = values.map(lambda original: _id(str(original), names))
        else:
            columns[name] = values.map(names.text) if name == "statement" else values.map(lambda _: "")
    return pd.DataFrame(columns, index=table.index)


def _id(original: str, names: Pseudonyms) -> str:
    """Return the pseudonym of an id; one that looks like no id ("8-1", "audio") is not looked for in other texts."""
    if len(original) > SHORTEST_NAME and any(character.isdigit() for character in original):
        return names.learn("id", original)
    return f"id-{names.digest(original)[:6]}" if original else original


def _case(case: Case, names: Pseudonyms) -> Case:
    for path in (getattr(case, f.name) for f in fields(case)):
        if isinstance(path, Path):
            names.learn("file", str(path))
            names.learn("file", path.name)
    return Case(name=names.learn("call", case.name))


def _input(file: InputFile, names: Pseudonyms) -> InputFile:
    names.learn("file", str(file.path))
    pseudonym = names.learn("file", file.path.name)
    return replace(_texts(file, names), path=Path(pseudonym), sha256=WITHHELD, role=file.role)


def _stream(stream: RtpStream, names: Pseudonyms) -> RtpStream:
    return replace(
        stream,
        ssrc=names.number(stream.ssrc),
        source=names.endpoint(stream.source),
        destination=names.endpoint(stream.destination),
        cname=names.learn("name", stream.cname),
        notes=_texts(stream.notes, names),
        mid="",
        relayed_peer=names.endpoint(stream.relayed_peer) if stream.relayed_peer else "",
        repaired_ssrc=None if stream.repaired_ssrc is None else names.number(stream.repaired_ssrc),
    )


def _texts(value: Any, names: Pseudonyms) -> Any:
    """Return `value` with every text in it replaced, however deep; what is no text stays."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return names.text(value)
    if isinstance(value, Path):
        return Path(names.text(str(value)))
    if isinstance(value, Mapping):
        return {_texts(k, names): _texts(v, names) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_texts(v, names) for v in value)
    if isinstance(value, Turn | Prompt):
        spoken: dict[str, Any] = {name: WITHHELD for name in SPOKEN if getattr(value, name, "")}
        value = replace(value, **spoken)
    if isinstance(value, Glitch):
        return value if value.ssrc is None else replace(value, ssrc=names.number(value.ssrc))
    if is_dataclass(value) and not isinstance(value, type):
        told = [f.name for f in fields(value) if f.name not in OURS]
        return replace(value, **{name: _texts(getattr(value, name), names) for name in told})
    return value
