"""SRTP and SRTCP opened in bulk (RFC 3711, RFC 7714).

AES in counter mode needs one key stream per packet; the counter blocks of all packets are laid end to end and
encrypted in a single call. Tags are checked packet by packet, which also finds the rollover counter of a capture that
joined late.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass(frozen=True, slots=True)
class Profile:
    """An SRTP protection profile of RFC 5764 or RFC 7714: lengths in octets."""

    name: str
    key: int
    salt: int
    tag: int
    rtcp_tag: int

    @property
    def aead(self) -> bool:
        """Whether one pass of AES-GCM both encrypts and authenticates."""
        return self.salt == 12


PROFILES = {
    0x0001: Profile("AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10),
    0x0002: Profile("AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10),
    0x0007: Profile("AEAD_AES_128_GCM", 16, 12, 16, 16),
    0x0008: Profile("AEAD_AES_256_GCM", 32, 12, 16, 16),
}
"""By the number in the use_srtp extension."""

_AUTHENTICATION_KEY_OCTETS = 20
_LABELS = {"rtp": (0, 1, 2), "rtcp": (3, 4, 5)}  # encryption key, authentication key, salt: RFC 3711 section 4.3.2


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """What encrypts and authenticates one direction, for RTP or for RTCP."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One direction's master key and salt, its profile, and the flow on which its handshake went (-1: not known).

    `mki` is the master key identifier that its packets carry (RFC 3711 section 3.1), empty where they carry none.
    """

    profile: Profile
    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    flow: int = -1
    mki: bytes = b""

    def derive(self, kind: str) -> SessionKeys:
        """Derive the session keys for "rtp" or "rtcp" (RFC 3711 section 4.3, key derivation rate 0)."""
        encryption, authentication, salt = _LABELS[kind]
        return SessionKeys(
            self._stream(encryption, self.profile.key),
            self._stream(authentication, _AUTHENTICATION_KEY_OCTETS),
            self._stream(salt, self.profile.salt),
        )

    def _stream(self, label: int, octets: int) -> bytes:
        start = bytearray(self.salt.ljust(14, b"\0") + b"\0\0")
        start[7] ^= label
        cipher = Cipher(algorithms.AES(self.key), modes.CTR(bytes(start))).encryptor()
        return cipher.update(bytes(octets))


def rtp_initial_values(salt: bytes, ssrc: int, index: np.ndarray) -> np.ndarray:
    """Return the first counter block of each packet, shape (n, 16): RFC 3711 section 4.1.1.

    Parameters
    ----------
    salt : bytes
        14 octets.
    ssrc : int
        Synchronisation source.
    index : ndarray of int64, shape (n,)
        Packet index, 48 bits: rollover counter and sequence number.
    """
    blocks = np.zeros((len(index), 16), np.uint8)
    blocks[:, 6:14] = index.astype(">u8").view(np.uint8).reshape(-1, 8)
    blocks[:, 4:8] ^= np.frombuffer(ssrc.to_bytes(4, "big"), np.uint8)
    blocks[:, :14] ^= np.frombuffer(salt, np.uint8)
    return blocks


def counter_mode(
    keys: SessionKeys, first_blocks: np.ndarray, payloads: Sequence[memoryview | bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Encrypt or decrypt payloads in counter mode, all in one call.

    Parameters
    ----------
    keys : SessionKeys
        The encryption key is used.
    first_blocks : ndarray of uint8, shape (n, 16)
        Counter block of each payload's first 16 octets.
    payloads : sequence of bytes-like, length n
        What is decrypted.

    Returns
    -------
    octets : ndarray of uint8
        The results, each starting on a multiple of 16.
    starts : ndarray of int64, shape (n,)
        Where each result starts.
    """
    sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
    blocks = (sizes + 15) // 16
    ends = np.cumsum(blocks)
    counters = np.repeat(first_blocks, blocks, axis=0)
    counter = np.arange(len(counters)) - np.repeat(ends - blocks, blocks)
    counters[:, 14:] = counter.astype(">u2").view(np.uint8).reshape(-1, 2)
    stream = Cipher(algorithms.AES(keys.encryption), modes.ECB()).encryptor().update(counters.tobytes())
    padding = ((16 - sizes) % 16).tolist()
    zeros = [bytes(n) for n in range(16)]
    laid = b"".join([part for payload, pad in zip(payloads, padding, strict=True) for part in (payload, zeros[pad])])
    plain = np.frombuffer(laid, np.uint8) ^ np.frombuffer(stream, np.uint8)
    return plain, (ends - blocks) * 16


def rtp_tag_fits(keys: SessionKeys, profile: Profile, packet: bytes, header: int, index: int) -> bool:
    """Say whether a whole SRTP packet was made with these keys and this packet index.

    Parameters
    ----------
    keys : SessionKeys
    profile : Profile
    packet : bytes
        The datagram, tag included.
    header : int
        Octets of the RTP header with CSRCs and extensions.
    index : int
        Packet index, 48 bits.
    """
    if len(packet) < header + profile.tag or index < 0:
        return False
    if profile.aead:
        return gcm_rtp(keys, AESGCM(keys.encryption), packet, header, index) is not None
    body, tag = packet[: -profile.tag], packet[-profile.tag :]
    told = hmac.digest(keys.authentication, body + (index >> 16 & 0xFFFF_FFFF).to_bytes(4, "big"), "sha1")
    return told[: profile.tag] == tag


def without_identifier(master: MasterKey, packet: bytes, *, tag: int) -> bytes:
    """Return a packet less its master key identifier; nothing where it carries that of another key.

    Parameters
    ----------
    master : MasterKey
    packet : bytes
        The datagram.
    tag : int
        Octets of the authentication tag, which stands behind the identifier; with AEAD it is part of what stands before
        (RFC 7714 sections 8.1 and 9.1).
    """
    if not master.mki:
        return packet
    end = len(packet) - (0 if master.profile.aead else tag)
    start = end - len(master.mki)
    return packet[:start] + packet[end:] if start >= 0 and packet[start:end] == master.mki else b""


def gcm_rtp(keys: SessionKeys, cipher: AESGCM, packet: bytes, header: int, index: int) -> bytes | None:
    """Open one packet of an AEAD profile (RFC 7714 section 8); None where it does not authenticate."""
    if len(packet) < header:
        return None
    nonce = _xor(b"\0\0" + packet[8:12] + (index & (1 << 48) - 1).to_bytes(6, "big"), keys.salt)
    try:
        return cipher.decrypt(nonce, packet[header:], packet[:header])
    except InvalidTag:
        return None


def open_rtcp(master: MasterKey, packet: bytes) -> bytes | None:
    """Open one SRTCP packet (RFC 3711 section 3.4, RFC 7714 section 9).

    Parameters
    ----------
    master : MasterKey
    packet : bytes
        The whole datagram.

    Returns
    -------
    bytes or None
        The plain compound packet; None where it does not authenticate with this key.
    """
    keys, profile = _rtcp_keys(master), master.profile
    packet = without_identifier(master, packet, tag=profile.rtcp_tag)
    if len(packet) < 8 + 4 + profile.rtcp_tag:
        return None
    return _open_gcm_rtcp(keys, packet) if profile.aead else _open_cm_rtcp(keys, profile, packet)


@lru_cache(maxsize=1024)
def _rtcp_keys(master: MasterKey) -> SessionKeys:
    return master.derive("rtcp")


def _open_cm_rtcp(keys: SessionKeys, profile: Profile, packet: bytes) -> bytes | None:
    signed, tag = packet[: -profile.rtcp_tag], packet[-profile.rtcp_tag :]
    if hmac.digest(keys.authentication, signed, "sha1")[: profile.rtcp_tag] != tag:
        return None
    word = int.from_bytes(signed[-4:], "big")
    header, body = signed[:8], signed[8:-4]
    if not word >> 31:
        return header + body
    first = rtp_initial_values(keys.salt, int.from_bytes(packet[4:8], "big"), np.array([word & 0x7FFF_FFFF]))
    octets, _ = counter_mode(keys, first, [body])
    return header + octets[: len(body)].tobytes()


def _open_gcm_rtcp(keys: SessionKeys, packet: bytes) -> bytes | None:
    header, body, trailer = packet[:8], packet[8:-4], packet[-4:]
    index = int.from_bytes(trailer, "big")
    nonce = _xor(b"\0\0" + packet[4:8] + b"\0\0" + (index & 0x7FFF_FFFF).to_bytes(4, "big"), keys.salt)
    cipher = AESGCM(keys.encryption)
    try:
        if index >> 31:
            return header + cipher.decrypt(nonce, body, header + trailer)
        cipher.decrypt(nonce, body[-16:], header + body[:-16] + trailer)
    except InvalidTag:
        return None
    return header + body[:-16]


def _xor(first: bytes, second: bytes) -> bytes:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).to_bytes(len(first), "big")
