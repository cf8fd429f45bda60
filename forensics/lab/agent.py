"""The voice AI's end of a recorded call: an aiortc peer that sends exactly what a plan says, when it says.

aiortc does the signalling, ICE, DTLS and SRTP. Its own sending loop stays idle (the transceiver has no track): RTP
packets are built here, because sequence numbers, timestamps, markers and times of sending are what a call lab is about.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.errors import MissingToolError
from forensics.lab.payloads import PAYLOAD_TYPES
from forensics.lab.plan import SendPlan
from forensics.lab.planned import PlannedPacket
from forensics.lab.taps import Endpoint

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

AGENT_HOST = "127.0.0.1"

_CANDIDATE = re.compile(r"^a=candidate:.*$\r?\n?", re.MULTILINE)
_ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"


@dataclass(frozen=True, slots=True)
class SentPacket:
    """One RTP packet as it really left: the row of the plan, and when, by the monotonic clock, in seconds."""

    row: int
    due_s: float
    sent_s: float


def candidates_of(sdp: str) -> list[Endpoint]:
    """Return the UDP host candidates of a session description."""
    rows = [line.split() for line in _CANDIDATE.findall(sdp)]
    return [(row[4], int(row[5])) for row in rows if row[2].lower() == "udp" and "host" in row]


def with_candidate(sdp: str, endpoint: Endpoint) -> str:
    """Return the description with `endpoint` as its only candidate: everything has to pass there."""
    line = f"a=candidate:1 1 udp 2130706431 {endpoint[0]} {endpoint[1]} typ host\r\n"
    bare = _CANDIDATE.sub("", sdp)
    return re.sub(r"(^a=ice-ufrag:)", line.replace("\\", r"\\") + r"\1", bare, count=1, flags=re.MULTILINE)


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let ICE gather loopback alone, which aioice would leave out."""
    import aioice.ice

    original = aioice.ice.get_host_addresses
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [AGENT_HOST]
    try:
        yield
    finally:
        aioice.ice.get_host_addresses = original


class VoiceAgent:
    """The sender's peer.

    Parameters
    ----------
    plan : SendPlan
        What to send.
    payloads : list of bytes
        One RTP payload per planned packet.
    codec : str
        "opus", "pcmu", "pcma" or "g722".
    abs_send_time : bool
        Carry the sender's clock in a header extension of every packet, as video senders do.
    """

    def __init__(
        self, plan: SendPlan, payloads: list[bytes], *, codec: str = "opus", abs_send_time: bool = False
    ) -> None:
        try:
            from aiortc import RTCConfiguration, RTCPeerConnection
        except ImportError as reason:
            raise MissingToolError(
                "Recording needs aiortc and playwright: pip install 'voice-forensics[lab]'."
            ) from reason
        alone = RTCConfiguration(iceServers=[])  # aiortc would ask a public STUN server for this host's address
        self._connection: RTCPeerConnection = RTCPeerConnection(alone)
        self._plan, self._payloads = plan, payloads
        self._payload_type = PAYLOAD_TYPES[codec]
        self._abs_send_time = abs_send_time
        self.key_log: list[bytes] = []
        self.sent: list[SentPacket] = []

    async def answer(self, offer: str) -> str:
        """Take the listener's offer and return the answer."""
        from aiortc import RTCSessionDescription

        with _on_loopback(), self._offering_abs_send_time():
            await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            self._connection.getTransceivers()[0].direction = "sendrecv"
            self._log_keys()
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        return str(self._connection.localDescription.sdp)

    @contextmanager
    def _offering_abs_send_time(self) -> Iterator[None]:
        from aiortc.codecs import HEADER_EXTENSIONS
        from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters

        extra = [RTCRtpHeaderExtensionParameters(id=3, uri=_ABS_SEND_TIME)] if self._abs_send_time else []
        HEADER_EXTENSIONS["audio"].extend(extra)
        try:
            yield
        finally:
            del HEADER_EXTENSIONS["audio"][len(HEADER_EXTENSIONS["audio"]) - len(extra) :]

    def _log_keys(self) -> None:
        """Have OpenSSL report the secrets of the DTLS handshake, in the format of NSS key logs."""
        certificate = self._sender.transport._RTCDtlsTransport__local_certificate
        create = certificate._create_ssl_context

        def with_key_log(*args: Any, **keywords: Any) -> Any:
            context = create(*args, **keywords)
            context.set_keylog_callback(lambda _, line: self.key_log.append(line))
            return context

        certificate._create_ssl_context = with_key_log

    @property
    def ssrc(self) -> int:
        """The synchronisation source of what is sent."""
        return int(self._sender._ssrc)

    @property
    def _sender(self) -> Any:
        return self._connection.getTransceivers()[0].sender

    async def connected(self) -> None:
        """Wait until media may flow."""
        while self._connection.connectionState != "connected":
            await asyncio.sleep(0.01)

    async def speak(self, zero_s: float) -> None:
        """Send the plan; `zero_s` of the monotonic clock is when its first packet is due."""
        queue = sorted((p for p in self._plan.packets if p.sent), key=lambda packet: (packet.due_s, packet.row))
        for packet in queue:
            wait_s = zero_s + packet.due_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await self._send(packet, zero_s)
            self.sent.append(SentPacket(packet.row, zero_s + packet.due_s, time.monotonic()))

    async def _send(self, planned: PlannedPacket, zero_s: float) -> None:
        from aiortc import clock
        from aiortc.rtp import RtpPacket

        sender = self._sender
        packet = RtpPacket(
            payload_type=self._payload_type,
            marker=int(planned.marker),
            sequence_number=planned.ext_sequence_number % 2**16,
            timestamp=planned.ext_timestamp % 2**32,
            ssrc=self.ssrc,
            payload=self._payloads[planned.row],
        )
        packet.extensions.mid = sender._RTCRtpSender__mid
        packet.extensions.audio_level = (False, audio_level(self._plan.audio[planned.row]))
        if self._abs_send_time:
            packet.extensions.abs_send_time = (clock.current_ntp_time() >> 14) & 0x00FFFFFF
        await sender.transport._send_rtp(packet.serialize(sender._RTCRtpSender__rtp_header_extensions_map))
        # What aiortc makes its sender reports from. RFC 3550, section 6.4.1, wants the instant of the media: a packet
        # that was held back counts from when it was made, as aiortc and libwebrtc count from when a frame was captured.
        made_ago_s = max(0.0, time.monotonic() - (zero_s + planned.tick_s))
        sender._RTCRtpSender__ntp_timestamp = clock.current_ntp_time() - round(made_ago_s * 2**32)
        sender._RTCRtpSender__rtp_timestamp = packet.timestamp
        sender._RTCRtpSender__octet_count += len(packet.payload)
        sender._RTCRtpSender__packet_count += 1

    async def hang_up(self) -> None:
        """Close the connection and everything that it started."""
        await self._connection.close()


def audio_level(samples: np.ndarray) -> int:
    """Return the level of RFC 6464: dB below overload, 0 loudest to 127 silence."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return 127 if rms <= 0 else int(min(127, max(0, round(-20 * np.log10(rms)))))
