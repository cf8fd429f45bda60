"""Files of key material: NSS key logs, SDES lines and raw SRTP master keys. Nothing here is ever printed."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from forensics.errors import KeysError

_NSS_LINE = re.compile(r"^([A-Z][A-Z0-9_]+)\s+([0-9a-fA-F]{64})\s+([0-9a-fA-F]+)$")
_SDES_LINE = re.compile(r"(?:a=)?crypto:\d+\s+(\S+)\s+(inline:\S+)")
_SDES_KEY = re.compile(r"inline:([A-Za-z0-9+/=]+)(?:\|(?:2\^)?\d+(?![\d:]))?(?:\|(\d+):(\d+))?")
_RAW_LINE = re.compile(r"^(?:(AES\w+|AEAD\w+)\s+)?([0-9a-fA-F]{56,92})$")
_LONGEST_FILE = 16 << 20
_LONGEST_MKI = 128
"""Octets of a master key identifier, RFC 4568 section 6.1."""

MASTER_OCTETS = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
"""Octets of master key and salt together by the suite's name in RFC 4568 and RFC 7714."""


@dataclass(frozen=True, slots=True)
class KeyLog:
    """Key material by what it belongs to. The contents stay out of `repr`.

    `sessions` maps the random of a DTLS client to secrets by label; `masters` lists (suite, key and salt, master key
    identifier, which is empty for a key that has none).
    """

    sessions: dict[bytes, dict[str, bytes]] = field(default_factory=dict, repr=False)
    masters: tuple[tuple[str, bytes, bytes], ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.sessions) + len(self.masters)

    def joined(self, other: KeyLog) -> KeyLog:
        """Return the material of both."""
        return KeyLog({**self.sessions, **other.sessions}, self.masters + other.masters)


def read_key_log(path: Path) -> KeyLog:
    """Read a file of keys.

    Parameters
    ----------
    path : Path
        Lines of an NSS key log (`CLIENT_RANDOM`, `EXPORTER_SECRET` …), `a=crypto:` lines of SDES (RFC 4568), or master
        key and salt in hexadecimal, with or without the suite's name before it; in any mixture.

    Returns
    -------
    KeyLog

    Raises
    ------
    KeysError
        The file cannot be read, or no line of it holds a key.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(_LONGEST_FILE)
    except OSError as error:
        raise KeysError(f"The key file {path} cannot be read: {error.strerror}. Check the path.") from None
    keys = parse_key_log(octets)
    if not len(keys):
        raise KeysError(
            f"{path} holds no key: {len(octets.splitlines())} lines, none of them of an NSS key log "
            "(CLIENT_RANDOM …), of SDES (a=crypto:…) or hexadecimal. Give the file that SSLKEYLOGFILE named."
        )
    return keys


def parse_key_log(octets: bytes) -> KeyLog:
    """Read key material from the contents of a file; lines that are none are passed over."""
    return _of_lines(octets.decode("ascii", "replace").splitlines())


def _of_lines(lines: Iterable[str]) -> KeyLog:
    sessions: dict[bytes, dict[str, bytes]] = {}
    masters: list[tuple[str, bytes, bytes]] = []
    for line in map(str.strip, lines):
        if nss := _NSS_LINE.match(line):
            label, random, secret = nss.groups()
            if len(secret) % 2 == 0:
                sessions.setdefault(bytes.fromhex(random), {})[label] = bytes.fromhex(secret)
        elif sdes := _SDES_LINE.search(line):
            masters.extend(_sdes_masters(*sdes.groups()))
        elif raw := _RAW_LINE.match(line):
            masters.extend(_raw_masters(*raw.groups()))
    return KeyLog(sessions, tuple(dict.fromkeys(masters)))


def _sdes_masters(suite: str, parameters: str) -> list[tuple[str, bytes, bytes]]:
    """Read the keys of one line: several where their identifiers tell them apart (RFC 4568 section 6.1)."""
    masters = []
    for inline, identifier, octets in _SDES_KEY.findall(parameters):
        try:
            master = base64.b64decode(inline + "=" * (-len(inline) % 4), validate=True)
            mki = int(identifier).to_bytes(int(octets), "big") if int(octets or 0) <= _LONGEST_MKI and octets else b""
        except (binascii.Error, ValueError, OverflowError):
            continue
        if len(master) == MASTER_OCTETS.get(suite):
            masters.append((suite, master, mki))
    return masters


def _raw_masters(suite: str | None, digits: str) -> list[tuple[str, bytes, bytes]]:
    """A master key without a suite stands for every suite of its length: the packets tell which."""
    if len(digits) % 2:
        return []
    master = bytes.fromhex(digits)
    suites = [suite] if suite else list(MASTER_OCTETS)
    return [(name, master, b"") for name in suites if MASTER_OCTETS.get(name) == len(master)]
