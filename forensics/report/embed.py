"""Data inside a page: safe in a script element, small, and admitted by hash."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from typing import Any

import numpy as np

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def script_json(value: Any) -> str:
    r"""Return `value` as JSON that is safe inside `<script type="application/json">`.

    No text can end the element or open a comment: ``<``, ``>`` and ``&`` are written as ``\u003c`` and so on, and
    everything beyond ASCII is escaped.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def packed(array: np.ndarray) -> dict[str, Any]:
    """Return `array` as a dict of its dtype and its deflated little-endian bytes in base64."""
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    text = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")
    return {"dtype": str(array.dtype), "packed": True, "text": text}


def data_url(octets: bytes, media_type: str) -> str:
    """Return `octets` as a data: URL."""
    return f"data:{media_type};base64,{base64.b64encode(octets).decode('ascii')}"


def csp_hash(source: str) -> str:
    """Return the Content-Security-Policy source that admits exactly the inline `source`."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode('utf-8')).digest()).decode('ascii')}'"


def content_security_policy(*, script: str, style: str) -> str:
    """Return a policy under which only this script and this style run, and nothing is fetched from anywhere."""
    return (
        f"default-src 'none'; script-src {csp_hash(script)}; style-src {csp_hash(style)}; "
        "img-src data:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )
