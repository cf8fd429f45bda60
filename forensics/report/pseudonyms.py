"""Pseudonyms: keyed hashes in place of what tells who, where and with what."""

from __future__ import annotations

import hashlib
import hmac
import re
from ipaddress import ip_address

_ADDRESS = re.compile(
    r"(?<![\w.:])\[?(?P<host>\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)\]?(?P<port>:\d{1,5})?(?![\w:])"
)
"""What may be an IPv4 or IPv6 address with or without a port; `ipaddress` decides."""

_UUID = re.compile(r"(?<![\w-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?:\.local)?(?![\w-])")
"""A UUID, as ids of tracks and sessions are, or the name that a browser gives a candidate in place of its address
(mDNS, draft-ietf-mmusic-mdns-ice-candidates)."""

_HARDWARE = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?:(?:[:-][0-9A-Fa-f]{2})*)(?![\w:-])")
"""A hardware address, or the fingerprint of a certificate, which is written alike."""

_PATH = re.compile(r"(?<![\w/])(?:[A-Za-z]:\\|~?/)[^\s\"'<>|:;,]+")
"""An absolute path."""


class Pseudonyms:
    """Gives each original its pseudonym, always the same, and finds originals in text."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, str] = {}

    def digest(self, text: str) -> str:
        """Return the keyed hash of `text` in hexadecimal."""
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
        """Return `text` with every original that is known or looks like an address, an id or a path replaced."""
        text = _UUID.sub(lambda found: self.learn("id", found[0]), text)
        text = _HARDWARE.sub(lambda found: self.learn("id", found[0]), text)
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
