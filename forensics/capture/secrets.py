"""From a handshake and a key log to the SRTP master keys of both directions (RFC 5764, RFC 5705, RFC 8446)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from forensics.capture.dtls import Handshake, find_handshakes
from forensics.capture.keylog import KeyLog, parse_key_log, read_key_log
from forensics.capture.signalling import find_descriptions
from forensics.capture.srtp import PROFILES, MasterKey, Profile
from forensics.errors import KeysError
from forensics.model import Capture

EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2
DTLS_PREFIX = b"dtls13"
_SHA384_SUITES = frozenset({0x009D, 0x009F, 0xC02C, 0xC030, 0xC024, 0xC028, 0x1302})
"""Cipher suites whose pseudo-random function is built on SHA-384 (RFC 5288, RFC 5289, RFC 8446)."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The master keys that were found for a capture, the handshakes they come from, and what is missing."""

    masters: tuple[MasterKey, ...] = field(default=(), repr=False)
    handshakes: tuple[Handshake, ...] = ()
    notes: tuple[str, ...] = ()


def find_secrets(capture: Capture, *, keys: Path | None = None) -> Secrets:
    """Find the SRTP master keys for a capture.

    Parameters
    ----------
    capture : Capture
        Its DTLS handshakes and decryption-secrets blocks are used.
    keys : Path, optional
        NSS key log, SDES lines or raw master keys.

    Returns
    -------
    Secrets
        Without keys: only the handshakes, for what their headers tell.

    Raises
    ------
    KeysError
        Keys were given, and not one of them belongs to the handshakes of this capture. A handshake that is missing or
        cut off is no error but a note.

    Notes
    -----
    Whether a master key really opens a stream is decided by the packets' authentication tags (`streams`), because
    ICE may move the media to another path than that of its handshake.
    """
    handshakes = find_handshakes(capture)
    log = read_key_log(keys) if keys is not None else KeyLog()
    for text in (*capture.secrets, *(text.encode() for text in find_descriptions(capture))):
        log = log.joined(parse_key_log(text))
    if not len(log):
        return Secrets((), handshakes)
    masters = [_sdes(*master) for master in log.masters]
    notes: list[str] = []
    for handshake in handshakes:
        material = log.sessions.get(handshake.client_random)
        if material is None:
            notes.append("a DTLS handshake of the capture has no line in the key log: its streams stay closed")
            continue
        masters.extend(_of_handshake(handshake, material, notes))
    if keys is not None and not handshakes and not masters:
        notes.append(
            "the capture holds no DTLS handshake, so the key log cannot be matched: the ClientHello is missing or "
            "cut off. Capture whole packets from before the call, or give the SRTP master keys"
        )
    matched = any(h.client_random in log.sessions for h in handshakes)
    if keys is not None and handshakes and not masters and not matched:
        raise KeysError(
            f"{keys.name} does not open {capture.path.name}: none of its {len(log.sessions)} client randoms is that of "
            f"the {len(handshakes)} DTLS handshake(s) in the capture. It belongs to another call: give the key log "
            "that was written during this one, or none to see what the headers tell."
        )
    return Secrets(tuple(masters), handshakes, tuple(dict.fromkeys(notes)))


def _sdes(suite: str, octets: bytes, mki: bytes) -> MasterKey:
    profile = next(profile for profile in PROFILES.values() if profile.name == suite)
    return MasterKey(profile, octets[: profile.key], octets[profile.key :], mki=mki)


def _of_handshake(handshake: Handshake, material: dict[str, bytes], notes: list[str]) -> list[MasterKey]:
    """Return the keys of both directions for the profile agreed on; where it is not to be seen, for each offered."""
    numbers = (handshake.profile,) if handshake.profile else handshake.offered
    profiles = [PROFILES[number] for number in numbers if number in PROFILES]
    if not profiles:
        shown = ", ".join(f"0x{number:04X}" for number in numbers) or "none"
        notes.append(f"the handshake agreed on no SRTP profile that is known (offered: {shown})")
    if not handshake.server_random and "CLIENT_RANDOM" in material:
        notes.append("the ServerHello is missing or cut off, and the keys cannot be derived without its random")
        return []
    masters = []
    for profile in profiles:
        wanted = 2 * (profile.key + profile.salt)
        exported = _export(handshake, material, wanted)
        if exported is None:
            notes.append("the key log has neither CLIENT_RANDOM nor EXPORTER_SECRET for the handshake")
            return []
        masters.extend(_split(exported, profile, handshake))
    return masters


def _export(handshake: Handshake, material: dict[str, bytes], octets: int) -> bytes | None:
    """Run the exporter of the handshake's version for the SRTP label."""
    hash_name = "sha384" if handshake.suite in _SHA384_SUITES else "sha256"
    exporter = material.get("EXPORTER_SECRET")
    if exporter is not None:
        return export_1_3(exporter, EXPORTER_LABEL, octets)
    master = material.get("CLIENT_RANDOM")
    if master is None:
        return None
    return _pseudo_random(
        master, EXPORTER_LABEL + handshake.client_random + handshake.server_random, octets, hash_name=hash_name
    )


def _split(exported: bytes, profile: Profile, handshake: Handshake) -> list[MasterKey]:
    """Client key, server key, client salt, server salt: RFC 5764 section 4.2."""
    key, salt = profile.key, profile.salt
    client_salt, server_salt = exported[2 * key : 2 * key + salt], exported[2 * key + salt :]
    return [
        MasterKey(profile, exported[:key], client_salt, handshake.client_flow, handshake.mki),
        MasterKey(profile, exported[key : 2 * key], server_salt, handshake.server_flow, handshake.mki),
    ]


def _pseudo_random(secret: bytes, seed: bytes, octets: int, *, hash_name: str) -> bytes:
    """P_hash of TLS 1.2 (RFC 5246 section 5)."""
    out, link = b"", seed
    while len(out) < octets:
        link = hmac.digest(secret, link, hash_name)
        out += hmac.digest(secret, link + seed, hash_name)
    return out[:octets]


def export_1_3(secret: bytes, label: bytes, octets: int, *, prefix: bytes = DTLS_PREFIX) -> bytes:
    """Run the exporter of TLS 1.3 (RFC 8446 section 7.5) without a context.

    Parameters
    ----------
    secret : bytes
        The exporter master secret; its length tells the hash.
    label : bytes
        What is exported.
    octets : int
        How much of it.
    prefix : bytes
        "dtls13" as RFC 9147 section 5.9 has it, "tls13 " for TLS.
    """
    hash_name = "sha384" if len(secret) == 48 else "sha256"
    empty = hashlib.new(hash_name).digest()
    derived = _expand_label(secret, label, empty, len(empty), prefix=prefix, hash_name=hash_name)
    return _expand_label(derived, b"exporter", empty, octets, prefix=prefix, hash_name=hash_name)


def _expand_label(secret: bytes, label: bytes, context: bytes, octets: int, *, prefix: bytes, hash_name: str) -> bytes:
    full = prefix + label
    info = octets.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    out, block, counter = b"", b"", 1
    while len(out) < octets:
        block = hmac.digest(secret, block + info + bytes([counter]), hash_name)
        out, counter = out + block, counter + 1
    return out[:octets]
