"""Endpoints as people write them."""

from __future__ import annotations


def endpoint(address: str, port: int) -> str:
    """Return "192.0.2.1:5004", or "[2001:db8::1]:5004" for IPv6 (RFC 3986)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
