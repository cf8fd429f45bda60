"""What a payload type means: the static table, what the user or an SDP says, else what the packets' clock tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from forensics.errors import StreamError
from forensics.model import Codec

STATIC = {
    0: ("pcmu", 8000, 1),
    3: ("gsm", 8000, 1),
    4: ("g723", 8000, 1),
    5: ("dvi4", 8000, 1),
    6: ("dvi4", 16000, 1),
    7: ("lpc", 8000, 1),
    8: ("pcma", 8000, 1),
    9: ("g722", 8000, 1),  # its clock is 8000 although it samples at 16000
    10: ("l16", 44100, 2),
    11: ("l16", 44100, 1),
    12: ("qcelp", 8000, 1),
    13: ("cn", 8000, 1),
    14: ("mpa", 90000, 1),
    15: ("g728", 8000, 1),
    16: ("dvi4", 11025, 1),
    17: ("dvi4", 22050, 1),
    18: ("g729", 8000, 1),
    25: ("celb", 90000, 1),
    26: ("jpeg", 90000, 1),
    28: ("nv", 90000, 1),
    31: ("h261", 90000, 1),
    32: ("mpv", 90000, 1),
    33: ("mp2t", 90000, 1),
    34: ("h263", 90000, 1),
}
"""Payload types of RFC 3551 section 6: encoding name in lower case, clock rate, channels."""

FIRST_DYNAMIC = 96
CLOCKS_HZ = (8000, 16000, 24000, 32000, 48000, 90000)
_FRAMES_S = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12)
_ODD_FRAME = 0.5
"""Penalty, in units of ln(ratio), for a clock under which the usual step is no usual frame. Ours."""

SAMPLE_PACKETS = 256
"""Packets from which a clock is inferred: five seconds of voice."""

LONG_RUN = 5
"""So many packets in a row, each at a quarter of the usual distance, were sent or held together: they tell of whoever
let them go, not of their clock. Shorter runs are how loops and radio links deliver, and even out."""

_FASTEST_VIDEO_S = 1 / 75
"""Cameras and shared screens make 60 frames a second at most; a much smaller step is no frame of a 90 kHz clock."""

_NO_NEW_AUDIO = ("cn", "telephone-event", "red", "rtx", "ulpfec", "flexfec")


@dataclass(frozen=True, slots=True)
class Meanings:
    """What is known about payload types before looking at packets.

    Attributes
    ----------
    given : Mapping of int to Codec
        By payload type, from the user.
    described : Mapping of (str, int) to Mapping of int to Codec
        By receiving address and port, then payload type, from session descriptions.
    anywhere : Mapping of int to Codec
        By payload type, from session descriptions, for media that arrives elsewhere.
    ports : frozenset of int
        UDP ports whose datagrams the user calls RTP.
    """

    given: Mapping[int, Codec] = field(default_factory=dict)
    described: Mapping[tuple[str, int], Mapping[int, Codec]] = field(default_factory=dict)
    anywhere: Mapping[int, Codec] = field(default_factory=dict)
    ports: frozenset[int] = frozenset()

    def of(self, payload_type: int, destination: tuple[str, int] = ("", 0)) -> Codec | None:
        """Return what a payload type means on its way to `destination`, or None where only its packets can tell."""
        for known in (self.given, self.described.get(destination, {}), self.anywhere):
            if payload_type in known:
                return known[payload_type]
        if payload_type in STATIC:
            return Codec(*STATIC[payload_type], known="static")
        return None


def read_decode_as(decode_as: Mapping[str, str]) -> Meanings:
    """Understand what the user says about ports and payload types.

    Parameters
    ----------
    decode_as : Mapping of str to str
        `{"udp.port==5004": "rtp"}` takes every RTP-like datagram of that port for RTP, however short the stream;
        `{"rtp.p_type==111": "opus/48000/2"}`, or just `"111"`, names the codec of a payload type.

    Raises
    ------
    StreamError
        A key or a value is not understood.
    """
    given, ports = {}, set()
    for key, value in decode_as.items():
        layer, _, number = key.replace(" ", "").rpartition("==")
        if not number.isdigit() or layer not in ("", "udp.port", "rtp.p_type"):
            raise StreamError(
                f"Decode-as {key!r} is not understood. Write udp.port==5004,rtp or rtp.p_type==111,opus/48000/2."
            )
        if layer == "udp.port":
            ports.add(int(number))
        else:
            given[int(number)] = parse_encoding(value, known="given")
    return Meanings(given=given, ports=frozenset(ports))


def parse_encoding(text: str, *, known: str) -> Codec:
    """Read "opus/48000/2" as SDP writes it after a=rtpmap.

    Raises
    ------
    StreamError
        The clock rate is missing and the name is in no table, or it is no positive number.
    """
    name, *numbers = text.strip().lower().split("/")
    usual = {entry[0]: entry for entry in STATIC.values()} | {"opus": ("opus", 48000, 2)}
    if not numbers and name in usual:
        return Codec(*usual[name], known=known)
    if not numbers or not all(number.isdigit() and int(number) > 0 for number in numbers):
        raise StreamError(f"{text!r} names no codec. Write it as SDP does: opus/48000/2 or pcmu/8000.")
    return Codec(name, int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 1, known=known)


def carries_audio(codec: Codec | None) -> bool:
    """Say whether packets of this codec can carry new audio of their own."""
    return codec is None or codec.name not in _NO_NEW_AUDIO


def infer_codec(arrival_s: np.ndarray, sequence_number: np.ndarray, timestamp: np.ndarray) -> Codec:
    """Infer the clock of a dynamic payload type, and the codec that goes with it.

    Parameters
    ----------
    arrival_s, sequence_number, timestamp : ndarray, shape (n,)
        Packets of one stream and one payload type, in the order of arrival; the first `SAMPLE_PACKETS` count.

    Returns
    -------
    Codec
        "opus" for 48 kHz, "video" for 90 kHz, else "unknown"; `known` is "inferred".

    Notes
    -----
    The time stamps' advance over the time that passed decides between the usual clocks, helped by the frame lengths
    that voice codecs have. Packets that came together, and the pauses beside them, are left out; a sender that never
    paces at all can mislead it still, and an SDP or `decode_as` settles it.
    """
    take = slice(0, SAMPLE_PACKETS)
    step = np.diff(sequence_number[take].astype(np.int64)).astype(np.int16)
    ticks = np.diff(timestamp[take].astype(np.int64)).astype(np.int32).astype(np.float64)
    passed = np.diff(arrival_s[take])
    usual = (step >= 1) & (step <= 10) & (ticks >= 0) & (passed < 1.0)
    paced = usual & ~_together(passed, ticks)
    told = paced if paced.sum() > usual.sum() / 2 else usual
    ratio = ticks[told].sum() / max(passed[told].sum(), 1e-9)
    frames = ticks[usual & (step == 1) & (ticks > 0)]
    frame = float(np.median(frames)) if len(frames) else 0.0
    clock = min(CLOCKS_HZ, key=lambda hz: _misfit(hz, ratio=ratio, frame=frame))
    name = {48000: "opus", 90000: "video"}.get(clock, "unknown")
    return Codec(name, clock, 2 if name == "opus" else 1, known="inferred")


def _together(passed: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """Which steps are part of a long run of frames that came together, or the pause on either side of one."""
    quick = (
        (ticks > 0) & (passed < np.median(passed[ticks > 0]) / 4) if (ticks > 0).any() else np.zeros(len(ticks), bool)
    )
    edges = np.flatnonzero(np.diff(np.r_[False, quick, False].astype(np.int8))).reshape(-1, 2)
    inside = np.zeros(len(ticks), bool)
    for first, last in edges[np.diff(edges, axis=1)[:, 0] > LONG_RUN]:
        inside[max(0, first - 1) : last + 1] = True
    return inside


def _misfit(clock_hz: int, *, ratio: float, frame: float) -> float:
    length_s = frame / clock_hz
    film = clock_hz == 90000 and length_s >= _FASTEST_VIDEO_S
    usual = film or any(abs(length_s - length) < 1e-6 for length in _FRAMES_S)
    return abs(np.log(max(ratio, 1.0) / clock_hz)) + (0.0 if usual else _ODD_FRAME)
