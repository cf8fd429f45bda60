"""How a call came up: signalling, ICE, DTLS, the first packet and the first sound, as the capture shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.model import PROTOCOLS, SETUP_COLUMNS, Capture, Protocol, RtpStream, empty_table

REQUEST, SUCCESS, USE_CANDIDATE = 0x0001, 0x0101, 0x0025
"""STUN binding request and its success (RFC 8489 §5), and the attribute that nominates a pair (RFC 8445 §7.1.2)."""

CHANGE_CIPHER, HANDSHAKE, CLIENT_HELLO = 20, 22, 1
"""DTLS record types and the message that opens a handshake (RFC 6347 §4.3.1)."""

QUIET_S = 2.0
"""A handshake is over where DTLS rests for so long: its retransmission timer begins at a second (RFC 6347 §4.2.4.1)."""

METHODS = (b"INVITE ", b"SIP/2.0 200", b"ACK ")


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The datagrams between the two endpoints of the call, or between anybody where those two have none."""

    capture: Capture
    rows: np.ndarray

    def of(self, protocol: Protocol) -> np.ndarray:
        code = self.capture.datagrams["protocol"].to_numpy()[self.rows]
        return self.rows[code == PROTOCOLS.index(protocol)]

    def arrival_s(self, row: int) -> float:
        return float(self.capture.datagrams["arrival_s"].iat[row])

    def frame(self, row: int) -> int:
        return int(self.capture.datagrams["frame"].iat[row])


def find_call_setup(
    capture: Capture, downlink: RtpStream, *, first_sound_s: float | None = None, sound_frame: int = -1
) -> pd.DataFrame:
    """Follow a call from its signalling to its first sound.

    Parameters
    ----------
    capture : Capture
    downlink : RtpStream
        The voice towards the listener.
    first_sound_s : float, optional
        When the listener heard the first sound of it, on the axis.
    sound_frame : int
        The packet that this sound was in.

    Returns
    -------
    DataFrame
        SETUP_COLUMNS, one row per phase that the capture shows, in the order of time. Without rows where it begins
        within the call: then the first packet that it holds is not the first there was.

    Notes
    -----
    Signalling is what SIP over UDP shows, from INVITE to ACK; the offers of WebRTC travel in HTTPS, which nobody can
    read here. ICE runs from the first check to the answer of the check that nominated the pair which the media took;
    a relay's allocation is not part of it.
    """
    first_packet_s = float(downlink.packets["arrival_s"].min())
    early = np.flatnonzero(capture.datagrams["arrival_s"].to_numpy() <= first_packet_s + QUIET_S)
    pair = _Seen(capture, early[np.isin(capture.datagrams["flow"].to_numpy()[early], _between(capture, downlink))])
    everyone = _Seen(capture, early)
    media_s = min([first_packet_s, *(pair.arrival_s(int(row)) for row in pair.of(Protocol.RTP)[:1])])
    seen = (_signalling(everyone), _ice(pair, everyone), _dtls(pair) or _dtls(everyone))
    phases = [phase for phase in seen if phase is not None and _comes_before(media_s, phase)]
    if not phases:
        return empty_table(SETUP_COLUMNS)
    phases.append(_first_packet(downlink, ready_s=max(end_s for _, _, end_s, *_ in phases)))
    if first_sound_s is not None:
        waited = f"The first sound was heard {_ms(first_sound_s - first_packet_s)} after the first packet."
        phases.append(("first_sound", first_packet_s, max(first_sound_s, first_packet_s), sound_frame, waited))
    table = pd.DataFrame(phases, columns=list(SETUP_COLUMNS)).astype(dict(SETUP_COLUMNS))
    return table.sort_values("start_s", ignore_index=True, kind="stable")


Phase = tuple[str, float, float, int, str]


def _comes_before(media_s: float, phase: Phase) -> bool:
    """Whether a phase led to the media. Checks of consent go on during a call (RFC 7675), early media before an ACK."""
    name, start_s, end_s = phase[:3]
    return start_s <= media_s if name == "signalling" else end_s <= media_s


def _between(capture: Capture, stream: RtpStream) -> np.ndarray:
    """Flows between the endpoints of a stream, in both directions."""
    flows = capture.flows
    source = flows["source_address"].astype(str) + ":" + flows["source_port"].astype(str)
    target = flows["destination_address"].astype(str) + ":" + flows["destination_port"].astype(str)
    ends = {stream.source, stream.destination}
    return np.flatnonzero(source.isin(ends).to_numpy() & target.isin(ends).to_numpy())


def _signalling(seen: _Seen) -> Phase | None:
    """From the first INVITE to its ACK, or as far as it went."""
    found = [(row, word) for row in seen.of(Protocol.OTHER) if (word := _method(seen.capture.payload(int(row))))]
    invites = [row for row, word in found if word == METHODS[0]]
    if not invites:
        return None
    start = invites[0]
    later = [row for row, word in found if row > start and word != METHODS[0]]
    acknowledged = [row for row, word in found if row > start and word == METHODS[2]]
    end = acknowledged[0] if acknowledged else later[0] if later else start
    took = _ms(seen.arrival_s(end) - seen.arrival_s(start))
    statement = f"SIP needed {took} from INVITE to {'ACK' if acknowledged else 'its answer'}."
    return "signalling", seen.arrival_s(start), seen.arrival_s(end), seen.frame(end), statement


def _method(message: bytes) -> bytes:
    return next((word for word in METHODS if message.startswith(word)), b"")


def _ice(pair: _Seen, everyone: _Seen) -> Phase | None:
    """From the first check anywhere to the answer of the one that nominated the pair which the media took."""
    checks = [row for row in everyone.of(Protocol.STUN) if _kind(everyone.capture, row) == REQUEST]
    own = pair if any(_kind(pair.capture, row) == SUCCESS for row in pair.of(Protocol.STUN)) else everyone
    asked: dict[bytes, tuple[int, bool]] = {}
    answers: list[tuple[int, bool]] = []
    for row in own.of(Protocol.STUN):
        message = own.capture.payload(int(row))
        kind, transaction = int.from_bytes(message[:2], "big"), message[8:20]
        if kind == REQUEST:
            asked.setdefault(transaction, (int(row), USE_CANDIDATE in _attributes(message)))
        elif kind == SUCCESS and transaction in asked:
            answers.append((int(row), asked[transaction][1]))
    if not checks or not answers:
        return None
    nominated = [row for row, nominating in answers if nominating]
    end = nominated[0] if nominated else answers[0][0]
    took = _ms(own.arrival_s(end) - everyone.arrival_s(checks[0]))
    word = "nominated" if nominated else "answered"
    statement = f"ICE needed {took} from the first of {len(checks)} checks until a pair was {word}."
    return "ice", everyone.arrival_s(checks[0]), own.arrival_s(end), own.frame(end), statement


def _kind(capture: Capture, row: int) -> int:
    return int.from_bytes(capture.payload(int(row))[:2], "big")


def _attributes(message: bytes) -> set[int]:
    """Types of the attributes of a STUN message (RFC 8489 §14)."""
    found, offset = set(), 20
    while offset + 4 <= len(message):
        found.add(int.from_bytes(message[offset : offset + 2], "big"))
        offset += 4 + (int.from_bytes(message[offset + 2 : offset + 4], "big") + 3) // 4 * 4
    return found


def _dtls(seen: _Seen) -> Phase | None:
    """From the first ClientHello to the last datagram of the handshake."""
    rows = [row for row in seen.of(Protocol.DTLS) if _shakes_hands(seen.capture.payload(int(row)))]
    hellos = [row for row in rows if _is_client_hello(seen.capture.payload(int(row)))]
    if not hellos:
        return None
    flight = [row for row in rows if row >= hellos[0]]
    rests = np.flatnonzero(np.diff([seen.arrival_s(row) for row in flight]) > QUIET_S)
    end = flight[int(rests[0])] if len(rests) else flight[-1]
    took = _ms(seen.arrival_s(end) - seen.arrival_s(hellos[0]))
    again = f", with {len(hellos) - 1} more ClientHello" if len(hellos) > 1 else ""
    statement = f"The DTLS handshake needed {took} in {len(flight)} datagrams{again}."
    return "dtls", seen.arrival_s(hellos[0]), seen.arrival_s(end), seen.frame(end), statement


def _shakes_hands(message: bytes) -> bool:
    """Whether a DTLS datagram belongs to a handshake; of DTLS 1.3 (RFC 9147 §4) only its beginning can be told."""
    return message[:1] in (bytes([CHANGE_CIPHER]), bytes([HANDSHAKE])) or (len(message) > 0 and message[0] & 0xE0 == 32)


def _is_client_hello(message: bytes) -> bool:
    return len(message) > 13 and message[0] == HANDSHAKE and message[13] == CLIENT_HELLO


def _first_packet(downlink: RtpStream, *, ready_s: float) -> Phase:
    """From when the path was ready to the first packet of the voice."""
    first = int(downlink.packets["arrival_s"].to_numpy().argmin())
    at_s = float(downlink.packets["arrival_s"].iat[first])
    statement = f"The first packet of the agent's voice came {_ms(max(0.0, at_s - ready_s))} after the path was ready."
    return "first_rtp", min(ready_s, at_s), at_s, int(downlink.packets["frame"].iat[first]), statement


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
