"""Every noun of the workbench, in one small file: read it first.

Packets live in tables (pandas), with one dtype per column, fixed below as contracts; whatever has an identity is a
frozen dataclass. Time inside is seconds, float64, since the first packet of the capture; the absolute `origin_ns`
(int64, UTC) stands once, in the `Capture`. Recording time is seconds since the first sample of the recording.

Words, as RFC 3550, RFC 7294 and the W3C's webrtc-stats use them:
*lost* never seen at the tap, *late* seen after its playout, *discarded* thrown away by the buffer,
*concealed* synthesised by the receiver, *outage* concealed because of delay, *interruption* 150 ms concealed or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from forensics.pcm import Pcm16

# ---------------------------------------------------------------------------------------------------------------------
# Column contracts
# ---------------------------------------------------------------------------------------------------------------------

DATAGRAM_COLUMNS: Mapping[str, str] = {
    "frame": "int64",  # as Wireshark numbers them, from 1
    "arrival_s": "float64",
    "flow": "int32",  # row of Capture.flows
    "protocol": "uint8",  # a Protocol value
    "payload_offset": "int64",  # into Capture.octets
    "payload_bytes": "int32",  # captured bytes of the UDP payload (or of one RFC 4571 frame)
    "wire_bytes": "int32",  # its length on the wire; larger than payload_bytes where the snap length cut it
}
"""One row per datagram that reached us whole enough to be told apart."""

FLOW_COLUMNS: Mapping[str, str] = {
    "transport": "str",  # "udp" | "tcp"
    "source_address": "str",
    "source_port": "int32",
    "destination_address": "str",
    "destination_port": "int32",
    "datagrams": "int64",
    "peer": "str",  # behind a TURN server: "address:port" of whom it relays, as far as captured; empty elsewhere
}
"""One row per directed five-tuple; the row number is the `flow` of DATAGRAM_COLUMNS."""

RTP_COLUMNS: Mapping[str, str] = {
    "frame": "int64",
    "arrival_s": "float64",
    "ssrc": "uint32",
    "payload_type": "uint8",
    "marker": "bool",
    "sequence_number": "uint16",
    "timestamp": "uint32",
    "ext_sequence_number": "int64",  # unwrapped; the first packet keeps its own 16 bits
    "ext_timestamp": "int64",  # unwrapped; the first packet keeps its own 32 bits
    "payload_bytes": "int32",  # RTP payload on the wire less padding and less the SRTP tag
    "payload_offset": "int64",  # into RtpStream.octets; -1 where the payload is closed or cut off
    "relative_delay_s": "float64",  # (arrival - media time) less its minimum over the stream, never negative
    "jitter_s": "float64",  # RFC 3550 section 6.4.1 estimator after this packet
    "fate": "uint8",  # a Fate value
    "audio_level_dbov": "float32",  # RFC 6464, 0 loudest .. -127 digital silence; NaN where absent
    "abs_send_time_s": "float64",  # unwrapped 24 bit 6.18 seconds; NaN where absent
    "transport_sequence_number": "int32",  # transport-wide congestion control; -1 where absent
    "abs_capture_time_ns": "int64",  # UTC by the clock of the machine that captured the sound; 0 where absent
    "capture_clock_offset_s": "float64",  # that clock less the sender's NTP clock, as the sender tells; NaN
    "new_audio": "bool",  # audio of its own: no comfort noise, telephone event, retransmission or bare padding
}
"""One row per RTP packet in the order of arrival."""

LOSS_COLUMNS: Mapping[str, str] = {
    "first_ext_sequence_number": "int64",
    "packets": "int64",
    "before": "int64",  # row of RtpStream.packets that precedes the gap in sequence
    "after": "int64",  # row that follows it in sequence
    "media_s": "float64",  # duration by timestamps that is missing between the two
}
"""One row per run of sequence numbers that never arrived at the tap."""

REPORT_COLUMNS: Mapping[str, str] = {
    "frame": "int64",
    "arrival_s": "float64",
    "flow": "int32",
    "packet_type": "str",  # "SR" | "RR" | "SDES" | "BYE" | "XR" | "NACK" | "TWCC" | "OTHER"
    "sender_ssrc": "uint32",
    "ntp_ns": "int64",  # SR: wall clock of the sender, ns since 1970; 0 where absent
    "rtp_timestamp": "int64",  # SR; -1 where absent
    "packet_count": "int64",  # SR; -1
    "octet_count": "int64",  # SR; -1
    "reported_ssrc": "int64",  # report block, NACK or feedback; -1
    "fraction_lost": "float64",  # report block, 0..1; NaN
    "packets_lost": "int64",  # report block, cumulative, may be negative (RFC 3550); 0 without a block
    "highest_sequence_number": "int64",  # report block, extended; -1
    "report_jitter_ticks": "int64",  # report block; -1
    "last_sr": "int64",  # report block, middle 32 bits of NTP; -1
    "delay_since_last_sr_s": "float64",  # report block; NaN
}
"""One row per sender report, report block or feedback message."""

NACK_COLUMNS: Mapping[str, str] = {
    "frame": "int64",
    "arrival_s": "float64",
    "flow": "int32",
    "sender_ssrc": "uint32",  # who misses it
    "reported_ssrc": "uint32",  # the stream that it is missing from
    "sequence_number": "uint16",
}
"""One row per packet that a generic NACK (RFC 4585 section 6.2.1) asks for again."""

TRANSPORT_FEEDBACK_COLUMNS: Mapping[str, str] = {
    "frame": "int64",
    "arrival_s": "float64",  # of the feedback, at the tap
    "flow": "int32",
    "sender_ssrc": "uint32",
    "feedback_packet_count": "uint8",
    "transport_sequence_number": "int32",
    "received": "bool",
    "received_s": "float64",  # on the clock of the receiver, which starts anywhere; NaN where not received
}
"""One row per packet that transport-wide feedback tells about."""

EXTENDED_REPORT_COLUMNS: Mapping[str, str] = {
    "frame": "int64",
    "arrival_s": "float64",
    "flow": "int32",
    "sender_ssrc": "uint32",
    "block": "str",  # "loss_rle", "receiver_reference_time", "dlrr", "statistics_summary", "voip_metrics", …
    "reported_ssrc": "int64",  # -1 where the block is about none
    "name": "str",  # of RFC 3611, with the unit
    "value": "float64",
}
"""One row per figure of an extended report (RFC 3611)."""

PLAYOUT_COLUMNS: Mapping[str, str] = {
    "row": "int64",  # row of RtpStream.packets
    "media_s": "float64",  # media time of the packet's first sample, from the stream's first timestamp
    "duration_s": "float64",
    "heard_s": "float64",  # recording time of its first sample; NaN where it was not found in the recording
    "score": "float64",  # normalised correlation with the recording there, -1..1
    "level_dbfs": "float64",  # RMS of the decoded packet
}
"""Where each decoded packet was heard: one row per packet that carries audio, in media order."""


JOURNEY_COLUMNS: Mapping[str, str] = {
    "row": "int64",  # row of RtpStream.packets
    "frame": "int64",
    "ext_sequence_number": "int64",
    "media_s": "float64",
    "duration_s": "float64",
    "departure_s": "float64",  # when the sender's tap saw it, on the capture clock; NaN where there is no such tap
    "arrival_s": "float64",
    "lateness_s": "float64",  # (arrival - media time) less its minimum over the stream
    "heard_s": "float64",  # recording time of its first sample, interpolated between located neighbours
    "located": "bool",  # found in the recording itself
    "discarded": "bool",  # overtaken, and its turn had passed when it came: never played
    "level_dbfs": "float64",  # from the decoded payload, else from RFC 6464; NaN where neither is there
    "tail_dbfs": "float64",  # level of its last 5 ms; NaN where the payload is closed
    "speech": "bool",
    "marker": "bool",
}
"""Sent, arrived, heard: one row per packet that carries new audio, in media order. What the detectors read."""


EVENT_COLUMNS: Mapping[str, str] = {
    "line": "int64",  # of the log, from 1
    "received_at_s": "float64",  # the log's own clock: seconds since 1970 where it has wall time; NaN where it has none
    "capture_s": "float64",  # on the axis; NaN until the log is placed
    "kind": "str",  # an EventKind value
    "response_id": "str",  # which answer of the model; empty where the event belongs to none
    "item_id": "str",
    "audio_s": "float64",  # audio_produced, truncated: seconds of audio; NaN
    "media_s": "float64",  # speech_started, speech_stopped: place in the user's audio as the server counts it; NaN
    "duration_s": "float64",  # metric: how long something took; NaN
    "text": "str",  # a transcript, the name of a metric, a status
    "name": "str",  # the event's own name in its own format
}
"""One row per event of a model's or framework's log, whatever its format, in the order of time."""

SLACK_COLUMNS: Mapping[str, str] = {
    "response_id": "str",
    "line": "int64",  # of the log: the event that brought the audio
    "capture_s": "float64",  # when it came; on the log's own clock where the log is not placed
    "produced_s": "float64",  # audio of the answer produced up to and with this event
    "elapsed_s": "float64",  # since the answer's first audio
    "slack_s": "float64",  # produced before this event less elapsed: below zero the model had fallen behind real time
}
"""One row per event that brought audio: how far ahead of real time the model was when it came."""

SETUP_COLUMNS: Mapping[str, str] = {
    "phase": "str",  # "signalling" | "ice" | "dtls" | "first_rtp" | "first_sound"
    "start_s": "float64",  # on the capture clock
    "end_s": "float64",
    "frame": "int64",  # where it ends; -1 where no frame shows it
    "statement": "str",
}
"""One row per phase of the call's set-up."""


_READING = {
    "time_s": "float64",  # of the reading, seconds since 1970 by the browser's clock
    "connection": "str",  # the peer connection, as the dump calls it; empty where there is only one
    "id": "str",
}
_RTP_READING = {**_READING, "ssrc": "int64", "kind": "str", "codec_id": "str"}

STATISTICS_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "inbound-rtp": {
        **_RTP_READING,
        **dict.fromkeys(
            ("packets_received", "packets_lost", "packets_discarded", "fec_packets_received", "bytes_received",
             "jitter", "total_samples_received", "concealed_samples", "silent_concealed_samples",
             "concealment_events", "inserted_samples_for_deceleration", "removed_samples_for_acceleration",
             "jitter_buffer_delay", "jitter_buffer_target_delay", "jitter_buffer_minimum_delay",
             "jitter_buffer_emitted_count"),
            "float64",
        ),
    },
    "outbound-rtp": {**_RTP_READING, "packets_sent": "float64", "bytes_sent": "float64"},
    "remote-inbound-rtp": {**_RTP_READING, "packets_lost": "float64", "jitter": "float64",
                           "round_trip_time": "float64", "fraction_lost": "float64"},
    "remote-outbound-rtp": {**_RTP_READING, "packets_sent": "float64", "bytes_sent": "float64",
                            "reports_sent": "float64", "remote_timestamp": "float64", "round_trip_time": "float64"},
    "media-playout": {
        **_READING,
        "kind": "str",
        **dict.fromkeys(
            ("synthesized_samples_duration", "synthesized_samples_events", "total_samples_duration",
             "total_playout_delay", "total_samples_count"),
            "float64",
        ),
    },
    "candidate-pair": {**_READING, "state": "str", "nominated": "bool", "local_candidate_id": "str",
                       "remote_candidate_id": "str", "current_round_trip_time": "float64",
                       "total_round_trip_time": "float64", "responses_received": "float64",
                       "bytes_sent": "float64", "bytes_received": "float64"},
    "codec": {**_READING, "payload_type": "float64", "mime_type": "str", "clock_rate": "float64",
              "channels": "float64", "sdp_fmtp_line": "str"},
}  # fmt: skip
"""One table per type of the W3C's webrtc-stats, one row per reading, members under their W3C names in snake_case and
in the W3C's units. These columns always; NaN, "", False or (an SSRC) -1 where the browser gave none. What else it gave
stands behind them."""


class EventKind(StrEnum):
    """What an event of a log says, in the words of no vendor."""

    SPEECH_STARTED = "speech_started"  # the user, as the server's detector has it
    SPEECH_STOPPED = "speech_stopped"
    RESPONSE_STARTED = "response_started"
    AUDIO_PRODUCED = "audio_produced"
    RESPONSE_DONE = "response_done"
    PLAYBACK_STARTED = "playback_started"  # the server's output buffer
    PLAYBACK_STOPPED = "playback_stopped"
    PLAYBACK_CLEARED = "playback_cleared"
    TRUNCATED = "truncated"  # the client told how much was heard
    USER_TRANSCRIPT = "user_transcript"
    AGENT_TRANSCRIPT = "agent_transcript"
    METRIC = "metric"
    OTHER = "other"


class Protocol(StrEnum):
    """What RFC 7983 says a datagram is. `PROTOCOLS` fixes the code of each in DATAGRAM_COLUMNS."""

    OTHER = "other"
    STUN = "stun"
    DTLS = "dtls"
    TURN = "turn"
    RTP = "rtp"
    RTCP = "rtcp"


PROTOCOLS: tuple[Protocol, ...] = tuple(Protocol)


class Fate(StrEnum):
    """What became of a packet that the tap saw. `FATES` fixes the code of each in RTP_COLUMNS."""

    IN_ORDER = "in_order"
    REORDERED = "reordered"
    DUPLICATE = "duplicate"
    LATE = "late"
    DISCARDED = "discarded"


FATES: tuple[Fate, ...] = tuple(Fate)


def empty_table(contract: Mapping[str, str]) -> pd.DataFrame:
    """Return a table without rows that keeps `contract` (column name → dtype)."""
    import pandas as pd  # half a second and 40 MB, which stream statistics do without

    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in contract.items()})


# ---------------------------------------------------------------------------------------------------------------------
# Inputs
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """The files of one call. Whatever is `None` was not given, and every stage goes on without it.

    `capture` is the receiver's side, `sender_capture` the side of the voice AI; `recording` is what the listener heard,
    `microphone` what the user said, as the listener's machine recorded it on the clock of the recording.
    """

    name: str
    folder: Path | None = None
    capture: Path | None = None
    sender_capture: Path | None = None
    recording: Path | None = None
    microphone: Path | None = None
    keys: Path | None = None
    sdp: Path | None = None
    stats: Path | None = None
    events: Path | None = None
    truth: Path | None = None
    decode_as: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file as it was read: what it was used for, its SHA-256, how much was in it and what was skipped by reason."""

    role: str
    path: Path
    sha256: str
    counts: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """A capture as columns. `octets` holds every kept payload end to end; `skipped` counts what was not understood."""

    path: Path
    origin_ns: int
    datagrams: pd.DataFrame  # DATAGRAM_COLUMNS
    flows: pd.DataFrame  # FLOW_COLUMNS
    octets: np.ndarray  # (n,) uint8
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    secrets: tuple[bytes, ...] = field(default=(), repr=False)  # pcapng decryption-secrets blocks

    def payload(self, row: int) -> bytes:
        """Return the captured bytes of datagram `row`."""
        start = int(self.datagrams["payload_offset"].iat[row])
        return self.octets[start : start + int(self.datagrams["payload_bytes"].iat[row])].tobytes()


@dataclass(frozen=True, slots=True)
class Codec:
    """What a payload type means, and how that is known: "static", "sdp", "given" or "inferred"."""

    name: str  # lower case: "opus", "pcmu", "pcma", "g722", …
    clock_rate_hz: int
    channels: int = 1
    known: str = "inferred"


@dataclass(frozen=True, slots=True, eq=False)
class RtpStream:
    """One SSRC from one endpoint to another."""

    ssrc: int
    source: str  # "127.0.0.1:5004"
    destination: str
    flow: int
    codec: Codec
    packets: pd.DataFrame  # RTP_COLUMNS, in the order of arrival
    losses: pd.DataFrame  # LOSS_COLUMNS
    reports: pd.DataFrame  # REPORT_COLUMNS: sender reports of this SSRC and report blocks about it
    octets: np.ndarray  # (n,) uint8, readable payloads end to end
    encrypted: bool = False
    readable: bool = True  # the payloads are plain, or the keys opened them
    cname: str = ""
    notes: tuple[str, ...] = ()
    mid: str = ""  # the media section of the SDP that it belongs to (RFC 8843), from a header extension
    relayed_peer: str = ""  # behind a TURN server: whom it relays, as in FLOW_COLUMNS
    repaired_ssrc: int | None = None  # a retransmission stream (RFC 4588): whose packets it sends again

    def payload(self, row: int) -> bytes:
        """Return the readable RTP payload of packet `row`, empty where it is closed or cut off."""
        start = int(self.packets["payload_offset"].iat[row])
        if start < 0:
            return b""
        return self.octets[start : start + int(self.packets["payload_bytes"].iat[row])].tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class AudioTrack:
    """Samples on a clock of their own. `known` lists the (start_s, end_s) that were really recorded or decoded."""

    name: str
    samples: np.ndarray | Pcm16  # (n,) float32, -1..1, mono; held as 16 bits where no more are in them
    sample_rate_hz: int
    known: tuple[tuple[float, float], ...] = ()
    path: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length of the track in seconds."""
        return len(self.samples) / self.sample_rate_hz


# ---------------------------------------------------------------------------------------------------------------------
# Clocks and playout
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClockMap:
    """How one clock reads on the axis of the capture: `capture_s = local_s * (1 + drift_ppm * 1e-6) + offset_s`.

    `error_s` bounds the offset with 95 % confidence; `method` names the evidence that the map was made from. A clock
    that jumped keeps its jumps in `steps`: (local_s, change_s) in the order of time, and from each `local_s` on the
    offset is larger by its `change_s`.
    """

    local: str  # "recording", "sender", "stats", "events", "microphone"
    offset_s: float
    error_s: float
    method: str
    drift_ppm: float = 0.0
    valid_s: tuple[float, float] = (-np.inf, np.inf)
    notes: tuple[str, ...] = ()
    steps: tuple[tuple[float, float], ...] = ()

    def to_capture_s(self, local_s: Any) -> Any:
        """Map seconds of the local clock to seconds of the capture."""
        line_s = local_s * (1 + self.drift_ppm * 1e-6) + self.offset_s
        if not self.steps:
            return line_s
        at_s, change_s = np.array(self.steps).T
        return line_s + np.append(0.0, np.cumsum(change_s))[np.searchsorted(at_s, local_s, side="right")]

    def from_capture_s(self, capture_s: Any) -> Any:
        """Map seconds of the capture to seconds of the local clock; what it jumped over is all at the jump."""
        local_s = (capture_s - self.offset_s) / (1 + self.drift_ppm * 1e-6)
        if not self.steps:
            return local_s
        at_s, change_s = np.array(self.steps).T
        piece = np.searchsorted(self.to_capture_s(at_s), capture_s, side="right")
        moved_s = np.append(0.0, np.cumsum(change_s))[piece] / (1 + self.drift_ppm * 1e-6)
        return np.minimum(local_s - moved_s, np.append(at_s, np.inf)[piece])


@dataclass(frozen=True, slots=True, eq=False)
class Playout:
    """What a jitter buffer did with one stream: seen in the recording ("heard") or predicted by a replay ("replayed").

    `counters` bear the W3C names: concealed_samples, concealment_events, inserted_samples_for_deceleration, …
    `concealed` has one row per run of concealment: start_s, end_s, late (bool: ended by a late packet, not a lost one).
    """

    ssrc: int
    method: str  # "heard" | "neteq" | "fixed"
    packets: pd.DataFrame  # PLAYOUT_COLUMNS
    concealed: pd.DataFrame
    counters: Mapping[str, float] = field(default_factory=dict)
    curve: pd.DataFrame | None = None  # replay: tick_s, target_delay_s, buffer_s, action


# ---------------------------------------------------------------------------------------------------------------------
# Findings
# ---------------------------------------------------------------------------------------------------------------------


class Cause(StrEnum):
    """Whose fault a glitch is."""

    NETWORK_DROP = "network_drop"
    BUFFER_UNDERRUN = "buffer_underrun"
    LATE_MODEL_OUTPUT = "late_model_output"
    SENDER_POLICY = "sender_policy"
    UNDETERMINED = "undetermined"
    RECORDING_ARTEFACT = "recording_artefact"
    CAPTURE_LOSS = "capture_loss"


BLAMING_CAUSES = (Cause.NETWORK_DROP, Cause.BUFFER_UNDERRUN, Cause.LATE_MODEL_OUTPUT, Cause.SENDER_POLICY)
"""The causes that call for a fix; the others abstain or blame nobody."""

MECHANISMS: Mapping[Cause, tuple[str, ...]] = {
    Cause.NETWORK_DROP: ("isolated_loss", "burst_loss", "queue_overflow"),
    Cause.BUFFER_UNDERRUN: ("delay_spike", "jitter", "reordering", "playout_stall"),
    Cause.LATE_MODEL_OUTPUT: ("stall", "slow_generation", "silence_fill", "late_first_audio"),
    Cause.SENDER_POLICY: ("artificial_delay", "deliberate_drop", "unpaced_burst"),
    Cause.UNDETERMINED: (),
    Cause.RECORDING_ARTEFACT: (),
    Cause.CAPTURE_LOSS: (),
}
"""The mechanisms that stand below each cause."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who spoke when, in recording time. `latency_s`: end of the user's speech to the first agent sample as heard."""

    speaker: str  # "user" | "agent"
    start_s: float
    end_s: float
    latency_s: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)  # endpointing_s, model_s, …, network_s, buffer_s
    measured: tuple[str, ...] = ()  # the parts that were measured; the others are inferred
    barge_in_s: float | None = None  # agent's turn: the user starts to speak over it → it is silent
    talk_over_s: float = 0.0  # how long both spoke
    text: str = ""  # transcript, where a log has it
    said_over: str = ""  # agent's turn: the words that it spoke over the user, placed in the transcript by time
    told_heard_s: float | None = None  # agent's turn: how much of it the client told the model was heard
    heard_s: float | None = None  # agent's turn that was cut off: how much of it was heard
    pauses: tuple[tuple[float, float], ...] = ()  # between its phrases, (start_s, end_s)
    frame: int = -1  # agent's turn: the packet that was heard first, in the listener's capture
    latency_error_s: float | None = None  # bounds `latency_s` with 95 % confidence


@dataclass(frozen=True, slots=True)
class Prompt:
    """One utterance of the user as it reached the model: what of it was lost or came late on the uplink.

    Times are those of the user's turn. `spans` has one (start_s, end_s, what) per damaged stretch, where what is
    "lost" or "late"; `evidence` says what was seen, with its frames.
    """

    start_s: float
    end_s: float
    lost_s: float = 0.0
    late_s: float = 0.0
    spans: tuple[tuple[float, float, str], ...] = ()
    said: str = ""  # what the user said, where a log or a script tells
    understood: str = ""  # what the model transcribed
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Glitch:
    """What went wrong and where. `kind` says what was seen (loss, stall, hole, silence, splice, skip), never why."""

    kind: str
    start_s: float  # recording time, as heard; predicted playout on the capture clock where there is no recording
    end_s: float
    capture_start_s: float
    capture_end_s: float
    direction: str  # "downlink" (towards the listener) | "uplink"
    ssrc: int | None = None
    audible: bool = True
    frames: tuple[int, ...] = ()
    measurements: Mapping[str, float] = field(default_factory=dict)
    found_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One claim about one glitch: `supports` is True (for `cause`), False (against it) or None (not checkable).

    A `None` says in its statement what was missing. `weight` is the log-likelihood ratio in decibans that the claim
    adds for its cause (negative: against); zero for a claim that only informs.
    """

    rule: str
    cause: Cause
    supports: bool | None
    statement: str
    frames: tuple[int, ...] = ()
    weight: float = 0.0
    mechanism: str = ""
    measurements: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One glitch judged: the cause, how sure, everything for and against, what would have helped and what would not."""

    id: str  # "g01"
    glitch: Glitch
    cause: Cause
    mechanism: str
    confidence: float
    evidence: tuple[Evidence, ...]
    alternatives: tuple[tuple[Cause, float], ...]
    remedy: str
    would_not_help: str


@dataclass(frozen=True, slots=True)
class Step:
    """One processing step as it was run, kept with the result: its parameters, its outcome, what it could not do."""

    stage: str
    action: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything known of one call on one axis: what the detectors, the rules and the views read."""

    case: Case
    inputs: tuple[InputFile, ...]
    capture: Capture | None
    sender_capture: Capture | None
    streams: tuple[RtpStream, ...]
    sender_streams: tuple[RtpStream, ...]
    downlink: RtpStream | None  # towards the listener: the voice of the AI
    uplink: RtpStream | None  # from the listener: the voice of the user
    recording: AudioTrack | None
    microphone: AudioTrack | None
    sent: AudioTrack | None  # the downlink decoded, on media time: sample 0 is the stream's first timestamp
    clocks: Mapping[str, ClockMap]
    heard: Playout | None  # where each packet was heard in the recording
    replay: Playout | None  # what a jitter buffer would have done with these arrivals
    journey: pd.DataFrame | None  # JOURNEY_COLUMNS of the downlink
    stats: Mapping[str, pd.DataFrame]  # W3C statistics by type, with capture_s
    events: pd.DataFrame | None  # EVENT_COLUMNS
    turns: tuple[Turn, ...]
    slack: pd.DataFrame | None = None  # SLACK_COLUMNS
    setup: pd.DataFrame | None = None  # SETUP_COLUMNS
    epoch_ns: int = 0  # UTC of the axis' zero where there is no capture; 0 where nothing tells it

    @property
    def origin_ns(self) -> int:
        """UTC of the axis' zero in ns since 1970; 0 where nothing tells it."""
        return self.capture.origin_ns if self.capture is not None else self.epoch_ns


NEARLY_SURE = 0.995
"""From here on a confidence is written as "> 99 %": no evidence of ours makes a cause certain."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """The result: the scene, a verdict per glitch in the order of time, the conclusion and how it was reached."""

    scene: Scene
    verdicts: tuple[Verdict, ...]
    conclusion: str
    steps: tuple[Step, ...]
    version: str
    prompts: tuple[Prompt, ...] = ()

    @property
    def glitches(self) -> pd.DataFrame:
        """One row per verdict: id, start_s, end_s, cause, mechanism, confidence, audible, kind, remedy and more."""
        import pandas as pd

        columns = ["id", "start_s", "end_s", "cause", "mechanism", "confidence", "audible", "kind", "direction", "ssrc",
                   "capture_start_s", "capture_end_s", "remedy", "would_not_help"]  # fmt: skip
        rows = [
            (
                v.id,
                v.glitch.start_s,
                v.glitch.end_s,
                str(v.cause),
                v.mechanism,
                v.confidence,
                v.glitch.audible,
                v.glitch.kind,
                v.glitch.direction,
                v.glitch.ssrc,
                v.glitch.capture_start_s,
                v.glitch.capture_end_s,
                v.remedy,
                v.would_not_help,
            )
            for v in self.verdicts
        ]
        return pd.DataFrame(rows, columns=columns)

    @property
    def summary(self) -> dict[str, int]:
        """Audible glitches by cause; recorder and tap artefacts, which blame nobody, are not counted."""
        counted = (*BLAMING_CAUSES, Cause.UNDETERMINED)
        return {str(cause): sum(v.cause is cause and v.glitch.audible for v in self.verdicts) for cause in counted}

    def verdict(self, glitch_id: str) -> Verdict:
        """Return the verdict called `glitch_id`; a KeyError names the ids that there are."""
        for v in self.verdicts:
            if v.id == glitch_id:
                return v
        known = ", ".join(v.id for v in self.verdicts) or "none"
        raise KeyError(f"No glitch {glitch_id!r} in this diagnosis; it has: {known}.")

    def explain(self, glitch_id: str) -> str:
        """Return the case for and against a verdict as text, the heaviest evidence first; `print` it."""
        verdict = self.verdict(glitch_id)
        glitch = verdict.glitch
        heard = "audible" if glitch.audible else "not heard"
        sure = f"{verdict.confidence:.0%}" if verdict.confidence < NEARLY_SURE else "> 99%"
        lines = [
            f"{verdict.id}  {verdict.cause} {verdict.mechanism}  {sure}  {glitch.kind}, {heard}",
            f"{glitch.start_s:.3f} to {glitch.end_s:.3f} s, frames {', '.join(map(str, glitch.frames)) or 'none'}",
        ]
        headings = {True: "for", False: "against", None: "not checkable"}
        for answer, heading in headings.items():
            claims = sorted((e for e in verdict.evidence if e.supports is answer), key=lambda e: -abs(e.weight))
            lines += [f"  {heading} {e.cause} [{e.rule}, {e.weight:+.0f} dB]: {e.statement}" for e in claims]
        others = ", ".join(f"{cause} {share:.1%}" for cause, share in verdict.alternatives) or "none"
        lines += [f"alternatives: {others}", f"would help: {verdict.remedy}", f"would not: {verdict.would_not_help}"]
        return "\n".join(lines)
