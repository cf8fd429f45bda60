"""What can go wrong, as types. Every message says what was found, what was expected and what to do next."""

from __future__ import annotations


class ForensicsError(Exception):
    """Root of every error that the package raises on purpose.

    Parameters
    ----------
    message : str
        One or two sentences: found, expected, do next.
    """


class CaptureError(ForensicsError):
    """A capture file cannot be read, or holds nothing that can be analysed."""


class StreamError(ForensicsError):
    """No RTP stream was found, or the one asked for is not there."""


class KeysError(ForensicsError):
    """Key material is malformed, or does not open the capture it was given for."""


class AudioError(ForensicsError):
    """A recording or an RTP payload cannot be decoded."""


class TelemetryError(ForensicsError):
    """A statistics dump or an event log cannot be read, or belongs to another call."""


class ClockError(ForensicsError):
    """Two clocks cannot be brought onto one axis with the evidence at hand."""


class CaseError(ForensicsError):
    """The files of a case are missing, contradict each other or name nothing."""


class ScenarioError(ForensicsError):
    """A scenario of the call lab is invalid."""


class MissingToolError(ForensicsError):
    """A program outside Python (tshark, Chromium, espeak-ng) is needed and not installed."""
