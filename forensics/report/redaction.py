"""A diagnosis without what tells who spoke, from where, with which files: every name becomes a pseudonym.

Pseudonyms are keyed hashes, so the same address is the same pseudonym throughout a report (and across reports that
share the key), and without the key nobody can try addresses against them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from forensics.model import Case, Diagnosis, Glitch, InputFile, RtpStream, Scene

WITHHELD = "withheld"

_ADDRESS = re.compile(
    r"(?<![\w.:])\[?(?P<host>\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)\]?(?P<port>:\d{1,5})?(?![\w:])"
)
"""What may be an IPv4 or IPv6 address with or without a port; `ipaddress` decides."""

_PATH = re.compile(r"(?<![\w/])(?:[A-Za-z]:\\|~?/)[^\s\"'<>|:;,]+")
"""An absolute path."""


class _Pseudonyms:
    """Gives each original its pseudonym, always the same, and finds originals in text."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, str] = {}

    def digest(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def learn(self, kind: str, original: str) -> str:
        """Return the pseudonym of `original` and replace it in every text from now on."""
        if not original:
            return original
        return self._known.setdefault(original, f"{kind}-{self.digest(original)[:6]}")

    def number(self, original: int) -> int:
        """Return the pseudonym of a 32 bit number and learn how it is written."""
        pseudonym = int(self.digest(str(original))[:8], 16)
        for form in ("d", "#010x", "#010X", "08x", "08X", "#x"):
            self._known[format(original, form)] = format(pseudonym, form)
        self._known[f"0x{original:08X}"] = f"0x{pseudonym:08X}"
        return pseudonym

    def text(self, text: str) -> str:
        """Return `text` with every original that is known or looks like an address or a path replaced."""
        text = _ADDRESS.sub(self._found_address, text)
        if self._known:
            longest_first = sorted(self._known, key=len, reverse=True)
            known = re.compile("|".join(rf"(?<!\w){re.escape(o)}(?!\w)" for o in longest_first))
            text = known.sub(lambda found: self._known[found[0]], text)
        return _PATH.sub(lambda found: f"path-{self.digest(found[0])[:6]}", text)

    def endpoint(self, endpoint: str) -> str:
        """Return the pseudonym of "host:port"."""
        host, _, port = endpoint.rpartition(":")
        return f"{self.learn('host', host.strip('[]'))}:port-{self.digest(port)[:4]}"

    def _found_address(self, found: re.Match[str]) -> str:
        """Return the pseudonym of an address; what only looks like one (a time of day) stays."""
        host, port = found["host"], found["port"] or ""
        try:
            ip_address(host)
        except ValueError:
            return found[0]
        return self.endpoint(host + port) if port else self.learn("host", host)


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
        The same findings. Tables, sound and times are left as they are: what a report shows of them is its own choice.

    Notes
    -----
    What people wrote into free text (a name in a model event) is only found where it is an address, a path, or a name
    that the scene itself bears. The times of the call stay.
    """
    names = _Pseudonyms(key or secrets.token_bytes(32))
    scene = _scene(diagnosis.scene, names)
    rest = {f.name: _texts(getattr(diagnosis, f.name), names) for f in fields(diagnosis) if f.name != "scene"}
    return replace(diagnosis, scene=scene, **rest | {"version": diagnosis.version})


def _scene(scene: Scene, names: _Pseudonyms) -> Scene:
    """Replace what bears a name; the rest of the scene is tables and sound."""
    case = _case(scene.case, names)
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
        events=None,
    )


def _case(case: Case, names: _Pseudonyms) -> Case:
    for path in (getattr(case, f.name) for f in fields(case)):
        if isinstance(path, Path):
            names.learn("file", str(path))
            names.learn("file", path.name)
    return Case(name=names.learn("call", case.name))


def _input(file: InputFile, names: _Pseudonyms) -> InputFile:
    names.learn("file", str(file.path))
    pseudonym = names.learn("file", file.path.name)
    return replace(_texts(file, names), path=Path(pseudonym), sha256=WITHHELD, role=file.role)


def _stream(stream: RtpStream, names: _Pseudonyms) -> RtpStream:
    return replace(
        stream,
        ssrc=names.number(stream.ssrc),
        source=names.endpoint(stream.source),
        destination=names.endpoint(stream.destination),
        cname=names.learn("name", stream.cname),
        notes=_texts(stream.notes, names),
    )


def _texts(value: Any, names: _Pseudonyms) -> Any:
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
    if isinstance(value, Glitch):
        return value if value.ssrc is None else replace(value, ssrc=names.number(value.ssrc))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _texts(getattr(value, f.name), names) for f in fields(value)})
    return value
