"""Pieces of work for processes of their own, which find them by the name of this file."""

import os
import signal

from forensics.errors import CaptureError


def measure(path):
    """Return the size of a file; fail, break or die where its text says so."""
    text = path.read_text()
    if text == "unreadable":
        raise CaptureError("It is no capture.")
    if text == "defect":
        raise ZeroDivisionError("division by zero")
    if text == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return len(text)
