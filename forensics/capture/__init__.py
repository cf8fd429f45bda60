"""Bytes to tables: capture files, link layers down to datagrams, and the secrets that open them.

`read_capture` reads a file; `secrets.find_secrets` finds the keys of its calls; `dissect.dissect` shows single frames.
"""

from forensics.capture.reading import read_capture

__all__ = ["read_capture"]
