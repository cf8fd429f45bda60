"""Session descriptions (RFC 8866): what payload types and header extensions mean, and where media is received."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forensics.errors import StreamError
from forensics.model import Codec
from forensics.streams.codecs import STATIC, parse_encoding
from forensics.streams.extensions import URIS

_MEDIA = re.compile(r"^m=(\w+) (\d+)(?:/\d+)? \S+ ([\d ]+)")
_CONNECTION = re.compile(r"^c=IN IP[46] ([^\s/]+)")
_RTPMAP = re.compile(r"^a=rtpmap:(\d+) (\S+)")
_EXTMAP = re.compile(r"^a=extmap:(\d+)(?:/\w+)? (urn:ietf:params:rtp-hdrext:encrypt )?(\S+)")


@dataclass(slots=True)
class Description:
    """One media section: where its author wants to receive, and what the numbers in the packets mean there."""

    kind: str
    address: str
    port: int
    codecs: dict[int, Codec] = field(default_factory=dict)
    extensions: dict[str, int] = field(default_factory=dict)
    encrypted_extensions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DescribedExtensions:
    """Header extensions by name → local identifier: those in the clear, and those that RFC 6904 encrypts."""

    plain: Mapping[str, int]
    encrypted: Mapping[str, int]


def read_description(path: Path | None) -> tuple[str, ...]:
    """Return the text of a file with a session description, none where no file is given.

    Raises
    ------
    StreamError
        The file cannot be read, or describes no media.
    """
    if path is None:
        return ()
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise StreamError(f"The session description {path} cannot be read: {error.strerror}. Check the path.") from None
    if not parse_description(text):
        raise StreamError(f"{path} describes no media: no line begins with m=. Give the SDP of the call.")
    return (text,)


def parse_description(text: str) -> list[Description]:
    """Read the media sections of a session description; lines that make no sense are passed over.

    Parameters
    ----------
    text : str
        SDP, with any line ends.
    """
    session_address, sections = "", []
    for line in map(str.strip, text.splitlines()):
        if media := _MEDIA.match(line):
            kind, port, types = media.groups()
            sections.append(Description(kind, session_address, int(port), _static(types)))
        elif connection := _CONNECTION.match(line):
            if sections:
                sections[-1].address = connection[1]
            else:
                session_address = connection[1]
        elif sections:
            _read_attribute(sections[-1], line)
    return sections


def _static(types: str) -> dict[int, Codec]:
    listed = (int(number) for number in types.split())
    return {number: Codec(*STATIC[number], known="sdp") for number in listed if number in STATIC}


def _read_attribute(section: Description, line: str) -> None:
    if mapped := _RTPMAP.match(line):
        try:
            section.codecs[int(mapped[1])] = parse_encoding(mapped[2], known="sdp")
        except StreamError:
            return
    elif extension := _EXTMAP.match(line):
        number, encrypted, uri = extension.groups()
        if encrypted:
            section.encrypted_extensions[URIS.get(uri, uri)] = int(number)
        elif uri in URIS:
            section.extensions[URIS[uri]] = int(number)


def described_codecs(texts: Iterable[str]) -> tuple[dict[tuple[str, int], dict[int, Codec]], dict[int, Codec]]:
    """Collect what session descriptions say about payload types.

    Parameters
    ----------
    texts : iterable of str
        Session descriptions.

    Returns
    -------
    by_endpoint : dict
        (address, port) that receives → payload type → codec.
    anywhere : dict
        Payload type → codec, for media that arrives elsewhere (a translated address); the first description wins.
    """
    by_endpoint: dict[tuple[str, int], dict[int, Codec]] = {}
    anywhere: dict[int, Codec] = {}
    for text in texts:
        for section in parse_description(text):
            by_endpoint.setdefault((section.address, section.port), {}).update(section.codecs)
            for number, codec in section.codecs.items():
                anywhere.setdefault(number, codec)
    return by_endpoint, anywhere


def described_extensions(texts: Iterable[str]) -> DescribedExtensions:
    """Return what session descriptions say of header extensions; what differs between sections is left out."""
    sections = [section for text in texts for section in parse_description(text)]
    return DescribedExtensions(
        _agreed(section.extensions for section in sections),
        _agreed(section.encrypted_extensions for section in sections),
    )


def _agreed(named: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, set[int]] = {}
    for extensions in named:
        for name, identifier in extensions.items():
            found.setdefault(name, set()).add(identifier)
    return {name: next(iter(numbers)) for name, numbers in found.items() if len(numbers) == 1}
